//! What moving a cursor means for the next run.

use std::cmp::Ordering;

use futures::StreamExt;
use syncline_connector::{ReadFilter, ReadRequest};
use syncline_core::sync::Sync;
use syncline_core::{CursorValue, Error, ErrorKind, LogicalType, Result, text};

use crate::engine::Endpoints;

/// How many records the next run reads and does not. The lookback comes on top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CursorEffect {
    /// Records at or past the new cursor, or without a value.
    pub read: u64,
    /// Of those, the ones that were read before.
    pub again: u64,
    /// Records past the old cursor that the new one leaves behind.
    pub passed_over: u64,
}

impl CursorEffect {
    fn add(&mut self, value: Option<&CursorValue>, from: Option<&CursorValue>, to: Option<&CursorValue>) {
        let Some(value) = value else {
            // Records without a cursor value are read by every run.
            self.read += 1;
            self.again += u64::from(from.is_some());
            return;
        };
        let is_past = |cursor: Option<&CursorValue>| {
            cursor.is_none_or(|c| value.compare(c).is_none_or(|order| order != Ordering::Less))
        };
        let is_known = from.is_some_and(|c| value.compare(c).is_some_and(|order| order != Ordering::Greater));
        if is_past(to) {
            self.read += 1;
            self.again += u64::from(is_known);
        } else if !is_known {
            self.passed_over += 1;
        }
    }
}

/// The type of a sync's cursor column.
pub async fn cursor_type(sync: &Sync, ends: &Endpoints, column: &str) -> Result<LogicalType> {
    let model = ends.source.describe(&sync.model).await?;
    let field = model.field_with_name(column).map_err(|_| {
        Error::new(ErrorKind::SchemaChanged, format!("the model has no column '{column}' (model.cursor)"))
    })?;
    LogicalType::of(field)
}

/// Counts by reading the cursor column, which is of type `ty`.
pub async fn cursor_effect(
    sync: &Sync,
    ends: &Endpoints,
    column: &str,
    ty: &LogicalType,
    from: Option<&CursorValue>,
    to: Option<&CursorValue>,
) -> Result<CursorEffect> {
    let request = ReadRequest {
        model: sync.model.clone(),
        columns: Some(vec![column.to_string()]),
        filter: ReadFilter::All,
        order_by: Vec::new(),
        identify: None,
    };
    let mut stream = ends.source.read(request).await?;
    let mut effect = CursorEffect::default();
    while let Some(item) = stream.next().await {
        let Some(batch) = item?.into_batch()? else { return Ok(effect) };
        let values = batch.rows.column_by_name(column).ok_or_else(|| {
            Error::internal(format!("the source left out the column '{column}' it was asked for"))
        })?;
        for row in 0..batch.rows.num_rows() {
            let value = text::render(values.as_ref(), ty, row).and_then(|t| CursorValue::parse(&t, ty));
            effect.add(value.as_ref(), from, to);
        }
    }
    Err(Error::new(ErrorKind::SourceUnreachable, "the source broke off while records were counted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(values: &[Option<i64>], from: Option<i64>, to: Option<i64>) -> (u64, u64, u64) {
        let mut effect = CursorEffect::default();
        let (from, to) = (from.map(CursorValue::Integer), to.map(CursorValue::Integer));
        for value in values {
            effect.add(value.map(CursorValue::Integer).as_ref(), from.as_ref(), to.as_ref());
        }
        (effect.read, effect.again, effect.passed_over)
    }

    #[test]
    fn moving_back_reads_again_and_moving_forward_passes_over() {
        let values = [Some(1), Some(2), Some(3), Some(4), None];
        assert_eq!(effect(&values, Some(3), Some(2)), (4, 3, 0));
        assert_eq!(effect(&values, Some(3), None), (5, 4, 0));
        assert_eq!(effect(&values, Some(1), Some(4)), (2, 1, 2));
        assert_eq!(effect(&values, None, Some(3)), (3, 0, 2));
    }
}
