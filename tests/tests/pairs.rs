//! G7, G15: every source with every destination. Values of all types arrive, a second run writes
//! nothing, and changes, additions and removals follow.
//!
//! What arrived is read back by one more sync into typed PostgreSQL columns and compared there with
//! the same values written by PostgreSQL itself.

use std::os::unix::fs::MetadataExt;

use serde_json::{Value as Json, json};
use syncline_tests::databases::{Database, Postgres, Rows, Sqlite};
use syncline_tests::project::Project;

/// Name, canonical type, type in PostgreSQL, type in SQLite.
const COLUMNS: [(&str, &str, &str, &str); 15] = [
    ("id", "int64", "bigint", "INTEGER"),
    ("flag", "bool", "boolean", "BOOLEAN"),
    ("big", "int64", "bigint", "INTEGER"),
    ("ratio", "float64", "double precision", "REAL"),
    ("price", "numeric", "numeric", "NUMERIC TEXT"),
    ("label", "text", "text", "TEXT"),
    ("raw", "bytes", "bytea", "BLOB"),
    ("uid", "uuid", "uuid", "UUID TEXT"),
    ("day", "date", "date", "DATE TEXT"),
    ("clock", "time", "time", "TIME TEXT"),
    ("wall", "timestamp", "timestamp", "TIMESTAMP TEXT"),
    ("instant", "timestamptz", "timestamptz", "TIMESTAMPTZ TEXT"),
    ("span", "interval", "interval", "INTERVAL"),
    ("doc", "json", "jsonb", "JSON TEXT"),
    ("tags", "text[]", "text[]", "JSON TEXT"),
];

/// A record: one canonical text per column.
type Record = Vec<Option<String>>;

fn record(values: [&str; 15]) -> Record {
    values.iter().map(|value| (*value != "NULL").then(|| value.to_string())).collect()
}

fn records() -> Vec<Record> {
    vec![
        record([
            "1",
            "true",
            "9007199254740993",
            "0.1",
            "12345678901234567890.0123456789",
            "plain",
            "\\x00ff10",
            "123e4567-e89b-12d3-a456-426614174000",
            "2024-02-29",
            "23:59:59.999999",
            "2024-02-29T12:00:00.000001",
            "2024-10-27T00:30:00Z",
            "P14M3DT-90.5S",
            r#"{"a":[1,{"b":null}],"ü":"\"quoted\""}"#,
            r#"["a","b,c","say \"hi\"",""]"#,
        ]),
        record([
            "2",
            "false",
            "-9223372036854775808",
            "-1.5e-300",
            "-0.000000000000000000001",
            "comma, \"quotes\", line\nbreak, tab\tand 🦀é",
            "\\x",
            "00000000-0000-0000-0000-000000000000",
            "0001-01-01",
            "00:00:00",
            "0001-01-01T00:00:00",
            "0001-01-01T00:00:00Z",
            "PT0.000001S",
            "[]",
            "[]",
        ]),
        record([
            "3",
            "true",
            "9223372036854775807",
            "1.7976931348623157e308",
            "NaN",
            "",
            "\\xdeadbeef",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "9999-12-31",
            "12:34:56",
            "9999-12-31T23:59:59.999999",
            "9999-12-31T23:59:59.999999Z",
            "P-1M",
            "\"just text\"",
            r#"["007"]"#,
        ]),
        {
            let mut nothing = vec![None; COLUMNS.len()];
            nothing[0] = Some("4".to_string());
            nothing
        },
        record([
            "5",
            "false",
            "0",
            "0",
            "0",
            "NULL as text",
            "\\x4e",
            "NULL",
            "1970-01-01",
            "NULL",
            "1969-12-31T23:59:59",
            "1970-01-01T00:00:00Z",
            "NULL",
            "true",
            "NULL",
        ]),
    ]
}

/// One record changed in every column, one gone, one new.
fn changed_records() -> Vec<Record> {
    let mut records = records();
    let mut changed = records.remove(0);
    let newer = records[1].clone();
    changed[1..].clone_from_slice(&newer[1..]);
    records[0][5] = Some("changed text".to_string());
    records.remove(2);
    let mut new = records[0].clone();
    new[0] = Some("6".to_string());
    records.push(changed);
    records.push(new);
    records
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    Postgres,
    Sqlite,
    Csv,
    JsonLines,
    Parquet,
}

const SYSTEMS: [System; 5] =
    [System::Postgres, System::Sqlite, System::Csv, System::JsonLines, System::Parquet];

impl System {
    /// What a sync writes.
    fn object(self) -> &'static str {
        match self {
            System::Postgres | System::Sqlite => "thing",
            System::Csv => "thing.csv",
            System::JsonLines => "thing.jsonl",
            System::Parquet => "thing.parquet",
        }
    }

    fn model(self) -> String {
        let types: Vec<String> = COLUMNS.iter().map(|(name, ty, ..)| format!("{name}: \"{ty}\"")).collect();
        match self {
            System::Postgres | System::Sqlite => "{ table: thing, key: id }".to_string(),
            System::Parquet => "{ file: thing.parquet, key: id }".to_string(),
            System::Csv | System::JsonLines => {
                format!("{{ file: {}, key: id, types: {{ {} }} }}", self.object(), types.join(", "))
            }
        }
    }
}

/// One pair in a project of its own.
struct Pair {
    project: Project,
    source: System,
    target: System,
    /// The values as PostgreSQL has them; also what PostgreSQL and Parquet sources are made from.
    reference: Postgres,
    source_file: Option<Sqlite>,
    target_database: Option<Postgres>,
    /// Where the target is read back to.
    back: Postgres,
}

impl Pair {
    fn new(source: System, target: System) -> Self {
        let project = Project::new();
        let (reference, back) = (Postgres::new(), Postgres::new());
        for database in [&reference, &back] {
            database.execute(&create_table(|column| column.2));
        }
        let source_file = (source == System::Sqlite).then(|| Sqlite::create(&project.path("source.db")));
        let target_database = (target == System::Postgres).then(Postgres::new);
        let from = match source {
            System::Postgres => reference.options(),
            System::Sqlite => "{ type: sqlite, path: source.db }".to_string(),
            _ => "{ type: files, path: in }".to_string(),
        };
        let into = match (target, &target_database) {
            (_, Some(database)) => database.options(),
            (System::Sqlite, _) => "{ type: sqlite, path: target.db, create: true }".to_string(),
            _ => "{ type: files, path: out }".to_string(),
        };
        project.write(
            "syncline.yaml",
            format!(
                "connections:\n  from: {from}\n  into: {into}\n  reference: {}\n  back: {}\n  in: {{ type: files, path: in }}\n",
                reference.options(),
                back.options()
            ),
        );
        let instances = [
            ("shop", "from", "into", source.model(), target.object()),
            ("read", "into", "back", target.model(), "thing"),
            ("make", "reference", "in", System::Postgres.model(), "thing.parquet"),
        ];
        for (name, from, into, model, object) in instances {
            project.write(
                &format!("syncs/{name}.yaml"),
                format!(
                    "instance: {name}\nsource: {from}\ntarget: {into}\nentities:\n  thing:\n    model: {model}\n    \
                     to: {{ object: {object} }}\n    write_mode: mirror\n"
                ),
            );
        }
        Self { project, source, target, reference, source_file, target_database, back }
    }

    /// Makes the source hold these records.
    fn fill(&self, records: &[Record]) {
        self.reference.execute(&insertions(records, postgres_literal));
        match self.source {
            System::Postgres => {}
            System::Sqlite => {
                let file = self.source_file.as_ref().expect("a SQLite source has its file");
                file.execute(&format!("drop table if exists thing; {}", create_table(|column| column.3)));
                file.execute(&insertions(records, sqlite_literal));
            }
            System::Csv => self.project.write("in/thing.csv", csv_text(records)),
            System::JsonLines => self.project.write("in/thing.jsonl", json_lines(records)),
            System::Parquet => {
                self.project.expect(0, &["run", "make.thing"]);
            }
        }
    }

    /// What would differ had anything been written.
    fn fingerprint(&self) -> String {
        if let Some(database) = &self.target_database {
            return format!(
                "{:?}",
                database.rows("select id, xmin::text, ctid::text from thing order by id")
            );
        }
        let path = match self.target {
            System::Sqlite => self.project.path("target.db"),
            other => self.project.path("out").join(other.object()),
        };
        let meta = std::fs::metadata(&path).expect("the target is a file");
        let bytes = std::fs::read(&path).expect("the target can be read");
        format!("{} {} {}.{} {bytes:?}", meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec())
    }

    #[track_caller]
    fn run(&self, created: u64, updated: u64, deleted: u64) {
        let output = self.project.expect(0, &["run", "shop.thing"]);
        let run = output.run();
        assert_eq!(
            [&run["rows_created"], &run["rows_updated"], &run["rows_deleted"], &run["rows_failed"]],
            [&json!(created), &json!(updated), &json!(deleted), &json!(0)],
            "{:?} to {:?}: created, updated, deleted, failed\n{output}",
            self.source,
            self.target
        );
    }

    #[track_caller]
    fn assert_arrived(&self) {
        self.project.expect(0, &["run", "read.thing"]);
        let found = typed_rows(&self.back);
        for (found, expected) in found.iter().zip(&typed_rows(&self.reference)) {
            for ((found, expected), (column, ..)) in found.iter().zip(expected).zip(COLUMNS) {
                assert_eq!(found, expected, "{column}, {:?} to {:?}", self.source, self.target);
            }
        }
        assert_eq!(found.len(), typed_rows(&self.reference).len());
    }

    fn prove(&self) {
        self.fill(&records());
        if matches!(self.target, System::Postgres | System::Sqlite) {
            self.project.expect(0, &["check", "shop.thing", "--create"]);
        }
        self.run(5, 0, 0);
        self.assert_arrived();
        let before = self.fingerprint();
        self.run(0, 0, 0);
        assert!(self.fingerprint() == before, "{:?} to {:?}: the second run wrote", self.source, self.target);
        self.fill(&changed_records());
        self.run(1, 2, 1);
        self.assert_arrived();
        let before = self.fingerprint();
        self.run(0, 0, 0);
        assert!(self.fingerprint() == before, "{:?} to {:?}: the last run wrote", self.source, self.target);
    }
}

type Column = (&'static str, &'static str, &'static str, &'static str);

fn create_table(type_of: impl Fn(&Column) -> &'static str) -> String {
    let key = |name: &str| if name == "id" { " primary key" } else { "" };
    let columns: Vec<String> =
        COLUMNS.iter().map(|c| format!("\"{}\" {}{}", c.0, type_of(c), key(c.0))).collect();
    format!("create table thing ({});", columns.join(", "))
}

fn insertions(records: &[Record], literal: impl Fn(&str, &str) -> String) -> String {
    let rows: Vec<String> = records
        .iter()
        .map(|record| {
            let values = record.iter().zip(COLUMNS).map(|(value, (_, ty, ..))| match value {
                Some(value) => literal(value, ty),
                None => "null".to_string(),
            });
            format!("({})", values.collect::<Vec<_>>().join(", "))
        })
        .collect();
    format!("delete from thing; insert into thing values {};", rows.join(", "))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn postgres_literal(value: &str, ty: &str) -> String {
    match ty {
        "text[]" => format!("array(select jsonb_array_elements_text({}::jsonb))", quoted(value)),
        _ => {
            let name = COLUMNS.iter().find(|c| c.1 == ty).map_or("text", |c| c.2);
            format!("{}::{name}", quoted(value))
        }
    }
}

fn sqlite_literal(value: &str, ty: &str) -> String {
    match ty {
        "int64" | "float64" => value.to_string(),
        "bool" => if value == "true" { "1" } else { "0" }.to_string(),
        "bytes" => format!("x'{}'", value.trim_start_matches("\\x")),
        _ => quoted(value),
    }
}

/// NULL is an empty field, everything else stands in quotes.
fn csv_text(records: &[Record]) -> String {
    let mut text = COLUMNS.map(|c| c.0).join(",") + "\n";
    for record in records {
        let values = record.iter().map(|value| match value {
            Some(value) => format!("\"{}\"", value.replace('"', "\"\"")),
            None => String::new(),
        });
        text += &(values.collect::<Vec<_>>().join(",") + "\n");
    }
    text
}

/// NULL is a missing key.
fn json_lines(records: &[Record]) -> String {
    let mut text = String::new();
    for record in records {
        let values = record.iter().zip(COLUMNS).filter_map(|(value, (name, ty, ..))| {
            let value = value.as_ref()?;
            let raw = matches!(ty, "int64" | "float64" | "bool" | "json" | "text[]")
                || (ty == "numeric" && value != "NaN");
            let written = if raw { value.clone() } else { Json::from(value.as_str()).to_string() };
            Some(format!("\"{name}\": {written}"))
        });
        text += &format!("{{{}}}\n", values.collect::<Vec<_>>().join(", "));
    }
    text
}

fn typed_rows(database: &Postgres) -> Rows {
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|c| match c.0 {
            "instant" => "instant at time zone 'UTC'".to_string(),
            name => format!("\"{name}\""),
        })
        .collect();
    database.rows(&format!("select {} from thing order by id", columns.join(", ")))
}

fn prove_all_targets_of(source: System) {
    for target in SYSTEMS {
        println!("{source:?} to {target:?}");
        Pair::new(source, target).prove();
    }
}

#[test]
fn postgres_reaches_every_destination_and_a_second_run_writes_nothing() {
    prove_all_targets_of(System::Postgres);
}

#[test]
fn sqlite_reaches_every_destination_and_a_second_run_writes_nothing() {
    prove_all_targets_of(System::Sqlite);
}

#[test]
fn csv_reaches_every_destination_and_a_second_run_writes_nothing() {
    prove_all_targets_of(System::Csv);
}

#[test]
fn json_lines_reach_every_destination_and_a_second_run_writes_nothing() {
    prove_all_targets_of(System::JsonLines);
}

#[test]
fn parquet_reaches_every_destination_and_a_second_run_writes_nothing() {
    prove_all_targets_of(System::Parquet);
}
