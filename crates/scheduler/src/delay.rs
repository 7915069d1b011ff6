//! How late runs are, in seconds, for the figures of this process.

use jiff::Timestamp;
use syncline_core::Run;

/// Since a run was due: since it was asked for, where it was to run at a moment before that.
pub fn since_due(run: &Run, now: Timestamp) -> f64 {
    let due_at = run.run_at.unwrap_or(run.created_at).max(run.created_at);
    now.duration_since(due_at).as_secs_f64().max(0.0)
}

/// Since a run could be claimed. `None`: it was held meanwhile, and when it was approved is not kept.
pub fn until_claimed(run: &Run, now: Timestamp) -> Option<f64> {
    run.planned_at.is_none().then(|| since_due(run, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const CREATED: &str = "2026-01-01T00:00:00Z";

    fn due(run_at: &str) -> Run {
        Run { run_at: Some(testing::at(run_at)), created_at: testing::at(CREATED), ..testing::run() }
    }

    #[test]
    fn a_run_is_late_from_when_it_was_due_and_not_from_before_it_was_asked_for() {
        let now = testing::at("2026-01-01T00:01:00Z");
        assert_eq!(since_due(&due("2026-01-01T00:00:57Z"), now), 3.0);
        assert_eq!(since_due(&due("2000-01-01T00:00:00Z"), now), 60.0);
        assert_eq!(since_due(&Run { run_at: None, ..due(CREATED) }, now), 60.0);
        assert_eq!(since_due(&due("2026-01-01T00:02:00Z"), now), 0.0);
    }

    #[test]
    fn the_time_in_which_a_run_was_held_is_no_delay() {
        let now = testing::at("2026-01-01T08:00:00Z");
        let run = due("2026-01-01T07:59:58Z");
        assert_eq!(until_claimed(&run, now), Some(2.0));
        let approved = Run { planned_at: Some(testing::at("2026-01-01T00:00:09Z")), ..run };
        assert_eq!(until_claimed(&approved, now), None);
    }
}
