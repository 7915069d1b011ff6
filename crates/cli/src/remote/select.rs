//! Which syncs and runs of a server somebody means.

use syncline_api::{List, RunDetail, RunView, SyncView};
use syncline_core::{Error, ErrorKind, Result};

use super::Client;
use crate::select::{PREFIX_CHARS_MIN, looked_for, unknown_among};

/// The syncs of these ids, instances and tags.
pub fn syncs<'a>(all: &'a [SyncView], selectors: &[String], tags: &[String]) -> Result<Vec<&'a SyncView>> {
    let names = |sync: &SyncView, selector: &str| sync.id == selector || sync.instance == selector;
    for selector in selectors {
        if !all.iter().any(|sync| names(sync, selector)) {
            let ids: Vec<&str> = all.iter().map(|sync| sync.id.as_str()).collect();
            return Err(unknown_among(&ids, selector));
        }
    }
    for tag in tags {
        if !all.iter().any(|sync| sync.tags.contains(tag)) {
            return Err(Error::new(ErrorKind::NotFound, format!("no sync has the tag '{tag}'")));
        }
    }
    let chosen = all.iter().filter(|sync| {
        selectors.iter().any(|s| names(sync, s)) || tags.iter().any(|tag| sync.tags.contains(tag))
    });
    Ok(chosen.collect())
}

/// One sync.
pub async fn sync(server: &Client, id: &str) -> Result<SyncView> {
    match server.get(&["syncs", id]).await {
        Err(e) if e.kind == ErrorKind::NotFound => {
            let all: Vec<SyncView> = server.all(&["syncs"], &[]).await?;
            let ids: Vec<&str> = all.iter().map(|sync| sync.id.as_str()).collect();
            Err(unknown_among(&ids, id))
        }
        found => found,
    }
}

/// The run of an id, a unique beginning of one (with or without `run_`), or `last`.
pub async fn run(server: &Client, text: &str) -> Result<RunDetail> {
    let missing =
        |message: String| Error::new(ErrorKind::NotFound, message).help("list runs with `syncline runs`");
    if text == "last" {
        let statuses: Vec<_> = looked_for().into_iter().map(|status| status.as_str()).collect();
        let query = [("per_page", Some("1".to_string())), ("status", Some(statuses.join(",")))];
        let list: List<RunView> = server.asked(&["runs"], &query).await?;
        let last = list.data.first().ok_or_else(|| missing("nothing ran yet".into()))?;
        return server.get(&["runs", &last.id]).await;
    }
    let prefix = if text.starts_with("run_") { text.to_string() } else { format!("run_{text}") };
    match server.get(&["runs", &prefix]).await {
        Err(e) if e.kind == ErrorKind::NotFound => {}
        found => return found,
    }
    if prefix.len() < "run_".len() + PREFIX_CHARS_MIN {
        return Err(Error::new(ErrorKind::BadUsage, format!("'{text}' is too short to name a run"))
            .help("give more of the run's id, or `last`"));
    }
    let all: Vec<RunView> = server.all(&["runs"], &[]).await?;
    let found: Vec<_> = all.iter().filter(|run| run.id.starts_with(&prefix)).collect();
    match found.as_slice() {
        [] => Err(missing(format!("there is no run '{text}'"))),
        [one] => server.get(&["runs", &one.id]).await,
        many => Err(Error::new(ErrorKind::BadUsage, format!("{} runs begin with '{text}'", many.len()))
            .help("give more of the run's id")),
    }
}
