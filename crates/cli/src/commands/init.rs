//! `init`: the files of a new project.

use std::path::Path;

use serde_json::json;
use syncline_config::{SystemKind, scaffold};
use syncline_core::{Error, ErrorKind};

use crate::Context;
use crate::args::{InitArgs, System};
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::Style;

pub fn init(context: &Context, args: &InitArgs) -> Outcome {
    let source = choose(context, args.source, "What is read?", System::Files)?;
    let target = choose(context, args.target, "What is written?", System::Sqlite)?;
    let files = scaffold(kind(source), kind(target));
    if !args.force {
        refuse_existing(&args.dir, files.iter().map(|f| f.path.as_path()))?;
    }
    for file in &files {
        let path = args.dir.join(&file.path);
        let folder = path.parent().unwrap_or(&args.dir);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, &file.contents))
            .map_err(|e| Error::from(e).context(path.display()))?;
    }
    let out = &context.out;
    if out.json {
        let paths: Vec<_> = files.iter().map(|f| args.dir.join(&f.path)).collect();
        out.json(&json!({ "project": args.dir, "files": paths }));
        return Ok(Exit::Done);
    }
    for file in &files {
        out.line(format!("{} {}", out.paint(Style::Good, "+"), args.dir.join(&file.path).display()));
    }
    out.line(format!("\n{}", out.paint(Style::Strong, "Next")));
    for (command, what) in next_steps(args, source, target) {
        match what.as_str() {
            "" => out.line(format!("  {command}")),
            what => out.line(format!("  {command:<34}{}", out.paint(Style::Dim, what))),
        }
    }
    Ok(Exit::Done)
}

fn next_steps(args: &InitArgs, source: System, target: System) -> Vec<(String, String)> {
    let mut steps = Vec::new();
    let mut step = |command: &str, what: &str| steps.push((command.to_string(), what.to_string()));
    if args.dir != Path::new(".") {
        step(&format!("cd {}", args.dir.display()), "");
    }
    for (end, system, variable) in [("source", source, "WAREHOUSE_URL"), ("target", target, "CRM_URL")] {
        match system {
            System::Postgres => {
                step(&format!("export {variable}=postgres://…"), &format!("where the {end} is"));
            }
            System::Sqlite if end == "source" => {
                step("mkdir -p data && sqlite3 data/source.db < setup/source.sql", "  sample data");
            }
            System::Sqlite | System::Files => {}
        }
    }
    step("syncline validate", "check the files");
    step("syncline check --create", "connect to both ends, make the target");
    step("syncline plan crm.contact", "what would be written; writes nothing");
    step("syncline run crm.contact", "write it");
    steps
}

fn kind(system: System) -> SystemKind {
    match system {
        System::Sqlite => SystemKind::Sqlite,
        System::Postgres => SystemKind::Postgres,
        System::Files => SystemKind::Files,
    }
}

/// What the flag says; else what a person answers; else the default.
fn choose(context: &Context, given: Option<System>, question: &str, default: System) -> Outcome<System> {
    if let Some(system) = given {
        return Ok(system);
    }
    if !context.out.can_ask() {
        return Ok(default);
    }
    let name = |system: System| match system {
        System::Sqlite => "sqlite",
        System::Postgres => "postgres",
        System::Files => "files",
    };
    let systems = [System::Files, System::Sqlite, System::Postgres];
    loop {
        let prompt = format!("{question} files, sqlite or postgres [{}] ", name(default));
        let answer = context.out.ask(&prompt)?.unwrap_or_default();
        if answer.is_empty() {
            return Ok(default);
        }
        match systems.into_iter().find(|s| name(*s).starts_with(&answer.to_lowercase())) {
            Some(system) => return Ok(system),
            None => context.out.note(&format!("'{answer}' is none of them")),
        }
    }
}

fn refuse_existing<'a>(dir: &Path, paths: impl Iterator<Item = &'a Path>) -> Outcome<()> {
    let there: Vec<_> = paths.map(|p| dir.join(p)).filter(|p| p.exists()).collect();
    if there.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = there.iter().map(|p| p.display().to_string()).collect();
    Err(Error::new(ErrorKind::BadUsage, format!("there already: {}; nothing was written", names.join(", ")))
        .help("choose another folder, or overwrite them with --force")
        .into())
}
