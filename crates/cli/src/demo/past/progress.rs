//! Tells how far the past has got.

use jiff::Timestamp;

use super::company::berlin;
use crate::output::Out;

/// A line for each week; on a terminal, one that moves from day to day.
pub struct Progress<'a> {
    out: &'a Out,
    first: Timestamp,
    shown: i64,
}

impl<'a> Progress<'a> {
    pub fn new(out: &'a Out, first: Timestamp) -> Self {
        Self { out, first, shown: -1 }
    }

    pub fn show(&mut self, now: Timestamp) {
        let day = now.duration_since(self.first).as_hours() / 24;
        let step = if self.out.is_terminal() { 1 } else { 7 };
        if day / step == self.shown / step && self.shown >= 0 {
            return;
        }
        self.shown = day;
        let date = now.to_zoned(berlin()).strftime("%A, %-d %B").to_string();
        let line = format!("  week {} of 4 · {date}", (day / 7 + 1).min(4));
        match self.out.is_terminal() {
            true => self.out.raw(&format!("\r{line:<60}")),
            false => self.out.line(line),
        }
    }

    /// Ends the line that moved.
    pub fn end(&self) {
        if self.out.is_terminal() {
            self.out.raw(&format!("\r{:<60}\r", ""));
        }
    }
}
