//! What helps people to write definitions: functions, schemas, and schedules tried out.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Map, Value, json};
use syncline_api::{FunctionView, SchedulePreview, SchedulePreviewRequest};
use syncline_config::{Loaded, ObjectKind, ObjectName, Project, Severity};
use syncline_core::sync::Schedule;
use syncline_core::{Error, ErrorKind, SyncId};
use syncline_scheduler::due::next_fires;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::made;
use crate::app::App;
use crate::edit::Shown;
use crate::input::Body;
use crate::problem::{Answer, Fault};
use crate::schedule;

/// Fires of a preview unless asked otherwise.
const FIRES: u64 = 10;
const FIRES_MAX: u64 = 100;
/// Syncs that are named to whoever names one that is not there.
const SYNCS_NAMED_MAX: usize = 10;
/// Name of the instance and the connection in which a schedule is tried.
const TRIED: &str = "schedule-preview";

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(functions)).routes(routes!(schema)).routes(routes!(preview_schedule))
}

/// The functions that expressions of a mapping can call.
#[utoipa::path(get, path = "/functions", operation_id = "list_functions", tag = "syncs",
    responses((status = 200, body = Vec<FunctionView>)), extensions(("x-role" = json!("viewer"))))]
async fn functions() -> Json<Vec<FunctionView>> {
    let functions = syncline_expr::functions().into_iter().map(|function| FunctionView {
        name: function.name.into(),
        aliases: function.aliases.iter().map(|alias| (*alias).to_string()).collect(),
        signature: function.signature.into(),
        summary: function.summary.into(),
        example: function.example.into(),
        result: function.result.into(),
    });
    Json(functions.collect())
}

/// The JSON Schema of a file: `project` is `syncline.yaml`, `instance` a file of `syncs/`.
#[utoipa::path(get, path = "/schemas/{document}", operation_id = "get_schema", tag = "syncs",
    params(("document" = String, Path, description = "`project` or `instance`.")),
    responses((status = 200, body = Map<String, Value>)), extensions(("x-role" = json!("viewer"))))]
async fn schema(
    State(app): State<Arc<App>>,
    Path(document): Path<String>,
) -> Answer<Json<Map<String, Value>>> {
    let schema = match document.as_str() {
        "project" => syncline_config::project_schema(&app.live.registry),
        "instance" => syncline_config::instance_schema(),
        _ => {
            let shown: String = document.chars().take(60).collect();
            let error = Error::new(ErrorKind::NotFound, format!("there is no schema '{shown}'"));
            return Err(error.help("it is one of project, instance").into());
        }
    };
    Ok(Json(made::map(schema)))
}

/// Says in words when a schedule fires, and the next times, before it is kept.
#[utoipa::path(post, path = "/schedules/preview", operation_id = "preview_schedule", tag = "syncs",
    request_body = SchedulePreviewRequest,
    responses((status = 200, body = SchedulePreview)), extensions(("x-role" = json!("operator"))))]
async fn preview_schedule(
    State(app): State<Arc<App>>,
    Body(request): Body<SchedulePreviewRequest>,
) -> Answer<Json<SchedulePreview>> {
    let count = request.count.unwrap_or(FIRES);
    if count == 0 || count > FIRES_MAX {
        return Err(Fault::new(ErrorKind::BadUsage, format!("count is from 1 to {FIRES_MAX}")));
    }
    let tried = read(&app, request.schedule)?;
    Ok(Json(SchedulePreview {
        schedule: schedule::view(&tried),
        words: schedule::words(&tried),
        next_fires: next_fires(&tried, app.now(), 0, count as usize),
    }))
}

fn known_syncs(project: &Project) -> String {
    let names: Vec<_> = project.syncs.iter().take(SYNCS_NAMED_MAX).map(|sync| sync.id.as_str()).collect();
    match project.syncs.len().saturating_sub(names.len()) {
        _ if names.is_empty() => "there are no syncs yet".into(),
        0 => format!("it is one of {}", names.join(", ")),
        more => format!("it is one of {} and {more} more; GET /api/v1/syncs lists them", names.join(", ")),
    }
}

/// Reads a schedule by the rules of files, in an instance that has nothing else to be wrong about.
fn read(app: &App, written: Map<String, Value>) -> Answer<Schedule> {
    let version = app.live.get();
    let object = ObjectName::new(ObjectKind::Instance, TRIED);
    let mut made = version.made.documents.clone();
    let connection = ObjectName::new(ObjectKind::Connection, TRIED);
    made.set(&connection, Some(json!({ "type": "postgres", "url": "postgres://example.com/schedule" })));
    let entity =
        json!({ "model": { "table": "t", "key": "id" }, "to": { "object": "t" }, "schedule": written });
    let document =
        json!({ "instance": TRIED, "source": TRIED, "target": TRIED, "entities": { "sync": entity } });
    made.set(&object, Some(document));
    let loaded: Loaded = version.project.with_made(&app.live.registry, &made);
    let problems = loaded.problems_of(&object);
    let sync = loaded.project.sync(&SyncId::new(TRIED, "sync"));
    match sync.and_then(|sync| sync.schedule.clone()) {
        Some(schedule) => Ok(schedule),
        None => {
            let shown = Shown { part: "/entities/sync/schedule".into(), at: "/schedule" };
            let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
            let mut items: Vec<_> = errors.map(|problem| shown.item(&object, problem)).collect();
            // The sync in which it is tried is none that anybody can wait for.
            for item in items.iter_mut().filter(|item| item.code == "unknown_sync") {
                item.help = Some(known_syncs(&version.project));
            }
            let message = items.first().map_or("this is no schedule", |item| &item.message).to_string();
            Err(Fault::unprocessable(Error::new(ErrorKind::BadUsage, message)).with_items(items))
        }
    }
}
