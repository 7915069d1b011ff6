//! The server at work: how it answers over a long history, what live events and schedules cost.

pub mod api;
pub mod events;
mod history;
pub mod scheduler;

use std::process::Command;

use serde_json::Value as Json;
use syncline_tests::project::Project;
use syncline_tests::server::{Client, Server};

/// The one sync that has rows. Every run of it changes them all.
const BUSY: &str = "shop.busy";

/// Entities of an instance, so that its file stays within what a document may hold.
const ENTITIES_MAX: usize = 1_000;

/// A project in which one sync delivers many rows and others wait beside it.
struct Shop {
    project: Project,
    /// The token that the first start of the server got.
    token: String,
}

impl Shop {
    /// `syncs` counts the busy one. `variables` say where the state is, if not in the project.
    fn new(syncs: u64, rows: u64, variables: &[(&str, &str)]) -> Self {
        let body = |model: &str, object: &str| {
            format!("model: {{ {model}, key: id }}\nto: {{ object: {object} }}\nwrite_mode: upsert")
        };
        // A query whose answer is another one each time.
        let busy = body("sql: 'select id, abs(random()) as value from numbers'", "busy");
        let mut entities = vec![("busy".to_string(), busy)];
        entities.extend((1..syncs).map(|n| (sync(n), body("table: numbers", &sync(n)))));
        let entities: Vec<(&str, &str)> = entities.iter().map(|(n, b)| (n.as_str(), b.as_str())).collect();
        let (from, into) = ("{ type: sqlite, path: source.db }", "{ type: sqlite, path: target.db }");
        let mut instances = entities.chunks(ENTITIES_MAX);
        let mut project = Project::of(from, into, instances.next().unwrap_or_default());
        for (n, entities) in instances.enumerate() {
            project.write_instance(&format!("shop_{}", n + 2), entities);
        }
        for (name, value) in variables {
            project.set_variable(name, value);
        }
        let shop = Self { project, token: String::new() };
        shop.sqlite3(
            "source.db",
            &format!(
                "create table numbers (id integer primary key);
                 with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows})
                 insert into numbers select i from n"
            ),
        );
        shop.sqlite3("target.db", "create table busy (id integer primary key, value integer)");
        shop
    }

    /// Starts the server; what it says at its first start is kept.
    fn serve(&mut self) -> (Server, Client) {
        let server = Server::start(&self.project);
        if let Some(token) = &server.first_token {
            self.token = token.clone();
        }
        let client = Client::new(&server.client.url, &self.token);
        (server, client)
    }

    /// Lets a server register all syncs and deliver for the first time, so that later runs are alike.
    fn deliver(&mut self) {
        let (server, client) = self.serve();
        let run = client.run(BUSY, Json::Null);
        assert_eq!(run["status"], "completed", "{run}");
        server.terminate();
    }

    fn sqlite3(&self, file: &str, sql: &str) {
        sqlite3(&self.project.path(file), sql);
    }
}

fn sync(n: u64) -> String {
    format!("sync_{n}")
}

/// # Panics
///
/// When a statement fails.
fn sqlite3(database: &std::path::Path, sql: &str) {
    let output = Command::new("sqlite3").arg("-bail").arg(database).arg(sql).output();
    let output = output.expect("sqlite3 runs (Debian's package sqlite3)");
    assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Asks for a run of the busy sync; its id.
fn trigger(client: &Client) -> String {
    let run = client.post(&format!("/syncs/{BUSY}/trigger"), Json::Null).expect(202);
    run["id"].as_str().expect("a run has an id").to_string()
}
