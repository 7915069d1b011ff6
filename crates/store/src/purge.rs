//! Taking the data of single records out of a state.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::run::FileRef;
use syncline_core::{Error, ErrorKind, Key, RunId, RunStatus, SyncUid};

/// What is to go of some records of a sync. Files never change, so those that hold something of them were
/// written anew before.
#[derive(Clone, Debug)]
pub struct Purge {
    pub sync_uid: SyncUid,
    /// Row ids of the records.
    pub rows: BTreeSet<String>,
    /// Their values. Messages lose those that they cite.
    pub values: BTreeSet<String>,
    /// The files of the sync that were looked at, sorted ([`crate::Store::files_of_sync`]).
    pub seen: Vec<String>,
    /// What stands in the place of files that held something, by path.
    pub files: BTreeMap<String, FileRef>,
    /// The contexts of the plans that held something.
    pub plans: BTreeMap<RunId, serde_json::Value>,
    /// Live keys by entry state in the newest generation.
    pub states: Option<BTreeMap<String, u64>>,
}

/// In how many places of the database something was, or would be, removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    pub letters: u64,
    pub row_errors: u64,
    /// Runs that were asked for the records by id, looked for them in vain, or named them where a guard
    /// tripped.
    pub runs: u64,
    /// Messages of runs, of other records and to somebody outside that cited a value.
    pub messages: u64,
    /// Answers to requests that are kept for a repetition.
    pub answers: u64,
}

impl Purge {
    /// What a run that has not ended still needs is not taken from it.
    pub fn refused(run: &RunId, status: RunStatus) -> Error {
        let message = format!("run {run} is {} and still needs the record", status.as_str());
        Error::new(ErrorKind::Conflict, message).help(match status {
            RunStatus::Held => format!("approve or reject it first: syncline reject {run}"),
            _ => format!("wait for its end, or cancel it first: syncline cancel {run}"),
        })
    }

    /// The text without the row ids and values that it cites; `None` when it cites none.
    ///
    /// A value is cited where it stands as a word, or, if it is short, in quotes or brackets.
    pub fn redacted(&self, text: &str) -> Option<String> {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for value in self.rows.iter().chain(&self.values).filter(|value| !value.is_empty()) {
            let cited = text.match_indices(value.as_str());
            spans
                .extend(cited.map(|(at, _)| (at, at + value.len())).filter(|span| stands_alone(text, *span)));
        }
        // The longest of those that begin together goes first; what it covers goes with it.
        spans.sort_by_key(|(start, end)| (*start, std::cmp::Reverse(*end)));
        let (mut out, mut done) = (String::new(), 0);
        for (start, end) in spans {
            if end <= done {
                continue;
            }
            if start >= done {
                out.push_str(&text[done..start]);
                out.push_str(Key::PURGED);
            }
            done = end;
        }
        (done > 0).then(|| out + &text[done..])
    }
}

/// Values shorter than this are words that stand in many messages.
const WORD_CHARS_MIN: usize = 4;

fn stands_alone(text: &str, (start, end): (usize, usize)) -> bool {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    if text[start..end].chars().count() >= WORD_CHARS_MIN {
        return [before, after].into_iter().flatten().all(|c| !c.is_alphanumeric());
    }
    let opens = |c| matches!(c, '\'' | '"' | '(' | '[' | '`' | '“' | '‘');
    let closes = |c| matches!(c, '\'' | '"' | ')' | ']' | '`' | '”' | '’');
    before.is_some_and(opens) && after.is_some_and(closes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purge(values: &[&str]) -> Purge {
        Purge {
            sync_uid: SyncUid::from_stored("s"),
            rows: BTreeSet::from(["7".to_string()]),
            values: values.iter().map(ToString::to_string).collect(),
            seen: Vec::new(),
            files: BTreeMap::new(),
            plans: BTreeMap::new(),
            states: None,
        }
    }

    #[test]
    fn what_a_message_cites_of_a_record_goes_and_the_rest_stays() {
        let redacted = |text| purge(&["ann@example.com", "Ann", "Ann Smith"]).redacted(text);
        assert_eq!(
            redacted("Key (email)=(ann@example.com) already exists").unwrap(),
            "Key (email)=((purged)) already exists"
        );
        assert_eq!(redacted("row '7' is not 77 and not 7").unwrap(), "row '(purged)' is not 77 and not 7");
        assert_eq!(redacted("Ann Smith, 'Ann'").unwrap(), "(purged), '(purged)'");
        assert_eq!(redacted("joann@example.com.au is somebody else, and Anna too"), None);
        assert_eq!(redacted(""), None);
    }
}
