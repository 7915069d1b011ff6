//! When syncs run by themselves, as people see it and as activation needs it.

use std::collections::HashMap;
use std::str::FromStr as _;
use std::time::Duration;

use jiff::Timestamp;
use syncline_api::{ScheduleView, ScheduledSync};
use syncline_core::sync::{Overlap, Schedule, When};
use syncline_core::{EndReason, Result, SyncId};
use syncline_scheduler::due::{next_fires, seed_of};
use syncline_store::{Catalog, Page, SyncSchedule, SyncState};

/// Next times that are shown.
const FIRES_SHOWN: usize = 10;
/// Missed fires are shown for this long.
const MISSED_SHOWN: Duration = Duration::from_secs(7 * 24 * 3_600);
/// At most so many of them.
const MISSED_MAX: u64 = 50;
/// Syncs that are looked at together: as many as the state tells of with all that they missed.
const SYNCS_AT_ONCE: usize = (Page::SIZE_MAX / MISSED_MAX) as usize;

pub fn view(schedule: &Schedule) -> ScheduleView {
    let mut view = ScheduleView {
        every_seconds: None,
        cron: None,
        timezone: None,
        after: None,
        jitter_seconds: schedule.jitter.as_secs_f64(),
        overlap: match schedule.overlap {
            Overlap::QueueOne => "queue_one".into(),
            Overlap::Skip => "skip".into(),
        },
    };
    match &schedule.when {
        When::Every(every) => view.every_seconds = Some(every.as_secs_f64()),
        When::Cron { expression, timezone } => {
            view.cron = Some(expression.clone());
            view.timezone = Some(timezone.clone());
        }
        When::After(upstream) => view.after = Some(upstream.to_string()),
    }
    view
}

/// When a schedule fires, in words.
pub fn words(schedule: &Schedule) -> String {
    match &schedule.when {
        When::Every(every) => format!("every {}", span_words(every.as_secs())),
        When::Cron { expression, timezone } => {
            let described = croner::Cron::from_str(expression).map(|cron| cron.describe());
            let words = described.map_or_else(|_| expression.clone(), |text| sentence_part(&text));
            if timezone == "UTC" { words } else { format!("{words}, in {timezone}") }
        }
        When::After(upstream) => format!("after each success of {upstream}"),
    }
}

/// `15 minutes`, `hour`, `1 day 6 hours`.
fn span_words(seconds: u64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    if let Some((_, unit)) = units.into_iter().find(|(length, _)| *length == seconds) {
        return unit.into();
    }
    let mut rest = seconds;
    let mut words = Vec::new();
    for (length, unit) in units {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            words.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        }
    }
    words.join(" ")
}

/// `At 06:00.` → `at 06:00`, `At every 15 minutes.` → `every 15 minutes`
fn sentence_part(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut letters =
        text.strip_prefix("At ").filter(|rest| rest.starts_with("every")).unwrap_or(text).chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

pub fn state_name(state: &SyncState) -> &'static str {
    match state {
        SyncState::Active => "active",
        SyncState::Inactive => "inactive",
        SyncState::Halted { .. } => "halted",
    }
}

/// The schedule of a sync that the state does not know yet: nothing fires before it is activated.
pub fn unscheduled(id: &SyncId, schedule: &Schedule, now: Timestamp) -> ScheduledSync {
    ScheduledSync {
        sync_id: id.to_string(),
        state: state_name(&SyncState::Inactive).into(),
        schedule: view(schedule),
        next_run_at: None,
        next_fires: next_fires(schedule, now, 0, FIRES_SHOWN),
        missed: Vec::new(),
    }
}

/// Schedules of syncs with their next fires and those that did not run lately, in their order.
pub async fn scheduled(
    store: &dyn Catalog,
    syncs: &[(&SyncId, &Schedule)],
    now: Timestamp,
) -> Result<Vec<ScheduledSync>> {
    let missed_since = now.checked_sub(MISSED_SHOWN).unwrap_or(Timestamp::MIN);
    let mut views = Vec::with_capacity(syncs.len());
    for page in syncs.chunks(SYNCS_AT_ONCE) {
        let ids: Vec<SyncId> = page.iter().map(|(id, _)| (*id).clone()).collect();
        let known = store.sync_schedules(&ids, missed_since, MISSED_MAX).await?;
        let known: HashMap<&SyncId, &SyncSchedule> =
            known.iter().map(|sync| (&sync.record.id, sync)).collect();
        views.extend(page.iter().map(|(id, schedule)| match known.get(id) {
            Some(sync) => scheduled_view(sync, schedule, now),
            None => unscheduled(id, schedule, now),
        }));
    }
    Ok(views)
}

fn scheduled_view(sync: &SyncSchedule, schedule: &Schedule, now: Timestamp) -> ScheduledSync {
    let SyncSchedule { record, next_run_at, missed } = sync;
    let missed = missed.iter().filter(|run| run.end_reason != Some(EndReason::Cancelled));
    ScheduledSync {
        sync_id: record.id.to_string(),
        state: state_name(&record.state).into(),
        schedule: view(schedule),
        next_run_at: *next_run_at,
        next_fires: fires(schedule, *next_run_at, seed_of(&record.uid), now),
        missed: missed.map(|run| syncline_api::RunView::of(run, now)).collect(),
    }
}

/// The next times, beginning with that of the run that waits.
fn fires(schedule: &Schedule, next_run_at: Option<Timestamp>, seed: u64, now: Timestamp) -> Vec<Timestamp> {
    let first = next_run_at.filter(|at| *at > now);
    let mut fires: Vec<Timestamp> = first.into_iter().collect();
    fires.extend(next_fires(schedule, first.unwrap_or(now), seed, FIRES_SHOWN - fires.len()));
    fires
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(expression: &str, timezone: &str) -> String {
        let when = When::Cron { expression: expression.into(), timezone: timezone.into() };
        words(&Schedule { when, jitter: Duration::ZERO, overlap: Overlap::Skip })
    }

    #[test]
    fn schedules_are_told_in_words() {
        let every = |seconds| {
            let when = When::Every(Duration::from_secs(seconds));
            words(&Schedule { when, jitter: Duration::ZERO, overlap: Overlap::Skip })
        };
        assert_eq!(every(900), "every 15 minutes");
        assert_eq!(every(3_600), "every hour");
        assert_eq!(every(108_000), "every 1 day 6 hours");
        assert_eq!(cron("0 6 * * *", "UTC"), "at 06:00");
        assert_eq!(cron("0 6 * * *", "Europe/Berlin"), "at 06:00, in Europe/Berlin");
        assert_eq!(cron("*/15 * * * *", "UTC"), "every 15 minutes");
        assert_eq!(cron("0 6 * * 1", "UTC"), "at 06:00, on Monday");
    }
}
