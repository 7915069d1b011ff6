//! Automatic retries of runs that could not read their source.

use std::time::Duration;

use syncline_core::{Run, RunStatus, canon};

/// Most automatic retries of one run.
pub const RETRIES_MAX: u32 = 5;
const DELAY_MIN_SECONDS: f64 = 30.0;
const DELAY_MAX_SECONDS: f64 = 30.0 * 60.0;

/// After how long an ended run is tried again; `None`: it is not.
///
/// Only `source_failure` is tried again, and at most [`RETRIES_MAX`] times. The range from half a minute to
/// half an hour is divided into as many steps of equal ratio; a delay is anywhere in its step, by a hash
/// of the run, so that syncs of one source do not return to it together.
pub fn retry_delay(run: &Run, seed: u64) -> Option<Duration> {
    if run.status != RunStatus::SourceFailure || run.retry_number >= RETRIES_MAX {
        return None;
    }
    let hash = canon::hash(seed, run.id.as_str().as_bytes()).0 as u32;
    let fraction = f64::from(hash) / (f64::from(u32::MAX) + 1.0);
    let step = (f64::from(run.retry_number) + fraction) / f64::from(RETRIES_MAX);
    let ratio = DELAY_MAX_SECONDS / DELAY_MIN_SECONDS;
    Some(Duration::from_millis((DELAY_MIN_SECONDS * ratio.powf(step) * 1_000.0) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use proptest::prelude::*;
    use syncline_core::RunId;

    fn failed(retry_number: u32, id: &str) -> Run {
        Run { id: RunId::from_stored(id), status: RunStatus::SourceFailure, retry_number, ..run() }
    }

    proptest! {
        #[test]
        fn five_retries_wait_from_half_a_minute_to_half_an_hour_each_longer(seed: u64, id: u128) {
            let id = format!("run_{id:032x}");
            let delays: Vec<Duration> =
                (0..RETRIES_MAX).map(|n| retry_delay(&failed(n, &id), seed).unwrap()).collect();
            prop_assert!(delays.is_sorted());
            prop_assert!(delays[0] >= Duration::from_secs(30) && delays[0] < Duration::from_secs(69));
            prop_assert!(delays[4] > Duration::from_secs(790) && delays[4] <= Duration::from_secs(1_800));
            prop_assert_eq!(retry_delay(&failed(RETRIES_MAX, &id), seed), None);
            prop_assert_eq!(retry_delay(&failed(3, &id), seed), Some(delays[3]));
        }
    }

    #[test]
    fn syncs_of_one_source_do_not_return_together() {
        let delays: std::collections::BTreeSet<Duration> =
            (0..100).map(|seed| retry_delay(&failed(0, "run_1"), seed).unwrap()).collect();
        assert!(delays.len() > 90);
    }

    #[test]
    fn nothing_else_is_retried() {
        for status in RunStatus::ALL {
            let run = Run { status, ..run() };
            assert_eq!(retry_delay(&run, 1).is_some(), status == RunStatus::SourceFailure, "{status:?}");
        }
    }
}
