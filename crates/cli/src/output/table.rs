//! Tables without lines: a quiet header, aligned columns, numbers to the right.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width, presets,
};

use super::{Out, Style};

/// Spaces between two columns.
const GAP: u16 = 2;
/// Columns of text that wraps, at least.
const PROSE_WIDTH_MIN: u16 = 24;

/// A column's title, the side its values stand on, and what gives way on a narrow terminal.
#[derive(Clone, Copy)]
pub struct Column {
    title: &'static str,
    right: bool,
    /// Sentences, which wrap. Anything else stays whole.
    prose: bool,
    /// Left out where there is no room, the last of them first.
    optional: bool,
}

impl Column {
    pub const fn left(title: &'static str) -> Self {
        Self { title, right: false, prose: false, optional: false }
    }

    /// For numbers.
    pub const fn right(title: &'static str) -> Self {
        Self { right: true, ..Self::left(title) }
    }

    /// For sentences.
    pub const fn prose(title: &'static str) -> Self {
        Self { prose: true, ..Self::left(title) }
    }

    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }
}

/// A value and how it looks.
pub type TableCell = (Option<Style>, String);

/// Lays rows out under `columns`. Only a terminal has a width; programs find one row a line.
pub fn table(out: &Out, columns: &[Column], rows: Vec<Vec<TableCell>>) -> String {
    let rows: Vec<Vec<TableCell>> = rows
        .into_iter()
        .map(|row| row.into_iter().map(|(style, text)| (style, one_line(&text))).collect())
        .collect();
    let widths = least_widths(columns, &rows);
    let shown = fitting(out.width, columns, &widths);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if let Some(width) = out.width.filter(|_| shown.iter().any(|i| columns[*i].prose)) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    if out.color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(shown.iter().map(|i| Cell::new(columns[*i].title).add_attribute(Attribute::Dim)));
    for row in &rows {
        table.add_row(shown.iter().filter_map(|i| row.get(*i)).map(|(style, text)| styled(text, *style)));
    }
    for (place, i) in shown.iter().enumerate() {
        let Some(laid_out) = table.column_mut(place) else { continue };
        // Behind the last column there is nothing to keep apart.
        let gap = if place + 1 < shown.len() { GAP } else { 0 };
        laid_out.set_padding((0, gap));
        if columns[*i].right {
            laid_out.set_cell_alignment(CellAlignment::Right);
        }
        laid_out.set_constraint(match columns[*i].prose {
            true => ColumnConstraint::LowerBoundary(Width::Fixed(widths[*i] + gap)),
            false => ColumnConstraint::ContentWidth,
        });
    }
    table.lines().map(|line| without_end_space(&line)).collect::<Vec<_>>().join("\n")
}

/// A line without the spaces at its end, also where they are styled.
fn without_end_space(line: &str) -> String {
    const RESET: &str = "\u{1b}[0m";
    let line = line.trim_end();
    match line.strip_suffix(RESET) {
        Some(styled) => format!("{}{RESET}", styled.trim_end()),
        None => line.to_string(),
    }
}

/// What each column needs: its widest value, of prose at most some words.
fn least_widths(columns: &[Column], rows: &[Vec<TableCell>]) -> Vec<u16> {
    let width = |(i, column): (usize, &Column)| {
        let cells = rows.iter().filter_map(|row| row.get(i)).map(|(_, text)| text.chars().count());
        let widest = cells.max().unwrap_or(0).max(column.title.len());
        let widest = u16::try_from(widest).unwrap_or(u16::MAX - GAP);
        if column.prose { widest.min(PROSE_WIDTH_MIN) } else { widest }
    };
    columns.iter().enumerate().map(width).collect()
}

/// Indexes of the columns that there is room for.
fn fitting(width: Option<u16>, columns: &[Column], widths: &[u16]) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    let Some(width) = width else { return shown };
    while shown.iter().map(|i| usize::from(widths[*i]) + usize::from(GAP)).sum::<usize>()
        > usize::from(width) + usize::from(GAP)
    {
        match shown.iter().rposition(|i| columns[*i].optional) {
            Some(place) => shown.remove(place),
            None => break,
        };
    }
    shown
}

/// Control characters in values never reach the terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn styled(text: &str, style: Option<Style>) -> Cell {
    let cell = Cell::new(text);
    match style {
        None => cell,
        Some(Style::Good) => cell.fg(Color::DarkGreen),
        Some(Style::Warn) => cell.fg(Color::DarkYellow),
        Some(Style::Bad) => cell.fg(Color::DarkRed),
        Some(Style::Held) => cell.fg(Color::DarkMagenta),
        Some(Style::Live) => cell.fg(Color::DarkBlue),
        Some(Style::Accent) => cell.fg(Color::DarkCyan),
        Some(Style::Dim) => cell.add_attribute(Attribute::Dim),
        Some(Style::Strong) => cell.add_attribute(Attribute::Bold),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    fn terminal(columns: u16, color: bool) -> Out {
        Out {
            json: false,
            color,
            color_on_stderr: false,
            width: Some(columns),
            width_on_stderr: None,
            live: Default::default(),
            closed: AtomicBool::new(false),
        }
    }

    #[test]
    fn optional_columns_give_way_the_last_first() {
        let columns = [Column::left("A"), Column::left("B").optional(), Column::right("C").optional()];
        let row: Vec<TableCell> = ["aaaa", "bbbb", "cccc"].iter().map(|t| (None, t.to_string())).collect();
        let widths = least_widths(&columns, &[row]);
        assert_eq!(fitting(None, &columns, &widths), [0, 1, 2]);
        assert_eq!(fitting(Some(16), &columns, &widths), [0, 1, 2]);
        assert_eq!(fitting(Some(15), &columns, &widths), [0, 1]);
        assert_eq!(fitting(Some(3), &columns, &widths), [0], "what is not optional stays");
    }

    #[test]
    fn no_line_is_wider_than_its_table_also_in_colour() {
        let out = terminal(20, true);
        let columns = [Column::left("NAME"), Column::left("TRIGGER")];
        let row = vec![(None, "a".to_string()), (Some(Style::Dim), "cli".to_string())];
        let text = table(&out, &columns, vec![row]);
        let last = text.lines().last().unwrap();
        assert!(last.ends_with("cli\u{1b}[0m") && !last.contains("cli "), "{last:?}");
    }

    #[test]
    fn short_prose_takes_no_more_than_it_needs() {
        let out = terminal(42, false);
        let columns = [Column::prose("ERROR"), Column::prose("VALUE"), Column::left("STAGE")];
        let row = ["one two three four five six seven", "tbd", "normalize"].map(|t| (None, t.to_string()));
        let text = table(&out, &columns, vec![row.to_vec()]);
        assert!(text.lines().all(|line| line.chars().count() <= 42), "{text}");
        assert!(text.contains("normalize") && text.contains("tbd"), "{text}");
    }

    #[test]
    fn values_cannot_command_the_terminal() {
        assert_eq!(one_line("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }
}
