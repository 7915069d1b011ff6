//! Damaged and foreign bytes: an error with its place, never a panic, never a wrong entry.

use std::sync::OnceLock;

use proptest::prelude::*;
use syncline_core::{Entry, ErrorKind, Key, Result};
use syncline_snapshot::{Lookup, Probe, Record, Segment, Snapshot, Values};

use crate::records::*;

fn entries() -> Vec<Entry> {
    (0..1_500u32)
        .map(|i| {
            let mut entry = delivered(Key::new(&i.to_be_bytes()), (i % 3) as u8);
            entry.target_id = Some(format!("target-{i}"));
            entry.values = Some(format!(r#"{{"name":"somebody {i}"}}"#).into_bytes().into());
            entry
        })
        .collect()
}

fn whole() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| segment_bytes(entries().into_iter().map(Record::Put)))
}

/// Asks everything of a segment of `bytes`. An answer that is not an error must be right.
fn ask_everything(bytes: Vec<u8>) -> Result<()> {
    let snapshot = Snapshot::open(vec![Segment::open("damaged", bytes)?]);
    let entries = entries();
    let mut failed = None;
    for entry in entries.iter().step_by(50) {
        match snapshot.get(&entry.key) {
            Ok(found) => assert_eq!(found.as_ref(), Some(entry)),
            Err(e) => failed = Some(e),
        }
    }
    let mut sorted = entries.clone();
    sorted.sort_by_key(|e| position(&e.key));
    let some: Vec<&Entry> = sorted.iter().step_by(50).collect();
    let keys: Vec<(u64, &[u8])> = some.iter().map(|e| (e.key.hash(), e.key.as_bytes())).collect();
    match snapshot.get_many(&keys, Values::Read) {
        Ok(found) => assert!(found.iter().map(Option::as_ref).eq(some.into_iter().map(Some))),
        Err(e) => failed = Some(e),
    }
    for (found, entry) in snapshot.scan(Values::Read).zip(&sorted) {
        match found {
            Ok(found) => assert_eq!(found, *entry),
            Err(e) => failed = Some(e),
        }
    }
    match Probe::build(&snapshot, 1 << 20) {
        Err(e) => failed = Some(e),
        Ok(mut probe) => {
            for (i, entry) in entries.iter().enumerate().step_by(50) {
                match probe.lookup(&entry.key, fingerprint(&entry.key, (i % 2) as u8)) {
                    Ok(Lookup::Known(found)) => assert_eq!(*found, *entry),
                    Ok(other) => assert!(other == Lookup::Unchanged && i % 3 == i % 2, "{other:?}"),
                    Err(e) => failed = Some(e),
                }
            }
            for entry in probe.unseen() {
                match entry {
                    Ok(entry) => assert!(entries.contains(&entry)),
                    Err(e) => failed = Some(e),
                }
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

#[test]
fn the_whole_file_is_fine() {
    ask_everything(whole().to_vec()).unwrap();
}

/// Every byte is covered by a checksum, and everything is asked, so that no flip goes unnoticed.
#[test]
fn a_flipped_bit_in_each_part_of_the_file_is_noticed() {
    let ends =
        [0, 8, 12, 15, 16, whole().len() - 1, whole().len() - 8, whole().len() - 9, whole().len() - 120];
    let spread = (0..whole().len()).step_by(whole().len() / 60);
    for place in ends.into_iter().chain(spread) {
        let mut bytes = whole().to_vec();
        bytes[place] ^= 1;
        let error = ask_everything(bytes).expect_err(&format!("byte {place}"));
        assert_eq!(error.kind, ErrorKind::Corrupt, "byte {place}: {error}");
        assert!(error.message.starts_with("snapshot segment damaged is damaged at byte "), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_damage_is_an_error_and_never_a_wrong_answer(
        places in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 0..4),
        cut in prop::option::of((any::<prop::sample::Index>(), 1usize..300)),
        appended in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut bytes = whole().to_vec();
        for (place, mask) in places {
            let place = place.index(bytes.len());
            bytes[place] ^= mask;
        }
        if let Some((place, len)) = cut {
            let place = place.index(bytes.len());
            bytes.drain(place..(place + len).min(bytes.len()));
        }
        bytes.extend(appended);
        let changed = bytes != whole();
        match ask_everything(bytes) {
            Ok(()) => prop_assert!(!changed),
            Err(e) => prop_assert_eq!(e.kind, ErrorKind::Corrupt),
        }
    }

    #[test]
    fn foreign_bytes_are_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..400), disguised: bool) {
        if disguised && bytes.len() >= 32 {
            let end = bytes.len() - 8;
            bytes[..16].copy_from_slice(&whole()[..16]);
            bytes[end..].copy_from_slice(&whole()[whole().len() - 8..]);
        }
        prop_assert_eq!(Segment::open("foreign", bytes).err().unwrap().kind, ErrorKind::Corrupt);
    }
}

#[test]
fn a_file_that_is_cut_at_any_of_its_last_bytes_does_not_open() {
    for len in (0..200).chain(whole().len() - 200..whole().len()) {
        let error = Segment::open("cut", whole()[..len].to_vec()).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Corrupt, "{len}");
    }
}

#[test]
fn a_segment_of_a_newer_format_is_refused_as_such() {
    // Made of the documented layout alone: magic, version, and the lower half of their xxh3-64.
    let mut bytes = whole().to_vec();
    bytes[8] = 2;
    let check = Key::new(&bytes[..12]).hash().to_le_bytes();
    bytes[12..16].copy_from_slice(&check[..4]);
    let error = Segment::open("newer", bytes).err().unwrap();
    assert_eq!(error.kind, ErrorKind::StateTooNew);
    assert!(error.message.contains("version 2"), "{error}");
}
