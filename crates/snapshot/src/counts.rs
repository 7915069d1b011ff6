//! How many live entries are in each state.

use serde::{Deserialize, Serialize};
use syncline_core::EntryState;

/// Live entries by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateCounts {
    pub delivered: u64,
    pub pending: u64,
    pub absent: u64,
    pub foreign: u64,
    pub removed: u64,
    pub edited: u64,
}

impl StateCounts {
    /// Counts one more entry in `state`.
    pub fn add(&mut self, state: &EntryState) {
        *match state {
            EntryState::Delivered => &mut self.delivered,
            EntryState::Pending { .. } => &mut self.pending,
            EntryState::Absent => &mut self.absent,
            EntryState::Foreign => &mut self.foreign,
            EntryState::Removed { .. } => &mut self.removed,
            EntryState::Edited => &mut self.edited,
        } += 1;
    }

    pub fn total(&self) -> u64 {
        self.delivered + self.pending + self.absent + self.foreign + self.removed + self.edited
    }
}
