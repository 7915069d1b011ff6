//! The OpenAPI document, made from the operations' own descriptions.

use axum::Json;
use axum::response::IntoResponse;
use syncline_api::Problem;
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
    components(schemas(Problem)),
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

/// Adds to every operation what all of them have: how callers show who they are, and the errors.
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
