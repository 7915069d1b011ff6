//! Telling the story: text, commands with their real output, and checks that it is true.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use syncline_core::{Error, ErrorKind, Result, RunId};
use syncline_engine::watch;

use super::folder::Folder;
use crate::Context;
use crate::exit::Exit;
use crate::output::{Style, short_id};

/// Columns of headings and running text.
const WIDTH: usize = 92;

/// Variables that would lead the commands to another project.
const FOREIGN_VARIABLES: [&str; 6] = [
    "SYNCLINE_PROJECT",
    "SYNCLINE_ENV",
    "SYNCLINE_STATE",
    "SYNCLINE_FILES",
    "SYNCLINE_SERVER",
    "SYNCLINE_TOKEN",
];

pub struct Stage<'a> {
    context: &'a Context,
    pub folder: &'a Folder,
    program: &'a Path,
    /// Wait for Enter before each chapter.
    step: bool,
    chapters: usize,
    /// Expectations that held.
    pub held: usize,
    /// Expectations that did not, in words.
    pub differences: Vec<String>,
}

/// What a run did, as far as the story tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub created: u64,
    pub updated: u64,
    pub deleted: u64,
    pub skipped: u64,
    pub failed: u64,
}

impl<'a> Stage<'a> {
    /// `program` is this program, which plays every command.
    pub fn new(context: &'a Context, folder: &'a Folder, program: &'a Path, step: bool) -> Self {
        Self { context, folder, program, step, chapters: 0, held: 0, differences: Vec::new() }
    }

    pub fn title(&self, text: &str) {
        let out = &self.context.out;
        out.line(format!("{}\n", out.paint(Style::Strong, text)));
    }

    /// Names the folder. A path is never wrapped, so that it can be copied.
    pub fn path(&self) {
        self.context.out.line(self.folder.path.display().to_string());
    }

    /// Begins a chapter.
    pub fn chapter(&mut self, title: &str, text: &str) -> Result<()> {
        self.go_on()?;
        self.chapters += 1;
        let out = &self.context.out;
        let title = format!("{}. {title} ", self.chapters);
        let rule = "─".repeat(WIDTH.saturating_sub(title.chars().count()));
        out.line(format!("\n{}{}", out.paint(Style::Strong, &title), out.paint(Style::Dim, &rule)));
        self.say(text);
        Ok(())
    }

    pub fn say(&self, text: &str) {
        for line in wrapped(text) {
            self.context.out.line(line);
        }
    }

    fn go_on(&self) -> Result<()> {
        let out = &self.context.out;
        if self.step && self.chapters > 0 {
            out.ask(&out.paint_note(Style::Dim, "\n(Enter goes on) "))?;
        }
        self.stop_if_wished()
    }

    fn stop_if_wished(&self) -> Result<()> {
        if self.context.interrupt.is_wished() {
            let folder = self.folder.path.display();
            return Err(Error::new(ErrorKind::Cancelled, "the demo was interrupted")
                .help(format!("its folder is left as it is: {folder}")));
        }
        Ok(())
    }

    /// Runs a command before the reader's eyes. Another end than `expected` ends the demo, because
    /// nothing that follows would make sense.
    pub fn command(&mut self, args: &[&str], expected: Exit) -> Result<()> {
        let out = &self.context.out;
        let typed = format!("$ syncline {}", args.join(" "));
        out.line(format!("\n{}", out.paint(Style::Accent, &typed)));
        // Without a terminal, progress is told in lines for logs, which are no part of the story.
        let watched = std::io::stderr().is_terminal();
        let child = self
            .prepared(args)
            .stdout(Stdio::inherit())
            .stderr(if watched { Stdio::inherit() } else { Stdio::piped() })
            .spawn()?;
        // Ctrl-C reaches the command as well, which ends in its own good way; until then we wait.
        let (_watch, observer) = watch::pair();
        let watched_over = self.context.interrupt.watch_over(observer);
        let ended = child.wait_with_output();
        drop(watched_over);
        self.stop_if_wished()?;
        self.expect_exit(&typed, &ended?, expected)
    }

    fn expect_exit(&mut self, typed: &str, ended: &Output, expected: Exit) -> Result<()> {
        if ended.status.code() == Some(expected.number().into()) {
            self.held += 1;
            return Ok(());
        }
        let told = String::from_utf8_lossy(&ended.stderr);
        self.context.out.note(told.trim_end());
        let expected = expected.number();
        Err(Error::internal(format!("`{typed}` ended with {}, not with exit code {expected}", ended.status))
            .help(format!("the demo's folder is left as it is: {}", self.folder.path.display())))
    }

    fn prepared<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(self.program);
        command.args(args).current_dir(&self.folder.path).stdin(Stdio::null());
        for name in FOREIGN_VARIABLES {
            command.env_remove(name);
        }
        if self.context.globals.no_color {
            command.env("NO_COLOR", "1");
        }
        command
    }

    /// What a command answers to programs, unseen.
    pub fn answer(&mut self, args: &[&str], expected: Exit) -> Result<Value> {
        let typed = format!("syncline {} --output json", args.join(" "));
        let args = [args, &["--output", "json"]].concat();
        let ended = self.prepared(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let ended = ended.wait_with_output()?;
        self.expect_exit(&typed, &ended, expected)?;
        serde_json::from_slice(&ended.stdout)
            .map_err(|e| Error::internal(format!("`{typed}` did not answer with JSON: {e}")))
    }

    /// The latest run of a sync.
    pub fn last_run(&mut self, sync: &str) -> Result<Value> {
        let list = self.answer(&["runs", sync, "--limit", "1"], Exit::Done)?;
        list.pointer("/data/0").cloned().ok_or_else(|| Error::internal(format!("{sync} has no run")))
    }

    /// Its id, as commands take it.
    pub fn last_run_id(&mut self, sync: &str) -> Result<String> {
        let run = self.last_run(sync)?;
        let id: RunId = serde_json::from_value(run["id"].clone())
            .map_err(|e| Error::internal(format!("a run of {sync} has no id: {e}")))?;
        Ok(short_id(&id).to_string())
    }

    /// Checks what the latest run of a sync did.
    pub fn expect_run(&mut self, sync: &str, expected: Counts) -> Result<()> {
        let run = self.last_run(sync)?;
        let count = |name: &str| run[name].as_u64().unwrap_or(0);
        let found = Counts {
            created: count("rows_created"),
            updated: count("rows_updated"),
            deleted: count("rows_deleted"),
            skipped: count("rows_skipped"),
            failed: count("rows_failed"),
        };
        self.expect(&format!("the last run of {sync}"), expected, found);
        Ok(())
    }

    /// Compares what is with what the story says.
    pub fn expect<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, expected: T, found: T) {
        if expected == found {
            self.held += 1;
            return;
        }
        let difference = format!("{what}: expected {expected:?}, found {found:?}");
        self.context.out.note(&format!("this is not as it should be: {difference}"));
        self.differences.push(difference);
    }
}

/// `text` in lines of at most [`WIDTH`] columns; its own line ends stay.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line += word;
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_between_words_and_nothing_is_lost() {
        let text = "word ".repeat(50);
        let lines = wrapped(&text);
        assert!(lines.len() > 2 && lines.iter().all(|l| l.chars().count() <= WIDTH));
        assert_eq!(lines.join(" "), text.trim_end());
        assert_eq!(wrapped("a\n\nb"), ["a", "", "b"]);
    }
}
