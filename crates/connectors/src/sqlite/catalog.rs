//! What the database says about its tables.

use rusqlite::{Connection, OptionalExtension, Result};
use syncline_connector::{Equality, TargetField};
use syncline_core::LogicalType;

use super::bookkeeping;
use super::types::{self, Affinity};

/// A table or view of the main database.
#[derive(Clone, Debug)]
pub struct Table {
    /// As the database spells it.
    pub name: String,
    pub kind: TableKind,
    pub columns: Vec<Column>,
    pub unique_keys: Vec<UniqueKey>,
    /// The CREATE statement, for looking up constraints.
    pub sql: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    Table,
    View,
    /// Rows are kept by a module; writing has rules of its own.
    Virtual,
}

#[derive(Clone, Debug)]
pub struct Column {
    pub name: String,
    pub declared: String,
    /// `None`: the declared type says nothing.
    pub ty: Option<LogicalType>,
    pub affinity: Affinity,
    pub collation: String,
    pub nullable: bool,
    pub has_default: bool,
    pub generated: bool,
    /// Position in the primary key, from 1; 0: not in it.
    pub key_position: u32,
    /// The column is another name of the row id, and holds integers only.
    pub row_id: bool,
}

/// Columns that are unique together, each with the collation that decides what is equal.
#[derive(Clone, Debug)]
pub struct UniqueKey {
    pub columns: Vec<(String, String)>,
}

/// Table names in the main database that are neither SQLite's nor ours, in order.
pub fn list(conn: &Connection) -> Result<Vec<String>> {
    let mut stmt = conn.prepare(
        r"SELECT name FROM main.sqlite_schema WHERE type IN ('table', 'view')
          AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE '\_syncline\_%' ESCAPE '\'
          ORDER BY name",
    )?;
    let names = stmt.query_map([], |row| row.get(0))?;
    names.collect()
}

/// Finds a table or view as a project names it: its own name, or `main.` before it.
pub fn find(conn: &Connection, object: &str) -> Result<Option<String>> {
    let lookup = |name: &str| {
        conn.query_row(
            "SELECT name FROM main.sqlite_schema
             WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view')",
            [name],
            |row| row.get(0),
        )
        .optional()
    };
    match (lookup(object)?, object.split_once('.')) {
        (Some(name), _) => Ok(Some(name)),
        (None, Some((schema, name))) if schema.eq_ignore_ascii_case("main") => lookup(name),
        (None, _) => Ok(None),
    }
}

/// Describes a table; `None` when there is none of that name.
pub fn table(conn: &Connection, object: &str) -> Result<Option<Table>> {
    let Some(name) = find(conn, object)? else { return Ok(None) };
    let (kind, strict): (String, bool) = conn.query_row(
        "SELECT type, strict FROM pragma_table_list(?1) WHERE schema = 'main'",
        [&name],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let kind = match kind.as_str() {
        "table" => TableKind::Table,
        "view" => TableKind::View,
        _ => TableKind::Virtual,
    };
    let sql: Option<String> = conn.query_row(
        "SELECT sql FROM main.sqlite_schema WHERE name = ?1 AND type IN ('table', 'view')",
        [&name],
        |row| row.get(0),
    )?;
    let mut columns = columns(conn, &name, kind, strict)?;
    let unique_keys = if kind == TableKind::Table { unique_keys(conn, &name, &mut columns)? } else { vec![] };
    Ok(Some(Table { name, kind, columns, unique_keys, sql: sql.unwrap_or_default() }))
}

/// `hidden` of `pragma_table_xinfo`: a hidden column of a virtual table.
const HIDDEN: i64 = 1;

fn columns(conn: &Connection, table: &str, kind: TableKind, strict: bool) -> Result<Vec<Column>> {
    let mut stmt = conn.prepare(
        r#"SELECT name, type, "notnull", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?1, 'main')"#,
    )?;
    let mut rows = stmt.query([table])?;
    let mut columns = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, declared, hidden): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(5)?);
        if hidden == HIDDEN {
            continue;
        }
        // Only a real table knows the collation of its columns.
        let collation = match kind {
            TableKind::Table => conn
                .column_metadata(Some("main"), table, name.as_str())?
                .1
                .map(|c| c.to_string_lossy().to_uppercase()),
            _ => None,
        };
        let declared = declared.trim_end_matches("GENERATED ALWAYS").trim().to_string();
        let keeps_anything = strict && declared.eq_ignore_ascii_case("any");
        columns.push(Column {
            ty: types::canonical(&declared),
            affinity: if keeps_anything { Affinity::Blob } else { Affinity::of(&declared) },
            collation: collation.unwrap_or_else(|| "BINARY".to_string()),
            nullable: !row.get::<_, bool>(2)?,
            has_default: row.get(3)?,
            generated: hidden > HIDDEN,
            key_position: row.get(4)?,
            row_id: false,
            name,
            declared,
        });
    }
    Ok(columns)
}

/// The unique keys that matching can use: whole tables, plain columns. Marks the row id column.
fn unique_keys(conn: &Connection, table: &str, columns: &mut [Column]) -> Result<Vec<UniqueKey>> {
    let mut indexes = conn.prepare(
        r#"SELECT name, origin FROM pragma_index_list(?1, 'main') WHERE "unique" AND NOT partial ORDER BY seq DESC"#,
    )?;
    let indexes: Vec<(String, String)> =
        indexes.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_>>()?;
    let mut keys = Vec::new();
    let mut primary: Vec<&mut Column> = columns.iter_mut().filter(|c| c.key_position > 0).collect();
    if let [column] = primary.as_mut_slice()
        && !indexes.iter().any(|(_, origin)| origin == "pk")
    {
        column.row_id = true;
        column.nullable = false;
        column.has_default = true;
        keys.push(UniqueKey { columns: vec![(column.name.clone(), column.collation.clone())] });
    }
    for (index, _) in indexes {
        let mut stmt =
            conn.prepare("SELECT name, coll FROM pragma_index_xinfo(?1, 'main') WHERE key ORDER BY seqno")?;
        let parts: Vec<(Option<String>, Option<String>)> =
            stmt.query_map([&index], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_>>()?;
        let named: Option<Vec<(String, String)>> = parts
            .into_iter()
            .map(|(name, collation)| {
                Some((name?, collation.map_or_else(|| "BINARY".to_string(), |c| c.to_uppercase())))
            })
            .collect();
        // A part without a name is an expression.
        keys.extend(named.map(|columns| UniqueKey { columns }));
    }
    Ok(keys)
}

impl Table {
    /// The column of this name: spelled so, or in another case as SQLite allows.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let exact = self.columns.iter().find(|c| c.name == name);
        exact.or_else(|| self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name)))
    }

    /// The unique key on exactly these columns. Where several differ in collation, one that takes
    /// more values for equal decides: the table holds no two of those.
    pub fn key_on(&self, names: &[String]) -> Option<&UniqueKey> {
        let same = |key: &&UniqueKey| {
            key.columns.len() == names.len()
                && names.iter().all(|n| key.columns.iter().any(|(c, _)| c.eq_ignore_ascii_case(n)))
        };
        let exact = |key: &&UniqueKey| key.columns.iter().all(|(_, collation)| collation == "BINARY");
        let mut keys = self.unique_keys.iter().filter(same);
        self.unique_keys.iter().filter(same).find(|k| !exact(k)).or_else(|| keys.next())
    }

    /// The primary key's columns in its order.
    pub fn primary_key(&self) -> Vec<String> {
        let mut columns: Vec<&Column> = self.columns.iter().filter(|c| c.key_position > 0).collect();
        columns.sort_by_key(|c| c.key_position);
        columns.iter().map(|c| c.name.clone()).collect()
    }

    /// Why rows of it cannot be written, whatever the file's permissions.
    pub fn not_writable(&self) -> Option<String> {
        let name = &self.name;
        match self.kind {
            TableKind::View => Some(format!("'{name}' is a view")),
            TableKind::Virtual => Some(format!("'{name}' is kept by a module, not by SQLite itself")),
            TableKind::Table if name.to_ascii_lowercase().starts_with("sqlite_") => {
                Some(format!("'{name}' belongs to SQLite"))
            }
            TableKind::Table if bookkeeping::is_ours(name) => {
                Some(format!("'{name}' holds Syncline's own records"))
            }
            TableKind::Table => None,
        }
    }

    /// The columns as fields of a destination.
    pub fn fields(&self) -> Vec<TargetField> {
        let equality = |column: &Column| {
            let unique = self.unique_keys.iter().flat_map(|k| &k.columns).filter(|(c, _)| *c == column.name);
            let collations = unique.map(|(_, collation)| collation).chain([&column.collation]);
            collations.map(|c| equality_of(c)).find(|e| *e != Equality::Exact).unwrap_or_default()
        };
        let field = |column: &Column| TargetField {
            name: column.name.clone(),
            ty: column.target_type(),
            native_type: column.declared.clone(),
            nullable: column.nullable,
            has_default: column.has_default,
            read_only: column.generated,
            max_chars: None,
            equality: equality(column),
        };
        self.columns.iter().map(field).collect()
    }
}

impl Column {
    /// The type that is written: a column that does not say takes text.
    pub fn target_type(&self) -> LogicalType {
        self.ty.clone().unwrap_or(LogicalType::Text)
    }
}

fn equality_of(collation: &str) -> Equality {
    match collation {
        "NOCASE" => Equality::CaseInsensitive,
        "RTRIM" => Equality::Padded,
        _ => Equality::Exact,
    }
}
