//! Measures Syncline: against plain tools, against its peers, in instructions per row, where its time
//! goes, and its server at work. `docs/performance.md` explains the figures and holds the last ones.

mod customers;
mod figures;
mod instructions;
mod measure;
mod peers;
mod postgres;
mod profile;
mod project;
mod report;
mod serving;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "syncline-bench", max_term_width = 100)]
struct Arguments {
    #[command(flatten)]
    figures: figures::Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Count the instructions of each row and keep them in `bench/instructions.txt`
    Instructions(instructions::Options),
    /// Show where the time of a run goes
    Profile(profile::Options),
    /// Measure how fast the server answers over a long history
    Api(serving::api::Options),
    /// Measure what following a run live costs, and how often its figures come
    Events(serving::events::Options),
    /// Measure what many schedules, a long queue and an idle server cost
    Scheduler(serving::scheduler::Options),
}

fn main() {
    let arguments = Arguments::parse();
    match arguments.command {
        None => figures::run(&arguments.figures),
        Some(Command::Instructions(options)) => instructions::run(&options),
        Some(Command::Profile(options)) => profile::run(&options),
        Some(Command::Api(options)) => serving::api::run(&options),
        Some(Command::Events(options)) => serving::events::run(&options),
        Some(Command::Scheduler(options)) => serving::scheduler::run(&options),
    }
}

/// The root of the source tree.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bench is a folder of the tree").to_path_buf()
}

/// `target/bench`: results, and the environments of the peers.
fn workspace() -> PathBuf {
    let folder = root().join("target/bench");
    std::fs::create_dir_all(&folder).expect("make target/bench");
    folder
}
