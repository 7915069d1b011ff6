//! Purging: removing what is kept of single records of a sync.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde_json::json;
use syncline_api::{PurgeRequest, PurgeView, PurgedKeys};
use syncline_core::{Error, ErrorKind, Result, SyncId};
use syncline_store::SyncRecord;
use tokio::runtime::Handle;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::input::Body;
use crate::problem::{Answer, Fault};
use crate::record::Detail;
use crate::views;

/// Most records of one request.
const KEYS_MAX: usize = 1_000;

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(purge)).routes(routes!(estimate))
}

/// What purging records would remove. Nothing is changed.
#[utoipa::path(post, path = "/syncs/{sync_id}/purge/estimate", operation_id = "estimate_purge", tag = "syncs",
    params(("sync_id" = String, Path)), request_body = PurgedKeys,
    responses((status = 200, body = PurgeView)), extensions(("x-role" = json!("admin"))))]
async fn estimate(
    State(app): State<Arc<App>>,
    Path(sync_id): Path<String>,
    Body(request): Body<PurgedKeys>,
) -> Answer<Json<PurgeView>> {
    let record = known(&app, &sync_id).await?;
    Ok(Json(carried_out(&app, record, request.keys, false).await?))
}

/// Removes what is kept of records from plans, outcomes, dead letters, errors and the snapshot, for good.
/// Source and target are left alone. Refused while a run of the sync is active, or waits and needs one of
/// the records.
#[utoipa::path(post, path = "/syncs/{sync_id}/purge", operation_id = "purge_records", tag = "syncs",
    params(("sync_id" = String, Path)), request_body = PurgeRequest,
    responses((status = 200, body = PurgeView)), extensions(("x-role" = json!("admin"))))]
async fn purge(
    State(app): State<Arc<App>>,
    Path(sync_id): Path<String>,
    Body(request): Body<PurgeRequest>,
) -> Answer<(Extension<Detail>, Json<PurgeView>)> {
    let record = known(&app, &sync_id).await?;
    if request.confirm != record.id.as_str() {
        let message = "a purge removes what is kept of the records for good";
        let error = Error::new(ErrorKind::BadUsage, message);
        let help = format!("confirm it with \"confirm\": \"{}\"", record.id);
        return Err(Fault::unprocessable(error.help(help)));
    }
    let view = carried_out(&app, record, request.keys, true).await?;
    // How much, never what: keys are personal data as well.
    Ok((Extension(Detail(json!(view))), Json(view)))
}

/// A sync of the state, also one that left the project.
async fn known(app: &App, id: &str) -> Answer<SyncRecord> {
    if let Ok(parsed) = SyncId::parse(id)
        && let Some(record) = app.store.sync(&parsed).await?
    {
        return Ok(record);
    }
    Ok(app.record(&app.sync(id)?).await?)
}

/// Goes on to its end where the client goes away, and reads files on a thread that may block.
async fn carried_out(
    app: &Arc<App>,
    record: SyncRecord,
    keys: Vec<String>,
    removes: bool,
) -> Answer<PurgeView> {
    let rows = checked(keys).map_err(Fault::unprocessable)?;
    let (app, runtime) = (Arc::clone(app), Handle::current());
    let work = move || {
        let report = runtime.block_on(app.engine.purge(&record, &rows, removes))?;
        Ok(views::purge(&record.id, rows.len(), removes, &report))
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|e: Error| e.into()),
        Err(e) => Err(Error::internal("the purge did not end").caused_by(e).into()),
    }
}

fn checked(keys: Vec<String>) -> Result<BTreeSet<String>> {
    let refuse = |message: &str, help: &str| Err(Error::new(ErrorKind::BadUsage, message).help(help));
    match keys.len() {
        0 => refuse("keys names no record", "give the keys as the lists of errors show them"),
        count if count > KEYS_MAX => {
            refuse(&format!("{count} keys are more than {KEYS_MAX}"), "purge them in several requests")
        }
        _ if keys.iter().any(String::is_empty) => {
            refuse("a key is empty", "give the keys as the lists of errors show them")
        }
        _ => Ok(keys.into_iter().collect()),
    }
}
