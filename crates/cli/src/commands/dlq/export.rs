//! `dlq export`: letters as JSON lines, or as CSV that is safe to open in a spreadsheet.

use std::io::Write;

use syncline_api::LetterView;
use syncline_core::{Error, Result};
use syncline_store::DeadLetter;

use super::{each_page, filter};
use crate::Context;
use crate::args::{DlqFilter, ExportFormat};
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output;
use crate::records::Records;

pub async fn export(
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
    if let Some(engine) = records.reader().await? {
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
        let view = LetterView::from(letter.clone());
        serde_json::to_writer(&mut bytes, &view).map_err(|e| Error::internal(e.to_string()))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

const CSV_COLUMNS: [&str; 17] = [
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
    "edited",
    "group",
];

fn csv_row(letter: &DeadLetter) -> [String; 17] {
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
        json(&letter.edited.as_ref().map(|edited| edited.payload.clone())),
        letter.fingerprint.clone(),
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

fn csv_lines(rows: &[[String; 17]]) -> Result<Vec<u8>> {
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
