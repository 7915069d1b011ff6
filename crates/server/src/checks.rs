//! The last check of each connection, kept under its name.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use syncline_api::{ConnectionCheck, EndCheck, LastCheckView};
use syncline_core::{Error, ErrorKind, Result};
use syncline_store::{Catalog, Object};

const KIND: &str = "connection_check";

/// A check as stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LastCheck {
    pub at: Timestamp,
    /// The name of the token.
    pub by: String,
    /// Of which version of the connection, by [`version`].
    pub version: String,
    pub source: Option<EndCheck>,
    pub destination: Option<EndCheck>,
    /// Why no end could be asked.
    pub error: Option<EndCheck>,
}

impl LastCheck {
    /// What both ends answered, or why they could not be asked.
    pub fn answered(self, answer: std::result::Result<&ConnectionCheck, &Error>) -> Self {
        match answer {
            Ok(check) => {
                Self { source: check.source.clone(), destination: check.destination.clone(), ..self }
            }
            Err(error) => Self {
                error: Some(EndCheck {
                    good: false,
                    message: error.message.clone(),
                    code: Some(error.code().into()),
                    help: error.help.clone(),
                }),
                ..self
            },
        }
    }

    pub fn view(&self, version: &str) -> LastCheckView {
        let Self { source, destination, error, .. } = self.clone();
        let good = [&source, &destination, &error].into_iter().flatten().all(|end| end.good);
        LastCheckView {
            at: self.at,
            by: self.by.clone(),
            good,
            outdated: self.version != version,
            source,
            destination,
            error,
        }
    }
}

/// Tells a version of a connection from others, without its secrets: by its document as it may be shown, and
/// by the revision in which the API keeps it.
pub fn version(shown: &Value, revision: Option<u64>) -> String {
    let hash = Sha256::digest(format!("{revision:?} {shown}").as_bytes());
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

pub async fn keep(store: &dyn Catalog, name: &str, check: &LastCheck) -> Result<()> {
    let body = serde_json::to_value(check)
        .map_err(|e| Error::internal("a check of a connection cannot be stored").caused_by(e))?;
    let object = Object {
        kind: KIND.into(),
        id: name.into(),
        revision: 0,
        created_at: check.at,
        updated_at: check.at,
        body,
    };
    store.put_object(&object, None, check.at).await?;
    Ok(())
}

/// Of a connection that is gone: another of its name begins anew.
pub async fn forget(store: &dyn Catalog, name: &str) -> Result<()> {
    store.remove_object(KIND, name).await?;
    Ok(())
}

pub async fn of(store: &dyn Catalog, name: &str) -> Result<Option<LastCheck>> {
    store.object(KIND, name).await?.as_ref().map(read).transpose()
}

/// The last check of each connection that has one, by name.
pub async fn all(store: &dyn Catalog) -> Result<HashMap<String, LastCheck>> {
    store.objects(KIND).await?.iter().map(|object| Ok((object.id.clone(), read(object)?))).collect()
}

fn read(object: &Object) -> Result<LastCheck> {
    serde_json::from_value(object.body.clone()).map_err(|e| {
        let message = format!("the last check of connection {} in the state store cannot be read", object.id);
        Error::new(ErrorKind::Corrupt, message).caused_by(e)
    })
}
