//! What SQLite says when it refuses a row, as an error that names the column.

use arrow::array::RecordBatch;
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, ErrorCode, ffi};
use syncline_core::{RowError, text};

use super::foreign_keys::{Broken, ForeignKey};
use super::statements::WritePlan;
use super::values;

/// The row that was refused, with what is needed to find out why.
pub struct Refused<'a> {
    pub conn: &'a Connection,
    pub plan: &'a WritePlan,
    pub foreign_keys: &'a [ForeignKey],
    pub payload: &'a RecordBatch,
    pub row: usize,
    /// The row was to be removed.
    pub removal: bool,
}

impl Refused<'_> {
    /// The row's error; `None` when it is not this row's fault.
    pub fn explain(&self, error: &rusqlite::Error) -> Option<RowError> {
        let (code, message) = match error {
            rusqlite::Error::SqliteFailure(e, message) => (*e, message.clone().unwrap_or_default()),
            _ => return None,
        };
        let after = |prefix: &str| message.strip_prefix(prefix).unwrap_or_default().to_string();
        let named = |code: &str, message: String, columns: &[String]| {
            let blamed = columns.iter().find(|c| self.place(c).is_some()).or(columns.first());
            match blamed {
                Some(column) => self.blame(RowError::new(code, message), column),
                None => RowError::new(code, message),
            }
        };
        Some(match (code.code, code.extended_code) {
            (_, ffi::SQLITE_CONSTRAINT_NOTNULL) => {
                let columns = self.columns_in(&after("NOT NULL constraint failed: "));
                named("not_null_violation", format!("{} must not be NULL", list(&columns)), &columns)
            }
            (
                _,
                ffi::SQLITE_CONSTRAINT_UNIQUE
                | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                | ffi::SQLITE_CONSTRAINT_ROWID,
            ) => {
                let which = after("UNIQUE constraint failed: ");
                let columns = self.columns_in(&which);
                let what = if columns.is_empty() { which } else { list(&columns) };
                named("unique_violation", format!("another record has the same {what}"), &columns)
            }
            (_, ffi::SQLITE_CONSTRAINT_CHECK) => {
                let which = after("CHECK constraint failed: ");
                let columns = checked_columns(&self.plan.table.sql, &which, &self.column_names());
                // Of a condition over several columns none is at fault alone.
                let blamed = if columns.len() == 1 { columns.as_slice() } else { &[] };
                named("check_violation", format!("the table's check '{which}' does not hold"), blamed)
            }
            (_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => self.foreign_key(),
            (_, ffi::SQLITE_CONSTRAINT_DATATYPE) => {
                let column = self
                    .plan
                    .table
                    .columns
                    .iter()
                    .map(|c| &c.name)
                    .find(|name| message.ends_with(&format!(" column {}.{name}", self.plan.table.name)));
                let columns: Vec<String> = column.into_iter().cloned().collect();
                named("datatype_mismatch", message, &columns)
            }
            (ErrorCode::TypeMismatch, _) => {
                let ids = self.plan.table.columns.iter().filter(|c| c.row_id);
                let columns: Vec<String> = ids.map(|c| c.name.clone()).collect();
                named("datatype_mismatch", format!("{} takes integers only", list(&columns)), &columns)
            }
            (_, ffi::SQLITE_CONSTRAINT_TRIGGER) => {
                RowError::new("trigger_refused", format!("a trigger of the table refused the row: {message}"))
            }
            (ErrorCode::ConstraintViolation, _) => RowError::new("constraint_violation", message),
            (ErrorCode::TooBig, _) => RowError::new("value_too_large", "the row is larger than SQLite takes"),
            // Raised while the statement ran, for example by a function in a check or a generated column.
            (_, ffi::SQLITE_ERROR) => RowError::new("row_refused", message),
            _ => return None,
        })
    }

    /// The error for a reference that this row broke and that SQLite would have found at COMMIT.
    pub fn broken(&self, broken: &Broken) -> RowError {
        match &broken.key {
            Some(key) if broken.child.eq_ignore_ascii_case(&self.plan.table.name) && !self.removal => {
                self.missing_parent(key)
            }
            _ => still_referenced(Some(&broken.child)),
        }
    }

    fn foreign_key(&self) -> RowError {
        let missing = self.foreign_keys.iter().find(|key| !self.removal && self.lacks_parent(key));
        match missing {
            Some(key) => self.missing_parent(key),
            None if self.removal => still_referenced(None),
            None => RowError::new(
                "foreign_key_violation",
                "a foreign key does not hold: the row refers to a record that does not exist, or others refer to it",
            ),
        }
    }

    fn missing_parent(&self, key: &ForeignKey) -> RowError {
        let columns: Vec<String> = key.columns.iter().map(|(from, _)| from.clone()).collect();
        let message = format!("table '{}' has no record that {} refers to", key.parent, list(&columns));
        let error = RowError::new("foreign_key_violation", message);
        match columns.first() {
            Some(column) => self.blame(error, column),
            None => error,
        }
    }

    /// Whether the row surely refers to nothing by this key.
    fn lacks_parent(&self, key: &ForeignKey) -> bool {
        let mut bound: Vec<ToSqlOutput<'_>> = Vec::new();
        for (from, _) in &key.columns {
            let Some(place) = self.place(from) else { return false };
            let field = &self.plan.fields[place];
            let array = self.payload.column(place);
            match values::encode(array, &field.ty, field.column.affinity, self.row) {
                Ok(ToSqlOutput::Owned(Value::Null)) | Err(_) => return false,
                Ok(value) => bound.push(value),
            }
        }
        // This is only about the message: where the parent cannot be asked, it names no column.
        key.has_parent(self.conn, &bound).is_ok_and(|found| !found)
    }

    fn place(&self, column: &str) -> Option<usize> {
        self.plan.fields.iter().position(|f| f.column.name.eq_ignore_ascii_case(column))
    }

    fn blame(&self, error: RowError, column: &str) -> RowError {
        match self.place(column) {
            Some(place) => {
                let field = &self.plan.fields[place];
                let value = text::render(self.payload.column(place), &field.ty, self.row);
                error.field(&field.name).raw_value(value)
            }
            None => error.field(column),
        }
    }

    fn column_names(&self) -> Vec<String> {
        self.plan.table.columns.iter().map(|c| c.name.clone()).collect()
    }

    /// The columns in a message's `table.column, table.column`, whatever characters they contain.
    fn columns_in(&self, text: &str) -> Vec<String> {
        columns_named(text, &self.plan.table.name, &self.column_names())
    }
}

fn still_referenced(child: Option<&str>) -> RowError {
    let who = child.map(|c| format!("table '{c}'")).unwrap_or_else(|| "another table".to_string());
    RowError::new("foreign_key_violation", format!("{who} still refers to this record"))
}

fn list(columns: &[String]) -> String {
    columns.iter().map(|c| format!("'{c}'")).collect::<Vec<_>>().join(", ")
}

fn columns_named(text: &str, table: &str, columns: &[String]) -> Vec<String> {
    let prefix = format!("{table}.");
    let mut named = Vec::new();
    let mut rest = text;
    while let Some(after) = rest.strip_prefix(&prefix) {
        let separator = format!(", {prefix}");
        let ends = |c: &&String| {
            after.strip_prefix(c.as_str()).is_some_and(|tail| tail.is_empty() || tail.starts_with(&separator))
        };
        let Some(column) = columns.iter().filter(ends).max_by_key(|c| c.len()) else { break };
        named.push(column.clone());
        rest = after[column.len()..].strip_prefix(", ").unwrap_or_default();
    }
    named
}

/// The columns that a check mentions. SQLite names a check by its own name, if it has one, or by
/// its condition.
fn checked_columns(create_sql: &str, check: &str, columns: &[String]) -> Vec<String> {
    let tokens = words(create_sql);
    let named = tokens
        .windows(2)
        .position(|pair| pair[0].is_keyword("CONSTRAINT") && pair[1].as_name().is_some_and(|n| n == check));
    let condition = named.and_then(|at| {
        let rest = &tokens[at + 2..];
        rest.first()?.is_keyword("CHECK").then(|| parenthesized(&rest[1..]))
    });
    let mentioned = condition.map_or_else(|| words(check), <[Word]>::to_vec);
    let is_mentioned =
        |c: &&String| mentioned.iter().any(|w| w.as_name().is_some_and(|n| n.eq_ignore_ascii_case(c)));
    columns.iter().filter(is_mentioned).cloned().collect()
}

/// The words within the parentheses that `words` starts with.
fn parenthesized(words: &[Word]) -> &[Word] {
    let mut depth = 0usize;
    for (i, word) in words.iter().enumerate() {
        match word {
            Word::Mark('(') => depth += 1,
            Word::Mark(')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return &words[..=i];
        }
    }
    words
}

/// A word of SQL, as far as telling names from everything else needs.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Bare(String),
    Quoted(String),
    Literal,
    Mark(char),
}

impl Word {
    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self, Word::Bare(w) if w.eq_ignore_ascii_case(keyword))
    }

    fn as_name(&self) -> Option<&str> {
        match self {
            Word::Bare(name) | Word::Quoted(name) => Some(name),
            Word::Literal | Word::Mark(_) => None,
        }
    }
}

fn words(sql: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '-' if chars.peek() == Some(&'-') => for _ in chars.by_ref().take_while(|c| *c != '\n') {},
            '/' if chars.peek() == Some(&'*') => {
                let mut last = ' ';
                chars.next();
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            '\'' | '"' | '`' | '[' => {
                let end = if c == '[' { ']' } else { c };
                let mut text = String::new();
                while let Some(c) = chars.next() {
                    if c != end {
                        text.push(c);
                    } else if end != ']' && chars.peek() == Some(&end) {
                        chars.next();
                        text.push(c);
                    } else {
                        break;
                    }
                }
                words.push(if end == '\'' { Word::Literal } else { Word::Quoted(text) });
            }
            c if c.is_alphanumeric() || c == '_' || c == '$' => {
                let mut text = String::from(c);
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_' || *c == '$') {
                    text.push(c);
                }
                words.push(Word::Bare(text));
            }
            c if c.is_whitespace() => {}
            c => words.push(Word::Mark(c)),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| s.to_string()).collect()
    }

    #[test]
    fn columns_are_found_in_messages_whatever_their_names() {
        let columns = names(&["a", "b", "a, t.b", "x.y"]);
        assert_eq!(columns_named("t.a", "t", &columns), ["a"]);
        assert_eq!(columns_named("t.b, t.x.y", "t", &columns), ["b", "x.y"]);
        assert_eq!(columns_named("index 'i'", "t", &columns), Vec::<String>::new());
    }

    #[test]
    fn a_check_names_its_columns_by_its_condition_or_by_its_name() {
        let columns = names(&["age", "name", "say \"hi\""]);
        let sql = r#"CREATE TABLE t (age INT CHECK (age > 0), name TEXT, "say ""hi""" TEXT,
            CONSTRAINT adult CHECK (age >= 18 AND ('name' <> '')), CONSTRAINT both CHECK (age > length(name)),
            CONSTRAINT "hi there" CHECK ("say ""hi""" <> '' /* name */ -- age
            ))"#;
        assert_eq!(checked_columns(sql, "age > 0", &columns), ["age"]);
        assert_eq!(checked_columns(sql, "adult", &columns), ["age"]);
        assert_eq!(checked_columns(sql, "both", &columns), ["age", "name"]);
        assert_eq!(checked_columns(sql, "hi there", &columns), ["say \"hi\""]);
    }
}
