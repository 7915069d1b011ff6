//! The words that keys take.

use schemars::JsonSchema;
use syncline_core::sync;

/// Defines the words that a key may take and what each means in the core's vocabulary.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident => $target:ty { $($(#[$word_doc:meta])* $word:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, serde::Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name {
            $($(#[$word_doc])* $word),*
        }

        impl From<$name> for $target {
            fn from(word: $name) -> $target {
                match word {
                    $($name::$word => <$target>::$word),*
                }
            }
        }
    };
}

words!(
/// What may happen at the target.
WriteMode => sync::WriteMode {
    /// Creates records that are new.
    Insert,
    /// Updates records that exist.
    Update,
    /// Creates and updates.
    Upsert,
    /// Creates, updates, and removes records that this sync delivered and that left the model.
    Mirror,
    /// Appends every new or changed row.
    Append,
    /// Keeps both sides equal; edits on either reach the other.
    TwoWay,
});
words!(
/// What happens when the match value of a known record changes.
OnMatchChange => sync::OnMatchChange {
    /// The row fails and says so.
    Fail,
    /// The old record is updated, its match fields included.
    UpdateById,
    /// The old record is removed and a new one created.
    Recreate,
});
words!(
/// When a field is written.
FieldWrite => sync::FieldWrite {
    /// Whenever it changed.
    Always,
    /// Only while it is NULL or empty at the target.
    IfEmpty,
    /// Only when the record is created.
    CreateOnly,
});
words!(
/// What happens when an expression is NULL.
Nulls => sync::Nulls {
    /// NULL is written.
    Write,
    /// The target's value stays.
    Skip,
});
words!(
/// What happens to rows with the same key.
Duplicates => sync::Duplicates {
    /// The run fails and names them.
    Fail,
    /// The first row counts.
    KeepFirst,
    /// The last row counts.
    KeepLast,
});
words!(
/// When written rows become visible.
Publish => sync::Publish {
    /// All at once at the end; a run that fails leaves nothing.
    Atomic,
    /// Chunk by chunk.
    Progressive,
});
words!(
/// What is kept of values.
StoreValues => sync::StoreValues {
    /// The values before and after.
    Full,
    /// A short hash, so that a change shows but not what it was.
    Masked,
    /// Nothing.
    None,
});
words!(
/// What a changed column does.
SchemaChange => sync::SchemaChange {
    /// The run fails before it writes.
    Fail,
    /// The run goes on when every expression still fits.
    Adapt,
});
words!(
/// What happens when the previous run has not ended.
Overlap => sync::Overlap {
    /// One run waits for it.
    QueueOne,
    /// This run is left out.
    Skip,
});
words!(
/// Format of a file.
FileFormat => sync::FileFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object in each line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
});
words!(
/// What happens to a removed record.
Removal => sync::OnRemoved {
    /// It is deleted.
    Delete,
    /// Every delivered field except the match fields is set to NULL.
    ClearFields,
    /// It stays as it is.
    Ignore,
});
words!(
/// How a notification is sent.
Channel => crate::project::Channel {
    /// A Slack incoming webhook.
    Slack,
    /// A signed POST to any URL (Standard Webhooks).
    Webhook,
});
words!(
/// How far a URL may lead.
Reach => crate::project::Reach {
    /// To addresses of the internet only.
    Public,
    /// Into private networks too.
    Private,
    /// To this machine too.
    Loopback,
});
words!(
/// What a notification is about.
Event => crate::project::NotificationEvent {
    /// A run completed.
    Completed,
    /// A run failed.
    Failed,
    /// A sync was halted.
    Halted,
    /// A run is held by a guard.
    Held,
    /// A sync works again.
    Recovered,
});

/// Says that a risk is known.
#[derive(Clone, Copy, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Accepted {
    /// A crash may append a chunk twice.
    Accepted,
}
