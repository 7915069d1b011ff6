//! Random sequences of calls against a model of what a store must answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use syncline_core::{ErrorKind, Result, Run, RunStatus, RunType};
use syncline_store::{Commit, LetterFilter, LetterState, RunFilter, Store};

use crate::fixtures::*;
use crate::stores;

const SYNCS: [&str; 2] = ["contact", "company"];

#[derive(Clone, Debug)]
enum Call {
    Insert {
        sync: usize,
        test: bool,
    },
    Claim {
        run: usize,
    },
    Reclaim {
        run: usize,
    },
    /// starting → running; `refresh`: plans from the newest generation.
    Start {
        run: usize,
        refresh: bool,
    },
    Move {
        run: usize,
        to: RunStatus,
        stale: bool,
    },
    Stage {
        run: usize,
        key: u8,
    },
    Commit {
        run: usize,
        stale: bool,
        advance: bool,
        resolve: Option<u8>,
        held: bool,
    },
    SetCursor {
        sync: usize,
        to: i64,
    },
    Ignore {
        letter: usize,
    },
}

fn call() -> impl Strategy<Value = Call> {
    let run = 0..6usize;
    let key = 0..3u8;
    let to = prop::sample::select(vec![
        RunStatus::Queued,
        RunStatus::Held,
        RunStatus::Failed,
        RunStatus::Cancelled,
        RunStatus::Running,
    ]);
    prop_oneof![
        3 => (0..2usize, prop::bool::weighted(0.2)).prop_map(|(sync, test)| Call::Insert { sync, test }),
        6 => run.clone().prop_map(|run| Call::Claim { run }),
        2 => run.clone().prop_map(|run| Call::Reclaim { run }),
        6 => (run.clone(), prop::bool::weighted(0.8)).prop_map(|(run, refresh)| Call::Start { run, refresh }),
        3 => (run.clone(), to, prop::bool::weighted(0.2))
            .prop_map(|(run, to, stale)| Call::Move { run, to, stale }),
        5 => (run.clone(), key.clone()).prop_map(|(run, key)| Call::Stage { run, key }),
        6 => (run, prop::bool::weighted(0.15), any::<bool>(), prop::option::of(key), prop::bool::weighted(0.2))
            .prop_map(|(run, stale, advance, resolve, held)| Call::Commit { run, stale, advance, resolve, held }),
        2 => (0..2usize, 0..5i64).prop_map(|(sync, to)| Call::SetCursor { sync, to }),
        1 => (0..6usize).prop_map(|letter| Call::Ignore { letter }),
    ]
}

#[derive(Default)]
struct SyncModel {
    generation: u64,
    epoch: u64,
    cursor: Option<i64>,
    /// Live letters by key; `true`: ignored.
    letters: BTreeMap<u8, bool>,
}

struct RunModel {
    sync: usize,
    /// As the store must have it.
    run: Run,
    staged: BTreeSet<u8>,
}

struct Model {
    store: Arc<dyn Store>,
    syncs: [SyncModel; 2],
    runs: Vec<RunModel>,
    letters_made: u32,
}

type Expected = std::result::Result<(), ErrorKind>;

impl Model {
    /// Makes a call and compares the answer, then all that can be seen, with the model.
    async fn check(&mut self, call: &Call) {
        let (expected, got) = match call.clone() {
            Call::Insert { sync, test } => self.insert(sync, test).await,
            Call::SetCursor { sync, to } => self.set_cursor(sync, to).await,
            Call::Ignore { letter } => self.ignore(letter).await,
            Call::Claim { run }
            | Call::Reclaim { run }
            | Call::Start { run, .. }
            | Call::Move { run, .. }
            | Call::Stage { run, .. }
            | Call::Commit { run, .. }
                if run >= self.runs.len() =>
            {
                return;
            }
            Call::Claim { run } => self.claim(run).await,
            Call::Reclaim { run } => self.reclaim(run).await,
            Call::Start { run, refresh } => self.start(run, refresh).await,
            Call::Move { run, to, stale } => self.step(run, to, stale).await,
            Call::Stage { run, key } => self.stage(run, key).await,
            Call::Commit { run, stale, advance, resolve, held } => {
                self.commit(run, stale, advance, resolve, held).await
            }
        };
        assert_eq!(got.map_err(|e| e.kind), expected, "{call:?}");
        self.compare().await;
    }

    async fn insert(&mut self, sync: usize, test: bool) -> (Expected, Result<()>) {
        let run_type = if test { RunType::Test } else { RunType::Sync };
        let run = new_run(&self.runs.len().to_string(), SYNCS[sync], run_type);
        let got = self.store.insert_run(&run, "{}").await;
        self.runs.push(RunModel { sync, run, staged: BTreeSet::new() });
        (Ok(()), got)
    }

    async fn claim(&mut self, n: usize) -> (Expected, Result<()>) {
        let got = self.store.claim_run(&self.runs[n].run.id, at(1)).await;
        let rival = self.active_writer(self.runs[n].sync).is_some();
        let target = &mut self.runs[n];
        if target.run.status != RunStatus::Queued || (target.run.run_type.writes() && rival) {
            return (Err(ErrorKind::Conflict), got.map(drop));
        }
        let sync = &mut self.syncs[target.sync];
        sync.epoch += u64::from(target.run.run_type.writes());
        target.run.epoch = sync.epoch;
        target.run.status = RunStatus::Starting;
        target.run.started_at = Some(at(1));
        (Ok(()), got.map(|run| assert_eq!(run, target.run)))
    }

    async fn reclaim(&mut self, n: usize) -> (Expected, Result<()>) {
        let target = &mut self.runs[n];
        let got = self.store.reclaim_run(&target.run.id).await;
        if !target.run.status.is_active() {
            return (Err(ErrorKind::Conflict), got.map(drop));
        }
        let sync = &mut self.syncs[target.sync];
        sync.epoch += 1;
        target.run.epoch = sync.epoch;
        (Ok(()), got.map(|run| assert_eq!(run, target.run)))
    }

    async fn start(&mut self, n: usize, refresh: bool) -> (Expected, Result<()>) {
        let target = &mut self.runs[n];
        let mut run = Run { status: RunStatus::Running, ..target.run.clone() };
        if refresh || run.base_generation.is_none() {
            run.base_generation = Some(self.syncs[target.sync].generation);
        }
        let got = self.store.update_run(&run).await;
        let legal = matches!(target.run.status, RunStatus::Starting | RunStatus::Running);
        if legal {
            target.run = run;
        }
        (if legal { Ok(()) } else { Err(ErrorKind::Conflict) }, got)
    }

    async fn step(&mut self, n: usize, to: RunStatus, stale: bool) -> (Expected, Result<()>) {
        let target = &mut self.runs[n];
        let mut run = Run { status: to, ..target.run.clone() };
        if stale {
            run.epoch += 1;
        }
        let got = self.store.update_run(&run).await;
        if stale {
            return (Err(ErrorKind::Fenced), got);
        }
        if target.run.status != to && target.run.status.transition(to).is_err() {
            return (Err(ErrorKind::Conflict), got);
        }
        if to.is_terminal() {
            target.staged.clear();
        }
        target.run = run;
        (Ok(()), got)
    }

    async fn stage(&mut self, n: usize, key: u8) -> (Expected, Result<()>) {
        let target = &mut self.runs[n];
        self.letters_made += 1;
        let letter = letter(&target.run, &self.letters_made.to_string(), &[key]);
        let got = self.store.stage_letters(&target.run.id, target.run.epoch, &[letter]).await;
        if target.run.status.is_terminal() {
            return (Err(ErrorKind::Conflict), got);
        }
        target.staged.insert(key);
        (Ok(()), got)
    }

    async fn commit(
        &mut self,
        n: usize,
        stale: bool,
        advance: bool,
        resolve: Option<u8>,
        held: bool,
    ) -> (Expected, Result<()>) {
        let target = &mut self.runs[n];
        let sync = &mut self.syncs[target.sync];
        let writes = target.run.run_type.writes();
        let advance = advance && writes && target.run.base_generation.is_some();
        let mut commit = if advance { ending_with_generation(&target.run) } else { ending(&target.run) };
        commit.resolved = resolve.filter(|_| writes).map(|key| vec![key]).into_iter().collect();
        if held {
            commit.run.status = RunStatus::Held;
        }
        if stale {
            commit.run.epoch += 1;
        }
        let got = self.store.commit(&commit).await;
        if stale {
            return (Err(ErrorKind::Fenced), got);
        }
        if target.run.status.transition(commit.run.status).is_err() {
            return (Err(ErrorKind::Conflict), got);
        }
        if writes && target.run.base_generation.is_some_and(|base| base != sync.generation) {
            return (Err(ErrorKind::Fenced), got);
        }
        let staged = std::mem::take(&mut target.staged);
        if writes {
            sync.generation += u64::from(advance);
            Self::apply_letters(sync, &staged, &commit);
        }
        target.run = commit.run;
        (Ok(()), got)
    }

    fn apply_letters(sync: &mut SyncModel, staged: &BTreeSet<u8>, commit: &Commit) {
        for key in staged {
            sync.letters.entry(*key).or_insert(false);
        }
        for key in commit.resolved.iter().map(|key| key[0]).filter(|key| !staged.contains(key)) {
            sync.letters.remove(&key);
        }
    }

    async fn set_cursor(&mut self, n: usize, to: i64) -> (Expected, Result<()>) {
        let got = self.store.set_cursor(&uid(SYNCS[n]), &cursor_to(to), at(2)).await;
        if self.runs.iter().any(|r| r.sync == n && r.run.status.is_active()) {
            return (Err(ErrorKind::Conflict), got);
        }
        self.syncs[n].cursor = Some(to);
        (Ok(()), got)
    }

    async fn ignore(&mut self, n: usize) -> (Expected, Result<()>) {
        let open = LetterFilter { states: vec![LetterState::Open], ..Default::default() };
        let open = letters(&*self.store, &open).await;
        let Some(letter) = open.get(n % open.len().max(1)) else { return (Ok(()), Ok(())) };
        let sync = SYNCS.iter().position(|name| uid(name) == letter.sync_uid).unwrap();
        *self.syncs[sync].letters.get_mut(&letter.key[0]).unwrap() = true;
        (Ok(()), self.store.set_letter_state(letter.id.as_str(), LetterState::Ignored).await.map(drop))
    }

    fn active_writer(&self, sync: usize) -> Option<&RunModel> {
        self.runs.iter().find(|r| r.sync == sync && r.run.status.is_active() && r.run.run_type.writes())
    }

    async fn compare(&self) {
        let (mut runs, total) = self.store.runs(&RunFilter::default(), ALL).await.unwrap();
        assert_eq!(total, self.runs.len() as u64);
        runs.sort_by_key(|run| run.id.as_str().trim_start_matches("run_").parse::<u32>().unwrap());
        for (stored, model) in runs.iter().zip(&self.runs) {
            assert_eq!(*stored, model.run);
        }
        for (n, name) in SYNCS.iter().enumerate() {
            let writers = runs
                .iter()
                .filter(|r| r.sync_uid == uid(name) && r.status.is_active() && r.run_type.writes());
            assert!(writers.count() <= 1, "two writing runs of {name} are active");
            let (stored, model) = (sync_now(&*self.store, name).await, &self.syncs[n]);
            assert_eq!(stored.generation, model.generation);
            assert_eq!(stored.cursor, model.cursor.and_then(|to| cursor_to(to).to));
            let newest = self.store.generation(&stored.uid).await.unwrap();
            assert_eq!(newest.map_or(0, |g| g.number), model.generation);
            let of_sync = LetterFilter { sync_uid: Some(stored.uid.clone()), ..Default::default() };
            let all = letters(&*self.store, &of_sync).await;
            let live: Vec<_> = all.iter().filter(|l| l.state.is_live()).collect();
            let by_key: BTreeMap<u8, bool> =
                live.iter().map(|l| (l.key[0], l.state == LetterState::Ignored)).collect();
            assert_eq!(by_key.len(), live.len(), "a key has two live letters");
            assert_eq!(by_key, model.letters);
        }
    }
}

async fn follows_the_model(store: Arc<dyn Store>, calls: &[Call]) {
    for name in SYNCS {
        ensure(&*store, name).await;
    }
    let mut model = Model { store, syncs: Default::default(), runs: Vec::new(), letters_made: 0 };
    for call in calls {
        model.check(call).await;
    }
}

fn on_a_runtime(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_sequence_of_calls_is_answered_as_the_model_says(calls in prop::collection::vec(call(), 1..80)) {
        let opened = stores::sqlite();
        on_a_runtime(follows_the_model(opened.store.clone(), &calls));
    }
}

proptest! {
    // A server takes several times as long.
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_sequence_of_calls_is_answered_by_a_server_as_the_model_says(
        calls in prop::collection::vec(call(), 1..80)
    ) {
        on_a_runtime(async {
            let opened = stores::postgres().await;
            follows_the_model(opened.store.clone(), &calls).await;
        });
    }
}
