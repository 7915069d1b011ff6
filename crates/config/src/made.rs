//! Objects made through the API, beside those in files: read by the same rules, on top of the files.
//!
//! The files of a project mean the same with and without a server, so they never refer to an object
//! made through the API; such an object may refer to both. Where both define a name, the file wins. An
//! object that is wrong is left out, with whatever needs it, and the rest of the project works.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use syncline_connector::Registry;
use syncline_core::Sync;

use crate::connections::Placeholders;
use crate::documents::ProjectDoc;
use crate::fingerprint::Fingerprint;
use crate::load::{Connections, Loader, ResolvedInstance};
use crate::local_paths::LocalPaths;
use crate::node::{Entry, Node, Value};
use crate::problem::{Problem, Problems, Severity};
use crate::project::{API_PLACE, Place, Project, Reach};
use crate::source::{Findings, Span};
use crate::{load, order, printed, schema, together, values};

/// Most problems that are told of one object.
const PROBLEMS_MAX: usize = 500;

/// Documents made through the API, by name. Secrets are placeholders in them; see
/// [`split_secrets`](crate::split_secrets).
#[derive(Clone, Default, PartialEq)]
pub struct MadeObjects {
    /// As the entries of `connections` in `syncline.yaml`.
    pub connections: BTreeMap<String, Json>,
    /// As the files in `syncs/`.
    pub instances: BTreeMap<String, Json>,
    /// As the items of `notifications` in `syncline.yaml`.
    pub notifications: BTreeMap<String, Json>,
}

/// Shows names only: a document may hold a secret by mistake.
impl fmt::Debug for MadeObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MadeObjects")
            .field("connections", &self.connections.keys())
            .field("instances", &self.instances.keys())
            .field("notifications", &self.notifications.keys())
            .finish()
    }
}

impl MadeObjects {
    pub fn get(&self, object: &ObjectName) -> Option<&Json> {
        match object.kind {
            ObjectKind::Connection => self.connections.get(&object.name),
            ObjectKind::Instance => self.instances.get(&object.name),
            ObjectKind::Notification => self.notifications.get(&object.name),
        }
    }

    /// Adds an object, replaces it, or with `None` takes it away.
    pub fn set(&mut self, object: &ObjectName, document: Option<Json>) {
        let objects = match object.kind {
            ObjectKind::Connection => &mut self.connections,
            ObjectKind::Instance => &mut self.instances,
            ObjectKind::Notification => &mut self.notifications,
        };
        match document {
            Some(document) => objects.insert(object.name.clone(), document),
            None => objects.remove(&object.name),
        };
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    Connection,
    Instance,
    Notification,
}

impl ObjectKind {
    /// `connection`
    pub fn as_str(self) -> &'static str {
        match self {
            ObjectKind::Connection => "connection",
            ObjectKind::Instance => "instance",
            ObjectKind::Notification => "notification",
        }
    }
}

/// An object that can be made through the API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    pub kind: ObjectKind,
    pub name: String,
}

impl ObjectName {
    pub fn new(kind: ObjectKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }

    /// What its places are called.
    fn place(&self) -> String {
        format!("{API_PLACE}{self}")
    }

    /// Who kept secrets of this object belong to, in `${state:owner.path}`.
    pub fn secrets_owner(&self) -> String {
        match self.kind {
            ObjectKind::Connection => self.name.clone(),
            ObjectKind::Instance => format!("instances:{}", self.name),
            ObjectKind::Notification => format!("notifications:{}", self.name),
        }
    }
}

/// `connections/crm`.
impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s/{}", self.kind.as_str(), self.name)
    }
}

/// A project with the objects made through the API that are good.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub project: Project,
    /// The others.
    pub left_out: Vec<LeftOut>,
}

/// An object that is not part of the project.
#[derive(Clone, Debug)]
pub struct LeftOut {
    pub object: ObjectName,
    /// A file defines the same name. Then there is one problem, a warning.
    pub shadowed: bool,
    pub problems: Vec<Problem>,
}

impl Loaded {
    /// Everything that is to be said about an object, errors first.
    pub fn problems_of(&self, object: &ObjectName) -> Vec<Problem> {
        let left_out = self.left_out.iter().find(|out| out.object == *object);
        match left_out {
            Some(out) => out.problems.clone(),
            None => {
                let place = object.place();
                self.project.warnings.iter().filter(|problem| problem.file == place).cloned().collect()
            }
        }
    }

    /// Objects that are left out here because of errors, but not there: what a change would break.
    pub fn broken_since(&self, before: &[LeftOut]) -> Vec<&LeftOut> {
        let was_out = |object: &ObjectName| before.iter().any(|out| out.object == *object);
        self.left_out.iter().filter(|out| !out.shadowed && !was_out(&out.object)).collect()
    }
}

/// [`load`](crate::load()) with objects made through the API beside the files. It fails only when the files
/// have errors.
pub fn load_with(
    root: &Path,
    environment: Option<&str>,
    registry: &Registry,
    made: &MadeObjects,
) -> Result<Loaded, Problems> {
    Ok(load::load(root, environment, registry)?.with_made(registry, made))
}

impl Project {
    /// The files of this project with other objects made through the API. Reads no YAML again.
    pub fn with_made(&self, registry: &Registry, made: &MadeObjects) -> Loaded {
        let files = self.files_only();
        let root = files.root.clone();
        let mut layer = Layer {
            loader: Loader {
                root: &root,
                registry,
                sources: files.files.sources.clone(),
                findings: Findings::default(),
                fingerprint: Fingerprint::of_folder(&root),
            },
            variables: files.settings.server.api_variables.clone(),
            paths: LocalPaths::of(&root, &files.settings),
            entries: Vec::new(),
            project: files,
            left_out: Vec::new(),
        };
        for (name, document) in &made.connections {
            layer.add_connection(name, document);
        }
        for (name, document) in &made.notifications {
            layer.add_notification(name, document);
        }
        layer.add_instances(&made.instances);
        Loaded { project: layer.project, left_out: layer.left_out }
    }

    /// What is to be said about an object if it were made, or replaced, in this project: every problem
    /// with the JSON Pointer of its value. With an error among them the object would be left out.
    pub fn check_made(
        &self,
        registry: &Registry,
        made: &MadeObjects,
        object: &ObjectName,
        document: &Json,
    ) -> Vec<Problem> {
        let mut made = made.clone();
        made.set(object, Some(document.clone()));
        self.with_made(registry, &made).problems_of(object)
    }

    fn files_only(&self) -> Project {
        let mut project = self.clone();
        project.connections.retain(|_, connection| !connection.place.is_api());
        project.notifications.retain(|notification| !notification.place.is_api());
        project.instances.retain(|_, instance| !instance.place.is_api());
        let instances = &project.instances;
        project.syncs.retain(|sync| instances.contains_key(sync.id.instance()));
        project.places.retain(|id, _| instances.contains_key(id.instance()));
        project.warnings = project.files.warnings.clone();
        project
    }
}

struct Layer<'a> {
    loader: Loader<'a>,
    /// That the objects may use.
    variables: Vec<String>,
    /// The files that connections may name.
    paths: LocalPaths,
    /// The connections made through the API, whether good or not.
    entries: Vec<Entry>,
    project: Project,
    left_out: Vec<LeftOut>,
}

/// An instance that is good as far as it was checked.
struct Candidate {
    object: ObjectName,
    merged: Node,
    resolved: ResolvedInstance,
    findings: Findings,
}

impl Candidate {
    fn name(&self) -> &str {
        &self.object.name
    }

    fn syncs(&self) -> impl Iterator<Item = &Sync> {
        self.resolved.syncs.iter().map(|(sync, _)| sync)
    }

    /// Where it is written after which sync another runs.
    fn upstream_place(&self, sync: &Sync) -> Span {
        let path = ["entities", sync.id.entity(), "schedule", "after"];
        self.merged.entry_at(&path).map_or(self.merged.span, |entry| entry.node.span)
    }
}

impl Layer<'_> {
    fn add_connection(&mut self, name: &str, document: &Json) {
        let object = ObjectName::new(ObjectKind::Connection, name);
        let taken = self.project.connections.get(name).map(|connection| connection.place.clone());
        if let Some(place) = taken {
            return self.shadow(object, &place);
        }
        if let Some(node) = self.document(&object, document) {
            let entry = synthetic(name, node);
            let read = self.read_project_part(synthetic("connections", map_of(entry.clone())));
            let doc = read.and_then(|doc| doc.connections.0.into_iter().next());
            if let Some((_, doc)) = doc {
                let variables = std::mem::take(&mut self.variables);
                let owner = object.secrets_owner();
                let placeholders = Placeholders::OfObject { owner: &owner, variables: &variables };
                let connection = self.loader.connection(&entry, doc, placeholders);
                self.variables = variables;
                if let Some(connection) = &connection {
                    let schema = (connection.options_schema)();
                    self.paths.check(&entry.node, &schema, &mut self.loader.findings);
                }
                if let Some(connection) = connection.filter(|_| !self.loader.findings.has_errors()) {
                    self.project.connections.insert(name.to_string(), connection);
                }
            }
            self.entries.push(entry);
        }
        let findings = std::mem::take(&mut self.loader.findings);
        self.settle(object, findings);
    }

    fn add_notification(&mut self, name: &str, document: &Json) {
        let object = ObjectName::new(ObjectKind::Notification, name);
        let taken = self.project.notifications.iter().find(|other| other.name == name);
        if let Some(place) = taken.map(|other| other.place.clone()) {
            return self.shadow(object, &place);
        }
        if let Some(node) = self.document(&object, document) {
            self.check_name("name", &object, &node);
            if let Err(message) = values::name(name) {
                self.loader.findings.error(start_of(&node), "invalid_value", message);
            }
            let list = Node { span: node.span, value: Value::List(vec![node.clone()]) };
            let read = self.read_project_part(synthetic("notifications", list));
            if let Some(doc) = read.and_then(|doc| doc.notifications?.into_iter().next()) {
                let variables = std::mem::take(&mut self.variables);
                let owner = object.secrets_owner();
                let placeholders = Placeholders::OfObject { owner: &owner, variables: &variables };
                let mut read = self.loader.notification(doc, &node, placeholders);
                read.name = name.to_string();
                self.variables = variables;
                self.refuse_reach(&node, read.reach);
                if !self.loader.findings.has_errors() {
                    self.project.notifications.push(read);
                }
            }
        }
        let findings = std::mem::take(&mut self.loader.findings);
        self.settle(object, findings);
    }

    /// Whoever may call the API may not thereby send requests into the server's networks.
    fn refuse_reach(&mut self, document: &Node, reach: Reach) {
        if reach == Reach::Public || self.project.settings.server.api_reach.contains(&reach) {
            return;
        }
        let span = document.get("reach").map_or(document.span, |node| node.span);
        let message = "what is made through the API may reach the internet only";
        self.loader
            .findings
            .error(span, "reach_not_allowed", message)
            .help("list this reach in settings.server.api_reach");
    }

    /// Reads a document with one key of `syncline.yaml`.
    fn read_project_part(&mut self, entry: Entry) -> Option<ProjectDoc> {
        let document = map_of(entry);
        self.loader.hide_clear_secrets(&document);
        self.loader.read_as(&document, &schema::PROJECT)
    }

    fn add_instances(&mut self, documents: &BTreeMap<String, Json>) {
        let mut candidates = Vec::new();
        for (name, document) in documents {
            let object = ObjectName::new(ObjectKind::Instance, name);
            if let Some(place) = self.project.instances.get(name).map(|other| other.place.clone()) {
                self.shadow(object, &place);
                continue;
            }
            let read = self.document(&object, document).and_then(|node| self.read_instance(&object, node));
            let findings = std::mem::take(&mut self.loader.findings);
            match read {
                Some((merged, resolved)) if !findings.has_errors() => {
                    candidates.push(Candidate { object, merged, resolved, findings });
                }
                _ => self.settle(object, findings),
            }
        }
        self.check_together(&mut candidates);
        for candidate in candidates {
            self.add(candidate);
        }
        self.project.syncs = order::by_dependency(std::mem::take(&mut self.project.syncs));
        self.forget_unused_warnings();
    }

    fn read_instance(&mut self, object: &ObjectName, raw: Node) -> Option<(Node, ResolvedInstance)> {
        self.check_name("instance", object, &raw);
        self.refuse_files(&raw);
        let files = Arc::clone(&self.project.files);
        let instance = self.loader.read_instance(raw, files.defaults.as_ref());
        let entries: Vec<&Entry> = files.connections.iter().chain(&self.entries).collect();
        let connections = Connections { entries, docs: &self.project.connections };
        self.loader.check_end(&instance.merged, "source", &connections);
        self.loader.check_end(&instance.merged, "target", &connections);
        for end in ["source", "target"] {
            let node = instance.merged.get(end);
            let broken = |name: &str| self.entries.iter().any(|entry| &*entry.key == name);
            let used = node.and_then(|node| Some((node.span, node.text()?)));
            if let Some((span, name)) =
                used.filter(|(_, name)| !connections.docs.contains_key(*name) && broken(name))
            {
                let message = format!("the connection '{name}' cannot be used: it has problems of its own");
                self.loader.findings.error(span, "broken_connection", message).help("solve those first");
            }
        }
        let merged = instance.merged.clone();
        Some((merged, self.loader.resolve_instance(instance, &connections)?))
    }

    /// The name in a document is the one that the object is known by.
    fn check_name(&mut self, key: &str, object: &ObjectName, document: &Node) {
        let other = document.get(key).filter(|node| node.text().is_some_and(|own| own != object.name));
        if let Some(node) = other {
            let message =
                format!("this is the {} '{}', and keeps its name", object.kind.as_str(), object.name);
            self.loader.findings.error(node.span, "invalid_value", message).help("make another one");
        }
    }

    /// Whoever may call the API may not thereby read the files of the project's folder.
    fn refuse_files(&mut self, document: &Node) {
        let entities = document.get("entities").and_then(Node::map).unwrap_or_default();
        let layers = entities.iter().map(|entry| &entry.node).chain(document.get("defaults"));
        for layer in layers {
            for (path, help) in [
                (["model", "sql_file"], "write the statement itself in `sql`"),
                (["excluded_keys", "file"], "list the keys themselves"),
            ] {
                if let Some(entry) = layer.entry_at(&path).filter(|entry| !entry.node.is_null()) {
                    let message = "what is made through the API may not read files";
                    self.loader.findings.error(entry.key_span, "file_not_allowed", message).help(help);
                }
            }
        }
    }

    /// Leaves out instances that do not fit the rest, until all that remain do.
    fn check_together(&mut self, candidates: &mut Vec<Candidate>) {
        self.leave_out_dependents(candidates);
        loop {
            let made = candidates.iter().flat_map(|candidate| candidate.syncs());
            let syncs: Vec<&Sync> = self.project.syncs.iter().chain(made).collect();
            let instances: BTreeMap<&str, &Node> =
                candidates.iter().map(|candidate| (candidate.name(), &candidate.merged)).collect();
            let wrong = together::check(&syncs, &instances);
            if wrong.is_empty() {
                return;
            }
            let mut found: BTreeMap<String, Findings> = BTreeMap::new();
            for (id, findings) in wrong {
                found.entry(id.instance().to_string()).or_default().extend(findings);
            }
            self.leave_out(candidates, found);
            self.leave_out_dependents(candidates);
        }
    }

    /// Leaves out instances with a sync that runs after one that is left out, and so on.
    fn leave_out_dependents(&mut self, candidates: &mut Vec<Candidate>) {
        let mut waiting: BTreeMap<&str, Vec<(&Candidate, &Sync)>> = BTreeMap::new();
        for candidate in candidates.iter() {
            for sync in candidate.syncs() {
                if let Some(upstream) = order::upstream(sync) {
                    waiting.entry(upstream.instance()).or_default().push((candidate, sync));
                }
            }
        }
        let gone =
            self.left_out.iter().filter(|out| !out.shadowed && out.object.kind == ObjectKind::Instance);
        let mut open: Vec<&str> = gone.map(|out| out.object.name.as_str()).collect();
        let mut found: BTreeMap<String, Findings> = BTreeMap::new();
        while let Some(name) = open.pop() {
            let waiting = waiting.remove(name).unwrap_or_default().into_iter();
            for (candidate, sync) in waiting.filter(|(candidate, _)| candidate.name() != name) {
                if !found.contains_key(candidate.name()) {
                    open.push(candidate.name());
                }
                let message =
                    format!("this runs after a sync of the instance '{name}', which has problems of its own");
                let findings = found.entry(candidate.name().to_string()).or_default();
                findings
                    .error(candidate.upstream_place(sync), "broken_sync", message)
                    .help("solve those first");
            }
        }
        self.leave_out(candidates, found);
    }

    fn leave_out(&mut self, candidates: &mut Vec<Candidate>, mut found: BTreeMap<String, Findings>) {
        for mut candidate in std::mem::take(candidates) {
            match found.remove(candidate.name()) {
                Some(findings) => {
                    candidate.findings.extend(findings);
                    self.settle(candidate.object, candidate.findings);
                }
                None => candidates.push(candidate),
            }
        }
    }

    fn add(&mut self, candidate: Candidate) {
        let Candidate { object, resolved, findings, .. } = candidate;
        self.settle(object, findings);
        self.project.instances.insert(resolved.instance.name.clone(), resolved.instance);
        for (sync, places) in resolved.syncs {
            self.project.places.insert(sync.id.clone(), places);
            self.project.syncs.push(sync);
        }
    }

    /// A connection of a file that only objects made through the API use is used.
    fn forget_unused_warnings(&mut self) {
        let made = self.project.instances.values().filter(|instance| instance.place.is_api());
        let used: BTreeSet<&str> = made.flat_map(|instance| [&*instance.source, &*instance.target]).collect();
        let places: Vec<&Place> = self
            .project
            .connections
            .iter()
            .filter(|(name, _)| used.contains(name.as_str()))
            .map(|(_, connection)| &connection.place)
            .collect();
        self.project.warnings.retain(|warning| {
            let is_there = |place: &&Place| place.file == warning.file && place.line == warning.line;
            warning.code != "unused_connection" || !places.iter().any(is_there)
        });
    }

    /// Prints a document and adds it to the texts. One that is too large is a finding.
    fn document(&mut self, object: &ObjectName, document: &Json) -> Option<Node> {
        let sources = &mut self.loader.sources;
        match printed::print(sources.len(), document) {
            Ok(printed) => {
                let may_hold_secrets = object.kind != ObjectKind::Instance;
                sources.add_object(object.place(), printed.text, printed.pointers, may_hold_secrets);
                Some(printed.node)
            }
            Err(reason) => {
                let file = sources.add_object(object.place(), String::new(), Vec::new(), false);
                let span = sources.start_of(file);
                self.loader.findings.error(span, "document_too_large", reason);
                None
            }
        }
    }

    /// Tells what was found in an object, which is left out if there are errors.
    fn settle(&mut self, object: ObjectName, findings: Findings) {
        let (mut errors, warnings) = self.loader.sources.problems(findings);
        if errors.is_empty() {
            self.project.warnings.extend(warnings);
        } else {
            errors.extend(warnings);
            errors.truncate(PROBLEMS_MAX);
            self.left_out.push(LeftOut { object, shadowed: false, problems: errors });
        }
    }

    fn shadow(&mut self, object: ObjectName, place: &Place) {
        let message =
            format!("{place} defines the {} '{}' too, and files win", object.kind.as_str(), object.name);
        let problem = Problem {
            code: "shadowed",
            severity: Severity::Warning,
            file: object.place(),
            line: 1,
            column: 1,
            pointer: Some(String::new()),
            message,
            help: Some("remove one of the two, or rename it".to_string()),
            snippet: None,
        };
        self.project.warnings.push(problem.clone());
        self.left_out.push(LeftOut { object, shadowed: true, problems: vec![problem] });
    }
}

/// A value below a key that is not part of its document's text.
fn synthetic(key: &str, node: Node) -> Entry {
    Entry { key: key.into(), key_span: start_of(&node), node }
}

fn map_of(entry: Entry) -> Node {
    Node { span: entry.node.span, value: Value::Map(vec![entry]) }
}

fn start_of(node: &Node) -> Span {
    Span { end: node.span.start + 1, ..node.span }
}
