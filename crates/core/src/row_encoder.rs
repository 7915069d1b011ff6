//! The canonical bytes of many rows: what [`canon::encode`] writes, with each column's type looked at
//! once for a batch instead of once for a value.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int16Array,
    Int32Array, Int64Array, StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};

use crate::canon::{self, tag};
use crate::types::LogicalType;

/// Encodes rows of some columns.
pub struct RowEncoder<'a> {
    columns: Vec<(&'a [u8], Values<'a>)>,
}

enum Values<'a> {
    Bool(&'a BooleanArray),
    Int16(&'a Int16Array),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    Float32(&'a Float32Array),
    Float64(&'a Float64Array),
    Numeric(&'a StringArray),
    /// Text and what is kept like it, with its tag.
    Text(u8, &'a StringArray),
    Bytes(&'a BinaryArray),
    Date(&'a Date32Array),
    Time(&'a Time64MicrosecondArray),
    /// With its tag.
    Timestamp(u8, &'a TimestampMicrosecondArray),
    Other(&'a dyn Array, &'a LogicalType),
}

impl<'a> RowEncoder<'a> {
    /// `columns`: for each, bytes to write before its value (see [`field_prefix`]), its type and its
    /// values. All must have the same number of rows.
    pub fn new(columns: impl IntoIterator<Item = (&'a [u8], &'a LogicalType, &'a ArrayRef)>) -> Self {
        let columns = columns.into_iter().map(|(prefix, ty, array)| (prefix, Values::new(ty, array)));
        Self { columns: columns.collect() }
    }

    /// Appends the canonical bytes of one row.
    pub fn encode(&self, row: usize, out: &mut Vec<u8>) {
        for (prefix, values) in &self.columns {
            out.extend_from_slice(prefix);
            values.encode(row, out);
        }
    }
}

/// What comes before a named field's value in [`canon::encode_fields`].
pub fn field_prefix(name: &str) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(name.len() + 5);
    canon::sized(tag::TEXT, name.as_bytes(), &mut prefix);
    prefix
}

impl<'a> Values<'a> {
    fn new(ty: &'a LogicalType, array: &'a ArrayRef) -> Self {
        use LogicalType::*;
        match ty {
            Bool => Values::Bool(array.as_boolean()),
            Int16 => Values::Int16(array.as_primitive()),
            Int32 => Values::Int32(array.as_primitive()),
            Int64 => Values::Int64(array.as_primitive()),
            Float32 => Values::Float32(array.as_primitive()),
            Float64 => Values::Float64(array.as_primitive()),
            Numeric(_) => Values::Numeric(array.as_string()),
            Text => Values::Text(tag::TEXT, array.as_string()),
            Uuid => Values::Text(tag::UUID, array.as_string()),
            Bytes => Values::Bytes(array.as_binary()),
            Date => Values::Date(array.as_primitive()),
            Time => Values::Time(array.as_primitive()),
            Timestamp => Values::Timestamp(tag::TIMESTAMP, array.as_primitive()),
            TimestampTz => Values::Timestamp(tag::TIMESTAMPTZ, array.as_primitive()),
            Json | Interval | Array(_) => Values::Other(array.as_ref(), ty),
        }
    }

    fn encode(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            out.push(tag::NULL);
            return;
        }
        match self {
            Values::Bool(a) => out.extend_from_slice(&[tag::BOOL, u8::from(a.value(row))]),
            Values::Int16(a) => canon::int(i64::from(a.value(row)), out),
            Values::Int32(a) => canon::int(i64::from(a.value(row)), out),
            Values::Int64(a) => canon::int(a.value(row), out),
            Values::Float32(a) => canon::float(f64::from(a.value(row)), out),
            Values::Float64(a) => canon::float(a.value(row), out),
            Values::Numeric(a) => {
                canon::sized(tag::NUMERIC, canon::plain_decimal(a.value(row)).as_bytes(), out);
            }
            Values::Text(tag, a) => canon::sized(*tag, a.value(row).as_bytes(), out),
            Values::Bytes(a) => canon::sized(tag::BYTES, a.value(row), out),
            Values::Date(a) => canon::fixed(tag::DATE, &canon::ordered(i64::from(a.value(row))), out),
            Values::Time(a) => canon::fixed(tag::TIME, &canon::ordered(a.value(row)), out),
            Values::Timestamp(tag, a) => canon::fixed(*tag, &canon::ordered(a.value(row)), out),
            Values::Other(a, ty) => canon::encode(*a, ty, row, out),
        }
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Values::Bool(a) => a.is_null(row),
            Values::Int16(a) => a.is_null(row),
            Values::Int32(a) => a.is_null(row),
            Values::Int64(a) => a.is_null(row),
            Values::Float32(a) => a.is_null(row),
            Values::Float64(a) => a.is_null(row),
            Values::Numeric(a) | Values::Text(_, a) => a.is_null(row),
            Values::Bytes(a) => a.is_null(row),
            Values::Date(a) => a.is_null(row),
            Values::Time(a) => a.is_null(row),
            Values::Timestamp(_, a) => a.is_null(row),
            Values::Other(a, _) => a.is_null(row),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    #[test]
    fn rows_are_encoded_as_their_values_are_one_by_one() {
        let samples = [
            ("bool", "true"),
            ("int16", "-7"),
            ("int32", "70000"),
            ("int64", "9007199254740993"),
            ("float32", "1.5"),
            ("float64", "-0"),
            ("numeric(10,2)", "1.50"),
            ("text", "é\u{1F600}"),
            ("bytes", "\\x00ff"),
            ("uuid", "6f6b2f0c-8a4e-4a3e-9a3c-0123456789ab"),
            ("date", "2025-01-31"),
            ("time", "10:00:00.5"),
            ("timestamp", "2025-01-31T10:00:00"),
            ("timestamptz", "2025-01-31T10:00:00Z"),
            ("interval", "P1Y2DT3S"),
            ("json", "{ \"a\" : 1 }"),
            ("int32[]", "[1,null]"),
        ];
        for (name, value) in samples {
            let ty: LogicalType = name.parse().unwrap();
            let (array, bad) = text::parse(&[Some(value), None], &ty);
            assert!(bad.is_empty(), "{value} is no {name}");
            let prefix = field_prefix("f");
            let encoder = RowEncoder::new([(prefix.as_slice(), &ty, &array)]);
            for row in 0..2 {
                let (mut one, mut many) = (Vec::new(), Vec::new());
                canon::encode_fields(&[("f", &ty, array.as_ref())], row, &mut one);
                encoder.encode(row, &mut many);
                assert_eq!(one, many, "{name}");
            }
        }
    }
}
