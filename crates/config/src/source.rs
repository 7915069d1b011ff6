//! The texts of a project (files, and objects made through the API) while they are read, and what was
//! found in them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::printed::{PointerSpan, pointer_at};
use crate::problem::{Problem, Severity, Snippet};

/// A stretch of a file in bytes, `start` inclusive, `end` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub file: usize,
    pub start: usize,
    pub end: usize,
}

/// Something wrong at a place; becomes a [`Problem`] once every file is read, because only then it
/// is known which text must not be shown.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub span: Span,
    pub severity: Severity,
    pub code: &'static str,
    pub message: String,
    pub help: Option<String>,
}

/// Everything found so far. Nothing stops at the first.
#[derive(Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub fn error(&mut self, span: Span, code: &'static str, message: impl Into<String>) -> &mut Finding {
        self.push(span, Severity::Error, code, message.into())
    }

    pub fn warning(&mut self, span: Span, code: &'static str, message: impl Into<String>) -> &mut Finding {
        self.push(span, Severity::Warning, code, message.into())
    }

    fn push(&mut self, span: Span, severity: Severity, code: &'static str, message: String) -> &mut Finding {
        let at = self.0.len();
        self.0.push(Finding { span, severity, code, message, help: None });
        &mut self.0[at]
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every finding has this code.
    pub fn are_all(&self, code: &str) -> bool {
        self.0.iter().all(|finding| finding.code == code)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|finding| finding.severity == Severity::Error)
    }

    pub fn extend(&mut self, other: Findings) {
        self.0.extend(other.0);
    }
}

impl Finding {
    pub fn help(&mut self, help: impl Into<String>) {
        self.help = Some(help.into());
    }

    /// Adds advice when there is some.
    pub fn maybe_help(&mut self, help: Option<String>) {
        self.help = help.or(self.help.take());
    }
}

#[derive(Clone)]
struct SourceFile {
    /// Relative to the project's folder, with `/`.
    name: String,
    text: String,
    /// Byte offset at which each line starts.
    lines: Vec<usize>,
    /// Stretches that hold secrets written in clear.
    hidden: Vec<(usize, usize)>,
    /// For an object made through the API: which value stands where.
    pointers: Option<Vec<PointerSpan>>,
}

/// The texts that were read, in the order in which their problems are listed.
#[derive(Clone, Default)]
pub(crate) struct Sources {
    files: Vec<Arc<SourceFile>>,
}

impl Sources {
    /// Adds a file and returns its number. What looks like a secret in clear is hidden from the
    /// excerpts of a file that may hold some.
    pub fn add(&mut self, name: impl Into<String>, text: String, may_hold_secrets: bool) -> usize {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let hidden = if may_hold_secrets { crate::secrets::clear_text(&text) } else { Vec::new() };
        self.files.push(Arc::new(SourceFile { name: name.into(), text, lines, hidden, pointers: None }));
        self.files.len() - 1
    }

    /// Adds an object made through the API, as it was printed for the number of the next file.
    pub fn add_object(
        &mut self,
        name: String,
        text: String,
        pointers: Vec<PointerSpan>,
        may_hold_secrets: bool,
    ) -> usize {
        let file = self.add(name, text, may_hold_secrets);
        Arc::make_mut(&mut self.files[file]).pointers = Some(pointers);
        file
    }

    /// How many texts there are: the number of the next.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Forgets all but the first texts.
    pub fn truncate(&mut self, len: usize) {
        self.files.truncate(len);
    }

    pub fn text(&self, file: usize) -> &str {
        &self.files[file].text
    }

    pub fn name(&self, file: usize) -> &str {
        &self.files[file].name
    }

    /// The place of a file as a whole.
    pub fn start_of(&self, file: usize) -> Span {
        Span { file, start: 0, end: 0 }
    }

    /// Marks a stretch as never to be shown.
    pub fn hide(&mut self, span: Span) {
        Arc::make_mut(&mut self.files[span.file]).hidden.push((span.start, span.end));
    }

    /// Line and column of a place, both from 1; the column counts characters.
    pub fn position(&self, span: Span) -> (usize, usize) {
        let text = self.text(span.file);
        let line = self.line(span);
        let line_start = self.files[span.file].lines[line - 1];
        let column = text[line_start..floor_boundary(text, span.start).max(line_start)].chars().count() + 1;
        (line, column)
    }

    /// Line of a place, from 1.
    pub fn line(&self, span: Span) -> usize {
        self.files[span.file].lines.partition_point(|start| *start <= span.start).max(1)
    }

    /// The problems in file order, each once, errors and warnings apart.
    pub fn problems(&self, findings: Findings) -> (Vec<Problem>, Vec<Problem>) {
        let mut findings = findings.0;
        findings.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
        findings.dedup_by(|a, b| a.span == b.span && a.message == b.message);
        let mut shown: HashMap<usize, Arc<str>> = HashMap::new();
        findings
            .into_iter()
            .map(|finding| {
                let file = &self.files[finding.span.file];
                let text = shown.entry(finding.span.file);
                let text = text.or_insert_with(|| masked(&file.text, &file.hidden).into()).clone();
                self.problem(finding, text)
            })
            .partition(|problem| problem.severity == Severity::Error)
    }

    fn problem(&self, finding: Finding, shown: Arc<str>) -> Problem {
        let Span { file, start, end } = finding.span;
        let text = self.text(file);
        let (line, column) = self.position(finding.span);
        let start = floor_boundary(text, start);
        let first_line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
        let end = floor_boundary(text, end).clamp(start, first_line_end);
        let snippet = (!text.is_empty()).then(|| Snippet::new(self.name(file), shown, start, end - start));
        let pointers = self.files[file].pointers.as_deref();
        Problem {
            code: finding.code,
            severity: finding.severity,
            file: self.name(file).to_string(),
            line,
            column,
            pointer: pointers.map(|pointers| pointer_at(pointers, start).to_string()),
            message: finding.message,
            help: finding.help,
            snippet,
        }
    }
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The text with every hidden character replaced, byte offsets and lines unchanged.
fn masked(text: &str, hidden: &[(usize, usize)]) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c != '\n' && c != '\r' && hidden.iter().any(|(start, end)| (*start..*end).contains(&at)) {
            out.extend(std::iter::repeat_n('*', c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_lines_from_one() {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", "über: 1\nkey: zwölf x\n".to_string(), false);
        assert_eq!(sources.position(Span { file, start: 0, end: 1 }), (1, 1));
        assert_eq!(sources.position(Span { file, start: 9, end: 10 }), (2, 1));
        let x = sources.text(file).find('x').unwrap();
        assert_eq!(sources.position(Span { file, start: x, end: x }), (2, 12));
    }

    #[test]
    fn hidden_text_is_masked_without_moving_anything() {
        let masked = masked("pw: gehéim\nx: 1", &[(4, 11)]);
        assert_eq!(masked, "pw: *******\nx: 1");
    }
}
