//! Options of a `type: sqlite` connection.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use syncline_core::{Error, ErrorKind, Result};

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The database file; a relative path starts at the project's folder.
    #[schemars(extend("x-path" = true))]
    pub path: PathBuf,
    /// Whether a destination may create the file. A source never does.
    #[serde(default)]
    pub create: bool,
    /// How long to wait for a lock that another process holds, for example `10s`.
    #[serde(default = "busy_timeout_default")]
    #[schemars(with = "String")]
    busy_timeout: SignedDuration,
}

fn busy_timeout_default() -> SignedDuration {
    SignedDuration::from_secs(10)
}

/// SQLite counts the wait in milliseconds in a C int; a day is plenty.
const BUSY_TIMEOUT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

impl Options {
    pub fn busy_timeout(&self) -> Result<Duration> {
        match Duration::try_from(self.busy_timeout) {
            Ok(timeout) if timeout <= BUSY_TIMEOUT_MAX => Ok(timeout),
            _ => Err(Error::new(
                ErrorKind::InvalidConfig,
                format!("busy_timeout is {:#}, which is not between 0s and 24h", self.busy_timeout),
            )
            .help("write for example busy_timeout: 10s")),
        }
    }
}
