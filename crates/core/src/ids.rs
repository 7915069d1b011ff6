//! Identifiers. All are short strings; none carries meaning beyond its prefix.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

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

/// A new UUID (version 7) that sorts after every one that this process made before, and after those of
/// others that are of earlier milliseconds than `at`'s. Times before 1970 count as 1970.
///
/// The millisecond is followed by a counter of 12 bits, as RFC 9562, section 6.2 allows, and 62 random bits.
/// The counter begins at random in its lower half, so that the beginning of an id, which is what people see
/// and type, tells ids of one millisecond apart. One that is full, and a clock that stands still or is put
/// back, go on in the milliseconds after the last one's.
pub fn uuid_at(at: jiff::Timestamp) -> uuid::Uuid {
    const COUNTER_BITS: u32 = 12;
    static LAST: AtomicU64 = AtomicU64::new(0);
    let random = *uuid::Uuid::new_v4().as_bytes();
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    let first = millis << COUNTER_BITS | u64::from(u16::from_be_bytes([random[0], random[1]]) & 0x7ff);
    let after = |last| first.max(last + 1);
    let (Ok(last) | Err(last)) = LAST.fetch_update(Relaxed, Relaxed, |last| Some(after(last)));
    let place = after(last);
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&(place as u16).to_be_bytes());
    bytes[2..].copy_from_slice(&random[8..]);
    // The builder puts the version over the four bits before the counter.
    uuid::Builder::from_unix_timestamp_millis(place >> COUNTER_BITS, &bytes).into_uuid()
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
