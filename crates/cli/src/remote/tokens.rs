//! Tokens of a server.

use reqwest::Method;
use syncline_api::{CreatedToken, TokenView};

use super::Client;
use crate::Context;
use crate::args::{TokenArgs, TokenCommand};
use crate::commands::token as local;
use crate::exit::Exit;
use crate::fault::Outcome;

pub async fn token(context: &Context, server: &Client, args: &TokenArgs) -> Outcome {
    let out = &context.out;
    match &args.command {
        TokenCommand::Create { .. } => {
            let new = local::new_token(&args.command)?;
            let created: CreatedToken = server.send(Method::POST, &["tokens"], &new).await?;
            local::print_created(out, &created);
        }
        TokenCommand::List => {
            let tokens: Vec<TokenView> = server.all(&["tokens"], &[]).await?;
            local::print_list(out, tokens);
        }
        TokenCommand::Revoke { id } => {
            let revoked: TokenView = server.delete(&["tokens", id]).await?;
            local::print_revoked(out, &revoked);
        }
    }
    Ok(Exit::Done)
}
