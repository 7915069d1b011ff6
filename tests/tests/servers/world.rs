//! Two machines, each with its copy of a project, over one state, one place for files and one shop.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use syncline_tests::databases::{Database, Postgres};
use syncline_tests::postgres::Server as PostgresServer;
use syncline_tests::project::{Project, list_of};
use syncline_tests::server::{Client, Event, Server};

/// Rows at the source of every sync.
pub const ROWS: u64 = 30;
/// Chunks that these are written in.
pub const CHUNK_ROWS: u64 = 8;
/// Short, so that a test can wait until a lease has run out; long enough for a busy machine to renew it.
const LEASE: &str = "6s";

/// How a sync writes, and so what a death or a second writer could do to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One transaction, without a key at the target: what is written twice is there twice.
    AppendAtomic,
    /// A transaction for each chunk, without a key at the target.
    AppendProgressive,
    /// Straight into the empty table at first, then one transaction.
    Upsert,
    /// Reads for a while before it writes.
    SlowRead,
}

impl Kind {
    pub const WRITERS: [Kind; 3] = [Kind::AppendAtomic, Kind::AppendProgressive, Kind::Upsert];

    fn entity(self, object: &str) -> String {
        let model = match self {
            Kind::SlowRead => {
                "{ sql: \"select i.* from item i cross join (select pg_sleep(5)) s\", key: id }"
            }
            _ => "{ table: item, key: id }",
        };
        let mode = match self {
            Kind::AppendAtomic => "write_mode: append\npublish: atomic",
            Kind::AppendProgressive => "write_mode: append\npublish: progressive",
            Kind::Upsert | Kind::SlowRead => "write_mode: upsert",
        };
        format!("model: {model}\nto: {{ object: {object} }}\n{mode}\nbatch_size: {CHUNK_ROWS}\n")
    }

    fn appends(self) -> bool {
        matches!(self, Kind::AppendAtomic | Kind::AppendProgressive)
    }
}

pub struct World {
    machines: [Project; 2],
    files: tempfile::TempDir,
    state: Postgres,
    pub shop: Postgres,
    kinds: Vec<Kind>,
    /// The token that the first server made; it is good for both.
    token: Option<String>,
}

impl World {
    /// A sync of each kind, named by its place: `shop.item_0`, `shop.item_1`.
    pub fn of(kinds: &[Kind]) -> Self {
        Self::with(kinds, "", Postgres::new())
    }

    /// With more of every sync's definition, and the database of the state.
    pub fn with(kinds: &[Kind], more: &str, state: Postgres) -> Self {
        let shop = Postgres::new();
        shop.execute(&format!(
            "create table item (id bigint primary key, name text); \
             insert into item select n, 'old' from generate_series(1, {ROWS}) n"
        ));
        for (n, kind) in kinds.iter().enumerate() {
            let key = if kind.appends() { "" } else { "primary key" };
            shop.execute(&format!("create table copy_{n} (id bigint {key}, name text)"));
        }
        let machines = [(); 2].map(|()| project(&shop, kinds, more));
        let files = tempfile::Builder::new().prefix("syncline-files-").tempdir().expect("a folder");
        Self { machines, files, state, shop, kinds: kinds.to_vec(), token: None }
    }

    /// The state in a database of this server, which the test may restart.
    pub fn at(state: &PostgresServer, kinds: &[Kind]) -> Self {
        Self::with(kinds, "", Postgres::on(state))
    }

    /// Starts the server of a machine.
    pub fn serve(&mut self, machine: usize) -> Server {
        self.serve_with(machine, "", &[])
    }

    /// Starts the server of a machine, with fail points in that process alone.
    pub fn serve_failing(&mut self, machine: usize, fail_points: &str) -> Server {
        self.serve_with(machine, fail_points, &[])
    }

    pub fn serve_with(&mut self, machine: usize, fail_points: &str, more: &[&str]) -> Server {
        self.machines[machine].set_variable("FAILPOINTS", fail_points);
        let mut server = self.start(machine, more);
        match (&self.token, server.first_token.clone()) {
            (Some(token), None) => server.client = server.client.with_token(token),
            (None, Some(token)) => self.token = Some(token),
            (known, made) => panic!("the first token, and no other, is made once: {known:?}, {made:?}"),
        }
        server
    }

    /// Starts the server of a machine, whatever token it makes.
    pub fn start(&self, machine: usize, more: &[&str]) -> Server {
        let state = self.state.database.url();
        let files = self.files.path().to_string_lossy();
        let arguments = [&["--state", state, "--files", &*files], more].concat();
        Server::start_with(&self.machines[machine], &arguments)
    }

    /// The ids of all syncs.
    pub fn syncs(&self) -> Vec<String> {
        (0..self.kinds.len()).map(|n| format!("shop.item_{n}")).collect()
    }

    pub fn kind(&self, sync: usize) -> Kind {
        self.kinds[sync]
    }

    /// Gives every row at the source this name.
    pub fn rename(&self, name: &str) {
        self.shop.execute(&format!("update item set name = '{name}'"));
    }

    /// What is at a sync's target, by name: how many rows.
    pub fn delivered(&self, sync: usize) -> BTreeMap<String, u64> {
        let rows = self.shop.rows(&format!("select name, count(*) from copy_{sync} group by name"));
        rows.into_iter()
            .map(|mut row| {
                let count = row[1].take().and_then(|n| n.parse().ok()).expect("a count");
                (row[0].take().unwrap_or_default(), count)
            })
            .collect()
    }

    /// Every target has what it should once the source had these names, one after the other.
    #[track_caller]
    pub fn assert_delivered(&self, names: &[&str]) {
        for (n, kind) in self.kinds.iter().enumerate() {
            let due = if kind.appends() { names } else { &names[names.len() - 1..] };
            let due: BTreeMap<_, _> = due.iter().map(|name| (name.to_string(), ROWS)).collect();
            assert_eq!(self.delivered(n), due, "sync {n}, {kind:?}");
        }
    }

    /// One more run of every sync has nothing to write: what is known of the targets is what is there.
    #[track_caller]
    pub fn assert_settled(&self, client: &Client) {
        for run in self.run_all(client) {
            let written = ["rows_created", "rows_updated", "rows_deleted", "rows_failed"];
            assert!(written.iter().all(|count| run[count] == 0), "it had something to write: {run}");
        }
    }

    /// Runs every sync once more, all of which complete.
    #[track_caller]
    pub fn run_all(&self, client: &Client) -> Vec<Json> {
        let asked = trigger_all(client, &self.syncs());
        let ended: Vec<Json> = asked.iter().map(|run| client.ended(run)).collect();
        assert!(ended.iter().all(|run| run["status"] == "completed"), "{ended:#?}");
        ended
    }
}

fn project(shop: &Postgres, kinds: &[Kind], more: &str) -> Project {
    let options = shop.options();
    let entities: Vec<(String, String)> = kinds
        .iter()
        .enumerate()
        .map(|(n, kind)| (format!("item_{n}"), kind.entity(&format!("copy_{n}")) + more))
        .collect();
    let project = Project::new();
    project.write(
        "syncline.yaml",
        format!(
            "connections:\n  from: {options}\n  into: {options}\n\
             settings: {{ server: {{ lease: {LEASE}, max_concurrent_runs: 4 }} }}\n"
        ),
    );
    let entities: Vec<_> = entities.iter().map(|(name, body)| (name.as_str(), body.as_str())).collect();
    project.write_entities(&entities);
    project
}

/// Asks for a run; its id.
#[track_caller]
pub fn trigger(client: &Client, sync: &str, request: Json) -> String {
    let run = client.post(&format!("/syncs/{sync}/trigger"), request).expect(202);
    run["id"].as_str().expect("a run has an id").to_string()
}

/// Asks for a run of each sync.
#[track_caller]
pub fn trigger_all(client: &Client, syncs: &[String]) -> Vec<String> {
    syncs.iter().map(|sync| trigger(client, sync, json!({}))).collect()
}

/// Waits until a run writes.
#[track_caller]
pub fn until_writing(client: &Client, run: &str) {
    client.until(&format!("/runs/{run}"), |run| run["phase"] == "writing");
}

/// Every run that the state knows.
#[track_caller]
pub fn runs(client: &Client) -> Vec<Json> {
    let mut all = Vec::new();
    for page in 1.. {
        let list = client.get(&format!("/runs?per_page=200&page={page}")).expect(200);
        all.extend(list_of(&list));
        if list["pagination"]["total"].as_u64() <= Some(all.len() as u64) {
            break;
        }
    }
    all
}

/// All events from the beginning until each of these runs is over.
pub fn events_until_over(client: &Client, runs: &BTreeSet<String>) -> Vec<Event> {
    let mut stream = client.listen("/events", Some("0"));
    let (mut seen, mut left) = (Vec::new(), runs.clone());
    while !left.is_empty() {
        let event = stream.next_event().expect("the stream goes on");
        if let Some((run, status)) = status_of(&event)
            && is_over(status)
        {
            left.remove(run);
        }
        seen.push(event);
    }
    seen
}

/// The run that an event is about, and its status.
pub fn status_of(event: &Event) -> Option<(&str, &str)> {
    let status = event.data["data"]["status"].as_str().filter(|_| event.kind == "run")?;
    Some((event.data["run_id"].as_str()?, status))
}

/// Whether a run of this status is over.
pub fn is_over(status: &str) -> bool {
    ["completed", "failed", "source_failure", "cancelled", "not_run"].contains(&status)
}
