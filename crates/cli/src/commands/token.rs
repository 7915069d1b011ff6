//! `token`: who may use the API.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use syncline_api::{CreatedToken, List, NewToken, Pagination, TokenView};
use syncline_core::{Error, ErrorKind, Result};
use syncline_server::Tokens;
use syncline_store::Catalog;

use crate::Context;
use crate::app::App;
use crate::args::{TokenArgs, TokenCommand};
use crate::audit::audited;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Column, Out, Style};

/// In the state itself, for example before the first server starts.
pub async fn token(context: &Context, args: &TokenArgs) -> Outcome {
    let app = App::open(context)?;
    let desk = Desk { store: app.state.location.open().await? };
    let out = &context.out;
    match &args.command {
        TokenCommand::Create { .. } => {
            let new = new_token(&args.command)?;
            let created = desk.create(&new).await;
            print_created(out, &created?);
        }
        TokenCommand::List => print_list(out, desk.tokens()?.list().await?),
        TokenCommand::Revoke { id } => print_revoked(out, &desk.revoke(id).await?),
    }
    Ok(Exit::Done)
}

/// The token that a command line describes.
pub fn new_token(command: &TokenCommand) -> Result<NewToken> {
    let TokenCommand::Create { name, role, expires } = command else {
        return Err(Error::internal("no token is described"));
    };
    Ok(NewToken { name: name.trim().into(), role: (*role).into(), expires_in_days: *expires })
}

/// The tokens of a state that no server has.
struct Desk {
    store: Arc<dyn Catalog>,
}

impl Desk {
    fn tokens(&self) -> Result<Tokens> {
        Tokens::new(Arc::clone(&self.store))
    }

    async fn create(&self, new: &NewToken) -> Result<CreatedToken> {
        let done = self.created(new).await;
        let target = match &done {
            Ok(created) => format!("tokens/{}", created.token.id),
            Err(_) => "tokens".into(),
        };
        let detail = json!({ "name": new.name, "role": new.role, "expires_in_days": new.expires_in_days });
        audited(&*self.store, "tokens.create", target, detail, done).await
    }

    async fn created(&self, new: &NewToken) -> Result<CreatedToken> {
        if new.name.is_empty() || new.name.chars().count() > 100 || new.name.chars().any(char::is_control) {
            return Err(Error::new(ErrorKind::BadUsage, "a token's name has 1 to 100 printable characters"));
        }
        let now = Timestamp::now();
        let life = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
        let expires_at = new.expires_in_days.map(|days| now + life(days));
        let (token, secret) =
            self.tokens()?.create(&new.name, new.role, expires_at, Some("command line".into()), now).await?;
        Ok(CreatedToken { token, secret })
    }

    async fn revoke(&self, id: &str) -> Result<TokenView> {
        let done = self.tokens()?.revoke(id, Timestamp::now()).await;
        audited(&*self.store, "tokens.delete", format!("tokens/{id}"), Value::Null, done).await
    }
}

/// A new token with its secret.
pub fn print_created(out: &Out, created: &CreatedToken) {
    if out.json {
        out.json(created);
        return;
    }
    out.line(&created.secret);
    let ends = match created.token.expires_at {
        Some(at) => format!("until {}", output::local(at)),
        None => "until it is revoked".into(),
    };
    let token = &created.token;
    out.remark(&format!(
        "{} ({}) is valid {ends}. It is shown only this once; revoke it with `syncline token revoke {}`",
        token.name,
        token.role.as_str(),
        token.id
    ));
}

/// All tokens, without secrets.
pub fn print_list(out: &Out, tokens: Vec<TokenView>) {
    if out.json {
        let total = tokens.len() as u64;
        out.json(&List { data: tokens, pagination: Pagination { page: 1, per_page: total, total } });
        return;
    }
    if tokens.is_empty() {
        out.line("There are no tokens. The first `syncline serve` prints one, or: syncline token create");
        return;
    }
    let columns = [
        Column::left("ID"),
        Column::left("NAME"),
        Column::left("ROLE"),
        Column::left("CREATED").optional(),
        Column::left("LAST USED"),
        Column::left("VALID"),
    ];
    let now = Timestamp::now();
    let rows = tokens.iter().map(|token| {
        let (style, valid) = match (token.revoked_at, token.expires_at) {
            (Some(at), _) => (Style::Dim, format!("revoked {}", output::local(at))),
            (None, Some(at)) if at <= now => (Style::Dim, format!("expired {}", output::local(at))),
            (None, Some(at)) => (Style::Good, format!("until {}", output::local(at))),
            (None, None) => (Style::Good, "until revoked".into()),
        };
        vec![
            (None, token.id.clone()),
            (Some(Style::Strong), token.name.clone()),
            (None, token.role.as_str().to_string()),
            (None, output::local(token.created_at)),
            (None, token.last_used_at.map_or_else(|| "never".into(), output::local)),
            (Some(style), valid),
        ]
    });
    out.line(output::table(out, &columns, rows.collect()));
}

pub fn print_revoked(out: &Out, token: &TokenView) {
    if out.json {
        out.json(token);
        return;
    }
    out.line(format!("{} ({}) is revoked", out.paint(Style::Strong, &token.name), token.role.as_str()));
}
