//! What the fuzzers in `fuzz/` call: each function takes any bytes, and a panic in it is a defect [G17].

use serde::Serialize;
use serde::de::DeserializeOwned;
use syncline_core::{Run, Sync};

use super::blob;
use crate::records::{ChunkRecord, DeadLetter, Generation, PlanRecord, SyncRecord};

/// A stored record of each kind. What can be read can be stored and read again.
pub fn stored_record(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    read::<Sync>(text);
    read::<SyncRecord>(text);
    read::<Run>(text);
    read::<Generation>(text);
    read::<PlanRecord>(text);
    read::<ChunkRecord>(text);
    read::<DeadLetter>(text);
}

fn read<T: Serialize + DeserializeOwned>(text: &str) {
    let Ok(record) = blob::decode::<T>(text, "a record") else { return };
    let stored = blob::encode(&record).expect("what was read can be stored");
    blob::decode::<T>(&stored, "a record").expect("what was stored can be read");
}
