//! Tables without lines: a quiet header, aligned columns, numbers to the right.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use super::{Out, Style};

/// A column's title and the side its values stand on.
#[derive(Clone, Copy)]
pub enum Column {
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
}

/// Lays rows out under `columns`. Cells wrap on a terminal only, so that programs find one row a line.
pub fn table(out: &Out, columns: &[Column], rows: Vec<Vec<(Option<Style>, String)>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    match out.width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    if out.color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(columns.iter().map(|column| {
        let (Column::Left(title) | Column::Right(title)) = column;
        Cell::new(title).add_attribute(Attribute::Dim)
    }));
    for row in rows {
        table.add_row(row.into_iter().map(|(style, text)| styled(one_line(&text), style)));
    }
    for (i, column) in columns.iter().enumerate() {
        if let Some(laid_out) = table.column_mut(i) {
            laid_out.set_padding((0, 2));
            if matches!(column, Column::Right(_)) {
                laid_out.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table.lines().map(|line| line.trim_end().to_string()).collect::<Vec<_>>().join("\n")
}

/// Control characters in values never reach the terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn styled(text: String, style: Option<Style>) -> Cell {
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
