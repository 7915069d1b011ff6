//! What is shown: results on stdout, everything beside them on stderr.

mod changes;
mod live;
mod numbers;
mod run_text;
mod summary_box;
mod table;
mod wrap;

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::args::{Globals, Output};

pub use changes::{field_lines, plan_text, value_text};
pub use live::{LiveLines, watched};
pub use numbers::{ago, counted, duration, grouped, local};
pub use run_text::{
    ERRORS_GROUPED_MAX, held_text, is_rejected, run_report, short_id, status_text, undone, verdict,
};
pub use summary_box::summary_box;
pub use table::{Column, table};

/// What a text means; how that looks is decided here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Good,
    Warn,
    Bad,
    Held,
    Live,
    Dim,
    Strong,
    Accent,
}

impl Style {
    fn codes(self) -> &'static str {
        match self {
            Style::Good => "32",
            Style::Warn => "33",
            Style::Bad => "31",
            Style::Held => "35",
            Style::Live => "34",
            Style::Dim => "2",
            Style::Strong => "1",
            Style::Accent => "36",
        }
    }

    fn on(self, text: &str) -> String {
        format!("\u{1b}[{}m{text}\u{1b}[0m", self.codes())
    }
}

/// Longest line of running text, also on wide terminals.
const MESSAGE_WIDTH_MAX: usize = 100;
/// Narrower terminals break lines themselves.
const MESSAGE_WIDTH_MIN: usize = 40;
/// Columns by which a line that was broken goes on further right.
const HANG: usize = 2;

/// The two streams of the program.
pub struct Out {
    pub json: bool,
    pub color: bool,
    pub color_on_stderr: bool,
    /// Columns of the terminal that stdout is; `None` when it is none.
    pub width: Option<u16>,
    /// As `width`, of stderr.
    width_on_stderr: Option<u16>,
    /// The lines of runs at work, which give way to everything that is written.
    pub live: LiveLines,
    /// The reader of stdout went away (`… | head`): nothing more is written there.
    closed: AtomicBool,
}

impl Out {
    pub fn new(globals: &Globals) -> Self {
        let unwanted = globals.no_color
            || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        let stdout = std::io::stdout().is_terminal();
        let stderr = std::io::stderr().is_terminal();
        Self {
            json: globals.output == Output::Json,
            color: stdout && !unwanted,
            color_on_stderr: stderr && !unwanted,
            width: if stdout { comfy_table::Table::new().width() } else { None },
            width_on_stderr: if stderr { comfy_table::Table::new().use_stderr().width() } else { None },
            live: LiveLines::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// Writes a result and a line end.
    pub fn line(&self, text: impl AsRef<str>) {
        self.raw(&format!("{}\n", text.as_ref()));
    }

    /// Writes running text: on a terminal its lines break between words and hang by two columns.
    pub fn prose(&self, text: impl AsRef<str>) {
        self.line(self.wrapped(text.as_ref(), None));
    }

    /// Running text for stdout, broken between words where that is a terminal. What follows a break
    /// is indented by `hang`, by default a little more than the line.
    pub fn wrapped(&self, text: &str, hang: Option<usize>) -> String {
        match self.width {
            Some(_) => hung(text, self.message_width(), hang),
            None => text.to_string(),
        }
    }

    /// Writes to stdout. A reader that went away ends the output, never the work.
    pub fn raw(&self, text: &str) {
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        self.live.aside(|| {
            let mut stdout = std::io::stdout().lock();
            if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
                self.closed.store(true, Ordering::Relaxed);
            }
        });
    }

    /// Nobody reads stdout any more.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub fn json(&self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.line(text),
            Err(e) => self.note(&format!("error: the answer could not be written as JSON: {e}")),
        }
    }

    /// Writes a line beside the results.
    pub fn note(&self, text: &str) {
        // Nobody to tell when stderr is gone.
        self.live.aside(|| _ = writeln!(std::io::stderr().lock(), "{text}"));
    }

    /// Running text beside the results; on a terminal its lines break between words.
    pub fn note_prose(&self, text: &str) {
        match self.width_on_stderr {
            Some(_) => self.note(&hung(text, self.note_width(), None)),
            None => self.note(text),
        }
    }

    /// A line beside the results that only people read.
    pub fn remark(&self, text: &str) {
        if !self.json {
            self.note_prose(text);
        }
    }

    pub fn note_json(&self, value: &serde_json::Value) {
        self.note(&value.to_string());
    }

    pub fn paint(&self, style: Style, text: &str) -> String {
        if self.color { style.on(text) } else { text.to_string() }
    }

    /// As [`Out::paint`], for stderr.
    pub fn paint_note(&self, style: Style, text: &str) -> String {
        if self.color_on_stderr { style.on(text) } else { text.to_string() }
    }

    /// Somebody looks on.
    pub fn is_terminal(&self) -> bool {
        self.width.is_some()
    }

    /// Columns for running text.
    pub fn message_width(&self) -> usize {
        readable(self.width)
    }

    /// As [`Out::message_width`], for stderr.
    pub fn note_width(&self) -> usize {
        readable(self.width_on_stderr)
    }

    /// A person can be asked.
    pub fn can_ask(&self) -> bool {
        !self.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks for a line; `None` at the end of the input.
    pub fn ask(&self, question: &str) -> std::io::Result<Option<String>> {
        let mut stderr = std::io::stderr();
        write!(stderr, "{question}")?;
        stderr.flush()?;
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer)?;
        Ok((read > 0).then(|| answer.trim().to_string()))
    }
}

fn readable(width: Option<u16>) -> usize {
    width.map_or(MESSAGE_WIDTH_MAX, |w| usize::from(w).clamp(MESSAGE_WIDTH_MIN, MESSAGE_WIDTH_MAX))
}

/// Each line wrapped; without a `hang`, by two columns more than it is indented itself.
fn hung(text: &str, width: usize, hang: Option<usize>) -> String {
    let wrapped = text.split('\n').map(|line| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        wrap::wrap(line, width, hang.unwrap_or(indent + HANG))
    });
    wrapped.collect::<Vec<_>>().join("\n")
}
