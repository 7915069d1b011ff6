//! `activate` and `deactivate`.

use serde_json::json;
use syncline_store::SyncState;

use crate::Context;
use crate::app::App;
use crate::args::SyncRef;
use crate::commands::status::state_name;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{Out, Style};

pub async fn set(context: &Context, args: &SyncRef, active: bool) -> Outcome {
    let app = App::open(context)?;
    let sync = app.sync(&args.sync)?;
    let engine = app.engine_without_writing(context).await?;
    let before = engine.register(sync).await?;
    let after = engine.set_active(&sync.id, active).await?;
    let halted = match &before.state {
        SyncState::Halted { reason, .. } => Some(reason.as_str()),
        _ => None,
    };
    let was = (state_name(&before.state), halted);
    print(&context.out, sync.id.as_str(), was, state_name(&after.state), after.generation > 0);
    Ok(Exit::Done)
}

/// What a sync is now. `was`: its state before, and why it was halted.
pub fn print(out: &Out, sync: &str, (was, halted): (&str, Option<&str>), state: &str, seeded: bool) {
    if out.json {
        out.json(&json!({ "sync_id": sync, "state": state }));
        return;
    }
    let id = out.paint(Style::Strong, sync);
    out.line(match halted {
        _ if was == state => format!("{id} was {state} already"),
        Some(reason) => format!("{id} is {state}; it was halted: {reason}"),
        None => format!("{id} is {state}"),
    });
    if state == "active" && !seeded {
        out.remark(&format!("nothing was delivered yet: start with `syncline seed {sync}`"));
    }
}
