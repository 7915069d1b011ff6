//! `dlq`: records that could not be delivered.

use syncline_api::{LetterGroupView, LetterView, List};
use syncline_core::{Error, ErrorKind, Result, Stage, SyncId};
use syncline_engine::Engine;
use syncline_store::{DeadLetter, LetterFilter, LetterState, Page};

pub mod decide;
pub mod export;
pub mod replay;

use crate::Context;
use crate::args::{DlqArgs, DlqCommand, DlqFilter, LetterChoice};
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Column, Out, Style};
use crate::records::Records;
use decide::Decision;

/// Letters read at once.
const PAGE: u64 = 1_000;
/// Groups that are shown, the largest first.
pub const GROUPS_SHOWN: u64 = 100;

pub async fn dlq(context: &Context, args: &DlqArgs) -> Outcome {
    let records = Records::open(context)?;
    match &args.command {
        DlqCommand::List { filter, limit, page } => {
            list(context, &records, filter, Page { number: *page, size: *limit }).await
        }
        DlqCommand::Show { id } => show(context, &records, id).await,
        DlqCommand::Groups { filter } => groups(context, &records, filter).await,
        DlqCommand::Edit { id, fields, payload, undo } => {
            let change = if *undo { None } else { Some(decide::new_fields(fields, payload.as_deref())?) };
            decide::edit(context, id, change).await
        }
        DlqCommand::Replay(args) => replay::replay(context, args).await,
        DlqCommand::Ignore { choice, reason } => {
            let because = syncline_api::reason_to_keep(reason.as_deref())?;
            decide::decide(context, choice, Decision::Ignore, because).await
        }
        DlqCommand::Reopen(choice) => decide::decide(context, choice, Decision::Reopen, None).await,
        DlqCommand::Resolve(choice) => decide::decide(context, choice, Decision::Resolve, None).await,
        DlqCommand::Export { filter, format, out } => {
            export::export(context, &records, filter, *format, out.as_deref()).await
        }
    }
}

async fn filter(records: &Records, engine: &Engine, args: &DlqFilter) -> Result<LetterFilter> {
    let sync_uid = match &args.sync {
        Some(id) => Some(records.known_sync(engine, id).await?.uid),
        None => None,
    };
    let states = match (args.all, args.states.as_slice()) {
        (true, _) => Vec::new(),
        (false, []) => vec![LetterState::Open],
        (false, states) => states.to_vec(),
    };
    let (code, fingerprint) = (args.code.clone(), args.group.clone());
    Ok(LetterFilter { sync_uid, states, code, fingerprint, ..LetterFilter::default() })
}

async fn list(context: &Context, records: &Records, args: &DlqFilter, page: Page) -> Outcome {
    let (letters, total) = match records.reader().await? {
        Some(engine) => engine.store.letters(&filter(records, &engine, args).await?, page).await?,
        None => (Vec::new(), 0),
    };
    print_list(&context.out, letters, page, total);
    Ok(Exit::Done)
}

/// One page of letters.
pub fn print_list(out: &Out, letters: Vec<DeadLetter>, page: Page, total: u64) {
    if out.json {
        out.json(&List::new(letters.into_iter().map(LetterView::from).collect(), page, total));
    } else if letters.is_empty() {
        out.line(if total == 0 { "No dead letters." } else { "No dead letters on this page." });
    } else {
        out.line(letters_table(out, &letters));
        let shown = page.offset() + letters.len() as u64;
        if total > shown {
            let next = page.number + 1;
            let all = output::counted(total, "dead letter");
            out.remark(&format!("\n{} of {all}; --page {next} shows the next", output::grouped(shown)));
        }
    }
}

/// Digits of a letter's id that lists show.
fn short_id(letter: &DeadLetter) -> &str {
    letter.id.as_str().get(.."dl_".len() + 16).unwrap_or(letter.id.as_str())
}

fn letters_table(out: &Out, letters: &[DeadLetter]) -> String {
    let columns = [
        Column::left("LETTER"),
        Column::left("SYNC").optional(),
        Column::left("ROW ID"),
        Column::left("STATE"),
        Column::left("STAGE").optional(),
        Column::prose("ERROR"),
        Column::right("TRIES").optional(),
        Column::left("LAST SEEN").optional(),
    ];
    let rows = letters.iter().map(|letter| {
        let field = letter.field.as_ref().map(|f| format!("{f}: ")).unwrap_or_default();
        let style = if letter.state == LetterState::Open { Style::Warn } else { Style::Dim };
        vec![
            (None, short_id(letter).to_string()),
            (None, letter.sync_id.to_string()),
            (Some(Style::Strong), letter.row_id.clone()),
            (Some(style), letter.state.as_str().replace('_', " ")),
            (None, letter.stage.as_str().to_string()),
            (None, format!("{field}{}", letter.message)),
            (None, output::grouped(letter.attempts.into())),
            (None, output::local(letter.last_seen_at)),
        ]
    });
    output::table(out, &columns, rows.collect())
}

async fn show(context: &Context, records: &Records, id: &str) -> Outcome {
    let engine = records.reader_of_runs().await?;
    print_letter(&context.out, find(&engine, id).await?);
    Ok(Exit::Done)
}

/// One letter: error, source row, payload.
pub fn print_letter(out: &Out, letter: DeadLetter) {
    if out.json {
        out.json(&LetterView::from(letter));
        return;
    }
    let row = out.paint(Style::Strong, &letter.row_id);
    out.line(format!("{}  {row}  {}", letter.sync_id, letter.id));
    let code = out.paint(Style::Bad, &format!("error[{}]", letter.code));
    let field = letter.field.as_ref().map(|f| format!("{f}: ")).unwrap_or_default();
    out.prose(format!("{code}: {field}{}\n", letter.message));
    let mut facts = vec![
        ("state", letter.state.as_str().replace('_', " ")),
        ("stage", letter.stage.as_str().to_string()),
        ("operation", letter.op.clone()),
        ("tries", output::grouped(letter.attempts.into())),
        ("first seen", output::local(letter.first_seen_at)),
        ("last seen", output::local(letter.last_seen_at)),
        ("run", letter.run_id.to_string()),
        ("correlation", letter.correlation_id.clone()),
        ("group", letter.fingerprint.clone()),
    ];
    if let Some(reason) = &letter.ignored_because {
        facts.insert(1, ("because", reason.clone()));
    }
    if let Some(value) = &letter.raw_value {
        facts.insert(0, ("value", format!("{value:?}")));
    }
    if !letter.flags.is_empty() {
        facts.push(("flags", letter.flags.join(", ").replace('_', " ")));
    }
    for (name, value) in facts {
        let name = out.paint(Style::Dim, &format!("{name:<13}"));
        out.line(out.wrapped(&format!("{name}{value}"), Some(13)));
    }
    let failed_early = matches!(letter.stage, Stage::Ingest | Stage::Normalize);
    for (title, value) in [("Source row", &letter.source_row), ("Payload", &letter.payload)] {
        out.line(format!("\n{}", out.paint(Style::Strong, title)));
        match value {
            Some(value) => {
                let text = serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string());
                out.line(text);
            }
            None if failed_early => out.line(out.paint(Style::Dim, "(none: it failed before it was mapped)")),
            None => out.line(out.paint(Style::Dim, "(not kept)")),
        }
    }
    if let Some(edited) = &letter.edited {
        let title = format!("Edited by {}, {}", edited.by, output::local(edited.at));
        out.line(format!("\n{}", out.paint(Style::Strong, &title)));
        let text = serde_json::to_string_pretty(&edited.payload);
        out.line(text.unwrap_or_else(|_| edited.payload.to_string()));
    }
}

async fn groups(context: &Context, records: &Records, args: &DlqFilter) -> Outcome {
    let page = Page::first(GROUPS_SHOWN);
    let (groups, total) = match records.reader().await? {
        Some(engine) => {
            let filter = filter(records, &engine, args).await?;
            records.catalog().await?.letter_groups(&filter, page).await?
        }
        None => (Vec::new(), 0),
    };
    let groups = groups.into_iter().map(LetterGroupView::from).collect();
    print_groups(&context.out, &List::new(groups, page, total));
    Ok(Exit::Done)
}

/// Letters by their error.
pub fn print_groups(out: &Out, groups: &List<LetterGroupView>) {
    if out.json {
        out.json(groups);
        return;
    }
    if groups.data.is_empty() {
        out.line("No dead letters.");
        return;
    }
    let columns = [
        Column::left("GROUP"),
        Column::left("SYNC").optional(),
        Column::right("LETTERS"),
        Column::prose("ERROR"),
        Column::left("FOR EXAMPLE"),
        Column::left("LAST SEEN").optional(),
    ];
    let rows = groups.data.iter().map(|group| {
        let field = group.field.as_ref().map(|f| format!("{f}: ")).unwrap_or_default();
        vec![
            (None, group.fingerprint.clone()),
            (None, group.sync_id.clone()),
            (Some(Style::Strong), output::grouped(group.count)),
            (None, format!("{field}{}", group.message)),
            (None, group.example_row_id.clone()),
            (None, output::local(group.last_seen_at)),
        ]
    });
    out.line(output::table(out, &columns, rows.collect()));
}

async fn find(engine: &Engine, id: &str) -> Result<DeadLetter> {
    if let Some(letter) = engine.store.letter(id).await? {
        return Ok(letter);
    }
    let mut found: Vec<DeadLetter> = Vec::new();
    each_page(engine, &LetterFilter::default(), |letters| {
        found.extend(letters.into_iter().filter(|l| id.len() > "dl_".len() && l.id.as_str().starts_with(id)));
        Ok(true)
    })
    .await?;
    match found.len() {
        1 => Ok(found.remove(0)),
        n => Err(not_one(id, n)),
    }
}

/// The error for an id that `found` letters begin with.
pub fn not_one(id: &str, found: usize) -> Error {
    match found {
        0 => Error::new(ErrorKind::NotFound, format!("there is no dead letter '{id}'"))
            .help("list them with `syncline dlq list --all`"),
        n => Error::new(ErrorKind::BadUsage, format!("{n} dead letters begin with '{id}'"))
            .help("give more of the id"),
    }
}

/// Calls `visit` with page after page of letters, until it says `false`.
async fn each_page(
    engine: &Engine,
    filter: &LetterFilter,
    mut visit: impl FnMut(Vec<DeadLetter>) -> Result<bool>,
) -> Result<()> {
    let mut page = Page::first(PAGE);
    loop {
        let (letters, total) = engine.store.letters(filter, page).await?;
        if !visit(letters)? || page.offset() + page.size >= total {
            return Ok(());
        }
        page.number += 1;
    }
}

/// The letters that somebody chose, in one of `states` unless they are named.
async fn chosen(engine: &Engine, choice: &LetterChoice, states: &[LetterState]) -> Result<Vec<DeadLetter>> {
    let mut letters = Vec::new();
    for id in &choice.letters {
        letters.push(find(engine, id).await?);
    }
    let sync_uid = match &choice.sync {
        Some(id) => {
            let record = engine.store.sync(&SyncId::parse(id)?).await?;
            let missing = || Error::new(ErrorKind::NotFound, format!("the state has no sync '{id}'"));
            Some(record.ok_or_else(missing)?.uid)
        }
        None => None,
    };
    if let Some(other) = letters.iter().find(|l| sync_uid.as_ref().is_some_and(|uid| l.sync_uid != *uid)) {
        let sync = choice.sync.as_deref().unwrap_or_default();
        let message = format!("{} is a dead letter of {}, not of {sync}", other.id, other.sync_id);
        return Err(Error::new(ErrorKind::BadUsage, message));
    }
    if choice.letters.is_empty() {
        let (fingerprint, states) = (choice.group.clone(), states.to_vec());
        let filter = LetterFilter { sync_uid, states, fingerprint, ..LetterFilter::default() };
        each_page(engine, &filter, |page| {
            letters.extend(page);
            Ok(true)
        })
        .await?;
    }
    if letters.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "there are no such dead letters")
            .help("list them with `syncline dlq list --all`"));
    }
    Ok(letters)
}
