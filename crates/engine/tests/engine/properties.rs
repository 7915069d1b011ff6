//! Random histories of edits, faults and runs, over every way of writing.

use proptest::prelude::*;
use syncline_core::run::RunOptions;
use syncline_core::sync::{Duplicates, Guards, Limit, Publish, WriteMode};
use syncline_core::{ReadMode, RunStatus, RunType};

use super::fixture::Fixture;
use crate::doubles::{Fault, Row};

const KEYS: u8 = 9;

#[derive(Clone, Debug)]
enum Step {
    /// Sets a row's name; `None`: an invalid one.
    Put(u8, Option<u8>),
    Take(u8),
    Poison(u8),
    Cure,
    Faults(Vec<Fault>, usize),
    /// The source breaks off after so many rows.
    Cut(usize),
    Run(RunType, ReadMode),
    /// Only these keys.
    Ids(Vec<u8>),
    Limited(u64),
    Exclude(Option<u8>),
}

fn faults(with_open_commits: bool) -> BoxedStrategy<Vec<Fault>> {
    let single = prop_oneof![
        Just(Fault::Write),
        Just(Fault::BeforeCommit),
        Just(Fault::AfterCommit),
        Just(Fault::Open)
    ];
    let few = prop::collection::vec(single, 1..4);
    let long = prop_oneof![
        Just(vec![Fault::Write; 5]),
        Just(vec![Fault::Open; 5]),
        Just(vec![Fault::AfterCommit, Fault::Open, Fault::Open, Fault::Open, Fault::Open]),
    ];
    if with_open_commits { prop_oneof![few, long].boxed() } else { few.boxed() }
}

fn step(with_open_commits: bool) -> impl Strategy<Value = Step> {
    let key = 0..KEYS;
    let mode =
        prop_oneof![4 => Just(ReadMode::Incremental), 1 => Just(ReadMode::Reset), 1 => Just(ReadMode::Full)];
    let run_type =
        prop_oneof![5 => Just(RunType::Sync), 1 => Just(RunType::OneTime), 1 => Just(RunType::Test)];
    prop_oneof![
        8 => (key.clone(), prop::option::weighted(0.9, 0..4u8)).prop_map(|(k, v)| Step::Put(k, v)),
        3 => key.clone().prop_map(Step::Take),
        1 => key.clone().prop_map(Step::Poison),
        1 => Just(Step::Cure),
        2 => (faults(with_open_commits), 0..3usize).prop_map(|(f, n)| Step::Faults(f, n)),
        1 => (0..6usize).prop_map(Step::Cut),
        6 => (run_type, mode).prop_map(|(t, m)| Step::Run(t, m)),
        1 => prop::collection::vec(key.clone(), 1..3).prop_map(Step::Ids),
        1 => (1..4u64).prop_map(Step::Limited),
        1 => prop::option::of(key).prop_map(Step::Exclude),
    ]
}

fn row(key: u8, value: Option<u8>) -> Row {
    let name = value.map(|v| format!("v{v}"));
    vec![Some(key.to_string()), name, Some(format!("E{key}")), Some("2025-06-01T10:00:00Z".into())]
}

/// What a valid row is at the target.
fn image(row: &Row) -> Option<String> {
    let key = row[0].as_deref()?;
    Some(format!("email:e{key} id:{key} name:{}", row[1].as_deref()?))
}

fn fixture(mode: WriteMode, publish: Publish, chunk: u32) -> Fixture {
    let f = Fixture::with(|s| {
        s.write_mode = mode;
        s.publish = publish;
        s.batch_size = Some(chunk);
        s.duplicates = Duplicates::Fail;
        // Guards have tests of their own; here they would only keep histories short.
        s.guards = Guards {
            max_deletes: Some(Limit::Count(1_000_000)),
            max_source_drop: None,
            max_nulled: None,
            ..Guards::default()
        };
    });
    f.target.edit(|t| t.fields[1].nullable = false);
    // A row that always stays: an empty model would hold every run.
    f.source.edit(|t| t.rows.push(row(100, Some(0))));
    f
}

async fn act(f: &mut Fixture, step: Step) {
    match step {
        Step::Put(key, value) => f.source.edit(|t| {
            t.rows.retain(|r| r[0] != Some(key.to_string()));
            t.rows.insert(0, row(key, value));
        }),
        Step::Take(key) => f.source.edit(|t| t.rows.retain(|r| r[0] != Some(key.to_string()))),
        Step::Poison(key) => {
            f.target.edit(|t| t.poison.insert(key.to_string()));
        }
        Step::Cure => f.target.edit(|t| t.poison.clear()),
        Step::Faults(faults, before) => {
            f.target.edit(|t| (t.faults, t.calls_before_faults) = (faults, before));
        }
        Step::Cut(rows) => f.source.edit(|t| t.cut_after = Some(rows)),
        Step::Exclude(key) => f.sync.exclude = key.map(|k| format!("id = {k}")),
        Step::Run(run_type, read_mode) => {
            let full_append = read_mode == ReadMode::Full && f.sync.write_mode == WriteMode::Append;
            let read_mode = if full_append { ReadMode::Reset } else { read_mode };
            run(f, run_type, RunOptions { read_mode, ..Default::default() }).await;
        }
        Step::Ids(keys) => {
            let source_ids = keys.iter().map(u8::to_string).collect();
            run(f, RunType::OneTime, RunOptions { source_ids, ..Default::default() }).await;
        }
        Step::Limited(n) => {
            run(f, RunType::OneTime, RunOptions { max_entities: Some(n), ..Default::default() }).await;
        }
    }
}

async fn run(f: &Fixture, run_type: RunType, options: RunOptions) {
    let before = f.target.edit(|t| t.writes);
    // `run_with` checks that the counters add up.
    let run = f.run_with(run_type, options).await;
    assert!(run.status.is_terminal(), "{:?} {:?}", run.status, run.guards);
    let written = f.target.edit(|t| t.writes) - before;
    let counted = run.counters.rows_created + run.counters.rows_updated + run.counters.rows_deleted;
    if run.run_type == RunType::Test {
        assert_eq!(written, 0, "a test writes nothing");
    } else if run.status == RunStatus::Completed {
        assert_eq!(written, counted, "a completed run says what it wrote");
    } else {
        assert!(counted <= written, "a failed run claims nothing that is not there");
    }
    f.source.edit(|t| t.cut_after = None);
    f.target.edit(|t| (t.faults, t.calls_before_faults) = (Vec::new(), 0));
}

/// Everything is healthy from now on; two runs, of which the second must find nothing to do.
async fn settle(f: &mut Fixture) {
    f.sync.exclude = None;
    f.source.edit(|t| t.cut_after = None);
    f.target.edit(|t| {
        t.poison.clear();
        (t.faults, t.calls_before_faults) = (Vec::new(), 0);
    });
    // Failed rows may back off for up to a day.
    f.clock.advance(std::time::Duration::from_secs(25 * 3_600));
    let last = f.run().await;
    assert!(last.status.is_terminal() && !last.partially_written, "{:?}", last.error);
    let writes = f.target.edit(|t| t.writes);
    f.run().await;
    assert_eq!(f.target.edit(|t| t.writes), writes, "G7: a second run writes nothing");
}

fn check_target(f: &Fixture) {
    let images: Vec<String> = f.source.edit(|t| t.rows.iter().filter_map(image).collect());
    let present: Vec<String> = f.source.edit(|t| t.rows.iter().flat_map(|r| r[0].clone()).collect());
    let records = f.target.dump();
    for image in &images {
        assert!(records.contains(image), "{image} is missing in {records:?}");
    }
    for record in records.iter().filter(|r| !images.contains(r)) {
        let key = record.split_whitespace().nth(1).unwrap().trim_start_matches("id:").to_string();
        // Left over: an invalid row's last valid version, or, in upserts, what left the model.
        let kept = f.sync.write_mode == WriteMode::Upsert || present.contains(&key);
        assert!(kept, "{record} should be gone");
        let replaced = images.iter().any(|i| i.contains(&format!(" id:{key} ")));
        assert!(!replaced, "{record} is an old version");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happened_the_target_ends_as_the_source_says(
        steps in prop::collection::vec(step(true), 1..24),
        mirror: bool,
        progressive: bool,
        chunk in 1..4u32,
    ) {
        let mode = if mirror { WriteMode::Mirror } else { WriteMode::Upsert };
        let publish = if progressive { Publish::Progressive } else { Publish::Atomic };
        runtime().block_on(async {
            let mut f = fixture(mode, publish, chunk);
            for step in steps {
                act(&mut f, step).await;
            }
            settle(&mut f).await;
            check_target(&f);
        });
    }

    #[test]
    fn append_delivers_the_newest_version_of_every_row_and_repeats_none(
        steps in prop::collection::vec(step(false), 1..24),
        progressive: bool,
        chunk in 1..4u32,
    ) {
        let publish = if progressive { Publish::Progressive } else { Publish::Atomic };
        runtime().block_on(async {
            let mut f = fixture(WriteMode::Append, publish, chunk);
            for step in steps {
                act(&mut f, step).await;
            }
            settle(&mut f).await;
            let appended = f.target.dump();
            for image in f.source.edit(|t| t.rows.iter().filter_map(image).collect::<Vec<_>>()) {
                let key = image.split_whitespace().nth(1).unwrap().to_string();
                let versions: Vec<_> = appended.iter().filter(|a| a.contains(&format!(" {key} "))).collect();
                assert_eq!(versions.last(), Some(&&image), "the newest version is the last");
                assert!(versions.windows(2).all(|w| w[0] != w[1]), "no version twice: {versions:?}");
            }
        });
    }
}
