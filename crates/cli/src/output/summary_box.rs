//! The box that sums a run up, with a bar for each count.

use syncline_core::{Run, RunStatus};

use super::numbers::{duration, grouped};

/// Blocks of the longest bar.
const BAR_BLOCKS: u64 = 26;
/// Width of the left column's text.
const LABEL_WIDTH: usize = 15;
/// Numbers have at least the place of five digits.
const NUMBER_WIDTH: usize = 6;

/// The summary of a run: counts with bars in proportion, then durations.
pub fn summary_box(run: &Run, seconds: f64) -> String {
    let c = &run.counters;
    let mut counts = vec![
        ("Created", c.rows_created),
        ("Updated", c.rows_updated),
        ("Deleted", c.rows_deleted),
        ("Failed", c.rows_failed),
        ("Skipped", c.rows_skipped),
    ];
    if c.rows_not_attempted > 0 {
        counts.push(("Not Attempted", c.rows_not_attempted));
    }
    if c.rows_delete_failed > 0 {
        counts.push(("Deletes Failed", c.rows_delete_failed));
    }
    let total = grouped(c.rows_processed);
    let number_width = counts.iter().map(|(_, n)| grouped(*n).len()).max().unwrap_or(0);
    let number_width = number_width.max(total.len()).max(NUMBER_WIDTH);
    let longest = counts.iter().map(|(_, n)| *n).max().unwrap_or(0);
    let right = number_width + 1 + BAR_BLOCKS as usize;
    let row = |label: &str, value: &str| format!("│ {label:<LABEL_WIDTH$} │ {value:<right$} │\n");
    let edge = |left: char, cross: char, end: char| {
        format!("{left}{}{cross}{}{end}\n", "─".repeat(LABEL_WIDTH + 2), "─".repeat(right + 2))
    };
    // Before they are carried out, counts are what the plan would do.
    let planned = run.dry_run() || run.status == RunStatus::Held;
    let title = if planned { "Sync Run Summary (planned, nothing written)" } else { "Sync Run Summary" };
    let mut text = edge('┌', '─', '┐');
    text += &format!("│ {title:<width$} │\n", width = LABEL_WIDTH + 3 + right);
    text += &edge('├', '┬', '┤');
    text += &row("Total Processed", &format!("{total:>number_width$}"));
    for (label, n) in counts {
        let number = grouped(n);
        let bar = "█".repeat(blocks(n, longest));
        text += &row(label, format!("{number:>number_width$} {bar}").trim_end());
    }
    text += &edge('├', '┼', '┤');
    text += &row("Duration", &duration(seconds));
    text += &row("Query Time", &duration(run.durations.query));
    text += &row("Processing Time", &duration(run.durations.processing()));
    text += &edge('└', '┴', '┘');
    text
}

/// In proportion to the longest; what is there at all has one block.
fn blocks(n: u64, longest: u64) -> usize {
    if n == 0 || longest == 0 {
        return 0;
    }
    let exact = n as f64 * BAR_BLOCKS as f64 / longest as f64;
    (exact.round() as usize).clamp(1, BAR_BLOCKS as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion_and_never_vanish() {
        assert_eq!(blocks(13_891, 13_891), 26);
        assert_eq!(blocks(1_205, 13_891), 2);
        assert_eq!(blocks(1, 1_000_000), 1);
        assert_eq!(blocks(0, 10), 0);
        assert_eq!(blocks(0, 0), 0);
    }
}
