//! What the fuzzers in `fuzz/` call: each function takes any bytes, and a panic in it is a defect [G17].

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Seek, Write};

use syncline_connector::SourceBatch;
use syncline_core::{LogicalType, Result, fuzzing::logical_type, text};

use super::csv::{self, Dialect, LineEnd, Splitter};
use super::jsonl::{self, Inference};
use super::ledger::LedgerFile;
use super::options::FinalNewline;
use super::parquet::ParquetFile;
use super::rows::Column;

/// A byte order mark is looked for at the start of the first buffer, which files are always read into.
const BUFFER_BYTES_MIN: usize = 3;

/// Rows of text, those at fault left out, and what became of the rest.
type Texts = (Vec<Vec<Option<String>>>, Vec<String>, Option<String>);

/// A CSV file, of a dialect and of types that its first bytes choose. Where the buffer ends changes
/// nothing, and what was read is read again when it was written.
pub fn csv_file(bytes: &[u8]) {
    let Some((&[choice, selector, capacity], file)) = bytes.split_first_chunk() else { return };
    let delimiter = [b',', b';', b'\t', b'|'][usize::from(choice % 4)];
    let mut dialect = Dialect::new(delimiter);
    dialect.null = (choice & 4 != 0).then(|| "NULL".to_string());
    if choice & 8 != 0 {
        dialect.final_newline = FinalNewline::Optional;
    }
    let Ok(Some((names, _))) = Splitter::new(file, delimiter, "f.csv").header() else { return };
    let types = (0..names.len()).map(|i| logical_type(selector.wrapping_add(i as u8)));
    let columns: Vec<Column> =
        names.into_iter().zip(types).map(|(name, ty)| Column { name, ty, declared: true }).collect();
    let read = |capacity: usize, file: &[u8], columns: &[Column], dialect: &Dialect| -> Texts {
        let input = BufReader::with_capacity(capacity, file);
        texts(columns, |emit| csv::read(input, "f.csv", dialect, columns, emit))
    };
    let whole = read(file.len().max(BUFFER_BYTES_MIN), file, &columns, &dialect);
    assert_eq!(read(usize::from(capacity) + BUFFER_BYTES_MIN, file, &columns, &dialect), whole);

    let as_text = |c: &Column| Column { ty: LogicalType::Text, ..c.clone() };
    let columns: Vec<Column> = columns.iter().map(as_text).collect();
    dialect.null = None;
    let (rows, _, _) = read(file.len().max(BUFFER_BYTES_MIN), file, &columns, &dialect);
    let mut written = Vec::new();
    let header: Vec<Option<String>> = columns.iter().map(|c| Some(c.name.clone())).collect();
    for row in std::iter::once(&header).chain(&rows) {
        let values = row.iter().map(Option::as_deref);
        csv::write_record(&mut written, delimiter, LineEnd::Lf, values).expect("a vector takes it");
    }
    assert_eq!(
        read(file.len().max(BUFFER_BYTES_MIN), &written, &columns, &dialect),
        (rows, Vec::new(), None)
    );
}

/// A JSON Lines file with the types that its values have. Where the buffer ends changes nothing.
pub fn jsonl_file(bytes: &[u8]) {
    let Some((&capacity, file)) = bytes.split_first() else { return };
    let mut inference = Inference::default();
    let _ = inference.see(file, "f.jsonl", u64::MAX);
    let columns = inference.columns(&BTreeMap::new());
    let read = |capacity: usize| -> Texts {
        let input = BufReader::with_capacity(capacity, file);
        texts(&columns, |emit| jsonl::read(input, "f.jsonl", &columns, emit))
    };
    assert_eq!(read(usize::from(capacity) + 1), read(file.len().max(1)));
}

/// A Parquet file with the types it says it has.
pub fn parquet_file(bytes: &[u8]) {
    let mut file = tempfile::tempfile().expect("there is room for a temporary file");
    file.write_all(bytes).and_then(|()| file.rewind()).expect("there is room for a temporary file");
    let Ok(opened) = ParquetFile::open(file, "f.parquet") else { return };
    let columns = opened.columns().to_vec();
    let _ = texts(&columns, |emit| opened.read(&columns, emit));
}

/// The ledger beside a file.
pub fn ledger_file(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    let object = folder.path().join("object.csv");
    let ledger = LedgerFile::beside(&object);
    let name = folder.path().join(".object.csv.syncline");
    File::create(&name).and_then(|mut file| file.write_all(bytes)).expect("the folder can be written");
    if let Ok(read) = ledger.load() {
        ledger.save(&read).expect("the folder can be written");
        assert_eq!(ledger.load().ok(), Some(read));
    }
}

/// Runs a reader and checks what every batch must keep.
fn texts(
    columns: &[Column],
    read: impl FnOnce(&mut dyn FnMut(SourceBatch) -> Result<()>) -> Result<()>,
) -> Texts {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    let end = read(&mut |batch| {
        assert_eq!(batch.rows.num_columns(), columns.len());
        assert!(batch.invalid.is_sorted_by(|a, b| a.row < b.row));
        assert!(batch.invalid.iter().all(|invalid| invalid.row < batch.rows.num_rows()));
        for row in 0..batch.rows.num_rows() {
            let value = |(i, c): (usize, &Column)| text::render(batch.rows.column(i), &c.ty, row);
            rows.push(columns.iter().enumerate().map(value).collect());
        }
        problems.extend(batch.invalid.into_iter().map(|invalid| invalid.error.message));
        problems.extend(batch.unreadable.into_iter().map(|unreadable| unreadable.error.message));
        Ok(())
    });
    (rows, problems, end.err().map(|e| e.to_string()))
}
