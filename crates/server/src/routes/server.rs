//! The server itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use syncline_api::{RotatedKeysView, ServerView};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::Answer;
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
    Ok(Json(ServerView {
        version: about.version.into(),
        worker: about.worker.clone(),
        started_at: about.started_at,
        state: about.state.into(),
        environment: app.live.environment().map(str::to_string),
        parallel: about.parallel as u64,
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
