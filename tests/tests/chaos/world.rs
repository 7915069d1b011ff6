//! A sync between real systems, and the steps carried out on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

use syncline_tests::databases::{Database, Postgres, Sqlite};
use syncline_tests::postgres::{Durability, Server};
use syncline_tests::project::{Output, Project, Running};
use syncline_tests::proxy::{Fault, Proxy};
use syncline_tests::seeded::Choices;

use super::producer::{Producer, put};
use super::shape::{Cursor, Mode, Shape, Target};
use super::steps::{Command, Decision, Side, Step, Trouble};

/// A record's values in the order of [`Shape::columns`], as text.
pub type Record = Vec<Option<String>>;

pub const SYNC: &str = "shop.item";
/// Codes with which a run may end while something befalls it.
const EXPECTED_CODES: &[&str] = &[
    "source_unreachable",
    "destination_unreachable",
    "interrupted",
    "cancelled",
    // The sync is halted.
    "conflict",
    "stale_plan",
    "error_threshold",
    "all_rows_failed",
    "state_locked",
];
/// Requests whose replies get lost.
const REQUESTS: &[&str] =
    &["COMMIT", "COMMIT", "COMMIT", "BEGIN", "COPY", "_syncline_ledger", "INSERT", "ROLLBACK"];

/// The servers of both ends. Seeds share them, one after the other.
pub struct Site {
    pub source: Server,
    pub target: Server,
}

impl Site {
    pub fn new() -> Self {
        Self { source: Server::start(Durability::Fast), target: Server::start(Durability::Fast) }
    }

    fn server(&self, side: Side) -> &Server {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }
}

/// The target, as the test itself looks into it.
pub enum Store {
    Postgres(Postgres),
    Sqlite(Sqlite),
    Files,
}

impl Store {
    pub fn database(&self) -> Option<&dyn Database> {
        match self {
            Store::Postgres(database) => Some(database),
            Store::Sqlite(database) => Some(database),
            Store::Files => None,
        }
    }
}

pub struct World<'a> {
    pub shape: Shape,
    pub project: Project,
    pub source: Postgres,
    pub target: Store,
    site: &'a Site,
    source_proxy: Proxy,
    target_proxy: Proxy,
    producer: Option<Producer>,
    /// What an append must hold: contents that a run which went through had before its eyes.
    pub due: BTreeSet<Record>,
    /// What was done, and how it ended.
    pub log: Vec<String>,
}

impl<'a> World<'a> {
    pub fn new(site: &'a Site, shape: Shape, seed: u64) -> Self {
        let mut choices = Choices::of("world", seed);
        let mut project = Project::new();
        project.set_variable("TZ", "UTC");
        let source = Postgres::on(&site.source);
        let target = match shape.target {
            Target::Postgres => Store::Postgres(Postgres::on(&site.target)),
            Target::Sqlite => Store::Sqlite(Sqlite::create(&project.path("target.db"))),
            Target::Csv | Target::JsonLines | Target::Folder => Store::Files,
        };
        source.execute(shape.source_tables());
        let rows: Vec<String> = (1..=shape.rows).map(|id| put(&shape, id, &mut choices)).collect();
        source.execute(&rows.join(";"));
        if let Some(database) = target.database() {
            database.execute(&shape.target_table());
            for id in shape.prefilled_ids() {
                database.execute(&format!("insert into copy (id, name) values ({id}, 'theirs')"));
            }
        }
        let (source_proxy, target_proxy) = (Proxy::to(site.source.port()), Proxy::to(site.target.port()));
        let into = match &target {
            Store::Postgres(database) => database.options_at(target_proxy.port()),
            Store::Sqlite(database) => database.options(),
            Store::Files => "{ type: files, path: out, format: jsonl }".to_string(),
        };
        let from = source.options_at(source_proxy.port());
        project.write("syncline.yaml", format!("connections:\n  from: {from}\n  into: {into}\n"));
        project.write_entities(&[("item", &shape.entity())]);
        let mut world = Self {
            shape,
            project,
            source,
            target,
            site,
            source_proxy,
            target_proxy,
            producer: None,
            due: BTreeSet::new(),
            log: Vec::new(),
        };
        world.survive_crashes();
        // Only times come with a bound that late commits cannot pass.
        let writers = if world.shape.cursor == Cursor::Version { 1 } else { 2 };
        let url = world.source.database.url().to_string();
        world.producer = Some(Producer::start(&url, &world.shape, writers, seed));
        world
    }

    /// Makes what the servers acknowledge outlive them, although they are set up to be fast.
    fn survive_crashes(&mut self) {
        let databases = [
            Some(&mut self.source),
            match &mut self.target {
                Store::Postgres(database) => Some(database),
                _ => None,
            },
        ];
        for database in databases.into_iter().flatten() {
            let name = database.database.name().to_string();
            database.execute(&format!("alter database {name} set synchronous_commit = on"));
            database.reconnect();
        }
    }

    pub fn note(&mut self, line: impl Into<String>) {
        self.log.push(line.into());
    }

    /// Ends the changes, and repairs what the target refuses.
    pub fn calm_down(&mut self) {
        if let Some(producer) = self.producer.take() {
            producer.stop();
        }
        self.source.execute("update item set name = 'healed' where name = 'poison'");
        self.source_proxy.calm();
        self.target_proxy.calm();
    }

    fn proxy(&self, side: Side) -> &Proxy {
        match side {
            Side::Source => &self.source_proxy,
            Side::Target => &self.target_proxy,
        }
    }

    /// Ids and statuses of the runs in the state, newest first.
    pub fn statuses(&self) -> Vec<(String, String)> {
        self.state("select id, status from runs order by created_at desc, id desc")
            .into_iter()
            .map(|row| (row[0].clone().unwrap_or_default(), row[1].clone().unwrap_or_default()))
            .collect()
    }

    /// What the state says to a query; nothing before there is a state. A copy is asked, so that the
    /// program finds its files as it left them.
    pub fn state(&self, sql: &str) -> Vec<Record> {
        let copy = tempfile::tempdir().expect("a folder");
        for file in ["state.db", "state.db-wal"] {
            let _ = std::fs::copy(self.project.path(".syncline").join(file), copy.path().join(file));
        }
        let state = Sqlite::at(&copy.path().join("state.db"));
        if state.rows("select 1 from sqlite_schema where name = 'chunks'").is_empty() {
            return Vec::new();
        }
        state.rows(sql)
    }

    /// Held runs, the one that waits longest first.
    pub fn held(&self) -> Vec<String> {
        let held = self.statuses().into_iter().filter(|(_, status)| status == "held");
        held.map(|(id, _)| id).rev().collect()
    }

    pub fn is_halted(&self) -> bool {
        let states = self.state("select state from syncs");
        states.iter().flatten().flatten().any(|state| state.contains("halted"))
    }

    /// Carries out one step.
    pub fn step(&mut self, step: &Step) {
        self.note(format!("{step:?}"));
        if self.is_halted() {
            let output = self.project.json(&["activate", SYNC]);
            assert_eq!(output.code(), Some(0), "activate\n{output}");
            self.note("activated");
        }
        let held = self.held();
        let arguments: Vec<&str> = match (held.first(), step.decision, step.command) {
            (Some(run), Decision::Approve, _) => vec!["approve", run],
            (Some(run), Decision::Reject, _) => vec!["reject", run],
            (_, _, Command::Run) => vec!["run", SYNC],
            (_, _, Command::Reset) => vec!["run", SYNC, "--cursor", "reset"],
            (_, _, Command::Full) => vec!["run", SYNC, "--cursor", "full"],
            (_, _, Command::Plan) => vec!["plan", SYNC],
            (_, _, Command::Apply) => {
                let planned = self.project.json(&["plan", SYNC, "--out", "item.plan"]);
                self.check(&planned);
                if planned.code() != Some(0) {
                    return;
                }
                vec!["apply", "item.plan"]
            }
        };
        let reads_now = arguments[0] == "run";
        let before = reads_now.then(|| self.shown());
        let writes = self.target_rows_written(&arguments);
        let output = self.run(&arguments, &step.troubles);
        self.check(&output);
        if matches!(output.code(), Some(0 | 3))
            && let Some(before) = before
        {
            self.note_due(&before);
        }
        assert_eq!(writes, self.target_rows_written(&arguments), "a test run wrote\n{output}");
    }

    /// The target as it stands, for commands that may not change it.
    fn target_rows_written(&self, arguments: &[&str]) -> Option<Vec<Record>> {
        matches!(arguments[0], "plan" | "reject").then(|| self.target_records())
    }

    /// Rows of the source by id and change.
    fn shown(&self) -> BTreeMap<(String, String), Record> {
        if self.shape.mode != Mode::Append {
            return BTreeMap::new();
        }
        let columns = self.shape.columns().join(", ");
        let rows = self
            .source
            .rows(&format!("select version, {columns} from item where name is distinct from 'poison'"));
        let rows = rows.into_iter().map(|mut row| {
            let version = row.remove(0).unwrap_or_default();
            ((row[0].clone().unwrap_or_default(), version), row)
        });
        rows.collect()
    }

    /// What was there before a run that went through and still is, the run had to deliver.
    fn note_due(&mut self, before: &BTreeMap<(String, String), Record>) {
        let after = self.shown();
        self.due.extend(before.iter().filter(|(at, _)| after.contains_key(at)).map(|(_, row)| row.clone()));
    }

    /// Runs the program while the troubles befall it.
    pub fn run(&mut self, arguments: &[&str], troubles: &[Trouble]) -> Output {
        let mut fail_points = Vec::new();
        for trouble in troubles {
            match trouble {
                Trouble::KillAt { point, hit: 1 } => fail_points.push(format!("{point}=panic")),
                Trouble::KillAt { point, hit } => fail_points.push(format!("{point}={}*off->panic", hit - 1)),
                Trouble::Network { side, seed, connections } => {
                    let (mut choices, connections) = (Choices::new(*seed), *connections);
                    self.proxy(*side).inject(move |number| match number < connections {
                        true => Fault::random(&mut choices, REQUESTS),
                        false => Fault::None,
                    });
                }
                _ => {}
            }
        }
        let mut timed: Vec<&Trouble> = troubles.iter().filter(|t| t.after().is_some()).collect();
        timed.sort_by_key(|trouble| trouble.after());
        let arguments = [arguments, &["--output", "json"]].concat();
        let started = Instant::now();
        let mut running = self.project.start(&arguments, &fail_points.join(";"));
        for trouble in timed {
            let due = started + trouble.after().unwrap_or_default();
            while Instant::now() < due && running.is_running() {
                std::thread::sleep(Duration::from_millis(3));
            }
            if !running.is_running() {
                break;
            }
            self.befall(&mut running, trouble);
        }
        let output = running.wait();
        for side in [Side::Source, Side::Target] {
            self.proxy(side).calm();
            let log = self.proxy(side).take_log();
            self.log.extend(log.iter().map(|line| format!("    {side:?} {line}")));
        }
        let end = match output.code() {
            Some(0) => "0".to_string(),
            Some(code) => format!("{code}: {}", error_of(&output).unwrap_or_default()),
            None => output.status.to_string(),
        };
        self.note(format!("  syncline {} → {end} after {:?}", arguments.join(" "), started.elapsed()));
        output
    }

    fn befall(&mut self, running: &mut Running, trouble: &Trouble) {
        match trouble {
            Trouble::KillAt { .. } | Trouble::Network { .. } => {}
            Trouble::Kill { .. } => running.signal("KILL"),
            Trouble::Signal { name, .. } => running.signal(name),
            Trouble::Stop { time, .. } => self.stop(running, *time),
            Trouble::BreakOff { side, end, .. } => self.proxy(*side).break_off(*end),
            Trouble::Refuse { side, time, .. } => {
                self.proxy(*side).refuse_for(*time);
                self.proxy(*side).break_off(syncline_tests::proxy::End::Reset);
            }
            Trouble::Terminate { side, .. } => {
                let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                           where application_name = 'syncline' and datname = current_database()";
                match (side, &self.target) {
                    (Side::Target, Store::Postgres(database)) => database.value(end),
                    _ => self.source.value(end),
                };
            }
            Trouble::Restart { side, .. } => {
                self.site.server(*side).crash_and_restart();
                match (side, &mut self.target) {
                    (Side::Target, Store::Postgres(database)) => database.reconnect(),
                    _ => self.source.reconnect(),
                }
            }
            Trouble::Lock { time, .. } => self.lock(*time),
        }
    }

    /// Suspends the program and tries another process: of two, one has the state.
    fn stop(&mut self, running: &Running, time: Duration) {
        running.signal("STOP");
        let until = Instant::now() + time;
        let has_state = self.is_locked();
        let other = self.project.json(&["run", SYNC]);
        if has_state {
            assert_eq!((other.code(), other.error_code().as_str()), (Some(1), "state_locked"), "{other}");
            let listed = self.project.json(&["runs"]);
            assert_eq!(listed.code(), Some(0), "runs can be listed meanwhile\n{listed}");
        }
        self.check(&other);
        self.note(format!(
            "  stopped, the state {}; another run ended {:?}",
            if has_state { "locked" } else { "free" },
            other.code()
        ));
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        running.signal("CONT");
    }

    /// Whether a process holds the state.
    fn is_locked(&self) -> bool {
        let file = File::open(self.project.path(".syncline/lock"));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    fn lock(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        match &self.target {
            Store::Postgres(database) => {
                // Whoever cannot have the lock lets it be.
                database.execute(&format!(
                    "set lock_timeout = '2s'; do $$ begin \
                     lock table copy in access exclusive mode; perform pg_sleep({seconds}); \
                     exception when lock_not_available or deadlock_detected then null; end $$"
                ));
            }
            Store::Sqlite(_) => {
                let connection =
                    rusqlite::Connection::open(self.project.path("target.db")).expect("open the target");
                connection.busy_timeout(Duration::from_secs(2)).expect("set the wait for locks");
                if connection.execute_batch("begin exclusive").is_ok() {
                    std::thread::sleep(time);
                    connection.execute_batch("rollback").expect("release the target");
                }
            }
            Store::Files => std::thread::sleep(time),
        }
    }

    /// Whatever befell it, the program says what it should say.
    pub fn check(&mut self, output: &Output) {
        if output.was_killed() {
            return;
        }
        assert!(!output.stderr.contains("panicked at"), "the program panicked\n{output}");
        match output.code() {
            Some(0 | 3 | 4) => {}
            Some(1 | 5 | 6 | 130) => {
                let code = error_of(output);
                // A server that hears no more in the middle of a log-in answers that the password is wrong.
                let is_expected = code.as_deref().is_none_or(|code| EXPECTED_CODES.contains(&code))
                    || output.text().contains("refused the role");
                assert!(is_expected, "{code:?} is no answer to what happened\n{output}");
            }
            // A signal that came before the program listened.
            None => {}
            Some(code) => panic!("exit code {code}\n{output}"),
        }
    }

    /// Everything at the target, sorted.
    pub fn target_records(&self) -> Vec<Record> {
        let columns = self.shape.columns();
        let mut found = match (&self.target, self.shape.target) {
            (Store::Files, Target::Csv) => {
                super::files::csv_records(&self.project.path("out/copy.csv"), &columns)
            }
            (Store::Files, Target::JsonLines) => {
                super::files::json_records(&[self.project.path("out/copy.jsonl")], &columns)
            }
            (Store::Files, _) => {
                let folder = self.project.path("out/copy").read_dir().into_iter().flatten();
                let files = folder.map(|entry| entry.expect("an entry").path());
                let visible: Vec<_> =
                    files.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect();
                super::files::json_records(&visible, &columns)
            }
            (store, _) => {
                let database = store.database().expect("a database");
                database.rows(&format!("select {} from copy", columns.join(", ")))
            }
        };
        found.sort();
        found
    }
}

/// Code of the error that a call ended with, if it said one.
pub fn error_of(output: &Output) -> Option<String> {
    let code = |value: serde_json::Value| value["error"]["code"].as_str().map(str::to_string);
    let answered = serde_json::from_str(&output.stdout).ok().and_then(code);
    let reported =
        || output.stderr.lines().rev().find_map(|line| serde_json::from_str(line).ok().and_then(code));
    answered.or_else(reported)
}
