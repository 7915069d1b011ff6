//! Writes JSON as YAML text that reads back as the same JSON, as a person would write it.

use serde_json::Value as Json;

use crate::node::{Scalar, ScalarKind};

/// Words that other readers of YAML take for booleans or numbers.
const QUOTED_WORDS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "inf", "nan"];

/// The document as YAML, with a line break at its end.
pub(crate) fn yaml_text(value: &Json) -> String {
    let mut out = String::new();
    match value {
        Json::Object(map) if !map.is_empty() => entries(&mut out, map, 0),
        Json::Array(items) if !items.is_empty() => list(&mut out, items, 0),
        other => {
            out.push_str(&inline(other));
            out.push('\n');
        }
    }
    out
}

fn entries(out: &mut String, map: &serde_json::Map<String, Json>, indent: usize) {
    for (n, (key, value)) in map.iter().enumerate() {
        if n > 0 {
            pad(out, indent);
        }
        out.push_str(&text(key));
        out.push(':');
        nested(out, value, indent);
    }
}

fn list(out: &mut String, items: &[Json], indent: usize) {
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            pad(out, indent);
        }
        out.push('-');
        match item {
            Json::Object(map) if !map.is_empty() => {
                out.push(' ');
                entries(out, map, indent + 2);
            }
            Json::Array(items) if !items.is_empty() => {
                out.push(' ');
                list(out, items, indent + 2);
            }
            other => nested(out, other, indent),
        }
    }
}

/// A value behind a key or a dash, with the line break after it.
fn nested(out: &mut String, value: &Json, indent: usize) {
    match value {
        Json::Object(map) if !map.is_empty() => {
            out.push('\n');
            pad(out, indent + 2);
            entries(out, map, indent + 2);
        }
        Json::Array(items) if !items.is_empty() => {
            out.push('\n');
            pad(out, indent + 2);
            list(out, items, indent + 2);
        }
        Json::String(lines) if is_block(lines) => block(out, lines, indent + 2),
        other => {
            out.push(' ');
            out.push_str(&inline(other));
            out.push('\n');
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn inline(value: &Json) -> String {
    match value {
        Json::String(value) => text(value),
        Json::Array(_) => "[]".to_string(),
        Json::Object(_) => "{}".to_string(),
        other => other.to_string(),
    }
}

fn text(value: &str) -> String {
    if is_plain(value) { value.to_string() } else { quoted(value) }
}

/// Whether a text means itself without quotes, to this and to every other reader.
fn is_plain(value: &str) -> bool {
    let starts_plainly = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let inner = |c: char| c.is_ascii_alphanumeric() || " _-./()*+=<>|',%@&!~".contains(c);
    starts_plainly
        && value.chars().all(inner)
        && !value.ends_with(' ')
        && Scalar::plain(value.into()).kind == ScalarKind::Text
        && !QUOTED_WORDS.contains(&value.to_lowercase().as_str())
}

fn quoted(value: &str) -> String {
    let mut out = String::new();
    for c in Json::from(value).to_string().chars() {
        // JSON keeps some characters that YAML wants escaped.
        let printable = matches!(c, '\t' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
            || c >= '\u{10000}';
        let breaks = matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
        match u32::from(c) {
            code if (!printable || breaks) && code <= 0xffff => out.push_str(&format!("\\u{code:04x}")),
            _ => out.push(c),
        }
    }
    out
}

/// Whether a text is best shown as lines: it has some, and no character that a block would change.
fn is_block(value: &str) -> bool {
    let plain = |c: char| {
        c == '\n' || matches!(c, ' '..='~' | '\u{a1}'..='\u{d7ff}') && !matches!(c, '\u{2028}' | '\u{2029}')
    };
    let body = value.strip_suffix('\n').unwrap_or(value);
    body.contains('\n')
        && value.chars().all(plain)
        && !body.ends_with(['\n', ' '])
        && !body.starts_with(['\n', ' '])
        // Lines of spaces alone are read differently by different readers.
        && body.lines().all(|line| line.is_empty() || !line.trim().is_empty())
}

fn block(out: &mut String, value: &str, indent: usize) {
    out.push_str(if value.ends_with('\n') { " |\n" } else { " |-\n" });
    for line in value.lines() {
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::check::to_json;
    use crate::source::Findings;

    fn read(text: &str) -> Json {
        let mut findings = Findings::default();
        let node = crate::yaml::parse(0, text, &mut findings);
        assert!(findings.is_empty(), "{text}");
        to_json(&node.unwrap())
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let words = prop_oneof![
            any::<String>(),
            "[ -~\n]{0,20}",
            "[a-z :#'\"\n-]{0,12}",
            Just("true".to_string()),
            Just("12".to_string()),
            Just("${env:X}".to_string()),
            Just("\u{85}\u{feff}\u{2028}\u{7f}\u{1f600}".to_string()),
        ];
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            words.clone().prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 24, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::vec((words.clone(), inner), 0..4)
                    .prop_map(|entries| Json::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_document_reads_back_as_it_was(document in any_json()) {
            prop_assert_eq!(read(&yaml_text(&document)), document);
        }
    }

    #[test]
    fn it_is_written_as_a_person_would() {
        let document = json!({
            "instance": "crm",
            "entities": { "contact": {
                "model": { "sql": "select *\nfrom t\n", "key": ["a", "b"] },
                "mapping": { "email": "lower(trim(email))", "num": "1" },
                "tags": [],
            } },
            "list": [{ "a": 1, "b": [true] }, [2], "x: y"],
        });
        let expected = "instance: crm\nentities:\n  contact:\n    model:\n      sql: |\n        select *\n        \
            from t\n      key:\n        - a\n        - b\n    mapping:\n      email: lower(trim(email))\n      \
            num: \"1\"\n    tags: []\nlist:\n  - a: 1\n    b:\n      - true\n  - - 2\n  - \"x: y\"\n";
        assert_eq!(yaml_text(&document), expected);
    }
}
