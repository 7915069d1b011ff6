//! Objects made through the API: kept in the state, each with its encrypted secrets, and read beside
//! the project's files.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use syncline_config::{MadeObjects, ObjectKind, ObjectName, Origin, Project};
use syncline_core::{Error, ErrorKind, Result};
use syncline_store::{Catalog, Object};

use crate::secrets::Sealed;

/// What the API makes.
pub const KINDS: [ObjectKind; 3] = [ObjectKind::Connection, ObjectKind::Instance, ObjectKind::Notification];

/// An object as the state keeps it. The document and its secrets are one record, so that neither is
/// ever used with another version of the other: a new secret must not reach the system of an old
/// document [S5].
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Body {
    pub document: Json,
    /// Encrypted [S4], by the path that the document's placeholders name.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
}

impl Body {
    pub fn of(object: &Object) -> Result<Self> {
        serde_json::from_value(object.body.clone()).map_err(|e| {
            let message = format!("the stored {} {} cannot be read: {e}", object.kind, object.id);
            Error::new(ErrorKind::Corrupt, message)
        })
    }

    pub fn into_object(self, name: &ObjectName, now: Timestamp) -> Result<Object> {
        let body = serde_json::to_value(self).map_err(|e| Error::internal(e.to_string()))?;
        Ok(Object {
            kind: name.kind.as_str().into(),
            id: name.name.clone(),
            revision: 0,
            created_at: now,
            updated_at: now,
            body,
        })
    }
}

/// Which version of an object this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    pub number: u64,
    /// Tells an object from an earlier one of the same name.
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// All objects that the state keeps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Made {
    pub documents: MadeObjects,
    pub revisions: BTreeMap<ObjectName, Revision>,
}

/// Reads all objects that the API made, and their encrypted secrets.
pub async fn read(store: &dyn Catalog) -> Result<(Made, Sealed)> {
    let (mut made, mut sealed) = (Made::default(), Sealed::default());
    for kind in KINDS {
        for object in store.objects(kind.as_str()).await? {
            let name = ObjectName::new(kind, object.id.clone());
            let Body { document, secrets } = Body::of(&object)?;
            made.documents.set(&name, Some(document));
            let owner = name.secrets_owner();
            sealed.extend(secrets.into_iter().map(|(path, text)| ((owner.clone(), path), text)));
            let Object { revision, created_at, updated_at, .. } = object;
            made.revisions.insert(name, Revision { number: revision, created_at, updated_at });
        }
    }
    Ok((made, sealed))
}

/// Where an object of the project is defined; `None` when it is not part of the project.
pub fn origin(project: &Project, object: &ObjectName) -> Option<Origin> {
    let name = object.name.as_str();
    let place = match object.kind {
        ObjectKind::Connection => project.connections.get(name).map(|found| &found.place),
        ObjectKind::Instance => project.instances.get(name).map(|found| &found.place),
        ObjectKind::Notification => {
            project.notifications.iter().find(|found| found.name == name).map(|found| &found.place)
        }
    };
    place.map(|place| place.origin())
}

/// Fails with `read_only` when a file of the project defines an object of this name.
pub fn refuse_file(project: &Project, object: &ObjectName) -> Result<()> {
    match origin(project, object) {
        Some(Origin::File(place)) => {
            let kind = object.kind.as_str();
            let message = format!("the {kind} '{}' is defined in {place} and read-only here", object.name);
            Err(Error::new(ErrorKind::ReadOnly, message).help("change it there; the server notices"))
        }
        Some(Origin::Api) | None => Ok(()),
    }
}

/// The error for an object that is not there.
pub fn unknown(object: &ObjectName) -> Error {
    let shown: String = object.name.chars().take(100).collect();
    let kind = object.kind.as_str();
    Error::new(ErrorKind::NotFound, format!("there is no {kind} '{shown}'"))
        .help(format!("list them with GET /api/v1/{kind}s"))
}
