//! Puts the operations together with what stands around them.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use syncline_api::Liveness;
use syncline_core::ErrorKind;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::access;
use crate::app::App;
use crate::problem::Fault;
use crate::{errors_page, input, measures, openapi, record, routes as operations_of, traces, web};

/// Where the operations are.
const BASE: &str = "/api/v1";

fn operations() -> (Router<Arc<App>>, OpenApi) {
    let operations = OpenApiRouter::new()
        .merge(operations_of::syncs::router())
        .merge(operations_of::purge::router())
        .merge(operations_of::runs::router())
        .merge(operations_of::letters::router())
        .merge(operations_of::notifications::router())
        .merge(operations_of::events::router())
        .merge(operations_of::insights::router())
        .merge(operations_of::overview::router())
        .merge(operations_of::connections::router())
        .merge(operations_of::instances::router())
        .merge(operations_of::definitions::router())
        .merge(operations_of::authoring::router())
        .merge(operations_of::server::router())
        .merge(operations_of::access::router());
    let (router, mut api) = OpenApiRouter::with_openapi(openapi::base())
        .routes(routes!(measures::page))
        .nest(BASE, operations)
        .split_for_parts();
    openapi::complete(&mut api);
    (router, api)
}

/// The description of the API, without a server.
pub fn openapi_document() -> OpenApi {
    operations().1
}

/// Everything that the server answers.
pub fn router(app: Arc<App>) -> Router {
    let (operations, api) = operations();
    let guarded = operations
        .method_not_allowed_fallback(not_allowed)
        .route_layer(middleware::from_fn_with_state(app.clone(), input::refuse_body))
        .route_layer(middleware::from_fn_with_state(app.clone(), record::once))
        .route_layer(middleware::from_fn_with_state(app.clone(), access::permit))
        .route_layer(middleware::from_fn_with_state(app.clone(), record::audit))
        .route_layer(middleware::from_fn_with_state(app.clone(), access::identify))
        .route_layer(middleware::from_fn(measures::requests))
        .route_layer(middleware::from_fn(traces::requests));
    let document = Arc::new(api);
    let served = Arc::clone(&document);
    let docs =
        SwaggerUi::new("/api/docs").config(Config::from("/api/v1/openapi.json").persist_authorization(true));
    guarded
        .route("/api/v1/openapi.json", get(move || openapi::document(Arc::clone(&served))))
        .route("/api/errors", get(errors_page::all))
        .route("/api/errors/{code}", get(errors_page::one))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .merge(Router::from(docs))
        .fallback(web::answer)
        .layer(DefaultBodyLimit::max(record::BODY_BYTES_MAX))
        .layer(middleware::from_fn(input::readable_path))
        .layer(middleware::from_fn(record::headers))
        .with_state(app)
}

async fn not_allowed(method: Method, uri: Uri) -> Fault {
    let message = format!("{} cannot be asked for with {method}", uri.path());
    Fault::new(ErrorKind::BadUsage, message).with_status(StatusCode::METHOD_NOT_ALLOWED)
}

/// The process answers.
async fn alive() -> Json<Liveness> {
    Json(Liveness { status: "ok".into() })
}

/// It takes work: its state answers, and it is not about to end.
async fn ready(axum::extract::State(app): axum::extract::State<Arc<App>>) -> Response {
    if app.stop.is_cancelled() {
        let answer = Json(Liveness { status: "ending".into() });
        return (StatusCode::SERVICE_UNAVAILABLE, answer).into_response();
    }
    match app.store.event_bounds().await {
        Ok(_) => Json(Liveness { status: "ready".into() }).into_response(),
        Err(e) => Fault::from(e).with_status(StatusCode::SERVICE_UNAVAILABLE).into_response(),
    }
}
