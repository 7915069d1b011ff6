//! Where the state is kept, as a person writes it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use syncline_core::{Error, ErrorKind, Result};

use crate::{Catalog, PostgresStore, ServerAddress, SqliteStore};

/// A folder with an embedded store, or a server that several processes share.
///
/// Shown without credentials.
#[derive(Clone, Debug)]
pub enum StateLocation {
    Folder(PathBuf),
    Server(Box<ServerAddress>),
}

impl StateLocation {
    /// Reads `postgres://…` as a server and anything else without `://` as a folder.
    pub fn parse(text: &str) -> Result<Self> {
        if ServerAddress::is_meant_by(text) {
            return Ok(Self::Server(Box::new(ServerAddress::parse(text)?)));
        }
        match text.split_once("://") {
            None => Ok(Self::Folder(text.into())),
            // What follows the scheme may hold a password.
            Some((scheme, _)) => Err(Error::new(
                ErrorKind::InvalidConfig,
                format!("the state cannot be kept at an address that starts with {}://", plain(scheme)),
            )
            .help("name a folder, or a PostgreSQL database as postgres://user:password@host:5432/database")),
        }
    }

    /// Opens the store for reading and writing, creating it where there is none.
    pub async fn open(&self) -> Result<Arc<dyn Catalog>> {
        Ok(match self {
            Self::Folder(folder) => Arc::new(SqliteStore::open(folder)?),
            Self::Server(address) => Arc::new(PostgresStore::open(address).await?),
        })
    }

    /// Opens the store to look at it, also while others write. `not_found` where there is none yet.
    pub async fn open_read_only(&self) -> Result<Arc<dyn Catalog>> {
        Ok(match self {
            Self::Folder(folder) => Arc::new(SqliteStore::open_read_only(folder)?),
            Self::Server(address) => Arc::new(PostgresStore::open_read_only(address).await?),
        })
    }
}

impl fmt::Display for StateLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Server(address) => write!(f, "{address}"),
        }
    }
}

/// A scheme as it may be repeated.
fn plain(scheme: &str) -> &str {
    let is_word = scheme.len() <= 20 && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+');
    if is_word { scheme } else { "…" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_what_has_no_scheme() {
        for text in [".syncline", "/var/lib/syncline", "C:\\state", "a:b/c"] {
            assert!(matches!(StateLocation::parse(text).unwrap(), StateLocation::Folder(f) if f == *text));
        }
    }

    #[test]
    fn a_server_is_shown_without_its_password() {
        let location = StateLocation::parse("postgres://me:s3cret@db/shop?schema=other").unwrap();
        assert_eq!(location.to_string(), "db:5432/shop, schema other");
        assert!(!format!("{location:?}").contains("s3cret"));
    }

    #[test]
    fn another_scheme_is_refused_without_what_follows_it() {
        for text in ["mysql://me:s3cret@db/shop", "s3cret@://x", "postgres ://me:s3cret@db"] {
            let e = StateLocation::parse(text).unwrap_err();
            assert_eq!(e.kind, ErrorKind::InvalidConfig);
            assert!(!format!("{e:?}").contains("s3cret"), "{e:?}");
        }
    }

    #[tokio::test]
    async fn a_folder_is_opened_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let location = StateLocation::Folder(folder.path().into());
        assert_eq!(location.open_read_only().await.map(drop).unwrap_err().kind, ErrorKind::NotFound);
        let id = location.open().await.unwrap().incarnation().await.unwrap().id;
        assert_eq!(location.open_read_only().await.unwrap().incarnation().await.unwrap().id, id);
    }
}
