//! Figures over many runs: Sync Health and trends.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use syncline_api::{AttentionView, HealthView, PeriodView, TrendsView};
use syncline_core::{ErrorKind, Run, RunStatus, SyncId, SyncUid};
use syncline_store::{LetterFilter, LetterState, Page, RunFilter, SyncRecord, SyncState};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::health::Window;
use crate::input::Params;
use crate::problem::{Answer, Fault};
use crate::trends;

/// Points of a trend unless asked otherwise.
const POINTS: u64 = 30;
const POINTS_MAX: u64 = 200;
/// Runs read for a point: tests and runs that did not happen stand between them.
const RUNS_PER_POINT: u64 = 3;
/// Runs behind the last point that it is compared with.
const RUNS_BEHIND: u64 = 30;

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(trends_of))
}

#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HealthQuery {
    /// `24h`, `7d` or `30d`; 24 hours unless given.
    #[param(inline)]
    window: Option<Window>,
}

impl HealthQuery {
    /// How long the window is.
    pub fn seconds(&self) -> u64 {
        self.window.unwrap_or_default().seconds()
    }
}

/// Sync Health: runs, success, durations and rows over a day, a week or a month.
#[utoipa::path(get, path = "/health", operation_id = "get_health", tag = "insights", params(HealthQuery),
    responses((status = 200, body = HealthView)), extensions(("x-role" = json!("viewer"))))]
async fn health(State(app): State<Arc<App>>, Params(query): Params<HealthQuery>) -> Answer<Json<HealthView>> {
    let window = query.window.unwrap_or_default();
    let sum = app.health.over(&*app.store, window, app.now()).await?;
    let figures = &sum.figures;
    let judged = figures.completed + figures.failed + figures.source_failures;
    let syncs = app.store.syncs().await?;
    let had_errors: HashSet<&SyncUid> = figures.syncs_with_errors.iter().collect();
    let with_errors = syncs.iter().filter(|sync| had_errors.contains(&sync.uid));
    Ok(Json(HealthView {
        window: window.name().into(),
        since: sum.since,
        total_runs: figures.total_runs,
        completed: figures.completed,
        failed: figures.failed,
        source_failures: figures.source_failures,
        cancelled: figures.cancelled,
        success_rate: (judged > 0).then(|| figures.completed as f64 / judged as f64),
        average_duration_seconds: figures.average_duration_seconds,
        rows_synced: figures.rows_created + figures.rows_updated + figures.rows_deleted,
        rows_failed: figures.rows_failed,
        syncs_with_errors: with_errors.map(|sync| sync.id.to_string()).collect(),
        periods: figures
            .periods
            .iter()
            .map(|period| PeriodView {
                start: period.start,
                by_status: period.by_status.iter().map(|(s, n)| (s.as_str().into(), *n)).collect(),
            })
            .collect(),
        attention: attention(&app, &syncs).await?,
    }))
}

async fn attention(app: &App, syncs: &[SyncRecord]) -> Answer<AttentionView> {
    let held = RunFilter { statuses: vec![RunStatus::Held], ..RunFilter::default() };
    let (_, held_runs) = app.store.runs(&held, Page::first(1)).await?;
    let open = LetterFilter { states: vec![LetterState::Open], ..LetterFilter::default() };
    let (_, open_dead_letters) = app.store.letters(&open, Page::first(1)).await?;
    let halted = syncs.iter().filter(|sync| matches!(sync.state, SyncState::Halted { .. }));
    Ok(AttentionView {
        held_runs,
        halted_syncs: halted.map(|sync| sync.id.to_string()).collect(),
        open_dead_letters,
    })
}

#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TrendQuery {
    /// Runs to show; 30 unless given.
    #[param(minimum = 1, maximum = 200)]
    runs: Option<u64>,
}

/// Rows, errors and duration of a sync's latest runs, with what in them is a sudden change.
#[utoipa::path(get, path = "/syncs/{sync_id}/trends", operation_id = "get_trends", tag = "insights",
    params(("sync_id" = String, Path), TrendQuery),
    responses((status = 200, body = TrendsView)), extensions(("x-role" = json!("viewer"))))]
async fn trends_of(
    State(app): State<Arc<App>>,
    Path(sync_id): Path<String>,
    Params(query): Params<TrendQuery>,
) -> Answer<Json<TrendsView>> {
    let wanted = query.runs.unwrap_or(POINTS);
    if wanted == 0 || wanted > POINTS_MAX {
        return Err(Fault::new(ErrorKind::BadUsage, format!("runs is from 1 to {POINTS_MAX}")));
    }
    let sync = app.sync(&sync_id)?;
    let recent = app.store.recent_runs(std::slice::from_ref(&sync.id), runs_for(wanted)).await?;
    let runs = recent.first().map(|recent| &*recent.runs).unwrap_or_default();
    Ok(Json(trends_view(&sync.id, runs, wanted)))
}

/// Runs to read for so many points.
pub fn runs_for(points: u64) -> u64 {
    points * RUNS_PER_POINT + RUNS_BEHIND
}

/// How a sync's runs, the newest first, developed.
pub fn trends_view(sync: &SyncId, runs: &[Run], points: u64) -> TrendsView {
    let points = trends::points(runs, points as usize);
    TrendsView {
        sync_id: sync.to_string(),
        systematic_errors: trends::is_systematic(&points),
        review_first_errors: trends::asks_for_review(&points),
        points,
    }
}
