//! The options of a PostgreSQL connection, and what they resolve to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use syncline_connector::ConnectionConfig;
use syncline_core::{Error, ErrorKind, Result};
use tokio_postgres::config::{Host, SslMode as Negotiation};

use super::tls::Tls;

/// How long a connection attempt may take when the options do not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A peer that vanished without a word (a dropped NAT entry, a powered-off host) is noticed after
/// idle + interval × retries, instead of after the two hours that systems default to.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// Parameters of a URL's query that are passed on as they are.
const URL_PARAMETERS: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// A PostgreSQL server, 12 or newer.
// No `Debug`: the URL and the password are secrets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database?sslmode=…`, with the parameters libpq knows.
    /// Give this, or `host`, `user` and so on.
    #[schemars(extend("writeOnly" = true, "x-path-parameters" = ["sslrootcert"]))]
    url: Option<String>,
    /// Name or address of the server, or the folder of its socket (starting with `/`).
    host: Option<String>,
    /// Port of the server; 5432 when not given.
    port: Option<u16>,
    /// Name of the database; the same as `user` when not given.
    database: Option<String>,
    /// Role to connect as.
    user: Option<String>,
    /// Password of the role. May also stand beside `url`.
    #[schemars(extend("writeOnly" = true))]
    password: Option<String>,
    /// Whether the connection is encrypted and the server's certificate verified; `prefer` when
    /// not given.
    ssl_mode: Option<SslMode>,
    /// PEM file with the certificates of the authorities that are trusted, relative to the project.
    /// Without it `verify-full` trusts the authorities that the operating system trusts.
    #[schemars(extend("x-path" = true))]
    ssl_root_cert: Option<PathBuf>,
    /// How long connecting may take, such as `10s`; ten seconds when not given.
    #[schemars(with = "Option<String>")]
    connect_timeout: Option<SignedDuration>,
    /// How the connection calls itself in `pg_stat_activity`; `syncline` when not given.
    application_name: Option<String>,
    /// Existing schema for Syncline's own tables at a target (`_syncline_ledger`,
    /// `_syncline_fence`). When not given, they are made beside the target table.
    ledger_schema: Option<String>,
    /// How long one statement that writes may take, such as `5m`. When not given, the server's own
    /// setting counts. Reading is bounded by the model's `timeout`.
    #[schemars(with = "Option<String>")]
    statement_timeout: Option<SignedDuration>,
}

/// Encryption of a connection, as libpq's `sslmode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted when the server offers it. Nothing is verified, so this protects against
    /// listening, not against somebody who poses as the server.
    #[default]
    Prefer,
    /// Encrypted or not at all. The certificate is verified only when `ssl_root_cert` is given.
    Require,
    /// Encrypted, with a certificate issued by an authority of `ssl_root_cert`, for any host name.
    VerifyCa,
    /// Encrypted, with a certificate from a trusted authority for this very host name.
    VerifyFull,
}

impl SslMode {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "disable" => SslMode::Disable,
            "prefer" | "allow" => SslMode::Prefer,
            "require" => SslMode::Require,
            "verify-ca" => SslMode::VerifyCa,
            "verify-full" => SslMode::VerifyFull,
            _ => return None,
        })
    }
}

/// Options checked and resolved: everything needed to connect.
// No `Debug`: it holds the password.
pub struct Settings {
    /// What the driver connects with.
    pub config: tokio_postgres::Config,
    pub tls: Tls,
    /// How long connecting may take as a whole, for each host.
    pub connect_timeout: Duration,
    /// Schema of Syncline's own tables; `None`: that of the target table.
    pub ledger_schema: Option<String>,
    /// Limit of one writing statement; `None`: the server's setting.
    pub statement_timeout: Option<Duration>,
}

impl Settings {
    /// Reads and checks the options of a connection.
    ///
    /// Fails with [`ErrorKind::InvalidConfig`], naming the connection and the option, never a value
    /// that could hold a secret.
    pub fn new(connection: &ConnectionConfig) -> Result<Self> {
        let options: PostgresOptions = connection.parse()?;
        Self::resolve(options, &connection.base_dir)
            .map_err(|e| e.context(format_args!("connection '{}'", connection.name)))
    }

    fn resolve(options: PostgresOptions, base_dir: &Path) -> Result<Self> {
        let mut ssl_mode = options.ssl_mode;
        let mut root_cert = options.ssl_root_cert;
        let mut config = match &options.url {
            Some(url) => {
                refuse_beside_url(&options.host, "host")?;
                refuse_beside_url(&options.port, "port")?;
                refuse_beside_url(&options.database, "database")?;
                refuse_beside_url(&options.user, "user")?;
                let url = Url::split(url)?;
                ssl_mode = ssl_mode.or(url.ssl_mode);
                root_cert = root_cert.or(url.root_cert);
                url.config
            }
            None => {
                let mut config = tokio_postgres::Config::new();
                let host = options.host.as_deref().ok_or_else(|| missing("host"))?;
                config.host(host).port(options.port.unwrap_or(5432));
                if let Some(database) = &options.database {
                    config.dbname(database);
                }
                if let Some(user) = &options.user {
                    config.user(user);
                }
                config
            }
        };
        if let Some(password) = &options.password {
            config.password(password);
        }
        if config.get_hosts().is_empty() {
            return Err(missing("host"));
        }
        let user = config.get_user().ok_or_else(|| missing("user"))?.to_string();
        if config.get_dbname().is_none() {
            config.dbname(user);
        }
        if let Some(name) = &options.application_name {
            config.application_name(name);
        } else if config.get_application_name().is_none() {
            config.application_name("syncline");
        }
        let connect_timeout = match options.connect_timeout {
            Some(wanted) => positive(wanted, "connect_timeout")?,
            None => config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT),
        };
        config.connect_timeout(connect_timeout);
        keep_alive(&mut config);

        let ssl_mode = ssl_mode.unwrap_or_default();
        config.ssl_mode(match ssl_mode {
            SslMode::Disable => Negotiation::Disable,
            SslMode::Prefer => Negotiation::Prefer,
            _ => Negotiation::Require,
        });
        let tls = Tls::new(ssl_mode, root_cert.map(|path| base_dir.join(path)))?;
        Ok(Self {
            config,
            tls,
            connect_timeout,
            ledger_schema: options.ledger_schema,
            statement_timeout: options
                .statement_timeout
                .map(|t| positive(t, "statement_timeout"))
                .transpose()?,
        })
    }

    /// Host and port of each server, for messages: `db.example.com:5432`.
    pub fn address(&self) -> String {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(i, host)| {
            let port = ports.get(i).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(folder) => format!("{}:{port}", folder.display()),
            }
        });
        hosts.collect::<Vec<_>>().join(",")
    }

    pub fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or_default()
    }

    pub fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }

    /// Names the system without secrets: `db.example.com:5432/shop`.
    pub fn identity(&self) -> String {
        format!("{}/{}", self.address(), self.database())
    }
}

/// A connection URL with the parameters that the driver does not know taken out of it.
struct Url {
    config: tokio_postgres::Config,
    ssl_mode: Option<SslMode>,
    root_cert: Option<PathBuf>,
}

impl Url {
    fn split(url: &str) -> Result<Self> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(invalid("option 'url' does not start with postgres://")
                .help("write it as postgres://user:password@host:5432/database"));
        }
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let mut ssl_mode = None;
        let mut root_cert = None;
        let mut kept = String::from(address);
        for parameter in query.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name {
                "sslmode" => {
                    ssl_mode = Some(SslMode::parse(value).ok_or_else(|| {
                        invalid("option 'url': sslmode has an unknown value")
                            .help("use disable, prefer, require, verify-ca or verify-full")
                    })?);
                }
                // libpq's word for the operating system's authorities, which is our default.
                "sslrootcert" if value == "system" => {}
                "sslrootcert" => root_cert = Some(PathBuf::from(percent_decoded(value)?)),
                _ if URL_PARAMETERS.contains(&name) => {
                    kept.push(if kept.len() == address.len() { '?' } else { '&' });
                    kept.push_str(parameter);
                }
                // A '?' in an unescaped password ends up here too: only plain words are repeated.
                _ if name.len() <= 30 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') => {
                    return Err(invalid(format!("option 'url': parameter '{name}' is not known")).help(
                        format!("remove it; known are sslmode, sslrootcert, {}", URL_PARAMETERS.join(", ")),
                    ));
                }
                _ => return Err(unreadable_url()),
            }
        }
        let config = kept.parse().map_err(|_| unreadable_url())?;
        Ok(Self { config, ssl_mode, root_cert })
    }
}

fn unreadable_url() -> Error {
    // The parser's own message may quote the URL, and with it the password.
    invalid("option 'url' cannot be read").help(
        "write it as postgres://user:password@host:5432/database, with special characters of the \
         password percent-encoded (@ as %40, / as %2F, ? as %3F), or give the password by itself \
         in 'password'",
    )
}

fn keep_alive(config: &mut tokio_postgres::Config) {
    let system_default = tokio_postgres::Config::new().get_keepalives_idle();
    if config.get_keepalives_idle() == system_default {
        config.keepalives_idle(KEEPALIVE_IDLE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(KEEPALIVE_INTERVAL);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(KEEPALIVE_RETRIES);
    }
}

fn percent_decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%').then(|| {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            u8::from_str_radix(digits, 16).ok()
        });
        match escaped {
            None => {
                bytes.push(first);
                rest = tail;
            }
            Some(Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            Some(None) => return Err(unreadable_url()),
        }
    }
    String::from_utf8(bytes).map_err(|_| unreadable_url())
}

fn positive(duration: SignedDuration, option: &str) -> Result<Duration> {
    Duration::try_from(duration).ok().filter(|d| !d.is_zero()).ok_or_else(|| {
        invalid(format!("option '{option}' is not a positive duration")).help("write for example 30s")
    })
}

fn refuse_beside_url<T>(option: &Option<T>, name: &str) -> Result<()> {
    match option {
        None => Ok(()),
        Some(_) => Err(invalid(format!("option '{name}' stands beside 'url', which says it already"))
            .help(format!("remove '{name}', or give host, port, database and user instead of 'url'"))),
    }
}

fn missing(option: &str) -> Error {
    invalid(format!("option '{option}' is missing"))
        .help("give 'url' (postgres://user:password@host:5432/database), or 'host' and 'user'")
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(options: serde_json::Value) -> Result<Settings> {
        let serde_json::Value::Object(options) = options else { panic!("options are an object") };
        Settings::new(&ConnectionConfig {
            name: "shop".into(),
            type_name: "postgres".into(),
            options,
            base_dir: "/project".into(),
        })
    }

    fn refusal(options: serde_json::Value) -> Error {
        match settings(options) {
            Ok(_) => panic!("these options must be refused"),
            Err(e) => e,
        }
    }

    #[test]
    fn a_url_and_separate_options_name_the_same_system() {
        let by_url =
            settings(json!({"url": "postgres://reader:s%40crt@db.example.com:5433/shop?sslmode=disable"}));
        let by_options = settings(json!({
            "host": "db.example.com", "port": 5433, "database": "shop", "user": "reader",
            "password": "s@crt", "ssl_mode": "disable",
        }));
        for settings in [by_url.unwrap(), by_options.unwrap()] {
            assert_eq!(settings.identity(), "db.example.com:5433/shop");
            assert_eq!(settings.user(), "reader");
            assert_eq!(settings.config.get_password(), Some(b"s@crt".as_slice()));
            assert_eq!(settings.config.get_ssl_mode(), Negotiation::Disable);
            assert_eq!(settings.connect_timeout, CONNECT_TIMEOUT);
        }
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let settings = settings(json!({"host": "::1", "user": "reader"})).unwrap();
        assert_eq!(settings.identity(), "[::1]:5432/reader");
        assert_eq!(settings.config.get_ssl_mode(), Negotiation::Prefer);
        assert_eq!(settings.config.get_application_name(), Some("syncline"));
        assert_eq!(settings.ledger_schema, None);
    }

    #[test]
    fn durations_are_written_for_people() {
        let settings =
            settings(json!({"host": "h", "user": "u", "connect_timeout": "3s", "statement_timeout": "5m"}))
                .unwrap();
        assert_eq!(settings.connect_timeout, Duration::from_secs(3));
        assert_eq!(settings.statement_timeout, Some(Duration::from_secs(300)));
        let error = refusal(json!({"host": "h", "user": "u", "connect_timeout": "-3s"}));
        assert!(error.message.contains("connect_timeout"), "{error}");
    }

    #[test]
    fn mistakes_name_the_connection_and_the_option() {
        for (options, expected) in [
            (json!({}), "'host' is missing"),
            (json!({"host": "h"}), "'user' is missing"),
            (json!({"url": "postgres://h/db"}), "'user' is missing"),
            (json!({"url": "mysql://u@h/db"}), "does not start with postgres://"),
            (json!({"url": "postgres://u@h/db", "host": "h"}), "'host' stands beside 'url'"),
            (json!({"url": "postgres://u@h/db?sslmode=maybe"}), "sslmode has an unknown value"),
            (json!({"url": "postgres://u@h/db?pgbouncer=true"}), "parameter 'pgbouncer' is not known"),
            (json!({"hots": "h"}), "hots"),
            (json!({"host": "h", "user": "u", "ssl_mode": "sure"}), "sure"),
            (json!({"host": "h", "user": "u", "ssl_mode": "verify-ca"}), "ssl_root_cert"),
        ] {
            let error = refusal(options);
            assert_eq!(error.kind, ErrorKind::InvalidConfig);
            assert!(error.message.starts_with("connection 'shop'"), "{error}");
            assert!(error.message.contains(expected), "{error} should contain {expected}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_read_is_never_repeated() {
        for url in ["postgres://u:pa?canary@h/db", "postgres://u:canary@h:port/db"] {
            let error = refusal(json!({ "url": url }));
            let shown = format!("{error} {:?} {error:?}", error.help);
            assert!(!shown.contains("canary"), "{shown}");
        }
    }

    #[test]
    fn a_root_certificate_is_looked_for_in_the_project() {
        let error =
            refusal(json!({"url": "postgres://u@h/db?sslmode=verify-ca&sslrootcert=certs%2Froot.pem"}));
        assert!(error.message.contains("/project/certs/root.pem"), "{error}");
    }

    #[test]
    fn the_schema_documents_every_option() {
        let schema = serde_json::Value::from(schemars::schema_for!(PostgresOptions));
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(schema["additionalProperties"], json!(false));
        for (name, property) in properties {
            assert!(property["description"].is_string(), "{name} has no description");
        }
        assert_eq!(properties["password"]["writeOnly"], json!(true));
    }
}
