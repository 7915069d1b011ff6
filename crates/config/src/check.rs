//! Checks a tree against a JSON Schema and turns it into JSON.
//!
//! The documents' own schema and those of the connectors' options go through the same checker.
//! It reports everything that is wrong, each at its place, and drops what is wrong, so that the
//! rest can be read and checked further. It knows the part of JSON Schema that schemas generated
//! from Rust types use, and two keywords of our own: `x-format` (a language of [`values`]) and
//! `x-text` (numbers and booleans are taken as the text that is written). What options say of paths is
//! read in [`crate::local_paths`].

use serde_json::{Map, Value as Json};

use crate::node::{Entry, Node, Scalar, ScalarKind, Value};
use crate::source::{Findings, Span};
use crate::{suggest, values};

/// Longest chain of references that is followed; a schema that needs more refers to itself.
const REFERENCES_MAX: usize = 32;
/// Longest text that a message repeats.
const SHOWN_CHARS_MAX: usize = 60;

/// What holds for one check.
#[derive(Clone, Copy)]
pub(crate) struct Checker<'s> {
    /// The whole schema, which references start from.
    pub root: &'s Json,
    /// Whether messages may repeat values. Options of connections may be secrets.
    pub show_values: bool,
    /// Whether `${…}` stands for a value of any simple type.
    pub placeholders: bool,
}

impl<'s> Checker<'s> {
    /// For the documents' own schemas.
    pub fn documents(root: &'s Json) -> Self {
        Self { root, show_values: true, placeholders: false }
    }

    /// For the options of a connection.
    pub fn options(root: &'s Json) -> Self {
        Self { root, show_values: false, placeholders: true }
    }

    /// Checks a tree against the whole schema. `at` is where a missing key is reported.
    pub fn check_root(&self, node: &Node, at: Span, findings: &mut Findings) -> Option<Json> {
        self.check(self.root, node, at, findings)
    }

    /// The tree as JSON without what is wrong, or `None` when it cannot be used at all. In both
    /// cases everything wrong is in `findings`.
    fn check(&self, schema: &'s Json, node: &Node, at: Span, findings: &mut Findings) -> Option<Json> {
        let schema = self.dereference(schema);
        let Some(rules) = schema.as_object() else { return Some(to_json(node)) };
        for word in ["anyOf", "oneOf"] {
            if let Some(branches) = rules.get(word).and_then(Json::as_array)
                && !is_key_choice(branches)
            {
                let open = self.check_choice(schema, branches, node, at, findings)?;
                // A choice beside properties of its own only adds to them.
                if !rules.contains_key("properties") {
                    return Some(open);
                }
            }
        }
        if let Some(parts) = rules.get("allOf").and_then(Json::as_array)
            && !rules.contains_key("properties")
        {
            return self.check_all(parts, node, at, findings);
        }
        match &node.value {
            Value::Scalar(scalar) => self.check_scalar(rules, node, scalar, findings),
            Value::List(items) if allows(rules, "array") => self.check_list(rules, node, items, findings),
            Value::Map(entries) if allows(rules, "object") => self.check_map(rules, entries, at, findings),
            _ => {
                self.wrong_type(&[schema], node, findings);
                None
            }
        }
    }

    fn dereference(&self, schema: &'s Json) -> &'s Json {
        let mut schema = schema;
        for _ in 0..REFERENCES_MAX {
            let Some(target) = schema.get("$ref").and_then(Json::as_str) else { return schema };
            // A reference with rules beside it (a description, a default) adds nothing to check.
            let Some(found) = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) else {
                return &Json::Bool(true);
            };
            schema = found;
        }
        &Json::Bool(true)
    }

    fn check_all(&self, parts: &'s [Json], node: &Node, at: Span, findings: &mut Findings) -> Option<Json> {
        let mut whole = None;
        for part in parts {
            match (&mut whole, self.check(part, node, at, findings)?) {
                (Some(Json::Object(all)), Json::Object(more)) => all.extend(more),
                (whole, value) => *whole = Some(value),
            }
        }
        whole.or_else(|| Some(to_json(node)))
    }

    /// One of several schemas: the first that accepts the value; if none does, the problems of the
    /// one that was most likely meant.
    fn check_choice(
        &self,
        schema: &'s Json,
        branches: &'s [Json],
        node: &Node,
        at: Span,
        findings: &mut Findings,
    ) -> Option<Json> {
        let branches = self.flatten(branches);
        let mut tried = Vec::new();
        let is_meant = |branch: &Json| node.is_null() || branch["type"] != "null";
        for branch in branches.iter().filter(|branch| is_meant(branch) && self.fits(branch, node)) {
            let mut own = Findings::default();
            let value = self.check(branch, node, at, &mut own);
            if own.is_empty() && value.is_some() {
                return value;
            }
            tried.push((*branch, own, value));
        }
        let words: Vec<&str> = branches.iter().flat_map(|branch| words_of(branch)).collect();
        let only_words = tried.is_empty() || words.len() == tried.len();
        if let Some(text) = node.text()
            && !words.is_empty()
            && (only_words || suggest::closest(text, words.iter().copied()).is_some())
        {
            self.wrong_word(node, text, &words, &branches, findings);
            return None;
        }
        // It is none of the words, so it was meant for one of the others: the one with the fewest
        // problems. A scalar must at least be of its type, else all that is possible is named.
        let plain = node.scalar().is_some() && !words.is_empty();
        tried.retain(|(branch, own, _)| {
            !plain || (words_of(branch).is_empty() && own.are_all("invalid_value"))
        });
        tried.sort_by_key(|(_, own, value)| (own.len(), value.is_none()));
        match tried.into_iter().next() {
            Some((_, own, value)) => {
                findings.extend(own);
                value
            }
            None => {
                let expected = if branches.is_empty() { vec![schema] } else { branches };
                self.wrong_type(&expected, node, findings);
                None
            }
        }
    }

    /// The branches of a choice, those of nested choices among them.
    fn flatten(&self, branches: &'s [Json]) -> Vec<&'s Json> {
        let mut flat = Vec::new();
        let mut open: Vec<(&Json, usize)> = branches.iter().rev().map(|b| (b, 0)).collect();
        while let Some((branch, depth)) = open.pop() {
            let branch = self.dereference(branch);
            let nested = ["anyOf", "oneOf"]
                .iter()
                .find_map(|word| branch.get(word).and_then(Json::as_array))
                .filter(|nested| !is_key_choice(nested) && branch.get("properties").is_none());
            match nested {
                Some(nested) if depth < REFERENCES_MAX => {
                    open.extend(nested.iter().rev().map(|b| (b, depth + 1)));
                }
                _ => flat.push(branch),
            }
        }
        flat
    }

    /// Whether a branch is for this sort of value at all; for maps also whether its fixed words
    /// (the tag of a variant) are those of the value.
    fn fits(&self, branch: &Json, node: &Node) -> bool {
        let Some(rules) = branch.as_object() else { return true };
        match &node.value {
            Value::List(_) => allows(rules, "array"),
            Value::Scalar(_) => {
                !(rules.contains_key("properties")
                    || allows_only(rules, "array")
                    || allows_only(rules, "object"))
            }
            Value::Map(_) => {
                let properties = rules.get("properties").and_then(Json::as_object);
                allows(rules, "object")
                    && properties.into_iter().flatten().all(|(key, property)| {
                        match (property.get("const").and_then(Json::as_str), node.get(key)) {
                            (Some(word), Some(value)) => value.text() == Some(word),
                            _ => true,
                        }
                    })
            }
        }
    }

    fn check_scalar(
        &self,
        rules: &'s Map<String, Json>,
        node: &Node,
        scalar: &Scalar,
        findings: &mut Findings,
    ) -> Option<Json> {
        let words = words_of_rules(rules);
        let fixed = rules.contains_key("const") || rules.contains_key("enum");
        if fixed && words.iter().any(|word| *word == &*scalar.text) {
            return Some(Json::String(scalar.text.to_string()));
        }
        if self.placeholders && scalar.kind == ScalarKind::Text && scalar.text.contains("${") {
            return Some(Json::String(scalar.text.to_string()));
        }
        if fixed && !words.is_empty() {
            self.wrong_word(node, &scalar.text, &words, &[], findings);
            return None;
        }
        let value = match scalar.kind {
            ScalarKind::Null if allows(rules, "null") => return Some(Json::Null),
            ScalarKind::Bool(value) if allows(rules, "boolean") && !is_text(rules) => Json::Bool(value),
            ScalarKind::Integer(value) if allows_number(rules, true) && !is_text(rules) => {
                self.check_range(rules, node, value as f64, findings)?;
                Json::from(value)
            }
            ScalarKind::Float(value) if allows_number(rules, false) && !is_text(rules) => {
                self.check_range(rules, node, value, findings)?;
                Json::from(value)
            }
            ScalarKind::Text if allows(rules, "string") => Json::String(scalar.text.to_string()),
            ScalarKind::Bool(_) | ScalarKind::Integer(_) | ScalarKind::Float(_) if is_text(rules) => {
                Json::String(scalar.text.to_string())
            }
            _ => {
                self.wrong_scalar(rules, node, scalar, findings);
                return None;
            }
        };
        if let (Json::String(text), Some(format)) = (&value, rules.get(values::FORMAT).and_then(Json::as_str))
            && let Err(message) = values::check(format, text)
        {
            findings.error(node.span, "invalid_value", message);
            return None;
        }
        Some(value)
    }

    fn check_range(
        &self,
        rules: &Map<String, Json>,
        node: &Node,
        value: f64,
        findings: &mut Findings,
    ) -> Option<()> {
        let (type_min, type_max) = range_of(rules.get("format").and_then(Json::as_str).unwrap_or(""));
        let bound = |word: &str, own: Option<f64>| rules.get(word).and_then(Json::as_f64).or(own);
        let message = match (bound("minimum", type_min), bound("maximum", type_max)) {
            (Some(min), _) if value < min => format!("this is too small; the least is {min}"),
            (_, Some(max)) if value > max => format!("this is too large; the most is {max}"),
            _ => return Some(()),
        };
        findings.error(node.span, "invalid_value", message);
        None
    }

    fn check_list(
        &self,
        rules: &'s Map<String, Json>,
        node: &Node,
        items: &[Node],
        findings: &mut Findings,
    ) -> Option<Json> {
        let min = rules.get("minItems").and_then(Json::as_u64).unwrap_or(0);
        if (items.len() as u64) < min {
            findings.error(node.span, "invalid_value", format!("this list needs at least {min}"));
            return None;
        }
        let schema = rules.get("items").unwrap_or(&Json::Bool(true));
        let values = items.iter().filter_map(|item| self.check(schema, item, item.span, findings));
        let values: Vec<Json> = values.collect();
        // A list without one of its items would mean something else.
        (values.len() == items.len()).then_some(Json::Array(values))
    }

    fn check_map(
        &self,
        rules: &'s Map<String, Json>,
        entries: &[Entry],
        at: Span,
        findings: &mut Findings,
    ) -> Option<Json> {
        let properties = rules.get("properties").and_then(Json::as_object);
        let others = rules.get("additionalProperties").or_else(|| rules.get("unevaluatedProperties"));
        let mut out = Map::new();
        for entry in entries {
            let known = properties.and_then(|properties| properties.get(&*entry.key));
            let schema = match (known, others) {
                (Some(schema), _) | (None, Some(schema @ Json::Object(_))) => schema,
                (None, Some(Json::Bool(false))) => {
                    let names = properties.into_iter().flatten().map(|(key, _)| key.as_str());
                    findings
                        .error(entry.key_span, "unknown_key", format!("unknown key '{}'", shown(&entry.key)))
                        .maybe_help(suggest::advice(&entry.key, names));
                    continue;
                }
                _ => &Json::Bool(true),
            };
            if let Some(value) = self.check(schema, &entry.node, entry.key_span, findings) {
                out.insert(entry.key.to_string(), value);
            }
        }
        let required = rules.get("required").and_then(Json::as_array).into_iter().flatten();
        let mut complete = true;
        for key in required.filter_map(Json::as_str) {
            if out.contains_key(key) {
                continue;
            }
            complete = false;
            if !entries.iter().any(|entry| &*entry.key == key) {
                let help = properties
                    .and_then(|properties| properties.get(key))
                    .and_then(|schema| {
                        schema.get("description").or(self.dereference(schema).get("description"))
                    })
                    .and_then(Json::as_str)
                    .map(|description| format!("{key}: {}", description.replace('\n', " ")));
                findings
                    .error(at, "missing_key", format!("the key '{key}' is missing here"))
                    .maybe_help(help);
            }
        }
        complete.then_some(Json::Object(out))
    }

    fn wrong_word(
        &self,
        node: &Node,
        text: &str,
        words: &[&str],
        branches: &[&Json],
        findings: &mut Findings,
    ) {
        let message = match self.show_values {
            true => format!("'{}' is not one of: {}", shown(text), words.join(", ")),
            false => format!("this is not one of: {}", words.join(", ")),
        };
        let meant =
            suggest::closest(text, words.iter().copied()).map(|word| format!("did you mean '{word}'?"));
        let others: Vec<String> = branches
            .iter()
            .filter(|b| words_of(b).is_empty() && b["type"] != "null")
            .map(|b| expectation(b))
            .collect();
        let other = (!others.is_empty()).then(|| format!("it may also be {}", others.join(" or ")));
        findings.error(node.span, "invalid_value", message).maybe_help(meant.or(other));
    }

    /// A scalar whose own type is not among the allowed ones.
    fn wrong_scalar(&self, rules: &Map<String, Json>, node: &Node, scalar: &Scalar, findings: &mut Findings) {
        let schema = Json::Object(rules.clone());
        let quotable = allows(rules, "string") && scalar.kind != ScalarKind::Null && self.show_values;
        let boolean = allows(rules, "boolean") && matches!(&*scalar.text, "yes" | "no" | "on" | "off");
        let number = allows_number(rules, true) && scalar.text.bytes().any(|b| b.is_ascii_digit());
        let finding = self.wrong_type(&[&schema], node, findings);
        if boolean {
            let meant = matches!(&*scalar.text, "yes" | "on");
            finding.help(format!("write {meant}"));
        } else if number && self.show_values {
            finding.help("write the number in plain digits, without quotes or leading zeros");
        } else if quotable && !rules.contains_key(values::FORMAT) {
            finding.help(format!("to use it as text, put it in quotes: \"{}\"", shown(&scalar.text)));
        }
    }

    fn wrong_type<'f>(
        &self,
        expected: &[&Json],
        node: &Node,
        findings: &'f mut Findings,
    ) -> &'f mut crate::source::Finding {
        let mut wanted: Vec<String> = Vec::new();
        for schema in expected {
            let text = expectation(schema);
            if !wanted.contains(&text) && text != "nothing" {
                wanted.push(text);
            }
        }
        let span = match &node.value {
            Value::Scalar(_) => node.span,
            _ => Span { end: node.span.start + 1, ..node.span },
        };
        let message = format!("expected {}, found {}", wanted.join(" or "), self.found(node));
        let finding = findings.error(span, "wrong_type", message);
        if node.is_null() {
            finding.help("give it a value, or remove the key");
        }
        finding
    }

    fn found(&self, node: &Node) -> String {
        match &node.value {
            Value::List(_) => "a list".to_string(),
            Value::Map(_) => "a mapping".to_string(),
            Value::Scalar(scalar) => {
                let sort = match scalar.kind {
                    ScalarKind::Null => return "nothing".to_string(),
                    ScalarKind::Bool(_) => "the boolean",
                    ScalarKind::Integer(_) | ScalarKind::Float(_) => "the number",
                    ScalarKind::Text => "the text",
                };
                match (self.show_values, scalar.kind) {
                    (true, ScalarKind::Text) => format!("{sort} '{}'", shown(&scalar.text)),
                    (true, _) => format!("{sort} {}", shown(&scalar.text)),
                    (false, _) => sort.replacen("the", "a", 1).replace("a text", "text"),
                }
            }
        }
    }
}

/// The range of a Rust integer type, which schemas name as the format of a number.
fn range_of(format: &str) -> (Option<f64>, Option<f64>) {
    match format {
        "uint8" => (Some(0.0), Some(u8::MAX.into())),
        "uint16" => (Some(0.0), Some(u16::MAX.into())),
        "uint32" => (Some(0.0), Some(u32::MAX.into())),
        "uint" | "uint64" => (Some(0.0), None),
        "int8" => (Some(i8::MIN.into()), Some(i8::MAX.into())),
        "int16" => (Some(i16::MIN.into()), Some(i16::MAX.into())),
        "int32" => (Some(i32::MIN.into()), Some(i32::MAX.into())),
        _ => (None, None),
    }
}

/// What a schema accepts, in words.
fn expectation(schema: &Json) -> String {
    let Some(rules) = schema.as_object() else { return "a value".to_string() };
    let words = words_of_rules(rules);
    if !words.is_empty() {
        return words.join(", ");
    }
    if let Some(text) = rules.get(values::FORMAT).and_then(Json::as_str).and_then(values::expected) {
        return text.to_string();
    }
    if is_text(rules) {
        return "text".to_string();
    }
    let names: Vec<&str> = types_of(rules)
        .into_iter()
        .filter_map(|name| match name {
            "string" => Some("text"),
            "integer" => Some("a whole number"),
            "number" => Some("a number"),
            "boolean" => Some("true or false"),
            "array" => Some("a list"),
            "object" => Some("a mapping"),
            _ => None,
        })
        .collect();
    match names.is_empty() {
        true if types_of(rules) == ["null"] => "nothing".to_string(),
        true => "a value".to_string(),
        false => names.join(" or "),
    }
}

fn types_of(rules: &Map<String, Json>) -> Vec<&str> {
    match rules.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

fn allows(rules: &Map<String, Json>, name: &str) -> bool {
    let types = types_of(rules);
    let any = types.is_empty() && !rules.contains_key("const") && !rules.contains_key("enum");
    any || types.contains(&name) || (rules.contains_key("properties") && types.is_empty() && name == "object")
}

fn allows_only(rules: &Map<String, Json>, name: &str) -> bool {
    types_of(rules) == [name]
}

fn allows_number(rules: &Map<String, Json>, whole: bool) -> bool {
    allows(rules, "number") || (whole && allows(rules, "integer"))
}

fn is_text(rules: &Map<String, Json>) -> bool {
    rules.get("x-text").and_then(Json::as_bool).unwrap_or(false)
}

fn words_of(schema: &Json) -> Vec<&str> {
    schema.as_object().map(words_of_rules).unwrap_or_default()
}

/// The words that a schema lists, in `const` or `enum`.
fn words_of_rules(rules: &Map<String, Json>) -> Vec<&str> {
    match (rules.get("const"), rules.get("enum")) {
        (Some(Json::String(word)), _) => vec![word],
        (None, Some(Json::Array(words))) => words.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether a choice only says which keys exclude each other, which is checked elsewhere in words
/// that people understand better.
fn is_key_choice(branches: &[Json]) -> bool {
    branches.iter().all(|branch| {
        branch.as_object().is_some_and(|rules| rules.len() == 1 && rules.contains_key("required"))
    })
}

fn shown(text: &str) -> String {
    let short: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

/// A tree as JSON, by what its values mean.
pub(crate) fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|e| (e.key.to_string(), to_json(&e.node))).collect())
        }
        Value::Scalar(scalar) => match scalar.kind {
            ScalarKind::Null => Json::Null,
            ScalarKind::Bool(value) => Json::Bool(value),
            ScalarKind::Integer(value) => Json::from(value),
            ScalarKind::Float(value) => Json::from(value),
            ScalarKind::Text => Json::String(scalar.text.to_string()),
        },
    }
}
