//! Rows as the server sent them, with what they are known by.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use syncline_connector::{Identities, RawBatch, RestoreRaw, SourceBatch};
use syncline_core::{Error, ErrorKind, Result};

use super::decode::BatchDecoder;
use super::framing::{Bounds, Framer, Malformed, Row};
use super::identify::Identifier;
use super::types::PgType;

/// What all rows of one read have in common.
pub struct Shape {
    pub schema: SchemaRef,
    /// One per field of the schema.
    pub types: Vec<PgType>,
    pub identifier: Identifier,
}

/// Some rows of a COPY BINARY stream.
pub struct RawRows {
    shape: Arc<Shape>,
    bytes: Vec<u8>,
    /// Where each row starts, and where the last one ends: nothing is between them.
    starts: Vec<u32>,
    identities: Identities,
}

impl RawRows {
    /// Takes whole rows, but at most `rows_max`, from what the framer was fed. `None`: there are none.
    pub fn gather(
        shape: &Arc<Shape>,
        framer: &mut Framer,
        rows_max: usize,
    ) -> std::result::Result<Option<Self>, Malformed> {
        let mut identifying = shape.identifier.start();
        let (mut starts, mut end) = (Vec::new(), 0);
        while starts.len() < rows_max {
            let Some(row) = framer.next_row()? else { break };
            let len = row.bytes().len();
            identifying.add(row)?;
            end = framer.position();
            starts.push(offset(end - len)?);
        }
        if starts.is_empty() {
            return Ok(None);
        }
        starts.push(offset(end)?);
        // The end of the stream may follow the last row.
        let bytes = framer.take();
        Ok(Some(Self { shape: Arc::clone(shape), bytes, starts, identities: identifying.finish() }))
    }

    fn row(&self, row: u32) -> &[u8] {
        let row = row as usize;
        &self.bytes[self.starts[row] as usize..self.starts[row + 1] as usize]
    }
}

impl RawBatch for RawRows {
    fn identities(&self) -> &Identities {
        &self.identities
    }

    fn bytes(&self) -> usize {
        self.bytes.capacity() + self.starts.capacity() * size_of::<u32>() + self.identities.bytes()
    }

    fn decode(&self, rows: &[u32]) -> Result<SourceBatch> {
        let mut decoder = BatchDecoder::new(Arc::clone(&self.shape.schema), &self.shape.types);
        let mut bounds = vec![Bounds::default(); self.shape.types.len()];
        for row in rows {
            let row = Row::of(self.row(*row), &mut bounds).map_err(malformed)?;
            decoder.append(row).map_err(malformed)?;
        }
        decoder.take()
    }

    fn save(&self, rows: &[u32], out: &mut Vec<u8>) {
        // Neighbours are one copy.
        let mut rows = rows.iter().map(|row| *row as usize);
        let Some(first) = rows.next() else { return };
        let mut run = first..first + 1;
        let mut append = |run: &Range<usize>| {
            out.extend_from_slice(
                &self.bytes[self.starts[run.start] as usize..self.starts[run.end] as usize],
            );
        };
        for row in rows {
            if row == run.end {
                run.end += 1;
            } else {
                append(&run);
                run = row..row + 1;
            }
        }
        append(&run);
    }

    fn restorer(&self) -> Arc<dyn RestoreRaw> {
        Arc::new(Restorer(Arc::clone(&self.shape)))
    }
}

/// Reads rows back as they were saved: end to end, because each tells where it ends.
struct Restorer(Arc<Shape>);

impl RestoreRaw for Restorer {
    fn restore(&self, saved: Vec<u8>) -> Result<Box<dyn RawBatch>> {
        let corrupt =
            |what: &str| Error::new(ErrorKind::Corrupt, format!("rows in a temporary file: {what}"));
        let mut framer = Framer::without_header(self.0.types.len());
        let len = saved.len();
        framer.feed(saved);
        let rows = RawRows::gather(&self.0, &mut framer, usize::MAX);
        match rows.map_err(|Malformed(what)| corrupt(&what))? {
            Some(rows) if rows.bytes.len() == len => Ok(Box::new(rows)),
            None if len == 0 => Ok(Box::new(RawRows {
                shape: Arc::clone(&self.0),
                bytes: Vec::new(),
                starts: vec![0],
                identities: self.0.identifier.start().finish(),
            })),
            _ => Err(corrupt("the last row is cut short")),
        }
    }
}

fn offset(at: usize) -> std::result::Result<u32, Malformed> {
    u32::try_from(at).map_err(|_| Malformed("a row is too long".into()))
}

/// Bytes that cannot be a table's rows: neither the model nor the network explains them.
pub fn malformed(Malformed(message): Malformed) -> Error {
    Error::new(ErrorKind::ModelQueryFailed, format!("the server's answer cannot be understood: {message}"))
        .help("is a proxy or a system other than PostgreSQL at the other end? Report this otherwise")
}

#[cfg(test)]
mod tests {
    use arrow::array::UInt32Array;
    use arrow::array::{Array, AsArray};
    use arrow::compute::take_record_batch;
    use arrow::datatypes::{Date32Type, Int32Type, Schema, TimestampMicrosecondType};
    use proptest::prelude::*;
    use syncline_connector::Identify;
    use syncline_core::sync::{Model, ModelQuery};
    use syncline_core::{CursorValue, canon};
    use tokio_postgres::types::Type;

    use super::super::source_sql::ModelColumn;
    use super::super::wire_rows::{Fields, TYPES, rows, stream};
    use super::*;

    fn model_columns() -> Vec<ModelColumn> {
        let column = |(i, native): (usize, &Type)| ModelColumn {
            name: format!("c{i}"),
            native: native.clone(),
            typmod: -1,
            ty: PgType::of(native, -1).unwrap(),
        };
        TYPES.iter().enumerate().map(column).collect()
    }

    fn shape_of(
        columns: &[ModelColumn],
        key: &[usize],
        covered: &[usize],
        cursor: Option<usize>,
        seed: u64,
    ) -> Arc<Shape> {
        let names = |places: &[usize]| places.iter().map(|i| columns[*i].name.clone()).collect();
        let model = Model {
            query: ModelQuery::Table("t".into()),
            key: names(key),
            cursor: cursor.map(|i| columns[i].name.clone()),
            timeout: std::time::Duration::from_secs(1),
        };
        let identify = Identify { seed, columns: names(covered) };
        let fields = columns.iter().map(|c| c.ty.logical.field(&c.name, true));
        let columns: Vec<&ModelColumn> = columns.iter().collect();
        Arc::new(Shape {
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            types: columns.iter().map(|c| c.ty.clone()).collect(),
            identifier: Identifier::new(&columns, &model, &identify).unwrap(),
        })
    }

    fn shape(key: &[usize], covered: &[usize], cursor: Option<usize>) -> Arc<Shape> {
        shape_of(&model_columns(), key, covered, cursor, 7)
    }

    fn gather(shape: &Arc<Shape>, rows: &[Fields]) -> std::result::Result<RawRows, Malformed> {
        let mut framer = Framer::new(TYPES.len());
        framer.feed(stream(rows));
        RawRows::gather(shape, &mut framer, usize::MAX).map(|rows| rows.expect("there are rows"))
    }

    /// The same rows by the way of decoded reads.
    fn decoded(shape: &Shape, rows: &[Fields]) -> std::result::Result<SourceBatch, Malformed> {
        let mut framer = Framer::new(TYPES.len());
        let mut decoder = BatchDecoder::new(Arc::clone(&shape.schema), &shape.types);
        framer.feed(stream(rows));
        while let Some(row) = framer.next_row()? {
            decoder.append(row)?;
        }
        Ok(decoder.take().unwrap())
    }

    fn all(rows: &RawRows) -> Vec<u32> {
        (0..rows.identities().len() as u32).collect()
    }

    /// The key by way of the decoded batch; `None` where only decoding can tell.
    fn decoded_key(batch: &SourceBatch, shape: &Shape, key: &[usize], row: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for i in key {
            let array = batch.rows.column(*i);
            if array.is_null(row) {
                return None;
            }
            canon::encode(array, &shape.types[*i].logical, row, &mut out);
        }
        Some(out)
    }

    fn decoded_cursor(batch: &SourceBatch, column: usize) -> Option<CursorValue> {
        let array = batch.rows.column(column);
        let max = |values: Vec<i64>| values.into_iter().max();
        let rows = (0..array.len()).filter(|row| !array.is_null(*row));
        match TYPES[column] {
            Type::INT4 => max(rows.map(|r| array.as_primitive::<Int32Type>().value(r).into()).collect())
                .map(CursorValue::Integer),
            Type::DATE => max(rows
                .map(|r| {
                    i64::from(array.as_primitive::<Date32Type>().value(r)).saturating_mul(86_400_000_000)
                })
                .collect())
            .map(|micros| CursorValue::Timestamp { micros, zoned: false }),
            _ => max(rows.map(|r| array.as_primitive::<TimestampMicrosecondType>().value(r)).collect())
                .map(|micros| CursorValue::Timestamp { micros, zoned: true }),
        }
    }

    const CURSORS: [usize; 3] = [2, 12, 14];

    proptest! {
        #[test]
        fn rows_are_known_by_what_their_decoded_values_say(
            rows in rows().prop_filter("some", |rows| !rows.is_empty()),
            key in prop::collection::vec(0..TYPES.len(), 1..4),
            cursor in prop::sample::select(&CURSORS[..]),
        ) {
            let shape = shape(&key, &[0], Some(cursor));
            // Bytes that are no value at all are refused at the latest when they are decoded.
            let batch = decoded(&shape, &rows);
            let raw = gather(&shape, &rows);
            prop_assert!(raw.is_ok() || batch.is_err());
            let (Ok(raw), Ok(batch)) = (raw, batch) else { return Ok(()) };
            prop_assert_eq!(&raw.decode(&all(&raw)).unwrap().rows, &batch.rows);
            let found = raw.identities();
            prop_assert_eq!(found.len(), rows.len());
            for (row, fields) in rows.iter().enumerate() {
                let is_unclear = found.unclear().contains(&(row as u32));
                match decoded_key(&batch, &shape, &key, row) {
                    Some(key) if !is_unclear => {
                        prop_assert_eq!(found.key(row), &key[..]);
                        prop_assert_eq!(found.hash(row), canon::key_hash(&key));
                    }
                    Some(_) => prop_assert!(
                        fields[cursor].is_some() && batch.rows.column(cursor).is_null(row),
                        "only a cursor without canonical form makes a row with a key unclear"
                    ),
                    None => prop_assert!(is_unclear),
                }
            }
            let expected = decoded_cursor(&batch, cursor);
            prop_assert_eq!(found.cursor_max(), expected.as_ref());
            for column in 0..TYPES.len() {
                let nulls = rows.iter().filter(|row| row[column].is_none()).count();
                prop_assert_eq!(found.nulls()[column], nulls as u64);
            }
        }

        #[test]
        fn fingerprints_tell_covered_columns_and_no_others(
            rows in rows().prop_filter("some", |rows| !rows.is_empty()),
            covered in prop::collection::btree_set(0..TYPES.len(), 1..TYPES.len()),
            changed in 0..TYPES.len(),
            bytes in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            // A key that is the same in all, so that every row is clear.
            let rows: Vec<Fields> = rows
                .into_iter()
                .map(|mut row| { row[2] = Some(vec![0, 0, 0, 1]); row })
                .collect();
            prop_assume!(changed != 2);
            let columns: Vec<usize> = covered.iter().copied().collect();
            let shape = shape(&[2], &columns, None);
            let before = gather(&shape, &rows).unwrap();
            let mut other = rows.clone();
            other[0][changed] = Some(bytes);
            let after = gather(&shape, &other).unwrap();
            let is_same = !covered.contains(&changed) || other == rows;
            prop_assert_eq!(before.identities().fingerprint(0) == after.identities().fingerprint(0), is_same);
            for row in 1..rows.len() {
                prop_assert_eq!(before.identities().fingerprint(row), after.identities().fingerprint(row));
            }
        }

        #[test]
        fn saved_rows_come_back_as_they_were(
            rows in rows().prop_filter("some", |rows| !rows.is_empty()),
            chosen in prop::collection::vec(any::<bool>(), 6),
        ) {
            let shape = shape(&[2, 8], &[0, 1, 8], Some(14));
            let Ok(raw) = gather(&shape, &rows) else { return Ok(()) };
            let chosen: Vec<u32> = all(&raw).into_iter().filter(|row| chosen[*row as usize]).collect();
            let mut saved = Vec::new();
            raw.save(&chosen, &mut saved);
            let cut = saved[..saved.len().saturating_sub(1)].to_vec();
            let restored = raw.restorer().restore(saved).unwrap();
            let found = restored.identities();
            prop_assert_eq!(found.len(), chosen.len());
            for (row, was) in chosen.iter().enumerate() {
                prop_assert_eq!(found.key(row), raw.identities().key(*was as usize));
                prop_assert_eq!(found.fingerprint(row), raw.identities().fingerprint(*was as usize));
            }
            if let Ok(batch) = decoded(&shape, &rows) {
                let wanted = take_record_batch(&batch.rows, &UInt32Array::from(chosen.clone())).unwrap();
                let got = restored.decode(&(0..chosen.len() as u32).collect::<Vec<_>>()).unwrap();
                prop_assert_eq!(got.rows, wanted);
                prop_assert_eq!(
                    got.invalid.len(),
                    batch.invalid.iter().filter(|i| chosen.contains(&(i.row as u32))).count()
                );
            }
            if !chosen.is_empty() {
                let error = raw.restorer().restore(cut).expect_err("a cut row is noticed");
                prop_assert_eq!(error.kind, ErrorKind::Corrupt);
            }
        }
    }

    #[test]
    fn the_same_bytes_of_another_type_or_name_or_seed_are_another_row() {
        let mut row: Fields = vec![None; TYPES.len()];
        row[2] = Some(vec![0, 0, 0, 1]);
        row[3] = Some(vec![0; 8]);
        let fingerprint = |columns: &[ModelColumn], covered: &[usize], seed| {
            let raw =
                gather(&shape_of(columns, &[2], covered, None, seed), std::slice::from_ref(&row)).unwrap();
            raw.identities().fingerprint(0)
        };
        let columns = model_columns();
        let known = fingerprint(&columns, &[3, 2], 7);
        assert_eq!(known, fingerprint(&columns, &[2, 3, 3], 7), "the order they are named in means nothing");
        let with = |change: &dyn Fn(&mut ModelColumn)| {
            let mut columns = model_columns();
            change(&mut columns[3]);
            fingerprint(&columns, &[2, 3], 7)
        };
        for (what, other) in [
            ("type", with(&|c| c.native = Type::FLOAT8)),
            ("modifier", with(&|c| c.typmod = 20)),
            ("name", with(&|c| c.name = "other".into())),
            ("seed", fingerprint(&columns, &[2, 3], 8)),
            ("columns", fingerprint(&columns, &[2, 3, 4], 7)),
        ] {
            assert_ne!(other, known, "{what}");
        }
    }
}
