//! CSV: records of fields, where an empty unquoted field is NULL and `""` is empty text.
//!
//! The splitter is our own because that difference is lost in the usual ones. It follows RFC 4180;
//! besides, records may end in LF, CR LF or CR, a quote inside an unquoted field is itself, and
//! blank lines are skipped unless the file has one column, where a blank line is a NULL.

use std::io::{BufRead, Write};

use syncline_connector::SourceBatch;
use syncline_core::{Error, ErrorKind, Result};

use super::options::FinalNewline;
use super::rows::{Column, RowBuffer};

/// A record longer than this is not read: more likely a quote was never closed.
const RECORD_BYTES_MAX: usize = 256 << 20;

/// How a file is written.
#[derive(Clone, Debug)]
pub struct Dialect {
    pub delimiter: u8,
    /// This text means NULL, quoted or not, besides an empty unquoted field.
    pub null: Option<String>,
    pub final_newline: FinalNewline,
}

impl Dialect {
    pub fn new(delimiter: u8) -> Self {
        Self { delimiter, null: None, final_newline: FinalNewline::Required }
    }
}

/// How a record ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    Lf,
    CrLf,
    Cr,
    /// The file ended.
    File,
}

impl LineEnd {
    pub fn text(self) -> &'static str {
        match self {
            LineEnd::Lf | LineEnd::File => "\n",
            LineEnd::CrLf => "\r\n",
            LineEnd::Cr => "\r",
        }
    }
}

/// One record; fields are bytes until [`Record::text_error`] was asked.
pub struct Record {
    data: Vec<u8>,
    fields: Vec<FieldSpan>,
    /// Line on which the record starts, from 1.
    pub line: u64,
    pub end: LineEnd,
    /// Text stands after a closing quote.
    stray_text: bool,
}

#[derive(Clone, Copy)]
struct FieldSpan {
    end: usize,
    quoted: bool,
    /// Byte offset in the file.
    offset: u64,
}

impl Record {
    fn empty() -> Self {
        Self { data: Vec::new(), fields: Vec::new(), line: 0, end: LineEnd::File, stray_text: false }
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_quoted(&self, field: usize) -> bool {
        self.fields[field].quoted
    }

    fn bytes(&self, field: usize) -> &[u8] {
        let start = if field == 0 { 0 } else { self.fields[field - 1].end };
        &self.data[start..self.fields[field].end]
    }

    /// A field's text. Empty when it is not UTF-8, which [`Record::text_error`] reports.
    pub fn text(&self, field: usize) -> &str {
        std::str::from_utf8(self.bytes(field)).unwrap_or("")
    }

    /// A field's value: `None` when the file means NULL.
    pub fn value(&self, field: usize, null: Option<&str>) -> Option<&str> {
        let text = self.text(field);
        let is_null = (text.is_empty() && !self.is_quoted(field)) || null == Some(text);
        if is_null { None } else { Some(text) }
    }

    fn is_blank(&self) -> bool {
        self.len() == 1 && self.data.is_empty() && !self.fields[0].quoted
    }

    /// What keeps the record from being read, apart from its number of fields.
    fn text_error(&self) -> Option<String> {
        if self.stray_text {
            return Some("text stands between a closing quote and the next delimiter".into());
        }
        (0..self.len()).find_map(|field| {
            let bytes = self.bytes(field);
            let valid = std::str::from_utf8(bytes).err()?.valid_up_to();
            let span = self.fields[field];
            // A quoted field has its opening quote before the text and every inner quote twice.
            let quotes = bytes[..valid].iter().filter(|b| **b == b'"').count() + 1;
            let offset = span.offset + valid as u64 + if span.quoted { quotes as u64 } else { 0 };
            Some(format!("the bytes at offset {offset} of the file are not UTF-8"))
        })
    }

    /// What keeps the record from being read as one of `width` fields.
    pub fn problem(&self, width: usize) -> Option<String> {
        if self.len() != width {
            return Some(format!("expected {width} fields, found {}", self.len()));
        }
        self.text_error()
    }
}

/// Cuts a file into records.
pub struct Splitter<R> {
    input: R,
    delimiter: u8,
    name: String,
    line: u64,
    offset: u64,
    record: Record,
    width: usize,
}

enum State {
    FieldStart,
    Unquoted,
    Quoted,
    /// After a quote inside a quoted field: doubled, or the end.
    Quote,
}

impl<R: BufRead> Splitter<R> {
    /// `name` is the file's, for messages.
    pub fn new(input: R, delimiter: u8, name: &str) -> Self {
        let (name, record) = (name.to_string(), Record::empty());
        Self { input, delimiter, name, line: 1, offset: 0, record, width: 0 }
    }

    /// Reads the header; `None` when the file is empty. Names must be unique and not empty.
    pub fn header(&mut self) -> Result<Option<(Vec<String>, LineEnd)>> {
        self.skip_byte_order_mark()?;
        let name = self.name.clone();
        let bad = |message: String| {
            Err(Error::new(ErrorKind::ModelQueryFailed, format!("{name}:1: {message}"))
                .help("the first line must name each column once"))
        };
        if self.split()?.is_none() {
            return Ok(None);
        }
        let record = &self.record;
        if let Some(problem) = record.text_error() {
            return bad(format!("the header cannot be read: {problem}"));
        }
        let names: Vec<String> = (0..record.len()).map(|i| record.text(i).to_string()).collect();
        for (i, column) in names.iter().enumerate() {
            if column.trim().is_empty() {
                return bad(format!("column {} of the header has no name", i + 1));
            }
            if names[..i].contains(column) {
                return bad(format!("the header names the column '{column}' twice"));
            }
        }
        let end = record.end;
        self.width = names.len();
        Ok(Some((names, end)))
    }

    /// Reads the next record; `None` at the end of the file.
    pub fn next(&mut self) -> Result<Option<&Record>> {
        loop {
            if self.split()?.is_none() {
                return Ok(None);
            }
            if self.width == 1 || !self.record.is_blank() {
                return Ok(Some(&self.record));
            }
        }
    }

    fn skip_byte_order_mark(&mut self) -> Result<()> {
        let start = self.fill()?;
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
            let message = format!("{} is encoded as UTF-16", self.name);
            return Err(Error::new(ErrorKind::ModelQueryFailed, message).help("save it as UTF-8"));
        }
        if start.starts_with(&[0xef, 0xbb, 0xbf]) {
            self.input.consume(3);
            self.offset += 3;
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<&[u8]> {
        let name = &self.name;
        self.input.fill_buf().map_err(|e| {
            Error::new(ErrorKind::SourceUnreachable, format!("{name} cannot be read: {e}")).caused_by(e)
        })
    }

    /// Reads one record into `self.record`, blank ones included.
    fn split(&mut self) -> Result<Option<()>> {
        let mut record = std::mem::replace(&mut self.record, Record::empty());
        record.data.clear();
        record.fields.clear();
        record.stray_text = false;
        record.line = self.line;
        let result = self.split_into(&mut record);
        self.record = record;
        result
    }

    fn split_into(&mut self, record: &mut Record) -> Result<Option<()>> {
        let delimiter = self.delimiter;
        let mut state = State::FieldStart;
        let (mut quoted, mut quote_line) = (false, self.line);
        let mut field_offset = self.offset;
        loop {
            if record.data.len() > RECORD_BYTES_MAX {
                return Err(self.too_long(record.line));
            }
            let (mut used, mut ended) = (0, None);
            let (start, start_line) = (self.offset, self.line);
            let mut lines = 0;
            let buffer = self.fill()?;
            let at_end = buffer.is_empty();
            for &b in buffer {
                used += 1;
                match state {
                    State::Quoted if b == b'"' => state = State::Quote,
                    State::Quoted => {
                        lines += u64::from(b == b'\n');
                        record.data.push(b);
                    }
                    State::Quote if b == b'"' => {
                        record.data.push(b);
                        state = State::Quoted;
                    }
                    State::FieldStart if b == b'"' => {
                        (state, quoted) = (State::Quoted, true);
                        quote_line = start_line + lines;
                    }
                    _ if b == delimiter || b == b'\n' || b == b'\r' => {
                        let end = record.data.len();
                        record.fields.push(FieldSpan { end, quoted, offset: field_offset });
                        (state, quoted) = (State::FieldStart, false);
                        field_offset = start + used as u64;
                        if b != delimiter {
                            ended = Some(b);
                            break;
                        }
                    }
                    State::Quote => {
                        record.stray_text = true;
                        record.data.push(b);
                        state = State::Unquoted;
                    }
                    State::FieldStart | State::Unquoted => {
                        record.data.push(b);
                        state = State::Unquoted;
                    }
                }
            }
            self.input.consume(used);
            self.offset += used as u64;
            self.line += lines;
            match ended {
                Some(b) => {
                    self.line += 1;
                    record.end = self.line_end(b)?;
                    return Ok(Some(()));
                }
                None if !at_end => {}
                None if matches!(state, State::Quoted) => return Err(self.unclosed(quote_line)),
                None if record.fields.is_empty() && matches!(state, State::FieldStart) => return Ok(None),
                None => {
                    record.fields.push(FieldSpan { end: record.data.len(), quoted, offset: field_offset });
                    record.end = LineEnd::File;
                    return Ok(Some(()));
                }
            }
        }
    }

    fn line_end(&mut self, b: u8) -> Result<LineEnd> {
        if b == b'\n' {
            return Ok(LineEnd::Lf);
        }
        if self.fill()?.first() != Some(&b'\n') {
            return Ok(LineEnd::Cr);
        }
        self.input.consume(1);
        self.offset += 1;
        Ok(LineEnd::CrLf)
    }

    fn unclosed(&self, line: u64) -> Error {
        let message = format!("{}:{line}: the file ends inside a quoted field that starts here", self.name);
        Error::new(ErrorKind::ModelQueryFailed, message)
            .help("the file is cut off, or a quote is missing; write it again")
    }

    fn too_long(&self, line: u64) -> Error {
        let message = format!("{}:{line}: a record is longer than {} MiB", self.name, RECORD_BYTES_MAX >> 20);
        Error::new(ErrorKind::ModelQueryFailed, message).help("a quote may be missing at its end")
    }
}

/// Reads the rows of a file, handing on batches of `columns`.
pub fn read(
    input: impl BufRead,
    name: &str,
    dialect: &Dialect,
    columns: &[Column],
    emit: &mut dyn FnMut(SourceBatch) -> Result<()>,
) -> Result<()> {
    let mut splitter = Splitter::new(input, dialect.delimiter, name);
    let (header, header_end) = splitter.header()?.ok_or_else(|| no_header(name))?;
    let mut places = Vec::with_capacity(columns.len());
    for column in columns {
        let place = header.iter().position(|h| *h == column.name);
        places.push(place.ok_or_else(|| {
            Error::new(ErrorKind::ModelQueryFailed, format!("{name} has no column '{}'", column.name))
        })?);
    }
    if header_end == LineEnd::File && dialect.final_newline == FinalNewline::Required {
        return Err(cut_off(name));
    }
    let mut rows = RowBuffer::new(columns, name);
    while let Some(record) = splitter.next()? {
        if record.end == LineEnd::File && dialect.final_newline == FinalNewline::Required {
            return Err(cut_off(name));
        }
        match record.problem(header.len()) {
            Some(_) if record.end == LineEnd::File => return Err(cut_off(name)),
            Some(problem) => rows.unreadable(record.line, problem),
            None => rows.push(record.line, |i| record.value(places[i], dialect.null.as_deref())),
        }
        if rows.is_full()
            && let Some(batch) = rows.take()?
        {
            emit(batch)?;
        }
    }
    rows.take()?.map_or(Ok(()), emit)
}

pub fn no_header(name: &str) -> Error {
    Error::new(ErrorKind::ModelQueryFailed, format!("{name} is empty: it has no header"))
        .help("the first line must name the columns")
}

fn cut_off(name: &str) -> Error {
    let message = format!("{name} does not end in a line break: its last record may be cut off");
    Error::new(ErrorKind::ModelQueryFailed, message)
        .help("write the file again; if its writer never ends the last line, set the connection's `final_newline: optional`")
}

/// Writes one field. NULL is bare, empty text is `""`.
pub fn write_field(out: &mut impl Write, delimiter: u8, value: Option<&str>) -> std::io::Result<()> {
    let Some(text) = value else { return Ok(()) };
    let special = |b: u8| b == delimiter || matches!(b, b'"' | b'\n' | b'\r');
    if text.is_empty() || text.starts_with('\u{feff}') || text.bytes().any(special) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}

/// Writes one record.
pub fn write_record<'a>(
    out: &mut impl Write,
    delimiter: u8,
    end: LineEnd,
    values: impl Iterator<Item = Option<&'a str>>,
) -> std::io::Result<()> {
    for (i, value) in values.enumerate() {
        if i > 0 {
            out.write_all(&[delimiter])?;
        }
        write_field(out, delimiter, value)?;
    }
    out.write_all(end.text().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &[u8]) -> Result<Vec<Vec<Option<String>>>> {
        // A tiny buffer puts every boundary everywhere.
        let input = std::io::BufReader::with_capacity(3, text);
        let mut splitter = Splitter::new(input, b',', "t.csv");
        let mut all = Vec::new();
        if splitter.header()?.is_none() {
            return Ok(all);
        }
        while let Some(r) = splitter.next()? {
            all.push((0..r.len()).map(|i| r.value(i, None).map(str::to_string)).collect());
        }
        Ok(all)
    }

    fn row(values: &[Option<&str>]) -> Vec<Option<String>> {
        values.iter().map(|v| v.map(str::to_string)).collect()
    }

    #[test]
    fn empty_and_null_differ() {
        let all = records(b"\xef\xbb\xbfa,b\n\"\",\n,\"x\"\"y\"\n").unwrap();
        assert_eq!(all, [row(&[Some(""), None]), row(&[None, Some("x\"y")])]);
    }

    #[test]
    fn records_end_in_any_line_break_and_quotes_hold_them() {
        let all = records(b"a,b\r\n1,\"x\r\ny\"\r2,z\n\n3,w").unwrap();
        let expected =
            [row(&[Some("1"), Some("x\r\ny")]), row(&[Some("2"), Some("z")]), row(&[Some("3"), Some("w")])];
        assert_eq!(all, expected);
    }

    #[test]
    fn a_blank_line_is_a_null_where_there_is_one_column() {
        assert_eq!(records(b"a\n\nx\n").unwrap(), [row(&[None]), row(&[Some("x")])]);
    }

    #[test]
    fn a_quote_that_never_closes_is_an_error_with_its_line() {
        let e = records(b"a,b\n1,2\n3,\"x\ny\n").unwrap_err();
        assert_eq!(e.kind, ErrorKind::ModelQueryFailed);
        assert!(e.message.starts_with("t.csv:3:"), "{}", e.message);
    }

    #[test]
    fn bad_bytes_are_placed() {
        let mut splitter = Splitter::new(&b"a,b\n1,\"x\"\"\xff\"\n"[..], b',', "t.csv");
        splitter.header().unwrap();
        let record = splitter.next().unwrap().unwrap();
        // Bytes 0-3 header, 4-5 `1,`, 6 opening quote, 7 x, 8-9 doubled quote, 10 the bad byte.
        assert!(record.problem(2).unwrap().contains("offset 10"), "{:?}", record.problem(2));
    }

    #[test]
    fn headers_must_be_unique_and_named() {
        for bad in [&b"a,a\n"[..], b"a,\n", b"a,\"\"\n", b"\n1\n", b"\xff\xfea\0"] {
            assert!(records(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn written_records_are_read_back() {
        let values =
            [None, Some(""), Some("a\"b"), Some("x\r\ny,z"), Some("\u{feff}"), Some("=1+1"), Some("\0")];
        let mut out = b"a,b,c,d,e,f,g\n".to_vec();
        write_record(&mut out, b',', LineEnd::Lf, values.into_iter()).unwrap();
        assert_eq!(records(&out).unwrap(), [row(&values)]);
    }
}
