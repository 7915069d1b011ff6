//! Dead letters of a server.

use reqwest::Method;
use syncline_api::{
    IgnoreRequest, LetterChoice as Choice, LetterEdit, LetterGroupView, LetterMatch, LetterStateName,
    LetterView, LettersDecided, List, ReplayEstimate, ReplayModeName, ReplayRequest, ReplayStarted,
    RunDetail, TriggerName,
};
use syncline_core::{Error, ErrorKind, Result};
use syncline_engine::replay::{Estimate, Refused};
use syncline_store::{LetterState, Page};

use super::follow::{report, to_its_end};
use super::{Client, known};
use crate::Context;
use crate::args::{DlqArgs, DlqCommand, DlqFilter, LetterChoice, ReplayArgs, ReplaySends};
use crate::commands::dlq as local;
use crate::commands::dlq::decide::{self, Decision};
use crate::commands::dlq::{export, replay as local_replay};
use crate::exit::Exit;
use crate::fault::Outcome;

type Query<'a> = [(&'a str, Option<String>); 4];

pub async fn dlq(context: &Context, server: &Client, args: &DlqArgs) -> Outcome {
    match &args.command {
        DlqCommand::List { filter, limit, page } => {
            list(context, server, filter, Page { number: *page, size: *limit }).await
        }
        DlqCommand::Show { id } => {
            local::print_letter(&context.out, known::letter(&find(server, id).await?)?);
            Ok(Exit::Done)
        }
        DlqCommand::Groups { filter } => {
            let mut query = query(filter).to_vec();
            query.push(("per_page", Some(local::GROUPS_SHOWN.to_string())));
            let groups: List<LetterGroupView> = server.asked(&["dead-letters", "groups"], &query).await?;
            local::print_groups(&context.out, &groups);
            Ok(Exit::Done)
        }
        DlqCommand::Edit { id, fields, payload, undo } => {
            let payload = if *undo { None } else { Some(decide::new_fields(fields, payload.as_deref())?) };
            let letter = find(server, id).await?;
            let edit = LetterEdit { payload };
            let edited: LetterView = server.send(Method::PATCH, &["dead-letters", &letter.id], &edit).await?;
            decide::print_edited(&context.out, known::letter(&edited)?);
            Ok(Exit::Done)
        }
        DlqCommand::Replay(args) => replay(context, server, args).await,
        DlqCommand::Ignore { choice, reason } => {
            settle(context, server, choice, Decision::Ignore, reason.clone()).await
        }
        DlqCommand::Reopen(choice) => settle(context, server, choice, Decision::Reopen, None).await,
        DlqCommand::Resolve(choice) => settle(context, server, choice, Decision::Resolve, None).await,
        DlqCommand::Export { filter, format, out } => {
            let letters: Vec<LetterView> = server.all(&["dead-letters"], &query(filter)).await?;
            let mut file = export::Export::begin(context, *format, out.as_deref())?;
            file.write(&letters)?;
            file.end()
        }
    }
}

fn query(filter: &DlqFilter) -> Query<'static> {
    let states = match (filter.all, filter.states.as_slice()) {
        (true, _) => None,
        (false, []) => Some(LetterState::Open.as_str().to_string()),
        (false, states) => Some(states.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(",")),
    };
    [
        ("sync_id", filter.sync.clone()),
        ("state", states),
        ("code", filter.code.clone()),
        ("fingerprint", filter.group.clone()),
    ]
}

async fn list(context: &Context, server: &Client, filter: &DlqFilter, page: Page) -> Outcome {
    let mut query = query(filter).to_vec();
    query.extend([("page", Some(page.number.to_string())), ("per_page", Some(page.size.to_string()))]);
    let list: List<LetterView> = server.asked(&["dead-letters"], &query).await?;
    let letters = list.data.iter().map(known::letter).collect::<Result<_>>()?;
    local::print_list(&context.out, letters, page, list.pagination.total);
    Ok(Exit::Done)
}

/// The letter of an id or a unique beginning of one.
async fn find(server: &Client, id: &str) -> Result<LetterView> {
    match server.get(&["dead-letters", id]).await {
        Err(e) if e.kind == ErrorKind::NotFound => {}
        found => return found,
    }
    let all: Vec<LetterView> = server.all(&["dead-letters"], &[]).await?;
    let begins = |letter: &LetterView| id.len() > "dl_".len() && letter.id.starts_with(id);
    let mut found: Vec<_> = all.into_iter().filter(begins).collect();
    match found.len() {
        1 => Ok(found.remove(0)),
        n => Err(local::not_one(id, n)),
    }
}

/// The letters that somebody chose, as the API takes them; of letters by their ids, also these.
async fn chosen(server: &Client, choice: &LetterChoice) -> Result<(Choice, Vec<LetterView>)> {
    let mut letters = Vec::new();
    for id in &choice.letters {
        letters.push(find(server, id).await?);
    }
    if let Some(sync) = &choice.sync
        && let Some(other) = letters.iter().find(|letter| letter.sync_id != *sync)
    {
        let message = format!("{} is a dead letter of {}, not of {sync}", other.id, other.sync_id);
        return Err(Error::new(ErrorKind::BadUsage, message));
    }
    let sync_id = choice.sync.clone();
    let meant = if !letters.is_empty() {
        Choice { ids: Some(letters.iter().map(|letter| letter.id.clone()).collect()), ..Choice::default() }
    } else if choice.group.is_some() {
        Choice { group: choice.group.clone(), sync_id, ..Choice::default() }
    } else {
        Choice { filter: Some(LetterMatch { sync_id, ..LetterMatch::default() }), ..Choice::default() }
    };
    Ok((meant, letters))
}

async fn settle(
    context: &Context,
    server: &Client,
    choice: &LetterChoice,
    decision: Decision,
    reason: Option<String>,
) -> Outcome {
    let (choice, letters) = chosen(server, choice).await?;
    let verb = match decision {
        Decision::Ignore => "ignore",
        Decision::Reopen => "reopen",
        Decision::Resolve => "resolve",
    };
    // Without a reason, this is the choice alone, which the other operations take.
    let request = IgnoreRequest::new(choice, reason);
    let decided: LettersDecided = server.send(Method::POST, &["dead-letters", verb], &request).await?;
    if decided.changed == 0 && !letters.is_empty() {
        let states: Vec<_> =
            letters.iter().map(|letter| format!("{} is {}", letter.id, letter.state)).collect();
        let message = format!("there is nothing to {verb}: {}", states.join(", "));
        return Err(Error::new(ErrorKind::Conflict, message).into());
    }
    let one = letters.first().filter(|_| letters.len() == 1).map(|l| (l.row_id.as_str(), l.sync_id.as_str()));
    decide::print_decided(&context.out, &decided, one, decision);
    Ok(Exit::Done)
}

async fn replay(context: &Context, server: &Client, args: &ReplayArgs) -> Outcome {
    let (mut choice, letters) = chosen(server, &args.choice).await?;
    // Without ids, open ones alone.
    if let Some(filter) = &mut choice.filter {
        filter.state = Some(vec![LetterStateName::Open]);
    }
    let request = ReplayRequest {
        ids: choice.ids,
        filter: choice.filter,
        group: choice.group,
        sync_id: choice.sync_id,
        mode: Some(match args.mode {
            ReplaySends::Reread => ReplayModeName::Reread,
            ReplaySends::AsCaptured => ReplayModeName::AsCaptured,
            ReplaySends::Edited => ReplayModeName::Edited,
        }),
        dry_run: Some(args.dry_run),
        per_second: args.rate,
        trigger: Some(TriggerName::Cli),
    };
    let estimate: ReplayEstimate = server.send(Method::POST, &["dead-letters", "estimate"], &request).await?;
    let of = letters.first().map(|letter| letter.sync_id.as_str()).or(args.choice.sync.as_deref());
    let many = estimate.letters as usize > local_replay::UNASKED_MAX;
    local_replay::tell(context, of.unwrap_or("the group"), &estimated(estimate))?;
    if !args.yes && !args.dry_run && many && context.out.can_ask() && !local_replay::agreed(context)? {
        return Ok(Exit::Cancelled);
    }
    let started: ReplayStarted = server.send(Method::POST, &["dead-letters", "replay"], &request).await?;
    let mut exit = Exit::Done;
    let mut ended = Vec::new();
    for run in &started.runs {
        let run: RunDetail = server.get(&["runs", &run.id]).await?;
        let detail = to_its_end(context, server, &run).await?;
        let run = known::run_in_full(&detail)?;
        exit = exit.worst(Exit::of_run(&run));
        if !context.out.json {
            report(context, server, &run, false).await?;
        }
        ended.push(detail);
    }
    if context.out.json {
        match ended.as_slice() {
            [run] => context.out.json(run),
            runs => context.out.json(&runs),
        }
    }
    Ok(exit)
}

fn estimated(view: ReplayEstimate) -> Estimate {
    let refused = view.refused.into_iter().map(|refused| Refused {
        code: refused.code,
        message: refused.message,
        letters: refused.letters,
        sample: refused.sample,
    });
    Estimate {
        letters: view.letters,
        replayable: view.replayable,
        refused: refused.collect(),
        seconds: view.seconds,
    }
}
