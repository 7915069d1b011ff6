use std::collections::BTreeMap;
use std::sync::Arc;

use syncline_core::run::TimelineEntry;
use syncline_core::{ErrorKind, Phase, Run, RunStatus, RunType, SyncId, Trigger};
use syncline_store::{Catalog, FollowUp, Health, LetterFilter, LetterState, Page, Recent, SyncSchedule};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    health_counts_the_runs_that_ended_in_the_period,
    a_sync_has_errors_when_its_latest_run_had,
    runs_are_counted_in_periods_without_gaps,
    periods_have_a_limit,
    the_time_in_which_a_run_was_held_is_no_work,
    runs_are_counted_by_status,
    letters_are_grouped_by_their_error,
    syncs_are_seen_with_what_became_of_them,
    syncs_are_seen_with_how_they_went_lately,
    syncs_are_seen_with_what_they_do_by_themselves,
];

/// Ends a run of a sync at a moment, with rows counted.
async fn ended(store: &dyn Catalog, name: &str, sync: &str, status: RunStatus, seconds: i64, failed: u64) {
    enqueued(store, name, sync, RunType::OneTime).await;
    let mut run = taken_and_running(store, &run_id(name)).await;
    run.status = status;
    run.completed_at = Some(at(seconds));
    run.counters.rows_created = 1;
    run.counters.rows_updated = 10;
    run.counters.rows_deleted = 100;
    run.counters.rows_failed = failed;
    store.end_run(&run, &FollowUp::default()).await.unwrap();
}

async fn health_counts_the_runs_that_ended_in_the_period(store: Arc<dyn Catalog>) {
    use RunStatus::*;
    assert_eq!(store.health(at(0), 60).await.unwrap(), Health::default());
    ensure(&*store, "a").await;
    ended(&*store, "before", "a", Failed, 99, 7).await;
    ended(&*store, "edge", "a", Completed, 100, 0).await;
    ended(&*store, "more", "a", Completed, 111, 2).await;
    ended(&*store, "failed", "a", Failed, 120, 0).await;
    ended(&*store, "source", "a", SourceFailure, 130, 0).await;
    ended(&*store, "cancelled", "a", Cancelled, 140, 0).await;
    // None of these ended as a run that writes.
    enqueued(&*store, "test", "a", RunType::Test).await;
    let test = taken_and_running(&*store, &run_id("test")).await;
    store.commit(&ending(&test)).await.unwrap();
    reschedule(&*store, "a", Some(&fire_at("fire", "a", 150))).await.unwrap();
    store.request_cancel(&run_id("fire"), &FollowUp::default(), at(150)).await.unwrap();
    enqueued(&*store, "held", "a", RunType::Sync).await;
    let held = taken_and_running(&*store, &run_id("held")).await;
    let held = Run { status: Held, completed_at: Some(at(150)), ..held };
    store.end_run(&held, &FollowUp::default()).await.unwrap();
    // It never started: it counts, but has no duration.
    enqueued(&*store, "waited", "a", RunType::OneTime).await;
    store.request_cancel(&run_id("waited"), &FollowUp::default(), at(160)).await.unwrap();

    let expected = Health {
        total_runs: 6,
        completed: 2,
        failed: 1,
        source_failures: 1,
        cancelled: 2,
        // They started at 1.
        average_duration_seconds: Some((99 + 110 + 119 + 129 + 139) as f64 / 5.0),
        rows_created: 5,
        rows_updated: 50,
        rows_deleted: 500,
        rows_failed: 2,
        syncs_with_errors: vec![],
        periods: vec![],
    };
    let health = store.health(at(100), 60).await.unwrap();
    // The fire that was taken away did not run.
    assert_eq!(health.periods[1].by_status[&NotRun], 1);
    assert_eq!(Health { periods: vec![], ..health }, expected);
}

async fn a_sync_has_errors_when_its_latest_run_had(store: Arc<dyn Catalog>) {
    use RunStatus::*;
    let runs = [
        ("recovered", vec![(Failed, 0), (Completed, 0)], false),
        ("failed", vec![(Completed, 0), (Failed, 0)], true),
        ("rows", vec![(Completed, 1)], true),
        ("unreachable", vec![(SourceFailure, 0)], true),
        ("none", vec![], false),
    ];
    let mut expected = Vec::new();
    for (sync, runs, with_errors) in runs {
        ensure(&*store, sync).await;
        for (n, (status, failed)) in runs.into_iter().enumerate() {
            ended(&*store, &format!("{sync}{n}"), sync, status, 200 + n as i64, failed).await;
        }
        expected.extend(with_errors.then(|| uid(sync)));
    }
    // What did not run says nothing.
    let fire = Run { trigger: Trigger::Schedule, ..fire_at("fire", "failed", 300) };
    reschedule(&*store, "failed", Some(&fire)).await.unwrap();
    store.request_cancel(&run_id("fire"), &FollowUp::default(), at(300)).await.unwrap();
    assert_eq!(store.health(at(100), 60).await.unwrap().syncs_with_errors, expected);
    assert!(store.health(at(300), 60).await.unwrap().syncs_with_errors.is_empty());
}

async fn runs_are_counted_in_periods_without_gaps(store: Arc<dyn Catalog>) {
    use RunStatus::*;
    ensure(&*store, "a").await;
    ended(&*store, "before", "a", Completed, 99, 0).await;
    ended(&*store, "a", "a", Completed, 100, 0).await;
    ended(&*store, "b", "a", Completed, 159, 0).await;
    ended(&*store, "c", "a", Failed, 159, 0).await;
    ended(&*store, "d", "a", Cancelled, 280, 0).await;
    // Each begins with a whole minute, but for the first.
    let periods = store.health(at(100), 60).await.unwrap().periods;
    let counted: Vec<_> = periods.into_iter().map(|p| (p.start, p.by_status)).collect();
    let expected = [
        (at(100), BTreeMap::from([(Completed, 1)])),
        (at(120), BTreeMap::from([(Completed, 1), (Failed, 1)])),
        (at(180), BTreeMap::new()),
        (at(240), BTreeMap::from([(Cancelled, 1)])),
    ];
    assert_eq!(counted, expected);
}

async fn the_time_in_which_a_run_was_held_is_no_work(store: Arc<dyn Catalog>) {
    let phase = |phase, from, to| TimelineEntry { phase, started_at: at(from), ended_at: Some(at(to)) };
    let end = async |name: &str, status, timeline, seconds| {
        enqueued(&*store, name, "a", RunType::Sync).await;
        let run = taken_and_running(&*store, &run_id(name)).await;
        let run = Run { status, timeline, completed_at: Some(at(seconds)), ..run };
        store.end_run(&run, &FollowUp::default()).await.unwrap();
    };
    ensure(&*store, "a").await;
    // Both started at 1. One was approved after a while, one rejected.
    let approved = vec![phase(Phase::Extracting, 1, 11), phase(Phase::Writing, 1_000, 1_005)];
    end("approved", RunStatus::Completed, approved, 1_005).await;
    end("rejected", RunStatus::Cancelled, vec![phase(Phase::Extracting, 1, 22)], 9_000).await;
    let health = store.health(at(0), 3_600).await.unwrap();
    assert_eq!(health.average_duration_seconds, Some((15.0 + 21.0) / 2.0));
    let figures = store.sync_figures(at(0)).await.unwrap();
    assert_eq!((figures[0].timed_runs, figures[0].duration_seconds), (2, 36.0));
}

async fn periods_have_a_limit(store: Arc<dyn Catalog>) {
    ensure(&*store, "a").await;
    ended(&*store, "a", "a", RunStatus::Completed, 10_000, 0).await;
    assert_eq!(store.health(at(1), 1).await.unwrap().periods.len(), 10_000);
    refused(store.health(at(0), 1).await, ErrorKind::BadUsage);
    refused(store.health(at(0), 0).await, ErrorKind::BadUsage);
    refused(store.health(at(0), u64::MAX).await, ErrorKind::BadUsage);
}

async fn runs_are_counted_by_status(store: Arc<dyn Catalog>) {
    assert!(store.run_counts().await.unwrap().is_empty());
    ensure(&*store, "a").await;
    for n in 0..3 {
        enqueued(&*store, &n.to_string(), "a", RunType::Test).await;
    }
    taken(&*store, &run_id("0")).await;
    let expected = BTreeMap::from([(RunStatus::Queued, 2), (RunStatus::Starting, 1)]);
    assert_eq!(store.run_counts().await.unwrap(), expected);
}

async fn letters_are_grouped_by_their_error(store: Arc<dyn Catalog>) {
    for (sync, errors) in [("a", ["f1", "f1", "f2", "f1"]), ("b", ["f1", "f2", "f2", "f3"])] {
        ensure(&*store, sync).await;
        enqueued(&*store, sync, sync, RunType::Sync).await;
        let run = taken_and_running(&*store, &run_id(sync)).await;
        let staged: Vec<_> = errors
            .iter()
            .enumerate()
            .map(|(n, fingerprint)| syncline_store::DeadLetter {
                fingerprint: fingerprint.to_string(),
                first_seen_at: at(10 + n as i64),
                last_seen_at: at(20 + n as i64),
                ..letter(&run, &format!("{sync}{n}"), &[n as u8])
            })
            .collect();
        store.stage_letters(&run.id, run.epoch, &staged).await.unwrap();
        store.commit(&ending(&run)).await.unwrap();
    }
    store.set_letter_state("dl_b3", LetterState::Ignored).await.unwrap();
    let groups = async |filter: LetterFilter, page| {
        let (groups, total) = store.letter_groups(&filter, page).await.unwrap();
        let short = groups.into_iter().map(|g| {
            let entity = g.sync_uid.as_str().replacen("sync_", "", 1);
            let example = g.example.id.as_str().replacen("dl_", "", 1);
            assert_eq!((&g.example.fingerprint, &g.example.sync_uid), (&g.fingerprint, &g.sync_uid));
            assert_eq!(g.example.last_seen_at, g.last_seen_at);
            format!("{entity} {} {} {example} {}", g.fingerprint, g.count, g.first_seen_at == at(10))
        });
        (short.collect::<Vec<_>>(), total)
    };
    let all = ["a f1 3 a3 true", "b f2 2 b2 false", "b f3 1 b3 false", "a f2 1 a2 false", "b f1 1 b0 true"];
    assert_eq!(groups(LetterFilter::default(), ALL).await, (all.map(String::from).to_vec(), 5));
    let second = groups(LetterFilter::default(), Page { number: 2, size: 2 }).await;
    assert_eq!(second, (all[2..4].iter().map(|s| s.to_string()).collect(), 5));
    let open = LetterFilter { states: vec![LetterState::Open], ..Default::default() };
    assert_eq!(groups(open, ALL).await.1, 4);
    let of_b = LetterFilter { sync_uid: Some(uid("b")), until: Some(at(22)), ..Default::default() };
    assert_eq!(groups(of_b, ALL).await.0, ["b f2 1 b1 false", "b f1 1 b0 true"]);
    let none = LetterFilter { code: Some("none".into()), ..Default::default() };
    assert_eq!(groups(none, ALL).await, (vec![], 0));
}

async fn syncs_are_seen_with_what_became_of_them(store: Arc<dyn Catalog>) {
    use RunStatus::*;
    for name in ["a", "b", "c"] {
        ensure(&*store, name).await;
    }
    ended(&*store, "before", "a", Completed, 100, 0).await;
    enqueued(&*store, "delivers", "a", RunType::Sync).await;
    let delivers = taken_and_running(&*store, &run_id("delivers")).await;
    store.stage_letters(&delivers.id, delivers.epoch, &[letter(&delivers, "a1", &[1])]).await.unwrap();
    let mut commit = ending_with_generation(&delivers);
    let states = BTreeMap::from([("delivered".into(), 7), ("pending".into(), 2)]);
    commit.generation.as_mut().unwrap().states = states.clone();
    store.commit(&commit).await.unwrap();
    for name in ["held1", "held2"] {
        enqueued(&*store, name, "b", RunType::OneTime).await;
        let held = taken_and_running(&*store, &run_id(name)).await;
        store.end_run(&Run { status: Held, ..held }, &FollowUp::default()).await.unwrap();
    }
    // What waits, and what never started, is no last run.
    enqueued(&*store, "waits", "a", RunType::OneTime).await;
    enqueued(&*store, "left", "a", RunType::Test).await;
    store.request_cancel(&run_id("left"), &FollowUp::default(), at(160)).await.unwrap();
    reschedule(&*store, "a", Some(&fire_at("fire", "a", 150))).await.unwrap();

    let asked = ["c", "none", "b", "a"].map(|name| SyncId::new("crm", name));
    let seen = store.sync_overviews(&asked).await.unwrap();
    let of = |name: &str| seen.iter().find(|one| one.record.uid == uid(name)).unwrap();
    let last = |name| of(name).last_run.as_ref().map(|run| run.id.clone());
    assert_eq!(seen.iter().map(|one| one.record.uid.clone()).collect::<Vec<_>>(), ["a", "b", "c"].map(uid));
    assert_eq!(of("a").record, store.sync(&SyncId::new("crm", "a")).await.unwrap().unwrap());
    assert_eq!((last("a"), last("b"), last("c")), (Some(run_id("delivers")), Some(run_id("held2")), None));
    assert_eq!((of("a").next_run_at, of("b").next_run_at), (Some(at(150)), None));
    assert_eq!((&*of("a").held, &*of("b").held), (&[][..], &[run_id("held2"), run_id("held1")][..]));
    assert_eq!(of("a").states, states);
    assert_eq!((of("a").open_letters, of("b").open_letters), (1, 0));
    assert_eq!((of("c").states.len(), of("c").held.len(), of("c").next_run_at), (0, 0, None));
    assert!(store.sync_overviews(&[]).await.unwrap().is_empty());
    assert!(store.sync_overviews(&[SyncId::new("crm", "none")]).await.unwrap().is_empty());
    let too_many = vec![SyncId::new("crm", "a"); Page::SIZE_MAX as usize + 1];
    refused(store.sync_overviews(&too_many).await, ErrorKind::BadUsage);
}

async fn syncs_are_seen_with_how_they_went_lately(store: Arc<dyn Catalog>) {
    use RunStatus::*;
    for name in ["a", "b", "c"] {
        ensure(&*store, name).await;
    }
    for (n, status) in [Failed, Completed, Cancelled, SourceFailure, Completed].into_iter().enumerate() {
        ended(&*store, &format!("a{n}"), "a", status, 100 + n as i64, 0).await;
    }
    enqueued(&*store, "b0", "b", RunType::Sync).await;
    let run = taken_and_running(&*store, &run_id("b0")).await;
    store
        .stage_letters(&run.id, run.epoch, &[letter(&run, "b1", &[1]), letter(&run, "b2", &[2])])
        .await
        .unwrap();
    store.commit(&ending_with_generation(&run)).await.unwrap();
    // What waits or is on its way did not end.
    enqueued(&*store, "waits", "a", RunType::OneTime).await;

    let ids = ["c", "none", "b", "a"].map(|name| SyncId::new("crm", name));
    let seen = store.recent_runs(&ids, 3).await.unwrap();
    let shown = |recent: &Recent| {
        let runs: Vec<_> = recent.runs.iter().map(|run| run.id.clone()).collect();
        (recent.record.uid.clone(), runs, recent.open_letters)
    };
    let expected = [
        (uid("a"), vec![run_id("a4"), run_id("a3"), run_id("a1")], 0),
        (uid("b"), vec![run_id("b0")], 2),
        (uid("c"), vec![], 0),
    ];
    assert_eq!(seen.iter().map(shown).collect::<Vec<_>>(), expected);
    assert_eq!(seen[1].runs[0], store.run(&run_id("b0")).await.unwrap().unwrap());
    assert!(store.recent_runs(&[], 3).await.unwrap().is_empty());
    refused(store.recent_runs(&ids, Page::SIZE_MAX).await, ErrorKind::BadUsage);
}

async fn syncs_are_seen_with_what_they_do_by_themselves(store: Arc<dyn Catalog>) {
    for name in ["a", "b", "c"] {
        ensure(&*store, name).await;
    }
    for n in 0..4 {
        let fire = Run { created_at: at(n * 100), ..fire_at(&format!("missed{n}"), "a", n * 100) };
        reschedule(&*store, "a", Some(&fire)).await.unwrap();
        store.request_cancel(&fire.id, &FollowUp::default(), at(n * 100)).await.unwrap();
    }
    reschedule(&*store, "a", Some(&fire_at("next", "a", 900))).await.unwrap();
    let earlier = Run { run_at: Some(at(800)), ..new_run("asked-for", "a", RunType::OneTime) };
    store.enqueue(&earlier).await.unwrap();
    ended(&*store, "b0", "b", RunStatus::Failed, 200, 0).await;

    let asked = ["c", "none", "b", "a"].map(|name| SyncId::new("crm", name));
    let seen = async |since, missed| {
        let seen = store.sync_schedules(&asked, at(since), missed).await.unwrap();
        let shown = |sync: SyncSchedule| {
            let missed: Vec<_> = sync.missed.into_iter().map(|run| run.id).collect();
            (sync.record.uid, sync.next_run_at, missed)
        };
        seen.into_iter().map(shown).collect::<Vec<_>>()
    };
    let expected = |missed: &[&str]| {
        let missed = missed.iter().map(|name| run_id(name)).collect();
        [(uid("a"), Some(at(800)), missed), (uid("b"), None, vec![]), (uid("c"), None, vec![])]
    };
    assert_eq!(seen(100, 9).await, expected(&["missed3", "missed2", "missed1"]));
    assert_eq!(seen(0, 2).await, expected(&["missed3", "missed2"]));
    assert_eq!(seen(301, 9).await, expected(&[]));
    assert!(store.sync_schedules(&[], at(0), 9).await.unwrap().is_empty());
    refused(store.sync_schedules(&asked, at(0), Page::SIZE_MAX).await, ErrorKind::BadUsage);
}
