//! What a notice tells. It is stored with the notice, and is the `data` of a webhook's message.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::run::GuardVerdict;
use syncline_core::{Counters, Run, RunId, RunStatus, RunType, SyncId, Trigger};

/// Most guards of a held run that are told of.
const GUARDS_MAX: usize = 10;
/// Longest sentence of a guard, in characters.
const GUARD_CHARS_MAX: usize = 300;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A run completed.
    Completed,
    /// A run failed, after one that did not or for another reason than before.
    Failed,
    /// More rows of a run failed than the channel's percentage, after one where fewer did.
    HighErrorRate,
    /// As many runs failed in a row as the channel says.
    ConsecutiveFailures,
    /// A run waits for a person to approve it.
    Held,
    /// The sync does nothing until a person activates it.
    Halted,
    /// A run completed after the sync had failed.
    Recovered,
    /// Somebody tries the channel.
    Test,
}

impl Event {
    pub const ALL: [Event; 8] = [
        Event::Completed,
        Event::Failed,
        Event::HighErrorRate,
        Event::ConsecutiveFailures,
        Event::Held,
        Event::Halted,
        Event::Recovered,
        Event::Test,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Event::Completed => "completed",
            Event::Failed => "failed",
            Event::HighErrorRate => "high_error_rate",
            Event::ConsecutiveFailures => "consecutive_failures",
            Event::Held => "held",
            Event::Halted => "halted",
            Event::Recovered => "recovered",
            Event::Test => "test",
        }
    }

    /// The `type` of a webhook's message: what it is about, and what happened to it.
    pub fn webhook_type(self) -> &'static str {
        match self {
            Event::Completed => "run.completed",
            Event::Failed => "run.failed",
            Event::HighErrorRate => "run.high_error_rate",
            Event::Held => "run.held",
            Event::ConsecutiveFailures => "sync.consecutive_failures",
            Event::Halted => "sync.halted",
            Event::Recovered => "sync.recovered",
            Event::Test => "test",
        }
    }
}

/// What is told, in figures and codes: no values of rows, no messages that could quote one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Telling {
    pub event: Event,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_id: Option<SyncId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunTold>,
    /// Of the run's error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Guards that hold the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<GuardTold>,
    /// Share of the rows that failed, and what the channel allows; both in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<ErrorRate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures_in_a_row: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunTold {
    pub id: RunId,
    #[serde(rename = "type")]
    pub run_type: RunType,
    pub trigger: Trigger,
    pub status: RunStatus,
    pub correlation_id: String,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    pub duration_seconds: Option<f64>,
    /// Automatic retries up to this run.
    pub retry_number: u32,
    pub partially_written: bool,
    #[serde(flatten)]
    pub counters: Counters,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuardTold {
    pub guard: String,
    /// Its numbers in a sentence.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorRate {
    pub percent: f64,
    pub limit: f64,
}

impl Telling {
    /// An event without anything to it.
    pub fn bare(event: Event) -> Self {
        Self {
            event,
            sync_id: None,
            run: None,
            error_code: None,
            guards: Vec::new(),
            error_rate: None,
            failures_in_a_row: None,
        }
    }

    pub fn of_run(event: Event, run: &Run, now: Timestamp) -> Self {
        Self {
            sync_id: Some(run.sync_id.clone()),
            run: Some(RunTold::of(run, now)),
            error_code: run.error.as_ref().map(|error| error.code.clone()),
            guards: match event {
                Event::Held => guards(&run.guards),
                _ => Vec::new(),
            },
            ..Self::bare(event)
        }
    }
}

impl RunTold {
    fn of(run: &Run, now: Timestamp) -> Self {
        Self {
            id: run.id.clone(),
            run_type: run.run_type,
            trigger: run.trigger,
            status: run.status,
            correlation_id: run.correlation_id.clone(),
            started_at: run.started_at,
            completed_at: run.completed_at,
            duration_seconds: run.duration_seconds(now),
            retry_number: run.retry_number,
            partially_written: run.partially_written,
            counters: run.counters,
        }
    }
}

/// The samples of records stay behind.
fn guards(verdicts: &[GuardVerdict]) -> Vec<GuardTold> {
    let tripped = verdicts.iter().filter(|verdict| verdict.tripped).take(GUARDS_MAX);
    tripped
        .map(|verdict| GuardTold {
            guard: verdict.guard.clone(),
            message: verdict.message.chars().take(GUARD_CHARS_MAX).collect(),
        })
        .collect()
}

/// Pages that messages link to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// Address under which people reach the server, without a slash at its end; `None`: no links.
    pub base_url: Option<String>,
}

impl Links {
    pub fn run(&self, id: &RunId) -> Option<String> {
        Some(format!("{}/runs/{}", self.base_url.as_ref()?, encoded(id.as_str())))
    }

    /// The page about an error code: cause and remedy.
    pub fn error(&self, code: &str) -> Option<String> {
        Some(format!("{}/api/errors/{}", self.base_url.as_ref()?, encoded(code)))
    }
}

/// Ids are letters, digits and `_`; anything else must not end the link it stands in.
fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let encode = |byte: u8| if plain(&byte) { (byte as char).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}
