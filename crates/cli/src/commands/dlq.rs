//! `dlq`: records that could not be delivered.

use std::io::Write;

use syncline_core::{Error, ErrorKind, Result, Stage};
use syncline_engine::Engine;
use syncline_store::{DeadLetter, LetterFilter, LetterState, Page};

use crate::Context;
use crate::api::ListView;
use crate::args::{DlqArgs, DlqCommand, DlqFilter, ExportFormat};
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Column, Out, Style};
use crate::records::Records;

/// Letters read at once.
const PAGE: u64 = 1_000;

pub async fn dlq(context: &Context, args: &DlqArgs) -> Outcome {
    let records = Records::open(context)?;
    match &args.command {
        DlqCommand::List { filter, limit, page } => {
            list(context, &records, filter, Page { number: *page, size: *limit }).await
        }
        DlqCommand::Show { id } => show(context, &records, id).await,
        DlqCommand::Export { filter, format, out } => {
            export(context, &records, filter, *format, out.as_deref()).await
        }
    }
}

async fn filter(records: &Records, engine: &Engine, args: &DlqFilter) -> Result<LetterFilter> {
    let sync_uid = match &args.sync {
        Some(id) => Some(records.known_sync(engine, id).await?.uid),
        None => None,
    };
    let states = if args.all { Vec::new() } else { vec![LetterState::Open] };
    Ok(LetterFilter { sync_uid, states, code: args.code.clone(), ..LetterFilter::default() })
}

async fn list(context: &Context, records: &Records, args: &DlqFilter, page: Page) -> Outcome {
    let (letters, total) = match records.reader()? {
        Some(engine) => engine.store.letters(&filter(records, &engine, args).await?, page).await?,
        None => (Vec::new(), 0),
    };
    let out = &context.out;
    if out.json {
        out.json(&ListView::new(letters, page, total));
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
    Ok(Exit::Done)
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
    let engine = records.reader_of_runs()?;
    let letter = find(&engine, id).await?;
    let out = &context.out;
    if out.json {
        out.json(&letter);
        return Ok(Exit::Done);
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
    ];
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
    Ok(Exit::Done)
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
        0 => Err(Error::new(ErrorKind::NotFound, format!("there is no dead letter '{id}'"))
            .help("list them with `syncline dlq list --all`")),
        1 => Ok(found.remove(0)),
        n => Err(Error::new(ErrorKind::BadUsage, format!("{n} dead letters begin with '{id}'"))
            .help("give more of the id")),
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

async fn export(
    context: &Context,
    records: &Records,
    args: &DlqFilter,
    format: ExportFormat,
    path: Option<&std::path::Path>,
) -> Outcome {
    let mut file = match path {
        Some(path) => {
            let file = std::fs::File::create(path).map_err(|e| Error::from(e).context(path.display()))?;
            Some(std::io::BufWriter::new(file))
        }
        None => None,
    };
    let mut written = 0;
    let mut write = |bytes: &[u8]| -> Result<bool> {
        match &mut file {
            Some(file) => file.write_all(bytes)?,
            None => context.out.raw(&String::from_utf8_lossy(bytes)),
        }
        Ok(!context.out.is_closed())
    };
    if format == ExportFormat::Csv {
        write(&csv_lines(&[CSV_COLUMNS.map(String::from)])?)?;
    }
    if let Some(engine) = records.reader()? {
        let filter = filter(records, &engine, args).await?;
        each_page(&engine, &filter, |letters| {
            written += letters.len() as u64;
            let bytes = match format {
                ExportFormat::Jsonl => json_lines(&letters)?,
                ExportFormat::Csv => csv_lines(&letters.iter().map(csv_row).collect::<Vec<_>>())?,
            };
            write(&bytes)
        })
        .await?;
    }
    if let (Some(mut file), Some(path)) = (file, path) {
        file.flush().map_err(|e| Error::from(e).context(path.display()))?;
        context.out.remark(&format!(
            "wrote {} to {}",
            output::counted(written, "dead letter"),
            path.display()
        ));
    }
    Ok(Exit::Done)
}

fn json_lines(letters: &[DeadLetter]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for letter in letters {
        serde_json::to_writer(&mut bytes, letter).map_err(|e| Error::internal(e.to_string()))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

const CSV_COLUMNS: [&str; 15] = [
    "id",
    "sync_id",
    "row_id",
    "state",
    "stage",
    "code",
    "field",
    "message",
    "raw_value",
    "operation",
    "attempts",
    "first_seen_at",
    "last_seen_at",
    "source_row",
    "payload",
];

fn csv_row(letter: &DeadLetter) -> [String; 15] {
    let json = |value: &Option<serde_json::Value>| value.as_ref().map(|v| v.to_string()).unwrap_or_default();
    [
        letter.id.to_string(),
        letter.sync_id.to_string(),
        letter.row_id.clone(),
        letter.state.as_str().into(),
        letter.stage.as_str().into(),
        letter.code.clone(),
        letter.field.clone().unwrap_or_default(),
        letter.message.clone(),
        letter.raw_value.clone().unwrap_or_default(),
        letter.op.clone(),
        letter.attempts.to_string(),
        letter.first_seen_at.to_string(),
        letter.last_seen_at.to_string(),
        json(&letter.source_row),
        json(&letter.payload),
    ]
    .map(|cell| without_formula(&cell))
}

/// A spreadsheet takes such a cell for a formula; with an apostrophe it takes it for text.
fn without_formula(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{cell}")
    } else {
        cell.to_string()
    }
}

fn csv_lines(rows: &[[String; 15]]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(|e| Error::internal(e.to_string()))?;
    }
    writer.into_inner().map_err(|e| Error::internal(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_a_spreadsheet_would_run_are_neutralised() {
        for formula in ["=1+1", "+1", "-1", "@cmd", "\t=1", "\r=1"] {
            assert_eq!(without_formula(formula), format!("'{formula}"));
        }
        assert_eq!(without_formula("a=1"), "a=1");
    }
}
