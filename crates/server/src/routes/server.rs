//! The server itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use syncline_api::ServerView;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::Answer;

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(get))
}

/// What the server is, how many runs there are of each status, and what is wrong with the project.
#[utoipa::path(get, path = "/server", tag = "insights",
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
    }))
}
