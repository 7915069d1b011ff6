//! What one planning counted.

use std::collections::BTreeMap;

use syncline_core::{Counters, Op, SkipReason};

/// Row ids kept as a sample of each kind of change.
const SAMPLE_MAX: usize = 5;

/// Counts of one plan.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub counters: Counters,
    pub skipped: BTreeMap<String, u64>,
    pub creates: u64,
    pub updates: u64,
    pub removals: u64,
    pub invalid: u64,
    /// Invalid rows whose key had not failed before.
    pub first_failures: u64,
    pub unkeyed: u64,
    pub create_sample: Vec<String>,
    pub update_sample: Vec<String>,
    pub removal_sample: Vec<String>,
    /// NULLs per source column.
    pub nulls: BTreeMap<String, u64>,
    pub bytes_read: u64,
}

impl Tally {
    pub fn skip(&mut self, reason: SkipReason) {
        *self.skipped.entry(reason.as_str().to_string()).or_default() += 1;
        self.counters.rows_skipped += 1;
    }

    pub fn unskip(&mut self, reason: SkipReason) {
        if let Some(n) = self.skipped.get_mut(reason.as_str()) {
            *n -= 1;
        }
        self.counters.rows_skipped -= 1;
    }

    pub fn plan(&mut self, op: Op, row_id: impl FnOnce() -> String) {
        let (count, sample) = match op {
            Op::Create | Op::Append => (&mut self.creates, &mut self.create_sample),
            Op::Update => (&mut self.updates, &mut self.update_sample),
            Op::Remove(_) => (&mut self.removals, &mut self.removal_sample),
        };
        *count += 1;
        if sample.len() < SAMPLE_MAX {
            sample.push(row_id());
        }
    }

    pub fn unplan(&mut self, op: Op) {
        match op {
            Op::Create | Op::Append => self.creates -= 1,
            Op::Update => self.updates -= 1,
            Op::Remove(_) => self.removals -= 1,
        }
    }
}
