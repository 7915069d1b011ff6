//! How a notice looks in Slack.

use serde_json::{Value, json};
use syncline_core::ErrorKind;

use super::telling::{Event, Links, RunTold, Telling};

/// Longest text of a block, in characters; Slack takes 3,000.
const BLOCK_CHARS_MAX: usize = 2_900;

/// The body for an incoming webhook.
pub fn message(telling: &Telling, links: &Links) -> Value {
    let headline = escape(&headline(telling));
    let mut text = format!("*{headline}*");
    let links = linked(telling, links);
    let details = details(telling).into_iter().map(|line| escape(&line));
    // Whole lines only: half a link would be shown as text.
    for line in (!links.is_empty()).then(|| links.join(" · ")).into_iter().chain(details) {
        if text.chars().count() + line.chars().count() < BLOCK_CHARS_MAX {
            text = format!("{text}\n{line}");
        }
    }
    json!({
        // What notifications and screen readers show.
        "text": headline,
        "unfurl_links": false,
        "unfurl_media": false,
        // Verbatim: names are not made into links and mentions.
        "blocks": [{ "type": "section", "text": { "type": "mrkdwn", "text": text, "verbatim": true } }],
    })
}

/// Slack's three control characters; without them there is no mention, link or channel.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn headline(telling: &Telling) -> String {
    let sync = telling.sync_id.as_ref().map_or("a sync", |id| id.as_str());
    let code = telling.error_code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default();
    match telling.event {
        Event::Completed => format!("{sync}: a run completed"),
        Event::Failed => format!("{sync}: a run failed{code}"),
        Event::HighErrorRate => match telling.error_rate {
            Some(rate) => {
                format!("{sync}: {:.1}% of the rows failed (limit {}%)", rate.percent, rate.limit)
            }
            None => format!("{sync}: many rows failed"),
        },
        Event::ConsecutiveFailures => {
            format!("{sync}: {} runs failed in a row{code}", telling.failures_in_a_row.unwrap_or(0))
        }
        Event::Held => format!("{sync}: a run is held and waits for approval"),
        Event::Halted => format!("{sync} is halted until somebody activates it{code}"),
        Event::Recovered => format!("{sync} works again"),
        Event::Test => "Syncline can reach this channel".into(),
    }
}

fn details(telling: &Telling) -> Vec<String> {
    let Some(run) = &telling.run else { return Vec::new() };
    let error = telling.error_code.as_deref();
    let error = error.and_then(|code| ErrorKind::ALL.into_iter().find(|kind| kind.code() == code));
    let mut lines: Vec<String> = error.map(|kind| kind.explanation().meaning.into()).into_iter().collect();
    lines.push(figures(run));
    lines.extend(telling.guards.iter().map(|guard| format!("{}: {}", guard.guard, guard.message)));
    if run.partially_written {
        lines.push("Part of the changes were written; the next run goes on from there.".into());
    }
    if run.retry_number > 0 {
        lines.push(format!("After {} automatic retries.", run.retry_number));
    }
    lines
}

fn figures(run: &RunTold) -> String {
    let counters = run.counters;
    let mut parts = vec![format!("{} {}", run.run_type.as_str(), run.status.as_str())];
    if let Some(seconds) = run.duration_seconds {
        parts.push(format!("{} s", seconds.round()));
    }
    let counts = [
        (counters.rows_processed, "read"),
        (counters.rows_created, "created"),
        (counters.rows_updated, "updated"),
        (counters.rows_deleted, "deleted"),
        (counters.rows_failed + counters.rows_delete_failed, "failed"),
    ];
    parts.extend(counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    parts.join(", ")
}

fn linked(telling: &Telling, links: &Links) -> Vec<String> {
    let run = telling.run.as_ref().and_then(|run| links.run(&run.id));
    let error = telling.error_code.as_deref().and_then(|code| links.error(code));
    let link = |url: Option<String>, text: &str| url.map(|url| format!("<{}|{text}>", escape(&url)));
    [link(run, "Open the run"), link(error, "About this error")].into_iter().flatten().collect()
}
