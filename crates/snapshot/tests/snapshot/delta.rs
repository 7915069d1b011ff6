//! Deltas: budgets, spilling, large records.

use syncline_core::{Entry, ErrorKind, Key};
use syncline_snapshot::{DeltaBuilder, EntryRef, Record, Segment, Snapshot, Values};

use crate::records::*;

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
        let summary = delta.finish(&mut bytes).unwrap().summary;
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
fn a_delta_keeps_to_its_budget_whatever_the_size_of_the_records() {
    const BUDGET_BYTES: usize = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    for values_bytes in [0, 100, 10_000, 60_000, 70_000, 1_500_000] {
        let mut delta = DeltaBuilder::new(BUDGET_BYTES, folder.path());
        let values = vec![b'v'; values_bytes];
        for n in 0..(8 * BUDGET_BYTES / (values_bytes + 100)).min(20_000) as u32 {
            let entry = delivered(Key::new(&n.to_be_bytes()), 0);
            delta.push_put(&EntryRef { values: Some(&values), ..EntryRef::of(&entry) }).unwrap();
            assert!(
                delta.bytes() <= BUDGET_BYTES as u64,
                "{} bytes of records of {values_bytes}",
                delta.bytes()
            );
        }
        let mut bytes = Vec::new();
        delta.finish(&mut bytes).unwrap();
        let snapshot = Snapshot::open(vec![Segment::open("large", bytes).unwrap()]);
        let entry = snapshot.get(&Key::new(&[0; 4])).unwrap().unwrap();
        assert_eq!(entry.values.as_deref(), Some(&values[..]));
    }
}

/// Memory that this process has had at most.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Five keys with values of 64 MB: one of them is in memory at a time, before and after compression.
#[test]
fn huge_records_pass_one_by_one() {
    const BYTES: usize = 64 << 20;
    const ALONE: &str = "SYNCLINE_TEST_ALONE";
    // In a process of its own: the peak is that of all tests in one.
    if std::env::var_os(ALONE).is_none() {
        let alone = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "delta::huge_records_pass_one_by_one", "--nocapture"])
            .env(ALONE, "1")
            .output()
            .unwrap();
        assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stderr));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut values = vec![b'v'; BYTES];
    let peak_before = peak_bytes();
    let mut delta = DeltaBuilder::new(100_000, folder.path());
    for (n, version) in [(0, 0), (1, 1), (2, 1), (3, 1), (4, 1), (0, 1)] {
        values[0] = n + version;
        let entry = delivered(Key::new(&[n]), version);
        delta.push_put(&EntryRef { values: Some(&values), ..EntryRef::of(&entry) }).unwrap();
        assert!(delta.bytes() <= 100_000);
    }
    let grown = peak_bytes() - peak_before;
    assert!(grown < BYTES as u64 * 3 / 4, "{} MB before anything is read back", grown >> 20);
    let path = folder.path().join("huge.seg");
    let finished = delta.finish(std::fs::File::create(&path).unwrap()).unwrap();
    assert_eq!((finished.summary.entries, finished.repeated), (5, 1));
    let snapshot = Snapshot::open(vec![Segment::open("huge", std::fs::File::open(&path).unwrap()).unwrap()]);
    for entry in snapshot.scan(Values::Read) {
        let entry = entry.unwrap();
        values[0] = entry.key.as_bytes()[0] + 1;
        assert!(entry.values.as_deref() == Some(&values[..]), "{:?}", entry.key);
    }
    let grown = peak_bytes() - peak_before;
    assert!(grown < 4 * BYTES as u64, "{} MB", grown >> 20);
}

/// More runs than are merged at once.
#[test]
fn a_tiny_budget_makes_hundreds_of_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut delta = DeltaBuilder::new(0, folder.path());
    let records: Vec<Record> = (0..700u32)
        .map(|i| {
            Record::Put(Entry { format: (i % 7) as u8, ..delivered(Key::new(&(i % 300).to_be_bytes()), 0) })
        })
        .collect();
    for record in &records {
        delta.push(record).unwrap();
    }
    let mut bytes = Vec::new();
    let finished = delta.finish(&mut bytes).unwrap();
    assert_eq!((finished.summary.entries, finished.repeated), (300, 300));
    assert!(bytes == segment_bytes(records));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
