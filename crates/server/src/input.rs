//! What requests bring: bodies, query parameters and pages, with errors that say what is wrong.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use syncline_core::{Error, ErrorKind};
use syncline_store::Page;
use utoipa::IntoParams;

use crate::app::App;
use crate::misread;
use crate::problem::{Answer, Fault};

/// Most records of one page of the API.
pub const PER_PAGE_MAX: u64 = 200;
/// The last page that can be asked for.
pub const PAGE_MAX: u64 = 1_000_000_000;
/// Records of a page unless asked otherwise.
const PER_PAGE: u64 = 20;

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        let is_json = is_json(&request);
        let bytes = bytes(request, state).await?;
        if !is_json {
            return Err(wrong_type());
        }
        parse(&bytes).map(Self)
    }
}

/// A JSON body that may be left out.
pub struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        let is_json = is_json(&request);
        let bytes = bytes(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json {
            return Err(wrong_type());
        }
        Ok(Self(parse::<Option<T>>(&bytes)?.unwrap_or_default()))
    }
}

/// A body without fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Refuses a body where an operation takes none: whoever sent it expects something of it.
pub async fn refuse_body(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Result<Response, Fault> {
    let path = request.extensions().get::<MatchedPath>();
    let takes_body = path.is_none_or(|path| app.roles.take_body(request.method(), path.as_str()));
    if takes_body || request.method() != Method::POST {
        return Ok(next.run(request).await);
    }
    let (parts, body) = request.into_parts();
    let bytes = bytes(Request::new(body), &()).await?;
    if !bytes.trim_ascii().is_empty() {
        parse::<Option<Nothing>>(&bytes)?;
    }
    Ok(next.run(Request::from_parts(parts, Default::default())).await)
}

/// Refuses paths whose escapes give no UTF-8: nothing has such a name.
pub async fn readable_path(request: Request, next: Next) -> Result<Response, Fault> {
    if String::from_utf8(unescaped(request.uri().path())).is_ok() {
        return Ok(next.run(request).await);
    }
    let error = Error::new(ErrorKind::BadUsage, "the path is no valid UTF-8 when its escapes are read");
    Err(error.help("escape the bytes of the UTF-8 text, for example %C3%A9 for é").into())
}

/// Bytes that are written as `%41`.
fn unescaped(path: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let escape = after.get(..2).filter(|_| *first == b'%');
        let byte = escape.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Fault> {
    Bytes::from_request(request, state).await.map_err(|e| match e.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Fault::new(ErrorKind::TooLarge, e.body_text()),
        _ => Fault::new(ErrorKind::BadUsage, e.body_text()),
    })
}

fn is_json(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn wrong_type() -> Fault {
    let message = "the body must be JSON, sent as `content-type: application/json`";
    Fault::new(ErrorKind::BadUsage, message).with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    // An array would be taken for the fields of an object in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(misread::body::<T>(bytes));
    }
    match serde_json::from_slice(bytes) {
        Ok(value) => Ok(value),
        // 7.0 is an integer in JSON, and none to serde.
        Err(_) => with_integers(bytes).ok_or_else(|| misread::body::<T>(bytes)),
    }
}

/// Reads a body whose integers are written with a fraction of zero.
fn with_integers<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let mut value = serde_json::from_slice(bytes).ok()?;
    make_integers(&mut value);
    serde_json::from_value(value).ok()
}

fn make_integers(value: &mut Value) {
    /// Beyond this, not every integer is a floating point number.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => {
            let whole =
                number.as_f64().filter(|n| number.is_f64() && n.fract() == 0.0 && n.abs() <= EXACT_MAX);
            if let Some(whole) = whole {
                *value = (whole as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_integers),
        Value::Object(entries) => entries.values_mut().for_each(make_integers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Query parameters. Unknown ones are refused by the types themselves.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Params(value)),
            Err(refused) => {
                let given = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
                let given = given.map(|Query(given)| given).unwrap_or_default();
                Err(misread::query(&given, &refused.body_text()))
            }
        }
    }
}

/// Which page of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// From 1.
    #[param(minimum = 1, maximum = 1000000000)]
    pub page: Option<u64>,
    /// 20 unless given.
    #[param(minimum = 1, maximum = 200)]
    pub per_page: Option<u64>,
}

/// The page that is asked for.
pub fn page(number: Option<u64>, size: Option<u64>, default: u64) -> Answer<Page> {
    let (number, size) = (number.unwrap_or(1), size.unwrap_or(default));
    if number == 0 || number > PAGE_MAX {
        return Err(misread::parameter("page", format!("page is from 1 to {PAGE_MAX}"), None));
    }
    if size == 0 || size > PER_PAGE_MAX {
        return Err(misread::parameter("per_page", format!("per_page is from 1 to {PER_PAGE_MAX}"), None));
    }
    Ok(Page { number, size })
}

impl Paging {
    pub fn page(self) -> Answer<Page> {
        page(self.page, self.per_page, PER_PAGE)
    }
}

/// A list parameter: values separated by commas, each read by `parse`.
pub fn each<T>(
    name: &str,
    text: Option<&str>,
    known: &[&str],
    parse: impl Fn(&str) -> Option<T>,
) -> Answer<Vec<T>> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let read = |word: &str| {
        parse(word.trim()).ok_or_else(|| {
            let shown: String = word.chars().take(60).collect();
            let help = format!("it is one of {}", known.join(", "));
            misread::parameter(name, format!("'{name}' cannot be '{shown}'"), Some(help))
        })
    };
    text.split(',').map(read).collect()
}
