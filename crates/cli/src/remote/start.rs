//! Runs that a server starts: `run`, `plan`, `apply`, `seed`, `retry`.

use reqwest::Method;
use syncline_api::{
    ApplyRequest, ChangeView, List, PlanView, ReadModeName, ReseedRequest, RunDetail, SyncView, TriggerName,
    TriggerRequest, TriggerType,
};
use syncline_core::run::RunOptions;
use syncline_core::{Error, ErrorKind, ReadMode, Result, Run, RunStatus, RunType, SyncId};

use super::client::PER_PAGE;
use super::follow::{report, to_its_end};
use super::{Client, known, select};
use crate::Context;
use crate::args::{ApplyArgs, PlanArgs, RunArgs, RunRef, SeedArgs};
use crate::commands::plan::{error_of, save, saved};
use crate::commands::seed::{refuse_unconfirmed, typed};
use crate::exit::Exit;
use crate::fault::{Fault, Outcome};
use crate::output;
use crate::session::{self, Candidate};

fn request(run_type: RunType, options: &RunOptions) -> TriggerRequest {
    TriggerRequest {
        run_type: match run_type {
            RunType::Sync | RunType::Replay => Some(TriggerType::Sync),
            RunType::OneTime => Some(TriggerType::OneTime),
            RunType::Test => Some(TriggerType::Test),
            RunType::Seed => Some(TriggerType::Seed),
        },
        cursor: Some(match options.read_mode {
            ReadMode::Incremental => ReadModeName::Incremental,
            ReadMode::Reset => ReadModeName::Reset,
            ReadMode::Full => ReadModeName::Full,
        }),
        source_ids: (!options.source_ids.is_empty()).then(|| options.source_ids.clone()),
        max_entities: options.max_entities,
        batch_size: options.batch_size,
        run_at: None,
        reseed: None,
        trigger: Some(TriggerName::Cli),
    }
}

async fn trigger(server: &Client, sync: &str, request: &TriggerRequest) -> Result<RunDetail> {
    server.send(Method::POST, &["syncs", sync, "trigger"], request).await
}

/// A run from its start to its end, reported to people.
async fn execute(
    context: &Context,
    server: &Client,
    sync: &SyncView,
    request: &TriggerRequest,
) -> Outcome<RunDetail> {
    let run = trigger(server, &sync.id, request).await?;
    let ended = to_its_end(context, server, &run).await?;
    if !context.out.json {
        report(context, server, &known::run_in_full(&ended)?, !sync.seeded).await?;
    }
    Ok(ended)
}

/// Shows how a run ended, and turns it into an exit code.
pub async fn finish(context: &Context, server: &Client, ended: &RunDetail) -> Outcome {
    let run = known::run_in_full(ended)?;
    match context.out.json {
        true => context.out.json(ended),
        false => report(context, server, &run, false).await?,
    }
    Ok(Exit::of_run(&run))
}

pub async fn run(context: &Context, server: &Client, args: &RunArgs) -> Outcome {
    if let Some(text) = &args.follow {
        let run = select::run(server, text).await?;
        let ended = to_its_end(context, server, &run).await?;
        return finish(context, server, &ended).await;
    }
    let all: Vec<SyncView> = server.all(&["syncs"], &[]).await?;
    let syncs = match args.all {
        true if all.is_empty() => {
            return Err(Error::new(ErrorKind::NotFound, "the server has no syncs").into());
        }
        true => all.iter().collect(),
        false => select::syncs(&all, &args.selectors, &args.tag)?,
    };
    let options = args.read.options()?;
    if !options.source_ids.is_empty() && syncs.len() > 1 {
        return Err(Error::new(ErrorKind::BadUsage, "--source-ids belongs to one sync, not to several")
            .help("name one sync, for example crm.contact")
            .into());
    }
    let request = request(args.kind.into(), &options);
    let is_one = args.tag.is_empty()
        && matches!(args.selectors.as_slice(), [id] if all.iter().any(|sync| sync.id == *id));
    match args.no_follow {
        true => only_start(context, server, &syncs, &request, is_one).await,
        false => run_all(context, server, &syncs, &request, args.parallel, is_one).await,
    }
}

async fn run_all(
    context: &Context,
    server: &Client,
    syncs: &[&SyncView],
    request: &TriggerRequest,
    at_once: usize,
    is_one: bool,
) -> Outcome {
    let ids = parsed(syncs.iter().map(|sync| sync.id.as_str()))?;
    let upstream = |sync: &&SyncView| sync.schedule.as_ref().and_then(|schedule| schedule.after.clone());
    let upstreams: Vec<Option<SyncId>> = syncs
        .iter()
        .map(|sync| upstream(sync).map(|id| SyncId::parse(&id)).transpose())
        .collect::<Result<_>>()?;
    // What else limits how many run at once, the server knows.
    let candidates = ids.iter().zip(&upstreams);
    let candidates = candidates.map(|(id, after)| Candidate { id, after: after.as_ref(), needs: Vec::new() });
    let shown = std::sync::Mutex::new(vec![None; syncs.len()]);
    let ended = session::run(context, candidates.collect(), at_once.min(syncs.len()), |number| {
        let shown = &shown;
        async move {
            let detail = execute(context, server, syncs[number], request).await?;
            let run = known::run_in_full(&detail)?;
            if let Ok(mut shown) = shown.lock() {
                shown[number] = Some(detail);
            }
            Ok::<Run, Fault>(run)
        }
    })
    .await?;
    let details = shown.into_inner().unwrap_or_default().into_iter().flatten();
    print_runs(context, details.collect(), is_one);
    Ok(ended.exit)
}

/// One sync by name answers with one run, anything else with a list, however long it is.
fn print_runs(context: &Context, runs: Vec<RunDetail>, is_one: bool) {
    if !context.out.json {
        return;
    }
    match runs.as_slice() {
        [run] if is_one => context.out.json(run),
        [] if is_one => {}
        runs => context.out.json(&runs),
    }
}

async fn only_start(
    context: &Context,
    server: &Client,
    syncs: &[&SyncView],
    request: &TriggerRequest,
    is_one: bool,
) -> Outcome {
    let mut runs = Vec::new();
    for sync in syncs {
        let run = trigger(server, &sync.id, request).await?;
        if !context.out.json {
            context.out.line(&run.run.id);
        }
        runs.push(run);
    }
    context.out.remark("watch one with `syncline run --follow RUN`");
    print_runs(context, runs, is_one);
    Ok(Exit::Done)
}

fn parsed<'a>(ids: impl Iterator<Item = &'a str>) -> Result<Vec<SyncId>> {
    ids.map(SyncId::parse).collect()
}

pub async fn plan(context: &Context, server: &Client, args: &PlanArgs) -> Outcome {
    let sync = select::sync(server, &args.sync).await?;
    let ended = execute(context, server, &sync, &request(RunType::Test, &args.read.options()?)).await?;
    let run = known::run_in_full(&ended)?;
    if run.status != RunStatus::Completed {
        if context.out.json {
            return Err(Fault::Error(error_of(run.error.as_ref())));
        }
        return Ok(Exit::of_run(&run));
    }
    let plan = planned(server, &run, args.limit).await?;
    if let Some(path) = &args.out {
        save(path, &known::plan(&planned(server, &run, usize::MAX).await?)?)?;
    }
    if context.out.json {
        context.out.json(&plan);
    } else {
        let plan = known::plan(&plan)?;
        let values_kept = plan.changes.iter().any(|change| !change.fields.is_empty());
        context.out.raw(&output::plan_text(&context.out, values_kept, &run, &plan));
        if let Some(path) = &args.out {
            context.out.remark(&format!("saved; apply it with `syncline apply {}`", path.display()));
        }
    }
    let exit = Exit::of_run(&run);
    let changes = run.counters.succeeded() + run.counters.rows_deleted > 0;
    Ok(if args.exit_code && changes { Exit::Changes } else { exit })
}

pub async fn apply(context: &Context, server: &Client, args: &ApplyArgs) -> Outcome {
    let plan = saved(args)?;
    let request = ApplyRequest { digest: plan.digest, trigger: Some(TriggerName::Cli) };
    let run: RunDetail =
        server.send(Method::POST, &["runs", plan.run_id.as_str(), "apply"], &request).await?;
    let ended = to_its_end(context, server, &run).await?;
    finish(context, server, &ended).await
}

/// A plan with at most `limit` changes.
async fn planned(server: &Client, run: &Run, limit: usize) -> Result<PlanView> {
    let mut plan: PlanView = server.get(&["runs", run.id.as_str(), "plan"]).await?;
    let mut page = 1 + plan.changes.len() as u64 / PER_PAGE;
    while plan.truncated && plan.changes.len() < limit {
        let query = [("page", Some(page.to_string())), ("per_page", Some(PER_PAGE.to_string()))];
        let rows: List<ChangeView> = server.asked(&["runs", run.id.as_str(), "rows"], &query).await?;
        plan.truncated = page * PER_PAGE < rows.pagination.total && !rows.data.is_empty();
        plan.changes.extend(rows.data);
        page += 1;
    }
    if plan.changes.len() > limit {
        plan.changes.truncate(limit);
        plan.truncated = true;
    }
    Ok(plan)
}

pub async fn seed(context: &Context, server: &Client, args: &SeedArgs) -> Outcome {
    let sync = select::sync(server, &args.sync).await?;
    let id = SyncId::parse(&sync.id)?;
    let options = RunOptions { batch_size: args.batch_size, ..RunOptions::default() };
    let mut request = request(RunType::Seed, &options);
    if args.reseed {
        refuse_unconfirmed(context, args, &id)?;
        let what = format!(
            "This removes the {} that {id} delivered from '{}' and writes everything anew.",
            output::counted(sync.delivered, "record"),
            sync.object
        );
        if args.confirm.is_none() && !typed(context, &id, &what)? {
            return Ok(Exit::Cancelled);
        }
        request.reseed = Some(ReseedRequest { confirm: sync.id.clone() });
    }
    let ended = execute(context, server, &sync, &request).await?;
    if context.out.json {
        context.out.json(&ended);
    }
    Ok(Exit::of_run(&known::run_in_full(&ended)?))
}

pub async fn retry(context: &Context, server: &Client, args: &RunRef) -> Outcome {
    let earlier = select::run(server, &args.run).await?;
    let run: RunDetail = server.post(&["runs", &earlier.run.id, "retry"]).await?;
    let ended = to_its_end(context, server, &run).await?;
    finish(context, server, &ended).await
}
