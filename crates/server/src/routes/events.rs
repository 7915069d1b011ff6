//! Live events of one run and of all.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use futures::Stream;
use serde::Deserialize;
use syncline_core::ErrorKind;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access;
use crate::app::App;
use crate::input::Params;
use crate::problem::{Answer, Fault};

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(all)).routes(routes!(of_run))
}

/// From where to go on.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventQuery {
    /// The id of the last event that was seen, for clients that cannot send `Last-Event-ID`.
    last_event_id: Option<u64>,
}

fn last_seen(headers: &HeaderMap, query: &EventQuery) -> Answer<Option<u64>> {
    let Some(given) = headers.get("last-event-id") else { return Ok(query.last_event_id) };
    let number = given.to_str().ok().and_then(|text| text.trim().parse().ok());
    number.map(Some).ok_or_else(|| Fault::new(ErrorKind::BadUsage, "Last-Event-ID is not an id of ours"))
}

/// Changes of all runs, dead letters and syncs, and figures of running runs, as server-sent events.
///
/// Events `run`, `letter`, `sync` and others have ids to resume from; `progress` has none and is sent up
/// to four times a second; `reset` says that events before were forgotten.
#[utoipa::path(get, path = "/events", operation_id = "listen_to_events", tag = "events", params(EventQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "The id of the last event that was seen.")),
    responses((status = 200, content_type = "text/event-stream", body = String)),
    extensions(("x-role" = json!("viewer"))))]
async fn all(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Params(query): Params<EventQuery>,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let last = last_seen(&headers, &query)?;
    let end = Box::pin(access::ended(Arc::clone(&app), headers));
    Ok(app.hub.listen(last, None, app.now(), end).await?)
}

/// Changes and figures of one run, as server-sent events.
///
/// Without the id of a last event, the stream begins with an event `run` that says the run's present state.
/// It ends when the run has ended and everything was sent.
#[utoipa::path(get, path = "/runs/{run_id}/events", operation_id = "listen_to_run", tag = "events", params(("run_id" = String, Path), EventQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "The id of the last event that was seen.")),
    responses((status = 200, content_type = "text/event-stream", body = String)),
    extensions(("x-role" = json!("viewer"))))]
async fn of_run(
    State(app): State<Arc<App>>,
    Path(run_id): Path<String>,
    headers: HeaderMap,
    Params(query): Params<EventQuery>,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let run = app.run(&run_id).await?;
    let last = last_seen(&headers, &query)?;
    let end = Box::pin(access::ended(Arc::clone(&app), headers));
    Ok(app.hub.listen(last, Some(run.id), app.now(), end).await?)
}
