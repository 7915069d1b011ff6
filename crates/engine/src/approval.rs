//! Whether a plan made again after an approval stays within what was approved.

use std::collections::HashSet;

use syncline_core::{Counters, Key, Result};
use syncline_store::{FileStore, PlanRecord};

use crate::plan::PlanContext;
use crate::plan_file::PlanReader;

/// What a person approved.
pub struct Approved {
    removals: HashSet<Key>,
    counts: Counters,
}

impl Approved {
    pub fn read(files: &FileStore, plan: &PlanRecord, context: &PlanContext) -> Result<Self> {
        Ok(Self { removals: removals(files, plan)?, counts: context.planned })
    }

    /// How the new plan goes beyond the approved one; `None` if it does not.
    pub fn exceeded_by(
        &self,
        files: &FileStore,
        plan: &PlanRecord,
        context: &PlanContext,
    ) -> Result<Option<String>> {
        let new = &context.planned;
        for (what, now, then) in [
            ("creates", new.rows_created, self.counts.rows_created),
            ("updates", new.rows_updated, self.counts.rows_updated),
            ("removals", new.rows_deleted, self.counts.rows_deleted),
        ] {
            if now > then {
                return Ok(Some(format!("{now} {what} where {then} were approved")));
            }
        }
        let added: Vec<String> =
            removals(files, plan)?.difference(&self.removals).take(5).map(Key::row_id).collect();
        Ok((!added.is_empty()).then(|| format!("removals that were not approved: {}", added.join(", "))))
    }
}

fn removals(files: &FileStore, plan: &PlanRecord) -> Result<HashSet<Key>> {
    let mut keys = HashSet::new();
    let Some(file) = &plan.file else { return Ok(keys) };
    let mut reader = PlanReader::open(files.open_verified(file)?)?;
    for number in 0..reader.chunks() {
        let chunk = reader.chunk(number)?;
        // Removals come first in a plan.
        if !chunk.changes.iter().any(|c| c.op.is_removal()) {
            break;
        }
        keys.extend(chunk.changes.into_iter().filter(|c| c.op.is_removal()).map(|c| c.key));
    }
    Ok(keys)
}
