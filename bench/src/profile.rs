//! Where the time of a run goes: samples of the running program by `perf`, summed by crate.

use std::collections::BTreeMap;
use std::process::Command;

use clap::{Args, ValueEnum};
use serde_json::Value as Json;
use syncline_tests::postgres::Durability;

use crate::customers;
use crate::postgres::Databases;
use crate::project::{Customers, MIRROR};

#[derive(Args)]
pub struct Options {
    /// Rows of the table
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Which runs
    #[arg(long, value_delimiter = ',', default_value = "first,unchanged,changed")]
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    First,
    Unchanged,
    Changed,
}

/// Samples in a second of CPU time. Not a round number, so that nothing periodic is in step with it.
const FREQUENCY: &str = "997";

/// Lines shown of each list.
const SHOWN: usize = 16;

pub fn run(options: &Options) {
    let databases = Databases::start(Durability::Full);
    databases.fill(options.rows);
    databases.clear_target();
    let project = Customers::tables(&databases, MIRROR);
    let samples = project.0.path("perf.data").display().to_string();
    for step in [Step::First, Step::Unchanged, Step::Changed] {
        if step == Step::Changed {
            databases.change_source(&customers::change("id % 100 = 0"));
        }
        databases.checkpoint();
        // Not the hardware's counters, which virtual machines lack.
        let arguments =
            ["record", "-q", "-e", "cpu-clock", "-F", FREQUENCY, "-o", &samples, "--"].map(String::from);
        let output = project.run_under("perf", &arguments).output();
        let output = output.expect("perf runs (Debian's package linux-perf)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        if options.steps.contains(&step) {
            println!("\n{step:?}, {} rows: its phases", options.rows);
            phases(&project);
            println!("share of the program's CPU time:");
            show(&symbols(&samples));
        }
    }
}

/// What the last run itself says of its phases, in seconds.
fn phases(project: &Customers) {
    let output = project.call(&["runs", "show", "last", "--output", "json"]).output().expect("syncline runs");
    let run: Json = serde_json::from_slice(&output.stdout).expect("a run in JSON");
    let started = |phase: &Json, edge: &str| seconds(phase[edge].as_str().unwrap_or_default());
    for phase in run["timeline"].as_array().into_iter().flatten() {
        let took = started(phase, "ended_at") - started(phase, "started_at");
        println!("  {took:>6.2} s  {}", phase["phase"].as_str().unwrap_or_default());
    }
    for name in ["bytes_read", "bytes_written"] {
        println!("  {:>6} MB {name}", run["performance"][name].as_u64().unwrap_or(0) / 1_000_000);
    }
}

/// Seconds since midnight of a time such as `2026-11-22T02:52:11.523Z`.
fn seconds(time: &str) -> f64 {
    let clock = time.split_once('T').map_or("", |(_, clock)| clock.trim_end_matches('Z'));
    clock.split(':').fold(0.0, |sum, part| sum * 60.0 + part.parse().unwrap_or(0.0))
}

/// How many samples were taken in each function.
fn symbols(samples: &str) -> BTreeMap<String, u64> {
    let output =
        Command::new("perf").args(["script", "-F", "ip,sym", "-i", samples]).output().expect("perf runs");
    let mut counts = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Some((address, name)) = line.trim().split_once(' ') else { continue };
        // The upper half of the address space is the kernel's.
        let place = if address.len() == 16 && address.starts_with("ffff") { "kernel::" } else { "" };
        *counts.entry(format!("{place}{}", name.trim())).or_default() += 1;
    }
    counts
}

fn show(symbols: &BTreeMap<String, u64>) {
    let mut owners: BTreeMap<String, u64> = BTreeMap::new();
    for (name, count) in symbols {
        *owners.entry(owner(name)).or_default() += count;
    }
    print_largest(&owners);
    println!("the functions:");
    print_largest(symbols);
}

fn print_largest(counts: &BTreeMap<String, u64>) {
    let sum: u64 = counts.values().sum();
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (name, count) in sorted.into_iter().take(SHOWN) {
        println!("  {:>5.1} %  {name}", *count as f64 * 100.0 / sum.max(1) as f64);
    }
}

/// The crate of a function, and its module where the crate is ours: `<syncline_core::canon::X as Y>::z`
/// belongs to `syncline_core::canon`.
fn owner(name: &str) -> String {
    let path = name.trim_start_matches(['<', '&', '*', '[', '(']);
    let path = path.strip_prefix("mut ").unwrap_or(path);
    if !path.contains("::") {
        return "libc and other C".into();
    }
    let mut parts = path.split("::");
    let first = parts.next().unwrap_or_default();
    match parts.next() {
        Some(module) if first.starts_with("syncline_") => {
            format!("{first}::{}", module.split('<').next().unwrap_or(module))
        }
        _ => first.split('<').next().unwrap_or(first).to_string(),
    }
}
