//! The address of a state server, `postgres://user:password@host:port/database?schema=…`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use syncline_core::{Error, ErrorKind, Result};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode as Negotiation};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls::{self, SslMode};

/// The schema that holds everything, unless the address says another.
const SCHEMA: &str = "syncline";

/// Longest name of a schema, a limit of PostgreSQL.
const SCHEMA_BYTES_MAX: usize = 63;

/// How long connecting to one host may take when the address does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that vanished without a word is noticed after idle + interval × retries.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
/// As above, while something that was sent is not acknowledged.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);

/// Settings of every session. A process that was stopped in the middle of a transaction must not keep
/// others waiting for its locks. Plans go by the indexes: they read few rows, and what a serializable
/// transaction has read is what it can meet others in. A commit is on disk when it returns.
const SETTINGS: &[(&str, &str)] = &[
    ("idle_in_transaction_session_timeout", "10s"),
    ("statement_timeout", "10min"),
    ("synchronous_commit", "on"),
    ("enable_seqscan", "off"),
    ("jit", "off"),
];

/// A PostgreSQL server and the schema there that holds the state.
///
/// Shown by `Debug` and `Display` without credentials.
#[derive(Clone)]
pub struct ServerAddress {
    config: Config,
    schema: String,
    ssl_mode: SslMode,
    root_cert: Option<PathBuf>,
}

impl ServerAddress {
    /// Whether a text means to be one.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with("postgres://") || text.starts_with("postgresql://")
    }

    /// Reads an address. Errors never repeat it, because it may hold a password.
    pub fn parse(url: &str) -> Result<Self> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut schema, mut ssl_mode, mut root_cert) = (SCHEMA.to_string(), SslMode::default(), None);
        let mut kept = Vec::new();
        for parameter in query.split('&').filter(|p| !p.is_empty()) {
            match parameter.split_once('=').unwrap_or((parameter, "")) {
                ("schema", name) => schema = checked_schema(name)?,
                ("sslmode", mode) => ssl_mode = SslMode::parse(mode)?,
                // libpq's word for the operating system's authorities, which is the default here.
                ("sslrootcert", "system") => {}
                ("sslrootcert", path) => root_cert = Some(PathBuf::from(percent_decoded(path)?)),
                ("options", _) => {
                    return Err(invalid("the parameter 'options' of the state's address is not supported")
                        .help("set it for the role instead: ALTER ROLE … SET …"));
                }
                _ => kept.push(parameter),
            }
        }
        let separator = if kept.is_empty() { "" } else { "?" };
        let config: Config =
            format!("{base}{separator}{}", kept.join("&")).parse().map_err(|_| unreadable())?;
        Self { config, schema, ssl_mode, root_cert }.completed()
    }

    fn completed(mut self) -> Result<Self> {
        if self.config.get_hosts().is_empty() {
            return Err(invalid("the state's address names no host").help(FORM));
        }
        let Some(user) = self.config.get_user().filter(|user| !user.is_empty()).map(str::to_string) else {
            return Err(invalid("the state's address names no user").help(FORM));
        };
        if self.config.get_dbname().is_none() {
            self.config.dbname(user);
        }
        if self.config.get_application_name().is_none() {
            self.config.application_name("syncline");
        }
        if self.config.get_connect_timeout().is_none() {
            self.config.connect_timeout(CONNECT_TIMEOUT);
        }
        self.config
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES)
            .tcp_user_timeout(UNACKNOWLEDGED_MAX)
            .ssl_mode(match self.ssl_mode {
                SslMode::Disable => Negotiation::Disable,
                SslMode::Prefer => Negotiation::Prefer,
                SslMode::Require | SslMode::VerifyFull => Negotiation::Require,
            });
        let settings = SETTINGS.iter().map(|(name, value)| format!(" -c {name}={value}"));
        let options = format!("-c search_path={}{}", self.schema, settings.collect::<String>());
        self.config.options(options);
        Ok(self)
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// For connecting and logging in, whatever number of hosts is tried.
    pub fn connect_timeout(&self) -> Duration {
        let one = self.config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
        one.saturating_mul(u32::try_from(self.config.get_hosts().len()).unwrap_or(1))
    }

    /// `None`: not encrypted.
    pub fn tls(&self) -> Result<Option<MakeRustlsConnect>> {
        tls::connector(self.ssl_mode, self.root_cert.as_deref())
    }

    /// For messages: `the state store at db.example.com:5432/syncline, schema syncline`.
    pub fn identity(&self) -> String {
        format!("the state store at {self}")
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.config.get_ports();
        for (i, host) in self.config.get_hosts().iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let port = ports.get(i).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) if name.contains(':') => write!(f, "{comma}[{name}]:{port}")?,
                Host::Tcp(name) => write!(f, "{comma}{name}:{port}")?,
                Host::Unix(folder) => write!(f, "{comma}{}:{port}", folder.display())?,
            }
        }
        write!(f, "/{}, schema {}", self.config.get_dbname().unwrap_or_default(), self.schema)
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerAddress({self})")
    }
}

/// The name of a schema goes into settings and statements as it is, so it is a plain word.
fn checked_schema(name: &str) -> Result<String> {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if plain && starts && name.len() <= SCHEMA_BYTES_MAX && !name.starts_with("pg_") {
        return Ok(name.into());
    }
    Err(invalid("the parameter 'schema' of the state's address is not a name that Syncline uses")
        .help("use small letters, digits and _, starting with a letter, not with pg_"))
}

const FORM: &str = "write it as postgres://user:password@host:5432/database";

fn unreadable() -> Error {
    // The parser's own message may quote the password.
    invalid("the state's address cannot be read").help(format!(
        "{FORM}, with special characters of the password percent-encoded (@ as %40, / as %2F, ? as %3F)"
    ))
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}

fn percent_decoded(text: &str) -> Result<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).ok_or_else(unreadable)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| unreadable())?);
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).map_err(|_| unreadable())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> Error {
        let error = ServerAddress::parse(url).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidConfig);
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        error
    }

    #[test]
    fn an_address_names_server_database_and_schema() {
        let address = ServerAddress::parse("postgres://me:s3cret@db.example.com/shop").unwrap();
        assert_eq!(address.to_string(), "db.example.com:5432/shop, schema syncline");
        let address =
            ServerAddress::parse("postgresql://me@[::1]:6000?schema=other_1&connect_timeout=3").unwrap();
        assert_eq!(address.to_string(), "[::1]:6000/me, schema other_1");
        assert_eq!(address.connect_timeout(), Duration::from_secs(3));
        assert!(address.config().get_options().unwrap().starts_with("-c search_path=other_1 "));
    }

    #[test]
    fn nothing_that_is_shown_holds_the_password() {
        let address = ServerAddress::parse("postgres://me:s3cret@localhost/shop?sslmode=disable").unwrap();
        for shown in [format!("{address}"), format!("{address:?}"), address.identity()] {
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_refused_without_repeating_it() {
        for url in [
            "postgres://me:s3cret@localhost:port/shop",
            "postgres://me:s3cret@",
            "postgres:///shop?password=s3cret",
            "postgres://:s3cret@localhost/shop",
            "postgres://me:s3cret@localhost/shop?s3cret=1",
            "postgres://me:s3cret@localhost/shop?sslmode=s3cret",
            "postgres://me:s3cret@localhost/shop?options=-c%20s3cret=1",
            "postgres://me@localhost/shop?sslrootcert=s3cret%zz",
        ] {
            assert!(refused(url).help.is_some(), "{url}");
        }
    }

    #[test]
    fn a_schema_is_a_plain_word() {
        for name in ["", "1a", "Upper", "a\"b", "a;b", "pg_mine", "a%20b", &"a".repeat(64)] {
            refused(&format!("postgres://me:s3cret@localhost/shop?schema={name}"));
        }
    }

    #[test]
    fn paths_are_decoded() {
        assert_eq!(percent_decoded("/a%20b/%C3%BC.pem").unwrap(), "/a b/ü.pem");
        assert!(percent_decoded("%C3").is_err());
        assert!(percent_decoded("%4").is_err());
    }
}
