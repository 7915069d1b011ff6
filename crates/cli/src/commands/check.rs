//! `check` and `preview`: trying a sync without running it.

use serde_json::{Map, Value, json};
use syncline_api::{PreviewRowView, PreviewView, SyncCheck, SyncView};
use syncline_core::{Error, Result, Sync};
use syncline_engine::inspect::{self, PreviewCut, PreviewLimits};

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
    let mut checks = Checks::of(&context.out, args.create);
    for sync in syncs {
        let checked = check_one(&app, sync, args.create).await;
        checks.add(&Meant::from(sync), &checked, |path| {
            let written = app.project.place(&sync.id, path);
            let place = written.or_else(|| app.project.place(&sync.id, ""))?;
            Some((place.to_string(), json!(place.file), json!(place.line)))
        });
    }
    Ok(checks.end())
}

async fn check_one(app: &App, sync: &Sync, create: bool) -> Result<SyncCheck> {
    let ends = app.endpoints(sync)?;
    inspect::check(sync, &ends, create).await.map(syncline_server::check_view)
}

/// A sync that is checked.
pub struct Meant<'a> {
    id: &'a str,
    source: &'a str,
    target: &'a str,
    object: &'a str,
}

impl<'a> From<&'a Sync> for Meant<'a> {
    fn from(sync: &'a Sync) -> Self {
        Self { id: sync.id.as_str(), source: &sync.source, target: &sync.target, object: &sync.to.object }
    }
}

impl<'a> From<&'a SyncView> for Meant<'a> {
    fn from(sync: &'a SyncView) -> Self {
        Self { id: &sync.id, source: &sync.source, target: &sync.target, object: &sync.object }
    }
}

/// Where a setting is written: for people, and its file and line.
pub type Place = (String, Value, Value);

/// Shows one check after the other.
pub struct Checks<'a> {
    out: &'a Out,
    /// Missing targets are made.
    create: bool,
    exit: Exit,
    views: Vec<Value>,
}

impl<'a> Checks<'a> {
    pub fn of(out: &'a Out, create: bool) -> Self {
        Self { out, create, exit: Exit::Done, views: Vec::new() }
    }

    /// `place`: where a setting of the sync is written.
    pub fn add(&mut self, sync: &Meant, checked: &Result<SyncCheck>, place: impl Fn(&str) -> Option<Place>) {
        self.exit = self.exit.worst(match checked {
            Ok(checked) if checked.good => Exit::Done,
            Ok(_) => Exit::Usage,
            Err(e) => Exit::of_error(e),
        });
        match self.out.json {
            true => self.views.push(view(sync, checked, place)),
            false => self.out.raw(&text(self.out, sync, checked, self.create, place)),
        }
    }

    pub fn end(self) -> Exit {
        if self.out.json {
            self.out.json(&self.views);
        }
        self.exit
    }
}

fn text(
    out: &Out,
    sync: &Meant,
    checked: &Result<SyncCheck>,
    create: bool,
    place: impl Fn(&str) -> Option<Place>,
) -> String {
    let id = out.paint(Style::Strong, sync.id);
    let checked = match checked {
        Err(e) => return failed(out, &id, e),
        Ok(checked) => checked,
    };
    let (style, icon) = if checked.good { (Style::Good, "✓") } else { (Style::Bad, "✗") };
    let mut text = format!("{} {id}\n", out.paint(style, icon));
    let line = |name: &str, value: &str| {
        let name = out.paint(Style::Dim, &format!("{name:<8}"));
        let text = format!("  {name}{}", value.replace('\n', "\n          "));
        format!("{}\n", out.wrapped(&text, Some(10)))
    };
    text += &line("source", &format!("{}: {}", sync.source, checked.source));
    text += &line("target", &format!("{}: {}", sync.target, checked.target));
    let columns: Vec<_> = checked.columns.iter().map(|c| format!("{} {}", c.name, c.type_name)).collect();
    text += &line("columns", &columns.join(", "));
    if !checked.fields.is_empty() {
        text += &line("writes", &format!("{}: {}", sync.object, checked.fields.join(", ")));
    }
    if let Some(creation) = &checked.creation {
        text += &line(if create { "created" } else { "create" }, creation.trim());
    }
    for problem in &checked.problems {
        let code = out.paint(Style::Bad, &format!("error[{}]", problem.code));
        let mut lines = format!("  {code}: {}\n", problem.message);
        let path = path(problem.at.as_deref());
        lines += &match place(&path) {
            Some((written, ..)) => format!("    at {written} ({path})\n"),
            None => format!("    at {path}\n"),
        };
        if let Some(help) = &problem.help {
            lines += &format!("    {}: {help}\n", out.paint(Style::Accent, "help"));
        }
        text += &out.wrapped(&lines, None);
    }
    text
}

/// `/mapping/email` → `mapping.email`.
fn path(pointer: Option<&str>) -> String {
    let steps = pointer.unwrap_or_default().split('/').skip(1);
    steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect::<Vec<_>>().join(".")
}

fn failed(out: &Out, id: &str, error: &Error) -> String {
    let code = out.paint(Style::Bad, &format!("error[{}]", error.code()));
    let mut text = format!("{} {id}\n  {code}: {error}\n", out.paint(Style::Bad, "✗"));
    if let Some(help) = &error.help {
        text += &format!("    {}: {help}\n", out.paint(Style::Accent, "help"));
    }
    out.wrapped(&text, None)
}

fn view(sync: &Meant, checked: &Result<SyncCheck>, place: impl Fn(&str) -> Option<Place>) -> Value {
    match checked {
        Err(e) => json!({ "sync_id": sync.id, "ok": false,
            "error": { "code": e.code(), "message": e.message, "help": e.help } }),
        Ok(checked) => {
            let problems = checked.problems.iter().map(|p| {
                let path = path(p.at.as_deref());
                let (file, line) = place(&path).map_or((Value::Null, Value::Null), |(_, f, l)| (f, l));
                json!({ "code": p.code, "path": path, "message": p.message, "help": p.help,
                    "file": file, "line": line })
            });
            json!({ "sync_id": sync.id, "ok": checked.good,
                "source": checked.source, "target": checked.target,
                "columns": checked.columns, "fields": checked.fields,
                "creation": checked.creation, "problems": problems.collect::<Vec<_>>() })
        }
    }
}

pub async fn preview(context: &Context, args: &PreviewArgs) -> Outcome {
    let app = App::open(context)?;
    let sync = app.sync(&args.sync)?;
    let ends = app.endpoints(sync)?;
    let limits = PreviewLimits { rows: args.limit, ..PreviewLimits::default() };
    let preview = inspect::preview(sync, &ends, limits).await?;
    let cut = preview.cut.map(|cut| match cut {
        PreviewCut::Bytes => "bytes".to_string(),
        PreviewCut::Time => "time".to_string(),
    });
    let rows = preview.rows.into_iter().map(syncline_server::row_view).collect();
    print_preview(&context.out, &PreviewView { rows, cut });
    Ok(Exit::Done)
}

/// Source rows beside what would be sent.
pub fn print_preview(out: &Out, preview: &PreviewView) {
    if out.json {
        out.json(&preview.rows);
    } else if preview.rows.is_empty() {
        out.line("The model has no rows.");
    } else {
        for (number, row) in preview.rows.iter().enumerate() {
            out.raw(&row_text(out, number + 1, row));
        }
        match preview.cut.as_deref() {
            Some("bytes") => out.line("There are more rows; these are large."),
            Some(_) => out.line("There may be more rows; the source is slow."),
            None => {}
        }
    }
}

/// Between source columns and target fields.
const ARROW: &str = "   →  ";

/// Source columns on the left, target fields on the right; or one below the other where a terminal
/// is too narrow for both.
fn row_text(out: &Out, number: usize, row: &PreviewRowView) -> String {
    let left = lines(&row.source);
    let (mark, right) = match (&row.payload, &row.error) {
        (Some(payload), _) => (String::new(), lines(payload)),
        (None, Some(error)) => {
            let field = error.field.as_ref().map(|f| format!("{f}: ")).unwrap_or_default();
            (out.paint(Style::Bad, &format!("invalid  {field}{}", error.message)), Vec::new())
        }
        (None, None) => (out.paint(Style::Dim, "excluded"), Vec::new()),
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
