//! Match values that two rows of a run want.

use syncline_core::sync::Duplicates;
use syncline_core::{Error, ErrorKind, Key, Result, RowError, SkipReason, canon};

use super::compare::Verdict;
use super::{Planner, stands_at_target};

/// What remembering the match value of a planned row takes, about.
const MATCH_BYTES: u64 = 56;

impl Planner {
    /// Whether another planned row of this run has the row's match value, as the target compares it.
    pub(super) fn is_match_taken(&mut self, key: &Key, match_value: &[u8]) -> Result<bool> {
        let Some(seen) = &mut self.match_seen else { return Ok(false) };
        if seen.len() as u64 * MATCH_BYTES > self.budget {
            return Err(Error::new(
                ErrorKind::OutOfMemory,
                format!("the match values of {} planned rows do not fit into the memory budget", seen.len()),
            )
            .help("raise memory_budget, or use match fields that are the model's key"));
        }
        let value = canon::hash(self.seed, &self.transform.match_identity(match_value)?);
        let key = canon::hash(self.seed, key.as_bytes());
        Ok(*seen.entry(value).or_insert(key) != key)
    }

    /// After a complete read: a planned row must not take the match value of a record that another row,
    /// which did not change, still stands for. Fails like a duplicate key, whatever the policy for
    /// those: neither of the two rows is the other's repetition.
    pub fn check_known_matches(&mut self) -> Result<()> {
        let Some(taken) = self.match_seen.take().filter(|taken| !taken.is_empty()) else { return Ok(()) };
        for entry in self.known.entries() {
            let entry = entry?;
            let Some(value) = entry.match_value.as_deref().filter(|_| stands_at_target(&entry)) else {
                continue;
            };
            let identity = canon::hash(self.seed, &self.transform.match_identity(value)?);
            let key = canon::hash(self.seed, entry.key.as_bytes());
            let is_others = taken.get(&identity).is_some_and(|other| *other != key);
            // A row whose own match value moves away, or that left the model, frees it.
            if is_others && !self.moved.contains(&key) {
                let shown = Key::new(value).row_id();
                self.note_duplicate(format!("{} (match value {shown})", entry.key.row_id()));
            }
        }
        Ok(())
    }

    pub(super) fn repeated_match(&mut self, key: &Key, value: &[u8]) -> Verdict {
        let shown = Key::new(value).row_id();
        match self.sync.duplicates {
            Duplicates::Fail => {
                self.note_duplicate(format!("{} (match value {shown})", key.row_id()));
                self.tally.skip(SkipReason::Duplicate);
                Verdict::Duplicate
            }
            Duplicates::KeepFirst | Duplicates::KeepLast => Verdict::Fail(
                RowError::new("duplicate_match", "Another row of this run has the same match value")
                    .raw_value(Some(shown)),
            ),
        }
    }
}
