//! Values that systems get wrong, per type, and when two texts are the same value.

use arrow::array::ArrayRef;
use syncline_core::{LogicalType, canon, text};

/// Every canonical type, with arrays of those items that systems treat differently.
pub fn types() -> Vec<LogicalType> {
    use LogicalType::*;
    let array = |item| Array(Box::new(item));
    vec![
        Bool,
        Int16,
        Int32,
        Int64,
        Float32,
        Float64,
        Numeric(None),
        Numeric(Some((38, 10))),
        Text,
        Bytes,
        Uuid,
        Date,
        Time,
        Timestamp,
        TimestampTz,
        Interval,
        Json,
        array(Bool),
        array(Int32),
        array(Int64),
        array(Float64),
        array(Numeric(None)),
        array(Text),
        array(Uuid),
        array(Date),
        array(TimestampTz),
    ]
}

/// Canonical texts of a type: its limits, and what is often bent on the way. A NUL character, which
/// some systems cannot hold, is the last of the texts.
pub fn edges(ty: &LogicalType) -> &'static [&'static str] {
    use LogicalType::*;
    match ty {
        Bool => &["true", "false"],
        Int16 => &["-32768", "-1", "0", "32767"],
        Int32 => &["-2147483648", "0", "2147483647"],
        Int64 => &["-9223372036854775808", "0", "9007199254740993", "9223372036854775807"],
        Float32 => &[
            "0",
            "-0.1",
            "16777216",
            "3.4028235e38",
            "1.1754944e-38",
            "1e-45",
            "NaN",
            "Infinity",
            "-Infinity",
        ],
        Float64 => &[
            "0",
            "0.30000000000000004",
            "-9007199254740992",
            "1.7976931348623157e308",
            "2.2250738585072014e-308",
            "5e-324",
            "NaN",
            "Infinity",
            "-Infinity",
        ],
        Numeric(None) => &[
            "0",
            "-1.50",
            "9007199254740993",
            "18446744073709551616",
            "12345678901234567890123456789012345678901234567890.0123456789",
            "0.00000000000000000000000000000000000001",
            "NaN",
            "Infinity",
            "-Infinity",
        ],
        Numeric(Some(_)) => &["0", "1.5", "-0.0000000001", "1234567890123456789012345678.0123456789", "NaN"],
        Text => &[
            "",
            " ",
            "plain",
            "  padded  ",
            "007",
            "1e3",
            "null",
            "NULL",
            "\\N",
            "\\x00",
            "a,b;\"c\"\ttab",
            "two\r\nlines\n",
            "\u{feff}mark",
            "it's 100 % $1 {} ? :x --",
            "é 中 \u{1f642} \u{1f469}\u{200d}\u{1f4bb} \u{2028}",
            "\u{1}\u{7f}",
            "nul\0",
        ],
        Bytes => &["\\x", "\\x00", "\\xff00fe", "\\x5c780a22", "\\xc3a9"],
        Uuid => &[
            "00000000-0000-0000-0000-000000000000",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ],
        Date => &[
            "0001-01-01",
            "1582-10-10",
            "1969-12-31",
            "2000-02-29",
            "9999-12-31",
            "+12345-01-01",
            "-0043-03-15",
            "infinity",
            "-infinity",
        ],
        Time => &["00:00:00", "12:30:00.5", "23:59:59.999999", "24:00:00"],
        Timestamp => &[
            "0001-01-01T00:00:00",
            "1969-12-31T23:59:59.999999",
            "2016-12-31T23:59:59",
            "9999-12-31T23:59:59.999999",
            "infinity",
            "-infinity",
        ],
        TimestampTz => &[
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "2025-03-30T01:30:00Z",
            "9999-12-31T23:59:59.999999Z",
            "infinity",
            "-infinity",
        ],
        Interval => &["PT0S", "P14M3DT-90.5S", "P-1M-1DT-0.000001S", "P0M1D", "PT86400S"],
        Json => &[
            "{}",
            "[]",
            "null",
            "true",
            "\"\"",
            "\"text \u{1f642}\"",
            "9007199254740993",
            "12345678901234567890.12345",
            "{\"a\":{\"b\":[1,2.5,null,{\"c\":\"x\\ny\"}]}}",
        ],
        Array(item) => match **item {
            Bool => &["[]", "[true,null,false]"],
            Int32 => &["[]", "[null]", "[1,null,-3]"],
            Int64 => &["[]", "[9007199254740993,-9223372036854775808]"],
            Float64 => &["[]", "[0.1,null,\"NaN\",\"-Infinity\"]"],
            Numeric(_) => &["[]", "[\"1.5\",null,\"NaN\",\"12345678901234567890123.01\"]"],
            Text => &["[]", "[\"\"]", "[\"a,b\",\"\",null,\"\\\"\",\"{}\",\"NULL\",\"\u{1f642}\"]"],
            Uuid => &["[]", "[\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\",null]"],
            Date => &["[]", "[\"0001-01-01\",null,\"infinity\"]"],
            TimestampTz => &["[]", "[\"2025-03-30T01:30:00Z\",null,\"-infinity\"]"],
            _ => &["[]"],
        },
    }
}

/// Whether two texts are the same value of a type; `None` is NULL. A text that is no value of the
/// type is the same as nothing.
pub fn is_same(ty: &LogicalType, a: Option<&str>, b: Option<&str>) -> bool {
    match (bytes(ty, a), bytes(ty, b)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// Parses canonical texts like [`text::parse`], and exactly also where arrays hold long fractions: a
/// JSON parser may read a number as a neighbour of the nearest float, so numbers are made strings.
pub fn parse(texts: &[Option<&str>], ty: &LogicalType) -> (ArrayRef, Vec<usize>) {
    if !matches!(ty, LogicalType::Array(_)) {
        return text::parse(texts, ty);
    }
    let quoted: Vec<Option<String>> = texts.iter().map(|text| text.map(quote_numbers)).collect();
    text::parse(&quoted.iter().map(Option::as_deref).collect::<Vec<_>>(), ty)
}

/// Puts the numbers of a JSON text into quotes.
fn quote_numbers(json: &str) -> String {
    let mut quoted = String::with_capacity(json.len());
    let (mut in_string, mut in_number, mut escaped) = (false, false, false);
    for c in json.chars() {
        let is_number = !in_string && matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E');
        // The letter e of `true` and `false` starts no number.
        let is_number = is_number && (in_number || c != 'e');
        if is_number != in_number {
            quoted.push('"');
            in_number = is_number;
        }
        quoted.push(c);
        if c == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && c == '\\' && !escaped;
    }
    quoted
}

fn bytes(ty: &LogicalType, value: Option<&str>) -> Option<Vec<u8>> {
    let (array, bad) = parse(&[value], ty);
    let mut bytes = Vec::new();
    canon::encode(&array, ty, 0, &mut bytes);
    bad.is_empty().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_quoted_and_nothing_else() {
        for (json, quoted) in [
            ("[]", "[]"),
            ("[1,-2.5e+3, null,true,false]", r#"["1","-2.5e+3", null,true,false]"#),
            (r#"["1","a\"2","\\",3]"#, r#"["1","a\"2","\\","3"]"#),
        ] {
            assert_eq!(quote_numbers(json), quoted);
        }
    }

    #[test]
    fn every_edge_is_a_value_of_its_type_and_differs_from_the_others() {
        for ty in types() {
            let texts = edges(&ty);
            assert!(!texts.is_empty(), "{ty}");
            for (i, text) in texts.iter().enumerate() {
                assert!(is_same(&ty, Some(text), Some(text)), "{ty} {text}");
                assert!(!is_same(&ty, Some(text), None), "{ty} {text}");
                for other in &texts[..i] {
                    assert!(!is_same(&ty, Some(text), Some(other)), "{ty} {text} {other}");
                }
            }
        }
    }
}
