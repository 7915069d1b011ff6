//! What becomes of known records without a row to write: settled, departed, removed.

use syncline_core::sync::{OnRemoved, WriteMode};
use syncline_core::{Entry, EntryState, Error, Hash128, Key, Op, RemovalAction, Result, canon};
use syncline_snapshot::Record;

use super::{Planner, REMOVALS_BUFFERED, Sink};
use crate::decide::{self, Departure};
use crate::known::KnownKeys;
use crate::plan_file::PlannedChange;

impl Planner {
    /// The entry stands for the row as it is now, without anything being sent.
    pub(super) fn settle(&mut self, entry: &Entry, source_fp: Hash128) -> Result<()> {
        if !matches!(entry.state, EntryState::Delivered) {
            self.failures.resolved.push(entry.key.clone());
        }
        let settled = Entry { state: EntryState::Delivered, source_fp: Some(source_fp), ..entry.clone() };
        self.updates.push(Record::Put(settled))
    }

    pub(super) fn plan_removal(&mut self, entry: &Entry, action: RemovalAction) -> Result<()> {
        let change = PlannedChange {
            op: Op::Remove(action),
            key: entry.key.clone(),
            source_fp: entry.source_fp,
            hash: None,
            match_value: entry.match_value.clone(),
            old_match: None,
            before: entry.values.clone(),
            origin: Some(entry.origin),
            retry: false,
        };
        self.removals.push(change);
        self.tally.plan(Op::Remove(action), || entry.key.row_id());
        if self.removals.len() >= REMOVALS_BUFFERED { self.flush_removals() } else { Ok(()) }
    }

    pub(super) fn flush_removals(&mut self) -> Result<()> {
        let changes = std::mem::take(&mut self.removals);
        if changes.is_empty() {
            return Ok(());
        }
        let values = changes.iter().map(|c| c.match_value.as_deref()).collect::<Option<Vec<&[u8]>>>();
        let values = values.ok_or_else(|| Error::internal("a delivered record has no match value"))?;
        let matches = self.transform.payload().decode_matches(&values)?;
        match &mut self.sink {
            Sink::Plan(writer) => writer.push_removals(&changes, &matches),
            Sink::Load(_) | Sink::Loaded => Err(Error::internal("a direct load removes nothing")),
        }
    }

    /// Plans the departure of every known record that a complete read did not show.
    pub fn departures(&mut self) -> Result<()> {
        let removal = self.removal();
        self.for_each_unseen(|planner, entry| {
            if planner.is_removal_ignored(&entry.key) {
                return Ok(());
            }
            if planner.match_seen.is_some() {
                planner.moved.insert(canon::hash(planner.seed, entry.key.as_bytes()));
            }
            planner.depart(entry, removal)
        })
    }

    /// Lends every entry this run did not meet to `visit`, which may plan but not look keys up.
    fn for_each_unseen(&mut self, mut visit: impl FnMut(&mut Self, Entry) -> Result<()>) -> Result<()> {
        let mut known = std::mem::replace(&mut self.known, KnownKeys::Nothing);
        let result = known.for_each_unseen(|entry| visit(self, entry));
        self.known = known;
        result
    }

    /// The same for single keys that were asked for and did not come.
    pub fn departures_of(&mut self, keys: &[Key]) -> Result<()> {
        let removal = self.removal();
        for key in keys {
            if !self.known.came(&key.row_id())
                && !self.is_removal_ignored(key)
                && let Some(entry) = self.known.entry(key)?
            {
                self.depart(entry, removal)?;
            }
        }
        Ok(())
    }

    /// Whether a person ignored that this record could not be removed.
    fn is_removal_ignored(&self, key: &Key) -> bool {
        !self.rules.replay && self.ignored.removals.contains(key)
    }

    fn removal(&self) -> Option<RemovalAction> {
        if self.rules.mode != WriteMode::Mirror {
            return None;
        }
        match self.sync.on_removed {
            OnRemoved::Delete => Some(RemovalAction::Delete),
            OnRemoved::ClearFields => Some(RemovalAction::Clear),
            OnRemoved::Flag { .. } => Some(RemovalAction::Flag),
            OnRemoved::Ignore => None,
        }
    }

    pub(super) fn depart(&mut self, entry: Entry, removal: Option<RemovalAction>) -> Result<()> {
        match decide::departed(&entry, removal, self.sync.delete_adopted) {
            Departure::Keep => Ok(()),
            Departure::Forget => {
                self.failures.resolved.push(entry.key.clone());
                self.updates.push(Record::Erase(entry.key))
            }
            Departure::Settle => {
                self.failures.resolved.push(entry.key.clone());
                // The fingerprint is of the version that went away: should it come back, it is new.
                self.updates.push(Record::Put(Entry {
                    state: EntryState::Delivered,
                    source_fp: None,
                    ..entry
                }))
            }
            Departure::Remove(action) => self.plan_removal(&entry, action),
        }
    }

    /// Reseed: plans the removal of everything this sync delivered.
    pub fn clear_all(&mut self) -> Result<()> {
        self.for_each_unseen(|planner, entry| {
            if entry.origin == syncline_core::Origin::Created && entry.delivered_hash.is_some() {
                planner.plan_removal(&entry, RemovalAction::Delete)
            } else {
                // What waited for being delivered is as new as all else from here on.
                if matches!(entry.state, EntryState::Pending { .. }) {
                    planner.failures.resolved.push(entry.key.clone());
                }
                planner.updates.push(Record::Erase(entry.key))
            }
        })
    }
}
