//! What an SQL error means: a row's fault, with the column named, or the chunk's.

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use syncline_core::{Error, ErrorKind, LogicalType, Result, RowError, text};
use tokio_postgres::error::{DbError, SqlState};

use super::client::{PgClient, reason};
use super::merge::Merge;

/// The error of a statement that is nobody's row's fault. `what` was being used.
pub fn failed(pg: &PgClient, what: &str, error: tokio_postgres::Error) -> Error {
    let error = match pg.lost(error) {
        Ok(lost) => return lost,
        Err(error) => error,
    };
    let why = reason(&error);
    let code = error.code().map(|c| c.code().to_string()).unwrap_or_default();
    let (kind, help) = match code.as_str() {
        "57014" => (
            ErrorKind::DestinationUnreachable,
            "the server broke off a slow statement; raise statement_timeout of the connection or write smaller chunks",
        ),
        "42501" => (
            ErrorKind::DestinationUnsuitable,
            "grant the connection's role the rights it lacks (SELECT, INSERT, UPDATE, DELETE on the table)",
        ),
        "25006" => (ErrorKind::DestinationUnsuitable, "connect to a server and as a role that may write"),
        "3F000" => (ErrorKind::DestinationUnsuitable, "create the schema first"),
        c if c.starts_with("42") => (
            ErrorKind::DestinationUnsuitable,
            "the table may have been changed since it was looked at; check its columns, keys, triggers and rules",
        ),
        _ => (ErrorKind::DestinationFailed, "look at the server's log for what it says beside this"),
    };
    Error::new(kind, format!("{what}: {why} (SQLSTATE {code})")).help(help).caused_by(error)
}

/// The row error's code of an SQL error that one row causes; `None`: not a row's fault.
pub fn row_code(error: &DbError) -> Option<&'static str> {
    let code = error.code();
    let known = [
        (SqlState::NOT_NULL_VIOLATION, "not_null_violation"),
        (SqlState::FOREIGN_KEY_VIOLATION, "foreign_key_violation"),
        (SqlState::UNIQUE_VIOLATION, "unique_violation"),
        (SqlState::CHECK_VIOLATION, "check_violation"),
        (SqlState::EXCLUSION_VIOLATION, "exclusion_violation"),
        (SqlState::STRING_DATA_RIGHT_TRUNCATION, "string_too_long"),
        (SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric_out_of_range"),
        (SqlState::DATETIME_FIELD_OVERFLOW, "datetime_out_of_range"),
        (SqlState::RAISE_EXCEPTION, "raised_by_trigger"),
        (SqlState::PROGRAM_LIMIT_EXCEEDED, "value_too_large"),
    ];
    if let Some((_, name)) = known.iter().find(|(state, _)| state == code) {
        return Some(name);
    }
    // A row that a security policy refuses shares its code with a missing right.
    if *code == SqlState::INSUFFICIENT_PRIVILEGE && error.routine() == Some("ExecWithCheckOptions") {
        return Some("row_security_violation");
    }
    match code.code().get(..2)? {
        "22" => Some("invalid_value"),
        "23" => Some("constraint_violation"),
        "27" | "44" => Some("refused_by_target"),
        "P0" => Some("raised_by_trigger"),
        _ => None,
    }
}

/// The columns of a constraint or unique index, whether it is of the target, of one of its
/// partitions, or of a table that refers to it. `$1`: the target's oid; then schema, table and name.
pub const CONSTRAINT_COLUMNS_SQL: &str = "
WITH at AS (
  SELECT c.oid, c.oid = $1 OR c.oid IN (SELECT p.relid FROM pg_catalog.pg_partition_tree($1) p) AS ours
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $2 AND c.relname = $3
), named AS (
  SELECT k.conrelid AS relid, k.conkey AS keys, at.ours FROM pg_catalog.pg_constraint k JOIN at ON at.oid = k.conrelid
  WHERE k.conname = $4 AND at.ours
  UNION ALL
  SELECT k.confrelid, k.confkey, true FROM pg_catalog.pg_constraint k JOIN at ON at.oid = k.conrelid
  WHERE k.conname = $4 AND NOT at.ours AND k.confrelid = $1
  UNION ALL
  SELECT x.indrelid, x.indkey::int2[], true FROM pg_catalog.pg_index x JOIN at ON at.oid = x.indrelid
  JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid WHERE i.relname = $4 AND at.ours
)
SELECT DISTINCT ON (a.attnum) a.attname::text FROM named
CROSS JOIN LATERAL unnest(named.keys) AS key(attnum)
JOIN pg_catalog.pg_attribute a ON a.attrelid = named.relid AND a.attnum = key.attnum
ORDER BY a.attnum";

/// The field of a staging column that COPY stumbled over. The server names it at the end of the
/// error's context, whatever language the rest is in.
pub fn copied_field(merge: &Merge, error: &DbError) -> Option<String> {
    let mut words = error.where_()?.rsplit(|c: char| !c.is_ascii_alphanumeric());
    let place: usize = words.find_map(|word| word.strip_prefix('c')?.parse().ok())?;
    merge.fields.get(place).map(|field| field.name.clone())
}

/// A row error for one row, naming `columns` as at fault.
pub fn row_error(
    merge: &Merge,
    payload: &RecordBatch,
    row: usize,
    code: &str,
    columns: &[String],
    error: &DbError,
) -> RowError {
    let field = columns.join(", ");
    let message = match (code, error.constraint()) {
        ("not_null_violation", _) if !columns.is_empty() => format!("column '{field}' may not be NULL"),
        ("unique_violation", Some(name)) => {
            format!("another record has the same value of '{field}' (unique constraint '{name}')")
        }
        ("foreign_key_violation", Some(name)) => {
            format!("{} (foreign key '{name}' over '{field}')", error.message())
        }
        ("check_violation", Some(name)) => format!("the value is refused by check constraint '{name}'"),
        _ if columns.len() == 1 => format!("column '{field}': {}", error.message()),
        _ => error.message().to_string(),
    };
    let row_error = RowError::new(code, message);
    if columns.is_empty() {
        return row_error;
    }
    let values: Vec<String> = columns.iter().filter_map(|c| value_text(merge, payload, row, c)).collect();
    row_error.field(field).raw_value((!values.is_empty()).then(|| values.join(", ")))
}

fn value_text(merge: &Merge, payload: &RecordBatch, row: usize, column: &str) -> Option<String> {
    let field = merge.fields.iter().position(|f| f.name == column)?;
    text::render(payload.column(field), &merge.fields[field].ty, row)
}

/// Finds a value that its column cannot take by the column's declared limits alone. It looks at
/// the fields for which `considered` is true.
pub fn local_fault(
    merge: &Merge,
    payload: &RecordBatch,
    row: usize,
    considered: impl Fn(usize) -> bool,
) -> Option<RowError> {
    (0..merge.fields.len()).filter(|i| considered(*i)).find_map(|i| {
        let value = text_of(merge, payload, row, i)?;
        let (code, what) = limit_passed(merge, i, &value)?;
        let name = &merge.fields[i].name;
        let message = format!("column '{name}' {what}");
        Some(RowError::new(code, message).field(name.clone()).raw_value(Some(value)))
    })
}

/// A field whose column has declared limits, to see quickly that a value keeps them.
pub struct Limited<'a> {
    values: &'a StringArray,
    limit: Limit<'a>,
}

enum Limit<'a> {
    Labels(&'a [String]),
    Chars(usize),
    /// Digits before the point.
    Digits(usize),
}

impl<'a> Limited<'a> {
    /// `None`: the column takes every value of the field.
    pub fn of(merge: &'a Merge, payload: &'a RecordBatch, field: usize) -> Option<Self> {
        let column = merge.column(field);
        let limit = match (&merge.fields[field].ty, &column.field.ty) {
            (LogicalType::Text, _) => match (&column.labels, column.field.max_chars) {
                (Some(labels), _) => Limit::Labels(labels),
                (None, Some(max)) => Limit::Chars(max as usize),
                (None, None) => return None,
            },
            (LogicalType::Numeric(_), LogicalType::Numeric(Some((precision, scale)))) => {
                let room = i32::from(*precision) - i32::from(*scale);
                Limit::Digits(usize::try_from(room).unwrap_or(0))
            }
            _ => return None,
        };
        Some(Self { values: payload.column(field).as_string(), limit })
    }

    /// Whether the row's value needs a closer look: [`local_fault`] finds a fault in no other.
    #[inline]
    pub fn may_pass(&self, row: usize) -> bool {
        if self.values.is_null(row) {
            return false;
        }
        let value = self.values.value(row);
        match self.limit {
            Limit::Labels(labels) => !labels.iter().any(|label| label == value),
            // There are at least as many bytes as characters.
            Limit::Chars(max) => value.len() > max,
            // Rounding adds one digit at most; a sign counts as another.
            Limit::Digits(room) => value.bytes().position(|b| b == b'.').unwrap_or(value.len()) >= room,
        }
    }
}

/// Finds a NULL that is refused whatever is at the target.
pub fn refused_null(merge: &Merge, payload: &RecordBatch, row: usize) -> Option<RowError> {
    let i = (0..merge.fields.len()).find(|i| merge.refuses_null(*i) && payload.column(*i).is_null(row))?;
    let name = &merge.fields[i].name;
    Some(RowError::new("not_null_violation", format!("column '{name}' may not be NULL")).field(name.clone()))
}

/// Canonical text, of the types that [`limit_passed`] looks at.
fn text_of(merge: &Merge, payload: &RecordBatch, row: usize, i: usize) -> Option<String> {
    let is_limited = match merge.fields[i].ty {
        LogicalType::Text => {
            let column = merge.column(i);
            column.field.max_chars.is_some() || column.labels.is_some()
        }
        LogicalType::Numeric(_) => matches!(merge.column(i).field.ty, LogicalType::Numeric(Some(_))),
        _ => false,
    };
    if is_limited { text::render(payload.column(i), &merge.fields[i].ty, row) } else { None }
}

fn limit_passed(merge: &Merge, i: usize, value: &str) -> Option<(&'static str, String)> {
    let column = merge.column(i);
    if let Some(labels) = &column.labels
        && !labels.iter().any(|l| l == value)
    {
        let known = labels.join(", ");
        return Some(("invalid_value", format!("takes one of: {known}")));
    }
    if let Some(max) = column.field.max_chars {
        // Spaces beyond the end are cut off without an error, as the standard wants.
        let length = value.chars().count();
        if length > max as usize && value.chars().skip(max as usize).any(|c| c != ' ') {
            return Some((
                "string_too_long",
                format!("takes at most {max} characters, the value has {length}"),
            ));
        }
    }
    if let LogicalType::Numeric(Some((precision, scale))) = column.field.ty
        && passes_precision(value, precision, scale)
    {
        let native = &column.field.native_type;
        return Some(("numeric_out_of_range", format!("of type {native} cannot hold a number this large")));
    }
    None
}

/// Whether a decimal, rounded to `scale`, has more than `precision - scale` digits before the
/// point. Types with an unusual scale (negative, or above the precision) are left to the server.
fn passes_precision(value: &str, precision: u16, scale: i16) -> bool {
    let Ok(scale) = u16::try_from(scale) else { return false };
    let Some(room) = precision.checked_sub(scale) else { return false };
    if value.ends_with("Infinity") {
        return true;
    }
    let unsigned = value.trim_start_matches('-');
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let whole = whole.trim_start_matches('0');
    if value == "NaN" || whole.len() < usize::from(room) {
        return false;
    }
    if whole.len() > usize::from(room) {
        return true;
    }
    // Just fits, unless rounding carries through nines only.
    let (kept, cut) = fraction.split_at(fraction.len().min(usize::from(scale)));
    let is_full = kept.len() == usize::from(scale) && whole.bytes().chain(kept.bytes()).all(|b| b == b'9');
    is_full && cut.as_bytes().first().is_some_and(|b| *b >= b'5')
}

/// Looks the columns of a violated constraint up.
pub async fn constraint_columns(pg: &PgClient, merge: &Merge, error: &DbError) -> Result<Vec<String>> {
    let (Some(schema), Some(table)) = (error.schema(), error.table()) else { return Ok(Vec::new()) };
    if let (Some(column), true) = (error.column(), *error.code() == SqlState::NOT_NULL_VIOLATION) {
        // The column of another table, which a trigger writes to, is none of ours.
        let is_ours = merge.table.column(column).is_some() && belongs(pg, merge, schema, table).await?;
        return Ok(if is_ours { vec![column.to_string()] } else { Vec::new() });
    }
    let Some(name) = error.constraint() else { return Ok(Vec::new()) };
    let rows = pg.client.query(CONSTRAINT_COLUMNS_SQL, &[&merge.table.oid, &schema, &table, &name]).await;
    let columns = rows.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect());
    columns.map_err(|e| failed(pg, "the catalog", e))
}

async fn belongs(pg: &PgClient, merge: &Merge, schema: &str, table: &str) -> Result<bool> {
    let name = &merge.table.name;
    if name.schema.as_deref() == Some(schema) && name.name == table {
        return Ok(true);
    }
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_partition_tree($1) p
               JOIN pg_catalog.pg_class c ON c.oid = p.relid
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = $2 AND c.relname = $3)";
    let row = pg.client.query_one(sql, &[&merge.table.oid, &schema, &table]).await;
    row.and_then(|row| row.try_get(0)).map_err(|e| failed(pg, "the catalog", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_look_overlooks_no_number() {
        for (precision, scale) in [(5u16, 2i16), (3, 3), (1, 0), (4, -2), (2, 5)] {
            for value in ["0", "-0.5", "9.99", "99.995", "-999.995", "999.99", "1000", "NaN", "-Infinity"] {
                let values = StringArray::from(vec![value]);
                let room = (i32::from(precision) - i32::from(scale)).max(0) as usize;
                let quick = Limited { values: &values, limit: Limit::Digits(room) }.may_pass(0);
                assert!(quick || !passes_precision(value, precision, scale), "{value} {precision} {scale}");
            }
        }
    }

    #[test]
    fn a_number_passes_its_precision_only_after_rounding() {
        for (value, passes) in [
            ("999.99", false),
            ("999.994", false),
            ("999.995", true),
            ("-999.999", true),
            ("1000", true),
            ("0999.1", false),
            ("NaN", false),
            ("Infinity", true),
            ("-0.5", false),
        ] {
            assert_eq!(passes_precision(value, 5, 2), passes, "{value}");
        }
        assert!(!passes_precision("0.005", 3, 3));
        assert!(passes_precision("1", 3, 3));
        assert!(!passes_precision("123456", 3, -3));
    }
}
