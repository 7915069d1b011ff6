//! What to do with one record: pure decisions over its entry and what was read.

use syncline_core::sync::WriteMode;
use syncline_core::{Entry, EntryState, Hash128, Op, Origin, RemovalAction, SkipReason};

/// Stands for what was delivered where that is one of two versions: no row's hash is equal to it, so
/// the record is sent again whatever its row is then, and is still ours to remove.
pub const UNSURE: Hash128 = Hash128(0);

/// What a run brings to every decision.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub mode: WriteMode,
    /// Send records whether or not they changed (`full` reads and seeds).
    pub force: bool,
    /// A person asked for these records: nothing that an earlier failure put off is left alone.
    pub replay: bool,
    /// The run's epoch, for counting retries in runs.
    pub epoch: u64,
    pub now_micros: i64,
}

impl Rules {
    fn is_asked_for(&self) -> bool {
        self.force || self.replay
    }
}

/// Whether a row whose letter a person ignored is left alone: as long as it is the one that failed.
pub fn is_ignored(entry: &Entry, source_fp: Hash128, rules: &Rules) -> bool {
    let same = entry.source_fp == Some(source_fp) && entry.format == syncline_core::canon::FORMAT;
    matches!(entry.state, EntryState::Pending { .. }) && same && !rules.is_asked_for()
}

/// Before mapping: whether the row can be left alone on its fingerprint alone.
pub fn glance(entry: &Entry, source_fp: Hash128, rules: &Rules) -> Option<SkipReason> {
    let same = entry.source_fp == Some(source_fp) && entry.format == syncline_core::canon::FORMAT;
    match &entry.state {
        EntryState::Foreign if rules.mode == WriteMode::Insert => Some(SkipReason::Exists),
        EntryState::Delivered if rules.mode == WriteMode::Insert => {
            Some(if same { SkipReason::Unchanged } else { SkipReason::Exists })
        }
        EntryState::Delivered if same && !rules.force => Some(SkipReason::Unchanged),
        EntryState::Edited if same && !rules.is_asked_for() => Some(SkipReason::Edited),
        EntryState::Pending { retry_epoch, retry_at_micros, .. }
            if same
                && !rules.is_asked_for()
                && rules.epoch < *retry_epoch
                && rules.now_micros < *retry_at_micros =>
        {
            Some(SkipReason::BackingOff)
        }
        _ => None,
    }
}

/// What follows for a row that was read and mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Send(Op),
    /// Its values are what was delivered: nothing is sent, and the entry becomes `delivered` again.
    Settled,
}

/// Decides on a mapped row. `hash` covers the values as coerced to the target's fields.
pub fn decide(entry: Option<&Entry>, hash: Hash128, rules: &Rules) -> Decision {
    let create = if rules.mode == WriteMode::Append {
        Op::Append
    } else if rules.mode == WriteMode::Update {
        Op::Update
    } else {
        Op::Create
    };
    let update = if rules.mode == WriteMode::Append { Op::Append } else { Op::Update };
    let Some(entry) = entry else { return Decision::Send(create) };
    let delivered = entry.delivered_hash.is_some();
    let settled = entry.delivered_hash == Some(hash) && !rules.force;
    match &entry.state {
        EntryState::Delivered | EntryState::Pending { .. } if settled => Decision::Settled,
        EntryState::Delivered | EntryState::Edited => Decision::Send(update),
        EntryState::Pending { .. } => Decision::Send(if delivered { update } else { create }),
        EntryState::Foreign => Decision::Send(update),
        EntryState::Absent => Decision::Send(create),
        EntryState::Removed { action: RemovalAction::Delete } => Decision::Send(create),
        EntryState::Removed { .. } => Decision::Send(update),
    }
}

/// What follows for a known record that a complete read (or a read of its key) did not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// Nothing changes.
    Keep,
    /// The entry is forgotten; nothing was ever ours.
    Forget,
    /// The pending newer version is gone; what was delivered stays delivered.
    Settle,
    Remove(RemovalAction),
}

/// `removal`: how the sync removes, `None` when it does not (other modes, `on_removed: ignore`).
pub fn departed(entry: &Entry, removal: Option<RemovalAction>, delete_adopted: bool) -> Departure {
    let ours = entry.origin == Origin::Created || delete_adopted;
    let delivered = entry.delivered_hash.is_some();
    match (&entry.state, removal) {
        (EntryState::Delivered | EntryState::Edited, Some(action)) if ours => Departure::Remove(action),
        (EntryState::Pending { .. }, Some(action)) if ours && delivered => Departure::Remove(action),
        (EntryState::Pending { .. }, _) if delivered => Departure::Settle,
        (EntryState::Pending { .. } | EntryState::Absent | EntryState::Foreign, _) => Departure::Forget,
        (EntryState::Delivered | EntryState::Edited | EntryState::Removed { .. }, _) => Departure::Keep,
    }
}

/// Longest time an unchanged pending row waits: 24 hours, in microseconds.
const RETRY_MICROS_MAX: i64 = 24 * 3_600 * 1_000_000;

/// The pending state after the `attempts`-th failure in the run with `epoch`: the next tries come
/// 1, 2, 4 … runs later.
pub fn pending(attempts: u32, epoch: u64, now_micros: i64) -> EntryState {
    let wait = 1u64 << (attempts.max(1) - 1).min(20);
    EntryState::Pending {
        attempts,
        retry_epoch: epoch + wait,
        retry_at_micros: now_micros.saturating_add(RETRY_MICROS_MAX),
    }
}

/// The pending state of a row that did not fail, but must go again in the next run.
pub fn due(epoch: u64, now_micros: i64) -> EntryState {
    EntryState::Pending { attempts: 0, retry_epoch: epoch + 1, retry_at_micros: now_micros }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncline_core::Key;

    const OLD: Hash128 = Hash128(1);
    const NEW: Hash128 = Hash128(2);

    fn rules(mode: WriteMode) -> Rules {
        Rules { mode, force: false, replay: false, epoch: 10, now_micros: 0 }
    }

    fn entry(state: EntryState) -> Entry {
        let delivered = matches!(state, EntryState::Delivered | EntryState::Edited);
        Entry {
            key: Key::new(b"k"),
            state,
            format: syncline_core::canon::FORMAT,
            source_fp: Some(OLD),
            delivered_hash: delivered.then_some(OLD),
            origin: Origin::Created,
            match_value: None,
            target_id: None,
            values: None,
        }
    }

    #[test]
    fn a_delivered_row_is_sent_again_only_when_its_values_differ() {
        let e = entry(EntryState::Delivered);
        let r = rules(WriteMode::Upsert);
        assert_eq!(glance(&e, OLD, &r), Some(SkipReason::Unchanged));
        assert_eq!(glance(&e, NEW, &r), None);
        assert_eq!(decide(Some(&e), OLD, &r), Decision::Settled);
        assert_eq!(decide(Some(&e), NEW, &r), Decision::Send(Op::Update));
    }

    #[test]
    fn force_sends_unchanged_rows_but_insert_never_touches_known_ones() {
        let e = entry(EntryState::Delivered);
        let r = Rules { force: true, ..rules(WriteMode::Mirror) };
        assert_eq!(glance(&e, OLD, &r), None);
        assert_eq!(decide(Some(&e), OLD, &r), Decision::Send(Op::Update));
        let r = Rules { force: true, ..rules(WriteMode::Insert) };
        assert_eq!(glance(&e, NEW, &r), Some(SkipReason::Exists));
    }

    #[test]
    fn a_pending_row_waits_1_2_4_runs_unless_it_changes() {
        for (attempts, wait) in [(1, 1), (2, 2), (3, 4), (4, 8)] {
            let e = entry(pending(attempts, 10, 0));
            let at = |epoch| Rules { epoch, ..rules(WriteMode::Upsert) };
            if wait > 1 {
                assert_eq!(glance(&e, OLD, &at(10 + wait - 1)), Some(SkipReason::BackingOff));
            }
            assert_eq!(glance(&e, OLD, &at(10 + wait)), None);
            assert_eq!(glance(&e, NEW, &at(10)), None, "a changed row goes at once");
            let late = Rules { now_micros: RETRY_MICROS_MAX, ..at(10) };
            assert_eq!(glance(&e, OLD, &late), None, "a day is the longest wait");
        }
    }

    #[test]
    fn a_replayed_row_does_not_wait_and_one_that_did_not_change_is_still_unchanged() {
        let replay = Rules { replay: true, ..rules(WriteMode::Upsert) };
        assert_eq!(glance(&entry(pending(4, 10, 0)), OLD, &replay), None);
        assert_eq!(glance(&entry(EntryState::Edited), OLD, &replay), None);
        assert_eq!(glance(&entry(EntryState::Delivered), OLD, &replay), Some(SkipReason::Unchanged));
    }

    #[test]
    fn an_ignored_row_is_left_alone_until_it_changes_or_is_asked_for() {
        let e = entry(pending(1, 10, 0));
        let r = rules(WriteMode::Upsert);
        assert!(is_ignored(&e, OLD, &r));
        assert!(!is_ignored(&e, NEW, &r));
        assert!(!is_ignored(&e, OLD, &Rules { force: true, ..r }));
        assert!(!is_ignored(&e, OLD, &Rules { replay: true, ..r }));
        assert!(!is_ignored(&entry(EntryState::Delivered), OLD, &r), "nothing waits for it any more");
    }

    #[test]
    fn a_pending_row_that_reverts_to_what_was_delivered_is_settled() {
        let mut e = entry(pending(1, 10, 0));
        e.delivered_hash = Some(OLD);
        assert_eq!(decide(Some(&e), OLD, &rules(WriteMode::Upsert)), Decision::Settled);
        assert_eq!(decide(Some(&e), NEW, &rules(WriteMode::Upsert)), Decision::Send(Op::Update));
    }

    #[test]
    fn new_rows_follow_the_write_mode() {
        for (mode, op) in [
            (WriteMode::Insert, Op::Create),
            (WriteMode::Update, Op::Update),
            (WriteMode::Upsert, Op::Create),
            (WriteMode::Mirror, Op::Create),
            (WriteMode::Append, Op::Append),
        ] {
            assert_eq!(decide(None, NEW, &rules(mode)), Decision::Send(op));
        }
        let changed = decide(Some(&entry(EntryState::Delivered)), NEW, &rules(WriteMode::Append));
        assert_eq!(changed, Decision::Send(Op::Append));
    }

    #[test]
    fn absent_foreign_edited_and_removed_rows_follow_their_state() {
        let update = rules(WriteMode::Update);
        assert_eq!(glance(&entry(EntryState::Absent), OLD, &update), None, "looked for again");
        assert_eq!(decide(Some(&entry(EntryState::Absent)), OLD, &update), Decision::Send(Op::Update));
        let insert = rules(WriteMode::Insert);
        assert_eq!(glance(&entry(EntryState::Foreign), NEW, &insert), Some(SkipReason::Exists));
        let upsert = rules(WriteMode::Upsert);
        assert_eq!(glance(&entry(EntryState::Edited), OLD, &upsert), Some(SkipReason::Edited));
        assert_eq!(decide(Some(&entry(EntryState::Edited)), NEW, &upsert), Decision::Send(Op::Update));
        let deleted = entry(EntryState::Removed { action: RemovalAction::Delete });
        assert_eq!(decide(Some(&deleted), OLD, &upsert), Decision::Send(Op::Create));
        let flagged = entry(EntryState::Removed { action: RemovalAction::Flag });
        assert_eq!(decide(Some(&flagged), OLD, &upsert), Decision::Send(Op::Update));
    }

    #[test]
    fn only_what_was_delivered_is_removed() {
        let delete = Some(RemovalAction::Delete);
        let e = entry(EntryState::Delivered);
        assert_eq!(departed(&e, delete, false), Departure::Remove(RemovalAction::Delete));
        assert_eq!(departed(&e, None, false), Departure::Keep);
        let adopted = Entry { origin: Origin::Adopted, ..entry(EntryState::Delivered) };
        assert_eq!(departed(&adopted, delete, false), Departure::Keep);
        assert_eq!(departed(&adopted, delete, true), Departure::Remove(RemovalAction::Delete));
        assert_eq!(departed(&entry(EntryState::Foreign), delete, true), Departure::Forget);
        assert_eq!(departed(&entry(EntryState::Absent), delete, false), Departure::Forget);
        assert_eq!(departed(&entry(pending(1, 1, 0)), delete, false), Departure::Forget);
        let mut was_delivered = entry(pending(1, 1, 0));
        was_delivered.delivered_hash = Some(OLD);
        assert_eq!(departed(&was_delivered, delete, false), Departure::Remove(RemovalAction::Delete));
        assert_eq!(departed(&was_delivered, None, false), Departure::Settle);
        let removed = entry(EntryState::Removed { action: RemovalAction::Delete });
        assert_eq!(departed(&removed, delete, false), Departure::Keep);
    }
}
