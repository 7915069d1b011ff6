//! The SQL that moves staged rows into the target table.
//!
//! A chunk is copied into a temporary staging table whose columns take every value of their
//! canonical type: `seq` (the row's index in the chunk), `c0`, `c1` … (the payload) and `o0`, `o1` …
//! (the match values the record has now, when those change). From there each kind of change is one
//! statement. Statements that change existing rows return the `seq` of each row they found, so what
//! happened to a row is known without comparing values, which triggers may have altered.

use syncline_connector::{Equality, OpenRequest};
use syncline_core::snapshot_entry::RemovalAction;
use syncline_core::sync::{FieldWrite, Nulls, WriteMode};
use syncline_core::{Error, ErrorKind, LogicalType, Op, Result};
use tokio_postgres::types::Type;

use super::describe::{Column, Table};
use super::encode::staging_type;
use super::names::{literal, quoted};

pub const STAGING: &str = "pg_temp._syncline_staging";
pub const PROBE: &str = "pg_temp._syncline_probe";

/// One field of the payload and the column it goes to.
#[derive(Debug)]
pub struct Field {
    pub name: String,
    /// Canonical type of the payload.
    pub ty: LogicalType,
    /// Index in [`Table::columns`].
    column: usize,
    write: FieldWrite,
    nulls: Nulls,
}

/// Which staged rows a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rows {
    /// Every staged row.
    All,
    /// Those whose `seq` is in the array `$1`.
    Listed,
}

/// How a value goes straight into its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireForm {
    /// As into the staging column.
    Staged,
    Jsonb,
}

/// The target table, the fields that are written and how.
#[derive(Debug)]
pub struct Merge {
    pub table: Table,
    pub fields: Vec<Field>,
    /// Indexes of the match fields in `fields`, each with the operator that compares it.
    pub matched: Vec<(usize, String)>,
    pub mode: WriteMode,
    /// Column and expression that mark a removed record.
    flag: Option<(String, String)>,
}

impl Merge {
    /// Checks the request against the table.
    ///
    /// Fails with [`ErrorKind::DestinationUnsuitable`] when the table lacks a field, a unique key
    /// over the match fields, or rights that the write mode needs.
    pub fn new(table: Table, request: &OpenRequest) -> Result<Merge> {
        if let Some(reason) = &table.not_writable {
            return Err(unsuitable(reason.clone()));
        }
        if request.write_mode == WriteMode::TwoWay {
            return Err(unsuitable("write_mode two_way cannot be written to PostgreSQL".to_string()));
        }
        let mut fields = Vec::with_capacity(request.schema.fields().len());
        for (i, field) in request.schema.fields().iter().enumerate() {
            let column = writable_column(&table, field.name())?;
            let rule = request.rules.get(i).ok_or_else(|| Error::internal("a field has no rule"))?;
            fields.push(Field {
                name: field.name().clone(),
                ty: LogicalType::of(field)?,
                column,
                write: rule.write,
                nulls: rule.nulls,
            });
        }
        let matched = matched(&table, &fields, request)?;
        let flag = match &request.flag {
            Some((name, value)) => Some(flag(&table, name, value)?),
            None => None,
        };
        let merge = Merge { table, fields, matched, mode: request.write_mode, flag };
        merge.check_privileges()?;
        Ok(merge)
    }

    pub fn column(&self, field: usize) -> &Column {
        &self.table.columns[self.fields[field].column]
    }

    pub fn is_matched(&self, field: usize) -> bool {
        self.matched.iter().any(|(i, _)| *i == field)
    }

    /// Whether every written row stores its value of this field, so that a value the column cannot
    /// take fails the row whatever is at the target.
    pub fn is_always_stored(&self, field: usize) -> bool {
        matches!(self.mode, WriteMode::Upsert | WriteMode::Mirror | WriteMode::Append)
            && self.fields[field].write == FieldWrite::Always
    }

    /// Whether a NULL of this field is refused, whatever is at the target.
    pub fn refuses_null(&self, field: usize) -> bool {
        self.is_always_stored(field)
            && self.fields[field].nulls == Nulls::Write
            && !self.column(field).field.nullable
            && !self.table.has_before_triggers
    }

    /// Whether this session can do it: without match fields only appending is meant, and a flag has
    /// to have been named.
    pub fn can(&self, op: Op) -> bool {
        match op {
            Op::Append => true,
            Op::Remove(RemovalAction::Flag) => self.flag.is_some() && !self.matched.is_empty(),
            Op::Create | Op::Update | Op::Remove(_) => !self.matched.is_empty(),
        }
    }

    pub fn create_staging(&self) -> String {
        let column = |prefix: &str, place: usize, field: usize| {
            let collation = match &self.column(field).collation {
                Some(c) if is_text(&self.fields[field].ty) => format!(" COLLATE {c}"),
                _ => String::new(),
            };
            format!(", {prefix}{place} {}{collation}", type_sql(&staging_type(&self.fields[field].ty)))
        };
        let payload: String = (0..self.fields.len()).map(|i| column("c", i, i)).collect();
        let old: String = self.matched.iter().enumerate().map(|(o, (i, _))| column("o", o, *i)).collect();
        format!("CREATE TEMP TABLE _syncline_staging (seq int4 NOT NULL{payload}{old}) ON COMMIT DELETE ROWS")
    }

    pub fn copy(&self) -> String {
        format!("COPY {STAGING} FROM STDIN (FORMAT binary)")
    }

    /// How each field's values go straight into the table by [`Merge::direct_copy`]. `None`: one of
    /// them needs more than that, or rows may be altered on their way in.
    pub fn wire_forms(&self) -> Option<Vec<WireForm>> {
        if self.table.has_before_triggers {
            return None;
        }
        (0..self.fields.len()).map(|i| self.wire_form(i)).collect()
    }

    fn wire_form(&self, i: usize) -> Option<WireForm> {
        let (column, field) = (self.column(i), &self.fields[i]);
        if field.nulls == Nulls::Skip && column.default_sql.is_some() {
            return None;
        }
        let staged = staging_type(&field.ty);
        let is = |ty: Type| column.base_oid == ty.oid();
        match field.ty {
            LogicalType::Json if is(Type::JSON) => Some(WireForm::Staged),
            LogicalType::Json if is(Type::JSONB) => Some(WireForm::Jsonb),
            LogicalType::Text if is(Type::VARCHAR) || is(Type::BPCHAR) || column.labels.is_some() => {
                Some(WireForm::Staged)
            }
            _ => is(staged).then_some(WireForm::Staged),
        }
    }

    /// The statement that takes rows straight into the table.
    pub fn direct_copy(&self) -> String {
        let columns: Vec<String> = self.fields.iter().map(|f| quoted(&f.name)).collect();
        format!("COPY {} ({}) FROM STDIN (FORMAT binary)", self.target(), columns.join(", "))
    }

    pub fn delete(&self, rows: Rows) -> String {
        format!("DELETE FROM {} AS t USING {STAGING} AS s WHERE {}", self.target(), self.found(rows))
    }

    /// Sets the delivered fields, except the match fields, to NULL. `None`: there are none.
    pub fn clear(&self, rows: Rows) -> Option<String> {
        let cleared: Vec<String> = (0..self.fields.len())
            .filter(|i| !self.is_matched(*i))
            .map(|i| format!("{} = NULL", quoted(&self.fields[i].name)))
            .collect();
        (!cleared.is_empty()).then(|| self.update_found(&cleared, rows))
    }

    /// Marks removed records. `None`: the request named no flag.
    pub fn flag(&self, rows: Rows) -> Option<String> {
        let (column, value) = self.flag.as_ref()?;
        Some(self.update_found(&[format!("{} = {value}", quoted(column))], rows))
    }

    /// Brings existing records up to date, or finds them, if none of their fields is ever updated.
    pub fn update(&self, rows: Rows) -> String {
        let set = self.assignments();
        if set.is_empty() { self.find(rows) } else { self.update_found(&set, rows) }
    }

    /// The same, and returns the `seq` of those found.
    pub fn update_and_tell(&self, rows: Rows) -> String {
        let set = self.assignments();
        if set.is_empty() { self.find(rows) } else { self.update_found(&set, rows) + " RETURNING s.seq" }
    }

    fn assignments(&self) -> Vec<String> {
        (0..self.fields.len())
            .filter(|i| !self.is_matched(*i) || self.column(*i).field.equality != Equality::Exact)
            .filter_map(|i| self.assignment(i))
            .collect()
    }

    /// The same for records whose match values change, found by the old ones.
    pub fn update_moved(&self, rows: Rows) -> String {
        let set: Vec<String> = (0..self.fields.len())
            .filter_map(|i| {
                let moved = || Some(format!("{} = {}", quoted(&self.fields[i].name), self.value(i)));
                if self.is_matched(i) { moved() } else { self.assignment(i) }
            })
            .collect();
        format!(
            "UPDATE {} AS t SET {} FROM {STAGING} AS s WHERE {} RETURNING s.seq",
            self.target(),
            set.join(", "),
            self.condition("o", rows)
        )
    }

    /// The `seq` of staged rows whose record exists.
    pub fn find(&self, rows: Rows) -> String {
        format!("SELECT s.seq FROM {STAGING} AS s JOIN {} AS t ON {}", self.target(), self.found(rows))
    }

    /// Creates records, leaving out those that exist.
    ///
    /// Only `DO NOTHING`: PostgreSQL checks the proposed row before it looks for a conflict, so an
    /// existing record whose unmapped columns may not be NULL could never be updated by this path.
    pub fn insert(&self, rows: Rows) -> String {
        let key: Vec<String> = self.matched.iter().map(|(i, _)| quoted(&self.fields[*i].name)).collect();
        format!("{} ON CONFLICT ({}) DO NOTHING", self.plain_insert(rows), key.join(", "))
    }

    /// Creates records that should not exist; fails if one does. Unlike [`Merge::insert`] it does not
    /// look into the unique index before writing to it.
    pub fn insert_new(&self, rows: Rows) -> String {
        self.plain_insert(rows)
    }

    /// Appends records in the order of the chunk.
    pub fn append(&self, rows: Rows) -> String {
        self.plain_insert(rows) + " ORDER BY s.seq"
    }

    /// A table with the target's columns and none of its constraints, to try single values on.
    pub fn create_probe(&self) -> String {
        let columns: Vec<String> = self.fields.iter().map(|f| quoted(&f.name)).collect();
        format!(
            "CREATE TEMP TABLE _syncline_probe ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA",
            columns.join(", "),
            self.target()
        )
    }

    /// Stores one staged value by itself; fails as the target's column would. `None`: a value of
    /// this field that could be staged can be stored.
    pub fn probe(&self, field: usize, seq: u32) -> Option<String> {
        let value = self.value(field);
        let is_plain = value == format!("s.c{field}") && !self.column(field).is_constrained;
        (!is_plain).then(|| {
            format!(
                "INSERT INTO {PROBE} ({}) SELECT {value} FROM {STAGING} AS s WHERE s.seq = {seq}",
                quoted(&self.fields[field].name)
            )
        })
    }

    fn plain_insert(&self, rows: Rows) -> String {
        let columns: Vec<String> = self.fields.iter().map(|f| quoted(&f.name)).collect();
        let values: Vec<String> = (0..self.fields.len())
            .map(|i| match (&self.column(i).default_sql, self.fields[i].nulls) {
                // A NULL that is not to be written leaves a new record the column's default.
                (Some(default), Nulls::Skip) => format!("coalesce({}, {default})", self.value(i)),
                _ => self.value(i),
            })
            .collect();
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM {STAGING} AS s{}",
            self.target(),
            columns.join(", "),
            values.join(", "),
            match rows {
                Rows::All => "",
                Rows::Listed => " WHERE s.seq = ANY($1)",
            }
        )
    }

    fn update_found(&self, set: &[String], rows: Rows) -> String {
        format!(
            "UPDATE {} AS t SET {} FROM {STAGING} AS s WHERE {}",
            self.target(),
            set.join(", "),
            self.found(rows)
        )
    }

    fn found(&self, rows: Rows) -> String {
        self.condition("c", rows)
    }

    fn condition(&self, prefix: &str, rows: Rows) -> String {
        let mut terms: Vec<String> = Vec::with_capacity(self.matched.len() + 1);
        for (place, (field, operator)) in self.matched.iter().enumerate() {
            let place = if prefix == "o" { place } else { *field };
            let staged = self.cast(*field, format!("s.{prefix}{place}"));
            terms.push(format!("t.{} {operator} {staged}", quoted(&self.fields[*field].name)));
        }
        if rows == Rows::Listed {
            terms.push("s.seq = ANY($1)".to_string());
        }
        terms.join(" AND ")
    }

    /// `column = expression` for an existing record, by the field's rules. `None`: not updated.
    fn assignment(&self, i: usize) -> Option<String> {
        let field = &self.fields[i];
        let name = quoted(&field.name);
        let new = match field.nulls {
            Nulls::Write => self.value(i),
            Nulls::Skip => format!("coalesce({}, t.{name})", self.value(i)),
        };
        match field.write {
            FieldWrite::CreateOnly => None,
            FieldWrite::Always => Some(format!("{name} = {new}")),
            FieldWrite::IfEmpty if is_text(&field.ty) => Some(format!(
                "{name} = CASE WHEN t.{name} IS NULL OR t.{name}::text = '' THEN {new} ELSE t.{name} END"
            )),
            FieldWrite::IfEmpty => Some(format!("{name} = coalesce(t.{name}, {})", self.value(i))),
        }
    }

    /// The staged value as the column's base type. The last step, to the column's own length,
    /// precision or domain, is left to the assignment: a cast would cut a long text silently.
    fn value(&self, i: usize) -> String {
        self.cast(i, format!("s.c{i}"))
    }

    fn cast(&self, i: usize, expression: String) -> String {
        let (column, staged) = (self.column(i), staging_type(&self.fields[i].ty));
        let is_same = column.base_oid == staged.oid();
        let is_varchar = column.base_oid == Type::VARCHAR.oid() && staged == Type::TEXT;
        if is_same || is_varchar { expression } else { format!("{expression}::{}", column.base_sql) }
    }

    fn target(&self) -> String {
        self.table.name.sql()
    }

    /// Rights are per column; a missing one would otherwise show only after rows have been sent.
    fn check_privileges(&self) -> Result<()> {
        let written = |may: fn(&Column) -> bool| {
            let missing: Vec<String> = (0..self.fields.len())
                .filter(|i| !may(self.column(*i)))
                .map(|i| quoted(&self.fields[i].name))
                .collect();
            missing.join(", ")
        };
        let mut grants = Vec::new();
        let mut need = |privilege: &str, columns: String| {
            if !columns.is_empty() {
                grants.push(format!("{privilege} ({columns})"));
            }
        };
        if self.mode != WriteMode::Update {
            need("INSERT", written(|c| c.may_insert));
        }
        if !matches!(self.mode, WriteMode::Insert | WriteMode::Append) {
            need("UPDATE", written(|c| c.may_update));
        }
        if self.mode != WriteMode::Append {
            need("SELECT", written(|c| c.may_select));
        }
        if grants.is_empty() {
            return Ok(());
        }
        let (table, role) = (self.target(), &self.table.role);
        Err(unsuitable(format!(
            "role '{role}' lacks rights on {} that write_mode {} needs",
            self.table.name.plain(),
            self.mode.as_str()
        ))
        .help(format!("GRANT {} ON {table} TO {}", grants.join(", "), quoted(role))))
    }
}

fn unsuitable(message: String) -> Error {
    Error::new(ErrorKind::DestinationUnsuitable, message)
}

fn writable_column(table: &Table, name: &str) -> Result<usize> {
    let place = table.columns.iter().position(|c| c.field.name == name).ok_or_else(|| {
        unsuitable(format!("{} has no column '{name}'", table.name.plain()))
            .help("correct the mapping, or add the column; names are compared exactly")
    })?;
    if table.columns[place].field.read_only {
        return Err(unsuitable(format!(
            "column '{name}' of {} is generated and cannot be written",
            table.name.plain()
        ))
        .help("leave it out of the mapping"));
    }
    Ok(place)
}

/// The match fields with the operators of a unique key over them.
fn matched(table: &Table, fields: &[Field], request: &OpenRequest) -> Result<Vec<(usize, String)>> {
    let names = &request.target.match_fields;
    if request.write_mode == WriteMode::Append {
        return Ok(Vec::new());
    }
    let key = table.unique_keys.iter().find(|k| !names.is_empty() && k.covers(names)).ok_or_else(|| {
        let columns: Vec<String> = names.iter().map(|n| quoted(n)).collect();
        unsuitable(format!(
            "{} has no unique key over the match fields ({})",
            table.name.plain(),
            names.join(", ")
        ))
        .help(format!(
            "CREATE UNIQUE INDEX ON {} ({}); an index that is partial, deferrable or over expressions does not do",
            table.name.sql(),
            columns.join(", ")
        ))
    })?;
    names
        .iter()
        .map(|name| {
            let field = fields.iter().position(|f| f.name == *name).ok_or_else(|| {
                Error::new(ErrorKind::InvalidConfig, format!("match field '{name}' is not mapped"))
                    .help("add it to the mapping")
            })?;
            let operator = key.columns.iter().find(|(c, _)| c == name).map(|(_, o)| o.clone());
            Ok((field, operator.ok_or_else(|| Error::internal("a unique key lost a column"))?))
        })
        .collect()
}

/// Column and SQL expression of a flag. `now` in a date or time column is the time of the write.
fn flag(table: &Table, name: &str, value: &str) -> Result<(String, String)> {
    let column = &table.columns[writable_column(table, name)?];
    let now = match (value, &column.field.ty) {
        ("now", LogicalType::TimestampTz) => Some("pg_catalog.clock_timestamp()"),
        ("now", LogicalType::Timestamp) => Some("pg_catalog.timezone('UTC', pg_catalog.clock_timestamp())"),
        ("now", LogicalType::Date) => Some("pg_catalog.timezone('UTC', pg_catalog.clock_timestamp())::date"),
        _ => None,
    };
    let expression = match now {
        Some(expression) => expression.to_string(),
        None if value.contains('\0') => {
            return Err(unsuitable(format!("the flag value for '{name}' holds a NUL character")));
        }
        None => format!("{}::{}", literal(value), column.base_sql),
    };
    Ok((name.to_string(), expression))
}

fn is_text(ty: &LogicalType) -> bool {
    matches!(ty, LogicalType::Text)
}

/// A built-in type as SQL.
fn type_sql(ty: &Type) -> String {
    format!("pg_catalog.{}", quoted(ty.name()))
}
