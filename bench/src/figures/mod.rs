//! The figures, by letter. Each is a ratio against a baseline that is taken in the same round.

mod incremental;
mod systems;
mod tables;

use clap::Args;
use serde_json::json;

use crate::peers;
use crate::report::Report;

#[derive(Args)]
pub struct Options {
    /// Rows of the table
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Rows of the large table, for figures e and f
    #[arg(long, default_value_t = 10_000_000)]
    large_rows: u64,
    /// How often each figure is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Which figures: a first sync, b nothing changed, c 1 % changed, d 1 % deleted (these four together),
    /// e incremental and f size (together), g other systems, h peers
    #[arg(long, value_delimiter = ',', default_value = "a,b,c,d,e,f,g")]
    figures: Vec<char>,
    /// Also figure h: peers, installed from PyPI below target/bench
    #[arg(long)]
    peers: bool,
    /// Rows of the table for the peers [default: as --rows]
    #[arg(long)]
    peer_rows: Option<u64>,
    /// Rounds with the peers, which take minutes each
    #[arg(long, default_value_t = 1)]
    peer_rounds: usize,
    /// Only these peers, by the beginning of their names (sling, dlt, drt)
    #[arg(long, value_delimiter = ',')]
    only_peers: Vec<String>,
}

pub fn run(options: &Options) {
    let asked = |letters: &str| options.figures.iter().any(|figure| letters.contains(*figure));
    let about = json!({ "rows": options.rows, "large_rows": options.large_rows, "rounds": options.rounds });
    // A name per selection: one for a part does not replace the one for all.
    let letters: String = options.figures.iter().collect();
    let mut report = Report::new(crate::workspace().join(format!("figures-{letters}.json")), about);
    if asked("abcd") {
        tables::run(options.rows, options.rounds, &mut report);
    }
    if asked("ef") {
        incremental::run([options.rows, options.large_rows], options.rounds, &mut report);
    }
    if asked("g") {
        systems::run(options.rows, options.rounds, &mut report);
    }
    if options.peers || asked("h") {
        let rows = options.peer_rows.unwrap_or(options.rows);
        peers::run(rows, options.peer_rounds, &options.only_peers, &mut report);
    }
}
