//! Closed sets of words, as the API's description names them. On the wire they are texts, so that an older
//! program can read what a newer server says.

use std::borrow::Cow;

use syncline_core::run::EndReason;
use syncline_core::sync::WriteMode;
use syncline_core::{Op, Phase, ReadMode, RunStatus, RunType, Stage, Trigger};
use syncline_store::NoticeState;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// What can have become of a change that a run planned.
pub const ROW_RESULTS: [&str; 9] =
    ["created", "updated", "removed", "exists", "absent", "rejected", "unknown", "planned", "not attempted"];

fn one_of<'a>(description: &str, words: impl IntoIterator<Item = &'a str>) -> RefOr<Schema> {
    let words: Vec<&str> = words.into_iter().collect();
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(words));
    RefOr::T(schema.into())
}

/// A type that stands for a set of words in `#[schema(value_type = …)]`: its name in the description, what
/// it is, and the words.
macro_rules! words {
    ($($type:ident, $name:literal, $about:literal, $words:expr;)*) => {$(
        pub struct $type;

        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                one_of($about, $words)
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    )*};
}

words! {
    RunStatusWord, "RunStatus", "How far a run is.", RunStatus::ALL.map(RunStatus::as_str);
    OutcomeWord, "RunOutcome", "The status for clients that know five.",
        ["queued", "running", "completed", "failed", "cancelled"];
    RunTypeWord, "RunType", "What kind of run it is.", RunType::ALL.map(RunType::as_str);
    TriggerWord, "RunTrigger", "What started a run.", Trigger::ALL.map(Trigger::as_str);
    PhaseWord, "RunPhase", "What a running run does.", Phase::ALL.map(Phase::as_str);
    EndReasonWord, "EndReason", "Why a run ended otherwise than by its own work.",
        EndReason::ALL.map(EndReason::as_str);
    ReadModeWord, "ReadMode", "How a run reads its source.", ReadMode::ALL.map(ReadMode::as_str);
    StageWord, "Stage", "Where in a run a row failed.", Stage::ALL.map(Stage::as_str);
    OperationWord, "Operation", "What the destination is asked to do with a record.", Op::ALL.map(Op::as_str);
    LetterOperationWord, "LetterOperation", "What was to be done with a record; `none` if it failed before that was known.",
        Op::ALL.map(Op::as_str).into_iter().chain(["none"]);
    RecordOperationWord, "RecordOperation", "What was to be done with a record, or where it failed before that.",
        Op::ALL.map(Op::as_str).into_iter().chain(Stage::ALL.map(Stage::as_str));
    RowResultWord, "RowResult", "What became of a change.", ROW_RESULTS;
    RecordResultWord, "RecordResult", "What became of a change, or `failed` before it was one.",
        ["created", "updated", "removed", "exists", "absent", "rejected", "unknown", "planned", "not attempted",
            "failed"];
    SyncStateWord, "SyncState", "Whether a sync runs by itself.", ["active", "inactive", "halted"];
    WriteModeWord, "WriteMode", "How a sync writes its target.", WriteMode::ALL.map(WriteMode::as_str);
    OriginWord, "OriginKind", "Whether something is defined in a file of the project or was made by the API.",
        ["file", "api"];
    OverlapWord, "Overlap", "What becomes of a fire while a run of the sync goes on.", ["queue_one", "skip"];
    CursorReasonWord, "CursorReason", "What changed a cursor.", ["run", "reset", "manual"];
    CutWord, "PreviewCut", "What a preview ended for.", ["bytes", "time"];
    PreviewOutcomeWord, "PreviewOutcome", "What a run would do with a row.", ["payload", "excluded", "invalid"];
    WindowWord, "HealthWindow", "The time that figures are about.", ["24h", "7d", "30d"];
    FlagWord, "TrendFlagKind", "What changed suddenly.",
        ["rows_spike", "rows_drop", "slower", "error_rate_rise"];
    ChannelWord, "ChannelKind", "How a channel tells people.", ["slack", "webhook"];
    NoticeEventWord, "NotificationEvent", "What people are told of.",
        ["completed", "failed", "high_error_rate", "consecutive_failures", "held", "halted", "recovered"];
    NoticeStateWord, "DeliveryState", "How the delivery of a message goes.",
        NoticeState::ALL.map(NoticeState::as_str);
    StateKindWord, "StateKind", "The database of the state.", ["sqlite", "postgres"];
}
