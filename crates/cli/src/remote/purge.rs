//! Purging, carried out by a server.

use reqwest::Method;
use syncline_api::{PurgeRequest, PurgeView, PurgedKeys};

use super::Client;
use crate::Context;
use crate::args::PurgeArgs;
use crate::commands::purge as local;
use crate::exit::Exit;
use crate::fault::Outcome;

pub async fn purge(context: &Context, server: &Client, args: &PurgeArgs) -> Outcome {
    let keys: Vec<String> = local::keys(args)?.into_iter().collect();
    if !args.yes {
        let asked = PurgedKeys { keys: keys.clone() };
        let path = ["syncs", &args.sync, "purge", "estimate"];
        let estimate: PurgeView = server.send(Method::POST, &path, &asked).await?;
        if !local::agreed(context, &estimate)? {
            return Ok(Exit::Cancelled);
        }
    }
    let request = PurgeRequest { keys, confirm: args.sync.clone() };
    let done: PurgeView = server.send(Method::POST, &["syncs", &args.sync, "purge"], &request).await?;
    local::print(&context.out, &done);
    Ok(Exit::Done)
}
