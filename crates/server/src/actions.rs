//! What people and programs ask for: runs, their cancellation, activation.

use jiff::Timestamp;
use syncline_api::{ApplyRequest, ReadModeName, TriggerName, TriggerRequest, TriggerType};
use syncline_core::run::RunOptions;
use syncline_core::{Error, ErrorKind, ReadMode, Result, Run, RunType, Sync, Trigger};
use syncline_store::{Activation, Enqueued, FollowUp, SyncState};

use crate::access::Caller;
use crate::app::App;
use crate::traces;

/// Largest limit of the rows of a run; more rows than any source has.
const MAX_ENTITIES_MAX: u64 = 1_000_000_000_000;
/// Most records of one request to a destination, as the API takes it; none takes as many.
const BATCH_SIZE_MAX: u32 = 1_000_000;
/// Most source ids of one request.
const SOURCE_IDS_MAX: usize = 10_000;

/// Queues the run that a request describes, or joins an equal one that waits.
pub async fn trigger(app: &App, sync: &Sync, request: &TriggerRequest, caller: &Caller) -> Result<Enqueued> {
    let run_type = match request.run_type {
        None | Some(TriggerType::Sync) => RunType::Sync,
        Some(TriggerType::OneTime) => RunType::OneTime,
        Some(TriggerType::Test) => RunType::Test,
        Some(TriggerType::Seed) => RunType::Seed,
    };
    let options = options(sync, run_type, request)?;
    let mut run = app.engine.new_run(sync, run_type, trigger_of(request.trigger), options).await?;
    run.requested_by = Some(caller.name.clone());
    if let Some(at) = request.run_at {
        check_time(at, app.now())?;
        run.run_at = Some(at);
    }
    let enqueued = app.store.enqueue(&run).await?;
    traces::asked_for(&enqueued.run);
    app.wake();
    Ok(enqueued)
}

/// The first run of a new sync: writes all data from its source to its target.
pub async fn seed(app: &App, sync: &Sync, caller: &Caller) -> Result<Run> {
    let mut run = app.engine.new_run(sync, RunType::Seed, Trigger::Api, RunOptions::default()).await?;
    run.requested_by = Some(caller.name.clone());
    enqueue(app, &run).await
}

fn trigger_of(name: Option<TriggerName>) -> Trigger {
    match name {
        None | Some(TriggerName::Api) => Trigger::Api,
        Some(TriggerName::Manual) => Trigger::Manual,
        Some(TriggerName::Cli) => Trigger::Cli,
    }
}

/// Queues a run that applies the plan of an earlier one.
pub async fn apply(app: &App, planned: &Run, request: &ApplyRequest, caller: &Caller) -> Result<Run> {
    let sync = app.sync(planned.sync_id.as_str())?;
    let options = app.engine.options_of_saved(&planned.id, &request.digest, &sync).await?;
    let mut run = app.engine.new_run(&sync, RunType::OneTime, trigger_of(request.trigger), options).await?;
    run.requested_by = Some(caller.name.clone());
    enqueue(app, &run).await
}

fn options(sync: &Sync, run_type: RunType, request: &TriggerRequest) -> Result<RunOptions> {
    let refuse = |message: String| Err(Error::new(ErrorKind::BadUsage, message));
    let source_ids = request.source_ids.clone().unwrap_or_default();
    if source_ids.len() > SOURCE_IDS_MAX {
        return refuse(format!("{} source ids are more than {SOURCE_IDS_MAX}", source_ids.len()));
    }
    if source_ids.iter().any(String::is_empty) {
        return refuse("a source id is empty".into());
    }
    if request.max_entities == Some(0) || request.batch_size == Some(0) {
        return refuse("max_entities and batch_size are at least 1".into());
    }
    if request.batch_size.is_some_and(|size| size > BATCH_SIZE_MAX) {
        return refuse(format!("batch_size is at most {BATCH_SIZE_MAX}"));
    }
    if request.max_entities.is_some_and(|most| most > MAX_ENTITIES_MAX) {
        return refuse(format!("max_entities is at most {MAX_ENTITIES_MAX}"));
    }
    if let Some(reseed) = &request.reseed {
        if run_type != RunType::Seed {
            return refuse("reseed belongs to runs of type seed".into());
        }
        if reseed.confirm != sync.id.as_str() {
            let error = Error::new(
                ErrorKind::BadUsage,
                format!("a reseed removes this sync's records from '{}' first", sync.target),
            );
            return Err(error.help(format!("confirm it with \"confirm\": \"{}\"", sync.id)));
        }
    }
    Ok(RunOptions {
        read_mode: match request.cursor {
            None | Some(ReadModeName::Incremental) => ReadMode::Incremental,
            Some(ReadModeName::Reset) => ReadMode::Reset,
            Some(ReadModeName::Full) => ReadMode::Full,
        },
        source_ids,
        max_entities: request.max_entities,
        batch_size: request.batch_size,
        reseed: request.reseed.is_some(),
        plan_of: None,
        replay: None,
    })
}

fn check_time(at: Timestamp, now: Timestamp) -> Result<()> {
    /// A run is scheduled at most this far ahead: a year.
    const AHEAD_MAX_HOURS: i64 = 24 * 366;
    if at.duration_since(now).as_hours() > AHEAD_MAX_HOURS {
        return Err(Error::new(ErrorKind::BadUsage, "run_at is more than a year ahead"));
    }
    Ok(())
}

/// A new run over the model as it is now: same type and read mode, no source ids or limits.
pub async fn retry(app: &App, earlier: &Run, caller: &Caller) -> Result<Run> {
    if earlier.options.reseed {
        return Err(Error::new(ErrorKind::BadUsage, "a reseed is not retried, because it removes records")
            .help("ask for it again, with its confirmation"));
    }
    if earlier.run_type == RunType::Replay {
        return Err(Error::new(ErrorKind::BadUsage, "a replay is not retried")
            .help("replay the dead letters that are still open"));
    }
    let sync = app.sync(earlier.sync_id.as_str())?;
    let options = RunOptions {
        read_mode: earlier.options.read_mode,
        batch_size: earlier.options.batch_size,
        ..RunOptions::default()
    };
    let mut run = app.engine.new_run(&sync, earlier.run_type, Trigger::Manual, options).await?;
    run.retry_of = Some(earlier.id.clone());
    run.requested_by = Some(caller.name.clone());
    enqueue(app, &run).await
}

async fn enqueue(app: &App, run: &Run) -> Result<Run> {
    let run = app.store.enqueue(run).await?.run;
    traces::asked_for(&run);
    app.wake();
    Ok(run)
}

/// Ends a run that waits, asks a running one to end, rejects a held one.
pub async fn cancel(app: &App, run: &Run) -> Result<Run> {
    let follow = follow_up(app, run).await?;
    let run = app.store.request_cancel(&run.id, &follow, app.now()).await?;
    app.wake();
    Ok(run)
}

async fn follow_up(app: &App, run: &Run) -> Result<FollowUp> {
    app.engine.succession.follow_up(run, None).await
}

/// Starts or stops a sync's running by itself.
pub async fn set_active(app: &App, sync: &Sync, active: bool) -> Result<Activation> {
    let record = app.record(sync).await?;
    let state = if active { SyncState::Active } else { SyncState::Inactive };
    let next = match active {
        true => app.successor.first_fire(&record, app.now()),
        false => None,
    };
    let changed = app.store.set_activation(&record.uid, &state, next.as_ref(), app.now()).await?;
    app.wake();
    Ok(changed)
}
