//! Requests to a server's API, and what its answers mean.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use syncline_api::{List, Problem};
use syncline_core::{Error, ErrorKind, Result};

/// How long a connection may take to be there.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long one request may take; streams of events are not bound by it.
const REQUEST_MAX: Duration = Duration::from_secs(120);
/// Silence that ends a stream of events: the server says something every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// Records on a page of a list that is read to its end.
pub const PER_PAGE: u64 = 200;
/// Characters of an answer that is not the API's.
const SHOWN_MAX: usize = 80;

/// A server, and who asks.
#[derive(Clone)]
pub struct Client {
    url: Url,
    token: Option<String>,
    http: reqwest::Client,
}

impl Client {
    /// `url`: the server's address, for example `http://127.0.0.1:8400`.
    pub fn new(url: &str, token: Option<String>) -> Result<Self> {
        let wrong = |why: String| {
            Error::new(ErrorKind::BadUsage, format!("--server '{url}': {why}"))
                .help("give the server's address, for example --server http://127.0.0.1:8400")
        };
        let parsed = Url::parse(url).map_err(|e| wrong(e.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
            return Err(wrong("this is no address of a server".into()));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            let error = Error::new(ErrorKind::BadUsage, "--server holds a user or a password");
            return Err(error.help("give a token with --token or SYNCLINE_TOKEN"));
        }
        // The first to install one wins; which is the same one everywhere here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_MAX)
            .read_timeout(SILENCE_MAX)
            // A token goes to the server that was named, and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("syncline/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Error::internal("the HTTP client could not be made").caused_by(e))?;
        Ok(Self { url: parsed, token, http })
    }

    /// The server's address, for people.
    pub fn address(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// Others between here and the server could read the token.
    pub fn is_open_to_others(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        self.url.scheme() == "http" && !is_here
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T> {
        self.asked(path, &[]).await
    }

    /// With parameters of the query; those without a value are left out.
    pub async fn asked<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, Option<String>)],
    ) -> Result<T> {
        self.answer(self.request(Method::GET, path, query)?.timeout(REQUEST_MAX)).await
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T> {
        self.answer(self.request(Method::POST, path, &[])?.timeout(REQUEST_MAX)).await
    }

    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T> {
        self.answer(self.request(method, path, &[])?.timeout(REQUEST_MAX).json(body)).await
    }

    pub async fn delete<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T> {
        self.answer(self.request(Method::DELETE, path, &[])?.timeout(REQUEST_MAX)).await
    }

    /// Every record of a list.
    pub async fn all<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, Option<String>)],
    ) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for page in 1.. {
            let mut query = query.to_vec();
            query.extend([("page", Some(page.to_string())), ("per_page", Some(PER_PAGE.to_string()))]);
            let list: List<T> = self.asked(path, &query).await?;
            let is_last = list.data.is_empty() || page * PER_PAGE >= list.pagination.total;
            all.extend(list.data);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Opens a stream of events, after the one with this id.
    pub async fn events(&self, path: &[&str], last: Option<&str>) -> Result<Response> {
        let mut request = self.request(Method::GET, path, &[])?.header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        self.checked(request).await
    }

    /// `path`: steps below `/api/v1`, each escaped.
    fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, Option<String>)],
    ) -> Result<RequestBuilder> {
        let mut url = self.url.clone();
        url.path_segments_mut()
            .map_err(|()| Error::internal("an address without a path"))?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path);
        for (name, value) in query {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, value);
            }
        }
        let request = self.http.request(method, url);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let answer = self.checked(request).await?;
        let text = answer.text().await.map_err(|e| self.unreachable(&e))?;
        serde_json::from_str(&text)
            .map_err(|e| self.unknown(&format!("what it answers is not known here: {e}")))
    }

    async fn checked(&self, request: RequestBuilder) -> Result<Response> {
        let answer = request.send().await.map_err(|e| self.unreachable(&e))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.map_err(|e| self.unreachable(&e))?;
        match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => Err(self.error_of(problem, status)),
            Err(_) => {
                let shown: String = text.chars().filter(|c| !c.is_control()).take(SHOWN_MAX).collect();
                Err(self.unknown(format!("it answers {status}: {shown}").trim_end_matches([' ', ':'])))
            }
        }
    }

    /// What the server says is wrong, as an error of this program.
    fn error_of(&self, problem: Problem, status: StatusCode) -> Error {
        let known = ErrorKind::ALL.into_iter().find(|kind| kind.code() == problem.code);
        let kind = known.unwrap_or(match status.is_client_error() {
            true => ErrorKind::BadUsage,
            false => ErrorKind::Internal,
        });
        let mut message = problem.detail;
        for item in problem.errors.iter().filter(|item| item.message != message).collect::<Vec<_>>() {
            let at = item.at.as_ref().map(|at| format!("{at}: ")).unwrap_or_default();
            message += &format!("\n  {at}{}", item.message);
        }
        let error = Error::new(kind, message);
        match (kind, problem.help) {
            (ErrorKind::Unauthenticated, _) => {
                let how = match self.token {
                    Some(_) => "the token may be revoked, expired or another server's",
                    None => "give one with --token or SYNCLINE_TOKEN",
                };
                error.help(format!("{how}; an admin makes one with `syncline token create`"))
            }
            (_, Some(help)) => error.help(help),
            (_, None) => error,
        }
    }

    fn unreachable(&self, e: &reqwest::Error) -> Error {
        // The innermost cause is the one that says something.
        let mut cause: &dyn std::error::Error = e;
        while let Some(next) = cause.source() {
            cause = next;
        }
        let why = if e.is_timeout() { "it does not answer in time".to_string() } else { cause.to_string() };
        Error::new(
            ErrorKind::StateUnreachable,
            format!("the server at {} cannot be reached: {why}", self.address()),
        )
        .help("is it running, and is this its address? `syncline serve` prints it")
    }

    fn unknown(&self, why: &str) -> Error {
        Error::new(
            ErrorKind::BadUsage,
            format!("{} is no Syncline server of this version: {why}", self.address()),
        )
        .help("--server takes the address that `syncline serve` prints")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(url: &str) -> Client {
        Client::new(url, Some("sl_x_y".into())).unwrap()
    }

    #[test]
    fn paths_are_escaped_below_whatever_the_server_is_served_under() {
        let made = |url: &str| {
            let request = client(url).request(Method::GET, &["syncs", "a.b", "records", "x/y?z"], &[]);
            request.unwrap().build().unwrap().url().to_string()
        };
        assert_eq!(made("http://h:1"), "http://h:1/api/v1/syncs/a.b/records/x%2Fy%3Fz");
        assert_eq!(made("https://h/sync/"), "https://h/sync/api/v1/syncs/a.b/records/x%2Fy%3Fz");
    }

    #[test]
    fn addresses_that_cannot_be_meant_are_refused_without_their_password() {
        for url in ["", "localhost:8400", "ftp://h", "http://me:s3cret@h"] {
            let e = Client::new(url, None).err().unwrap();
            assert_eq!(e.kind, ErrorKind::BadUsage);
            assert!(!e.to_string().contains("s3cret"), "{e}");
        }
    }

    #[test]
    fn a_token_is_open_to_others_only_beyond_this_machine() {
        for (url, open) in [
            ("http://127.0.0.1:1", false),
            ("http://[::1]:1", false),
            ("http://localhost", false),
            ("https://sync.example.com", false),
            ("http://10.0.0.1", true),
        ] {
            assert_eq!(client(url).is_open_to_others(), open, "{url}");
        }
    }
}
