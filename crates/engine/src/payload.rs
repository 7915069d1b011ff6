//! The target fields of a plan: their schema and canonical bytes.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use syncline_core::{LogicalType, Result, canon};

/// Encodes payload rows for hashing and keeping, and their match fields for finding.
#[derive(Clone)]
pub struct Payload {
    schema: SchemaRef,
    types: Vec<LogicalType>,
    /// Positions by field name, the order hashes use.
    by_name: Vec<usize>,
    match_fields: usize,
}

impl Payload {
    /// `match_fields`: how many fields, the first ones, identify a record.
    pub fn new(schema: SchemaRef, match_fields: usize) -> Result<Self> {
        let types = schema.fields().iter().map(|f| LogicalType::of(f)).collect::<Result<Vec<_>>>()?;
        let mut by_name: Vec<usize> = (0..types.len()).collect();
        by_name.sort_by(|a, b| schema.field(*a).name().cmp(schema.field(*b).name()));
        Ok(Self { schema, types, by_name, match_fields })
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub fn match_fields(&self) -> usize {
        self.match_fields
    }

    /// Canonical bytes of a row: what its hash covers and what is kept of it.
    pub fn encode(&self, rows: &RecordBatch, row: usize, out: &mut Vec<u8>) {
        for &i in &self.by_name {
            let name = self.schema.field(i).name().as_str();
            canon::encode_fields(&[(name, &self.types[i], rows.column(i).as_ref())], row, out);
        }
    }

    /// Canonical bytes of a row's match fields; `None` without match fields.
    pub fn encode_match(&self, rows: &RecordBatch, row: usize) -> Option<Box<[u8]>> {
        if self.match_fields == 0 {
            return None;
        }
        let mut out = Vec::new();
        for (i, ty) in self.types.iter().enumerate().take(self.match_fields) {
            canon::encode(rows.column(i).as_ref(), ty, row, &mut out);
        }
        Some(out.into())
    }

    /// Decodes stored match values to the match columns.
    pub fn decode_matches(&self, values: &[&[u8]]) -> Result<Vec<ArrayRef>> {
        canon::decode_columns(values, &self.types[..self.match_fields])
    }
}
