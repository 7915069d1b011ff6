//! `errors`: the rows that failed in a run.

use syncline_api::RowErrorList;
use syncline_core::RunId;
use syncline_store::{Page, RowErrorFilter, RowErrorRecord};

use crate::Context;
use crate::args::ErrorsArgs;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Column, Out, Style};
use crate::records::Records;
use crate::select;

pub async fn errors(context: &Context, args: &ErrorsArgs) -> Outcome {
    let engine = Records::open(context)?.reader_of_runs().await?;
    let run = select::run(&engine, &args.run).await?;
    let page = Page { number: args.page, size: args.per_page };
    let (errors, total) = engine.store.row_errors(&run.id, &RowErrorFilter::ALL, page).await?;
    let rows: Vec<String> = errors.iter().map(|error| error.row_id.clone()).collect();
    let letters = engine.store.letters_of_rows(&run.sync_uid, &rows).await?;
    print(&context.out, &run.id, &RowErrorList::of(&errors, &letters, page, total), &errors);
    Ok(Exit::Done)
}

/// One page of a run's errors.
pub fn print(out: &Out, run: &RunId, list: &RowErrorList, errors: &[RowErrorRecord]) {
    if out.json {
        out.json(list);
        return;
    }
    let total = list.total_errors;
    let id = output::short_id(run);
    match (errors.is_empty(), total) {
        (true, 0) => out.line(format!("No row failed in {id}.")),
        (true, _) => out.line("No errors on this page."),
        (false, _) => out.line(errors_table(out, errors)),
    }
    let shown = (list.page - 1) * list.per_page + errors.len() as u64;
    if total > shown {
        let next = list.page + 1;
        out.remark(&format!(
            "\n{} of {}; --page {next} shows the next",
            output::grouped(shown),
            output::counted(total, "error")
        ));
    }
}

/// Failed rows: what, where and why.
pub fn errors_table(out: &Out, errors: &[RowErrorRecord]) -> String {
    let columns = [
        Column::left("ROW ID"),
        Column::left("FIELD"),
        Column::prose("ERROR MESSAGE"),
        Column::prose("VALUE"),
        Column::left("STAGE").optional(),
    ];
    let rows = errors.iter().map(|e| {
        let value = e.raw_value.as_ref().map(|v| format!("{v:?}")).unwrap_or_default();
        let stage = if e.removal { "delete".to_string() } else { e.stage.as_str().to_string() };
        vec![
            (Some(Style::Strong), e.row_id.clone()),
            (None, e.field.clone().unwrap_or_default()),
            (None, e.message.clone()),
            (Some(Style::Dim), value),
            (Some(Style::Dim), stage),
        ]
    });
    output::table(out, &columns, rows.collect())
}
