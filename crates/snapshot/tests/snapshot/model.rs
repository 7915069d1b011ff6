//! Segments, deltas, merges and probes against a map.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use syncline_core::{Entry, EntryState, ErrorKind, Key};
use syncline_snapshot::{
    DeltaBuilder, Found, HashRange, Length, Lookup, Probe, Record, Segment, SegmentWriter, Snapshot,
    StateCounts, Values,
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

/// Whether the entry's fingerprint says anything: it is delivered, and of the format of now.
fn is_comparable(entry: &Entry) -> bool {
    entry.state == EntryState::Delivered && entry.format == syncline_core::canon::FORMAT
}

impl ModelProbe {
    fn lookup(&mut self, model: &Model, key: &Key, version: u8) -> Lookup {
        let entry = model.get(&position(key)).cloned();
        if !self.looked_up.insert(key.clone()) {
            return Lookup::Repeated(entry.map(Box::new));
        }
        match entry {
            None => Lookup::New,
            Some(e) if is_comparable(&e) && e.source_fp == Some(fingerprint(key, version)) => {
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
            let finished = delta.finish(&mut bytes).unwrap();
            let segment = Segment::open("delta", bytes).unwrap();
            prop_assert_eq!(segment.summary(), finished.summary);
            let mut pushes = BTreeMap::new();
            records.iter().for_each(|r| *pushes.entry(r.key().clone()).or_insert(0) += 1);
            let repeated = |key: &Key| pushes[key] > 1;
            prop_assert_eq!(finished.repeated, pushes.keys().filter(|k| repeated(k)).count() as u64);
            prop_assert_eq!(finished.repeated_sample.len() as u64, finished.repeated.min(5));
            prop_assert!(finished.repeated_sample.iter().all(repeated));
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
    check_many(snapshot, model, questions)
}

/// Many questions at once are answered like one by one.
fn check_many(snapshot: &Snapshot, model: &Model, questions: &[(Key, u8)]) -> Result<(), TestCaseError> {
    let mut keys: Vec<(u64, &[u8])> = questions.iter().map(|(k, _)| (k.hash(), k.as_bytes())).collect();
    keys.sort_unstable();
    let entries: Vec<Option<Entry>> =
        keys.iter().map(|(hash, key)| model.get(&(*hash, Key::new(key))).cloned()).collect();
    prop_assert_eq!(&snapshot.get_many(&keys, Values::Read).unwrap(), &entries);
    let without: Vec<Option<Entry>> =
        entries.into_iter().map(|e| e.map(|e| Entry { values: None, ..e })).collect();
    prop_assert_eq!(snapshot.get_many(&keys, Values::LeaveOut).unwrap(), without);
    Ok(())
}

/// The hash space in `2^bits` equal parts.
fn ranges(bits: u32) -> impl Iterator<Item = HashRange> {
    let part = u64::MAX.checked_shr(bits).unwrap_or(0);
    (0..1u64 << bits).map(move |i| {
        let start = if bits == 0 { 0 } else { i << (64 - bits) };
        start..=start + part
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn ranges_together_answer_like_the_whole(
        runs in prop::collection::vec(prop::collection::vec(any_record(), 0..40), 0..4),
        questions in prop::collection::vec((any_key(), 0u8..3), 0..60),
        bits in 0u32..7,
    ) {
        let mut model = Model::new();
        runs.iter().for_each(|records| apply(&mut model, records));
        let snapshot = Snapshot::open(runs.into_iter().map(segment).collect());
        let (mut slow, mut unseen, mut counts) = (ModelProbe::default(), Vec::new(), Vec::new());
        for range in ranges(bits) {
            let mut probe = Probe::build_range(&snapshot, range.clone(), 1 << 20).unwrap();
            prop_assert!(probe.known_count() <= snapshot.entries_in(&range));
            for (key, version) in questions.iter().filter(|(key, _)| range.contains(&key.hash())) {
                prop_assert_eq!(ask_in_steps(&snapshot, &mut probe, key, *version), slow.lookup(&model, key, *version));
            }
            unseen.extend(probe.unseen().map(Result::unwrap));
            counts.push(probe.counts_by_state().total());
        }
        let expected: Vec<Entry> =
            model.values().filter(|e| !slow.looked_up.contains(&e.key)).cloned().collect();
        prop_assert_eq!(unseen, expected);
        prop_assert_eq!(counts.iter().sum::<u64>(), model.len() as u64);
    }

    #[test]
    fn counts_brought_up_to_date_are_those_of_counting(
        runs in prop::collection::vec(prop::collection::vec(any_record(), 0..40), 0..5),
        newer in 0usize..6,
    ) {
        let segments: Vec<Segment> = runs.into_iter().map(segment).collect();
        let (older, newer) = segments.split_at(segments.len().saturating_sub(newer));
        let base = Snapshot::open(older.to_vec());
        let counts = Snapshot::counts_after(&base, base.count_by_state().unwrap(), newer).unwrap();
        let all = Snapshot::open(segments.clone()).count_by_state().unwrap();
        prop_assert_eq!(counts, all);
    }
}

/// [`Probe::lookup`] as callers do it for many rows.
fn ask_in_steps(snapshot: &Snapshot, probe: &mut Probe, key: &Key, version: u8) -> Lookup {
    let (hash, fp) = (key.hash(), fingerprint(key, version));
    let entry =
        || snapshot.get_many(&[(hash, key.as_bytes())], Values::Read).unwrap().remove(0).map(Box::new);
    let new = |probe: &mut Probe| match probe.remember_new(key.as_bytes(), hash).unwrap() {
        true => Lookup::New,
        false => Lookup::Repeated(None),
    };
    match probe.find(hash, fp) {
        Found::New => new(probe),
        Found::Same(slot) if probe.see(slot) => Lookup::Repeated(entry()),
        Found::Same(_) => Lookup::Unchanged,
        Found::Differs(slot) => match entry() {
            None => new(probe),
            entry if probe.see(slot) => Lookup::Repeated(entry),
            Some(entry) => Lookup::Known(entry),
        },
        Found::Collides => probe.lookup(key, fp).unwrap(),
    }
}

#[test]
fn counts_that_cannot_be_right_are_counted_again() {
    let entry = |n: u8| Record::Put(delivered(Key::new(&[n]), 0));
    let base = Snapshot::open(vec![segment([entry(1), entry(2), entry(3)])]);
    let counts =
        Snapshot::counts_after(&base, StateCounts::default(), &[segment([Record::Erase(Key::new(&[1]))])]);
    assert_eq!(counts.unwrap(), StateCounts { delivered: 2, ..StateCounts::default() });
}

#[test]
fn keys_out_of_order_are_refused() {
    let (a, b) = (Key::new(b"a"), Key::new(b"b"));
    let mut keys = [(a.hash(), a.as_bytes()), (b.hash(), b.as_bytes())];
    keys.sort_unstable();
    keys.reverse();
    let error = Snapshot::default().get_many(&keys, Values::Read).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Internal);
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
                3 => entry.values = Some(vec![b'y'; 32 * 1024].into()),
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
    // All, one on each few pages, and so few that the filters are not read.
    for step in [1, 300, 9_000] {
        let some: Vec<&Entry> = sorted.iter().step_by(step).collect();
        let keys: Vec<(u64, &[u8])> = some.iter().map(|e| (e.key.hash(), e.key.as_bytes())).collect();
        let found = snapshot.get_many(&keys, Values::Read).unwrap();
        assert!(found.iter().zip(some).all(|(found, entry)| found.as_ref() == Some(entry)), "{step}");
    }
    let strangers: Vec<Key> = sorted.iter().map(|e| Key::new(&[e.key.as_bytes(), b"x"].concat())).collect();
    let mut strangers: Vec<(u64, &[u8])> = strangers.iter().map(|k| (k.hash(), k.as_bytes())).collect();
    strangers.sort_unstable();
    assert!(snapshot.get_many(&strangers, Values::Read).unwrap().iter().all(Option::is_none));
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

/// The whole does not fit; the engine then halves the ranges until each does.
#[test]
fn ranges_fit_a_budget_that_is_too_small_for_the_whole() {
    let entries: Vec<Entry> = (0..20_000u32).map(|i| delivered(Key::new(&i.to_be_bytes()), 0)).collect();
    let snapshot = Snapshot::open(vec![
        segment(entries.iter().cloned().map(Record::Put)),
        segment(entries.iter().step_by(3).cloned().map(Record::Put)),
    ]);
    let budget = snapshot.bytes() + 80_000;
    assert_eq!(Probe::build(&snapshot, budget).unwrap_err().kind, ErrorKind::OutOfMemory);
    let fits = |bits| {
        let needed = |range| snapshot.bytes() + Probe::bytes_for(snapshot.entries_in(&range));
        ranges(bits).all(|range| needed(range) <= budget)
    };
    let bits = (0..8).find(|&bits| fits(bits)).unwrap();
    assert!((3..5).contains(&bits), "{bits}: 20,000 entries take 500,000 bytes");
    let mut known = 0;
    for range in ranges(bits) {
        let probe = Probe::build_range(&snapshot, range.clone(), budget).unwrap();
        assert!(probe.bytes() <= budget);
        known += probe.known_count();
        // A third is in both segments, and a page of each at both ends reaches into other ranges.
        let (bound, known) = (snapshot.entries_in(&range), probe.known_count());
        assert!((known..known * 4 / 3 + 4 * 400).contains(&bound), "{bound} for {known} in {range:?}");
    }
    assert_eq!(known, 20_000);
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
