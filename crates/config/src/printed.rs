//! JSON documents as trees with places: the text of one is its pretty-printed form, so that problems
//! of objects made through the API point at lines that a person can see.

use serde_json::Value as Json;

use crate::node::{Entry, Node, Scalar, ScalarKind, Value};
use crate::source::Span;
use crate::yaml::{DEPTH_MAX, DOCUMENT_BYTES_MAX, NODES_MAX};

/// A document with its text.
pub(crate) struct Printed {
    pub text: String,
    pub node: Node,
    pub pointers: Vec<PointerSpan>,
}

/// A value with its key, and the JSON Pointer (RFC 6901) that leads to it.
#[derive(Clone, Debug)]
pub(crate) struct PointerSpan {
    pub start: usize,
    pub end: usize,
    pub pointer: String,
}

/// Prints a document as file number `file`. The error says which limit it is beyond.
pub(crate) fn print(file: usize, document: &Json) -> Result<Printed, String> {
    let mut printer = Printer { file, text: String::new(), pointers: Vec::new(), nodes: 0 };
    let node = printer.value(document, 0, "")?;
    Ok(Printed { text: printer.text, node, pointers: printer.pointers })
}

/// The pointer of the innermost value around a place.
pub(crate) fn pointer_at(pointers: &[PointerSpan], at: usize) -> &str {
    let around = pointers.iter().filter(|span| span.start <= at && at < span.end);
    around.max_by_key(|span| span.start).map_or("", |span| &span.pointer)
}

/// A JSON Pointer with one more key.
pub(crate) fn join_pointer(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

struct Printer {
    file: usize,
    text: String,
    pointers: Vec<PointerSpan>,
    nodes: usize,
}

impl Printer {
    fn value(&mut self, value: &Json, depth: usize, pointer: &str) -> Result<Node, String> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(format!("this has more than {NODES_MAX} values"));
        }
        if depth > DEPTH_MAX {
            return Err(format!("this is nested deeper than {DEPTH_MAX} levels"));
        }
        if self.text.len() as u64 > DOCUMENT_BYTES_MAX {
            return Err(format!("this has more than {DOCUMENT_BYTES_MAX} bytes"));
        }
        let start = self.text.len();
        let value = match value {
            Json::Array(items) => self.list(items, depth, pointer)?,
            Json::Object(map) => self.map(map, depth, pointer)?,
            other => {
                self.text.push_str(&other.to_string());
                Value::Scalar(scalar(other))
            }
        };
        Ok(Node { span: self.span(start), value })
    }

    fn list(&mut self, items: &[Json], depth: usize, pointer: &str) -> Result<Value, String> {
        let mut nodes = Vec::with_capacity(items.len());
        self.text.push('[');
        for (n, item) in items.iter().enumerate() {
            self.line(depth + 1, n > 0);
            let pointer = join_pointer(pointer, &n.to_string());
            let start = self.text.len();
            nodes.push(self.value(item, depth + 1, &pointer)?);
            self.point(start, pointer);
        }
        self.close(']', depth, items.is_empty());
        Ok(Value::List(nodes))
    }

    fn map(
        &mut self,
        map: &serde_json::Map<String, Json>,
        depth: usize,
        pointer: &str,
    ) -> Result<Value, String> {
        let mut entries = Vec::with_capacity(map.len());
        self.text.push('{');
        for (n, (key, value)) in map.iter().enumerate() {
            self.line(depth + 1, n > 0);
            let pointer = join_pointer(pointer, key);
            let start = self.text.len();
            self.text.push_str(&Json::from(key.as_str()).to_string());
            let key_span = self.span(start);
            self.text.push_str(": ");
            let node = self.value(value, depth + 1, &pointer)?;
            self.point(start, pointer);
            entries.push(Entry { key: key.as_str().into(), key_span, node });
        }
        self.close('}', depth, map.is_empty());
        Ok(Value::Map(entries))
    }

    fn line(&mut self, depth: usize, comma: bool) {
        self.text.push_str(if comma { ",\n" } else { "\n" });
        self.text.extend(std::iter::repeat_n("  ", depth));
    }

    fn close(&mut self, bracket: char, depth: usize, empty: bool) {
        if !empty {
            self.line(depth, false);
        }
        self.text.push(bracket);
    }

    fn point(&mut self, start: usize, pointer: String) {
        self.pointers.push(PointerSpan { start, end: self.text.len(), pointer });
    }

    fn span(&self, start: usize) -> Span {
        Span { file: self.file, start, end: self.text.len() }
    }
}

/// JSON says itself what a value is: text is never taken for a number.
fn scalar(value: &Json) -> Scalar {
    let (text, kind) = match value {
        Json::String(text) => (text.clone(), ScalarKind::Text),
        Json::Bool(value) => (value.to_string(), ScalarKind::Bool(*value)),
        Json::Number(number) => {
            let kind = match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => ScalarKind::Integer(whole),
                (None, Some(float)) => ScalarKind::Float(float),
                (None, None) => ScalarKind::Text,
            };
            (number.to_string(), kind)
        }
        _ => (String::new(), ScalarKind::Null),
    };
    Scalar { text: text.into(), kind }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_value_has_its_place_and_its_pointer() {
        let document = json!({ "a": 1, "b/c": { "über": ["x", { "k~": null }] }, "empty": {} });
        let printed = print(0, &document).unwrap();
        assert_eq!(printed.text, serde_json::to_string_pretty(&document).unwrap());
        let list = printed.node.entry_at(&["b/c", "über"]).unwrap();
        assert_eq!(&printed.text[list.key_span.start..list.key_span.end], "\"über\"");
        let inner = list.node.list().unwrap()[1].entry("k~").unwrap();
        assert_eq!(pointer_at(&printed.pointers, inner.node.span.start), "/b~1c/über/1/k~0");
        assert_eq!(pointer_at(&printed.pointers, inner.key_span.start), "/b~1c/über/1/k~0");
        assert_eq!(pointer_at(&printed.pointers, list.node.list().unwrap()[1].span.start), "/b~1c/über/1");
        assert_eq!(pointer_at(&printed.pointers, 0), "");
    }

    #[test]
    fn a_document_beyond_the_limits_is_refused() {
        let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
        assert!(print(0, &deep).is_err_and(|e| e.contains("nested deeper")));
        let wide = Json::Array(vec![Json::Null; NODES_MAX]);
        assert!(print(0, &wide).is_err_and(|e| e.contains("more than 100000 values")));
    }
}
