//! Requests with an `Idempotency-Key`, and what was answered to them.

use std::time::Duration;

use jiff::Timestamp;

use super::{Outcome, Sql, WORKSPACE, blob, values};
use crate::{ANSWERS_KEPT, Answer, Begun};

/// Longest that a request is under way.
const UNDER_WAY_MAX: Duration = Duration::from_secs(300);

pub fn begin(tx: &dyn Sql, key: &str, fingerprint: &str, now: Timestamp) -> Outcome<Begun> {
    let forgotten = now.saturating_sub(ANSWERS_KEPT).unwrap_or(Timestamp::MIN);
    // A request that takes longer than any may was that of a server that is gone.
    let abandoned = now.saturating_sub(UNDER_WAY_MAX).unwrap_or(Timestamp::MIN);
    tx.execute(
        "DELETE FROM requests WHERE workspace_id = ? AND key = ?
         AND (began_at < ? OR (answer IS NULL AND began_at < ?))",
        values![WORKSPACE, key, forgotten, abandoned],
    )?;
    let begun = tx.execute(
        "INSERT INTO requests (workspace_id, key, fingerprint, began_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (workspace_id, key) DO NOTHING",
        values![WORKSPACE, key, fingerprint, now],
    )?;
    if begun == 1 {
        return Ok(Begun::New);
    }
    let earlier = tx.query_first(
        "SELECT fingerprint, answer FROM requests WHERE workspace_id = ? AND key = ?",
        values![WORKSPACE, key],
    )?;
    let Some(earlier) = earlier else { return Ok(Begun::UnderWay) };
    if earlier.text(0)? != fingerprint {
        return Ok(Begun::Mismatch);
    }
    Ok(match earlier.text_or_null(1)? {
        None => Begun::UnderWay,
        Some(text) => Begun::Answered(blob::decode(text, "the answer to a request")?),
    })
}

pub fn finish(tx: &dyn Sql, key: &str, answer: Option<&Answer>) -> Outcome<()> {
    match answer {
        Some(answer) => tx.execute(
            "UPDATE requests SET answer = ? WHERE workspace_id = ? AND key = ?",
            values![blob::encode(answer)?, WORKSPACE, key],
        )?,
        None => tx.execute(
            "DELETE FROM requests WHERE workspace_id = ? AND key = ? AND answer IS NULL",
            values![WORKSPACE, key],
        )?,
    };
    Ok(())
}

pub fn forget(tx: &dyn Sql, before: Timestamp) -> Outcome<u64> {
    tx.execute("DELETE FROM requests WHERE workspace_id = ? AND began_at < ?", values![WORKSPACE, before])
}
