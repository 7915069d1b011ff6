//! JSON Lines: one object per line.
//!
//! Which columns there are, and of what type, is known only after the whole input was seen once:
//! a first pass collects the union of all keys, in order of appearance. Keys that the model's
//! `types` name have those types; the others get the narrowest type that holds every value:
//!
//! - bool, int64, or text, when all values are booleans, integers that fit, or strings;
//! - float64 when all are numbers and a float holds each of them exactly, else numeric;
//! - json for objects, arrays and mixtures; text for keys that are always null.
//!
//! A missing key is NULL, and so is `null`, except in a column that `types` declares as json: there
//! `null` is the JSON value and only a missing key is NULL.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;

use syncline_connector::SourceBatch;
use syncline_core::{Error, ErrorKind, LogicalType, Result, text};

use super::rows::{Column, RowBuffer};
use syncline_core::json_text;

/// A line longer than this is not read.
const LINE_BYTES_MAX: usize = 256 << 20;

/// Reads a file line by line.
pub struct Lines<R> {
    input: R,
    name: String,
    buffer: Vec<u8>,
    number: u64,
    offset: u64,
}

/// One line that is not blank.
pub struct Line<'a> {
    /// From 1.
    pub number: u64,
    pub content: std::result::Result<Object<'a>, String>,
}

/// Keys and raw values, in order; keys are unique.
pub type Object<'a> = Vec<(String, &'a str)>;

impl<R: BufRead> Lines<R> {
    /// `name` is the file's, for messages.
    pub fn new(input: R, name: &str) -> Self {
        Self { input, name: name.to_string(), buffer: Vec::new(), number: 0, offset: 0 }
    }

    /// The next line that is not blank. A last line that is neither ended nor whole is an error:
    /// the file was cut off.
    pub fn next(&mut self) -> Result<Option<Line<'_>>> {
        loop {
            self.offset += self.buffer.len() as u64;
            self.buffer.clear();
            let mut limited = std::io::Read::take(&mut self.input, LINE_BYTES_MAX as u64 + 1);
            let read = limited.read_until(b'\n', &mut self.buffer).map_err(|e| {
                let message = format!("{} cannot be read: {e}", self.name);
                Error::new(ErrorKind::SourceUnreachable, message).caused_by(e)
            })?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.buffer.len() > LINE_BYTES_MAX {
                let message = format!(
                    "{}:{}: the line is longer than {} MiB",
                    self.name,
                    self.number,
                    LINE_BYTES_MAX >> 20
                );
                return Err(Error::new(ErrorKind::ModelQueryFailed, message)
                    .help("write one object per line, each ended by a line break"));
            }
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        let ended = self.buffer.ends_with(b"\n");
        let content = parse(&self.buffer, self.offset);
        if let Err(problem) = &content
            && !ended
        {
            let message = format!("{}:{}: the last line is cut off: {problem}", self.name, self.number);
            return Err(Error::new(ErrorKind::ModelQueryFailed, message).help("write the file again"));
        }
        Ok(Some(Line { number: self.number, content }))
    }
}

fn parse(line: &[u8], offset: u64) -> std::result::Result<Object<'_>, String> {
    let mark = if offset == 0 && line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let line = std::str::from_utf8(&line[mark..]).map_err(|e| {
        let at = offset + (mark + e.valid_up_to()) as u64;
        format!("the bytes at offset {at} of the file are not UTF-8")
    })?;
    json_text::validate(line).map_err(|e| format!("it is not valid JSON at column {}", e.column()))?;
    let members = json_text::members(line).ok_or("it is not a JSON object with readable keys")?;
    let mut seen: Vec<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
    seen.sort_unstable();
    match seen.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("it has the key '{}' twice", pair[0])),
        None => Ok(members),
    }
}

/// The canonical text of one raw value; `Err` when it cannot be one of the column's type.
pub fn cell<'a>(
    raw: &'a str,
    column: &Column,
) -> std::result::Result<Option<Cow<'a, str>>, json_text::HalfSurrogate> {
    if raw == "null" && !column.declared { Ok(None) } else { json_text::value_text(raw, &column.ty) }
}

/// Reads the rows of a file, handing on batches of `columns`.
pub fn read(
    input: impl BufRead,
    name: &str,
    columns: &[Column],
    emit: &mut dyn FnMut(SourceBatch) -> Result<()>,
) -> Result<()> {
    let places: HashMap<&str, usize> =
        columns.iter().enumerate().map(|(i, c)| (c.name.as_str(), i)).collect();
    let mut rows = RowBuffer::new(columns, name);
    let mut lines = Lines::new(input, name);
    while let Some(line) = lines.next()? {
        match line.content {
            Err(problem) => rows.unreadable(line.number, problem),
            Ok(object) => {
                let mut cells: Vec<Option<Cow<'_, str>>> = vec![None; columns.len()];
                let mut problem = None;
                for (key, raw) in &object {
                    let Some(&i) = places.get(key.as_str()) else { continue };
                    match cell(raw, &columns[i]) {
                        Ok(text) => cells[i] = text,
                        Err(json_text::HalfSurrogate) => {
                            problem = Some(format!("the string of '{key}' is not Unicode text"))
                        }
                    }
                }
                match problem {
                    Some(problem) => rows.unreadable(line.number, problem),
                    None => rows.push(line.number, |i| cells[i].as_deref()),
                }
            }
        }
        if rows.is_full()
            && let Some(batch) = rows.take()?
        {
            emit(batch)?;
        }
    }
    rows.take()?.map_or(Ok(()), emit)
}

/// Collects keys and what their values have in common.
#[derive(Default)]
pub struct Inference {
    order: Vec<String>,
    seen: HashMap<String, Seen>,
}

/// What all values of a key so far are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Bool,
    /// Integers that fit int64; whether a float holds each of them exactly.
    Int {
        exact_float: bool,
    },
    /// Numbers that a float holds exactly.
    Float,
    Numeric,
    Text,
    Json,
}

impl Inference {
    /// Looks at the rows of one file, at most `lines_max` of them. Unreadable rows are left to
    /// [`read`], which reports them.
    pub fn see(&mut self, input: impl BufRead, name: &str, lines_max: u64) -> Result<()> {
        let mut lines = Lines::new(input, name);
        while let Some(line) = lines.next()? {
            if line.number > lines_max {
                break;
            }
            for (key, raw) in line.content.unwrap_or_default() {
                match self.seen.get_mut(&key) {
                    Some(seen) => *seen = seen.and(Seen::of(raw)),
                    None => {
                        self.seen.insert(key.clone(), Seen::of(raw));
                        self.order.push(key);
                    }
                }
            }
        }
        Ok(())
    }

    /// The columns: keys in order of appearance, then declared ones that no row has.
    pub fn columns(&self, types: &BTreeMap<String, LogicalType>) -> Vec<Column> {
        let found = self.order.iter().map(|name| match types.get(name) {
            Some(ty) => Column { name: name.clone(), ty: ty.clone(), declared: true },
            None => Column { name: name.clone(), ty: self.seen[name].ty(), declared: false },
        });
        let absent = types.iter().filter(|(name, _)| !self.seen.contains_key(*name));
        found
            .chain(absent.map(|(name, ty)| Column { name: name.clone(), ty: ty.clone(), declared: true }))
            .collect()
    }
}

impl Seen {
    fn of(raw: &str) -> Self {
        match raw.as_bytes().first() {
            Some(b'n') | None => Seen::Nothing,
            Some(b't' | b'f') => Seen::Bool,
            Some(b'"') => Seen::Text,
            Some(b'{' | b'[') => Seen::Json,
            Some(_) if raw.parse::<i64>().is_ok() => Seen::Int { exact_float: float_is_exact(raw) },
            Some(_) if raw.contains(['.', 'e', 'E']) && float_is_exact(raw) => Seen::Float,
            Some(_) => Seen::Numeric,
        }
    }

    fn and(self, other: Self) -> Self {
        use Seen::*;
        match (self, other) {
            (Nothing, seen) | (seen, Nothing) => seen,
            (Int { exact_float: a }, Int { exact_float: b }) => Int { exact_float: a && b },
            (Int { exact_float: true } | Float, Int { exact_float: true } | Float) => Float,
            (Int { .. } | Float | Numeric, Int { .. } | Float | Numeric) => Numeric,
            (a, b) if a == b => a,
            _ => Json,
        }
    }

    fn ty(self) -> LogicalType {
        match self {
            Seen::Bool => LogicalType::Bool,
            Seen::Int { .. } => LogicalType::Int64,
            Seen::Float => LogicalType::Float64,
            Seen::Numeric => LogicalType::Numeric(None),
            Seen::Text | Seen::Nothing => LogicalType::Text,
            Seen::Json => LogicalType::Json,
        }
    }
}

/// Whether the float nearest to a decimal is written like it.
fn float_is_exact(raw: &str) -> bool {
    let plain = |text: &str| {
        text::parse_numeric(text).map(|t| match t.contains('.') {
            true => t.trim_end_matches('0').trim_end_matches('.').to_string(),
            false => t,
        })
    };
    match raw.parse::<f64>() {
        Ok(v) if v.is_finite() => plain(raw).is_some_and(|digits| plain(&v.to_string()) == Some(digits)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer(lines: &str) -> Vec<(String, String)> {
        let mut inference = Inference::default();
        inference.see(lines.as_bytes(), "t.jsonl", u64::MAX).unwrap();
        inference.columns(&BTreeMap::new()).into_iter().map(|c| (c.name, c.ty.to_string())).collect()
    }

    #[test]
    fn types_are_the_narrowest_that_lose_nothing() {
        for (values, ty) in [
            ("true|false|null", "bool"),
            ("1|-2", "int64"),
            ("9007199254740993", "int64"),
            ("18446744073709551616", "numeric"),
            ("0.1|2", "float64"),
            ("0.10", "float64"),
            ("1e3", "float64"),
            ("0.1|9007199254740993", "numeric"),
            ("0.1234567890123456789", "numeric"),
            ("1e999", "numeric"),
            ("\"a\"|null", "text"),
            ("null", "text"),
            ("\"a\"|1", "json"),
            ("{}|null", "json"),
            ("[1]", "json"),
        ] {
            let lines: String = values.split('|').map(|v| format!("{{\"x\": {v} }}\n")).collect();
            assert_eq!(infer(&lines), [("x".to_string(), ty.to_string())], "{values}");
        }
    }

    #[test]
    fn columns_are_the_union_of_all_keys_in_order_of_appearance() {
        let names: Vec<String> =
            infer("{\"b\":1}\n\n{\"a\":1,\"b\":2}\nnonsense\n{\"c\":1}").into_iter().map(|c| c.0).collect();
        assert_eq!(names, ["b", "a", "c"]);
    }
}
