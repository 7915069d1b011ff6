//! Who is told what at the end of a run: a pure function of the run and those before it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use syncline_core::sync::Limit;
use syncline_core::{Run, RunStatus, RunType, SyncUid};
use syncline_store::{NewNotice, Page, RunFilter, SyncState};
use uuid::Uuid;

use super::channel::Channel;
use super::telling::{ErrorRate, Event, Telling};

/// Fewest earlier runs that are looked at: tests and retries among them tell nothing.
const EARLIER_RUNS_MIN: u64 = 20;
/// Runs of one chain of retries, at most.
const CHAIN_RUNS_MAX: u64 = 6;

/// The end of a run, and what its meaning depends on.
pub struct Ended<'a> {
    /// As it will be stored: ended or held.
    pub run: &'a Run,
    /// The sync's new state, if the run's end changes it.
    pub state: Option<&'a SyncState>,
    /// It is tried again by itself: its failure is told after the last retry.
    pub is_retried: bool,
    /// Other runs of the sync by [`earlier_filter`], as many as [`earlier_needed`]; in any order.
    pub earlier: &'a [Run],
    pub now: Timestamp,
}

/// Which runs [`Ended::earlier`] holds: those that tell something, and retries that are still to come.
pub fn earlier_filter(uid: &SyncUid) -> RunFilter {
    use RunStatus::*;
    RunFilter {
        sync_uid: Some(uid.clone()),
        statuses: vec![Scheduled, Queued, Starting, Running, Completed, Failed, SourceFailure],
        ..RunFilter::default()
    }
}

/// How many of them, newest first.
pub fn earlier_needed(channels: &[Channel]) -> u64 {
    let most = channels.iter().filter_map(|channel| channel.consecutive_failures).max().unwrap_or(0);
    (EARLIER_RUNS_MIN + CHAIN_RUNS_MAX * u64::from(most)).min(Page::SIZE_MAX)
}

/// The notices that the end of a run brings about, each once for every change of state:
///
/// - `failed` after a run that did not fail, or that failed with another error;
/// - `consecutive_failures` at exactly the channel's number;
/// - `high_error_rate` after a run with rows that was not above the channel's percentage;
/// - `halted` when the sync becomes so, `held` whenever a run does;
/// - `recovered` when a run completes after a failure that was told.
///
/// A chain of retries counts as one run, with the end of its last. After a halt, one-time runs and
/// replays recover nothing, because the sync still stands still. Tests tell nothing.
pub fn decide(ended: &Ended<'_>, channels: &[Channel], ids: &dyn Fn() -> Uuid) -> Vec<NewNotice> {
    if !ended.run.run_type.writes() {
        return Vec::new();
    }
    let facts = Facts::of(ended);
    let tellings = channels.iter().flat_map(|channel| {
        let told = facts.tellings(ended, channel);
        told.into_iter().map(move |telling| (channel, telling))
    });
    tellings.filter_map(|(channel, telling)| notice(ended, channel, &telling, ids)).collect()
}

fn notice(
    ended: &Ended<'_>,
    channel: &Channel,
    telling: &Telling,
    ids: &dyn Fn() -> Uuid,
) -> Option<NewNotice> {
    Some(NewNotice {
        id: format!("msg_{}", ids().simple()),
        channel: channel.id.clone(),
        event: telling.event.as_str().into(),
        sync_id: Some(ended.run.sync_id.clone()),
        run_id: Some(ended.run.id.clone()),
        payload: serde_json::to_value(telling).ok()?,
        created_at: ended.now,
    })
}

/// How the sync stood before the run, and how it stands after it.
struct Facts<'a> {
    before: Standing,
    after: Standing,
    /// The latest earlier run that read rows.
    measured_before: Option<&'a Run>,
}

/// What the runs of a sync up to some point amount to.
#[derive(Clone, Default)]
struct Standing {
    /// Code of the error that was told last, until the sync recovers.
    failing: Option<String>,
    failures_in_a_row: u32,
    halted: bool,
}

impl<'a> Facts<'a> {
    fn of(ended: &Ended<'a>) -> Self {
        let Ended { run, earlier, .. } = *ended;
        let retries = earlier.iter().chain([run]).filter(|run| run.retry_number > 0);
        let retried: BTreeSet<_> = retries.filter_map(|run| run.retry_of.as_ref()).collect();
        let mut counted: Vec<&Run> = earlier
            .iter()
            .filter(|run| run.run_type.writes() && has_told(run))
            .filter(|earlier| earlier.id != run.id)
            .collect();
        counted.sort_by_key(|run| (run.completed_at, run.created_at));
        let before = counted
            .iter()
            .filter(|run| !retried.contains(&run.id))
            .fold(Standing::default(), |standing, run| standing.after(run, run.halted_sync));
        let halts = matches!(ended.state, Some(SyncState::Halted { .. }));
        Self {
            after: if ended.is_retried { before.clone() } else { before.clone().after(run, halts) },
            before,
            measured_before: counted.into_iter().rfind(|run| run.counters.rows_processed > 0),
        }
    }

    fn tellings(&self, ended: &Ended<'_>, channel: &Channel) -> Vec<Telling> {
        let run = ended.run;
        let of = |event| Telling::of_run(event, run, ended.now);
        let mut told = Vec::new();
        match run.status {
            RunStatus::Held => told.push(of(Event::Held)),
            RunStatus::Completed => {
                told.push(of(Event::Completed));
                if self.before.failing.is_some() && self.after.failing.is_none() {
                    told.push(of(Event::Recovered));
                }
                told.extend(self.high_error_rate(ended, channel));
            }
            RunStatus::Failed | RunStatus::SourceFailure if !ended.is_retried => {
                if self.after.failing != self.before.failing {
                    told.push(of(Event::Failed));
                }
                let failures = self.before.failures_in_a_row + 1;
                if channel.consecutive_failures == Some(failures) {
                    let telling = of(Event::ConsecutiveFailures);
                    told.push(Telling { failures_in_a_row: Some(failures), ..telling });
                }
                told.extend(self.high_error_rate(ended, channel));
            }
            _ => {}
        }
        if let Some(SyncState::Halted { failures, .. }) = ended.state {
            told.push(Telling { failures_in_a_row: Some(*failures), ..of(Event::Halted) });
        }
        told.retain(|telling| channel.wants(telling.event));
        told
    }

    fn high_error_rate(&self, ended: &Ended<'_>, channel: &Channel) -> Option<Telling> {
        let limit = channel.error_rate?;
        let above = |run: &Run| {
            Limit::Percent(limit).is_exceeded_by(run.counters.rows_failed, run.counters.rows_processed)
        };
        if !above(ended.run) || self.measured_before.is_some_and(above) {
            return None;
        }
        let counters = ended.run.counters;
        let percent = counters.rows_failed as f64 * 100.0 / counters.rows_processed as f64;
        let error_rate = Some(ErrorRate { percent, limit });
        Some(Telling { error_rate, ..Telling::of_run(Event::HighErrorRate, ended.run, ended.now) })
    }
}

impl Standing {
    fn after(mut self, run: &Run, halts: bool) -> Self {
        match run.status {
            RunStatus::Completed => {
                self.failures_in_a_row = 0;
                let stands_still = self.halted && matches!(run.run_type, RunType::OneTime | RunType::Replay);
                if !stands_still {
                    self.failing = None;
                    self.halted = false;
                }
            }
            RunStatus::Failed | RunStatus::SourceFailure => {
                let code = run.error.as_ref().map_or("", |error| error.code.as_str());
                self.failing = Some(code.into());
                // Counted afresh after a halt, as the threshold that halts does.
                self.failures_in_a_row = if halts { 0 } else { self.failures_in_a_row + 1 };
                self.halted |= halts;
            }
            _ => {}
        }
        self
    }
}

fn has_told(run: &Run) -> bool {
    matches!(run.status, RunStatus::Completed | RunStatus::Failed | RunStatus::SourceFailure)
}
