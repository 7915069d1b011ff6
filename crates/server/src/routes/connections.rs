//! Connections: what there are, making and changing them, trying them, and the types there are.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Json};
use serde_json::{Map, Value, json};
use syncline_api::{
    ChangedConnection, ConnectionCheck, ConnectionView, ConnectorView, DestinationAbilities, DiscoverRequest,
    Discovery, List, NewConnection, SourceAbilities, TriedConnection,
};
use syncline_config::{ObjectKind, ObjectName, redact};
use syncline_connector::{Connection, ConnectorSpec, DestinationSpec, ModelKind, RemovalKind, SourceSpec};
use syncline_core::{Error, ErrorKind};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::sliced;
use super::made;
use crate::access::Caller;
use crate::app::App;
use crate::checks::{self, LastCheck};
use crate::edit::{self, Expected, Shown, Wanted};
use crate::input::{Body, OptionalBody, Paging, Params};
use crate::live::Version;
use crate::objects::{self, refuse_file, unknown};
use crate::problem::{Answer, Fault};
use crate::record::Target;
use crate::secrets::WithGiven;

/// Names that are operations beside `/connections/{name}`.
const RESERVED: [&str; 1] = ["check"];
/// What a connection is called that is tried without a name.
const DRAFT: &str = "draft";

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, remove))
        .routes(routes!(check))
        .routes(routes!(check_draft))
        .routes(routes!(discover))
        .routes(routes!(connectors))
}

fn object(name: &str) -> ObjectName {
    ObjectName::new(ObjectKind::Connection, name)
}

/// A connection as it may be shown, with how it did when it was tried last.
async fn checked_view(app: &App, name: &str) -> Answer<ConnectionView> {
    let last = checks::of(&*app.store, name).await?;
    view(app, &app.live.get(), name, last.as_ref())
}

/// A connection as it may be shown; also one made by the API that is not part of the project.
fn view(app: &App, version: &Version, name: &str, last: Option<&LastCheck>) -> Answer<ConnectionView> {
    let object = object(name);
    let in_project = version.project.document(&object);
    let document = in_project.or_else(|| version.made.documents.get(&object).cloned());
    let document = document.ok_or_else(|| unknown(&object))?;
    let shown = redact(&object, &document, &app.live.registry);
    let origin = made::origin(version, &object);
    let last_check = last.map(|last| last.view(&checks::version(&shown.document, origin.revision)));
    let text = |key: &str| document.get(key).and_then(Value::as_str).map(str::to_string);
    Ok(ConnectionView {
        name: name.to_string(),
        type_name: text("type").unwrap_or_default(),
        description: text("description"),
        document: made::map(shown.document),
        secrets_set: shown.secrets_set,
        origin,
        used_by: edit::users(&version.project, name),
        problems: made::problems(version, &object),
        last_check,
    })
}

/// Connections of the project, by name.
#[utoipa::path(get, path = "/connections", operation_id = "list_connections", tag = "connections", params(Paging),
    responses((status = 200, body = List<ConnectionView>)), extensions(("x-role" = json!("viewer"))))]
async fn list(
    State(app): State<Arc<App>>,
    Params(paging): Params<Paging>,
) -> Answer<Json<List<ConnectionView>>> {
    let page = paging.page()?;
    let version = app.live.get();
    let made = version.made.documents.connections.keys();
    let names: BTreeSet<&String> = version.project.connections.keys().chain(made).collect();
    let List { data, pagination } = sliced(names.into_iter().collect(), page);
    let last = checks::all(&*app.store).await?;
    let view = |name: &String| view(&app, &version, name, last.get(name));
    let data = data.into_iter().map(view).collect::<Answer<_>>()?;
    Ok(Json(List { data, pagination }))
}

/// Makes a connection.
#[utoipa::path(post, path = "/connections", operation_id = "create_connection", tag = "connections", request_body = NewConnection,
    responses((status = 201, body = ConnectionView, headers(("ETag" = String, description = "Its revision.")))),
    extensions(("x-role" = json!("admin"))))]
async fn create(State(app): State<Arc<App>>, Body(new): Body<NewConnection>) -> Answer<Response> {
    made::check_name(&new.name, "/name")?;
    if RESERVED.contains(&new.name.as_str()) {
        let message = format!("a connection cannot be called '{}' here", new.name);
        let error = Error::new(ErrorKind::BadUsage, message).help("choose another name");
        return Err(Fault::unprocessable(error));
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
    let view = checked_view(app, name).await?;
    let mut answer = made::answer(status, Some(stored.revision), &view, detail);
    answer.extensions_mut().insert(target);
    Ok(answer)
}

/// One connection.
#[utoipa::path(get, path = "/connections/{name}", operation_id = "get_connection", tag = "connections", params(("name" = String, Path)),
    responses((status = 200, body = ConnectionView, headers(("ETag" = String, description = "Its revision, if the API made it.")))),
    extensions(("x-role" = json!("viewer"))))]
async fn get(State(app): State<Arc<App>>, Path(name): Path<String>) -> Answer<Response> {
    let view = checked_view(&app, &name).await?;
    Ok(made::answer(StatusCode::OK, view.origin.revision, &view, Value::Null))
}

/// Replaces a connection that the API made.
///
/// Where it would lead to another system (another host, another file), its secrets have to be given
/// again: `secret_required`.
#[utoipa::path(put, path = "/connections/{name}", operation_id = "replace_connection", tag = "connections", request_body = ChangedConnection,
    params(("name" = String, Path), made::IfMatch),
    responses((status = 200, body = ConnectionView, headers(("ETag" = String, description = "Its revision."))),
        (status = 412, body = syncline_api::Problem, content_type = "application/problem+json",
            description = "It is not in the revision of If-Match any more.")),
    extensions(("x-role" = json!("admin"))))]
async fn replace(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(changed): Body<ChangedConnection>,
) -> Answer<Response> {
    let expected = Expected::Something { revision: edit::if_match(&headers)? };
    store(&app, &name, changed.document, expected, StatusCode::OK).await
}

/// Removes a connection that the API made and no sync uses.
#[utoipa::path(delete, path = "/connections/{name}", operation_id = "delete_connection", tag = "connections",
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
    checks::forget(&*app.store, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Both ends of a connection of the project, ready to use.
fn connected(app: &App, name: &str) -> Answer<Connection> {
    let version = app.live.get();
    if !version.project.connections.contains_key(name) {
        let object = object(name);
        if version.made.documents.get(&object).is_some() {
            let message = format!("the connection '{name}' cannot be used: it has problems of its own");
            let fault = Fault::new(ErrorKind::InvalidConfig, message);
            return Err(fault.with_items(made::problems(&version, &object)));
        }
        return Err(unknown(&object).into());
    }
    let config = version.project.connection(name, &*version.secrets)?;
    Ok(app.live.registry.connect(&config)?)
}

/// Connects to both ends of a connection. How it went is kept as its `last_check`.
#[utoipa::path(post, path = "/connections/{name}/check", operation_id = "check_connection", tag = "connections", params(("name" = String, Path)),
    responses((status = 200, body = ConnectionCheck)), extensions(("x-role" = json!("operator"))))]
async fn check(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<Json<ConnectionCheck>> {
    // What is checked is what is there now, also if it is changed meanwhile.
    let before = view(&app, &app.live.get(), &name, None)?;
    let version = checks::version(&Value::Object(before.document), before.origin.revision);
    let checked = match connected(&app, &name) {
        Ok(connection) => app.prober.check_connection(connection).await.map_err(Fault::from),
        Err(fault) => Err(fault),
    };
    let blank =
        LastCheck { at: app.now(), by: caller.name, version, source: None, destination: None, error: None };
    let last = blank.answered(checked.as_ref().map_err(|fault| &fault.error));
    checks::keep(&*app.store, &name, &last).await?;
    Ok(Json(checked?))
}

/// Connects to both ends of a connection before it is kept.
///
/// With the `name` of a connection that the API made, secrets that the document leaves out are those of
/// that connection, unless the document leads to another system: `secret_required`.
#[utoipa::path(post, path = "/connections/check", operation_id = "check_connection_draft", tag = "connections", request_body = TriedConnection,
    responses((status = 200, body = ConnectionCheck)), extensions(("x-role" = json!("admin"))))]
async fn check_draft(
    State(app): State<Arc<App>>,
    Body(tried): Body<TriedConnection>,
) -> Answer<Json<ConnectionCheck>> {
    let connection = draft(&app, tried)?;
    Ok(Json(app.prober.check_connection(connection).await?))
}

fn draft(app: &App, tried: TriedConnection) -> Answer<Connection> {
    let version = app.live.get();
    let name = match tried.name {
        Some(name) => name,
        None => free_name(&version),
    };
    let object = object(&name);
    refuse_file(&version.project, &object)?;
    let old = version.made.documents.get(&object);
    let document = Value::Object(tried.document);
    let checked = edit::check(app, &version, &object, old, &document, &Shown::document())?;
    let secrets =
        WithGiven { server: &*version.secrets, owner: object.secrets_owner(), given: checked.given };
    let config = checked.loaded.project.connection(&name, &secrets)?;
    Ok(app.live.registry.connect(&config)?)
}

/// A name that no connection has.
fn free_name(version: &Version) -> String {
    let is_free = |name: &String| {
        objects::origin(&version.project, &object(name)).is_none()
            && version.made.documents.get(&object(name)).is_none()
    };
    let numbered = (2u32..).map(|number| format!("{DRAFT}-{number}"));
    std::iter::once(DRAFT.to_string()).chain(numbered).find(is_free).unwrap_or_default()
}

/// Lists the tables, views or files that a connection offers, with their columns and keys.
#[utoipa::path(post, path = "/connections/{name}/discover", operation_id = "discover_connection", tag = "connections", params(("name" = String, Path)),
    request_body(content = Option<DiscoverRequest>),
    responses((status = 200, body = Discovery)), extensions(("x-role" = json!("operator"))))]
async fn discover(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    OptionalBody(request): OptionalBody<DiscoverRequest>,
) -> Answer<Json<Discovery>> {
    Ok(Json(app.prober.discover(connected(&app, &name)?, &request).await?))
}

/// The types that connections can have: their options, and what they can do.
#[utoipa::path(get, path = "/connectors", operation_id = "list_connectors", tag = "connections",
    responses((status = 200, body = Vec<ConnectorView>)), extensions(("x-role" = json!("viewer"))))]
async fn connectors(State(app): State<Arc<App>>) -> Answer<Json<Vec<ConnectorView>>> {
    Ok(Json(app.live.registry.specs().map(connector).collect::<Result<_, Error>>()?))
}

fn connector(spec: &ConnectorSpec) -> Result<ConnectorView, Error> {
    Ok(ConnectorView {
        type_name: spec.type_name.into(),
        title: spec.title.into(),
        options_schema: made::map((spec.options_schema)()),
        source: spec.source.as_ref().map(source),
        destination: spec.destination.as_ref().map(destination).transpose()?,
    })
}

fn source(spec: &SourceSpec) -> SourceAbilities {
    let name = |kind: &ModelKind| match kind {
        ModelKind::Sql => "sql".to_string(),
        ModelKind::Table => "table".to_string(),
        ModelKind::File => "file".to_string(),
    };
    SourceAbilities { models: spec.models.iter().map(name).collect() }
}

fn destination(spec: &DestinationSpec) -> Result<DestinationAbilities, Error> {
    let removal = |kind: &RemovalKind| match kind {
        RemovalKind::Delete => "delete".to_string(),
        RemovalKind::ClearFields => "clear_fields".to_string(),
        RemovalKind::Flag => "flag".to_string(),
        RemovalKind::Ignore => "ignore".to_string(),
    };
    Ok(DestinationAbilities {
        write_modes: spec.write_modes.iter().map(|mode| mode.as_str().into()).collect(),
        on_removed: spec.on_removed.iter().map(removal).collect(),
        on_match_change: words(spec.on_match_change)?,
        publish: words(spec.publish)?,
        field_rules: spec.field_rules,
        batch_size: spec.batch_size,
        batch_size_max: spec.batch_size_max,
        idempotent: spec.idempotent,
    })
}

/// Words as they are written in documents.
fn words<T: serde::Serialize>(words: &[T]) -> Result<Vec<String>, Error> {
    let word = |word: &T| match serde_json::to_value(word) {
        Ok(Value::String(text)) => Ok(text),
        _ => Err(Error::internal("a word of a connector is not a text")),
    };
    words.iter().map(word).collect()
}
