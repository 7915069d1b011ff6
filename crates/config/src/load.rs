//! Reads a project folder: every file, every problem, then the resolved whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use syncline_connector::Registry;
use syncline_core::{Sync, SyncId};

use crate::capability::Ends;
use crate::check::{Checker, to_json};
use crate::connections::{self, Placeholders, place};
use crate::documents::{
    ConnectionEntry, ExcludedKeys, InstanceDoc, NOT_IN_DEFAULTS, NotificationEntry, ProjectDoc, ServerEntry,
    SettingsEntry,
};
use crate::fingerprint::Fingerprint;
use crate::node::{Entry, Node, Value};
use crate::overlay::lay_over;
use crate::problem::{Problem, Problems};
use crate::project::{
    Channel, ConnectionDoc, Instance, LookupDoc, NotificationDoc, NotificationEvent, Project, Retention,
    ServerSettings, Settings, SyncPlaces,
};
use crate::source::{Findings, Sources, Span};
use crate::syncs::{self, Entity};
use crate::yaml::DOCUMENT_BYTES_MAX;
use crate::{order, schema, secrets, suggest, together, values, yaml};

/// The document every project has.
pub(crate) const PROJECT_FILE: &str = "syncline.yaml";
/// The folder with one document for each instance.
pub(crate) const INSTANCE_FOLDER: &str = "syncs";

/// Most files in `syncs/`.
pub(crate) const INSTANCE_FILES_MAX: usize = 10_000;
/// Largest CSV file of a lookup.
const LOOKUP_BYTES_MAX: u64 = 1 << 30;

const MEMORY_BUDGET_BYTES: u64 = 512_000_000;
const STATE_FOLDER: &str = ".syncline";
const RETENTION_DAYS: u64 = 90;
const DEAD_LETTERS_MAX: u64 = 100_000;
const EVENTS_DAYS: u64 = 7;
/// Only this machine.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8400);
const CONCURRENT_RUNS_MAX: u32 = 4;
const LEASE: Duration = Duration::from_secs(90);

/// Reads and checks the project in a folder, with the overlay of an environment
/// (`syncline.<environment>.yaml`) when one is named.
///
/// Fails with every problem of every file. What is allowed but probably not meant is in
/// [`Project::warnings`]. Placeholders are not resolved; see [`Project::connection`].
pub fn load(root: &Path, environment: Option<&str>, registry: &Registry) -> Result<Project, Problems> {
    load_watched(root, environment, registry).0
}

/// [`load`] for a server that reads the project again when a file changes: also gives what was read,
/// whether it was good or not.
pub fn load_watched(
    root: &Path,
    environment: Option<&str>,
    registry: &Registry,
) -> (Result<Project, Problems>, Fingerprint) {
    let mut loader = Loader {
        root,
        registry,
        sources: Sources::default(),
        findings: Findings::default(),
        fingerprint: Fingerprint::of_folder(root),
    };
    let (project, mut files) = loader.load(environment);
    let (errors, warnings) = loader.sources.problems(loader.findings);
    // Of the texts only those are needed later that objects made through the API inherit from.
    loader.sources.truncate(files.texts);
    files.sources = loader.sources;
    files.warnings = warnings.clone();
    let loaded = if errors.is_empty() {
        Ok(Project { warnings, files: Arc::new(files), ..project })
    } else {
        Err(Problems(errors))
    };
    (loaded, loader.fingerprint)
}

/// What objects made through the API are read against: the parts of the files they refer to.
#[derive(Default)]
pub(crate) struct Files {
    pub sources: Sources,
    /// How many texts hold `defaults` and `connections`: `syncline.yaml` and its overlay.
    texts: usize,
    pub defaults: Option<Node>,
    pub connections: Vec<Entry>,
    /// Of the files alone.
    pub warnings: Vec<Problem>,
}

/// Shows nothing: a text may hold a secret in clear.
impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").finish_non_exhaustive()
    }
}

pub(crate) struct Loader<'a> {
    pub root: &'a Path,
    pub registry: &'a Registry,
    pub sources: Sources,
    pub findings: Findings,
    pub fingerprint: Fingerprint,
}

/// An instance with defaults merged into its entities.
pub(crate) struct ReadInstance {
    /// As written.
    pub raw: Node,
    pub merged: Node,
    pub doc: Option<InstanceDoc>,
}

/// What instances may name as their ends.
pub(crate) struct Connections<'a> {
    pub entries: Vec<&'a Entry>,
    /// Those that can be used.
    pub docs: &'a BTreeMap<String, ConnectionDoc>,
}

/// An instance with its syncs.
pub(crate) struct ResolvedInstance {
    pub instance: Instance,
    pub syncs: Vec<(Sync, SyncPlaces)>,
}

impl Loader<'_> {
    fn load(&mut self, environment: Option<&str>) -> (Project, Files) {
        let base = self.read_document(PROJECT_FILE, true);
        let overlay = environment.and_then(|name| self.read_overlay(name));
        let texts = self.sources.len();
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

        let mut project =
            self.project(project.unwrap_or_else(empty_project), merged.as_ref(), environment, overlay_file);
        // Without a readable syncline.yaml nothing is known of connections.
        let entries = merged.as_ref().map(|node| entries_at(node, "connections"));
        let connections = Connections {
            entries: entries.unwrap_or_default().iter().collect(),
            docs: &std::mem::take(&mut project.connections),
        };
        let mut seen = Vec::new();
        for instance in instances {
            if entries.is_some() {
                self.check_end(&instance.merged, "source", &connections);
                self.check_end(&instance.merged, "target", &connections);
            }
            self.add_instance(instance, &connections, &mut project, &mut seen);
        }
        for entry in unused_connections(entries.unwrap_or_default(), &seen) {
            connections::warn_unused(entry, &mut self.findings);
        }
        let nodes: BTreeMap<&str, &Node> =
            seen.iter().filter_map(|node| Some((node.get("instance")?.text()?, node))).collect();
        for (_, findings) in together::check(&project.syncs.iter().collect::<Vec<_>>(), &nodes) {
            self.findings.extend(findings);
        }
        project.syncs = order::by_dependency(std::mem::take(&mut project.syncs));
        project.connections = connections.docs.clone();
        let files = Files {
            sources: Sources::default(),
            texts,
            defaults: defaults.cloned(),
            connections: entries.unwrap_or_default().to_vec(),
            warnings: Vec::new(),
        };
        (project, files)
    }

    /// Reads one file of the project into a tree. A file that cannot be read is a finding.
    fn read_document(&mut self, name: &str, may_hold_secrets: bool) -> Option<Node> {
        self.fingerprint.note(name);
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
        self.fingerprint.note(&name);
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
        let mut names = instance_files(self.root);
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
    pub fn read_as<T: DeserializeOwned>(&mut self, node: &Node, schema: &Json) -> Option<T> {
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

    pub fn read_instance(&mut self, raw: Node, defaults: Option<&Node>) -> ReadInstance {
        let merged = with_defaults(&raw, defaults);
        let doc = self.read_as::<InstanceDoc>(&merged, &schema::INSTANCE);
        self.check_misplaced_placeholders(&merged, &[]);
        for path in doc.iter().flat_map(referenced_files) {
            self.fingerprint.note(path);
        }
        ReadInstance { raw, merged, doc }
    }

    pub fn check_misplaced_placeholders(&mut self, document: &Node, allowed: &[&str]) {
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
        for span in self.hide_clear_secrets(document) {
            self.findings
                .warning(span, "secret_in_clear", "a secret is written here in clear")
                .help("replace it by ${env:NAME} or ${file:path}, and change it where it was issued");
        }
    }

    /// Keeps secrets in clear out of every excerpt, and says where they are.
    pub fn hide_clear_secrets(&mut self, document: &Node) -> Vec<Span> {
        let mut found = Vec::new();
        for entry in entries_at(document, "connections") {
            let spec = entry.node.get("type").and_then(Node::text).and_then(|name| self.registry.spec(name));
            let marked = connections::secret_options(spec);
            found.extend(secrets::clear_values(&entry.node, &|option: &str| marked.contains(option)));
        }
        if let Some(notifications) = document.get("notifications") {
            // Whoever knows a Slack webhook's address can post to it.
            let marked = |key: &str| key == "url";
            for item in notifications.list().unwrap_or_default() {
                let slack = item.get("channel").and_then(Node::text) == Some("slack");
                found.extend(secrets::clear_values(item, &|key| slack && marked(key)));
            }
        }
        for span in &found {
            self.sources.hide(*span);
        }
        found
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
            let connection = self.connection(entry, entry_doc, Placeholders::OfFile);
            if let Some(connection) = connection {
                read.insert(name, connection);
            }
        }
        let items =
            merged.and_then(|node| node.get("notifications")).and_then(Node::list).unwrap_or_default();
        let notifications = doc.notifications.unwrap_or_default().into_iter().zip(items);
        let mut notifications: Vec<_> =
            notifications.map(|(doc, node)| self.notification(doc, node, Placeholders::OfFile)).collect();
        self.name_notifications(&mut notifications, items);
        let lookups = doc.lookups.unwrap_or_default().0.into_iter();
        let lookups = lookups
            .map(|(name, lookup)| {
                let node = merged.and_then(|node| node.entry_at(&["lookups", &name]));
                self.fingerprint.note(&lookup.file);
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
            instances: BTreeMap::new(),
            syncs: Vec::new(),
            notifications,
            lookups,
            settings: settings(doc.settings.unwrap_or_default(), environment.filter(|_| !state_in_overlay)),
            warnings: Vec::new(),
            places: BTreeMap::new(),
            files: Arc::default(),
        }
    }

    /// Checks a connection. `entry` is where it stands in a document with the key `connections`.
    pub fn connection(
        &mut self,
        entry: &Entry,
        doc: ConnectionEntry,
        placeholders: Placeholders<'_>,
    ) -> Option<ConnectionDoc> {
        connections::read(entry, doc, placeholders, self.registry, &self.sources, &mut self.findings)
    }

    pub fn notification(
        &mut self,
        doc: NotificationEntry,
        node: &Node,
        placeholders: Placeholders<'_>,
    ) -> NotificationDoc {
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
                connections::check_placeholders(value, key, placeholders, &mut self.findings);
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
            let channel = doc.channel.as_str();
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
        instance: ReadInstance,
        connections: &Connections<'_>,
        project: &mut Project,
        seen: &mut Vec<Node>,
    ) {
        seen.push(instance.merged.clone());
        let merged = instance.merged.clone();
        let Some(resolved) = self.resolve_instance(instance, connections) else { return };
        let name = resolved.instance.name.clone();
        if let Some(first) = project.instances.get(&name) {
            let span = merged.get("instance").map_or(merged.span, |node| node.span);
            let file = first.place.file.clone();
            self.findings
                .error(span, "duplicate_instance", format!("the instance '{name}' exists already"))
                .help(format!(
                    "it is defined in {file}; rename one of the two, or put their entities together"
                ));
        } else {
            project.instances.insert(name, resolved.instance);
        }
        for (sync, places) in resolved.syncs {
            if !project.places.contains_key(&sync.id) {
                project.places.insert(sync.id.clone(), places);
                project.syncs.push(sync);
            }
        }
    }

    /// The syncs of an instance, as far as it can be told what is meant.
    pub fn resolve_instance(
        &mut self,
        instance: ReadInstance,
        connections: &Connections<'_>,
    ) -> Option<ResolvedInstance> {
        let ReadInstance { raw, merged, doc } = instance;
        let doc = doc?;
        let spec_of =
            |name: &str| connections.docs.get(name).and_then(|doc| self.registry.spec(&doc.type_name));
        let (source, target) = (spec_of(&doc.source), spec_of(&doc.target));
        let mut syncs: Vec<(Sync, SyncPlaces)> = Vec::new();
        for (name, entity_doc) in doc.entities.0 {
            let path = ["entities", &name];
            let (Some(entry), Some(own)) = (merged.entry_at(&path), raw.entry_at(&path)) else { continue };
            if let Err(message) = values::name(&name) {
                self.findings.error(entry.key_span, "invalid_value", message);
            }
            let entity = Entity {
                id: SyncId::new(&doc.instance, &name),
                source: doc.source.clone(),
                target: doc.target.clone(),
                root: self.root,
                sources: &self.sources,
                ends: Ends { source, target, node: &entry.node, at: entry.key_span },
                own: &own.node,
            };
            if let Some(sync) = entity.resolve(entity_doc, &mut self.findings) {
                syncs.push((sync, places(&self.sources, entry)));
            }
        }
        let at = raw.entry("instance").map_or(raw.span, |entry| entry.key_span);
        let instance = Instance {
            name: doc.instance,
            source: doc.source,
            target: doc.target,
            syncs: syncs.iter().map(|(sync, _)| sync.id.clone()).collect(),
            document: to_json(&raw),
            place: place(&self.sources, at),
        };
        Some(ResolvedInstance { instance, syncs })
    }

    /// Checks that a connection exists and can be this end of an instance.
    pub fn check_end(&mut self, instance: &Node, end: &str, connections: &Connections<'_>) {
        let Some(node) = instance.get(end) else { return };
        let Some(name) = node.text() else { return };
        let Some(connection) = connections.entries.iter().find(|entry| &*entry.key == name) else {
            let known = connections.entries.iter().map(|entry| &*entry.key);
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
}

fn unused_connections<'e>(connections: &'e [Entry], instances: &[Node]) -> Vec<&'e Entry> {
    let used: BTreeSet<&str> = instances
        .iter()
        .flat_map(|instance| ["source", "target"].map(|end| instance.get(end).and_then(Node::text)))
        .flatten()
        .collect();
    connections.iter().filter(|entry| !used.contains(&*entry.key)).collect()
}

/// The files that an instance refers to.
fn referenced_files(doc: &InstanceDoc) -> Vec<&str> {
    let entities = doc.entities.0.iter().map(|(_, entity)| entity);
    let files = entities.flat_map(|entity| {
        let keys = match &entity.excluded_keys {
            Some(ExcludedKeys::File(file)) => Some(file.file.as_str()),
            _ => None,
        };
        [entity.model.sql_file.as_deref(), keys]
    });
    files.flatten().collect()
}

/// The instance files in a project's folder, sorted, with `/`.
pub(crate) fn instance_files(root: &Path) -> Vec<String> {
    let Ok(folder) = std::fs::read_dir(root.join(INSTANCE_FOLDER)) else { return Vec::new() };
    let mut names: Vec<String> = folder
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml")))
        .map(|name| format!("{INSTANCE_FOLDER}/{name}"))
        .collect();
    names.sort();
    names
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
    let days = |days: u64| Duration::from_secs(days * 24 * 3600);
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
            events: retention.events.map_or(days(EVENTS_DAYS), |period| period.0),
        },
        server: server_settings(doc.server.unwrap_or_default()),
    }
}

fn server_settings(doc: ServerEntry) -> ServerSettings {
    ServerSettings {
        listen: doc.listen.map_or(LISTEN, |listen| listen.0),
        base_url: doc.base_url.map(|url| url.0),
        max_concurrent_runs: doc.max_concurrent_runs.unwrap_or(CONCURRENT_RUNS_MAX),
        lease: doc.lease.map_or(LEASE, |period| period.0),
        api_variables: doc.api_variables.unwrap_or_default(),
        api_paths: doc.api_paths.map_or_else(
            || vec![std::path::PathBuf::new()],
            |folders| folders.into_iter().map(Into::into).collect(),
        ),
        api_reach: doc.api_reach.unwrap_or_default().into_iter().map(Into::into).collect(),
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
