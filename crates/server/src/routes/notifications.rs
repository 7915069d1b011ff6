//! Notification channels: what there are, making, changing and trying them, and what was sent.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use syncline_api::{
    ChangedNotification, DeliveryView, List, NewNotification, NotificationTest, NotificationView,
};
use syncline_config::{ObjectKind, ObjectName, redact};
use syncline_core::ErrorKind;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::sliced;
use super::made;
use crate::app::App;
use crate::edit::{self, Expected, Shown, Wanted};
use crate::input::{self, Body, Paging, Params};
use crate::live::Version;
use crate::notify;
use crate::objects::unknown;
use crate::problem::{Answer, Fault};
use crate::record::Target;

/// Names that are operations beside `/notifications/{name}`.
const RESERVED: [&str; 1] = ["deliveries"];

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(deliveries))
        .routes(routes!(get, replace, remove))
        .routes(routes!(test))
}

fn object(name: &str) -> ObjectName {
    ObjectName::new(ObjectKind::Notification, name)
}

/// A channel as it may be shown; also one made by the API that is not part of the project.
fn view(app: &App, version: &Version, name: &str) -> Answer<NotificationView> {
    let object = object(name);
    let in_project = version.project.document(&object);
    let document = in_project.or_else(|| version.made.documents.get(&object).cloned());
    let document = document.ok_or_else(|| unknown(&object))?;
    let shown = redact(&object, &document, &app.live.registry);
    Ok(NotificationView {
        name: name.to_string(),
        channel: document.get("channel").and_then(Value::as_str).unwrap_or_default().to_string(),
        document: made::map(shown.document),
        secrets_set: shown.secrets_set,
        origin: made::origin(version, &object),
        problems: made::problems(version, &object),
    })
}

/// Notification channels, by name.
#[utoipa::path(get, path = "/notifications", operation_id = "list_notifications", tag = "notifications", params(Paging),
    responses((status = 200, body = List<NotificationView>)), extensions(("x-role" = json!("viewer"))))]
async fn list(
    State(app): State<Arc<App>>,
    Params(paging): Params<Paging>,
) -> Answer<Json<List<NotificationView>>> {
    let page = paging.page()?;
    let version = app.live.get();
    let made = version.made.documents.notifications.keys();
    let of_project = version.project.notifications.iter().map(|channel| &channel.name);
    let names: BTreeSet<&String> = of_project.chain(made).collect();
    let List { data, pagination } = sliced(names.into_iter().collect(), page);
    let data = data.into_iter().map(|name| view(&app, &version, name)).collect::<Answer<_>>()?;
    Ok(Json(List { data, pagination }))
}

/// Makes a notification channel.
#[utoipa::path(post, path = "/notifications", operation_id = "create_notification", tag = "notifications", request_body = NewNotification,
    responses((status = 201, body = NotificationView, headers(("ETag" = String, description = "Its revision.")))),
    extensions(("x-role" = json!("admin"))))]
async fn create(State(app): State<Arc<App>>, Body(new): Body<NewNotification>) -> Answer<Response> {
    made::check_name(&new.name, "/name")?;
    if RESERVED.contains(&new.name.as_str()) {
        let message = format!("a notification channel cannot be called '{}' here", new.name);
        return Err(Fault::new(ErrorKind::BadUsage, message));
    }
    store(&app, &new.name, new.document, Expected::Nothing, StatusCode::CREATED).await
}

async fn store(
    app: &App,
    name: &str,
    document: Map<String, Value>,
    expected: Expected,
    status: StatusCode,
) -> Answer<Response> {
    let object = object(name);
    let target = Target(object.to_string());
    let document = Value::Object(document);
    let stored = edit::put(app, Wanted { object, document, expected, shown: Shown::document() }).await?;
    let detail = json!({ "revision": stored.revision, "secrets_given": stored.secrets_given });
    let view = view(app, &app.live.get(), name)?;
    let mut answer = made::answer(status, Some(stored.revision), &view, detail);
    answer.extensions_mut().insert(target);
    Ok(answer)
}

/// One notification channel.
#[utoipa::path(get, path = "/notifications/{name}", operation_id = "get_notification", tag = "notifications", params(("name" = String, Path)),
    responses((status = 200, body = NotificationView, headers(("ETag" = String, description = "Its revision, if the API made it.")))),
    extensions(("x-role" = json!("viewer"))))]
async fn get(State(app): State<Arc<App>>, Path(name): Path<String>) -> Answer<Response> {
    let view = view(&app, &app.live.get(), &name)?;
    Ok(made::answer(StatusCode::OK, view.origin.revision, &view, Value::Null))
}

/// Replaces a notification channel that the API made.
///
/// Where messages would go elsewhere, its secrets have to be given again: `secret_required`.
#[utoipa::path(put, path = "/notifications/{name}", operation_id = "replace_notification", tag = "notifications", request_body = ChangedNotification,
    params(("name" = String, Path), made::IfMatch),
    responses((status = 200, body = NotificationView, headers(("ETag" = String, description = "Its revision."))),
        (status = 412, body = syncline_api::Problem, content_type = "application/problem+json",
            description = "It is not in the revision of If-Match any more.")),
    extensions(("x-role" = json!("admin"))))]
async fn replace(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(changed): Body<ChangedNotification>,
) -> Answer<Response> {
    let expected = Expected::Something { revision: edit::if_match(&headers)? };
    store(&app, &name, changed.document, expected, StatusCode::OK).await
}

/// Removes a notification channel that the API made. What waits for it is not sent any more.
#[utoipa::path(delete, path = "/notifications/{name}", operation_id = "delete_notification", tag = "notifications",
    params(("name" = String, Path), made::IfMatch),
    responses((status = 204),
        (status = 412, body = syncline_api::Problem, content_type = "application/problem+json",
            description = "It is not in the revision of If-Match any more.")),
    extensions(("x-role" = json!("admin"))))]
async fn remove(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Answer<StatusCode> {
    edit::remove(&app, &object(&name), edit::if_match(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a message of the event `test` at once, and says how that went.
#[utoipa::path(post, path = "/notifications/{name}/test", operation_id = "test_notification", tag = "notifications",
    params(("name" = String, Path)),
    responses((status = 200, body = NotificationTest)), extensions(("x-role" = json!("operator"))))]
async fn test(State(app): State<Arc<App>>, Path(name): Path<String>) -> Answer<Json<NotificationTest>> {
    let version = app.live.get();
    if !version.project.notifications.iter().any(|channel| channel.name == name) {
        return Err(unknown(&object(&name)).into());
    }
    let notify::Tested { delivered, status, error, seconds } =
        app.deliverer.send_test(&notify::channel_id(&name)).await?;
    Ok(Json(NotificationTest { delivered, status, error, seconds }))
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeliveryQuery {
    /// From 1.
    #[param(minimum = 1, maximum = 1000000000)]
    page: Option<u64>,
    /// 20 unless given.
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u64>,
    /// The name of a channel.
    channel: Option<String>,
}

/// Messages to all channels, newest first, with how their delivery went. Tries are not among them.
#[utoipa::path(get, path = "/notifications/deliveries", operation_id = "list_deliveries", tag = "notifications", params(DeliveryQuery),
    responses((status = 200, body = List<DeliveryView>)), extensions(("x-role" = json!("viewer"))))]
async fn deliveries(
    State(app): State<Arc<App>>,
    Params(query): Params<DeliveryQuery>,
) -> Answer<Json<List<DeliveryView>>> {
    let page = input::page(query.page, query.per_page, 20)?;
    let channel = query.channel.as_deref().map(notify::channel_id);
    let (notices, total) = app.store.notices(channel.as_deref(), page).await?;
    let views = notices.into_iter().map(|notice| {
        let name = notify::channel_name(&notice.notice.channel).to_string();
        DeliveryView::of(notice, name)
    });
    Ok(Json(List::new(views.collect(), page, total)))
}
