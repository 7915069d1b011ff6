//! A source that changes, a sync, a target, and what must hold between them.

use std::collections::{BTreeMap, BTreeSet};

use syncline_tests::databases::{Database, Postgres, Sqlite};
use syncline_tests::project::{Output, Project};
use syncline_tests::seeded::Choices;

/// Rows of the source at first.
const ROWS: u64 = 45;
/// Rows in one chunk, so that every run has several.
const CHUNK_ROWS: u32 = 10;
/// The row that databases refuse once [`World::poison`] changed it.
const POISONED: u64 = 7;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Postgres,
    Sqlite,
    /// One CSV file.
    File,
    /// A folder with a file for each chunk.
    Folder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Upsert,
    Mirror,
    Append,
}

#[derive(Debug)]
pub struct Scenario {
    pub name: &'static str,
    source: System,
    target: System,
    mode: Mode,
    publish: &'static str,
    /// A guard holds the first run until somebody approves it.
    pub held: bool,
}

const fn scenario(
    name: &'static str,
    source: System,
    target: System,
    mode: Mode,
    publish: &'static str,
) -> Scenario {
    Scenario { name, source, target, mode, publish, held: false }
}

pub const SCENARIOS: &[Scenario] = {
    use Mode::*;
    use System::*;
    &[
        scenario("postgres upsert atomic", Postgres, Postgres, Upsert, "atomic"),
        scenario("postgres upsert progressive", Postgres, Postgres, Upsert, "progressive"),
        scenario("postgres mirror atomic", Postgres, Postgres, Mirror, "atomic"),
        scenario("postgres mirror progressive", Postgres, Postgres, Mirror, "progressive"),
        scenario("postgres append atomic", Postgres, Postgres, Append, "atomic"),
        scenario("postgres append progressive", Postgres, Postgres, Append, "progressive"),
        scenario("sqlite upsert atomic", Sqlite, Sqlite, Upsert, "atomic"),
        scenario("sqlite upsert progressive", Sqlite, Sqlite, Upsert, "progressive"),
        scenario("sqlite mirror atomic", Sqlite, Sqlite, Mirror, "atomic"),
        scenario("sqlite mirror progressive", Sqlite, Sqlite, Mirror, "progressive"),
        scenario("sqlite append atomic", Sqlite, Sqlite, Append, "atomic"),
        scenario("sqlite append progressive", Sqlite, Sqlite, Append, "progressive"),
        scenario("file mirror", Postgres, File, Mirror, "atomic"),
        scenario("folder append", Sqlite, Folder, Append, "atomic"),
        Scenario {
            name: "held",
            source: Sqlite,
            target: Sqlite,
            mode: Mirror,
            publish: "atomic",
            held: true,
        },
    ]
};

impl Scenario {
    /// Whether a run of this scenario may come to a fail point; a connector's only its own.
    pub fn can_reach(&self, point: &str) -> bool {
        match point {
            "engine.run.held" => self.held,
            "engine.publish.before" => self.publish == "atomic",
            "files.before_rename" | "files.after_rename" => {
                matches!(self.target, System::File | System::Folder)
            }
            _ if point.contains(".load.") => self.loads_directly(),
            _ if point.starts_with("postgres.") => self.target == System::Postgres,
            _ if point.starts_with("sqlite.") => self.target == System::Sqlite,
            _ => true,
        }
    }

    /// Whether the first run goes straight into the empty table.
    pub fn loads_directly(&self) -> bool {
        self.target == System::Postgres && self.publish == "atomic" && self.mode != Mode::Append
    }

    fn is_database(&self) -> bool {
        matches!(self.target, System::Postgres | System::Sqlite)
    }
}

/// A record's id, and its content.
type Record = (u64, String);

pub struct World {
    scenario: &'static Scenario,
    pub project: Project,
    source: Box<dyn Database>,
    /// `None`: files.
    target: Option<Box<dyn Database>>,
    /// Grows with every change of the source; each row holds the number of its last change.
    version: u64,
    /// Everything the source ever showed to a run that may have read it.
    shown: BTreeSet<Record>,
    /// What an append must hold: what the source showed to a run that went through.
    due: BTreeSet<Record>,
    deleted: BTreeSet<u64>,
    is_poisoned: bool,
}

impl World {
    pub fn new(scenario: &'static Scenario) -> Self {
        let mut project = Project::new();
        // Times in messages do not depend on where the tests run.
        project.set_variable("TZ", "UTC");
        let database = |system: System, file: &str| -> Option<Box<dyn Database>> {
            match system {
                System::Postgres => Some(Box::new(Postgres::new())),
                System::Sqlite => Some(Box::new(Sqlite::create(&project.path(file)))),
                System::File | System::Folder => None,
            }
        };
        let source = database(scenario.source, "source.db").expect("the source is a database");
        let target = database(scenario.target, "target.db");
        source.execute("create table item (id integer primary key, name text, version bigint)");
        let rows: Vec<String> = (1..=ROWS).map(|id| format!("({id}, 'name {id}', 1)")).collect();
        source.execute(&format!("insert into item values {}", rows.join(", ")));
        if let Some(target) = &target {
            let key = if scenario.mode == Mode::Append { "" } else { "primary key" };
            target.execute(&format!(
                "create table copy (id integer {key}, name text check (name <> 'poison'), version bigint)"
            ));
        }
        let options =
            target.as_ref().map_or("{ type: files, path: out, format: jsonl }".into(), |t| t.options());
        let connections = format!("connections:\n  from: {}\n  into: {options}\n", source.options());
        project.write("syncline.yaml", connections);
        let world = Self {
            scenario,
            project,
            source,
            target,
            version: 1,
            shown: BTreeSet::new(),
            due: BTreeSet::new(),
            deleted: BTreeSet::new(),
            is_poisoned: false,
        };
        world.configure(scenario.held);
        world
    }

    fn configure(&self, held: bool) {
        let (object, mode) = match (self.scenario.target, self.scenario.mode) {
            (System::File, _) => ("copy.csv", "mirror"),
            (System::Folder, _) => ("copy/", "append"),
            (_, Mode::Upsert) => ("copy", "upsert"),
            (_, Mode::Mirror) => ("copy", "mirror"),
            (_, Mode::Append) => ("copy", "append"),
        };
        // An upsert goes by its cursor; the others compare all they read.
        let cursor = if self.scenario.mode == Mode::Upsert { ", cursor: version" } else { "" };
        let guards = if held { "{ max_creates: 5 }" } else { "{ max_deletes: off }" };
        let body = format!(
            "model: {{ table: item, key: id{cursor} }}\n\
             to: {{ object: {object} }}\n\
             write_mode: {mode}\n\
             publish: {}\n\
             batch_size: {CHUNK_ROWS}\n\
             guards: {guards}\n",
            self.scenario.publish
        );
        // Only a mirror removes; elsewhere the guard has nothing to do.
        let body = match (self.scenario.mode, held) {
            (Mode::Mirror, _) => body,
            _ => body.replace(&format!("guards: {guards}\n"), ""),
        };
        self.project.write_entities(&[("item", &body)]);
    }

    /// Changes, adds and removes rows at the source.
    pub fn change(&mut self, choices: &mut Choices) {
        self.note_shown();
        let mut sql = String::new();
        let ids: Vec<u64> = self.source_records().keys().copied().collect();
        for _ in 0..12 {
            let id = ids[choices.below(ids.len() as u64) as usize];
            self.version += 1;
            sql += &format!("update item set version = {} where id = {id};", self.version);
        }
        for _ in 0..8 {
            self.version += 1;
            let id = 1_000 + self.version;
            sql += &format!("insert into item values ({id}, 'name {id}', {});", self.version);
        }
        for _ in 0..3 {
            let id = ids[choices.below(ids.len() as u64) as usize];
            if id != POISONED {
                self.deleted.insert(id);
                sql += &format!("delete from item where id = {id};");
            }
        }
        self.source.execute(&sql);
    }

    /// Makes one row unacceptable to a database.
    pub fn poison(&mut self) {
        if self.scenario.is_database() && !self.scenario.held {
            self.note_shown();
            self.version += 1;
            let set = format!("set name = 'poison', version = {}", self.version);
            self.source.execute(&format!("update item {set} where id = {POISONED}"));
            self.is_poisoned = true;
        }
    }

    /// Repairs the poisoned row; the next run delivers it and resolves its letter.
    pub fn heal(&mut self) {
        if !self.is_poisoned {
            return;
        }
        self.note_shown();
        self.version += 1;
        let set = format!("set name = 'healed', version = {}", self.version);
        self.source.execute(&format!("update item {set} where id = {POISONED}"));
        self.is_poisoned = false;
        self.run_through();
        self.assert_whole();
        self.assert_nothing_is_open();
    }

    /// Runs the sync to its end.
    #[track_caller]
    pub fn run_through(&mut self) -> Output {
        let output = self.project.json(&["run", "shop.item"]);
        self.assert_ended_well(&output);
        output
    }

    #[track_caller]
    pub fn assert_ended_well(&mut self, output: &Output) {
        let held = if self.scenario.held { Some(4) } else { None };
        let code = output.code();
        let ended_well = match code {
            Some(0) => true,
            Some(3) => self.is_poisoned,
            // An incremental run may read nothing but the poisoned row.
            Some(1) => self.is_poisoned && output.error_code() == "all_rows_failed",
            other => other.is_some() && other == held,
        };
        assert!(ended_well, "{output}");
        self.note_shown();
        if code != held {
            self.due.extend(self.acceptable());
        }
    }

    /// Releases the held run and takes the guard away.
    #[track_caller]
    pub fn approve(&mut self) {
        assert_eq!(self.project.last_run()["status"], "held");
        self.project.expect(0, &["approve", "last"]);
        self.configure(false);
    }

    fn note_shown(&mut self) {
        self.shown.extend(self.acceptable());
    }

    fn source_records(&self) -> BTreeMap<u64, String> {
        records(&*self.source, "item").into_iter().collect()
    }

    /// The source's records that the target accepts.
    fn acceptable(&self) -> Vec<Record> {
        let poisoned = self.is_poisoned;
        self.source_records().into_iter().filter(|(id, _)| !(poisoned && *id == POISONED)).collect()
    }

    pub fn target_records(&self) -> Vec<Record> {
        let mut found = match (&self.target, self.scenario.target) {
            (Some(target), _) => records(&**target, "copy"),
            (None, System::File) => csv_records(&self.project.read("out/copy.csv")),
            (None, _) => self.folder_records(),
        };
        found.sort();
        found
    }

    fn folder_records(&self) -> Vec<Record> {
        let folder = self.project.path("out/copy");
        let files = folder.read_dir().into_iter().flatten().map(|entry| entry.expect("an entry").path());
        let visible = files.filter(|path| path.extension().is_some_and(|e| e == "jsonl"));
        let text: String = visible.map(|path| std::fs::read_to_string(path).expect("a file")).collect();
        text.lines()
            .map(|line| {
                let row: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
                let id = row["id"].as_u64().expect("an id");
                (id, format!("{}/{}", row["name"].as_str().unwrap_or_default(), row["version"]))
            })
            .collect()
    }

    /// The end state equals the source, as far as the write mode carries it.
    #[track_caller]
    pub fn assert_whole(&self) {
        let found = self.target_records();
        let source = self.acceptable();
        match self.scenario.mode {
            Mode::Mirror => {
                let found: Vec<Record> = found.into_iter().filter(|r| !self.is_poisonous(r.0)).collect();
                assert_eq!(found, source);
            }
            Mode::Upsert => {
                let by_id: BTreeMap<u64, String> = found.iter().cloned().collect();
                assert_eq!(by_id.len(), found.len(), "an id is there twice");
                for (id, content) in &source {
                    assert_eq!(by_id.get(id), Some(content), "record {id}");
                }
                for id in by_id.keys().filter(|id| !source.iter().any(|(known, _)| known == *id)) {
                    assert!(self.deleted.contains(id) || self.is_poisonous(*id), "record {id} is nobody's");
                }
            }
            Mode::Append => {
                let once: BTreeSet<Record> = found.iter().cloned().collect();
                assert_eq!(once.len(), found.len(), "a row is there twice: {found:?}");
                let lost: Vec<_> = self.due.difference(&once).collect();
                assert!(lost.is_empty(), "rows are lost: {lost:?}");
                let strange: Vec<_> = once.difference(&self.shown).collect();
                assert!(strange.is_empty(), "rows that the source never had: {strange:?}");
            }
        }
    }

    fn is_poisonous(&self, id: u64) -> bool {
        self.is_poisoned && id == POISONED
    }

    #[track_caller]
    pub fn assert_next_run_writes_nothing(&mut self) {
        let before = self.target_records();
        let output = self.run_through();
        let run = output.run();
        for count in ["rows_created", "rows_updated", "rows_deleted"] {
            assert_eq!(run[count], 0, "{count}\n{output}");
        }
        assert_eq!(self.target_records(), before);
    }

    /// No run is left active, and exactly the poisoned record has an open letter.
    #[track_caller]
    pub fn assert_nothing_is_open(&self) {
        for run in self.project.runs() {
            let status = run["status"].as_str().unwrap_or_default();
            let ended = ["completed", "failed", "source_failure", "cancelled"];
            assert!(ended.contains(&status), "a run is left {status}: {run:#}");
        }
        let letters = self.project.open_letters();
        let keys: Vec<_> =
            letters.iter().map(|letter| letter["row_id"].as_str().unwrap_or_default()).collect();
        let expected: &[&str] = if self.is_poisoned { &["7"] } else { &[] };
        assert_eq!(keys, expected, "{letters:#?}");
    }
}

fn records(database: &dyn Database, table: &str) -> Vec<Record> {
    let rows = database.rows(&format!("select id, name, version from {table} order by id, version"));
    rows.into_iter()
        .map(|row| {
            let mut values = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || values.next().unwrap_or_default();
            (next().parse().expect("an id"), format!("{}/{}", next(), next()))
        })
        .collect()
}

/// Records of a file without quotes or commas in its values.
fn csv_records(text: &str) -> Vec<Record> {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("id,name,version"));
    lines
        .map(|line| {
            let mut values = line.split(',');
            let mut next = || values.next().expect("three columns").to_string();
            (next().parse().expect("an id"), format!("{}/{}", next(), next()))
        })
        .collect()
}
