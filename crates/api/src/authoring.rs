//! What helps people to write definitions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{Draft, ScheduleView};

/// A function that expressions of a mapping can call.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FunctionView {
    pub name: String,
    /// Other names of the same function.
    pub aliases: Vec<String>,
    /// `left(text, n) → text`
    pub signature: String,
    /// What it does, in one line.
    pub summary: String,
    /// An expression without columns.
    pub example: String,
    /// The value of the example as text, or `NULL`.
    pub result: String,
}

/// A schedule to be looked at before it is kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SchedulePreviewRequest {
    /// As below `schedule` in a definition: `every`, `cron` with `timezone`, or `after`.
    pub schedule: Map<String, Value>,
    /// Fires to show; 10 unless given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100)]
    pub count: Option<u64>,
}

/// When a sync with this schedule would run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SchedulePreview {
    pub schedule: ScheduleView,
    /// In words: `every 15 minutes`, `at 06:00, on Monday through Friday`.
    pub words: String,
    /// The next times, if it were activated now; none of `after`.
    pub next_fires: Vec<Timestamp>,
}

/// A sync to be checked before it is kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftCheckRequest {
    /// With `entity`, unless the document has only one.
    pub draft: Draft,
    /// Make the target if it is missing.
    #[serde(default)]
    pub create: bool,
}
