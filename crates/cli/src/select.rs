//! Which syncs, runs and letters somebody means.

use syncline_config::Project;
use syncline_core::{Error, ErrorKind, Result, Run, RunId, RunStatus, Sync};
use syncline_engine::Engine;
use syncline_store::{Page, RunFilter};

/// Least likeness (Jaro-Winkler) of a name that is worth suggesting.
const LIKENESS_MIN: f64 = 0.7;
/// Shortest beginning of a run's or letter's id.
pub const PREFIX_CHARS_MIN: usize = 4;

/// The syncs of these ids, instances and tags, in the order of dependencies.
pub fn syncs<'a>(project: &'a Project, selectors: &[String], tags: &[String]) -> Result<Vec<&'a Sync>> {
    let names = |sync: &Sync, selector: &str| sync.id.as_str() == selector || sync.id.instance() == selector;
    for selector in selectors {
        if !project.syncs.iter().any(|sync| names(sync, selector)) {
            return Err(unknown(project, selector));
        }
    }
    for tag in tags {
        if !project.syncs.iter().any(|sync| sync.tags.contains(tag)) {
            return Err(Error::new(ErrorKind::NotFound, format!("no sync has the tag '{tag}'")));
        }
    }
    let chosen = project.syncs.iter().filter(|sync| {
        selectors.iter().any(|s| names(sync, s)) || tags.iter().any(|tag| sync.tags.contains(tag))
    });
    Ok(chosen.collect())
}

/// Every sync of a project that has some.
pub fn all(project: &Project) -> Result<Vec<&Sync>> {
    if project.syncs.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "the project has no syncs")
            .help("describe one in a file of syncs/; `syncline init` shows how"));
    }
    Ok(project.syncs.iter().collect())
}

/// The error for a name that is neither a sync nor an instance.
pub fn unknown(project: &Project, name: &str) -> Error {
    let ids: Vec<&str> = project.syncs.iter().map(|sync| sync.id.as_str()).collect();
    unknown_among(&ids, name)
}

/// The same, of the syncs with these ids.
pub fn unknown_among(ids: &[&str], name: &str) -> Error {
    let instances = ids.iter().filter_map(|id| id.split_once('.')).map(|(instance, _)| instance);
    let likeness = |candidate: &str| strsim::jaro_winkler(candidate, name);
    let nearest = ids.iter().copied().chain(instances).max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let error = Error::new(ErrorKind::NotFound, format!("there is no sync '{name}'"));
    match nearest.filter(|candidate| likeness(candidate) >= LIKENESS_MIN) {
        Some(nearest) => error.help(format!("did you mean '{nearest}'?")),
        None if ids.is_empty() => error.help("the project has no syncs yet"),
        None => error.help(format!("the project has: {}", ids.join(", "))),
    }
}

/// The statuses of runs that `last` can mean: it took place, or is about to.
pub fn looked_for() -> Vec<RunStatus> {
    let others = |status: &RunStatus| !matches!(status, RunStatus::Scheduled | RunStatus::NotRun);
    RunStatus::ALL.into_iter().filter(others).collect()
}

/// The run of an id, a unique beginning of one (with or without `run_`), or `last`.
pub async fn run(engine: &Engine, text: &str) -> Result<Run> {
    let missing =
        |message: String| Error::new(ErrorKind::NotFound, message).help("list runs with `syncline runs`");
    if text == "last" {
        let filter = RunFilter { statuses: looked_for(), ..RunFilter::default() };
        let (runs, _) = engine.store.runs(&filter, Page::first(1)).await?;
        return runs.into_iter().next().ok_or_else(|| missing("nothing ran yet".into()));
    }
    let prefix = if text.starts_with("run_") { text.to_string() } else { format!("run_{text}") };
    if let Some(run) = engine.store.run(&RunId::from_stored(prefix.as_str())).await? {
        return Ok(run);
    }
    if prefix.len() < "run_".len() + PREFIX_CHARS_MIN {
        return Err(Error::new(ErrorKind::BadUsage, format!("'{text}' is too short to name a run"))
            .help("give more of the run's id, or `last`"));
    }
    let mut found: Vec<Run> = Vec::new();
    let mut page = Page::first(1_000);
    loop {
        let (runs, total) = engine.store.runs(&RunFilter::default(), page).await?;
        found.extend(runs.into_iter().filter(|run| run.id.as_str().starts_with(&prefix)));
        if page.offset() + page.size >= total {
            break;
        }
        page.number += 1;
    }
    match found.len() {
        0 => Err(missing(format!("there is no run '{text}'"))),
        1 => Ok(found.remove(0)),
        n => Err(Error::new(ErrorKind::BadUsage, format!("{n} runs begin with '{text}'"))
            .help("give more of the run's id")),
    }
}
