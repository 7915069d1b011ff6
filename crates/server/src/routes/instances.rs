//! Instances: pairs of connections with the syncs between them.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};
use syncline_api::{InstanceRequest, InstanceView, List, ProblemItem, RunView, SeedView, StoredInstance};
use syncline_config::{ObjectKind, ObjectName, export};
use syncline_core::{ErrorKind, SyncId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::sliced;
use super::made;
use crate::access::Caller;
use crate::actions;
use crate::app::App;
use crate::edit::{self, Expected, Shown, Wanted};
use crate::input::{Body, Paging, Params};
use crate::live::Version;
use crate::objects::unknown;
use crate::problem::{Answer, Fault};
use crate::record::Target;

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, remove))
        .routes(routes!(as_yaml))
}

pub fn object(name: &str) -> ObjectName {
    ObjectName::new(ObjectKind::Instance, name)
}

/// The document of an instance, also of one made by the API that is not part of the project.
pub fn document(version: &Version, name: &str) -> Answer<Value> {
    let object = object(name);
    let in_project = version.project.document(&object);
    let document = in_project.or_else(|| version.made.documents.get(&object).cloned());
    document.ok_or_else(|| unknown(&object).into())
}

fn view(version: &Version, name: &str) -> Answer<InstanceView> {
    let object = object(name);
    let document = document(version, name)?;
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default().to_string();
    let syncs = version.project.instances.get(name).map(|found| found.syncs.as_slice()).unwrap_or_default();
    Ok(InstanceView {
        name: name.to_string(),
        source: text("source"),
        target: text("target"),
        syncs: syncs.iter().map(SyncId::to_string).collect(),
        document: made::map(document),
        origin: made::origin(version, &object),
        problems: made::problems(version, &object),
    })
}

/// Instances of the project, by name.
#[utoipa::path(get, path = "/instances", operation_id = "list_instances", tag = "connections", params(Paging),
    responses((status = 200, body = List<InstanceView>)), extensions(("x-role" = json!("viewer"))))]
async fn list(
    State(app): State<Arc<App>>,
    Params(paging): Params<Paging>,
) -> Answer<Json<List<InstanceView>>> {
    let page = paging.page()?;
    let version = app.live.get();
    let made = version.made.documents.instances.keys();
    let names: BTreeSet<&String> = version.project.instances.keys().chain(made).collect();
    let List { data, pagination } = sliced(names.into_iter().collect(), page);
    let data = data.into_iter().map(|name| view(&version, name)).collect::<Answer<_>>()?;
    Ok(Json(List { data, pagination }))
}

/// The name in the document of an instance.
pub fn name_in(document: &Value) -> Answer<String> {
    let given = document.get("instance").and_then(Value::as_str);
    given.map(str::to_string).ok_or_else(|| {
        let item = ProblemItem {
            code: "missing_key".into(),
            message: "'instance' is missing: the name of the instance".into(),
            at: Some("/document/instance".into()),
            ..ProblemItem::default()
        };
        Fault::new(ErrorKind::InvalidConfig, "the instance has no name").with_items(vec![item])
    })
}

/// Makes an instance. Each of its syncs gets a `seed` run at once, unless `seed` is false.
#[utoipa::path(post, path = "/instances", operation_id = "create_instance", tag = "connections", request_body = InstanceRequest,
    responses((status = 201, body = StoredInstance, headers(("ETag" = String, description = "Its revision.")))),
    extensions(("x-role" = json!("admin"))))]
async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<InstanceRequest>,
) -> Answer<Response> {
    let name = name_in(&Value::Object(request.document.clone()))?;
    made::check_name(&name, "/document/instance")?;
    store(&app, &caller, &name, request, Expected::Nothing, StatusCode::CREATED).await
}

async fn store(
    app: &App,
    caller: &Caller,
    name: &str,
    request: InstanceRequest,
    expected: Expected,
    status: StatusCode,
) -> Answer<Response> {
    let object = object(name);
    let target = Target(object.to_string());
    let document = Value::Object(request.document);
    let stored = edit::put(app, Wanted { object, document, expected, shown: Shown::document() }).await?;
    let seeds = match request.seed.unwrap_or(true) {
        true => seeds(app, caller, &stored.added).await,
        false => Vec::new(),
    };
    let detail = json!({
        "revision": stored.revision,
        "added": ids(&stored.added),
        "removed": ids(&stored.removed),
    });
    let answer = StoredInstance { instance: view(&app.live.get(), name)?, seeds };
    let mut answer = made::answer(status, Some(stored.revision), &answer, detail);
    answer.extensions_mut().insert(target);
    Ok(answer)
}

pub fn ids(syncs: &[SyncId]) -> Vec<String> {
    syncs.iter().map(SyncId::to_string).collect()
}

/// Queues the first runs of new syncs. What is refused is told; the syncs are there all the same.
pub async fn seeds(app: &App, caller: &Caller, added: &[SyncId]) -> Vec<SeedView> {
    let mut views = Vec::with_capacity(added.len());
    for id in added {
        let queued = match app.sync(id.as_str()) {
            Ok(sync) => actions::seed(app, &sync, caller).await,
            Err(e) => Err(e),
        };
        let sync_id = id.to_string();
        views.push(match queued {
            Ok(run) => SeedView { sync_id, run: Some(RunView::of(&run, app.now())), refused: None },
            Err(e) => {
                tracing::warn!(sync = %id, code = e.code(), error = %e, "a new sync is not seeded");
                let code = e.code().to_string();
                let refused =
                    ProblemItem { code, message: e.message, help: e.help, ..ProblemItem::default() };
                SeedView { sync_id, run: None, refused: Some(refused) }
            }
        });
    }
    views
}

/// One instance.
#[utoipa::path(get, path = "/instances/{name}", operation_id = "get_instance", tag = "connections", params(("name" = String, Path)),
    responses((status = 200, body = InstanceView, headers(("ETag" = String, description = "Its revision, if the API made it.")))),
    extensions(("x-role" = json!("viewer"))))]
async fn get(State(app): State<Arc<App>>, Path(name): Path<String>) -> Answer<Response> {
    let view = view(&app.live.get(), &name)?;
    Ok(made::answer(StatusCode::OK, view.origin.revision, &view, Value::Null))
}

/// Replaces an instance that the API made. New syncs get a `seed` run at once, unless `seed` is false;
/// of those that are gone nothing runs any more.
#[utoipa::path(put, path = "/instances/{name}", operation_id = "replace_instance", tag = "connections", request_body = InstanceRequest,
    params(("name" = String, Path), made::IfMatch),
    responses((status = 200, body = StoredInstance, headers(("ETag" = String, description = "Its revision."))),
        (status = 412, body = syncline_api::Problem, content_type = "application/problem+json",
            description = "It is not in the revision of If-Match any more.")),
    extensions(("x-role" = json!("admin"))))]
async fn replace(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(request): Body<InstanceRequest>,
) -> Answer<Response> {
    let expected = Expected::Something { revision: edit::if_match(&headers)? };
    store(&app, &caller, &name, request, expected, StatusCode::OK).await
}

/// Removes an instance that the API made, with its syncs. What is known of them stays until retention
/// forgets it; what they delivered stays where it is.
#[utoipa::path(delete, path = "/instances/{name}", operation_id = "delete_instance", tag = "connections",
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

/// An instance as a file for the project's folder.
#[utoipa::path(get, path = "/instances/{name}/export", operation_id = "export_instance", tag = "connections", params(("name" = String, Path)),
    responses((status = 200, content_type = "application/yaml", body = serde_json::Value)),
    extensions(("x-role" = json!("viewer"))))]
async fn as_yaml(State(app): State<Arc<App>>, Path(name): Path<String>) -> Answer<Response> {
    let document = document(&app.live.get(), &name)?;
    let exported = export(&object(&name), &document, &app.live.registry);
    let mut answer = exported.yaml.into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
    let named = exported.file.rsplit('/').next().unwrap_or_default();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{named}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(answer)
}
