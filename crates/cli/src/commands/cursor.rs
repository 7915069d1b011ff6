//! `cursor`: how far a sync has read, and moving that by hand.

use serde_json::json;
use syncline_api::{CursorChangeView, CursorView, List};
use syncline_core::{CursorValue, Error, ErrorKind, RunId};
use syncline_engine::{cursor_effect, cursor_type};
use syncline_store::{CursorChange, Page};

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
    let ty = cursor_type(sync, &ends, column).await?;
    let to = match value {
        "none" => None,
        text => Some(CursorValue::parse(text, &ty).ok_or_else(|| {
            Error::new(ErrorKind::BadUsage, format!("'{text}' is no value of {column}, which is {ty}"))
                .help("write it as the column has it, or `none` to clear the cursor")
        })?),
    };
    let effect = cursor_effect(sync, &ends, column, &ty, record.cursor.as_ref(), to.as_ref()).await?;
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
