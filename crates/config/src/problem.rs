//! A problem in a project's files, as people and machines see it.

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The project cannot be used.
    Error,
    /// The project can be used; somebody should look.
    Warning,
}

/// One thing that is wrong: where it stands, what it is, and what to do.
///
/// Serializes to `code`, `severity`, `file`, `line`, `column`, `message` and `help`, and to `pointer`
/// where there is one. No secret
/// value is ever part of it: not in the message and not in the excerpt of the file.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// Stable code, for example `unknown_key`.
    pub code: &'static str,
    pub severity: Severity,
    /// Relative to the project's folder, with `/`; or `api:connections/crm` for an object made
    /// through the API, whose lines are those of its pretty-printed JSON.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// In an object made through the API: the JSON Pointer of the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    pub message: String,
    pub help: Option<String>,
    #[serde(skip)]
    pub(crate) snippet: Option<Snippet>,
}

/// The text of the file that a problem stands in, secrets masked, and the stretch to underline.
#[derive(Clone, Debug)]
pub(crate) struct Snippet {
    source: NamedSource<Arc<str>>,
    start: usize,
    len: usize,
}

impl Snippet {
    pub fn new(name: &str, text: Arc<str>, start: usize, len: usize) -> Self {
        Self { source: NamedSource::new(name, text), start, len }
    }
}

impl Problem {
    /// The problem with an excerpt of its file, a caret and the advice, `width` columns wide.
    pub fn render(&self, width: usize, color: bool) -> String {
        let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_context_lines(1);
        let mut text = String::new();
        match handler.render_report(&mut text, &Excerpt(self)) {
            Ok(()) => text,
            Err(fmt::Error) => format!("{self}\n"),
        }
    }
}

/// `file:line:column: message`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.snippet.as_ref().map(|snippet| &snippet.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let snippet = self.snippet.as_ref()?;
        let label = LabeledSpan::new(Some("here".to_string()), snippet.start, snippet.len);
        Some(Box::new(std::iter::once(label)))
    }
}

/// A problem whose place is shown by its excerpt, and therefore not again in its message.
#[derive(Debug)]
struct Excerpt<'a>(&'a Problem);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.snippet.is_some() { f.write_str(&self.0.message) } else { self.0.fmt(f) }
    }
}

impl std::error::Error for Excerpt<'_> {}

impl Diagnostic for Excerpt<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.code()
    }

    fn severity(&self) -> Option<miette::Severity> {
        Diagnostic::severity(self.0)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
}

/// Every problem of a project, in the order of files and lines.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// All problems, one after the other, as [`Problem::render`] shows them.
    pub fn render(&self, width: usize, color: bool) -> String {
        self.0.iter().map(|problem| problem.render(width, color)).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            if n > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
            if let Some(help) = &problem.help {
                write!(f, " ({help})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
