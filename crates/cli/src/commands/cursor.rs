//! `cursor`: how far a sync has read, and moving that by hand.

use std::cmp::Ordering;

use futures::StreamExt;
use serde_json::json;
use syncline_api::{CursorChangeView, CursorView, List};
use syncline_connector::{ReadFilter, ReadRequest};
use syncline_core::{CursorValue, Error, ErrorKind, LogicalType, Result, RunId, Sync, text};
use syncline_engine::Endpoints;
use syncline_store::{CursorChange, Page, SyncRecord};

use crate::Context;
use crate::app::App;
use crate::args::{CursorArgs, CursorCommand};
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Column, Out, Style};
use crate::records::Records;

/// Changes that `history` shows.
pub const HISTORY_SHOWN: u64 = 50;

pub async fn cursor(context: &Context, args: &CursorArgs) -> Outcome {
    match &args.command {
        CursorCommand::Show(sync) => show(context, &sync.sync).await,
        CursorCommand::History(sync) => history(context, &sync.sync).await,
        CursorCommand::Set { sync, value, yes } => set(context, sync, value, *yes).await,
    }
}

fn shown(cursor: Option<&CursorValue>) -> String {
    cursor.map_or_else(|| "none".into(), CursorValue::to_string)
}

async fn show(context: &Context, id: &str) -> Outcome {
    let app = App::open(context)?;
    let sync = app.sync(id)?;
    let record = match app.reader().await? {
        Some(engine) => engine.store.sync(&sync.id).await?,
        None => None,
    };
    let cursor = record.as_ref().and_then(|r| r.cursor.as_ref());
    print(
        &context.out,
        &CursorView {
            sync_id: sync.id.to_string(),
            column: sync.model.cursor.clone(),
            value: cursor.map(CursorValue::to_string),
        },
    );
    Ok(Exit::Done)
}

/// How far a sync got.
pub fn print(out: &Out, cursor: &CursorView) {
    if out.json {
        out.json(cursor);
        return;
    }
    out.line(match &cursor.column {
        None => format!("{} has no cursor column: every run reads everything", cursor.sync_id),
        Some(column) => format!("{column}: {}", cursor.value.as_deref().unwrap_or("none")),
    });
}

async fn history(context: &Context, id: &str) -> Outcome {
    let records = Records::open(context)?;
    let engine = records.reader_of_runs().await?;
    let record = records.known_sync(&engine, id).await?;
    let page = Page::first(HISTORY_SHOWN);
    let (changes, total) = engine.store.cursor_history(&record.uid, page).await?;
    let data = changes.into_iter().map(CursorChangeView::from).collect();
    print_history(&context.out, record.id.as_str(), &List::new(data, page, total));
    Ok(Exit::Done)
}

/// How a cursor moved, newest first.
pub fn print_history(out: &Out, sync: &str, changes: &List<CursorChangeView>) {
    if out.json {
        out.json(changes);
        return;
    }
    if changes.data.is_empty() {
        out.line(format!("The cursor of {sync} never moved."));
        return;
    }
    let columns = [
        Column::left("WHEN"),
        Column::left("FROM"),
        Column::left("TO"),
        Column::left("WHY"),
        Column::left("RUN").optional(),
    ];
    let value = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".into());
    let rows = changes.data.iter().map(|c| {
        let run = c.run_id.as_deref().map(RunId::from_stored);
        vec![
            (None, output::local(c.at)),
            (Some(Style::Dim), value(&c.from)),
            (Some(Style::Strong), value(&c.to)),
            (None, c.reason.clone()),
            (None, run.map(|id| output::short_id(&id).to_string()).unwrap_or_default()),
        ]
    });
    out.line(output::table(out, &columns, rows.collect()));
}

async fn set(context: &Context, id: &str, value: &str, yes: bool) -> Outcome {
    let app = App::open(context)?;
    let sync = app.sync(id)?;
    let Some(column) = &sync.model.cursor else {
        return Err(Error::new(ErrorKind::BadUsage, format!("{} has no cursor column", sync.id))
            .help("set model.cursor in its file first")
            .into());
    };
    let ends = app.endpoints(sync)?;
    let engine = app.engine_without_writing(context).await?;
    let record = engine.register(sync).await?;
    let ty = column_type(sync, &ends, column).await?;
    let to = match value {
        "none" => None,
        text => Some(CursorValue::parse(text, &ty).ok_or_else(|| {
            Error::new(ErrorKind::BadUsage, format!("'{text}' is no value of {column}, which is {ty}"))
                .help("write it as the column has it, or `none` to clear the cursor")
        })?),
    };
    let effect = count(sync, &ends, column, &ty, &record, to.as_ref()).await?;
    let out = &context.out;
    out.remark(&format!(
        "{}: {} → {}\nthe next run reads {}, {} of them again",
        sync.id,
        shown(record.cursor.as_ref()),
        shown(to.as_ref()),
        output::counted(effect.read, "record"),
        output::grouped(effect.again),
    ));
    if effect.passed_over > 0 {
        let passed = output::counted(effect.passed_over, "record");
        let head = out.paint_note(Style::Warn, "warning");
        out.remark(&format!(
            "{head}: {passed} behind the new cursor were not read yet and will be passed over"
        ));
    }
    if !yes && !agreed(context)? {
        return Ok(Exit::Cancelled);
    }
    let change = CursorChange { to: to.clone(), reason: "manual".into(), run_id: None };
    engine.store.set_cursor(&record.uid, &change, engine.clock.now()).await?;
    if out.json {
        out.json(&json!({ "sync_id": sync.id, "column": column, "value": to.map(|c| c.to_string()),
            "records_read": effect.read, "records_read_again": effect.again,
            "records_passed_over": effect.passed_over }));
    } else {
        out.line(format!("the cursor of {} is {}", sync.id, shown(to.as_ref())));
    }
    Ok(Exit::Done)
}

/// A person agrees, or said so before with --yes.
pub fn agreed(context: &Context) -> Outcome<bool> {
    if !context.out.can_ask() {
        return Err(Error::new(ErrorKind::BadUsage, "moving a cursor needs a yes").help("add --yes").into());
    }
    let answer = context.out.ask("Go ahead? [y/N] ")?.unwrap_or_default();
    let agreed = matches!(answer.to_lowercase().as_str(), "y" | "yes");
    if !agreed {
        context.out.note("nothing was changed");
    }
    Ok(agreed)
}

async fn column_type(sync: &Sync, ends: &Endpoints, column: &str) -> Result<LogicalType> {
    let model = ends.source.describe(&sync.model).await?;
    let field = model.field_with_name(column).map_err(|_| {
        Error::new(ErrorKind::SchemaChanged, format!("the model has no column '{column}' (model.cursor)"))
    })?;
    LogicalType::of(field)
}

/// What a move of the cursor means for the next run. The lookback comes on top.
#[derive(Debug, Default, PartialEq, Eq)]
struct Effect {
    /// Records at or past the new cursor, or without a value.
    read: u64,
    /// Of those, the ones that were read before.
    again: u64,
    /// Records past the old cursor that the new one leaves behind.
    passed_over: u64,
}

impl Effect {
    fn add(&mut self, value: Option<&CursorValue>, from: Option<&CursorValue>, to: Option<&CursorValue>) {
        let Some(value) = value else {
            // Records without a cursor value are read by every run.
            self.read += 1;
            self.again += u64::from(from.is_some());
            return;
        };
        let is_past = |cursor: Option<&CursorValue>| {
            cursor.is_none_or(|c| value.compare(c).is_none_or(|order| order != Ordering::Less))
        };
        let is_known = from.is_some_and(|c| value.compare(c).is_some_and(|order| order != Ordering::Greater));
        if is_past(to) {
            self.read += 1;
            self.again += u64::from(is_known);
        } else if !is_known {
            self.passed_over += 1;
        }
    }
}

/// Counts by reading the cursor column.
async fn count(
    sync: &Sync,
    ends: &Endpoints,
    column: &str,
    ty: &LogicalType,
    record: &SyncRecord,
    to: Option<&CursorValue>,
) -> Result<Effect> {
    let request = ReadRequest {
        model: sync.model.clone(),
        columns: Some(vec![column.to_string()]),
        filter: ReadFilter::All,
        order_by: Vec::new(),
        identify: None,
    };
    let mut stream = ends.source.read(request).await?;
    let mut effect = Effect::default();
    while let Some(item) = stream.next().await {
        let Some(batch) = item?.into_batch()? else { return Ok(effect) };
        let values = batch.rows.column_by_name(column).ok_or_else(|| {
            Error::internal(format!("the source left out the column '{column}' it was asked for"))
        })?;
        for row in 0..batch.rows.num_rows() {
            let value = text::render(values.as_ref(), ty, row).and_then(|t| CursorValue::parse(&t, ty));
            effect.add(value.as_ref(), record.cursor.as_ref(), to);
        }
    }
    Err(Error::new(ErrorKind::SourceUnreachable, "the source broke off while records were counted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(values: &[Option<i64>], from: Option<i64>, to: Option<i64>) -> (u64, u64, u64) {
        let mut effect = Effect::default();
        let (from, to) = (from.map(CursorValue::Integer), to.map(CursorValue::Integer));
        for value in values {
            effect.add(value.map(CursorValue::Integer).as_ref(), from.as_ref(), to.as_ref());
        }
        (effect.read, effect.again, effect.passed_over)
    }

    #[test]
    fn moving_back_reads_again_and_moving_forward_passes_over() {
        let values = [Some(1), Some(2), Some(3), Some(4), None];
        assert_eq!(effect(&values, Some(3), Some(2)), (4, 3, 0));
        assert_eq!(effect(&values, Some(3), None), (5, 4, 0));
        assert_eq!(effect(&values, Some(1), Some(4)), (2, 1, 2));
        assert_eq!(effect(&values, None, Some(3)), (3, 0, 2));
    }
}
