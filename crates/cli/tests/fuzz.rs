//! Bad bytes are an error with a place, never a panic [G17].
//!
//! What the fuzzers in `fuzz/` found worth keeping is tried here, as it is and damaged in many ways,
//! without a fuzzer: same functions, same corpus, the same damage in every run. `make fuzz` searches
//! for more.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use syncline_connector::Registry;
use syncline_connectors::{files, postgres, registry, sqlite};

/// One test for each fuzzer: its name, what it calls, and how many damaged inputs are tried.
macro_rules! fuzzers {
    ($($name:ident: $entry:expr, $rounds:literal;)*) => {
        const FUZZERS: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                try_corpus(stringify!($name), $entry, $rounds);
            }
        )*
    };
}

fuzzers! {
    canonical_bytes: syncline_core::fuzzing::canonical_bytes, 3_000;
    copy_stream: postgres::fuzzing::copy_stream, 1_000;
    copy_values: postgres::fuzzing::copy_values, 2_000;
    cron: syncline_config::fuzzing::cron, 2_000;
    csv_file: files::fuzzing::csv_file, 1_000;
    expression: syncline_expr::fuzzing::expression, 1_000;
    json_parts: syncline_core::fuzzing::json_parts, 2_000;
    jsonl_file: files::fuzzing::jsonl_file, 2_000;
    ledger_file: files::fuzzing::ledger_file, 200;
    outcome_file: syncline_engine::fuzzing::outcome_file, 500;
    parquet_file: files::fuzzing::parquet_file, 700;
    plan_file: syncline_engine::fuzzing::plan_file, 500;
    project: |bytes| syncline_config::fuzzing::project(bytes, &REGISTRY), 200;
    segment: syncline_snapshot::fuzzing::segment, 500;
    sqlite_database: sqlite::fuzzing::sqlite_database, 300;
    sqlite_values: sqlite::fuzzing::sqlite_values, 1_500;
    stored_record: syncline_store::fuzzing::stored_record, 1_500;
    value_texts: syncline_core::fuzzing::value_texts, 1_500;
    words: syncline_core::fuzzing::words, 1_000;
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(registry);

/// Most memory that this process may have used at any time: every input is small, so what one is
/// read into must be, too.
const PEAK_BYTES_MAX: u64 = 768 << 20;
/// No input is made longer than this.
const INPUT_BYTES_MAX: usize = 64 << 10;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

#[test]
fn every_fuzzer_is_tried_here_and_has_a_corpus() {
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(fuzz_folder().join(folder)).unwrap();
        let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_string();
        entries.map(|entry| name(entry.unwrap().path())).collect()
    };
    let tried: BTreeSet<String> = FUZZERS.iter().map(|name| name.to_string()).collect();
    assert_eq!(names("fuzz_targets"), tried);
    assert_eq!(names("corpus"), tried);
    let manifest = fs::read_to_string(fuzz_folder().join("Cargo.toml")).unwrap();
    for name in FUZZERS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} is not built");
    }
}

fn try_corpus(name: &str, entry: impl Fn(&[u8]), rounds: usize) {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(fuzz_folder().join("corpus").join(name)).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    let corpus: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    // On disk before it is tried, so that also an abort leaves it for `cargo fuzz run <name> <file>`.
    let tried = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
    let mut random =
        Random(name.bytes().fold(1, |seed: u64, b| seed.wrapping_mul(31).wrapping_add(u64::from(b))));
    let damaged = (0..rounds).map(|_| damage(&corpus, &mut random));
    for (round, input) in corpus.iter().cloned().chain(damaged).enumerate() {
        fs::write(&tried, &input).unwrap();
        if catch_unwind(AssertUnwindSafe(|| entry(&input))).is_err() {
            panic!("input {round} of {name} ends in a panic; it is in {}", tried.display());
        }
    }
    fs::remove_file(&tried).unwrap();
    let peak = peak_bytes();
    assert!(peak < PEAK_BYTES_MAX, "{peak} bytes of memory were in use");
}

/// Splitmix64 (Steele, Lea, Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when there is none.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// One input of the corpus with one to four defects.
fn damage(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        let span = at..(at + 1 + random.below(16)).min(bytes.len());
        match random.below(8) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => bytes[at] = [0, 1, b'0', b'"', 0x7f, 0x80, 0xff][random.below(7)],
            2 => bytes.truncate(at),
            3 if !bytes.is_empty() => drop(bytes.drain(span)),
            4 if !bytes.is_empty() => {
                let repeated = bytes[span].repeat(1 + random.below(40));
                bytes.splice(at..at, repeated);
            }
            5 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            6 => {
                let random: Vec<u8> = (0..=random.below(8)).map(|_| random.next() as u8).collect();
                bytes.splice(at..at, random);
            }
            _ => overwrite_number(&mut bytes, at, random),
        }
    }
    bytes.truncate(INPUT_BYTES_MAX);
    bytes
}

/// Puts a number at an edge where a length, a count or an offset may stand.
fn overwrite_number(bytes: &mut [u8], at: usize, random: &mut Random) {
    let len = bytes.len() as u64;
    let edges = [0, 1, len - len.min(1), len, len + 1, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, u64::MAX];
    let number = edges[random.below(edges.len())];
    let width = [1, 2, 4, 8][random.below(4)];
    let little = number.to_le_bytes();
    let field: Vec<u8> = match random.below(2) {
        0 => little[..width].to_vec(),
        _ => little[..width].iter().rev().copied().collect(),
    };
    let end = (at + width).min(bytes.len());
    bytes[at.min(end)..end].copy_from_slice(&field[..end - at.min(end)]);
}

/// The most memory this process had resident (`VmHWM` of proc(5)); 0 where that is not told.
fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|rest| rest.trim().strip_suffix("kB"));
    kilobytes.and_then(|number| number.trim().parse::<u64>().ok()).map_or(0, |number| number << 10)
}
