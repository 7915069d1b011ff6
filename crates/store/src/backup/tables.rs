//! The tables of a state as lines of JSON, read and written through [`Sql`].
//!
//! A value is `null`, a number, a text, `{"real":"…"}` or `{"base64":"…"}`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};
use syncline_core::run::FileRef;
use syncline_core::{Error, ErrorKind};

use super::archive::create_file;
use super::{BUFFER_BYTES, Hashed, TableManifest};
use crate::files::io_error;
use crate::sql::{Dialect, Outcome, Row, Sql, Value, blob, values};
use crate::{Generation, PlanRecord};

/// Every table, those that others refer to first.
const TABLES: &[&str] = &[
    "incarnation",
    "syncs",
    "runs",
    "run_configs",
    "run_uses",
    "plans",
    "plan_files",
    "chunks",
    "row_errors",
    "staged_letters",
    "letters",
    "generations",
    "generation_files",
    "cursor_history",
    "objects",
    "audit",
    "requests",
    "events",
    "notices",
];

/// What a database keeps for itself, or what is gone after a crash as well.
const LEFT_OUT: &[&str] = &["run_progress", "syncline_meta", "event_numbering"];

/// The order in which a server's transactions wrote events. Those that have no number of their own yet,
/// which are seconds old, are left out too.
const EVENT_DRAFT: &str = "draft";

/// What tells the rows of a table apart where a server's primary key does not say.
const KEYS: &[(&str, &[&str])] =
    &[("events", &["sequence"]), ("staged_letters", &["workspace_id", "run_id", "key"])];

/// Tables whose rows a server numbers by itself, in the column `sequence`.
const NUMBERED: &[&str] = &["row_errors", "cursor_history"];

/// Tables whose rows make a state one that may not be written over.
const OF_USERS: &[&str] = &["syncs", "runs", "objects", "audit"];

/// Rows read at once.
const PAGE_ROWS: u64 = 500;
/// Values written by one statement; SQLite takes up to 32,766.
const VALUES_AT_ONCE: usize = 2_000;

struct Column {
    name: String,
    /// Place in the primary key.
    key: Option<i64>,
}

pub fn dump(tx: &dyn Sql, folder: &Path) -> Outcome<(Vec<TableManifest>, Vec<FileRef>)> {
    let found = names(tx)?;
    if let Some(unknown) =
        found.iter().find(|n| !TABLES.contains(&n.as_str()) && !LEFT_OUT.contains(&n.as_str()))
    {
        return Err(Error::internal(format!("the table {unknown} would be missing in the backup")).into());
    }
    let mut files = BTreeMap::new();
    let mut tables = Vec::new();
    for name in TABLES.iter().filter(|name| found.iter().any(|n| n == *name)) {
        tables.push(dump_table(tx, name, folder, &mut files)?);
    }
    Ok((tables, files.into_values().collect()))
}

fn dump_table(
    tx: &dyn Sql,
    table: &str,
    folder: &Path,
    files: &mut BTreeMap<String, FileRef>,
) -> Outcome<TableManifest> {
    let columns = columns(tx, table)?;
    let mut described = TableManifest {
        name: table.into(),
        columns: columns.iter().map(|column| column.name.clone()).collect(),
        rows: 0,
        bytes: 0,
        checksum: String::new(),
    };
    let path = folder.join(described.file_name());
    let failed = |e| io_error("write", &path, e);
    let mut to = Hashed::new(BufWriter::with_capacity(BUFFER_BYTES, create_file(&path)?));
    let mut page = Pages::new(table, &columns)?;
    loop {
        let rows = page.next(tx)?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            note_files(table, &described.columns, row, files)?;
            let line: Vec<Json> = row.0.iter().map(to_json).collect();
            serde_json::to_writer(&mut to, &line).map_err(|e| failed(e.into()))?;
            to.write_all(b"\n").map_err(failed)?;
        }
        described.rows += rows.len() as u64;
    }
    to.flush().map_err(failed)?;
    described.bytes = to.bytes;
    described.checksum = to.checksum();
    Ok(described)
}

/// The rows of a table in the order of its primary key, page by page: no transaction holds them all.
struct Pages {
    select: String,
    /// True of all rows, except events that have no number yet.
    numbered: String,
    condition: String,
    order: String,
    /// Where the key's columns are in a row.
    key: Vec<usize>,
    last: Option<Vec<Value>>,
}

impl Pages {
    fn new(table: &str, columns: &[Column]) -> Outcome<Self> {
        let mut key: Vec<_> =
            columns.iter().enumerate().filter_map(|(n, column)| Some((column.key?, n))).collect();
        key.sort_unstable();
        let key: Vec<usize> = key.into_iter().map(|(_, n)| n).collect();
        if key.is_empty() {
            return Err(Error::internal(format!("the table {table} has no primary key")).into());
        }
        let all: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        let keys: Vec<_> = key.iter().map(|n| all[*n]).collect();
        let (keys, marks) = (keys.join(", "), vec!["?"; key.len()].join(", "));
        Ok(Self {
            select: format!("SELECT {} FROM {table}", all.join(", ")),
            numbered: format!("{} IS NOT NULL", all[key[0]]),
            condition: format!("({keys}) > ({marks})"),
            order: format!("ORDER BY {keys} LIMIT {PAGE_ROWS}"),
            key,
            last: None,
        })
    }

    fn next(&mut self, tx: &dyn Sql) -> Outcome<Vec<Row>> {
        let Self { select, numbered, condition, order, .. } = self;
        let rows = match &self.last {
            None => tx.query(&format!("{select} WHERE {numbered} {order}"), &[])?,
            Some(after) => tx.query(&format!("{select} WHERE {condition} {order}"), after)?,
        };
        if let Some(row) = rows.last() {
            self.last = Some(self.key.iter().map(|n| row.0[*n].clone()).collect());
        }
        Ok(rows)
    }
}

/// Remembers the files that a row names, with length and checksum.
fn note_files(
    table: &str,
    columns: &[String],
    row: &Row,
    files: &mut BTreeMap<String, FileRef>,
) -> Outcome<()> {
    let at = |name: &str| columns.iter().position(|column| column == name).unwrap_or(usize::MAX);
    let named: Vec<FileRef> = match table {
        "plans" => {
            let plan: PlanRecord = blob::decode(row.text(at("record"))?, "a plan")?;
            plan.file.into_iter().chain(plan.updates).collect()
        }
        "generations" => {
            let generation: Generation = blob::decode(row.text(at("record"))?, "a generation")?;
            generation.segments
        }
        "chunks" => match row.text_or_null(at("outcomes_path"))? {
            Some(path) => vec![FileRef {
                path: path.into(),
                bytes: row.count(at("outcomes_bytes"))?,
                checksum: row.text(at("outcomes_checksum"))?.into(),
            }],
            None => vec![],
        },
        _ => vec![],
    };
    files.extend(named.into_iter().map(|file| (file.path.clone(), file)));
    Ok(())
}

/// A state in which nobody did anything yet.
pub fn require_empty(tx: &dyn Sql) -> Outcome<()> {
    for table in OF_USERS {
        if tx.query_first(&format!("SELECT 1 FROM {table} LIMIT 1"), &[])?.is_some() {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("the state to restore into is not empty (there are rows in {table})"),
            )
            .help("restore into a new state with --into, or add --replace: what this one knows is lost then")
            .into());
        }
    }
    Ok(())
}

/// The names of tables become names of files and parts of statements, so they are looked up.
pub fn require_known(tables: &[TableManifest]) -> Result<(), Error> {
    let unknown = |table: &&TableManifest| !TABLES.contains(&table.name.as_str());
    let twice = |(n, table): (usize, &TableManifest)| tables[..n].iter().any(|t| t.name == table.name);
    if let Some(table) = tables.iter().find(unknown) {
        return Err(damaged(&table.name, "is none of a state"));
    }
    if tables.iter().enumerate().any(twice) {
        return Err(damaged("of one name", "is there twice"));
    }
    Ok(())
}

/// Replaces all rows by those of a dump.
pub fn load(tx: &dyn Sql, folder: &Path, tables: &[TableManifest]) -> Outcome<()> {
    tx.execute("DELETE FROM run_progress", &[])?;
    for table in TABLES.iter().rev().filter(|name| tables.iter().any(|t| t.name == **name)) {
        tx.execute(&format!("DELETE FROM {table}"), &[])?;
    }
    tables.iter().try_for_each(|table| load_table(tx, folder, table))?;
    go_on_numbering(tx)
}

fn load_table(tx: &dyn Sql, folder: &Path, table: &TableManifest) -> Outcome<()> {
    let mut here: Vec<_> = columns(tx, &table.name)?.into_iter().map(|column| column.name).collect();
    let mut there = table.columns.clone();
    here.sort();
    there.sort();
    if here != there {
        return Err(damaged(&table.name, "does not have the columns of this state").into());
    }
    let path = folder.join(table.file_name());
    let file = File::open(&path).map_err(|e| io_error("read", &path, e))?;
    let width = table.columns.len();
    let rows_at_once = (VALUES_AT_ONCE / width).max(1);
    let mut values = Vec::with_capacity(rows_at_once * width);
    for line in BufReader::with_capacity(BUFFER_BYTES, file).lines() {
        let line = line.map_err(|e| io_error("read", &path, e))?;
        let row: Vec<Json> =
            serde_json::from_str(&line).map_err(|e| damaged(&table.name, "has a bad line").caused_by(e))?;
        if row.len() != width {
            return Err(damaged(&table.name, "has a line of another length").into());
        }
        for value in row {
            values.push(from_json(value).ok_or_else(|| damaged(&table.name, "has a bad value"))?);
        }
        if values.len() == rows_at_once * width {
            insert(tx, table, &values)?;
            values.clear();
        }
    }
    if !values.is_empty() {
        insert(tx, table, &values)?;
    }
    Ok(())
}

fn insert(tx: &dyn Sql, table: &TableManifest, values: &[Value]) -> Outcome<()> {
    let row = format!("({})", vec!["?"; table.columns.len()].join(", "));
    let rows = vec![row; values.len() / table.columns.len()].join(", ");
    // A server keeps to the numbers that rows had.
    let numbers = match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => "OVERRIDING SYSTEM VALUE",
    };
    let statement =
        format!("INSERT INTO {} ({}) {numbers} VALUES {rows}", table.name, table.columns.join(", "));
    tx.execute(&statement, values)?;
    Ok(())
}

/// A server goes on numbering after the rows that came with their numbers.
fn go_on_numbering(tx: &dyn Sql) -> Outcome<()> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    for table in NUMBERED {
        let next = format!("SELECT COALESCE(MAX(sequence), 0) + 1 FROM {table}");
        let statement =
            format!("SELECT setval(pg_get_serial_sequence('{table}', 'sequence'), ({next}), false)");
        tx.query(&statement, &[])?;
    }
    Ok(())
}

fn names(tx: &dyn Sql) -> Outcome<Vec<String>> {
    let statement = match tx.dialect() {
        Dialect::Sqlite => {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        }
        Dialect::Postgres => {
            "SELECT CAST(tablename AS text) FROM pg_tables WHERE schemaname = current_schema()"
        }
    };
    tx.texts(statement, &[])
}

fn columns(tx: &dyn Sql, table: &str) -> Outcome<Vec<Column>> {
    let statement = match tx.dialect() {
        Dialect::Sqlite => "SELECT name, NULLIF(pk, 0) FROM pragma_table_info(?) ORDER BY cid",
        Dialect::Postgres => {
            "SELECT CAST(c.column_name AS text), CAST(k.ordinal_position AS bigint)
             FROM information_schema.columns AS c
             LEFT JOIN information_schema.table_constraints AS p
                 ON p.table_schema = c.table_schema AND p.table_name = c.table_name
                 AND p.constraint_type = 'PRIMARY KEY'
             LEFT JOIN information_schema.key_column_usage AS k
                 ON k.constraint_schema = p.constraint_schema AND k.constraint_name = p.constraint_name
                 AND k.table_name = c.table_name AND k.column_name = c.column_name
             WHERE c.table_schema = current_schema() AND c.table_name = CAST(? AS text)
             ORDER BY c.ordinal_position"
        }
    };
    let read = |row: &Row| Ok(Column { name: row.text(0)?.into(), key: row.integer_or_null(1)? });
    let mut columns: Vec<Column> =
        tx.query(statement, values![table])?.iter().map(read).collect::<Outcome<_>>()?;
    columns.retain(|column| column.name != EVENT_DRAFT);
    if let Some((_, key)) = KEYS.iter().find(|(name, _)| *name == table) {
        for column in &mut columns {
            column.key = key.iter().position(|name| *name == column.name).map(|n| n as i64);
        }
    }
    Ok(columns)
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(number) => json!(number),
        // As text: JSON has no infinity, and nobody's parser may round it.
        Value::Real(number) => json!({ "real": number.to_string() }),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => json!({ "base64": BASE64.encode(bytes) }),
    }
}

fn from_json(value: Json) -> Option<Value> {
    Some(match value {
        Json::Null => Value::Null,
        Json::Number(number) => Value::Integer(number.as_i64()?),
        Json::String(text) => Value::Text(text),
        Json::Object(tagged) => match (tagged.get("real"), tagged.get("base64")) {
            (Some(Json::String(text)), None) => Value::Real(text.parse().ok()?),
            (None, Some(Json::String(text))) => Value::Blob(BASE64.decode(text).ok()?),
            _ => return None,
        },
        Json::Bool(_) | Json::Array(_) => return None,
    })
}

fn damaged(table: &str, how: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the backup is damaged: the table {table} {how}"))
        .help("take another backup")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back() {
        for value in [
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Integer(i64::MAX),
            Value::Real(0.1),
            Value::Real(f64::INFINITY),
            Value::Real(-0.0),
            Value::Real(1.0),
            Value::Text("a \"quoted\" \u{1F600}\n".into()),
            Value::Text("{\"base64\":\"\"}".into()),
            Value::Blob(vec![0, 255, 7]),
            Value::Blob(vec![]),
        ] {
            let line = serde_json::to_string(&to_json(&value)).unwrap();
            assert_eq!(from_json(serde_json::from_str(&line).unwrap()), Some(value), "{line}");
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for bad in ["true", "[]", "1.5", "18446744073709551615", "{}", r#"{"real":"x"}"#, r#"{"base64":"%"}"#]
        {
            assert_eq!(from_json(serde_json::from_str(bad).unwrap()), None, "{bad}");
        }
    }
}
