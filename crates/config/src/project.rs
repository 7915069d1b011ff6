//! A project as it is used: resolved syncs, connections with their placeholders, settings.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use syncline_core::{Sync, SyncId};

use crate::load::Files;
use crate::problem::Problem;

/// A project folder, read and checked.
#[derive(Clone, Debug)]
pub struct Project {
    pub root: PathBuf,
    /// The environment whose overlay was applied.
    pub environment: Option<String>,
    pub connections: BTreeMap<String, ConnectionDoc>,
    /// By name.
    pub instances: BTreeMap<String, Instance>,
    /// Every sync after the one it runs `after`; otherwise in the order of files and entities.
    pub syncs: Vec<Sync>,
    pub notifications: Vec<NotificationDoc>,
    pub lookups: BTreeMap<String, LookupDoc>,
    pub settings: Settings,
    /// What is allowed but probably not meant.
    pub warnings: Vec<Problem>,
    pub(crate) places: BTreeMap<SyncId, SyncPlaces>,
    pub(crate) files: Arc<Files>,
}

/// An instance: two connections, and the syncs between them.
#[derive(Clone, Debug)]
pub struct Instance {
    pub name: String,
    /// Name of the connection that is read.
    pub source: String,
    /// Name of the connection that is written.
    pub target: String,
    /// In the order of the document.
    pub syncs: Vec<SyncId>,
    /// The document as written, without the project's defaults.
    pub document: Value,
    /// Where the instance is defined.
    pub place: Place,
}

/// A connection as written: placeholders are not resolved.
#[derive(Clone)]
pub struct ConnectionDoc {
    pub type_name: String,
    pub description: Option<String>,
    pub max_concurrent_runs: Option<u32>,
    /// The connector's options, placeholders and all.
    pub options: Map<String, Value>,
    /// Where the connection is defined.
    pub place: Place,
    /// Where each option with a placeholder stands, by its path (`url`, `auth.token`).
    pub(crate) option_places: BTreeMap<String, Place>,
    pub(crate) options_schema: fn() -> Value,
}

/// Never shows option values: they may be secrets in clear.
impl fmt::Debug for ConnectionDoc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionDoc")
            .field("type_name", &self.type_name)
            .field("options", &self.options.keys().collect::<Vec<_>>())
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Slack,
    Webhook,
}

impl Channel {
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Slack => "slack",
            Channel::Webhook => "webhook",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationEvent {
    Completed,
    Failed,
    Halted,
    Held,
    Recovered,
}

/// How far a URL may lead. Addresses of cloud metadata services are refused in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// To addresses of the internet only.
    #[default]
    Public,
    /// Into private networks too.
    Private,
    /// To this machine too.
    Loopback,
}

/// Whom to tell, and what about. `url` and the secrets may hold placeholders.
#[derive(Clone)]
pub struct NotificationDoc {
    /// Unique in the project. Without one it is the channel, with a number from the second on.
    pub name: String,
    pub channel: Channel,
    pub url: String,
    pub events: Vec<NotificationEvent>,
    /// In percent of the rows of a run; 1.0 is one percent.
    pub error_rate: Option<f64>,
    /// Runs in a row.
    pub consecutive_failures: Option<u32>,
    pub secret: Option<String>,
    /// The secret before, while the receiver is being changed over.
    pub previous_secret: Option<String>,
    pub reach: Reach,
    pub place: Place,
}

/// Where a notification goes, with its placeholders replaced.
#[derive(Clone)]
pub struct NotificationTarget {
    pub url: String,
    /// The present secret first.
    pub secrets: Vec<String>,
}

/// Never shows the URL or a secret.
impl fmt::Debug for NotificationTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotificationTarget").finish_non_exhaustive()
    }
}

/// Never shows the URL or a secret.
impl fmt::Debug for NotificationDoc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotificationDoc")
            .field("name", &self.name)
            .field("channel", &self.channel)
            .field("events", &self.events)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// A CSV file behind `lookup('name', key)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupDoc {
    /// The file, below the project's folder.
    pub file: PathBuf,
    /// Column that is looked up.
    pub key: String,
    /// Column that is returned.
    pub value: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Bytes a run may use before it spills.
    pub memory_budget_bytes: u64,
    /// Folder of the state, below the project's folder unless it is absolute.
    pub state: PathBuf,
    pub retention: Retention,
    pub server: ServerSettings,
}

/// How `syncline serve` works.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSettings {
    /// Address and port that the API and the web app are served at.
    pub listen: SocketAddr,
    /// Where people reach the server, without a slash at its end; for links in notifications.
    pub base_url: Option<String>,
    /// Most runs at the same time.
    pub max_concurrent_runs: u32,
    /// How long a run stays with a server that is not heard of any more, where several share a state.
    pub lease: Duration,
    /// Environment variables that objects made through the API may use as `${env:NAME}`.
    pub api_variables: Vec<String>,
    /// Folders, below the project's unless absolute, in which connections made through the API may
    /// name files.
    pub api_paths: Vec<PathBuf>,
    /// What notifications made through the API may say of their reach besides `public`.
    pub api_reach: Vec<Reach>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Retention {
    pub runs: Duration,
    pub dead_letters: Duration,
    pub dead_letters_max: u64,
    /// Events, and notices that were settled.
    pub events: Duration,
}

/// Where something is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Relative to the project's folder, with `/`; or `api:connections/crm` for an object made
    /// through the API.
    pub file: String,
    /// From 1.
    pub line: usize,
}

/// Who may change an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is written in a file, and changed there.
    File(Place),
    /// It was made through the API, and is changed there.
    Api,
}

/// What the places of objects made through the API start with. No file of a project does: they are
/// `syncline.yaml`, its overlays and those in `syncs/`.
pub(crate) const API_PLACE: &str = "api:";

impl Place {
    pub fn origin(&self) -> Origin {
        if self.is_api() { Origin::Api } else { Origin::File(self.clone()) }
    }

    pub(crate) fn is_api(&self) -> bool {
        self.file.starts_with(API_PLACE)
    }
}

/// `file:line`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The places of a sync: its entity and, by path (`mapping.email`), each of its keys.
#[derive(Clone, Debug)]
pub(crate) struct SyncPlaces {
    pub entity: Place,
    pub keys: BTreeMap<String, Place>,
}

impl Project {
    pub fn sync(&self, id: &SyncId) -> Option<&Sync> {
        self.syncs.iter().find(|sync| sync.id == *id)
    }

    /// Whether a sync is defined in a file or was made through the API.
    pub fn origin(&self, sync: &SyncId) -> Option<Origin> {
        self.places.get(sync).map(|places| places.entity.origin())
    }

    /// Where a key of a sync is written, for example `mapping.email` or `guards.max_deletes`; for
    /// an inherited setting that is where the default is written. The empty path is the sync
    /// itself. `None`: it is not written anywhere.
    pub fn place(&self, sync: &SyncId, path: &str) -> Option<Place> {
        let places = self.places.get(sync)?;
        if path.is_empty() { Some(places.entity.clone()) } else { places.keys.get(path).cloned() }
    }
}
