//! Sync Health, which many people look at and which takes a look at every run of a month to add up.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use syncline_core::Result;
use syncline_store::{Catalog, Health};
use tokio::sync::Mutex;
use utoipa::ToSchema;

/// A sum is given again for a second per so many runs in it, so that adding up never takes more than a small
/// part of a core. A sum of fewer is always of now.
const RUNS_PER_SECOND: u64 = 50_000;
/// No sum is older than this.
const KEPT_MAX: SignedDuration = SignedDuration::from_secs(60);

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
pub enum Window {
    #[default]
    #[serde(rename = "24h")]
    Day,
    #[serde(rename = "7d")]
    Week,
    #[serde(rename = "30d")]
    Month,
}

impl Window {
    pub fn name(self) -> &'static str {
        match self {
            Window::Day => "24h",
            Window::Week => "7d",
            Window::Month => "30d",
        }
    }

    /// Its length.
    pub fn seconds(self) -> u64 {
        match self {
            Window::Day => DAY,
            Window::Week => 7 * DAY,
            Window::Month => 30 * DAY,
        }
    }

    /// The length of one period of its chart.
    fn period_seconds(self) -> u64 {
        match self {
            Window::Day => HOUR,
            Window::Week => 6 * HOUR,
            Window::Month => DAY,
        }
    }
}

/// The figures of a window, as they were at a moment.
pub struct Sum {
    pub since: Timestamp,
    at: Timestamp,
    pub figures: Health,
}

impl Sum {
    /// Whether it may still be given at `now`, which may be before it where a clock was set back.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let runs: u64 = self.figures.periods.iter().flat_map(|period| period.by_status.values()).sum();
        let kept = SignedDuration::from_secs((runs / RUNS_PER_SECOND).cast_signed()).min(KEPT_MAX);
        (SignedDuration::ZERO..kept).contains(&now.duration_since(self.at))
    }
}

/// The last sum of each window.
#[derive(Default)]
pub struct Sums([Mutex<Option<Arc<Sum>>>; 3]);

impl Sums {
    /// Who asks while it is added up waits for the same sum.
    pub async fn over(&self, store: &dyn Catalog, window: Window, now: Timestamp) -> Result<Arc<Sum>> {
        let mut last = self.0[window as usize].lock().await;
        if let Some(sum) = last.as_ref().filter(|sum| sum.is_fresh(now)) {
            return Ok(Arc::clone(sum));
        }
        let since = now - Duration::from_secs(window.seconds());
        let figures = store.health(since, window.period_seconds()).await?;
        let sum = Arc::new(Sum { since, at: now, figures });
        *last = Some(Arc::clone(&sum));
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use syncline_core::RunStatus;
    use syncline_store::Period;

    use super::*;

    fn sum(runs: u64) -> Sum {
        let at = Timestamp::from_second(1_000).unwrap();
        let by_status = BTreeMap::from([(RunStatus::Completed, runs - 1), (RunStatus::NotRun, 1)]);
        let figures = Health { periods: vec![Period { start: at, by_status }], ..Health::default() };
        Sum { since: at, at, figures }
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_000_000 + milliseconds).unwrap()
    }

    #[test]
    fn a_sum_is_kept_the_longer_the_more_runs_it_is_of() {
        assert!(!sum(RUNS_PER_SECOND - 1).is_fresh(at(0)), "few runs are added up each time");
        let half_a_million = sum(10 * RUNS_PER_SECOND);
        assert!(half_a_million.is_fresh(at(0)) && half_a_million.is_fresh(at(9_999)));
        assert!(!half_a_million.is_fresh(at(10_000)));
        assert!(!half_a_million.is_fresh(at(-1)), "a clock that was set back keeps nothing alive");
        assert!(sum(u64::MAX / 2).is_fresh(at(59_999)));
        assert!(!sum(u64::MAX / 2).is_fresh(at(60_000)));
    }
}
