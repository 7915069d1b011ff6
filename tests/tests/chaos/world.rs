//! A sync between real systems, and the steps carried out on it.

use std::collections::{BTreeMap, BTreeSet};

use syncline_tests::databases::{Database, Postgres, Sqlite};
use syncline_tests::postgres::{Durability, Server};
use syncline_tests::project::{Output, Project};
use syncline_tests::proxy::Proxy;
use syncline_tests::seeded::Choices;

use super::producer::{Producer, put};
use super::shape::{Cursor, Mode, Shape, Target};
use super::steps::{Command as Asked, Decision, Side, Step, Trouble};

/// A record's values in the order of [`Shape::columns`], as text.
pub type Record = Vec<Option<String>>;

pub const SYNC: &str = "shop.item";
/// Codes with which a run may end while something befalls it.
const EXPECTED_CODES: &[&str] = &[
    "source_unreachable",
    "destination_unreachable",
    "interrupted",
    "cancelled",
    "sync_halted",
    // Another run of the sync is still active.
    "conflict",
    "stale_plan",
    "error_threshold",
    "all_rows_failed",
    "state_locked",
];

/// The servers of both ends. Seeds share them, one after the other.
pub struct Site {
    pub source: Server,
    pub target: Server,
}

impl Site {
    pub fn new() -> Self {
        // What they acknowledge outlives their own death, if not the machine's.
        let start = || Server::start_with(Durability::Fast, &[("synchronous_commit", "on")]);
        Self { source: start(), target: start() }
    }

    pub fn server(&self, side: Side) -> &Server {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }
}

/// The target, as the test itself looks into it.
pub enum Store {
    Postgres(Box<Postgres>),
    Sqlite(Sqlite),
    Files,
}

impl Store {
    pub fn database(&self) -> Option<&dyn Database> {
        match self {
            Store::Postgres(database) => Some(&**database),
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
    pub site: &'a Site,
    pub source_proxy: Proxy,
    pub target_proxy: Proxy,
    producer: Option<Producer>,
    /// Runs that were there when the command at hand began.
    pub earlier_runs: Vec<(String, String)>,
    /// Another process has taken over with a copy of the state.
    pub is_superseded: bool,
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
            Target::Postgres => Store::Postgres(Box::new(Postgres::on(&site.target))),
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
        let settings = shape.memory_budget.map(|bytes| format!("settings: {{ memory_budget: {bytes} }}\n"));
        let connections = format!("connections:\n  from: {from}\n  into: {into}\n");
        project.write("syncline.yaml", connections + &settings.unwrap_or_default());
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
            earlier_runs: Vec::new(),
            is_superseded: false,
            due: BTreeSet::new(),
            log: Vec::new(),
        };
        // Only times come with a bound that late commits cannot pass.
        let writers = if world.shape.cursor == Cursor::Version { 1 } else { 2 };
        let url = world.source.database.url().to_string();
        world.producer = Some(Producer::start(&url, &world.shape, writers, seed));
        world
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
        let (held, limit);
        held = self.held();
        let arguments: Vec<&str> = match (held.first(), step.decision, step.command) {
            (Some(run), Decision::Approve, _) => vec!["approve", run],
            (Some(run), Decision::Reject, _) => vec!["reject", run],
            (_, _, Asked::Run) => vec!["run", SYNC],
            (_, _, Asked::Reset) => vec!["run", SYNC, "--cursor", "reset"],
            (_, _, Asked::Full) => vec!["run", SYNC, "--cursor", "full"],
            (_, _, Asked::Limited(rows)) => {
                limit = rows.to_string();
                vec!["run", SYNC, "--max-entities", &limit]
            }
            (_, _, Asked::Ids) => vec!["run", SYNC, "--source-ids", "1,2,3,5,8,13,21,34,55,89,144"],
            (_, _, Asked::Plan) => vec!["plan", SYNC],
            (_, _, Asked::Apply) => {
                let planned = self.project.json(&["plan", SYNC, "--out", "item.plan"]);
                self.check(&planned);
                if planned.code() != Some(0) {
                    return;
                }
                vec!["apply", "item.plan"]
            }
        };
        let reads_now = arguments[0] == "run" && !matches!(step.command, Asked::Limited(_) | Asked::Ids);
        let before = reads_now.then(|| self.shown());
        // Other processes may write, and what a dead one left open is brought to its end first.
        let is_alone =
            !step.troubles.iter().any(|t| matches!(t, Trouble::Stop { .. } | Trouble::Succeed { .. }));
        let is_settled =
            self.statuses().iter().all(|(_, status)| !["starting", "running"].contains(&status.as_str()));
        let may_not_write = matches!(arguments[0], "plan" | "reject") && is_alone && is_settled;
        let untouched = may_not_write.then(|| self.target_records());
        let output = self.run(&arguments, &step.troubles);
        self.check(&output);
        self.is_superseded = false;
        if matches!(output.code(), Some(0 | 3))
            && let Some(before) = before
        {
            self.note_due(&before);
        }
        if let Some(untouched) = untouched {
            assert_eq!(untouched, self.target_records(), "`{}` wrote\n{output}", arguments.join(" "));
        }
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
                    || output.text().contains("refused the role")
                    || (self.is_superseded && code.as_deref() == Some("fenced"));
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
