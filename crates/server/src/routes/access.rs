//! Tokens, browser sessions and the audit log.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use syncline_api::{
    AuditVerdict, AuditView, CreatedToken, List, NewSession, NewToken, SessionView, TokenView,
};
use syncline_core::{Error, ErrorKind};
use syncline_store::{AuditFilter, Page};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{COOKIE, Caller, cookie};
use crate::app::App;
use crate::input::{self, Body, Paging, Params};
use crate::problem::{Answer, Fault};
use crate::record::{Detail, NotKept, Target};

/// Longest name of a token, in characters.
const NAME_MAX: usize = 100;
/// Longest life of a token that ends.
const DAYS_MAX: u32 = 3_650;

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(tokens, create_token))
        .routes(routes!(revoke_token))
        .routes(routes!(who, open_session, close_session))
        .routes(routes!(audit))
        .routes(routes!(verify_audit))
}

/// All tokens, without their secrets.
#[utoipa::path(get, path = "/tokens", operation_id = "list_tokens", tag = "access", params(Paging),
    responses((status = 200, body = List<TokenView>)), extensions(("x-role" = json!("admin"))))]
async fn tokens(
    State(app): State<Arc<App>>,
    Params(paging): Params<Paging>,
) -> Answer<Json<List<TokenView>>> {
    let page = paging.page()?;
    let tokens = app.tokens.list().await?;
    Ok(Json(sliced(tokens, page)))
}

/// One page of a list that is at hand.
pub fn sliced<T>(all: Vec<T>, page: Page) -> List<T> {
    let total = all.len() as u64;
    let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
    let data = all.into_iter().skip(skipped).take(page.size as usize).collect();
    List::new(data, page, total)
}

/// Makes a token. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/tokens", operation_id = "create_token", tag = "access", request_body = NewToken,
    responses((status = 201, body = CreatedToken)), extensions(("x-role" = json!("admin"))))]
async fn create_token(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(new): Body<NewToken>,
) -> Answer<Response> {
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        let message = format!("a token's name has 1 to {NAME_MAX} printable characters");
        return Err(Fault::unprocessable(Error::new(ErrorKind::BadUsage, message)));
    }
    let now = app.now();
    let expires_at = match new.expires_in_days {
        Some(days) if days == 0 || days > DAYS_MAX => {
            let message = format!("expires_in_days is from 1 to {DAYS_MAX}");
            return Err(Fault::new(ErrorKind::BadUsage, message));
        }
        Some(days) => Some(now + Duration::from_secs(u64::from(days) * 86_400)),
        None => None,
    };
    let (token, secret) = app.tokens.create(name, new.role, expires_at, Some(caller.name), now).await?;
    let target = Target(format!("tokens/{}", token.id));
    let detail = Detail(json!({ "name": name, "role": new.role, "expires_in_days": new.expires_in_days }));
    let mut answer = (StatusCode::CREATED, Json(CreatedToken { token, secret })).into_response();
    answer.extensions_mut().insert(NotKept);
    answer.extensions_mut().insert(target);
    answer.extensions_mut().insert(detail);
    Ok(answer)
}

/// Ends a token at once, with every session opened by it.
#[utoipa::path(delete, path = "/tokens/{token_id}", operation_id = "revoke_token", tag = "access", params(("token_id" = String, Path)),
    responses((status = 200, body = TokenView)), extensions(("x-role" = json!("admin"))))]
async fn revoke_token(State(app): State<Arc<App>>, Path(token_id): Path<String>) -> Answer<Json<TokenView>> {
    Ok(Json(app.tokens.revoke(&token_id, app.now()).await?))
}

fn session_view(caller: &Caller) -> SessionView {
    SessionView {
        token_id: caller.token_id.clone(),
        name: caller.name.clone(),
        role: caller.role,
        expires_at: caller.expires_at,
    }
}

/// Who is asking.
#[utoipa::path(get, path = "/session", operation_id = "get_session", tag = "access",
    responses((status = 200, body = SessionView)), extensions(("x-role" = json!("viewer"))))]
async fn who(Extension(caller): Extension<Caller>) -> Json<SessionView> {
    Json(session_view(&caller))
}

/// Opens a session for a browser: a cookie in the place of the token.
#[utoipa::path(post, path = "/session", operation_id = "open_session", tag = "access", request_body = NewSession,
    responses((status = 201, body = SessionView)), extensions(("x-role" = json!("none"))))]
async fn open_session(State(app): State<Arc<App>>, Body(new): Body<NewSession>) -> Answer<Response> {
    let now = app.now();
    let Some(caller) = app.tokens.caller(new.token.trim(), now).await? else {
        return Err(Fault::new(ErrorKind::Unauthenticated, "this token is not valid"));
    };
    let (secret, expires_at) = app.tokens.open_session(&caller, now).await?;
    let seconds = expires_at.duration_since(now).as_secs().max(0);
    let caller = Caller { expires_at: Some(expires_at), ..caller };
    let mut answer = (StatusCode::CREATED, Json(session_view(&caller))).into_response();
    // For the audit log: the request itself said nobody.
    answer.extensions_mut().insert(caller);
    Ok(with_cookie(answer, &set_cookie(&secret, seconds, app.about.tls)))
}

/// Ends a browser's session.
#[utoipa::path(delete, path = "/session", operation_id = "close_session", tag = "access",
    responses((status = 204)), extensions(("x-role" = json!("viewer"))))]
async fn close_session(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer<Response> {
    if let Some(secret) = cookie(&headers) {
        app.tokens.close_session(secret).await?;
    }
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), &set_cookie("", 0, app.about.tls)))
}

/// Out of reach of scripts and of other sites; with TLS, browsers also never send it without.
fn set_cookie(secret: &str, seconds: i64, tls: bool) -> String {
    let only_by_tls = if tls { "; Secure" } else { "" };
    format!("{COOKIE}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{only_by_tls}")
}

fn with_cookie(mut answer: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.headers_mut().append(header::SET_COOKIE, value);
    }
    answer
}

/// Which audit records to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// From 1.
    #[param(minimum = 1, maximum = 1000000000)]
    page: Option<u64>,
    /// 20 unless given.
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u64>,
    /// For example `token:first`.
    actor: Option<String>,
    /// For example `run.cancel`.
    action: Option<String>,
    /// For example `sync:crm.contact`.
    target: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// What was changed by whom, newest first.
#[utoipa::path(get, path = "/audit", operation_id = "list_audit", tag = "access", params(AuditQuery),
    responses((status = 200, body = List<AuditView>)), extensions(("x-role" = json!("admin"))))]
async fn audit(
    State(app): State<Arc<App>>,
    Params(query): Params<AuditQuery>,
) -> Answer<Json<List<AuditView>>> {
    let page = input::page(query.page, query.per_page, 20)?;
    let filter = AuditFilter {
        actor: query.actor,
        action: query.action,
        target: query.target,
        since: query.since,
        until: query.until,
    };
    let (records, total) = app.store.audit_log(&filter, page).await?;
    Ok(Json(List::new(records.into_iter().map(AuditView::from).collect(), page, total)))
}

/// Checks that no audit record was changed or removed.
#[utoipa::path(get, path = "/audit/verify", operation_id = "verify_audit", tag = "access",
    responses((status = 200, body = AuditVerdict)), extensions(("x-role" = json!("admin"))))]
async fn verify_audit(State(app): State<Arc<App>>) -> Answer<Json<AuditVerdict>> {
    let first_bad = app.store.verify_audit().await?;
    let (_, records) = app.store.audit_log(&AuditFilter::default(), Page::first(1)).await?;
    Ok(Json(AuditVerdict { intact: first_bad.is_none(), records, first_bad }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_came_by_tls_is_never_sent_without() {
        assert_eq!(
            set_cookie("x", 60, true),
            "syncline_session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(!set_cookie("x", 60, false).contains("Secure"));
    }
}
