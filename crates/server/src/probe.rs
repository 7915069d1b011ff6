//! Trying connections and syncs for a request: a few at a time, on threads of their own.

use std::sync::Arc;

use syncline_api::{
    CheckedColumn, ColumnView, ConnectionCheck, DiscoverRequest, Discovery, EndCheck, PreviewError,
    PreviewRowView, PreviewView, ProblemItem, StreamView, SyncCheck,
};
use syncline_connector::Connection;
use syncline_core::{Error, ErrorKind, Result, Sync};
use syncline_engine::Endpoints;
use syncline_engine::inspect::{
    self, Checked, ConnectionChecked, DiscoveredStream, PREVIEW_ROWS_MAX, PreviewCut, PreviewLimits,
    PreviewOutcome, PreviewRow,
};
use tokio::sync::Semaphore;

use crate::problem::{Answer, Fault};

/// Most that are tried at once; more requests wait.
const AT_ONCE_MAX: usize = 8;
/// Streams that are listed unless asked otherwise.
const STREAMS: u64 = 200;
/// Rows of a preview unless asked otherwise.
const PREVIEW_ROWS: u64 = 10;

/// Tries one thing after the other.
pub struct Prober(Arc<Semaphore>);

impl Default for Prober {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE_MAX)))
    }
}

impl Prober {
    /// Connectors and mappings may block a thread for a while, which must not be one that answers others.
    async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T> {
        let closed = |e| Error::internal("the server is ending").caused_by(e);
        let place = Arc::clone(&self.0).acquire_owned().await.map_err(closed)?;
        let here = tokio::runtime::Handle::current();
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            here.block_on(work)
        });
        done.await.map_err(|e| Error::internal("trying a connection panicked").caused_by(e))
    }

    pub async fn check_connection(&self, connection: Connection) -> Result<ConnectionCheck> {
        let work = async move { inspect::check_connection(&connection).await };
        Ok(connection_view(self.run(Box::pin(work)).await?))
    }

    pub async fn discover(&self, connection: Connection, request: &DiscoverRequest) -> Answer<Discovery> {
        let limit = request.limit.unwrap_or(STREAMS);
        if limit == 0 || limit > inspect::DISCOVER_STREAMS_MAX as u64 {
            let message = format!("limit is from 1 to {}", inspect::DISCOVER_STREAMS_MAX);
            return Err(Fault::new(ErrorKind::BadUsage, message));
        }
        let Some(source) = connection.source else {
            return Err(Fault::new(ErrorKind::DestinationUnsuitable, "nothing can be read from it"));
        };
        let work = async move { inspect::discover(&*source).await };
        let found = self.run(Box::pin(work)).await??;
        let wanted = request.search.as_deref().unwrap_or_default().to_lowercase();
        let fits = |stream: &DiscoveredStream| stream.name.to_lowercase().contains(&wanted);
        let fitting: Vec<_> = found.streams.into_iter().filter(fits).collect();
        let total = fitting.len() as u64;
        let streams = fitting.into_iter().take(limit as usize).map(stream_view).collect();
        Ok(Discovery { streams, total, more: found.more })
    }

    pub async fn check(&self, sync: Sync, ends: Endpoints, create: bool) -> Result<SyncCheck> {
        let work = async move { inspect::check(&sync, &ends, create).await };
        Ok(check_view(self.run(Box::pin(work)).await??))
    }

    pub async fn preview(&self, sync: Sync, ends: Endpoints, rows: Option<u64>) -> Answer<PreviewView> {
        let rows = rows.unwrap_or(PREVIEW_ROWS);
        if rows == 0 || rows > PREVIEW_ROWS_MAX as u64 {
            let message = format!("limit is from 1 to {PREVIEW_ROWS_MAX}");
            return Err(Fault::new(ErrorKind::BadUsage, message));
        }
        let limits = PreviewLimits { rows: rows as usize, ..PreviewLimits::default() };
        let work = async move { inspect::preview(&sync, &ends, limits).await };
        let preview = self.run(Box::pin(work)).await??;
        let cut = preview.cut.map(|cut| match cut {
            PreviewCut::Bytes => "bytes".to_string(),
            PreviewCut::Time => "time".to_string(),
        });
        Ok(PreviewView { rows: preview.rows.into_iter().map(row_view).collect(), cut })
    }
}

impl Prober {
    /// A fault of a preview that lies in the definition, with everything that is wrong there; `at`: the JSON
    /// pointer of the definition in the request.
    pub async fn explained(&self, fault: Fault, sync: Sync, ends: Endpoints, at: &str) -> Fault {
        use ErrorKind::{DestinationUnsuitable, InvalidExpression, SchemaChanged};
        if !matches!(fault.error.kind, InvalidExpression | SchemaChanged | DestinationUnsuitable) {
            return fault;
        }
        let Ok(check) = self.check(sync, ends, false).await else { return fault };
        // A target that is missing is no reason why there is no preview.
        let problems = check.problems.into_iter().filter(|problem| problem.code != "target_missing");
        let place = |problem: ProblemItem| {
            let at = problem.at.map(|pointer| format!("{at}{pointer}"));
            ProblemItem { at, ..problem }
        };
        fault.with_items(problems.map(place).collect())
    }
}

fn connection_view(checked: ConnectionChecked) -> ConnectionCheck {
    let good = checked.is_good();
    let end = |end: Option<Result<String>>| end.map(end_view);
    ConnectionCheck { good, source: end(checked.source), destination: end(checked.destination) }
}

fn end_view(end: Result<String>) -> EndCheck {
    match end {
        Ok(message) => EndCheck { good: true, message, code: None, help: None },
        Err(e) => {
            let code = Some(e.code().to_string());
            EndCheck { good: false, message: e.message, code, help: e.help }
        }
    }
}

fn stream_view(stream: DiscoveredStream) -> StreamView {
    let column = |column: inspect::DiscoveredColumn| ColumnView {
        name: column.name,
        type_name: column.ty,
        nullable: column.nullable,
    };
    StreamView {
        name: stream.name,
        columns: stream.columns.into_iter().map(column).collect(),
        key: stream.key,
    }
}

/// What a check found, as clients see it.
pub fn check_view(checked: Checked) -> SyncCheck {
    let problems = checked.problems.into_iter().map(|problem| ProblemItem {
        code: problem.code.to_string(),
        message: problem.message,
        at: Some(pointer(&problem.path)),
        help: problem.help,
        warning: false,
    });
    let problems: Vec<_> = problems.collect();
    SyncCheck {
        good: problems.is_empty(),
        source: checked.source,
        target: checked.target,
        columns: checked
            .columns
            .into_iter()
            .map(|(name, type_name)| CheckedColumn { name, type_name })
            .collect(),
        fields: checked.fields,
        problems,
        creation: checked.creation,
    }
}

/// `mapping.email` → `/mapping/email`: in the sync's definition. Names may have dots, so only the first
/// one divides.
fn pointer(path: &str) -> String {
    let escaped = |part: &str| part.replace('~', "~0").replace('/', "~1");
    match path.split_once('.') {
        Some((first, rest)) => format!("/{}/{}", escaped(first), escaped(rest)),
        None => format!("/{}", escaped(path)),
    }
}

/// A row of a preview, as clients see it.
pub fn row_view(row: PreviewRow) -> PreviewRowView {
    let (outcome, payload, error) = match row.outcome {
        PreviewOutcome::Payload(payload) => ("payload", Some(payload), None),
        PreviewOutcome::Excluded => ("excluded", None, None),
        PreviewOutcome::Invalid(error) => ("invalid", None, Some(error)),
    };
    let error = error.map(|e| PreviewError {
        code: e.code,
        message: e.message,
        field: e.field,
        raw_value: e.raw_value,
    });
    PreviewRowView { source: row.source, outcome: outcome.into(), payload, error }
}
