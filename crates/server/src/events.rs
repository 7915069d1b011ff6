//! Live events: what the state records of runs, letters and syncs, and the figures of runs that go on.
//!
//! Events come from the state store, with ids by which a client resumes; figures of running runs come
//! between them, without ids, because only the latest count. One task reads for all clients.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use futures::future::BoxFuture;
use futures::stream::{self, Stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use syncline_api::EventView;
use syncline_core::{Error, ErrorKind, Result, RunId, RunStatus, SyncId};
use syncline_store::{Catalog, Event, Page, RunFilter, run_data};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

/// How often the state is looked at while somebody listens.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A comment is sent after this silence, so that proxies keep the connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long after the state could not be read it is tried again.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Events read at once.
const EVENTS_AT_ONCE: u64 = 500;
/// Most clients at once.
const LISTENERS_MAX: usize = 1_000;
/// Messages that a slow client may be behind; then it reads from the state again.
const BEHIND_MAX: usize = 1_024;

/// What the listeners get.
#[derive(Clone, Debug)]
enum Message {
    Event(Arc<Event>),
    Progress {
        run: RunId,
        figures: Arc<Value>,
    },
    /// There may be events in the state that are not spread.
    Look,
}

/// Spreads events to all listeners.
#[derive(Clone)]
pub struct Hub {
    store: Arc<dyn Catalog>,
    messages: broadcast::Sender<Message>,
    listeners: Arc<AtomicUsize>,
    wanted: Arc<Notify>,
    stop: CancellationToken,
}

/// Counts a listener as long as it lives.
struct Listening(Arc<AtomicUsize>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Hub {
    pub fn new(store: Arc<dyn Catalog>) -> Self {
        let (messages, _) = broadcast::channel(BEHIND_MAX);
        Self {
            store,
            messages,
            listeners: Arc::default(),
            wanted: Arc::default(),
            stop: CancellationToken::new(),
        }
    }

    /// Reads for the listeners, as long as there are any, until the server ends; then they get no more.
    pub async fn run_until(self, stop: CancellationToken) {
        tokio::select! {
            () = self.clone().read() => {}
            () = stop.cancelled() => self.stop.cancel(),
        }
    }

    async fn read(self) {
        loop {
            if self.listeners.load(Ordering::SeqCst) == 0 {
                self.wanted.notified().await;
            }
            if let Err(e) = self.spread().await {
                tracing::warn!(error = %e, "events could not be read");
                tokio::time::sleep(TRIED_AGAIN_AFTER).await;
            }
        }
    }

    async fn spread(&self) -> Result<()> {
        let (_, mut at) = self.store.event_bounds().await?;
        // Those who listened already may have missed what came before `at`, while nothing could be read.
        let _ = self.messages.send(Message::Look);
        let mut active: BTreeMap<RunId, Value> = BTreeMap::new();
        let going_on =
            RunFilter { statuses: vec![RunStatus::Starting, RunStatus::Running], ..RunFilter::default() };
        for run in self.store.runs(&going_on, Page::first(Page::SIZE_MAX)).await?.0 {
            active.insert(run.id, Value::Null);
        }
        while self.listeners.load(Ordering::SeqCst) > 0 {
            for event in self.store.events(at, None, EVENTS_AT_ONCE).await? {
                at = event.sequence;
                note_active(&mut active, &event);
                // Nobody may be listening any more: then nobody misses it.
                let _ = self.messages.send(Message::Event(Arc::new(event)));
            }
            for (run, last) in &mut active {
                let Some(figures) = self.store.progress(run).await? else { continue };
                if *last != figures {
                    last.clone_from(&figures);
                    let _ =
                        self.messages.send(Message::Progress { run: run.clone(), figures: figures.into() });
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// The events after `last`, or from `now` on, of one run or of all, as server-sent events, until `end`
    /// completes. Those of one run begin, from now on, with the state that it has, and end with the run.
    pub async fn listen(
        &self,
        last: Option<u64>,
        run: Option<RunId>,
        now: Timestamp,
        end: BoxFuture<'static, ()>,
    ) -> Result<Sse<impl Stream<Item = std::result::Result<Frame, Infallible>> + use<>>> {
        let before = self.listeners.fetch_add(1, Ordering::SeqCst);
        let listening = Listening(Arc::clone(&self.listeners));
        if before >= LISTENERS_MAX {
            let message = format!("{LISTENERS_MAX} clients listen already, which is as many as may");
            return Err(Error::new(ErrorKind::Conflict, message).help("close streams that nobody looks at"));
        }
        // Subscribed before the state is read: nothing falls between.
        let messages = self.messages.subscribe();
        self.wanted.notify_one();
        let (oldest, newest) = self.store.event_bounds().await?;
        let after = last.unwrap_or(newest);
        let mut waiting = Vec::new();
        if last.is_some_and(|last| last + 1 < oldest || last > newest) {
            // Some were forgotten meanwhile: the client reads what it shows afresh.
            waiting.push(Frame::default().event("reset").data("{}"));
        }
        let mut is_over = false;
        if let Some(id) = &run {
            // Looked at after the newest event: what changes from here on is told, if need be twice.
            let present = self.store.run(id).await?;
            is_over = present.as_ref().is_none_or(|run| run.status.is_terminal());
            if let (Some(run), None) = (present, last) {
                waiting.push(event_frame(&Event {
                    sequence: newest,
                    at: now,
                    kind: "run".into(),
                    data: run_data(&run),
                    run_id: Some(run.id),
                    sync_id: Some(run.sync_id),
                }));
            }
            if let Some(figures) = self.store.progress(id).await? {
                waiting.push(progress_frame(&figures));
            }
        }
        waiting.reverse();
        let client = Client {
            hub: self.clone(),
            _listening: listening,
            messages,
            after,
            run,
            waiting,
            behind: true,
            is_over,
            end,
        };
        let frames = stream::unfold(client, |mut client| async move {
            let frame = client.next().await?;
            Some((Ok(frame), client))
        });
        Ok(Sse::new(frames).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")))
    }
}

fn note_active(active: &mut BTreeMap<RunId, Value>, event: &Event) {
    let Some(run) = event.run_id.as_ref().filter(|_| event.kind == "run") else { return };
    match event.data.get("status").and_then(Value::as_str) {
        Some("starting" | "running") => {
            active.entry(run.clone()).or_insert(Value::Null);
        }
        _ => {
            active.remove(run);
        }
    }
}

/// One listener.
struct Client {
    hub: Hub,
    _listening: Listening,
    messages: broadcast::Receiver<Message>,
    /// The event it got last.
    after: u64,
    run: Option<RunId>,
    /// Frames to send first, the last one first.
    waiting: Vec<Frame>,
    /// There may be events in the state that it did not get.
    behind: bool,
    /// The run that it listens to has ended: once it got everything, there is no more to come.
    is_over: bool,
    /// Completes when it may listen no more.
    end: BoxFuture<'static, ()>,
}

impl Client {
    /// The next frame; `None`: the run or the server has ended, or the client may listen no more.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.waiting.pop() {
                return Some(frame);
            }
            if self.behind {
                self.catch_up().await?;
                continue;
            }
            if self.is_over {
                return None;
            }
            let message = tokio::select! {
                () = self.hub.stop.cancelled() => return None,
                () = &mut self.end => return None,
                message = self.messages.recv() => message,
            };
            match message {
                Ok(Message::Event(event)) => {
                    if event.sequence > self.after {
                        self.after = event.sequence;
                        if self.run.is_none() || self.run == event.run_id {
                            // What belongs to the end of a run is numbered after it, too.
                            self.behind = self.note_end(&event);
                            return Some(event_frame(&event));
                        }
                    }
                }
                Ok(Message::Progress { run, figures }) => {
                    if self.run.as_ref().is_none_or(|wanted| *wanted == run) {
                        return Some(progress_frame(&figures));
                    }
                }
                Ok(Message::Look) | Err(broadcast::error::RecvError::Lagged(_)) => self.behind = true,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    async fn catch_up(&mut self) -> Option<()> {
        let events = match self.hub.store.events(self.after, self.run.as_ref(), EVENTS_AT_ONCE).await {
            Ok(events) => events,
            Err(e) => {
                tracing::warn!(error = %e, "events could not be read for a client");
                return None;
            }
        };
        self.behind = events.len() as u64 == EVENTS_AT_ONCE;
        if let Some(last) = events.last() {
            self.after = last.sequence;
        }
        for event in &events {
            self.note_end(event);
        }
        self.waiting = events.iter().rev().map(event_frame).collect();
        Some(())
    }

    /// Notes whether the run that is listened to ends by this event.
    fn note_end(&mut self, event: &Event) -> bool {
        let ends = self.run.is_some() && event.kind == "run" && ends_run(&event.data);
        self.is_over |= ends;
        ends
    }
}

/// Whether a run has ended, or is gone, by what an event says of it.
fn ends_run(data: &Value) -> bool {
    let status: Option<RunStatus> = serde_json::from_value(data["status"].clone()).ok();
    status.is_some_and(RunStatus::is_terminal) || data["removed"] == true
}

fn event_frame(event: &Event) -> Frame {
    let data = json!(EventView {
        at: event.at,
        run_id: event.run_id.as_ref().map(RunId::to_string),
        sync_id: event.sync_id.as_ref().map(SyncId::to_string),
        data: event.data.clone(),
    });
    Frame::default().id(event.sequence.to_string()).event(&event.kind).data(data.to_string())
}

/// `figures` are those of a [`syncline_api::ProgressView`].
fn progress_frame(figures: &Value) -> Frame {
    Frame::default().event("progress").data(figures.to_string())
}
