//! Secrets of objects made through the API: taken out of a document before it is stored, never shown
//! again, and not carried over to another system.
//!
//! A stored document holds `${state:owner.path}` where a secret was; the server keeps the value,
//! encrypted, under owner and path, and gives it back through
//! [`SecretSource::state`](crate::SecretSource::state).

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde_json::Value as Json;
use syncline_connector::Registry;

use crate::connections::{join_kept, secret_options, url_password_path};
use crate::made::{ObjectKind, ObjectName};
use crate::printed::join_pointer;
use crate::schema::CONNECTION_KEYS;
use crate::secrets::{self, Part};

/// Stands for the password in a URL that is shown.
const MASK: &str = "***";

/// Options that may change while secrets stay: they do not decide who receives them. Every other
/// option might, in a connector that this crate does not know.
const SAME_SYSTEM_OPTIONS: [&str; 14] = [
    "application_name",
    "batch_size",
    "busy_timeout",
    "connect_timeout",
    "create",
    "create_folders",
    "database",
    "description",
    "final_newline",
    "format",
    "ledger_schema",
    "max_concurrent_runs",
    "statement_timeout",
    "timeout",
];

/// The same for notification channels: what is told, not to whom.
const SAME_RECEIVER_OPTIONS: [&str; 3] = ["consecutive_failures", "error_rate", "events"];

/// A document without its secrets, and these.
#[derive(Clone, Debug)]
pub struct SplitSecrets {
    pub document: Json,
    pub secrets: Vec<KeptSecret>,
}

/// A secret that the server keeps for an object.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptSecret {
    /// The option, as [`SecretSource::state`](crate::SecretSource::state) names it.
    pub path: String,
    pub value: String,
}

/// Never shows the value.
impl fmt::Debug for KeptSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptSecret").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A document as it may be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Redacted {
    /// Secrets are null, the password in a URL is `***`.
    pub document: Json,
    /// JSON Pointers of the secrets that are set.
    pub secrets_set: Vec<String>,
}

/// Takes the secrets out of a document that was sent to the API: options that the connector declares
/// secret or whose name says so, and passwords in URLs. References to variables stay.
pub fn split_secrets(object: &ObjectName, document: &Json, registry: &Registry) -> SplitSecrets {
    let mut document = document.clone();
    let mut secrets = Vec::new();
    let owner = object.secrets_owner();
    visit(object, &mut document, registry, &mut |leaf, spot| {
        let text = scalar_text(leaf);
        let range = spot.password.clone().unwrap_or(0..text.len());
        // What is not understood is reported when the document is checked.
        let Ok(parts) = secrets::parts(&text[range.clone()]) else { return };
        let [Part::Text(value)] = parts.as_slice() else { return };
        let path = spot.kept_path();
        let placeholder = format!("${{state:{owner}.{path}}}");
        *leaf = Json::String(format!("{}{placeholder}{}", &text[..range.start], &text[range.end..]));
        secrets.push(KeptSecret { path, value: value.clone() });
    });
    SplitSecrets { document, secrets }
}

/// A document of a file or of the API as it may be shown: without secrets.
pub fn redact(object: &ObjectName, document: &Json, registry: &Registry) -> Redacted {
    let mut document = document.clone();
    let mut secrets_set = Vec::new();
    visit(object, &mut document, registry, &mut |leaf, spot| {
        let text = scalar_text(leaf);
        let range = spot.password.clone().unwrap_or(0..text.len());
        if is_reference(&text[range.clone()]) {
            return;
        }
        *leaf = match &spot.password {
            Some(_) => Json::String(format!("{}{MASK}{}", &text[..range.start], &text[range.end..])),
            None => Json::Null,
        };
        secrets_set.push(spot.pointer.to_string());
    });
    Redacted { document, secrets_set }
}

/// The new document of an object with the kept secrets of the old one, where the new one says that
/// they stay as [`redact`] shows them: null, or `***` in a URL.
///
/// Fails with the JSON Pointers of secrets that must be given again, because the new document would
/// send them to another system [S5].
pub fn carry_secrets(
    object: &ObjectName,
    old: &Json,
    new: &Json,
    registry: &Registry,
) -> Result<Json, Vec<String>> {
    let mut kept: Vec<(String, Json, Option<Range<usize>>)> = Vec::new();
    visit(object, &mut old.clone(), registry, &mut |leaf, spot| {
        kept.push((spot.pointer.to_string(), leaf.clone(), spot.password.clone()));
    });
    kept.retain(|(_, leaf, _)| names_kept_secret(leaf));
    let mut document = new.clone();
    let mut carried = Vec::new();
    for (pointer, old_leaf, password) in kept {
        let Some(leaf) = document.pointer_mut(&pointer) else { continue };
        match (&*leaf, password) {
            (Json::Null, _) => *leaf = old_leaf,
            (Json::String(text), Some(old_range)) => {
                let Some((start, end)) = secrets::url_password(text) else { continue };
                if text[start..end] == *MASK {
                    let old_text = scalar_text(&old_leaf);
                    *leaf =
                        Json::String(format!("{}{}{}", &text[..start], &old_text[old_range], &text[end..]));
                } else if !text[start..end].contains("${state:") {
                    continue;
                }
            }
            (other, _) if names_kept_secret(other) => {}
            _ => continue,
        }
        carried.push(pointer);
    }
    if !carried.is_empty() && needs_secrets_again(object, old, new, registry) {
        return Err(carried);
    }
    Ok(document)
}

/// Whether the new document of an object leads to another system than the old one, so that secrets
/// given for the old one must not be used for it [S5].
pub fn needs_secrets_again(object: &ObjectName, old: &Json, new: &Json, registry: &Registry) -> bool {
    let is_indifferent = |key: &str| {
        SAME_SYSTEM_OPTIONS.contains(&key)
            || object.kind == ObjectKind::Notification && SAME_RECEIVER_OPTIONS.contains(&key)
    };
    let target = |document: &Json| {
        let mut shown = redact(object, document, registry).document;
        if let Json::Object(map) = &mut shown {
            map.retain(|key, value| !value.is_null() && !is_indifferent(key));
        }
        without_nulls(shown)
    };
    target(old) != target(new)
}

/// The paths of the kept secrets that a document names; others of its owner are no longer needed.
pub fn kept_secret_paths(object: &ObjectName, document: &Json) -> BTreeSet<String> {
    fn collect(value: &Json, owner: &str, found: &mut BTreeSet<String>) {
        match value {
            Json::String(text) => {
                let parts = secrets::parts(text).unwrap_or_default().into_iter();
                found.extend(parts.filter_map(|part| match part {
                    Part::State { owner: of, path } if of == owner => Some(path),
                    _ => None,
                }));
            }
            Json::Array(items) => items.iter().for_each(|item| collect(item, owner, found)),
            Json::Object(map) => map.values().for_each(|value| collect(value, owner, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    collect(document, &object.secrets_owner(), &mut found);
    found
}

/// Where a secret stands.
struct Spot<'a> {
    /// Path of the option, as kept secrets are named.
    path: &'a str,
    pointer: &'a str,
    /// The secret is only this stretch of a URL.
    password: Option<Range<usize>>,
}

impl Spot<'_> {
    fn kept_path(&self) -> String {
        match self.password {
            Some(_) => url_password_path(self.path),
            None => self.path.to_string(),
        }
    }
}

/// Calls `at` for each value that is a secret, or stands for one.
fn visit(
    object: &ObjectName,
    document: &mut Json,
    registry: &Registry,
    at: &mut dyn FnMut(&mut Json, &Spot<'_>),
) {
    let text_of = |key: &str| document.get(key).and_then(Json::as_str);
    let (marked, common) = match object.kind {
        ObjectKind::Connection => {
            let spec = text_of("type").and_then(|name| registry.spec(name));
            (secret_options(spec), CONNECTION_KEYS.as_slice())
        }
        // Whoever knows a Slack webhook's address can post to it.
        ObjectKind::Notification if text_of("channel") == Some("slack") => {
            (BTreeSet::from(["url".to_string()]), [].as_slice())
        }
        ObjectKind::Notification => (BTreeSet::new(), [].as_slice()),
        ObjectKind::Instance => return,
    };
    let Some(map) = document.as_object_mut() else { return };
    for (key, value) in map.iter_mut().filter(|(key, _)| !common.contains(&key.as_str())) {
        let mut walk = Walk { marked: &marked, at };
        walk.value(value, walk.is_secret(key), &join_kept("", key), &join_pointer("", key));
    }
}

struct Walk<'a> {
    marked: &'a BTreeSet<String>,
    at: &'a mut dyn FnMut(&mut Json, &Spot<'_>),
}

impl Walk<'_> {
    fn is_secret(&self, key: &str) -> bool {
        secrets::is_secret_name(key) || self.marked.contains(key)
    }

    fn value(&mut self, value: &mut Json, secret: bool, path: &str, pointer: &str) {
        match value {
            Json::Object(map) => {
                for (key, value) in map.iter_mut() {
                    let secret = secret || self.is_secret(key);
                    self.value(value, secret, &join_kept(path, key), &join_pointer(pointer, key));
                }
            }
            Json::Array(items) => {
                for (n, item) in items.iter_mut().enumerate() {
                    let n = n.to_string();
                    self.value(item, secret, &join_kept(path, &n), &join_pointer(pointer, &n));
                }
            }
            Json::String(text) if text.is_empty() => {}
            Json::String(text) => {
                let whole = secret || secrets::has_secret_parameter(text);
                let password = secrets::url_password(text).filter(|_| !whole).map(|(start, end)| start..end);
                if whole || password.is_some() || text.contains("${state:") {
                    (self.at)(value, &Spot { path, pointer, password });
                }
            }
            Json::Number(_) if secret => (self.at)(value, &Spot { path, pointer, password: None }),
            Json::Number(_) | Json::Bool(_) | Json::Null => {}
        }
    }
}

fn scalar_text(leaf: &Json) -> String {
    leaf.as_str().map_or_else(|| leaf.to_string(), str::to_string)
}

/// Whether a text says where a secret is, and holds none itself.
fn is_reference(text: &str) -> bool {
    secrets::parts(text).is_ok_and(|parts| {
        let refers = |part: &Part| matches!(part, Part::Env(_) | Part::File(_));
        parts.iter().any(refers) && !parts.iter().any(|part| matches!(part, Part::State { .. }))
    })
}

fn names_kept_secret(leaf: &Json) -> bool {
    leaf.as_str().is_some_and(|text| text.contains("${state:"))
}

fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Json::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
