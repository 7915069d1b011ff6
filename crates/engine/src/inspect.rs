//! Trying connections and syncs without running anything: checks of both ends, what a source offers,
//! and previews of single rows. Nothing is written, compared or kept, except that a check creates a
//! missing target when it is told to. A sync need not be stored anywhere to be tried. Everything ends
//! within its limit of time, so that a server can answer.

use std::future::Future;
use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;
use syncline_connector::{
    Connection, ObjectDescription, ReadFilter, ReadRequest, Source, SourceBatch, SourceStream, StreamInfo,
};
use syncline_core::sync::Sync;
use syncline_core::{Error, ErrorKind, LogicalType, Result, RowError};
use tokio::time::Instant;

use crate::engine::Endpoints;
use crate::failures::row_json;
use crate::normalize::check_cursor;
use crate::transform::{self, MappingProblem, Transform};

/// Longest that a check of a connection or a sync takes.
pub const CHECK_TIME_MAX: Duration = Duration::from_secs(60);
/// Longest that listing what a source offers takes.
pub const DISCOVER_TIME_MAX: Duration = Duration::from_secs(60);
/// Most streams (tables, files) that are listed.
pub const DISCOVER_STREAMS_MAX: usize = 5_000;
/// Most rows that a server previews for one request.
pub const PREVIEW_ROWS_MAX: usize = 200;
/// A preview ends with the row that makes it larger than this, counted as JSON.
pub const PREVIEW_BYTES_MAX: usize = 4 << 20;
/// A longer text in a preview is shown by its start.
pub const PREVIEW_VALUE_BYTES_MAX: usize = 64 << 10;
/// A preview ends with the rows that came within this time.
pub const PREVIEW_TIME_MAX: Duration = Duration::from_secs(60);

/// What a connection answered, for each end that it has: one line, without secrets, or the error.
#[derive(Debug)]
pub struct ConnectionChecked {
    pub source: Option<Result<String>>,
    pub destination: Option<Result<String>>,
}

impl ConnectionChecked {
    /// Whether every end answered.
    pub fn is_good(&self) -> bool {
        [&self.source, &self.destination].into_iter().flatten().all(Result::is_ok)
    }
}

/// Connects to both ends of a connection.
pub async fn check_connection(connection: &Connection) -> ConnectionChecked {
    let source = async {
        let source = connection.source.as_ref()?;
        Some(within(CHECK_TIME_MAX, ErrorKind::SourceUnreachable, "the source", source.check()).await)
    };
    let destination = async {
        let end = connection.destination.as_ref()?;
        Some(within(CHECK_TIME_MAX, ErrorKind::DestinationUnreachable, "the target", end.check()).await)
    };
    let (source, destination) = futures::join!(source, destination);
    ConnectionChecked { source, destination }
}

/// What a source offers.
#[derive(Debug)]
pub struct Discovered {
    pub streams: Vec<DiscoveredStream>,
    /// There are more than [`DISCOVER_STREAMS_MAX`].
    pub more: bool,
}

/// A table, view or file that can be a model.
#[derive(Debug, PartialEq, Eq)]
pub struct DiscoveredStream {
    /// As a model names it.
    pub name: String,
    pub columns: Vec<DiscoveredColumn>,
    /// Columns of the declared primary key.
    pub key: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct DiscoveredColumn {
    pub name: String,
    /// A canonical type, such as `numeric(10,2)`.
    pub ty: String,
    pub nullable: bool,
}

/// Lists what a source offers.
pub async fn discover(source: &dyn Source) -> Result<Discovered> {
    let listed = within(DISCOVER_TIME_MAX, ErrorKind::SourceUnreachable, "the source", source.discover());
    let mut streams = listed.await?;
    let more = streams.len() > DISCOVER_STREAMS_MAX;
    streams.truncate(DISCOVER_STREAMS_MAX);
    Ok(Discovered { streams: streams.iter().map(discovered).collect::<Result<_>>()?, more })
}

fn discovered(stream: &StreamInfo) -> Result<DiscoveredStream> {
    let columns = stream.schema.fields().iter().map(|field| {
        Ok(DiscoveredColumn {
            name: field.name().clone(),
            ty: LogicalType::of(field)?.to_string(),
            nullable: field.is_nullable(),
        })
    });
    Ok(DiscoveredStream {
        name: stream.name.clone(),
        columns: columns.collect::<Result<_>>()?,
        key: stream.key.clone(),
    })
}

async fn within<T>(
    limit: Duration,
    kind: ErrorKind,
    who: &str,
    answer: impl Future<Output = Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::new(kind, format!("{who} did not answer within {} s", limit.as_secs()))),
    }
}

/// What a check found.
pub struct Checked {
    /// One line about each end.
    pub source: String,
    pub target: String,
    /// Columns of the model with their types.
    pub columns: Vec<(String, String)>,
    /// Fields that will be written.
    pub fields: Vec<String>,
    pub problems: Vec<MappingProblem>,
    /// How the missing target would be made.
    pub creation: Option<String>,
}

/// Connects to both ends and compares model, mapping and target. With `create`, a missing target is
/// made first. Errors are those of connecting and of the model itself.
pub async fn check(sync: &Sync, ends: &Endpoints, create: bool) -> Result<Checked> {
    let checked = check_ends(sync, ends, create);
    within(CHECK_TIME_MAX, ErrorKind::SourceUnreachable, "one of the two ends", checked).await
}

async fn check_ends(sync: &Sync, ends: &Endpoints, create: bool) -> Result<Checked> {
    let source = ends.source.check().await.map_err(|e| e.context(format!("source '{}'", sync.source)))?;
    let target =
        ends.destination.check().await.map_err(|e| e.context(format!("target '{}'", sync.target)))?;
    let model = ends.source.describe(&sync.model).await?;
    let columns = model
        .fields()
        .iter()
        .map(|f| Ok((f.name().clone(), LogicalType::of(f)?.to_string())))
        .collect::<Result<Vec<_>>>()?;
    let mut checked =
        Checked { source, target, columns, fields: Vec::new(), problems: Vec::new(), creation: None };
    if let Some(name) = &sync.model.cursor
        && let Ok(field) = model.field_with_name(name)
        && let Err(e) = check_cursor(name, &LogicalType::of(field)?)
    {
        let path = "model.cursor".into();
        checked.problems.push(MappingProblem { path, code: "cursor_type", message: e.message, help: e.help });
    }
    let mut described = ends.destination.describe(&sync.to.object).await?;
    if described.is_none() {
        // What the mapping makes, unconstrained by a target, is what the target would be made of.
        let wanted = match Transform::compile(sync, &model, &open_description(), ends.lookups.clone()) {
            Ok(transform) => transform.payload().schema().clone(),
            Err(problems) => {
                checked.problems.extend(problems);
                return Ok(checked);
            }
        };
        let plan = ends.destination.creation_plan(&sync.to.object, &wanted, &sync.to.match_fields)?;
        if !create {
            checked.creation = Some(plan);
            checked.problems.push(MappingProblem {
                path: "to.object".into(),
                code: "target_missing",
                message: format!("the target '{}' does not exist", sync.to.object),
                help: Some(format!("create it with `syncline check {} --create`", sync.id)),
            });
            return Ok(checked);
        }
        ends.destination.create(&sync.to.object, &wanted, &sync.to.match_fields).await?;
        checked.creation = Some(plan);
        described = ends.destination.describe(&sync.to.object).await?;
    }
    let object = described
        .ok_or_else(|| Error::new(ErrorKind::DestinationFailed, "the target was created and is not there"))?;
    match Transform::compile(sync, &model, &object, ends.lookups.clone()) {
        Ok(t) => checked.fields = t.payload().schema().fields().iter().map(|f| f.name().clone()).collect(),
        Err(problems) => checked.problems.extend(problems),
    }
    Ok(checked)
}

/// A target that takes whatever the mapping makes.
fn open_description() -> ObjectDescription {
    ObjectDescription {
        fields: Vec::new(),
        open_schema: true,
        unique_keys: Vec::new(),
        not_writable: None,
        identity: String::new(),
        incarnation: String::new(),
    }
}

/// How much a preview may be.
#[derive(Clone, Copy, Debug)]
pub struct PreviewLimits {
    pub rows: usize,
    pub bytes: usize,
    pub time: Duration,
}

impl Default for PreviewLimits {
    fn default() -> Self {
        Self { rows: PREVIEW_ROWS_MAX, bytes: PREVIEW_BYTES_MAX, time: PREVIEW_TIME_MAX }
    }
}

/// The first rows of a model.
#[derive(Debug)]
pub struct Preview {
    pub rows: Vec<PreviewRow>,
    /// Why there are fewer rows than asked for although the model has more.
    pub cut: Option<PreviewCut>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewCut {
    Bytes,
    Time,
}

/// One source row beside what would be sent.
#[derive(Debug)]
pub struct PreviewRow {
    pub source: Value,
    pub outcome: PreviewOutcome,
}

#[derive(Debug)]
pub enum PreviewOutcome {
    Payload(Value),
    Excluded,
    Invalid(RowError),
}

/// The first rows of the model beside their payloads. A target that does not exist is taken for one
/// that fits. Where the time is over before the first row, that is an error.
pub async fn preview(sync: &Sync, ends: &Endpoints, limits: PreviewLimits) -> Result<Preview> {
    let deadline = Instant::now() + limits.time;
    let opened = open_preview(sync, ends);
    let (transform, mut stream) =
        within(limits.time, ErrorKind::SourceUnreachable, "one of the two ends", opened).await?;
    let mut preview = Preview { rows: Vec::new(), cut: None };
    let mut bytes = 0;
    while preview.rows.len() < limits.rows {
        let Ok(next) = tokio::time::timeout_at(deadline, stream.next()).await else {
            if preview.rows.is_empty() {
                let message = format!("the source gave no row within {} s", limits.time.as_secs());
                return Err(Error::new(ErrorKind::SourceUnreachable, message));
            }
            preview.cut = Some(PreviewCut::Time);
            break;
        };
        let broke_off =
            || Error::new(ErrorKind::SourceUnreachable, "the source broke off during the preview");
        let Some(batch) = next.ok_or_else(broke_off)??.into_batch()? else { break };
        for row in preview_batch(&transform, &batch, limits.rows - preview.rows.len())? {
            if bytes > limits.bytes {
                preview.cut = Some(PreviewCut::Bytes);
                return Ok(preview);
            }
            bytes += row.bytes();
            preview.rows.push(row);
        }
    }
    Ok(preview)
}

async fn open_preview(sync: &Sync, ends: &Endpoints) -> Result<(Transform, SourceStream)> {
    let object = ends.destination.describe(&sync.to.object).await?.unwrap_or_else(open_description);
    let model = ends.source.describe(&sync.model).await?;
    let transform = Transform::compile(sync, &model, &object, ends.lookups.clone())
        .map_err(|problems| transform::to_error(sync, &problems))?;
    let request = ReadRequest {
        model: sync.model.clone(),
        columns: None,
        filter: ReadFilter::All,
        order_by: Vec::new(),
        identify: None,
    };
    Ok((transform, ends.source.read(request).await?))
}

/// The first rows of a batch, then those that could not be read.
fn preview_batch(transform: &Transform, batch: &SourceBatch, rows_max: usize) -> Result<Vec<PreviewRow>> {
    let rows = batch.rows.slice(0, batch.rows.num_rows().min(rows_max));
    let (excluded, mut errors) = transform.excluded(&rows)?;
    let mut mapped = transform.apply(&rows)?;
    let mut out = Vec::with_capacity(rows.num_rows());
    for row in 0..rows.num_rows() {
        let invalid = batch.invalid.iter().find(|i| i.row == row).map(|i| i.error.clone());
        let is_excluded =
            excluded.as_ref().is_some_and(|e| arrow::array::Array::is_valid(e, row) && e.value(row));
        let error = invalid.or_else(|| errors.remove(&row)).or_else(|| mapped.errors.remove(&row));
        let outcome = match error {
            _ if is_excluded => PreviewOutcome::Excluded,
            Some(error) => PreviewOutcome::Invalid(error),
            None => PreviewOutcome::Payload(shortened(row_json(&mapped.payload, row))),
        };
        out.push(PreviewRow { source: shortened(row_json(&rows, row)), outcome });
    }
    for unreadable in batch.unreadable.iter().take(rows_max - out.len()) {
        let source = Value::String(unreadable.place.clone());
        out.push(PreviewRow { source, outcome: PreviewOutcome::Invalid(unreadable.error.clone()) });
    }
    Ok(out)
}

impl PreviewRow {
    /// As JSON.
    fn bytes(&self) -> usize {
        let payload = match &self.outcome {
            PreviewOutcome::Payload(payload) => json_bytes(payload),
            PreviewOutcome::Invalid(error) => {
                error.message.len() + error.raw_value.as_ref().map_or(0, String::len)
            }
            PreviewOutcome::Excluded => 0,
        };
        json_bytes(&self.source) + payload
    }
}

fn json_bytes(value: &Value) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len())
}

/// The row with long texts cut off, and how long they are behind them.
fn shortened(mut row: Value) -> Value {
    for value in row.as_object_mut().into_iter().flatten().map(|(_, value)| value) {
        let text = match value {
            Value::String(text) => std::mem::take(text),
            Value::Array(_) | Value::Object(_) if json_bytes(value) > PREVIEW_VALUE_BYTES_MAX => {
                value.to_string()
            }
            _ => continue,
        };
        *value = Value::String(match text.len() {
            0..=PREVIEW_VALUE_BYTES_MAX => text,
            bytes => {
                let end = text.floor_char_boundary(PREVIEW_VALUE_BYTES_MAX);
                format!("{}… ({bytes} bytes)", &text[..end])
            }
        });
    }
    row
}
