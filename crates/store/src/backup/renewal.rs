//! What makes a restored state safe to go on with.
//!
//! The state it is a copy of may have gone on since: its runs wrote to targets, and nothing here knows.
//! So nothing is taken for not sent that may have been sent.

use syncline_core::Run;

use crate::Incarnation;
use crate::sql::{Outcome, Sql, WORKSPACE, blob, incarnation, values};

/// Makes a state that was just loaded another incarnation of the one it is a copy of.
pub fn renew(tx: &dyn Sql, new: &Incarnation) -> Outcome<()> {
    let Some(restored_at) = new.restored_at else { return Ok(()) };
    incarnation::begin(tx, &new.id, restored_at)?;
    outdate_epochs(tx, restored_at.as_second())?;
    doubt_chunks(tx)?;
    warn_held_runs(tx)
}

/// Targets know the last epoch that a run had there and refuse lower ones, and the state that was lost
/// gave out some that this one does not know. Epochs count runs of one sync, of which there is not one
/// a second, so the seconds of now are above all of them.
fn outdate_epochs(tx: &dyn Sql, seconds: i64) -> Outcome<()> {
    tx.execute(
        "UPDATE syncs SET epoch = ? WHERE workspace_id = ? AND epoch < ?",
        values![seconds, WORKSPACE, seconds],
    )?;
    Ok(())
}

/// A chunk that was not sent when the backup was made may have been since: like one on its way, the
/// target is asked what became of it.
fn doubt_chunks(tx: &dyn Sql) -> Outcome<()> {
    tx.execute(
        "UPDATE chunks SET state = 'sending', attempt = attempt + 1
         WHERE workspace_id = ? AND state = 'planned' AND run_id IN (
             SELECT id FROM runs WHERE workspace_id = ? AND status IN ('starting', 'running'))",
        values![WORKSPACE, WORKSPACE],
    )?;
    Ok(())
}

/// Whoever approves a held run has to know that somebody may have done so before.
fn warn_held_runs(tx: &dyn Sql) -> Outcome<()> {
    let held = tx.query(
        "SELECT id, record FROM runs WHERE workspace_id = ? AND status = 'held'",
        values![WORKSPACE],
    )?;
    for row in held {
        let mut run: Run = blob::decode(row.text(1)?, "a held run")?;
        run.notices.push(
            "the state was restored from a backup: if this run was approved after that was made, \
             what it would write has been written"
                .into(),
        );
        tx.execute(
            "UPDATE runs SET record = ? WHERE workspace_id = ? AND id = ?",
            values![blob::encode(&run)?, WORKSPACE, row.text(0)?],
        )?;
    }
    Ok(())
}
