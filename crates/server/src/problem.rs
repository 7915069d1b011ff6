//! Errors as answers: `application/problem+json` with a stable code and a page about it.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use syncline_api::{Problem, ProblemItem};
use syncline_core::{Error, ErrorKind};

/// Where the pages about error codes are.
pub const PAGES: &str = "/api/errors";

pub type Answer<T> = std::result::Result<T, Fault>;

/// An error on its way to a client.
#[derive(Debug)]
pub struct Fault {
    pub error: Error,
    pub items: Vec<ProblemItem>,
    pub status: StatusCode,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { status: status_of(error.kind), error, items: Vec::new() }
    }
}

impl Fault {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error::new(kind, message).into()
    }

    pub fn with_items(mut self, items: Vec<ProblemItem>) -> Self {
        self.items = items;
        self
    }

    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// For requests that are well-formed and ask for what cannot be done.
    pub fn unprocessable(error: Error) -> Self {
        match error.kind {
            ErrorKind::BadUsage => Self::from(error).with_status(StatusCode::UNPROCESSABLE_ENTITY),
            _ => error.into(),
        }
    }

    /// As clients get it.
    pub fn problem(&self) -> Problem {
        let code = self.error.code();
        // What a defect of ours says is for the log: it may name things that are nobody's business.
        let detail = match self.error.kind {
            ErrorKind::Internal => "something went wrong inside the server; its log tells what".to_string(),
            _ => self.error.message.clone(),
        };
        Problem {
            kind: format!("{PAGES}/{code}"),
            title: title(code),
            status: self.status.as_u16(),
            code: code.to_string(),
            detail,
            help: self.error.help.clone(),
            errors: self.items.clone(),
        }
    }
}

/// `sync_halted` → `Sync halted`.
fn title(code: &str) -> String {
    let text = code.replace('_', " ");
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// The code of the error behind an answer, for the audit log.
#[derive(Clone, Copy, Debug)]
pub struct Code(pub &'static str);

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::error!(code = self.error.code(), error = %chain(&self.error), "a request failed");
        }
        let code = Code(self.error.code());
        let mut answer = (self.status, Json(self.problem())).into_response();
        answer.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
        if self.status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, BEARER);
        }
        answer.extensions_mut().insert(code);
        answer
    }
}

const PROBLEM_JSON: header::HeaderValue = header::HeaderValue::from_static("application/problem+json");
const BEARER: header::HeaderValue = header::HeaderValue::from_static("Bearer");

/// An error with its causes, in a line.
pub fn chain(error: &Error) -> String {
    let mut text = error.message.clone();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

fn status_of(kind: ErrorKind) -> StatusCode {
    use ErrorKind::*;
    match kind {
        BadUsage => StatusCode::BAD_REQUEST,
        Unauthenticated => StatusCode::UNAUTHORIZED,
        Forbidden => StatusCode::FORBIDDEN,
        NotFound => StatusCode::NOT_FOUND,
        Conflict | SyncHalted | QueueFull | ReadOnly | IdempotencyConflict | StalePlan | Fenced
        | Cancelled | Interrupted | TargetChanged => StatusCode::CONFLICT,
        TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        InvalidConfig
        | InvalidExpression
        | SecretRequired
        | AddressRefused
        | SourceAuthFailed
        | ModelQueryFailed
        | UnsupportedType
        | SchemaChanged
        | DuplicateKeys
        | DestinationAuthExpired
        | DestinationUnsuitable
        | DestinationFailed
        | ErrorThreshold
        | AllRowsFailed => StatusCode::UNPROCESSABLE_ENTITY,
        SourceUnreachable | DestinationUnreachable | RateLimitExceeded => StatusCode::BAD_GATEWAY,
        StateLocked | StateUnreachable | LocalIo | OutOfMemory => StatusCode::SERVICE_UNAVAILABLE,
        Corrupt | StateTooNew | Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
