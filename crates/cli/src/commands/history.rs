//! `history`: the life of one record.

use serde_json::json;
use syncline_core::SyncId;
use syncline_engine::review::{self, RowEvent};

use crate::Context;
use crate::args::HistoryArgs;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Out, Style};
use crate::records::Records;

pub async fn history(context: &Context, args: &HistoryArgs) -> Outcome {
    let records = Records::open(context)?;
    let engine = records.reader_of_runs().await?;
    let record = records.known_sync(&engine, &args.sync).await?;
    let events = review::history(&engine, &record.uid, &args.row_id, args.limit).await?;
    print(&context.out, &record.id, &args.row_id, events);
    Ok(Exit::Done)
}

/// What happened to a record, newest first.
pub fn print(out: &Out, sync: &SyncId, row_id: &str, events: Vec<RowEvent>) {
    if out.json {
        let data: Vec<_> = events.into_iter().map(syncline_server::views::record_event).collect();
        out.json(&json!({ "sync_id": sync, "row_id": row_id, "data": data }));
    } else if events.is_empty() {
        out.line(format!("Nothing is recorded of {row_id} in {sync}."));
        out.remark(
            "rows that never changed leave no trace; keys are written as `syncline errors` shows them",
        );
    } else {
        for event in &events {
            out.raw(&event_text(out, event));
        }
    }
}

fn event_text(out: &Out, event: &RowEvent) -> String {
    let style = match event.result.as_str() {
        "created" | "updated" | "removed" => Style::Good,
        "failed" | "rejected" => Style::Bad,
        "unknown" => Style::Warn,
        _ => Style::Dim,
    };
    let at = event.at.map(output::local).unwrap_or_else(|| "in progress".into());
    let run = out.paint(Style::Dim, output::short_id(&event.run_id));
    let what = match event.result.as_str() {
        "failed" => format!("failed ({})", event.operation),
        "planned" => format!("{} planned", event.operation),
        other => other.to_string(),
    };
    let mut text = format!("{at}  {}  {run}\n", out.paint(style, &format!("{what:<18}")));
    if let Some(message) = &event.message {
        let field = event.field.as_ref().map(|f| format!("{f}: ")).unwrap_or_default();
        text += &format!("{}\n", out.wrapped(&format!("      {field}{message}"), None));
    }
    text += &output::field_lines(out, &event.fields, "      ");
    text
}
