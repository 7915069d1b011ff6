//! How fast the API answers over a long history.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value as Json, json};
use syncline_tests::postgres::Durability;
use syncline_tests::server::Client;

use super::{Shop, history, sync, trigger};
use crate::measure::{median, percentile};
use crate::postgres::Databases;

#[derive(Args)]
pub struct Options {
    /// Runs that are stored
    #[arg(long, default_value_t = 1_000_000)]
    runs: u64,
    /// Syncs that they are of
    #[arg(long, default_value_t = 200)]
    syncs: u64,
    /// Rows of the sync that runs meanwhile
    #[arg(long, default_value_t = 300_000)]
    rows: u64,
    /// Also over a state in PostgreSQL
    #[arg(long)]
    postgres: bool,
    /// How many clients ask at once
    #[arg(long, value_delimiter = ',', default_value = "1,16")]
    clients: Vec<usize>,
    /// How long each request is made again and again, in seconds
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// How often each figure is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// A request that differs from one time to the next as users do.
struct Question {
    name: &'static str,
    path: fn(&Options, u64) -> String,
}

const QUESTIONS: [Question; 8] = [
    // What a request costs that asks nothing of the state: the baseline.
    Question { name: "/healthz", path: |_, _| "/healthz".into() },
    Question { name: "/runs", path: |_, _| "/runs".into() },
    Question { name: "/runs?status=failed", path: |_, _| "/runs?status=failed".into() },
    Question {
        name: "/syncs/{id}/runs",
        path: |o, n| format!("/syncs/shop.{}/runs", sync(other(n, o.syncs))),
    },
    Question {
        name: "/syncs/{id}/runs?page=100",
        path: |o, n| format!("/syncs/shop.{}/runs?page=100", sync(other(n, o.syncs))),
    },
    Question { name: "/runs/{id}", path: |o, n| format!("/runs/{}", history::id(other(n, o.runs))) },
    Question { name: "/health?window=30d", path: |_, _| "/health?window=30d".into() },
    Question { name: "/syncs", path: |_, _| "/syncs".into() },
];

/// Requests of each client at the least, however long they take.
const REQUESTS_MIN: usize = 5;

/// One of the numbers from 1 to below `end`, another each time.
fn other(n: u64, end: u64) -> u64 {
    1 + n.wrapping_mul(2_654_435_761) % (end - 1)
}

pub fn run(options: &Options) {
    over_sqlite(options);
    if options.postgres {
        over_postgres(options);
    }
}

fn over_sqlite(options: &Options) {
    let mut shop = Shop::new(options.syncs, options.rows, &[]);
    shop.deliver();
    history::fill_sqlite(&shop.project.path(".syncline/state.db"), options.runs);
    measure("sqlite", &mut shop, options);
}

fn over_postgres(options: &Options) {
    let databases = Databases::start(Durability::Full);
    let variables = [("SYNCLINE_STATE", databases.source.as_str()), ("SYNCLINE_FILES", "files")];
    let mut shop = Shop::new(options.syncs, options.rows, &variables);
    shop.deliver();
    history::fill_postgres(&databases.source, options.runs);
    measure("postgres", &mut shop, options);
}

/// Milliseconds of many answers to one question.
#[derive(Clone, Copy)]
struct Answered {
    p50: f64,
    p99: f64,
    longest: f64,
    /// p50 against that of the baseline in the same round.
    ratio: f64,
}

fn measure(state: &str, shop: &mut Shop, options: &Options) {
    let (server, client) = shop.serve();
    println!(
        "\n{state}, {} runs of {} syncs; milliseconds{:>22}{:>9}{:>9}{:>10}",
        options.runs, options.syncs, "p50", "p99", "max", "/healthz"
    );
    let mut figures = Vec::new();
    for busy in [false, true] {
        for &clients in &options.clients {
            let rounds: Vec<Vec<Answered>> =
                (0..options.rounds).map(|_| round(&client, clients, busy, options)).collect();
            for (n, question) in QUESTIONS.iter().enumerate() {
                let of = |figure: fn(&Answered) -> f64| median(rounds.iter().map(|round| figure(&round[n])));
                let longest = rounds.iter().map(|round| round[n].longest).fold(0.0, f64::max);
                let (p50, p99, ratio) = (of(|a| a.p50), of(|a| a.p99), of(|a| a.ratio));
                println!(
                    "{clients:>3} {:<14}{:<28}{p50:>12.1}{p99:>9.1}{longest:>9.1}{ratio:>9.1}x",
                    if busy { "during a run" } else { "alone" },
                    question.name
                );
                figures.push(json!({
                    "request": question.name, "clients": clients, "during_a_run": busy,
                    "p50_ms": p50, "p99_ms": p99, "longest_ms": longest, "ratio": ratio,
                }));
            }
        }
    }
    server.terminate();
    save(state, options, &figures);
}

fn save(state: &str, options: &Options, figures: &[Json]) {
    let about = json!({ "runs": options.runs, "syncs": options.syncs, "rounds": options.rounds });
    let text = format!("{:#}\n", json!({ "about": about, "figures": figures }));
    std::fs::write(crate::workspace().join(format!("api-{state}.json")), text).expect("write the figures");
}

/// All questions, one after the other, the baseline first.
fn round(client: &Client, clients: usize, busy: bool, options: &Options) -> Vec<Answered> {
    let over = AtomicBool::new(!busy);
    thread::scope(|scope| {
        scope.spawn(|| keep_busy(client, &over));
        let mut baseline = f64::NAN;
        let answered = QUESTIONS.iter().map(|question| {
            let mut took = ask(client, clients, question, options);
            took.sort_by(f64::total_cmp);
            let p50 = percentile(&took, 0.5);
            if baseline.is_nan() {
                baseline = p50;
            }
            let longest = took.last().copied().unwrap_or(f64::NAN);
            Answered { p50, p99: percentile(&took, 0.99), longest, ratio: p50 / baseline }
        });
        let answered = answered.collect();
        over.store(true, Ordering::Relaxed);
        answered
    })
}

/// Lets one run follow the other: a trigger joins the run that waits already.
fn keep_busy(client: &Client, over: &AtomicBool) {
    let client = client.with_token(&client.token);
    while !over.load(Ordering::Relaxed) {
        trigger(&client);
        thread::sleep(Duration::from_millis(300));
    }
}

/// How long each answer took, in milliseconds.
fn ask(client: &Client, clients: usize, question: &Question, options: &Options) -> Vec<f64> {
    let until = Instant::now() + Duration::from_secs_f64(options.seconds);
    let asker = |first: usize| {
        let client = client.with_token(&client.token);
        // Connects.
        client.get("/healthz").expect(200);
        let mut took = Vec::new();
        while Instant::now() < until || took.len() < REQUESTS_MIN {
            let path = (question.path)(options, (first + took.len() * clients) as u64);
            let asked = Instant::now();
            let answer = client.get(&path);
            took.push(asked.elapsed().as_secs_f64() * 1e3);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
        took
    };
    thread::scope(|scope| {
        let askers: Vec<_> = (0..clients).map(|n| scope.spawn(move || asker(n))).collect();
        askers.into_iter().flat_map(|asker| asker.join().expect("a client asks to the end")).collect()
    })
}
