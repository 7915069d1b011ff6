//! Runs that this process executes itself.

use syncline_core::{Result, Run, SyncId};
use syncline_engine::watch::Watch;
use syncline_server::traces;

use crate::Context;
use crate::output;

/// Executes a run, shown to people, and tells of it in traces if these are wanted.
pub async fn executed<F>(context: &Context, sync: &SyncId, work: impl FnOnce(Watch) -> F) -> Result<Run>
where
    F: Future<Output = Result<Run>>,
{
    traces::install();
    let run = output::watched(context, sync, work).await?;
    traces::run_ended(&run);
    Ok(run)
}
