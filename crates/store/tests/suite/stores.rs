//! Opens a new store of each implementation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use syncline_store::{Catalog, PostgresStore, ServerAddress, SqliteStore};
use syncline_tests::postgres::Server;
use tempfile::TempDir;

pub struct Opened {
    pub store: Arc<dyn Catalog>,
    _folder: Option<TempDir>,
}

pub fn sqlite() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
    Opened { store, _folder: Some(folder) }
}

pub async fn postgres() -> Opened {
    let store = Arc::new(PostgresStore::open(&new_schema()).await.unwrap());
    Opened { store, _folder: None }
}

/// The address of a schema that does not exist yet, at the server of this test binary.
pub fn new_schema() -> ServerAddress {
    static SCHEMAS: AtomicU32 = AtomicU32::new(0);
    let schema = format!("store_{}", SCHEMAS.fetch_add(1, Ordering::Relaxed));
    ServerAddress::parse(&format!("{}?schema={schema}", Server::shared().url("postgres"))).unwrap()
}
