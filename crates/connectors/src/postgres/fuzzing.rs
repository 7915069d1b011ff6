//! What the fuzzers in `fuzz/` call: each function takes any bytes, and a panic in it is a defect [G17].

use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::Schema;
use syncline_connector::SourceBatch;
use syncline_core::fuzzing::logical_type;
use syncline_core::{LogicalType, canon, text};
use tokio_postgres::types::Type;

use super::decode::BatchDecoder;
use super::encode;
use super::framing::{Framer, Malformed};
use super::types::PgType;

/// One type of each binary format, and arrays of some.
const TYPES: [Type; 24] = [
    Type::BOOL,
    Type::INT2,
    Type::INT4,
    Type::INT8,
    Type::OID,
    Type::FLOAT4,
    Type::FLOAT8,
    Type::NUMERIC,
    Type::TEXT,
    Type::JSON,
    Type::JSONB,
    Type::BYTEA,
    Type::UUID,
    Type::DATE,
    Type::TIME,
    Type::TIMESTAMP,
    Type::TIMESTAMPTZ,
    Type::INTERVAL,
    Type::INT4_ARRAY,
    Type::NUMERIC_ARRAY,
    Type::TEXT_ARRAY,
    Type::BOOL_ARRAY,
    Type::UUID_ARRAY,
    Type::TIMESTAMPTZ_ARRAY,
];

/// What a server sends for `COPY … TO STDOUT (FORMAT binary)`. The first bytes choose how many columns
/// there are, their types, and where the stream is cut into messages, which changes nothing. What was
/// read is written so that it reads back equal.
pub fn copy_stream(bytes: &[u8]) {
    let Some((&[count, chunk], rest)) = bytes.split_first_chunk() else { return };
    let Some((selectors, stream)) = rest.split_at_checked(usize::from(count % 32)) else { return };
    let types: Vec<PgType> = selectors
        .iter()
        .filter_map(|selector| PgType::of(&TYPES[usize::from(*selector) % TYPES.len()], -1))
        .collect();
    let whole = decode(&types, stream, stream.len().max(1));
    let cut = decode(&types, stream, usize::from(chunk) + 1);
    match (whole, cut) {
        (Ok(whole), Ok(cut)) => {
            assert_eq!(whole.rows, cut.rows);
            let logical: Vec<LogicalType> = types.into_iter().map(|ty| ty.logical).collect();
            survives(&whole, &logical);
        }
        (whole, cut) => assert_eq!(whole.is_err(), cut.is_err(), "it depends on where messages end"),
    }
}

/// Texts as values of one type, written for PostgreSQL: each reads back equal, or is refused.
pub fn copy_values(bytes: &[u8]) {
    let Some((&selector, rest)) = bytes.split_first() else { return };
    let ty = logical_type(selector);
    let whole = String::from_utf8_lossy(rest);
    let texts: Vec<Option<&str>> = whole.split('\n').map(Some).collect();
    let (array, _) = text::parse(&texts, &ty);
    let schema = Arc::new(Schema::new(vec![ty.field("c", true)]));
    let rows = arrow::array::RecordBatch::try_new(schema, vec![array]).expect("the column fits");
    survives(&SourceBatch { rows, invalid: Vec::new(), unreadable: Vec::new() }, &[ty]);
}

fn decode(types: &[PgType], stream: &[u8], chunk: usize) -> Result<SourceBatch, Malformed> {
    let fields = types.iter().enumerate().map(|(i, ty)| ty.logical.field(&format!("c{i}"), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let mut framer = Framer::new(types.len());
    let mut decoder = BatchDecoder::new(schema, types);
    for chunk in stream.chunks(chunk) {
        framer.feed(chunk.to_vec());
        while let Some(row) = framer.next_row()? {
            decoder.append(row)?;
        }
    }
    framer.finish()?;
    Ok(decoder.take().expect("the columns fit"))
}

/// Writes a batch as a stream, reads it, and compares.
fn survives(batch: &SourceBatch, types: &[LogicalType]) {
    let mut stream = encode::HEADER.to_vec();
    let mut expected = Vec::new();
    for row in 0..batch.rows.num_rows() {
        let start = stream.len();
        stream.extend_from_slice(&(types.len() as i16).to_be_bytes());
        let mut columns = batch.rows.columns().iter().zip(types);
        let sent = columns.try_for_each(|(array, ty)| encode::field(array, ty, row, &mut stream));
        match sent {
            Ok(()) => expected.push(canonical(batch, types, row)),
            Err(_) => stream.truncate(start),
        }
    }
    stream.extend_from_slice(encode::TRAILER);
    let staged: Vec<PgType> = types
        .iter()
        .map(|ty| PgType {
            logical: ty.clone(),
            ..PgType::of(&encode::staging_type(ty), -1).expect("it is read")
        })
        .collect();
    let read = decode(&staged, &stream, stream.len()).expect("what was written is a stream");
    let found: Vec<Vec<u8>> = (0..read.rows.num_rows()).map(|row| canonical(&read, types, row)).collect();
    assert_eq!(found, expected, "{types:?}");
}

fn canonical(batch: &SourceBatch, types: &[LogicalType], row: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for (array, ty) in batch.rows.columns().iter().zip(types) {
        canon::encode(array as &dyn Array, ty, row, &mut out);
    }
    out
}
