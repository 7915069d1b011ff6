//! Records for tests: generators, segments of them, and keys whose hashes collide.

use std::collections::BTreeMap;

use proptest::prelude::*;
use syncline_core::{Entry, EntryState, Hash128, Key, Origin, RemovalAction};
use syncline_snapshot::{Record, Segment, SegmentWriter};

/// A key of 32 bytes whose xxh3-64 does not depend on `n`.
///
/// For inputs of 17 to 32 bytes xxh3 multiplies the first eight bytes, xored with the start of
/// its default secret, by the eight bytes that follow. Bytes equal to the secret make that
/// product zero.
pub fn colliding_key(n: u64) -> Key {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&[0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe]);
    bytes[8..16].copy_from_slice(&n.to_be_bytes());
    Key::new(&bytes)
}

/// One of few keys, so that generated records meet; a third of them share one hash.
pub fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        2 => (0u8..40).prop_map(|n| Key::new(&[2, n])),
        1 => (0u64..12).prop_map(colliding_key),
        1 => Just(Key::new(b"")),
    ]
}

pub fn any_state() -> impl Strategy<Value = EntryState> {
    prop_oneof![
        4 => Just(EntryState::Delivered),
        1 => (any::<u32>(), any::<u64>(), any::<i64>()).prop_map(|(attempts, retry_epoch, retry_at_micros)| {
            EntryState::Pending { attempts, retry_epoch, retry_at_micros }
        }),
        1 => Just(EntryState::Absent),
        1 => Just(EntryState::Foreign),
        1 => prop_oneof![Just(RemovalAction::Delete), Just(RemovalAction::Clear), Just(RemovalAction::Flag)]
            .prop_map(|action| EntryState::Removed { action }),
        1 => Just(EntryState::Edited),
    ]
}

/// The fingerprint of a source row: like a real one, it covers the key.
pub fn fingerprint(key: &Key, version: u8) -> Hash128 {
    let mut bytes = key.as_bytes().to_vec();
    bytes.push(version);
    syncline_core::canon::hash(99, &bytes)
}

/// Fingerprints are of one of three versions of the row, so that lookups hit and miss.
pub fn any_entry() -> impl Strategy<Value = Entry> {
    let bytes = || prop::option::of(prop::collection::vec(any::<u8>(), 0..30).prop_map(Box::<[u8]>::from));
    let id = prop::option::of("[a-zé]{0,12}");
    let fp = prop::option::weighted(0.8, 0u8..3);
    (any_key(), any_state(), any::<u8>(), fp, any::<Option<u128>>(), any::<bool>(), bytes(), id, bytes())
        .prop_map(|(key, state, format, fp, delivered, adopted, match_value, target_id, values)| Entry {
            source_fp: fp.map(|version| fingerprint(&key, version)),
            key,
            state,
            format,
            delivered_hash: delivered.map(Hash128),
            origin: if adopted { Origin::Adopted } else { Origin::Created },
            match_value,
            target_id,
            values,
        })
}

pub fn any_record() -> impl Strategy<Value = Record> {
    prop_oneof![4 => any_entry().prop_map(Record::Put), 1 => any_key().prop_map(Record::Erase)]
}

pub fn delivered(key: Key, version: u8) -> Entry {
    Entry {
        source_fp: Some(fingerprint(&key, version)),
        delivered_hash: Some(Hash128(u128::from(version))),
        key,
        state: EntryState::Delivered,
        format: 1,
        origin: Origin::Created,
        match_value: None,
        target_id: None,
        values: None,
    }
}

/// The order of records in a segment.
pub fn position(key: &Key) -> (u64, Key) {
    (key.hash(), key.clone())
}

/// The bytes of a segment of these records, of which the last of a key counts.
pub fn segment_bytes(records: impl IntoIterator<Item = Record>) -> Vec<u8> {
    let sorted: BTreeMap<_, _> = records.into_iter().map(|r| (position(r.key()), r)).collect();
    let mut out = Vec::new();
    let mut writer = SegmentWriter::new(&mut out).unwrap();
    for record in sorted.values() {
        writer.push(record).unwrap();
    }
    let summary = writer.finish().unwrap();
    assert_eq!(summary.bytes, out.len() as u64);
    out
}

pub fn segment(records: impl IntoIterator<Item = Record>) -> Segment {
    Segment::open("test", segment_bytes(records)).unwrap()
}
