//! The end of a run: everything it did becomes visible in one transaction, or nothing does.

use syncline_core::{Error, ErrorKind, Run, RunStatus};

use super::{Outcome, Sql, cursors, follow, generations, letters, plans, runs, syncs};
use crate::Commit;

pub fn apply(tx: &dyn Sql, commit: &Commit) -> Outcome<()> {
    let stored = check_run(tx, commit)?;
    match commit.run.run_type.writes() {
        true => apply_written(tx, &stored, commit)?,
        false => apply_test(tx, &stored, commit)?,
    }
    follow::up(tx, &commit.follow)
}

/// G21: fenced unless the caller still holds the run; then, whether the run may end like this.
fn check_run(tx: &dyn Sql, commit: &Commit) -> Outcome<Run> {
    let run = &commit.run;
    let stored = runs::require(tx, &run.id)?;
    runs::check_holder(&stored, run)?;
    if !run.status.is_terminal() && run.status != RunStatus::Held {
        return Err(Error::internal(format!("run {} is committed as {}", run.id, run.status.as_str())).into());
    }
    stored.status.transition(run.status).map_err(|e| e.context(&run.id))?;
    Ok(stored)
}

/// A test changes its own record alone, whatever it simulated.
fn apply_test(tx: &dyn Sql, stored: &Run, commit: &Commit) -> Outcome<()> {
    let changes_something = commit.generation.is_some()
        || commit.cursor.is_some()
        || commit.sync_state.is_some()
        || !commit.resolved.is_empty();
    if changes_something {
        return Err(Error::internal(format!("test run {} would change its sync", commit.run.id)).into());
    }
    letters::drop_staged(tx, &commit.run.id)?;
    runs::save(tx, stored, &commit.run)
}

fn apply_written(tx: &dyn Sql, stored: &Run, commit: &Commit) -> Outcome<()> {
    let (run, now) = (&commit.run, commit.now);
    check_chunks(tx, commit)?;
    apply_generation(tx, commit)?;
    runs::save(tx, stored, run)?;
    letters::expose(tx, run, &commit.resolved)?;
    if let Some(change) = &commit.cursor {
        cursors::set(tx, &run.sync_uid, change, now)?;
    }
    if let Some(state) = &commit.sync_state {
        follow::set_state(tx, &run.sync_uid, state, None, now)?;
    }
    syncs::note_run(tx, &run.sync_uid, commit.full_read_at, commit.config_hash.as_deref(), now)
}

/// G2 and G3: a run is not complete, and no cursor moves on, while a chunk's outcome is open.
fn check_chunks(tx: &dyn Sql, commit: &Commit) -> Outcome<()> {
    let moves_cursor = commit.cursor.as_ref().is_some_and(|change| change.to.is_some());
    if commit.run.status != RunStatus::Completed && !moves_cursor {
        return Ok(());
    }
    match plans::first_unsettled(tx, &commit.run.id)? {
        None => Ok(()),
        Some(number) => Err(Error::internal(format!(
            "run {} cannot be committed as complete: chunk {number} is not settled",
            commit.run.id
        ))
        .into()),
    }
}

/// Fenced unless the sync is still at the generation that the run started from.
fn apply_generation(tx: &dyn Sql, commit: &Commit) -> Outcome<()> {
    let run = &commit.run;
    let Some(base) = run.base_generation else {
        // It ended before it looked at the snapshot.
        return if commit.generation.is_none() {
            Ok(())
        } else {
            Err(Error::internal(format!("run {} made a generation out of none", run.id)).into())
        };
    };
    let next = match &commit.generation {
        Some(next) if next.number == base + 1 && next.sync_uid == run.sync_uid => next.number,
        Some(_) => {
            return Err(
                Error::internal(format!("run {} made a generation that does not follow", run.id)).into()
            );
        }
        None => base,
    };
    if !syncs::advance_generation(tx, &run.sync_uid, base, next)? {
        return Err(Error::new(
            ErrorKind::Fenced,
            format!(
                "run {} started from generation {base} of sync {}, which has moved on since",
                run.id, run.sync_id
            ),
        )
        .help("another process committed a run of this sync; run it again")
        .into());
    }
    commit.generation.as_ref().map_or(Ok(()), |next| generations::insert(tx, next))
}
