//! Reads a project folder: every file, every problem, then the resolved whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use syncline_connector::Registry;
use syncline_core::SyncId;

use crate::capability::Ends;
use crate::check::Checker;
use crate::connections::{self, place};
use crate::documents::{InstanceDoc, NOT_IN_DEFAULTS, NotificationEntry, ProjectDoc, SettingsEntry};
use crate::node::{Entry, Node, Value};
use crate::order;
use crate::overlay::lay_over;
use crate::problem::Problems;
use crate::project::{
    Channel, LookupDoc, NotificationDoc, NotificationEvent, Project, Retention, Settings, SyncPlaces,
};
use crate::schema;
use crate::secrets;
use crate::source::{Findings, Sources, Span};
use crate::syncs::{self, Entity};
use crate::yaml::DOCUMENT_BYTES_MAX;
use crate::{suggest, values, yaml};

/// The document every project has.
pub(crate) const PROJECT_FILE: &str = "syncline.yaml";
/// The folder with one document for each instance.
pub(crate) const INSTANCE_FOLDER: &str = "syncs";

/// Most files in `syncs/`.
const INSTANCE_FILES_MAX: usize = 10_000;
/// Largest CSV file of a lookup.
const LOOKUP_BYTES_MAX: u64 = 1 << 30;

const MEMORY_BUDGET_BYTES: u64 = 512_000_000;
const STATE_FOLDER: &str = ".syncline";
const RETENTION_DAYS: u64 = 90;
const DEAD_LETTERS_MAX: u64 = 100_000;

/// Reads and checks the project in a folder, with the overlay of an environment
/// (`syncline.<environment>.yaml`) when one is named.
///
/// Fails with every problem of every file. What is allowed but probably not meant is in
/// [`Project::warnings`]. Placeholders are not resolved; see [`Project::connection`].
pub fn load(root: &Path, environment: Option<&str>, registry: &Registry) -> Result<Project, Problems> {
    let mut loader = Loader { root, registry, sources: Sources::default(), findings: Findings::default() };
    let project = loader.load(environment);
    let (errors, warnings) = loader.sources.problems(loader.findings);
    match project {
        Some(mut project) if errors.is_empty() => {
            project.warnings = warnings;
            Ok(project)
        }
        _ => Err(Problems(errors)),
    }
}

struct Loader<'a> {
    root: &'a Path,
    registry: &'a Registry,
    sources: Sources,
    findings: Findings,
}

/// An instance with defaults merged into its entities.
struct Instance {
    /// As written.
    raw: Node,
    merged: Node,
    doc: Option<InstanceDoc>,
}

impl Loader<'_> {
    fn load(&mut self, environment: Option<&str>) -> Option<Project> {
        let base = self.read_document(PROJECT_FILE, true);
        let overlay = environment.and_then(|name| self.read_overlay(name));
        let overlay_file = overlay.as_ref().map(|node| node.span.file);
        let merged = match (base, overlay) {
            (Some(base), Some(over)) if !base.is_null() && !over.is_null() => Some(lay_over(&base, &over)),
            (Some(base), _) => Some(base),
            (None, _) => None,
        };
        let project = merged.as_ref().and_then(|node| self.read_as::<ProjectDoc>(node, &schema::PROJECT));
        if let Some(node) = &merged {
            self.check_misplaced_placeholders(node, &["connections", "notifications"]);
        }
        let defaults = merged.as_ref().and_then(|node| node.get("defaults"));
        let mut instances = Vec::new();
        for name in self.instance_files() {
            if let Some(raw) = self.read_document(&name, false) {
                instances.push(self.read_instance(raw, defaults));
            }
        }

        let connection_entries = merged.as_ref().map(|node| entries_at(node, "connections"));
        let mut project =
            self.project(project.unwrap_or_else(empty_project), merged.as_ref(), environment, overlay_file);
        let mut seen = Vec::new();
        for instance in instances {
            self.add_instance(instance, connection_entries, &mut project, &mut seen);
        }
        if let Some(entries) = connection_entries {
            self.warn_unused_connections(entries, &seen);
        }
        self.check_syncs_together(&mut project, &seen);
        Some(project)
    }

    /// Reads one file of the project into a tree. A file that cannot be read is a finding.
    fn read_document(&mut self, name: &str, may_hold_secrets: bool) -> Option<Node> {
        match read_bytes(&self.root.join(name)) {
            Ok(bytes) => {
                let valid = String::from_utf8(bytes);
                let (text, broken) = match valid {
                    Ok(text) => (text, None),
                    Err(error) => {
                        let at = error.utf8_error().valid_up_to();
                        (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(at))
                    }
                };
                let file = self.sources.add(name, text, may_hold_secrets);
                if let Some(at) = broken {
                    let span = Span { file, start: at, end: at + 1 };
                    self.findings
                        .error(span, "yaml_syntax", "this is not UTF-8 text")
                        .help("save the file with the encoding UTF-8");
                    return None;
                }
                let node = yaml::parse(file, self.sources.text(file), &mut self.findings)?;
                if may_hold_secrets {
                    self.warn_clear_secrets(&node);
                }
                Some(node)
            }
            Err(reason) => {
                let file = self.sources.add(name, String::new(), false);
                let span = self.sources.start_of(file);
                let help = match name == PROJECT_FILE {
                    true => "run `syncline init` to make a project, or name its folder with --project",
                    false => "check that the file exists and may be read",
                };
                self.findings
                    .error(span, "file_not_readable", format!("{name} cannot be read: {reason}"))
                    .help(help);
                None
            }
        }
    }

    fn read_overlay(&mut self, environment: &str) -> Option<Node> {
        let name = format!("syncline.{environment}.yaml");
        let known = environments(self.root);
        if values::name(environment).is_ok() && self.root.join(&name).is_file() {
            return self.read_document(&name, true);
        }
        let file = self.sources.add(name.clone(), String::new(), false);
        let span = self.sources.start_of(file);
        let shown: String = environment.chars().take(60).collect();
        self.findings
            .error(
                span,
                "unknown_environment",
                format!("there is no environment '{shown}': it needs the file {name}"),
            )
            .maybe_help(suggest::advice(environment, known.iter().map(String::as_str)));
        None
    }

    fn instance_files(&mut self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.root.join(INSTANCE_FOLDER)) else { return Vec::new() };
        let mut names: Vec<String> = folder
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml")))
            .map(|name| format!("{INSTANCE_FOLDER}/{name}"))
            .collect();
        names.sort();
        if names.len() > INSTANCE_FILES_MAX {
            let file = self.sources.add(INSTANCE_FOLDER, String::new(), false);
            let span = self.sources.start_of(file);
            let message =
                format!("{} files are more than a project may have ({INSTANCE_FILES_MAX})", names.len());
            self.findings.error(span, "project_too_large", message);
            names.truncate(INSTANCE_FILES_MAX);
        }
        names
    }

    /// Checks a tree and reads it as a document.
    fn read_as<T: DeserializeOwned>(&mut self, node: &Node, schema: &Json) -> Option<T> {
        let at = self.sources.start_of(node.span.file);
        let empty = Node { span: node.span, value: Value::Map(Vec::new()) };
        let node = if node.is_null() { &empty } else { node };
        let checked = Checker::documents(schema).check_root(node, at, &mut self.findings)?;
        match serde_json::from_value(checked) {
            Ok(doc) => Some(doc),
            Err(error) => {
                // What passed the check can be read; if not, the schema and its type disagree.
                self.findings.error(at, "invalid_value", format!("this document cannot be read: {error}"));
                None
            }
        }
    }

    fn read_instance(&mut self, raw: Node, defaults: Option<&Node>) -> Instance {
        let merged = with_defaults(&raw, defaults);
        let doc = self.read_as::<InstanceDoc>(&merged, &schema::INSTANCE);
        self.check_misplaced_placeholders(&merged, &[]);
        Instance { raw, merged, doc }
    }

    fn check_misplaced_placeholders(&mut self, document: &Node, allowed: &[&str]) {
        for entry in document.map().unwrap_or_default() {
            if allowed.contains(&&*entry.key) {
                continue;
            }
            entry.node.visit_scalars(&mut |node, scalar| {
                if secrets::has_placeholder(&scalar.text) {
                    self.findings
                        .error(node.span, "misplaced_placeholder", "a placeholder cannot stand here")
                        .help("placeholders are for the options of connections and the url and secret of notifications");
                }
            });
        }
    }

    /// Warns of secrets in clear and keeps them out of every excerpt.
    fn warn_clear_secrets(&mut self, document: &Node) {
        let mut found = Vec::new();
        for entry in entries_at(document, "connections") {
            let spec = entry.node.get("type").and_then(Node::text).and_then(|name| self.registry.spec(name));
            let marked = |option: &str| connections::is_marked_secret(spec, option);
            found.extend(secrets::clear_values(&entry.node, &marked));
        }
        if let Some(notifications) = document.get("notifications") {
            // Whoever knows a Slack webhook's address can post to it.
            let marked = |key: &str| key == "url";
            for item in notifications.list().unwrap_or_default() {
                let slack = item.get("channel").and_then(Node::text) == Some("slack");
                found.extend(secrets::clear_values(item, &|key| slack && marked(key)));
            }
        }
        for span in found {
            self.sources.hide(span);
            self.findings
                .warning(span, "secret_in_clear", "a secret is written here in clear")
                .help("replace it by ${env:NAME} or ${file:path}, and change it where it was issued");
        }
    }

    fn project(
        &mut self,
        doc: ProjectDoc,
        merged: Option<&Node>,
        environment: Option<&str>,
        overlay_file: Option<usize>,
    ) -> Project {
        let mut read = BTreeMap::new();
        for (name, entry_doc) in doc.connections.0 {
            let Some(entry) = merged.and_then(|node| node.entry_at(&["connections", &name])) else {
                continue;
            };
            let connection =
                connections::read(entry, entry_doc, self.registry, &self.sources, &mut self.findings);
            if let Some(connection) = connection {
                read.insert(name, connection);
            }
        }
        let items =
            merged.and_then(|node| node.get("notifications")).and_then(Node::list).unwrap_or_default();
        let notifications = doc.notifications.unwrap_or_default().into_iter().zip(items);
        let mut notifications: Vec<_> =
            notifications.map(|(doc, node)| self.notification(doc, node)).collect();
        self.name_notifications(&mut notifications, items);
        let lookups = doc.lookups.unwrap_or_default().0.into_iter();
        let lookups = lookups
            .map(|(name, lookup)| {
                let node = merged.and_then(|node| node.entry_at(&["lookups", &name]));
                self.check_lookup(&lookup.file, node);
                (name, LookupDoc { file: lookup.file.into(), key: lookup.key, value: lookup.value })
            })
            .collect();
        let state_node = merged.and_then(|node| node.entry_at(&["settings", "state"]));
        let state_in_overlay = state_node.is_some_and(|entry| Some(entry.node.span.file) == overlay_file);
        Project {
            root: self.root.to_path_buf(),
            environment: environment.map(str::to_string),
            connections: read,
            syncs: Vec::new(),
            notifications,
            lookups,
            settings: settings(doc.settings.unwrap_or_default(), environment.filter(|_| !state_in_overlay)),
            warnings: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    fn notification(&mut self, doc: NotificationEntry, node: &Node) -> NotificationDoc {
        let channel = doc.channel.into();
        for entry in ["secret", "previous_secret"].into_iter().filter_map(|key| node.entry(key)) {
            if channel == Channel::Slack {
                self.findings
                    .error(entry.key_span, "not_applicable", "messages to Slack are not signed")
                    .help("remove the secret, or use `channel: webhook`");
            }
        }
        if channel == Channel::Webhook && doc.secret.is_none() {
            self.findings
                .error(node.span, "missing_key", "'secret' is missing: messages to a webhook are signed")
                .help("make one with: echo whsec_$(openssl rand -base64 32)");
        }
        for key in ["url", "secret", "previous_secret"] {
            if let Some(value) = node.get(key) {
                connections::check_placeholders(value, &mut self.findings);
            }
        }
        let is_address = ["http://", "https://"].iter().any(|scheme| doc.url.starts_with(scheme));
        if let Some(entry) = node.entry("url").filter(|_| !is_address && !doc.url.starts_with("${")) {
            self.findings
                .error(entry.node.span, "invalid_value", "this is not a URL")
                .help("start it with https://, or use a placeholder such as ${env:SLACK_URL}");
        }
        NotificationDoc {
            name: doc.name.unwrap_or_default(),
            channel,
            url: doc.url,
            events: match doc.events {
                Some(events) => events.into_iter().map(Into::into).collect(),
                None => vec![
                    NotificationEvent::Failed,
                    NotificationEvent::Halted,
                    NotificationEvent::Held,
                    NotificationEvent::Recovered,
                ],
            },
            error_rate: doc.error_rate.map(|percent| percent.0),
            consecutive_failures: doc.consecutive_failures,
            secret: doc.secret,
            previous_secret: doc.previous_secret,
            reach: doc.reach.map(Into::into).unwrap_or_default(),
            place: place(&self.sources, node.span),
        }
    }

    /// Gives names to those without one, and reports names that are there twice.
    fn name_notifications(&mut self, notifications: &mut [NotificationDoc], items: &[Node]) {
        let mut names = BTreeSet::new();
        for (doc, node) in notifications.iter().zip(items).filter(|(doc, _)| !doc.name.is_empty()) {
            if !names.insert(doc.name.clone()) {
                let span = node.get("name").map_or(node.span, |name| name.span);
                let message = format!("there are two notifications '{}'", doc.name);
                self.findings.error(span, "duplicate_name", message).help("give each another name");
            }
        }
        for doc in notifications.iter_mut().filter(|doc| doc.name.is_empty()) {
            let channel = match doc.channel {
                Channel::Slack => "slack",
                Channel::Webhook => "webhook",
            };
            let numbered = (2u32..).map(|number| format!("{channel}-{number}"));
            let mut free = std::iter::once(channel.to_string()).chain(numbered);
            doc.name = free.find(|name| !names.contains(name)).unwrap_or_default();
            names.insert(doc.name.clone());
        }
    }

    fn check_lookup(&mut self, file: &str, entry: Option<&Entry>) {
        let Some(entry) = entry else { return };
        if let Err(message) = values::name(&entry.key) {
            self.findings.error(entry.key_span, "invalid_value", message);
        }
        let span = entry.node.get("file").map_or(entry.key_span, |node| node.span);
        if let Err(reason) = syncs::check_project_file(self.root, file, LOOKUP_BYTES_MAX) {
            self.findings
                .error(span, "file_not_readable", reason)
                .help("paths start from the project's folder, where syncline.yaml is");
        }
    }

    /// Adds the syncs of an instance to the project.
    fn add_instance(
        &mut self,
        instance: Instance,
        connection_entries: Option<&[Entry]>,
        project: &mut Project,
        seen: &mut Vec<SeenInstance>,
    ) {
        let Instance { raw, merged, doc } = instance;
        if let Some(entries) = connection_entries {
            self.check_end(&merged, "source", entries);
            self.check_end(&merged, "target", entries);
        }
        seen.push(SeenInstance { node: merged.clone(), syncs: Vec::new() });
        let Some(doc) = doc else { return };
        self.check_instance_name(&merged, &doc.instance, seen);
        let spec_of = |project: &Project, name: &str| {
            project.connections.get(name).and_then(|doc| self.registry.spec(&doc.type_name))
        };
        let (source, target) = (spec_of(project, &doc.source), spec_of(project, &doc.target));
        for (name, entity_doc) in doc.entities.0 {
            let path = ["entities", &name];
            let (Some(entry), Some(own)) = (merged.entry_at(&path), raw.entry_at(&path)) else { continue };
            if let Err(message) = values::name(&name) {
                self.findings.error(entry.key_span, "invalid_value", message);
            }
            let id = SyncId::new(&doc.instance, &name);
            let entity = Entity {
                id: id.clone(),
                source: doc.source.clone(),
                target: doc.target.clone(),
                root: self.root,
                sources: &self.sources,
                ends: Ends { source, target, node: &entry.node, at: entry.key_span },
                own: &own.node,
            };
            let Some(sync) = entity.resolve(entity_doc, &mut self.findings) else { continue };
            if project.places.contains_key(&id) {
                continue;
            }
            project.places.insert(id.clone(), places(&self.sources, entry));
            if let Some(seen) = seen.last_mut() {
                seen.syncs.push(id);
            }
            project.syncs.push(sync);
        }
    }

    fn check_instance_name(&mut self, node: &Node, name: &str, seen: &[SeenInstance]) {
        let Some(entry) = node.entry("instance") else { return };
        let others = &seen[..seen.len() - 1];
        let first = others.iter().find(|other| other.node.get("instance").and_then(Node::text) == Some(name));
        if let Some(first) = first {
            let file = self.sources.name(first.node.span.file).to_string();
            self.findings
                .error(entry.node.span, "duplicate_instance", format!("the instance '{name}' exists already"))
                .help(format!(
                    "it is defined in {file}; rename one of the two, or put their entities together"
                ));
        }
    }

    /// Checks that a connection exists and can be this end of an instance.
    fn check_end(&mut self, instance: &Node, end: &str, connections: &[Entry]) {
        let Some(node) = instance.get(end) else { return };
        let Some(name) = node.text() else { return };
        let Some(connection) = connections.iter().find(|entry| &*entry.key == name) else {
            let known = connections.iter().map(|entry| &*entry.key);
            let advice = suggest::advice(name, known);
            self.findings
                .error(node.span, "unknown_connection", format!("there is no connection '{name}'"))
                .maybe_help(advice.or_else(|| Some("add it to `connections` in syncline.yaml".to_string())));
            return;
        };
        let spec = connection.node.get("type").and_then(Node::text).and_then(|name| self.registry.spec(name));
        let Some(spec) = spec else { return };
        let (can, verb) = match end {
            "source" => (spec.source.is_some(), "read from"),
            _ => (spec.destination.is_some(), "written to"),
        };
        if !can {
            let fitting = self.registry.specs().filter(|spec| match end {
                "source" => spec.source.is_some(),
                _ => spec.destination.is_some(),
            });
            let names: Vec<&str> = fitting.map(|spec| spec.type_name).collect();
            let message = format!("'{name}' cannot be {verb}: it is of type {}", spec.type_name);
            self.findings
                .error(node.span, "not_supported", message)
                .help(format!("these types can be {verb}: {}", names.join(", ")));
        }
    }

    fn warn_unused_connections(&mut self, connections: &[Entry], seen: &[SeenInstance]) {
        let used: BTreeSet<&str> = seen
            .iter()
            .flat_map(|instance| ["source", "target"].map(|end| instance.node.get(end).and_then(Node::text)))
            .flatten()
            .collect();
        for entry in connections.iter().filter(|entry| !used.contains(&*entry.key)) {
            connections::warn_unused(entry, &mut self.findings);
        }
    }

    /// Checks what one sync says about another, and puts them in order.
    fn check_syncs_together(&mut self, project: &mut Project, seen: &[SeenInstance]) {
        let ids: Vec<SyncId> = project.syncs.iter().map(|sync| sync.id.clone()).collect();
        let mut renamed: BTreeMap<SyncId, SyncId> = BTreeMap::new();
        for sync in &project.syncs {
            let place_of = |path: &[&str]| place_in(seen, &sync.id, path);
            if let (Some(after), Some(span)) = (order::upstream(sync), place_of(&["schedule", "after"]))
                && !ids.contains(after)
            {
                self.findings
                    .error(span, "unknown_sync", format!("there is no sync '{after}'"))
                    .maybe_help(suggest::advice(after.as_str(), ids.iter().map(SyncId::as_str)));
            }
            if let (Some(old), Some(span)) = (&sync.renamed_from, place_of(&["renamed_from"])) {
                if ids.contains(old) {
                    self.findings
                        .error(
                            span,
                            "invalid_value",
                            format!("the sync '{old}' still exists, so it was not renamed"),
                        )
                        .help("remove this line, or the other sync");
                } else if let Some(other) = renamed.insert(old.clone(), sync.id.clone()) {
                    self.findings.error(
                        span,
                        "invalid_value",
                        format!("'{other}' was renamed from '{old}' too"),
                    );
                }
            }
        }
        let (ordered, cycles) = order::by_dependency(std::mem::take(&mut project.syncs));
        project.syncs = ordered;
        for cycle in cycles {
            let Some(span) = cycle.first().and_then(|id| place_in(seen, id, &["schedule", "after"])) else {
                continue;
            };
            let chain: Vec<&str> = cycle.iter().chain(cycle.first()).map(SyncId::as_str).collect();
            self.findings
                .error(span, "cycle", format!("these syncs wait for each other: {}", chain.join(" after ")))
                .help("give one of them a schedule of its own");
        }
    }
}

/// An instance's tree and the syncs it brought.
struct SeenInstance {
    node: Node,
    syncs: Vec<SyncId>,
}

/// The place of a value of a sync.
fn place_in(seen: &[SeenInstance], id: &SyncId, path: &[&str]) -> Option<Span> {
    let instance = seen.iter().find(|instance| instance.syncs.contains(id))?;
    let entity = instance.node.entry_at(&["entities", id.entity()])?;
    Some(entity.node.entry_at(path)?.node.span)
}

/// An instance in which every entity lies over the instance's and the project's defaults.
fn with_defaults(instance: &Node, project_defaults: Option<&Node>) -> Node {
    let own_defaults = instance.get("defaults");
    let layers: Vec<Node> = [project_defaults, own_defaults].into_iter().flatten().map(inheritable).collect();
    let Some(entries) = instance.map() else { return instance.clone() };
    let mut entries = entries.to_vec();
    for entry in entries.iter_mut().filter(|entry| &*entry.key == "entities") {
        if let Value::Map(entities) = &mut entry.node.value {
            for entity in entities.iter_mut().filter(|entity| entity.node.map().is_some()) {
                let span = entity.node.span;
                let mut layered = layers.iter().cloned().reduce(|below, above| lay_over(&below, &above));
                if let Some(below) = layered.take() {
                    entity.node = Node { span, ..lay_over(&below, &entity.node) };
                }
            }
        }
    }
    Node { span: instance.span, value: Value::Map(entries) }
}

/// Defaults without keys that cannot have one; those are reported where the defaults are checked.
fn inheritable(defaults: &Node) -> Node {
    let entries = defaults.map().unwrap_or_default().iter();
    let kept = entries.filter(|entry| !NOT_IN_DEFAULTS.contains(&&*entry.key)).cloned().collect();
    Node { span: defaults.span, value: Value::Map(kept) }
}

fn entries_at<'a>(node: &'a Node, key: &str) -> &'a [Entry] {
    node.get(key).and_then(Node::map).unwrap_or_default()
}

fn settings(doc: SettingsEntry, environment: Option<&str>) -> Settings {
    let days = |days: u64| std::time::Duration::from_secs(days * 24 * 3600);
    let retention = doc.retention.unwrap_or_default();
    let mut state = std::path::PathBuf::from(doc.state.unwrap_or_else(|| STATE_FOLDER.to_string()));
    if let Some(environment) = environment {
        state = state.join("environments").join(environment);
    }
    Settings {
        memory_budget_bytes: doc.memory_budget.map_or(MEMORY_BUDGET_BYTES, |size| size.0),
        state,
        retention: Retention {
            runs: retention.runs.map_or(days(RETENTION_DAYS), |period| period.0),
            dead_letters: retention.dead_letters.map_or(days(RETENTION_DAYS), |period| period.0),
            dead_letters_max: retention.dead_letters_max.unwrap_or(DEAD_LETTERS_MAX),
        },
    }
}

fn empty_project() -> ProjectDoc {
    ProjectDoc {
        connections: Default::default(),
        defaults: None,
        notifications: None,
        lookups: None,
        settings: None,
    }
}

/// The places of an entity and of every key below it.
fn places(sources: &Sources, entity: &Entry) -> SyncPlaces {
    let mut keys = BTreeMap::new();
    let mut open: Vec<(String, &Node)> = vec![(String::new(), &entity.node)];
    while let Some((path, node)) = open.pop() {
        for entry in node.map().unwrap_or_default() {
            let path = if path.is_empty() { entry.key.to_string() } else { format!("{path}.{}", entry.key) };
            keys.insert(path.clone(), place(sources, entry.key_span));
            open.push((path, &entry.node));
        }
    }
    SyncPlaces { entity: place(sources, entity.key_span), keys }
}

/// The environments that have an overlay file in a folder.
fn environments(root: &Path) -> Vec<String> {
    let files = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut names: Vec<String> = files
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_prefix("syncline.")?.strip_suffix(".yaml")?.to_string()))
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let text = |error: std::io::Error| error.to_string();
    let file = std::fs::File::open(path).map_err(text)?;
    let mut bytes = Vec::new();
    file.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(text)?;
    if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
        return Err(format!("it has more than {DOCUMENT_BYTES_MAX} bytes"));
    }
    Ok(bytes)
}
