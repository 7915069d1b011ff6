//! Objects as the text of a project's file, to move them from the API into version control.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use syncline_connector::Registry;

use crate::kept_secrets::split_secrets;
use crate::load::{INSTANCE_FOLDER, PROJECT_FILE};
use crate::made::{ObjectKind, ObjectName};
use crate::project::{NotificationDoc, Project};
use crate::secrets::{self, Part};
use crate::yaml_text::yaml_text;

/// The text of an object for a project's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The file that it is for: all of it, or the key of `syncline.yaml` that it belongs to.
    pub file: String,
    pub yaml: String,
    /// Environment variables that the text names in place of secrets. Their values are not part of it.
    pub variables: Vec<String>,
}

/// An object as YAML that can be put into a file. Secrets become variables, named after their options.
pub fn export(object: &ObjectName, document: &Json, registry: &Registry) -> Exported {
    let mut document = split_secrets(object, document, registry).document;
    let mut variables = Vec::new();
    name_variables(&mut document, &mut variables);
    let name = object.name.as_str();
    let (file, document) = match object.kind {
        ObjectKind::Connection => (PROJECT_FILE.to_string(), json!({ "connections": { name: document } })),
        ObjectKind::Notification => {
            let mut named = serde_json::Map::from_iter([("name".to_string(), Json::from(name))]);
            named.extend(document.as_object().cloned().unwrap_or_default());
            (PROJECT_FILE.to_string(), json!({ "notifications": [named] }))
        }
        ObjectKind::Instance => (format!("{INSTANCE_FOLDER}/{name}.yaml"), document),
    };
    Exported { file, yaml: yaml_text(&document), variables }
}

/// Puts `${env:…}` where a document names a kept secret.
fn name_variables(value: &mut Json, variables: &mut Vec<String>) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| name_variables(item, variables)),
        Json::Object(map) => map.values_mut().for_each(|value| name_variables(value, variables)),
        Json::String(text) if text.contains("${state:") => {
            let Ok(parts) = secrets::parts(text) else { return };
            *text = parts.into_iter().map(|part| written(part, variables)).collect();
        }
        _ => {}
    }
}

/// A part of a text as it is written in a file.
fn written(part: Part, variables: &mut Vec<String>) -> String {
    match part {
        Part::Text(text) => text.replace("${", "$${"),
        Part::Env(name) => format!("${{env:{name}}}"),
        Part::File(path) => format!("${{file:{path}}}"),
        Part::State { owner, path } => {
            let owner = owner.rsplit(':').next().unwrap_or_default();
            let name = free_name(&format!("{owner}_{path}"), variables);
            let placeholder = format!("${{env:{name}}}");
            variables.push(name);
            placeholder
        }
    }
}

fn free_name(words: &str, taken: &[String]) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let mut name: String = words.chars().map(letter).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    while taken.contains(&name) {
        name.push('_');
    }
    name
}

impl Project {
    /// An object of the project as a document of the API, whether it is from a file or not: what may
    /// be shown after [`redact`](crate::redact), and given to [`export`].
    pub fn document(&self, object: &ObjectName) -> Option<Json> {
        match object.kind {
            ObjectKind::Instance => {
                self.instances.get(&object.name).map(|instance| instance.document.clone())
            }
            ObjectKind::Connection => self.connections.get(&object.name).map(|connection| {
                let mut document = json!({ "type": connection.type_name });
                set(&mut document, "description", &connection.description);
                set(&mut document, "max_concurrent_runs", &connection.max_concurrent_runs);
                for (key, value) in &connection.options {
                    document[key] = value.clone();
                }
                document
            }),
            ObjectKind::Notification => {
                let doc = self.notifications.iter().find(|doc| doc.name == object.name);
                doc.map(notification_document)
            }
        }
    }

    /// All objects of a kind as documents, by name.
    pub fn documents(&self, kind: ObjectKind) -> BTreeMap<String, Json> {
        let names: Vec<&String> = match kind {
            ObjectKind::Connection => self.connections.keys().collect(),
            ObjectKind::Instance => self.instances.keys().collect(),
            ObjectKind::Notification => self.notifications.iter().map(|doc| &doc.name).collect(),
        };
        let document = |name: &String| Some((name.clone(), self.document(&ObjectName::new(kind, name))?));
        names.into_iter().filter_map(document).collect()
    }
}

fn notification_document(doc: &NotificationDoc) -> Json {
    let mut document = json!({ "channel": doc.channel, "url": doc.url, "events": doc.events });
    set(&mut document, "error_rate", &doc.error_rate.map(|percent| format!("{percent}%")));
    set(&mut document, "consecutive_failures", &doc.consecutive_failures);
    set(&mut document, "secret", &doc.secret);
    set(&mut document, "previous_secret", &doc.previous_secret);
    set(&mut document, "reach", &Some(doc.reach));
    document
}

fn set<T: serde::Serialize>(document: &mut Json, key: &str, value: &Option<T>) {
    if let Some(value) = value {
        document[key] = json!(value);
    }
}
