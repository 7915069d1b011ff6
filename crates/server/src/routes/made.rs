//! What the operations on objects made by the API have in common: where something is defined, its
//! revision as an `ETag`, and its problems.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use syncline_api::{OriginView, ProblemItem};
use syncline_config::{ObjectKind, ObjectName, Origin};
use syncline_core::ids::is_name;
use syncline_core::{Error, ErrorKind};
use utoipa::IntoParams;

use crate::edit;
use crate::live::{Version, item};
use crate::objects;
use crate::problem::{Answer, Fault};
use crate::record::Detail;

/// The revision that a change is based on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "describes a header that `edit::if_match` reads")]
pub struct IfMatch {
    /// The `ETag` that the change is based on; if it is not that of the object any more, nothing is
    /// changed and the answer is 412. Without it, the change is made to whatever there is.
    #[serde(rename = "If-Match")]
    #[param(pattern = "^(\\*|[0-9]{1,18}|\"[0-9]{1,18}\")$", example = "\"3\"")]
    if_match: Option<String>,
}

/// An object as a map; documents are nothing else.
pub fn map(document: Value) -> Map<String, Value> {
    match document {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Refuses what cannot be the name of something, at its place in the request.
pub fn check_name(name: &str, at: &str) -> Answer<()> {
    if is_name(name) {
        return Ok(());
    }
    let shown: String = name.chars().take(60).collect();
    let message = format!("'{shown}' cannot be a name");
    let help = "names have letters, digits, _ and -, such as crm_contact";
    let error = Error::new(ErrorKind::InvalidConfig, message.clone()).help(help);
    let (code, at, help) = ("invalid_value".into(), Some(at.into()), Some(help.into()));
    Err(Fault::from(error).with_items(vec![ProblemItem { code, message, at, help, warning: false }]))
}

/// Where an object is defined.
pub fn origin(version: &Version, object: &ObjectName) -> OriginView {
    if let Some(Origin::File(place)) = objects::origin(&version.project, object) {
        let place = Some(place.to_string());
        return OriginView { kind: "file".into(), place, revision: None, updated_at: None };
    }
    let revision = version.made.revisions.get(object);
    OriginView {
        kind: "api".into(),
        place: None,
        revision: revision.map(|revision| revision.number),
        updated_at: revision.map(|revision| revision.updated_at),
    }
}

/// What is to be said about an object: why it is not part of the project, or what is probably not meant.
pub fn problems(version: &Version, object: &ObjectName) -> Vec<ProblemItem> {
    if let Some(Origin::File(place)) = objects::origin(&version.project, object) {
        // An instance is all of its file; something else is what stands in its line.
        let is_here = |file: &str, line: usize| {
            file == place.file && (object.kind == ObjectKind::Instance || line == place.line)
        };
        let warnings = version.project.warnings.iter();
        return warnings.filter(|warning| is_here(&warning.file, warning.line)).map(item).collect();
    }
    match version.left_out.iter().find(|out| out.object == *object) {
        Some(out) => out.problems.iter().map(item).collect(),
        None => {
            let place = edit::place(object);
            version.project.warnings.iter().filter(|warning| warning.file == place).map(item).collect()
        }
    }
}

/// An answer with its revision, and what the audit log notes of the request.
pub fn answer<T: Serialize>(status: StatusCode, revision: Option<u64>, body: &T, detail: Value) -> Response {
    let mut answer = (status, Json(body)).into_response();
    let tag = revision.and_then(|revision| HeaderValue::from_str(&format!("\"{revision}\"")).ok());
    if let Some(tag) = tag {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    if !detail.is_null() {
        answer.extensions_mut().insert(Detail(detail));
    }
    answer
}
