//! Foreign keys: SQLite says that one is broken, not which.

use std::collections::HashMap;

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, Result, params_from_iter};

use super::database::quote;

#[derive(Clone, Debug)]
pub struct ForeignKey {
    pub id: i64,
    pub parent: String,
    /// Columns here and, unless they are the parent's primary key, there.
    pub columns: Vec<(String, Option<String>)>,
}

/// The foreign keys of a table.
pub fn of(conn: &Connection, table: &str) -> Result<Vec<ForeignKey>> {
    let mut stmt = conn.prepare(
        r#"SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq"#,
    )?;
    let mut rows = stmt.query([table])?;
    let mut keys: Vec<ForeignKey> = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, parent, column) = (row.get(0)?, row.get(1)?, (row.get(2)?, row.get(3)?));
        match keys.last_mut() {
            Some(last) if last.id == id => last.columns.push(column),
            _ => keys.push(ForeignKey { id, parent, columns: vec![column] }),
        }
    }
    Ok(keys)
}

impl ForeignKey {
    /// Whether the parent has a row with these values (one per column, none NULL).
    pub fn has_parent(&self, conn: &Connection, values: &[ToSqlOutput<'_>]) -> Result<bool> {
        let key = super::catalog::table(conn, &self.parent)?.map(|t| t.primary_key()).unwrap_or_default();
        let conditions: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(i, (from, to))| {
                let to = to.as_ref().or(key.get(i)).unwrap_or(from);
                format!("{} = ?", quote(to))
            })
            .collect();
        let sql =
            format!("SELECT 1 FROM main.{} WHERE {} LIMIT 1", quote(&self.parent), conditions.join(" AND "));
        conn.prepare(&sql)?.exists(params_from_iter(values))
    }
}

/// Foreign keys that SQLite checks first at COMMIT, and that writing one table can break: they are
/// checked before, so that a row fails and not the commit.
#[derive(Debug, Default)]
pub struct Deferred {
    /// Tables whose rows may come to refer to nothing.
    children: Vec<String>,
    /// References to nothing, as of the last check.
    known: Dangling,
}

/// References to nothing: how many of each (table, row id, parent, key id). A table without row ids
/// gives none, so there may be several alike.
type Dangling = HashMap<(String, Option<i64>, String, i64), usize>;

/// A reference that a row has broken.
pub struct Broken {
    pub child: String,
    pub key: Option<ForeignKey>,
}

impl Deferred {
    /// Looks for deferred foreign keys of `table` and towards it. Whether one is deferred stands in
    /// the CREATE statement only; a statement that has the word in another place costs time, no more.
    pub fn find(conn: &Connection, table: &str) -> Result<Self> {
        let mut stmt = conn.prepare(
            "SELECT DISTINCT s.name FROM main.sqlite_schema s, pragma_foreign_key_list(s.name, 'main') f
             WHERE s.type = 'table' AND s.sql LIKE '%DEFERRED%'
               AND (s.name = ?1 COLLATE NOCASE OR f.\"table\" = ?1 COLLATE NOCASE)",
        )?;
        let children = stmt.query_map([table], |row| row.get(0))?.collect::<Result<_>>()?;
        Ok(Self { children, known: Dangling::new() })
    }

    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// Takes the present state for given: what is broken already is nobody's fault here.
    pub fn accept(&mut self, conn: &Connection) -> Result<()> {
        self.known = self.dangling(conn)?;
        Ok(())
    }

    /// A reference that was broken since the last accepted state, which otherwise is accepted.
    pub fn check(&mut self, conn: &Connection) -> Result<Option<Broken>> {
        let found = self.dangling(conn)?;
        let new = found.iter().find(|(place, count)| **count > self.known.get(*place).copied().unwrap_or(0));
        let Some(((child, _, _, id), _)) = new else {
            self.known = found;
            return Ok(None);
        };
        let key = of(conn, child)?.into_iter().find(|key| key.id == *id);
        Ok(Some(Broken { child: child.clone(), key }))
    }

    fn dangling(&self, conn: &Connection) -> Result<Dangling> {
        let mut found = Dangling::new();
        for child in &self.children {
            let mut stmt = conn.prepare(
                r#"SELECT "table", rowid, parent, fkid FROM pragma_foreign_key_check(?1, 'main')"#,
            )?;
            let mut rows = stmt.query([child])?;
            while let Some(row) = rows.next()? {
                *found.entry((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)).or_default() += 1;
            }
        }
        Ok(found)
    }
}
