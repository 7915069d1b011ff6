//! Brings the server up and down.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use syncline_config::{Fingerprint, Retention};
use syncline_connector::Registry;
use syncline_core::{Error, ErrorKind, Result, Sync};
use syncline_engine::Engine;
use syncline_scheduler::lease::LeaseTerms;
use syncline_scheduler::{Definitions, FollowUps, Scheduler, Signals, Successor, Worker, WorkerSettings};
use syncline_store::{Catalog, FileStore, KeepUntil};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::access::{Roles, Tokens};
use crate::app::{About, App};
use crate::events::Hub;
use crate::execute::Runner;
use crate::follow::Follow;
use crate::health::Sums;
use crate::keyring::Keyring;
use crate::listen::{self, Door, Listen};
use crate::live::Live;
use crate::notify::{self, ChannelSource, Deliverer};
use crate::objects;
use crate::probe::Prober;
use crate::reload;
use crate::secrets::ServerSecrets;
use crate::web::Pages;
use crate::{measures, router, traces};

/// How often what is past keeping is dropped.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);

/// What a server is made of.
pub struct Options {
    pub store: Arc<dyn Catalog>,
    pub files: FileStore,
    /// `sqlite` or `postgres`.
    pub state: &'static str,
    /// Several servers may share the state: runs are held by leases.
    pub shared: bool,
    /// The project's folder.
    pub project: PathBuf,
    /// The environment whose overlay is applied.
    pub environment: Option<String>,
    pub registry: Arc<Registry>,
    /// Encrypts the secrets that the state keeps; without it none can be kept.
    pub keyring: Option<Arc<Keyring>>,
    /// Folder for temporary files.
    pub scratch: PathBuf,
    /// Bytes that all runs together may hold.
    pub memory_budget: u64,
    /// Most runs at once.
    pub parallel: usize,
    pub version: &'static str,
    /// How long runs may go on after the end of the server was asked for.
    pub drain: Duration,
    /// `None`: a worker without the API.
    pub listen: Option<Listen>,
    pub clocks: Clocks,
}

/// What a server takes the time from. Both tell the same time of day.
#[derive(Clone)]
pub struct Clocks {
    pub engine: Arc<dyn syncline_engine::Clock>,
    pub scheduler: Arc<dyn syncline_scheduler::Clock>,
}

impl Clocks {
    /// The machine's.
    pub fn system() -> Self {
        Self {
            engine: Arc::new(syncline_engine::SystemClock),
            scheduler: Arc::new(syncline_scheduler::SystemClock),
        }
    }
}

/// A server that is up.
pub struct Server {
    /// Where the API is served.
    pub address: Option<SocketAddr>,
    /// The token that a new state got, to be shown once.
    pub first_token: Option<String>,
    local_token: String,
    /// Nothing new is started.
    stop: CancellationToken,
    /// Nobody is answered any more.
    close: CancellationToken,
    /// What has to end before that.
    working: JoinSet<()>,
    serving: JoinSet<()>,
}

impl Server {
    /// Brings everything up; it works when this returns.
    pub async fn start(options: Options) -> Result<Self> {
        if let Some(listen) = &options.listen {
            listen::check(listen)?;
        }
        measures::install()?;
        traces::install();
        let listen = options.listen.clone();
        let (drain, shared) = (options.drain, options.shared);
        let app = assemble(options).await?;
        let leases = shared.then(|| LeaseTerms::of(app.live.get().project.settings.server.lease));
        register(&app).await?;
        app.scheduler.definitions_changed().await?;
        let door = match &listen {
            Some(listen) => Some(Door::open(listen).await?),
            None => None,
        };
        // It is shown by whoever started the server: nothing may fail from here on.
        let first_token = match &door {
            Some(_) => app.tokens.create_first(app.now()).await?,
            None => None,
        };
        let (stop, close) = (app.stop.clone(), CancellationToken::new());
        let (mut working, mut serving) = (JoinSet::new(), JoinSet::new());
        working.spawn(schedule(Arc::clone(&app), stop.clone()));
        working.spawn(reload::watch(Arc::clone(&app), shared, stop.clone()));
        working.spawn(work(Arc::clone(&app), drain, leases, stop.clone()));
        working.spawn(deliver(Arc::clone(&app), stop.clone()));
        working.spawn(tidy(Arc::clone(&app), stop.clone()));
        let address = door.as_ref().map(|door| door.address);
        if let Some(door) = door {
            door.serve(Arc::clone(&app), &close, &mut serving);
        }
        Ok(Self { address, first_token, local_token: app.tokens.local(), stop, close, working, serving })
    }

    /// The token of commands on this machine; it ends with the server.
    pub fn local_token(&self) -> &str {
        &self.local_token
    }

    /// Asks for the end: nothing new is started, what runs may finish.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Completes when everything has ended. Clients are answered until the runs that go on have ended.
    pub async fn ended(mut self) -> Result<()> {
        let worked = all_ended(&mut self.working).await;
        if worked.is_err() {
            self.stop.cancel();
        }
        self.close.cancel();
        let served = all_ended(&mut self.serving).await;
        worked.and(served)
    }
}

async fn all_ended(parts: &mut JoinSet<()>) -> Result<()> {
    while let Some(part) = parts.join_next().await {
        if let Err(e) = part
            && e.is_panic()
        {
            return Err(Error::internal("a part of the server panicked").caused_by(e));
        }
    }
    Ok(())
}

/// Reads the project, with the objects that the API made.
async fn read_project(options: &Options, now: Timestamp) -> Result<(Live, Fingerprint)> {
    let registry = Arc::clone(&options.registry);
    let environment = options.environment.as_deref();
    let (project, seen) = syncline_config::load_watched(&options.project, environment, &registry);
    let project = project.map_err(|problems| {
        Error::new(ErrorKind::InvalidConfig, problems.to_string())
            .help("see all of it with `syncline validate`")
    })?;
    let (made, sealed) = objects::read(&*options.store).await?;
    let secrets = ServerSecrets::new(options.keyring.clone(), sealed);
    let loaded = project.with_made(&registry, &made.documents);
    Ok((Live::new(loaded, made, secrets, registry, now), seen))
}

async fn assemble(options: Options) -> Result<Arc<App>> {
    let Clocks { engine: clock, scheduler: timer } = options.clocks.clone();
    let now = clock.now();
    let (live, seen) = read_project(&options, now).await?;
    let live = Arc::new(live);
    let store = options.store;
    let successor = Successor {
        store: Arc::clone(&store) as Arc<dyn syncline_store::Queue>,
        definitions: Arc::clone(&live) as Arc<dyn Definitions>,
        clock: timer,
    };
    let follow = Arc::new(Follow { successor: successor.clone(), live: Arc::clone(&live) });
    let deliverer = Deliverer::new(
        Arc::clone(&store),
        Arc::clone(&live) as Arc<dyn ChannelSource>,
        Arc::clone(&clock),
        notify::outbound_options(),
    );
    let engine = Engine {
        store: Arc::clone(&store) as Arc<dyn syncline_store::Store>,
        files: options.files,
        clock,
        succession: Arc::clone(&follow) as Arc<dyn syncline_engine::Succession>,
        scratch: options.scratch,
        memory_budget: options.memory_budget / options.parallel.max(1) as u64,
        version: options.version.to_string(),
    };
    let signals = Arc::<Signals>::default();
    let follow_ups = Arc::clone(&follow) as Arc<dyn FollowUps>;
    let app = App {
        scheduler: Scheduler::new(successor.clone(), follow_ups, Arc::clone(&signals)),
        gate: Arc::new(Mutex::new(seen)),
        health: Sums::default(),
        prober: Prober::default(),
        deliverer: Arc::new(deliverer),
        tokens: Tokens::new(Arc::clone(&store))?,
        roles: Roles::of(&router::openapi_document()),
        hub: Hub::new(Arc::clone(&store)),
        successor,
        signals,
        stop: CancellationToken::new(),
        engine: Arc::new(engine),
        about: About {
            version: options.version,
            worker: worker_name(),
            started_at: now,
            state: options.state,
            parallel: options.parallel,
            tls: options.listen.as_ref().is_some_and(|listen| listen.tls.is_some()),
        },
        pages: Pages::from(options.listen.and_then(|listen| listen.web)),
        live,
        store,
    };
    Ok(Arc::new(app))
}

/// Told apart from every other server, and from earlier lives of this one.
fn worker_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() { "server" } else { host };
    format!("{host}-{}", &Uuid::new_v4().simple().to_string()[..8])
}

/// Makes every sync of the project known to the state.
async fn register(app: &App) -> Result<()> {
    let loaded = app.live.get();
    let syncs: Vec<&Sync> = loaded.project.syncs.iter().collect();
    app.engine.register_all(&syncs).await
}

async fn schedule(app: Arc<App>, stop: CancellationToken) {
    app.scheduler.run(stop.cancelled_owned()).await;
}

/// Sends notices until the server ends; those that wait then are sent by the next one.
async fn deliver(app: Arc<App>, stop: CancellationToken) {
    app.deliverer.run(stop.cancelled_owned()).await;
}

async fn work(app: Arc<App>, drain: Duration, leases: Option<LeaseTerms>, stop: CancellationToken) {
    let runner = Runner {
        engine: Arc::clone(&app.engine),
        store: Arc::clone(&app.store),
        live: Arc::clone(&app.live),
        deliverer: Arc::clone(&app.deliverer),
    };
    let settings =
        WorkerSettings { name: app.about.worker.clone(), slots: app.about.parallel, leases, drain };
    let worker = Worker::new(
        Arc::clone(&app.store) as Arc<dyn syncline_store::Queue>,
        Arc::new(runner),
        Arc::clone(&app.successor.clock),
        Arc::clone(&app.signals),
        settings,
    );
    worker.run(stop.cancelled_owned()).await;
}

/// Drops what is past keeping, at the start and once an hour.
async fn tidy(app: Arc<App>, stop: CancellationToken) {
    let mut every = tokio::time::interval(TIDY_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => {}
        }
        if let Err(e) = tidy_once(&app).await {
            tracing::warn!(code = e.code(), error = %e, "what is past keeping could not be dropped");
        }
    }
}

/// Newest runs of each sync that stay, however old they are.
const RUNS_KEPT_MIN: u32 = 20;

/// What a project's retention keeps.
pub fn keep_until(retention: &Retention, now: Timestamp) -> KeepUntil {
    let from = |kept| now.checked_sub(kept).unwrap_or(Timestamp::MIN);
    KeepUntil {
        runs_from: from(retention.runs),
        runs_min: RUNS_KEPT_MIN,
        letters_from: from(retention.dead_letters),
        letters_max: retention.dead_letters_max,
        traces_from: from(retention.events),
    }
}

async fn tidy_once(app: &App) -> Result<()> {
    let now = app.now();
    let keep = keep_until(&app.live.get().project.settings.retention, now);
    let (forgotten, files) = app.engine.tidy(&keep).await?;
    app.tokens.tidy(now).await?;
    tracing::debug!(?forgotten, files, "what is past keeping was dropped");
    Ok(())
}
