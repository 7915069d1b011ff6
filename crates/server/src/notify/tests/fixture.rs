//! Runs, a clock, channels, and a receiver that records what it gets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use syncline_core::run::StoredError;
use syncline_core::{
    Counters, Durations, Error, ErrorKind, Result, Run, RunId, RunStatus, RunType, SyncId, SyncUid, Trigger,
};
use syncline_engine::Clock;
use syncline_http::{Options, Reach, Resolver};
use syncline_store::{Catalog, NewNotice, Notice, Page, SqliteStore};

use crate::notify::{
    ATTEMPT_TIMEOUT, ChannelKind, ChannelSource, Deliverer, Event, Links, Target, Telling, outbound_options,
};

pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

pub fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// A run of `crm.contact` that ended `minutes` after the start.
pub fn run(id: &str, status: RunStatus, minutes: i64) -> Run {
    let at = start() + SignedDuration::from_mins(minutes);
    Run {
        id: RunId::from_stored(format!("run_{id}")),
        sync_id: SyncId::new("crm", "contact"),
        sync_uid: SyncUid::from_stored("sync_1"),
        run_type: RunType::Sync,
        trigger: Trigger::Schedule,
        status,
        phase: None,
        options: Default::default(),
        correlation_id: format!("correlation-{id}"),
        retry_of: None,
        created_at: at - SignedDuration::from_secs(30),
        started_at: Some(at - SignedDuration::from_secs(20)),
        completed_at: status.is_terminal().then_some(at),
        epoch: 1,
        base_generation: Some(0),
        counters: Counters::default(),
        skipped: Default::default(),
        durations: Durations::default(),
        timeline: Vec::new(),
        performance: Default::default(),
        guards: Vec::new(),
        error: None,
        partially_written: false,
        complete_read: true,
        not_found: Vec::new(),
        cursor_before: None,
        cursor_after: None,
        config_hash: String::new(),
        planned_at: None,
        halted_sync: false,
        notices: Vec::new(),
        run_at: None,
        retry_number: 0,
        requested_by: None,
        end_reason: None,
        worker: None,
        takeovers: 0,
    }
}

pub fn error(code: &str) -> StoredError {
    StoredError { code: code.into(), message: "a message".into(), help: None, causes: Vec::new() }
}

pub fn counted(processed: u64, failed: u64) -> Counters {
    Counters {
        rows_processed: processed,
        rows_failed: failed,
        rows_updated: processed - failed,
        ..Counters::default()
    }
}

/// Time that passes when the test says so.
pub struct FakeClock(Mutex<Timestamp>);

impl FakeClock {
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now += SignedDuration::try_from(by).unwrap();
    }

    pub fn set(&self, to: Timestamp) {
        *self.0.lock().unwrap() = to;
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, _duration: Duration) {
        std::future::pending().await
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

#[derive(Default)]
pub struct Channels(pub Mutex<BTreeMap<String, Target>>);

#[async_trait]
impl ChannelSource for Channels {
    async fn target(&self, channel: &str) -> Result<Option<Target>> {
        if channel == "unresolved" {
            return Err(Error::new(ErrorKind::InvalidConfig, "the environment variable X is not set"));
        }
        Ok(self.0.lock().unwrap().get(channel).cloned())
    }

    fn links(&self) -> Links {
        Links { base_url: Some("https://syncline.example".into()) }
    }
}

/// Every name is this machine, except one.
struct Names;

#[async_trait]
impl Resolver for Names {
    async fn lookup(&self, name: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        let address = if name == "metadata.example" { "169.254.169.254" } else { "127.0.0.1" };
        Ok(vec![address.parse().unwrap()])
    }
}

#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A status, headers and a body to answer with.
pub type Answer = (u16, Vec<(&'static str, String)>, &'static str);

/// Answers as it is told, then 200; keeps what it got.
#[derive(Clone, Default)]
pub struct Receiver {
    pub received: Arc<Mutex<Vec<Received>>>,
    pub answers: Arc<Mutex<VecDeque<Answer>>>,
    pub port: u16,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self { port: listener.local_addr().unwrap().port(), ..Self::default() };
        let routes = Router::new().fallback(receive).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        receiver
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://receiver.example:{}{path}", self.port)
    }

    pub fn answer(&self, status: u16) {
        self.answer_with((status, Vec::new(), ""));
    }

    pub fn answer_with(&self, answer: Answer) {
        self.answers.lock().unwrap().push_back(answer);
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn receive(
    State(receiver): State<Receiver>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if uri.path() == "/slow" {
        std::future::pending::<()>().await;
    }
    let received = Received { path: uri.path().into(), headers, body };
    receiver.received.lock().unwrap().push(received);
    let answer = receiver.answers.lock().unwrap().pop_front();
    let (status, headers, body) = answer.unwrap_or((200, Vec::new(), "ok"));
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// A deliverer over a real store, with a receiver behind the channels `slack` and `webhook`.
pub struct World {
    pub catalog: Arc<SqliteStore>,
    pub clock: Arc<FakeClock>,
    pub channels: Arc<Channels>,
    pub receiver: Receiver,
    pub deliverer: Arc<Deliverer>,
    _folder: tempfile::TempDir,
}

impl World {
    pub async fn new() -> Self {
        Self::with_timeout(ATTEMPT_TIMEOUT).await
    }

    pub async fn with_timeout(timeout: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Arc::new(SqliteStore::open(folder.path()).unwrap());
        let clock = Arc::new(FakeClock(Mutex::new(start())));
        let channels = Arc::new(Channels::default());
        let options = Options { total_timeout: timeout, resolver: Arc::new(Names), ..outbound_options() };
        let deliverer = Deliverer::new(catalog.clone(), channels.clone(), clock.clone(), options);
        let receiver = Receiver::start().await;
        let world =
            Self { catalog, clock, channels, receiver, deliverer: Arc::new(deliverer), _folder: folder };
        world.channel("webhook", ChannelKind::Webhook, &world.receiver.url("/hook"));
        world.channel("slack", ChannelKind::Slack, &world.receiver.url("/services/T0/B0/path"));
        world
    }

    pub fn channel(&self, id: &str, kind: ChannelKind, url: &str) {
        let target = Target {
            kind,
            url: url.into(),
            secrets: match kind {
                ChannelKind::Slack => Vec::new(),
                ChannelKind::Webhook => vec![SECRET.into()],
            },
            reach: Reach::Loopback,
            accept_any_certificate: false,
        };
        self.channels.0.lock().unwrap().insert(id.into(), target);
    }

    pub fn change(&self, id: &str, change: impl FnOnce(&mut Target)) {
        change(self.channels.0.lock().unwrap().get_mut(id).unwrap());
    }

    /// Puts a notice of a failed run into the outbox.
    pub async fn add(&self, id: &str, channel: &str) {
        let mut failed = run("1", RunStatus::Failed, 0);
        failed.error = Some(error("model_query_failed"));
        let telling = Telling::of_run(Event::Failed, &failed, start());
        let notice = NewNotice {
            id: format!("msg_{id}"),
            channel: channel.into(),
            event: "failed".into(),
            sync_id: Some(failed.sync_id.clone()),
            run_id: Some(failed.id.clone()),
            payload: serde_json::to_value(&telling).unwrap(),
            created_at: start(),
        };
        self.catalog.add_notice(&notice).await.unwrap();
    }

    pub async fn notice(&self, id: &str) -> Notice {
        let (notices, _) = self.catalog.notices(None, Page::first(100)).await.unwrap();
        notices.into_iter().find(|notice| notice.notice.id == format!("msg_{id}")).unwrap()
    }
}
