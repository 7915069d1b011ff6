//! Copies of segments without what they say of single keys.

use std::collections::BTreeSet;

use syncline_core::{Entry, Key};
use syncline_snapshot::{Kept, Record, Segment};

use crate::records::{delivered, segment};

const KEYS: u64 = 5_000;

fn key(n: u64) -> Key {
    Key::new(&n.to_be_bytes())
}

/// Entries with values, and every tenth key erased.
fn record(n: u64) -> Record {
    match n % 10 {
        0 => Record::Erase(key(n)),
        _ => Record::Put(Entry {
            values: Some(format!("values of {n}").into_bytes().into()),
            ..delivered(key(n), 1)
        }),
    }
}

#[test]
fn a_copy_keeps_what_it_is_told_to_and_the_rest_as_it_was() {
    let original = segment((0..KEYS).map(record));
    let (gone, emptied) = (BTreeSet::from([key(7), key(10), key(4_999)]), BTreeSet::from([key(8), key(20)]));
    let mut bytes = Vec::new();
    let kept = |bytes: &[u8]| match Key::new(bytes) {
        key if gone.contains(&key) => Kept::Nothing,
        key if emptied.contains(&key) => Kept::WithoutValues,
        _ => Kept::Whole,
    };
    original.copy_keeping(kept, &mut bytes).unwrap();
    let copy = Segment::open("copy", bytes).unwrap();
    let expected = original.records_where(|key| !gone.contains(&Key::new(key))).unwrap();
    let expected: Vec<Record> = expected
        .into_iter()
        .map(|record| match record {
            Record::Put(entry) if emptied.contains(&entry.key) => {
                Record::Put(Entry { values: None, ..entry })
            }
            other => other,
        })
        .collect();
    assert_eq!(expected.len() as u64, KEYS - 3);
    assert_eq!(copy.records_where(|_| true).unwrap(), expected);
    assert_eq!(copy.summary().erased, original.summary().erased - 1);
}
