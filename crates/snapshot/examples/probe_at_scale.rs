//! Measures writing, building, looking up and merging at scale, and what memory it takes.
//!
//! `cargo run --release -p syncline-snapshot --example probe_at_scale [keys] [folder]`
//!
//! Times are of the processor, so that other programs do not count. The segment is left in the folder
//! and used again by the next run, whose figures of the process's memory then do not hide in what
//! writing has freed.

use std::fs::File;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use syncline_core::{EntryState, Hash128, Key, Origin, Result, canon};
use syncline_snapshot::{DeltaBuilder, EntryRef, Found, Lookup, Probe, Segment, Snapshot, Values};

const DELTA_BUDGET_BYTES: usize = 64 << 20;
/// Rows that are compared at once.
const BATCH_ROWS: usize = 8192;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let keys = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(10_000_000);
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let path = folder.join(format!("probe-at-scale-{keys}.seg"));
    timed("(making the entries)", keys, || {
        let mut values = values();
        (0..keys).for_each(|n| {
            black_box(entry(n, &key(n), &mut values));
        });
        Ok(())
    })?;
    if !path.exists() {
        write("write a delta", 0..keys, &folder, &path)?;
    }
    let newer = folder.join(format!("probe-at-scale-{keys}-newer.seg"));
    write("write a small delta", keys - keys / 100..keys + keys / 100, &folder, &newer)?;
    let newer = Segment::open("newer", File::open(newer)?)?;
    let snapshot =
        timed("open", 1, || Ok(Snapshot::open(vec![Segment::open("scale", File::open(&path)?)?])))?;
    println!("{:>24} {:.2} bytes a key, indexes and filters", "", snapshot.bytes() as f64 / keys as f64);
    look_up_new(keys)?;
    look_up_unchanged(&snapshot, keys)?;
    look_up_changed(&snapshot, keys)?;
    for count in [100, 10_000, keys / 4] {
        look_up_many(&path, keys, count)?;
    }
    let counts = snapshot.count_by_state()?;
    let both = Snapshot::open(vec![snapshot.segments()[0].clone(), newer.clone()]);
    let after = timed("counts after a delta", keys / 50, || {
        Snapshot::counts_after(&snapshot, counts, std::slice::from_ref(&newer))
    })?;
    assert_eq!(after.total(), keys + keys / 100);
    timed("count by state", keys, || snapshot.count_by_state().map(drop))?;
    timed("scan with values", keys, || {
        snapshot.scan(Values::Read).try_for_each(|entry| entry.map(|e| drop(black_box(e))))
    })?;
    timed("merge", keys, || both.merge(std::io::sink()).map(drop))
}

fn write(what: &str, numbers: std::ops::Range<u64>, folder: &Path, path: &Path) -> Result<()> {
    let count = numbers.end - numbers.start;
    let finished = timed(what, count, || {
        let mut values = values();
        let mut delta = DeltaBuilder::new(DELTA_BUDGET_BYTES, folder);
        for n in numbers {
            delta.push_put(&entry(n, &key(n), &mut values))?;
        }
        delta.finish(&File::create(path)?)
    })?;
    println!("{:>24} {:.1} bytes a key on disk", "", finished.summary.bytes as f64 / count as f64);
    Ok(())
}

fn look_up_new(keys: u64) -> Result<()> {
    let before = resident_bytes();
    let mut probe = Probe::build(&Snapshot::default(), u64::MAX)?;
    timed("look up, new", keys, || {
        (0..keys).try_for_each(|n| {
            let key = key(n);
            assert!(probe.remember_new(&key, canon::key_hash(&key))?);
            Ok(())
        })
    })?;
    report_memory(probe.bytes(), before, keys);
    Ok(())
}

fn look_up_unchanged(snapshot: &Snapshot, keys: u64) -> Result<()> {
    let before = resident_bytes();
    let mut probe = timed("build the probe", keys, || Probe::build(snapshot, u64::MAX))?;
    report_memory(probe.bytes(), before, keys);
    let hashes: Vec<u64> = (0..keys).map(|n| canon::key_hash(&key(n))).collect();
    let fps: Vec<Hash128> = (0..keys).map(fingerprint).collect();
    timed("find, one by one", keys, || {
        let same = hashes.iter().zip(&fps).filter(|(h, fp)| matches!(probe.find(**h, **fp), Found::Same(_)));
        assert_eq!(same.count() as u64, keys);
        Ok(())
    })?;
    let mut found = Vec::with_capacity(BATCH_ROWS);
    timed("find all", keys, || {
        for (hashes, fps) in hashes.chunks(BATCH_ROWS).zip(fps.chunks(BATCH_ROWS)) {
            found.clear();
            probe.find_all(hashes, fps, &mut found);
            assert!(found.iter().all(|found| matches!(found, Found::Same(_))));
        }
        Ok(())
    })?;
    timed("find all, and see", keys, || {
        for (hashes, fps) in hashes.chunks(BATCH_ROWS).zip(fps.chunks(BATCH_ROWS)) {
            found.clear();
            probe.find_all(hashes, fps, &mut found);
            for found in &found {
                assert!(matches!(found, Found::Same(slot) if !probe.see(*slot)));
            }
        }
        Ok(())
    })?;
    let mut probe = Probe::build(snapshot, u64::MAX)?;
    timed("look up, unchanged", keys, || {
        (0..keys).try_for_each(|n| {
            assert_eq!(probe.lookup(&Key::new(&key(n)), fingerprint(n))?, Lookup::Unchanged);
            Ok(())
        })
    })
}

fn look_up_changed(snapshot: &Snapshot, keys: u64) -> Result<()> {
    let mut probe = Probe::build(snapshot, u64::MAX)?;
    timed("look up, changed", keys.div_ceil(100), || {
        for n in (0..keys).step_by(100) {
            black_box(probe.lookup(&Key::new(&key(n)), fingerprint(n + keys))?);
        }
        Ok(())
    })?;
    timed("load unseen entries", keys - probe.seen_count(), || {
        probe.unseen().try_for_each(|entry| entry.map(|e| drop(black_box(e))))
    })
}

fn look_up_many(path: &Path, keys: u64, count: u64) -> Result<()> {
    let snapshot = Snapshot::open(vec![Segment::open("scale", File::open(path)?)?]);
    let some: Vec<[u8; 9]> = (0..keys).step_by((keys / count) as usize).map(key).collect();
    let mut some: Vec<(u64, &[u8])> = some.iter().map(|key| (canon::key_hash(key), &key[..])).collect();
    some.sort_unstable();
    let answered = |found: Vec<Option<_>>| assert!(found.iter().all(Option::is_some));
    timed("get many, first", count, || snapshot.get_many(&some, Values::LeaveOut).map(answered))?;
    timed("get many", count, || snapshot.get_many(&some, Values::LeaveOut).map(answered))?;
    timed("get many with values", count, || snapshot.get_many(&some, Values::Read).map(answered))
}

fn report_memory(counted: u64, before: u64, keys: u64) {
    let used = resident_bytes().saturating_sub(before);
    println!(
        "{:>24} {:.1} bytes a key counted, {:.1} in the process",
        "",
        counted as f64 / keys as f64,
        used as f64 / keys as f64
    );
}

fn timed<T>(what: &str, count: u64, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = processor_seconds();
    let result = work();
    let seconds = processor_seconds() - start;
    println!("{what:>24} {seconds:>8.4} s {:>9.0} ns each of {count}", seconds * 1e9 / count.max(1) as f64);
    result
}

/// Time this thread has been on a processor.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// An integer key as a table's id column has it.
fn key(n: u64) -> [u8; 9] {
    let mut bytes = [2; 9];
    bytes[1..].copy_from_slice(&n.to_be_bytes());
    bytes
}

fn fingerprint(n: u64) -> Hash128 {
    canon::hash(1, &n.to_le_bytes())
}

/// Kept values, a part of which [`entry`] makes each record's own.
fn values() -> Vec<u8> {
    br#"{"id":0000000000000000,"email":"user0000000000000000@example.com","name":"Customer number 0000000000000000","plan":"pro","company":"Example Industries","created_at":"2024-03-05T10:00:00Z","status":"active","score":17,"address":"1 Long Street, Some City"}"#
        .to_vec()
}

fn entry<'a>(n: u64, key: &'a [u8; 9], values: &'a mut [u8]) -> EntryRef<'a> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for (i, offset) in (0..16).flat_map(|i| [6 + i, 36 + i, 88 + i].map(|offset| (i, offset))) {
        values[offset] = DIGITS[(mixed >> (4 * i)) as usize & 15];
    }
    EntryRef {
        key,
        hash: canon::key_hash(key),
        state: EntryState::Delivered,
        format: 1,
        source_fp: Some(fingerprint(n)),
        delivered_hash: Some(canon::hash(2, &n.to_le_bytes())),
        origin: Origin::Created,
        match_value: Some(key),
        target_id: None,
        values: Some(values),
    }
}

/// Resident memory of this process.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}
