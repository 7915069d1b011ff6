use std::sync::Arc;

use syncline_core::run::{Replay, RunOptions};
use syncline_core::sync::Overlap;
use syncline_core::{EndReason, ErrorKind, ReadMode, Run, RunStatus, RunType, SyncId, Trigger};
use syncline_store::{Fire, Fired, FollowUp, Page, QUEUED_PER_SYNC_MAX, Queue, RunFilter, SyncState};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    a_new_run_waits_and_is_pinned_to_nothing_yet,
    a_run_joins_one_that_was_asked_for_the_same,
    a_run_joins_nothing_that_has_started,
    a_run_that_goes_on_after_an_approval_is_not_joined,
    a_line_has_a_limit_for_each_sync,
    a_halted_sync_takes_tests_one_time_runs_and_replays_only,
    an_inactive_sync_takes_what_a_person_asks_for,
    a_run_for_later_is_scheduled_and_joins_the_same_at_that_moment,
    a_run_for_later_takes_the_place_of_a_later_fire_and_gives_way_to_an_earlier_one,
    a_run_stands_in_lists_where_its_turn_came,
    candidates_are_the_heads_of_the_lines_in_the_order_they_came,
    the_sync_that_was_claimed_from_longest_ago_comes_first,
    behind_an_active_writer_only_tests_are_candidates,
    what_is_passed_over_holds_up_its_own_line_alone,
    an_approved_run_goes_to_the_end_of_the_line,
    due_runs_come_the_longest_due_first,
    a_fire_is_queued_when_nothing_is_in_its_way,
    a_fire_does_not_run_beside_a_held_run,
    a_fire_that_overlaps_waits_or_is_left_out_as_its_policy_says,
    a_test_is_in_no_fires_way,
    what_a_person_scheduled_is_queued_in_any_case,
    what_is_not_scheduled_any_more_is_passed_over,
    a_fire_of_a_sync_that_is_not_active_does_not_run,
    of_many_fires_each_is_judged_after_the_one_before,
    cancelling_ends_what_waits_and_tells_the_worker_of_what_runs,
    what_ended_or_is_held_cannot_be_cancelled,
    held_runs_are_found_by_the_age_of_their_plan,
    the_holder_alone_pins_a_run,
    what_is_not_there_is_not_found,
];

async fn a_new_run_waits_and_is_pinned_to_nothing_yet(store: Arc<dyn Queue>) {
    refused(store.enqueue(&new_run("a", "contact", RunType::Sync)).await, ErrorKind::NotFound);
    ensure(&*store, "contact").await;
    let run = new_run("a", "contact", RunType::Sync);
    let enqueued = store.enqueue(&run).await.unwrap();
    assert_eq!((enqueued.run, enqueued.joined), (run.clone(), false));
    assert_eq!(run_now(&*store, &run.id).await, run);
    refused(store.run_config(&run.id).await, ErrorKind::NotFound);
    let other = Run { options: options(), ..run };
    refused(store.enqueue(&other).await, ErrorKind::Conflict);
    refused(store.enqueue(&Run { epoch: 1, ..other }).await, ErrorKind::Internal);
}

fn options() -> RunOptions {
    RunOptions { source_ids: vec!["7".into()], ..RunOptions::default() }
}

async fn a_run_joins_one_that_was_asked_for_the_same(store: Arc<dyn Queue>) {
    ensure(&*store, "contact").await;
    ensure(&*store, "company").await;
    let replay = |per_second| Some(Replay { mode: Default::default(), letters: vec![], per_second });
    let asked = [
        RunOptions::default(),
        RunOptions { read_mode: ReadMode::Full, ..Default::default() },
        RunOptions { source_ids: vec!["1".into()], ..Default::default() },
        RunOptions { max_entities: Some(5), ..Default::default() },
        RunOptions { batch_size: Some(5), ..Default::default() },
        RunOptions { reseed: true, ..Default::default() },
        RunOptions { replay: replay(None), ..Default::default() },
        RunOptions { replay: replay(Some(1)), ..Default::default() },
    ];
    for (n, options) in asked.iter().enumerate() {
        let first = Run { options: options.clone(), ..new_run(&n.to_string(), "contact", RunType::Seed) };
        assert!(!store.enqueue(&first).await.unwrap().joined, "{options:?} is something else");
    }
    for (n, options) in asked.iter().enumerate() {
        let twin = Run {
            options: options.clone(),
            trigger: Trigger::Api,
            ..new_run(&format!("twin{n}"), "contact", RunType::Seed)
        };
        let joined = store.enqueue(&twin).await.unwrap();
        assert_eq!((joined.run.id.clone(), joined.joined), (run_id(&n.to_string()), true));
        assert_eq!(store.run(&twin.id).await.unwrap(), None);
    }
    for other in [new_run("type", "contact", RunType::Sync), new_run("sync", "company", RunType::Seed)] {
        assert!(!store.enqueue(&other).await.unwrap().joined);
    }
}

async fn a_run_joins_nothing_that_has_started(store: Arc<dyn Queue>) {
    ensure(&*store, "contact").await;
    let first = store.enqueue(&new_run("a", "contact", RunType::Sync)).await.unwrap().run;
    taken(&*store, &first.id).await;
    let second = store.enqueue(&new_run("b", "contact", RunType::Sync)).await.unwrap();
    assert!(!second.joined);
    assert!(store.enqueue(&new_run("c", "contact", RunType::Sync)).await.unwrap().joined);
}

async fn a_run_that_goes_on_after_an_approval_is_not_joined(store: Arc<dyn Queue>) {
    ensure(&*store, "contact").await;
    let first = store.enqueue(&new_run("a", "contact", RunType::Sync)).await.unwrap().run;
    let approved = Run { planned_at: Some(at(1)), ..first };
    store.update_run(&approved).await.unwrap();
    assert!(!store.enqueue(&new_run("b", "contact", RunType::Sync)).await.unwrap().joined);
}

async fn a_line_has_a_limit_for_each_sync(store: Arc<dyn Queue>) {
    ensure(&*store, "contact").await;
    ensure(&*store, "company").await;
    for n in 0..QUEUED_PER_SYNC_MAX {
        enqueued(&*store, &n.to_string(), "contact", RunType::OneTime).await;
    }
    let more = Run { options: options(), ..new_run("more", "contact", RunType::OneTime) };
    let more = Run { options: RunOptions { reseed: true, ..more.options.clone() }, ..more };
    refused(store.enqueue(&more).await, ErrorKind::QueueFull);
    let mut twin = new_run("twin", "contact", RunType::OneTime);
    twin.options.source_ids = vec!["3".into()];
    assert!(store.enqueue(&twin).await.unwrap().joined, "joining adds nothing to the line");
    enqueued(&*store, "elsewhere", "company", RunType::OneTime).await;
    taken(&*store, &run_id("0")).await;
    assert!(!store.enqueue(&more).await.unwrap().joined, "one has started");
}

async fn a_halted_sync_takes_tests_one_time_runs_and_replays_only(store: Arc<dyn Queue>) {
    ensure(&*store, "contact").await;
    let halted = SyncState::Halted { reason: "errors".into(), since: at(0), failures: 1 };
    store.set_sync_state(&uid("contact"), &halted, at(0)).await.unwrap();
    for run_type in RunType::ALL {
        let result = store.enqueue(&new_run(run_type.as_str(), "contact", run_type)).await;
        if matches!(run_type, RunType::Test | RunType::OneTime | RunType::Replay) {
            assert!(!result.unwrap().joined);
        } else {
            refused(result, ErrorKind::SyncHalted);
            let later = Run { run_at: Some(at(99)), ..new_run("later", "contact", run_type) };
            refused(store.enqueue(&later).await, ErrorKind::SyncHalted);
        }
    }
}

async fn an_inactive_sync_takes_what_a_person_asks_for(store: Arc<dyn Queue>) {
    ensure(&*store, "contact").await;
    store.set_sync_state(&uid("contact"), &SyncState::Inactive, at(0)).await.unwrap();
    for run_type in RunType::ALL {
        store.enqueue(&new_run(run_type.as_str(), "contact", run_type)).await.unwrap();
        assert_eq!(status_of(&*store, run_type.as_str()).await, RunStatus::Queued);
    }
}

async fn a_run_for_later_is_scheduled_and_joins_the_same_at_that_moment(store: Arc<dyn Queue>) {
    ensure(&*store, "contact").await;
    let later =
        |name, seconds| Run { run_at: Some(at(seconds)), ..new_run(name, "contact", RunType::OneTime) };
    let limited = |mut run: Run| {
        run.options.max_entities = Some(1);
        run
    };
    let others = [later("a", 100), later("b", 101), limited(later("c", 100))];
    for other in &others {
        let enqueued = store.enqueue(other).await.unwrap();
        assert!(!enqueued.joined);
        assert_eq!(enqueued.run, Run { status: RunStatus::Scheduled, ..other.clone() });
        assert_eq!(run_now(&*store, &other.id).await, enqueued.run);
    }
    for (same, name) in [(later("d", 100), "a"), (limited(later("e", 100)), "c")] {
        let enqueued = store.enqueue(&same).await.unwrap();
        assert_eq!((enqueued.joined, enqueued.run.id), (true, run_id(name)));
    }
    assert_eq!(names(&*store, "contact", RunStatus::Scheduled).await.len(), others.len());
    assert_eq!(store.next_due().await.unwrap(), Some(at(100)));
    assert!(store.candidates(10, &[]).await.unwrap().is_empty());
}

async fn a_run_for_later_takes_the_place_of_a_later_fire_and_gives_way_to_an_earlier_one(
    store: Arc<dyn Queue>,
) {
    ensure(&*store, "contact").await;
    reschedule(&*store, "contact", Some(&fire_at("fire", "contact", 100))).await.unwrap();
    let later = |name, seconds| Run { run_at: Some(at(seconds)), ..new_run(name, "contact", RunType::Sync) };
    let joined = store.enqueue(&later("same", 100)).await.unwrap();
    assert_eq!((joined.joined, joined.run.id), (true, run_id("fire")));
    refused(store.enqueue(&later("late", 101)).await, ErrorKind::Conflict);
    store.enqueue(&later("early", 50)).await.unwrap();
    assert_eq!(names(&*store, "contact", RunStatus::Scheduled).await, ["early"]);
    let fire = run_now(&*store, &run_id("fire")).await;
    assert_eq!((fire.status, fire.end_reason), (RunStatus::NotRun, Some(EndReason::Superseded)));
    // Nor does the next fire take the place of what a person wants earlier.
    reschedule(&*store, "contact", Some(&fire_at("next", "contact", 70))).await.unwrap();
    reschedule(&*store, "contact", None).await.unwrap();
    assert_eq!(names(&*store, "contact", RunStatus::Scheduled).await, ["early"]);
}

async fn a_run_stands_in_lists_where_its_turn_came(store: Arc<dyn Queue>) {
    for sync in ["daily", "other", "moved"] {
        ensure(&*store, sync).await;
    }
    let listed = async |filter: &RunFilter| {
        let (runs, _) = store.runs(filter, Page::first(10)).await.unwrap();
        runs.iter().map(|run| run.id.as_str().replacen("run_", "", 1)).collect::<Vec<_>>()
    };
    let everything = RunFilter::default();
    reschedule(&*store, "daily", Some(&fire_at("fire", "daily", 100))).await.unwrap();
    reschedule(&*store, "moved", Some(&fire_at("a_fire", "moved", 1000))).await.unwrap();
    let made = |name, seconds| Run { created_at: at(seconds), ..new_run(name, "other", RunType::Test) };
    store.enqueue(&made("before", 50)).await.unwrap();
    assert_eq!(listed(&everything).await, ["before", "fire", "a_fire"]);
    store
        .fire(&[Fire { run_id: run_id("fire"), overlap: Overlap::Skip, next: None }], at(101))
        .await
        .unwrap();
    let earlier = Run { run_at: Some(at(70)), ..new_run("earlier", "moved", RunType::Sync) };
    store.enqueue(&Run { created_at: at(60), ..earlier }).await.unwrap();
    assert_eq!(listed(&everything).await, ["fire", "earlier", "a_fire", "before"]);
    let (since, until) = (Some(at(60)), Some(at(101)));
    assert_eq!(listed(&RunFilter { since, until, ..everything }).await, ["fire", "earlier", "a_fire"]);
}

async fn candidate_names(store: &dyn Queue, passed_over: &[&str]) -> Vec<String> {
    let passed_over: Vec<_> = passed_over.iter().map(|name| run_id(name)).collect();
    let candidates = store.candidates(100, &passed_over).await.unwrap();
    candidates.iter().map(|c| c.run_id.as_str().replacen("run_", "", 1)).collect()
}

async fn candidates_are_the_heads_of_the_lines_in_the_order_they_came(store: Arc<dyn Queue>) {
    ensure(&*store, "contact").await;
    // The later a run, the smaller its id and its time of creation: neither counts.
    for (n, name) in ["d", "c", "b", "a"].into_iter().enumerate() {
        let mut run = new_run(name, "contact", if name == "b" { RunType::Test } else { RunType::OneTime });
        run.created_at = at(-(n as i64));
        run.options.source_ids = vec![name.into()];
        store.enqueue(&run).await.unwrap();
    }
    let candidates = store.candidates(100, &[]).await.unwrap();
    assert_eq!(candidates.len(), 2, "one of each line");
    let head = candidates.iter().find(|c| c.run_id == run_id("d")).unwrap();
    assert_eq!((&head.sync_id, &head.sync_uid), (&SyncId::new("crm", "contact"), &uid("contact")));
    assert_eq!((head.run_type, head.created_at), (RunType::OneTime, at(0)));
    assert!(candidates.iter().any(|c| c.run_id == run_id("b")));
    assert_eq!(store.candidates(1, &[]).await.unwrap().len(), 1);

    for name in ["c", "a"] {
        let busy = store.claim(&run_id(name), &claim_by("w1")).await.unwrap();
        assert!(matches!(busy, syncline_store::Claimed::Busy(_)), "{name} is not first in its line");
    }
    for name in ["d", "c", "a"] {
        let run = taken(&*store, &run_id(name)).await;
        store.end_run(&Run { status: RunStatus::Failed, ..run }, &FollowUp::default()).await.unwrap();
    }
}

async fn the_sync_that_was_claimed_from_longest_ago_comes_first(store: Arc<dyn Queue>) {
    for sync in ["a", "b", "c"] {
        ensure(&*store, sync).await;
        for n in 0..3 {
            enqueued(&*store, &format!("{sync}{n}"), sync, RunType::Sync).await;
        }
    }
    let mut order = Vec::new();
    for n in 0..9 {
        let first = store.candidates(1, &[]).await.unwrap().remove(0).run_id;
        let claim = syncline_store::Claim { now: at(10 + n), ..claim_by("w1") };
        let syncline_store::Claimed::Run(run) = store.claim(&first, &claim).await.unwrap() else {
            panic!("{first} is free")
        };
        order.push(run.sync_id.entity().to_string());
        store.end_run(&Run { status: RunStatus::Failed, ..*run }, &FollowUp::default()).await.unwrap();
    }
    assert_eq!(order, ["a", "b", "c", "a", "b", "c", "a", "b", "c"]);
}

async fn behind_an_active_writer_only_tests_are_candidates(store: Arc<dyn Queue>) {
    ensure(&*store, "contact").await;
    enqueued(&*store, "writer", "contact", RunType::Sync).await;
    taken(&*store, &run_id("writer")).await;
    enqueued(&*store, "next", "contact", RunType::Sync).await;
    assert!(candidate_names(&*store, &[]).await.is_empty());
    enqueued(&*store, "test", "contact", RunType::Test).await;
    assert_eq!(candidate_names(&*store, &[]).await, ["test"]);
    let test = taken(&*store, &run_id("test")).await;
    enqueued(&*store, "test2", "contact", RunType::Test).await;
    assert_eq!(candidate_names(&*store, &[]).await, ["test2"], "tests run beside each other");
    store.end_run(&Run { status: RunStatus::Failed, ..test }, &FollowUp::default()).await.unwrap();
    let writer = run_now(&*store, &run_id("writer")).await;
    store.end_run(&Run { status: RunStatus::Failed, ..writer }, &FollowUp::default()).await.unwrap();
    assert_eq!(candidate_names(&*store, &[]).await.len(), 2);
}

async fn what_is_passed_over_holds_up_its_own_line_alone(store: Arc<dyn Queue>) {
    for sync in ["a", "b"] {
        ensure(&*store, sync).await;
        for n in 0..2 {
            enqueued(&*store, &format!("{sync}{n}"), sync, RunType::Sync).await;
        }
    }
    assert_eq!(candidate_names(&*store, &["a0"]).await, ["b0"]);
    assert_eq!(store.candidates(1, &[run_id("a0")]).await.unwrap()[0].run_id, run_id("b0"));
    assert!(candidate_names(&*store, &["a0", "b0"]).await.is_empty());
}

async fn an_approved_run_goes_to_the_end_of_the_line(store: Arc<dyn Queue>) {
    ensure(&*store, "contact").await;
    enqueued(&*store, "held", "contact", RunType::Sync).await;
    let run = taken_and_running(&*store, &run_id("held")).await;
    let held = Run { status: RunStatus::Held, ..run };
    store.end_run(&held, &FollowUp::default()).await.unwrap();
    enqueued(&*store, "other", "contact", RunType::Sync).await;
    assert_eq!(candidate_names(&*store, &[]).await, ["other"]);
    store.update_run(&Run { status: RunStatus::Queued, ..held }).await.unwrap();
    assert_eq!(candidate_names(&*store, &[]).await, ["other"]);
    let other = taken(&*store, &run_id("other")).await;
    store.end_run(&Run { status: RunStatus::Failed, ..other }, &FollowUp::default()).await.unwrap();
    assert_eq!(candidate_names(&*store, &[]).await, ["held"]);
}

async fn due_runs_come_the_longest_due_first(store: Arc<dyn Queue>) {
    assert_eq!(store.next_due().await.unwrap(), None);
    for (sync, seconds) in [("a", 30), ("b", 10), ("c", 20), ("d", 40)] {
        ensure(&*store, sync).await;
        reschedule(&*store, sync, Some(&fire_at(sync, sync, seconds))).await.unwrap();
    }
    assert_eq!(store.next_due().await.unwrap(), Some(at(10)));
    let due = async |now, limit| -> Vec<String> {
        let due = store.due(at(now), limit).await.unwrap();
        due.iter().map(|run| run.sync_id.entity().to_string()).collect()
    };
    assert!(due(9, 10).await.is_empty());
    assert_eq!(due(30, 10).await, ["b", "c", "a"]);
    assert_eq!(due(30, 2).await, ["b", "c"]);
}

fn fire(name: &str, overlap: Overlap, next: Option<Run>) -> Fire {
    Fire { run_id: run_id(name), overlap, next }
}

/// Fires one run; why it does not run.
async fn fire_one(store: &dyn Queue, fire: Fire) -> Option<EndReason> {
    let fired = store.fire(std::slice::from_ref(&fire), at(100)).await.unwrap();
    assert_eq!(fired.len(), 1);
    assert_eq!(fired[0].run_id, fire.run_id);
    let run = run_now(store, &fire.run_id).await;
    let (status, completed_at) = match fired[0].not_run {
        None => (RunStatus::Queued, None),
        Some(_) => (RunStatus::NotRun, Some(at(100))),
    };
    assert_eq!((run.status, run.end_reason, run.completed_at), (status, fired[0].not_run, completed_at));
    fired[0].not_run
}

async fn a_fire_is_queued_when_nothing_is_in_its_way(store: Arc<dyn Queue>) {
    ensure(&*store, "contact").await;
    reschedule(&*store, "contact", Some(&fire_at("a", "contact", 100))).await.unwrap();
    let next = fire_at("next", "contact", 200);
    assert_eq!(fire_one(&*store, fire("a", Overlap::Skip, Some(next.clone()))).await, None);
    assert_eq!(store.run(&next.id).await.unwrap(), None, "its end brings the next");
    assert_eq!(candidate_names(&*store, &[]).await, ["a"]);
    assert_eq!(run_now(&*store, &run_id("a")).await.run_at, Some(at(100)));
}

/// A sync with a scheduled run `fire`.
async fn with_fire(store: &dyn Queue, sync: &str) {
    ensure(store, sync).await;
    reschedule(store, sync, Some(&fire_at(&format!("fire-{sync}"), sync, 100))).await.unwrap();
}

async fn a_fire_does_not_run_beside_a_held_run(store: Arc<dyn Queue>) {
    for (sync, run_type) in [("a", RunType::Sync), ("b", RunType::OneTime)] {
        with_fire(&*store, sync).await;
        enqueued(&*store, sync, sync, run_type).await;
        let run = taken_and_running(&*store, &run_id(sync)).await;
        store.end_run(&Run { status: RunStatus::Held, ..run }, &FollowUp::default()).await.unwrap();
        let next = fire_at(&format!("next-{sync}"), sync, 200);
        let fire = fire(&format!("fire-{sync}"), Overlap::QueueOne, Some(next));
        assert_eq!(fire_one(&*store, fire).await, Some(EndReason::Held));
        assert_eq!(names(&*store, sync, RunStatus::Scheduled).await, [format!("next-{sync}")]);
    }
}

async fn a_fire_that_overlaps_waits_or_is_left_out_as_its_policy_says(store: Arc<dyn Queue>) {
    let cases = [
        ("a", RunType::Sync, Overlap::QueueOne, None),
        ("b", RunType::Sync, Overlap::Skip, Some(EndReason::Overlap)),
        ("c", RunType::OneTime, Overlap::Skip, Some(EndReason::Overlap)),
        ("d", RunType::OneTime, Overlap::QueueOne, None),
    ];
    for (sync, run_type, overlap, expected) in cases {
        with_fire(&*store, sync).await;
        enqueued(&*store, sync, sync, run_type).await;
        taken(&*store, &run_id(sync)).await;
        let next = fire_at(&format!("next-{sync}"), sync, 200);
        let fire = fire(&format!("fire-{sync}"), overlap, Some(next));
        assert_eq!(fire_one(&*store, fire).await, expected, "{sync}");
    }
    assert!(names(&*store, "b", RunStatus::Scheduled).await.is_empty(), "the active run's end schedules it");
    assert_eq!(names(&*store, "c", RunStatus::Scheduled).await, ["next-c"]);
    // One that waits is enough, whatever the policy; another type that waits is not in the way.
    for (sync, run_type, expected) in
        [("e", RunType::Sync, Some(EndReason::Overlap)), ("f", RunType::OneTime, None)]
    {
        with_fire(&*store, sync).await;
        enqueued(&*store, sync, sync, run_type).await;
        let fire = fire(&format!("fire-{sync}"), Overlap::QueueOne, None);
        assert_eq!(fire_one(&*store, fire).await, expected, "{sync}");
    }
}

async fn a_test_is_in_no_fires_way(store: Arc<dyn Queue>) {
    with_fire(&*store, "a").await;
    enqueued(&*store, "test", "a", RunType::Test).await;
    taken(&*store, &run_id("test")).await;
    assert_eq!(fire_one(&*store, fire("fire-a", Overlap::Skip, None)).await, None);
}

async fn what_a_person_scheduled_is_queued_in_any_case(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "active", "a", RunType::Sync).await;
    taken(&*store, &run_id("active")).await;
    enqueued(&*store, "waits", "a", RunType::Sync).await;
    let asked = Run { run_at: Some(at(90)), ..new_run("asked", "a", RunType::Sync) };
    store.enqueue(&asked).await.unwrap();
    assert_eq!(fire_one(&*store, fire("asked", Overlap::Skip, None)).await, None);
    // A retry of another type is one, too: nothing else would do what it does.
    let retry = Run { trigger: Trigger::Retry, ..fire_at("retry", "a", 90) };
    let retry = Run { run_type: RunType::Seed, ..retry };
    store.insert_run(&retry, "{}").await.unwrap();
    assert_eq!(fire_one(&*store, fire("retry", Overlap::Skip, None)).await, None);
}

async fn what_is_not_scheduled_any_more_is_passed_over(store: Arc<dyn Queue>) {
    with_fire(&*store, "a").await;
    with_fire(&*store, "b").await;
    enqueued(&*store, "waits", "b", RunType::OneTime).await;
    let fires = ["absent", "waits", "fire-a", "fire-a"].map(|name| fire(name, Overlap::QueueOne, None));
    let fired = store.fire(&fires, at(100)).await.unwrap();
    assert_eq!(fired, [Fired { run_id: run_id("fire-a"), not_run: None }]);
    assert!(store.fire(&fires, at(100)).await.unwrap().is_empty());
}

async fn a_fire_of_a_sync_that_is_not_active_does_not_run(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    store.set_sync_state(&uid("a"), &SyncState::Inactive, at(0)).await.unwrap();
    // Inserted behind the back of activation.
    store.insert_run(&fire_at("fire", "a", 100), "{}").await.unwrap();
    let fire = fire("fire", Overlap::QueueOne, Some(fire_at("next", "a", 200)));
    assert_eq!(fire_one(&*store, fire).await, Some(EndReason::Deactivated));
    assert!(names(&*store, "a", RunStatus::Scheduled).await.is_empty());
}

async fn of_many_fires_each_is_judged_after_the_one_before(store: Arc<dyn Queue>) {
    with_fire(&*store, "a").await;
    let asked = Run { run_at: Some(at(90)), ..new_run("asked", "a", RunType::OneTime) };
    store.enqueue(&asked).await.unwrap();
    let fires = ["asked", "fire-a"].map(|name| fire(name, Overlap::QueueOne, None));
    let fired = store.fire(&fires, at(100)).await.unwrap();
    assert!(fired.iter().all(|fired| fired.not_run.is_none()));
    assert_eq!(candidate_names(&*store, &[]).await, ["asked"], "it was queued first");
}

async fn cancelling_ends_what_waits_and_tells_the_worker_of_what_runs(store: Arc<dyn Queue>) {
    with_fire(&*store, "a").await;
    let follow = |name| FollowUp { next: Some(fire_at(name, "a", 300)), ..FollowUp::default() };
    let run = store.request_cancel(&run_id("fire-a"), &follow("next"), at(7)).await.unwrap();
    assert_eq!((run.status, run.end_reason), (RunStatus::NotRun, Some(EndReason::Cancelled)));
    assert_eq!(run.completed_at, Some(at(7)));
    assert_eq!(run_now(&*store, &run.id).await, run);
    assert_eq!(names(&*store, "a", RunStatus::Scheduled).await, ["next"]);

    reschedule(&*store, "a", None).await.unwrap();
    enqueued(&*store, "waits", "a", RunType::Sync).await;
    let run = store.request_cancel(&run_id("waits"), &follow("next2"), at(8)).await.unwrap();
    assert_eq!((run.status, run.end_reason), (RunStatus::Cancelled, Some(EndReason::Cancelled)));
    assert_eq!(run_now(&*store, &run.id).await, run);
    assert_eq!(names(&*store, "a", RunStatus::Scheduled).await, ["next2"]);

    reschedule(&*store, "a", None).await.unwrap();
    enqueued(&*store, "runs", "a", RunType::Sync).await;
    let active = taken(&*store, &run_id("runs")).await;
    let held = [(active.id.clone(), active.epoch)];
    let ttl = std::time::Duration::from_secs(60);
    assert!(store.renew("w1", &held, ttl).await.unwrap().cancelled.is_empty());
    assert_eq!(store.request_cancel(&active.id, &follow("next3"), at(9)).await.unwrap(), active);
    assert_eq!(store.renew("w1", &held, ttl).await.unwrap().cancelled, std::slice::from_ref(&active.id));
    assert!(names(&*store, "a", RunStatus::Scheduled).await.is_empty(), "it has not ended yet");
}

async fn what_ended_or_is_held_cannot_be_cancelled(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "held", "a", RunType::Sync).await;
    let run = taken_and_running(&*store, &run_id("held")).await;
    let held = Run { status: RunStatus::Held, ..run };
    store.end_run(&held, &FollowUp::default()).await.unwrap();
    refused(store.request_cancel(&held.id, &FollowUp::default(), at(9)).await, ErrorKind::Conflict);
    store.end_run(&Run { status: RunStatus::Cancelled, ..held }, &FollowUp::default()).await.unwrap();
    refused(store.request_cancel(&run_id("held"), &FollowUp::default(), at(9)).await, ErrorKind::Conflict);
}

async fn held_runs_are_found_by_the_age_of_their_plan(store: Arc<dyn Queue>) {
    for (sync, planned_at) in [("a", 10), ("b", 20)] {
        ensure(&*store, sync).await;
        enqueued(&*store, sync, sync, RunType::Sync).await;
        let run = taken_and_running(&*store, &run_id(sync)).await;
        let held = Run { status: RunStatus::Held, planned_at: Some(at(planned_at)), ..run };
        store.end_run(&held, &FollowUp::default()).await.unwrap();
    }
    let held = store.held_since(at(11)).await.unwrap();
    assert_eq!(held.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), ["run_a"]);
    assert_eq!(store.held_since(at(21)).await.unwrap().len(), 2);
    assert!(store.held_since(at(10)).await.unwrap().is_empty());
}

async fn the_holder_alone_pins_a_run(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "a", "a", RunType::Sync).await;
    let run = taken(&*store, &run_id("a")).await;
    for (config, config_hash) in [("{\"v\": 1}", "one"), ("{\"v\": 2}", "two")] {
        let pinned = Run { config_hash: config_hash.into(), ..run.clone() };
        store.pin(&pinned, config).await.unwrap();
        assert_eq!(store.run_config(&run.id).await.unwrap(), config);
        assert_eq!(run_now(&*store, &run.id).await, pinned);
    }
    let stale = Run { epoch: run.epoch + 1, ..run.clone() };
    refused(store.pin(&stale, "{}").await, ErrorKind::Fenced);
    assert_eq!(store.run_config(&run.id).await.unwrap(), "{\"v\": 2}");
}

async fn what_is_not_there_is_not_found(store: Arc<dyn Queue>) {
    let id = run_id("absent");
    refused(store.claim(&id, &claim_by("w1")).await, ErrorKind::NotFound);
    let second = std::time::Duration::from_secs(1);
    refused(store.take_over(&id, "w1", second, second, true).await, ErrorKind::NotFound);
    refused(store.request_cancel(&id, &FollowUp::default(), at(0)).await, ErrorKind::NotFound);
    refused(store.pin(&new_run("absent", "a", RunType::Sync), "{}").await, ErrorKind::NotFound);
    refused(reschedule(&*store, "a", None).await, ErrorKind::NotFound);
    let state = SyncState::Active;
    refused(store.set_activation(&uid("a"), &state, None, at(0)).await, ErrorKind::NotFound);
    assert!(store.unscheduled().await.unwrap().is_empty());
    assert!(store.due(at(0), 10).await.unwrap().is_empty());
    assert_eq!(store.runs(&RunFilter::default(), Page::first(1)).await.unwrap().1, 0);
}
