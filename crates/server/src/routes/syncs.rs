//! Syncs: what they are, what they do, triggering and activating them, their cursors and records.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::json;
use syncline_api::{
    CursorChangeView, CursorEffectView, CursorRequest, CursorView, HaltedView, List, RecordEventView,
    RunDetail, RunView, ScheduledSync, SyncView, TriggerRequest, TriggeredRun,
};
use syncline_config::Origin;
use syncline_core::sync::Schedule;
use syncline_core::{CursorValue, Error, ErrorKind, LogicalType, RunId, Sync, SyncId};
use syncline_engine::review;
use syncline_engine::{Endpoints, config_hash, cursor_effect, cursor_type};
use syncline_store::{CursorChange, SyncOverview, SyncRecord};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::sliced;
use crate::access::Caller;
use crate::app::App;
use crate::input::{self, Body, OptionalBody, Paging, Params};
use crate::problem::{Answer, Fault};
use crate::record::Detail;
use crate::{actions, schedule, views};

/// Events of a record that are looked for.
const RECORD_EVENTS_MAX: usize = 200;
/// Held runs that are named with a sync.
const HELD_MAX: usize = 10;
/// States of syncs.
const STATES: [&str; 3] = ["active", "inactive", "halted"];

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(trigger))
        .routes(routes!(activate))
        .routes(routes!(deactivate))
        .routes(routes!(cursor, set_cursor))
        .routes(routes!(cursor_history))
        .routes(routes!(estimate_cursor))
        .routes(routes!(record))
        .routes(routes!(schedules))
        .routes(routes!(schedule_of))
}

/// Which syncs to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SyncQuery {
    /// From 1.
    #[param(minimum = 1, maximum = 1000000000)]
    page: Option<u64>,
    /// 20 unless given.
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u64>,
    /// Instances, separated by commas.
    #[param(example = "crm,shop")]
    instance: Option<String>,
    /// Tags, separated by commas; a sync has one of them.
    tag: Option<String>,
    /// States, separated by commas.
    #[param(pattern = "^(active|inactive|halted)(,(active|inactive|halted))*$", example = "active,halted")]
    state: Option<String>,
    /// Part of the id, the source, the target or its object, in upper or lower case.
    q: Option<String>,
}

impl SyncQuery {
    /// Whether a sync is meant, as far as its definition tells.
    fn is_wanted(&self, sync: &Sync) -> bool {
        let is_one = |list: &Option<String>, fits: &dyn Fn(&str) -> bool| {
            list.as_ref().is_none_or(|list| list.split(',').map(str::trim).any(fits))
        };
        let has = |text: &str| {
            let texts = [sync.id.as_str(), &sync.source, &sync.target, &sync.to.object];
            texts.into_iter().any(|field| field.to_lowercase().contains(text))
        };
        is_one(&self.instance, &|name| sync.id.instance() == name)
            && is_one(&self.tag, &|tag| sync.tags.iter().any(|own| own == tag))
            && self.q.as_ref().is_none_or(|text| has(&text.trim().to_lowercase()))
    }
}

pub async fn view(app: &App, sync: &Sync) -> Answer<SyncView> {
    let views = views_of(app, &[sync]).await?;
    Ok(views.into_iter().next().ok_or_else(|| Error::internal(format!("{} was not registered", sync.id)))?)
}

/// All that is shown of syncs, with one look at the state whatever their number.
async fn views_of(app: &App, syncs: &[&Sync]) -> Answer<Vec<SyncView>> {
    let ids: Vec<SyncId> = syncs.iter().map(|sync| sync.id.clone()).collect();
    let mut overviews = app.store.sync_overviews(&ids).await?;
    if overviews.len() < syncs.len() {
        app.engine.register_all(syncs).await?;
        overviews = app.store.sync_overviews(&ids).await?;
    }
    let mut by_id: HashMap<SyncId, SyncOverview> =
        overviews.into_iter().map(|overview| (overview.record.id.clone(), overview)).collect();
    let view = |sync: &&Sync| Some(view_of(app, sync, by_id.remove(&sync.id)?));
    Ok(syncs.iter().filter_map(view).collect())
}

fn view_of(app: &App, sync: &Sync, overview: SyncOverview) -> SyncView {
    let SyncOverview { record, last_run, next_run_at, held, states, open_letters } = overview;
    let of_state = |name| states.get(name).copied().unwrap_or(0);
    let origin = app.live.get().project.origin(&sync.id);
    SyncView {
        id: sync.id.to_string(),
        uid: Some(record.uid.to_string()),
        instance: sync.id.instance().into(),
        entity: sync.id.entity().into(),
        source: sync.source.clone(),
        target: sync.target.clone(),
        object: sync.to.object.clone(),
        write_mode: sync.write_mode.as_str().into(),
        tags: sync.tags.clone(),
        state: schedule::state_name(&record.state).into(),
        halted: HaltedView::of(&record.state),
        schedule: sync.schedule.as_ref().map(schedule::view),
        next_run_at,
        last_run: last_run.map(|run| RunView::of(&run, app.now())),
        held_runs: held.iter().take(HELD_MAX).map(RunId::to_string).collect(),
        seeded: record.generation > 0,
        delivered: of_state("delivered"),
        pending: of_state("pending"),
        dead_letters: open_letters,
        cursor: record.cursor.as_ref().map(CursorValue::to_string),
        cursor_column: sync.model.cursor.clone(),
        batch_size: sync.batch_size,
        config_hash: config_hash(sync),
        origin: match &origin {
            Some(Origin::Api) => "api".into(),
            Some(Origin::File(_)) | None => "file".into(),
        },
        place: match origin {
            Some(Origin::File(place)) => Some(place.to_string()),
            Some(Origin::Api) | None => None,
        },
    }
}

/// Syncs of the project, by id.
#[utoipa::path(get, path = "/syncs", operation_id = "list_syncs", tag = "syncs", params(SyncQuery),
    responses((status = 200, body = List<SyncView>)), extensions(("x-role" = json!("viewer"))))]
async fn list(State(app): State<Arc<App>>, Params(query): Params<SyncQuery>) -> Answer<Json<List<SyncView>>> {
    let page = Paging { page: query.page, per_page: query.per_page }.page()?;
    let loaded = app.live.get();
    let known = |word: &str| STATES.contains(&word).then(|| word.to_string());
    let states = input::each("state", query.state.as_deref(), &STATES, known)?;
    let in_state: Option<BTreeSet<SyncId>> = match states.is_empty() {
        true => None,
        false => {
            let records = app.store.syncs().await?;
            let fits = |record: &&SyncRecord| {
                states.iter().any(|state| state == schedule::state_name(&record.state))
            };
            Some(records.iter().filter(fits).map(|record| record.id.clone()).collect())
        }
    };
    let wanted = |sync: &&Sync| {
        query.is_wanted(sync) && in_state.as_ref().is_none_or(|syncs| syncs.contains(&sync.id))
    };
    let mut syncs: Vec<&Sync> = loaded.project.syncs.iter().filter(wanted).collect();
    syncs.sort_by(|a, b| a.id.cmp(&b.id));
    let List { data, pagination } = sliced(syncs, page);
    Ok(Json(List { data: views_of(&app, &data).await?, pagination }))
}

/// One sync.
#[utoipa::path(get, path = "/syncs/{sync_id}", operation_id = "get_sync", tag = "syncs", params(("sync_id" = String, Path)),
    responses((status = 200, body = SyncView)), extensions(("x-role" = json!("viewer"))))]
async fn get(State(app): State<Arc<App>>, Path(sync_id): Path<String>) -> Answer<Json<SyncView>> {
    Ok(Json(view(&app, &app.sync(&sync_id)?).await?))
}

/// Starts a run, or joins an equal one that waits.
#[utoipa::path(post, path = "/syncs/{sync_id}/trigger", operation_id = "trigger_sync", tag = "runs", params(("sync_id" = String, Path)),
    request_body(content = Option<TriggerRequest>),
    responses((status = 202, body = TriggeredRun)), extensions(("x-role" = json!("operator"))))]
async fn trigger(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(sync_id): Path<String>,
    OptionalBody(request): OptionalBody<TriggerRequest>,
) -> Answer<(StatusCode, Extension<Detail>, Json<TriggeredRun>)> {
    let sync = app.sync(&sync_id)?;
    let queued = actions::trigger(&app, &sync, &request, &caller).await.map_err(Fault::unprocessable)?;
    let detail = Detail(asked(&request, &queued.run.id));
    let answer = TriggeredRun { run: RunDetail::of(&queued.run, app.now()), joined: queued.joined };
    Ok((StatusCode::ACCEPTED, Extension(detail), Json(answer)))
}

/// A request for the audit log, which holds no values of rows, and so no ids.
fn asked(request: &TriggerRequest, run: &RunId) -> serde_json::Value {
    let mut asked = json!(request);
    if let Some(ids) = &request.source_ids {
        asked["source_ids"] = json!(ids.len());
    }
    asked["run_id"] = json!(run);
    asked
}

/// Lets a sync run by itself, also one that was halted.
#[utoipa::path(post, path = "/syncs/{sync_id}/activate", operation_id = "activate_sync", tag = "syncs", params(("sync_id" = String, Path)),
    responses((status = 200, body = SyncView)), extensions(("x-role" = json!("operator"))))]
async fn activate(State(app): State<Arc<App>>, Path(sync_id): Path<String>) -> Answer<Json<SyncView>> {
    let sync = app.sync(&sync_id)?;
    actions::set_active(&app, &sync, true).await?;
    Ok(Json(view(&app, &sync).await?))
}

/// Stops a sync from running by itself. What runs may finish; queued and scheduled runs of type `sync` go.
#[utoipa::path(post, path = "/syncs/{sync_id}/deactivate", operation_id = "deactivate_sync", tag = "syncs", params(("sync_id" = String, Path)),
    responses((status = 200, body = SyncView)), extensions(("x-role" = json!("operator"))))]
async fn deactivate(State(app): State<Arc<App>>, Path(sync_id): Path<String>) -> Answer<Json<SyncView>> {
    let sync = app.sync(&sync_id)?;
    actions::set_active(&app, &sync, false).await?;
    Ok(Json(view(&app, &sync).await?))
}

async fn cursor_view(app: &App, sync: &Sync) -> Answer<Json<CursorView>> {
    let record = app.record(sync).await?;
    Ok(Json(CursorView {
        sync_id: sync.id.to_string(),
        column: sync.model.cursor.clone(),
        value: record.cursor.as_ref().map(CursorValue::to_string),
    }))
}

/// How far a sync got.
#[utoipa::path(get, path = "/syncs/{sync_id}/cursor", operation_id = "get_cursor", tag = "syncs", params(("sync_id" = String, Path)),
    responses((status = 200, body = CursorView)), extensions(("x-role" = json!("viewer"))))]
async fn cursor(State(app): State<Arc<App>>, Path(sync_id): Path<String>) -> Answer<Json<CursorView>> {
    cursor_view(&app, &app.sync(&sync_id)?).await
}

/// Reads a cursor's text as its column, whose type it gives too, has it.
async fn cursor_value(sync: &Sync, ends: &Endpoints, text: Option<&str>) -> Answer<Moved> {
    let Some(column) = sync.model.cursor.clone() else {
        let error = Error::new(ErrorKind::BadUsage, format!("{} has no cursor", sync.id));
        return Err(Fault::unprocessable(error.help("name one with `cursor:` in its model")));
    };
    let ty = cursor_type(sync, ends, &column).await?;
    let Some(text) = text else { return Ok(Moved { column, ty, to: None }) };
    match CursorValue::parse(text, &ty) {
        Some(to) => Ok(Moved { column, ty, to: Some(to) }),
        None => {
            let shown: String = text.chars().take(60).collect();
            let message = format!("'{shown}' is no value of {column}, which is {ty}");
            Err(Fault::unprocessable(Error::new(ErrorKind::BadUsage, message)))
        }
    }
}

/// Where a cursor is to be.
struct Moved {
    column: String,
    ty: LogicalType,
    to: Option<CursorValue>,
}

/// What setting or clearing a cursor would mean for the next run. Every value of its column is read.
#[utoipa::path(post, path = "/syncs/{sync_id}/cursor/effect", operation_id = "estimate_cursor", tag = "syncs",
    params(("sync_id" = String, Path)), request_body = CursorRequest,
    responses((status = 200, body = CursorEffectView)), extensions(("x-role" = json!("operator"))))]
async fn estimate_cursor(
    State(app): State<Arc<App>>,
    Path(sync_id): Path<String>,
    Body(request): Body<CursorRequest>,
) -> Answer<Json<CursorEffectView>> {
    let sync = app.sync(&sync_id)?;
    let ends = app.live.endpoints(&sync)?;
    let Moved { column, ty, to } = cursor_value(&sync, &ends, request.value.as_deref()).await?;
    let from = app.record(&sync).await?.cursor;
    let effect = cursor_effect(&sync, &ends, &column, &ty, from.as_ref(), to.as_ref()).await?;
    Ok(Json(CursorEffectView {
        from: from.map(|value| value.to_string()),
        to: to.map(|value| value.to_string()),
        read: effect.read,
        again: effect.again,
        passed_over: effect.passed_over,
    }))
}

/// Sets or clears a cursor by hand, while no run of the sync is active.
#[utoipa::path(put, path = "/syncs/{sync_id}/cursor", operation_id = "set_cursor", tag = "syncs", params(("sync_id" = String, Path)),
    request_body = CursorRequest,
    responses((status = 200, body = CursorView)), extensions(("x-role" = json!("operator"))))]
async fn set_cursor(
    State(app): State<Arc<App>>,
    Path(sync_id): Path<String>,
    Body(request): Body<CursorRequest>,
) -> Answer<Json<CursorView>> {
    let sync = app.sync(&sync_id)?;
    let to = match &request.value {
        Some(text) => cursor_value(&sync, &app.live.endpoints(&sync)?, Some(text)).await?.to,
        None => None,
    };
    let record = app.record(&sync).await?;
    let change = CursorChange { to, reason: "manual".into(), run_id: None };
    app.store.set_cursor(&record.uid, &change, app.now()).await?;
    cursor_view(&app, &sync).await
}

/// Changes of a cursor, newest first.
#[utoipa::path(get, path = "/syncs/{sync_id}/cursor/history", operation_id = "list_cursor_history", tag = "syncs",
    params(("sync_id" = String, Path), Paging),
    responses((status = 200, body = List<CursorChangeView>)), extensions(("x-role" = json!("viewer"))))]
async fn cursor_history(
    State(app): State<Arc<App>>,
    Path(sync_id): Path<String>,
    Params(paging): Params<Paging>,
) -> Answer<Json<List<CursorChangeView>>> {
    let page = paging.page()?;
    let record = app.record(&app.sync(&sync_id)?).await?;
    let (changes, total) = app.store.cursor_history(&record.uid, page).await?;
    Ok(Json(List::new(changes.into_iter().map(CursorChangeView::from).collect(), page, total)))
}

/// Everything that is known to have happened to one record, newest first.
#[utoipa::path(get, path = "/syncs/{sync_id}/records/{row_id}", operation_id = "get_record", tag = "syncs",
    params(("sync_id" = String, Path), ("row_id" = String, Path)),
    responses((status = 200, body = Vec<RecordEventView>)), extensions(("x-role" = json!("viewer"))))]
async fn record(
    State(app): State<Arc<App>>,
    Path((sync_id, row_id)): Path<(String, String)>,
) -> Answer<Json<Vec<RecordEventView>>> {
    let record = app.record(&app.sync(&sync_id)?).await?;
    let events = review::history(&app.engine, &record.uid, &row_id, RECORD_EVENTS_MAX).await?;
    Ok(Json(events.into_iter().map(views::record_event).collect()))
}

/// Schedules of all syncs that have one, with their next fires.
#[utoipa::path(get, path = "/schedules", operation_id = "list_schedules", tag = "syncs", params(Paging),
    responses((status = 200, body = List<ScheduledSync>)), extensions(("x-role" = json!("viewer"))))]
async fn schedules(
    State(app): State<Arc<App>>,
    Params(paging): Params<Paging>,
) -> Answer<Json<List<ScheduledSync>>> {
    let page = paging.page()?;
    let loaded = app.live.get();
    let mut syncs: Vec<&Sync> = loaded.project.syncs.iter().filter(|sync| sync.schedule.is_some()).collect();
    syncs.sort_by(|a, b| a.id.cmp(&b.id));
    let List { data, pagination } = sliced(syncs, page);
    Ok(Json(List { data: schedules_of(&app, &data).await?, pagination }))
}

/// The schedules of those that have one, with as many looks at the state as for one.
async fn schedules_of(app: &App, syncs: &[&Sync]) -> Answer<Vec<ScheduledSync>> {
    app.engine.register_all(syncs).await?;
    let scheduled: Vec<(&SyncId, &Schedule)> =
        syncs.iter().filter_map(|sync| Some((&sync.id, sync.schedule.as_ref()?))).collect();
    Ok(schedule::scheduled(&*app.store, &scheduled, app.now()).await?)
}

/// When one sync runs by itself.
#[utoipa::path(get, path = "/syncs/{sync_id}/schedule", operation_id = "get_schedule", tag = "syncs", params(("sync_id" = String, Path)),
    responses((status = 200, body = ScheduledSync)), extensions(("x-role" = json!("viewer"))))]
async fn schedule_of(
    State(app): State<Arc<App>>,
    Path(sync_id): Path<String>,
) -> Answer<Json<ScheduledSync>> {
    let sync = app.sync(&sync_id)?;
    let schedule = schedules_of(&app, &[&sync]).await?.into_iter().next();
    let none = || Fault::new(ErrorKind::NotFound, format!("{sync_id} has no schedule"));
    Ok(Json(schedule.ok_or_else(none)?))
}
