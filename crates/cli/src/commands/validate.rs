//! `validate` and `schema`: the project's files by themselves.

use syncline_config::{Problem, Problems, ProcessSecrets, Severity};

use crate::Context;
use crate::app::project_root;
use crate::args::{Document, SchemaArgs};
use crate::exit::Exit;
use crate::fault::{Outcome, counted_errors};
use crate::output::{self, Style};

pub fn validate(context: &Context) -> Outcome {
    let root = project_root(context.globals.project.as_deref())?;
    let registry = syncline_connectors::registry();
    let (problems, syncs) =
        match syncline_config::load(&root, context.globals.environment.as_deref(), &registry) {
            Ok(project) => {
                let mut problems = project.warnings.clone();
                problems.extend(project.unresolved_placeholders(&ProcessSecrets));
                (Problems(problems), project.syncs.len() as u64)
            }
            Err(problems) => (problems, 0),
        };
    let is_wrong = problems.0.iter().any(is_error);
    let out = &context.out;
    if out.json {
        out.json(&problems);
    } else {
        if !problems.0.is_empty() {
            out.line(problems.render(out.message_width(), out.color));
        }
        let warnings = problems.0.iter().filter(|p| !is_error(p)).count() as u64;
        let warned = match warnings {
            0 => String::new(),
            n => format!(", {}", output::counted(n, "warning")),
        };
        if is_wrong {
            let bad = out.paint(Style::Bad, "✗");
            out.line(format!("{bad} {}{warned}", counted_errors(&problems)));
        } else {
            let good = out.paint(Style::Good, "✓");
            out.line(format!("{good} the project is valid: {}{warned}", output::counted(syncs, "sync")));
        }
    }
    Ok(if is_wrong { Exit::Usage } else { Exit::Done })
}

fn is_error(problem: &Problem) -> bool {
    problem.severity == Severity::Error
}

pub fn schema(context: &Context, args: &SchemaArgs) -> Outcome {
    let out = &context.out;
    match args.document {
        Document::Project => out.json(&syncline_config::project_schema(&syncline_connectors::registry())),
        Document::Instance => out.json(&syncline_config::instance_schema()),
        Document::Api => out.json(&syncline_server::openapi_document()),
    }
    Ok(Exit::Done)
}
