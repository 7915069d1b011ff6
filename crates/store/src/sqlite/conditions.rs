//! The WHERE of a list, built from a filter's parts, and the limits of its page.

use rusqlite::types::Value;
use rusqlite::{Connection, ToSql, params_from_iter};
use syncline_core::Result;

use super::WORKSPACE;
use super::fault::Outcome;
use crate::Page;

/// Conditions that all hold, each with its value bound.
pub struct Conditions {
    text: String,
    values: Vec<Value>,
}

impl Conditions {
    /// Rows of the workspace.
    pub fn new() -> Self {
        Self { text: "workspace_id = ?".into(), values: vec![Value::Text(WORKSPACE.into())] }
    }

    /// Adds `<column> <operator> ?`.
    pub fn and(&mut self, column_and_operator: &str, value: impl Into<Value>) {
        self.text.push_str(&format!(" AND {column_and_operator} ?"));
        self.values.push(value.into());
    }

    /// Adds the condition where the filter has a value for it.
    pub fn and_if<V: Into<Value>>(&mut self, column_and_operator: &str, value: Option<V>) {
        if let Some(value) = value {
            self.and(column_and_operator, value);
        }
    }

    /// Adds `<column> IN (…)`, or nothing when there are no values.
    pub fn and_one_of(&mut self, column: &str, values: impl IntoIterator<Item = &'static str>) {
        let before = self.values.len();
        self.values.extend(values.into_iter().map(|v| Value::Text(v.into())));
        let marks = vec!["?"; self.values.len() - before].join(", ");
        if !marks.is_empty() {
            self.text.push_str(&format!(" AND {column} IN ({marks})"));
        }
    }

    /// One page of the `record` column of matching rows, and how many rows match.
    ///
    /// `table` may name the index to use; `order` must be one that it gives.
    pub fn page(
        mut self,
        connection: &Connection,
        table: &str,
        order: &str,
        page: Page,
    ) -> Outcome<(Vec<String>, u64)> {
        let (limit, offset) = bounds(page)?;
        let total: u64 = connection
            .prepare_cached(&format!("SELECT count(*) FROM {table} WHERE {}", self.text))?
            .query_row(params_from_iter(&self.values), |row| row.get(0))?;
        if page.offset() >= total {
            return Ok((Vec::new(), total));
        }
        let sql = self.page_sql(table, order);
        self.values.extend([Value::Integer(limit), Value::Integer(offset)]);
        let records = strings(connection, &sql, params_from_iter(&self.values))?;
        Ok((records, total))
    }

    pub fn page_sql(&self, table: &str, order: &str) -> String {
        format!("SELECT record FROM {table} WHERE {} ORDER BY {order} LIMIT ? OFFSET ?", self.text)
    }
}

/// The first column of all rows, as text.
pub fn strings(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> Outcome<Vec<String>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(params, |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The first column of the first row, as text.
pub fn string(connection: &Connection, sql: &str, params: &[&dyn ToSql]) -> Outcome<Option<String>> {
    use rusqlite::OptionalExtension;
    Ok(connection.prepare_cached(sql)?.query_row(params, |row| row.get(0)).optional()?)
}

/// Limit and offset. Pages past what SQLite can count to are empty, as any page past the end is.
fn bounds(page: Page) -> Result<(i64, i64)> {
    page.check()?;
    Ok((page.size as i64, i64::try_from(page.offset()).unwrap_or(i64::MAX)))
}
