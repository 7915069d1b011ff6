//! Rows in binary format for tests.

use proptest::prelude::*;
use tokio_postgres::types::Type;

use super::column::MICROS_PER_DAY;

pub type Fields = Vec<Option<Vec<u8>>>;

/// One of each wire format, with arrays of a fixed and of a variable one.
pub const TYPES: [Type; 18] = [
    Type::BOOL,
    Type::INT2,
    Type::INT4,
    Type::INT8,
    Type::OID,
    Type::FLOAT4,
    Type::FLOAT8,
    Type::NUMERIC,
    Type::TEXT,
    Type::JSONB,
    Type::BYTEA,
    Type::UUID,
    Type::DATE,
    Type::TIME,
    Type::TIMESTAMPTZ,
    Type::INTERVAL,
    Type::INT4_ARRAY,
    Type::NUMERIC_ARRAY,
];

/// A whole stream of these rows.
pub fn stream(rows: &[Fields]) -> Vec<u8> {
    let mut out = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for row in rows {
        out.extend((row.len() as i16).to_be_bytes());
        for field in row {
            let len = field.as_ref().map_or(-1, |bytes| bytes.len() as i32);
            out.extend(len.to_be_bytes());
            out.extend(field.iter().flatten());
        }
    }
    out.extend((-1i16).to_be_bytes());
    out
}

/// An array's binary form. `dimensions`: length and lower bound of each.
pub fn array(dimensions: &[(i32, i32)], oid: u32, elements: &[Option<&[u8]>]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend((dimensions.len() as i32).to_be_bytes());
    out.extend(0i32.to_be_bytes());
    out.extend(oid.to_be_bytes());
    for (len, lower) in dimensions {
        out.extend(len.to_be_bytes());
        out.extend(lower.to_be_bytes());
    }
    for element in elements {
        out.extend(element.map_or(-1, |e| e.len() as i32).to_be_bytes());
        out.extend(element.iter().copied().flatten());
    }
    out
}

/// Bytes that are often, but not always, a good value of the type.
pub fn field(ty: &Type) -> BoxedStrategy<Option<Vec<u8>>> {
    let width = match *ty {
        Type::BOOL => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::OID | Type::FLOAT4 | Type::DATE => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIME | Type::TIMESTAMPTZ => 8,
        Type::UUID | Type::INTERVAL => 16,
        _ => 0,
    };
    let good = match *ty {
        Type::BOOL => (0u8..2).prop_map(|b| vec![b]).boxed(),
        Type::TIME => (0..=MICROS_PER_DAY).prop_map(|t| t.to_be_bytes().to_vec()).boxed(),
        Type::TEXT => ".*".prop_map(String::into_bytes).boxed(),
        Type::JSONB => ".*".prop_map(|t: String| [b"\x01", t.as_bytes()].concat()).boxed(),
        Type::NUMERIC => prop::collection::vec(0u16..10_000, 0..5)
            .prop_map(|digits| {
                let words = [digits.len() as u16, 1, 0, 3];
                words.iter().chain(&digits).flat_map(|word| word.to_be_bytes()).collect()
            })
            .boxed(),
        Type::INT4_ARRAY => prop::collection::vec(prop::option::of(any::<[u8; 4]>()), 0..5)
            .prop_map(|items| {
                let items: Vec<Option<&[u8]>> = items.iter().map(|i| i.as_ref().map(|b| &b[..])).collect();
                array(&[(items.len() as i32, 1)], Type::INT4.oid(), &items)
            })
            .boxed(),
        Type::NUMERIC_ARRAY => Just(array(&[], Type::NUMERIC.oid(), &[])).boxed(),
        _ if width > 0 => prop::collection::vec(any::<u8>(), width).boxed(),
        _ => prop::collection::vec(any::<u8>(), 0..30).boxed(),
    };
    prop::option::of(good).boxed()
}

/// A few rows of [`TYPES`].
pub fn rows() -> impl Strategy<Value = Vec<Fields>> {
    let row: Vec<BoxedStrategy<Option<Vec<u8>>>> = TYPES.iter().map(field).collect();
    prop::collection::vec(row, 0..6)
}
