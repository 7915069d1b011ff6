//! The SQL that reads a model: one `COPY (SELECT …) TO STDOUT`.
//!
//! The text of a model is never trusted to stay inside the parentheses it is put into. It is first
//! prepared alone, which proves that it is one complete statement; only then is the same text
//! wrapped. `COPY` takes no parameters, so values are written as literals: parsed as their column's
//! type first, rendered again, and quoted.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Date32Type, TimestampMicrosecondType};
use syncline_connector::ReadFilter;
use syncline_core::sync::ModelQuery;
use syncline_core::text::{self, civil_from_days};
use syncline_core::{CursorValue, Error, ErrorKind, LogicalType, Result};
use tokio_postgres::types::{Kind, Type};

use super::names::{ObjectName, array_literal, literal, quoted};
use super::statement::without_end;
use super::types::{PgType, Wire, base_type};

const MICROS_PER_DAY: i64 = 86_400_000_000;
/// PostgreSQL's calendar begins on 4714-11-24 BC, Julian day 0 (`DATETIME_MIN_JULIAN`) …
const FIRST_DAY: i64 = -2_440_588;
/// … and ends, for dates, with 5874897-12-31 (`DATE_END_JULIAN`).
const LAST_DATE: i64 = 2_145_042_905;
/// Most digits of a numeric before and after the point.
const NUMERIC_WHOLE_DIGITS_MAX: usize = 131_072;
const NUMERIC_DECIMALS_MAX: usize = 16_383;

/// What a model reads from, as SQL.
#[derive(Debug, PartialEq, Eq)]
pub struct ModelSql {
    /// A statement that can be prepared by itself to learn the columns.
    pub statement: String,
    /// Where the statement was written; `None` when it is ours.
    pub origin: Option<String>,
    /// What stands behind FROM.
    from: String,
}

/// A column of a model.
#[derive(Clone, Debug)]
pub struct ModelColumn {
    pub name: String,
    pub native: Type,
    /// Of the native type, as the catalog has it; -1 for none.
    pub typmod: i32,
    pub ty: PgType,
}

impl ModelSql {
    /// Fails with [`ErrorKind::InvalidConfig`] when the model is a file or its table's name cannot
    /// be read.
    pub fn new(query: &ModelQuery) -> Result<Self> {
        match query {
            ModelQuery::Sql { sql, origin } => {
                let statement = without_end(sql).to_string();
                // A comment at the end of the statement must not swallow the parenthesis.
                let from = format!("({statement}\n)");
                Ok(Self { statement, origin: Some(origin.clone()), from })
            }
            ModelQuery::Table(table) => {
                let from = ObjectName::parse(table)?.sql();
                Ok(Self { statement: format!("SELECT * FROM {from}"), origin: None, from })
            }
            ModelQuery::File(_) => {
                Err(Error::new(ErrorKind::InvalidConfig, "a PostgreSQL connection has no files to read")
                    .help("give the model as `sql` or `table`"))
            }
        }
    }

    /// The query that [`ModelSql::copy`] copies, to be prepared by itself: it fails for anything
    /// but a SELECT (or VALUES, TABLE) without side effects in its WITH.
    pub fn select(
        &self,
        columns: &[&ModelColumn],
        condition: Option<&str>,
        order_by: &[&ModelColumn],
    ) -> String {
        let list: Vec<String> = columns.iter().map(|c| c.select_item()).collect();
        let mut sql = format!("SELECT {} FROM {} AS model", list.join(", "), self.from);
        if let Some(condition) = condition {
            sql.push_str(" WHERE ");
            sql.push_str(condition);
        }
        if !order_by.is_empty() {
            let terms: Vec<String> =
                order_by.iter().map(|c| format!("{} ASC NULLS LAST", c.reference())).collect();
            sql.push_str(" ORDER BY ");
            sql.push_str(&terms.join(", "));
        }
        sql
    }

    /// The statement that streams the rows of a select.
    pub fn copy(select: &str) -> String {
        format!("COPY ({select}) TO STDOUT (FORMAT binary)")
    }
}

impl ModelColumn {
    fn reference(&self) -> String {
        format!("model.{}", quoted(&self.name))
    }

    fn select_item(&self) -> String {
        if self.ty.as_text { format!("{} AS {}", self.text(), quoted(&self.name)) } else { self.reference() }
    }

    /// The column converted to text, or to an array of texts.
    fn text(&self) -> String {
        let reference = self.reference();
        match self.ty.wire {
            Wire::Array { .. } => format!("{reference}::text[]"),
            // The cast would add a mask to every address that has none.
            _ if *base_type(&self.native) == Type::INET => format!("abbrev({reference})"),
            _ => format!("{reference}::text"),
        }
    }

    /// The column as it is compared with canonical texts, and the type to compare in.
    ///
    /// Types whose own equality is not that of their text (citext), that have none (json), or that
    /// refuse unknown texts (enums) are compared as text.
    fn comparable(&self) -> (String, String) {
        match comparison_type(&self.native, &self.ty.wire) {
            Some(name) => (self.reference(), name),
            None if matches!(self.ty.wire, Wire::Array { .. }) => (self.text(), "text[]".into()),
            None => (self.text(), "text".into()),
        }
    }
}

/// The type whose literals can be compared with a column directly; `None`: compare as text.
fn comparison_type(native: &Type, wire: &Wire) -> Option<String> {
    let native = base_type(native);
    Some(match wire {
        Wire::Bool => "bool".into(),
        Wire::Int2 => "int2".into(),
        Wire::Int4 => "int4".into(),
        Wire::Int8 => "int8".into(),
        Wire::Oid => "oid".into(),
        Wire::Float4 => "float4".into(),
        Wire::Float8 => "float8".into(),
        Wire::Numeric => "numeric".into(),
        Wire::Bytes => "bytea".into(),
        Wire::Uuid => "uuid".into(),
        Wire::Interval => "interval".into(),
        Wire::Date | Wire::Time | Wire::Timestamp => native.name().to_string(),
        Wire::Text => match *native {
            Type::TEXT | Type::VARCHAR => "text".into(),
            // Its equality does not count padding, and its text literal may come with or without.
            Type::BPCHAR => "bpchar".into(),
            _ => return None,
        },
        Wire::Jsonb => return None,
        Wire::Array { element, .. } => match native.kind() {
            Kind::Array(item) => format!("{}[]", comparison_type(item, element)?),
            _ => return None,
        },
    })
}

/// The condition for a filter; `None`: all rows. `key`: the model's key columns.
///
/// Fails with [`ErrorKind::ModelQueryFailed`] when the cursor's value does not suit its column.
pub fn condition(
    filter: &ReadFilter,
    key: &[&ModelColumn],
    cursor: Option<&ModelColumn>,
) -> Result<Option<String>> {
    match (filter, cursor) {
        (ReadFilter::All, _) => Ok(None),
        (ReadFilter::Keys(keys), _) => Ok(Some(keys_condition(keys, key)?)),
        (ReadFilter::Since { from, keys, .. }, Some(cursor)) => {
            let reference = cursor.reference();
            let mut sql = format!("({reference} IS NULL OR {}", since_condition(cursor, from)?);
            if !keys.is_empty() {
                sql.push_str(" OR ");
                sql.push_str(&keys_condition(keys, key)?);
            }
            sql.push(')');
            Ok(Some(sql))
        }
        (ReadFilter::Since { column, .. }, None) => {
            Err(Error::internal(format!("the cursor column '{column}' was not looked up")))
        }
    }
}

fn since_condition(cursor: &ModelColumn, from: &CursorValue) -> Result<String> {
    let reference = cursor.reference();
    let (bound, reference) = match (from, &cursor.ty.logical) {
        (CursorValue::Timestamp { micros, .. }, LogicalType::Date) => {
            let day = match *micros {
                i64::MAX => "infinity".into(),
                i64::MIN => "-infinity".into(),
                micros => date_text(micros.div_euclid(MICROS_PER_DAY)).unwrap_or("-infinity".into()),
            };
            (format!("{}::date", literal(&day)), reference)
        }
        (CursorValue::Timestamp { micros, .. }, ty @ (LogicalType::Timestamp | LogicalType::TimestampTz)) => {
            // A moment before PostgreSQL's calendar is before all of its moments.
            let moment = timestamp_text(*micros).unwrap_or("-infinity".into());
            if *ty == LogicalType::TimestampTz {
                (format!("{}::timestamptz", literal(&zoned(&moment))), reference)
            } else {
                (format!("{}::timestamp", literal(&moment)), reference)
            }
        }
        (CursorValue::Integer(n), ty) if ty.is_number() => {
            (format!("'{n}'::int8"), reference_as_number(cursor))
        }
        (CursorValue::Opaque(text), ty) => {
            let (array, bad) = text::parse(&[Some(text)], ty);
            let value = bad.is_empty().then(|| pg_text(&array, ty, 0)).flatten();
            let value = value.ok_or_else(|| unsuitable(cursor, from))?;
            let (reference, ty) = cursor.comparable();
            (format!("{}::{ty}", literal(&value)), reference)
        }
        _ => return Err(unsuitable(cursor, from)),
    };
    Ok(format!("{reference} >= {bound}"))
}

/// An oid compares with oids only; as a bigint it compares with any number.
fn reference_as_number(column: &ModelColumn) -> String {
    match column.ty.wire {
        Wire::Oid => format!("{}::int8", column.reference()),
        _ => column.reference(),
    }
}

fn unsuitable(cursor: &ModelColumn, from: &CursorValue) -> Error {
    Error::new(
        ErrorKind::ModelQueryFailed,
        format!(
            "the cursor stands at '{from}', which is no value of column '{}' ({})",
            cursor.name, cursor.ty.logical
        ),
    )
    .help("set the cursor of this sync by hand, or run it once with read mode `reset`")
}

/// The condition for rows with one of the keys. A key with a text that is no value of its column's
/// type matches nothing and is left out.
fn keys_condition(keys: &[Vec<String>], columns: &[&ModelColumn]) -> Result<String> {
    if let Some(key) = keys.iter().find(|key| key.len() != columns.len()) {
        return Err(Error::internal(format!("a key has {} values for {} columns", key.len(), columns.len())));
    }
    let rendered: Vec<Vec<Option<String>>> = columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let texts: Vec<Option<&str>> = keys.iter().map(|key| Some(key[i].as_str())).collect();
            let (array, _) = text::parse(&texts, &column.ty.logical);
            (0..texts.len()).map(|row| pg_text(&array, &column.ty.logical, row)).collect()
        })
        .collect();
    let usable: Vec<usize> =
        (0..keys.len()).filter(|row| rendered.iter().all(|column| column[*row].is_some())).collect();
    if usable.is_empty() || columns.is_empty() {
        return Ok("false".into());
    }
    let list =
        |column: usize| array_literal(usable.iter().filter_map(|row| rendered[column][*row].as_deref()));
    let comparable: Vec<(String, String)> = columns.iter().map(|c| c.comparable()).collect();
    // A single column, the usual case, is best compared with an array: an index serves it, also
    // through views and below GROUP BY.
    if let ([(reference, ty)], false) = (&comparable[..], comparable[0].1.ends_with("[]")) {
        return Ok(format!("{reference} = ANY ({}::{ty}[])", list(0)));
    }
    let number = 0..columns.len();
    let references: Vec<&str> = comparable.iter().map(|(reference, _)| reference.as_str()).collect();
    let values: Vec<String> = number.clone().map(|i| format!("c{i}::{}", comparable[i].1)).collect();
    let lists: Vec<String> = number.clone().map(|i| format!("{}::text[]", list(i))).collect();
    let names: Vec<String> = number.map(|i| format!("c{i}")).collect();
    Ok(format!(
        "({}) IN (SELECT {} FROM unnest({}) AS wanted({}))",
        references.join(", "),
        values.join(", "),
        lists.join(", "),
        names.join(", ")
    ))
}

/// A value as PostgreSQL reads it; `None` for NULL and for what PostgreSQL cannot hold.
fn pg_text(array: &ArrayRef, ty: &LogicalType, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    let text = match ty {
        LogicalType::Date => match array.as_primitive::<Date32Type>().value(row) {
            i32::MAX => "infinity".into(),
            i32::MIN => "-infinity".into(),
            days => date_text(i64::from(days))?,
        },
        LogicalType::Timestamp => {
            timestamp_text(array.as_primitive::<TimestampMicrosecondType>().value(row))?
        }
        LogicalType::TimestampTz => {
            zoned(&timestamp_text(array.as_primitive::<TimestampMicrosecondType>().value(row))?)
        }
        LogicalType::Numeric(_) => {
            let text = text::render(array, ty, row)?;
            let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
            let fits = whole.len() <= NUMERIC_WHOLE_DIGITS_MAX && decimals.len() <= NUMERIC_DECIMALS_MAX;
            fits.then_some(text)?
        }
        LogicalType::Array(item) => {
            let items = array.as_list::<i32>().value(row);
            let texts: Vec<Option<String>> = (0..items.len())
                .map(|i| {
                    if items.is_null(i) {
                        Some("NULL".into())
                    } else {
                        pg_text(&items, item, i).map(|t| quoted_item(&t))
                    }
                })
                .collect();
            let texts: Option<Vec<String>> = texts.into_iter().collect();
            format!("{{{}}}", texts?.join(","))
        }
        _ => text::render(array, ty, row)?,
    };
    (!text.contains('\0')).then_some(text)
}

fn quoted_item(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A date as PostgreSQL reads it; `None` outside its calendar.
fn date_text(days: i64) -> Option<String> {
    if !(FIRST_DAY..=LAST_DATE).contains(&days) {
        return None;
    }
    let (year, month, day) = civil_from_days(days);
    Some(if year > 0 {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{:04}-{month:02}-{day:02} BC", 1 - year)
    })
}

/// A moment as PostgreSQL reads it, without zone; `None` before its calendar. (Its end lies behind
/// the last moment that can be counted in microseconds from 1970.)
fn timestamp_text(micros: i64) -> Option<String> {
    match micros {
        i64::MAX => return Some("infinity".into()),
        i64::MIN => return Some("-infinity".into()),
        _ => {}
    }
    let date = date_text(micros.div_euclid(MICROS_PER_DAY))?;
    let (date, era) = date.split_once(' ').map_or((date.as_str(), ""), |(date, _)| (date, " BC"));
    let clock = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, micros) = (clock / 1_000_000, clock % 1_000_000);
    Some(format!(
        "{date} {:02}:{:02}:{:02}.{micros:06}{era}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    ))
}

/// Says that a moment is in UTC.
fn zoned(moment: &str) -> String {
    match moment.strip_suffix(" BC") {
        Some(moment) => format!("{moment}+00 BC"),
        None if moment.ends_with("infinity") => moment.to_string(),
        None => format!("{moment}+00"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, native: Type) -> ModelColumn {
        let ty = PgType::of(&native, -1).unwrap();
        ModelColumn { name: name.into(), native, typmod: -1, ty }
    }

    fn keys(keys: &[&[&str]]) -> ReadFilter {
        ReadFilter::Keys(keys.iter().map(|k| k.iter().map(|t| t.to_string()).collect()).collect())
    }

    fn since(column: &ModelColumn, from: CursorValue) -> Result<String> {
        let filter = ReadFilter::Since { column: column.name.clone(), from, keys: Vec::new() };
        condition(&filter, &[], Some(column)).map(|sql| sql.unwrap())
    }

    #[test]
    fn a_model_is_wrapped_so_that_a_comment_cannot_swallow_the_rest() {
        let query = ModelQuery::Sql { sql: "select 1 as n -- all;".into(), origin: "m.yaml:1".into() };
        let model = ModelSql::new(&query).unwrap();
        let n = column("n", Type::INT4);
        let ip = column("i\"p", Type::INET);
        assert_eq!(
            ModelSql::copy(&model.select(&[&n, &ip], Some("true"), &[&n])),
            "COPY (SELECT model.\"n\", abbrev(model.\"i\"\"p\") AS \"i\"\"p\" FROM (select 1 as n -- all;\n) AS model \
             WHERE true ORDER BY model.\"n\" ASC NULLS LAST) TO STDOUT (FORMAT binary)"
        );
        let table = ModelSql::new(&ModelQuery::Table("shop.Users".into())).unwrap();
        assert_eq!(table.statement, r#"SELECT * FROM "shop"."Users""#);
    }

    #[test]
    fn keys_that_are_no_values_match_nothing() {
        let id = column("id", Type::INT4);
        let sql = |filter: ReadFilter, columns: &[&ModelColumn]| {
            condition(&filter, columns, None).unwrap().unwrap()
        };
        assert_eq!(
            sql(keys(&[&["1"], &["x"], &["99999999999"], &["-2"]]), &[&id]),
            r#"model."id" = ANY ('{"1","-2"}'::int4[])"#
        );
        assert_eq!(sql(keys(&[&["x"]]), &[&id]), "false");
        assert_eq!(sql(keys(&[]), &[&id]), "false");
        let name = column("name", Type::TEXT);
        assert_eq!(
            sql(keys(&[&["1", "o'\\\"x"], &["2", "a\0b"]]), &[&id, &name]),
            r#"(model."id", model."name") IN (SELECT c0::int4, c1::text FROM unnest('{"1"}'::text[],  E'{"o''\\\\\\"x"}'::text[]) AS wanted(c0, c1))"#
        );
        let old = column("d", Type::DATE);
        assert_eq!(
            sql(keys(&[&["-0043-03-15"], &["-9999-01-01"], &["infinity"]]), &[&old]),
            r#"model."d" = ANY ('{"0044-03-15 BC","infinity"}'::date[])"#
        );
        let json = column("j", Type::JSONB);
        assert_eq!(sql(keys(&[&["[1]"]]), &[&json]), r#"model."j"::text = ANY ('{"[1]"}'::text[])"#);
        let list = column("l", Type::TEXT_ARRAY);
        assert_eq!(
            sql(keys(&[&[r#"["a",null]"#]]), &[&list]),
            r#"(model."l") IN (SELECT c0::text[] FROM unnest( E'{"{\\"a\\",NULL}"}'::text[]) AS wanted(c0))"#
        );
    }

    #[test]
    fn cursor_bounds_are_written_in_the_columns_type() {
        let moment = CursorValue::Timestamp { micros: 1_700_000_000_000_001, zoned: true };
        for (native, from, expected) in [
            (Type::TIMESTAMPTZ, moment.clone(), "'2023-11-14 22:13:20.000001+00'::timestamptz"),
            (Type::TIMESTAMP, moment.clone(), "'2023-11-14 22:13:20.000001'::timestamp"),
            (Type::DATE, moment.clone(), "'2023-11-14'::date"),
            (Type::INT2, CursorValue::Integer(-5), "'-5'::int8"),
            (Type::NUMERIC, CursorValue::Integer(7), "'7'::int8"),
            (Type::NUMERIC, CursorValue::Opaque("1.5".into()), "'1.5'::numeric"),
            (Type::TEXT, CursorValue::Opaque("o'x".into()), "'o''x'::text"),
            (
                Type::TIMESTAMPTZ,
                CursorValue::Timestamp { micros: i64::MIN + 1, zoned: true },
                "'-infinity'::timestamptz",
            ),
        ] {
            let sql = since(&column("c", native), from).unwrap();
            assert_eq!(sql, format!(r#"(model."c" IS NULL OR model."c" >= {expected})"#));
        }
        let error = since(&column("c", Type::UUID), moment).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ModelQueryFailed);
        assert!(since(&column("c", Type::NUMERIC), CursorValue::Opaque("soon".into())).is_err());
    }
}
