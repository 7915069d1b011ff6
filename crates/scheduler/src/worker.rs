//! The worker: claims runs for which it has room, and keeps hold of them until they end.
//!
//! One loop owns all of its state; each run is a task of its own. Whatever it waits for is a signal of this
//! process or the heartbeat, at which it also looks at what other processes did.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use syncline_core::{Error, ErrorKind, Result, Run, RunId, RunStatus, RunType, SyncId};
use syncline_store::{Candidate, Claim, Claimed, Page, Queue, RunFilter, Use};
use tokio::task::{AbortHandle, JoinError, JoinSet};

use crate::clock::Clock;
use crate::delay;
use crate::executor::{Control, Executor, Stop, Task};
use crate::lease::{Lease, LeaseTerms, is_given_up};
use crate::scheduler::Signals;

/// Wishes of other processes, runs they queued and leases they lost are noticed at least this often.
const HEARTBEAT_MAX: Duration = Duration::from_secs(5);
/// Candidates asked for together: to find out whose turn it is, the store looks at all that wait.
const CANDIDATES_AT_ONCE: u64 = 200;
/// An answer is used up within this time. Whose turn it is may change meanwhile; whether a candidate may
/// start is decided when it is claimed.
const CANDIDATES_FOR: Duration = Duration::from_secs(1);
/// Batches of candidates looked at before the worker looks at what else happened.
const BATCHES_PER_PASS: u32 = 5;
/// Candidates that were passed over are looked at again after this long: what they wait for may be in the
/// hands of another server.
const PASSED_OVER_FOR: Duration = Duration::from_secs(15);
/// A run whose work failed to keep the state is recovered this much later.
const RECOVERED_AFTER: Duration = Duration::from_secs(30);
/// When the queue could not be served, so much later.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How long runs have for stopping once the time for draining is over.
const STOPPING_MAX: Duration = Duration::from_secs(10);
/// Active runs looked at when a worker starts.
const ORPHANS_MAX: u64 = 10_000;

#[derive(Clone, Debug)]
pub struct WorkerSettings {
    /// Told apart from every other worker of the store, and from earlier lives of this one.
    pub name: String,
    /// Most runs at a time.
    pub slots: usize,
    /// `None` for an embedded store: nobody else can take a run.
    pub leases: Option<LeaseTerms>,
    /// How long runs may go on after a shutdown was asked for.
    pub drain: Duration,
}

pub struct Worker {
    store: Arc<dyn Queue>,
    executor: Arc<dyn Executor>,
    clock: Arc<dyn Clock>,
    signals: Arc<Signals>,
    settings: WorkerSettings,
}

impl Worker {
    pub fn new(
        store: Arc<dyn Queue>,
        executor: Arc<dyn Executor>,
        clock: Arc<dyn Clock>,
        signals: Arc<Signals>,
        settings: WorkerSettings,
    ) -> Self {
        Self { store, executor, clock, signals, settings }
    }

    /// Works until `shutdown` completes, then drains: nothing is claimed any more, what runs may end within
    /// [`WorkerSettings::drain`], and what does not is asked to stop and left to be resumed [G25].
    ///
    /// It begins with the runs that an earlier process left [G22]. Errors are logged, and what failed is
    /// tried again.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut shift = Shift::new(self);
        loop {
            if shift.may_take() {
                let filled = shift.fill().await;
                shift.note(filled);
            }
            tokio::select! {
                () = &mut shutdown => break,
                event = shift.next_event() => shift.handle(event).await,
                () = self.signals.queued.notified() => {}
            }
        }
        shift.drain().await;
    }

    fn terms(&self) -> LeaseTerms {
        self.settings.leases.unwrap_or_default()
    }

    fn heartbeat(&self) -> Duration {
        self.terms().renewed_every().min(HEARTBEAT_MAX)
    }
}

/// A run that this worker works on.
struct Running {
    sync_id: SyncId,
    run_type: RunType,
    epoch: u64,
    uses: Vec<Use>,
    control: Box<dyn Control>,
    work: AbortHandle,
    lease: Lease,
    /// Another server has it.
    lost: bool,
}

/// An active run that nobody works on, or so it seems.
struct Abandoned {
    sync_id: SyncId,
    run_type: RunType,
    /// From when on it may be taken over.
    since: Instant,
    /// Whether that counts against the run: it may be what brought its worker down.
    counts: bool,
}

impl Abandoned {
    fn of(run: Run, since: Instant, counts: bool) -> (RunId, Self) {
        (run.id, Self { sync_id: run.sync_id, run_type: run.run_type, since, counts })
    }
}

/// Why a candidate is not looked at for a while.
enum PassedOver {
    /// This process cannot run it.
    Unknown,
    /// Something it uses is used by as many runs as may be.
    Busy(Vec<Use>),
}

/// What became of the work on a run; a panic is told by the outer error.
type Outcome = Result<Result<Run>, JoinError>;

enum Event {
    Ended(RunId, Box<Outcome>),
    Beat,
    /// What could not be served may be tried again.
    Again,
    /// Somebody of this process wishes that a run ends.
    Wish,
}

/// One life of a worker.
struct Shift<'a> {
    worker: &'a Worker,
    running: HashMap<RunId, Running>,
    tasks: JoinSet<(RunId, Box<Outcome>)>,
    abandoned: BTreeMap<RunId, Abandoned>,
    /// Those whose work here ended by itself, until they are taken over.
    broke_off: BTreeSet<RunId>,
    orphans_are_known: bool,
    /// Whose turn it is next, as the store said at `waiting_since`.
    waiting: VecDeque<Candidate>,
    waiting_since: Instant,
    passed_over: HashMap<RunId, PassedOver>,
    passed_over_since: Instant,
    beat_at: Instant,
    /// The queue could not be served: nothing is taken before then.
    again_at: Option<Instant>,
}

impl<'a> Shift<'a> {
    fn new(worker: &'a Worker) -> Self {
        let now = worker.clock.instant();
        Self {
            worker,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            abandoned: BTreeMap::new(),
            broke_off: BTreeSet::new(),
            orphans_are_known: false,
            waiting: VecDeque::new(),
            waiting_since: now,
            passed_over: HashMap::new(),
            passed_over_since: now,
            beat_at: now + worker.heartbeat(),
            again_at: None,
        }
    }

    async fn next_event(&mut self) -> Event {
        let now = self.worker.clock.instant();
        let until_beat = self.beat_at.saturating_duration_since(now);
        let until_again = self.again_at.map(|at| at.saturating_duration_since(now));
        tokio::select! {
            Some(ended) = self.tasks.join_next() => match ended {
                Ok((id, outcome)) => Event::Ended(id, outcome),
                // The outer task does nothing that could panic, and nobody aborts it.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
            () = self.worker.signals.cancelled.notified() => Event::Wish,
            () = self.worker.clock.sleep(until_beat) => Event::Beat,
            () = self.worker.clock.sleep(until_again.unwrap_or_default()), if until_again.is_some() => Event::Again,
        }
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Ended(id, outcome) => self.ended(id, *outcome),
            Event::Again => self.again_at = None,
            Event::Wish => {
                let renewed = self.renew().await;
                self.note(renewed);
            }
            Event::Beat => {
                let now = self.worker.clock.instant();
                self.beat_at = now + self.worker.heartbeat();
                let kept = self.keep().await;
                self.note(kept);
                if now.duration_since(self.passed_over_since) >= PASSED_OVER_FOR {
                    self.passed_over.clear();
                    self.passed_over_since = now;
                }
            }
        }
    }

    /// Logs what failed, and waits before it takes more: what failed now fails again at once.
    fn note(&mut self, outcome: Result<()>) {
        if let Err(error) = outcome {
            let worker = &self.worker.settings.name;
            tracing::error!(worker, code = error.code(), %error, "the queue could not be served; trying again");
            self.again_at = Some(self.worker.clock.instant() + TRIED_AGAIN_AFTER);
        }
    }

    fn may_take(&self) -> bool {
        self.again_at.is_none()
    }

    // --- taking runs ---

    fn is_full(&self) -> bool {
        self.running.len() >= self.worker.settings.slots
    }

    /// Fills free slots: first with runs that were left half done, then with what waits.
    async fn fill(&mut self) -> Result<()> {
        if !self.orphans_are_known {
            self.find_orphans().await?;
        }
        self.take_over_abandoned().await?;
        for _ in 0..BATCHES_PER_PASS {
            self.look_what_waits().await?;
            if self.waiting.is_empty() {
                return Ok(());
            }
            while !self.is_full() {
                let Some(candidate) = self.waiting.pop_front() else { break };
                self.consider(candidate).await?;
            }
            if self.is_full() {
                return Ok(());
            }
        }
        // There is more; but first to what else happened.
        self.worker.signals.queued.notify_one();
        Ok(())
    }

    /// Asks for candidates when there is room for one and those of the last answer are used up.
    async fn look_what_waits(&mut self) -> Result<()> {
        let now = self.worker.clock.instant();
        let is_fresh = now.duration_since(self.waiting_since) < CANDIDATES_FOR;
        if self.is_full() || (is_fresh && !self.waiting.is_empty()) {
            return Ok(());
        }
        let passed_over: Vec<RunId> = self.passed_over.keys().cloned().collect();
        self.waiting = self.worker.store.candidates(CANDIDATES_AT_ONCE, &passed_over).await?.into();
        self.waiting_since = now;
        Ok(())
    }

    /// Looks for active runs from before this worker's time. Whether somebody works on them, the store
    /// knows.
    async fn find_orphans(&mut self) -> Result<()> {
        let statuses = vec![RunStatus::Starting, RunStatus::Running];
        let filter = RunFilter { statuses, ..RunFilter::default() };
        let (runs, _) = self.worker.store.runs(&filter, Page::first(ORPHANS_MAX)).await?;
        let since = self.worker.clock.instant();
        for run in runs {
            self.note_orphan(run, since);
        }
        self.orphans_are_known = true;
        Ok(())
    }

    /// Claims a candidate, or passes it over.
    async fn consider(&mut self, candidate: Candidate) -> Result<()> {
        let Some(uses) = self.worker.executor.resolve(&candidate.sync_id, candidate.run_type) else {
            self.passed_over.insert(candidate.run_id, PassedOver::Unknown);
            return Ok(());
        };
        // The store would say the same, at a higher price.
        if self.uses_up(&uses) {
            self.passed_over.insert(candidate.run_id, PassedOver::Busy(uses));
            return Ok(());
        }
        let sent_at = self.worker.clock.instant();
        let claim = Claim {
            worker: self.worker.settings.name.clone(),
            ttl: self.worker.terms().ttl,
            uses: uses.clone(),
            now: self.worker.clock.now(),
        };
        match self.worker.store.claim(&candidate.run_id, &claim).await {
            Ok(Claimed::Run(run)) => {
                if let Some(delay) = delay::until_claimed(&run, claim.now) {
                    metrics::histogram!("syncline_claim_delay_seconds").record(delay);
                }
                self.start(*run, Task::Execute, uses, sent_at);
            }
            Ok(Claimed::Busy(reason)) => {
                tracing::debug!(run = %candidate.run_id, reason, "passed over");
                self.passed_over.insert(candidate.run_id, PassedOver::Busy(uses));
            }
            // It was cancelled or forgotten meanwhile.
            Err(error) if matches!(error.kind, ErrorKind::Conflict | ErrorKind::NotFound) => {
                self.passed_over.insert(candidate.run_id, PassedOver::Busy(uses));
            }
            Err(error) => {
                self.passed_over.insert(candidate.run_id, PassedOver::Busy(uses));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Whether the runs of this worker alone leave no room for one with such uses.
    fn uses_up(&self, uses: &[Use]) -> bool {
        uses.iter().any(|wanted| {
            let users = self.running.values().filter(|running| names(&running.uses, &wanted.name)).count();
            wanted.runs_max.is_some_and(|max| users >= max as usize)
        })
    }

    async fn take_over_abandoned(&mut self) -> Result<()> {
        let now = self.worker.clock.instant();
        let due = self.abandoned.iter().filter(|(_, abandoned)| abandoned.since <= now);
        for id in due.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            if self.is_full() {
                return Ok(());
            }
            self.take_over(&id, now).await?;
        }
        Ok(())
    }

    async fn take_over(&mut self, id: &RunId, now: Instant) -> Result<()> {
        let Some(abandoned) = self.abandoned.get_mut(id) else { return Ok(()) };
        let Some(uses) = self.worker.executor.resolve(&abandoned.sync_id, abandoned.run_type) else {
            abandoned.since = now + RECOVERED_AFTER;
            return Ok(());
        };
        let (LeaseTerms { ttl, grace }, counts) = (self.worker.terms(), abandoned.counts);
        match self.worker.store.take_over(id, &self.worker.settings.name, ttl, grace, counts).await {
            Ok(run) => {
                let task = if counts && is_given_up(&run) { Task::GiveUp } else { Task::Recover };
                tracing::warn!(run = %id, sync = %run.sync_id, takeovers = run.takeovers, "taking over a run");
                metrics::counter!("syncline_takeovers_total").increment(1);
                self.broke_off.remove(id);
                self.start(run, task, uses, now);
            }
            // Somebody works on it, or it has ended.
            Err(error)
                if matches!(error.kind, ErrorKind::Conflict | ErrorKind::Fenced | ErrorKind::NotFound) => {}
            Err(error) => {
                abandoned.since = now + RECOVERED_AFTER;
                return Err(error);
            }
        }
        self.abandoned.remove(id);
        Ok(())
    }

    fn start(&mut self, run: Run, task: Task, uses: Vec<Use>, sent_at: Instant) {
        let (id, sync_id, run_type, epoch) = (run.id.clone(), run.sync_id.clone(), run.run_type, run.epoch);
        let execution = self.worker.executor.begin(run, task);
        let work = tokio::spawn(execution.work);
        let running = Running {
            sync_id,
            run_type,
            epoch,
            uses,
            control: execution.control,
            work: work.abort_handle(),
            lease: Lease { sent_at, terms: self.worker.terms() },
            lost: false,
        };
        self.prolong(&running);
        self.running.insert(id.clone(), running);
        self.tasks.spawn(async move { (id, Box::new(work.await)) });
        metrics::gauge!("syncline_runs_active").set(self.running.len() as f64);
    }

    // --- keeping them ---

    /// Tells a run how long it may send, where that is limited.
    fn prolong(&self, running: &Running) {
        if self.worker.settings.leases.is_some() {
            running.control.hold_until(running.lease.sends_until());
        }
    }

    /// Renews leases, and looks for those of others that ran out.
    async fn keep(&mut self) -> Result<()> {
        self.renew().await?;
        self.find_expired().await
    }

    /// Renews the leases of what runs, and hands on what the store says of it.
    async fn renew(&mut self) -> Result<()> {
        let held: Vec<(RunId, u64)> = self
            .running
            .iter()
            .filter(|(_, running)| !running.lost)
            .map(|(id, running)| (id.clone(), running.epoch))
            .collect();
        if held.is_empty() {
            return Ok(());
        }
        let sent_at = self.worker.clock.instant();
        let renewed =
            self.worker.store.renew(&self.worker.settings.name, &held, self.worker.terms().ttl).await?;
        for (id, _) in &held {
            let lost = renewed.lost.contains(id);
            let Some(running) = self.running.get_mut(id) else { continue };
            running.lost = lost;
            if lost {
                // Its work may just have ended; then nobody hears this.
                running.control.stop(Stop::Lost);
                continue;
            }
            running.lease = running.lease.renewed(sent_at);
            if renewed.cancelled.contains(id) {
                running.control.stop(Stop::Cancelled);
            }
        }
        self.running.values().filter(|running| !running.lost).for_each(|running| self.prolong(running));
        Ok(())
    }

    /// Looks for runs of servers that are gone.
    async fn find_expired(&mut self) -> Result<()> {
        let Some(terms) = self.worker.settings.leases else { return Ok(()) };
        let since = self.worker.clock.instant();
        for run in self.worker.store.expired_leases(terms.grace).await? {
            if !self.running.contains_key(&run.id) {
                self.note_orphan(run, since);
            }
        }
        Ok(())
    }

    /// A run that this worker let go of because the state was out of reach did not bring it down.
    fn note_orphan(&mut self, run: Run, since: Instant) {
        let was_let_go = run.worker.as_ref() == Some(&self.worker.settings.name);
        let counts = !was_let_go || self.broke_off.contains(&run.id);
        let (id, abandoned) = Abandoned::of(run, since, counts);
        self.abandoned.entry(id).or_insert(abandoned);
    }

    fn ended(&mut self, id: RunId, outcome: Outcome) {
        let Some(running) = self.running.remove(&id) else { return };
        metrics::gauge!("syncline_runs_active").set(self.running.len() as f64);
        match outcome {
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.kind == ErrorKind::Fenced => {
                tracing::warn!(run = %id, sync = %running.sync_id, "a run was lost to another server");
            }
            Ok(Err(error)) => self.abandon(id, &running, &error),
            Err(error) if error.is_cancelled() => {}
            Err(error) => self.abandon(id, &running, &Error::internal(error.to_string())),
        }
        let is_freed = |passed: &PassedOver| match passed {
            PassedOver::Unknown => false,
            PassedOver::Busy(uses) => uses.iter().any(|used| names(&running.uses, &used.name)),
        };
        self.passed_over.retain(|_, passed| !is_freed(passed));
        // Its next run may be due before anything else.
        self.worker.signals.scheduled.notify_one();
    }

    /// Notes a run whose work ended without an end of the run. Its lease, if there is one, is not renewed
    /// any more; until it has run out nobody takes the run over.
    fn abandon(&mut self, id: RunId, running: &Running, error: &Error) {
        tracing::error!(run = %id, sync = %running.sync_id, code = error.code(), %error, "a run broke off and is recovered later");
        let terms = self.worker.settings.leases.map_or(RECOVERED_AFTER, |terms| terms.ttl + terms.grace);
        let since = self.worker.clock.instant() + terms;
        let (sync_id, run_type) = (running.sync_id.clone(), running.run_type);
        let counts = error.kind != ErrorKind::StateUnreachable;
        if counts {
            self.broke_off.insert(id.clone());
        }
        self.abandoned.insert(id, Abandoned { sync_id, run_type, since, counts });
    }

    // --- ending ---

    async fn drain(mut self) {
        if self.drained_within(self.worker.settings.drain).await {
            return;
        }
        for running in self.running.values() {
            running.control.stop(Stop::Shutdown);
        }
        if self.drained_within(STOPPING_MAX).await {
            return;
        }
        for (id, running) in &self.running {
            tracing::warn!(run = %id, sync = %running.sync_id, "left half done; it is resumed later");
            running.work.abort();
        }
        while self.tasks.join_next().await.is_some() {}
    }

    /// Whether everything that runs has ended in that time.
    async fn drained_within(&mut self, time: Duration) -> bool {
        let clock = Arc::clone(&self.worker.clock);
        let mut over = clock.sleep(time);
        while !self.running.is_empty() {
            tokio::select! {
                () = &mut over => return false,
                event = self.next_event() => self.handle(event).await,
            }
        }
        true
    }
}

fn names(uses: &[Use], name: &str) -> bool {
    uses.iter().any(|used| used.name == name)
}
