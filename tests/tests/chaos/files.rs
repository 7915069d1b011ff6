//! Reading what was written to files, without the program's own readers.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::world::Record;

/// The records of JSON Lines files, with these columns.
pub fn json_records(files: &[PathBuf], columns: &[&str]) -> Vec<Record> {
    let texts =
        files.iter().filter(|path| path.exists()).map(|path| std::fs::read_to_string(path).expect("a file"));
    let text: String = texts.collect();
    let record = |line: &str| {
        let row: Json = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let value = |column: &&str| match &row[*column] {
            Json::Null => None,
            Json::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        columns.iter().map(value).collect()
    };
    // Line breaks in values are escaped.
    text.lines().map(record).collect()
}

/// The records of a CSV file with a header; an empty value without quotes is NULL.
pub fn csv_records(path: &Path, columns: &[&str]) -> Vec<Record> {
    if !path.exists() {
        return Vec::new();
    }
    let text = std::fs::read_to_string(path).expect("a file");
    let mut rows = csv_rows(&text);
    if rows.is_empty() {
        return rows;
    }
    let header = rows.remove(0);
    let expected: Vec<Option<String>> = columns.iter().map(|column| Some(column.to_string())).collect();
    assert_eq!(header, expected, "the header of {}", path.display());
    rows
}

/// RFC 4180.
fn csv_rows(text: &str) -> Vec<Record> {
    let (mut rows, mut row, mut value) = (Vec::new(), Vec::new(), String::new());
    let (mut is_open, mut was_quoted) = (false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_open && chars.peek() == Some(&'"') => {
                chars.next();
                value.push('"');
            }
            '"' => {
                is_open = !is_open;
                was_quoted = true;
            }
            ',' | '\n' if !is_open => {
                let text = std::mem::take(&mut value);
                row.push((was_quoted || !text.is_empty()).then_some(text));
                was_quoted = false;
                if c == '\n' {
                    rows.push(std::mem::take(&mut row));
                }
            }
            '\r' if !is_open && chars.peek() == Some(&'\n') => {}
            c => value.push(c),
        }
    }
    assert!(row.is_empty() && value.is_empty() && !is_open, "the file ends within a record");
    rows
}

#[test]
fn quotes_tell_an_empty_text_from_none() {
    let some = |text: &str| Some(text.to_string());
    assert_eq!(
        csv_rows("a,\"b\"\"\n\",\n\"\",,\"x,y\"\r\n"),
        [vec![some("a"), some("b\"\n"), None], vec![some(""), None, some("x,y")]]
    );
}
