//! Who may do what, and who did.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_store::AuditRecord;
use utoipa::ToSchema;

/// What a token may do. Each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look at everything but tokens and the audit log.
    Viewer,
    /// Run, cancel, approve, replay, activate.
    Operator,
    /// Change connections, instances, syncs, notifications and tokens.
    Admin,
}

impl Role {
    pub const ALL: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

/// An API token, without its secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    pub id: String,
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
    pub created_by: Option<String>,
    /// `None`: never.
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, by itself or by a session that it opened; within a minute or so. Null: never.
    #[serde(default)]
    pub last_used_at: Option<Timestamp>,
}

/// What a new token is to be.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    pub role: Role,
    /// Days until it expires; it never does if this is left out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3650)]
    pub expires_in_days: Option<u32>,
}

/// A new token with its secret, which is not shown again.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    #[serde(flatten)]
    pub token: TokenView,
    /// Send it as `Authorization: Bearer …`.
    pub secret: String,
}

/// Opens a session for a browser.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    pub token: String,
}

/// Who is asking.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    pub token_id: String,
    pub name: String,
    pub role: Role,
    /// When the session or token ends.
    pub expires_at: Option<Timestamp>,
}

/// Something that somebody did.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditView {
    pub sequence: u64,
    pub at: Timestamp,
    pub actor: String,
    pub actor_name: String,
    /// For example `run.cancel`.
    pub action: String,
    /// What it was done to: `sync:crm.contact`.
    pub target: String,
    /// `ok`, or the code of the error.
    pub result: String,
    pub detail: serde_json::Value,
    pub remote: Option<String>,
    /// Over the record before it and this one.
    pub hash: String,
}

impl From<AuditRecord> for AuditView {
    fn from(record: AuditRecord) -> Self {
        let entry = record.entry;
        Self {
            sequence: record.sequence,
            at: entry.at,
            actor: entry.actor,
            actor_name: entry.actor_name,
            action: entry.action,
            target: entry.target,
            result: entry.result,
            detail: entry.detail,
            remote: entry.remote,
            hash: record.hash,
        }
    }
}

/// Whether the audit log is whole.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditVerdict {
    pub intact: bool,
    /// How many records there are.
    pub records: u64,
    /// The first record that does not fit.
    pub first_bad: Option<u64>,
}
