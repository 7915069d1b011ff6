//! Plans and where their chunks stand.

use std::collections::BTreeMap;

use syncline_core::run::FileRef;
use syncline_core::{Error, ErrorKind, RunId};

use super::{Fault, Outcome, Row, Sql, WORKSPACE, blob, runs, values};
use crate::{ChunkRecord, ChunkState, PlanRecord};

pub fn save(tx: &dyn Sql, plan: &PlanRecord, epoch: u64, chunks: &[ChunkRecord]) -> Outcome<()> {
    let id = &plan.run_id;
    for (expected, chunk) in (0..).zip(chunks) {
        if chunk.number != expected || chunk.state != ChunkState::Planned {
            return Err(Error::internal(format!(
                "chunk {} of the plan of {id} should be number {expected} and planned",
                chunk.number
            ))
            .into());
        }
    }
    runs::require_held(tx, id, epoch)?;
    if let Some(number) = first_sent(tx, id)? {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("the plan of run {id} cannot be replaced: its chunk {number} was sent"),
        )
        .into());
    }
    tx.execute("DELETE FROM plans WHERE workspace_id = ? AND run_id = ?", values![WORKSPACE, id.as_str()])?;
    tx.execute(
        "INSERT INTO plans (workspace_id, run_id, record) VALUES (?, ?, ?)",
        values![WORKSPACE, id.as_str(), blob::encode(plan)?],
    )?;
    name_files(tx, plan)?;
    put_chunks(tx, id, chunks)
}

/// Puts `file` in the place of an ended run's change set.
pub fn scrub(tx: &dyn Sql, run: &RunId, file: Option<&FileRef>) -> Outcome<()> {
    if !runs::require(tx, run)?.status.is_terminal() {
        return Err(Error::new(ErrorKind::Conflict, format!("run {run} still needs its plan")).into());
    }
    let Some(plan) = get(tx, run)? else {
        return Err(Error::new(ErrorKind::NotFound, format!("run {run} has no plan")).into());
    };
    replace(tx, &PlanRecord { file: file.cloned(), scrubbed: true, ..plan })
}

/// Puts what is left of an ended run's plan without purged records in its place: other files for those in
/// `files`, by path, and another context.
pub fn replace_purged(
    tx: &dyn Sql,
    run: &RunId,
    files: &BTreeMap<String, FileRef>,
    context: &serde_json::Value,
) -> Outcome<()> {
    let Some(plan) = get(tx, run)? else { return Ok(()) };
    let other = |file: Option<FileRef>| file.map(|file| files.get(&file.path).cloned().unwrap_or(file));
    let (file, updates) = (other(plan.file), other(plan.updates));
    replace(tx, &PlanRecord { file, updates, context: context.clone(), purged: true, ..plan })
}

fn replace(tx: &dyn Sql, plan: &PlanRecord) -> Outcome<()> {
    let run = plan.run_id.as_str();
    tx.execute(
        "UPDATE plans SET record = ? WHERE workspace_id = ? AND run_id = ?",
        values![blob::encode(plan)?, WORKSPACE, run],
    )?;
    tx.execute("DELETE FROM plan_files WHERE workspace_id = ? AND run_id = ?", values![WORKSPACE, run])?;
    name_files(tx, plan)
}

fn name_files(tx: &dyn Sql, plan: &PlanRecord) -> Outcome<()> {
    for file in plan.file.iter().chain(&plan.updates) {
        tx.execute(
            "INSERT INTO plan_files (workspace_id, run_id, path) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            values![WORKSPACE, plan.run_id.as_str(), &file.path],
        )?;
    }
    Ok(())
}

pub fn get(tx: &dyn Sql, run: &RunId) -> Outcome<Option<PlanRecord>> {
    let text = tx.first_text(
        "SELECT record FROM plans WHERE workspace_id = ? AND run_id = ?",
        values![WORKSPACE, run.as_str()],
    )?;
    text.map(|text| Ok(blob::decode(&text, &format!("the plan of run {run}"))?)).transpose()
}

pub fn chunks(tx: &dyn Sql, run: &RunId) -> Outcome<Vec<ChunkRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM chunks WHERE workspace_id = ? AND run_id = ? ORDER BY number");
    tx.query(&sql, values![WORKSPACE, run.as_str()])?.iter().map(read).collect()
}

pub fn set_chunk(tx: &dyn Sql, id: &RunId, epoch: u64, chunk: &ChunkRecord) -> Outcome<()> {
    let run = runs::require(tx, id)?;
    runs::check_epoch(&run, epoch)?;
    if !run.status.is_active() {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("run {id} is {}; its chunks do not change", run.status.as_str()),
        )
        .into());
    }
    let Some(stored) = get_chunk(tx, id, chunk.number)? else {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("the plan of run {id} has no chunk {}", chunk.number),
        )
        .into());
    };
    if stored == *chunk {
        return Ok(());
    }
    check_step(&stored, chunk).map_err(|e| e.context(id))?;
    put_chunks(tx, id, std::slice::from_ref(chunk))
}

/// planned → sending → settled. A chunk stays `sending` when it is tried again or its outcomes
/// become known before the destination's commit.
fn check_step(from: &ChunkRecord, to: &ChunkRecord) -> Result<(), Error> {
    use ChunkState::*;
    let legal = matches!((from.state, to.state), (Planned, Sending) | (Sending, Sending | Settled));
    if !legal || to.attempt < from.attempt {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "chunk {} ({}, attempt {}) cannot become {}, attempt {}",
                from.number,
                from.state.as_str(),
                from.attempt,
                to.state.as_str(),
                to.attempt
            ),
        ));
    }
    if from.rows != to.rows {
        return Err(Error::internal(format!(
            "chunk {} has {} rows, not {}",
            from.number, from.rows, to.rows
        )));
    }
    Ok(())
}

/// The first chunk of a run that may have left for the destination.
pub fn first_sent(tx: &dyn Sql, run: &RunId) -> Outcome<Option<u32>> {
    first_chunk(tx, run, "state <> 'planned'")
}

/// The first chunk of a run whose outcomes are not final.
pub fn first_unsettled(tx: &dyn Sql, run: &RunId) -> Outcome<Option<u32>> {
    first_chunk(tx, run, "state <> 'settled'")
}

fn first_chunk(tx: &dyn Sql, run: &RunId, condition: &str) -> Outcome<Option<u32>> {
    let sql = format!(
        "SELECT number FROM chunks WHERE workspace_id = ? AND run_id = ? AND {condition}
         ORDER BY number LIMIT 1"
    );
    tx.query_first(&sql, values![WORKSPACE, run.as_str()])?.map(|row| number(&row, 0)).transpose()
}

const COLUMNS: &str = "number, rows, state, attempt, outcomes_path, outcomes_bytes, outcomes_checksum";

fn get_chunk(tx: &dyn Sql, run: &RunId, number: u32) -> Outcome<Option<ChunkRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM chunks WHERE workspace_id = ? AND run_id = ? AND number = ?");
    tx.query_first(&sql, values![WORKSPACE, run.as_str(), number])?.as_ref().map(read).transpose()
}

fn put_chunks(tx: &dyn Sql, run: &RunId, chunks: &[ChunkRecord]) -> Outcome<()> {
    let row = |chunk: &ChunkRecord| {
        let outcomes = chunk.outcomes.as_ref();
        values![
            WORKSPACE,
            run.as_str(),
            chunk.number,
            chunk.rows,
            chunk.state.as_str(),
            chunk.attempt,
            outcomes.map(|file| &file.path),
            outcomes.map(|file| file.bytes),
            outcomes.map(|file| &file.checksum)
        ]
        .to_vec()
    };
    tx.execute_each(
        "INSERT INTO chunks (workspace_id, run_id, number, rows, state, attempt,
             outcomes_path, outcomes_bytes, outcomes_checksum)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (workspace_id, run_id, number) DO UPDATE SET rows = excluded.rows,
             state = excluded.state, attempt = excluded.attempt, outcomes_path = excluded.outcomes_path,
             outcomes_bytes = excluded.outcomes_bytes, outcomes_checksum = excluded.outcomes_checksum",
        &chunks.iter().map(row).collect::<Vec<_>>(),
    )
}

fn read(row: &Row) -> Outcome<ChunkRecord> {
    let state = row.text(2)?;
    let outcomes = match row.text_or_null(4)? {
        None => None,
        Some(path) => {
            Some(FileRef { path: path.into(), bytes: row.count(5)?, checksum: row.text(6)?.into() })
        }
    };
    Ok(ChunkRecord {
        number: number(row, 0)?,
        rows: row.count(1)?,
        state: ChunkState::parse(state).ok_or_else(|| unknown_state(state))?,
        attempt: number(row, 3)?,
        outcomes,
    })
}

fn number(row: &Row, column: usize) -> Outcome<u32> {
    u32::try_from(row.integer(column)?).map_err(|_| super::unreadable(column).into())
}

fn unknown_state(state: &str) -> Fault {
    Fault::Known(
        Error::new(ErrorKind::Corrupt, format!("a chunk in the state store has the unknown state '{state}'"))
            .help("restore the state folder from a backup"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_only_moves_forward() {
        use ChunkState::*;
        let chunk = |state, attempt| ChunkRecord { number: 0, rows: 5, state, attempt, outcomes: None };
        let legal = [(Planned, Sending), (Sending, Sending), (Sending, Settled)];
        for from in [Planned, Sending, Settled] {
            for to in [Planned, Sending, Settled] {
                let step = check_step(&chunk(from, 1), &chunk(to, 1));
                assert_eq!(step.is_ok(), legal.contains(&(from, to)), "{from:?} to {to:?}");
            }
        }
        assert!(check_step(&chunk(Sending, 1), &chunk(Sending, 2)).is_ok());
        assert!(check_step(&chunk(Sending, 2), &chunk(Sending, 1)).is_err());
        let grown = ChunkRecord { rows: 6, ..chunk(Sending, 1) };
        assert_eq!(check_step(&chunk(Planned, 1), &grown).unwrap_err().kind, ErrorKind::Internal);
    }
}
