//! `functions`: what mapping expressions can call.

use serde_json::json;

use crate::Context;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Column, Style};

pub fn functions(context: &Context) -> Outcome {
    let functions = syncline_expr::functions();
    let out = &context.out;
    if out.json {
        let data = functions.iter().map(|f| {
            json!({ "name": f.name, "aliases": f.aliases, "signature": f.signature,
                "summary": f.summary, "example": f.example, "result": f.result })
        });
        out.json(&data.collect::<Vec<_>>());
        return Ok(Exit::Done);
    }
    let columns = [Column::prose("FUNCTION"), Column::prose("WHAT IT DOES"), Column::prose("EXAMPLE")];
    let rows = functions.iter().map(|f| {
        vec![
            (Some(Style::Strong), f.signature.to_string()),
            (None, f.summary.to_string()),
            (Some(Style::Dim), format!("{} = {}", f.example, f.result)),
        ]
    });
    out.line(output::table(out, &columns, rows.collect()));
    Ok(Exit::Done)
}
