//! YAML as a tree in which every key and value knows where it stands.

use std::sync::Arc;

use crate::source::Span;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub span: Span,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: Arc<str>,
    pub key_span: Span,
    pub node: Node,
}

/// A single value: its text as written (quotes and escapes undone) and what it means.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub text: Arc<str>,
    pub kind: ScalarKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ScalarKind {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text,
}

impl Scalar {
    pub fn text(text: Arc<str>) -> Self {
        Self { text, kind: ScalarKind::Text }
    }

    /// An unquoted value by the rules of YAML 1.2: `no`, `on` and `off` are text, and so are
    /// numbers with leading zeros, which mean different things to different people.
    pub fn plain(text: Arc<str>) -> Self {
        let kind = match &*text {
            "" | "~" | "null" | "Null" | "NULL" => ScalarKind::Null,
            "true" | "True" | "TRUE" => ScalarKind::Bool(true),
            "false" | "False" | "FALSE" => ScalarKind::Bool(false),
            other => number(other).unwrap_or(ScalarKind::Text),
        };
        Self { text, kind }
    }
}

fn number(text: &str) -> Option<ScalarKind> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let first = digits.bytes().next()?;
    if !(first.is_ascii_digit() || first == b'.') || !digits.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    if digits.len() > 1 && first == b'0' && digits.as_bytes()[1].is_ascii_digit() {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit())
        && let Ok(value) = text.parse()
    {
        return Some(ScalarKind::Integer(value));
    }
    if !digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+')) {
        return None;
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite()).map(ScalarKind::Float)
}

impl Node {
    pub fn map(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar that is not null.
    pub fn text(&self) -> Option<&str> {
        self.scalar().filter(|s| s.kind != ScalarKind::Null).map(|s| &*s.text)
    }

    pub fn is_null(&self) -> bool {
        self.scalar().is_some_and(|s| s.kind == ScalarKind::Null)
    }

    /// The entry of a key, when this is a map that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.map()?.iter().find(|entry| &*entry.key == key)
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The entry at the end of a path of keys.
    pub fn entry_at<'a>(&'a self, path: &[&str]) -> Option<&'a Entry> {
        let (last, parents) = path.split_last()?;
        parents.iter().try_fold(self, |node, key| node.get(key))?.entry(last)
    }

    /// How many values this tree has, itself included.
    pub fn count(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Node::count).sum(),
            Value::Map(entries) => entries.iter().map(|e| e.node.count()).sum(),
        }
    }

    /// How deep this tree is; a scalar is 1.
    pub fn height(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Node::height).max().unwrap_or(0),
            Value::Map(entries) => entries.iter().map(|e| e.node.height()).max().unwrap_or(0),
        }
    }

    /// Every scalar below this node.
    pub fn visit_scalars<'a>(&'a self, visit: &mut dyn FnMut(&'a Node, &'a Scalar)) {
        match &self.value {
            Value::Scalar(scalar) => visit(self, scalar),
            Value::List(items) => items.iter().for_each(|item| item.visit_scalars(visit)),
            Value::Map(entries) => entries.iter().for_each(|e| e.node.visit_scalars(visit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_values_mean_what_yaml_1_2_says() {
        use ScalarKind::*;
        for (text, kind) in [
            ("", Null),
            ("~", Null),
            ("true", Bool(true)),
            ("False", Bool(false)),
            ("yes", Text),
            ("no", Text),
            ("on", Text),
            ("off", Text),
            ("12", Integer(12)),
            ("-3", Integer(-3)),
            ("0", Integer(0)),
            ("007", Text),
            ("0o17", Text),
            ("0x1F", Text),
            ("1_000", Text),
            ("1.10", Float(1.1)),
            (".5", Float(0.5)),
            ("1e3", Float(1000.0)),
            ("99999999999999999999", Float(1e20)),
            ("1e999", Text),
            ("-", Text),
            (".", Text),
            (".nan", Text),
            ("10%", Text),
            ("2024-01-01", Text),
        ] {
            assert_eq!(Scalar::plain(text.into()).kind, kind, "{text:?}");
        }
    }
}
