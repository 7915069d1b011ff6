//! Parquet: typed columns to canonical types and back.
//!
//! Files we write carry each column's canonical type in the embedded Arrow schema, so numeric, uuid,
//! json and interval come back exactly. Exact decimals and intervals are stored as text, because
//! Parquet's own types hold neither `NaN` nor microsecond intervals. Files of others:
//!
//! | Arrow type of the column | canonical |
//! |---|---|
//! | integers | the next signed width that holds them; uint64 becomes numeric |
//! | float16 | float32 |
//! | decimals | numeric with their precision and scale |
//! | timestamps and times of every unit | microseconds; a value that does not fit is an invalid row |
//! | 16 bytes with the logical type UUID | uuid |
//! | strings with the logical type JSON | json |
//! | lists of the above | arrays |
//! | structs, maps, lists of lists | refused, naming the column |

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Field, Schema, SchemaRef, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::util::display::array_value_to_string;
use parquet::arrow::ArrowWriter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, LogicalType as ParquetType};
use parquet::file::properties::WriterProperties;
use syncline_connector::{InvalidRow, SourceBatch};
use syncline_core::types::TYPE_KEY;
use syncline_core::{Error, ErrorKind, LogicalType, Result, text};

use super::parquet_input::ParquetInput;
use super::rows::{BATCH_BYTES, BATCH_ROWS, Column, invalid_row, schema_of};

/// A row group is closed at this size, which bounds the memory of writing.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// An opened file, its footer read.
pub struct ParquetFile {
    builder: ParquetRecordBatchReaderBuilder<ParquetInput>,
    name: String,
    columns: Vec<Column>,
}

impl ParquetFile {
    /// Reads the footer. A file that is cut off or damaged fails here or while it is read, with
    /// `model_query_failed`; a column without canonical type with `unsupported_type`.
    pub fn open(file: File, name: &str) -> Result<Self> {
        let input = ParquetInput::new(file).map_err(|e| damaged(name, e))?;
        let builder = contained(name, || ParquetRecordBatchReaderBuilder::try_new(input))?;
        let schema = builder.schema().clone();
        let stored = builder.parquet_schema().root_schema().get_fields().to_vec();
        let mut columns: Vec<Column> = Vec::with_capacity(schema.fields().len());
        for (i, field) in schema.fields().iter().enumerate() {
            let logical = stored.get(i).and_then(|f| f.get_basic_info().logical_type_ref());
            let ty = canonical_type(field, logical).map_err(|e| e.context(name))?;
            if columns.iter().any(|c| c.name == *field.name()) {
                let message = format!("{name} has the column '{}' twice", field.name());
                return Err(Error::new(ErrorKind::ModelQueryFailed, message));
            }
            columns.push(Column { name: field.name().clone(), ty, declared: false });
        }
        Ok(Self { builder, name: name.to_string(), columns })
    }

    /// All columns with their canonical types.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Reads the rows, handing on batches of `columns`; a column of another type than the file's is
    /// converted by its text.
    pub fn read(self, columns: &[Column], emit: &mut dyn FnMut(SourceBatch) -> Result<()>) -> Result<()> {
        let Self { builder, name, columns: own } = self;
        let mut wanted: Vec<usize> = Vec::with_capacity(columns.len());
        for column in columns {
            let place = own.iter().position(|o| o.name == column.name).ok_or_else(|| {
                let message = format!("{name} has no column '{}'", column.name);
                Error::new(ErrorKind::ModelQueryFailed, message)
            })?;
            wanted.push(place);
        }
        let mut read: Vec<usize> = wanted.clone();
        read.sort_unstable();
        let expected = builder.metadata().file_metadata().num_rows();
        let rows_at_once = rows_at_once(&builder);
        let mask = ProjectionMask::roots(builder.parquet_schema(), read.iter().copied());
        let selected = builder.with_projection(mask).with_batch_size(rows_at_once);
        let mut reader = contained(&name, || selected.build())?;
        let mut conversion =
            Conversion { name: &name, own: &own, columns, wanted: &wanted, read: &read, before: 0 };
        while let Some(batch) = contained(&name, || reader.next().transpose())? {
            for part in conversion.batch(&batch)? {
                emit(part)?;
            }
        }
        if conversion.before != expected.unsigned_abs() {
            let message = format!("{name} has {} rows instead of {expected}", conversion.before);
            return Err(Error::new(ErrorKind::ModelQueryFailed, message).help("write the file again"));
        }
        Ok(())
    }
}

/// Runs the decoder, which panics on some damaged files instead of failing.
fn contained<T, E>(name: &str, decode: impl FnOnce() -> std::result::Result<T, E>) -> Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(decode)) {
        Ok(decoded) => decoded.map_err(|e| damaged(name, e)),
        Err(_) => Err(damaged(name, std::io::Error::other("its content contradicts itself"))),
    }
}

fn damaged(name: &str, e: impl std::error::Error + Send + Sync + 'static) -> Error {
    let message = format!("{name} is not a whole Parquet file: {e}");
    Error::new(ErrorKind::ModelQueryFailed, message)
        .help("it may be cut off or still being written; write it again")
        .caused_by(e)
}

/// Rows that are decoded at once, so that a batch stays near [`BATCH_BYTES`].
fn rows_at_once(builder: &ParquetRecordBatchReaderBuilder<ParquetInput>) -> usize {
    let widest = builder
        .metadata()
        .row_groups()
        .iter()
        .map(|g| g.total_byte_size().unsigned_abs() / g.num_rows().unsigned_abs().max(1))
        .max()
        .unwrap_or(1);
    usize::try_from(BATCH_BYTES as u64 / widest.max(1)).unwrap_or(BATCH_ROWS).clamp(1, BATCH_ROWS)
}

/// Brings the batches of one file to the requested columns.
struct Conversion<'a> {
    name: &'a str,
    own: &'a [Column],
    columns: &'a [Column],
    /// For each requested column its index in `own`.
    wanted: &'a [usize],
    /// The indices that the reader yields, in its order.
    read: &'a [usize],
    /// Rows of earlier batches.
    before: u64,
}

impl Conversion<'_> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<SourceBatch>> {
        let mut invalid: Vec<InvalidRow> = Vec::new();
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (column, own) in self.columns.iter().zip(self.wanted) {
            let at = self.read.iter().position(|r| r == own).unwrap_or_default();
            let stored = batch.column(at);
            let (mut array, mut bad) = to_canonical(stored, &self.own[*own].ty)?;
            let native = &self.own[*own].ty;
            if column.ty != *native {
                let (retyped, more) = retype(&array, native, &column.ty);
                array = retyped;
                bad.extend(more);
            }
            for row in bad {
                if !invalid.iter().any(|known| known.row == row) {
                    let place = format!("{}:{}", self.name, self.before + row as u64 + 1);
                    let raw = array_value_to_string(stored, row).ok();
                    invalid.push(invalid_row(row, &place, column, raw.as_deref()));
                }
            }
            arrays.push(array);
        }
        invalid.sort_by_key(|i| i.row);
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let rows = RecordBatch::try_new_with_options(schema_of(self.columns), arrays, &options)?;
        self.before += batch.num_rows() as u64;
        parts(rows, invalid)
    }
}

/// Cuts a batch so that each part is near [`BATCH_BYTES`].
fn parts(rows: RecordBatch, invalid: Vec<InvalidRow>) -> Result<Vec<SourceBatch>> {
    let mut slices = Vec::new();
    cut(rows, &mut slices)?;
    let mut invalid = invalid.into_iter().peekable();
    let mut start = 0;
    let part = |rows: RecordBatch| {
        let end = start + rows.num_rows();
        let mut own = Vec::new();
        while let Some(mut i) = invalid.next_if(|i| i.row < end) {
            i.row -= start;
            own.push(i);
        }
        start = end;
        SourceBatch { rows, invalid: own, unreadable: Vec::new() }
    };
    Ok(slices.into_iter().map(part).collect())
}

/// Halves a batch until each slice is small enough or one row: a few wide rows may stand among many
/// narrow ones.
fn cut(rows: RecordBatch, slices: &mut Vec<RecordBatch>) -> Result<()> {
    let mut bytes = 0;
    for column in rows.columns() {
        bytes += column.to_data().get_slice_memory_size()?;
    }
    if bytes <= BATCH_BYTES || rows.num_rows() <= 1 {
        slices.push(rows);
        return Ok(());
    }
    let middle = rows.num_rows() / 2;
    cut(rows.slice(0, middle), slices)?;
    cut(rows.slice(middle, rows.num_rows() - middle), slices)
}

fn retype(array: &ArrayRef, from: &LogicalType, to: &LogicalType) -> (ArrayRef, Vec<usize>) {
    let texts: Vec<Option<String>> = (0..array.len()).map(|row| text::render(array, from, row)).collect();
    text::parse(&texts.iter().map(Option::as_deref).collect::<Vec<_>>(), to)
}

/// The canonical type of a column as stored.
fn canonical_type(field: &Field, logical: Option<&ParquetType>) -> Result<LogicalType> {
    use LogicalType as L;
    // The tag counts only while the column still has the layout that we gave it.
    if let Some(Ok(ty)) = field.metadata().get(TYPE_KEY).map(|tag| tag.parse::<LogicalType>())
        && same_layout(field.data_type(), &storage_type(&ty))
    {
        return Ok(ty);
    }
    let unsupported = || {
        let message =
            format!("column '{}' has type {}, which has no canonical form", field.name(), field.data_type());
        Err(Error::new(ErrorKind::UnsupportedType, message).help("leave it out or write it as JSON text"))
    };
    Ok(match field.data_type() {
        DataType::Boolean => L::Bool,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => L::Int16,
        DataType::UInt16 | DataType::Int32 => L::Int32,
        DataType::UInt32 | DataType::Int64 => L::Int64,
        DataType::UInt64 => L::Numeric(Some((20, 0))),
        DataType::Float16 | DataType::Float32 => L::Float32,
        DataType::Float64 => L::Float64,
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => L::Numeric(Some((u16::from(*p), i16::from(*s)))),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => match logical {
            Some(ParquetType::Json) => L::Json,
            _ => L::Text,
        },
        DataType::Null => L::Text,
        DataType::FixedSizeBinary(16) if matches!(logical, Some(ParquetType::Uuid)) => L::Uuid,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            L::Bytes
        }
        DataType::Date32 | DataType::Date64 => L::Date,
        DataType::Time32(_) | DataType::Time64(_) => L::Time,
        DataType::Timestamp(_, None) => L::Timestamp,
        DataType::Timestamp(_, Some(_)) => L::TimestampTz,
        DataType::Interval(_) => L::Interval,
        DataType::Dictionary(_, value) => {
            return canonical_type(&Field::new(field.name(), value.as_ref().clone(), true), logical);
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            let inner = item.as_ref().clone().with_name(field.name());
            match canonical_type(&inner, None)? {
                L::Array(_) => return unsupported(),
                inner => L::Array(Box::new(inner)),
            }
        }
        _ => return unsupported(),
    })
}

/// The Arrow type in which a canonical type is stored.
fn storage_type(ty: &LogicalType) -> DataType {
    match ty {
        LogicalType::Interval => DataType::Utf8,
        LogicalType::Array(item) => DataType::List(Arc::new(storage_field("item", item))),
        other => other.arrow(),
    }
}

fn storage_field(name: &str, ty: &LogicalType) -> Field {
    let tag = HashMap::from([(TYPE_KEY.to_string(), ty.to_string())]);
    Field::new(name, storage_type(ty), true).with_metadata(tag)
}

/// Equal up to the names and metadata of list items and the name of the zone.
fn same_layout(a: &DataType, b: &DataType) -> bool {
    match (a, b) {
        (DataType::List(a), DataType::List(b)) => same_layout(a.data_type(), b.data_type()),
        (DataType::Timestamp(a, za), DataType::Timestamp(b, zb)) => a == b && za.is_some() == zb.is_some(),
        _ => a == b,
    }
}

/// A stored array in canonical layout, and the rows whose value has no canonical form (now NULL).
fn to_canonical(array: &ArrayRef, ty: &LogicalType) -> Result<(ArrayRef, Vec<usize>)> {
    if let DataType::Dictionary(_, value) = array.data_type() {
        return to_canonical(&cast(array, value)?, ty);
    }
    match (array.data_type(), ty) {
        (_, LogicalType::Array(item)) => list_to_canonical(array, item),
        (DataType::FixedSizeBinary(16), LogicalType::Uuid) => Ok((uuids(array), Vec::new())),
        (DataType::Utf8, LogicalType::Interval) => {
            let texts: Vec<Option<&str>> = array.as_string::<i32>().iter().collect();
            Ok(text::parse(&texts, ty))
        }
        (DataType::Timestamp(unit, _), LogicalType::Timestamp | LogicalType::TimestampTz) => {
            Ok(timestamps(array, *unit, ty))
        }
        (DataType::Time64(TimeUnit::Nanosecond), LogicalType::Time) => {
            let nanos = array.as_primitive::<Time64NanosecondType>();
            let bad = (0..nanos.len()).filter(|i| nanos.is_valid(*i) && nanos.value(*i) % 1_000 != 0);
            let bad: Vec<usize> = bad.collect();
            Ok((cast(&blank(array, &bad)?, &ty.arrow())?, bad))
        }
        (stored, _) if *stored == ty.arrow() => Ok((array.clone(), Vec::new())),
        _ => {
            let canonical = cast(array, &ty.arrow())?;
            let bad = (0..array.len()).filter(|i| array.is_valid(*i) && canonical.is_null(*i)).collect();
            Ok((canonical, bad))
        }
    }
}

/// A cast in which a value that does not fit becomes NULL.
fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    Ok(cast_with_options(array, to, &CastOptions { safe: true, ..CastOptions::default() })?)
}

/// The same array with NULL in `rows`.
fn blank(array: &ArrayRef, rows: &[usize]) -> Result<ArrayRef> {
    if rows.is_empty() {
        return Ok(array.clone());
    }
    let mask: arrow::array::BooleanArray =
        (0..array.len()).map(|i| Some(rows.binary_search(&i).is_ok())).collect();
    Ok(arrow::compute::nullif(array, &mask)?)
}

fn timestamps(array: &ArrayRef, unit: TimeUnit, ty: &LogicalType) -> (ArrayRef, Vec<usize>) {
    let value = |i: usize| -> Option<i64> {
        match unit {
            TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(i).checked_mul(1_000_000),
            TimeUnit::Millisecond => {
                array.as_primitive::<TimestampMillisecondType>().value(i).checked_mul(1_000)
            }
            TimeUnit::Microsecond => Some(array.as_primitive::<TimestampMicrosecondType>().value(i)),
            TimeUnit::Nanosecond => {
                let nanos = array.as_primitive::<TimestampNanosecondType>().value(i);
                (nanos % 1_000 == 0).then_some(nanos / 1_000)
            }
        }
    };
    let mut bad = Vec::new();
    let micros: arrow::array::TimestampMicrosecondArray = (0..array.len())
        .map(|i| {
            let micros = if array.is_null(i) { return None } else { value(i) };
            if micros.is_none() {
                bad.push(i);
            }
            micros
        })
        .collect();
    let zone = (*ty == LogicalType::TimestampTz).then(|| Arc::from("UTC"));
    (Arc::new(micros.with_timezone_opt::<Arc<str>>(zone)), bad)
}

fn uuids(array: &ArrayRef) -> ArrayRef {
    let bytes = array.as_fixed_size_binary();
    let mut out = StringBuilder::new();
    for value in bytes.iter() {
        out.append_option(value.and_then(|v| uuid::Uuid::from_slice(v).ok()).map(|u| u.to_string()));
    }
    Arc::new(out.finish())
}

fn list_to_canonical(array: &ArrayRef, item: &LogicalType) -> Result<(ArrayRef, Vec<usize>)> {
    let array = match array.data_type() {
        DataType::List(_) => array.clone(),
        DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            cast(array, &DataType::List(field.clone()))?
        }
        other => return Err(Error::internal(format!("{other} is not a list"))),
    };
    let list = array.as_list::<i32>();
    let (values, bad_items) = to_canonical(list.values(), item)?;
    let offsets = list.value_offsets();
    let owner = |i: usize| offsets.partition_point(|start| *start as usize <= i).saturating_sub(1);
    let mut bad: Vec<usize> = bad_items.into_iter().map(owner).filter(|row| *row < list.len()).collect();
    bad.dedup();
    let canonical: ArrayRef = Arc::new(ListArray::try_new(
        item.field("item", true),
        list.offsets().clone(),
        values,
        list.nulls().cloned(),
    )?);
    Ok((blank(&canonical, &bad)?, bad))
}

/// Writes canonical batches of one schema.
pub struct ParquetOut<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
}

impl<W: Write + Send> ParquetOut<W> {
    pub fn new(out: W, columns: &[Column]) -> Result<Self> {
        let fields: Vec<Field> = columns.iter().map(|c| storage_field(&c.name, &c.ty)).collect();
        let schema = Arc::new(Schema::new(fields));
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
        let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(not_written)?;
        Ok(Self { writer, schema })
    }

    /// Writes a batch whose columns are in the order of the file's.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let arrays = rows
            .columns()
            .iter()
            .zip(self.schema.fields())
            .map(|(array, field)| to_storage(array, field.data_type()))
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let stored = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?;
        self.writer.write(&stored).map_err(not_written)?;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush().map_err(not_written)?;
        }
        Ok(())
    }

    /// Writes the footer and answers what was written to.
    pub fn finish(self) -> Result<W> {
        self.writer.into_inner().map_err(not_written)
    }
}

fn not_written(e: parquet::errors::ParquetError) -> Error {
    match e {
        parquet::errors::ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
            Ok(io) => Error::from(*io),
            Err(cause) => Error::new(ErrorKind::DestinationFailed, format!("writing Parquet: {cause}")),
        },
        e => Error::new(ErrorKind::DestinationFailed, format!("writing Parquet: {e}")).caused_by(e),
    }
}

/// A canonical array in its stored layout.
fn to_storage(array: &ArrayRef, stored: &DataType) -> Result<ArrayRef> {
    Ok(match (array.data_type(), stored) {
        (DataType::Interval(_), DataType::Utf8) => {
            let texts = (0..array.len()).map(|row| text::render(array, &LogicalType::Interval, row));
            Arc::new(texts.collect::<arrow::array::StringArray>())
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let values = to_storage(list.values(), item.data_type())?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Arc::new(ListArray::try_new(item.clone(), offsets, values, nulls)?)
        }
        _ => array.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array as a;
    use arrow::datatypes::Int64Type;

    fn canonical(
        array: ArrayRef,
        logical: Option<&ParquetType>,
    ) -> (LogicalType, Vec<Option<String>>, Vec<usize>) {
        let ty = canonical_type(&Field::new("c", array.data_type().clone(), true), logical).unwrap();
        let (out, bad) = to_canonical(&array, &ty).unwrap();
        let texts = (0..out.len()).map(|row| text::render(&out, &ty, row)).collect();
        (ty, texts, bad)
    }

    fn texts(values: &[&str]) -> Vec<Option<String>> {
        values.iter().map(|v| Some(v.to_string())).collect()
    }

    #[test]
    fn types_of_other_writers_become_canonical() {
        let all: Vec<(ArrayRef, Option<&ParquetType>, &str, &[&str])> = vec![
            (Arc::new(a::Int8Array::from(vec![-128])), None, "int16", &["-128"]),
            (Arc::new(a::UInt8Array::from(vec![255])), None, "int16", &["255"]),
            (Arc::new(a::UInt16Array::from(vec![65_535])), None, "int32", &["65535"]),
            (Arc::new(a::UInt32Array::from(vec![u32::MAX])), None, "int64", &["4294967295"]),
            (
                Arc::new(a::UInt64Array::from(vec![u64::MAX])),
                None,
                "numeric(20,0)",
                &["18446744073709551615"],
            ),
            (
                Arc::new(a::Decimal128Array::from(vec![-150i128]).with_precision_and_scale(10, 2).unwrap()),
                None,
                "numeric(10,2)",
                &["-1.50"],
            ),
            (
                Arc::new(a::TimestampMillisecondArray::from(vec![1_500]).with_timezone("Europe/Berlin")),
                None,
                "timestamptz",
                &["1970-01-01T00:00:01.5Z"],
            ),
            (Arc::new(a::TimestampSecondArray::from(vec![-1])), None, "timestamp", &["1969-12-31T23:59:59"]),
            (Arc::new(a::Time32MillisecondArray::from(vec![1])), None, "time", &["00:00:00.001"]),
            (Arc::new(a::LargeStringArray::from(vec!["{}"])), Some(&ParquetType::Json), "json", &["{}"]),
            (
                Arc::new(a::FixedSizeBinaryArray::try_from_iter([[0xabu8; 16]].iter()).unwrap()),
                Some(&ParquetType::Uuid),
                "uuid",
                &["abababab-abab-abab-abab-abababababab"],
            ),
            (
                Arc::new(a::DictionaryArray::<arrow::datatypes::Int32Type>::from_iter(["x", "y", "x"])),
                None,
                "text",
                &["x", "y", "x"],
            ),
        ];
        for (array, logical, ty, values) in all {
            let (found, rendered, bad) = canonical(array, logical);
            assert_eq!((found.to_string().as_str(), rendered, bad), (ty, texts(values), vec![]));
        }
    }

    #[test]
    fn times_that_do_not_fit_microseconds_are_invalid() {
        let nanos = Arc::new(a::TimestampNanosecondArray::from(vec![1_000, 1_001]));
        let (_, rendered, bad) = canonical(nanos, None);
        assert_eq!((rendered[1].as_deref(), bad), (None, vec![1]));
        let nanos = Arc::new(a::Time64NanosecondArray::from(vec![1_001, 2_000]));
        let (_, rendered, bad) = canonical(nanos, None);
        assert_eq!(
            (rendered[0].as_deref(), rendered[1].as_deref(), bad),
            (None, Some("00:00:00.000002"), vec![0])
        );
        let seconds = Arc::new(a::TimestampSecondArray::from(vec![i64::MAX]));
        assert_eq!(canonical(seconds, None).2, [0]);
    }

    #[test]
    fn a_bad_item_makes_its_own_row_invalid() {
        let list = a::ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
            Some(vec![Some(1_000)]),
            None,
            Some(vec![]),
            Some(vec![Some(2_000), Some(3_001)]),
        ]);
        let nanos = DataType::List(Arc::new(Field::new(
            "item",
            DataType::Timestamp(TimeUnit::Nanosecond, None),
            true,
        )));
        let list = arrow::compute::cast(&list, &nanos).unwrap();
        let (ty, rendered, bad) = canonical(list, None);
        assert_eq!((ty.to_string().as_str(), bad), ("timestamp[]", vec![3]));
        assert_eq!(rendered[2].as_deref(), Some("[]"));
        assert_eq!(rendered[3], None);
    }

    #[test]
    fn nested_types_are_refused_by_name() {
        let inner = Arc::new(Field::new("x", DataType::Int32, true));
        let nested = DataType::Struct(vec![inner].into());
        let list = DataType::List(Arc::new(Field::new("item", nested.clone(), true)));
        for ty in [nested, list] {
            let e = canonical_type(&Field::new("address", ty, true), None).unwrap_err();
            assert_eq!(e.kind, ErrorKind::UnsupportedType);
            assert!(e.message.contains("'address'"), "{}", e.message);
        }
    }
}
