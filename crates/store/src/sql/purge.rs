//! Taking what the database has of single records out of it.

use serde_json::Value as Json;
use syncline_core::{Error, ErrorKind, Key, Run, RunId, RunStatus, SyncUid};

use super::{Outcome, Row, Sql, WORKSPACE, blob, generations, plans, runs, syncs, values};
use crate::{Answer, DeadLetter, NewNotice, Purge, Purged, RowErrorRecord, SyncState};

/// Rows that are looked at together.
const AT_ONCE: u64 = 2_000;

/// Paths of the files that the generations, plans and chunks of a sync name, sorted.
pub fn files_of_sync(tx: &dyn Sql, uid: &SyncUid) -> Outcome<Vec<String>> {
    tx.texts(
        "SELECT path FROM generation_files WHERE workspace_id = ? AND sync_uid = ?
         UNION SELECT f.path FROM plan_files AS f
             JOIN runs AS r ON r.workspace_id = f.workspace_id AND r.id = f.run_id
             WHERE f.workspace_id = ? AND r.sync_uid = ?
         UNION SELECT c.outcomes_path FROM chunks AS c
             JOIN runs AS r ON r.workspace_id = c.workspace_id AND r.id = c.run_id
             WHERE c.workspace_id = ? AND r.sync_uid = ? AND c.outcomes_path IS NOT NULL
         ORDER BY 1",
        values![WORKSPACE, uid.as_str(), WORKSPACE, uid.as_str(), WORKSPACE, uid.as_str()],
    )
}

/// Removes what is to go, or only counts it. `None`: the sync has other files than were looked at.
pub fn purge(tx: &dyn Sql, purge: &Purge, removes: bool) -> Outcome<Option<Purged>> {
    if removes {
        // A run that is claimed meanwhile meets this transaction, or waits for it.
        syncs::lock(tx, &purge.sync_uid)?;
    }
    let sync = syncs::require(tx, &purge.sync_uid)?;
    if files_of_sync(tx, &purge.sync_uid)? != purge.seen {
        return Ok(None);
    }
    let mut work = Work { tx, purge, removes, purged: Purged::default() };
    work.runs()?;
    work.staged()?;
    work.letters()?;
    work.row_errors()?;
    work.messages_to_others(sync.id.as_str())?;
    work.halt(&sync.state)?;
    work.answers()?;
    let purged = work.purged;
    if removes {
        plans_and_outcomes(tx, purge)?;
        generation(tx, purge)?;
    }
    Ok(Some(purged))
}

struct Work<'a> {
    tx: &'a dyn Sql,
    purge: &'a Purge,
    removes: bool,
    purged: Purged,
}

impl Work<'_> {
    /// Hands every row of a query to `look`, a part at a time. The query's first column is what its rows are
    /// ordered by, and its last two values are the one they come after and how many come.
    fn each(
        &mut self,
        query: &str,
        mut after: super::Value,
        mut look: impl FnMut(&mut Self, &Row) -> Outcome<()>,
    ) -> Outcome<()> {
        loop {
            let uid = self.purge.sync_uid.as_str();
            let rows = self.tx.query(query, values![WORKSPACE, uid, after, AT_ONCE])?;
            rows.iter().try_for_each(|row| look(self, row))?;
            match rows.last().and_then(|row| row.0.first()) {
                Some(last) if rows.len() as u64 == AT_ONCE => after = last.clone(),
                _ => return Ok(()),
            }
        }
    }

    fn set(&self, statement: &str, values: &[super::Value]) -> Outcome<()> {
        if self.removes {
            self.tx.execute(statement, values)?;
        }
        Ok(())
    }

    fn redact(&self, text: &mut String) -> u64 {
        self.purge.redacted(text).map_or(0, |redacted| {
            *text = redacted;
            1
        })
    }

    fn runs(&mut self) -> Outcome<()> {
        self.each(
            "SELECT id, record FROM runs WHERE workspace_id = ? AND sync_uid = ? AND id > ? ORDER BY id LIMIT ?",
            "".into(),
            |work, row| {
                let run: Run = blob::decode(row.text(1)?, "a run")?;
                work.run(run)
            },
        )
    }

    fn run(&mut self, mut run: Run) -> Outcome<()> {
        if run.status.is_active() {
            return Err(in_progress(&run.id).into());
        }
        let mut named = 0;
        let samples = run.guards.iter_mut().flat_map(|guard| &mut guard.sample);
        for row in run.options.source_ids.iter_mut().chain(&mut run.not_found).chain(samples) {
            if self.purge.rows.contains(row) {
                *row = Key::PURGED.into();
                named += 1;
            }
        }
        let mut cited = 0;
        for error in run.error.iter_mut() {
            let texts = [&mut error.message].into_iter().chain(&mut error.help).chain(&mut error.causes);
            cited += texts.map(|text| self.redact(text)).sum::<u64>();
        }
        cited += run.notices.iter_mut().map(|text| self.redact(text)).sum::<u64>();
        if named + cited == 0 {
            return Ok(());
        }
        if !run.status.is_terminal() {
            return Err(Purge::refused(&run.id, run.status).into());
        }
        self.purged.runs += u64::from(named > 0);
        self.purged.messages += cited;
        self.set(
            "UPDATE runs SET record = ? WHERE workspace_id = ? AND id = ?",
            values![runs::encode(&run)?, WORKSPACE, run.id.as_str()],
        )
    }

    /// Letters that a run put aside are as good as its plan.
    fn staged(&mut self) -> Outcome<()> {
        let staged = self.tx.query(
            "SELECT l.record, r.record FROM staged_letters AS l
             JOIN runs AS r ON r.workspace_id = l.workspace_id AND r.id = l.run_id
             WHERE l.workspace_id = ? AND r.sync_uid = ?",
            values![WORKSPACE, self.purge.sync_uid.as_str()],
        )?;
        for row in &staged {
            let letter: DeadLetter = blob::decode(row.text(0)?, "a letter")?;
            if self.purge.rows.contains(&letter.row_id) {
                let run: Run = blob::decode(row.text(1)?, "a run")?;
                return Err(Purge::refused(&run.id, run.status).into());
            }
        }
        Ok(())
    }

    fn letters(&mut self) -> Outcome<()> {
        self.each(
            "SELECT id, record FROM letters WHERE workspace_id = ? AND sync_uid = ? AND id > ?
             ORDER BY id LIMIT ?",
            "".into(),
            |work, row| {
                let mut letter: DeadLetter = blob::decode(row.text(1)?, "a letter")?;
                let id = letter.id.clone();
                if work.purge.rows.contains(&letter.row_id) {
                    work.purged.letters += 1;
                    let gone = "DELETE FROM letters WHERE workspace_id = ? AND id = ?";
                    return work.set(gone, values![WORKSPACE, id.as_str()]);
                }
                let texts = [&mut letter.message].into_iter().chain(&mut letter.ignored_because);
                let cited = texts.map(|text| work.redact(text)).sum::<u64>();
                if cited == 0 {
                    return Ok(());
                }
                work.purged.messages += cited;
                work.set(
                    "UPDATE letters SET record = ? WHERE workspace_id = ? AND id = ?",
                    values![blob::encode(&letter)?, WORKSPACE, id.as_str()],
                )
            },
        )
    }

    /// An error stays as a figure: its stage, code and field.
    fn row_errors(&mut self) -> Outcome<()> {
        self.each(
            "SELECT e.sequence, e.record, r.id, r.status FROM row_errors AS e
             JOIN runs AS r ON r.workspace_id = e.workspace_id AND r.id = e.run_id
             WHERE e.workspace_id = ? AND r.sync_uid = ? AND e.sequence > ? ORDER BY e.sequence LIMIT ?",
            (-1i64).into(),
            |work, row| {
                let mut error: RowErrorRecord = blob::decode(row.text(1)?, "an error of a run")?;
                if work.purge.rows.contains(&error.row_id) {
                    let status = RunStatus::parse(row.text(3)?);
                    if let Some(status) = status.filter(|status| !status.is_terminal()) {
                        return Err(Purge::refused(&RunId::from_stored(row.text(2)?), status).into());
                    }
                    error.row_id = Key::PURGED.into();
                    error.message = Key::PURGED.into();
                    error.raw_value = None;
                    work.purged.row_errors += 1;
                } else {
                    let cited = work.redact(&mut error.message);
                    if cited == 0 {
                        return Ok(());
                    }
                    work.purged.messages += cited;
                }
                work.set(
                    "UPDATE row_errors SET record = ? WHERE sequence = ?",
                    values![blob::encode(&error)?, row.integer(0)?],
                )
            },
        )
    }

    /// Messages to somebody outside, and events, say why a run failed.
    fn messages_to_others(&mut self, sync: &str) -> Outcome<()> {
        let notices =
            self.tx.texts("SELECT record FROM notices WHERE workspace_id = ?", values![WORKSPACE])?;
        for text in notices {
            let mut notice: NewNotice = blob::decode(&text, "a notice")?;
            let is_ours = notice.sync_id.as_ref().is_some_and(|id| id.as_str() == sync);
            let cited = if is_ours { self.redact_json(&mut notice.payload) } else { 0 };
            if cited > 0 {
                self.purged.messages += cited;
                self.set(
                    "UPDATE notices SET record = ? WHERE workspace_id = ? AND id = ?",
                    values![blob::encode(&notice)?, WORKSPACE, &notice.id],
                )?;
            }
        }
        let events = self.tx.texts(
            "SELECT DISTINCT data FROM events WHERE workspace_id = ? AND sync_id = ? AND kind = 'sync'",
            values![WORKSPACE, sync],
        )?;
        for text in events {
            let mut data: Json = super::json(&text, "an event")?;
            let cited = self.redact_json(&mut data);
            if cited > 0 {
                self.purged.messages += cited;
                self.set(
                    "UPDATE events SET data = ? WHERE workspace_id = ? AND sync_id = ? AND data = ?",
                    values![data.to_string(), WORKSPACE, sync, &text],
                )?;
            }
        }
        Ok(())
    }

    fn redact_json(&self, value: &mut Json) -> u64 {
        match value {
            Json::String(text) => self.redact(text),
            Json::Array(items) => items.iter_mut().map(|item| self.redact_json(item)).sum(),
            Json::Object(members) => members.values_mut().map(|member| self.redact_json(member)).sum(),
            Json::Null | Json::Bool(_) | Json::Number(_) => 0,
        }
    }

    fn halt(&mut self, state: &SyncState) -> Outcome<()> {
        let SyncState::Halted { reason, since, failures } = state else { return Ok(()) };
        let Some(reason) = self.purge.redacted(reason) else { return Ok(()) };
        self.purged.messages += 1;
        let state = SyncState::Halted { reason, since: *since, failures: *failures };
        self.set(
            "UPDATE syncs SET state = ? WHERE workspace_id = ? AND uid = ?",
            values![blob::encode(&state)?, WORKSPACE, self.purge.sync_uid.as_str()],
        )
    }

    /// Which of them show a record cannot be told, so all lose their bodies: a repeated request is still
    /// not carried out twice.
    fn answers(&mut self) -> Outcome<()> {
        let answers = self.tx.query(
            "SELECT key, answer FROM requests WHERE workspace_id = ? AND answer IS NOT NULL",
            values![WORKSPACE],
        )?;
        for row in &answers {
            let answer: Answer = blob::decode(row.text(1)?, "the answer to a request")?;
            if answer.body.is_null() {
                continue;
            }
            self.purged.answers += 1;
            self.set(
                "UPDATE requests SET answer = ? WHERE workspace_id = ? AND key = ?",
                values![blob::encode(&Answer { body: Json::Null, ..answer })?, WORKSPACE, row.text(0)?],
            )?;
        }
        Ok(())
    }
}

fn plans_and_outcomes(tx: &dyn Sql, purge: &Purge) -> Outcome<()> {
    for (run, context) in &purge.plans {
        plans::replace_purged(tx, run, &purge.files, context)?;
    }
    for (path, file) in &purge.files {
        tx.execute(
            "UPDATE chunks SET outcomes_path = ?, outcomes_bytes = ?, outcomes_checksum = ?
             WHERE workspace_id = ? AND outcomes_path = ?",
            values![&file.path, file.bytes, &file.checksum, WORKSPACE, path],
        )?;
    }
    Ok(())
}

/// As no run of the sync is active, nobody needs an older generation.
fn generation(tx: &dyn Sql, purge: &Purge) -> Outcome<()> {
    let Some(mut generation) = generations::newest(tx, &purge.sync_uid)? else { return Ok(()) };
    for segment in &mut generation.segments {
        if let Some(file) = purge.files.get(&segment.path) {
            *segment = file.clone();
        }
    }
    if let Some(states) = &purge.states {
        generation.states = states.clone();
    }
    // Without the place, the next limited run begins at the start, where nothing changed.
    let at = generation.resume_after.as_ref().map(|key| Key::new(key).row_id());
    if at.is_some_and(|row| purge.rows.contains(&row)) {
        generation.resume_after = None;
    }
    generations::replace_all(tx, &generation)
}

fn in_progress(run: &RunId) -> Error {
    Error::new(ErrorKind::Conflict, format!("run {run} is in progress"))
        .help("wait for its end, or cancel it")
}
