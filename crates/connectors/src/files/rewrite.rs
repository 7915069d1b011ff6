//! The old file and the staged changes become the new file, in one pass over the old one.
//!
//! Records that nobody touched keep their text, their place and columns of their own; changed ones
//! stay where they are, new ones follow at the end.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use arrow::array::RecordBatch;
use syncline_connector::SourceBatch;
use syncline_core::sync::FileFormat;
use syncline_core::{Error, ErrorKind, LogicalType, Result, text};

use super::csv::{self, Dialect, LineEnd, Splitter};
use super::folder::Stamp;
use super::jsonl::{self, Lines};
use super::ledger::{Digest, as_destination, unwritable};
use super::options::FinalNewline;
use super::parquet::{ParquetFile, ParquetOut};
use super::rows::{BATCH_BYTES, BATCH_ROWS, Column, schema_of};
use super::staging::{Cell, Fate, Staging};
use syncline_core::json_text;

/// How a target file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    pub format: FileFormat,
    pub delimiter: u8,
}

impl Form {
    /// The ending of files of this form.
    pub fn ending(self) -> &'static str {
        match self.format {
            FileFormat::Csv => "csv",
            FileFormat::Jsonl => "jsonl",
            FileFormat::Parquet => "parquet",
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The file as it is before a run.
pub struct OldFile {
    file: File,
    /// For messages.
    name: String,
    pub stamp: Stamp,
    form: Form,
    layout: Layout,
}

enum Layout {
    Csv { header: Vec<String>, end: LineEnd, mark: bool },
    Jsonl,
    Parquet { columns: Vec<Column> },
}

impl OldFile {
    /// Opens the file and reads its header or footer; `None` when it does not exist or is empty.
    pub fn open(path: &Path, name: &str, form: Form) -> Result<Option<Self>> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(unwritable(path, e)),
        };
        let metadata = file.metadata().map_err(|e| unwritable(path, e))?;
        if !metadata.is_file() {
            let message = format!("{name} is not a file");
            return Err(
                Error::new(ErrorKind::DestinationUnsuitable, message).help("name a file as the object")
            );
        }
        let stamp = Stamp::of(&metadata);
        if stamp.len == 0 {
            return Ok(None);
        }
        let layout = Self::layout(&mut file, name, form).map_err(as_destination)?;
        Ok(Some(Self { file, name: name.to_string(), stamp, form, layout }))
    }

    fn layout(file: &mut File, name: &str, form: Form) -> Result<Layout> {
        Ok(match form.format {
            FileFormat::Jsonl => Layout::Jsonl,
            FileFormat::Parquet => {
                let columns = ParquetFile::open(file.try_clone()?, name)?.columns().to_vec();
                Layout::Parquet { columns }
            }
            FileFormat::Csv => {
                let mut start = Vec::new();
                file.take(BYTE_ORDER_MARK.len() as u64).read_to_end(&mut start)?;
                file.seek(SeekFrom::Start(0))?;
                let header = Splitter::new(BufReader::new(file), form.delimiter, name).header()?;
                let (header, end) = header.ok_or_else(|| csv::no_header(name))?;
                Layout::Csv { header, end, mark: start == BYTE_ORDER_MARK }
            }
        })
    }

    /// The type of a column of the file, where the file knows it.
    pub fn column_type(&self, name: &str) -> Option<&LogicalType> {
        match &self.layout {
            Layout::Parquet { columns } => columns.iter().find(|c| c.name == name).map(|c| &c.ty),
            Layout::Csv { .. } | Layout::Jsonl => None,
        }
    }

    /// Refuses a file that lacks columns or has others of the same names.
    pub fn check_columns(&self, columns: &[Column]) -> Result<()> {
        let has = |name: &str| match &self.layout {
            Layout::Csv { header, .. } => header.iter().any(|h| h == name),
            Layout::Jsonl => true,
            Layout::Parquet { columns } => columns.iter().any(|c| c.name == name),
        };
        let missing: Vec<String> =
            columns.iter().filter(|c| !has(&c.name)).map(|c| format!("'{}'", c.name)).collect();
        if !missing.is_empty() {
            let message = format!("{} has no column {}", self.name, missing.join(", "));
            return Err(Error::new(ErrorKind::DestinationUnsuitable, message)
                .help("add the columns to the file, leave them out of the mapping, or write to a new file"));
        }
        let retyped = columns.iter().find_map(|c| {
            self.column_type(&c.name).filter(|ty| !same_kind(ty, &c.ty)).map(|ty| (&c.name, ty, &c.ty))
        });
        match retyped {
            None => Ok(()),
            Some((name, has, wants)) => {
                let message = format!("column '{name}' of {} is {has}, but {wants} is written", self.name);
                Err(Error::new(ErrorKind::DestinationUnsuitable, message)
                    .help(format!("cast it to {has} in the mapping, or write to a new file")))
            }
        }
    }

    pub fn digest(&self) -> Result<Digest> {
        let mut file = self.rewound()?;
        Ok(Digest::of(&mut file)?)
    }

    fn rewound(&self) -> Result<File> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }

    /// Tells `staging` the match value of every record. Two records with one value are an error, as
    /// is a record that cannot be read: it could not be kept.
    pub fn index(&self, staging: &mut Staging) -> Result<()> {
        let matching = staging.match_columns().to_vec();
        if matching.is_empty() {
            return Ok(());
        }
        let mut position = 0;
        let mut emit = |batch: SourceBatch| {
            if let Some(bad) = batch.unreadable.first() {
                return Err(unsuitable(bad.error.message.clone()));
            }
            for row in 0..batch.rows.num_rows() {
                if !staging.know(&batch.rows, row, position) {
                    return Err(self.ambiguous(&matching, &batch.rows, row));
                }
                position += 1;
            }
            Ok(())
        };
        let input = self.rewound()?;
        let read = match &self.layout {
            Layout::Csv { .. } => {
                csv::read(BufReader::new(input), &self.name, &self.dialect(), &matching, &mut emit)
            }
            Layout::Jsonl => jsonl::read(BufReader::new(input), &self.name, &matching, &mut emit),
            Layout::Parquet { .. } => ParquetFile::open(input, &self.name)?.read(&matching, &mut emit),
        };
        read.map_err(as_destination)
    }

    fn dialect(&self) -> Dialect {
        Dialect { delimiter: self.form.delimiter, null: None, final_newline: FinalNewline::Optional }
    }

    fn ambiguous(&self, matching: &[Column], rows: &RecordBatch, row: usize) -> Error {
        let values = matching.iter().enumerate().map(|(i, c)| {
            let value = text::render(rows.column(i), &c.ty, row).unwrap_or_default();
            format!("{} = '{value}'", c.name)
        });
        let values = values.collect::<Vec<_>>().join(", ");
        unsuitable(format!("{} has two records with {values}", self.name))
    }
}

fn unsuitable(message: String) -> Error {
    Error::new(ErrorKind::DestinationUnsuitable, message).help("correct the file, then run again")
}

/// Whether values of one type are values of the other: precision is no difference.
fn same_kind(a: &LogicalType, b: &LogicalType) -> bool {
    match (a, b) {
        (LogicalType::Numeric(_), LogicalType::Numeric(_)) => true,
        (LogicalType::Array(a), LogicalType::Array(b)) => same_kind(a, b),
        _ => a == b,
    }
}

/// Writes the new file to `out` and hands it back.
pub fn rewrite<W: Write + Send>(
    old: Option<&OldFile>,
    form: Form,
    staging: &mut Staging,
    out: W,
) -> Result<W> {
    match form.format {
        FileFormat::Csv => rewrite_csv(old, form, staging, out),
        FileFormat::Jsonl => rewrite_jsonl(old, staging, out),
        FileFormat::Parquet => rewrite_parquet(old, staging, out),
    }
}

/// A record that staged cells are put into.
trait Row {
    /// Whether the field of a staged column is NULL or empty text.
    fn is_empty(&self, column: usize) -> bool;
    fn set(&mut self, column: usize, value: Option<String>);

    fn apply(&mut self, cells: Vec<Cell>) {
        for (column, cell) in cells.into_iter().enumerate() {
            match cell {
                Cell::Keep => {}
                Cell::SetIfEmpty(_) if !self.is_empty(column) => {}
                Cell::Set(value) | Cell::SetIfEmpty(value) => self.set(column, value),
            }
        }
    }
}

/// For each staged column its position among the file's.
fn positions<'a>(staged: &[Column], names: impl Iterator<Item = &'a str>) -> Result<Vec<usize>> {
    let names: Vec<&str> = names.collect();
    let find = |c: &Column| {
        let missing = || Error::internal(format!("column '{}' disappeared", c.name));
        names.iter().position(|n| *n == c.name).ok_or_else(missing)
    };
    staged.iter().map(find).collect()
}

struct CsvRow<'a> {
    places: &'a [usize],
    /// Text and whether it is quoted; NULL is empty and not quoted.
    fields: Vec<(Cow<'a, str>, bool)>,
}

impl Row for CsvRow<'_> {
    fn is_empty(&self, column: usize) -> bool {
        self.fields[self.places[column]].0.is_empty()
    }

    fn set(&mut self, column: usize, value: Option<String>) {
        let quoted = value.as_deref() == Some("");
        self.fields[self.places[column]] = (Cow::Owned(value.unwrap_or_default()), quoted);
    }
}

impl CsvRow<'_> {
    fn write(&self, out: &mut impl Write, delimiter: u8, end: LineEnd) -> std::io::Result<()> {
        for (i, (text, quoted)) in self.fields.iter().enumerate() {
            if i > 0 {
                out.write_all(&[delimiter])?;
            }
            if *quoted {
                write!(out, "\"{}\"", text.replace('"', "\"\""))?;
            } else {
                csv::write_field(out, delimiter, if text.is_empty() { None } else { Some(text) })?;
            }
        }
        out.write_all(end.text().as_bytes())
    }
}

fn rewrite_csv<W: Write>(old: Option<&OldFile>, form: Form, staging: &mut Staging, mut out: W) -> Result<W> {
    let (header, end, mark) = match old.map(|o| &o.layout) {
        Some(Layout::Csv { header, end, mark }) => (header.clone(), *end, *mark),
        _ => (staging.columns().iter().map(|c| c.name.clone()).collect(), LineEnd::Lf, false),
    };
    let places = positions(staging.columns(), header.iter().map(String::as_str))?;
    if mark {
        out.write_all(BYTE_ORDER_MARK)?;
    }
    csv::write_record(&mut out, form.delimiter, end, header.iter().map(|h| Some(h.as_str())))?;
    if let Some(old) = old {
        let mut splitter = Splitter::new(BufReader::new(old.rewound()?), form.delimiter, &old.name);
        splitter.header().map_err(as_destination)?;
        let mut position = 0;
        while let Some(record) = splitter.next().map_err(as_destination)? {
            if let Some(problem) = record.problem(header.len()) {
                return Err(unsuitable(format!("{}:{}: {problem}", old.name, record.line)));
            }
            let fields =
                (0..record.len()).map(|i| (Cow::Borrowed(record.text(i)), record.is_quoted(i))).collect();
            let mut row = CsvRow { places: &places, fields };
            let fate = staging.fate(position);
            if let Some(Fate::Changed(place)) = fate {
                row.apply(staging.load(place)?);
            }
            if !matches!(fate, Some(Fate::Removed)) {
                row.write(&mut out, form.delimiter, end)?;
            }
            position += 1;
        }
    }
    for place in staging.created() {
        let mut row = CsvRow { places: &places, fields: vec![(Cow::Borrowed(""), false); header.len()] };
        row.apply(staging.load(place)?);
        row.write(&mut out, form.delimiter, end)?;
    }
    Ok(out)
}

struct JsonRow<'a> {
    columns: &'a [Column],
    members: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl Row for JsonRow<'_> {
    fn is_empty(&self, column: usize) -> bool {
        let name = &self.columns[column].name;
        let found = self.members.iter().find(|(key, _)| key == name);
        found.is_none_or(|(_, raw)| matches!(raw.as_ref(), "null" | "\"\""))
    }

    /// A json field that is NULL is left out, because `null` is a value there.
    fn set(&mut self, column: usize, value: Option<String>) {
        let Column { name, ty, .. } = &self.columns[column];
        let raw = match value {
            None if *ty == LogicalType::Json => {
                self.members.retain(|(key, _)| key != name);
                return;
            }
            None => Cow::Borrowed("null"),
            Some(text) => Cow::Owned(json_text::from_canonical(&text, ty).into_owned()),
        };
        match self.members.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = raw,
            None => self.members.push((Cow::Borrowed(name), raw)),
        }
    }
}

impl JsonRow<'_> {
    fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        out.write_all(b"{")?;
        for (i, (key, raw)) in self.members.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            write!(out, "{comma}{}:{raw}", json_text::quote(key))?;
        }
        out.write_all(b"}\n")
    }
}

fn rewrite_jsonl<W: Write>(old: Option<&OldFile>, staging: &mut Staging, mut out: W) -> Result<W> {
    let columns = staging.columns().to_vec();
    if let Some(old) = old {
        let mut lines = Lines::new(BufReader::new(old.rewound()?), &old.name);
        let mut position = 0;
        while let Some(line) = lines.next().map_err(as_destination)? {
            let object = line
                .content
                .map_err(|problem| unsuitable(format!("{}:{}: {problem}", old.name, line.number)))?;
            let members = object.into_iter().map(|(k, raw)| (Cow::Owned(k), Cow::Borrowed(raw))).collect();
            let mut row = JsonRow { columns: &columns, members };
            let fate = staging.fate(position);
            if let Some(Fate::Changed(place)) = fate {
                row.apply(staging.load(place)?);
            }
            if !matches!(fate, Some(Fate::Removed)) {
                row.write(&mut out)?;
            }
            position += 1;
        }
    }
    for place in staging.created() {
        let mut row = JsonRow { columns: &columns, members: Vec::new() };
        row.apply(staging.load(place)?);
        row.write(&mut out)?;
    }
    Ok(out)
}

struct TypedRow<'a> {
    places: &'a [usize],
    values: Vec<Option<String>>,
}

impl Row for TypedRow<'_> {
    fn is_empty(&self, column: usize) -> bool {
        self.values[self.places[column]].as_deref().unwrap_or("").is_empty()
    }

    fn set(&mut self, column: usize, value: Option<String>) {
        self.values[self.places[column]] = value;
    }
}

fn rewrite_parquet<W: Write + Send>(old: Option<&OldFile>, staging: &mut Staging, out: W) -> Result<W> {
    let columns = match old.map(|o| &o.layout) {
        Some(Layout::Parquet { columns }) => columns.clone(),
        _ => staging.columns().to_vec(),
    };
    let places = positions(staging.columns(), columns.iter().map(|c| c.name.as_str()))?;
    let mut out = ParquetOut::new(out, &columns)?;
    if let Some(old) = old {
        let mut position = 0;
        let mut emit = |batch: SourceBatch| {
            if let Some(bad) = batch.invalid.first() {
                return Err(unsuitable(bad.error.message.clone()));
            }
            let fates: Vec<Option<Fate>> =
                (position..).take(batch.rows.num_rows()).map(|row| staging.fate(row)).collect();
            let mut first = 0;
            for fates in in_batches(&fates, changed_bytes) {
                let rows = batch.rows.slice(first, fates.len());
                out.write(&merge(&rows, fates, &columns, &places, staging)?)?;
                first += fates.len();
            }
            position += batch.rows.num_rows() as u64;
            Ok(())
        };
        ParquetFile::open(old.rewound()?, &old.name)
            .and_then(|file| file.read(&columns, &mut emit))
            .map_err(as_destination)?;
    }
    for places_of_rows in in_batches(&staging.created(), |place| place.bytes()) {
        let mut rows = Vec::with_capacity(places_of_rows.len());
        for place in places_of_rows {
            let mut row = TypedRow { places: &places, values: vec![None; columns.len()] };
            row.apply(staging.load(*place)?);
            rows.push(row.values);
        }
        out.write(&typed(&rows, &columns)?)?;
    }
    out.finish()
}

fn changed_bytes(fate: &Option<Fate>) -> usize {
    match fate {
        Some(Fate::Changed(place)) => place.bytes(),
        Some(Fate::Removed) | None => 0,
    }
}

/// Cuts records into parts that are held in memory at once: of at most [`BATCH_ROWS`] records and
/// about [`BATCH_BYTES`] bytes.
fn in_batches<T>(records: &[T], bytes: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let mut batches = Vec::new();
    let (mut start, mut held) = (0, 0);
    for (i, record) in records.iter().enumerate() {
        if i > start && (i - start == BATCH_ROWS || held + bytes(record) > BATCH_BYTES) {
            batches.push(&records[start..i]);
            (start, held) = (i, 0);
        }
        held += bytes(record);
    }
    if start < records.len() {
        batches.push(&records[start..]);
    }
    batches
}

/// Rows of the old file with their fates applied.
fn merge(
    rows: &RecordBatch,
    fates: &[Option<Fate>],
    columns: &[Column],
    places: &[usize],
    staging: &mut Staging,
) -> Result<RecordBatch> {
    let mut changed: Vec<Vec<Option<String>>> = Vec::new();
    // Batch 0 is the old one, batch 1 holds the changed records.
    let mut picks: Vec<(usize, usize)> = Vec::with_capacity(rows.num_rows());
    for (row, fate) in fates.iter().enumerate() {
        match fate {
            None => picks.push((0, row)),
            Some(Fate::Removed) => {}
            Some(Fate::Changed(place)) => {
                let values =
                    columns.iter().enumerate().map(|(i, c)| text::render(rows.column(i), &c.ty, row));
                let mut new = TypedRow { places, values: values.collect() };
                new.apply(staging.load(*place)?);
                picks.push((1, changed.len()));
                changed.push(new.values);
            }
        }
    }
    if changed.is_empty() && picks.len() == rows.num_rows() {
        return Ok(rows.clone());
    }
    let changed = typed(&changed, columns)?;
    Ok(arrow::compute::interleave_record_batch(&[rows, &changed], &picks)?)
}

fn typed(rows: &[Vec<Option<String>>], columns: &[Column]) -> Result<RecordBatch> {
    let mut arrays = Vec::with_capacity(columns.len());
    for (i, column) in columns.iter().enumerate() {
        let texts: Vec<Option<&str>> = rows.iter().map(|row| row[i].as_deref()).collect();
        let (array, bad) = text::parse(&texts, &column.ty);
        if !bad.is_empty() {
            return Err(Error::internal(format!(
                "a value of '{}' is not of type {}",
                column.name, column.ty
            )));
        }
        arrays.push(array);
    }
    Ok(RecordBatch::try_new(schema_of(columns), arrays)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_held_in_parts_of_bounded_rows_and_bytes() {
        let cut = |sizes: &[usize]| -> Vec<usize> {
            in_batches(sizes, |size| *size).into_iter().map(<[usize]>::len).collect()
        };
        assert_eq!(cut(&[]), [0; 0]);
        assert_eq!(cut(&[1; 10]), [10]);
        assert_eq!(cut(&vec![1; BATCH_ROWS * 2 + 1]), [BATCH_ROWS, BATCH_ROWS, 1]);
        assert_eq!(cut(&[BATCH_BYTES / 2; 5]), [2, 2, 1]);
        assert_eq!(cut(&[1, BATCH_BYTES * 9, 1, 1]), [1, 1, 2], "a large record is alone");
    }
}
