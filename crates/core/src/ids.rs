//! Identifiers. All are short strings; none carries meaning beyond its prefix.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// The one workspace of an embedded store. Every table and path names its workspace.
pub const DEFAULT_WORKSPACE: &str = "default";

/// The name of a sync as people write it: `instance.entity`, for example `crm.contact`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SyncId {
    text: String,
    dot: usize,
}

impl SyncId {
    pub fn new(instance: &str, entity: &str) -> Self {
        Self { text: format!("{instance}.{entity}"), dot: instance.len() }
    }

    /// Parses `instance.entity`. Neither part may be empty or contain a dot.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text.split_once('.') {
            Some((instance, entity)) if is_name(instance) && is_name(entity) => {
                Ok(Self::new(instance, entity))
            }
            _ => Err(Error::new(
                ErrorKind::BadUsage,
                format!("'{text}' is not a sync id; write instance.entity, for example crm.contact"),
            )),
        }
    }

    pub fn instance(&self) -> &str {
        &self.text[..self.dot]
    }

    pub fn entity(&self) -> &str {
        &self.text[self.dot + 1..]
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Whether `text` may name an instance, an entity or a connection: letters, digits, `_` and `-`.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

impl fmt::Display for SyncId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for SyncId {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<SyncId> for String {
    fn from(id: SyncId) -> String {
        id.text
    }
}

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Makes an id of this kind from a random or time-ordered UUID.
            pub fn from_uuid(id: uuid::Uuid) -> Self {
                Self(format!(concat!($prefix, "{}"), id.simple()))
            }
            /// Wraps an id that was stored or typed; it is looked up, never trusted.
            pub fn from_stored(text: impl Into<String>) -> Self {
                Self(text.into())
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// A new UUID that sorts after those of earlier milliseconds than `at`'s. Times before 1970 count as 1970.
pub fn uuid_at(at: jiff::Timestamp) -> uuid::Uuid {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    let nanos = (millis % 1_000) as u32 * 1_000_000;
    uuid::Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, millis / 1_000, nanos))
}

opaque_id!(
    /// The immutable identity behind a [`SyncId`]: survives renaming.
    SyncUid, "sync_");
opaque_id!(
    /// One execution of a sync.
    RunId, "run_");
opaque_id!(
    /// One dead letter.
    LetterId, "dl_");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_time_that_they_are_given() {
        let times = ["1960-01-01T00:00:00Z", "2026-03-01T10:00:00.001Z", "2026-03-01T10:00:00.002Z"];
        let ids = times.map(|time| RunId::from_uuid(uuid_at(time.parse().unwrap())));
        assert!(ids.is_sorted(), "{ids:?}");
        assert_ne!(uuid_at(jiff::Timestamp::UNIX_EPOCH), uuid_at(jiff::Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn a_sync_id_has_exactly_two_named_parts() {
        let id = SyncId::parse("crm.contact").unwrap();
        assert_eq!((id.instance(), id.entity()), ("crm", "contact"));
        for bad in ["crm", "crm.", ".contact", "a.b.c", "a b.c", ""] {
            assert!(SyncId::parse(bad).is_err(), "{bad}");
        }
    }
}
