//! The one error type of the product.
//!
//! Every failure has an [`ErrorKind`] with a stable code; [`ErrorKind::class`] is the one place
//! that says what follows from it.

use std::fmt;

use serde::{Deserialize, Serialize};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. The code of each kind ([`ErrorKind::code`]) is stable and documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A file of the project is wrong.
    InvalidConfig,
    /// A command line or request cannot be understood.
    BadUsage,
    /// Something named does not exist.
    NotFound,
    /// The state does not allow this now (for example: another run is active).
    Conflict,
    /// An error threshold stopped the sync until a person activates it.
    SyncHalted,
    /// As many runs of the sync are queued as may be.
    QueueFull,
    /// No token, or none that is valid.
    Unauthenticated,
    /// The token's role does not allow this.
    Forbidden,
    /// It is defined in a file of the project and is changed there.
    ReadOnly,
    /// The `Idempotency-Key` was used for another request, or its request is still under way.
    IdempotencyConflict,
    /// A request, reply or page is larger than its limit.
    TooLarge,
    /// A secret is missing, or what it belongs to changed and it has to be given again.
    SecretRequired,
    /// An address that requests may not be sent to.
    AddressRefused,
    /// The source could not be reached, timed out or broke off.
    SourceUnreachable,
    /// The source refused our credentials.
    SourceAuthFailed,
    /// The source answered, but the model cannot be read (bad SQL, missing table, bad file).
    ModelQueryFailed,
    /// A source column has a type without canonical form.
    UnsupportedType,
    /// The model's columns are not what the sync expects.
    SchemaChanged,
    /// Two source rows have the same key or the same match value.
    DuplicateKeys,
    /// The destination could not be reached, timed out or broke off.
    DestinationUnreachable,
    /// The destination refused our credentials or they expired.
    DestinationAuthExpired,
    /// The destination's object is missing or unsuitable.
    DestinationUnsuitable,
    /// The destination refused a whole batch for a reason that is not one row's fault.
    DestinationFailed,
    /// Rate limited for longer than the cap.
    RateLimitExceeded,
    /// A mapping or filter expression is wrong.
    InvalidExpression,
    /// The memory budget is not enough.
    OutOfMemory,
    /// Disk full or another local I/O failure.
    LocalIo,
    /// A stored file or database is damaged.
    Corrupt,
    /// The state store is in use by another process.
    StateLocked,
    /// The server that keeps the state could not be reached, or its connection broke off.
    StateUnreachable,
    /// The state store was written by a newer version.
    StateTooNew,
    /// A plan no longer matches the sync or the snapshot.
    StalePlan,
    /// The error threshold was passed.
    ErrorThreshold,
    /// Every row that was tried failed.
    AllRowsFailed,
    /// The target is not the one this sync delivered to.
    TargetChanged,
    /// Another process took over this run.
    Fenced,
    /// The process stopped in the middle of a run.
    Interrupted,
    /// A person cancelled.
    Cancelled,
    /// A defect of ours.
    Internal,
}

/// What follows from an error, decided here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Passing: try again with backoff.
    Transient,
    /// The run ends as `source_failure` and is retried as a whole.
    SourceFailure,
    /// The run ends as `failed`; a person must act.
    Permanent,
    /// The run ends as `cancelled`.
    Cancelled,
}

/// What a kind of error means, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub meaning: &'static str,
    /// Where it usually comes from.
    pub causes: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

impl ErrorKind {
    pub const ALL: [ErrorKind; 39] = [
        ErrorKind::InvalidConfig,
        ErrorKind::BadUsage,
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::SyncHalted,
        ErrorKind::QueueFull,
        ErrorKind::Unauthenticated,
        ErrorKind::Forbidden,
        ErrorKind::ReadOnly,
        ErrorKind::IdempotencyConflict,
        ErrorKind::TooLarge,
        ErrorKind::SecretRequired,
        ErrorKind::AddressRefused,
        ErrorKind::SourceUnreachable,
        ErrorKind::SourceAuthFailed,
        ErrorKind::ModelQueryFailed,
        ErrorKind::UnsupportedType,
        ErrorKind::SchemaChanged,
        ErrorKind::DuplicateKeys,
        ErrorKind::DestinationUnreachable,
        ErrorKind::DestinationAuthExpired,
        ErrorKind::DestinationUnsuitable,
        ErrorKind::DestinationFailed,
        ErrorKind::RateLimitExceeded,
        ErrorKind::InvalidExpression,
        ErrorKind::OutOfMemory,
        ErrorKind::LocalIo,
        ErrorKind::Corrupt,
        ErrorKind::StateLocked,
        ErrorKind::StateUnreachable,
        ErrorKind::StateTooNew,
        ErrorKind::StalePlan,
        ErrorKind::ErrorThreshold,
        ErrorKind::AllRowsFailed,
        ErrorKind::TargetChanged,
        ErrorKind::Fenced,
        ErrorKind::Interrupted,
        ErrorKind::Cancelled,
        ErrorKind::Internal,
    ];

    /// The stable code that users, documents and clients see.
    pub fn code(self) -> &'static str {
        use ErrorKind::*;
        match self {
            InvalidConfig => "invalid_config",
            BadUsage => "bad_usage",
            NotFound => "not_found",
            Conflict => "conflict",
            SyncHalted => "sync_halted",
            QueueFull => "queue_full",
            Unauthenticated => "unauthenticated",
            Forbidden => "forbidden",
            ReadOnly => "read_only",
            IdempotencyConflict => "idempotency_conflict",
            TooLarge => "too_large",
            SecretRequired => "secret_required",
            AddressRefused => "address_refused",
            SourceUnreachable => "source_unreachable",
            SourceAuthFailed => "source_auth_failed",
            ModelQueryFailed => "model_query_failed",
            UnsupportedType => "unsupported_type",
            SchemaChanged => "schema_changed",
            DuplicateKeys => "duplicate_keys",
            DestinationUnreachable => "destination_unreachable",
            DestinationAuthExpired => "destination_auth_expired",
            DestinationUnsuitable => "destination_unsuitable",
            DestinationFailed => "destination_failed",
            RateLimitExceeded => "rate_limit_exceeded",
            InvalidExpression => "invalid_expression",
            OutOfMemory => "out_of_memory",
            LocalIo => "local_io",
            Corrupt => "corrupt_state",
            StateLocked => "state_locked",
            StateUnreachable => "state_unreachable",
            StateTooNew => "state_too_new",
            StalePlan => "stale_plan",
            ErrorThreshold => "error_threshold",
            AllRowsFailed => "all_rows_failed",
            TargetChanged => "target_changed",
            Fenced => "fenced",
            Interrupted => "interrupted",
            Cancelled => "cancelled",
            Internal => "internal",
        }
    }

    pub fn class(self) -> ErrorClass {
        use ErrorKind::*;
        match self {
            SourceUnreachable => ErrorClass::SourceFailure,
            DestinationUnreachable => ErrorClass::Transient,
            Cancelled => ErrorClass::Cancelled,
            _ => ErrorClass::Permanent,
        }
    }
}

/// An error with its kind, a sentence for people, optional advice and its cause.
#[derive(Debug)]
pub struct Error {
    pub kind: ErrorKind,
    /// Where and what, in a sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + std::marker::Sync>>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None, source: None }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub fn caused_by(
        mut self,
        cause: impl Into<Box<dyn std::error::Error + Send + std::marker::Sync>>,
    ) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// Puts `context: ` before the message, keeping kind, help and cause.
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    pub fn code(&self) -> &'static str {
        self.kind.code()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        let full = e.kind() == std::io::ErrorKind::StorageFull;
        let err = Error::new(ErrorKind::LocalIo, e.to_string()).caused_by(e);
        if full { err.help("free some space on this disk and run again; nothing was lost") } else { err }
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(e: arrow::error::ArrowError) -> Self {
        match e {
            arrow::error::ArrowError::IoError(_, io) => io.into(),
            other => Error::internal(format!("columnar data: {other}")).caused_by(other),
        }
    }
}
