//! `cursor`: how far a sync has read, and moving that by hand.

use std::cmp::Ordering;

use futures::StreamExt;
use serde_json::json;
use syncline_connector::{ReadFilter, ReadRequest};
use syncline_core::{CursorValue, Error, ErrorKind, LogicalType, Result, Sync, text};
use syncline_engine::Endpoints;
use syncline_store::{CursorChange, CursorHistory, Page, SyncRecord};

use crate::Context;
use crate::api::ListView;
use crate::app::App;
use crate::args::{CursorArgs, CursorCommand};
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Column, Style};
use crate::records::Records;

/// Changes that `history` shows.
const HISTORY_SHOWN: u64 = 50;

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
    let out = &context.out;
    if out.json {
        out.json(&json!({ "sync_id": sync.id, "column": sync.model.cursor,
            "cursor": cursor.map(CursorValue::to_string) }));
        return Ok(Exit::Done);
    }
    out.line(match &sync.model.cursor {
        None => format!("{} has no cursor column: every run reads everything", sync.id),
        Some(column) => format!("{column}: {}", shown(cursor)),
    });
    Ok(Exit::Done)
}

async fn history(context: &Context, id: &str) -> Outcome {
    let records = Records::open(context)?;
    let engine = records.reader_of_runs().await?;
    let record = records.known_sync(&engine, id).await?;
    let page = Page::first(HISTORY_SHOWN);
    let (changes, total) = engine.store.cursor_history(&record.uid, page).await?;
    let out = &context.out;
    if out.json {
        let data: Vec<_> = changes.iter().map(change_view).collect();
        out.json(&ListView::new(data, page, total));
        return Ok(Exit::Done);
    }
    if changes.is_empty() {
        out.line(format!("The cursor of {} never moved.", record.id));
        return Ok(Exit::Done);
    }
    let columns = [
        Column::left("WHEN"),
        Column::left("FROM"),
        Column::left("TO"),
        Column::left("WHY"),
        Column::left("RUN").optional(),
    ];
    let rows = changes.iter().map(|c| {
        let run = c.change.run_id.as_ref().map(|id| output::short_id(id).to_string()).unwrap_or_default();
        vec![
            (None, output::local(c.at)),
            (Some(Style::Dim), shown(c.from.as_ref())),
            (Some(Style::Strong), shown(c.change.to.as_ref())),
            (None, c.change.reason.clone()),
            (None, run),
        ]
    });
    out.line(output::table(out, &columns, rows.collect()));
    Ok(Exit::Done)
}

fn change_view(change: &CursorHistory) -> serde_json::Value {
    json!({ "at": change.at, "from": change.from.as_ref().map(CursorValue::to_string),
        "to": change.change.to.as_ref().map(CursorValue::to_string),
        "reason": change.change.reason, "run_id": change.change.run_id })
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
        out.json(&json!({ "sync_id": sync.id, "cursor": to.map(|c| c.to_string()),
            "records_read": effect.read, "records_read_again": effect.again,
            "records_passed_over": effect.passed_over }));
    } else {
        out.line(format!("the cursor of {} is {}", sync.id, shown(to.as_ref())));
    }
    Ok(Exit::Done)
}

fn agreed(context: &Context) -> Outcome<bool> {
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
