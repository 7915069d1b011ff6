//! Tokens, sessions and roles: who asks, and what they may do.
//!
//! A token is `sl_<id>_<secret>`; only the SHA-256 of the secret is stored, which is enough for 256
//! random bits. Deny by default: an operation whose OpenAPI description names no role is for nobody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rand::TryRngCore;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use syncline_api::{Role, TokenView};
use syncline_core::{Error, ErrorKind, Result};
use syncline_store::{Catalog, Object};
use utoipa::openapi::OpenApi;

use crate::app::App;
use crate::problem::Fault;

const TOKEN: &str = "token";
const SESSION: &str = "session";
/// When a token was last used, under its id: beside it, so that it does not race with its revocation.
const TOKEN_USE: &str = "token_use";
/// The id of the token that the first start makes: of two servers that start together, one makes it.
const FIRST_TOKEN: &str = "first";
/// The id of the token that commands on this machine use.
const LOCAL_TOKEN: &str = "local";
/// A use of a token is kept this often at most, so that whoever reads much does not write much.
const USE_KEPT_EVERY: Duration = Duration::from_secs(60);
/// Whether who listens still may is looked at this often.
const ASKED_AGAIN_EVERY: Duration = Duration::from_secs(5);
/// Bytes of a secret.
const SECRET_BYTES: usize = 32;
/// A browser's session ends after this, used or not.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 3_600);
pub const COOKIE: &str = "syncline_session";

/// A token as stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredToken {
    name: String,
    role: Role,
    /// SHA-256 of the secret, as hexadecimal.
    hash: String,
    created_by: Option<String>,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

/// A browser's session as stored under the hash of its secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredSession {
    token_id: String,
    expires_at: Timestamp,
}

/// A token's last use as stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredUse {
    at: Timestamp,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    pub token_id: String,
    pub name: String,
    pub role: Role,
    pub expires_at: Option<Timestamp>,
    /// By a browser's session: its requests that change something must come from our own pages.
    pub by_session: bool,
}

/// The tokens of a workspace.
#[derive(Clone)]
pub struct Tokens {
    store: Arc<dyn Catalog>,
    /// The secret of commands on this machine, which ends with the process.
    local: Arc<str>,
    /// When this process last kept the use of each token.
    uses: Arc<Mutex<HashMap<String, Timestamp>>>,
}

impl Tokens {
    pub fn new(store: Arc<dyn Catalog>) -> Result<Self> {
        Ok(Self { store, local: random_secret()?.into(), uses: Arc::default() })
    }

    /// The token of commands on this machine. It is never stored.
    pub fn local(&self) -> String {
        format!("sl_{LOCAL_TOKEN}_{}", self.local)
    }

    /// Makes a token; the text is not kept and cannot be shown again.
    pub async fn create(
        &self,
        name: &str,
        role: Role,
        expires_at: Option<Timestamp>,
        created_by: Option<String>,
        now: Timestamp,
    ) -> Result<(TokenView, String)> {
        let id = syncline_core::ids::uuid_at(now).simple().to_string();
        self.store_new(&id, name, role, expires_at, created_by, now).await
    }

    /// The token that a state without any gets at its first start, for its console; `None` later on.
    pub async fn create_first(&self, now: Timestamp) -> Result<Option<String>> {
        if !self.store.objects(TOKEN).await?.is_empty() {
            return Ok(None);
        }
        match self.store_new(FIRST_TOKEN, "first admin", Role::Admin, None, None, now).await {
            Ok((_, text)) => Ok(Some(text)),
            // Another server was faster, and printed it.
            Err(e) if e.kind == ErrorKind::Conflict => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn store_new(
        &self,
        id: &str,
        name: &str,
        role: Role,
        expires_at: Option<Timestamp>,
        created_by: Option<String>,
        now: Timestamp,
    ) -> Result<(TokenView, String)> {
        let secret = random_secret()?;
        let stored = StoredToken {
            name: name.to_string(),
            role,
            hash: hash(&secret),
            created_by,
            expires_at,
            revoked_at: None,
        };
        let object = object(TOKEN, id, &stored, now)?;
        self.store.put_object(&object, Some(0), now).await?;
        Ok((view(&object, stored, None), format!("sl_{id}_{secret}")))
    }

    pub async fn list(&self) -> Result<Vec<TokenView>> {
        let mut tokens = Vec::new();
        let mut uses = HashMap::new();
        for object in self.store.objects(TOKEN_USE).await? {
            uses.insert(object.id.clone(), stored::<StoredUse>(&object)?.at);
        }
        for object in self.store.objects(TOKEN).await? {
            let stored = stored::<StoredToken>(&object)?;
            tokens.push(view(&object, stored, uses.remove(&object.id)));
        }
        tokens.sort_by_key(|token| std::cmp::Reverse(token.created_at));
        Ok(tokens)
    }

    /// Ends a token at once, with the sessions opened by it.
    pub async fn revoke(&self, id: &str, now: Timestamp) -> Result<TokenView> {
        let Some(found) = self.store.object(TOKEN, id).await? else {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no token {id}")));
        };
        let mut token = stored::<StoredToken>(&found)?;
        token.revoked_at.get_or_insert(now);
        let changed = Object { body: body(&token)?, ..found };
        self.store.put_object(&changed, Some(changed.revision), now).await?;
        let used = self.store.object(TOKEN_USE, id).await?;
        let used_at = used.map(|used| stored::<StoredUse>(&used)).transpose()?.map(|used| used.at);
        Ok(view(&changed, token, used_at))
    }

    /// Whose token this is, if it is valid now.
    pub async fn caller(&self, text: &str, now: Timestamp) -> Result<Option<Caller>> {
        let Some((id, secret)) = text.strip_prefix("sl_").and_then(|rest| rest.split_once('_')) else {
            return Ok(None);
        };
        if id == LOCAL_TOKEN {
            let valid = bool::from(hash(&self.local).as_bytes().ct_eq(hash(secret).as_bytes()));
            return Ok(valid.then(local_caller));
        }
        let Some(found) = self.store.object(TOKEN, id).await? else { return Ok(None) };
        let token = stored::<StoredToken>(&found)?;
        if !bool::from(token.hash.as_bytes().ct_eq(hash(secret).as_bytes())) {
            return Ok(None);
        }
        Ok(self.used(caller_of(id, token, now), now))
    }

    /// Opens a session for a browser: the text for its cookie.
    pub async fn open_session(&self, caller: &Caller, now: Timestamp) -> Result<(String, Timestamp)> {
        let secret = random_secret()?;
        let ends = now + SESSION_LIFE;
        let expires_at = caller.expires_at.map_or(ends, |at| at.min(ends));
        let session = StoredSession { token_id: caller.token_id.clone(), expires_at };
        let object = object(SESSION, &hash(&secret), &session, now)?;
        self.store.put_object(&object, Some(0), now).await?;
        Ok((secret, expires_at))
    }

    pub async fn close_session(&self, secret: &str) -> Result<()> {
        self.store.remove_object(SESSION, &hash(secret)).await?;
        Ok(())
    }

    async fn session_caller(&self, secret: &str, now: Timestamp) -> Result<Option<Caller>> {
        let Some(found) = self.store.object(SESSION, &hash(secret)).await? else { return Ok(None) };
        let session = stored::<StoredSession>(&found)?;
        if session.expires_at <= now {
            self.store.remove_object(SESSION, &found.id).await?;
            return Ok(None);
        }
        let Some(token) = self.store.object(TOKEN, &session.token_id).await? else { return Ok(None) };
        let caller = self.used(caller_of(&session.token_id, stored(&token)?, now), now);
        Ok(caller.map(|caller| Caller { expires_at: Some(session.expires_at), by_session: true, ..caller }))
    }

    /// Keeps that a token was used. The request does not wait for it, nor fail with it.
    fn used(&self, caller: Option<Caller>, now: Timestamp) -> Option<Caller> {
        let id = caller.as_ref()?.token_id.clone();
        {
            let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
            if uses.get(&id).is_some_and(|at| now < *at + USE_KEPT_EVERY) {
                return caller;
            }
            uses.insert(id.clone(), now);
        }
        let store = Arc::clone(&self.store);
        tokio::spawn(async move {
            let kept = match object(TOKEN_USE, &id, &StoredUse { at: now }, now) {
                Ok(object) => store.put_object(&object, None, now).await.map(drop),
                Err(e) => Err(e),
            };
            if let Err(error) = kept {
                tracing::warn!(token = id, %error, "the use of a token was not kept");
            }
        });
        caller
    }

    /// Drops the sessions that have ended.
    pub async fn tidy(&self, now: Timestamp) -> Result<()> {
        for object in self.store.objects(SESSION).await? {
            if stored::<StoredSession>(&object)?.expires_at <= now {
                self.store.remove_object(SESSION, &object.id).await?;
            }
        }
        Ok(())
    }
}

fn local_caller() -> Caller {
    Caller {
        token_id: LOCAL_TOKEN.into(),
        name: "command line on the server's machine".into(),
        role: Role::Admin,
        expires_at: None,
        by_session: false,
    }
}

fn caller_of(id: &str, token: StoredToken, now: Timestamp) -> Option<Caller> {
    let valid = token.revoked_at.is_none() && token.expires_at.is_none_or(|at| at > now);
    valid.then(|| Caller {
        token_id: id.to_string(),
        name: token.name,
        role: token.role,
        expires_at: token.expires_at,
        by_session: false,
    })
}

fn random_secret() -> Result<String> {
    let mut bytes = [0; SECRET_BYTES];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|e| Error::internal("the system gives no random numbers").caused_by(e))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn hash(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn object<T: Serialize>(kind: &str, id: &str, value: &T, now: Timestamp) -> Result<Object> {
    Ok(Object {
        kind: kind.into(),
        id: id.into(),
        revision: 0,
        created_at: now,
        updated_at: now,
        body: body(value)?,
    })
}

fn body<T: Serialize>(value: &T) -> Result<serde_json::Value> {
    serde_json::to_value(value).map_err(|e| Error::internal("a record cannot be stored").caused_by(e))
}

fn stored<T: serde::de::DeserializeOwned>(object: &Object) -> Result<T> {
    serde_json::from_value(object.body.clone()).map_err(|e| {
        Error::new(
            ErrorKind::Corrupt,
            format!("{} {} in the state store cannot be read", object.kind, object.id),
        )
        .caused_by(e)
    })
}

fn view(object: &Object, token: StoredToken, last_used_at: Option<Timestamp>) -> TokenView {
    TokenView {
        id: object.id.clone(),
        name: token.name,
        role: token.role,
        created_at: object.created_at,
        created_by: token.created_by,
        expires_at: token.expires_at,
        revoked_at: token.revoked_at,
        last_used_at,
    }
}

/// Which role each operation needs, and whether it takes a body, as its description says.
pub struct Roles(HashMap<(Method, String), (Needs, bool)>);

/// What an operation asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    Role(Role),
    /// Its description names no role.
    Impossible,
}

/// What the extension of an operation is called that names its role.
pub const ROLE: &str = "x-role";

impl Roles {
    /// Reads the roles of every operation.
    pub fn of(api: &OpenApi) -> Self {
        let mut roles = HashMap::new();
        for (path, item) in &api.paths.paths {
            let operations = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            for (method, operation) in operations {
                let Some(operation) = operation else { continue };
                let named = operation.extensions.as_ref().and_then(|e| e.get(ROLE));
                let role = |name| Role::ALL.into_iter().find(|role| role.as_str() == name);
                let needs = match named.and_then(|value| value.as_str()) {
                    Some("none") => Needs::Nothing,
                    Some(name) => role(name).map_or(Needs::Impossible, Needs::Role),
                    None => Needs::Impossible,
                };
                roles.insert((method, path.clone()), (needs, operation.request_body.is_some()));
            }
        }
        Self(roles)
    }

    fn needs(&self, method: &Method, path: &str) -> Option<Needs> {
        // A HEAD is a GET without its body.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.0.get(&(method.clone(), path.to_string())).map(|(needs, _)| *needs)
    }

    pub fn take_body(&self, method: &Method, path: &str) -> bool {
        self.0.get(&(method.clone(), path.to_string())).is_none_or(|(_, takes_body)| *takes_body)
    }
}

fn needs(app: &App, request: &Request) -> Option<Needs> {
    let path = request.extensions().get::<MatchedPath>()?;
    app.roles.needs(request.method(), path.as_str())
}

/// Finds out who asks, and refuses those who do not say so.
pub async fn identify(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> std::result::Result<Response, Fault> {
    if needs(&app, &request) != Some(Needs::Nothing) {
        let caller = find_caller(&app, request.headers()).await?.ok_or_else(unauthenticated)?;
        request.extensions_mut().insert(caller);
    }
    Ok(next.run(request).await)
}

/// Lets a request through whose caller may make it.
pub async fn permit(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> std::result::Result<Response, Fault> {
    let needs = needs(&app, &request);
    if needs == Some(Needs::Nothing) {
        return Ok(next.run(request).await);
    }
    let caller = request.extensions().get::<Caller>().ok_or_else(unauthenticated)?;
    if caller.by_session && !is_same_origin(request.method(), request.headers()) {
        return Err(Fault::new(ErrorKind::Forbidden, "this request comes from another site"));
    }
    match needs {
        // Not an operation: the router says that the method is not allowed.
        None => {}
        Some(Needs::Impossible) => {
            let path = request.uri().path();
            return Err(Error::internal(format!("{path} names no role in its description")).into());
        }
        Some(Needs::Role(role)) if caller.role < role => {
            let error = Error::new(
                ErrorKind::Forbidden,
                format!(
                    "this needs the role {}; '{}' is {}",
                    role.as_str(),
                    caller.name,
                    caller.role.as_str()
                ),
            );
            return Err(error.help("use a token with that role").into());
        }
        Some(Needs::Nothing | Needs::Role(_)) => {}
    }
    Ok(next.run(request).await)
}

async fn find_caller(app: &App, headers: &HeaderMap) -> Result<Option<Caller>> {
    let now = app.engine.clock.now();
    match credential(headers) {
        Some(Credential::Token(token)) => app.tokens.caller(token, now).await,
        Some(Credential::Session(secret)) => app.tokens.session_caller(secret, now).await,
        None => Ok(None),
    }
}

/// Completes when who sent these headers may ask for nothing any more: the token was revoked, the session
/// closed, or its time is over. For answers that go on.
pub async fn ended(app: Arc<App>, headers: HeaderMap) {
    loop {
        tokio::time::sleep(ASKED_AGAIN_EVERY).await;
        // A state that cannot be read now says nothing about the caller.
        if let Ok(None) = find_caller(&app, &headers).await {
            return;
        }
    }
}

/// What a request says to prove who sent it.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    Token(&'a str),
    Session(&'a str),
}

impl<'a> Credential<'a> {
    pub fn secret(self) -> &'a str {
        match self {
            Credential::Token(secret) | Credential::Session(secret) => secret,
        }
    }
}

/// The credential of a request: its `Authorization`, and only without one its cookie.
pub fn credential(headers: &HeaderMap) -> Option<Credential<'_>> {
    match headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        Some(given) => {
            let (scheme, token) = given.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| Credential::Token(token.trim()))
        }
        None => cookie(headers).map(Credential::Session),
    }
}

/// The session's secret that a browser sent.
pub fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// S11: a browser's request that changes something names where it comes from; it must be from here.
fn is_same_origin(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else { return false };
    origin.split_once("://").is_some_and(|(_, from)| from == host)
}

fn unauthenticated() -> Fault {
    Error::new(ErrorKind::Unauthenticated, "this needs a valid token")
        .help("send `Authorization: Bearer <token>`; make one with `syncline token create`")
        .into()
}
