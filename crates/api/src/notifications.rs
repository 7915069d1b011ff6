//! Notification channels, and what was sent to them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use syncline_store::Notice;
use utoipa::ToSchema;

use crate::words::*;
use crate::{OriginView, ProblemItem};

/// A notification channel, without its secrets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NotificationView {
    pub name: String,
    /// `slack` or `webhook`.
    #[schema(value_type = ChannelWord)]
    pub channel: String,
    /// As written. Secrets are null; sent back like this, they stay as they are.
    pub document: Map<String, Value>,
    /// JSON pointers, into the document, of the secrets that are set.
    pub secrets_set: Vec<String>,
    pub origin: OriginView,
    /// With an error among them nothing is sent.
    pub problems: Vec<ProblemItem>,
}

/// A notification channel to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNotification {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// `channel`, `url`, `events` and whatever else a channel of the project file has.
    pub document: Map<String, Value>,
}

/// What a notification channel is to be.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedNotification {
    /// All of it. Secrets that are null stay as they are, unless messages would go elsewhere: then they
    /// have to be given again.
    pub document: Map<String, Value>,
}

/// How a try of a channel went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NotificationTest {
    pub delivered: bool,
    /// HTTP status of the receiver's answer, if there was one.
    pub status: Option<u16>,
    /// Why it was not delivered.
    pub error: Option<String>,
    pub seconds: f64,
}

/// A message to a channel, and how its delivery went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// The same for every attempt; receivers get it as `webhook-id`.
    pub id: String,
    /// The channel's name.
    pub channel: String,
    /// `completed`, `failed`, `high_error_rate`, `consecutive_failures`, `held`, `halted` or `recovered`.
    #[schema(value_type = NoticeEventWord)]
    pub event: String,
    pub sync_id: Option<String>,
    pub run_id: Option<String>,
    /// `pending`, `delivered`, or `failed` after the last attempt.
    #[schema(value_type = NoticeStateWord)]
    pub state: String,
    pub attempts: u32,
    pub created_at: Timestamp,
    pub next_attempt_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub last_error: Option<String>,
}

impl DeliveryView {
    /// `channel`: the name of the channel.
    pub fn of(notice: Notice, channel: String) -> Self {
        let Notice { notice: told, state, attempts, next_attempt_at, delivered_at, last_error } = notice;
        Self {
            id: told.id,
            channel,
            event: told.event,
            sync_id: told.sync_id.map(|id| id.to_string()),
            run_id: told.run_id.map(|id| id.to_string()),
            state: state.as_str().into(),
            attempts,
            created_at: told.created_at,
            next_attempt_at,
            delivered_at,
            last_error,
        }
    }
}
