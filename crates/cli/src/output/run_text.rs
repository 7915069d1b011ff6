//! Runs in words: status, verdict, and what to do next.

use jiff::Timestamp;
use syncline_core::run::GuardVerdict;
use syncline_core::{Counters, EndReason, Run, RunId, RunStatus};
use syncline_store::RowErrorRecord;

use super::numbers::{counted, duration, grouped, plural};
use super::{Out, Style};
use crate::fault::causes;

/// Digits of a run id that tell runs apart: its time to the millisecond, and the counter within it.
const SHORT_DIGITS: usize = 16;
/// Errors looked at for the summary of causes, and causes shown.
pub const ERRORS_GROUPED_MAX: u64 = 10_000;
const GROUPS_SHOWN: usize = 3;

/// A run id as lists show it; `syncline runs show` takes it as it is.
pub fn short_id(id: &RunId) -> &str {
    let end = "run_".len() + SHORT_DIGITS;
    id.as_str().get(..end).unwrap_or(id.as_str())
}

/// Icon, word and colour of a run's status: the same everywhere.
pub fn status_text(run: &Run) -> (Style, String) {
    let failed = run.counters.rows_failed + run.counters.rows_delete_failed;
    match run.status {
        RunStatus::Completed if failed > 0 => {
            (Style::Warn, format!("! completed, {} failed", grouped(failed)))
        }
        RunStatus::Completed => (Style::Good, "✓ completed".into()),
        RunStatus::Failed => (Style::Bad, "✗ failed".into()),
        RunStatus::SourceFailure => (Style::Bad, "✗ source failure".into()),
        RunStatus::Cancelled if is_rejected(run) => (Style::Dim, "– cancelled (rejected)".into()),
        RunStatus::Cancelled => (Style::Dim, "– cancelled".into()),
        RunStatus::NotRun => (Style::Dim, "– not run".into()),
        RunStatus::Held => (Style::Held, "‖ held".into()),
        RunStatus::Starting => (Style::Live, "▸ starting".into()),
        RunStatus::Running => (Style::Live, "▸ running".into()),
        RunStatus::Queued => (Style::Dim, "· queued".into()),
        RunStatus::Scheduled => (Style::Dim, "· scheduled".into()),
    }
}

/// A held run that somebody ended: its counters say what was done, which is nothing.
pub fn is_rejected(run: &Run) -> bool {
    run.end_reason == Some(EndReason::Rejected)
}

/// The run in one sentence.
pub fn verdict(run: &Run, now: Timestamp) -> String {
    let took = run.duration_seconds(now).map(duration).unwrap_or_default();
    match run.status {
        RunStatus::Completed if run.dry_run() => format!("Planned in {took}: {}", planned(run)),
        RunStatus::Completed => format!("Completed in {took}: {}", done(run)),
        RunStatus::Held => {
            let tripped = run.guards.iter().filter(|v| v.tripped).count() as u64;
            let guards = counted(tripped, "guard");
            format!("Held by {guards}: {}; nothing was written", planned(run))
        }
        RunStatus::Failed | RunStatus::SourceFailure => {
            let what = run.error.as_ref().map_or("no reason was recorded", |e| e.message.as_str());
            let written = match run.partially_written {
                true => format!(" (written before that: {})", done(run)),
                false => String::new(),
            };
            format!("Failed after {took}: {what}{written}")
        }
        RunStatus::Cancelled if run.partially_written => {
            format!("Cancelled after {took}: {}", done(run))
        }
        RunStatus::Cancelled if is_rejected(run) => {
            format!("Held, then rejected: {}, nothing was written", rows_read(run))
        }
        RunStatus::Cancelled => match run.started_at {
            Some(_) => format!("Cancelled after {took}: nothing was written"),
            None => "Cancelled before it started".into(),
        },
        RunStatus::NotRun => "Not run".into(),
        RunStatus::Queued | RunStatus::Scheduled => "Waiting to start".into(),
        RunStatus::Starting => "Starting".into(),
        RunStatus::Running => match run.phase {
            Some(phase) => format!("Running for {took}: {}", phase.label()),
            None => format!("Running for {took}"),
        },
    }
}

fn rows_read(run: &Run) -> String {
    format!("{} read", counted(run.counters.rows_processed, "row"))
}

fn done(run: &Run) -> String {
    let c = &run.counters;
    let mut parts = vec![rows_read(run)];
    let counts = [
        (c.rows_created, "created"),
        (c.rows_updated, "updated"),
        (c.rows_deleted, "deleted"),
        (c.rows_skipped, "skipped"),
        (c.rows_failed, "failed"),
        (c.rows_delete_failed, "could not be deleted"),
        (c.rows_not_attempted, "not attempted"),
    ];
    parts.extend(counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", grouped(*n))));
    if c.rows_processed == 0 && parts.len() == 1 {
        parts.push("nothing to do".into());
    } else if c.rows_skipped == c.rows_processed && c.rows_deleted + c.rows_delete_failed == 0 {
        parts.truncate(1);
        parts.push("nothing to write".into());
    }
    parts.join(", ")
}

fn planned(run: &Run) -> String {
    let c = &run.counters;
    let mut parts = vec![rows_read(run)];
    let counts = [
        (c.rows_created, "to create"),
        (c.rows_updated, "to update"),
        (c.rows_deleted, "to delete"),
        (c.rows_failed, "cannot be sent"),
    ];
    let counts: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).collect();
    if counts.is_empty() {
        parts.push("no changes".into());
    }
    parts.extend(counts.iter().map(|(n, what)| format!("{} {what}", grouped(*n))));
    parts.join(", ")
}

/// The changes of a plan that nobody carried out.
pub fn undone(planned: &Counters) -> String {
    let counts = [
        (planned.rows_created, "create"),
        (planned.rows_updated, "update"),
        (planned.rows_deleted, "delete"),
    ];
    let parts: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| counted(*n, what)).collect();
    let all = match parts.as_slice() {
        [] => "No changes".to_string(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    let changes: u64 = counts.iter().map(|(n, _)| n).sum();
    let were = if changes == 1 { "was" } else { "were" };
    format!("{all} {were} planned and not done")
}

/// What a command prints when a run is over: verdict, causes, next steps. One text, so that runs at
/// once do not print between each other's lines.
///
/// `errors`: those of its rows that are at hand, and how many there are.
pub fn run_report(
    out: &Out,
    run: &Run,
    first: bool,
    (errors, total): (&[RowErrorRecord], u64),
    now: Timestamp,
) -> String {
    let (style, status) = status_text(run);
    let icon = status.chars().next().unwrap_or(' ').to_string();
    let sentence = verdict(run, now);
    let sync = out.paint(Style::Strong, run.sync_id.as_str());
    let mut prose = vec![format!("{} {sync}  {sentence}", out.paint(style, &icon))];
    if let Some(error) = &run.error {
        prose.extend(causes(error).map(|cause| format!("  caused by: {cause}")));
        prose.extend(error.help.iter().map(|help| format!("  {}: {help}", out.paint(Style::Accent, "help"))));
    }
    let note = out.paint(Style::Dim, "note:");
    prose.extend(run.notices.iter().map(|notice| format!("  {note} {notice}")));
    if !run.not_found.is_empty() {
        prose.push(format!("  {note} not found: {}", run.not_found.join(", ")));
    }
    let mut text = paragraphs(out, &prose);
    if run.status == RunStatus::Held {
        text += &held_text(out, run);
    }
    if run.counters.rows_failed + run.counters.rows_delete_failed > 0 {
        text += &errors_text(out, run, errors, total);
        if first && run.run_type.writes() && run.status == RunStatus::Completed {
            let advice = "  This was the first run: look at these rows before you activate the sync.";
            text += &paragraphs(out, &[advice.to_string()]);
        }
    }
    let foot = format!("  {}  {}", short_id(&run.id), run.run_type.as_str());
    text + &out.paint(Style::Dim, &foot) + "\n"
}

/// Running text, each on lines of its own.
fn paragraphs(out: &Out, prose: &[String]) -> String {
    prose.iter().map(|text| out.wrapped(text, None) + "\n").collect()
}

/// The tripped guards of a held run, and the two ways on.
pub fn held_text(out: &Out, run: &Run) -> String {
    let mut text = guard_lines(out, run.guards.iter().filter(|v| v.tripped));
    let id = short_id(&run.id);
    text += &format!("  release it:  syncline approve {id}\n  end it:      syncline reject {id}\n");
    text
}

fn guard_lines<'a>(out: &Out, verdicts: impl Iterator<Item = &'a GuardVerdict>) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        text += &format!("  {} {}\n", out.paint(Style::Held, &verdict.guard), verdict.message);
        if !verdict.sample.is_empty() {
            text += &format!("    for example {}\n", verdict.sample.join(", "));
        }
    }
    out.wrapped(&text, None)
}

/// The most frequent causes of failed rows.
fn errors_text(out: &Out, run: &Run, errors: &[RowErrorRecord], total: u64) -> String {
    let groups = grouped_errors(errors);
    let shown = groups.iter().take(GROUPS_SHOWN).map(|group| {
        let field = group.first.field.as_ref().map(|f| format!(" ({f})")).unwrap_or_default();
        let count = out.paint(Style::Warn, &format!("{}×", grouped(group.rows)));
        let row = &group.first.row_id;
        format!("  {count} {}{field}, for example {row}: {}", group.first.code, group.first.message)
    });
    let mut text = paragraphs(out, &shown.collect::<Vec<_>>());
    if groups.len() > GROUPS_SHOWN {
        let more = (groups.len() - GROUPS_SHOWN) as u64;
        text += &format!("  and {} more {}\n", grouped(more), plural(more, "kind"));
    }
    let id = short_id(&run.id);
    let all = if total == 1 { "see it".to_string() } else { format!("see all {} errors", grouped(total)) };
    text + &format!("  {all}: syncline errors {id}\n")
}

struct ErrorGroup<'a> {
    rows: u64,
    first: &'a RowErrorRecord,
}

/// Errors by code and field, the most frequent first.
fn grouped_errors(errors: &[RowErrorRecord]) -> Vec<ErrorGroup<'_>> {
    let mut groups: Vec<ErrorGroup> = Vec::new();
    for error in errors {
        match groups.iter_mut().find(|g| g.first.code == error.code && g.first.field == error.field) {
            Some(group) => group.rows += 1,
            None => groups.push(ErrorGroup { rows: 1, first: error }),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.rows));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_done_is_counted_in_words() {
        let planned = |created, updated, deleted| {
            undone(&Counters {
                rows_created: created,
                rows_updated: updated,
                rows_deleted: deleted,
                ..Counters::default()
            })
        };
        assert_eq!(planned(0, 0, 1_974), "1,974 deletes were planned and not done");
        assert_eq!(planned(12, 1, 1_974), "12 creates, 1 update and 1,974 deletes were planned and not done");
        assert_eq!(planned(1, 0, 0), "1 create was planned and not done");
    }
}
