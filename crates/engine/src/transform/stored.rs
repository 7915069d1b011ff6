//! Payloads as they were stored with dead letters, or as a person edited them: back to typed fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use serde_json::{Map, Value};
use syncline_core::sync::Nulls;
use syncline_core::{LogicalType, Result, RowError};

use super::{Mapped, Transform};
use crate::coerce;

impl Transform {
    /// Target fields as JSON objects, one a row, as the target's types. A row of which a field is
    /// missing, unknown or unsuitable has an error.
    pub fn typed(&self, payloads: &[&Map<String, Value>]) -> Result<Mapped> {
        let mut errors: BTreeMap<usize, RowError> = BTreeMap::new();
        for (row, payload) in payloads.iter().enumerate() {
            if let Some(error) = self.misfit(payload) {
                errors.insert(row, error);
            }
        }
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let name = &field.target.name;
            let texts: StringArray =
                payloads.iter().map(|p| p.get(name).and_then(|v| as_text(v, &field.target.ty))).collect();
            let texts: ArrayRef = Arc::new(texts);
            let coerced = coerce::coerce(&texts, &LogicalType::Text, &field.target);
            for (row, error) in coerced.errors {
                errors.entry(row).or_insert(error);
            }
            if !field.target.nullable && field.rule.nulls == Nulls::Write {
                for row in (0..payloads.len()).filter(|row| coerced.array.is_null(*row)) {
                    errors.entry(row).or_insert_with(|| {
                        RowError::new("not_null_violation", format!("Required field '{name}' is null"))
                            .field(name)
                    });
                }
            }
            columns.push(coerced.array);
        }
        self.check_match(&columns, &mut errors);
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(payloads.len()));
        let schema = self.payload.schema().clone();
        Ok(Mapped { payload: RecordBatch::try_new_with_options(schema, columns, &options)?, errors })
    }

    /// The first field that is not among the mapping's, or that the payload lacks.
    fn misfit(&self, payload: &Map<String, Value>) -> Option<RowError> {
        let is_mapped = |name: &String| self.fields.iter().any(|f| f.target.name == *name);
        if let Some(name) = payload.keys().find(|name| !is_mapped(name)) {
            let message = format!("'{name}' is not among the fields that the sync writes");
            return Some(RowError::new("unknown_field", message).field(name));
        }
        let missing = self.fields.iter().map(|f| &f.target.name).find(|name| !payload.contains_key(*name))?;
        Some(RowError::new("missing_field", format!("The payload has no '{missing}'")).field(missing))
    }
}

/// The text by which a value of this type is read; `None` for NULL.
fn as_text(value: &Value, ty: &LogicalType) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if *ty != LogicalType::Json => Some(text.clone()),
        value => Some(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};

    use super::*;
    use crate::failures::row_json;

    fn transform() -> Transform {
        let (mut sync, _) = crate::testing::sync_with_cursor();
        sync.model.cursor = None;
        let fields = [
            ("id", "int64"),
            ("name", "text"),
            ("amount", "numeric(12,2)"),
            ("ratio", "float64"),
            ("seen", "timestamptz"),
            ("raw", "bytes"),
            ("tags", "text[]"),
            ("extra", "json"),
        ];
        let schema = Arc::new(arrow::datatypes::Schema::new(
            fields
                .iter()
                .map(|(name, ty)| ty.parse::<LogicalType>().unwrap().field(name, true))
                .collect::<Vec<_>>(),
        ));
        crate::testing::transform_of(&sync, &schema)
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn captured() -> Map<String, Value> {
        object(serde_json::json!({
            "id": 9_007_199_254_740_993i64,
            "name": "",
            "amount": "10.50",
            "ratio": "NaN",
            "seen": "2025-06-01T10:00:00Z",
            "raw": null,
            "tags": ["a", null, "b,\"c\""],
            "extra": {"n": 1, "s": "x"},
        }))
    }

    #[test]
    fn a_stored_payload_is_read_back_as_it_was() {
        let typed = transform().typed(&[&captured()]).unwrap();
        assert!(typed.errors.is_empty(), "{:?}", typed.errors);
        assert_eq!(row_json(&typed.payload, 0), Value::Object(captured()));
        assert_eq!(typed.payload.column_by_name("name").unwrap().as_string::<i32>().value(0), "");
        assert!(typed.payload.column_by_name("raw").unwrap().is_null(0));
    }

    #[test]
    fn what_does_not_fit_is_an_error_of_its_row() {
        let with = |field: &str, value: Value| {
            let mut payload = captured();
            payload.insert(field.into(), value);
            payload
        };
        let mut missing = captured();
        missing.remove("name");
        let payloads = [
            with("amount", "many".into()),
            captured(),
            with("nickname", "x".into()),
            missing,
            with("id", Value::Null),
        ];
        let typed = transform().typed(&payloads.iter().collect::<Vec<_>>()).unwrap();
        let errors: Vec<_> = typed
            .errors
            .iter()
            .map(|(row, e)| (*row, e.code.as_str(), e.field.as_deref().unwrap_or_default()))
            .collect();
        assert_eq!(
            errors,
            [
                (0, "invalid_value", "amount"),
                (2, "unknown_field", "nickname"),
                (3, "missing_field", "name"),
                (4, "null_match_value", "id"),
            ]
        );
    }
}
