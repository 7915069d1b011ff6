//! JSON as text: numbers keep their digits and nested values their spelling.
//!
//! A parsed tree would turn `0.10` and 2⁶⁴+1 into the nearest float. Here a line is validated as a
//! whole and then only cut into its parts.

use std::borrow::Cow;

use crate::types::LogicalType;
use serde::de::IgnoredAny;

/// Whether `text` is one JSON value; the error says where it is not.
pub fn validate(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ())
}

/// Key and raw value of each member of a *valid* JSON object. `None` when it is no object, or a
/// key is not Unicode text.
pub fn members(object: &str) -> Option<Vec<(String, &str)>> {
    let body = object.trim().strip_prefix('{')?.strip_suffix('}')?;
    split(body)
        .map(|member| {
            let end = string_end(member);
            let value = member[end..].trim_start().strip_prefix(':')?.trim();
            Some((unquote(&member[..end])?, value))
        })
        .collect()
}

/// The raw items of a *valid* JSON array; `None` when it is no array.
pub fn items(array: &str) -> Option<Vec<&str>> {
    Some(split(array.trim().strip_prefix('[')?.strip_suffix(']')?).collect())
}

/// The text of a *valid* JSON string; `None` when it is no string or holds half a surrogate pair.
pub fn unquote(raw: &str) -> Option<String> {
    if raw.starts_with('"') { serde_json::from_str(raw).ok() } else { None }
}

pub fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A JSON string that is no Unicode text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfSurrogate;

/// The text of a *valid* raw JSON value for a column of type `ty`; `Err` when it is a string with
/// half a surrogate pair. A column of type json keeps the value's own spelling.
pub fn value_text<'a>(raw: &'a str, ty: &LogicalType) -> Result<Option<Cow<'a, str>>, HalfSurrogate> {
    if *ty == LogicalType::Json {
        return Ok(Some(Cow::Borrowed(raw)));
    }
    match raw.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'"') => Ok(Some(Cow::Owned(unquote(raw).ok_or(HalfSurrogate)?))),
        _ => Ok(Some(Cow::Borrowed(raw))),
    }
}

/// One canonical text as raw JSON: numbers as numbers with all their digits, values that JSON has no
/// number for (`NaN`, `Infinity`) and all other types as strings, json and arrays as they are.
pub fn from_canonical<'a>(text: &'a str, ty: &LogicalType) -> Cow<'a, str> {
    match ty {
        LogicalType::Bool => Cow::Borrowed(text),
        ty if ty.is_number() && text.ends_with(|c: char| c.is_ascii_digit()) => Cow::Borrowed(text),
        // Line breaks stand only between the parts of a JSON value, never inside its strings.
        LogicalType::Json | LogicalType::Array(_) if text.contains(['\n', '\r']) => {
            Cow::Owned(text.replace(['\n', '\r'], " "))
        }
        LogicalType::Json | LogicalType::Array(_) => Cow::Borrowed(text),
        _ => Cow::Owned(quote(text)),
    }
}

/// Cuts the body of an object or array at its own commas.
fn split(body: &str) -> impl Iterator<Item = &str> {
    let mut rest = body.trim();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = value_end(rest);
        let part = rest[..end].trim();
        rest = rest[end..].strip_prefix(',').unwrap_or("").trim_start();
        Some(part)
    })
}

/// Where the first comma outside strings and brackets stands, or the end.
fn value_end(text: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at += string_end(&text[at..]) - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at.min(bytes.len())
}

/// The length of the JSON string that `text` starts with, quotes included.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (i, b) in text.bytes().enumerate().skip(1) {
        match b {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return i + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_cut_into_its_members() {
        let line = r#" { "a" : 1.50 , "b\"}": "x,\"y", "c":{"d":[1,{"e":"]"}]}, "f":[], "g":null } "#;
        validate(line).unwrap();
        let members = members(line).unwrap();
        let expected = [
            ("a", "1.50"),
            ("b\"}", r#""x,\"y""#),
            ("c", r#"{"d":[1,{"e":"]"}]}"#),
            ("f", "[]"),
            ("g", "null"),
        ];
        assert_eq!(members.iter().map(|(k, v)| (k.as_str(), *v)).collect::<Vec<_>>(), expected);
        assert_eq!(super::members("{}").unwrap(), []);
        assert_eq!(super::members("[1]"), None);
    }

    #[test]
    fn an_array_is_cut_into_its_items() {
        assert_eq!(
            items("[12345678901234567890.10, null, \"a,]\"]").unwrap(),
            ["12345678901234567890.10", "null", "\"a,]\""]
        );
        assert_eq!(items("[]").unwrap(), [""; 0]);
        assert_eq!(items("{}"), None);
    }

    #[test]
    fn numbers_without_json_spelling_become_strings() {
        assert_eq!(from_canonical("1.50", &LogicalType::Numeric(None)), "1.50");
        assert_eq!(from_canonical("-Infinity", &LogicalType::Float64), "\"-Infinity\"");
        assert_eq!(from_canonical("NaN", &LogicalType::Numeric(None)), "\"NaN\"");
        assert_eq!(from_canonical("{\n\"a\":1}", &LogicalType::Json), "{ \"a\":1}");
        assert_eq!(from_canonical("7", &LogicalType::Text), "\"7\"");
    }
}
