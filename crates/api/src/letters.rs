//! Dead letters.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use syncline_core::run::ReplayMode;
use syncline_core::{Error, ErrorKind};
use syncline_store::{DeadLetter, LetterGroup, LetterState};
use utoipa::ToSchema;

use crate::words::*;
use crate::{RunView, TriggerName};

/// A record that could not be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LetterView {
    pub id: String,
    pub sync_id: String,
    pub entity: String,
    pub row_id: String,
    /// The run that failed last.
    pub run_id: String,
    pub correlation_id: String,
    /// `open`, `replaying`, `resolved_auto`, `resolved_replay`, `resolved_user`, `ignored` or `expired`.
    #[schema(value_type = LetterStateName)]
    pub state: String,
    #[schema(value_type = StageWord)]
    pub stage: String,
    pub code: String,
    pub message: String,
    pub field: Option<String>,
    pub raw_value: Option<String>,
    /// Same for errors of the same kind.
    pub fingerprint: String,
    #[schema(value_type = LetterOperationWord)]
    pub operation: String,
    pub attempts: u32,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// For example `may_have_been_written`.
    pub flags: Vec<String>,
    /// Hash of the mapping the payload was made with.
    pub mapping_version: String,
    /// Source columns by name, where the sync keeps values.
    pub source_row: Option<serde_json::Value>,
    /// Target fields as sent, or as far as mapping got, where the sync keeps values.
    pub payload: Option<serde_json::Value>,
    /// What a person wants to be sent instead.
    pub edited: Option<EditedView>,
    /// The run that replays it, while it is `replaying`.
    pub replayed_by: Option<String>,
    /// Why somebody ignored it, in their words, while it is `ignored`.
    #[serde(default)]
    pub ignored_because: Option<String>,
}

/// A payload as a person corrected it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EditedView {
    /// All target fields by name.
    pub payload: serde_json::Value,
    pub by: String,
    pub at: Timestamp,
}

impl From<DeadLetter> for LetterView {
    fn from(l: DeadLetter) -> Self {
        Self {
            id: l.id.to_string(),
            sync_id: l.sync_id.to_string(),
            entity: l.entity,
            row_id: l.row_id,
            run_id: l.run_id.to_string(),
            correlation_id: l.correlation_id,
            state: l.state.as_str().into(),
            stage: l.stage.as_str().into(),
            code: l.code,
            message: l.message,
            field: l.field,
            raw_value: l.raw_value,
            fingerprint: l.fingerprint,
            operation: l.op,
            attempts: l.attempts,
            first_seen_at: l.first_seen_at,
            last_seen_at: l.last_seen_at,
            flags: l.flags,
            mapping_version: l.mapping_version,
            source_row: l.source_row,
            payload: l.payload,
            edited: l.edited.map(|e| EditedView { payload: e.payload, by: e.by, at: e.at }),
            replayed_by: l.replayed_by.map(|run| run.to_string()),
            ignored_because: l.ignored_because,
        }
    }
}

/// Letters with one error.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LetterGroupView {
    pub fingerprint: String,
    pub sync_id: String,
    pub code: String,
    #[schema(value_type = StageWord)]
    pub stage: String,
    pub field: Option<String>,
    /// Message of the letter seen last.
    pub message: String,
    pub count: u64,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// The letter seen last, and its row.
    pub example_id: String,
    pub example_row_id: String,
}

impl From<LetterGroup> for LetterGroupView {
    fn from(g: LetterGroup) -> Self {
        let example = g.example;
        Self {
            fingerprint: g.fingerprint,
            sync_id: example.sync_id.to_string(),
            code: example.code,
            stage: example.stage.as_str().into(),
            field: example.field,
            message: example.message,
            count: g.count,
            first_seen_at: g.first_seen_at,
            last_seen_at: g.last_seen_at,
            example_id: example.id.to_string(),
            example_row_id: example.row_id,
        }
    }
}

/// Which letters a request is about: exactly one of `ids`, `filter` and `group`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LetterChoice {
    /// Letters by their ids, in whatever state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 10000)]
    pub ids: Option<Vec<String>>,
    /// Letters with these properties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<LetterMatch>,
    /// Letters of one error, by its fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// With `group`: of this sync alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_id: Option<String>,
}

/// Letters to leave alone, and why. Exactly one of `ids`, `filter` and `group` is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IgnoreRequest {
    /// Letters by their ids, in whatever state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 10000)]
    pub ids: Option<Vec<String>>,
    /// Letters with these properties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<LetterMatch>,
    /// Letters of one error, by its fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// With `group`: of this sync alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_id: Option<String>,
    /// For whoever looks at them later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

impl IgnoreRequest {
    pub fn new(choice: LetterChoice, reason: Option<String>) -> Self {
        let LetterChoice { ids, filter, group, sync_id } = choice;
        Self { ids, filter, group, sync_id, reason }
    }

    /// Its letters, without why.
    pub fn choice(&self) -> LetterChoice {
        let Self { ids, filter, group, sync_id, .. } = self.clone();
        LetterChoice { ids, filter, group, sync_id }
    }
}

/// Most characters of the reason why letters are ignored.
pub const REASON_MAX: usize = 500;

/// A reason as it is kept: without blanks around it, and none where nothing is said.
pub fn reason_to_keep(reason: Option<&str>) -> Result<Option<&str>, Error> {
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
    match reason.map_or(0, |reason| reason.chars().count()) {
        0..=REASON_MAX => Ok(reason),
        length => {
            let message = format!("a reason has at most {REASON_MAX} characters; this one has {length}");
            Err(Error::new(ErrorKind::BadUsage, message).help("say it in fewer words"))
        }
    }
}

/// What letters have in common. Every field may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LetterMatch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_id: Option<String>,
    /// In one of these states. Without it, in those that the operation is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1)]
    pub state: Option<Vec<LetterStateName>>,
    /// The run that failed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The row id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Last seen at or after this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Last seen before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LetterStateName {
    Open,
    Replaying,
    ResolvedAuto,
    ResolvedReplay,
    ResolvedUser,
    Ignored,
    Expired,
}

impl From<LetterStateName> for LetterState {
    fn from(name: LetterStateName) -> Self {
        match name {
            LetterStateName::Open => LetterState::Open,
            LetterStateName::Replaying => LetterState::Replaying,
            LetterStateName::ResolvedAuto => LetterState::ResolvedAuto,
            LetterStateName::ResolvedReplay => LetterState::ResolvedReplay,
            LetterStateName::ResolvedUser => LetterState::ResolvedUser,
            LetterStateName::Ignored => LetterState::Ignored,
            LetterStateName::Expired => LetterState::Expired,
        }
    }
}

/// Letters to send again, and how. Exactly one of `ids`, `filter` and `group` is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// Letters by their ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 10000)]
    pub ids: Option<Vec<String>>,
    /// Letters with these properties; open ones unless it names states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<LetterMatch>,
    /// Open letters of one error, by its fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// With `group`: of this sync alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_id: Option<String>,
    /// `reread` unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ReplayModeName>,
    /// Only plan it, in runs of type test that write nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// Most records sent in a second by each run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000000)]
    pub per_second: Option<u32>,
    /// Who asks: `api` unless a person does (`manual`) or the command line (`cli`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerName>,
}

impl ReplayRequest {
    /// Its letters, without how they are sent.
    pub fn choice(&self) -> LetterChoice {
        let Self { ids, filter, group, sync_id, .. } = self.clone();
        LetterChoice { ids, filter, group, sync_id }
    }
}

/// How one letter is sent again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayOneRequest {
    /// `reread` unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ReplayModeName>,
    /// Only plan it, in a run of type test that writes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// Who asks: `api` unless a person does (`manual`) or the command line (`cli`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayModeName {
    /// The record as the source has it now.
    Reread,
    /// The payload as it was captured; refused if something newer was delivered.
    AsCaptured,
    /// The payload as a person edited it.
    Edited,
}

impl From<ReplayModeName> for ReplayMode {
    fn from(name: ReplayModeName) -> Self {
        match name {
            ReplayModeName::Reread => ReplayMode::Reread,
            ReplayModeName::AsCaptured => ReplayMode::AsCaptured,
            ReplayModeName::Edited => ReplayMode::Edited,
        }
    }
}

/// What a replay would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayEstimate {
    pub letters: u64,
    pub replayable: u64,
    /// Letters that would be refused, by reason, most first.
    pub refused: Vec<RefusedView>,
    /// How long the sending takes at least, where it is paced.
    pub seconds: Option<f64>,
    /// Runs that it takes.
    pub runs: u64,
}

/// Letters that cannot be replayed, for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RefusedView {
    /// As the code of the row error that each would get.
    pub code: String,
    pub message: String,
    pub letters: u64,
    /// Row ids of a few.
    pub sample: Vec<String>,
}

/// A replay that was queued. Its progress and its end are those of its runs, and it is cancelled with
/// them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReplayStarted {
    pub runs: Vec<RunView>,
    pub estimate: ReplayEstimate,
}

/// What became of letters that somebody decided about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LettersDecided {
    pub changed: u64,
    /// Letters in a state that does not allow it.
    pub unchanged: u64,
}

/// What to send in place of a letter's payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LetterEdit {
    /// New values of target fields, in place of those that were captured or edited before; `null` takes
    /// the edit back.
    #[serde(deserialize_with = "named")]
    #[schema(required = true)]
    pub payload: Option<Map<String, Value>>,
}

/// A field that may be null but not be left out.
fn named<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_names_its_payload_even_to_take_it_back() {
        let read = |text: &str| serde_json::from_str::<LetterEdit>(text).map(|edit| edit.payload).ok();
        assert_eq!(read(r#"{"payload": null}"#), Some(None));
        assert_eq!(read(r#"{"payload": {}}"#), Some(Some(Map::new())));
        assert_eq!(read("{}"), None);
    }
}
