//! Random sequences of what triggers, schedules, workers and people do to the queue, against a model
//! of what must come of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use syncline_core::sync::Overlap;
use syncline_core::{EndReason, ErrorKind, Result, Run, RunStatus, RunType, Trigger};
use syncline_store::{Claimed, Fire, FollowUp, QUEUED_PER_SYNC_MAX, Queue, RunFilter, SyncState};

use crate::fixtures::*;
use crate::stores;

const SYNCS: [&str; 2] = ["contact", "company"];

#[derive(Clone, Debug)]
enum Call {
    Enqueue {
        sync: usize,
        run_type: RunType,
        asks: u64,
        later: Option<i64>,
    },
    Fire {
        now: i64,
        skip: bool,
    },
    /// Claims the n-th run, whatever it is.
    Claim {
        run: usize,
    },
    Start {
        run: usize,
    },
    End {
        run: usize,
        to: RunStatus,
        commit: bool,
        next: Next,
        downstream: bool,
    },
    Cancel {
        run: usize,
        next: Next,
    },
    Activate {
        sync: usize,
        to: u8,
        next: Next,
    },
    Reschedule {
        sync: usize,
        next: Next,
    },
    Approve {
        run: usize,
    },
    Reject {
        run: usize,
        next: Next,
    },
    TakeOver {
        run: usize,
    },
}

/// When the next run is due and what it is.
#[derive(Clone, Copy, Debug)]
enum Next {
    None,
    Fire(i64),
    Retry(i64),
    RetryOfSeed(i64),
}

fn next() -> impl Strategy<Value = Next> {
    let due = 0..20i64;
    prop_oneof![
        2 => Just(Next::None),
        5 => due.clone().prop_map(Next::Fire),
        2 => due.clone().prop_map(Next::Retry),
        1 => due.prop_map(Next::RetryOfSeed),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    use RunStatus::*;
    let (sync, run) = (0..2usize, 0..30usize);
    let run_type = prop::sample::select(vec![
        RunType::Sync,
        RunType::Sync,
        RunType::Sync,
        RunType::OneTime,
        RunType::Test,
        RunType::Seed,
    ]);
    let to = prop::sample::select(vec![Completed, Failed, SourceFailure, Cancelled, Held, Held]);
    prop_oneof![
        8 => (sync.clone(), run_type, 0..12u64, prop::option::weighted(0.2, 0..20i64))
            .prop_map(|(sync, run_type, asks, later)| Call::Enqueue { sync, run_type, asks, later }),
        5 => (0..20i64, any::<bool>()).prop_map(|(now, skip)| Call::Fire { now, skip }),
        8 => run.clone().prop_map(|run| Call::Claim { run }),
        6 => run.clone().prop_map(|run| Call::Start { run }),
        8 => (run.clone(), to, any::<bool>(), next(), any::<bool>())
            .prop_map(|(run, to, commit, next, downstream)| Call::End { run, to, commit, next, downstream }),
        3 => (run.clone(), next()).prop_map(|(run, next)| Call::Cancel { run, next }),
        3 => (sync.clone(), 0..4u8, next()).prop_map(|(sync, to, next)| Call::Activate { sync, to, next }),
        3 => (sync, next()).prop_map(|(sync, next)| Call::Reschedule { sync, next }),
        2 => run.clone().prop_map(|run| Call::Approve { run }),
        2 => (run.clone(), next()).prop_map(|(run, next)| Call::Reject { run, next }),
        2 => run.prop_map(|run| Call::TakeOver { run }),
    ]
}

/// What the model knows of a run.
#[derive(Clone, Debug)]
struct Known {
    sync: usize,
    run_type: RunType,
    trigger: Trigger,
    asks: u64,
    status: RunStatus,
    reason: Option<EndReason>,
    due: i64,
    /// Its turn: runs queued earlier have a smaller one.
    turn: u64,
}

struct Model {
    store: Arc<dyn Queue>,
    active: [bool; 2],
    halted: [bool; 2],
    runs: BTreeMap<u32, Known>,
    made: u32,
    turns: u64,
}

type Expected = std::result::Result<(), ErrorKind>;

impl Model {
    /// Makes a call and compares the answer, then all that can be seen, with the model.
    async fn check(&mut self, call: &Call) {
        let before = self.statuses().await;
        let (expected, got) = match call.clone() {
            Call::Enqueue { sync, run_type, asks, later } => self.enqueue(sync, run_type, asks, later).await,
            Call::Fire { now, skip } => self.fire(now, skip).await,
            Call::Activate { sync, to, next } => self.activate(sync, to, next).await,
            Call::Reschedule { sync, next } => self.reschedule(sync, next).await,
            Call::Claim { run }
            | Call::Start { run }
            | Call::End { run, .. }
            | Call::Cancel { run, .. }
            | Call::Approve { run }
            | Call::Reject { run, .. }
            | Call::TakeOver { run } => {
                let Some(n) = self.runs.keys().rev().nth(run).copied() else { return };
                match call.clone() {
                    Call::Claim { .. } => self.claim(n).await,
                    Call::Start { .. } => self.step(n, RunStatus::Running).await,
                    Call::Approve { .. } if self.runs[&n].status != RunStatus::Held => return,
                    Call::Approve { .. } => self.step(n, RunStatus::Queued).await,
                    Call::End { to, commit, next, downstream, .. } => {
                        self.end(n, to, commit, next, downstream).await
                    }
                    Call::Cancel { next, .. } => self.cancel(n, next).await,
                    Call::Reject { .. } if self.runs[&n].status != RunStatus::Held => return,
                    Call::Reject { next, .. } => self.end(n, RunStatus::Cancelled, false, next, false).await,
                    _ => self.take_over(n).await,
                }
            }
        };
        assert_eq!(got.map_err(|e| e.kind), expected, "{call:?}");
        self.compare(&before).await;
    }

    // --- the calls ---

    async fn enqueue(
        &mut self,
        sync: usize,
        run_type: RunType,
        asks: u64,
        later: Option<i64>,
    ) -> (Expected, Result<()>) {
        let n = self.name();
        let mut run = new_run(&n.to_string(), SYNCS[sync], run_type);
        run.options.max_entities = Some(asks);
        run.run_at = later.map(at);
        let got = self.store.enqueue(&run).await;
        let refused = |kind, got: Result<_>| (Err(kind), got.map(drop));
        if self.halted[sync] && matches!(run_type, RunType::Sync | RunType::Seed) {
            return refused(ErrorKind::SyncHalted, got);
        }
        let known = Known {
            sync,
            run_type,
            trigger: Trigger::Cli,
            asks,
            status: RunStatus::Queued,
            reason: None,
            due: later.unwrap_or(0),
            turn: 0,
        };
        if let Some(due) = later {
            let same = |r: &Known| (r.run_type, r.asks, r.due) == (run_type, asks, due);
            let twin = self.of(sync, |r| r.status == RunStatus::Scheduled && same(r)).first().copied();
            if let Some(twin) = twin {
                let got = got.map(|enqueued| {
                    assert!(enqueued.joined);
                    assert_eq!(enqueued.run.id, run_id(&twin.to_string()));
                });
                return (Ok(()), got);
            }
            let there = self.scheduled(sync).filter(|_| run_type == RunType::Sync);
            if there.is_some_and(|there| self.runs[&there].due <= due) {
                return refused(ErrorKind::Conflict, got);
            }
            if let Some(there) = there {
                self.give_way(there, Trigger::Cli);
            }
            self.runs.insert(n, Known { status: RunStatus::Scheduled, ..known });
            return (Ok(()), got.map(|enqueued| assert!(!enqueued.joined)));
        }
        let waiting: Vec<u32> = self.of(sync, |r| r.status == RunStatus::Queued);
        let same = |w: &&u32| self.runs[w].run_type == run_type && self.runs[w].asks == asks;
        let twin = waiting.iter().filter(same).min_by_key(|w| self.runs[w].turn).copied();
        if let Some(twin) = twin {
            let got = got.map(|enqueued| {
                assert!(enqueued.joined);
                assert_eq!(enqueued.run.id, run_id(&twin.to_string()));
            });
            return (Ok(()), got);
        }
        if waiting.len() as u64 >= QUEUED_PER_SYNC_MAX {
            return refused(ErrorKind::QueueFull, got);
        }
        let turn = self.turn();
        self.runs.insert(n, Known { turn, ..known });
        (Ok(()), got.map(|enqueued| assert!(!enqueued.joined)))
    }

    async fn fire(&mut self, now: i64, skip: bool) -> (Expected, Result<()>) {
        let overlap = if skip { Overlap::Skip } else { Overlap::QueueOne };
        let mut due: Vec<u32> = (self.runs.iter())
            .filter(|(_, r)| r.status == RunStatus::Scheduled && r.due <= now)
            .map(|(n, _)| *n)
            .collect();
        due.sort_by_key(|n| (self.runs[n].due, format!("run_{n}")));
        let found = self.store.due(at(now), 100).await.unwrap();
        let expected: Vec<_> = due.iter().map(|n| run_id(&n.to_string())).collect();
        assert_eq!(found.iter().map(|run| run.id.clone()).collect::<Vec<_>>(), expected);
        let mut fires = Vec::new();
        let mut nexts = Vec::new();
        for n in &due {
            let (next, run) = self.made_next(self.runs[n].sync, Next::Fire(now + 5));
            fires.push(Fire { run_id: run_id(&n.to_string()), overlap, next: run });
            nexts.push(next);
        }
        let got = self.store.fire(&fires, at(now)).await;
        for (n, next) in due.iter().zip(nexts) {
            let known = self.runs[n].clone();
            // One before may have taken its place.
            if known.status != RunStatus::Scheduled {
                continue;
            }
            let automatic = known.trigger != Trigger::Cli && known.run_type == RunType::Sync;
            let hindrance = self.hindrance(known.sync, skip).filter(|_| automatic);
            match hindrance {
                None => self.queue(*n),
                Some(reason) => {
                    self.set(*n, RunStatus::NotRun, Some(reason));
                    self.schedule(known.sync, next);
                }
            }
        }
        (Ok(()), got.map(drop))
    }

    async fn claim(&mut self, n: u32) -> (Expected, Result<()>) {
        let got = self.store.claim(&run_id(&n.to_string()), &claim_by("w1")).await;
        let known = self.runs[&n].clone();
        let free = known.status == RunStatus::Queued
            && self.heads().contains(&n)
            && (known.run_type == RunType::Test || !self.writer(known.sync));
        let got = got.map(|claimed| assert_eq!(matches!(claimed, Claimed::Run(_)), free, "{claimed:?}"));
        if free {
            self.set(n, RunStatus::Starting, None);
        }
        (Ok(()), got)
    }

    async fn step(&mut self, n: u32, to: RunStatus) -> (Expected, Result<()>) {
        let from = self.runs[&n].status;
        let mut run = run_now(&*self.store, &run_id(&n.to_string())).await;
        run.status = to;
        run.base_generation = Some(0);
        let got = self.store.update_run(&run).await;
        if from != to && from.transition(to).is_err() {
            return (Err(ErrorKind::Conflict), got);
        }
        if from != to && to == RunStatus::Queued {
            self.queue(n);
        }
        self.runs.get_mut(&n).unwrap().status = to;
        (Ok(()), got)
    }

    async fn end(
        &mut self,
        n: u32,
        to: RunStatus,
        commit: bool,
        next: Next,
        downstream: bool,
    ) -> (Expected, Result<()>) {
        let known = self.runs[&n].clone();
        let stored = run_now(&*self.store, &run_id(&n.to_string())).await;
        let (next, next_run) = self.made_next(known.sync, next);
        let other = 1 - known.sync;
        let down = downstream.then(|| self.name());
        let down_run = down.map(|n| new_run(&n.to_string(), SYNCS[other], RunType::Sync));
        let follow = FollowUp {
            next: next_run,
            downstream: down_run
                .map(|run| (Run { trigger: Trigger::Upstream, ..run }, Overlap::Skip))
                .into_iter()
                .collect(),
            notices: Vec::new(),
        };
        let mut ending = ending(&stored);
        ending.run.status = to;
        ending.follow = follow.clone();
        let got = match commit {
            true => self.store.commit(&ending).await,
            false => self.store.end_run(&ending.run, &follow).await,
        };
        // Without commit, storing a held or ended run again as it is changes nothing of it.
        let again = !commit && known.status == to;
        if !again && known.status.transition(to).is_err() {
            return (Err(ErrorKind::Conflict), got);
        }
        self.runs.get_mut(&n).unwrap().status = to;
        self.schedule(known.sync, next);
        if let Some(down) = down.filter(|_| self.active[other]) {
            let reason = self.hindrance(other, true);
            let status = if reason.is_some() { RunStatus::NotRun } else { RunStatus::Queued };
            let turn = self.turn();
            let run_type = RunType::Sync;
            // It asks for nothing special.
            let (trigger, asks) = (Trigger::Upstream, u64::MAX);
            let known = Known { sync: other, run_type, trigger, asks, status, reason, due: 0, turn };
            self.runs.insert(down, known);
        }
        (Ok(()), got)
    }

    async fn cancel(&mut self, n: u32, next: Next) -> (Expected, Result<()>) {
        let known = self.runs[&n].clone();
        let (next, run) = self.made_next(known.sync, next);
        let follow = FollowUp { next: run, ..FollowUp::default() };
        let got = self.store.request_cancel(&run_id(&n.to_string()), &follow, at(9)).await.map(drop);
        let to = match known.status {
            RunStatus::Queued => RunStatus::Cancelled,
            RunStatus::Scheduled => RunStatus::NotRun,
            RunStatus::Starting | RunStatus::Running => return (Ok(()), got),
            _ => return (Err(ErrorKind::Conflict), got),
        };
        self.set(n, to, Some(EndReason::Cancelled));
        self.schedule(known.sync, next);
        (Ok(()), got)
    }

    async fn activate(&mut self, sync: usize, to: u8, next: Next) -> (Expected, Result<()>) {
        let state = match to {
            0 => SyncState::Inactive,
            1 => SyncState::Halted { reason: "errors".into(), since: at(0), failures: 1 },
            _ => SyncState::Active,
        };
        let (next, run) = self.made_next(sync, next);
        let got = self.store.set_activation(&uid(SYNCS[sync]), &state, run.as_ref(), at(9)).await;
        self.active[sync] = to > 1;
        self.halted[sync] = to == 1;
        if self.active[sync] {
            self.schedule(sync, next);
            return (Ok(()), got.map(drop));
        }
        for n in self.of(sync, |r| r.run_type == RunType::Sync) {
            match self.runs[&n].status {
                RunStatus::Scheduled => drop(self.runs.remove(&n)),
                RunStatus::Queued => self.set(n, RunStatus::Cancelled, Some(EndReason::Deactivated)),
                _ => {}
            }
        }
        (Ok(()), got.map(drop))
    }

    async fn reschedule(&mut self, sync: usize, next: Next) -> (Expected, Result<()>) {
        let (next, run) = self.made_next(sync, next);
        let got = reschedule(&*self.store, SYNCS[sync], run.as_ref()).await;
        if let Some(there) = self.scheduled(sync).filter(|n| self.runs[n].trigger != Trigger::Cli) {
            self.runs.remove(&there);
        }
        self.schedule(sync, next);
        (Ok(()), got)
    }

    async fn take_over(&mut self, n: u32) -> (Expected, Result<()>) {
        let zero = Duration::ZERO;
        let got = self.store.take_over(&run_id(&n.to_string()), "w2", zero, zero, true).await;
        match self.runs[&n].status.is_active() {
            // A server keeps a lease that runs.
            true if got.as_ref().is_err_and(|e| e.kind == ErrorKind::Conflict) => (Ok(()), Ok(())),
            true => (Ok(()), got.map(drop)),
            false => (Err(ErrorKind::Conflict), got.map(drop)),
        }
    }

    // --- the rules ---

    /// Schedules a run as the end of another may.
    fn schedule(&mut self, sync: usize, next: Option<(u32, Known)>) {
        let Some((n, known)) = next else { return };
        if known.run_type == RunType::Sync {
            let under_way = self.of(sync, |r| {
                r.run_type == RunType::Sync && (r.status.is_active() || r.status == RunStatus::Queued)
            });
            if !self.active[sync] || !under_way.is_empty() {
                return;
            }
            if let Some(there) = self.scheduled(sync) {
                if self.runs[&there].due <= known.due {
                    return;
                }
                self.give_way(there, known.trigger);
            }
        }
        self.runs.insert(n, known);
    }

    fn hindrance(&self, sync: usize, skip: bool) -> Option<EndReason> {
        let is = |status| !self.of(sync, |r| r.status == status).is_empty();
        if !self.active[sync] {
            Some(EndReason::Deactivated)
        } else if is(RunStatus::Held) {
            Some(EndReason::Held)
        } else if (skip && self.writer(sync))
            || !self.of(sync, |r| r.status == RunStatus::Queued && r.run_type == RunType::Sync).is_empty()
        {
            Some(EndReason::Overlap)
        } else {
            None
        }
    }

    fn give_way(&mut self, there: u32, to: Trigger) {
        match self.runs[&there].trigger == to && to != Trigger::Cli {
            true => drop(self.runs.remove(&there)),
            false => self.set(there, RunStatus::NotRun, Some(EndReason::Superseded)),
        }
    }

    fn scheduled(&self, sync: usize) -> Option<u32> {
        self.of(sync, |r| r.status == RunStatus::Scheduled && r.run_type == RunType::Sync).pop()
    }

    fn writer(&self, sync: usize) -> bool {
        !self.of(sync, |r| r.status.is_active() && r.run_type != RunType::Test).is_empty()
    }

    /// The head of every line.
    fn heads(&self) -> Vec<u32> {
        let mut heads = BTreeMap::new();
        for (n, known) in self.runs.iter().filter(|(_, r)| r.status == RunStatus::Queued) {
            let head = heads.entry((known.sync, known.run_type == RunType::Test)).or_insert(*n);
            if known.turn < self.runs[head].turn {
                *head = *n;
            }
        }
        heads.into_values().collect()
    }

    fn of(&self, sync: usize, is: impl Fn(&Known) -> bool) -> Vec<u32> {
        self.runs.iter().filter(|(_, r)| r.sync == sync && is(r)).map(|(n, _)| *n).collect()
    }

    fn set(&mut self, n: u32, status: RunStatus, reason: Option<EndReason>) {
        let known = self.runs.get_mut(&n).unwrap();
        (known.status, known.reason) = (status, reason);
    }

    fn queue(&mut self, n: u32) {
        let turn = self.turn();
        let known = self.runs.get_mut(&n).unwrap();
        (known.status, known.turn) = (RunStatus::Queued, turn);
    }

    fn turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }

    fn name(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    /// A run to follow, as the model and as the store know it.
    fn made_next(&mut self, sync: usize, next: Next) -> (Option<(u32, Known)>, Option<Run>) {
        let (due, trigger, run_type) = match next {
            Next::None => return (None, None),
            Next::Fire(due) => (due, Trigger::Schedule, RunType::Sync),
            Next::Retry(due) => (due, Trigger::Retry, RunType::Sync),
            Next::RetryOfSeed(due) => (due, Trigger::Retry, RunType::Seed),
        };
        let n = self.name();
        let run = Run { trigger, run_type, ..fire_at(&n.to_string(), SYNCS[sync], due) };
        let (status, asks) = (RunStatus::Scheduled, u64::MAX);
        (Some((n, Known { sync, run_type, trigger, asks, status, reason: None, due, turn: 0 })), Some(run))
    }

    // --- what can be seen ---

    async fn statuses(&self) -> BTreeMap<u32, Run> {
        let (runs, _) = self.store.runs(&RunFilter::default(), ALL).await.unwrap();
        let named = |run: Run| (run.id.as_str().replacen("run_", "", 1).parse().unwrap(), run);
        runs.into_iter().map(named).collect()
    }

    async fn compare(&self, before: &BTreeMap<u32, Run>) {
        let runs = self.statuses().await;
        let seen: Vec<_> = runs.iter().map(|(n, r)| (*n, r.sync_uid.clone(), r.status)).collect();
        let known: Vec<_> = self.runs.iter().map(|(n, r)| (*n, uid(SYNCS[r.sync]), r.status)).collect();
        assert_eq!(seen, known);
        for (n, known) in &self.runs {
            assert!(known.reason.is_none() || runs[n].end_reason == known.reason, "run {n}");
        }
        self.check_invariants(before, &runs);
        let candidates = self.store.candidates(100, &[]).await.unwrap();
        let mut candidates: Vec<_> = candidates.into_iter().map(|c| c.run_id).collect();
        candidates.sort();
        let mut heads = self.heads();
        heads.retain(|n| self.runs[n].run_type == RunType::Test || !self.writer(self.runs[n].sync));
        let mut heads: Vec<_> = heads.into_iter().map(|n| run_id(&n.to_string())).collect();
        heads.sort();
        assert_eq!(candidates, heads);
        let due = self.runs.values().filter(|r| r.status == RunStatus::Scheduled).map(|r| r.due).min();
        assert_eq!(self.store.next_due().await.unwrap(), due.map(at));
        let unscheduled = self.store.unscheduled().await.unwrap();
        let unscheduled: Vec<_> = unscheduled.iter().map(|s| s.uid.clone()).collect();
        let expected = [1, 0].into_iter().filter(|sync| {
            let unfinished = |r: &Known| r.run_type == RunType::Sync && !r.status.is_terminal();
            self.active[*sync] && self.of(*sync, unfinished).is_empty()
        });
        assert_eq!(unscheduled, expected.map(|sync| uid(SYNCS[sync])).collect::<Vec<_>>());
    }

    /// What holds whatever the model says.
    fn check_invariants(&self, before: &BTreeMap<u32, Run>, runs: &BTreeMap<u32, Run>) {
        for (n, run) in runs {
            if let Some(earlier) = before.get(n) {
                let legal = earlier.status == run.status || earlier.status.transition(run.status).is_ok();
                assert!(legal, "run {n} went from {:?} to {:?}", earlier.status, run.status);
                assert!(run.epoch >= earlier.epoch);
            }
        }
        for (n, run) in before.iter().filter(|(n, _)| !runs.contains_key(n)) {
            assert_eq!(run.status, RunStatus::Scheduled, "run {n} is gone");
        }
        for sync in SYNCS.map(uid) {
            let of_sync = || runs.values().filter(|run| run.sync_uid == sync);
            let writers = of_sync().filter(|r| r.status.is_active() && r.run_type.writes());
            assert!(writers.count() <= 1, "G23");
            let fires = of_sync().filter(|r| r.status == RunStatus::Scheduled && r.run_type == RunType::Sync);
            assert!(fires.count() <= 1, "two fires");
        }
    }
}

async fn follows_the_model(store: Arc<dyn Queue>, calls: &[Call]) {
    for name in SYNCS {
        ensure(&*store, name).await;
    }
    let (active, halted) = ([true; 2], [false; 2]);
    let mut model = Model { store, active, halted, runs: BTreeMap::new(), made: 0, turns: 0 };
    for call in calls {
        model.check(call).await;
    }
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..Default::default() }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn whatever_happens_to_the_queue_its_rules_hold(calls in prop::collection::vec(call(), 1..120)) {
        let opened = stores::sqlite();
        runtime().block_on(follows_the_model(opened.store.clone(), &calls));
    }
}

proptest! {
    // Each has a schema of its own to make.
    #![proptest_config(config(6))]

    #[test]
    fn whatever_happens_to_a_queue_on_a_server_its_rules_hold(
        calls in prop::collection::vec(call(), 60..120),
    ) {
        runtime().block_on(async {
            let opened = stores::postgres().await;
            follows_the_model(opened.store.clone(), &calls).await;
        });
    }
}
