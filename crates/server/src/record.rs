//! What stands around every operation: the audit log, repeated requests, limits, headers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use syncline_core::{Error, ErrorKind};
use syncline_store::{Answer as Kept, AuditEntry, Begun};

use crate::access::{Caller, credential};
use crate::app::App;
use crate::problem::{Code, Fault};

/// Most bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// Longest `Idempotency-Key`.
const KEY_BYTES_MAX: usize = 255;
/// Most bytes of an answer that is kept for repeated requests.
const ANSWER_BYTES_MAX: usize = 1 << 20;
const REPLAYED: &str = "idempotency-replayed";

/// Writes every operation that may change something into the audit log, whatever came of it: also when its caller
/// may not make it. Refused sign-ins are not among them: anybody could fill the log with those.
pub async fn audit(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response, Fault> {
    if !changes(request.method()) || is_question(&request) {
        return Ok(next.run(request).await);
    }
    let caller = request.extensions().get::<Caller>().cloned();
    let (action, asked) = what(&request);
    let remote = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string());
    let answer = next.run(request).await;
    // Who signs in is known by the answer alone.
    let Some(caller) = caller.or_else(|| answer.extensions().get::<Caller>().cloned()) else {
        return Ok(answer);
    };
    let result = match answer.extensions().get::<Code>() {
        Some(Code(code)) => (*code).to_string(),
        None if answer.status().is_success() => "ok".to_string(),
        None => answer.status().as_u16().to_string(),
    };
    let detail = answer.extensions().get::<Detail>().map_or_else(|| json!({}), |detail| detail.0.clone());
    let target = answer.extensions().get::<Target>().map_or(asked, |target| target.0.clone());
    let entry = AuditEntry {
        at: app.now(),
        actor: format!("token:{}", caller.token_id),
        actor_name: caller.name,
        action,
        target,
        result,
        detail,
        remote,
    };
    app.store.audit(&entry).await?;
    Ok(answer)
}

/// What an operation adds to its audit record: never a secret, never a row's value.
#[derive(Clone, Debug)]
pub struct Detail(pub Value);

/// What an operation made, as the target of its audit record: `tokens/ci`.
#[derive(Clone, Debug)]
pub struct Target(pub String);

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Operations with a body that change nothing: pages ask them while somebody types.
const QUESTIONS: [&str; 7] = [
    "/api/v1/dead-letters/estimate",
    "/api/v1/schedules/preview",
    "/api/v1/syncs/preview",
    "/api/v1/syncs/validate",
    "/api/v1/syncs/{sync_id}/cursor/effect",
    "/api/v1/syncs/{sync_id}/preview",
    "/api/v1/syncs/{sync_id}/purge/estimate",
];

fn is_question(request: &Request) -> bool {
    request.extensions().get::<MatchedPath>().is_some_and(|path| QUESTIONS.contains(&path.as_str()))
}

/// `POST /api/v1/syncs/crm.contact/trigger` → `syncs.trigger` on `syncs/crm.contact`.
fn what(request: &Request) -> (String, String) {
    let matched = request.extensions().get::<MatchedPath>().map_or("", |path| path.as_str());
    let steps = matched.trim_start_matches("/api/v1/").split('/');
    let words: Vec<&str> = steps.filter(|step| !step.starts_with('{')).collect();
    let verb = match *request.method() {
        Method::POST if words.len() < 2 => ".create",
        Method::PUT => ".put",
        Method::PATCH => ".edit",
        Method::DELETE => ".delete",
        _ => "",
    };
    let path = request.uri().path().trim_start_matches("/api/v1/");
    (format!("{}{verb}", words.join(".")), path.chars().take(300).collect())
}

/// Answers a repeated `POST` with an `Idempotency-Key` as it was answered the first time.
pub async fn once(State(app): State<Arc<App>>, request: Request, next: Next) -> Result<Response, Fault> {
    let given = request.headers().get("idempotency-key").cloned();
    let caller = request.extensions().get::<Caller>().cloned();
    let (Some(given), Some(caller), &Method::POST) = (given, caller, request.method()) else {
        return Ok(next.run(request).await);
    };
    let given = key_text(&given)?;
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| too_large())?;
    let key = format!("{}:{given}", caller.token_id);
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
    // The body may hold a secret that is easy to guess, and the fingerprint is stored: whoever stole the
    // state could try guesses against a plain hash. The caller's credential, which has 256 random bits
    // and is stored nowhere, makes that hopeless [S3].
    let credential = credential(&parts.headers).map_or("", |given| given.secret());
    let fingerprint =
        fingerprint(&[credential.as_bytes(), parts.method.as_str().as_bytes(), path.as_bytes(), &bytes]);
    match app.store.begin_request(&key, &fingerprint, app.now()).await? {
        Begun::New => {}
        Begun::Answered(kept) => return Ok(replayed(&kept)),
        Begun::UnderWay => {
            let message = "a request with this Idempotency-Key is being carried out";
            let error = Error::new(ErrorKind::IdempotencyConflict, message);
            return Err(error.help("send it again in a moment").into());
        }
        Begun::Mismatch => {
            let message = "this Idempotency-Key was used for another request";
            let error = Error::new(ErrorKind::IdempotencyConflict, message);
            return Err(error.help("use a new key for each request").into());
        }
    }
    let answer = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    keep(&app, &key, answer).await
}

fn key_text(value: &HeaderValue) -> Result<String, Fault> {
    match value.to_str() {
        Ok(text) if !text.is_empty() && text.len() <= KEY_BYTES_MAX => Ok(text.to_string()),
        _ => {
            let message = format!("an Idempotency-Key has 1 to {KEY_BYTES_MAX} visible ASCII characters");
            Err(Fault::new(ErrorKind::BadUsage, message))
        }
    }
}

fn too_large() -> Fault {
    Fault::new(ErrorKind::TooLarge, format!("a request has at most {BODY_BYTES_MAX} bytes"))
}

/// Each part with its length, so that no two lists look alike.
fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// In the extensions of an answer with a secret that is shown once: the answer is not kept. That the
/// request was carried out is, so that a repeat does not do it again.
#[derive(Clone, Copy, Debug)]
pub struct NotKept;

/// What a repeat of a request is told whose answer was not kept.
fn not_repeatable() -> Result<Kept, Fault> {
    let message = "this request was carried out, and its answer is not kept because it held a secret";
    let error = Error::new(ErrorKind::IdempotencyConflict, message);
    let fault = Fault::from(error.help("if that answer was lost, undo what it made, and use a new key"));
    let body = serde_json::to_value(fault.problem()).map_err(|e| Error::internal(e.to_string()))?;
    Ok(Kept { status: fault.status.as_u16(), body })
}

async fn keep(app: &App, key: &str, answer: Response) -> Result<Response, Fault> {
    if answer.extensions().get::<NotKept>().is_some() {
        app.store.finish_request(key, Some(&not_repeatable()?)).await?;
        return Ok(answer);
    }
    let (parts, body) = answer.into_parts();
    let bytes = match to_bytes(body, ANSWER_BYTES_MAX).await {
        Ok(bytes) => bytes,
        Err(e) => {
            app.store.finish_request(key, None).await?;
            return Err(Error::internal("an answer is too large to be kept").caused_by(e).into());
        }
    };
    // What failed on our side may be tried again.
    let kept = match parts.status.is_server_error() {
        true => None,
        false => {
            let body = if bytes.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&bytes) };
            body.ok().map(|body| Kept { status: parts.status.as_u16(), body })
        }
    };
    app.store.finish_request(key, kept.as_ref()).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn replayed(kept: &Kept) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut answer = match kept.body {
        Value::Null => status.into_response(),
        ref body => (status, axum::Json(body)).into_response(),
    };
    if status.is_client_error() {
        let problem = HeaderValue::from_static("application/problem+json");
        answer.headers_mut().insert(header::CONTENT_TYPE, problem);
    }
    answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    answer
}

/// S11 and S14: headers of every answer.
pub async fn headers(request: Request, next: Next) -> Response {
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    let set = |headers: &mut HeaderMap, name: header::HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::X_FRAME_OPTIONS, "DENY");
    set(headers, header::REFERRER_POLICY, "no-referrer");
    set(headers, header::CACHE_CONTROL, "no-store");
    set(headers, header::CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    answer
}

const CONTENT_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
                              object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
