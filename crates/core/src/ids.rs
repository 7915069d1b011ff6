//! Identifiers. All are short strings; none carries meaning beyond its prefix.

use std::fmt;
use std::sync::{Mutex, PoisonError};

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

/// A new UUID (version 7) that sorts after those of earlier milliseconds than `at`'s, and after those that
/// this process made before for the same one: a clock may stand still while runs are made. Times before
/// 1970 count as 1970.
///
/// The millisecond is followed by a counter, as RFC 9562, section 6.2 allows, and 40 random bits. The counter
/// begins at random in the lower half of 12 bits, so that the beginning of an id, which is what people see
/// and type, tells ids of one millisecond apart; what passes 12 bits is counted in the 22 bits after them.
pub fn uuid_at(at: jiff::Timestamp) -> uuid::Uuid {
    static LAST: Mutex<(u64, u32)> = Mutex::new((0, 0));
    let random = *uuid::Uuid::new_v4().as_bytes();
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    let counter = {
        let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
        *last = match millis > last.0 {
            true => (millis, u32::from(u16::from_be_bytes([random[0], random[1]]) & 0x7ff)),
            false => (last.0, last.1.wrapping_add(1)),
        };
        last.1
    };
    let first = counter.min(0xfff);
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&first.to_be_bytes()[2..]);
    bytes[2..5].copy_from_slice(&(counter - first).to_be_bytes()[1..]);
    bytes[5..].copy_from_slice(&random[11..]);
    // The builder puts version and variant over the highest bits of both parts of the counter.
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
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
    }

    #[test]
    fn ids_of_one_moment_sort_as_they_were_made() {
        let ids: Vec<_> = (0..40_000).map(|_| uuid_at(jiff::Timestamp::UNIX_EPOCH)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }

    #[test]
    fn the_beginnings_of_ids_that_people_see_differ_within_a_millisecond() {
        let later = "2999-01-01T00:00:00Z".parse().unwrap();
        let ids: Vec<_> = (0..1_000).map(|_| uuid_at(later).simple().to_string()).collect();
        let beginnings: std::collections::BTreeSet<_> = ids.iter().map(|id| &id[..16]).collect();
        assert_eq!(beginnings.len(), ids.len());
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
