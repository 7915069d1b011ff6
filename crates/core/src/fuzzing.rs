//! What the fuzzers in `fuzz/` call: each function takes any bytes, and a panic in it is a defect [G17].

use arrow::array::ArrayRef;

use crate::canon::{self, Key};
use crate::cursor::CursorValue;
use crate::ids::SyncId;
use crate::json_text;
use crate::text;
use crate::types::LogicalType;

/// How many types [`logical_type`] knows.
const LOGICAL_TYPES: u8 = 24;

/// A type for any number: every plain one, and arrays of some.
pub fn logical_type(number: u8) -> LogicalType {
    use LogicalType::*;
    let of = |item: LogicalType| Array(Box::new(item));
    let types: [LogicalType; LOGICAL_TYPES as usize] = [
        Bool,
        Int16,
        Int32,
        Int64,
        Float32,
        Float64,
        Numeric(None),
        Numeric(Some((10, 2))),
        Text,
        Bytes,
        Uuid,
        Date,
        Time,
        Timestamp,
        TimestampTz,
        Interval,
        Json,
        of(Int64),
        of(Float64),
        of(Numeric(None)),
        of(Text),
        of(Json),
        of(TimestampTz),
        of(Bytes),
    ];
    types[usize::from(number % LOGICAL_TYPES)].clone()
}

/// Canonical bytes as keys, fields and columns. What can be decoded keeps its bytes from then on.
pub fn canonical_bytes(bytes: &[u8]) {
    let Some((&selector, bytes)) = bytes.split_first() else { return };
    let _ = Key::new(bytes).row_id();
    let _ = canon::decode_fields(bytes);
    let Ok(values) = canon::decode(bytes) else { return };
    let types: Vec<LogicalType> =
        (0..values.len()).map(|i| logical_type(selector.wrapping_add(i as u8))).collect();
    let Ok(columns) = canon::decode_columns(&[bytes], &types) else { return };
    let first = encoded(&columns, &types);
    let again = canon::decode_columns(&[&first], &types).expect("canonical bytes can be decoded");
    assert_eq!(encoded(&again, &types), first, "{types:?}");
}

fn encoded(columns: &[ArrayRef], types: &[LogicalType]) -> Vec<u8> {
    let mut out = Vec::new();
    for (column, ty) in columns.iter().zip(types) {
        canon::encode(column, ty, 0, &mut out);
    }
    out
}

/// Lines as texts of one type. A text that is accepted has a canonical one, which keeps its value.
pub fn value_texts(bytes: &[u8]) {
    let Some((&selector, rest)) = bytes.split_first() else { return };
    let ty = logical_type(selector);
    let whole = String::from_utf8_lossy(rest);
    let texts: Vec<Option<&str>> = whole.split('\n').map(Some).collect();
    let (array, bad) = text::parse(&texts, &ty);
    assert_eq!(array.len(), texts.len());
    assert!(bad.is_sorted() && bad.iter().all(|row| *row < texts.len()));
    let good: Vec<usize> = (0..texts.len()).filter(|row| bad.binary_search(row).is_err()).collect();
    let rendered: Vec<Option<String>> = good.iter().map(|row| text::render(&array, &ty, *row)).collect();
    let (again, bad) = text::parse(&rendered.iter().map(Option::as_deref).collect::<Vec<_>>(), &ty);
    assert!(bad.is_empty(), "{ty}: {:?} is not read back", rendered[bad[0]]);
    for (i, row) in good.iter().enumerate() {
        assert_eq!(text::render(&again, &ty, i), rendered[i], "{ty} {:?}", texts[*row]);
        let _ = text::to_json(&array, &ty, *row);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        canon::encode(&array, &ty, *row, &mut before);
        canon::encode(&again, &ty, i, &mut after);
        assert_eq!(before, after, "{ty} {:?}", texts[*row]);
        let kept = canon::decode_columns(&[&before], std::slice::from_ref(&ty)).expect("it is canonical");
        assert_eq!(encoded(&kept, std::slice::from_ref(&ty)), before, "{ty} {:?}", texts[*row]);
    }
}

/// JSON that is cut into its parts without being parsed: they are the parts a parser finds.
pub fn json_parts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if json_text::validate(text).is_err() {
        return;
    }
    for number in 0..LOGICAL_TYPES {
        let _ = json_text::value_text(text.trim(), &logical_type(number));
        let _ = json_text::from_canonical(text, &logical_type(number));
    }
    // Trees cannot be made of numbers beyond all floats and of halves of surrogate pairs.
    let Ok(tree) = serde_json::from_str::<serde_json::Value>(text) else { return };
    let parsed = |raw: &str| serde_json::from_str::<serde_json::Value>(raw).expect("a part is a value");
    match &tree {
        serde_json::Value::Array(expected) => {
            let items = json_text::items(text).expect("it is an array");
            assert_eq!(&items.into_iter().map(parsed).collect::<Vec<_>>(), expected);
        }
        serde_json::Value::Object(expected) => {
            let members = json_text::members(text).expect("it is an object");
            for (key, raw) in &members {
                // Of a key that is there twice the tree keeps the last value.
                let last = members.iter().rfind(|(k, _)| k == key).map(|(_, raw)| *raw);
                assert_eq!(last.map(parsed).as_ref(), expected.get(key), "{key}: {raw}");
            }
            assert!(expected.keys().all(|key| members.iter().any(|(k, _)| k == key)));
        }
        serde_json::Value::String(expected) => {
            assert_eq!(json_text::unquote(text.trim()).as_ref(), Some(expected));
        }
        _ => {}
    }
}

/// Texts with a grammar of their own: types, ids of syncs, positions of cursors.
pub fn words(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(ty) = text.parse::<LogicalType>() {
        assert_eq!(ty.to_string().parse::<LogicalType>().ok().as_ref(), Some(&ty));
        let _ = (ty.arrow(), LogicalType::of(&ty.field("c", true)));
    }
    if let Ok(id) = SyncId::parse(text) {
        assert_eq!(SyncId::new(id.instance(), id.entity()), id);
    }
    for number in 0..LOGICAL_TYPES {
        let ty = logical_type(number);
        let Some(cursor) = CursorValue::parse(text, &ty) else { continue };
        let shown = cursor.to_string();
        if ty != LogicalType::Date {
            assert_eq!(CursorValue::parse(&shown, &ty).as_ref(), Some(&cursor), "{ty} {text}");
        }
        let stored = serde_json::to_string(&cursor).expect("a cursor is JSON");
        assert_eq!(serde_json::from_str::<CursorValue>(&stored).ok(), Some(cursor));
    }
}
