//! Requests that could not be read: which parameter or field is wrong, and what is expected, in plain words.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use syncline_api::ProblemItem;
use syncline_core::{Error, ErrorKind};

use crate::problem::Fault;

/// Most characters of a value that is shown.
const SHOWN_MAX: usize = 60;

/// The error for a body that is no `T`.
pub fn body<T: DeserializeOwned>(bytes: &[u8]) -> Fault {
    if bytes.trim_ascii().is_empty() {
        let error = Error::new(ErrorKind::BadUsage, "the body is empty, and a JSON object is needed");
        return error
            .help("send the fields that the API's description lists, for example {\"name\": \"value\"}")
            .into();
    }
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(e) => {
            let what = if e.is_eof() { "it breaks off" } else { "look" };
            let message =
                format!("the body is no valid JSON: {what} at line {}, column {}", e.line(), e.column());
            let error = Error::new(ErrorKind::BadUsage, message);
            return error
                .help("texts and names stand in double quotes, and no comma follows the last of a list")
                .into();
        }
    };
    if !value.is_object() {
        let message = format!("the body has to be a JSON object, and is {}", kind(&value));
        let error = Error::new(ErrorKind::BadUsage, message);
        return error
            .help("send an object with the fields that the API's description lists, such as {}")
            .into();
    }
    match serde_path_to_error::deserialize::<_, T>(&value) {
        Err(e) => {
            let mut place = pointer(e.path());
            let mut reason = e.inner().to_string();
            if let Some(words) = words::<T>(&value, &place, &reason) {
                reason = words;
            }
            if let Some(field) = quoted(&reason, "missing field ") {
                place = format!("{place}/{}", escaped(field));
            }
            let given = value.pointer(&place).map(|value| shown(value, &reason));
            let name = place.trim_start_matches('/').replace('/', ".");
            item(&name, place, given.as_deref(), &reason, "field")
        }
        // Each field for itself is right: one is there twice.
        Ok(_) => {
            let error = Error::new(ErrorKind::BadUsage, "a field of the body is there twice");
            error.help("give each field once").into()
        }
    }
}

/// The error for query parameters, by what was given and why they were refused.
pub fn query(given: &[(String, String)], refused: &str) -> Fault {
    let text = refused.rsplit_once("query string: ").map_or(refused, |(_, text)| text);
    let (name, reason) = match text.split_once(": ") {
        Some((name, reason)) if given.iter().any(|(key, _)| key == name) => (name, reason),
        _ => ("", text),
    };
    let named = ["unknown field ", "missing field ", "duplicate field "];
    let name = named.into_iter().find_map(|before| quoted(reason, before)).unwrap_or(name);
    let value = given.iter().find(|(key, _)| key == name).map(|(_, value)| format!("'{}'", cut(value)));
    item(name, format!("?{name}"), value.as_deref(), reason, "parameter")
}

/// The error for a parameter that was read and cannot be used.
pub fn parameter(name: &str, message: String, help: Option<String>) -> Fault {
    refused(format!("?{name}"), "invalid_value", message, help)
}

/// `reason` is what the reader says; `what` is a field or a parameter.
fn item(name: &str, at: String, given: Option<&str>, reason: &str, what: &str) -> Fault {
    let shown = cut(name);
    let (code, message, help) = if reason.starts_with("unknown field ") {
        let known = alternatives(reason);
        let help = if known.is_empty() {
            "leave it out".into()
        } else {
            format!("it is one of {}", known.join(", "))
        };
        ("unknown_key", format!("there is no {what} '{shown}' here"), Some(help))
    } else if reason.starts_with("missing field ") {
        ("missing_key", format!("the {what} '{shown}' is missing"), None)
    } else if reason.starts_with("duplicate field ") {
        ("invalid_value", format!("the {what} '{shown}' is there twice"), Some("give it once".into()))
    } else {
        let message = match given {
            Some(given) => format!("'{shown}' cannot be {given}"),
            None => format!("'{shown}' cannot be read"),
        };
        ("invalid_value", message, expected(reason, given))
    };
    refused(at, code, message, help)
}

fn refused(at: String, code: &str, message: String, help: Option<String>) -> Fault {
    let mut error = Error::new(ErrorKind::BadUsage, message.clone());
    error.help = help.clone();
    let item = ProblemItem { code: code.into(), message, at: Some(at), help, warning: false };
    Fault::from(error).with_items(vec![item])
}

/// What would be right, with an example.
fn expected(reason: &str, given: Option<&str>) -> Option<String> {
    let words = alternatives(reason);
    if reason.starts_with("unknown variant ") && !words.is_empty() {
        return Some(format!("it is one of {}", words.join(", ")));
    }
    let wanted = reason.rsplit_once("expected ").map_or(reason, |(_, wanted)| wanted);
    let wanted = wanted.split(" at line ").next().unwrap_or(wanted);
    let text = given.map(|given| given.trim_matches(['\'', '"']));
    let says = |any: &[&str]| any.iter().any(|text| reason.contains(text));
    let help = match wanted {
        _ if text.is_some_and(|text| is_time(reason, text)) => {
            "give a time with its zone, such as 2026-01-31T09:00:00Z"
        }
        "u8" | "u16" | "u32" | "u64" | "usize" => "give a whole number that is not negative, such as 20",
        "i8" | "i16" | "i32" | "i64" | "isize" => "give a whole number, such as 20",
        "f32" | "f64" => "give a number, such as 2.5",
        "a boolean" => "give true or false",
        "a string" => "give a text in double quotes, such as \"name\"",
        "a sequence" => "give a list, such as [\"one\", \"two\"]",
        "a map" => "give an object, such as {\"name\": \"value\"}",
        _ if wanted.starts_with("struct ") => "give an object, such as {\"name\": \"value\"}",
        _ if says(&["invalid digit", "parse integer", "number too large", "number too small"]) => {
            "give a whole number that is not negative, such as 20"
        }
        _ if says(&["provided string was not"]) => "give true or false",
        _ => return Some(format!("it takes {wanted}")),
    };
    Some(help.into())
}

/// The reader's own list of words, where it only says that it wanted one.
fn words<T: DeserializeOwned>(value: &Value, place: &str, reason: &str) -> Option<String> {
    if !reason.ends_with("expected string or map") {
        return None;
    }
    let mut tried = value.clone();
    *tried.pointer_mut(place)? = Value::String(String::new());
    let told = serde_json::from_value::<T>(tried).err()?.to_string();
    told.starts_with("unknown variant ").then_some(told)
}

/// The words in backquotes after `expected`.
fn alternatives(reason: &str) -> Vec<&str> {
    let Some((_, list)) = reason.split_once("expected ") else { return Vec::new() };
    list.split('`').skip(1).step_by(2).collect()
}

/// The word in backquotes after `before`, which the reason begins with.
fn quoted<'a>(reason: &'a str, before: &str) -> Option<&'a str> {
    reason.strip_prefix(before)?.strip_prefix('`')?.split('`').next()
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", escaped(key)),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(step).collect()
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A value as it is shown. What may be a secret is not: a text where something else is wanted, or anything
/// where a text is.
fn shown(value: &Value, reason: &str) -> String {
    let is_open = match value {
        Value::String(text) => reason.starts_with("unknown variant ") || is_time(reason, text),
        Value::Number(_) | Value::Bool(_) => !reason.ends_with("expected a string"),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    if is_open { cut(&value.to_string()) } else { kind(value).into() }
}

/// Whether `reason` says why `text` is no time.
fn is_time(reason: &str, text: &str) -> bool {
    text.parse::<Timestamp>().is_err_and(|e| reason.contains(&e.to_string()))
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use syncline_api::{NewToken, TriggerRequest};

    use super::*;

    fn told(fault: &Fault) -> (String, String, String) {
        let item = fault.items.first().cloned().unwrap_or_default();
        assert!(fault.items.is_empty() || item.message == fault.error.message);
        let help = fault.error.help.clone().unwrap_or_default();
        (item.at.unwrap_or_default(), fault.error.message.clone(), help)
    }

    fn of_trigger(text: &str) -> (String, String, String) {
        told(&body::<TriggerRequest>(text.as_bytes()))
    }

    #[test]
    fn a_field_that_cannot_be_read_is_named_with_what_it_takes() {
        for (text, at, message, help) in [
            (
                "{\"max_entities\":-1}",
                "/max_entities",
                "'max_entities' cannot be -1",
                "a whole number that is not negative",
            ),
            ("{\"type\":5}", "/type", "'type' cannot be 5", "it is one of sync, one_time, test, seed"),
            (
                "{\"type\":\"x\"}",
                "/type",
                "'type' cannot be \"x\"",
                "it is one of sync, one_time, test, seed",
            ),
            ("{\"run_at\":\"soon\"}", "/run_at", "'run_at' cannot be \"soon\"", "2026-01-31T09:00:00Z"),
            ("{\"source_ids\":\"7\"}", "/source_ids", "'source_ids' cannot be a text", "a list"),
            ("{\"source_ids\":[7]}", "/source_ids/0", "'source_ids.0' cannot be a number", "a text"),
            ("{\"reseed\":true}", "/reseed", "'reseed' cannot be true", "an object"),
            ("{\"reseed\":{}}", "/reseed/confirm", "the field 'reseed.confirm' is missing", ""),
            ("{\"typ\":\"sync\"}", "/typ", "there is no field 'typ' here", "type, cursor"),
        ] {
            let told = of_trigger(text);
            assert_eq!((told.0.as_str(), told.1.as_str()), (at, message), "{text}");
            assert!(told.2.contains(help), "{text}: {}", told.2);
        }
        let hidden =
            told(&body::<NewToken>(b"{\"name\":\"x\",\"role\":\"viewer\",\"expires_in_days\":\"hunter2\"}"));
        assert_eq!(hidden.1, "'expires_in_days' cannot be a text", "it may be a secret");
        let missing = told(&body::<NewToken>(b"{\"role\":\"viewer\"}"));
        assert_eq!((missing.0.as_str(), missing.1.as_str()), ("/name", "the field 'name' is missing"));
    }

    #[test]
    fn a_body_that_is_no_object_is_told_so() {
        for (text, message) in [
            ("", "the body is empty, and a JSON object is needed"),
            ("\"x\"", "the body has to be a JSON object, and is a text"),
            ("[1]", "the body has to be a JSON object, and is a list"),
            ("{\"type\":", "the body is no valid JSON: it breaks off at line 1, column 8"),
            ("{bad", "the body is no valid JSON: look at line 1, column 2"),
            ("{\"type\":\"test\",\"type\":\"test\"}", "a field of the body is there twice"),
        ] {
            assert_eq!(of_trigger(text).1, message, "{text}");
        }
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read")]
    struct Wanted {
        page: Option<u64>,
        since: Option<Timestamp>,
        failed: Option<bool>,
    }

    #[test]
    fn a_parameter_that_cannot_be_read_is_named_with_what_it_takes() {
        for (text, at, message, help) in [
            ("page=-1", "?page", "'page' cannot be '-1'", "such as 20"),
            ("page=", "?page", "'page' cannot be ''", "such as 20"),
            ("page=99999999999999999999", "?page", "'page' cannot be '99999999999999999999'", "such as 20"),
            ("since=yesterday", "?since", "'since' cannot be 'yesterday'", "2026-01-31T09:00:00Z"),
            ("since=2026-01-31", "?since", "'since' cannot be '2026-01-31'", "2026-01-31T09:00:00Z"),
            ("failed=maybe", "?failed", "'failed' cannot be 'maybe'", "true or false"),
            ("pge=1", "?pge", "there is no parameter 'pge' here", "page, since, failed"),
            ("page=1&page=2", "?page", "the parameter 'page' is there twice", "once"),
        ] {
            let uri = format!("http://x/?{text}").parse().expect("an address");
            let refused = axum::extract::Query::<Wanted>::try_from_uri(&uri).expect_err(text);
            let given = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri).expect("pairs").0;
            let told = told(&query(&given, &refused.body_text()));
            assert_eq!((told.0.as_str(), told.1.as_str()), (at, message), "{text}: {}", refused.body_text());
            assert!(told.2.contains(help), "{text}: {}", told.2);
        }
    }
}
