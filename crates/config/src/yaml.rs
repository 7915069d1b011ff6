//! Reads YAML text into [`Node`]s: anchors, aliases and merge keys are resolved here, duplicate
//! keys are found, and every size has a limit, so that no document can exhaust the machine.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, Tag};

use crate::node::{Entry, Node, Scalar, Value};
use crate::source::{Findings, Span};

/// Largest document that is read.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Most values in a document after aliases are expanded.
pub(crate) const NODES_MAX: usize = 100_000;
/// Deepest nesting after aliases are expanded.
pub(crate) const DEPTH_MAX: usize = 48;

/// The one document of a file, or `None` when it is not YAML (the findings say why). An empty file
/// is null.
pub(crate) fn parse(file: usize, text: &str, findings: &mut Findings) -> Option<Node> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = DEPTH_MAX;
    options.block_nesting_limit = DEPTH_MAX;
    let builder = Builder {
        file,
        text,
        findings,
        stack: Vec::new(),
        root: None,
        anchors: HashMap::new(),
        nodes: 0,
        tag_at: 0,
        offsets: Offsets { text, chars: 0, bytes: 0 },
    };
    builder.run(Parser::new_from_str_with_options(text, options))
}

/// A list or map whose end has not been read.
enum Frame {
    List { start: usize, anchor: usize, items: Vec<Node> },
    Map { start: usize, anchor: usize, entries: Vec<Entry>, key: Option<Key>, merged: Vec<Node> },
}

enum Key {
    Named(Arc<str>, Span),
    Merge,
    /// Already reported; its value is read and dropped.
    Unusable,
}

struct Builder<'a> {
    file: usize,
    text: &'a str,
    findings: &'a mut Findings,
    stack: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    /// Where the tag of the current event stands.
    tag_at: usize,
    offsets: Offsets<'a>,
}

/// The document cannot be used; the finding has been made.
struct Stop;

impl<'a> Builder<'a> {
    fn run(mut self, parser: Parser<'a, granit_parser::StrInput<'a>>) -> Option<Node> {
        for event in parser {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    let at = self.offset(error.marker());
                    let message = format!("this is not YAML: {}", error.kind());
                    self.findings.error(self.span(at, at + 1), "yaml_syntax", message).help(
                        "put text that contains : # { } [ ] , & * ! | > % @ in quotes; indent with spaces",
                    );
                    return None;
                }
            };
            let (start, end) = (self.offset(&span.start), self.offset(&span.end));
            self.tag_at = span.tag_start.map_or(start, |marker| self.offset(&marker));
            if self.event(event, start, end).is_err() {
                return None;
            }
        }
        Some(self.root.unwrap_or(Node {
            span: Span { file: self.file, start: 0, end: 0 },
            value: Value::Scalar(Scalar::plain("".into())),
        }))
    }

    fn event(&mut self, event: Event<'_>, start: usize, end: usize) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => {
                let span = self.span(start, end);
                self.findings
                    .error(span, "yaml_syntax", "a file holds one document, and here a second one starts")
                    .help("move what follows into a file of its own");
                Err(Stop)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.span(start, end);
                let text: Arc<str> = text.as_ref().into();
                let quoted = style != ScalarStyle::Plain || self.is_text_tag(tag.as_deref());
                let scalar = if quoted { Scalar::text(text) } else { Scalar::plain(text) };
                let is_merge = !quoted && &*scalar.text == "<<";
                self.finish(Node { span, value: Value::Scalar(scalar) }, anchor, is_merge)
            }
            Event::Alias(id) => self.alias(id, self.span(start, end)),
            Event::SequenceStart(_, anchor, tag) => {
                self.is_text_tag(tag.as_deref());
                self.open(start, Frame::List { start, anchor, items: Vec::new() })
            }
            Event::MappingStart(_, anchor, tag) => {
                self.is_text_tag(tag.as_deref());
                let frame = Frame::Map { start, anchor, entries: Vec::new(), key: None, merged: Vec::new() };
                self.open(start, frame)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(end),
            _ => Ok(()),
        }
    }

    fn open(&mut self, at: usize, frame: Frame) -> Result<(), Stop> {
        if self.stack.len() >= DEPTH_MAX {
            return Err(self.too_deep(self.span(at, at + 1)));
        }
        self.stack.push(frame);
        Ok(())
    }

    fn close(&mut self, end: usize) -> Result<(), Stop> {
        match self.stack.pop() {
            Some(Frame::List { start, anchor, items }) => {
                let node = Node { span: self.span(start, end), value: Value::List(items) };
                self.finish(node, anchor, false)
            }
            Some(Frame::Map { start, anchor, mut entries, merged, .. }) => {
                for node in merged {
                    self.merge(&mut entries, node);
                }
                let node = Node { span: self.span(start, end), value: Value::Map(entries) };
                self.finish(node, anchor, false)
            }
            None => Ok(()),
        }
    }

    /// A value is complete: it becomes a key, an entry, an item or the document.
    fn finish(&mut self, node: Node, anchor: usize, is_merge: bool) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(self.too_large(node.span));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match frame {
            Frame::List { items, .. } => items.push(node),
            Frame::Map { entries, key, merged, .. } => match key.take() {
                None => *key = Some(new_key(node, is_merge, entries, self.findings, self.text)),
                Some(Key::Named(name, key_span)) => entries.push(Entry { key: name, key_span, node }),
                Some(Key::Merge) => merged.push(node),
                Some(Key::Unusable) => {}
            },
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Stop> {
        let Some(node) = self.anchors.get(&id).cloned() else {
            self.findings
                .error(span, "yaml_syntax", "this alias refers to a value that contains it")
                .help("write the value out");
            return Err(Stop);
        };
        if self.stack.len() + node.height() > DEPTH_MAX {
            return Err(self.too_deep(span));
        }
        self.nodes += node.count();
        if self.nodes > NODES_MAX {
            return Err(self.too_large(span));
        }
        self.finish(node, 0, false)
    }

    /// Adds what a merge key (`<<`) brings and the map does not have itself.
    fn merge(&mut self, entries: &mut Vec<Entry>, node: Node) {
        match node.value {
            Value::Map(others) => {
                for other in others {
                    if !entries.iter().any(|entry| entry.key == other.key) {
                        entries.push(other);
                    }
                }
            }
            Value::List(maps) => {
                for map in maps {
                    self.merge(entries, map);
                }
            }
            Value::Scalar(_) => {
                self.findings
                    .error(node.span, "wrong_type", "a merge key (<<) takes a mapping or a list of mappings")
                    .help("write `<<: *name`, where `&name` marks a mapping");
            }
        }
    }

    /// Whether a tag makes a value text. Tags other than YAML's own are refused.
    fn is_text_tag(&mut self, tag: Option<&Tag>) -> bool {
        let Some(tag) = tag else { return false };
        match tag.core_suffix() {
            Some(suffix) => suffix == "str",
            None if tag.original() == "!" => true,
            None => {
                let name = tag.original();
                let span = self.span(self.tag_at, self.tag_at + name.len());
                let message = format!("the tag {name} means nothing here");
                self.findings.error(span, "yaml_syntax", message).help("remove it");
                false
            }
        }
    }

    fn too_deep(&mut self, span: Span) -> Stop {
        let message = format!("this is nested deeper than {DEPTH_MAX} levels");
        self.findings.error(span, "document_too_large", message);
        Stop
    }

    fn too_large(&mut self, span: Span) -> Stop {
        let message = format!("from here on the document has more than {NODES_MAX} values, aliases included");
        self.findings.error(span, "document_too_large", message).help("split it into several files");
        Stop
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start, end: end.max(start) }
    }

    fn offset(&mut self, marker: &Marker) -> usize {
        marker.byte_offset().unwrap_or_else(|| self.offsets.of(marker.index())).min(self.text.len())
    }
}

/// Byte offsets of character indexes, which mostly grow.
struct Offsets<'a> {
    text: &'a str,
    chars: usize,
    bytes: usize,
}

impl Offsets<'_> {
    fn of(&mut self, chars: usize) -> usize {
        if chars < self.chars {
            (self.chars, self.bytes) = (0, 0);
        }
        for c in self.text[self.bytes..].chars().take(chars - self.chars) {
            self.bytes += c.len_utf8();
            self.chars += 1;
        }
        self.bytes
    }
}

fn new_key(node: Node, is_merge: bool, entries: &[Entry], findings: &mut Findings, text: &str) -> Key {
    if is_merge {
        return Key::Merge;
    }
    let Some(scalar) = node.scalar() else {
        findings.error(node.span, "wrong_type", "a key must be a word, not a list or mapping");
        return Key::Unusable;
    };
    if let Some(first) = entries.iter().find(|entry| entry.key == scalar.text) {
        let line = text[..first.key_span.start].bytes().filter(|b| *b == b'\n').count() + 1;
        let message = format!("the key '{}' is here a second time", scalar.text);
        findings
            .error(node.span, "duplicate_key", message)
            .help(format!("it is first given in line {line}; keep one of the two"));
        return Key::Unusable;
    }
    Key::Named(scalar.text.clone(), node.span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Node>, Vec<String>) {
        let mut findings = Findings::default();
        let node = parse(0, text, &mut findings);
        let mut sources = crate::source::Sources::default();
        sources.add("t.yaml", text.to_string(), true);
        let (errors, _) = sources.problems(findings);
        (node, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn keys_and_values_know_where_they_stand() {
        let text = "a: 1\nb:\n  über: { c: \"x\" }\n";
        let (node, problems) = read(text);
        assert!(problems.is_empty(), "{problems:?}");
        let node = node.unwrap();
        let entry = node.entry_at(&["b", "über", "c"]).unwrap();
        assert_eq!(&text[entry.key_span.start..entry.key_span.end], "c");
        assert_eq!(&text[entry.node.span.start..entry.node.span.end], "\"x\"");
    }

    #[test]
    fn anchors_and_merge_keys_are_resolved_and_own_keys_win() {
        let (node, problems) = read("base: &b { x: 1, y: 2 }\none: { <<: *b, y: 3 }\ntwo: [*b]\n");
        assert!(problems.is_empty(), "{problems:?}");
        let node = node.unwrap();
        assert_eq!(node.entry_at(&["one", "x"]).unwrap().node.text(), Some("1"));
        assert_eq!(node.entry_at(&["one", "y"]).unwrap().node.text(), Some("3"));
        assert_eq!(node.get("two").unwrap().list().unwrap()[0].get("y").unwrap().text(), Some("2"));
    }

    #[test]
    fn what_is_not_one_plain_document_is_refused_with_its_place() {
        for (text, expected) in [
            ("a: 1\nb: 2\na: 3\n", "t.yaml:3:1: the key 'a' is here a second time"),
            ("a: 1\n---\nb: 2\n", "t.yaml:2:1: a file holds one document"),
            ("a: !secret x\n", "the tag !secret means nothing here"),
            ("a: &a [*a]\n", "t.yaml:1:8: "),
            ("a: *missing\n", "t.yaml:1:4: "),
            ("? [x]\n: 1\n", "a key must be a word"),
            ("a: [1, 2\nb: 3\n", "this is not YAML"),
            ("a: {<<: 3}\n", "t.yaml:1:9: a merge key"),
        ] {
            let (_, problems) = read(text);
            assert!(problems.iter().any(|p| p.contains(expected)), "{text:?}: {problems:?}");
        }
    }

    #[test]
    fn an_alias_bomb_and_deep_nesting_stop_at_a_limit() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_string();
        for n in 1..12 {
            let items = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb.push_str(&format!("a{n}: &a{n} [{items}]\n"));
        }
        let (node, problems) = read(&bomb);
        assert!(node.is_none());
        assert!(problems[0].contains("more than 100000 values"), "{problems:?}");

        let (node, _) = read(&format!("a: {}{}", "[".repeat(5000), "]".repeat(5000)));
        assert!(node.is_none());
        let mut tower = "a0: &a0 [x]\n".to_string();
        for n in 1..100 {
            tower.push_str(&format!("a{n}: &a{n} [*a{}]\n", n - 1));
        }
        let (node, problems) = read(&tower);
        assert!(node.is_none());
        assert!(problems[0].contains("nested deeper"), "{problems:?}");
    }
}
