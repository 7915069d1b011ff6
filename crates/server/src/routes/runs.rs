//! Runs: listing, looking at, and what a person decides about them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use syncline_api::words::{OutcomeWord, ROW_RESULTS, StageWord};
use syncline_api::{
    ApplyRequest, ChangeView, List, PlanView, RejectRequest, RowErrorGroups, RowErrorList, RunDetail, RunView,
};
use syncline_core::{Error, ErrorKind, Op, Run, RunStatus, RunType, Stage, SyncUid, Trigger};
use syncline_engine::review::{self, ChangeFilter};
use syncline_store::{Page, RowErrorFilter, RunFilter};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::actions;
use crate::app::App;
use crate::input::{self, Body, OptionalBody, Params};
use crate::problem::{Answer, Fault};
use crate::record::Detail;
use crate::traces;

/// Row errors of a page unless asked otherwise.
const ERRORS_PER_PAGE: u64 = 100;
/// Longest text that runs are searched for.
const SEARCH_CHARS_MAX: usize = 200;
/// Longest reason for a rejection.
const REASON_CHARS_MAX: usize = 500;
/// How the id of every run begins.
const RUN_ID_BEGINNING: &str = "run_";
/// Changes of a plan that are shown with it.
const PLAN_CHANGES_MAX: usize = 200;

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(list_of_sync))
        .routes(routes!(get))
        .routes(routes!(get_of_sync))
        .routes(routes!(errors))
        .routes(routes!(errors_of_sync))
        .routes(routes!(error_groups))
        .routes(routes!(plan))
        .routes(routes!(rows))
        .routes(routes!(cancel))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(retry))
        .routes(routes!(apply))
}

/// Which runs to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RunQuery {
    /// From 1.
    #[param(minimum = 1, maximum = 1000000000)]
    pub page: Option<u64>,
    /// 20 unless given.
    #[param(minimum = 1, maximum = 200)]
    pub per_page: Option<u64>,
    /// Statuses, separated by commas. `failed` also finds `source_failure`.
    #[param(
        pattern = "^(scheduled|queued|starting|running|completed|failed|source_failure|cancelled|held|not_run)(,(scheduled|queued|starting|running|completed|failed|source_failure|cancelled|held|not_run))*$",
        example = "failed,held"
    )]
    pub status: Option<String>,
    /// `queued`, `running`, `completed`, `failed` or `cancelled`.
    #[param(inline, value_type = Option<OutcomeWord>)]
    pub outcome: Option<String>,
    /// Types, separated by commas.
    #[serde(rename = "type")]
    #[param(
        pattern = "^(sync|one_time|test|seed|replay)(,(sync|one_time|test|seed|replay))*$",
        example = "sync,one_time"
    )]
    pub run_type: Option<String>,
    /// Triggers, separated by commas.
    #[param(
        pattern = "^(schedule|manual|api|cli|retry|upstream)(,(schedule|manual|api|cli|retry|upstream))*$",
        example = "manual,api"
    )]
    pub trigger: Option<String>,
    pub correlation_id: Option<String>,
    /// The beginning of a run's id, or a correlation id.
    #[param(max_length = 200)]
    pub q: Option<String>,
    /// Created at or after this moment; of what was scheduled counts when it was due.
    pub since: Option<Timestamp>,
    /// Created, or due, before this moment.
    pub until: Option<Timestamp>,
    /// Ended at or after this moment.
    pub completed_since: Option<Timestamp>,
    /// Ended before this moment.
    pub completed_until: Option<Timestamp>,
    /// With `true`: only runs with failed rows.
    pub failed_rows: Option<bool>,
    /// Only of these syncs, separated by commas.
    #[param(example = "crm.contact,crm.company")]
    pub sync_id: Option<String>,
}

impl RunQuery {
    fn page(&self) -> Answer<Page> {
        input::page(self.page, self.per_page, 20)
    }

    fn filter(&self, sync_uid: Option<SyncUid>) -> Answer<RunFilter> {
        let statuses = RunStatus::ALL.map(RunStatus::as_str);
        let mut wanted = input::each("status", self.status.as_deref(), &statuses, RunStatus::parse)?;
        if wanted.contains(&RunStatus::Failed) && !wanted.contains(&RunStatus::SourceFailure) {
            wanted.push(RunStatus::SourceFailure);
        }
        if let Some(outcome) = &self.outcome {
            let outcomes = ["queued", "running", "completed", "failed", "cancelled"];
            let known = |word: &str| outcomes.contains(&word).then(|| word.to_string());
            let outcome = one(&input::each("outcome", Some(outcome), &outcomes, known)?)?;
            let of_outcome = RunStatus::ALL.into_iter().filter(|status| status.outcome() == outcome);
            wanted = match wanted.is_empty() {
                true => of_outcome.collect(),
                false => of_outcome.filter(|status| wanted.contains(status)).collect(),
            };
        }
        let types = RunType::ALL.map(RunType::as_str);
        let run_types = input::each("type", self.run_type.as_deref(), &types, |word| {
            RunType::ALL.into_iter().find(|t| t.as_str() == word)
        })?;
        if self.q.as_ref().is_some_and(|text| text.chars().count() > SEARCH_CHARS_MAX) {
            let message = format!("q has at most {SEARCH_CHARS_MAX} characters");
            return Err(Fault::new(ErrorKind::BadUsage, message));
        }
        let (id_prefix, word) = match self.q.clone() {
            Some(q) if q.starts_with(RUN_ID_BEGINNING) => (Some(q), None),
            q => (None, q),
        };
        let known = Trigger::ALL.map(Trigger::as_str);
        let triggers = input::each("trigger", self.trigger.as_deref(), &known, |word| {
            Trigger::ALL.into_iter().find(|t| t.as_str() == word)
        })?;
        Ok(RunFilter {
            sync_uid,
            statuses: wanted,
            run_types,
            triggers,
            correlation_id: self.correlation_id.clone().or(word),
            id_prefix,
            since: self.since,
            until: self.until,
            of_syncs: Vec::new(),
            ended_since: self.completed_since,
            ended_until: self.completed_until,
            failed_rows: self.failed_rows.unwrap_or(false),
        })
    }

    /// Two filters that exclude each other.
    fn is_contradiction(&self, filter: &RunFilter) -> bool {
        (self.status.is_some() || self.outcome.is_some()) && filter.statuses.is_empty()
            || self.sync_id.is_some() && filter.of_syncs.is_empty()
    }
}

fn one(words: &[String]) -> Answer<String> {
    match words {
        [word] => Ok(word.clone()),
        _ => Err(Fault::new(ErrorKind::BadUsage, "give one outcome")),
    }
}

/// The syncs of a list of ids; what is no sync, also not one that was, finds nothing.
async fn uids(app: &App, ids: &str) -> Answer<Vec<SyncUid>> {
    let wanted: Vec<&str> = ids.split(',').map(str::trim).collect();
    let syncs = app.store.syncs().await?;
    let fitting = syncs.into_iter().filter(|sync| wanted.contains(&sync.id.as_str()));
    Ok(fitting.map(|sync| sync.uid).collect())
}

async fn page_of(app: &App, query: &RunQuery, sync_uid: Option<SyncUid>) -> Answer<Json<List<RunView>>> {
    let (page, mut filter) = (query.page()?, query.filter(sync_uid)?);
    if let Some(ids) = &query.sync_id {
        filter.of_syncs = uids(app, ids).await?;
    }
    let (runs, total) = match query.is_contradiction(&filter) {
        true => (Vec::new(), 0),
        false => app.store.runs(&filter, page).await?,
    };
    let now = app.now();
    let views = runs.iter().map(|run| RunView::of(run, now)).collect();
    Ok(Json(List::new(views, page, total)))
}

/// Runs of all syncs, newest first.
#[utoipa::path(get, path = "/runs", operation_id = "list_runs", tag = "runs", params(RunQuery),
    responses((status = 200, body = List<RunView>)), extensions(("x-role" = json!("viewer"))))]
async fn list(State(app): State<Arc<App>>, Params(query): Params<RunQuery>) -> Answer<Json<List<RunView>>> {
    page_of(&app, &query, None).await
}

/// Runs of one sync, newest first.
#[utoipa::path(get, path = "/syncs/{sync_id}/runs", operation_id = "list_sync_runs", tag = "runs", params(("sync_id" = String, Path), RunQuery),
    responses((status = 200, body = List<RunView>)), extensions(("x-role" = json!("viewer"))))]
async fn list_of_sync(
    State(app): State<Arc<App>>,
    Path(sync_id): Path<String>,
    Params(query): Params<RunQuery>,
) -> Answer<Json<List<RunView>>> {
    let record = app.record(&app.sync(&sync_id)?).await?;
    page_of(&app, &query, Some(record.uid)).await
}

/// One run in full.
#[utoipa::path(get, path = "/runs/{run_id}", operation_id = "get_run", tag = "runs", params(("run_id" = String, Path)),
    responses((status = 200, body = RunDetail)), extensions(("x-role" = json!("viewer"))))]
async fn get(State(app): State<Arc<App>>, Path(run_id): Path<String>) -> Answer<Json<RunDetail>> {
    Ok(Json(in_full(&app, &app.run(&run_id).await?).await?))
}

/// One run of a sync in full.
#[utoipa::path(get, path = "/syncs/{sync_id}/runs/{run_id}", operation_id = "get_sync_run", tag = "runs",
    params(("sync_id" = String, Path), ("run_id" = String, Path)),
    responses((status = 200, body = RunDetail)), extensions(("x-role" = json!("viewer"))))]
async fn get_of_sync(
    State(app): State<Arc<App>>,
    Path((sync_id, run_id)): Path<(String, String)>,
) -> Answer<Json<RunDetail>> {
    Ok(Json(in_full(&app, &run_of(&app, &sync_id, &run_id).await?).await?))
}

/// A run with the figures that it has so far, if it goes on.
async fn in_full(app: &App, run: &Run) -> Answer<RunDetail> {
    let mut detail = RunDetail::of(run, app.now());
    if run.status.is_active()
        && let Some(figures) = app.store.progress(&run.id).await?
    {
        // A server of another version may have written others: then the next event tells.
        detail.progress = serde_json::from_value(figures).ok();
    }
    Ok(detail)
}

async fn run_of(app: &App, sync_id: &str, run_id: &str) -> Answer<Run> {
    let run = app.run(run_id).await?;
    if run.sync_id.as_str() == sync_id {
        return Ok(run);
    }
    Err(Fault::new(ErrorKind::NotFound, format!("run {} is one of {}", run.id, run.sync_id)))
}

/// Which row errors to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ErrorQuery {
    /// From 1.
    #[param(minimum = 1, maximum = 1000000000)]
    page: Option<u64>,
    /// 100 unless given.
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u64>,
    code: Option<String>,
    field: Option<String>,
    /// `ingest`, `normalize`, `transform`, `execute` or `finalize`.
    #[param(inline, value_type = Option<StageWord>)]
    stage: Option<String>,
    /// Beginning of the row id.
    key: Option<String>,
}

impl ErrorQuery {
    fn filter(&self) -> Answer<RowErrorFilter> {
        let stages = Stage::ALL.map(Stage::as_str);
        let stage = input::each("stage", self.stage.as_deref(), &stages, |word| {
            Stage::ALL.into_iter().find(|stage| stage.as_str() == word)
        })?;
        Ok(RowErrorFilter {
            code: self.code.clone(),
            field: self.field.clone(),
            stage: stage.first().copied(),
            row_id_prefix: self.key.clone(),
        })
    }
}

async fn errors_page(app: &App, run: &Run, query: &ErrorQuery) -> Answer<Json<RowErrorList>> {
    let page = input::page(query.page, query.per_page, ERRORS_PER_PAGE)?;
    let (errors, total) = app.store.row_errors(&run.id, &query.filter()?, page).await?;
    let rows: Vec<String> = errors.iter().map(|error| error.row_id.clone()).collect();
    let letters = app.store.letters_of_rows(&run.sync_uid, &rows).await?;
    Ok(Json(RowErrorList::of(&errors, &letters, page, total)))
}

/// Rows that failed in a run, in the order they did.
#[utoipa::path(get, path = "/runs/{run_id}/errors", operation_id = "list_run_errors", tag = "runs", params(("run_id" = String, Path), ErrorQuery),
    responses((status = 200, body = RowErrorList)), extensions(("x-role" = json!("viewer"))))]
async fn errors(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
    Params(query): Params<ErrorQuery>,
) -> Answer<Json<RowErrorList>> {
    errors_page(&app, &app.run(&run_id).await?, &query).await
}

/// Rows that failed in a run of a sync.
#[utoipa::path(get, path = "/syncs/{sync_id}/runs/{run_id}/errors", operation_id = "list_sync_run_errors", tag = "runs",
    params(("sync_id" = String, Path), ("run_id" = String, Path), ErrorQuery),
    responses((status = 200, body = RowErrorList)), extensions(("x-role" = json!("viewer"))))]
async fn errors_of_sync(
    State(app): State<Arc<App>>,
    Path((sync_id, run_id)): Path<(String, String)>,
    Params(query): Params<ErrorQuery>,
) -> Answer<Json<RowErrorList>> {
    errors_page(&app, &run_of(&app, &sync_id, &run_id).await?, &query).await
}

/// The kinds of errors of a run's rows, and how many there are of each.
#[utoipa::path(get, path = "/runs/{run_id}/errors/groups", tag = "runs", params(("run_id" = String, Path)),
    responses((status = 200, body = RowErrorGroups)), extensions(("x-role" = json!("viewer"))))]
async fn error_groups(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<Json<RowErrorGroups>> {
    let groups = app.store.row_error_groups(&app.run(&run_id).await?.id).await?;
    Ok(Json(RowErrorGroups { data: groups.into_iter().map(Into::into).collect() }))
}

/// What a run planned, with the first of its changes.
#[utoipa::path(get, path = "/runs/{run_id}/plan", operation_id = "get_run_plan", tag = "runs", params(("run_id" = String, Path)),
    responses((status = 200, body = PlanView)), extensions(("x-role" = json!("viewer"))))]
async fn plan(State(app): State<Arc<App>>, Path(run_id): Path<String>) -> Answer<Json<PlanView>> {
    let run = app.run(&run_id).await?;
    let document = review::document(&app.engine, &run, PLAN_CHANGES_MAX).await?;
    Ok(Json(crate::views::plan(document)))
}

/// Which changes of a run to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RowQuery {
    /// From 1.
    #[param(minimum = 1, maximum = 1000000000)]
    page: Option<u64>,
    /// 20 unless given.
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u64>,
    /// The row's key; of a composite key a JSON array.
    key: Option<String>,
    /// Of `create`, `update`, `append`, `delete`, `clear` and `flag`, separated by commas.
    #[param(
        pattern = "^(create|update|append|delete|clear|flag)(,(create|update|append|delete|clear|flag))*$",
        example = "create,update"
    )]
    operation: Option<String>,
    /// Of `created`, `updated`, `removed`, `exists`, `absent`, `rejected`, `unknown`, `planned` and
    /// `not attempted`, separated by commas.
    #[param(
        pattern = "^(created|updated|removed|exists|absent|rejected|unknown|planned|not attempted)(,(created|updated|removed|exists|absent|rejected|unknown|planned|not attempted))*$",
        example = "rejected,unknown"
    )]
    status: Option<String>,
}

/// The changes that a run planned, with what became of each. Unchanged rows are not among them.
#[utoipa::path(get, path = "/runs/{run_id}/rows", operation_id = "list_run_rows", tag = "runs", params(("run_id" = String, Path), RowQuery),
    responses((status = 200, body = List<ChangeView>)), extensions(("x-role" = json!("viewer"))))]
async fn rows(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
    Params(query): Params<RowQuery>,
) -> Answer<Json<List<ChangeView>>> {
    let page = input::page(query.page, query.per_page, 20)?;
    let run = app.run(&run_id).await?;
    let each = |name: &'static str, list: Option<&str>, known: &[&'static str]| {
        input::each(name, list, known, |word| known.contains(&word).then(|| word.to_string()))
    };
    let filter = ChangeFilter {
        row_id: query.key,
        operations: each("operation", query.operation.as_deref(), &Op::ALL.map(Op::as_str))?,
        results: each("status", query.status.as_deref(), &ROW_RESULTS)?,
    };
    let (changes, total) = review::changes(&app.engine, &run, &filter, page).await?;
    Ok(Json(List::new(changes.into_iter().map(crate::views::change).collect(), page, total)))
}

/// Asks for the end of a run. What it delivered stays delivered and is known; no row is lost.
#[utoipa::path(post, path = "/runs/{run_id}/cancel", operation_id = "cancel_run", tag = "runs", params(("run_id" = String, Path)),
    responses((status = 202, body = RunDetail)), extensions(("x-role" = json!("operator"))))]
async fn cancel(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<(StatusCode, Json<RunDetail>)> {
    let run = actions::cancel(&app, &app.run(&run_id).await?).await?;
    Ok((StatusCode::ACCEPTED, Json(RunDetail::of(&run, app.now()))))
}

/// Releases a held run: it carries out what it planned.
#[utoipa::path(post, path = "/runs/{run_id}/approve", operation_id = "approve_run", tag = "runs", params(("run_id" = String, Path)),
    responses((status = 202, body = RunDetail)), extensions(("x-role" = json!("operator"))))]
async fn approve(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
) -> Answer<(StatusCode, Json<RunDetail>)> {
    let run = app.run(&run_id).await?;
    let sync = app.sync(run.sync_id.as_str())?;
    let run = app.engine.release(&run.id, &sync).await?;
    traces::asked_for(&run);
    app.wake();
    Ok((StatusCode::ACCEPTED, Json(RunDetail::of(&run, app.now()))))
}

/// Ends a held run without writing anything. The reason is kept in the audit log.
#[utoipa::path(post, path = "/runs/{run_id}/reject", operation_id = "reject_run", tag = "runs", params(("run_id" = String, Path)),
    request_body(content = Option<RejectRequest>),
    responses((status = 200, body = RunDetail)), extensions(("x-role" = json!("operator"))))]
async fn reject(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
    OptionalBody(request): OptionalBody<RejectRequest>,
) -> Answer<(Extension<Detail>, Json<RunDetail>)> {
    if request.reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_CHARS_MAX) {
        let message = format!("a reason has at most {REASON_CHARS_MAX} characters");
        return Err(Fault::new(ErrorKind::BadUsage, message));
    }
    let run = app.run(&run_id).await?;
    let run = app.engine.reject(&run.id).await?;
    app.wake();
    let detail = Detail(json!({ "reason": request.reason }));
    Ok((Extension(detail), Json(RunDetail::of(&run, app.now()))))
}

/// Starts a new run of the same type and read mode over the model as it is now.
#[utoipa::path(post, path = "/runs/{run_id}/retry", operation_id = "retry_run", tag = "runs", params(("run_id" = String, Path)),
    responses((status = 202, body = RunDetail)), extensions(("x-role" = json!("operator"))))]
async fn retry(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(run_id): Path<String>,
) -> Answer<(StatusCode, Json<RunDetail>)> {
    let earlier = app.run(&run_id).await?;
    if !earlier.status.is_terminal() {
        let error = Error::new(ErrorKind::Conflict, format!("{run_id} is {}", earlier.status.as_str()));
        return Err(error.help("retry a run that has ended").into());
    }
    let run = actions::retry(&app, &earlier, &caller).await.map_err(Fault::unprocessable)?;
    Ok((StatusCode::ACCEPTED, Json(RunDetail::of(&run, app.now()))))
}

/// Applies the plan that a test run stored, if it is the one that was reviewed and still fits its sync.
#[utoipa::path(post, path = "/runs/{run_id}/apply", operation_id = "apply_run", tag = "runs", params(("run_id" = String, Path)),
    request_body = ApplyRequest,
    responses((status = 202, body = RunDetail)), extensions(("x-role" = json!("operator"))))]
async fn apply(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(run_id): Path<String>,
    Body(request): Body<ApplyRequest>,
) -> Answer<(StatusCode, Json<RunDetail>)> {
    let planned = app.run(&run_id).await?;
    let run = actions::apply(&app, &planned, &request, &caller).await.map_err(Fault::unprocessable)?;
    Ok((StatusCode::ACCEPTED, Json(RunDetail::of(&run, app.now()))))
}
