//! How a sync's runs develop, and what in them is a sudden change: pure functions of its runs.

use syncline_api::{TrendFlag, TrendPoint};
use syncline_core::{Run, RunStatus, RunType};

/// A run is compared with the median of this many before it.
const COMPARED_RUNS: usize = 10;
/// Fewest runs before one that say what is usual.
const COMPARED_RUNS_MIN: usize = 3;
/// A change of the rows by more than this share of the median is flagged.
const ROWS_CHANGE: f64 = 0.5;
/// A run that takes more than this many times the median is flagged.
const SLOWER_FACTOR: f64 = 2.0;
/// Runs that take less than this are never slow.
const SLOW_SECONDS_MIN: f64 = 1.0;
/// A rise of the error rate by more than one percentage point is flagged.
const ERROR_RATE_RISE: f64 = 0.01;
/// Above one percent of failed rows in this many runs in a row, the errors are systematic.
const SYSTEMATIC_RATE: f64 = 0.01;
const SYSTEMATIC_RUNS: usize = 3;

/// What trends are made of: runs that read and wrote all there was for them, and came to an end of their own.
/// Those of some records only, such as replays, tell nothing about the others.
pub fn counts(run: &Run) -> bool {
    let ended = matches!(run.status, RunStatus::Completed | RunStatus::Failed | RunStatus::SourceFailure);
    let options = &run.options;
    let is_whole = options.source_ids.is_empty() && options.max_entities.is_none();
    ended && is_whole && run.run_type.writes() && run.run_type != RunType::Replay && run.started_at.is_some()
}

/// The points of runs that count, newest first, each with its flags. Runs behind the last point are
/// what the last ones are compared with: give [`COMPARED_RUNS`] more than `points`.
pub fn points(runs: &[Run], points: usize) -> Vec<TrendPoint> {
    let counted: Vec<&Run> = runs.iter().filter(|run| counts(run)).collect();
    let figures: Vec<Figures> = counted.iter().map(|run| Figures::of(run)).collect();
    let make = |(n, run): (usize, &&Run)| {
        let before = &figures[n + 1..(n + 1 + COMPARED_RUNS).min(figures.len())];
        let own = &figures[n];
        TrendPoint {
            run_id: run.id.to_string(),
            at: run.completed_at.unwrap_or(run.created_at),
            status: run.status.as_str().into(),
            rows_processed: run.counters.rows_processed,
            rows_failed: run.counters.rows_failed,
            error_rate: own.error_rate,
            duration_seconds: own.seconds,
            flags: own.flags(before),
        }
    };
    counted.iter().enumerate().take(points).map(make).collect()
}

/// The share of failed rows stayed above one percent.
pub fn is_systematic(points: &[TrendPoint]) -> bool {
    let last = &points[..points.len().min(SYSTEMATIC_RUNS)];
    last.len() == SYSTEMATIC_RUNS && last.iter().all(|point| point.error_rate > SYSTEMATIC_RATE)
}

/// The latest run is the first with failed rows.
pub fn asks_for_review(points: &[TrendPoint]) -> bool {
    match points {
        [latest, before @ ..] => latest.rows_failed > 0 && before.iter().all(|point| point.rows_failed == 0),
        [] => false,
    }
}

struct Figures {
    /// `None`: the run did not come to reading all it wanted.
    rows: Option<f64>,
    error_rate: f64,
    seconds: f64,
}

impl Figures {
    fn of(run: &Run) -> Self {
        let c = &run.counters;
        let rows = c.rows_processed as f64;
        Self {
            rows: (run.status == RunStatus::Completed).then_some(rows),
            error_rate: if c.rows_processed > 0 { c.rows_failed as f64 / rows } else { 0.0 },
            seconds: run.durations.total(),
        }
    }

    fn flags(&self, before: &[Figures]) -> Vec<TrendFlag> {
        let mut flags = Vec::new();
        if before.len() < COMPARED_RUNS_MIN {
            return flags;
        }
        let usual_rows = median(before.iter().filter_map(|figures| figures.rows));
        if let (Some(rows), Some(usual)) = (self.rows, usual_rows.filter(|usual| *usual > 0.0)) {
            flags.extend(rows_flag(rows, usual));
        }
        if let Some(usual) = median(before.iter().map(|figures| figures.seconds))
            && self.seconds > usual * SLOWER_FACTOR
            && self.seconds >= SLOW_SECONDS_MIN
        {
            let message = format!("took {}, usually {}", seconds(self.seconds), seconds(usual));
            flags.push(flag("slower", message, &SLOWER));
        }
        if let Some(usual) = median(before.iter().map(|figures| figures.error_rate))
            && self.error_rate > usual + ERROR_RATE_RISE
        {
            let message = format!(
                "{:.1} % of the rows failed, usually {:.1} %",
                self.error_rate * 100.0,
                usual * 100.0
            );
            flags.push(flag("error_rate_rise", message, &ERRORS));
        }
        flags
    }
}

/// `413 s`; below ten seconds with a digit more, `0.2 s`.
fn seconds(seconds: f64) -> String {
    let digits = usize::from(seconds < 10.0);
    format!("{seconds:.digits$} s")
}

fn rows_flag(rows: f64, usual: f64) -> Option<TrendFlag> {
    let noun = if rows == 1.0 { "row" } else { "rows" };
    let message = format!("{rows:.0} {noun}, usually {usual:.0}");
    if rows > usual * (1.0 + ROWS_CHANGE) {
        Some(flag("rows_spike", message, &SPIKE))
    } else if rows < usual * (1.0 - ROWS_CHANGE) {
        Some(flag("rows_drop", message, &DROP))
    } else {
        None
    }
}

fn flag(kind: &str, message: String, causes: &[&str]) -> TrendFlag {
    let likely_causes = causes.iter().map(|cause| (*cause).to_string()).collect();
    TrendFlag { kind: kind.into(), message, likely_causes }
}

const SPIKE: [&str; 3] = [
    "many records were added or changed at the source, for example by an import",
    "the model's filter or join was widened, or multiplies rows",
    "a cursor was reset, so that everything was read again",
];
const DROP: [&str; 3] = [
    "the model's filter was narrowed, or a table it reads is incomplete",
    "a pipeline that fills the source did not run",
    "records were removed at the source",
];
const SLOWER: [&str; 3] = [
    "the source's query lost an index or reads much more than before",
    "the destination is slower, or limits the rate of requests",
    "other runs or programs use the same systems",
];
const ERRORS: [&str; 3] = [
    "the source has values of a new kind that the mapping does not expect",
    "the destination has a new rule, or a field changed its type or length",
    "a mapping was changed",
];

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use syncline_core::run::RunOptions;
    use syncline_core::{SyncId, SyncUid, Trigger};
    use syncline_scheduler::succession::new_run;
    use uuid::Uuid;

    use super::*;

    fn figures(rows: f64, failed: f64, seconds: f64) -> Figures {
        Figures { rows: Some(rows), error_rate: failed / rows, seconds }
    }

    fn kinds(own: &Figures, before: &[Figures]) -> Vec<String> {
        own.flags(before).into_iter().map(|flag| flag.kind).collect()
    }

    fn usual(n: usize) -> Vec<Figures> {
        (0..n).map(|_| figures(1000.0, 5.0, 10.0)).collect()
    }

    #[test]
    fn what_is_half_as_much_again_or_half_is_not_sudden_and_more_is() {
        let before = usual(10);
        assert!(kinds(&figures(1500.0, 7.5, 20.0), &before).is_empty());
        assert_eq!(kinds(&figures(1501.0, 7.5, 10.0), &before), ["rows_spike"]);
        assert!(kinds(&figures(500.0, 2.5, 10.0), &before).is_empty());
        assert_eq!(kinds(&figures(499.0, 2.5, 10.0), &before), ["rows_drop"]);
        assert_eq!(kinds(&figures(1000.0, 5.0, 20.1), &before), ["slower"]);
        assert_eq!(kinds(&figures(1000.0, 15.1, 10.0), &before), ["error_rate_rise"]);
    }

    #[test]
    fn nothing_is_usual_after_two_runs() {
        assert!(kinds(&figures(1.0, 1.0, 1000.0), &usual(2)).is_empty());
        assert!(!kinds(&figures(1.0, 1.0, 1000.0), &usual(3)).is_empty());
    }

    #[test]
    fn one_odd_run_does_not_make_the_next_look_odd() {
        let mut before = usual(9);
        before.insert(0, figures(90_000.0, 0.0, 900.0));
        assert!(kinds(&figures(1000.0, 5.0, 10.0), &before).is_empty());
    }

    fn point(failed: u64) -> TrendPoint {
        TrendPoint {
            run_id: "run_1".into(),
            at: jiff::Timestamp::UNIX_EPOCH,
            status: "completed".into(),
            rows_processed: 1000,
            rows_failed: failed,
            error_rate: failed as f64 / 1000.0,
            duration_seconds: 1.0,
            flags: Vec::new(),
        }
    }

    #[test]
    fn errors_are_systematic_after_three_runs_above_one_percent() {
        assert!(is_systematic(&[point(11), point(12), point(13), point(0)]));
        assert!(!is_systematic(&[point(11), point(10), point(13)]));
        assert!(!is_systematic(&[point(11), point(12)]));
    }

    #[test]
    fn the_first_failed_rows_ask_for_a_review() {
        assert!(asks_for_review(&[point(1), point(0)]));
        assert!(asks_for_review(&[point(1)]));
        assert!(!asks_for_review(&[point(1), point(1)]));
        assert!(!asks_for_review(&[point(0), point(1)]));
    }

    #[test]
    fn runs_of_some_records_are_no_part_of_a_trend() {
        let whole = || {
            let id = SyncId::parse("shop.item").unwrap();
            let uid = SyncUid::from_uuid(Uuid::nil());
            let run =
                new_run(&id, &uid, RunType::Sync, Trigger::Manual, Timestamp::UNIX_EPOCH, &Uuid::now_v7);
            Run { status: RunStatus::Completed, started_at: Some(run.created_at), ..run }
        };
        assert!(counts(&whole()));
        assert!(!counts(&Run { run_type: RunType::Replay, ..whole() }));
        assert!(!counts(&Run { run_type: RunType::Test, ..whole() }));
        let some = [
            RunOptions { source_ids: vec!["1".into()], ..RunOptions::default() },
            RunOptions { max_entities: Some(10), ..RunOptions::default() },
        ];
        for options in some {
            assert!(!counts(&Run { options, ..whole() }));
        }
    }
}
