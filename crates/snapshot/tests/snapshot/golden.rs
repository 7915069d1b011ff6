//! Files written by earlier versions stay readable.

use std::fs::File;
use std::path::PathBuf;

use syncline_core::{Entry, EntryState, Hash128, Key, Origin, RemovalAction};
use syncline_snapshot::{Record, Segment, Snapshot, Values};

use crate::records::{colliding_key, position, segment_bytes};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/segment-v1.seg")
}

fn plain(key: &[u8], state: EntryState) -> Entry {
    Entry {
        key: Key::new(key),
        state,
        format: 1,
        source_fp: None,
        delivered_hash: None,
        origin: Origin::Created,
        match_value: None,
        target_id: None,
        values: None,
    }
}

/// What the golden file holds: every state and field, colliding keys, several pages of both
/// sorts, compressed and not.
fn entries() -> Vec<Entry> {
    let pending =
        EntryState::Pending { attempts: 3, retry_epoch: 77, retry_at_micros: -1_700_000_000_000_001 };
    let mut entries = vec![
        Entry {
            source_fp: Some(Hash128(0x0123_4567_89ab_cdef_0011_2233_4455_6677)),
            delivered_hash: Some(Hash128(u128::MAX - 1)),
            origin: Origin::Adopted,
            match_value: Some(b"\x05\0\0\0\x03a@b".as_slice().into()),
            target_id: Some("número 1".into()),
            values: Some(br#"{"email":"a@b"}"#.as_slice().into()),
            ..plain(b"everything", EntryState::Delivered)
        },
        Entry { values: Some(Box::default()), ..plain(b"", EntryState::Delivered) },
        plain(b"pending", pending),
        plain(b"absent", EntryState::Absent),
        plain(b"foreign", EntryState::Foreign),
        plain(b"edited", EntryState::Edited),
    ];
    for action in [RemovalAction::Delete, RemovalAction::Clear, RemovalAction::Flag] {
        entries.push(plain(action.as_str().as_bytes(), EntryState::Removed { action }));
    }
    for n in 0..3 {
        entries.push(plain(colliding_key(n).as_bytes(), EntryState::Delivered));
    }
    for n in 0u32..700 {
        let mut entry = plain(format!("key {n}").as_bytes(), EntryState::Delivered);
        entry.target_id = Some("a long id that compresses well ".repeat(6));
        entry.values = (n % 7 == 0).then(|| vec![b'v'; 1_000].into());
        entries.push(entry);
    }
    let mut noise = 1u64;
    let noise = (0..66_000).map(|_| {
        // xorshift64, so that lz4 finds nothing to save.
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise as u8
    });
    entries.push(Entry { values: Some(noise.collect()), ..plain(b"incompressible", EntryState::Delivered) });
    entries.sort_by_key(|e| position(&e.key));
    entries
}

fn records() -> Vec<Record> {
    let erased = Record::Erase(Key::new(b"erased"));
    entries().into_iter().map(Record::Put).chain([erased]).collect()
}

#[test]
fn a_segment_written_by_version_1_reads_as_it_was_written() {
    let segment = Segment::open("golden", File::open(path()).unwrap()).unwrap();
    let summary = segment.summary();
    assert_eq!((summary.entries, summary.erased), (entries().len() as u64, 1));
    assert_eq!(summary.checksum, 1_382_709_330_998_569_501, "the golden file itself must never change");
    let older = segment_bytes([Record::Put(plain(b"erased", EntryState::Delivered))]);
    let snapshot = Snapshot::open(vec![Segment::open("older", older).unwrap(), segment]);
    assert_eq!(snapshot.scan(Values::Read).collect::<Result<Vec<_>, _>>().unwrap(), entries());
    for entry in entries() {
        assert_eq!(snapshot.get(&entry.key).unwrap(), Some(entry));
    }
    assert_eq!(snapshot.get(&Key::new(b"erased")).unwrap(), None);
}

/// Run by hand, once for each format version, before its first release.
#[test]
#[ignore = "writes the golden file, which must not change afterwards"]
fn write_the_golden_file() {
    use std::io::Write;
    let mut file = File::create_new(path()).expect("the golden file of this version exists already");
    file.write_all(&segment_bytes(records())).unwrap();
}
