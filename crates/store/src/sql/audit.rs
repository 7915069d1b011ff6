//! The audit log: appended to, never changed, each record bound to the one before it.

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use syncline_core::Error;

use super::conditions::Conditions;
use super::{Outcome, Row, Sql, WORKSPACE, values};
use crate::{AuditEntry, AuditFilter, AuditRecord, Page};

/// Records that the verifier holds in memory at once.
const VERIFIED_AT_ONCE: u64 = 1_000;

/// Most characters kept of what entries are found by. An index of PostgreSQL takes 2,704 bytes.
const INDEXED_CHARS_MAX: usize = 500;

pub fn append(tx: &dyn Sql, entry: &AuditEntry) -> Outcome<AuditRecord> {
    let entry = &storable(entry);
    let last = tx.query_first(
        "SELECT sequence, hash FROM audit WHERE workspace_id = ? ORDER BY sequence DESC LIMIT 1",
        values![WORKSPACE],
    )?;
    let (sequence, before) = match &last {
        Some(row) => (row.count(0)? + 1, row.text(1)?),
        None => (1, ""),
    };
    let text = canonical(entry)?;
    let hash = chained(before, &text);
    tx.execute(
        "INSERT INTO audit (workspace_id, sequence, at, actor, action, target, entry, hash)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        values![
            WORKSPACE,
            sequence,
            entry.at,
            &entry.actor,
            &entry.action,
            &entry.target,
            text,
            hash.as_str()
        ],
    )?;
    Ok(AuditRecord { sequence, entry: entry.clone(), hash })
}

pub fn list(tx: &dyn Sql, filter: &AuditFilter, page: Page) -> Outcome<(Vec<AuditRecord>, u64)> {
    let mut conditions = Conditions::new();
    conditions.and_if("target =", filter.target.as_ref());
    conditions.and_if("actor =", filter.actor.as_ref());
    conditions.and_if("action =", filter.action.as_ref());
    conditions.and_if("at >=", filter.since);
    conditions.and_if("at <", filter.until);
    let (rows, total) = conditions.rows(tx, "sequence, entry, hash", "audit", "sequence DESC", page)?;
    let records = rows.iter().map(|row| {
        let entry = super::json(row.text(1)?, &format!("audit record {}", row.count(0)?))?;
        Ok(AuditRecord { sequence: row.count(0)?, entry, hash: row.text(2)?.into() })
    });
    Ok((records.collect::<Outcome<_>>()?, total))
}

/// The first record that is missing, was changed, or does not follow from the one before it.
pub fn verify(tx: &dyn Sql) -> Outcome<Option<u64>> {
    let (mut sequence, mut hash) = (0, String::new());
    loop {
        let rows = tx.query(
            "SELECT sequence, hash, entry, at, actor, action, target FROM audit
             WHERE workspace_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
            values![WORKSPACE, sequence, VERIFIED_AT_ONCE],
        )?;
        if rows.is_empty() {
            return Ok(None);
        }
        for row in rows {
            sequence += 1;
            if !follows(&row, sequence, &hash)? {
                return Ok(Some(sequence));
            }
            hash = row.text(1)?.into();
        }
    }
}

/// Whether a row is record `sequence`, says what its hash is over, and is found under what it says.
fn follows(row: &Row, sequence: u64, before: &str) -> Outcome<bool> {
    let text = row.text(2)?;
    if row.count(0)? != sequence || chained(before, text) != row.text(1)? {
        return Ok(false);
    }
    let Ok(entry) = serde_json::from_str::<AuditEntry>(text) else { return Ok(false) };
    Ok(entry.at.as_microsecond() == row.integer(3)?
        && entry.actor == row.text(4)?
        && entry.action == row.text(5)?
        && entry.target == row.text(6)?)
}

/// Kept to what every database can hold in a column, so that what the hash is over and what the entry
/// is found by stay the same: microseconds, and text without U+0000 that an index takes.
fn storable(entry: &AuditEntry) -> AuditEntry {
    let text = |text: &str| text.replace('\0', "\u{2400}").chars().take(INDEXED_CHARS_MAX).collect();
    AuditEntry {
        at: Timestamp::from_microsecond(entry.at.as_microsecond()).unwrap_or(entry.at),
        actor: text(&entry.actor),
        action: text(&entry.action),
        target: text(&entry.target),
        ..entry.clone()
    }
}

/// SHA-256 over the hash before (nothing before the first) and an entry, as hexadecimal.
fn chained(before: &str, entry: &str) -> String {
    let digest = Sha256::new().chain_update(before).chain_update(entry).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An entry as JSON without spaces, its members by name, at every depth.
fn canonical(entry: &AuditEntry) -> Outcome<String> {
    let value = serde_json::to_value(entry)
        .map_err(|e| Error::internal("an audit entry cannot be written as JSON").caused_by(e))?;
    Ok(sorted(value).to_string())
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().map(|(name, v)| (name, sorted(v))).collect();
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_entries_have_one_text_whatever_the_order_of_their_members() {
        let a = sorted(json!({"b": [{"y": 1, "x": 2}], "a": null}));
        let b = sorted(json!({"a": null, "b": [{"x": 2, "y": 1}]}));
        assert_eq!(a.to_string(), r#"{"a":null,"b":[{"x":2,"y":1}]}"#);
        assert_eq!(a.to_string(), b.to_string());
    }

    #[test]
    fn a_hash_depends_on_the_entry_and_on_all_before_it() {
        let first = chained("", "a");
        assert_eq!(first, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
        assert_ne!(chained(&first, "b"), chained("", "b"));
        assert_ne!(chained(&first, "b"), chained(&first, "c"));
    }
}
