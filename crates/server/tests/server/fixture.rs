//! A server in this process over a temporary project, and a small client for its API.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use syncline_server::keyring::Keyring;
use syncline_server::{Clocks, Listen, Options, Server};
use syncline_store::{Catalog, FileStore, SqliteStore};
use tempfile::TempDir;

/// Longest that a test waits for something that happens by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Two SQLite databases, and the sync `shop.contact` between them.
pub const PROJECT: &str = "\
connections:
  warehouse: { type: sqlite, path: source.db }
  crm: { type: sqlite, path: target.db }
";
pub const SHOP: &str = "\
instance: shop
source: warehouse
target: crm
entities:
  contact:
    model: { table: customers, key: id }
    to: { object: contacts, match: external_id }
    mapping:
      external_id: id
      email: lower(email)
";

/// The database of the server's state, in the project.
pub const STATE: &str = "state/state.db";

/// A project folder; it outlives the servers that are started on it.
pub struct Project {
    folder: TempDir,
    /// As in the variable; without it, the key file has one.
    keys: Option<String>,
    /// Folder of the web app; without it, what was built in.
    web: Option<PathBuf>,
}

/// A server on a project, asked with its administrator's token.
pub struct World {
    pub project: Project,
    pub client: Client,
    server: Server,
}

impl Project {
    /// The project of [`PROJECT`] and [`SHOP`], its source with three customers, its targets empty.
    pub fn new() -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), keys: None, web: None };
        project.write("syncline.yaml", PROJECT);
        project.write("syncs/shop.yaml", SHOP);
        project.sql(
            "source.db",
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT);
             INSERT INTO customers VALUES (1, 'Ann@Example.com', 'Ann'), (2, 'Bob@Example.com', 'Bob'),
                 (3, 'Cy@Example.com', NULL);
             CREATE TABLE orders (number TEXT PRIMARY KEY, customer INTEGER NOT NULL);",
        );
        project.sql(
            "target.db",
            "CREATE TABLE contacts (external_id INTEGER PRIMARY KEY, email TEXT NOT NULL);
             CREATE TABLE people (external_id INTEGER PRIMARY KEY, email TEXT NOT NULL);",
        );
        project
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Executes statements in one of the project's databases.
    pub fn sql(&self, database: &str, statements: &str) {
        rusqlite::Connection::open(self.path(database)).unwrap().execute_batch(statements).unwrap();
    }

    /// The number that a query gives.
    pub fn count(&self, database: &str, query: &str) -> i64 {
        let database = rusqlite::Connection::open(self.path(database)).unwrap();
        database.query_row(query, [], |row| row.get(0)).unwrap()
    }

    /// Every file of the server's state, read as a whole.
    pub fn state_bytes(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.path("state")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push((path.clone(), std::fs::read(path).unwrap())),
                }
            }
        }
        files
    }

    /// The keys of the servers that are started from now on.
    pub fn with_keys(self, keys: &str) -> Self {
        Self { keys: Some(keys.into()), ..self }
    }

    /// With the web app's files in a folder of the project.
    pub fn with_web(self, folder: &str) -> Self {
        let web = Some(self.path(folder));
        Self { web, ..self }
    }

    /// Starts a server on the project.
    pub async fn serve(self) -> World {
        let store = self.store();
        self.serve_with(store, false).await
    }

    pub fn store(&self) -> Arc<dyn Catalog> {
        Arc::new(SqliteStore::open(&self.path("state")).unwrap())
    }

    /// Starts a server on a state that others may share.
    pub async fn serve_with(self, store: Arc<dyn Catalog>, shared: bool) -> World {
        let (server, client) = self.server(store, shared).await;
        World { project: self, client, server }
    }

    pub async fn server(&self, store: Arc<dyn Catalog>, shared: bool) -> (Server, Client) {
        let state = self.path("state");
        let options = Options {
            store,
            files: FileStore::new(&state),
            state: "sqlite",
            shared,
            project: self.folder.path().to_path_buf(),
            environment: None,
            registry: Arc::new(syncline_connectors::registry()),
            keyring: Some(Arc::new(Keyring::open(self.keys.as_deref(), Some(&state)).unwrap())),
            scratch: state.join("scratch"),
            memory_budget: 256 << 20,
            parallel: 2,
            version: "test",
            drain: Duration::from_secs(30),
            listen: Some(Listen {
                address: ([127, 0, 0, 1], 0).into(),
                tls: None,
                accept_plain: false,
                web: self.web.clone(),
            }),
            clocks: Clocks::system(),
        };
        let server = Server::start(options).await.unwrap();
        let client = Client::new(&format!("http://{}", server.address.unwrap()), server.local_token());
        (server, client)
    }
}

impl World {
    /// A server on a new project.
    pub async fn start() -> Self {
        Project::new().serve().await
    }

    /// Ends the server; the project stays as it is.
    pub async fn stop(self) -> Project {
        self.server.stop();
        self.server.ended().await.unwrap();
        self.project
    }

    /// The run once it has ended.
    pub async fn ended(&self, run: &str) -> Value {
        let path = format!("/runs/{run}");
        let is_over = |run: &Value| !run["completed_at"].is_null();
        self.client.until(&path, is_over).await
    }
}

/// Asks the API, with a token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// What was answered.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub etag: Option<String>,
    /// As it came.
    pub text: String,
    /// The same as JSON; null if it is none.
    pub body: Value,
}

impl Client {
    pub fn new(url: &str, token: &str) -> Self {
        // The first to install one wins; which is the same one everywhere here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, base: format!("{url}/api/v1"), token: token.into() }
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>, if_match: &str) -> Reply {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if !if_match.is_empty() {
            request = request.header("if-match", if_match);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        answered(request).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None, "").await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, Some(&body), "").await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PUT, path, Some(&body), "").await
    }

    /// A `POST` with an `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, body: &Value, key: &str) -> Reply {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token);
        answered(request.header("idempotency-key", key).json(body)).await
    }

    /// Scheme, host and port of the server.
    pub fn origin(&self) -> &str {
        self.base.trim_end_matches("/api/v1")
    }

    /// Asks with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.into(), ..self.clone() }
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None, "").await
    }

    /// What is answered at a path, once it is what is waited for.
    pub async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let looking = async {
            loop {
                looks.tick().await;
                let reply = self.get(path).await;
                if reply.status.is_success() && is_so(&reply.body) {
                    return reply.body;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(body) => body,
            Err(_) => panic!("{path} never was what is waited for: {}", self.get(path).await.text),
        }
    }
}

async fn answered(request: reqwest::RequestBuilder) -> Reply {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    let etag = headers.get("etag").map(|tag| tag.to_str().unwrap().to_string());
    Reply { status, etag, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
}

impl Reply {
    /// The body of an answer with this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self.body
    }

    /// The body of a problem with this status and code.
    #[track_caller]
    pub fn fails(self, status: u16, code: &str) -> Value {
        let body = self.is(status);
        assert_eq!(body["code"], code, "{body}");
        body
    }
}

/// The definition of a sync from `customers` to `people`.
pub fn person() -> Value {
    json!({
        "model": { "table": "customers", "key": "id" },
        "to": { "object": "people", "match": "external_id" },
        "mapping": { "external_id": "id", "email": "lower(email)" },
    })
}

/// An instance of the same two systems with these entities.
pub fn instance(name: &str, entities: Value) -> Value {
    json!({ "instance": name, "source": "warehouse", "target": "crm", "entities": entities })
}

/// The texts under `key` of each of `items`.
pub fn texts(items: &Value, key: &str) -> Vec<String> {
    let items = items.as_array().unwrap_or_else(|| panic!("no list: {items}"));
    items.iter().filter_map(|item| item[key].as_str().map(str::to_string)).collect()
}

/// Whether a file's bytes hold a text.
pub fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
