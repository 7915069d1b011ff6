//! What a connector type can do, known without connecting: validation refuses the rest.

use syncline_core::sync::{OnMatchChange, OnRemoved, Publish, WriteMode};

/// One connector type.
#[derive(Clone)]
pub struct ConnectorSpec {
    /// Value of `type:` in a connection.
    pub type_name: &'static str,
    /// One line for people.
    pub title: &'static str,
    /// JSON Schema of the connection's options (an object schema).
    pub options_schema: fn() -> serde_json::Value,
    pub source: Option<SourceSpec>,
    pub destination: Option<DestinationSpec>,
}

/// Ways of naming what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelKind {
    Sql,
    Table,
    File,
}

#[derive(Clone, Debug)]
pub struct SourceSpec {
    pub models: &'static [ModelKind],
}

/// The kinds of [`OnRemoved`], without their parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalKind {
    Delete,
    ClearFields,
    Flag,
    Ignore,
}

impl RemovalKind {
    pub fn of(on_removed: &OnRemoved) -> Self {
        match on_removed {
            OnRemoved::Delete => RemovalKind::Delete,
            OnRemoved::ClearFields => RemovalKind::ClearFields,
            OnRemoved::Flag { .. } => RemovalKind::Flag,
            OnRemoved::Ignore => RemovalKind::Ignore,
        }
    }
}

#[derive(Clone, Debug)]
pub struct DestinationSpec {
    pub write_modes: &'static [WriteMode],
    pub on_removed: &'static [RemovalKind],
    pub on_match_change: &'static [OnMatchChange],
    /// Ways of publishing; the first is the default.
    pub publish: &'static [Publish],
    /// Whether fields may say `write: if_empty | create_only` and `nulls: skip`.
    pub field_rules: bool,
    /// Rows in one chunk when the sync does not say.
    pub batch_size: u32,
    /// Most rows in one chunk; larger wishes are clamped with a notice.
    pub batch_size_max: u32,
    /// Writing a chunk twice has the same effect as writing it once (except `append`).
    pub idempotent: bool,
}
