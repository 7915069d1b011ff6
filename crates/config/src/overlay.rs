//! Lays one document over another: an environment's file over `syncline.yaml`, an entity over its
//! defaults. Every value keeps the place where it was written.

use crate::node::{Node, Value};

/// Settings that are one choice: a part of the upper one and a part of the lower would be neither.
const WHOLE: [&str; 2] = ["schedule", "on_removed"];

/// `over` on top of `base`: mappings are joined key by key, everything else is replaced. Keys keep
/// the order of `base`, then that of `over`.
pub(crate) fn lay_over(base: &Node, over: &Node) -> Node {
    let (Some(lower), Some(upper)) = (base.map(), over.map()) else { return over.clone() };
    if is_another_type(base, over) {
        return over.clone();
    }
    let mut entries = lower.to_vec();
    for entry in upper {
        match entries.iter_mut().find(|own| own.key == entry.key) {
            Some(own) => {
                own.node = match WHOLE.contains(&&*entry.key) {
                    true => entry.node.clone(),
                    false => lay_over(&own.node, &entry.node),
                };
                own.key_span = entry.key_span;
            }
            None => entries.push(entry.clone()),
        }
    }
    Node { span: over.span, value: Value::Map(entries) }
}

/// A connection of another type has other options, so it replaces the one below as a whole.
fn is_another_type(base: &Node, over: &Node) -> bool {
    match (base.get("type").and_then(Node::text), over.get("type").and_then(Node::text)) {
        (Some(below), Some(above)) => below != above,
        _ => false,
    }
}
