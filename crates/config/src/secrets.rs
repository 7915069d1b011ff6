//! Secrets: the placeholders that stand for them, where they come from, and finding those that
//! were written in clear.

use std::io;
use std::path::Path;

use crate::node::{Node, ScalarKind, Value};
use crate::source::Span;

/// Where the values behind placeholders come from.
pub trait SecretSource {
    /// The value of an environment variable, if it is set.
    fn env(&self, name: &str) -> Option<String>;

    /// The text of a file.
    fn file(&self, path: &Path) -> io::Result<String>;

    /// A secret that a server keeps for an object made through its API: the object (a connection's
    /// name, or `notifications:` and a name) and the path of the option. The error is a sentence
    /// without a full stop.
    fn state(&self, owner: &str, path: &str) -> Result<String, String> {
        let _ = path;
        Err(format!("the secrets of {owner} are kept by the server; only it can use them"))
    }
}

/// The environment of this process and the files it can read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessSecrets;

impl SecretSource for ProcessSecrets {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// A stretch of a text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Env(String),
    File(String),
    /// A secret kept by a server: `${state:owner.path}`.
    State {
        owner: String,
        path: String,
    },
}

/// Splits a text at its placeholders: `${env:NAME}`, `${file:path}` and `${state:owner.path}`; `$${`
/// stands for `${`.
pub(crate) fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            literal.push_str(before);
            literal.push_str("${");
            rest = after;
            continue;
        }
        literal.push_str(before);
        if !literal.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut literal)));
        }
        let Some(end) = after.find('}') else {
            return Err("a placeholder is not closed: the '}' is missing".to_string());
        };
        parts.push(placeholder(&after[..end])?);
        rest = &after[end + 1..];
    }
    literal.push_str(rest);
    if !literal.is_empty() || parts.is_empty() {
        parts.push(Part::Text(literal));
    }
    Ok(parts)
}

fn placeholder(text: &str) -> Result<Part, String> {
    match text.split_once(':') {
        Some(("env", name)) if is_variable(name) => Ok(Part::Env(name.to_string())),
        Some(("file", path)) if !path.trim().is_empty() => Ok(Part::File(path.to_string())),
        Some(("state", kept)) => match kept.split_once('.') {
            Some((owner, path)) if !owner.is_empty() && !path.is_empty() => {
                Ok(Part::State { owner: owner.to_string(), path: path.to_string() })
            }
            _ => Err("a kept secret is written ${state:connection.option}".to_string()),
        },
        _ => {
            Err("a placeholder is written ${env:NAME} or ${file:path}; for a plain ${ write $${".to_string())
        }
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a text has something that looks like a placeholder of a secret.
pub(crate) fn has_placeholder(text: &str) -> bool {
    ["${env:", "${file:", "${state:"].iter().any(|start| text.contains(start))
}

/// Words in the names of options that hold secrets.
const SECRET_WORDS: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "private_key",
    "authorization",
];
/// Endings of names that only say where a secret is.
const NOT_SECRET_ENDINGS: [&str; 6] = ["_url", "_file", "_path", "_name", "_endpoint", "_field"];

/// Whether an option of this name holds a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let name = name.to_lowercase().replace('-', "_");
    SECRET_WORDS.iter().any(|word| name.contains(word))
        && !NOT_SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The password in a URL, as a byte range.
pub(crate) fn url_password(text: &str) -> Option<(usize, usize)> {
    let user = text.find("://")? + 3;
    let end = text[user..]
        .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\''))
        .map_or(text.len(), |n| user + n);
    let at = user + text[user..end].rfind('@')?;
    let colon = user + text[user..at].find(':')?;
    (colon + 1 < at).then_some((colon + 1, at))
}

/// Whether a value holds a secret by itself: a URL or connection string with a password.
fn is_secret_value(text: &str) -> bool {
    let in_url = url_password(text).is_some_and(|(start, end)| !text[start..end].contains("${"));
    in_url || has_secret_parameter(text)
}

/// Whether a connection string or the query of a URL gives a password, or another secret, in clear.
pub(crate) fn has_secret_parameter(text: &str) -> bool {
    let is_clear = |value: &str| !value.is_empty() && !value.starts_with("${");
    let lower = text.to_lowercase();
    let in_string = lower.split_once("password=").is_some_and(|(_, value)| is_clear(value));
    let query =
        text.split_once("://").and_then(|(_, rest)| rest.split_once('?')).map_or("", |(_, query)| query);
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    in_string || pairs.any(|(name, value)| is_secret_name(name) && is_clear(value))
}

/// The values in a tree that are secrets written in clear. `marked` says which options a
/// connector declares to be secret.
pub(crate) fn clear_values(node: &Node, marked: &dyn Fn(&str) -> bool) -> Vec<Span> {
    let mut found = Vec::new();
    collect(node, false, marked, &mut found);
    found
}

fn collect(node: &Node, secret: bool, marked: &dyn Fn(&str) -> bool, found: &mut Vec<Span>) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                collect(
                    &entry.node,
                    secret || is_secret_name(&entry.key) || marked(&entry.key),
                    marked,
                    found,
                );
            }
        }
        Value::List(items) => items.iter().for_each(|item| collect(item, secret, marked, found)),
        Value::Scalar(scalar) => {
            let filled =
                !scalar.text.is_empty() && !matches!(scalar.kind, ScalarKind::Null | ScalarKind::Bool(_));
            if filled && ((secret && !scalar.text.contains("${")) || is_secret_value(&scalar.text)) {
                found.push(node.span);
            }
        }
    }
}

/// The stretches of a file's text that look like secrets written in clear.
///
/// It works on text alone, so that an excerpt of a file that is not valid YAML shows none either;
/// hiding a little too much is its intent.
pub(crate) fn clear_text(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    let mut block_indent = None;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let indent = content.len() - content.trim_start().len();
        if block_indent.is_some_and(|outer| indent > outer || content.trim().is_empty()) {
            found.push((at, at + content.len()));
        } else {
            block_indent = None;
            hide_in_line(content, at, &mut found);
            let (key, value) = content.split_once(':').unwrap_or((content, ""));
            if is_secret_name(key.trim()) && !value.contains("${") && is_continued(value) {
                block_indent = Some(indent);
            }
        }
        at += line.len();
    }
    found
}

/// Whether the value of a key stands on the lines that follow.
fn is_continued(value: &str) -> bool {
    let value = value.trim();
    value.is_empty() || value.starts_with(['|', '>']) || unclosed(value)
}

fn unclosed(value: &str) -> bool {
    value.chars().next().is_some_and(|quote| matches!(quote, '"' | '\'') && !value[1..].contains(quote))
}

fn hide_in_line(line: &str, offset: usize, found: &mut Vec<(usize, usize)>) {
    let mut from = 0;
    while let Some((start, end)) = url_password(&line[from..]) {
        if !line[from + start..from + end].contains("${") {
            found.push((offset + from + start, offset + from + end));
        }
        from += end;
    }
    for (colon, _) in line.match_indices([':', '=']) {
        let key = line[..colon].trim_end().trim_end_matches(['"', '\'']);
        let word_start = key
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
            .map_or(0, |n| n + key[n..].chars().next().map_or(1, char::len_utf8));
        if !is_secret_name(&key[word_start..]) {
            continue;
        }
        let value = &line[colon + 1..];
        let start = value.len() - value.trim_start().len();
        let end = value_end(&value[start..]) + start;
        if end > start && !value[start..end].contains("${") {
            found.push((offset + colon + 1 + start, offset + colon + 1 + end));
        }
    }
}

/// Where a value at the start of a text ends.
fn value_end(text: &str) -> usize {
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => text[1..].find(quote).map_or(text.len(), |n| n + 2),
        _ => text.find([',', '}']).unwrap_or(text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_split_from_the_text_around_them() {
        assert_eq!(
            parts("postgres://${env:USER}:${file:/run/pw}@db/x").unwrap(),
            [
                Part::Text("postgres://".into()),
                Part::Env("USER".into()),
                Part::Text(":".into()),
                Part::File("/run/pw".into()),
                Part::Text("@db/x".into()),
            ]
        );
        assert_eq!(parts("a $${env:B} $5").unwrap(), [Part::Text("a ${env:B} $5".into())]);
        assert_eq!(parts("").unwrap(), [Part::Text(String::new())]);
        for wrong in ["${env:}", "${env:A", "${CRM_URL}", "${env:A B}", "${env:1A}", "${file: }"] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_of_secrets_are_recognized() {
        for name in ["password", "api_key", "client-secret", "access_token", "Authorization"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["url", "token_url", "password_file", "key", "secret_name"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn clear_text_finds_secrets_even_where_the_yaml_is_broken() {
        let text = "a: { password: hunter2, host: x }\nurl: \"postgres://u:s3cret@h/db\"\n\
                    pw: ${env:X}\ntoken: \"${env:T}\"\nprivate_key: |\n  line one\n  line two\nhost: y\n\
                    dsn: host=x password=abc\napi_key: 'it is'\n\"secret\": zz\n";
        let hidden: Vec<&str> = clear_text(text).into_iter().map(|(a, b)| &text[a..b]).collect();
        for secret in ["hunter2", "s3cret", "  line one", "  line two", "abc", "'it is'", "zz"] {
            assert!(hidden.contains(&secret), "{secret}: {hidden:?}");
        }
        assert!(!hidden.iter().any(|h| h.contains("host") || h.contains("${")), "{hidden:?}");
    }
}
