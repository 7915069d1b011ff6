//! All syncs at a glance: what needs a person, and how each of them goes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use syncline_api::{
    AttentionList, ErrorView, FailingView, FirstErrorsView, HaltedSyncView, HeldView, List, OpenLettersView,
    SyncHealthView, TrendsView,
};
use syncline_core::{Run, RunStatus, Sync, SyncId, SyncUid};
use syncline_store::{Page, Recent, RunFilter, SyncFigures, SyncState};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::sliced;
use super::insights::{HealthQuery, runs_for, trends_view};
use crate::app::App;
use crate::input::{self, Params};
use crate::problem::{Answer, Fault};
use crate::trends;

/// Syncs whose runs are read together, so that no more of these are in memory.
const SYNCS_AT_ONCE: usize = 50;
/// Most of each kind that are named.
const NAMED_MAX: usize = 50;
/// Runs behind the latest one that tell whether its errors are the first.
const RUNS_LOOKED_AT: u64 = 10;
/// Points of each trend unless asked otherwise.
const POINTS: u64 = 20;
const POINTS_MAX: u64 = 50;

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(attention)).routes(routes!(all_trends)).routes(routes!(sync_health))
}

/// What needs a person now: held runs, halted and failing syncs, first errors, open dead letters.
#[utoipa::path(get, path = "/attention", operation_id = "get_attention", tag = "insights",
    responses((status = 200, body = AttentionList)), extensions(("x-role" = json!("viewer"))))]
async fn attention(State(app): State<Arc<App>>) -> Answer<Json<AttentionList>> {
    let mut list = AttentionList::default();
    let held = RunFilter { statuses: vec![RunStatus::Held], ..RunFilter::default() };
    let (held, _) = app.store.runs(&held, Page::first(NAMED_MAX as u64)).await?;
    list.held = held.iter().map(held_view).collect();
    let project = &app.live.get().project;
    let ids: Vec<SyncId> = project.syncs.iter().map(|sync| sync.id.clone()).collect();
    for some in ids.chunks(SYNCS_AT_ONCE) {
        for recent in app.store.recent_runs(some, RUNS_LOOKED_AT).await? {
            look_at(&recent, &mut list);
        }
    }
    list.halted.sort_by_key(|view| std::cmp::Reverse(view.since));
    list.failing.sort_by_key(|view| std::cmp::Reverse(view.completed_at));
    list.review.sort_by_key(|view| std::cmp::Reverse(view.completed_at));
    list.dead_letters.sort_by_key(|view| std::cmp::Reverse(view.open));
    list.halted.truncate(NAMED_MAX);
    list.failing.truncate(NAMED_MAX);
    list.review.truncate(NAMED_MAX);
    list.dead_letters.truncate(NAMED_MAX);
    Ok(Json(list))
}

fn held_view(run: &Run) -> HeldView {
    let c = &run.counters;
    HeldView {
        run_id: run.id.to_string(),
        sync_id: run.sync_id.to_string(),
        held_at: run.planned_at,
        reasons: run.guards.iter().filter(|guard| guard.tripped).map(|guard| guard.message.clone()).collect(),
        rows_created: c.rows_created,
        rows_updated: c.rows_updated,
        rows_deleted: c.rows_deleted,
    }
}

/// Adds what there is about one sync.
fn look_at(recent: &Recent, list: &mut AttentionList) {
    let Recent { record, runs, open_letters } = recent;
    let sync_id = record.id.to_string();
    if let SyncState::Halted { reason, since, failures } = &record.state {
        let (reason, since, failures) = (reason.clone(), *since, *failures);
        list.halted.push(HaltedSyncView { sync_id: sync_id.clone(), reason, since, failures });
    }
    let counted: Vec<&Run> = runs.iter().filter(|run| trends::counts(run)).collect();
    if let Some((latest, before)) = counted.split_first() {
        let run_id = latest.id.to_string();
        let completed_at = latest.completed_at;
        if latest.status != RunStatus::Completed {
            let error = latest.error.as_ref().map(ErrorView::from);
            let status = latest.status.as_str().into();
            list.failing.push(FailingView { sync_id: sync_id.clone(), run_id, status, completed_at, error });
        } else if latest.counters.rows_failed > 0 && before.iter().all(|run| run.counters.rows_failed == 0) {
            let rows_failed = latest.counters.rows_failed;
            list.review.push(FirstErrorsView { sync_id: sync_id.clone(), run_id, rows_failed, completed_at });
        }
    }
    if *open_letters > 0 {
        list.dead_letters.push(OpenLettersView { sync_id, open: *open_letters });
    }
}

/// Which trends to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AllTrendsQuery {
    /// From 1.
    #[param(minimum = 1, maximum = 1000000000)]
    page: Option<u64>,
    /// Syncs of a page; 20 unless given.
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u64>,
    /// Only of these syncs, separated by commas.
    #[param(example = "crm.contact,crm.company")]
    sync_id: Option<String>,
    /// Runs of each; 20 unless given.
    #[param(minimum = 1, maximum = 50)]
    runs: Option<u64>,
}

/// Trends of many syncs at once, by id: for a sparkline beside each.
#[utoipa::path(get, path = "/trends", operation_id = "list_trends", tag = "insights", params(AllTrendsQuery),
    responses((status = 200, body = List<TrendsView>)), extensions(("x-role" = json!("viewer"))))]
async fn all_trends(
    State(app): State<Arc<App>>,
    Params(query): Params<AllTrendsQuery>,
) -> Answer<Json<List<TrendsView>>> {
    let page = input::page(query.page, query.per_page, 20)?;
    let points = query.runs.unwrap_or(POINTS);
    if points == 0 || points > POINTS_MAX {
        let message = format!("runs is from 1 to {POINTS_MAX}");
        return Err(Fault::new(syncline_core::ErrorKind::BadUsage, message));
    }
    let wanted: Option<Vec<&str>> =
        query.sync_id.as_deref().map(|ids| ids.split(',').map(str::trim).collect());
    let loaded = app.live.get();
    let is_wanted = |sync: &&Sync| wanted.as_ref().is_none_or(|wanted| wanted.contains(&sync.id.as_str()));
    let mut syncs: Vec<&Sync> = loaded.project.syncs.iter().filter(is_wanted).collect();
    syncs.sort_by(|a, b| a.id.cmp(&b.id));
    let List { data, pagination } = sliced(syncs, page);
    let ids: Vec<SyncId> = data.iter().map(|sync| sync.id.clone()).collect();
    let mut views = BTreeMap::new();
    for some in ids.chunks(SYNCS_AT_ONCE) {
        for recent in app.store.recent_runs(some, runs_for(points)).await? {
            views.insert(recent.record.id.clone(), trends_view(&recent.record.id, &recent.runs, points));
        }
    }
    // One that is not registered yet has no runs.
    let view = |id: SyncId| views.remove(&id).unwrap_or_else(|| trends_view(&id, &[], points));
    Ok(Json(List { data: ids.into_iter().map(view).collect(), pagination }))
}

/// Figures of each sync over a day, a week or a month. Syncs without a run are left out.
#[utoipa::path(get, path = "/health/syncs", operation_id = "list_sync_health", tag = "insights", params(HealthQuery),
    responses((status = 200, body = Vec<SyncHealthView>)), extensions(("x-role" = json!("viewer"))))]
async fn sync_health(
    State(app): State<Arc<App>>,
    Params(query): Params<HealthQuery>,
) -> Answer<Json<Vec<SyncHealthView>>> {
    let since = app.now() - Duration::from_secs(query.seconds());
    let names: BTreeMap<SyncUid, String> =
        app.store.syncs().await?.into_iter().map(|sync| (sync.uid, sync.id.to_string())).collect();
    let figures = app.store.sync_figures(since).await?;
    let view = |figures: SyncFigures| Some(health_view(names.get(&figures.sync_uid)?.clone(), &figures));
    let mut views: Vec<SyncHealthView> = figures.into_iter().filter_map(view).collect();
    views.sort_by(|a, b| a.sync_id.cmp(&b.sync_id));
    Ok(Json(views))
}

fn health_view(sync_id: String, figures: &SyncFigures) -> SyncHealthView {
    let SyncFigures { completed, failed, source_failures, cancelled, timed_runs, .. } = *figures;
    let judged = completed + failed + source_failures;
    SyncHealthView {
        sync_id,
        total_runs: judged + cancelled,
        completed,
        failed,
        source_failures,
        cancelled,
        success_rate: (judged > 0).then(|| completed as f64 / judged as f64),
        average_duration_seconds: (timed_runs > 0).then(|| figures.duration_seconds / timed_runs as f64),
        rows_synced: figures.rows_synced,
        rows_failed: figures.rows_failed,
    }
}
