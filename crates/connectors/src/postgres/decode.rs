//! Rows in PostgreSQL's binary format, collected into batches in canonical form.

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use std::sync::Arc;

use syncline_connector::{InvalidRow, SourceBatch};
use syncline_core::{Result, RowError};

use super::column::{Column, Refusal};
use super::framing::{Malformed, Row};
use super::types::PgType;

/// A batch is handed on when it holds this many bytes or rows.
pub const BATCH_BYTES_MAX: usize = 4 << 20;
pub const BATCH_ROWS_MAX: usize = 65_536;

/// Row error code of a value that has no canonical form.
const NO_CANONICAL_FORM: &str = "no_canonical_form";

/// Collects rows into batches of one schema.
pub struct BatchDecoder {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
    /// What every row takes, whatever its values: fixed-width values and offsets.
    row_bytes: usize,
    invalid: Vec<InvalidRow>,
}

impl BatchDecoder {
    /// `types`: one per field of `schema`, whose Arrow types are those of the logical ones.
    pub fn new(schema: SchemaRef, types: &[PgType]) -> Self {
        let columns: Vec<Column> = types.iter().map(|ty| Column::new(&ty.wire, &ty.logical)).collect();
        let row_bytes = columns.iter().map(Column::fixed_bytes).sum();
        Self { schema, columns, rows: 0, bytes: 0, row_bytes, invalid: Vec::new() }
    }

    /// Decodes a row, which has one field per column.
    ///
    /// A value without canonical form becomes NULL and its row is noted as invalid, once; bytes
    /// that are no value at all are an error naming the column.
    pub fn append(&mut self, row: Row<'_>) -> std::result::Result<(), Malformed> {
        let mut faulty = false;
        for (i, field) in row.fields().enumerate() {
            let column = &mut self.columns[i];
            let Some(bytes) = field else {
                column.push_null();
                continue;
            };
            match column.push(bytes) {
                Ok(added) => self.bytes += added,
                Err(Refusal::Invalid(message)) => {
                    column.push_null();
                    if !faulty {
                        faulty = true;
                        let error =
                            RowError::new(NO_CANONICAL_FORM, message).field(self.schema.field(i).name());
                        self.invalid.push(InvalidRow { row: self.rows, error });
                    }
                }
                Err(Refusal::Malformed(message)) => {
                    return Err(Malformed(format!("column '{}': {message}", self.schema.field(i).name())));
                }
            }
        }
        self.rows += 1;
        self.bytes += self.row_bytes;
        Ok(())
    }

    /// Whether the batch should be taken before more rows are appended.
    pub fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES_MAX || self.rows >= BATCH_ROWS_MAX
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Takes the rows collected so far and starts the next batch.
    pub fn take(&mut self) -> Result<SourceBatch> {
        let arrays = self.columns.iter_mut().map(Column::take).collect::<Result<Vec<_>>>()?;
        // Without columns only the options tell how many rows there are.
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        self.rows = 0;
        self.bytes = 0;
        Ok(SourceBatch { rows, invalid: std::mem::take(&mut self.invalid), unreadable: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::EPOCH_MICROS;
    use super::super::framing::Framer;
    use super::super::wire_rows::{TYPES, array, rows, stream};
    use super::*;
    use arrow::datatypes::Schema;
    use proptest::prelude::*;
    use syncline_core::{LogicalType, text};
    use tokio_postgres::types::Type;

    fn decoder(types: &[Type]) -> BatchDecoder {
        let types: Vec<PgType> = types.iter().map(|ty| PgType::of(ty, -1).unwrap()).collect();
        let fields = types.iter().enumerate().map(|(i, ty)| ty.logical.field(&format!("c{i}"), true));
        BatchDecoder::new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), &types)
    }

    fn decode(types: &[Type], bytes: &[u8], chunk: usize) -> std::result::Result<SourceBatch, Malformed> {
        let mut framer = Framer::new(types.len());
        let mut decoder = decoder(types);
        for chunk in bytes.chunks(chunk) {
            framer.feed(chunk.to_vec());
            while let Some(row) = framer.next_row()? {
                decoder.append(row)?;
            }
        }
        framer.finish()?;
        Ok(decoder.take().unwrap())
    }

    fn one(ty: Type, bytes: &[u8]) -> std::result::Result<Option<String>, String> {
        let bytes = stream(&[vec![Some(bytes.to_vec())]]);
        match decode(std::slice::from_ref(&ty), &bytes, bytes.len()) {
            Err(Malformed(message)) => Err(message),
            Ok(batch) => {
                let logical = PgType::of(&ty, -1).unwrap().logical;
                let value = text::render(batch.rows.column(0), &logical, 0);
                match batch.invalid.first() {
                    None => Ok(value),
                    Some(invalid) => {
                        assert_eq!(value, None);
                        Err(format!("invalid: {}", invalid.error.message))
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference_to_the_batch(rows in rows(), chunk in 1usize..200) {
            let bytes = stream(&rows);
            match (decode(&TYPES, &bytes, bytes.len()), decode(&TYPES, &bytes, chunk)) {
                (Ok(whole), Ok(split)) => {
                    prop_assert_eq!(whole.rows.num_rows(), rows.len());
                    prop_assert_eq!(whole.rows, split.rows);
                    prop_assert_eq!(whole.invalid.len(), split.invalid.len());
                }
                (Err(whole), Err(split)) => prop_assert_eq!(whole, split),
                _ => prop_assert!(false, "split and whole differ"),
            }
        }

        #[test]
        fn damaged_bytes_are_an_error_or_a_value_but_never_a_panic(
            rows in rows(),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut bytes = stream(&rows);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = decode(&TYPES, &bytes, bytes.len());
        }

        #[test]
        fn any_bytes_as_any_type_leave_the_columns_in_step(
            fields in prop::collection::vec((0..TYPES.len(), prop::collection::vec(any::<u8>(), 0..40)), 1..20),
        ) {
            for (ty, bytes) in fields {
                let _ = one(TYPES[ty].clone(), &bytes);
            }
        }
    }

    #[test]
    fn values_of_the_wrong_shape_are_refused() {
        let oid = Type::INT4.oid();
        let int = 7i32.to_be_bytes();
        for (ty, bytes, expected) in [
            (Type::INT4, vec![0; 3], "column 'c0': the server sent 3 bytes instead of 4"),
            (Type::BOOL, vec![2], "boolean 2"),
            (Type::JSONB, vec![2, b'1'], "jsonb of version 2"),
            (Type::JSONB, vec![], "without a version"),
            (Type::TIME, (-1i64).to_be_bytes().to_vec(), "the time -1"),
            (Type::DATE, (i32::MAX - 1).to_be_bytes().to_vec(), "the date"),
            (Type::TEXT, vec![b'a', 0xff], "invalid: the text is not valid UTF-8 from byte 1 on"),
            (Type::TIMESTAMP, (i64::MAX - 1).to_be_bytes().to_vec(), "invalid: the timestamp is after"),
            (
                Type::TIMESTAMP,
                (i64::MAX - EPOCH_MICROS).to_be_bytes().to_vec(),
                "invalid: the timestamp is after",
            ),
            (Type::INTERVAL, vec![0x7f; 16], "invalid: the time part of the interval"),
            (
                Type::INT4_ARRAY,
                array(&[(1, 1), (1, 1)], oid, &[Some(&int)]),
                "invalid: the array has 2 dimensions",
            ),
            (Type::INT4_ARRAY, array(&[(1, 1)], 25, &[Some(&int)]), "array of type 25 instead of 23"),
            (Type::INT4_ARRAY, array(&[(2, 1)], oid, &[Some(&int)]), "cut off"),
            (Type::INT4_ARRAY, array(&[(0, 1)], oid, &[Some(&int)]), "8 bytes follow"),
            (Type::INT4_ARRAY, array(&[(-1, 1)], oid, &[]), "-1 elements"),
            (Type::INT4_ARRAY, array(&[(1, 1)], oid, &[Some(&int[..3])]), "3 bytes instead of 4"),
            (Type::INT4_ARRAY, array(&[(1, 1); 7], oid, &[]), "7 dimensions"),
        ] {
            let error = one(ty.clone(), &bytes).unwrap_err();
            assert!(error.contains(expected), "{ty}: {error} should contain {expected}");
        }
        let last = (i64::MAX - 1 - EPOCH_MICROS).to_be_bytes();
        assert_eq!(one(Type::TIMESTAMP, &last).unwrap().unwrap(), "+294247-01-10T04:00:54.775806");
    }

    #[test]
    fn a_refused_array_leaves_nothing_of_its_elements() {
        let texts = |items: &[&[u8]]| {
            let items: Vec<Option<&[u8]>> = items.iter().map(|i| Some(*i)).collect();
            vec![Some(array(&[(items.len() as i32, 1)], Type::TEXT.oid(), &items))]
        };
        let bytes = stream(&[texts(&[b"a"]), texts(&[b"b", b"\xff"]), texts(&[b"c", b""])]);
        let batch = decode(&[Type::TEXT_ARRAY], &bytes, bytes.len()).unwrap();
        let ty = LogicalType::Array(Box::new(LogicalType::Text));
        let values: Vec<_> = (0..3).map(|row| text::render(batch.rows.column(0), &ty, row)).collect();
        assert_eq!(values, [Some(r#"["a"]"#.into()), None, Some(r#"["c",""]"#.into())]);
        assert_eq!(batch.invalid.len(), 1);
        assert_eq!((batch.invalid[0].row, batch.invalid[0].error.field.as_deref()), (1, Some("c0")));
    }

    #[test]
    fn batches_are_bounded_by_rows_and_by_bytes_and_nulls_count() {
        let full_after = |types: &[Type], row: Vec<Option<Vec<u8>>>| {
            let bytes = stream(&[row]);
            let mut decoder = decoder(types);
            let mut rows = 0;
            while !decoder.is_full() {
                let mut framer = Framer::new(types.len());
                framer.feed(bytes.clone());
                decoder.append(framer.next_row().unwrap().unwrap()).unwrap();
                rows += 1;
            }
            let batch = decoder.take().unwrap();
            assert_eq!(batch.rows.num_rows(), rows);
            assert!(decoder.is_empty() && !decoder.is_full());
            rows
        };
        assert_eq!(full_after(&[Type::INT4], vec![None]), BATCH_ROWS_MAX);
        assert_eq!(full_after(&[], vec![]), BATCH_ROWS_MAX);
        assert_eq!(full_after(&vec![Type::INT8; 1_000], vec![None; 1_000]), BATCH_BYTES_MAX.div_ceil(8_000));
        assert_eq!(full_after(&[Type::BYTEA], vec![Some(vec![0; 1 << 20])]), 4);
    }
}
