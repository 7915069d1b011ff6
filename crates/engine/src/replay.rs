//! Dead letters sent again: which of them can be, what a person may change about them, and what a
//! replay of many would take.
//!
//! G13: a stored payload is sent only while the failure that its letter tells of is the latest thing
//! that happened to the key. Whatever was delivered, or may have been, since then is newer.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};
use syncline_core::run::{Replay, ReplayMode, RunOptions};
use syncline_core::sync::{StoreValues, Sync};
use syncline_core::{
    Entry, EntryState, Error, ErrorKind, Hash128, Key, ReadMode, Result, RowError, RunId, RunType, SyncUid,
};
use syncline_snapshot::Snapshot;
use syncline_store::{DeadLetter, EditedPayload, LetterFilter, LetterState, Page, SyncRecord};

use crate::engine::{Endpoints, Engine};
use crate::failures::MAY_HAVE_BEEN_WRITTEN;
use crate::finalize;
use crate::transform::{self, Transform};

/// Row ids shown of the letters that cannot be replayed for one reason.
const SAMPLE_MAX: usize = 5;

/// What a replay would do, told before it is started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    pub letters: u64,
    pub replayable: u64,
    /// Letters that would be refused, by reason.
    pub refused: Vec<Refused>,
    /// How long the sending takes at least; `None` when it is not paced.
    pub seconds: Option<f64>,
}

impl Estimate {
    /// Adds what another replay, after this one, would do.
    pub fn add(&mut self, other: Estimate) {
        self.letters += other.letters;
        self.replayable += other.replayable;
        self.seconds = match (self.seconds, other.seconds) {
            (Some(before), Some(after)) => Some(before + after),
            (before, after) => before.or(after),
        };
        for refused in other.refused {
            match self.refused.iter_mut().find(|known| known.message == refused.message) {
                Some(known) => known.letters += refused.letters,
                None => self.refused.push(refused),
            }
        }
    }
}

/// Letters that cannot be replayed, for one reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// As the code of the row error that each would get.
    pub code: String,
    pub message: String,
    pub letters: u64,
    /// Row ids of a few.
    pub sample: Vec<String>,
}

/// The letters of a replay, judged.
pub(crate) struct Selected {
    pub mode: ReplayMode,
    pub letters: Vec<DeadLetter>,
    /// Row ids of those that cannot be replayed, and why.
    pub refused: Vec<(String, RowError)>,
}

/// Keys whose letters a person ignored: nothing of them is tried again before their row changes.
#[derive(Default)]
pub(crate) struct Ignored {
    pub writes: HashSet<Key>,
    pub removals: HashSet<Key>,
}

impl Ignored {
    pub fn contains(&self, key: &Key) -> bool {
        self.writes.contains(key) || self.removals.contains(key)
    }
}

impl Engine {
    /// What replaying these letters would do now.
    pub async fn estimate_replay(&self, sync: &Sync, replay: &Replay) -> Result<Estimate> {
        let record = self.register(sync).await?;
        self.check_replay(sync, &record, replay).await?;
        let generation = self.store.generation(&record.uid).await?;
        let segments: Vec<_> = generation.into_iter().flat_map(|g| g.segments).collect();
        let snapshot = finalize::open_snapshot(self, &segments)?;
        let selected = select(self, &record.uid, replay, None, &snapshot).await?;
        let replayable = selected.letters.len() as u64;
        Ok(Estimate {
            letters: replayable + selected.refused.len() as u64,
            replayable,
            refused: by_reason(&selected.refused),
            seconds: replay.per_second.map(|rate| replayable as f64 / f64::from(rate.max(1))),
        })
    }

    /// Refuses replays that cannot work, and letters that are not the sync's.
    pub(crate) async fn check_replay(&self, sync: &Sync, record: &SyncRecord, replay: &Replay) -> Result<()> {
        check_wish(sync, replay)?;
        let letters = self.store.letters_by_id(&replay.letters).await?;
        if let Some(other) = letters.iter().find(|letter| letter.sync_uid != record.uid) {
            let message = format!("{} is a dead letter of {}, not of {}", other.id, other.sync_id, sync.id);
            return Err(Error::new(ErrorKind::BadUsage, message)
                .help("a replay sends letters of one sync; start one for each"));
        }
        let known: HashSet<&str> = letters.iter().map(|letter| letter.id.as_str()).collect();
        match replay.letters.iter().find(|id| !known.contains(id.as_str())) {
            Some(id) => Err(Error::new(ErrorKind::NotFound, format!("there is no dead letter {id}"))),
            None => Ok(()),
        }
    }

    /// Stores what a person wants to be sent in place of a letter's payload. `fields` replaces fields of
    /// what was captured, or edited before; together they must be all that the sync writes, each as the
    /// target takes it. `by`: who edits.
    pub async fn edit_letter(
        &self,
        sync: &Sync,
        ends: &Endpoints,
        id: &str,
        fields: Map<String, Value>,
        by: &str,
    ) -> Result<DeadLetter> {
        if sync.store_values != StoreValues::Full {
            return Err(keeps_no_values(sync));
        }
        let letter = self.store.letter(id).await?;
        let letter =
            letter.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no dead letter {id}")))?;
        if letter.sync_uid != self.register(sync).await?.uid {
            let message = format!("{id} is a dead letter of {}, not of {}", letter.sync_id, sync.id);
            return Err(Error::new(ErrorKind::BadUsage, message));
        }
        if is_removal(&letter) {
            return Err(Error::new(
                ErrorKind::BadUsage,
                format!("{id} is a removal: it has no fields to edit"),
            )
            .help("replay it by reading its record again"));
        }
        let before = letter.edited.map(|edited| edited.payload).or(letter.payload);
        let mut payload = before.and_then(|value| value.as_object().cloned()).unwrap_or_default();
        payload.extend(fields);
        let transform = self.compiled(sync, ends).await?;
        if let Some((_, error)) = transform.typed(&[&payload])?.errors.pop_first() {
            let field = error.field.map(|field| format!("{field}: ")).unwrap_or_default();
            return Err(Error::new(ErrorKind::BadUsage, format!("{field}{}", error.message))
                .help("every field that the sync writes must be there, as the target takes it"));
        }
        let edited =
            EditedPayload { payload: Value::Object(payload), by: by.to_string(), at: self.clock.now() };
        self.store.edit_letter(id, Some(&edited)).await
    }

    /// Puts a letter that was ignored back among the open ones.
    pub async fn reopen_letter(&self, id: &str) -> Result<DeadLetter> {
        if let Some(letter) = self.store.letter(id).await?.filter(|l| l.state != LetterState::Ignored) {
            let message = format!("{id} is {}, not ignored", letter.state.as_str());
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        self.store.set_letter_state(id, LetterState::Open).await
    }

    /// The mapping as it is now.
    async fn compiled(&self, sync: &Sync, ends: &Endpoints) -> Result<Transform> {
        let object = ends.destination.describe(&sync.to.object).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::DestinationUnsuitable,
                format!("the target '{}' of {} does not exist", sync.to.object, sync.id),
            )
        })?;
        let model = ends.source.describe(&sync.model).await?;
        Transform::compile(sync, &model, &object, ends.lookups.clone())
            .map_err(|problems| transform::to_error(sync, &problems))
    }

    /// Keys of a sync whose letters are ignored.
    pub(crate) async fn ignored(&self, uid: &SyncUid) -> Result<Ignored> {
        let filter = LetterFilter {
            sync_uid: Some(uid.clone()),
            states: vec![LetterState::Ignored],
            ..LetterFilter::default()
        };
        let mut ignored = Ignored::default();
        let mut page = Page::first(Page::SIZE_MAX);
        loop {
            let (letters, total) = self.store.letters(&filter, page).await?;
            for letter in letters {
                let keys = if is_removal(&letter) { &mut ignored.removals } else { &mut ignored.writes };
                keys.insert(Key::new(&letter.key));
            }
            if page.offset() + page.size >= total {
                return Ok(ignored);
            }
            page.number += 1;
        }
    }
}

/// What may not be asked for together with a replay, and replays of nothing.
pub(crate) fn check_options(run_type: RunType, options: &RunOptions) -> Result<()> {
    let refuse = |message: &str| Err(Error::new(ErrorKind::BadUsage, message));
    match (&options.replay, run_type) {
        (None, RunType::Replay) => refuse("a replay needs dead letters"),
        (None, _) => Ok(()),
        (Some(_), RunType::Replay | RunType::Test) => {
            let limited = options.max_entities.is_some() || !options.source_ids.is_empty();
            if limited || options.reseed || options.read_mode != ReadMode::Incremental {
                return refuse("a replay takes letters alone: no source ids, limit, read mode or reseed");
            }
            Ok(())
        }
        (Some(_), _) => refuse("only a replay, or a test of one, takes dead letters"),
    }
}

fn check_wish(sync: &Sync, replay: &Replay) -> Result<()> {
    let refuse = |message: String, help: &str| Err(Error::new(ErrorKind::BadUsage, message).help(help));
    if replay.letters.is_empty() {
        return refuse("no dead letters were chosen".into(), "name letters, or a group of them");
    }
    if replay.letters.len() > Replay::LETTERS_MAX {
        let (n, max) = (replay.letters.len(), Replay::LETTERS_MAX);
        return refuse(format!("{n} letters are too many for one replay"), &format!("choose at most {max}"));
    }
    if replay.per_second == Some(0) {
        return refuse("a rate of 0 records a second sends nothing".into(), "give a rate of 1 or more");
    }
    if replay.mode != ReplayMode::Reread && sync.store_values != StoreValues::Full {
        return Err(keeps_no_values(sync));
    }
    Ok(())
}

fn keeps_no_values(sync: &Sync) -> Error {
    let kept = match sync.store_values {
        StoreValues::Masked => "masked values only",
        StoreValues::None | StoreValues::Full => "no values",
    };
    let message = format!("{} keeps {kept} (store_values), so its letters have no payload to send", sync.id);
    Error::new(ErrorKind::BadUsage, message).help("replay them in the mode reread")
}

/// Judges the letters of a replay. `run`: the run that holds them, `None` before it started.
pub(crate) async fn select(
    engine: &Engine,
    uid: &SyncUid,
    replay: &Replay,
    run: Option<&RunId>,
    snapshot: &Snapshot,
) -> Result<Selected> {
    let found = engine.store.letters_by_id(&replay.letters).await?;
    let mut selected = Selected { mode: replay.mode, letters: Vec::new(), refused: Vec::new() };
    let mut keys = HashSet::new();
    for letter in found.into_iter().filter(|letter| letter.sync_uid == *uid) {
        let key = Key::new(&letter.key);
        // A letter that was named twice; of the letters of one key, only one is live.
        if !keys.insert(letter.id.clone()) {
            continue;
        }
        match refusal(&letter, snapshot.get(&key)?.as_ref(), replay.mode, run) {
            Some(error) => selected.refused.push((letter.row_id, error)),
            None => selected.letters.push(letter),
        }
    }
    Ok(selected)
}

/// Why a letter cannot be replayed in this mode. `entry`: what is known of its key.
fn refusal(
    letter: &DeadLetter,
    entry: Option<&Entry>,
    mode: ReplayMode,
    run: Option<&RunId>,
) -> Option<RowError> {
    let refuse = |code: &str, message: &str| Some(RowError::new(code, message));
    let is_ours =
        letter.state == LetterState::Replaying && run.is_some() && letter.replayed_by.as_ref() == run;
    if !is_ours && !matches!(letter.state, LetterState::Open | LetterState::Ignored) {
        let state = letter.state.as_str().replace('_', " ");
        return refuse("letter_not_open", &format!("The dead letter is {state}"));
    }
    if mode == ReplayMode::Reread {
        return None;
    }
    if is_removal(letter) {
        return refuse("removal_not_captured", "A removal has no payload; replay it in the mode reread");
    }
    match mode {
        ReplayMode::Edited if letter.edited.is_none() => {
            return refuse("not_edited", "Nobody edited the payload of the dead letter");
        }
        ReplayMode::Edited if source_fp(letter, entry).is_none() => {
            let why = "Which source row was edited is not known; replay it in the mode as_captured or reread";
            return refuse("source_row_unknown", why);
        }
        // A payload that never went out has holes where its mapping failed.
        ReplayMode::AsCaptured if letter.op == "none" || letter.payload.is_none() => {
            return refuse(
                "nothing_captured",
                "The record failed before there was a payload to send; replay it in the mode reread",
            );
        }
        _ => {}
    }
    if !is_latest(letter, entry) {
        let why = "Something newer was delivered for this key, or may have been; the captured payload would \
                   overwrite it";
        return refuse("newer_delivered", why);
    }
    None
}

/// Whether nothing was, or may have been, delivered for the key since the failure that the letter tells
/// of (G13).
fn is_latest(letter: &DeadLetter, entry: Option<&Entry>) -> bool {
    let Some(entry) = entry else { return true };
    let is_its_row = match (&letter.source_fp, &entry.state) {
        (Some(_), _) => stored_fp(letter) == entry.source_fp,
        // Letters of programs that did not note the row: the failures are counted alike.
        (None, EntryState::Pending { attempts, .. }) => *attempts == letter.attempts,
        (None, _) => false,
    };
    match &entry.state {
        // Without attempts it is not the failure that it waits for: what was sent last may be there.
        EntryState::Pending { attempts, .. } => *attempts > 0 && is_its_row,
        // A row to append that may have been written is left to a person.
        EntryState::Edited => is_its_row && letter.flags.iter().any(|flag| flag == MAY_HAVE_BEEN_WRITTEN),
        EntryState::Delivered | EntryState::Absent | EntryState::Foreign | EntryState::Removed { .. } => {
            false
        }
    }
}

/// The fingerprint of the source row that a letter is about.
pub(crate) fn source_fp(letter: &DeadLetter, entry: Option<&Entry>) -> Option<Hash128> {
    stored_fp(letter).or_else(|| entry.and_then(|entry| entry.source_fp))
}

fn stored_fp(letter: &DeadLetter) -> Option<Hash128> {
    u128::from_str_radix(letter.source_fp.as_deref()?, 16).ok().map(Hash128)
}

fn is_removal(letter: &DeadLetter) -> bool {
    syncline_core::Op::parse(&letter.op).is_some_and(|op| op.is_removal())
}

/// What a replay in this mode sends of a letter.
pub(crate) fn payload(letter: &DeadLetter, mode: ReplayMode) -> Option<&Map<String, Value>> {
    let payload = match mode {
        ReplayMode::Edited => letter.edited.as_ref().map(|edited| &edited.payload),
        ReplayMode::AsCaptured => letter.payload.as_ref(),
        ReplayMode::Reread => None,
    };
    payload?.as_object()
}

fn by_reason(refused: &[(String, RowError)]) -> Vec<Refused> {
    let mut reasons: BTreeMap<&str, Refused> = BTreeMap::new();
    for (row_id, error) in refused {
        let reason = reasons.entry(&error.message).or_insert_with(|| Refused {
            code: error.code.clone(),
            message: error.message.clone(),
            letters: 0,
            sample: Vec::new(),
        });
        reason.letters += 1;
        if reason.sample.len() < SAMPLE_MAX {
            reason.sample.push(row_id.clone());
        }
    }
    let mut reasons: Vec<_> = reasons.into_values().collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.letters));
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide;
    use syncline_core::{Origin, RemovalAction, Stage, SyncId};

    const V1: Hash128 = Hash128(1);
    const V2: Hash128 = Hash128(2);

    fn letter() -> DeadLetter {
        let payload = serde_json::json!({"id": 1});
        DeadLetter {
            id: syncline_core::ids::LetterId::from_stored("dl_1"),
            sync_uid: SyncUid::from_stored("sync_1"),
            sync_id: SyncId::new("crm", "contact"),
            entity: "contact".into(),
            key: b"k".to_vec(),
            row_id: "1".into(),
            run_id: RunId::from_stored("run_1"),
            correlation_id: "c".into(),
            state: LetterState::Open,
            stage: Stage::Execute,
            code: "check_violation".into(),
            message: "refused".into(),
            field: None,
            raw_value: None,
            fingerprint: "f".into(),
            source_row: None,
            payload: Some(payload.clone()),
            mapping_version: "m".into(),
            op: "update".into(),
            attempts: 2,
            first_seen_at: jiff::Timestamp::UNIX_EPOCH,
            last_seen_at: jiff::Timestamp::UNIX_EPOCH,
            flags: Vec::new(),
            source_fp: Some(format!("{:032x}", V1.0)),
            edited: Some(EditedPayload { payload, by: "ann".into(), at: jiff::Timestamp::UNIX_EPOCH }),
            replayed_by: None,
            ignored_because: None,
        }
    }

    fn entry(state: EntryState, source_fp: Option<Hash128>) -> Entry {
        Entry {
            key: Key::new(b"k"),
            state,
            format: syncline_core::canon::FORMAT,
            source_fp,
            delivered_hash: None,
            origin: Origin::Created,
            match_value: None,
            target_id: None,
            values: None,
        }
    }

    fn code(letter: &DeadLetter, entry: Option<&Entry>, mode: ReplayMode) -> Option<String> {
        refusal(letter, entry, mode, None).map(|error| error.code)
    }

    #[test]
    fn a_stored_payload_goes_only_while_its_failure_is_the_latest_of_its_key() {
        let failed = decide::pending(2, 5, 0);
        let may_be_written = DeadLetter { flags: vec![MAY_HAVE_BEEN_WRITTEN.into()], ..letter() };
        let unnoted = DeadLetter { source_fp: None, ..letter() };
        let removed = EntryState::Removed { action: RemovalAction::Delete };
        for (letter, state, source_fp, goes) in [
            (letter(), failed.clone(), Some(V1), true),
            (letter(), failed.clone(), Some(V2), false),
            (letter(), decide::due(5, 0), None, false),
            (letter(), EntryState::Delivered, Some(V1), false),
            (letter(), EntryState::Delivered, Some(V2), false),
            (letter(), EntryState::Edited, Some(V1), false),
            (may_be_written.clone(), EntryState::Edited, Some(V1), true),
            (may_be_written, EntryState::Edited, Some(V2), false),
            (letter(), removed, Some(V1), false),
            (letter(), EntryState::Absent, Some(V1), false),
            (letter(), EntryState::Foreign, Some(V1), false),
            (unnoted.clone(), failed, Some(V2), true),
            (unnoted, decide::pending(3, 5, 0), Some(V2), false),
        ] {
            let entry = entry(state, source_fp);
            for mode in [ReplayMode::AsCaptured, ReplayMode::Edited] {
                let expected = (!goes).then_some("newer_delivered");
                assert_eq!(code(&letter, Some(&entry), mode).as_deref(), expected, "{entry:?} {letter:?}");
            }
            assert_eq!(
                code(&letter, Some(&entry), ReplayMode::Reread),
                None,
                "reading again is always right"
            );
        }
        assert_eq!(code(&letter(), None, ReplayMode::AsCaptured), None, "nothing was ever delivered");
    }

    #[test]
    fn what_was_not_captured_is_not_sent() {
        let pending = entry(decide::pending(2, 5, 0), Some(V1));
        let code = |letter: DeadLetter, mode| code(&letter, Some(&pending), mode).unwrap();
        let unmapped = DeadLetter { op: "none".into(), ..letter() };
        assert_eq!(code(unmapped, ReplayMode::AsCaptured), "nothing_captured");
        let unkept = DeadLetter { payload: None, ..letter() };
        assert_eq!(code(unkept, ReplayMode::AsCaptured), "nothing_captured");
        assert_eq!(code(DeadLetter { edited: None, ..letter() }, ReplayMode::Edited), "not_edited");
        let removal = DeadLetter { op: "delete".into(), ..letter() };
        assert_eq!(code(removal, ReplayMode::AsCaptured), "removal_not_captured");
    }

    #[test]
    fn only_live_letters_are_replayed_and_each_by_one_run() {
        let run = RunId::from_stored("run_2");
        for state in LetterState::ALL {
            let letter = DeadLetter { state, ..letter() };
            let is_refused = refusal(&letter, None, ReplayMode::Reread, Some(&run)).is_some();
            assert_eq!(is_refused, !matches!(state, LetterState::Open | LetterState::Ignored), "{state:?}");
        }
        let held = DeadLetter { state: LetterState::Replaying, replayed_by: Some(run.clone()), ..letter() };
        assert!(refusal(&held, None, ReplayMode::Reread, Some(&run)).is_none());
        assert!(refusal(&held, None, ReplayMode::Reread, Some(&RunId::from_stored("run_3"))).is_some());
        assert!(refusal(&held, None, ReplayMode::Reread, None).is_some());
    }
}
