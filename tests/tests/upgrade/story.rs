//! The states that each released version left behind: what happened in them, and how their databases
//! are written down as SQL and made again.

use std::fs;
use std::path::{Path, PathBuf};

use syncline_tests::databases::{Database, Postgres, Sqlite};
use syncline_tests::project::Project;

/// Where the states of each version are kept. Whoever changes a format on disk, or what a fingerprint
/// covers, adds a folder (see `making.rs`); those that are there never change.
pub const VERSIONS: [&str; 1] = ["state-v1"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Postgres,
    Sqlite,
    /// A CSV file; only as target.
    Csv,
}

/// What a version left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// Two runs ended; one row waits as a dead letter.
    Settled,
    /// A guard holds a run that would remove half of the records.
    Held,
    /// Killed between the destination's commit of a chunk and our record of it.
    KilledAfterCommit,
    /// Killed when a chunk was `sending` and nothing of it had been written.
    KilledSending,
}

#[derive(Debug)]
pub struct Story {
    /// Folder of the state.
    pub name: &'static str,
    pub source: System,
    pub target: System,
    pub scene: Scene,
    /// Lines of the entity besides model and target.
    pub settings: &'static str,
    pub model: &'static str,
}

const TABLE: &str = "{ table: item, key: id }";

pub const STORIES: [Story; 6] = [
    Story {
        name: "postgres-settled",
        source: System::Postgres,
        target: System::Postgres,
        scene: Scene::Settled,
        settings: "write_mode: mirror",
        model: TABLE,
    },
    Story {
        name: "postgres-held",
        source: System::Postgres,
        target: System::Postgres,
        scene: Scene::Held,
        settings: "write_mode: mirror",
        model: TABLE,
    },
    Story {
        name: "postgres-append-killed",
        source: System::Postgres,
        target: System::Postgres,
        scene: Scene::KilledAfterCommit,
        settings: "write_mode: append\npublish: progressive\nbatch_size: 9",
        model: "{ table: item, key: id, cursor: changed }",
    },
    Story {
        name: "sqlite-settled",
        source: System::Sqlite,
        target: System::Sqlite,
        scene: Scene::Settled,
        settings: "write_mode: mirror",
        model: TABLE,
    },
    Story {
        name: "sqlite-killed",
        source: System::Sqlite,
        target: System::Sqlite,
        scene: Scene::KilledSending,
        settings: "write_mode: mirror\npublish: progressive\nbatch_size: 9",
        model: TABLE,
    },
    Story {
        name: "csv-settled",
        source: System::Sqlite,
        target: System::Csv,
        scene: Scene::Settled,
        settings: "write_mode: mirror",
        model: TABLE,
    },
];

/// Name, type in PostgreSQL, type in SQLite: every kind of value that a fingerprint covers.
pub const COLUMNS: [(&str, &str, &str); 16] = [
    ("id", "bigint", "INTEGER"),
    ("name", "text", "TEXT"),
    ("changed", "timestamptz", "TIMESTAMPTZ TEXT"),
    ("small", "smallint", "INTEGER"),
    ("flag", "boolean", "BOOLEAN"),
    ("ratio", "double precision", "REAL"),
    ("price", "numeric(12,4)", "NUMERIC TEXT"),
    ("amount", "numeric", "NUMERIC TEXT"),
    ("raw", "bytea", "BLOB"),
    ("uid", "uuid", "UUID TEXT"),
    ("day", "date", "DATE TEXT"),
    ("clock", "time", "TIME TEXT"),
    ("wall", "timestamp", "TIMESTAMP TEXT"),
    ("span", "interval", "TEXT"),
    ("doc", "jsonb", "JSON TEXT"),
    ("tags", "text[]", "JSON TEXT"),
];

impl Scene {
    /// Records at first.
    pub fn rows(self) -> u32 {
        // Guards let ten removals pass.
        if self == Scene::Held { 24 } else { 16 }
    }
}

impl System {
    /// SQL that makes a table of all columns. A target refuses the name `poison`.
    pub fn table(self, name: &str, key: bool, constraint: &str) -> String {
        let columns: Vec<String> = COLUMNS
            .iter()
            .map(|(column, postgres, sqlite)| {
                let ty = if self == System::Postgres { postgres } else { sqlite };
                let key = if *column == "id" && key { " primary key" } else { "" };
                format!("{column} {ty}{key}")
            })
            .collect();
        format!("create table {name} ({}{constraint});", columns.join(", "))
    }

    /// SQL that puts records with these numbers into `item`, with values that follow from the number.
    pub fn records(self, ids: std::ops::RangeInclusive<u32>) -> String {
        let rows: Vec<String> = ids.map(|id| self.record(id)).collect();
        format!("insert into item values {};", rows.join(", "))
    }

    /// In SQLite the values are spelled as Syncline spells them there: copies can be compared as text.
    fn record(self, id: u32) -> String {
        let postgres = self == System::Postgres;
        let bytes = if postgres { format!("'\\x00ff{id:02x}'") } else { format!("x'00ff{id:02x}'") };
        let tags = if postgres { format!("'{{a,\"b {id}\",\"\"}}'") } else { format!("'[\"b {id}\"]'") };
        // Every fifth record has NULL where there may be one.
        let (day, doc) = match id % 5 {
            0 => ("null".to_string(), "null".to_string()),
            _ => (format!("'2024-02-{:02}'", id % 28 + 1), format!("'{{\"a\":[{id},null,1.50]}}'")),
        };
        let flag = id.is_multiple_of(2);
        format!(
            "({id}, 'name {id} é', '2024-03-01 10:{id:02}:00Z', {id}, {flag}, {id}.5, '{id}.25', \
             '-123456789012345678901.{id}1', {bytes}, '00000000-0000-0000-0000-0000000000{id:02}', {day}, \
             '10:00:00.5', '2024-03-01 00:00:{id:02}', '1 mon {id} days', {doc}, {tags})"
        )
    }
}

/// A story's databases with its project around them.
pub struct World {
    pub story: &'static Story,
    pub project: Project,
    pub source: Box<dyn Database>,
    /// `None`: a file.
    pub target: Option<Box<dyn Database>>,
    /// Of the target, where it is PostgreSQL.
    pub postgres: Option<String>,
}

impl World {
    /// Empty databases and the story's configuration.
    pub fn empty(story: &'static Story) -> Self {
        let mut project = Project::new();
        project.set_variable("TZ", "UTC");
        let mut postgres = None;
        let source: Box<dyn Database> = match story.source {
            System::Postgres => Box::new(Postgres::new()),
            _ => Box::new(Sqlite::create(&project.path("source.db"))),
        };
        let target: Option<Box<dyn Database>> = match story.target {
            System::Postgres => {
                let database = Postgres::new();
                postgres = Some(address(&database));
                Some(Box::new(database))
            }
            System::Sqlite => Some(Box::new(Sqlite::create(&project.path("target.db")))),
            System::Csv => None,
        };
        // Old states are old: nothing of them may be cleared away before the test has looked.
        let settings = "settings: { retention: { runs: 3000d, dead_letters: 3000d } }";
        let into = match story.target {
            System::Postgres => target.as_ref().map(|t| t.options()).unwrap_or_default(),
            System::Sqlite => "{ type: sqlite, path: target.db }".into(),
            System::Csv => "{ type: files, path: out }".into(),
        };
        let from = match story.source {
            System::Postgres => source.options(),
            _ => "{ type: sqlite, path: source.db }".into(),
        };
        project.write("syncline.yaml", format!("connections:\n  from: {from}\n  into: {into}\n{settings}\n"));
        let object = if story.target == System::Csv { "copy.csv" } else { "copy" };
        let body = format!("model: {}\nto: {{ object: {object} }}\n{}\n", story.model, story.settings);
        project.write_entities(&[("item", &body)]);
        Self { story, project, source, target, postgres }
    }

    /// What identifies the target's table: its server, database and object numbers, where it is
    /// PostgreSQL.
    pub fn incarnation(&self) -> Option<String> {
        self.postgres.as_ref()?;
        let target = self.target.as_ref()?;
        let [system, database, table] = [
            "select system_identifier from pg_control_system()",
            "select oid from pg_database where datname = current_database()",
            "select 'copy'::regclass::oid",
        ]
        .map(|sql| target.value(sql));
        Some(format!("system {system}, database {database}, table {table}"))
    }

    pub fn state(&self) -> Sqlite {
        Sqlite::at(&self.project.path(".syncline/state.db"))
    }
}

/// How Syncline names a database of the test server.
pub fn address(database: &Postgres) -> String {
    format!("127.0.0.1:{}/{}", database.database.port(), database.database.name())
}

/// The folder of a story's state.
pub fn folder(version: &str, story: &Story) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(version).join(story.name)
}

/// Copies a folder, if it is there, with everything below it.
pub fn copy_folder(from: &Path, to: &Path) {
    let Ok(entries) = from.read_dir() else { return };
    fs::create_dir_all(to).expect("make a folder");
    for entry in entries {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).expect("copy a golden file");
        }
    }
}
