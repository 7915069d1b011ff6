//! The YAML documents of a project: reading, checking, explaining.
//!
//! A project is a folder with `syncline.yaml` (connections, defaults, notifications, lookups,
//! settings) and `syncs/*.yaml` (one instance a file). [`load`] reads it into a [`Project`] of
//! resolved definitions, or reports every [`Problem`] of every file at once, each with file, line,
//! column and advice.
//!
//! The way of a document: text → tree with places (`yaml`) → environment and defaults laid over
//! each other (`overlay`) → checked against the JSON Schema of its type (`check`) → the type
//! (`documents`) → the resolved definition (`syncs`, `connections`), checked against what the
//! connectors can do (`capability`).
//!
//! Secrets are named by placeholders (`${env:NAME}`, `${file:path}`) and resolved only by
//! [`Project::connection`]. No secret is ever part of a message, an excerpt or a `Debug` text.
//!
//! A server adds objects made through its API ([`Project::with_made`]), which are read by the same
//! rules (`made`), keeps their secrets apart (`kept_secrets`), notices changed files
//! ([`Fingerprint::changed`]) and acts on what is different ([`Project::diff`]).

mod capability;
mod changes;
mod check;
mod connections;
mod documents;
mod export;
mod fingerprint;
#[doc(hidden)]
pub mod fuzzing;
mod kept_secrets;
mod load;
mod local_paths;
mod made;
mod node;
mod order;
mod overlay;
mod printed;
mod problem;
mod project;
mod scaffold;
mod schema;
mod secrets;
mod source;
mod suggest;
mod syncs;
mod together;
mod values;
mod yaml;
mod yaml_text;

pub use changes::{Changes, NameChanges, SyncChange};
pub use export::{Exported, export};
pub use fingerprint::Fingerprint;
pub use kept_secrets::{
    KeptSecret, Redacted, SplitSecrets, carry_secrets, kept_secret_paths, needs_secrets_again, redact,
    split_secrets,
};
pub use load::{load, load_watched};
pub use made::{LeftOut, Loaded, MadeObjects, ObjectKind, ObjectName, load_with};
pub use problem::{Problem, Problems, Severity};
pub use project::{
    Channel, ConnectionDoc, Instance, LookupDoc, NotificationDoc, NotificationEvent, NotificationTarget,
    Origin, Place, Project, Reach, Retention, ServerSettings, Settings,
};
pub use scaffold::{ScaffoldFile, SystemKind, scaffold};
pub use schema::{instance_schema, project_schema};
pub use secrets::{ProcessSecrets, SecretSource};
