//! Segments, deltas, merges and probes against a map.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use syncline_core::{Entry, EntryState, ErrorKind, Key};
use syncline_snapshot::{
    DeltaBuilder, Length, Lookup, Probe, Record, Segment, SegmentWriter, Snapshot, StateCounts, Values,
};

use crate::records::*;

type Model = BTreeMap<(u64, Key), Entry>;

fn apply(model: &mut Model, records: &[Record]) {
    for record in records {
        match record {
            Record::Put(entry) => model.insert(position(&entry.key), entry.clone()),
            Record::Erase(key) => model.remove(&position(key)),
        };
    }
}

fn scanned(snapshot: &Snapshot, values: Values) -> Vec<Entry> {
    snapshot.scan(values).collect::<Result<_, _>>().unwrap()
}

fn counted(model: &Model) -> StateCounts {
    let mut counts = StateCounts::default();
    model.values().for_each(|e| counts.add(&e.state));
    counts
}

/// What a probe must answer, computed the slow way.
#[derive(Default)]
struct ModelProbe {
    looked_up: BTreeSet<Key>,
}

impl ModelProbe {
    fn lookup(&mut self, model: &Model, key: &Key, version: u8) -> Lookup {
        let entry = model.get(&position(key)).cloned();
        if !self.looked_up.insert(key.clone()) {
            return Lookup::Repeated(entry.map(Box::new));
        }
        match entry {
            None => Lookup::New,
            Some(e) if e.state == EntryState::Delivered && e.source_fp == Some(fingerprint(key, version)) => {
                Lookup::Unchanged
            }
            Some(e) => Lookup::Known(Box::new(e)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn segments_answer_like_a_map(
        runs in prop::collection::vec(prop::collection::vec(any_record(), 0..30), 0..5),
        budget_bytes in prop_oneof![Just(0usize), 0usize..8_000, Just(1 << 20)],
        merged in 0usize..6,
        questions in prop::collection::vec((any_key(), 0u8..3), 0..60),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (mut model, mut segments) = (Model::new(), Vec::new());
        for records in &runs {
            let mut delta = DeltaBuilder::new(budget_bytes, folder.path());
            prop_assert!(delta.is_empty());
            for record in records {
                delta.push(record.clone()).unwrap();
            }
            let mut bytes = Vec::new();
            let summary = delta.finish(&mut bytes).unwrap();
            let segment = Segment::open("delta", bytes).unwrap();
            prop_assert_eq!(segment.summary(), summary);
            segments.push(segment);
            apply(&mut model, records);
        }
        prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

        let all = Snapshot::open(segments.clone());
        let mut newest = Vec::new();
        all.merge_newest(merged, &mut newest).unwrap();
        let mut some = segments[..segments.len().saturating_sub(merged)].to_vec();
        some.push(Segment::open("newest", newest).unwrap());
        let mut bytes = Vec::new();
        let summary = all.merge(&mut bytes).unwrap();
        prop_assert_eq!((summary.entries, summary.erased), (model.len() as u64, 0));
        let one = Snapshot::open(vec![Segment::open("merged", bytes).unwrap()]);
        prop_assert_eq!(one.len(), Length::Exactly(model.len() as u64));

        for snapshot in [all, Snapshot::open(some), one] {
            check(&snapshot, &model, &questions)?;
        }
    }
}

fn check(snapshot: &Snapshot, model: &Model, questions: &[(Key, u8)]) -> Result<(), TestCaseError> {
    let entries: Vec<Entry> = model.values().cloned().collect();
    prop_assert_eq!(&scanned(snapshot, Values::Read), &entries);
    let without: Vec<Entry> = entries.iter().map(|e| Entry { values: None, ..e.clone() }).collect();
    prop_assert_eq!(scanned(snapshot, Values::LeaveOut), without);
    prop_assert_eq!(snapshot.count_by_state().unwrap(), counted(model));
    match snapshot.len() {
        Length::Exactly(n) => prop_assert_eq!(n, model.len() as u64),
        Length::AtMost(n) => prop_assert!(n >= model.len() as u64),
    }
    let mut probe = Probe::build(snapshot, 1 << 20).unwrap();
    let mut slow = ModelProbe::default();
    for (key, version) in questions {
        prop_assert_eq!(snapshot.get(key).unwrap(), model.get(&position(key)).cloned());
        let answer = probe.lookup(key, fingerprint(key, *version)).unwrap();
        prop_assert_eq!(answer, slow.lookup(model, key, *version));
    }
    let unseen: Vec<Entry> = probe.unseen().collect::<Result<_, _>>().unwrap();
    let expected: Vec<Entry> = entries.into_iter().filter(|e| !slow.looked_up.contains(&e.key)).collect();
    prop_assert_eq!(probe.seen_count() + expected.len() as u64, probe.known_count());
    prop_assert_eq!(probe.seen_count() + probe.new_count(), slow.looked_up.len() as u64);
    prop_assert_eq!(unseen, expected);
    prop_assert_eq!(probe.counts_by_state(), counted(model));
    Ok(())
}

/// Enough for dozens of pages of both sorts.
fn many() -> Vec<Entry> {
    (0..20_000u32)
        .map(|i| {
            let mut entry = delivered(Key::new(&i.to_be_bytes()), (i % 3) as u8);
            entry.target_id = Some(format!("id-{i}"));
            if i % 2 == 0 {
                entry.values = Some(format!(r#"{{"name":"{i}"}}"#).into_bytes().into());
            }
            // Larger than a page, empty, and a page exactly.
            match i % 5_000 {
                1 => entry.values = Some(vec![b'x'; 200_000].into()),
                2 => entry.values = Some(Box::default()),
                3 => entry.values = Some(vec![b'y'; 64 * 1024].into()),
                4 => entry.match_value = Some(vec![b'z'; 300_000].into()),
                _ => {}
            }
            entry
        })
        .collect()
}

#[test]
fn entries_on_many_pages_are_found_scanned_and_merged() {
    let entries = many();
    let snapshot = Snapshot::open(vec![
        segment(entries.iter().cloned().map(|e| Record::Put(Entry { target_id: None, ..e }))),
        segment(entries.iter().filter(|e| e.source_fp.unwrap().0 % 3 == 0).cloned().map(Record::Put)),
        segment(entries.iter().filter(|e| e.source_fp.unwrap().0 % 3 != 0).cloned().map(Record::Put)),
    ]);
    for entry in entries.iter().step_by(7) {
        assert_eq!(snapshot.get(&entry.key).unwrap().as_ref(), Some(entry));
    }
    assert_eq!(snapshot.get(&Key::new(b"absent")).unwrap(), None);
    let mut sorted = entries.clone();
    sorted.sort_by_key(|e| position(&e.key));
    assert_eq!(scanned(&snapshot, Values::Read), sorted);
    let mut merged = Vec::new();
    snapshot.merge(&mut merged).unwrap();
    let merged = Snapshot::open(vec![Segment::open("merged", merged).unwrap()]);
    assert_eq!(scanned(&merged, Values::Read), sorted);

    let mut probe = Probe::build(&merged, 1 << 24).unwrap();
    for (i, entry) in entries.iter().enumerate().filter(|(i, _)| i % 10 != 0) {
        let unchanged = i % 10 != 1;
        let fp = fingerprint(&entry.key, (i % 3) as u8 + u8::from(!unchanged));
        let expected = if unchanged { Lookup::Unchanged } else { Lookup::Known(Box::new(entry.clone())) };
        assert_eq!(probe.lookup(&entry.key, fp).unwrap(), expected);
    }
    let unseen: Vec<Entry> = probe.unseen().collect::<Result<_, _>>().unwrap();
    let mut expected: Vec<Entry> = entries.into_iter().step_by(10).collect();
    expected.sort_by_key(|e| position(&e.key));
    assert_eq!(unseen, expected);
}

#[test]
fn a_delta_that_spills_writes_what_one_in_memory_writes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |budget_bytes| {
        let mut delta = DeltaBuilder::new(budget_bytes, folder.path());
        for round in 0..3u8 {
            for i in (0..3_000u32).rev() {
                let key = Key::new(&i.to_be_bytes());
                let erase = i % 3 == u32::from(round);
                delta
                    .push(if erase { Record::Erase(key) } else { Record::Put(delivered(key, round)) })
                    .unwrap();
            }
        }
        let mut bytes = Vec::new();
        let summary = delta.finish(&mut bytes).unwrap();
        assert_eq!((summary.entries, summary.erased), (2_000, 1_000));
        bytes
    };
    let in_memory = write(1 << 30);
    // About 30 files, and about 90, which is more than are kept open.
    assert!(write(100_000) == in_memory);
    assert!(write(30_000) == in_memory);
}

#[test]
fn a_delta_that_cannot_spill_says_where() {
    let mut delta = DeltaBuilder::new(0, "/nonexistent/folder");
    let error = delta.push(Record::Erase(Key::new(b"k"))).unwrap_err();
    assert_eq!(error.kind, ErrorKind::LocalIo);
    assert!(error.message.contains("/nonexistent/folder"), "{error}");
}

#[test]
fn records_out_of_order_are_refused() {
    let (mut a, mut b) = (Key::new(b"a"), Key::new(b"b"));
    if position(&a) > position(&b) {
        std::mem::swap(&mut a, &mut b);
    }
    let mut writer = SegmentWriter::new(Vec::new()).unwrap();
    writer.push(&Record::Erase(b.clone())).unwrap();
    assert_eq!(writer.push(&Record::Erase(a)).unwrap_err().kind, ErrorKind::Internal);
    assert_eq!(writer.push(&Record::Erase(b)).unwrap_err().kind, ErrorKind::Internal);
}

#[test]
fn a_probe_over_the_budget_says_what_it_needs_and_one_within_it_keeps_to_it() {
    let entries: Vec<Record> =
        (0..2_000u32).map(|i| Record::Put(delivered(Key::new(&i.to_be_bytes()), 0))).collect();
    // Every key twice: the bound on their number is double of what there is.
    let snapshot = Snapshot::open(vec![segment(entries.clone()), segment(entries)]);
    let bytes = Probe::build(&snapshot, 1 << 20).unwrap().bytes();
    assert!((2_000 * 25..2_000 * 33).contains(&bytes), "{bytes} bytes");

    let mut probe = Probe::build(&snapshot, bytes).unwrap();
    let known = Key::new(&7u32.to_be_bytes());
    assert_eq!(probe.lookup(&known, fingerprint(&known, 0)).unwrap(), Lookup::Unchanged);
    let error = probe.lookup(&Key::new(b"new"), fingerprint(&known, 0)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::OutOfMemory);

    let error = Probe::build(&snapshot, bytes - 1).unwrap_err();
    assert_eq!(error.kind, ErrorKind::OutOfMemory);
    assert!(error.message.contains(&format!("{bytes} bytes")), "{error}");
    assert!(error.help.as_deref().unwrap().contains("memory_budget"), "{:?}", error.help);
}

#[test]
fn an_empty_snapshot_knows_nothing() {
    let mut empty = Vec::new();
    SegmentWriter::new(&mut empty).unwrap().finish().unwrap();
    for snapshot in [Snapshot::default(), Snapshot::open(vec![Segment::open("empty", empty).unwrap(); 2])] {
        check(&snapshot, &Model::new(), &[(Key::new(b"k"), 0), (Key::new(b"k"), 0)]).unwrap();
    }
}

/// Runs move between threads, and lookups may come from several.
#[test]
fn snapshots_and_probes_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Snapshot>();
    crosses::<Probe>();
    crosses::<DeltaBuilder>();
}
