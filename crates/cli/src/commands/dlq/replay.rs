//! `dlq replay`: sending letters again, once or group by group.

use std::sync::Arc;

use syncline_api::RunDetail;
use syncline_core::ids::LetterId;
use syncline_core::run::{Replay, RunOptions};
use syncline_core::{Error, ErrorKind, RunType, Sync};
use syncline_engine::Engine;
use syncline_engine::replay::Estimate;
use syncline_store::{DeadLetter, LetterState};

use super::chosen;
use crate::Context;
use crate::app::App;
use crate::args::ReplayArgs;
use crate::commands::run::execute;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Style};

/// Letters that are replayed without asking.
pub const UNASKED_MAX: usize = 1;

pub async fn replay(context: &Context, args: &ReplayArgs) -> Outcome {
    let app = App::open(context)?;
    let engine = Arc::new(app.engine(context).await?);
    let letters = chosen(&engine, &args.choice, &[LetterState::Open]).await?;
    let sync = app.sync(one_sync(&letters)?)?;
    let replays = replays(args, &letters);
    estimate(context, &engine, sync, &replays).await?;
    let asks = !args.yes && !args.dry_run && letters.len() > UNASKED_MAX && context.out.can_ask();
    if asks && !agreed(context)? {
        return Ok(Exit::Cancelled);
    }
    let run_type = if args.dry_run { RunType::Test } else { RunType::Replay };
    let mut exit = Exit::Done;
    let mut runs = Vec::new();
    for replay in replays {
        if context.interrupt.is_wished() {
            exit = exit.worst(Exit::Cancelled);
            break;
        }
        let options = RunOptions { replay: Some(replay), ..RunOptions::default() };
        let run = execute(context, &app, &engine, sync, run_type, options).await?;
        exit = exit.worst(Exit::of_run(&run));
        runs.push(run);
    }
    if context.out.json {
        let now = engine.clock.now();
        let views: Vec<_> = runs.iter().map(|run| RunDetail::of(run, now)).collect();
        match views.as_slice() {
            [run] => context.out.json(run),
            runs => context.out.json(&runs),
        }
    }
    Ok(exit)
}

/// The sync that all letters are of.
fn one_sync(letters: &[DeadLetter]) -> Result<&str, Error> {
    let first = letters.first().ok_or_else(|| Error::internal("no letters were chosen"))?;
    match letters.iter().find(|letter| letter.sync_uid != first.sync_uid) {
        None => Ok(first.sync_id.as_str()),
        Some(other) => {
            let message =
                format!("some of these letters are of {}, some of {}", first.sync_id, other.sync_id);
            Err(Error::new(ErrorKind::BadUsage, message).help("choose those of one sync with --sync"))
        }
    }
}

/// As few replays as the letters need.
fn replays(args: &ReplayArgs, letters: &[DeadLetter]) -> Vec<Replay> {
    let ids: Vec<LetterId> = letters.iter().map(|letter| letter.id.clone()).collect();
    let of =
        |ids: &[LetterId]| Replay { mode: args.mode.into(), letters: ids.to_vec(), per_second: args.rate };
    ids.chunks(Replay::LETTERS_MAX).map(of).collect()
}

/// Finds out what the replays would do, and tells it.
async fn estimate(context: &Context, engine: &Engine, sync: &Sync, replays: &[Replay]) -> Outcome<()> {
    let mut whole = Estimate::default();
    for replay in replays {
        whole.add(engine.estimate_replay(sync, replay).await?);
    }
    tell(context, sync.id.as_str(), &whole)
}

/// Tells what replays would do; an error when that is nothing. `of`: the sync, or what they have in common.
pub fn tell(context: &Context, of: &str, whole: &Estimate) -> Outcome<()> {
    let out = &context.out;
    let letters = output::counted(whole.letters, "dead letter");
    out.remark(&match whole.replayable == whole.letters {
        true => format!("{letters} of {of}"),
        false => format!("{letters} of {of}: {} can be replayed", output::grouped(whole.replayable)),
    });
    for refused in &whole.refused {
        let head = out.paint_note(Style::Warn, &format!("{}×", output::grouped(refused.letters)));
        let example = refused.sample.first().map(|row| format!(" (for example {row})")).unwrap_or_default();
        out.remark(&format!("  {head} {}{example}", refused.message));
    }
    if let Some(seconds) = whole.seconds.filter(|_| whole.replayable > 0) {
        out.remark(&format!("  paced, it takes about {}", output::duration(seconds)));
    }
    if whole.replayable > 0 {
        return Ok(());
    }
    let why = whole.refused.first().map(|refused| refused.message.clone()).unwrap_or_default();
    Err(Error::new(ErrorKind::Conflict, format!("none of these letters can be replayed: {why}")).into())
}

/// A person agrees.
pub fn agreed(context: &Context) -> Outcome<bool> {
    let answer = context.out.ask("Go ahead? [y/N] ")?.unwrap_or_default();
    let agreed = matches!(answer.to_lowercase().as_str(), "y" | "yes");
    if !agreed {
        context.out.note("nothing was replayed");
    }
    Ok(agreed)
}
