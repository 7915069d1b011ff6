//! What a run counts, and the identity its counts must satisfy.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Row counts of a run. For a test run they are what would happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Rows read from the model.
    pub rows_processed: u64,
    pub rows_created: u64,
    pub rows_updated: u64,
    /// Read but not sent, for one of the reasons of [`crate::SkipReason`].
    pub rows_skipped: u64,
    /// Invalid at the source side or refused by the target.
    pub rows_failed: u64,
    /// Read and due, but the run ended before they were sent.
    pub rows_not_attempted: u64,
    /// Records removed from the target (deleted, cleared or flagged). Not among the processed.
    pub rows_deleted: u64,
    pub rows_delete_failed: u64,
}

impl Counters {
    /// G4: every row that was read is accounted for exactly once.
    pub fn check(&self) -> Result<(), Error> {
        let sum = self.rows_created
            + self.rows_updated
            + self.rows_skipped
            + self.rows_failed
            + self.rows_not_attempted;
        if sum == self.rows_processed {
            Ok(())
        } else {
            Err(Error::internal(format!("the run's counters do not add up: {self:?}")))
        }
    }

    /// Rows that reached the target as wanted.
    pub fn succeeded(&self) -> u64 {
        self.rows_created + self.rows_updated
    }
}

/// Seconds spent in each phase; the four do not overlap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Durations {
    pub query: f64,
    pub change_detection: f64,
    pub destination_writes: f64,
    pub finalization: f64,
    /// Queued, held, or paused for rate limits.
    pub waiting: f64,
}

impl Durations {
    /// Active seconds without waiting.
    pub fn total(&self) -> f64 {
        self.query + self.change_detection + self.destination_writes + self.finalization
    }

    /// Everything after the query.
    pub fn processing(&self) -> f64 {
        self.total() - self.query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_row_breaks_the_identity() {
        let mut c = Counters { rows_processed: 3, rows_created: 1, rows_failed: 1, ..Default::default() };
        assert!(c.check().is_err());
        c.rows_skipped = 1;
        c.rows_deleted = 9;
        assert!(c.check().is_ok());
    }
}
