//! Dead letters that are sent again: what a replay holds, and what becomes of a letter that fails again.

use syncline_core::ids::LetterId;
use syncline_core::run::Replay;
use syncline_core::{Error, ErrorKind, Run, RunType};

use super::letters::{LetterChanges, get, update};
use super::{Outcome, Sql, WORKSPACE, events, values};
use crate::{DeadLetter, EditedPayload, LetterState};

pub fn letters(tx: &dyn Sql, ids: &[LetterId]) -> Outcome<Vec<DeadLetter>> {
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.extend(get(tx, id.as_str())?);
    }
    Ok(found)
}

pub fn edit(tx: &dyn Sql, id: &str, edited: Option<&EditedPayload>) -> Outcome<DeadLetter> {
    let Some(letter) = get(tx, id)? else {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no dead letter {id}")).into());
    };
    if !matches!(letter.state, LetterState::Open | LetterState::Ignored) {
        let message = format!("{id} is {}: only an open letter can be edited", letter.state.as_str());
        return Err(Error::new(ErrorKind::Conflict, message).into());
    }
    let letter = DeadLetter { edited: edited.cloned(), ..letter };
    update(tx, &letter)?;
    events::letter_changed(tx, &letter)?;
    Ok(letter)
}

/// A process that lost its run marks nothing: nobody would open the letters again.
pub fn begin(tx: &dyn Sql, run: &Run) -> Outcome<()> {
    let stored = tx.query_first(
        "SELECT status, epoch FROM runs WHERE workspace_id = ? AND id = ?",
        values![WORKSPACE, run.id.as_str()],
    )?;
    let is_held = match &stored {
        Some(row) => matches!(row.text(0)?, "starting" | "running") && row.count(1)? == run.epoch,
        None => false,
    };
    if !is_held {
        let message = format!("run {} was ended or taken over by another process", run.id);
        return Err(Error::new(ErrorKind::Fenced, message).into());
    }
    let mut changes = LetterChanges::default();
    for letter in replayed(tx, run)? {
        if letter.sync_uid == run.sync_uid && matches!(letter.state, LetterState::Open | LetterState::Ignored)
        {
            let replayed_by = Some(run.id.clone());
            let state = LetterState::Replaying;
            update(tx, &DeadLetter { state, replayed_by, ignored_because: None, ..letter })?;
            changes.replaying += 1;
        }
    }
    events::letters_changed(tx, run, &changes)
}

/// Opens what a replay that ended still holds; how many letters.
pub fn end(tx: &dyn Sql, run: &Run) -> Outcome<u64> {
    let mut opened = 0;
    for letter in replayed(tx, run)? {
        if letter.state == LetterState::Replaying && letter.replayed_by.as_ref() == Some(&run.id) {
            update(tx, &DeadLetter { state: LetterState::Open, replayed_by: None, ..letter })?;
            opened += 1;
        }
    }
    Ok(opened)
}

/// The letters of a run that replays; of another run, and of a dry run, none.
fn replayed(tx: &dyn Sql, run: &Run) -> Outcome<Vec<DeadLetter>> {
    match &run.options.replay {
        Some(Replay { letters: ids, .. }) if run.run_type == RunType::Replay => letters(tx, ids),
        _ => Ok(Vec::new()),
    }
}

/// One letter per key: the known one goes on with what the new one says.
///
/// Where the row that failed is the one that failed before, what a person decided about it stands, and
/// what the new letter has no values of is kept: a replay of a stored payload reads no source row.
pub fn seen_again(known: DeadLetter, new: DeadLetter) -> DeadLetter {
    let is_same_row = known.source_fp.is_some() && known.source_fp == new.source_fp;
    let stays_ignored = known.state == LetterState::Ignored && is_same_row;
    DeadLetter {
        id: known.id,
        first_seen_at: known.first_seen_at,
        state: if stays_ignored { LetterState::Ignored } else { LetterState::Open },
        attempts: new.attempts.max(known.attempts.saturating_add(1)),
        edited: known.edited.filter(|_| is_same_row),
        source_row: new.source_row.or(known.source_row.filter(|_| is_same_row)),
        payload: new.payload.or(known.payload.filter(|_| is_same_row)),
        replayed_by: None,
        ignored_because: known.ignored_because.filter(|_| stays_ignored),
        ..new
    }
}
