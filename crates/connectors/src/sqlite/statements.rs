//! The statements that write one row.

use rusqlite::types::Value;
use syncline_connector::{FieldRule, OpenRequest};
use syncline_core::sync::{FieldWrite, Nulls, WriteMode};
use syncline_core::{Error, ErrorKind, LogicalType, Result, text};

use super::catalog::{Column, Table};
use super::database::quote;
use super::values;

/// A statement's text and what its parameters are, in order.
#[derive(Clone, Debug, Default)]
pub struct Sql {
    pub text: String,
    pub binds: Vec<Bind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bind {
    /// A field of the payload.
    Field(usize),
    /// A match field as it is at the target now, by its position among the match fields.
    OldMatch(usize),
    /// The value that flags a removal.
    Flag,
}

/// One field of the payload and the column it goes to.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub column: Column,
    pub ty: LogicalType,
    pub rule: FieldRule,
}

/// Everything about a session's rows that does not change from row to row.
///
/// Statements say `OR ABORT`, which outranks conflict clauses in the table's declaration: a
/// `UNIQUE ON CONFLICT REPLACE` there would silently delete other rows.
#[derive(Clone, Debug)]
pub struct WritePlan {
    pub table: Table,
    pub fields: Vec<Field>,
    /// Positions of the match fields among `fields`.
    pub match_places: Vec<usize>,
    pub exists: Sql,
    /// `None`: an update has nothing to set.
    pub update: Option<Sql>,
    /// Changes the match fields as well, of the record that has the old ones.
    pub update_match: Sql,
    pub delete: Sql,
    /// `None`: there are no fields but the match fields.
    pub clear: Option<Sql>,
    pub flag: Option<Sql>,
    /// Value of [`Bind::Flag`].
    pub flag_value: Value,
}

impl WritePlan {
    /// Checks that the table takes what the request wants to write.
    pub fn new(table: Table, request: &OpenRequest) -> Result<Self> {
        let fields = fields(&table, request)?;
        let match_places = match_places(&fields, request)?;
        let collations = collations(&table, &fields, &match_places, request)?;
        let condition = |bind: fn(usize, usize) -> Bind| -> Sql {
            let (mut parts, mut binds) = (Vec::new(), Vec::new());
            for (i, (&place, collate)) in match_places.iter().zip(&collations).enumerate() {
                parts.push(format!("{}{collate} = ?", quote(&fields[place].column.name)));
                binds.push(bind(i, place));
            }
            Sql { text: parts.join(" AND "), binds }
        };
        let (matches, old_matches) =
            (condition(|_, place| Bind::Field(place)), condition(|i, _| Bind::OldMatch(i)));
        let name = format!("main.{}", quote(&table.name));
        let is_match = |place: &usize| match_places.contains(place);
        let plain: Vec<usize> = (0..fields.len()).filter(|p| !is_match(p)).collect();
        let mut with_match = assignments(&fields, &match_places, true);
        with_match.extend(assignments(&fields, &plain, false));
        let clears =
            plain.iter().map(|&p| (format!("{} = NULL", quote(&fields[p].column.name)), None)).collect();
        let (flag, flag_value) = match &request.flag {
            Some((field, value)) => {
                let (assignment, value) = flag_assignment(&table, field, value)?;
                (update(&name, vec![assignment], &matches), value)
            }
            None => (None, Value::Null),
        };
        Ok(Self {
            exists: Sql {
                text: format!("SELECT 1 FROM {name} WHERE {}", matches.text),
                binds: matches.binds.clone(),
            },
            update: update(&name, assignments(&fields, &plain, false), &matches),
            update_match: update(&name, with_match, &old_matches).unwrap_or_default(),
            delete: Sql {
                text: format!("DELETE FROM {name} WHERE {}", matches.text),
                binds: matches.binds.clone(),
            },
            clear: update(&name, clears, &matches),
            flag,
            flag_value,
            table,
            fields,
            match_places,
        })
    }

    /// Which fields an insert names: a NULL that is to be skipped leaves its column to the default.
    pub fn inserted(&self, is_null: impl Fn(usize) -> bool) -> Vec<bool> {
        let names = |(i, field): (usize, &Field)| field.rule.nulls == Nulls::Write || !is_null(i);
        self.fields.iter().enumerate().map(names).collect()
    }

    pub fn insert(&self, inserted: &[bool]) -> Sql {
        let name = quote(&self.table.name);
        let places: Vec<usize> = (0..inserted.len()).filter(|&i| inserted[i]).collect();
        if places.is_empty() {
            return Sql { text: format!("INSERT OR ABORT INTO main.{name} DEFAULT VALUES"), binds: vec![] };
        }
        let columns: Vec<String> = places.iter().map(|&p| quote(&self.fields[p].column.name)).collect();
        let marks = vec!["?"; places.len()].join(", ");
        Sql {
            text: format!("INSERT OR ABORT INTO main.{name} ({}) VALUES ({marks})", columns.join(", ")),
            binds: places.into_iter().map(Bind::Field).collect(),
        }
    }
}

fn unsuitable(message: String, help: &str) -> Error {
    Error::new(ErrorKind::DestinationUnsuitable, message).help(help)
}

fn fields(table: &Table, request: &OpenRequest) -> Result<Vec<Field>> {
    if request.rules.len() != request.schema.fields().len() {
        return Err(Error::internal("a session was opened with another number of rules than fields"));
    }
    let field = |(arrow, rule): (&arrow::datatypes::FieldRef, &FieldRule)| {
        let name = arrow.name();
        let column = writable_column(table, name)?.clone();
        Ok(Field { name: name.clone(), column, ty: LogicalType::of(arrow)?, rule: *rule })
    };
    request.schema.fields().iter().zip(&request.rules).map(field).collect()
}

fn writable_column<'a>(table: &'a Table, name: &str) -> Result<&'a Column> {
    match table.column(name) {
        None => Err(unsuitable(
            format!("table '{}' has no column '{name}'", table.name),
            "add the column, or correct the mapping",
        )),
        Some(column) if column.generated => Err(unsuitable(
            format!("column '{name}' of table '{}' is generated and cannot be written", table.name),
            "leave it out of the mapping",
        )),
        Some(column) => Ok(column),
    }
}

fn match_places(fields: &[Field], request: &OpenRequest) -> Result<Vec<usize>> {
    let find = |name: &String| {
        fields.iter().position(|f| f.name == *name).ok_or_else(|| {
            Error::internal(format!("the match field '{name}' is not in the session's schema"))
        })
    };
    request.target.match_fields.iter().map(find).collect()
}

/// For each match field the `COLLATE` that its unique key compares with, where it is not the
/// column's own anyway.
fn collations(
    table: &Table,
    fields: &[Field],
    match_places: &[usize],
    request: &OpenRequest,
) -> Result<Vec<String>> {
    if request.write_mode == WriteMode::Append {
        return Ok(vec![String::new(); match_places.len()]);
    }
    let names: Vec<String> = match_places.iter().map(|&p| fields[p].column.name.clone()).collect();
    let key = if names.is_empty() { None } else { table.key_on(&names) };
    let Some(key) = key else {
        return Err(unsuitable(
            format!("table '{}' has no primary key or unique index on ({})", table.name, names.join(", ")),
            "create a unique index on the match fields, or match by fields that have one",
        ));
    };
    let collate = |&place: &usize| {
        let column = &fields[place].column;
        let of_key = key.columns.iter().find(|(name, _)| name.eq_ignore_ascii_case(&column.name));
        match of_key {
            Some((_, collation)) if *collation != column.collation => {
                format!(" COLLATE {}", quote(collation))
            }
            _ => String::new(),
        }
    };
    Ok(match_places.iter().map(collate).collect())
}

type Assignment = (String, Option<Bind>);

/// `SET` parts of an update, as the fields' rules say; `whatever` the rules say for match fields.
fn assignments(fields: &[Field], places: &[usize], whatever: bool) -> Vec<Assignment> {
    let assign = |&place: &usize| {
        let field = &fields[place];
        let name = quote(&field.column.name);
        let new = match field.rule.nulls {
            Nulls::Skip if !whatever => format!("coalesce(?, {name})"),
            _ => "?".to_string(),
        };
        let text = match field.rule.write {
            _ if whatever => format!("{name} = ?"),
            FieldWrite::Always => format!("{name} = {new}"),
            FieldWrite::IfEmpty => {
                format!("{name} = CASE WHEN {name} IS NULL OR {name} = '' THEN {new} ELSE {name} END")
            }
            FieldWrite::CreateOnly => return None,
        };
        Some((text, Some(Bind::Field(place))))
    };
    places.iter().filter_map(assign).collect()
}

fn update(table: &str, set: Vec<Assignment>, matches: &Sql) -> Option<Sql> {
    if set.is_empty() {
        return None;
    }
    let (texts, binds): (Vec<String>, Vec<Option<Bind>>) = set.into_iter().unzip();
    Some(Sql {
        text: format!("UPDATE OR ABORT {table} SET {} WHERE {}", texts.join(", "), matches.text),
        binds: binds.into_iter().flatten().chain(matches.binds.iter().copied()).collect(),
    })
}

/// The assignment that flags a removal; `now` in a field of dates or times is the time of the write.
fn flag_assignment(table: &Table, field: &str, value: &str) -> Result<(Assignment, Value)> {
    let column = writable_column(table, field)?;
    let ty = column.target_type();
    let name = quote(&column.name);
    let now = match ty {
        _ if value != "now" => None,
        LogicalType::Timestamp => Some("strftime('%Y-%m-%d %H:%M:%f', 'now')"),
        LogicalType::TimestampTz => Some("strftime('%Y-%m-%d %H:%M:%fZ', 'now')"),
        LogicalType::Date => Some("date('now')"),
        _ => None,
    };
    if let Some(now) = now {
        return Ok(((format!("{name} = {now}"), None), Value::Null));
    }
    let refuse = |why: String| {
        unsuitable(
            format!(
                "the flag '{value}' cannot be written to column '{field}' of table '{}': {why}",
                table.name
            ),
            "correct the value of on_removed.flag",
        )
    };
    let (array, bad) = text::parse(&[Some(value)], &ty);
    if !bad.is_empty() {
        return Err(refuse(format!("it is no {ty}")));
    }
    let encoded = values::encode(&array, &ty, column.affinity, 0).map_err(|e| refuse(e.message))?;
    let value = match encoded {
        rusqlite::types::ToSqlOutput::Owned(value) => value,
        rusqlite::types::ToSqlOutput::Borrowed(value) => {
            Value::try_from(value).map_err(|e| Error::internal("a flag value is unreadable").caused_by(e))?
        }
        _ => Value::Null,
    };
    Ok(((format!("{name} = ?"), Some(Bind::Flag)), value))
}
