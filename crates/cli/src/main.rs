//! The `syncline` command: reads the command line, runs one command, answers with an exit code.

mod app;
mod args;
mod audit;
mod commands;
mod demo;
mod execution;
mod exit;
mod fail_points;
mod fault;
mod interrupt;
mod output;
mod records;
mod recovery;
mod remote;
mod select;
mod server_file;
mod session;
mod state;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Command, LogFormat};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output::Out;

/// What every command gets.
pub struct Context {
    pub globals: args::Globals,
    pub out: Out,
    pub interrupt: Interrupt,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let _scenario = fail_points::set_up();
    log_to_stderr(cli.globals.verbose, &cli.command);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("error: the program could not start its threads: {e}");
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(async {
        let out = Out::new(&cli.globals);
        let interrupt = Interrupt::listen(out.live.clone());
        let context = Context { globals: cli.globals, out, interrupt };
        match Box::pin(commands::run(&context, cli.command)).await {
            Ok(exit) => exit,
            Err(fault) => {
                fault.report(&context.out);
                fault.exit()
            }
        }
    });
    syncline_server::traces::end();
    // Blocking reads (a question on the terminal) do not keep the program alive.
    runtime.shutdown_background();
    exit.into()
}

/// The program's own diary. `RUST_LOG` decides in detail, `-v` and `-vv` in general. A server tells more
/// than a command, with the time, and for programs as JSON.
fn log_to_stderr(verbose: u8, command: &Command) {
    let format = match command {
        Command::Serve(args) => Some(args.log),
        Command::Worker(args) => Some(args.log),
        _ => None,
    };
    let level = match (verbose, format) {
        (0, None) => "error",
        (0, Some(_)) => "warn,syncline=info",
        (1, _) => "info,syncline=debug",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        None => log.without_time().init(),
        Some(LogFormat::Text) => log.with_ansi(false).init(),
        Some(LogFormat::Json) => log.json().flatten_event(true).with_span_list(false).init(),
    }
}
