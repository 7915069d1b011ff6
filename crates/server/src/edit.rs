//! Making, changing and removing objects through the API: checked as files are, refused if something
//! else would break, and part of the project when the answer is given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use serde_json::Value as Json;
use syncline_api::ProblemItem;
use syncline_config::{
    KeptSecret, LeftOut, Loaded, ObjectKind, ObjectName, Problem, Project, Severity, carry_secrets,
    kept_secret_paths, split_secrets,
};
use syncline_core::{Error, ErrorKind, Result, RunStatus, Sync, SyncId};
use syncline_store::{Object, Page, RunFilter, SyncState};

use crate::actions;
use crate::app::App;
use crate::live::{Version, item};
use crate::notify;
use crate::objects::{Body, refuse_file, unknown};
use crate::problem::{Answer, Fault};
use crate::reload::{self, Gate};

/// Names in one message.
const NAMES_SHOWN_MAX: usize = 10;
/// Waiting runs of a removed sync that are cancelled; there are never more.
const WAITING_MAX: u64 = 200;

/// What there has to be before a change.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    Nothing,
    /// The object, in this revision if one is named.
    Something {
        revision: Option<u64>,
    },
}

/// The revision in `If-Match`; `None` without the header, and for `*`.
pub fn if_match(headers: &HeaderMap) -> Answer<Option<u64>> {
    let Some(given) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = given.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    // Some clients lose the quotes.
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let number = bare.parse().ok();
    number.map(Some).ok_or_else(|| {
        let error = Error::new(ErrorKind::BadUsage, "If-Match is not an ETag of ours");
        error.help("send the ETag of the answer that the change is based on, with its quotes").into()
    })
}

/// Where the values of a document stand in the request that brings it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// JSON pointer, in the document, of the part that the request has.
    pub part: String,
    /// JSON pointer of that part in the request.
    pub at: &'static str,
}

impl Shown {
    /// The request has the whole document.
    pub fn document() -> Self {
        Self { part: String::new(), at: "/document" }
    }

    /// The place of a value in the request, if it is there.
    fn place(&self, pointer: &str) -> Option<String> {
        let rest = pointer.strip_prefix(&self.part)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| format!("{}{rest}", self.at))
    }

    /// A problem of an object as the answer to the request shows it.
    pub fn item(&self, object: &ObjectName, problem: &Problem) -> ProblemItem {
        let shown = item(problem);
        let own = problem.pointer.as_deref().filter(|_| problem.file == place(object));
        match own.and_then(|pointer| self.place(pointer)) {
            Some(at) => ProblemItem { at: Some(at), ..shown },
            None => shown,
        }
    }
}

/// What the places of an object's problems are called.
pub fn place(object: &ObjectName) -> String {
    format!("api:{object}")
}

/// A document that an object is to have.
pub struct Wanted {
    pub object: ObjectName,
    pub document: Json,
    pub expected: Expected,
    pub shown: Shown,
}

/// An object that was changed.
pub struct Stored {
    pub revision: u64,
    /// Paths of secrets that came with the request.
    pub secrets_given: Vec<String>,
    /// Syncs that are new, and no earlier ones renamed.
    pub added: Vec<SyncId>,
    pub removed: Vec<SyncId>,
}

/// A document ready to be kept: its secrets apart, everything checked.
pub struct Checked {
    pub document: Json,
    pub given: Vec<KeptSecret>,
    pub loaded: Loaded,
}

/// Holds off every other change of the project.
pub async fn gate(app: &App) -> Gate {
    Arc::clone(&app.gate).lock_owned().await
}

/// Makes or replaces an object.
pub async fn put(app: &App, wanted: Wanted) -> Answer<Stored> {
    let gate = gate(app).await;
    put_at(app, wanted, &gate).await
}

/// The same for whoever read something and holds the gate since.
pub async fn put_at(app: &App, wanted: Wanted, gate: &Gate) -> Answer<Stored> {
    let version = app.live.get();
    let object = &wanted.object;
    refuse_file(&version.project, object)?;
    let there = stored(app, object, wanted.expected).await?;
    let before = there.as_ref().map(Body::of).transpose()?;
    let old = before.as_ref().map(|body| &body.document);
    let Checked { document, given, loaded } =
        check(app, &version, object, old, &wanted.document, &wanted.shown)?;
    refuse_broken(object, &loaded, &version.left_out)?;
    let (added, removed) = difference(object, &version.project, &loaded.project);
    check_idle(app, &removed).await?;
    let body = Body { secrets: seal(&version, object, before, &document, &given)?, document };
    let now = app.now();
    let expected = there.map_or(0, |there| there.revision);
    let revision = app.store.put_object(&body.into_object(object, now)?, Some(expected), now).await?;
    reload::made_at(app, gate).await?;
    retire(app, &removed).await?;
    let secrets_given = given.into_iter().map(|secret| secret.path).collect();
    Ok(Stored { revision, secrets_given, added, removed })
}

/// Checks a document as it would be part of the project, in the place of an old one. Nothing is kept.
pub fn check(
    app: &App,
    version: &Version,
    object: &ObjectName,
    old: Option<&Json>,
    document: &Json,
    shown: &Shown,
) -> Answer<Checked> {
    let registry = &app.live.registry;
    let carried = match old {
        Some(old) => carry_secrets(object, old, document, registry)
            .map_err(|pointers| secret_required(object, pointers, shown))?,
        None => document.clone(),
    };
    let split = split_secrets(object, &carried, registry);
    check_given(object, &split.secrets, shown)?;
    let mut known: BTreeSet<String> = old.map(|old| kept_secret_paths(object, old)).unwrap_or_default();
    known.extend(split.secrets.iter().map(|secret| secret.path.clone()));
    let unknown: Vec<_> = kept_secret_paths(object, &split.document).difference(&known).cloned().collect();
    if !unknown.is_empty() {
        let message = format!("no secret is kept for {}", named(&unknown));
        return Err(Error::new(ErrorKind::SecretRequired, message).help("give the secret itself").into());
    }
    let mut made = version.made.documents.clone();
    made.set(object, Some(split.document.clone()));
    let loaded = version.project.with_made(registry, &made);
    let problems = loaded.problems_of(object);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(invalid(object, &problems, shown));
    }
    Ok(Checked { document: split.document, given: split.secrets, loaded })
}

/// Secrets of a channel sign its messages, and no other text can; or they are its address. What is given as a
/// placeholder is known only when a message is sent.
fn check_given(object: &ObjectName, given: &[KeptSecret], shown: &Shown) -> Answer<()> {
    if object.kind != ObjectKind::Notification {
        return Ok(());
    }
    let wrong = |secret: &KeptSecret| {
        let checked = match secret.path.as_str() {
            "secret" | "previous_secret" => notify::check_secret(&secret.value),
            "url" => notify::check_address(&secret.value),
            _ => Ok(()),
        };
        let error = checked.err()?;
        let pointer = format!("/{}", secret.path);
        Some(ProblemItem {
            code: "invalid_value".into(),
            message: error.message,
            at: Some(shown.place(&pointer).unwrap_or(pointer)),
            help: error.help,
            warning: false,
        })
    };
    let items: Vec<_> = given.iter().filter_map(wrong).collect();
    if items.is_empty() {
        return Ok(());
    }
    let message = format!("messages of the channel '{}' could not be sent", object.name);
    Err(Fault::new(ErrorKind::InvalidConfig, message).with_items(items))
}

/// 422 with everything that is wrong about a document.
pub fn invalid(object: &ObjectName, problems: &[Problem], shown: &Shown) -> Fault {
    let items: Vec<_> = problems.iter().map(|problem| shown.item(object, problem)).collect();
    let errors = items.iter().filter(|item| !item.warning).count();
    let counted = if errors == 1 { "an error".to_string() } else { format!("{errors} errors") };
    let message = format!("the {} '{}' has {counted}", object.kind.as_str(), object.name);
    Fault::new(ErrorKind::InvalidConfig, message).with_items(items)
}

/// Secrets given for one system are not sent to another [S5].
fn secret_required(object: &ObjectName, pointers: Vec<String>, shown: &Shown) -> Fault {
    let message = format!(
        "the {} '{}' would lead to another system, so its secrets have to be given again",
        object.kind.as_str(),
        object.name
    );
    let again = |pointer: String| ProblemItem {
        code: ErrorKind::SecretRequired.code().into(),
        message: "give this secret again, or leave it out".into(),
        at: Some(shown.place(&pointer).unwrap_or(pointer)),
        help: None,
        warning: false,
    };
    Fault::new(ErrorKind::SecretRequired, message).with_items(pointers.into_iter().map(again).collect())
}

/// The encrypted secrets that a document names: those that are kept, and those given now.
fn seal(
    version: &Version,
    object: &ObjectName,
    before: Option<Body>,
    document: &Json,
    given: &[KeptSecret],
) -> Result<BTreeMap<String, String>> {
    let mut secrets = before.map(|body| body.secrets).unwrap_or_default();
    for secret in given {
        secrets.insert(secret.path.clone(), version.secrets.seal(object, secret)?);
    }
    let needed = kept_secret_paths(object, document);
    secrets.retain(|path, _| needed.contains(path));
    Ok(secrets)
}

/// The object as it is stored, if that is what is expected.
async fn stored(app: &App, object: &ObjectName, expected: Expected) -> Answer<Option<Object>> {
    let there = app.store.object(object.kind.as_str(), &object.name).await?;
    let kind = object.kind.as_str();
    match (expected, &there) {
        (Expected::Nothing, Some(_)) => {
            let message = format!("there is a {kind} '{}' already", object.name);
            Err(Error::new(ErrorKind::Conflict, message).help("change it with PUT, or choose a name").into())
        }
        (Expected::Something { .. }, None) => Err(unknown(object).into()),
        (Expected::Something { revision: Some(revision) }, Some(found)) if found.revision != revision => {
            let message = format!(
                "the {kind} '{}' is not in revision {revision} any more but in {}",
                object.name, found.revision
            );
            let error = Error::new(ErrorKind::Conflict, message);
            let fault = Fault::from(error.help("read it again and repeat the change on what it is now"));
            Err(fault.with_status(StatusCode::PRECONDITION_FAILED))
        }
        _ => Ok(there),
    }
}

/// Removes an object that the API made. One that a file of the same name hides can be removed, too.
pub async fn remove(app: &App, object: &ObjectName, revision: Option<u64>) -> Answer<Vec<SyncId>> {
    let gate = gate(app).await;
    let version = app.live.get();
    match stored(app, object, Expected::Something { revision }).await {
        Ok(_) => {}
        Err(fault) => {
            refuse_file(&version.project, object)?;
            return Err(fault);
        }
    }
    let mut made = version.made.documents.clone();
    made.set(object, None);
    let loaded = version.project.with_made(&app.live.registry, &made);
    if object.kind == ObjectKind::Connection && !loaded.project.connections.contains_key(&object.name) {
        let used_by = users(&version.project, &object.name);
        if !used_by.is_empty() {
            let message = format!("the connection '{}' is used by {}", object.name, named(&used_by));
            let help = "delete those syncs first, or give their instances another connection";
            return Err(Error::new(ErrorKind::Conflict, message).help(help).into());
        }
    }
    refuse_broken(object, &loaded, &version.left_out)?;
    let (_, removed) = difference(object, &version.project, &loaded.project);
    check_idle(app, &removed).await?;
    app.store.remove_object(object.kind.as_str(), &object.name).await?;
    reload::made_at(app, &gate).await?;
    retire(app, &removed).await?;
    Ok(removed)
}

/// Syncs that read or write a connection.
pub fn users(project: &Project, connection: &str) -> Vec<String> {
    let uses = |sync: &&Sync| sync.source == connection || sync.target == connection;
    project.syncs.iter().filter(uses).map(|sync| sync.id.to_string()).collect()
}

/// Fails when other objects would be left out that are part of the project now.
fn refuse_broken(object: &ObjectName, loaded: &Loaded, before: &[LeftOut]) -> Answer<()> {
    let broken: Vec<_> =
        loaded.broken_since(before).into_iter().filter(|out| out.object != *object).collect();
    if broken.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = broken.iter().map(|out| out.object.to_string()).collect();
    let message = format!("{} would not work any more", named(&names));
    let items = broken.iter().flat_map(|out| &out.problems).map(item).collect();
    let error = Error::new(ErrorKind::Conflict, message).help("change those first");
    Err(Fault::from(error).with_items(items))
}

/// Syncs that a change of an instance adds and removes. One that takes over from another is neither.
fn difference(object: &ObjectName, old: &Project, new: &Project) -> (Vec<SyncId>, Vec<SyncId>) {
    if object.kind != ObjectKind::Instance {
        return (Vec::new(), Vec::new());
    }
    let of = |project: &Project| -> Vec<Sync> {
        project.syncs.iter().filter(|sync| sync.id.instance() == object.name).cloned().collect()
    };
    let (old, new) = (of(old), of(new));
    let is_in = |syncs: &[Sync], id: &SyncId| syncs.iter().any(|sync| sync.id == *id);
    let takes_over =
        |sync: &Sync| sync.renamed_from.as_ref().is_some_and(|from| is_in(&old, from) && !is_in(&new, from));
    let taken: Vec<&SyncId> =
        new.iter().filter(|sync| takes_over(sync)).filter_map(|sync| sync.renamed_from.as_ref()).collect();
    let added = new.iter().filter(|sync| !is_in(&old, &sync.id) && !takes_over(sync));
    let removed = old.iter().filter(|sync| !is_in(&new, &sync.id) && !taken.contains(&&sync.id));
    (added.map(|sync| sync.id.clone()).collect(), removed.map(|sync| sync.id.clone()).collect())
}

/// Fails when a run of one of these syncs goes on, or waits for somebody's decision.
async fn check_idle(app: &App, syncs: &[SyncId]) -> Answer<()> {
    for id in syncs {
        let busy = vec![RunStatus::Starting, RunStatus::Running, RunStatus::Held];
        if let Some(run) = runs_of(app, id, busy, 1).await?.pop() {
            let message = format!("run {} of {id} is {}", run.id, run.status.as_str());
            let help = "wait for its end, or cancel or reject it";
            return Err(Error::new(ErrorKind::Conflict, message).help(help).into());
        }
    }
    Ok(())
}

async fn runs_of(
    app: &App,
    id: &SyncId,
    statuses: Vec<RunStatus>,
    most: u64,
) -> Result<Vec<syncline_core::Run>> {
    let Some(record) = app.store.sync(id).await? else { return Ok(Vec::new()) };
    let filter = RunFilter { sync_uid: Some(record.uid), statuses, ..RunFilter::default() };
    Ok(app.store.runs(&filter, Page::first(most)).await?.0)
}

/// Ends what syncs that are not defined any more would still do. What is known of them stays until
/// retention forgets it, so that one that comes back goes on where it was.
async fn retire(app: &App, syncs: &[SyncId]) -> Result<()> {
    for id in syncs {
        let Some(record) = app.store.sync(id).await? else { continue };
        app.store.set_activation(&record.uid, &SyncState::Inactive, None, app.now()).await?;
        let waiting = vec![RunStatus::Scheduled, RunStatus::Queued];
        for run in runs_of(app, id, waiting, WAITING_MAX).await? {
            match actions::cancel(app, &run).await {
                // It ended meanwhile.
                Err(e) if e.kind == ErrorKind::Conflict => {}
                cancelled => drop(cancelled?),
            }
        }
    }
    Ok(())
}

fn named(names: &[String]) -> String {
    let mut text = names.iter().take(NAMES_SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > NAMES_SHOWN_MAX {
        text.push_str(&format!(" and {} more", names.len() - NAMES_SHOWN_MAX));
    }
    text
}
