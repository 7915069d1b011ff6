//! `activate` and `deactivate`.

use serde_json::json;
use syncline_store::SyncState;

use crate::Context;
use crate::app::App;
use crate::args::SyncRef;
use crate::commands::status::state_name;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::Style;

pub async fn set(context: &Context, args: &SyncRef, active: bool) -> Outcome {
    let app = App::open(context)?;
    let sync = app.sync(&args.sync)?;
    let engine = app.engine_without_writing(context).await?;
    let before = engine.register(sync).await?;
    let after = engine.set_active(&sync.id, active).await?;
    let out = &context.out;
    if out.json {
        out.json(&json!({ "sync_id": after.id, "state": state_name(&after.state) }));
        return Ok(Exit::Done);
    }
    let id = out.paint(Style::Strong, sync.id.as_str());
    let word = if active { "active" } else { "inactive" };
    out.line(match before.state {
        state if state == after.state => format!("{id} was {word} already"),
        SyncState::Halted { reason, .. } => format!("{id} is {word}; it was halted: {reason}"),
        _ => format!("{id} is {word}"),
    });
    if active && after.generation == 0 {
        out.remark(&format!("nothing was delivered yet: start with `syncline seed {}`", sync.id));
    }
    Ok(Exit::Done)
}
