//! The target fields of a plan: their schema and canonical bytes.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use syncline_core::row_encoder::field_prefix;
use syncline_core::{LogicalType, Result, RowEncoder, canon};

/// Encodes payload rows for hashing and keeping, and their match fields for finding.
#[derive(Clone)]
pub struct Payload {
    schema: SchemaRef,
    types: Vec<LogicalType>,
    /// Positions by field name, the order hashes use, each with what is written before its value.
    by_name: Vec<(usize, Vec<u8>)>,
    match_fields: usize,
}

impl Payload {
    /// `match_fields`: how many fields, the first ones, identify a record.
    pub fn new(schema: SchemaRef, match_fields: usize) -> Result<Self> {
        let types = schema.fields().iter().map(|f| LogicalType::of(f)).collect::<Result<Vec<_>>>()?;
        let mut by_name: Vec<(usize, Vec<u8>)> =
            schema.fields().iter().map(|f| field_prefix(f.name())).enumerate().collect();
        by_name.sort_by(|a, b| schema.field(a.0).name().cmp(schema.field(b.0).name()));
        Ok(Self { schema, types, by_name, match_fields })
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub fn match_fields(&self) -> usize {
        self.match_fields
    }

    /// The rows of a batch in the payload's schema.
    pub fn rows<'a>(&'a self, rows: &'a RecordBatch) -> PayloadRows<'a> {
        let fields =
            self.by_name.iter().map(|(i, prefix)| (prefix.as_slice(), &self.types[*i], rows.column(*i)));
        let matched = (0..self.match_fields).map(|i| (&[] as &[u8], &self.types[i], rows.column(i)));
        PayloadRows {
            fields: RowEncoder::new(fields),
            matched: (self.match_fields > 0).then(|| RowEncoder::new(matched)),
        }
    }

    /// Decodes stored match values to the match columns.
    pub fn decode_matches(&self, values: &[&[u8]]) -> Result<Vec<ArrayRef>> {
        canon::decode_columns(values, &self.types[..self.match_fields])
    }
}

/// The rows of one batch.
pub struct PayloadRows<'a> {
    fields: RowEncoder<'a>,
    matched: Option<RowEncoder<'a>>,
}

impl PayloadRows<'_> {
    /// Appends a row's canonical bytes: what its hash covers and what is kept of it.
    pub fn encode(&self, row: usize, out: &mut Vec<u8>) {
        self.fields.encode(row, out);
    }

    /// Appends the canonical bytes of a row's match fields; `false` without match fields.
    pub fn encode_match(&self, row: usize, out: &mut Vec<u8>) -> bool {
        let Some(matched) = &self.matched else { return false };
        matched.encode(row, out);
        true
    }
}
