//! What is told over the life of a sync.

use syncline_config::NotificationEvent;
use syncline_core::sync::Limit;
use syncline_core::{Run, RunStatus, RunType, Trigger};
use syncline_store::SyncState;
use uuid::Uuid;

use super::fixture::{counted, error, run, start};
use crate::notify::{Channel, ChannelKind, Ended, decide, earlier_needed};

fn channel() -> Channel {
    use NotificationEvent::*;
    Channel {
        id: "ops".into(),
        kind: ChannelKind::Slack,
        events: vec![Failed, Halted, Held, Recovered],
        error_rate: None,
        consecutive_failures: None,
    }
}

/// The life of a sync: runs end one after the other, and each is told with those before it.
struct Life {
    channel: Channel,
    runs: Vec<Run>,
}

impl Life {
    fn new(channel: Channel) -> Self {
        Self { channel, runs: Vec::new() }
    }

    fn next(&self, status: RunStatus) -> Run {
        run(&self.runs.len().to_string(), status, self.runs.len() as i64)
    }

    fn end(&mut self, run: Run) -> Vec<String> {
        self.end_with(run, false, None)
    }

    fn end_with(&mut self, run: Run, is_retried: bool, state: Option<SyncState>) -> Vec<String> {
        let ended = Ended { run: &run, state: state.as_ref(), is_retried, earlier: &self.runs, now: start() };
        let notices = decide(&ended, std::slice::from_ref(&self.channel), &Uuid::new_v4);
        for notice in &notices {
            assert_eq!((notice.channel.as_str(), notice.run_id.as_ref()), ("ops", Some(&run.id)));
            assert_eq!(notice.payload["event"], notice.event);
        }
        self.runs.push(run);
        notices.into_iter().map(|notice| notice.event).collect()
    }

    fn completes(&mut self) -> Vec<String> {
        self.end(self.next(RunStatus::Completed))
    }

    fn fails(&mut self, code: &str) -> Vec<String> {
        self.end(Run { error: Some(error(code)), ..self.next(RunStatus::Failed) })
    }

    /// A chain of source failures; what is told at the end of each run.
    fn loses_its_source(&mut self, retries: u32, succeeds: bool) -> Vec<Vec<String>> {
        let mut told = Vec::new();
        for retry_number in 0..=retries {
            let last = retry_number == retries;
            let status = if last && succeeds { RunStatus::Completed } else { RunStatus::SourceFailure };
            let run = Run {
                error: (status == RunStatus::SourceFailure).then(|| error("source_unreachable")),
                trigger: if retry_number == 0 { Trigger::Schedule } else { Trigger::Retry },
                retry_number,
                retry_of: (retry_number > 0).then(|| self.runs.last().unwrap().id.clone()),
                ..self.next(status)
            };
            told.push(self.end_with(run, !last, None));
        }
        told
    }
}

fn nothing() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_failure_is_told_once_until_the_sync_works_again() {
    let mut life = Life::new(channel());
    assert_eq!(life.completes(), nothing());
    assert_eq!(life.fails("model_query_failed"), ["failed"]);
    assert_eq!(life.fails("model_query_failed"), nothing());
    assert_eq!(life.fails("destination_auth_expired"), ["failed"], "another reason is another state");
    assert_eq!(life.fails("destination_auth_expired"), nothing());
    assert_eq!(life.completes(), ["recovered"]);
    assert_eq!(life.completes(), nothing());
    assert_eq!(life.fails("model_query_failed"), ["failed"]);
}

#[test]
fn completed_runs_are_told_each_where_that_is_wanted() {
    let mut life = Life::new(Channel { events: vec![NotificationEvent::Completed], ..channel() });
    assert_eq!(life.completes(), ["completed"]);
    assert_eq!(life.completes(), ["completed"]);
    assert_eq!(life.fails("x"), nothing());
    assert_eq!(life.completes(), ["completed"]);
}

#[test]
fn a_chain_of_retries_is_told_after_its_last() {
    let mut life = Life::new(Channel { consecutive_failures: Some(2), ..channel() });
    let told = life.loses_its_source(5, false);
    let (last, before) = told.split_last().unwrap();
    assert_eq!(last, &["failed"]);
    assert!(before.iter().all(Vec::is_empty), "{before:?}");
    let told = life.loses_its_source(5, false);
    assert_eq!(told.last().unwrap(), &["consecutive_failures"], "two chains are two failures");
    assert_eq!(life.completes(), ["recovered"]);
}

#[test]
fn a_chain_that_ends_well_was_never_a_failure() {
    let mut life = Life::new(channel());
    life.completes();
    assert!(life.loses_its_source(3, true).iter().all(Vec::is_empty));
    assert_eq!(life.completes(), nothing());
    life.fails("x");
    assert_eq!(life.loses_its_source(2, true).last().unwrap(), &["recovered"]);
}

#[test]
fn a_failure_that_is_still_to_be_retried_is_no_trouble_to_recover_from() {
    let mut life = Life::new(channel());
    let failed = Run { error: Some(error("source_unreachable")), ..life.next(RunStatus::SourceFailure) };
    let id = failed.id.clone();
    assert_eq!(life.end_with(failed, true, None), nothing());
    let mut retry = life.next(RunStatus::Scheduled);
    (retry.retry_of, retry.retry_number, retry.trigger) = (Some(id), 1, Trigger::Retry);
    life.runs.push(retry);
    let by_hand = Run { trigger: Trigger::Manual, ..life.next(RunStatus::Completed) };
    assert_eq!(life.end(by_hand), nothing());
}

#[test]
fn a_source_failure_that_is_not_retried_is_told_at_once() {
    let mut life = Life::new(channel());
    assert_eq!(life.loses_its_source(0, false), [["failed"]]);
}

#[test]
fn failures_in_a_row_are_told_at_exactly_their_number() {
    let mut life = Life::new(Channel { events: Vec::new(), consecutive_failures: Some(3), ..channel() });
    let mut told = |n: usize| (0..n).map(|_| life.fails("x").len()).collect::<Vec<_>>();
    assert_eq!(told(5), [0, 0, 1, 0, 0]);
    life.completes();
    let mut told = |n: usize| (0..n).map(|_| life.fails("x").len()).collect::<Vec<_>>();
    assert_eq!(told(4), [0, 0, 1, 0]);
}

#[test]
fn cancelled_runs_and_tests_change_and_tell_nothing() {
    let mut life = Life::new(Channel {
        events: vec![NotificationEvent::Completed, NotificationEvent::Failed, NotificationEvent::Held],
        consecutive_failures: Some(2),
        error_rate: Some(1.0),
        ..channel()
    });
    assert_eq!(life.fails("x"), ["failed"]);
    for status in [RunStatus::Completed, RunStatus::Failed, RunStatus::SourceFailure, RunStatus::Held] {
        let mut test = Run { run_type: RunType::Test, counters: counted(10, 10), ..life.next(status) };
        test.error = Some(error("y"));
        assert_eq!(life.end(test), nothing(), "{status:?}");
    }
    assert_eq!(life.end(life.next(RunStatus::Cancelled)), nothing());
    assert_eq!(life.end(life.next(RunStatus::NotRun)), nothing());
    assert_eq!(life.fails("x"), ["consecutive_failures"]);
}

#[test]
fn a_high_error_rate_is_told_until_it_was_lower() {
    let mut life = Life::new(Channel { events: Vec::new(), error_rate: Some(10.0), ..channel() });
    let mut told = |processed, failed| {
        let counters = counted(processed, failed);
        let run = Run { counters, ..life.next(RunStatus::Completed) };
        life.end(run).len()
    };
    let steps = [
        ((100, 10), 0, "at the limit is not above it"),
        ((100, 11), 1, "above"),
        ((100, 50), 0, "still above"),
        ((0, 0), 0, "no rows say nothing"),
        ((100, 20), 0, "still above"),
        ((100, 10), 0, "lower"),
        ((1, 1), 1, "above again"),
    ];
    for ((processed, failed), expected, why) in steps {
        assert_eq!(told(processed, failed), expected, "{why}");
    }
    assert!(Limit::Percent(10.0).is_exceeded_by(11, 100));
}

#[test]
fn a_run_that_fails_by_its_rows_tells_their_rate_too() {
    let mut life = Life::new(Channel { error_rate: Some(1.0), consecutive_failures: Some(1), ..channel() });
    let failed = Run {
        counters: counted(50, 50),
        error: Some(error("all_rows_failed")),
        ..life.next(RunStatus::Failed)
    };
    assert_eq!(life.end(failed), ["failed", "consecutive_failures", "high_error_rate"]);
}

#[test]
fn every_held_run_is_told() {
    let mut life = Life::new(channel());
    assert_eq!(life.end(life.next(RunStatus::Held)), ["held"]);
    assert_eq!(life.completes(), nothing(), "holding is no failure");
    assert_eq!(life.end(life.next(RunStatus::Held)), ["held"]);
}

#[test]
fn a_halted_sync_recovers_only_by_a_run_of_its_own() {
    let mut life = Life::new(Channel { consecutive_failures: Some(2), ..channel() });
    assert_eq!(life.fails("error_threshold"), ["failed"]);
    let halted = SyncState::Halted { reason: "with 'a value'".into(), since: start(), failures: 2 };
    let last =
        Run { error: Some(error("error_threshold")), halted_sync: true, ..life.next(RunStatus::Failed) };
    assert_eq!(life.end_with(last, false, Some(halted)), ["consecutive_failures", "halted"]);
    let one_time = Run { run_type: RunType::OneTime, ..life.next(RunStatus::Completed) };
    assert_eq!(life.end(one_time), nothing(), "the sync still stands still");
    let replay = Run { run_type: RunType::Replay, ..life.next(RunStatus::Completed) };
    assert_eq!(life.end(replay), nothing());
    assert_eq!(life.completes(), ["recovered"]);
    assert_eq!(life.fails("x"), ["failed"]);
    assert_eq!(life.fails("x"), ["consecutive_failures"], "counted afresh after the halt");
}

#[test]
fn each_channel_gets_what_it_wants_in_a_notice_of_its_own() {
    let failed = Run { error: Some(error("x")), ..run("1", RunStatus::Failed, 0) };
    let channels = [
        channel(),
        Channel { id: "none".into(), events: vec![NotificationEvent::Completed], ..channel() },
        Channel { id: "many".into(), consecutive_failures: Some(1), ..channel() },
    ];
    let ended = Ended { run: &failed, state: None, is_retried: false, earlier: &[], now: start() };
    let notices = decide(&ended, &channels, &Uuid::new_v4);
    let told: Vec<_> = notices.iter().map(|n| (n.channel.as_str(), n.event.as_str())).collect();
    assert_eq!(told, [("ops", "failed"), ("many", "failed"), ("many", "consecutive_failures")]);
    let ids: std::collections::BTreeSet<_> = notices.iter().map(|notice| &notice.id).collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn the_order_in_which_runs_are_listed_does_not_matter() {
    let mut life = Life::new(channel());
    life.fails("x");
    life.completes();
    life.runs.reverse();
    assert_eq!(life.end(run("9", RunStatus::Completed, 99)), nothing());
}

#[test]
fn as_many_runs_are_looked_at_as_the_longest_count_needs() {
    let many = Channel { consecutive_failures: Some(10), ..channel() };
    let absurd = Channel { consecutive_failures: Some(u32::MAX), ..channel() };
    assert_eq!(earlier_needed(&[channel()]), 20);
    assert_eq!(earlier_needed(&[channel(), many]), 80);
    assert_eq!(earlier_needed(&[absurd]), syncline_store::Page::SIZE_MAX);
}
