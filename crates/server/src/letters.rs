//! What is asked of dead letters, one or many: which they are, sending them again, deciding about them.

use std::collections::BTreeMap;

use syncline_api::{
    LetterChoice, LetterMatch, RefusedView, ReplayEstimate, ReplayRequest, RunView, TriggerName,
};
use syncline_core::ids::LetterId;
use syncline_core::run::{Replay, RunOptions};
use syncline_core::{Error, ErrorKind, Result, Run, RunId, RunType, Sync, SyncId, SyncUid, Trigger};
use syncline_engine::replay::Estimate;
use syncline_store::{LetterFilter, LetterState, Page, QUEUED_PER_SYNC_MAX};

use crate::access::Caller;
use crate::actions;
use crate::app::App;
use crate::traces;

/// Letters of one request, at most: as many as the runs that may wait for one sync hold.
pub const CHOSEN_MAX: usize = QUEUED_PER_SYNC_MAX as usize * Replay::LETTERS_MAX;
/// Letters read at once.
const PAGE: u64 = 1_000;
/// Letters that change their state in one transaction.
const MOVED_AT_ONCE: usize = 1_000;

/// Letters that were chosen, in their order, by the sync they are of.
#[derive(Default)]
pub struct Chosen(BTreeMap<SyncId, Vec<LetterId>>);

impl Chosen {
    fn add(&mut self, sync: SyncId, letter: LetterId) {
        self.0.entry(sync).or_default().push(letter);
    }

    fn ids(&self) -> Vec<LetterId> {
        self.0.values().flatten().cloned().collect()
    }

    fn syncs(&self) -> Vec<SyncId> {
        self.0.keys().cloned().collect()
    }
}

/// A filter that letters are listed by; `None`: no letter can match it.
pub async fn filter(app: &App, wanted: &LetterMatch) -> Result<Option<LetterFilter>> {
    let sync_uid = match &wanted.sync_id {
        None => None,
        Some(id) => match known_sync(app, id).await? {
            None => return Ok(None),
            uid => uid,
        },
    };
    let states = wanted.state.iter().flatten().copied().map(LetterState::from).collect();
    Ok(Some(LetterFilter {
        sync_uid,
        states,
        run_id: wanted.run_id.clone().map(RunId::from_stored),
        row_id: wanted.key.clone(),
        fingerprint: wanted.fingerprint.clone(),
        code: wanted.code.clone(),
        since: wanted.since,
        until: wanted.until,
    }))
}

/// A sync that the state knows, whether it is still defined or not: its letters stay.
async fn known_sync(app: &App, id: &str) -> Result<Option<SyncUid>> {
    let Ok(id) = SyncId::parse(id) else { return Ok(None) };
    Ok(app.store.sync(&id).await?.map(|record| record.uid))
}

/// The letters of a request, in one of `states` unless it names letters or states.
pub async fn choose(app: &App, choice: &LetterChoice, states: &[LetterState]) -> Result<Chosen> {
    let chosen = match (&choice.ids, &choice.filter, &choice.group) {
        (Some(ids), None, None) if choice.sync_id.is_none() => by_id(app, ids).await?,
        (None, Some(wanted), None) if choice.sync_id.is_none() => matching(app, wanted, states).await?,
        (None, None, Some(group)) => {
            let (sync_id, fingerprint) = (choice.sync_id.clone(), Some(group.clone()));
            matching(app, &LetterMatch { sync_id, fingerprint, ..LetterMatch::default() }, states).await?
        }
        _ => {
            return Err(Error::new(ErrorKind::BadUsage, "which dead letters is not said in one way")
                .help("give one of ids, filter and group; sync_id goes with group alone"));
        }
    };
    if chosen.0.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "there are no such dead letters")
            .help("list them with GET /api/v1/dead-letters"));
    }
    Ok(chosen)
}

async fn by_id(app: &App, ids: &[String]) -> Result<Chosen> {
    if ids.len() > Replay::LETTERS_MAX {
        let message = format!("{} ids are more than {}", ids.len(), Replay::LETTERS_MAX);
        return Err(Error::new(ErrorKind::BadUsage, message).help("choose them by a filter or a group"));
    }
    let ids: Vec<_> = ids.iter().map(LetterId::from_stored).collect();
    let found = app.store.letters_by_id(&ids).await?;
    let unknown = ids.iter().find(|id| !found.iter().any(|letter| letter.id == **id));
    if let Some(id) = unknown {
        return Err(missing(id.as_str()));
    }
    let mut chosen = Chosen::default();
    for letter in found {
        chosen.add(letter.sync_id, letter.id);
    }
    Ok(chosen)
}

/// The error for a letter that is not there.
pub fn missing(id: &str) -> Error {
    let shown: String = id.chars().take(100).collect();
    Error::new(ErrorKind::NotFound, format!("there is no dead letter '{shown}'"))
        .help("list them with GET /api/v1/dead-letters")
}

async fn matching(app: &App, wanted: &LetterMatch, states: &[LetterState]) -> Result<Chosen> {
    let mut chosen = Chosen::default();
    let Some(mut filter) = filter(app, wanted).await? else { return Ok(chosen) };
    if filter.states.is_empty() {
        filter.states = states.to_vec();
    }
    let mut page = Page::first(PAGE);
    loop {
        let (letters, total) = app.store.letters(&filter, page).await?;
        if total > CHOSEN_MAX as u64 {
            let message = format!("{total} dead letters are more than {CHOSEN_MAX} at once");
            return Err(Error::new(ErrorKind::BadUsage, message).help("choose them by sync, or by time"));
        }
        for letter in letters {
            chosen.add(letter.sync_id, letter.id);
        }
        if page.offset() + page.size >= total {
            return Ok(chosen);
        }
        page.number += 1;
    }
}

/// Replays of chosen letters, ready to be queued.
pub struct Replays {
    each: Vec<(Sync, Replay)>,
    estimate: Estimate,
}

/// As few replays as the letters need, each of one sync, and what they would do.
pub async fn plan(app: &App, request: &ReplayRequest) -> Result<Replays> {
    let chosen = choose(app, &request.choice(), &[LetterState::Open]).await?;
    let mut replays = Replays { each: Vec::new(), estimate: Estimate::default() };
    for (id, letters) in chosen.0 {
        let sync = app.sync(id.as_str())?;
        for letters in letters.chunks(Replay::LETTERS_MAX) {
            let replay = Replay {
                mode: request.mode.map(Into::into).unwrap_or_default(),
                letters: letters.to_vec(),
                per_second: request.per_second,
            };
            replays.estimate.add(app.engine.estimate_replay(&sync, &replay).await?);
            replays.each.push((sync.clone(), replay));
        }
    }
    Ok(replays)
}

impl Replays {
    pub fn estimate(&self) -> ReplayEstimate {
        let mut refused: Vec<_> = self
            .estimate
            .refused
            .iter()
            .map(|reason| RefusedView {
                code: reason.code.clone(),
                message: reason.message.clone(),
                letters: reason.letters,
                sample: reason.sample.clone(),
            })
            .collect();
        refused.sort_by_key(|reason| std::cmp::Reverse(reason.letters));
        ReplayEstimate {
            letters: self.estimate.letters,
            replayable: self.estimate.replayable,
            refused,
            seconds: self.estimate.seconds,
            runs: self.each.len() as u64,
        }
    }

    /// Queues all of them, or none.
    pub async fn queue(self, app: &App, request: &ReplayRequest, caller: &Caller) -> Result<Vec<RunView>> {
        if self.estimate.replayable == 0 {
            let why = self.estimate.refused.first().map(|reason| reason.message.as_str()).unwrap_or_default();
            let message = format!("none of these dead letters can be replayed: {why}");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let mut queued = Vec::new();
        for (sync, replay) in self.each {
            match queue(app, &sync, replay, request, caller).await {
                Ok(run) => queued.push(run),
                Err(error) => {
                    take_back(app, &queued).await;
                    return Err(error);
                }
            }
        }
        app.wake();
        let now = app.now();
        Ok(queued.iter().map(|(run, _)| RunView::of(run, now)).collect())
    }
}

/// Queues one; whether it is a run that waited already.
async fn queue(
    app: &App,
    sync: &Sync,
    replay: Replay,
    request: &ReplayRequest,
    caller: &Caller,
) -> Result<(Run, bool)> {
    let run_type = if request.dry_run.unwrap_or(false) { RunType::Test } else { RunType::Replay };
    let trigger = match request.trigger {
        None | Some(TriggerName::Api) => Trigger::Api,
        Some(TriggerName::Manual) => Trigger::Manual,
        Some(TriggerName::Cli) => Trigger::Cli,
    };
    let options = RunOptions { replay: Some(replay), ..RunOptions::default() };
    let mut run = app.engine.new_run(sync, run_type, trigger, options).await?;
    run.requested_by = Some(caller.name.clone());
    let queued = app.store.enqueue(&run).await?;
    traces::asked_for(&queued.run);
    Ok((queued.run, queued.joined))
}

/// Cancels the first replays of a selection whose next one could not be queued.
async fn take_back(app: &App, queued: &[(Run, bool)]) {
    for (run, _) in queued.iter().filter(|(_, joined)| !joined) {
        if let Err(e) = actions::cancel(app, run).await {
            tracing::warn!(run = %run.id, error = %e, "a replay that was queued in vain could not be cancelled");
        }
    }
}

/// What a person decides about letters.
#[derive(Clone, Copy)]
pub enum Decision {
    Ignore,
    Reopen,
    Resolve,
}

impl Decision {
    /// The states of letters that it is for.
    fn from(self) -> &'static [LetterState] {
        match self {
            Decision::Ignore => &[LetterState::Open],
            Decision::Reopen => &[LetterState::Ignored],
            Decision::Resolve => &[LetterState::Open, LetterState::Ignored],
        }
    }

    fn to(self) -> LetterState {
        match self {
            Decision::Ignore => LetterState::Ignored,
            Decision::Reopen => LetterState::Open,
            Decision::Resolve => LetterState::ResolvedUser,
        }
    }
}

/// What became of a decision.
pub struct Decided {
    /// Letters that it was carried out for.
    pub changed: u64,
    /// Letters that were chosen.
    pub of: u64,
    pub syncs: Vec<SyncId>,
}

/// Carries out a decision about the letters that allow it.
pub async fn decide(
    app: &App,
    choice: &LetterChoice,
    decision: Decision,
    because: Option<&str>,
) -> Result<Decided> {
    let chosen = choose(app, choice, decision.from()).await?;
    let ids = chosen.ids();
    let mut changed = 0;
    for ids in ids.chunks(MOVED_AT_ONCE) {
        changed += app.store.move_letters(ids, decision.from(), decision.to(), because).await?;
    }
    if changed == 0 {
        let allowed: Vec<_> = decision.from().iter().map(|state| state.as_str()).collect();
        let message = format!("none of these dead letters is {}", allowed.join(" or "));
        return Err(Error::new(ErrorKind::Conflict, message));
    }
    Ok(Decided { changed, of: ids.len() as u64, syncs: chosen.syncs() })
}
