//! Measures writing, building, looking up and merging at scale, and what memory it takes.
//!
//! `cargo run --release -p syncline-snapshot --example probe_at_scale [keys] [folder]`
//!
//! The segment is left in the folder and used again by the next run, whose figures of the
//! process's memory then do not hide in what writing has freed.

use std::fs::File;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use syncline_core::{Entry, EntryState, Hash128, Key, Origin, Result, canon};
use syncline_snapshot::{DeltaBuilder, Lookup, Probe, Record, Segment, Snapshot, Values};

const DELTA_BUDGET_BYTES: usize = 64 << 20;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let keys = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(10_000_000);
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let path = folder.join(format!("probe-at-scale-{keys}.seg"));
    if !path.exists() {
        write(keys, &folder, &path)?;
    }
    let snapshot =
        timed("open", 1, || Ok(Snapshot::open(vec![Segment::open("scale", File::open(&path)?)?])))?;
    look_up_new(keys)?;
    look_up_unchanged(&snapshot, keys)?;
    look_up_changed(&snapshot, keys)?;
    timed("scan with values", keys, || {
        snapshot.scan(Values::Read).try_for_each(|entry| entry.map(|e| drop(black_box(e))))
    })?;
    timed("merge", keys, || snapshot.merge(std::io::sink()).map(drop))
}

fn write(keys: u64, folder: &Path, path: &Path) -> Result<()> {
    let summary = timed("write a delta", keys, || {
        let mut delta = DeltaBuilder::new(DELTA_BUDGET_BYTES, folder);
        for n in 0..keys {
            delta.push(Record::Put(entry(n)))?;
        }
        delta.finish(&File::create(path)?)
    })?
    .summary;
    println!("{:>24} {:.1} bytes a key on disk", "", summary.bytes as f64 / keys as f64);
    Ok(())
}

fn look_up_new(keys: u64) -> Result<()> {
    let before = resident_bytes();
    let mut probe = Probe::build(&Snapshot::default(), u64::MAX)?;
    timed("look up, new", keys, || {
        (0..keys).try_for_each(|n| expect(probe.lookup(&key(n), fingerprint(n))?, &Lookup::New))
    })?;
    report_memory(probe.bytes(), before, keys);
    Ok(())
}

fn look_up_unchanged(snapshot: &Snapshot, keys: u64) -> Result<()> {
    let before = resident_bytes();
    let mut probe = timed("build the probe", keys, || Probe::build(snapshot, u64::MAX))?;
    report_memory(probe.bytes(), before, keys);
    timed("look up, unchanged", keys, || {
        (0..keys).try_for_each(|n| expect(probe.lookup(&key(n), fingerprint(n))?, &Lookup::Unchanged))
    })
}

fn look_up_changed(snapshot: &Snapshot, keys: u64) -> Result<()> {
    let mut probe = Probe::build(snapshot, u64::MAX)?;
    timed("look up, changed", keys.div_ceil(100), || {
        for n in (0..keys).step_by(100) {
            black_box(probe.lookup(&key(n), fingerprint(n + keys))?);
        }
        Ok(())
    })?;
    timed("load unseen entries", keys - probe.seen_count(), || {
        probe.unseen().try_for_each(|entry| entry.map(|e| drop(black_box(e))))
    })
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

fn expect(found: Lookup, expected: &Lookup) -> Result<()> {
    assert_eq!(found, *expected);
    Ok(())
}

fn timed<T>(what: &str, count: u64, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    println!("{what:>24} {seconds:>8.3} s {:>9.0} ns each", seconds * 1e9 / count.max(1) as f64);
    result
}

/// An integer key as a table's id column has it.
fn key(n: u64) -> Key {
    let mut bytes = [2; 9];
    bytes[1..].copy_from_slice(&n.to_be_bytes());
    Key::new(&bytes)
}

fn fingerprint(n: u64) -> Hash128 {
    canon::hash(1, &n.to_le_bytes())
}

fn entry(n: u64) -> Entry {
    Entry {
        key: key(n),
        state: EntryState::Delivered,
        format: 1,
        source_fp: Some(fingerprint(n)),
        delivered_hash: Some(canon::hash(2, &n.to_le_bytes())),
        origin: Origin::Created,
        match_value: Some(key(n).as_bytes().into()),
        target_id: None,
        values: Some(
            format!(
                r#"{{"id":{n},"email":"user{n}@example.com","name":"Customer number {n}","city":"{:x}","plan":"pro","company":"Example {}","notes":"{:032x}","created_at":"2024-03-{:02}T10:00:00Z","status":"active","score":{}}}"#,
                n.wrapping_mul(0x9e37_79b9_7f4a_7c15),
                n % 1000,
                u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_9e37_79b9_7f4a_7c15),
                n % 28 + 1,
                n % 997
            )
            .into_bytes()
            .into(),
        ),
    }
}

/// Resident memory of this process.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}
