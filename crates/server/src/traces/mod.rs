//! Traces for OpenTelemetry: which steps runs and requests took, and how long. None of them holds a value
//! of a row, a key, a query or a message of an error.
//!
//! A trace is told when it is over, out of the record of the run. Its id is the run's correlation id, so
//! that whoever has a log line, a dead letter or a notice has the trace.

mod export;
mod request;
pub(crate) mod run;
mod settings;

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::Context;
use syncline_core::{Result, Run};

pub use request::{asked_for, requests};

use crate::problem::chain;
use export::Exporter;
use settings::Settings;

/// How long the end of the program waits for the last spans.
const END_MAX: Duration = Duration::from_secs(5);

/// There is one, however many servers are in the process; none where no traces are wanted.
static EXPORTER: OnceLock<Option<Exporter>> = OnceLock::new();

/// Begins to send traces, if the environment says where to. What is wrong with it is told and stops nothing.
///
/// # Panics
///
/// Outside of a runtime of tokio.
pub fn install() {
    EXPORTER.get_or_init(|| {
        started().unwrap_or_else(|e| {
            let help = e.help.as_deref();
            tracing::error!(code = e.code(), error = %chain(&e), help, "no traces are sent");
            None
        })
    });
}

fn started() -> Result<Option<Exporter>> {
    let read = |name: &str| std::env::var(name).ok();
    Settings::read(read)?.map(Exporter::start).transpose()
}

fn exporter() -> Option<&'static Exporter> {
    EXPORTER.get()?.as_ref()
}

/// Tells of a run that ended here, or that a guard holds.
pub fn run_ended(run: &Run) {
    let Some(exporter) = exporter() else { return };
    if let Some(trace) = run::trace_of(run)
        && exporter.is_wanted(&Context::new(), trace, run::NAME)
    {
        run::spans(run, trace).into_iter().for_each(|span| exporter.send(span));
    }
}

/// Sends what was not sent yet, as far as that can be done in a few seconds.
pub fn end() {
    if let Some(exporter) = exporter()
        && !exporter.end(END_MAX)
    {
        tracing::warn!(seconds = END_MAX.as_secs(), "the last traces were not taken in time");
    }
}
