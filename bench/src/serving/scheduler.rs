//! What many schedules cost: firing and claiming, a long queue, and a server that only waits.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

use super::Shop;
use crate::measure;

#[derive(Args)]
pub struct Options {
    /// Syncs that are due every minute; and that lie idle in a server
    #[arg(long, default_value_t = 10_000)]
    syncs: u64,
    /// Minutes that are measured
    #[arg(long, default_value_t = 3)]
    minutes: u64,
    /// Runs that wait in the queue
    #[arg(long, default_value_t = 10_000)]
    queued: u64,
    /// Which: minutely schedules, a queue, an idle server
    #[arg(long, value_delimiter = ',', default_value = "minutely,queued,idle")]
    only: Vec<String>,
}

/// How long an idle server is looked at.
const IDLE: Duration = Duration::from_secs(60);

pub fn run(options: &Options) {
    let asked = |what: &str| options.only.iter().any(|only| only == what);
    if asked("minutely") {
        load(&["minutely", &options.syncs.to_string(), &options.minutes.to_string()]);
    }
    if asked("queued") {
        load(&["queued", &options.queued.to_string()]);
    }
    if asked("idle") {
        idle(options.syncs);
    }
}

/// The scheduler and the worker alone, over an embedded store: an example of their crate.
fn load(arguments: &[&str]) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--release", "-p", "syncline-scheduler", "--example", "load", "--"])
        .args(arguments)
        .current_dir(crate::root())
        .status()
        .expect("cargo runs");
    assert!(status.success(), "{arguments:?}: {status}");
}

/// A server whose syncs are all inactive.
fn idle(syncs: u64) {
    let mut shop = Shop::new(syncs, 1, &[]);
    for what in ["first start", "second start"] {
        let began = Instant::now();
        let (server, _) = shop.serve();
        let (took, cpu) = (began.elapsed().as_secs_f64(), measure::cpu_seconds(server.id()));
        println!("{what} with {syncs} inactive syncs: {took:.1} s, {cpu:.1} s of CPU time");
        if what == "second start" {
            let before = measure::cpu_seconds(server.id());
            thread::sleep(IDLE);
            let share = (measure::cpu_seconds(server.id()) - before) / IDLE.as_secs_f64();
            let peak = measure::peak_bytes(server.id()) as f64 / 1e6;
            println!("idle: {share:.4} CPU seconds per second, peak {peak:.0} MB");
        }
        server.terminate();
    }
}
