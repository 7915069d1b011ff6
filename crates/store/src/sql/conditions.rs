//! The WHERE of a list, built from a filter's parts, and the limits of its page.

use syncline_core::Result;

use super::{Dialect, Outcome, Row, Sql, Value, WORKSPACE};
use crate::Page;

/// Conditions that all hold, each with its value bound.
pub struct Conditions {
    text: String,
    values: Vec<Value>,
    /// The table with the index to count by, where it is another than gives the order.
    counted: Option<String>,
}

/// What holds of every row, since a store has one workspace.
const EVERY_ROW: &str = "workspace_id = ?";

impl Conditions {
    /// Rows of the workspace.
    pub fn new() -> Self {
        Self { text: EVERY_ROW.into(), values: vec![WORKSPACE.into()], counted: None }
    }

    /// Counts by another index than the page is read by.
    pub fn counted_by(mut self, table: String) -> Self {
        self.counted = Some(table);
        self
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

    /// Adds that the column's text holds another one, letter by letter.
    pub fn and_holds(&mut self, dialect: Dialect, column: &str, text: String) {
        let place = match dialect {
            Dialect::Sqlite => "instr",
            Dialect::Postgres => "strpos",
        };
        self.text.push_str(&format!(" AND {place}({column}, ?) > 0"));
        self.values.push(text.into());
    }

    /// Adds `<column> IN (…)`, or nothing when there are no values.
    pub fn and_one_of<'a>(&mut self, column: &str, values: impl IntoIterator<Item = &'a str>) {
        let before = self.values.len();
        self.values.extend(values.into_iter().map(Value::from));
        let marks = vec!["?"; self.values.len() - before].join(", ");
        if !marks.is_empty() {
            self.text.push_str(&format!(" AND {column} IN ({marks})"));
        }
    }

    /// One page of the `record` column of matching rows, and how many rows match.
    ///
    /// `table` may name the index to use; `order` must be one that it gives.
    pub fn page(self, tx: &dyn Sql, table: &str, order: &str, page: Page) -> Outcome<(Vec<String>, u64)> {
        let (rows, total) = self.rows(tx, "record", table, order, page)?;
        let records = rows.iter().map(|row| Ok(row.text(0)?.to_string())).collect::<Outcome<_>>()?;
        Ok((records, total))
    }

    /// As [`Conditions::page`], for other columns.
    pub fn rows(
        mut self,
        tx: &dyn Sql,
        columns: &str,
        table: &str,
        order: &str,
        page: Page,
    ) -> Outcome<(Vec<Row>, u64)> {
        let (limit, offset) = bounds(page)?;
        let total = self.count(tx, table)?;
        if page.offset() >= total {
            return Ok((Vec::new(), total));
        }
        let sql = self.page_sql(columns, table, order);
        self.values.extend([Value::Integer(limit), Value::Integer(offset)]);
        Ok((tx.query(&sql, &self.values)?, total))
    }

    fn count(&self, tx: &dyn Sql, table: &str) -> Outcome<u64> {
        let (sql, values) = self.count_sql(table);
        tx.query_first(&sql, values)?.map_or(Ok(0), |row| row.count(0))
    }

    /// How many rows match. Without a condition SQLite goes by the pages of its smallest index, not row by
    /// row.
    pub fn count_sql(&self, table: &str) -> (String, &[Value]) {
        if self.text == EVERY_ROW {
            let name = table.split(' ').next().unwrap_or(table);
            return (format!("SELECT count(*) FROM {name}"), &[]);
        }
        let table = self.counted.as_deref().unwrap_or(table);
        (format!("SELECT count(*) FROM {table} WHERE {}", self.text), &self.values)
    }

    /// The first matching rows, at most [`Page::SIZE_MAX`].
    pub fn first(
        mut self,
        tx: &dyn Sql,
        columns: &str,
        table: &str,
        order: &str,
        limit: u64,
    ) -> Outcome<Vec<Row>> {
        let (limit, offset) = bounds(Page::first(limit))?;
        let sql = self.page_sql(columns, table, order);
        self.values.extend([Value::Integer(limit), Value::Integer(offset)]);
        tx.query(&sql, &self.values)
    }

    /// One page of the groups of matching rows, and how many groups there are.
    pub fn groups(
        mut self,
        tx: &dyn Sql,
        by: &str,
        columns: &str,
        table: &str,
        order: &str,
        page: Page,
    ) -> Outcome<(Vec<Row>, u64)> {
        let (limit, offset) = bounds(page)?;
        self.text.push_str(&format!(" GROUP BY {by}"));
        let count = format!("SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {}) AS g", self.text);
        let total = tx.query_first(&count, &self.values)?.map_or(Ok(0), |row| row.count(0))?;
        let sql = self.page_sql(columns, table, order);
        self.values.extend([Value::Integer(limit), Value::Integer(offset)]);
        Ok((tx.query(&sql, &self.values)?, total))
    }

    pub fn page_sql(&self, columns: &str, table: &str, order: &str) -> String {
        format!("SELECT {columns} FROM {table} WHERE {} ORDER BY {order} LIMIT ? OFFSET ?", self.text)
    }
}

/// Limit and offset. Pages past what a database can count to are empty, as any page past the end is.
fn bounds(page: Page) -> Result<(i64, i64)> {
    page.check()?;
    Ok((page.size as i64, i64::try_from(page.offset()).unwrap_or(i64::MAX)))
}
