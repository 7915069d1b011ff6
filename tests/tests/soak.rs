//! A server with dozens of syncs at short intervals, while people trigger, cancel, approve, replay and
//! switch, sources go away and come back, and the server is stopped and killed. In the end both sides of
//! every sync agree, and the counters of every run add up [G4].
//!
//! Short with all other tests; `make soak` takes as long as `SOAK_MINUTES` says.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use syncline_tests::databases::{Database, Sqlite};
use syncline_tests::postgres;
use syncline_tests::project::Project;
use syncline_tests::seeded::{Choices, seed};
use syncline_tests::server::{Client, Server};

/// Seconds of the part that runs with all the other tests, for each state.
const SMOKE_SECONDS: u64 = 12;
/// Minutes of a long one that does not say how many.
const LONG_MINUTES: u64 = 60;
const SYNCS: u64 = 24;
/// Rows that a sync begins with.
const ROWS: u64 = 40;

#[test]
fn whatever_happens_to_a_server_its_syncs_agree_in_the_end() {
    soak(Duration::from_secs(SMOKE_SECONDS), &[]);
}

#[test]
fn whatever_happens_to_a_server_over_postgresql_its_syncs_agree_in_the_end() {
    let state = state_on_postgresql();
    soak(Duration::from_secs(SMOKE_SECONDS), &["--state", &state, "--files", "files"]);
}

/// `make soak`.
#[test]
#[ignore = "takes as long as one wants: make soak"]
fn a_long_soak_on_both_states() {
    let minutes =
        std::env::var("SOAK_MINUTES").ok().map_or(LONG_MINUTES, |text| text.parse().expect("minutes"));
    let time = Duration::from_secs(minutes * 60);
    let state = state_on_postgresql();
    std::thread::scope(|scope| {
        scope.spawn(move || soak(time, &[]));
        scope.spawn(move || soak(time, &["--state", &state, "--files", "files"]));
    });
}

fn state_on_postgresql() -> String {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(postgres::Server::shared().database()).url().to_string()
}

struct Soak<'a> {
    project: Project,
    /// Databases of sources and targets; three of each are shared by all syncs.
    sources: Vec<Sqlite>,
    targets: Vec<Sqlite>,
    state: &'a [&'a str],
    choices: Choices,
    server: Option<Server>,
    admin: String,
}

/// The others are upserts.
fn is_mirror(number: u64) -> bool {
    number.is_multiple_of(2)
}

fn entity(number: u64) -> String {
    format!("e{number}")
}

fn soak(time: Duration, state: &[&str]) {
    let seed = seed();
    let mut soak = Soak::new(state, Choices::new(seed));
    eprintln!("soak over {} with SYNCLINE_SEED={seed}", soak.store());
    let began = Instant::now();
    let mut steps = 0;
    while began.elapsed() < time {
        soak.step();
        steps += 1;
    }
    let runs = soak.settle_and_judge();
    eprintln!("{steps} steps, {runs} runs in {} minutes over {}", time.as_secs() / 60, soak.store());
    assert!(runs > SYNCS, "hardly anything ran");
}

/// What is left of a soak that failed can be looked at.
impl Drop for Soak<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("its project is left in {}", self.project.keep().display());
        }
    }
}

impl<'a> Soak<'a> {
    fn new(state: &'a [&'a str], choices: Choices) -> Self {
        let project = Project::new();
        let mut connections = String::from("connections:\n");
        let (mut sources, mut targets) = (Vec::new(), Vec::new());
        for n in 0..3 {
            connections += &format!("  from{n}: {{ type: sqlite, path: source{n}.db }}\n");
            connections += &format!("  into{n}: {{ type: sqlite, path: target{n}.db }}\n");
            sources.push(Sqlite::create(&project.path(&format!("source{n}.db"))));
            targets.push(Sqlite::create(&project.path(&format!("target{n}.db"))));
        }
        // Of servers that are killed, the next takes the runs over soon.
        connections += "settings: { server: { lease: 6s } }\n";
        project.write("syncline.yaml", connections);
        for n in 0..3 {
            let mut text = format!("instance: i{n}\nsource: from{n}\ntarget: into{n}\nentities:\n");
            for number in (0..SYNCS).filter(|number| number % 3 == n) {
                text += &Self::definition(number);
                let table = entity(number);
                sources[n as usize]
                    .execute(&format!("create table {table} (id integer primary key, v integer)"));
                targets[n as usize].execute(&format!(
                    "create table {table} (id integer primary key, v integer check (v <> 13))"
                ));
            }
            project.write(&format!("syncs/i{n}.yaml"), text);
        }
        let mut soak = Self { project, sources, targets, state, choices, server: None, admin: String::new() };
        for number in 0..SYNCS {
            soak.change_rows(number, ROWS);
        }
        soak.start();
        soak
    }

    fn definition(number: u64) -> String {
        let mode = if is_mirror(number) { "mirror" } else { "upsert" };
        let guard = if number.is_multiple_of(5) { "\n    guards: { max_updates: 25 }" } else { "" };
        let every = 1 + number % 4;
        format!(
            "  {name}:\n    active: true\n    model: {{ table: {name}, key: id }}\n    to: {{ object: {name} }}\n    \
             write_mode: {mode}\n    schedule: {{ every: {every}s }}{guard}\n",
            name = entity(number)
        )
    }

    fn start(&mut self) {
        let server = Server::start_with(&self.project, self.state);
        if let Some(token) = &server.first_token {
            self.admin.clone_from(token);
        }
        self.server = Some(server);
    }

    fn store(&self) -> &'static str {
        if self.state.is_empty() { "the embedded state" } else { "PostgreSQL" }
    }

    fn client(&self) -> Client {
        let server = self.server.as_ref().expect("it runs");
        server.client.with_token(&self.admin)
    }

    fn sync(number: u64) -> String {
        format!("i{}.{}", number % 3, entity(number))
    }

    fn change_rows(&mut self, number: u64, rows: u64) {
        let (source, table) = (&self.sources[(number % 3) as usize], entity(number));
        for _ in 0..rows {
            let (id, v) = (self.choices.below(ROWS * 2), self.choices.below(200));
            match self.choices.below(6) {
                0 => source.execute(&format!("delete from {table} where id = {id}")),
                _ => source.execute(&format!("insert or replace into {table} values ({id}, {v})")),
            }
        }
    }

    fn step(&mut self) {
        let number = self.choices.below(SYNCS);
        let sync = Self::sync(number);
        match self.choices.below(100) {
            0..40 => self.change_rows(number, 5),
            40..60 => {
                let request = [
                    json!({}),
                    json!({ "type": "one_time" }),
                    json!({ "type": "test" }),
                    json!({ "cursor": "full" }),
                ];
                let request = request[self.choices.below(4) as usize].clone();
                let answer = self.client().post(&format!("/syncs/{sync}/trigger"), request);
                assert!([202, 409].contains(&answer.status), "{}", answer.text);
            }
            60..70 => self.of_some_run("queued,starting,running", "cancel"),
            70..78 => self.of_some_run("held", "approve"),
            78..82 => self.of_some_run("held", "reject"),
            82..88 => {
                let verb = if self.choices.below(3) == 0 { "deactivate" } else { "activate" };
                self.client().post(&format!("/syncs/{sync}/{verb}"), Json::Null).expect(200);
            }
            88..93 => self.outage(number % 3),
            93..96 => {
                let server = self.server.take().expect("it runs");
                assert_eq!(server.terminate(), Some(0));
                self.start();
            }
            96..98 => {
                self.server.take().expect("it runs").kill();
                self.start();
            }
            _ => std::thread::sleep(Duration::from_millis(200)),
        }
    }

    fn of_some_run(&mut self, statuses: &str, verb: &str) {
        let client = self.client();
        let list = client.get(&format!("/runs?status={statuses}&per_page=50")).expect(200);
        let found = list["data"].as_array().expect("a list").clone();
        if found.is_empty() {
            return;
        }
        let run = &found[self.choices.below(found.len() as u64) as usize];
        let answer = client.post(&format!("/runs/{}/{verb}", run["id"].as_str().expect("an id")), Json::Null);
        // It may have gone on meanwhile.
        assert!([200, 202, 409].contains(&answer.status), "{verb}: {}", answer.text);
    }

    /// A source that is away for a moment.
    fn outage(&mut self, n: u64) {
        let (here, away) =
            (self.project.path(&format!("source{n}.db")), self.project.path(&format!("away{n}.db")));
        std::fs::rename(&here, &away).expect("take the source away");
        std::thread::sleep(Duration::from_millis(100 + self.choices.below(300)));
        std::fs::rename(&away, &here).expect("bring the source back");
    }

    /// Lets everything come to rest, runs each sync once more, and compares what there is to compare.
    fn settle_and_judge(&self) -> u64 {
        let client = self.client();
        for number in 0..SYNCS {
            client.post(&format!("/syncs/{}/deactivate", Self::sync(number)), Json::Null).expect(200);
        }
        // Retries that are still to come are not only those of the schedule.
        for run in
            client.get("/runs?status=scheduled&per_page=200").expect(200)["data"].as_array().expect("a list")
        {
            let answer =
                client.post(&format!("/runs/{}/cancel", run["id"].as_str().expect("an id")), Json::Null);
            assert!([202, 409].contains(&answer.status), "{}", answer.text);
        }
        let quiet = |list: &Json| list["pagination"]["total"] == 0;
        client.until("/runs?status=queued,starting,running", quiet);
        for run in
            client.get("/runs?status=held&per_page=200").expect(200)["data"].as_array().expect("a list")
        {
            client
                .post(&format!("/runs/{}/reject", run["id"].as_str().expect("an id")), Json::Null)
                .expect(200);
        }
        for number in 0..SYNCS {
            self.sources[(number % 3) as usize]
                .execute(&format!("update {} set v = 14 where v = 13", entity(number)));
            self.bring_home(&client, number);
        }
        for number in 0..SYNCS {
            self.judge(number);
        }
        judge_runs(&client)
    }

    /// The last run of a sync, approved if a guard holds it.
    fn bring_home(&self, client: &Client, number: u64) {
        let sync = Self::sync(number);
        let mut run = client.run(&sync, json!({ "type": "one_time" }));
        if run["status"] == "held" {
            let id = run["id"].as_str().expect("an id").to_string();
            client.post(&format!("/runs/{id}/approve"), Json::Null).expect(202);
            run = client.ended(&id);
        }
        assert_eq!(run["status"], "completed", "{sync}: {run}");
        assert_eq!(run["rows_failed"], 0, "{sync}: {run}");
        let again = client.run(&sync, json!({ "type": "test" }));
        let changes = ["rows_created", "rows_updated", "rows_deleted"].map(|name| again[name].as_u64());
        assert_eq!(changes, [Some(0); 3], "{sync} would write again: {again}");
    }

    fn judge(&self, number: u64) {
        let (n, rows) = ((number % 3) as usize, format!("select id, v from {} order by id", entity(number)));
        let source = self.sources[n].rows(&rows);
        let mut target = self.targets[n].rows(&rows);
        if !is_mirror(number) {
            // An upsert leaves what was removed at the source.
            target.retain(|row| source.iter().any(|other| other[0] == row[0]));
        }
        assert_eq!(source, target, "{}", Self::sync(number));
    }
}

/// The counters of every run add up; gives how many runs there are.
fn judge_runs(client: &Client) -> u64 {
    let mut page = 1;
    loop {
        let list = client.get(&format!("/runs?per_page=200&page={page}")).expect(200);
        let runs = list["data"].as_array().expect("a list");
        if runs.is_empty() {
            return list["pagination"]["total"].as_u64().expect("a number");
        }
        for run in runs {
            let sum: u64 =
                ["rows_created", "rows_updated", "rows_skipped", "rows_failed", "rows_not_attempted"]
                    .map(|name| run[name].as_u64().expect("a count"))
                    .iter()
                    .sum();
            assert_eq!(run["rows_processed"].as_u64(), Some(sum), "{run}");
            let over = ["completed", "failed", "source_failure", "cancelled", "not_run"];
            assert!(over.contains(&run["status"].as_str().expect("a status")), "{run}");
        }
        page += 1;
    }
}
