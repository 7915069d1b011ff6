//! Letters as files: a JSON object a line, or CSV that is safe to open in a spreadsheet [S12].

use serde_json::Value;
use syncline_core::{Error, Result};

use crate::LetterView;

const COLUMNS: [&str; 17] = [
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

/// One line each.
pub fn json_lines(letters: &[LetterView]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for letter in letters {
        serde_json::to_writer(&mut bytes, letter).map_err(|e| Error::internal(e.to_string()))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// The line of column names that a CSV file begins with.
pub fn csv_header() -> Result<Vec<u8>> {
    csv_records(&[COLUMNS.map(String::from)])
}

/// One record each.
pub fn csv_lines(letters: &[LetterView]) -> Result<Vec<u8>> {
    csv_records(&letters.iter().map(record).collect::<Vec<_>>())
}

fn csv_records(records: &[[String; COLUMNS.len()]]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in records {
        writer.write_record(record).map_err(|e| Error::internal(e.to_string()))?;
    }
    writer.into_inner().map_err(|e| Error::internal(e.to_string()))
}

fn record(letter: &LetterView) -> [String; COLUMNS.len()] {
    let json = |value: Option<&Value>| value.map(Value::to_string).unwrap_or_default();
    [
        letter.id.clone(),
        letter.sync_id.clone(),
        letter.row_id.clone(),
        letter.state.clone(),
        letter.stage.clone(),
        letter.code.clone(),
        letter.field.clone().unwrap_or_default(),
        letter.message.clone(),
        letter.raw_value.clone().unwrap_or_default(),
        letter.operation.clone(),
        letter.attempts.to_string(),
        letter.first_seen_at.to_string(),
        letter.last_seen_at.to_string(),
        json(letter.source_row.as_ref()),
        json(letter.payload.as_ref()),
        json(letter.edited.as_ref().map(|edited| &edited.payload)),
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
