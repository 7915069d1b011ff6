//! `check` and `preview`: trying a sync without running it.

use serde_json::{Map, Value, json};
use syncline_core::{Error, Result, Sync};
use syncline_engine::inspect::{
    self, Checked, Preview, PreviewCut, PreviewLimits, PreviewOutcome, PreviewRow,
};

use crate::Context;
use crate::app::App;
use crate::args::{CheckArgs, PreviewArgs};
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Out, Style};
use crate::select;

pub async fn check(context: &Context, args: &CheckArgs) -> Outcome {
    let app = App::open(context)?;
    let syncs = match args.selectors.as_slice() {
        [] => select::all(&app.project)?,
        some => select::syncs(&app.project, some, &[])?,
    };
    let mut exit = Exit::Done;
    let mut views = Vec::new();
    for sync in syncs {
        let checked = check_one(&app, sync, args.create).await;
        exit = exit.worst(match &checked {
            Ok(checked) if checked.problems.is_empty() => Exit::Done,
            Ok(_) => Exit::Usage,
            Err(e) => Exit::of_error(e),
        });
        if context.out.json {
            views.push(view(&app, sync, &checked));
        } else {
            context.out.raw(&text(&context.out, &app, sync, &checked, args.create));
        }
    }
    if context.out.json {
        context.out.json(&views);
    }
    Ok(exit)
}

async fn check_one(app: &App, sync: &Sync, create: bool) -> Result<Checked> {
    let ends = app.endpoints(sync)?;
    inspect::check(sync, &ends, create).await
}

fn text(out: &Out, app: &App, sync: &Sync, checked: &Result<Checked>, create: bool) -> String {
    let id = out.paint(Style::Strong, sync.id.as_str());
    let checked = match checked {
        Err(e) => return failed(out, &id, e),
        Ok(checked) => checked,
    };
    let (style, icon) = if checked.problems.is_empty() { (Style::Good, "✓") } else { (Style::Bad, "✗") };
    let mut text = format!("{} {id}\n", out.paint(style, icon));
    let line = |name: &str, value: &str| {
        let name = out.paint(Style::Dim, &format!("{name:<8}"));
        let text = format!("  {name}{}", value.replace('\n', "\n          "));
        format!("{}\n", out.wrapped(&text, Some(10)))
    };
    text += &line("source", &format!("{}: {}", sync.source, checked.source));
    text += &line("target", &format!("{}: {}", sync.target, checked.target));
    let columns: Vec<_> = checked.columns.iter().map(|(name, ty)| format!("{name} {ty}")).collect();
    text += &line("columns", &columns.join(", "));
    if !checked.fields.is_empty() {
        text += &line("writes", &format!("{}: {}", sync.to.object, checked.fields.join(", ")));
    }
    if let Some(creation) = &checked.creation {
        text += &line(if create { "created" } else { "create" }, creation.trim());
    }
    for problem in &checked.problems {
        let code = out.paint(Style::Bad, &format!("error[{}]", problem.code));
        let mut lines = format!("  {code}: {}\n", problem.message);
        lines += &format!("    at {}\n", place(app, sync, &problem.path));
        if let Some(help) = &problem.help {
            lines += &format!("    {}: {help}\n", out.paint(Style::Accent, "help"));
        }
        text += &out.wrapped(&lines, None);
    }
    text
}

fn failed(out: &Out, id: &str, error: &Error) -> String {
    let code = out.paint(Style::Bad, &format!("error[{}]", error.code()));
    let mut text = format!("{} {id}\n  {code}: {error}\n", out.paint(Style::Bad, "✗"));
    if let Some(help) = &error.help {
        text += &format!("    {}: {help}\n", out.paint(Style::Accent, "help"));
    }
    out.wrapped(&text, None)
}

/// Where in the files a setting is written, or at least what it is called.
fn place(app: &App, sync: &Sync, path: &str) -> String {
    let written = app.project.place(&sync.id, path);
    match written.or_else(|| app.project.place(&sync.id, "")) {
        Some(place) => format!("{place} ({path})"),
        None => path.to_string(),
    }
}

fn view(app: &App, sync: &Sync, checked: &Result<Checked>) -> Value {
    match checked {
        Err(e) => json!({ "sync_id": sync.id, "ok": false,
            "error": { "code": e.code(), "message": e.message, "help": e.help } }),
        Ok(checked) => {
            let columns = checked.columns.iter().map(|(name, ty)| json!({ "name": name, "type": ty }));
            let problems = checked.problems.iter().map(|p| {
                let place = app.project.place(&sync.id, &p.path);
                json!({ "code": p.code, "path": p.path, "message": p.message, "help": p.help,
                    "file": place.as_ref().map(|p| &p.file), "line": place.as_ref().map(|p| p.line) })
            });
            json!({ "sync_id": sync.id, "ok": checked.problems.is_empty(),
                "source": checked.source, "target": checked.target,
                "columns": columns.collect::<Vec<_>>(), "fields": checked.fields,
                "creation": checked.creation, "problems": problems.collect::<Vec<_>>() })
        }
    }
}

pub async fn preview(context: &Context, args: &PreviewArgs) -> Outcome {
    let app = App::open(context)?;
    let sync = app.sync(&args.sync)?;
    let ends = app.endpoints(sync)?;
    let limits = PreviewLimits { rows: args.limit, ..PreviewLimits::default() };
    let Preview { rows, cut } = inspect::preview(sync, &ends, limits).await?;
    let out = &context.out;
    if out.json {
        out.json(&rows.iter().map(row_view).collect::<Vec<_>>());
    } else if rows.is_empty() {
        out.line("The model has no rows.");
    } else {
        for (number, row) in rows.iter().enumerate() {
            out.raw(&row_text(out, number + 1, row));
        }
        match cut {
            Some(PreviewCut::Bytes) => out.line("There are more rows; these are large."),
            Some(PreviewCut::Time) => out.line("There may be more rows; the source is slow."),
            None => {}
        }
    }
    Ok(Exit::Done)
}

fn row_view(row: &PreviewRow) -> Value {
    match &row.outcome {
        PreviewOutcome::Payload(payload) => {
            json!({ "source": row.source, "outcome": "sent", "payload": payload })
        }
        PreviewOutcome::Excluded => json!({ "source": row.source, "outcome": "excluded", "payload": null }),
        PreviewOutcome::Invalid(error) => {
            json!({ "source": row.source, "outcome": "invalid", "payload": null, "error": error })
        }
    }
}

/// Between source columns and target fields.
const ARROW: &str = "   →  ";

/// Source columns on the left, target fields on the right; or one below the other where a terminal
/// is too narrow for both.
fn row_text(out: &Out, number: usize, row: &PreviewRow) -> String {
    let left = lines(&row.source);
    let (mark, right) = match &row.outcome {
        PreviewOutcome::Payload(payload) => (String::new(), lines(payload)),
        PreviewOutcome::Excluded => (out.paint(Style::Dim, "excluded"), Vec::new()),
        PreviewOutcome::Invalid(error) => {
            let field = error.field.as_ref().map(|f| format!("{f}: ")).unwrap_or_default();
            (out.paint(Style::Bad, &format!("invalid  {field}{}", error.message)), Vec::new())
        }
    };
    let width = left.iter().map(|l| l.chars().count()).max().unwrap_or(0);
    let head = format!("{} {mark}", out.paint(Style::Strong, &format!("row {number}")));
    let mut text = format!("{}\n", head.trim_end());
    let widest = right.iter().map(|l| l.chars().count()).max().unwrap_or(0);
    let needed = 2 + width + ARROW.chars().count() + widest;
    if out.width.is_some_and(|columns| usize::from(columns) < needed) {
        text += &left.iter().map(|line| format!("  {line}\n")).collect::<String>();
        text += &right.iter().map(|line| format!("{ARROW}{line}\n")).collect::<String>();
        text.push('\n');
        return text;
    }
    for i in 0..left.len().max(right.len()) {
        let source = left.get(i).map_or("", String::as_str);
        let line = match right.get(i) {
            Some(target) => format!("  {source:<width$}{ARROW}{target}"),
            None => format!("  {source}"),
        };
        text += line.trim_end();
        text.push('\n');
    }
    text.push('\n');
    text
}

fn lines(value: &Value) -> Vec<String> {
    let empty = Map::new();
    let fields = value.as_object().unwrap_or(&empty);
    let width = fields.keys().map(|k| k.chars().count()).max().unwrap_or(0);
    if fields.is_empty() {
        return vec![output::value_text(value)];
    }
    fields.iter().map(|(name, v)| format!("{name:<width$}  {}", output::value_text(v))).collect()
}
