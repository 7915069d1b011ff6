//! Dead letters: listing, looking at, editing, sending again, deciding about, exporting.

use std::sync::Arc;

use axum::body::Body as Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures::stream;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use syncline_api::{
    IgnoreRequest, LetterChoice, LetterEdit, LetterGroupView, LetterMatch, LetterStateName, LetterView,
    LettersDecided, List, Problem, ReplayEstimate, ReplayOneRequest, ReplayRequest, ReplayStarted,
    export as files, reason_to_keep,
};
use syncline_core::{ErrorKind, Result};
use syncline_store::{LetterFilter, Page};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::app::App;
use crate::input::{self, Body, OptionalBody, Params};
use crate::letters::{self, Decided, Decision};
use crate::problem::{Answer, Fault};
use crate::record::Detail;

/// Letters of one part of an export.
const EXPORTED_AT_ONCE: u64 = 500;
/// Ids of letters in one audit record.
const AUDITED_IDS_MAX: usize = 100;

pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(groups))
        .routes(routes!(export))
        .routes(routes!(get, edit))
        .routes(routes!(replay_one))
        .routes(routes!(replay))
        .routes(routes!(estimate))
        .routes(routes!(ignore))
        .routes(routes!(reopen))
        .routes(routes!(resolve))
}

/// Which dead letters to list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LetterQuery {
    /// From 1.
    #[param(minimum = 1, maximum = 1000000000)]
    page: Option<u64>,
    /// 20 unless given.
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u64>,
    sync_id: Option<String>,
    /// States, separated by commas; all unless given.
    #[param(
        pattern = "^(open|replaying|resolved_auto|resolved_replay|resolved_user|ignored|expired)(,(open|replaying|resolved_auto|resolved_replay|resolved_user|ignored|expired))*$",
        example = "open,ignored"
    )]
    state: Option<String>,
    /// The run that failed last.
    run_id: Option<String>,
    /// The row id; of a composite key a JSON array.
    key: Option<String>,
    /// Letters of one error.
    fingerprint: Option<String>,
    code: Option<String>,
    /// Last seen at or after this moment.
    since: Option<Timestamp>,
    /// Last seen before this moment.
    until: Option<Timestamp>,
}

/// Which dead letters to export, and as what.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `jsonl` (unless given) or `csv`.
    #[param(pattern = "^(jsonl|csv)$")]
    format: Option<String>,
    sync_id: Option<String>,
    /// States, separated by commas; all unless given.
    #[param(
        pattern = "^(open|replaying|resolved_auto|resolved_replay|resolved_user|ignored|expired)(,(open|replaying|resolved_auto|resolved_replay|resolved_user|ignored|expired))*$",
        example = "open"
    )]
    state: Option<String>,
    /// The run that failed last.
    run_id: Option<String>,
    /// The row id; of a composite key a JSON array.
    key: Option<String>,
    /// Letters of one error.
    fingerprint: Option<String>,
    code: Option<String>,
    /// Last seen at or after this moment.
    since: Option<Timestamp>,
    /// Last seen before this moment.
    until: Option<Timestamp>,
}

impl LetterQuery {
    fn page(&self) -> Answer<Page> {
        input::page(self.page, self.per_page, 20)
    }

    fn wanted(self) -> Answer<LetterMatch> {
        let Self { sync_id, run_id, key, fingerprint, code, since, until, .. } = self;
        let state = states(self.state.as_deref())?;
        Ok(LetterMatch { sync_id, state, run_id, key, fingerprint, code, since, until })
    }
}

impl ExportQuery {
    fn wanted(self) -> Answer<LetterMatch> {
        let Self { sync_id, run_id, key, fingerprint, code, since, until, .. } = self;
        let state = states(self.state.as_deref())?;
        Ok(LetterMatch { sync_id, state, run_id, key, fingerprint, code, since, until })
    }
}

fn states(text: Option<&str>) -> Answer<Option<Vec<LetterStateName>>> {
    let known = syncline_store::LetterState::ALL.map(|state| state.as_str());
    let parse = |word: &str| serde_json::from_value(json!(word)).ok();
    let states = input::each("state", text, &known, parse)?;
    Ok((!states.is_empty()).then_some(states))
}

/// Dead letters, latest seen first.
#[utoipa::path(get, path = "/dead-letters", operation_id = "list_letters", tag = "dead letters", params(LetterQuery),
    responses((status = 200, body = List<LetterView>)), extensions(("x-role" = json!("viewer"))))]
async fn list(
    State(app): State<Arc<App>>,
    Params(query): Params<LetterQuery>,
) -> Answer<Json<List<LetterView>>> {
    let page = query.page()?;
    let (letters, total) = match letters::filter(&app, &query.wanted()?).await? {
        Some(filter) => app.store.letters(&filter, page).await?,
        None => (Vec::new(), 0),
    };
    Ok(Json(List::new(letters.into_iter().map(LetterView::from).collect(), page, total)))
}

/// Dead letters by error, the largest group first.
#[utoipa::path(get, path = "/dead-letters/groups", operation_id = "list_letter_groups", tag = "dead letters", params(LetterQuery),
    responses((status = 200, body = List<LetterGroupView>)), extensions(("x-role" = json!("viewer"))))]
async fn groups(
    State(app): State<Arc<App>>,
    Params(query): Params<LetterQuery>,
) -> Answer<Json<List<LetterGroupView>>> {
    let page = query.page()?;
    let (groups, total) = match letters::filter(&app, &query.wanted()?).await? {
        Some(filter) => app.store.letter_groups(&filter, page).await?,
        None => (Vec::new(), 0),
    };
    Ok(Json(List::new(groups.into_iter().map(LetterGroupView::from).collect(), page, total)))
}

#[derive(Clone, Copy)]
enum Format {
    Jsonl,
    Csv,
}

impl Format {
    fn lines(self, letters: &[LetterView]) -> Result<Vec<u8>> {
        match self {
            Format::Jsonl => files::json_lines(letters),
            Format::Csv => files::csv_lines(letters),
        }
    }

    fn head(self) -> Result<Vec<u8>> {
        match self {
            Format::Jsonl => Ok(Vec::new()),
            Format::Csv => files::csv_header(),
        }
    }

    fn content(self) -> (&'static str, &'static str) {
        match self {
            Format::Jsonl => ("application/x-ndjson", "attachment; filename=\"dead-letters.jsonl\""),
            Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"dead-letters.csv\""),
        }
    }
}

/// Dead letters as a file: a JSON object a line, or CSV whose cells no spreadsheet takes for formulas.
#[utoipa::path(get, path = "/dead-letters/export", operation_id = "export_letters", tag = "dead letters", params(ExportQuery),
    responses((status = 200, description = "Letters, latest seen first.",
        content((String = "application/x-ndjson"), (String = "text/csv")))),
    extensions(("x-role" = json!("viewer"))))]
async fn export(State(app): State<Arc<App>>, Params(query): Params<ExportQuery>) -> Answer<Response> {
    let format = match query.format.as_deref() {
        None | Some("jsonl") => Format::Jsonl,
        Some("csv") => Format::Csv,
        Some(_) => return Err(Fault::new(ErrorKind::BadUsage, "format is jsonl or csv")),
    };
    let filter = letters::filter(&app, &query.wanted()?).await?;
    let head = format.head()?;
    let (kind, name) = format.content();
    let parts = stream::try_unfold(filter.map(|filter| (filter, 1)), move |next| {
        let app = Arc::clone(&app);
        async move {
            let Some((filter, number)) = next else { return Ok(None) };
            part(&app, filter, number, format).await.map(Some)
        }
    });
    let head = stream::once(async { Ok(head) });
    let body = Bytes::from_stream(futures::StreamExt::chain(head, parts));
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], body).into_response())
}

/// What follows a part of an export: the number of the next page, if there is one.
type Next = Option<(LetterFilter, u64)>;

async fn part(app: &App, filter: LetterFilter, number: u64, format: Format) -> Result<(Vec<u8>, Next)> {
    let page = Page { number, size: EXPORTED_AT_ONCE };
    let (letters, total) = app.store.letters(&filter, page).await?;
    let views: Vec<_> = letters.into_iter().map(LetterView::from).collect();
    let goes_on = page.offset() + page.size < total;
    Ok((format.lines(&views)?, goes_on.then_some((filter, number + 1))))
}

/// One dead letter, with its source row and its payload where the sync keeps values.
#[utoipa::path(get, path = "/dead-letters/{letter_id}", operation_id = "get_letter", tag = "dead letters",
    params(("letter_id" = String, Path)),
    responses((status = 200, body = LetterView)), extensions(("x-role" = json!("viewer"))))]
async fn get(State(app): State<Arc<App>>, Path(letter_id): Path<String>) -> Answer<Json<LetterView>> {
    let letter = app.store.letter(&letter_id).await?.ok_or_else(|| letters::missing(&letter_id))?;
    Ok(Json(letter.into()))
}

/// Corrects the payload of a dead letter, to be sent by a replay in the mode `edited`. Each field has to
/// be one that the target takes.
#[utoipa::path(patch, path = "/dead-letters/{letter_id}", operation_id = "edit_letter", tag = "dead letters", request_body = LetterEdit,
    params(("letter_id" = String, Path)),
    responses((status = 200, body = LetterView)), extensions(("x-role" = json!("operator"))))]
async fn edit(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(letter_id): Path<String>,
    Body(edit): Body<LetterEdit>,
) -> Answer<Json<LetterView>> {
    let letter = app.store.letter(&letter_id).await?.ok_or_else(|| letters::missing(&letter_id))?;
    let edited = match edit.payload {
        None => app.store.edit_letter(&letter_id, None).await?,
        Some(fields) => {
            let sync = app.sync(letter.sync_id.as_str())?;
            let ends = app.live.endpoints(&sync)?;
            let editing = app.engine.edit_letter(&sync, &ends, &letter_id, fields, &caller.name);
            editing.await.map_err(Fault::unprocessable)?
        }
    };
    Ok(Json(edited.into()))
}

/// Sends one dead letter again.
#[utoipa::path(post, path = "/dead-letters/{letter_id}/replay", operation_id = "replay_letter", tag = "dead letters",
    params(("letter_id" = String, Path)), request_body(content = Option<ReplayOneRequest>),
    responses((status = 202, body = ReplayStarted)), extensions(("x-role" = json!("operator"))))]
async fn replay_one(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(letter_id): Path<String>,
    OptionalBody(one): OptionalBody<ReplayOneRequest>,
) -> Answer<Response> {
    let ReplayOneRequest { mode, dry_run, trigger } = one;
    let ids = Some(vec![letter_id]);
    let request = ReplayRequest { ids, mode, dry_run, trigger, ..ReplayRequest::default() };
    start(&app, &request, &caller).await
}

async fn start(app: &App, request: &ReplayRequest, caller: &Caller) -> Answer<Response> {
    let replays = letters::plan(app, request).await.map_err(Fault::unprocessable)?;
    let estimate = replays.estimate();
    let runs = replays.queue(app, request, caller).await.map_err(Fault::unprocessable)?;
    let ids: Vec<_> = runs.iter().map(|run| run.id.clone()).collect();
    let mut detail = asked(&request.choice());
    detail["letters"] = json!(estimate.letters);
    detail["runs"] = json!(ids);
    let mut answer = (StatusCode::ACCEPTED, Json(ReplayStarted { runs, estimate })).into_response();
    answer.extensions_mut().insert(Detail(detail));
    Ok(answer)
}

/// Sends dead letters again: one run for each sync, or several where there are very many.
#[utoipa::path(post, path = "/dead-letters/replay", operation_id = "replay_letters", tag = "dead letters", request_body = ReplayRequest,
    responses((status = 202, body = ReplayStarted),
        (status = 404, body = Problem, content_type = "application/problem+json",
            description = "There are no such letters.")),
    extensions(("x-role" = json!("operator"))))]
async fn replay(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<ReplayRequest>,
) -> Answer<Response> {
    start(&app, &request, &caller).await
}

/// What a replay of dead letters would do; nothing is queued.
#[utoipa::path(post, path = "/dead-letters/estimate", operation_id = "estimate_replay", tag = "dead letters", request_body = ReplayRequest,
    responses((status = 200, body = ReplayEstimate),
        (status = 404, body = Problem, content_type = "application/problem+json",
            description = "There are no such letters.")),
    extensions(("x-role" = json!("operator"))))]
async fn estimate(
    State(app): State<Arc<App>>,
    Body(request): Body<ReplayRequest>,
) -> Answer<Json<ReplayEstimate>> {
    let replays = letters::plan(&app, &request).await.map_err(Fault::unprocessable)?;
    Ok(Json(replays.estimate()))
}

/// Which letters were chosen, for the audit log: it holds no values of rows, and so not the key of one.
fn asked(choice: &LetterChoice) -> Value {
    let mut choice = choice.clone();
    if let Some(ids) = &mut choice.ids {
        ids.truncate(AUDITED_IDS_MAX);
    }
    if let Some(key) = choice.filter.as_mut().and_then(|filter| filter.key.as_mut()) {
        *key = "(not shown)".into();
    }
    json!(choice)
}

async fn decided(
    app: &App,
    choice: &LetterChoice,
    decision: Decision,
    because: Option<&str>,
) -> Answer<Response> {
    let decided = letters::decide(app, choice, decision, because).await;
    let Decided { changed, of, syncs } = decided.map_err(Fault::unprocessable)?;
    let mut answer = Json(LettersDecided { changed, unchanged: of - changed }).into_response();
    let mut detail = asked(choice);
    detail["letters"] = json!(changed);
    detail["syncs"] = json!(syncs);
    if let Some(because) = because {
        detail["reason"] = json!(because);
    }
    answer.extensions_mut().insert(Detail(detail));
    Ok(answer)
}

/// Leaves dead letters alone: nothing of them is tried again until the source row changes.
#[utoipa::path(post, path = "/dead-letters/ignore", operation_id = "ignore_letters", tag = "dead letters", request_body = IgnoreRequest,
    responses((status = 200, body = LettersDecided),
        (status = 404, body = Problem, content_type = "application/problem+json",
            description = "There are no such letters.")),
    extensions(("x-role" = json!("operator"))))]
async fn ignore(State(app): State<Arc<App>>, Body(request): Body<IgnoreRequest>) -> Answer<Response> {
    let because = reason_to_keep(request.reason.as_deref()).map_err(Fault::unprocessable)?;
    decided(&app, &request.choice(), Decision::Ignore, because).await
}

/// Puts ignored dead letters back among the open ones: the next run tries them again.
#[utoipa::path(post, path = "/dead-letters/reopen", operation_id = "reopen_letters", tag = "dead letters", request_body = LetterChoice,
    responses((status = 200, body = LettersDecided),
        (status = 404, body = Problem, content_type = "application/problem+json",
            description = "There are no such letters.")),
    extensions(("x-role" = json!("operator"))))]
async fn reopen(State(app): State<Arc<App>>, Body(choice): Body<LetterChoice>) -> Answer<Response> {
    decided(&app, &choice, Decision::Reopen, None).await
}

/// Closes dead letters that somebody put right by hand.
#[utoipa::path(post, path = "/dead-letters/resolve", operation_id = "resolve_letters", tag = "dead letters", request_body = LetterChoice,
    responses((status = 200, body = LettersDecided),
        (status = 404, body = Problem, content_type = "application/problem+json",
            description = "There are no such letters.")),
    extensions(("x-role" = json!("operator"))))]
async fn resolve(State(app): State<Arc<App>>, Body(choice): Body<LetterChoice>) -> Answer<Response> {
    decided(&app, &choice, Decision::Resolve, None).await
}
