//! Whether following a run slows it down, and how often its followers hear of it.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value as Json, json};
use syncline_tests::server::Client;

use super::{Shop, trigger};
use crate::measure::{self, Cost, median};
use crate::report::{Figure, Report, Target};

#[derive(Args)]
pub struct Options {
    /// Rows that each run changes
    #[arg(long, default_value_t = 300_000)]
    rows: u64,
    /// How many clients listen
    #[arg(long, value_delimiter = ',', default_value = "1,10,100")]
    listeners: Vec<usize>,
    /// How often each figure is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// Statuses of a run that has not ended.
const UNFINISHED: [&str; 4] = ["scheduled", "queued", "starting", "running"];

pub fn run(options: &Options) {
    let mut shop = Shop::new(1, options.rows, &[]);
    shop.deliver();
    let (server, client) = shop.serve();
    let about = json!({ "rows": options.rows, "rounds": options.rounds });
    let mut report = Report::new(crate::workspace().join("events.json"), about);
    for &listeners in &options.listeners {
        let name = format!("{listeners} listening / nobody");
        let mut figure = Figure::new('l', name, Some(Target::Ratio(1.05)));
        let mut gaps = Vec::new();
        for _ in 0..options.rounds {
            let (alone, _) = follow(&client, 0, server.id());
            let (followed, heard) = follow(&client, listeners, server.id());
            figure.push(followed, alone);
            gaps.extend(heard);
        }
        report.add(figure);
        gaps.sort_by(f64::total_cmp);
        println!(
            "   figures came {} times, each {:.2} s after the one before, at most {:.2} s",
            gaps.len(),
            median(gaps.iter().copied()),
            gaps.last().unwrap_or(&f64::NAN)
        );
    }
    server.terminate();
}

/// A run with so many listeners: what it cost the server, and the seconds between figures that came.
fn follow(client: &Client, listeners: usize, server: u32) -> (Cost, Vec<f64>) {
    let everybody = Barrier::new(listeners + 1);
    thread::scope(|scope| {
        let listening: Vec<_> = (0..listeners).map(|_| scope.spawn(|| listen(client, &everybody))).collect();
        everybody.wait();
        let (began, cpu) = (Instant::now(), measure::cpu_seconds(server));
        let run = client.ended(&trigger(client));
        let wall = began.elapsed().as_secs_f64();
        assert_eq!(run["status"], "completed", "{run}");
        let cost = Cost { wall, client: measure::cpu_seconds(server) - cpu, ..Cost::default() };
        let heard = listening.into_iter().flat_map(|one| one.join().expect("a listener hears the end"));
        (cost, heard.collect())
    })
}

/// Listens until the next run has ended. The seconds between its figures, from when it began to run.
fn listen(client: &Client, everybody: &Barrier) -> Vec<f64> {
    let client = client.with_token(&client.token);
    let mut events = client.listen("/events", None);
    everybody.wait();
    let mut gaps = Vec::new();
    let mut last: Option<Instant> = None;
    loop {
        let event = events.next_event().expect("the run's end is told");
        let now = Instant::now();
        let status = &event.data["data"]["status"];
        match event.kind.as_str() {
            "run" if status == "running" => last = last.or(Some(now)),
            "run" if status.as_str().is_some_and(|status| !UNFINISHED.contains(&status)) => return gaps,
            "progress" if has_figures(&event.data) => {
                gaps.extend(last.map(|last| (now - last).max(Duration::ZERO).as_secs_f64()));
                last = Some(now);
            }
            _ => {}
        }
    }
}

fn has_figures(data: &Json) -> bool {
    data.get("total_discovered").is_some()
}
