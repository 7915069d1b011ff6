//! Keeps the project as it is now: reads its files again when they change, and the objects that the API
//! made, here or on another server with the same state. What is wrong is shown, and the last good
//! version goes on.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use syncline_config::{Changes, Fingerprint, Loaded, NameChanges};
use syncline_core::{Error, Result, Sync, SyncId};
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::live::{Version, item};
use crate::objects;

/// How often files are looked at.
const FILES_EVERY: Duration = Duration::from_secs(1);
/// In this many looks at the files, one looks at what other servers made.
const LOOKS_PER_MADE: u64 = 3;
/// Names that an event lists of each kind of change.
const NAMES_SHOWN_MAX: usize = 20;

/// Whoever holds it, and nobody else, puts another version of the project in place.
pub type Gate = OwnedMutexGuard<Fingerprint>;

/// Looks for changes until the server ends. `shared`: other servers may change what the API made.
pub async fn watch(app: Arc<App>, shared: bool, stop: CancellationToken) {
    let mut looks = tokio::time::interval(FILES_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for look in 1u64.. {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = looks.tick() => {}
        }
        let mut looked = files(&app).await;
        if looked.is_ok() && shared && look % LOOKS_PER_MADE == 0 {
            looked = made(&app).await;
        }
        if let Err(e) = looked {
            tracing::warn!(code = e.code(), error = %e, "changes of the project could not be taken over");
        }
    }
}

/// Reads the files again if one of them changed.
async fn files(app: &Arc<App>) -> Result<()> {
    let gate = Arc::clone(&app.gate).lock_owned().await;
    let live = Arc::clone(&app.live);
    let looked = tokio::task::spawn_blocking(move || {
        let mut gate = gate;
        if !gate.changed() {
            return None;
        }
        let registry = &live.registry;
        let (read, seen) = syncline_config::load_watched(live.root(), live.environment(), registry);
        *gate = seen;
        Some((gate, read))
    });
    let looked = looked.await.map_err(|e| Error::internal("reading the project panicked").caused_by(e))?;
    let Some((gate, read)) = looked else { return Ok(()) };
    let before = app.live.get();
    match read {
        Ok(project) => {
            let made = Arc::clone(&before.made);
            let Loaded { project, left_out } = project.with_made(&app.live.registry, &made.documents);
            let secrets = Arc::clone(&before.secrets);
            let version =
                Version { project, left_out, read_at: app.now(), broken: Vec::new(), made, secrets };
            install(app, version, &gate).await
        }
        Err(problems) => {
            let broken = problems.0.iter().map(item).collect::<Vec<_>>();
            tracing::warn!(problems = broken.len(), first = %problems.0[0], "the project's files have errors; what they said before goes on");
            install(app, Version { broken, ..(*before).clone() }, &gate).await
        }
    }
}

/// Reads what the API made, and takes it over if it is not what was read before.
async fn made(app: &Arc<App>) -> Result<()> {
    let gate = Arc::clone(&app.gate).lock_owned().await;
    made_at(app, &gate).await
}

/// The same for whoever changed something and holds the gate.
pub async fn made_at(app: &App, gate: &Gate) -> Result<()> {
    let (made, sealed) = objects::read(&*app.store).await?;
    let before = app.live.get();
    if made.revisions == before.made.revisions {
        return Ok(());
    }
    let Loaded { project, left_out } = before.project.with_made(&app.live.registry, &made.documents);
    let secrets = Arc::new(before.secrets.with(sealed));
    let version = Version { project, left_out, made: made.into(), secrets, ..(*before).clone() };
    install(app, version, gate).await
}

/// Puts a version in place, and tells who has to know what is different.
async fn install(app: &App, version: Version, _gate: &Gate) -> Result<()> {
    let before = app.live.get();
    let changes = before.project.diff(&version.project);
    let problems = version.problems();
    let same_problems = before.problems() == problems;
    app.live.replace(version);
    if changes.is_empty() && same_problems {
        return Ok(());
    }
    let now = app.live.get();
    let added: Vec<&Sync> = changes.added.iter().filter_map(|id| now.project.sync(id)).collect();
    app.engine.register_all(&added).await?;
    if !changes.added.is_empty() || !changes.removed.is_empty() || changes.changed.iter().any(|c| c.schedule)
    {
        app.scheduler.definitions_changed().await?;
    }
    app.wake();
    let errors = problems.iter().filter(|problem| !problem.warning).count();
    let told = describe(&changes, errors, problems.len() - errors);
    tracing::info!(changes = %told, "the project changed");
    app.store.add_event("project", &told, app.now()).await
}

fn describe(changes: &Changes, errors: usize, warnings: usize) -> Value {
    let ids = |ids: &[SyncId]| listed(ids.iter().map(SyncId::to_string));
    let names = |names: &NameChanges| {
        json!({
            "added": listed(names.added.iter().cloned()),
            "removed": listed(names.removed.iter().cloned()),
            "changed": listed(names.changed.iter().cloned()),
        })
    };
    json!({
        "syncs": {
            "added": ids(&changes.added),
            "removed": ids(&changes.removed),
            "changed": listed(changes.changed.iter().map(|change| change.id.to_string())),
        },
        "connections": names(&changes.connections),
        "notifications": names(&changes.notifications),
        "settings": changes.settings,
        "errors": errors,
        "warnings": warnings,
    })
}

/// The first names, and how many there are.
fn listed(names: impl ExactSizeIterator<Item = String>) -> Value {
    json!({ "count": names.len(), "first": names.take(NAMES_SHOWN_MAX).collect::<Vec<_>>() })
}
