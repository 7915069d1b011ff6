//! The OpenAPI document, made from the operations' own descriptions.

use std::collections::BTreeSet;

use axum::Json;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use syncline_api::{EventView, Problem, ProgressView};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::schema::{Schema, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{OpenApi as _, PartialSchema, ToSchema};

use crate::access::{COOKIE, ROLE};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Syncline",
        description = "Keeps two systems in agreement and shows every run. Times are RFC 3339 in UTC; \
                       lists are newest first; errors are `application/problem+json` with a stable `code`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem, ProgressView, EventView)),
    tags(
        (name = "syncs", description = "What is synced, when, and how far it got"),
        (name = "runs", description = "Executions: triggering, following, deciding"),
        (name = "dead letters", description = "Records that could not be delivered"),
        (name = "connections", description = "Systems and instances"),
        (name = "insights", description = "Health, trends and the server itself"),
        (name = "notifications", description = "Who is told of what"),
        (name = "events", description = "Live events"),
        (name = "access", description = "Tokens, sessions and the audit log"),
    )
)]
struct Base;

/// The document without its operations.
pub fn base() -> OpenApi {
    let mut api = Base::openapi();
    api.info.version = env!("CARGO_PKG_VERSION").into();
    api
}

/// Adds to every operation what all of them have: how callers show who they are, and the errors; and says
/// of the shapes of answers that they are always whole.
pub fn complete(api: &mut OpenApi) {
    let components = api.components.get_or_insert_default();
    components.schemas.insert(Problem::name().into(), Problem::schema());
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    let session = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE)));
    components.security_schemes.insert("token".into(), bearer.into());
    components.security_schemes.insert("session".into(), session.into());
    for item in api.paths.paths.values_mut() {
        let operations = [
            (&mut item.get, false),
            (&mut item.post, true),
            (&mut item.put, true),
            (&mut item.patch, true),
            (&mut item.delete, false),
        ];
        for (operation, has_body) in operations {
            if let Some(operation) = operation {
                describe(operation, has_body);
            }
        }
    }
    make_answers_whole(api);
}

/// What may be null in an answer is always there. In a request it may be left out, too.
fn make_answers_whole(api: &mut OpenApi) {
    let requested = requested(api);
    let Some(components) = api.components.as_mut() else { return };
    let names: BTreeSet<String> = components.schemas.keys().cloned().collect();
    for (name, schema) in &mut components.schemas {
        // A list names what it is of, instead of describing it again.
        if let (Some(element), RefOr::T(Schema::Object(list))) = (name.strip_prefix("List_"), &mut *schema)
            && let (true, Some(data)) = (names.contains(element), list.properties.get_mut("data"))
        {
            *data = RefOr::T(Ref::from_schema_name(element).to_array_builder().build().into());
        }
        if !requested.contains(name) {
            require_nullable(schema);
        }
    }
}

fn require_nullable(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            let nullable = object.properties.iter().filter(|(_, schema)| may_be_null(schema));
            let missing: Vec<String> = nullable
                .map(|(name, _)| name.clone())
                .filter(|name| !object.required.contains(name))
                .collect();
            object.required.extend(missing);
        }
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(require_nullable),
        _ => {}
    }
}

fn may_be_null(schema: &RefOr<Schema>) -> bool {
    let is_null = |kind: &SchemaType| match kind {
        SchemaType::Type(kind) => *kind == Type::Null,
        SchemaType::Array(kinds) => kinds.contains(&Type::Null),
        SchemaType::AnyValue => true,
    };
    match schema {
        RefOr::T(Schema::Object(object)) => is_null(&object.schema_type),
        RefOr::T(Schema::Array(array)) => is_null(&array.schema_type),
        RefOr::T(Schema::OneOf(one)) => one.items.iter().any(may_be_null),
        _ => false,
    }
}

/// Names of the schemas that requests bring, with those inside of them.
fn requested(api: &OpenApi) -> BTreeSet<String> {
    let operations = api.paths.paths.values().flat_map(|item| [&item.post, &item.put, &item.patch]);
    let bodies = operations.flatten().filter_map(|operation| operation.request_body.as_ref());
    let mut names = BTreeSet::new();
    let mut waiting: Vec<String> = bodies.flat_map(|body| references(&json!(body))).collect();
    while let Some(name) = waiting.pop() {
        let inside = api.components.as_ref().and_then(|components| components.schemas.get(&name));
        if names.insert(name) {
            waiting.extend(inside.map(|schema| references(&json!(schema))).unwrap_or_default());
        }
    }
    names
}

/// Names of the schemas that a piece of the document refers to.
fn references(piece: &Value) -> Vec<String> {
    match piece {
        Value::Object(entries) => entries
            .iter()
            .flat_map(|(key, value)| match (key.as_str(), value) {
                ("$ref", Value::String(path)) => {
                    path.strip_prefix("#/components/schemas/").map(str::to_string).into_iter().collect()
                }
                _ => references(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

fn describe(operation: &mut Operation, has_body: bool) {
    let role = operation.extensions.as_ref().and_then(|all| all.get(ROLE)).and_then(|role| role.as_str());
    let is_open = role == Some("none");
    if !is_open {
        let either = |name: &str| SecurityRequirement::new::<&str, [&str; 0], &str>(name, []);
        operation.security = Some(vec![either("token"), either("session")]);
    }
    operation.parameters.iter_mut().flatten().for_each(without_null);
    let has_path = operation
        .parameters
        .iter()
        .flatten()
        .any(|p| matches!(p, RefOr::T(p) if matches!(p.parameter_in, ParameterIn::Path)));
    let mut add = |status: &str, text: &str| {
        let answers = &mut operation.responses.responses;
        answers.entry(status.to_string()).or_insert_with(|| RefOr::T(problem(text)));
    };
    add("400", "The request cannot be understood.");
    add("500", "A defect of the server.");
    add("503", "The server cannot reach or write its state.");
    if !is_open || has_body {
        add("401", "No token, or none that is valid.");
    }
    if !is_open {
        add("403", "The token's role does not allow this.");
    }
    if has_path || has_body {
        add("404", "It does not exist.");
    }
    if has_body {
        add("409", "The state does not allow this now.");
        add("413", "The body is too large.");
        add("415", "The body is not JSON.");
        add("422", "What is asked for is well-formed and cannot be done.");
        add("502", "A system at the other end cannot be reached.");
    } else {
        add("409", "The state does not allow this now.");
        add("422", "What is asked for is well-formed and cannot be done.");
        add("502", "A system at the other end cannot be reached.");
    }
}

/// A parameter that may be left out is never null: there is no way to write that.
fn without_null(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(Parameter { schema: Some(RefOr::T(Schema::Object(schema))), .. }) = parameter else {
        return;
    };
    let SchemaType::Array(types) = &mut schema.schema_type else { return };
    types.retain(|kind| *kind != Type::Null);
    if let [kind] = types.as_slice() {
        schema.schema_type = SchemaType::Type(kind.clone());
    }
}

fn problem(text: &str) -> Response {
    let schema = RefOr::Ref(Ref::from_schema_name(Problem::name()));
    ResponseBuilder::new()
        .description(text)
        .content("application/problem+json", Content::new(Some(schema)))
        .build()
}

/// Serves the document.
pub async fn document(api: std::sync::Arc<OpenApi>) -> impl IntoResponse {
    Json(api.as_ref().clone())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn document() -> Value {
        json!(crate::openapi_document())
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let document = document();
        let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if let Some(id) = operation["operationId"].as_str() {
                    paths.entry(id.into()).or_default().push(format!("{method} {path}"));
                }
            }
        }
        assert!(paths.len() > 70, "{}", paths.len());
        for (id, of) in paths {
            assert_eq!(of.len(), 1, "{id} is the name of {of:?}");
            assert!(id.contains('_'), "{of:?}: the name {id} says what is done, but not to what");
        }
    }

    #[test]
    fn what_may_be_null_in_an_answer_is_always_there_and_may_be_left_out_of_a_request() {
        let document = document();
        let required = |schema: &str, property: &str| {
            let schema = &document["components"]["schemas"][schema];
            assert!(schema["properties"][property].is_object(), "{schema} has no {property}");
            schema["required"].as_array().is_some_and(|names| names.contains(&json!(property)))
        };
        assert!(
            required("RunView", "started_at") && required("RunView", "error") && required("RunView", "id")
        );
        assert!(required("LetterView", "source_row") && required("PhaseView", "ended_at"));
        assert!(!required("TriggerRequest", "cursor") && !required("Problem", "help"));
    }

    #[test]
    fn closed_sets_of_words_are_listed() {
        let document = document();
        let words = |name: &str| document["components"]["schemas"][name]["enum"].as_array().unwrap().len();
        assert_eq!((words("RunStatus"), words("RunType"), words("SyncState")), (10, 5, 3));
        let list = &document["components"]["schemas"]["List_RunView"]["properties"];
        assert_eq!(list["data"]["items"]["$ref"], "#/components/schemas/RunView");
        let run = &document["components"]["schemas"]["RunView"]["properties"];
        assert_eq!(run["status"]["$ref"], "#/components/schemas/RunStatus");
        assert_eq!(run["phase"]["oneOf"][0]["$ref"], "#/components/schemas/RunPhase");
    }

    #[test]
    fn the_web_app_is_made_for_this_description() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/openapi.json");
        let kept: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let said = document();
        let differences: Vec<&String> = said["components"]["schemas"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, schema)| kept["components"]["schemas"][*name] != **schema)
            .map(|(name, _)| name)
            .collect();
        assert!(kept == said, "make it anew with `make api`; these differ: {differences:?}");
    }
}
