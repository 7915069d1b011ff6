//! What every part of the server shares.

use std::sync::Arc;

use jiff::Timestamp;
use syncline_config::Fingerprint;
use syncline_core::{Error, ErrorKind, Result, RunId, Sync, SyncId};
use syncline_engine::Engine;
use syncline_scheduler::{Scheduler, Signals, Successor};
use syncline_store::{Catalog, SyncRecord};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::access::{Roles, Tokens};
use crate::events::Hub;
use crate::health::Sums;
use crate::live::Live;
use crate::notify::Deliverer;
use crate::probe::Prober;
use crate::web::Pages;

/// The server's parts.
pub struct App {
    pub store: Arc<dyn Catalog>,
    pub engine: Arc<Engine>,
    pub live: Arc<Live>,
    pub tokens: Tokens,
    pub roles: Roles,
    pub hub: Hub,
    /// What a sync does next by itself.
    pub successor: Successor,
    /// Wakes the scheduler and the worker.
    pub signals: Arc<Signals>,
    /// The server is about to end: nothing new is started.
    pub stop: CancellationToken,
    pub scheduler: Scheduler,
    /// Whoever holds it may put another version of the project in place.
    pub gate: Arc<Mutex<Fingerprint>>,
    pub health: Sums,
    /// Tries connections and syncs.
    pub prober: Prober,
    /// Sends notices.
    pub deliverer: Arc<Deliverer>,
    pub pages: Pages,
    pub about: About,
}

/// What a server says of itself.
#[derive(Clone, Debug)]
pub struct About {
    pub version: &'static str,
    /// Its name among the servers that share a state.
    pub worker: String,
    pub started_at: Timestamp,
    /// `sqlite` or `postgres`.
    pub state: &'static str,
    /// Most runs at once.
    pub parallel: usize,
    /// It is reached by TLS alone, without a proxy before it.
    pub tls: bool,
}

impl App {
    /// Tells the scheduler and the worker that there may be something to do.
    pub fn wake(&self) {
        self.signals.scheduled.notify_one();
        self.signals.queued.notify_one();
        self.signals.cancelled.notify_one();
    }

    pub fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    /// The definition of a sync of the project.
    pub fn sync(&self, id: &str) -> Result<Sync> {
        let loaded = self.live.get();
        let found = SyncId::parse(id).ok().and_then(|id| loaded.project.sync(&id).cloned());
        found.ok_or_else(|| {
            let shown: String = id.chars().take(100).collect();
            Error::new(ErrorKind::NotFound, format!("there is no sync '{shown}'"))
                .help("list them with GET /api/v1/syncs")
        })
    }

    /// What the state knows of a sync, which is registered if it is new.
    pub async fn record(&self, sync: &Sync) -> Result<SyncRecord> {
        self.engine.register(sync).await
    }

    pub async fn run(&self, id: &str) -> Result<syncline_core::Run> {
        let shown: String = id.chars().take(100).collect();
        self.store.run(&RunId::from_stored(id)).await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no run '{shown}'"))
                .help("list them with GET /api/v1/runs")
        })
    }
}
