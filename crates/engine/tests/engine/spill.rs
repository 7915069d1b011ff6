//! Runs whose memory does not hold what is known: rows wait on disk and are compared part by part. What
//! comes of them is what comes of runs with memory enough.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use syncline_core::run::RunOptions;
use syncline_core::sync::{Duplicates, Guards, Limit, OnMatchChange, Sync, WriteMode};
use syncline_core::{Counters, EntryState, Origin, ReadMode, Run, RunStatus, RunType};
use syncline_store::LetterState;

use super::doubles::Row;
use super::fixture::{Fixture, code};

/// Bytes that hold what is known of a few hundred rows.
const TINY: u64 = 48 << 10;
const ROWS: u32 = 1_500;
const T: &str = "2025-06-01T10:00:00Z";

fn row(id: u32, name: &str) -> Row {
    [id.to_string(), name.into(), format!("E{id}"), T.into()].map(Some).to_vec()
}

fn fixture(budget: u64, change: impl FnOnce(&mut Sync)) -> Fixture {
    let mut f = Fixture::with(|s| {
        s.write_mode = WriteMode::Mirror;
        s.batch_size = Some(1_000);
        s.lookback = Duration::from_secs(30 * 86_400);
        // Guards have tests of their own.
        s.guards = Guards {
            max_deletes: Some(Limit::Count(1_000_000)),
            max_source_drop: None,
            max_nulled: None,
            ..Guards::default()
        };
        change(s);
    });
    f.engine.memory_budget = budget;
    f.source.edit(|t| t.batch_rows = 200);
    f.target.edit(|t| t.fields[1].nullable = false);
    f
}

/// What can be seen of a run and what it left.
#[derive(Debug, PartialEq)]
struct Seen {
    status: RunStatus,
    error: Option<String>,
    counters: Counters,
    skipped: BTreeMap<String, u64>,
    not_found: Vec<String>,
    errors: Vec<(String, String)>,
    letters: Vec<(String, LetterState, u32)>,
    entries: BTreeMap<String, Known>,
    cursor: Option<syncline_core::CursorValue>,
    target: Vec<String>,
    writes: u64,
}

/// State, origin, match value and values of an entry.
type Known = (EntryState, Origin, Option<Box<[u8]>>, Option<Box<[u8]>>);

async fn seen(f: &Fixture, run: &Run) -> Seen {
    let mut errors: Vec<_> = f.errors(run).await.into_iter().map(|e| (e.row_id, e.code)).collect();
    errors.sort();
    let known = |e: syncline_core::Entry| (e.state, e.origin, e.match_value, e.values);
    Seen {
        status: run.status,
        error: code(run).map(str::to_string),
        counters: run.counters,
        skipped: run.skipped.clone(),
        not_found: run.not_found.clone(),
        errors,
        letters: f.letters().await,
        entries: f.entries().await.into_iter().map(|(id, e)| (id, known(e))).collect(),
        cursor: f.record().await.cursor,
        target: f.target.dump(),
        writes: f.target.edit(|t| t.writes),
    }
}

/// The same sync with memory enough and with little.
struct Pair {
    both: [Fixture; 2],
}

impl Pair {
    fn new(change: impl Fn(&mut Sync)) -> Self {
        let pair = Self { both: [64 << 20, TINY].map(|budget| fixture(budget, &change)) };
        pair.edit(|rows| rows.extend((0..ROWS).map(|id| row(id, "a"))));
        pair
    }

    fn edit(&self, change: impl Fn(&mut Vec<Row>)) {
        self.both.iter().for_each(|f| f.source.edit(|t| change(&mut t.rows)));
    }

    /// Sends rows undecoded from now on, or not.
    fn raw(&self, raw: bool) {
        self.both.iter().for_each(|f| f.source.edit(|t| t.raw = raw));
    }

    fn sync(&mut self, change: impl Fn(&mut Sync)) {
        self.both.iter_mut().for_each(|f| change(&mut f.sync));
    }

    /// Runs both and compares them; returns the one with little memory.
    async fn run_with(&self, run_type: RunType, options: RunOptions) -> Run {
        let [much, little] = &self.both;
        let one = much.run_with(run_type, options.clone()).await;
        let other = little.run_with(run_type, options).await;
        let (mut expected, mut found) = (seen(much, &one).await, seen(little, &other).await);
        // What differs first is enough to be shown.
        let differs = |(id, known): (&String, &Known)| found.entries.get(id) != Some(known);
        if let Some((id, known)) = expected.entries.iter().find(|e| differs(*e)) {
            panic!("entry {id} is {:?} and not {known:?}", found.entries.get(id));
        }
        assert_eq!(expected.entries.len(), found.entries.len());
        (expected.entries, found.entries) = Default::default();
        assert!(expected.target == found.target, "the targets differ");
        (expected.target, found.target) = Default::default();
        assert_eq!(found, expected);
        other
    }

    async fn run(&self) -> Run {
        self.run_with(RunType::Sync, RunOptions::default()).await
    }

    async fn completed(&self) -> (u64, u64, u64, u64, u64) {
        let run = self.run().await;
        assert_eq!(run.status, RunStatus::Completed, "{:?} {:?}", run.error, run.guards);
        let c = run.counters;
        (c.rows_created, c.rows_updated, c.rows_skipped, c.rows_deleted, c.rows_failed)
    }
}

/// Otherwise the tests here say nothing.
#[tokio::test]
async fn little_memory_makes_rows_wait_on_disk() {
    for (budget, in_order) in [(64 << 20, true), (TINY, false)] {
        for raw in [false, true] {
            let f = fixture(budget, |_| {});
            f.source.edit(|t| {
                t.raw = raw;
                t.rows = (0..ROWS).map(|id| row(id, "a")).collect();
            });
            f.completed().await;
            let expected: Vec<_> = (0..ROWS).map(|id| format!("create {id}")).collect();
            assert_eq!(f.written() == expected, in_order, "{budget}, raw: {raw}");
            let changed =
                |t: &mut super::doubles::Table| t.rows.iter_mut().for_each(|r| r[1] = Some("b".into()));
            f.source.edit(changed);
            f.completed().await;
            let expected: Vec<_> = (0..ROWS).map(|id| format!("update {id}")).collect();
            assert_eq!(f.written() == expected, in_order, "{budget}, raw: {raw}");
        }
    }
}

#[tokio::test]
async fn a_mirror_with_little_memory_ends_with_the_source() {
    for raw in [false, true] {
        let p = Pair::new(|_| {});
        p.raw(raw);
        let keyless = || [None, Some("a"), None, Some(T)].map(|v| v.map(str::to_string)).to_vec();
        p.edit(|rows| {
            rows.insert(500, keyless());
            rows.push(keyless());
        });
        assert_eq!(p.completed().await, (1_500, 0, 0, 0, 2));
        assert_eq!(p.completed().await, (0, 0, 1_500, 0, 2), "a second run writes nothing");
        p.edit(|rows| {
            rows.retain(|r| r[0].as_ref().is_none_or(|id| !id.ends_with('7')));
            rows.iter_mut().step_by(3).for_each(|r| r[1] = Some("b".into()));
            rows.iter_mut().skip(1).step_by(100).for_each(|r| r[1] = None);
            rows.extend((2_000..2_300).map(|id| row(id, "c")));
        });
        let (created, updated, _, deleted, failed) = p.completed().await;
        assert_eq!((created, updated, deleted, failed), (300, 450 - 4, 150, 14 + 2), "raw: {raw}");
        // Rows that failed wait; sent the other way, nothing is sent again.
        p.raw(!raw);
        let (created, updated, _, deleted, _) = p.completed().await;
        assert_eq!((created, updated, deleted), (0, 0, 0));
        p.edit(|rows| rows.iter_mut().filter(|r| r[1].is_none()).for_each(|r| r[1] = Some("d".into())));
        assert_eq!(p.completed().await.1, 14);
        assert!(p.both[1].open_letters().await.is_empty());
        p.edit(|rows| rows.truncate(10));
        assert_eq!(p.completed().await.3, 1_640);
    }
}

#[tokio::test]
async fn duplicates_in_far_apart_batches_are_treated_as_the_policy_says() {
    for duplicates in [Duplicates::Fail, Duplicates::KeepFirst, Duplicates::KeepLast] {
        let raw = duplicates != Duplicates::KeepFirst;
        let p = Pair::new(|s| s.duplicates = duplicates);
        p.raw(raw);
        p.edit(|rows| rows.extend((3..6).chain([1_499, 3]).map(|id| row(id, "z"))));
        let run = p.run().await;
        if duplicates == Duplicates::Fail {
            assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("duplicate_keys")));
            assert_eq!(p.both[1].target.edit(|t| t.writes), 0);
        } else {
            assert_eq!((run.counters.rows_created, run.skipped.get("duplicate")), (1_500, Some(&5)));
        }
        p.edit(|rows| rows.truncate(1_500));
        p.run().await;
        // Of keys that are known: one as it was and one that differs, in both orders.
        p.edit(|rows| {
            rows.push(row(7, "y"));
            rows.insert(0, row(8, "y"));
            rows.extend([row(2_000, "one"), row(2_000, "two")]);
        });
        let run = p.run().await;
        assert_eq!(run.status == RunStatus::Failed, duplicates == Duplicates::Fail, "{duplicates:?}");
    }
}

#[tokio::test]
async fn a_reseed_with_little_memory_sends_everything_again() {
    let p = Pair::new(|_| {});
    p.completed().await;
    p.edit(|rows| rows.truncate(1_200));
    let reseed = RunOptions { reseed: true, ..Default::default() };
    let test = p.run_with(RunType::Test, reseed.clone()).await;
    let run = p.run_with(RunType::Seed, reseed).await;
    assert_eq!((run.counters.rows_deleted, run.counters.rows_created), (1_500, 1_200));
    assert_eq!(test.counters, run.counters, "its test foretold it");
    assert_eq!(p.completed().await, (0, 0, 1_200, 0, 0));
}

#[tokio::test]
async fn a_test_of_a_reseed_foretells_it() {
    let p = Pair::new(|_| {});
    p.edit(|rows| rows.truncate(5));
    p.completed().await;
    let reseed = RunOptions { reseed: true, ..Default::default() };
    let test = p.run_with(RunType::Test, reseed).await;
    assert_eq!((test.counters.rows_deleted, test.counters.rows_created), (5, 5));
}

/// Keys that failed before are read again whatever their cursor; the rest is read from a moment on.
#[tokio::test]
async fn an_incremental_read_of_much_looks_after_keys_that_are_due() {
    for mode in [WriteMode::Upsert, WriteMode::Mirror] {
        let raw = mode == WriteMode::Mirror;
        let what = format!("{mode:?}, raw: {raw}");
        let p = Pair::new(|s| {
            s.write_mode = mode;
            s.model.cursor = Some("updated_at".into());
        });
        p.raw(raw);
        p.edit(|rows| rows.iter_mut().step_by(100).for_each(|r| r[1] = None));
        assert_eq!(p.completed().await, (1_485, 0, 0, 0, 15), "{what}");
        // As before, but for one that is right now, one that left, and an ordinary change.
        p.edit(|rows| {
            rows[0][1] = Some("right".into());
            rows[5][1] = Some("changed".into());
            rows.remove(100);
        });
        let run = p.run().await;
        assert!(!run.complete_read, "{what}");
        assert_eq!((run.counters.rows_created, run.counters.rows_updated), (1, 1), "{what}");
        assert_eq!(run.counters.rows_deleted, 0, "{what}");
        assert_eq!(p.both[1].open_letters().await.len(), 13, "{what}");
        p.edit(|rows| rows.iter_mut().filter(|r| r[1].is_none()).for_each(|r| r[1] = Some("d".into())));
        assert_eq!(p.completed().await.0, 13, "{what}");
        assert!(p.both[1].open_letters().await.is_empty(), "{what}");
    }
}

#[tokio::test]
async fn many_source_ids_are_found_or_listed() {
    let p = Pair::new(|_| {});
    p.completed().await;
    p.edit(|rows| rows.iter_mut().step_by(2).for_each(|r| r[1] = Some("b".into())));
    let source_ids = (0..1_400).chain([5_000, 6_000]).map(|id| id.to_string()).collect();
    let run = p.run_with(RunType::OneTime, RunOptions { source_ids, ..Default::default() }).await;
    assert_eq!((run.counters.rows_updated, run.not_found.len()), (700, 2));
}

#[tokio::test]
async fn match_values_move_and_are_taken_across_all_rows() {
    for raw in [false, true] {
        let mut p = Pair::new(|s| {
            s.to.match_fields = vec!["email".into()];
            s.on_match_change = OnMatchChange::Recreate;
        });
        p.raw(raw);
        // The match values of planned rows have to fit all the same.
        p.both[1].engine.memory_budget = 64 << 20;
        p.completed().await;
        p.both[1].engine.memory_budget = TINY;
        // Many move on by one; the last takes what the first frees.
        p.edit(|rows| {
            let emails: Vec<_> = rows.iter().take(80).map(|r| r[2].clone()).collect();
            rows.iter_mut().take(80).zip(emails.iter().cycle().skip(1)).for_each(|(r, e)| r[2].clone_from(e));
        });
        let (created, updated, _, deleted, _) = p.completed().await;
        assert_eq!((created, updated, deleted), (80, 0, 80));
        // A new row takes the value of one that leaves, and one that moves.
        p.edit(|rows| {
            let left = rows.remove(20);
            rows.push(vec![Some("3000".into()), Some("n".into()), left[2].clone(), Some(T.into())]);
            let freed = rows[40][2].replace("E-free".into());
            rows.push(vec![Some("3001".into()), Some("n".into()), freed, Some(T.into())]);
        });
        assert_eq!(p.completed().await, (3, 0, 1_498, 2, 0));
        // One that a row has which did not change.
        p.edit(|rows| rows[60][2] = rows[1_000][2].clone());
        let run = p.run().await;
        assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("duplicate_keys")));
        // And two that change.
        p.edit(|rows| rows[60][2] = Some("E-same".into()));
        p.edit(|rows| rows[1_000][2] = Some("E-same".into()));
        let run = p.run().await;
        assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("duplicate_keys")));
    }
}

#[tokio::test]
async fn an_append_delivers_each_version_once() {
    let p = Pair::new(|s| s.write_mode = WriteMode::Append);
    p.raw(true);
    let changed = |name: &'static str| {
        move |rows: &mut Vec<Row>| rows.iter_mut().for_each(|r| r[1] = Some(name.into()))
    };
    let appended = async || {
        let [much, little] = &p.both;
        let runs = [much.run().await, little.run().await].map(|r| (r.counters, r.skipped));
        assert_eq!(runs[0], runs[1]);
        let sorted = |f: &Fixture| {
            let mut rows = f.target.dump();
            rows.sort();
            rows
        };
        assert!(sorted(much) == sorted(little));
        runs[0].0.rows_created
    };
    assert_eq!(appended().await, 1_500);
    p.edit(changed("b"));
    assert_eq!(appended().await, 1_500);
    assert_eq!(appended().await, 0);
}

/// With memory enough, changes are written in the order of their rows, known ones among new ones.
#[tokio::test]
async fn changes_keep_the_order_of_their_rows() {
    for mode in [WriteMode::Append, WriteMode::Upsert] {
        for duplicates in [Duplicates::Fail, Duplicates::KeepFirst, Duplicates::KeepLast] {
            for raw in [false, true] {
                let f = fixture(64 << 20, |s| {
                    s.write_mode = mode;
                    s.duplicates = duplicates;
                    s.batch_size = Some(7);
                });
                f.source.edit(|t| {
                    (t.raw, t.batch_rows) = (raw, 10);
                    t.rows = (0..100).step_by(2).map(|id| row(id, "a")).collect();
                });
                f.completed().await;
                f.written();
                // Every third is as it was.
                let name = |id: u32| if id.is_multiple_of(3) { "a" } else { "b" };
                f.source.edit(|t| t.rows = (0..100).rev().map(|id| row(id, name(id))).collect());
                f.completed().await;
                let op = |id: u32| match (mode, id % 2) {
                    (WriteMode::Append, _) => "append",
                    (_, 0) => "update",
                    _ => "create",
                };
                let sent = (0..100).rev().filter(|id| id % 2 == 1 || id % 3 != 0);
                let expected: Vec<_> = sent.map(|id| format!("{} {id}", op(id))).collect();
                assert_eq!(f.written(), expected, "{mode:?} {duplicates:?}, raw: {raw}");
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Every so many-th row from one on gets a name; `None`: one that is refused.
    Name(u32, u32, Option<u8>),
    /// The same rows leave.
    Take(u32, u32),
    /// The same rows come, again if they are there.
    Add(u32, u32, u8),
    Keyless,
    Raw(bool),
    Run(RunType, ReadMode),
    Reseed,
    Exclude(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let some = || (0..ROWS, prop_oneof![1..9u32, 100..900u32]);
    let mode =
        prop_oneof![4 => Just(ReadMode::Incremental), 1 => Just(ReadMode::Reset), 1 => Just(ReadMode::Full)];
    let run_type = prop_oneof![5 => Just(RunType::Sync), 1 => Just(RunType::Test)];
    prop_oneof![
        3 => (some(), prop::option::weighted(0.8, 0..3u8)).prop_map(|((from, by), v)| Step::Name(from, by, v)),
        2 => some().prop_map(|(from, by)| Step::Take(from, by)),
        2 => (some(), 0..3u8).prop_map(|((from, by), v)| Step::Add(from, by, v)),
        1 => Just(Step::Keyless),
        1 => any::<bool>().prop_map(Step::Raw),
        4 => (run_type, mode).prop_map(|(t, m)| Step::Run(t, m)),
        1 => Just(Step::Reseed),
        1 => any::<bool>().prop_map(Step::Exclude),
    ]
}

async fn act(p: &mut Pair, step: Step) {
    let is_one = |r: &Row, from: u32, by: u32| {
        let id: Option<u32> = r[0].as_ref().and_then(|id| id.parse().ok());
        id.is_some_and(|id| id >= from && (id - from).is_multiple_of(by))
    };
    match step {
        Step::Name(from, by, version) => p.edit(|rows| {
            let name = version.map(|v| format!("v{v}"));
            rows.iter_mut().filter(|r| is_one(r, from, by)).for_each(|r| {
                r[1].clone_from(&name);
                r[3] = Some("2025-06-01T11:00:00Z".into());
            });
        }),
        Step::Take(from, by) => p.edit(|rows| rows.retain(|r| !is_one(r, from, by))),
        Step::Add(from, by, version) => p.edit(|rows| {
            rows.extend((from..ROWS).step_by(by as usize).map(|id| row(id, &format!("v{version}"))));
        }),
        Step::Keyless => p.edit(|rows| {
            let middle = rows.len() / 2;
            rows.insert(middle, vec![None, Some("n".into()), None, None]);
        }),
        Step::Raw(raw) => p.raw(raw),
        Step::Run(run_type, read_mode) => {
            p.run_with(run_type, RunOptions { read_mode, ..Default::default() }).await;
        }
        Step::Reseed => {
            p.run_with(RunType::Seed, RunOptions { reseed: true, ..Default::default() }).await;
        }
        Step::Exclude(some) => p.sync(|s| s.exclude = some.then(|| "name = 'v1'".into())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, max_shrink_iters: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_changes_nothing_about_what_comes_of_a_history(
        steps in prop::collection::vec(step(), 1..8),
        mirror: bool,
        cursor: bool,
        duplicates in prop_oneof![Just(Duplicates::Fail), Just(Duplicates::KeepFirst), Just(Duplicates::KeepLast)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut p = Pair::new(|s| {
                s.write_mode = if mirror { WriteMode::Mirror } else { WriteMode::Upsert };
                s.duplicates = duplicates;
                s.model.cursor = cursor.then(|| "updated_at".into());
            });
            p.run().await;
            for step in steps {
                act(&mut p, step).await;
            }
            p.run().await;
        });
    }
}
