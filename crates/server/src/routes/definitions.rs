//! Definitions of syncs: adding, changing and removing them, and trying them before and after.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Json};
use serde_json::{Map, Value, json};
use syncline_api::{
    ChangedSync, CheckRequest, DefinitionView, Draft, DraftCheckRequest, DraftPreviewRequest, NewSync,
    PreviewRequest, PreviewView, StoredSync, SyncCheck, Validation,
};
use syncline_config::{Loaded, ObjectName, Severity};
use syncline_core::{Error, ErrorKind, Sync, SyncId};
use syncline_engine::Endpoints;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::instances::{self, object};
use super::{made, syncs};
use crate::access::Caller;
use crate::app::App;
use crate::edit::{self, Expected, Shown, Wanted};
use crate::input::{Body, OptionalBody};
use crate::live::{self, Version};
use crate::objects::{refuse_file, unknown};
use crate::problem::{Answer, Fault};
use crate::record::Target;

/// Where a definition stands in requests that bring one.
const DEFINITION: &str = "/definition";

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(definition))
        .routes(routes!(replace, remove))
        .routes(routes!(validate))
        .routes(routes!(preview))
        .routes(routes!(preview_draft))
        .routes(routes!(check))
        .routes(routes!(check_draft))
}

/// The place of an entity in its instance's document.
fn entity_pointer(entity: &str) -> String {
    format!("/entities/{}", entity.replace('~', "~0").replace('/', "~1"))
}

fn shown(entity: &str) -> Shown {
    Shown { part: entity_pointer(entity), at: DEFINITION }
}

/// The entities of an instance's document.
fn entities(document: &mut Value) -> Answer<&mut Map<String, Value>> {
    let entities = document.as_object_mut().map(|map| map.entry("entities").or_insert_with(|| json!({})));
    entities.and_then(Value::as_object_mut).ok_or_else(|| {
        Fault::new(ErrorKind::Conflict, "the instance's entities are not what is expected; replace all of it")
    })
}

/// Adds a sync to an instance that the API made. It gets a `seed` run at once, unless `seed` is false.
#[utoipa::path(post, path = "/syncs", operation_id = "create_sync", tag = "syncs", request_body = NewSync,
    responses((status = 201, body = StoredSync, headers(("ETag" = String, description = "Revision of its instance.")))),
    extensions(("x-role" = json!("admin"))))]
async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(new): Body<NewSync>,
) -> Answer<Response> {
    made::check_name(&new.entity, "/entity")?;
    let id = SyncId::new(&new.instance, &new.entity);
    let definition = Value::Object(new.definition);
    let change = |document: &mut Value| {
        if entities(document)?.insert(new.entity.clone(), definition).is_some() {
            let error = Error::new(ErrorKind::Conflict, format!("there is a sync {id} already"));
            return Err(error.help("change it with PUT").into());
        }
        Ok(())
    };
    let stored = changed(&app, &new.instance, &new.entity, None, change).await?;
    let seed = match new.seed.unwrap_or(true) {
        true => instances::seeds(&app, &caller, &stored.added).await.into_iter().next(),
        false => None,
    };
    let sync = syncs::view(&app, &app.sync(id.as_str())?).await?;
    let detail = json!({ "sync": id.to_string(), "revision": stored.revision });
    let answer = StoredSync { sync, seed };
    let mut answer = made::answer(StatusCode::CREATED, Some(stored.revision), &answer, detail);
    answer.extensions_mut().insert(Target(format!("syncs/{id}")));
    Ok(answer)
}

/// Changes the document of an instance that the API made.
async fn changed(
    app: &App,
    instance: &str,
    entity: &str,
    revision: Option<u64>,
    change: impl FnOnce(&mut Value) -> Answer<()>,
) -> Answer<edit::Stored> {
    let gate = edit::gate(app).await;
    let version = app.live.get();
    let object = object(instance);
    refuse_file(&version.project, &object)?;
    let known = version.made.revisions.get(&object).ok_or_else(|| unknown(&object))?;
    let mut document = instances::document(&version, instance)?;
    change(&mut document)?;
    // What is changed is what is known here; if another server was faster, nothing is.
    let expected = Expected::Something { revision: Some(revision.unwrap_or(known.number)) };
    let wanted = Wanted { object, document, expected, shown: shown(entity) };
    edit::put_at(app, wanted, &gate).await
}

fn parts(sync_id: &str) -> Answer<SyncId> {
    SyncId::parse(sync_id).map_err(|_| {
        let shown: String = sync_id.chars().take(100).collect();
        Fault::new(ErrorKind::NotFound, format!("there is no sync '{shown}'"))
    })
}

/// A sync as it is written.
#[utoipa::path(get, path = "/syncs/{sync_id}/definition", operation_id = "get_definition", tag = "syncs", params(("sync_id" = String, Path)),
    responses((status = 200, body = DefinitionView, headers(("ETag" = String, description = "Revision of its instance, if the API made it.")))),
    extensions(("x-role" = json!("viewer"))))]
async fn definition(State(app): State<Arc<App>>, Path(sync_id): Path<String>) -> Answer<Response> {
    let id = parts(&sync_id)?;
    let version = app.live.get();
    let written = instances::document(&version, id.instance())
        .ok()
        .and_then(|document| document.pointer(&entity_pointer(id.entity())).cloned());
    let Some(Value::Object(definition)) = written else {
        return Err(app
            .sync(&sync_id)
            .err()
            .unwrap_or_else(|| Error::internal("a sync is not written"))
            .into());
    };
    let resolved = version.project.sync(&id).map(|sync| made::map(json!(sync)));
    let view = DefinitionView {
        resolved,
        sync_id,
        instance: id.instance().into(),
        entity: id.entity().into(),
        definition,
        origin: made::origin(&version, &object(id.instance())),
    };
    Ok(made::answer(StatusCode::OK, view.origin.revision, &view, Value::Null))
}

/// Replaces the definition of a sync that the API made.
#[utoipa::path(put, path = "/syncs/{sync_id}", operation_id = "replace_sync", tag = "syncs", request_body = ChangedSync,
    params(("sync_id" = String, Path), made::IfMatch),
    responses((status = 200, body = StoredSync, headers(("ETag" = String, description = "Revision of its instance."))),
        (status = 412, body = syncline_api::Problem, content_type = "application/problem+json",
            description = "Its instance is not in the revision of If-Match any more.")),
    extensions(("x-role" = json!("admin"))))]
async fn replace(
    State(app): State<Arc<App>>,
    Path(sync_id): Path<String>,
    headers: HeaderMap,
    Body(request): Body<ChangedSync>,
) -> Answer<Response> {
    let id = parts(&sync_id)?;
    let revision = edit::if_match(&headers)?;
    let definition = Value::Object(request.definition);
    let change = |document: &mut Value| match entities(document)?.get_mut(id.entity()) {
        Some(written) => {
            *written = definition;
            Ok(())
        }
        None => Err(Fault::new(ErrorKind::NotFound, format!("there is no sync '{id}'"))),
    };
    let stored = changed(&app, id.instance(), id.entity(), revision, change).await?;
    let sync = syncs::view(&app, &app.sync(&sync_id)?).await?;
    let detail = json!({ "revision": stored.revision });
    Ok(made::answer(StatusCode::OK, Some(stored.revision), &StoredSync { sync, seed: None }, detail))
}

/// Removes a sync that the API made, unless one of its runs is active or held. What is known of it stays
/// until retention forgets it; what it delivered stays where it is.
#[utoipa::path(delete, path = "/syncs/{sync_id}", operation_id = "delete_sync", tag = "syncs", params(("sync_id" = String, Path), made::IfMatch),
    responses((status = 204),
        (status = 412, body = syncline_api::Problem, content_type = "application/problem+json",
            description = "Its instance is not in the revision of If-Match any more.")),
    extensions(("x-role" = json!("admin"))))]
async fn remove(
    State(app): State<Arc<App>>,
    Path(sync_id): Path<String>,
    headers: HeaderMap,
) -> Answer<StatusCode> {
    let id = parts(&sync_id)?;
    let revision = edit::if_match(&headers)?;
    let change = |document: &mut Value| match entities(document)?.shift_remove(id.entity()) {
        Some(_) => Ok(()),
        None => Err(Fault::new(ErrorKind::NotFound, format!("there is no sync '{id}'"))),
    };
    changed(&app, id.instance(), id.entity(), revision, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A draft as the document of an instance.
struct Tried {
    object: ObjectName,
    document: Value,
    shown: Shown,
    /// The sync that is meant, if one is.
    entity: Option<String>,
}

/// Reads a draft; `at` is where it stands in the request.
fn tried(version: &Version, draft: Draft, at: [&'static str; 2]) -> Answer<Tried> {
    let Draft { document, instance, entity, definition } = draft;
    match (document, instance, entity, definition) {
        (Some(document), None, entity, None) => {
            let document = Value::Object(document);
            let object = object(&instances::name_in(&document)?);
            refuse_file(&version.project, &object)?;
            Ok(Tried { object, document, shown: Shown { part: String::new(), at: at[0] }, entity })
        }
        (None, Some(instance), Some(entity), Some(definition)) => {
            let object = object(&instance);
            refuse_file(&version.project, &object)?;
            let mut document = instances::document(version, &instance)?;
            entities(&mut document)?.insert(entity.clone(), Value::Object(definition));
            let shown = Shown { part: entity_pointer(&entity), at: at[1] };
            Ok(Tried { object, document, shown, entity: Some(entity) })
        }
        _ => {
            let error = Error::new(ErrorKind::BadUsage, "this is neither an instance nor a sync");
            Err(Fault::unprocessable(error.help("give either document, or instance, entity and definition")))
        }
    }
}

/// Says everything that is wrong about a sync or an instance that is not kept yet.
#[utoipa::path(post, path = "/syncs/validate", operation_id = "validate_draft", tag = "syncs", request_body = Draft,
    responses((status = 200, body = Validation)), extensions(("x-role" = json!("operator"))))]
async fn validate(State(app): State<Arc<App>>, Body(draft): Body<Draft>) -> Answer<Json<Validation>> {
    let version = app.live.get();
    let Tried { object, document, shown, .. } = tried(&version, draft, ["/document", DEFINITION])?;
    let made = &version.made.documents;
    let problems = version.project.check_made(&app.live.registry, made, &object, &document);
    let valid = problems.iter().all(|problem| problem.severity != Severity::Error);
    let problems = problems.iter().map(|problem| shown.item(&object, problem)).collect();
    Ok(Json(Validation { valid, problems }))
}

/// A sync of the project with both its ends.
fn at_hand(app: &App, sync_id: &str) -> Answer<(Sync, Endpoints)> {
    let sync = app.sync(sync_id)?;
    let ends = app.live.endpoints(&sync)?;
    Ok((sync, ends))
}

/// The first rows of a sync's model beside what would be sent. Nothing is written, compared or kept.
#[utoipa::path(post, path = "/syncs/{sync_id}/preview", operation_id = "preview_sync", tag = "syncs", params(("sync_id" = String, Path)),
    request_body(content = Option<PreviewRequest>),
    responses((status = 200, body = PreviewView)), extensions(("x-role" = json!("operator"))))]
async fn preview(
    State(app): State<Arc<App>>,
    Path(sync_id): Path<String>,
    OptionalBody(request): OptionalBody<PreviewRequest>,
) -> Answer<Json<PreviewView>> {
    let (sync, ends) = at_hand(&app, &sync_id)?;
    Ok(Json(app.prober.preview(sync, ends, request.limit).await?))
}

/// The same for a sync that is not kept yet.
#[utoipa::path(post, path = "/syncs/preview", operation_id = "preview_draft", tag = "syncs", request_body = DraftPreviewRequest,
    responses((status = 200, body = PreviewView)), extensions(("x-role" = json!("admin"))))]
async fn preview_draft(
    State(app): State<Arc<App>>,
    Body(request): Body<DraftPreviewRequest>,
) -> Answer<Json<PreviewView>> {
    let Drafted { sync, ends, at } = drafted(&app, request.draft)?;
    match app.prober.preview(sync.clone(), ends.clone(), request.limit).await {
        Ok(preview) => Ok(Json(preview)),
        Err(fault) => Err(app.prober.explained(fault, sync, ends, &at).await),
    }
}

/// The sync that a draft means, with both its ends.
struct Drafted {
    sync: Sync,
    ends: Endpoints,
    /// JSON pointer of its definition in the request.
    at: String,
}

fn drafted(app: &App, draft: Draft) -> Answer<Drafted> {
    let version = app.live.get();
    let Tried { object, document, shown, entity } =
        tried(&version, draft, ["/draft/document", "/draft/definition"])?;
    let old = version.made.documents.get(&object);
    let Loaded { project, .. } = edit::check(app, &version, &object, old, &document, &shown)?.loaded;
    let syncs = project.instances.get(&object.name).map(|found| found.syncs.as_slice()).unwrap_or_default();
    let id = match (&entity, syncs) {
        (Some(entity), _) => SyncId::new(&object.name, entity),
        (None, [only]) => only.clone(),
        (None, _) => {
            let error = Error::new(ErrorKind::BadUsage, format!("the instance has {} syncs", syncs.len()));
            return Err(Fault::unprocessable(error.help("name one with `entity`")));
        }
    };
    let sync = project.sync(&id).cloned();
    let sync = sync.ok_or_else(|| Fault::new(ErrorKind::NotFound, format!("the draft has no sync {id}")))?;
    let ends = live::endpoints(&project, &app.live.registry, &*version.secrets, &sync)?;
    let inside = if shown.part.is_empty() { entity_pointer(id.entity()) } else { String::new() };
    Ok(Drafted { sync, ends, at: format!("{}{inside}", shown.at) })
}

/// The same as a check of a sync, for one that is not kept yet.
#[utoipa::path(post, path = "/syncs/check", operation_id = "check_draft", tag = "syncs",
    request_body = DraftCheckRequest,
    responses((status = 200, body = SyncCheck)), extensions(("x-role" = json!("admin"))))]
async fn check_draft(
    State(app): State<Arc<App>>,
    Body(request): Body<DraftCheckRequest>,
) -> Answer<Json<SyncCheck>> {
    let Drafted { sync, ends, at } = drafted(&app, request.draft)?;
    let mut check = app.prober.check(sync, ends, request.create).await?;
    for problem in &mut check.problems {
        problem.at = problem.at.take().map(|pointer| format!("{at}{pointer}"));
    }
    Ok(Json(check))
}

/// Connects to both ends of a sync and compares model, mapping and target. With `create`, a missing
/// target is made first.
#[utoipa::path(post, path = "/syncs/{sync_id}/check", operation_id = "check_sync", tag = "syncs", params(("sync_id" = String, Path)),
    request_body(content = Option<CheckRequest>),
    responses((status = 200, body = SyncCheck)), extensions(("x-role" = json!("operator"))))]
async fn check(
    State(app): State<Arc<App>>,
    Path(sync_id): Path<String>,
    OptionalBody(request): OptionalBody<CheckRequest>,
) -> Answer<Json<SyncCheck>> {
    let (sync, ends) = at_hand(&app, &sync_id)?;
    Ok(Json(app.prober.check(sync, ends, request.create).await?))
}
