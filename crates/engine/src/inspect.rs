//! Trying a sync without running it: checks of both ends, and previews of single rows.

use futures::StreamExt;
use serde_json::Value;
use syncline_connector::{ObjectDescription, ReadFilter, ReadRequest};
use syncline_core::sync::Sync;
use syncline_core::{Error, ErrorKind, LogicalType, Result, RowError};

use crate::engine::Endpoints;
use crate::failures::row_json;
use crate::normalize::check_cursor;
use crate::transform::{self, MappingProblem, Transform};

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

/// One source row beside what would be sent.
pub struct PreviewRow {
    pub source: Value,
    pub outcome: PreviewOutcome,
}

pub enum PreviewOutcome {
    Payload(Value),
    Excluded,
    Invalid(RowError),
}

/// The first `limit` rows of the model beside their payloads. Nothing is compared or kept.
pub async fn preview(sync: &Sync, ends: &Endpoints, limit: usize) -> Result<Vec<PreviewRow>> {
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
    let mut stream = ends.source.read(request).await?;
    let mut rows = Vec::new();
    while rows.len() < limit {
        let batch = match stream.next().await {
            Some(item) => match item?.into_batch()? {
                Some(batch) => batch,
                None => break,
            },
            None => {
                return Err(Error::new(
                    ErrorKind::SourceUnreachable,
                    "the source broke off during the preview",
                ));
            }
        };
        let batch_rows = batch.rows.slice(0, batch.rows.num_rows().min(limit - rows.len()));
        let (excluded, mut errors) = transform.excluded(&batch_rows)?;
        let mut mapped = transform.apply(&batch_rows)?;
        for row in 0..batch_rows.num_rows() {
            let invalid = batch.invalid.iter().find(|i| i.row == row).map(|i| i.error.clone());
            let is_excluded =
                excluded.as_ref().is_some_and(|e| arrow::array::Array::is_valid(e, row) && e.value(row));
            let error = invalid.or_else(|| errors.remove(&row)).or_else(|| mapped.errors.remove(&row));
            let outcome = match error {
                _ if is_excluded => PreviewOutcome::Excluded,
                Some(error) => PreviewOutcome::Invalid(error),
                None => PreviewOutcome::Payload(row_json(&mapped.payload, row)),
            };
            rows.push(PreviewRow { source: row_json(&batch_rows, row), outcome });
        }
        for unreadable in batch.unreadable.iter().take(limit - rows.len()) {
            let source = Value::String(unreadable.place.clone());
            rows.push(PreviewRow { source, outcome: PreviewOutcome::Invalid(unreadable.error.clone()) });
        }
    }
    Ok(rows)
}
