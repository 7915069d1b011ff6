//! Sending notices: each at least once, until it arrives or there is no point in trying on.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use syncline_core::{Error, ErrorKind, Result};
use syncline_engine::Clock;
use syncline_http::{
    HeaderMap, HeaderValue, Method, Options, Outbound, Reach, Reply, Request, RetryAfter, Url,
};
use syncline_store::{Catalog, Delivery, NewNotice, Notice, NoticeState};
use tokio::sync::Notify;
use uuid::Uuid;

use super::channel::{ChannelKind, ChannelSource, Target};
use super::telling::{Event, Telling};
use super::{slack, webhook};

/// How long after each failed attempt the next one is made; after the last a notice is given up. Close
/// together at first, then over a day, so that a receiver may be down for a night.
pub const RETRY_DELAYS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3_600),
    Duration::from_secs(4 * 3_600),
    Duration::from_secs(5 * 3_600),
    Duration::from_secs(6 * 3_600),
    Duration::from_secs(6 * 3_600),
];
/// A delay is longer by up to this share of itself, so that notices do not come back together.
const JITTER: f64 = 0.2;
/// Longest that one attempt takes.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Notices that are sent side by side. One slow receiver holds up the others for one attempt at most.
const SIDE_BY_SIDE: usize = 16;
/// How long nobody else tries a notice that is being tried: well above what an attempt takes.
const LEASE: Duration = Duration::from_secs(60);
/// How often the outbox is looked at; other servers put notices into it too.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 4_096;
/// Longest code of an error that Slack answers with.
const SLACK_CODE_LENGTH_MAX: usize = 64;

/// How requests to receivers are sent: the reach and the verification of certificates are those of
/// each channel.
pub fn outbound_options() -> Options {
    Options {
        connect_timeout: CONNECT_TIMEOUT,
        total_timeout: ATTEMPT_TIMEOUT,
        response_bytes_max: ANSWER_BYTES_MAX,
        ..Options::new("notifications", Reach::Public)
    }
}

/// Sends what waits in the outbox.
pub struct Deliverer {
    catalog: Arc<dyn Catalog>,
    channels: Arc<dyn ChannelSource>,
    clock: Arc<dyn Clock>,
    options: Options,
    /// Clients by reach and whether they accept any certificate.
    clients: Mutex<HashMap<(u8, bool), Outbound>>,
    wake: Notify,
}

/// How a try of a channel went.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    pub delivered: bool,
    /// Of the receiver's answer, if there was one.
    pub status: Option<u16>,
    /// Why it was not delivered, in a sentence without secrets.
    pub error: Option<String>,
    pub seconds: f64,
}

/// What an attempt came to.
struct Attempt {
    status: Option<u16>,
    outcome: Outcome,
}

enum Outcome {
    Delivered,
    /// It may be delivered later, and not before the receiver wants it.
    Later {
        why: String,
        wait: Option<Duration>,
    },
    /// Trying again would change nothing.
    Never {
        why: String,
    },
}

impl Deliverer {
    pub fn new(
        catalog: Arc<dyn Catalog>,
        channels: Arc<dyn ChannelSource>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Self {
        Self { catalog, channels, clock, options, clients: Mutex::default(), wake: Notify::new() }
    }

    /// Delivers until `stop` completes; an attempt under way is finished.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            match self.deliver_due().await {
                // There may be more.
                Ok(SIDE_BY_SIDE..) => self.wake.notify_one(),
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, code = error.code(), "notices cannot be delivered now");
                }
            }
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = self.wake.notified() => {}
                () = self.clock.sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Says that something was put into the outbox.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Tries what is due now; how many notices were tried.
    pub async fn deliver_due(&self) -> Result<usize> {
        let due = self.catalog.due_notices(self.clock.now(), SIDE_BY_SIDE as u64, LEASE).await?;
        let tried = due.len();
        let deliveries = due.into_iter().map(|notice| async move { self.deliver(&notice).await });
        let settled = futures::future::join_all(deliveries).await;
        settled.into_iter().collect::<Result<()>>()?;
        Ok(tried)
    }

    /// Sends a message of the event `test` to a channel, once and now.
    pub async fn send_test(&self, channel: &str) -> Result<Tested> {
        let started = self.clock.now();
        let telling = Telling::bare(Event::Test);
        let notice = NewNotice {
            id: format!("msg_{}", Uuid::new_v4().simple()),
            channel: channel.into(),
            event: Event::Test.as_str().into(),
            sync_id: None,
            run_id: None,
            payload: serde_json::to_value(&telling)
                .map_err(|e| Error::internal("a notice cannot be written as JSON").caused_by(e))?,
            created_at: started,
        };
        let attempt = self.attempt(&notice).await;
        let error = match attempt.outcome {
            Outcome::Delivered => None,
            Outcome::Later { why, .. } | Outcome::Never { why } => Some(why),
        };
        let seconds = self.clock.now().duration_since(started).as_secs_f64();
        Ok(Tested { delivered: error.is_none(), status: attempt.status, error, seconds })
    }

    async fn deliver(&self, notice: &Notice) -> Result<()> {
        let told = &notice.notice;
        let attempt = self.attempt(told).await;
        let at = self.clock.now();
        let delivery = self.settled(notice.attempts, attempt.outcome, at);
        match (&delivery.state, &delivery.error) {
            (NoticeState::Delivered, _) => {
                tracing::info!(
                    notice = told.id,
                    channel = told.channel,
                    event = told.event,
                    "notice delivered"
                );
            }
            (state, error) => tracing::warn!(
                notice = told.id,
                channel = told.channel,
                event = told.event,
                attempt = notice.attempts + 1,
                given_up = *state == NoticeState::Failed,
                error,
                "notice not delivered"
            ),
        }
        self.catalog.settle_notice(&told.id, &delivery).await
    }

    /// What follows from an attempt after `before` others.
    fn settled(&self, before: u32, outcome: Outcome, at: Timestamp) -> Delivery {
        let (why, wait) = match outcome {
            Outcome::Delivered => {
                return Delivery { state: NoticeState::Delivered, at, error: None, next_attempt_at: None };
            }
            Outcome::Never { why } => (why, None),
            Outcome::Later { why, wait } => {
                let delay = usize::try_from(before).ok().and_then(|n| RETRY_DELAYS.get(n));
                let jitter = 1.0 + JITTER * self.clock.jitter();
                (why, delay.map(|delay| delay.mul_f64(jitter).max(wait.unwrap_or_default())))
            }
        };
        let next = wait.and_then(|wait| at.checked_add(SignedDuration::try_from(wait).ok()?).ok());
        let state = if next.is_some() { NoticeState::Pending } else { NoticeState::Failed };
        Delivery { state, at, error: Some(why), next_attempt_at: next }
    }

    async fn attempt(&self, notice: &NewNotice) -> Attempt {
        let without_answer = |outcome| Attempt { status: None, outcome };
        let target = match self.channels.target(&notice.channel).await {
            Ok(Some(target)) => target,
            Ok(None) => {
                let why = "the channel does not exist any more".into();
                return without_answer(Outcome::Never { why });
            }
            // A secret that is missing here and now, for example: somebody may put it right.
            Err(error) => return without_answer(Outcome::Later { why: error.message, wait: None }),
        };
        let reply = match self.send(notice, &target).await {
            Ok(reply) => reply,
            Err(error) => return without_answer(outcome_of_error(error)),
        };
        let status = Some(reply.status.as_u16());
        Attempt { status, outcome: outcome_of_reply(reply, target.kind, self.clock.now()).await }
    }

    async fn send(&self, notice: &NewNotice, target: &Target) -> Result<Reply> {
        let request = self.request(notice, target)?;
        self.client(target)?.send(&request).await
    }

    fn request(&self, notice: &NewNotice, target: &Target) -> Result<Request> {
        let url = Url::parse(&target.url)
            .map_err(|_| Error::new(ErrorKind::InvalidConfig, "the channel's URL is not a URL"))?;
        let telling: Telling = serde_json::from_value(notice.payload.clone())
            .map_err(|e| Error::new(ErrorKind::Corrupt, "the notice cannot be read").caused_by(e))?;
        let (headers, body) = match target.kind {
            ChannelKind::Slack => {
                let mut headers = HeaderMap::new();
                headers.insert("content-type", HeaderValue::from_static("application/json"));
                (headers, slack::message(&telling, &self.channels.links()).to_string().into_bytes())
            }
            ChannelKind::Webhook => {
                let body = webhook::body(&telling, notice.created_at, &self.channels.links())?;
                (webhook::headers(&notice.id, self.clock.now(), &body, &target.secrets)?, body)
            }
        };
        Ok(Request { method: Method::POST, url, headers, body: Bytes::from(body) })
    }

    fn client(&self, target: &Target) -> Result<Outbound> {
        let key = (target.reach as u8, target.accept_any_certificate);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let client = Outbound::new(Options {
            reach: target.reach,
            accept_any_certificate: target.accept_any_certificate,
            ..self.options.clone()
        })?;
        clients.insert(key, client.clone());
        Ok(client)
    }
}

/// What somebody may put right within a day is tried again: a network, a secret, a URL.
fn outcome_of_error(error: Error) -> Outcome {
    match error.kind {
        ErrorKind::AddressRefused | ErrorKind::Corrupt | ErrorKind::Internal => {
            Outcome::Never { why: error.message }
        }
        _ => Outcome::Later { why: error.message, wait: None },
    }
}

async fn outcome_of_reply(reply: Reply, kind: ChannelKind, now: Timestamp) -> Outcome {
    let status = reply.status;
    let wait = reply.header("retry-after").and_then(|value| RetryAfter::parse(value, now));
    let wait = wait.map(|asked| asked.wait);
    match status.as_u16() {
        200..=299 => Outcome::Delivered,
        410 => Outcome::Never { why: "the receiver is gone for good (HTTP 410)".into() },
        300..=399 => Outcome::Never {
            why: format!("the receiver redirects (HTTP {}), which is not followed", status.as_u16()),
        },
        408 | 429 | 500..=599 => Outcome::Later { why: answered(reply, kind).await, wait },
        _ => Outcome::Never { why: answered(reply, kind).await },
    }
}

/// The answer in a few words. Of its body only a code of Slack's is told: anything else may repeat
/// what was sent.
async fn answered(reply: Reply, kind: ChannelKind) -> String {
    let status = reply.status.as_u16();
    if kind == ChannelKind::Slack
        && let Ok(body) = reply.bytes().await
        && let Ok(code) = std::str::from_utf8(&body)
        && (1..=SLACK_CODE_LENGTH_MAX).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    {
        return format!("Slack answered HTTP {status}: {code}");
    }
    format!("the receiver answered HTTP {status}")
}
