//! Connections: checking their options, and resolving the placeholders in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Number, Value as Json};
use syncline_connector::{ConnectionConfig, ConnectorSpec, Registry};
use syncline_core::{Error, ErrorKind, Result};

use crate::check::Checker;
use crate::documents::ConnectionEntry;
use crate::node::{Entry, Node, Value};
use crate::problem::Problem;
use crate::project::{ConnectionDoc, NotificationTarget, Place, Project};
use crate::schema::CONNECTION_KEYS;
use crate::secrets::{self, Part, SecretSource};
use crate::source::{Finding, Findings, Sources};
use crate::{suggest, values};

/// Longest value that a placeholder's file may have.
const SECRET_BYTES_MAX: usize = 1024 * 1024;

/// Which placeholders may stand in a document.
#[derive(Clone, Copy)]
pub(crate) enum Placeholders<'a> {
    /// Whoever writes a file of the project decides what it refers to.
    OfFile,
    /// Whoever may call the API may not thereby read what else the server's process can: an object
    /// names its own kept secrets, and the variables that the project lists for it.
    OfObject { owner: &'a str, variables: &'a [String] },
}

/// Checks a connection against its connector and keeps its options as written. `entry` is the
/// connection in the merged document, `doc` what was read of its common keys.
pub(crate) fn read(
    entry: &Entry,
    doc: ConnectionEntry,
    placeholders: Placeholders<'_>,
    registry: &Registry,
    sources: &Sources,
    findings: &mut Findings,
) -> Option<ConnectionDoc> {
    if let Err(message) = values::name(&entry.key) {
        findings.error(entry.key_span, "invalid_value", message);
    }
    let Some(spec) = registry.spec(&doc.type_name) else {
        let known = registry.specs().map(|spec| spec.type_name);
        let span = entry.node.get("type").map_or(entry.key_span, |node| node.span);
        findings
            .error(span, "unknown_connector", format!("there is no connector '{}'", doc.type_name))
            .maybe_help(suggest::advice(&doc.type_name, known));
        return None;
    };
    let options = options_of(&entry.node);
    check_placeholders(&options, "", placeholders, findings);
    let schema = (spec.options_schema)();
    let checked = Checker::options(&schema).check_root(&options, entry.key_span, findings)?;
    let mut option_places = BTreeMap::new();
    place_options(&options, "", sources, &mut option_places);
    Some(ConnectionDoc {
        type_name: doc.type_name,
        description: doc.description,
        max_concurrent_runs: doc.max_concurrent_runs,
        options: match checked {
            Json::Object(options) => options,
            _ => Map::new(),
        },
        place: place(sources, entry.key_span),
        option_places,
        options_schema: spec.options_schema,
    })
}

/// The options that a connector declares to be secret, at any depth. A URL is one only when a
/// password is in it, which is found by its value.
pub(crate) fn secret_options(spec: Option<&ConnectorSpec>) -> BTreeSet<String> {
    fn collect(schema: &Json, found: &mut BTreeSet<String>) {
        match schema {
            Json::Object(map) => {
                for (name, property) in map.get("properties").and_then(Json::as_object).into_iter().flatten()
                {
                    let write_only = property.get("writeOnly").and_then(Json::as_bool).unwrap_or(false);
                    let password = property.get("format").and_then(Json::as_str) == Some("password");
                    if (write_only || password) && !name.ends_with("url") {
                        found.insert(name.clone());
                    }
                }
                map.values().for_each(|value| collect(value, found));
            }
            Json::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    if let Some(spec) = spec {
        collect(&(spec.options_schema)(), &mut found);
    }
    found
}

pub(crate) fn place(sources: &Sources, span: crate::source::Span) -> Place {
    Place { file: sources.name(span.file).to_string(), line: sources.line(span) }
}

/// The entries of a connection that belong to its connector.
fn options_of(connection: &Node) -> Node {
    let entries = connection.map().unwrap_or_default().iter();
    let own = entries.filter(|entry| !CONNECTION_KEYS.contains(&&*entry.key)).cloned().collect();
    Node { span: connection.span, value: Value::Map(own) }
}

/// Reports placeholders that cannot be understood or may not stand here. `path` leads to the node.
pub(crate) fn check_placeholders(
    node: &Node,
    path: &str,
    placeholders: Placeholders<'_>,
    findings: &mut Findings,
) {
    match &node.value {
        Value::List(items) => {
            for (n, item) in items.iter().enumerate() {
                check_placeholders(item, &join_kept(path, &n.to_string()), placeholders, findings);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                check_placeholders(&entry.node, &join_kept(path, &entry.key), placeholders, findings);
            }
        }
        Value::Scalar(scalar) => match secrets::parts(&scalar.text) {
            Err(message) => {
                findings.error(node.span, "invalid_placeholder", message);
            }
            Ok(parts) => {
                for part in parts {
                    check_allowed(&part, node, path, placeholders, findings);
                }
            }
        },
    }
}

fn check_allowed(
    part: &Part,
    node: &Node,
    path: &str,
    placeholders: Placeholders<'_>,
    findings: &mut Findings,
) {
    let refused = match (part, placeholders) {
        (Part::Text(_), _) | (Part::Env(_) | Part::File(_), Placeholders::OfFile) => return,
        (Part::State { .. }, Placeholders::OfFile) => {
            ("a file cannot name a secret that a server keeps".to_string(), "use ${env:NAME} or ${file:path}")
        }
        (Part::State { owner, path: kept }, Placeholders::OfObject { owner: own, .. }) => {
            if owner == own && (kept == path || *kept == url_password_path(path)) {
                return;
            }
            (
                "an option can only name the secret that is kept for itself".to_string(),
                "give the secret itself",
            )
        }
        (Part::Env(name), Placeholders::OfObject { variables, .. }) => {
            if variables.contains(name) {
                return;
            }
            (
                format!("what is made through the API may not use the variable {name}"),
                "give the value itself, which is kept encrypted; or list the variable in settings.server.api_variables",
            )
        }
        (Part::File(_), Placeholders::OfObject { .. }) => (
            "what is made through the API may not read files".to_string(),
            "give the value itself, which is kept encrypted",
        ),
    };
    findings.error(node.span, "placeholder_not_allowed", refused.0).help(refused.1);
}

/// The path of an option inside a placeholder of a kept secret. Characters that mean something around
/// it (in the path, the placeholder, or a URL) are escaped.
pub(crate) fn join_kept(path: &str, key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let escape = |c: char| if plain(c) { c.to_string() } else { format!("~{:x}~", u32::from(c)) };
    join(path, &key.chars().map(escape).collect::<String>())
}

/// The path under which the password in a URL is kept.
pub(crate) fn url_password_path(path: &str) -> String {
    join(path, "password")
}

fn place_options(node: &Node, path: &str, sources: &Sources, places: &mut BTreeMap<String, Place>) {
    match &node.value {
        Value::Scalar(scalar) => {
            if scalar.text.contains("${") {
                places.insert(path.to_string(), place(sources, node.span));
            }
        }
        Value::List(items) => {
            for (n, item) in items.iter().enumerate() {
                place_options(item, &join(path, &n.to_string()), sources, places);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                place_options(&entry.node, &join(path, &entry.key), sources, places);
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_string() } else { format!("{path}.{key}") }
}

impl Project {
    /// A connection with every placeholder replaced by its value.
    ///
    /// Fails with [`ErrorKind::NotFound`] when there is no such connection, and with
    /// [`ErrorKind::InvalidConfig`], naming file and line, when a placeholder has no value or a
    /// value does not fit its option. Values are never part of an error.
    pub fn connection(&self, name: &str, secrets: &dyn SecretSource) -> Result<ConnectionConfig> {
        let Some(doc) = self.connections.get(name) else {
            let known = self.connections.keys().map(String::as_str);
            let error = Error::new(ErrorKind::NotFound, format!("there is no connection '{name}'"));
            return Err(match suggest::advice(name, known) {
                Some(help) => error.help(help),
                None => error.help("add it to syncline.yaml"),
            });
        };
        let schema = (doc.options_schema)();
        let resolver = Resolver { root: &self.root, schema: &schema, doc, secrets };
        let options = doc.options.iter().map(|(key, value)| {
            let wanted = schema.get("properties").and_then(|properties| properties.get(key));
            Ok((key.clone(), resolver.resolve(value, wanted, key)?))
        });
        let options = options.collect::<Result<Map<_, _>>>();
        Ok(ConnectionConfig {
            name: name.to_string(),
            type_name: doc.type_name.clone(),
            options: options.map_err(|error| in_connection(error, name))?,
            base_dir: self.root.clone(),
        })
    }

    /// Where a notification goes, with every placeholder replaced by its value; fails as
    /// [`Project::connection`] does.
    pub fn notification(&self, name: &str, secrets: &dyn SecretSource) -> Result<NotificationTarget> {
        let Some(doc) = self.notifications.iter().find(|doc| doc.name == name) else {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no notification '{name}'")));
        };
        let resolve = |text: &String| {
            let wrong = |reason: String| {
                let message = format!("notification '{name}': {}: {reason}", doc.place);
                Error::new(ErrorKind::InvalidConfig, message)
            };
            let parts = secrets::parts(text).map_err(wrong)?;
            let values = parts.iter().map(|part| value_of(part, &self.root, secrets).map_err(wrong));
            values.collect::<Result<String>>()
        };
        let keys = doc.secret.iter().chain(&doc.previous_secret);
        Ok(NotificationTarget { url: resolve(&doc.url)?, secrets: keys.map(resolve).collect::<Result<_>>()? })
    }

    /// A warning for each placeholder that has no value here and now.
    pub fn unresolved_placeholders(&self, secrets: &dyn SecretSource) -> Vec<Problem> {
        let options = self.connections.iter().flat_map(|(name, doc)| {
            let texts =
                doc.option_places.iter().filter_map(|(path, place)| Some((at_path(doc, path)?, place)));
            texts.map(move |(text, place)| (format!("connection '{name}'"), text, place))
        });
        let notices = self.notifications.iter().flat_map(|doc| {
            let texts = std::iter::once(&doc.url).chain(&doc.secret).chain(&doc.previous_secret);
            texts.map(|text| (format!("notification '{}'", doc.name), text.as_str(), &doc.place))
        });
        let mut problems = Vec::new();
        for (owner, text, place) in options.chain(notices) {
            for part in secrets::parts(text).unwrap_or_default() {
                if let Err(reason) = value_of(&part, &self.root, secrets) {
                    problems.push(Problem {
                        code: "placeholder_without_value",
                        severity: crate::Severity::Warning,
                        file: place.file.clone(),
                        line: place.line,
                        column: 1,
                        pointer: None,
                        message: format!("{owner}: {reason}"),
                        help: Some("nothing that needs it can run until it is there".to_string()),
                        snippet: None,
                    });
                }
            }
        }
        problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        problems
    }
}

fn in_connection(mut error: Error, name: &str) -> Error {
    error.message = format!("connection '{name}': {}", error.message);
    error
}

/// The text of an option at a path of keys and list positions.
fn at_path<'a>(doc: &'a ConnectionDoc, path: &str) -> Option<&'a str> {
    fn walk<'a>(value: &'a Json, path: &str) -> Option<&'a str> {
        match value {
            Json::String(text) if path.is_empty() => Some(text),
            Json::Object(map) => map.iter().find_map(|(key, value)| walk(value, rest_of(path, key)?)),
            Json::Array(items) => {
                items.iter().enumerate().find_map(|(n, value)| walk(value, rest_of(path, &n.to_string())?))
            }
            _ => None,
        }
    }
    fn rest_of<'p>(path: &'p str, key: &str) -> Option<&'p str> {
        let rest = path.strip_prefix(key)?;
        if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
    }
    doc.options.iter().find_map(|(key, value)| walk(value, rest_of(path, key)?))
}

struct Resolver<'a> {
    root: &'a Path,
    schema: &'a Json,
    doc: &'a ConnectionDoc,
    secrets: &'a dyn SecretSource,
}

impl Resolver<'_> {
    fn resolve(&self, value: &Json, wanted: Option<&Json>, path: &str) -> Result<Json> {
        let wanted = wanted.and_then(|schema| self.dereference(schema));
        match value {
            Json::String(text) if text.contains("${") => self.resolve_text(text, wanted, path),
            Json::Array(items) => {
                let item_schema = wanted.and_then(|schema| schema.get("items"));
                let items = items.iter().enumerate();
                items
                    .map(|(n, item)| self.resolve(item, item_schema, &join(path, &n.to_string())))
                    .collect::<Result<_>>()
                    .map(Json::Array)
            }
            Json::Object(map) => {
                let entries = map.iter().map(|(key, value)| {
                    let schema = wanted.and_then(|schema| {
                        let own = schema.get("properties").and_then(|properties| properties.get(key));
                        own.or(schema.get("additionalProperties"))
                    });
                    Ok((key.clone(), self.resolve(value, schema, &join(path, key))?))
                });
                entries.collect::<Result<_>>().map(Json::Object)
            }
            other => Ok(other.clone()),
        }
    }

    fn resolve_text(&self, text: &str, wanted: Option<&Json>, path: &str) -> Result<Json> {
        let wrong = |reason: String| {
            let at = self.doc.option_places.get(path).unwrap_or(&self.doc.place);
            Error::new(ErrorKind::InvalidConfig, format!("{at}: option '{path}': {reason}"))
        };
        let parts = secrets::parts(text).map_err(wrong)?;
        let mut resolved = String::new();
        for part in &parts {
            let value = value_of(part, self.root, self.secrets).map_err(|reason| {
                wrong(reason).help("set it where this command runs, or change the placeholder")
            })?;
            resolved.push_str(&value);
        }
        as_wanted(resolved, wanted)
            .map_err(|expected| wrong(format!("the value behind it is not {expected}")))
    }

    fn dereference<'s>(&'s self, schema: &'s Json) -> Option<&'s Json> {
        let target = schema.get("$ref").and_then(Json::as_str);
        match target {
            Some(target) => self.schema.pointer(target.strip_prefix('#')?),
            None => Some(schema),
        }
    }
}

/// What a part stands for; the error says what is missing.
fn value_of(part: &Part, root: &Path, secrets: &dyn SecretSource) -> std::result::Result<String, String> {
    match part {
        Part::Text(text) => Ok(text.clone()),
        Part::Env(name) => {
            secrets.env(name).ok_or_else(|| format!("the environment variable {name} is not set"))
        }
        Part::File(path) => {
            let text = secrets
                .file(&root.join(path))
                .map_err(|error| format!("the file {path} cannot be read: {error}"))?;
            if text.len() > SECRET_BYTES_MAX {
                return Err(format!("the file {path} is too large for a value"));
            }
            Ok(text.trim_end_matches(['\n', '\r']).to_string())
        }
        Part::State { owner, path } => secrets.state(owner, path),
    }
}

/// A resolved text as the type that its option has; the error says which that is.
fn as_wanted(text: String, wanted: Option<&Json>) -> std::result::Result<Json, &'static str> {
    let types: Vec<&str> = match wanted.and_then(|schema| schema.get("type")) {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    if types.is_empty() || types.contains(&"string") {
        return Ok(Json::String(text));
    }
    if types.contains(&"boolean") {
        return text.parse().map(Json::Bool).map_err(|_| "true or false");
    }
    if types.contains(&"integer") {
        let number = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
        return number.map(Json::Number).map_err(|_| "a whole number");
    }
    if types.contains(&"number") {
        let number = text.parse().ok().and_then(Number::from_f64);
        return number.map(Json::Number).ok_or("a number");
    }
    Ok(Json::String(text))
}

/// Names the connections that no instance uses.
pub(crate) fn warn_unused(entry: &Entry, findings: &mut Findings) {
    let finding: &mut Finding = findings.warning(
        entry.key_span,
        "unused_connection",
        format!("no instance uses the connection '{}'", entry.key),
    );
    finding.help("remove it, or name it as the source or target of an instance");
}
