//! A server that counts, and a resolver that answers as it is told.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use syncline_http::{HeaderMap, Method, Options, Outbound, Reach, Request, Resolver, Url};

/// Every answer but the last is given once.
pub struct Answers {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    pub lookups: AtomicUsize,
}

impl Answers {
    pub fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(parsed).collect()),
            lookups: AtomicUsize::new(0),
        })
    }
}

#[async_trait::async_trait]
impl Resolver for Answers {
    async fn lookup(&self, _name: &str) -> std::io::Result<Vec<IpAddr>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Ok(answer.unwrap_or_default())
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub requests: Arc<AtomicUsize>,
}

impl Server {
    pub async fn start(routes: Router) -> Self {
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = requests.clone();
        let routes = routes.layer(axum::middleware::from_fn(
            move |request: axum::extract::Request, next: axum::middleware::Next| {
                counter.fetch_add(1, Ordering::SeqCst);
                next.run(request)
            },
        ));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, requests }
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub fn url(&self, host: &str, path: &str) -> Url {
        format!("http://{host}:{}{path}", self.address.port()).parse().unwrap()
    }
}

/// Names resolve to this machine, which may be reached.
pub fn local_options() -> Options {
    Options { resolver: Answers::new(&[&["127.0.0.1"]]), ..Options::new("tests", Reach::Loopback) }
}

pub fn outbound(options: Options) -> Outbound {
    Outbound::new(options).unwrap()
}

pub fn request(method: Method, url: Url) -> Request {
    Request { method, url, headers: HeaderMap::new(), body: "{}".into() }
}

pub fn get(url: Url) -> Request {
    request(Method::GET, url)
}

/// The message and those of all its causes.
pub fn told(error: &syncline_core::Error) -> String {
    let mut text = format!("{error} {}", error.help.as_deref().unwrap_or_default());
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text += &format!(": {cause} {cause:?}");
        next = cause.source();
    }
    text
}
