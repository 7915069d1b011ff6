//! `dlq edit`, `ignore`, `reopen`, `resolve`: what a person decides about letters.

use std::path::Path;

use serde_json::{Map, Value};
use syncline_api::{LetterView, LettersDecided};
use syncline_core::{Error, ErrorKind, Result};
use syncline_store::{DeadLetter, LetterState};

use super::{chosen, find, short_id};
use crate::Context;
use crate::app::App;
use crate::args::LetterChoice;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Out, Style};

/// What becomes of letters.
#[derive(Clone, Copy)]
pub enum Decision {
    Ignore,
    Reopen,
    Resolve,
}

impl Decision {
    /// The states of letters that it is about when they are not named.
    fn of(self) -> &'static [LetterState] {
        match self {
            Decision::Ignore => &[LetterState::Open],
            Decision::Reopen => &[LetterState::Ignored],
            Decision::Resolve => &[LetterState::Open, LetterState::Ignored],
        }
    }

    fn done(self) -> &'static str {
        match self {
            Decision::Ignore => "ignored: left alone until the source row changes",
            Decision::Reopen => "open again: tried again with the next run",
            Decision::Resolve => "resolved by hand",
        }
    }
}

/// `because`: why letters are ignored.
pub async fn decide(
    context: &Context,
    choice: &LetterChoice,
    decision: Decision,
    because: Option<&str>,
) -> Outcome {
    let app = App::open(context)?;
    let engine = app.engine_without_writing(context).await?;
    let mut changed = Vec::new();
    for letter in chosen(&engine, choice, decision.of()).await? {
        let id = letter.id.as_str();
        changed.push(match decision {
            Decision::Ignore => {
                let state = letter.state.transition(LetterState::Ignored).map_err(|e| e.context(id))?;
                let from = [letter.state];
                engine.store.move_letters(std::slice::from_ref(&letter.id), &from, state, because).await?;
                letter
            }
            Decision::Reopen => engine.reopen_letter(id).await?,
            Decision::Resolve => engine.store.set_letter_state(id, LetterState::ResolvedUser).await?,
        });
    }
    let decided = LettersDecided { changed: changed.len() as u64, unchanged: 0 };
    let one = changed.first().filter(|_| changed.len() == 1);
    let one = one.map(|letter| (letter.row_id.as_str(), letter.sync_id.as_str()));
    print_decided(&context.out, &decided, one, decision);
    Ok(Exit::Done)
}

/// What became of letters. `one`: row and sync of the only one.
pub fn print_decided(out: &Out, decided: &LettersDecided, one: Option<(&str, &str)>, decision: Decision) {
    if out.json {
        out.json(decided);
        return;
    }
    match one {
        Some((row, sync)) => {
            out.line(format!("{} of {sync} is {}", out.paint(Style::Strong, row), decision.done()));
        }
        None => {
            let count = output::counted(decided.changed, "dead letter");
            out.line(format!("{count} {}", decision.done()));
        }
    }
}

/// The values that somebody gave for target fields, in a file and one by one.
pub fn new_fields(given: &[String], file: Option<&Path>) -> Result<Map<String, Value>> {
    let mut fields = match file {
        Some(path) => read_payload(path)?,
        None => Map::new(),
    };
    for text in given {
        let Some((field, value)) = text.split_once('=').filter(|(field, _)| !field.is_empty()) else {
            return Err(Error::new(ErrorKind::BadUsage, format!("'{text}' sets nothing"))
                .help("write FIELD=VALUE, for example --set email=ann@example.com"));
        };
        let value = if value == "null" { Value::Null } else { Value::String(value.into()) };
        fields.insert(field.into(), value);
    }
    Ok(fields)
}

fn read_payload(path: &Path) -> Result<Map<String, Value>> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::from(e).context(path.display()))?;
    serde_json::from_str(&text).map_err(|e| {
        Error::new(ErrorKind::BadUsage, format!("{} is not a JSON object: {e}", path.display()))
            .help("write target fields and their values, for example {\"email\": \"ann@example.com\"}")
    })
}

/// `fields`: new values; `None` takes an edit back.
pub async fn edit(context: &Context, id: &str, fields: Option<Map<String, Value>>) -> Outcome {
    let app = App::open(context)?;
    let engine = app.engine_without_writing(context).await?;
    let letter = find(&engine, id).await?;
    let edited = match fields {
        None => engine.store.edit_letter(letter.id.as_str(), None).await?,
        Some(fields) => {
            let sync = app.sync(letter.sync_id.as_str())?;
            let ends = app.endpoints(sync)?;
            engine.edit_letter(sync, &ends, letter.id.as_str(), fields, &person()).await?
        }
    };
    print_edited(&context.out, edited);
    Ok(Exit::Done)
}

/// A letter whose payload was corrected, or is as it was again.
pub fn print_edited(out: &Out, edited: DeadLetter) {
    if out.json {
        out.json(&LetterView::from(edited));
        return;
    }
    let row = out.paint(Style::Strong, &edited.row_id);
    if edited.edited.is_none() {
        out.line(format!("{row} of {} has no correction any more", edited.sync_id));
        return;
    }
    out.line(format!("{row} of {} is corrected and not sent yet", edited.sync_id));
    out.remark(&format!("send it with `syncline dlq replay {} --mode edited`", short_id(&edited)));
}

/// Who sits at this terminal.
fn person() -> String {
    let named = ["USER", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "cli".into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_given_as_text_and_null_empties_one() {
        let given = ["name=Ann", "note=a=b", "phone=", "fax=null"].map(String::from);
        let fields = new_fields(&given, None).unwrap();
        let expected = json!({ "name": "Ann", "note": "a=b", "phone": "", "fax": null });
        assert_eq!(Value::Object(fields), expected);
        for wrong in ["name", "=x"] {
            assert_eq!(new_fields(&[wrong.into()], None).unwrap_err().kind, ErrorKind::BadUsage);
        }
    }
}
