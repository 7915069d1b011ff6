//! Instructions per row: a figure of the program that no machine and no neighbour changes.
//!
//! The whole program runs under callgrind, on `n` and on `2n` rows; the difference, divided by `n`, is what
//! a row costs. Starting, connecting and planning statements are the same in both, and fall out.
//! Callgrind counts user instructions of all threads, one thread at a time.

use std::fs;
use std::process::Command;

use clap::Args;
use syncline_tests::postgres::Durability;

use crate::postgres::Databases;
use crate::project::{Customers, MIRROR};

#[derive(Args)]
pub struct Options {
    /// Rows of the smaller table
    #[arg(long, default_value_t = 20_000)]
    rows: u64,
    /// Compare with the kept figures, and leave them as they are
    #[arg(long)]
    check: bool,
}

/// A figure that is more than this above the kept one fails a check. Batches are cut by what has arrived,
/// so counts differ by a few percent between runs.
const WORSE_MAX: f64 = 1.1;

/// What is counted, in the order in which one project goes through it.
const STEPS: [&str; 3] = ["first load", "unchanged row", "changed row"];

const HEADER: &str = "\
# User instructions per row of a sync from one PostgreSQL table to another (12 columns, mirror), the
# release build under callgrind, all threads. Written by `syncline-bench instructions`.
";

pub fn run(options: &Options) {
    let path = crate::root().join("bench/instructions.txt");
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let databases = Databases::start(Durability::Fast);
    let [smaller, larger] = [options.rows, 2 * options.rows].map(|rows| count(&databases, rows));
    let mut text = String::from(HEADER);
    let mut worse = Vec::new();
    for (step, (smaller, larger)) in STEPS.iter().zip(smaller.into_iter().zip(larger)) {
        let per_row = larger.saturating_sub(smaller) / options.rows;
        text += &format!("{step:<16}{per_row:>8}\n");
        let before = kept_figure(&kept, step);
        println!(
            "{step:<16}{per_row:>8} instructions a row (kept: {})",
            before.map_or("-".into(), |b| b.to_string())
        );
        if before.is_some_and(|before| per_row as f64 > before as f64 * WORSE_MAX) {
            worse.push(*step);
        }
    }
    if !options.check {
        fs::write(&path, text).expect("write bench/instructions.txt");
    } else if !worse.is_empty() {
        eprintln!("more than before: {}", worse.join(", "));
        std::process::exit(1);
    }
}

fn kept_figure(kept: &str, step: &str) -> Option<u64> {
    kept.lines().find_map(|line| line.strip_prefix(step))?.trim().parse().ok()
}

/// Instructions of each step on a table of this size.
fn count(databases: &Databases, rows: u64) -> [u64; 3] {
    databases.fill(rows);
    databases.clear_target();
    let project = Customers::tables(databases, MIRROR);
    [0, 1, 2].map(|step| {
        if step == 2 {
            // Every row, in an order that no later read of the table is spoiled by.
            databases.change_source("update customers set mrr = mrr + 1");
        }
        let counted = project.0.path("callgrind.out");
        let arguments =
            ["--tool=callgrind".to_string(), format!("--callgrind-out-file={}", counted.display())];
        let mut command: Command = project.run_under("valgrind", &arguments);
        let output = command.output().expect("valgrind runs (Debian's package valgrind)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        databases.assert_equal(STEPS[step]);
        total(&fs::read_to_string(counted).expect("callgrind wrote its file"))
    })
}

/// The sum that a callgrind file ends with.
fn total(file: &str) -> u64 {
    let sum = |line: &str| line.strip_prefix("totals:").and_then(|text| text.trim().parse().ok());
    file.lines().rev().find_map(sum).expect("a callgrind file ends with its totals")
}
