//! Trying what a server would run: `check`, `preview`, `validate`.

use reqwest::Method;
use serde_json::{Value, json};
use syncline_api::{CheckRequest, PreviewRequest, PreviewView, ProblemItem, ServerView, SyncCheck, SyncView};
use syncline_core::{ErrorKind, Result};

use super::{Client, select};
use crate::Context;
use crate::args::{CheckArgs, PreviewArgs};
use crate::commands::check as local;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Style};

pub async fn check(context: &Context, server: &Client, args: &CheckArgs) -> Outcome {
    let all: Vec<SyncView> = server.all(&["syncs"], &[]).await?;
    let syncs = match args.selectors.as_slice() {
        [] => all.iter().collect(),
        some => select::syncs(&all, some, &[])?,
    };
    let mut checks = local::Checks::of(&context.out, args.create);
    for sync in syncs {
        let request = CheckRequest { create: args.create };
        let checked: Result<SyncCheck> =
            server.send(Method::POST, &["syncs", &sync.id, "check"], &request).await;
        let checked = match checked {
            // It is the server that failed, not the check.
            Err(e)
                if matches!(
                    e.kind,
                    ErrorKind::StateUnreachable | ErrorKind::Unauthenticated | ErrorKind::Forbidden
                ) =>
            {
                return Err(e.into());
            }
            checked => checked,
        };
        checks.add(&sync.into(), &checked, |_| {
            sync.place.clone().map(|place| (place, Value::Null, Value::Null))
        });
    }
    Ok(checks.end())
}

pub async fn preview(context: &Context, server: &Client, args: &PreviewArgs) -> Outcome {
    let sync = select::sync(server, &args.sync).await?;
    let request = PreviewRequest { limit: Some(args.limit as u64) };
    let preview: PreviewView = server.send(Method::POST, &["syncs", &sync.id, "preview"], &request).await?;
    local::print_preview(&context.out, &preview);
    Ok(Exit::Done)
}

/// What the server finds wrong with its project as it is now.
pub async fn validate(context: &Context, server: &Client) -> Outcome {
    let view: ServerView = server.get(&["server"]).await?;
    let problems = view.project_problems;
    let errors = problems.iter().filter(|problem| !problem.warning).count() as u64;
    let warnings = problems.len() as u64 - errors;
    let out = &context.out;
    if out.json {
        out.json(&problems.iter().map(problem_view).collect::<Vec<_>>());
    } else {
        for problem in &problems {
            let (style, word) =
                if problem.warning { (Style::Warn, "warning") } else { (Style::Bad, "error") };
            let head = out.paint(style, &format!("{word}[{}]", problem.code));
            out.prose(format!("{head}: {}", problem.message));
            out.prose(format!("  at {}", problem.at.as_deref().unwrap_or("the project")));
            if let Some(help) = &problem.help {
                out.prose(format!("  {}: {help}", out.paint(Style::Accent, "help")));
            }
        }
        let warned =
            if warnings > 0 { format!(", {}", output::counted(warnings, "warning")) } else { String::new() };
        match errors {
            0 => out.line(format!("{} the project is valid{warned}", out.paint(Style::Good, "✓"))),
            n => out.line(format!("{} {}{warned}", out.paint(Style::Bad, "✗"), output::counted(n, "error"))),
        }
    }
    Ok(if errors > 0 { Exit::Usage } else { Exit::Done })
}

/// As problems are told without a server. `at` is `file:line:column`.
fn problem_view(problem: &ProblemItem) -> Value {
    let severity = if problem.warning { "warning" } else { "error" };
    let mut parts = problem.at.as_deref().unwrap_or_default().rsplitn(3, ':');
    let (column, line, file) = (parts.next(), parts.next(), parts.next());
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
    json!({ "code": problem.code, "severity": severity, "file": file, "line": number(line),
        "column": number(column), "message": problem.message, "help": problem.help })
}
