//! Whatever happens to syncs in whatever order: what always holds.

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use syncline_core::{EndReason, Run, RunStatus, RunType, Trigger};
use syncline_scheduler::FollowUps;
use syncline_scheduler::retry::RETRIES_MAX;
use syncline_store::{Claim, Claimed, SyncRecord, SyncState};

use crate::syncs::{after, every, skipping, sync};
use crate::world::{End, START, World};

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Tick,
    Trigger(Index, RunType),
    Claim(Index),
    End(Index, RunStatus),
    Halt(Index),
    Cancel(Index),
    /// Somebody approves or rejects a held run.
    Decide(Index, bool),
    Activate(Index, bool),
}

fn step() -> impl Strategy<Value = Step> {
    use RunStatus::{Cancelled, Completed, Failed, Held, SourceFailure};
    let ends = select(vec![Completed, Completed, Failed, SourceFailure, SourceFailure, Cancelled, Held]);
    prop_oneof![
        4 => (1u64..200).prop_map(Step::Pass),
        6 => Just(Step::Tick),
        1 => (any::<Index>(), select(&RunType::ALL[..])).prop_map(|(n, t)| Step::Trigger(n, t)),
        6 => any::<Index>().prop_map(Step::Claim),
        6 => (any::<Index>(), ends).prop_map(|(n, status)| Step::End(n, status)),
        1 => any::<Index>().prop_map(Step::Halt),
        1 => any::<Index>().prop_map(Step::Cancel),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(n, approves)| Step::Decide(n, approves)),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(n, active)| Step::Activate(n, active)),
    ]
}

struct History {
    world: World,
    syncs: Vec<SyncRecord>,
}

impl History {
    async fn new() -> Self {
        let world = World::starting(START);
        let mut syncs = Vec::new();
        for definition in [
            sync("company", Some(every(60))),
            sync("contact", Some(skipping(every(45)))),
            sync("deal", Some(after("company"))),
        ] {
            syncs.push(world.define(definition).await);
        }
        Self { world, syncs }
    }

    async fn all(&self, statuses: &[RunStatus]) -> Vec<Run> {
        let mut all = Vec::new();
        for sync in &self.syncs {
            all.extend(self.world.runs(sync, statuses).await);
        }
        all
    }

    async fn take(&self, step: Step) {
        let now = self.world.clock_now();
        match step {
            Step::Pass(seconds) => self.world.pass(seconds),
            Step::Tick => drop(self.world.tick().await),
            Step::Trigger(n, run_type) => {
                // Refused where the sync is halted or too many wait.
                let request = self.world.request(n.get(&self.syncs), run_type);
                let _ = self.world.store.enqueue(&request).await;
            }
            Step::Claim(n) => self.claim(n, now).await,
            Step::End(n, status) => {
                let running = self.all(&[RunStatus::Running]).await;
                if let Some(run) = pick(&running, n) {
                    // A test writes nothing that could be held.
                    let status =
                        if run.dry_run() && status == RunStatus::Held { RunStatus::Failed } else { status };
                    self.world.finish(run, End::As(status)).await;
                }
            }
            Step::Halt(n) => {
                let writing = self.all(&[RunStatus::Running]).await;
                let writing: Vec<Run> = writing.into_iter().filter(|run| run.run_type.writes()).collect();
                if let Some(run) = pick(&writing, n) {
                    self.world.finish(run, End::Halted).await;
                }
            }
            Step::Cancel(n) => self.cancel(n, now).await,
            Step::Decide(n, approves) => self.decide(n, approves, now).await,
            Step::Activate(n, active) => {
                let record = self.world.store.sync(&n.get(&self.syncs).id).await.unwrap().unwrap();
                let state = if active { SyncState::Active } else { SyncState::Inactive };
                let first = self.world.successor.first_fire(&record, now).filter(|_| active);
                self.world.store.set_activation(&record.uid, &state, first.as_ref(), now).await.unwrap();
            }
        }
    }

    async fn claim(&self, n: Index, now: Timestamp) {
        let candidates = self.world.store.candidates(10, &[]).await.unwrap();
        if candidates.is_empty() {
            return;
        }
        let claim =
            Claim { worker: "w".into(), ttl: std::time::Duration::from_secs(60), uses: Vec::new(), now };
        let claimed = self.world.store.claim(&n.get(&candidates).run_id, &claim).await.unwrap();
        let Claimed::Run(run) = claimed else { panic!("a candidate can be claimed: {claimed:?}") };
        self.world.start(*run).await;
    }

    async fn cancel(&self, n: Index, now: Timestamp) {
        let waiting = self.all(&[RunStatus::Scheduled, RunStatus::Queued]).await;
        let Some(run) = pick(&waiting, n) else { return };
        let status = match run.status {
            RunStatus::Scheduled => RunStatus::NotRun,
            _ => RunStatus::Cancelled,
        };
        let ended = Run { status, end_reason: Some(EndReason::Cancelled), completed_at: Some(now), ..run };
        let follow = self.world.successor.follow_up(&ended, None).await.unwrap();
        self.world.store.request_cancel(&ended.id, &follow, now).await.unwrap();
    }

    async fn decide(&self, n: Index, approves: bool, now: Timestamp) {
        let held = self.all(&[RunStatus::Held]).await;
        let Some(mut run) = pick(&held, n) else { return };
        if approves {
            run.status = RunStatus::Queued;
            return self.world.store.update_run(&run).await.unwrap();
        }
        run.drop_plan(EndReason::Rejected, "no", now).unwrap();
        let follow = self.world.successor.follow_up(&run, None).await.unwrap();
        self.world.store.end_run(&run, &follow).await.unwrap();
    }

    async fn check(&self) -> Result<(), TestCaseError> {
        for sync in &self.syncs {
            let runs = self.world.runs(sync, &[]).await;
            let count = |is: &dyn Fn(&Run) -> bool| runs.iter().filter(|run| is(run)).count();
            let writing = count(&|run| run.status.is_active() && run.run_type.writes());
            prop_assert!(writing <= 1, "G23: {runs:?}");
            let scheduled = count(&|run| run.status == RunStatus::Scheduled && run.run_type == RunType::Sync);
            prop_assert!(scheduled <= 1, "one next run: {runs:?}");
            let state = self.world.store.sync(&sync.id).await.unwrap().unwrap().state;
            if state != SyncState::Active {
                prop_assert_eq!(scheduled, 0, "{:?}", runs);
            }
            for run in &runs {
                prop_assert_eq!(run.status.is_terminal(), run.completed_at.is_some(), "{:?}", run);
                check_retry(run, &runs)?;
            }
            check_fires(&runs)?;
        }
        Ok(())
    }

    /// An active sync never waits for nothing: its next run is there, or one whose end will bring it.
    async fn check_alive(&self) -> Result<(), TestCaseError> {
        self.world.pass(61);
        self.world.tick().await;
        for sync in &self.syncs[..2] {
            let runs = self.world.runs(sync, &[]).await;
            let state = self.world.store.sync(&sync.id).await.unwrap().unwrap().state;
            let alive = runs.iter().any(|run| run.run_type == RunType::Sync && !run.status.is_terminal());
            prop_assert!(alive || state != SyncState::Active, "{:?}", runs);
        }
        Ok(())
    }
}

fn pick(runs: &[Run], n: Index) -> Option<Run> {
    (!runs.is_empty()).then(|| n.get(runs).clone())
}

fn check_retry(run: &Run, runs: &[Run]) -> Result<(), TestCaseError> {
    prop_assert_eq!(run.trigger == Trigger::Retry, run.retry_number > 0);
    prop_assert!(run.retry_number <= RETRIES_MAX);
    let Some(first) = &run.retry_of else { return Ok(()) };
    let first = runs.iter().find(|other| other.id == *first).expect("the run that is tried again");
    prop_assert_eq!(first.status, RunStatus::SourceFailure);
    prop_assert_eq!(first.retry_number + 1, run.retry_number);
    prop_assert_eq!((first.run_type, &first.options), (run.run_type, &run.options));
    Ok(())
}

/// [G20] Fires that happened, or did not because a run was in their way, each have their own time. After a
/// person took one away and activated the sync anew, it may come again.
fn check_fires(runs: &[Run]) -> Result<(), TestCaseError> {
    use EndReason::{Cancelled, Deactivated, Superseded};
    let happened = runs.iter().filter(|run| {
        let taken_away = matches!(run.end_reason, Some(Superseded | Deactivated | Cancelled));
        run.trigger == Trigger::Schedule && run.status != RunStatus::Scheduled && !taken_away
    });
    let times: Vec<_> = happened.map(|run| run.run_at).collect();
    prop_assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_syncs_stay_scheduled_and_runs_stay_true(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let history = History::new().await;
            history.world.tick().await;
            for step in steps {
                history.take(step).await;
                history.check().await?;
            }
            history.check_alive().await?;
            history.check().await
        })?;
    }
}
