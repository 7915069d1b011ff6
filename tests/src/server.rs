//! The program as a server, and a client of its API.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value as Json, json};
use tokio::runtime::Runtime;

use crate::project::Project;

/// Longest wait for something that has to happen.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// `syncline serve`, on a free port.
pub struct Server {
    process: Child,
    _output: BufReader<ChildStdout>,
    pub client: Client,
    /// The token that a new state got.
    pub first_token: Option<String>,
}

impl Server {
    pub fn start(project: &Project) -> Server {
        Self::start_with(project, &[])
    }

    /// Starts it with more arguments.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start_with(project: &Project, arguments: &[&str]) -> Server {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0", "--output", "json"];
        all.extend(arguments);
        let mut process = project
            .command(&all)
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("start the server");
        let mut output = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let mut text = String::new();
        let said: Json = loop {
            assert!(output.read_line(&mut text).expect("its first words") > 0, "it did not come up: {text}");
            if let Ok(said) = serde_json::from_str(&text) {
                break said;
            }
        };
        let url = said["url"].as_str().expect("its address").to_string();
        let first_token = said["first_token"].as_str().map(str::to_string);
        let token = first_token.clone().unwrap_or_else(|| local_token(&said));
        Server { process, _output: output, client: Client::new(&url, &token), first_token }
    }

    /// Asks for the end as a supervisor does; the exit code.
    pub fn terminate(mut self) -> Option<i32> {
        signal(&self.process, "TERM");
        self.wait()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn signal(&self, name: &str) {
        signal(&self.process, name);
    }

    pub fn wait(&mut self) -> Option<i32> {
        self.process.wait().expect("its end").code()
    }

    /// Ends it as a crash does.
    pub fn kill(mut self) {
        self.process.kill().expect("kill the server");
        self.process.wait().expect("its end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The token of commands on this machine, from the file in the state folder.
fn local_token(said: &Json) -> String {
    let state = std::path::Path::new(said["state"].as_str().expect("its state"));
    let text = std::fs::read_to_string(state.join("server.json")).unwrap_or_default();
    let file: Json = serde_json::from_str(&text).unwrap_or_default();
    file["token"].as_str().unwrap_or_default().to_string()
}

fn signal(process: &Child, name: &str) {
    let status = std::process::Command::new("kill")
        .args([format!("-{name}"), process.id().to_string()])
        .status()
        .expect("send a signal");
    assert!(status.success(), "SIG{name} could not be sent");
}

/// A client of the API.
pub struct Client {
    pub url: String,
    pub token: String,
    runtime: Runtime,
    http: reqwest::Client,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    /// # Panics
    ///
    /// When it is not JSON.
    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// Its JSON, which has to be of this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Json {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Json::Null } else { self.json() }
    }

    /// The code of its problem, which has to be of this status.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        let problem = self.expect(status);
        let kind = self.headers.get("content-type").and_then(|value| value.to_str().ok());
        assert_eq!(kind, Some("application/problem+json"), "{problem}");
        assert_eq!(problem["status"], status);
        problem["code"].as_str().expect("a problem has a code").to_string()
    }
}

impl Client {
    pub fn new(url: &str, token: &str) -> Self {
        // The first to install one wins; which is the same one everywhere here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { url: url.into(), token: token.into(), runtime, http }
    }

    /// The same server for another caller; an empty token sends none.
    pub fn with_token(&self, token: &str) -> Self {
        Self::new(&self.url, token)
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let base = match ["/api/", "/metrics", "/healthz", "/readyz"].iter().any(|p| path.starts_with(p)) {
            true => "",
            false => "/api/v1",
        };
        let request = self.http.request(method, format!("{}{base}{path}", self.url));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    /// Sends any request. Paths that do not name `/api` are below `/api/v1`.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
        let mut request = self.request(method, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap_or_else(|e| panic!("{method} {path}: {e}"));
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Answer { status, headers, text: answer.text().await.expect("a body") }
        })
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    pub fn post(&self, path: &str, body: Json) -> Answer {
        self.with_json("POST", path, body)
    }

    pub fn with_json(&self, method: &str, path: &str, body: Json) -> Answer {
        match body {
            Json::Null => self.send(method, path, &[], None),
            body => self.send(method, path, &[("content-type", "application/json")], Some(body.to_string())),
        }
    }

    /// Triggers a run and waits for its end.
    #[track_caller]
    pub fn run(&self, sync: &str, request: Json) -> Json {
        let run = self.post(&format!("/syncs/{sync}/trigger"), request).expect(202);
        self.ended(run["id"].as_str().expect("a run has an id"))
    }

    /// Waits until a run has ended or is held.
    #[track_caller]
    pub fn ended(&self, run: &str) -> Json {
        self.until(&format!("/runs/{run}"), |run| {
            !["scheduled", "queued", "starting", "running"].contains(&run["status"].as_str().unwrap_or(""))
        })
    }

    /// Looks at a page until it is as wanted.
    #[track_caller]
    pub fn until(&self, path: &str, wanted: impl Fn(&Json) -> bool) -> Json {
        let began = Instant::now();
        loop {
            let seen = self.get(path).expect(200);
            if wanted(&seen) {
                return seen;
            }
            assert!(began.elapsed() < WAIT_MAX, "{path} stays {seen}");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Listens to server-sent events.
    pub fn listen(&self, path: &str, last: Option<&str>) -> Events<'_> {
        let mut request = self.request("GET", path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = self.runtime.block_on(request.send()).expect("a stream");
        assert_eq!(answer.status().as_u16(), 200);
        Events { client: self, answer, text: String::new() }
    }
}

/// A stream of server-sent events.
pub struct Events<'a> {
    client: &'a Client,
    answer: reqwest::Response,
    text: String,
}

#[derive(Clone, Debug)]
pub struct Event {
    pub id: Option<String>,
    pub kind: String,
    pub data: Json,
}

impl Events<'_> {
    /// The next event; comments are passed over. `None`: the server ended the stream.
    #[track_caller]
    pub fn next_event(&mut self) -> Option<Event> {
        let began = Instant::now();
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let frame: String = self.text.drain(..end + 2).collect();
                match parse(&frame) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = self.client.runtime.block_on(async {
                let left = WAIT_MAX.saturating_sub(began.elapsed());
                tokio::time::timeout(left, self.answer.chunk()).await.expect("no event came in time")
            });
            match chunk {
                Ok(Some(chunk)) => self.text.push_str(&String::from_utf8_lossy(&chunk)),
                Ok(None) | Err(_) => return None,
            }
        }
    }
}

fn parse(frame: &str) -> Option<Event> {
    let field = |name: &str| {
        frame.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_string))
    };
    let data = field("data")?;
    Some(Event {
        id: field("id"),
        kind: field("event").unwrap_or_default(),
        data: serde_json::from_str(&data).unwrap_or_else(|_| json!(data)),
    })
}
