//! Planned changes, field by field.

use serde_json::Value;
use syncline_core::Run;
use syncline_engine::review::{ChangeView, FieldView, PlanDocument};

use super::numbers::{grouped, plural};
use super::{Out, Style};

/// Characters of one value.
const VALUE_CHARS_MAX: usize = 80;

/// A plan: guards that would hold it, then the changes. `values_kept`: with fields where some change.
pub fn plan_text(out: &Out, values_kept: bool, run: &Run, plan: &PlanDocument) -> String {
    let mut text = String::new();
    for verdict in plan.guards.iter().filter(|v| v.tripped) {
        let would = out.paint(Style::Held, "would be held:");
        let line = format!("  {would} {} — {}", verdict.guard, verdict.message);
        text += &format!("{}\n", out.wrapped(&line, None));
    }
    if !plan.changes.is_empty() {
        text.push('\n');
    }
    for change in &plan.changes {
        // Without kept values no update has fields, whether it changes some or not.
        let same = values_kept && change.operation == "update" && change.fields.is_empty();
        let again = if same { out.paint(Style::Dim, "  unchanged, sent again") } else { String::new() };
        text += &change_text(out, change, &again);
    }
    if plan.truncated {
        let c = &run.counters;
        let all = c.rows_created + c.rows_updated + c.rows_deleted;
        let rest = all.saturating_sub(plan.changes.len() as u64);
        text += &out.paint(
            Style::Dim,
            &format!(
                "  … and {} more {}; --limit {all} shows them all\n",
                grouped(rest),
                plural(rest, "change")
            ),
        );
    }
    text
}

fn change_text(out: &Out, change: &ChangeView, remark: &str) -> String {
    let (style, sign) = match change.operation.as_str() {
        "create" | "append" => (Style::Good, '+'),
        "update" => (Style::Warn, '~'),
        _ => (Style::Bad, '-'),
    };
    let head = out.paint(style, &format!("{sign} {} {}", change.operation, change.row_id));
    format!("  {head}{remark}\n{}", field_lines(out, &change.fields, "      "))
}

/// `field: before → after`, names aligned.
pub fn field_lines(out: &Out, fields: &[FieldView], indent: &str) -> String {
    let width = fields.iter().map(|f| f.field.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for field in fields {
        let name = format!("{:<width$}", field.field);
        let value = match (&field.before, &field.after) {
            (Some(before), Some(after)) => {
                let before = out.paint(Style::Dim, &value_text(before));
                format!("{before} → {}", value_text(after))
            }
            (None, Some(after)) => value_text(after),
            (Some(before), None) => out.paint(Style::Dim, &value_text(before)),
            (None, None) => out.paint(Style::Dim, "(value not kept)"),
        };
        let hang = indent.len() + width + 2;
        text += &format!("{}\n", out.wrapped(&format!("{indent}{name}  {value}"), Some(hang)));
    }
    text
}

/// A value on one line, cut if it is long.
pub fn value_text(value: &Value) -> String {
    let text = match value {
        Value::Null => return "NULL".into(),
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    };
    let chars = text.chars().count();
    if chars <= VALUE_CHARS_MAX {
        return text;
    }
    let cut: String = text.chars().take(VALUE_CHARS_MAX).collect();
    format!("{cut}… ({} characters)", grouped(chars as u64))
}
