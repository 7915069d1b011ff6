//! The client that everything the product sends goes through.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Method, StatusCode, Url};
use syncline_core::{Error, ErrorKind, Result};

use crate::address::Reach;
use crate::resolve::{Guarded, Refused, Resolver, SystemResolver};
use crate::tls;

/// Until a connection stands: name, TCP and TLS.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From the first byte sent to the last byte read, redirects included.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest body that is read, in bytes.
pub const RESPONSE_BYTES_MAX: usize = 1 << 20;
/// Most redirects of one request.
pub const REDIRECTS_MAX: u32 = 3;

/// How the requests of one use are sent.
#[derive(Clone)]
pub struct Options {
    /// Who sends, in log messages: `notifications`, for example.
    pub purpose: String,
    pub reach: Reach,
    pub connect_timeout: Duration,
    pub total_timeout: Duration,
    pub response_bytes_max: usize,
    /// A proxy that the operator named. It may be anywhere, resolves the names itself, and is then
    /// the one that has to refuse addresses; only addresses written in URLs are still judged here.
    /// Variables of the environment are never read.
    pub proxy: Option<Url>,
    /// Certificates of further authorities, as PEM.
    pub roots_pem: Option<Vec<u8>>,
    /// Accepts every certificate. Whoever sits on the way can read and change what is sent.
    pub accept_any_certificate: bool,
    pub resolver: Arc<dyn Resolver>,
}

impl Options {
    pub fn new(purpose: impl Into<String>, reach: Reach) -> Self {
        Self {
            purpose: purpose.into(),
            reach,
            connect_timeout: CONNECT_TIMEOUT,
            total_timeout: TOTAL_TIMEOUT,
            response_bytes_max: RESPONSE_BYTES_MAX,
            proxy: None,
            roots_pem: None,
            accept_any_certificate: false,
            resolver: Arc::new(SystemResolver),
        }
    }
}

/// A request as a value, so that it can be sent again after a redirect.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// An answer whose body was not read yet; dropping it gives up the rest.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    response: reqwest::Response,
    bytes_max: usize,
}

/// Sends requests to addresses that may be reached, and to no other.
///
/// - The addresses that a name resolves to are judged and then dialled, all of them or none [S7].
///   Addresses written in a URL are judged too, in every spelling.
/// - Only `http` and `https`; a URL with a user or password is refused, because it would end up in
///   logs.
/// - A redirect is followed to the same scheme, host and port only, at most [`REDIRECTS_MAX`] times,
///   and only where that keeps the method. Any other is the answer.
/// - Nothing is decompressed.
///
/// Errors: `address_refused`; `invalid_config` for a URL that cannot be used; `destination_unreachable`
/// for everything on the way, timeouts and certificates included; `too_large`. No message holds more
/// of a URL than its host, because paths and queries may be secrets.
#[derive(Clone)]
pub struct Outbound {
    client: reqwest::Client,
    options: Options,
}

impl Outbound {
    pub fn new(options: Options) -> Result<Self> {
        let tls = if options.accept_any_certificate {
            tracing::warn!(
                purpose = options.purpose,
                "TLS certificates are NOT verified: whoever is on the way can read and change what is sent"
            );
            tls::unverified()?
        } else {
            tls::verified(options.roots_pem.as_deref())?
        };
        let resolver = Guarded {
            resolver: options.resolver.clone(),
            reach: options.reach,
            proxy: options.proxy.as_ref().and_then(Url::host_str).map(Into::into),
        };
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(resolver))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(options.connect_timeout)
            .timeout(options.total_timeout)
            .user_agent(concat!("syncline/", env!("CARGO_PKG_VERSION")))
            .no_proxy();
        if let Some(proxy) = &options.proxy {
            let proxy = reqwest::Proxy::all(proxy.clone())
                .map_err(|e| invalid("the proxy's URL cannot be used").caused_by(e.without_url()))?;
            builder = builder.proxy(proxy);
        }
        let client = builder
            .build()
            .map_err(|e| Error::internal("the HTTP client cannot be built").caused_by(e.without_url()))?;
        Ok(Self { client, options })
    }

    /// Whether a URL may be requested, as far as can be told without looking up its name.
    pub fn check_url(&self, url: &Url) -> Result<()> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("this is no URL of HTTP").help("start it with https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("the URL holds a user or password")
                .help("give credentials where they are asked for; a URL ends up in logs"));
        }
        // The URL parser has turned every spelling of an IPv4 address into the plain one.
        match literal(url) {
            Some(address) => self.options.reach.check(address).map_err(|e| e.context("the URL")),
            None => Ok(()),
        }
    }

    /// Sends a request and waits for the head of its answer, whatever its status.
    pub async fn send(&self, request: &Request) -> Result<Reply> {
        let sent = tokio::time::timeout(self.options.total_timeout, self.follow(request));
        sent.await.unwrap_or_else(|_| Err(self.timed_out(&request.url)))
    }

    async fn follow(&self, request: &Request) -> Result<Reply> {
        let mut url = request.url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let reply = self.send_once(request, &url).await?;
            match target(&reply, &url, &request.method) {
                Some(next) => url = next,
                None => return Ok(reply),
            }
        }
        let host = host(&url);
        Err(Error::new(
            ErrorKind::DestinationUnreachable,
            format!("{host} redirects more than {REDIRECTS_MAX} times"),
        ))
    }

    async fn send_once(&self, request: &Request, url: &Url) -> Result<Reply> {
        self.check_url(url)?;
        let built = self
            .client
            .request(request.method.clone(), url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone());
        let response = built.send().await.map_err(|e| self.error(e, url))?;
        Ok(Reply {
            status: response.status(),
            headers: response.headers().clone(),
            response,
            bytes_max: self.options.response_bytes_max,
        })
    }

    fn error(&self, error: reqwest::Error, url: &Url) -> Error {
        if let Some(refused) = refusal(&error) {
            return refused;
        }
        if error.is_timeout() && !error.is_connect() {
            return self.timed_out(url);
        }
        unreachable(error, &host(url))
    }

    fn timed_out(&self, url: &Url) -> Error {
        let seconds = self.options.total_timeout.as_secs_f64();
        Error::new(ErrorKind::DestinationUnreachable, format!("{} did not answer in {seconds} s", host(url)))
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Reads the body; `too_large` as soon as it is longer than may be.
    pub async fn bytes(mut self) -> Result<Bytes> {
        let host = host(self.response.url());
        let mut body = BytesMut::new();
        while let Some(part) = self.response.chunk().await.map_err(|e| unreachable(e, &host))? {
            if body.len() + part.len() > self.bytes_max {
                return Err(Error::new(
                    ErrorKind::TooLarge,
                    format!("the answer of {host} is longer than {} bytes", self.bytes_max),
                ));
            }
            body.extend_from_slice(&part);
        }
        Ok(body.freeze())
    }
}

/// Where a redirect leads, if it is one that is followed.
fn target(reply: &Reply, from: &Url, method: &Method) -> Option<Url> {
    let keeps_method = match reply.status.as_u16() {
        307 | 308 => true,
        301..=303 => matches!(*method, Method::GET | Method::HEAD),
        _ => false,
    };
    let next = from.join(reply.headers.get(LOCATION)?.to_str().ok()?).ok()?;
    let same = next.origin() == from.origin();
    (keeps_method && same).then_some(next)
}

fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or("the server").to_string()
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}

/// The refusal of the resolver among the causes.
fn refusal(error: &reqwest::Error) -> Option<Error> {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if let Some(Refused(refused)) = cause.downcast_ref() {
            let again = Error::new(refused.kind, refused.message.clone());
            return Some(match &refused.help {
                Some(help) => again.help(help.clone()),
                None => again,
            });
        }
        next = cause.source();
    }
    None
}

fn unreachable(error: reqwest::Error, host: &str) -> Error {
    let message = if error.is_connect() {
        format!("{host} cannot be reached")
    } else if error.is_timeout() {
        format!("{host} did not finish its answer in time")
    } else {
        format!("the exchange with {host} broke off")
    };
    Error::new(ErrorKind::DestinationUnreachable, message).caused_by(error.without_url())
}
