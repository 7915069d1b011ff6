//! The server itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use syncline_api::{LimitsView, RetentionView, RotatedKeysView, ServerView};
use syncline_store::QUEUED_PER_SYNC_MAX;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::SESSION_LIFE;
use crate::app::App;
use crate::problem::Answer;
use crate::record::BODY_BYTES_MAX;
use crate::rotate;
use crate::routes::made;

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(rotate_keys))
}

/// What the server is, how many runs there are of each status, and what is wrong with the project.
#[utoipa::path(get, path = "/server", operation_id = "get_server", tag = "insights",
    responses((status = 200, body = ServerView)), extensions(("x-role" = json!("viewer"))))]
async fn get(State(app): State<Arc<App>>) -> Answer<Json<ServerView>> {
    let version = app.live.get();
    let counts = app.store.run_counts().await?;
    let about = &app.about;
    let settings = &version.project.settings;
    Ok(Json(ServerView {
        version: about.version.into(),
        worker: about.worker.clone(),
        started_at: about.started_at,
        state: about.state.into(),
        environment: app.live.environment().map(str::to_string),
        parallel: about.parallel as u64,
        base_url: settings.server.base_url.clone(),
        retention: RetentionView {
            runs_seconds: settings.retention.runs.as_secs(),
            dead_letters_seconds: settings.retention.dead_letters.as_secs(),
            dead_letters_max: settings.retention.dead_letters_max,
            events_seconds: settings.retention.events.as_secs(),
        },
        limits: LimitsView {
            memory_budget_bytes: settings.memory_budget_bytes,
            queued_per_sync_max: QUEUED_PER_SYNC_MAX,
            body_bytes_max: BODY_BYTES_MAX as u64,
            session_seconds: SESSION_LIFE.as_secs(),
        },
        project_read_at: version.read_at,
        project_problems: version.problems(),
        runs: counts.into_iter().map(|(status, count)| (status.as_str().to_string(), count)).collect(),
        encryption_keys: version.secrets.key_uses(),
    }))
}

/// Encrypts every secret that the server keeps under its newest key, the first one it was started with.
/// Afterwards a key without secrets, as `GET /server` shows it, can be taken away. Doing it again
/// changes nothing.
#[utoipa::path(post, path = "/server/rotate-keys", operation_id = "rotate_keys", tag = "access",
    responses((status = 200, body = RotatedKeysView)), extensions(("x-role" = json!("admin"))))]
async fn rotate_keys(State(app): State<Arc<App>>) -> Answer<Response> {
    let done = rotate::all(&app).await?;
    let detail = json!({
        "key_id": done.key_id,
        "rotated": done.rotated,
        "current": done.current,
        "undecryptable": done.undecryptable,
    });
    Ok(made::answer(StatusCode::OK, None, &done, detail))
}
