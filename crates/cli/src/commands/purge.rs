//! `purge`: removing what is kept of single records.

use std::collections::BTreeSet;

use serde_json::json;
use syncline_api::PurgeView;
use syncline_core::{Error, ErrorKind, Result, SyncId};
use syncline_server::views;

use crate::Context;
use crate::app::App;
use crate::args::PurgeArgs;
use crate::audit::audited;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Out};
use crate::select;

pub async fn purge(context: &Context, args: &PurgeArgs) -> Outcome {
    let rows = keys(args)?;
    let app = App::open(context)?;
    let (engine, catalog) = app.engine_and_catalog(context).await?;
    let id = SyncId::parse(&args.sync).ok();
    let known = match &id {
        Some(id) => engine.store.sync(id).await?,
        None => None,
    };
    let Some(record) = known else {
        let sync = app.project.syncs.iter().find(|sync| sync.id.as_str() == args.sync);
        return Err(match sync {
            Some(sync) => Error::new(ErrorKind::NotFound, format!("{} never ran: nothing is kept", sync.id)),
            None => select::unknown(&app.project, &args.sync),
        }
        .into());
    };
    if !args.yes {
        let report = engine.purge(&record, &rows, false).await?;
        if !agreed(context, &views::purge(&record.id, rows.len(), false, &report))? {
            return Ok(Exit::Cancelled);
        }
    }
    let done = engine.purge(&record, &rows, true).await;
    let view = done.map(|report| views::purge(&record.id, rows.len(), true, &report));
    let detail = view.as_ref().map_or_else(|_| json!({ "keys": rows.len() }), |view| json!(view));
    let view = audited(&*catalog, "syncs.purge", format!("syncs/{}/purge", record.id), detail, view).await?;
    print(&context.out, &view);
    Ok(Exit::Done)
}

/// The keys of a command line.
pub fn keys(args: &PurgeArgs) -> Result<BTreeSet<String>> {
    if args.keys.iter().any(String::is_empty) {
        let help = "give the key as `syncline errors` shows it";
        return Err(Error::new(ErrorKind::BadUsage, "--key names no record").help(help));
    }
    Ok(args.keys.iter().cloned().collect())
}

/// Says what would go; a person agrees.
pub fn agreed(context: &Context, estimate: &PurgeView) -> Outcome<bool> {
    let out = &context.out;
    let what = places(estimate).join("\n");
    match what.is_empty() {
        true => out.remark("No values are kept of it but what may lie in files that nothing names any more."),
        false => out.remark(&format!("This removes for good what {} keeps:\n{what}", estimate.sync_id)),
    }
    if let Some(kept) = kept(estimate) {
        out.remark(&kept);
    }
    if !out.can_ask() {
        return Err(Error::new(ErrorKind::BadUsage, "a purge needs a yes").help("add --yes").into());
    }
    let answer = out.ask("Go ahead? [y/N] ")?.unwrap_or_default();
    let agreed = matches!(answer.to_lowercase().as_str(), "y" | "yes");
    if !agreed {
        out.note("nothing was removed");
    }
    Ok(agreed)
}

/// What was removed.
pub fn print(out: &Out, done: &PurgeView) {
    if out.json {
        out.json(done);
        return;
    }
    let what = places(done).join("\n");
    out.line(match (what.is_empty(), done.entries_kept) {
        (false, _) => format!("removed from what {} keeps:\n{what}", done.sync_id),
        (true, 0) => format!("{} kept nothing of it", done.sync_id),
        (true, _) => format!("{} kept no values of it", done.sync_id),
    });
    if let Some(kept) = kept(done) {
        out.remark(&kept);
    }
}

fn places(view: &PurgeView) -> Vec<String> {
    let entries = view.entries_removed + view.entries_emptied;
    let places = [
        (view.planned_changes, "change in plans", "changes in plans"),
        (view.outcomes, "row in outcomes", "rows in outcomes"),
        (view.dead_letters, "dead letter", "dead letters"),
        (view.row_errors, "error of runs", "errors of runs"),
        (entries, "entry of the snapshot", "entries of the snapshot"),
        (view.runs, "run that names it", "runs that name it"),
        (view.messages, "message that cites it", "messages that cite it"),
        (view.exported, "exported record", "exported records"),
        (view.answers, "answer kept for a repeated request", "answers kept for repeated requests"),
        (view.leftover_files, "file that nothing names any more", "files that nothing names any more"),
    ];
    let shown = places.into_iter().filter(|(count, ..)| *count > 0);
    shown
        .map(|(n, one, many)| format!("  {} {}", output::grouped(n), if n == 1 { one } else { many }))
        .collect()
}

fn kept(view: &PurgeView) -> Option<String> {
    let records = output::counted(view.entries_kept, "record");
    (view.entries_kept > 0).then(|| {
        format!(
            "the key, match value and target id of {records} stay, because the next run needs them; delete the \
             record at the source, run {}, and purge again to remove these too",
            view.sync_id
        )
    })
}
