//! Notification channels: whom to tell and what about, and where that goes.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use syncline_config::{NotificationDoc, NotificationEvent, Project, SecretSource};
use syncline_core::{Error, ErrorKind, Result};
use syncline_http::Reach;

use super::telling::{Event, Links};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// A Slack incoming webhook.
    Slack,
    /// A POST that is signed as Standard Webhooks describes.
    Webhook,
}

/// Whom to tell, and what about; without the address and the secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channel {
    /// Stays the same as long as the channel does: notices that wait name it.
    pub id: String,
    pub kind: ChannelKind,
    pub events: Vec<NotificationEvent>,
    /// In percent of the rows of a run: above it, `high_error_rate` is told.
    pub error_rate: Option<f64>,
    /// After so many failures in a row `consecutive_failures` is told.
    pub consecutive_failures: Option<u32>,
}

/// Where a channel's messages go; looked up for each attempt, so that a changed one counts at once.
#[derive(Clone)]
pub struct Target {
    pub kind: ChannelKind,
    /// Of Slack a secret in itself.
    pub url: String,
    /// `whsec_…`, the present one first; messages are signed with each of them.
    pub secrets: Vec<String>,
    pub reach: Reach,
    pub accept_any_certificate: bool,
}

/// Never shows the URL or a secret.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("kind", &self.kind).field("reach", &self.reach).finish_non_exhaustive()
    }
}

/// Where the targets of channels are kept.
#[async_trait]
pub trait ChannelSource: Send + Sync {
    /// Where messages of a channel go; `None`: there is no such channel any more. An error is tried
    /// again later, like one of the receiver. Its message is shown, so it holds no secret.
    async fn target(&self, channel: &str) -> Result<Option<Target>>;

    /// Where messages link to, as it is set now.
    fn links(&self) -> Links;
}

impl Channel {
    /// Those of a project, as `project:<name>`.
    pub fn of_project(project: &Project) -> Vec<Self> {
        project.notifications.iter().map(Self::from).collect()
    }

    pub fn wants(&self, event: Event) -> bool {
        let listed = |event| self.events.contains(&event);
        match event {
            Event::Completed => listed(NotificationEvent::Completed),
            Event::Failed => listed(NotificationEvent::Failed),
            Event::Held => listed(NotificationEvent::Held),
            Event::Halted => listed(NotificationEvent::Halted),
            Event::Recovered => listed(NotificationEvent::Recovered),
            Event::HighErrorRate => self.error_rate.is_some(),
            Event::ConsecutiveFailures => self.consecutive_failures.is_some(),
            Event::Test => true,
        }
    }
}

impl From<&NotificationDoc> for Channel {
    fn from(doc: &NotificationDoc) -> Self {
        Self {
            id: channel_id(&doc.name),
            kind: doc.channel.into(),
            events: doc.events.clone(),
            error_rate: doc.error_rate,
            consecutive_failures: doc.consecutive_failures,
        }
    }
}

impl From<syncline_config::Channel> for ChannelKind {
    fn from(channel: syncline_config::Channel) -> Self {
        match channel {
            syncline_config::Channel::Slack => ChannelKind::Slack,
            syncline_config::Channel::Webhook => ChannelKind::Webhook,
        }
    }
}

/// Before the name of a channel of the project: of its files, or made through the API.
const PROJECT: &str = "project:";

/// The id of a channel of the project.
pub fn channel_id(name: &str) -> String {
    format!("{PROJECT}{name}")
}

/// The name of a channel with this id.
pub fn channel_name(id: &str) -> &str {
    id.strip_prefix(PROJECT).unwrap_or(id)
}

/// Messages go by HTTP. What is wrong with an address is told without showing it.
pub fn check_address(url: &str) -> Result<()> {
    let rest = ["https://", "http://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    if rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) {
        return Ok(());
    }
    let error =
        Error::new(ErrorKind::InvalidConfig, "the channel's address is not a URL that begins with https://");
    Err(error.help("give the webhook's whole address, such as https://hooks.slack.com/services/…"))
}

impl Target {
    /// That of a channel of the project, with its placeholders replaced.
    pub fn of_project(project: &Project, channel: &str, secrets: &dyn SecretSource) -> Result<Option<Self>> {
        let doc = channel
            .strip_prefix(PROJECT)
            .and_then(|name| project.notifications.iter().find(|doc| doc.name == name));
        let Some(doc) = doc else { return Ok(None) };
        let resolved = project.notification(&doc.name, secrets)?;
        Ok(Some(Self {
            kind: doc.channel.into(),
            url: resolved.url,
            secrets: resolved.secrets,
            reach: match doc.reach {
                syncline_config::Reach::Public => Reach::Public,
                syncline_config::Reach::Private => Reach::Private,
                syncline_config::Reach::Loopback => Reach::Loopback,
            },
            accept_any_certificate: false,
        }))
    }
}
