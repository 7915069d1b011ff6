//! The project at hand: its files, its state, and the engine over both.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use syncline_config::{ProcessSecrets, Project};
use syncline_connector::Registry;
use syncline_core::{Error, ErrorKind, Result, Sync, SyncId};
use syncline_engine::{Endpoints, Engine, SystemClock};
use syncline_store::{Catalog, Store};

use crate::Context;
use crate::fault::Outcome;
use crate::output;
use crate::recovery::{self, Orphans};
use crate::select;
use crate::state::State;

/// The file that makes a folder a project.
pub const PROJECT_FILE: &str = "syncline.yaml";

/// Memory of an engine that runs nothing.
const READER_MEMORY_BYTES: u64 = 64 * 1024 * 1024;

/// An open project.
pub struct App {
    pub project: Project,
    pub state: State,
    registry: Registry,
}

impl App {
    /// Reads the project that the command line means.
    pub fn open(context: &Context) -> Outcome<App> {
        let root = project_root(context.globals.project.as_deref())?;
        let registry = syncline_connectors::registry();
        let project = syncline_config::load(&root, context.globals.environment.as_deref(), &registry)?;
        let state = State::of(&context.globals, &project)?;
        Ok(App { project, state, registry })
    }

    /// The engine over the state, which is locked for this process; runs of processes that died are
    /// brought to their end first, and go on where they can.
    pub async fn engine(&self, context: &Context) -> Outcome<Engine> {
        self.engine_after(context, Orphans::GoOn).await
    }

    /// The same for commands that write nothing to any target: runs of processes that died are settled
    /// as far as they got.
    pub async fn engine_without_writing(&self, context: &Context) -> Outcome<Engine> {
        self.engine_after(context, Orphans::Settle).await
    }

    /// As [`App::engine_without_writing`], with the state's lists and audit log.
    pub async fn engine_and_catalog(&self, context: &Context) -> Outcome<(Engine, Arc<dyn Catalog>)> {
        self.opened(context, Orphans::Settle).await
    }

    async fn engine_after(&self, context: &Context, orphans: Orphans) -> Outcome<Engine> {
        Ok(self.opened(context, orphans).await?.0)
    }

    async fn opened(&self, context: &Context, orphans: Orphans) -> Outcome<(Engine, Arc<dyn Catalog>)> {
        if self.state.is_shared() {
            let message = format!("the state at {} is changed by the servers that share it", self.state);
            return Err(Error::new(ErrorKind::BadUsage, message)
                .help("name one of them with --server URL, or start one here: syncline serve")
                .into());
        }
        let store = self.state.location.open().await?;
        let memory_budget = self.project.settings.memory_budget_bytes;
        let engine = engine_over(&self.state, store.clone(), memory_budget)?;
        recovery::settle_orphans(context, self, &engine, orphans).await?;
        self.tidy(context, &engine).await?;
        Ok((engine, store))
    }

    /// Forgets what is past the project's retention.
    async fn tidy(&self, context: &Context, engine: &Engine) -> Result<()> {
        let keep = syncline_server::keep_until(&self.project.settings.retention, engine.clock.now());
        let (forgotten, files) = engine.tidy(&keep).await?;
        tracing::debug!(?forgotten, files, "what is past keeping was forgotten");
        if forgotten.expired > 0 {
            let expired = output::counted(forgotten.expired, "open dead letter");
            context.out.remark(&format!("{expired} expired: nobody settled them within settings.retention"));
        }
        Ok(())
    }

    /// The engine over the state to look at, while others may write; `None` when nothing ran yet.
    pub async fn reader(&self) -> Result<Option<Engine>> {
        reader_over(&self.state).await
    }

    /// The sync of this id; advice when there is none.
    pub fn sync(&self, id: &str) -> Result<&Sync> {
        let found = SyncId::parse(id).ok().and_then(|id| self.project.sync(&id));
        found.ok_or_else(|| select::unknown(&self.project, id))
    }

    /// Both ends of a sync. Connections of a pinned sync may be gone from the project.
    pub fn endpoints(&self, sync: &Sync) -> Result<Endpoints> {
        syncline_server::endpoints(&self.project, &self.registry, &ProcessSecrets, sync)
    }
}

/// The engine over a state to look at; `None` when there is none yet.
pub async fn reader_over(state: &State) -> Result<Option<Engine>> {
    match state.catalog().await? {
        Some(store) => Ok(Some(engine_over(state, store, READER_MEMORY_BYTES)?)),
        None => Ok(None),
    }
}

fn engine_over(state: &State, store: Arc<dyn Store>, memory_budget: u64) -> Result<Engine> {
    Ok(Engine {
        store,
        files: state.files()?,
        clock: Arc::new(SystemClock),
        succession: Arc::new(syncline_engine::NoSuccession),
        scratch: state.scratch(),
        memory_budget,
        version: env!("CARGO_PKG_VERSION").to_string(),
    })
}

/// The folder given, or the nearest upwards that is a project.
pub fn project_root(given: Option<&Path>) -> Result<PathBuf> {
    let none = |message: String| {
        Error::new(ErrorKind::InvalidConfig, message)
            .help("make a project with `syncline init`, or name one with --project")
    };
    if let Some(folder) = given {
        if folder.join(PROJECT_FILE).is_file() {
            return Ok(folder.to_path_buf());
        }
        return Err(none(format!("there is no {PROJECT_FILE} in {}", folder.display())));
    }
    let here = std::env::current_dir()?;
    let found = here.ancestors().find(|folder| folder.join(PROJECT_FILE).is_file());
    found
        .map(Path::to_path_buf)
        .ok_or_else(|| none(format!("there is no {PROJECT_FILE} in {} or any folder above", here.display())))
}
