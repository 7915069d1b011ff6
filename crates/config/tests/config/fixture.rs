//! A project folder of a test, and connectors with very different abilities.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use serde_json::{Value, json};
use syncline_config::{Problem, Problems, Project, SecretSource, load};
use syncline_connector::{
    Connection, ConnectionConfig, ConnectorSpec, DestinationSpec, ModelKind, Registry, RemovalKind,
    SourceSpec,
};
use syncline_core::sync::{OnMatchChange, Publish, WriteMode};
use syncline_core::{Result, Sync, SyncId};

pub struct Folder {
    dir: tempfile::TempDir,
}

impl Folder {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A folder with the connections `warehouse` and `crm` (both databases) and one instance.
    pub fn with_instance(instance: &str) -> Self {
        Self::new().file("syncline.yaml", CONNECTIONS).file("syncs/crm.yaml", instance)
    }

    /// Like [`Folder::with_instance`], with one entity `contact` that has these keys besides its
    /// model and target.
    pub fn with_entity(keys: &str) -> Self {
        Self::with_instance(&format!(
            "instance: crm\nsource: warehouse\ntarget: crm\nentities:\n  contact:\n    \
             model: {{ table: customers, key: id }}\n    to: {{ object: contact, match: id }}\n{keys}\n"
        ))
    }

    pub fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn load_as(&self, environment: Option<&str>) -> std::result::Result<Project, Problems> {
        load(self.path(), environment, &registry())
    }

    /// The project, which must have no problem.
    pub fn project(&self) -> Project {
        self.load_as(None).unwrap_or_else(|problems| panic!("{}", problems.render(100, false)))
    }

    /// The problems of the project, which must have some.
    pub fn problems(&self) -> Vec<Problem> {
        self.load_as(None).expect_err("the project is wrong").0
    }

    /// The only sync of the project.
    pub fn sync(&self) -> Sync {
        let mut syncs = self.project().syncs;
        assert_eq!(syncs.len(), 1);
        syncs.remove(0)
    }
}

pub fn id(text: &str) -> SyncId {
    SyncId::parse(text).unwrap()
}

pub const CONNECTIONS: &str = "connections:
  warehouse: { type: postgres, url: \"${env:WAREHOUSE_URL}\" }
  crm: { type: postgres, url: \"${env:CRM_URL}\" }
";

/// `postgres` can do everything but two-way, `folder` reads files and writes whole records,
/// `inbox` is only written, `feed` is only read.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    let all_removals =
        &[RemovalKind::Delete, RemovalKind::ClearFields, RemovalKind::Flag, RemovalKind::Ignore];
    registry.register(
        ConnectorSpec {
            type_name: "postgres",
            title: "PostgreSQL",
            options_schema: postgres_options,
            source: Some(SourceSpec { models: &[ModelKind::Sql, ModelKind::Table] }),
            destination: Some(DestinationSpec {
                write_modes: &[
                    WriteMode::Insert,
                    WriteMode::Update,
                    WriteMode::Upsert,
                    WriteMode::Mirror,
                    WriteMode::Append,
                ],
                on_removed: all_removals,
                on_match_change: &[OnMatchChange::Fail, OnMatchChange::UpdateById, OnMatchChange::Recreate],
                publish: &[Publish::Atomic, Publish::Progressive],
                field_rules: true,
                batch_size: 10_000,
                batch_size_max: 100_000,
                idempotent: true,
            }),
        },
        no_connection,
    );
    registry.register(
        ConnectorSpec {
            type_name: "folder",
            title: "Files",
            options_schema: folder_options,
            source: Some(SourceSpec { models: &[ModelKind::File] }),
            destination: Some(DestinationSpec {
                write_modes: &[WriteMode::Upsert, WriteMode::Mirror],
                on_removed: &[RemovalKind::Ignore],
                on_match_change: &[OnMatchChange::Fail],
                publish: &[Publish::Progressive],
                field_rules: false,
                batch_size: 100,
                batch_size_max: 200,
                idempotent: true,
            }),
        },
        no_connection,
    );
    registry.register(
        ConnectorSpec {
            type_name: "inbox",
            title: "Inbox",
            options_schema: folder_options,
            source: None,
            destination: Some(DestinationSpec {
                write_modes: &[WriteMode::Append],
                on_removed: &[],
                on_match_change: &[OnMatchChange::Fail],
                publish: &[Publish::Progressive],
                field_rules: false,
                batch_size: 100,
                batch_size_max: 100,
                idempotent: false,
            }),
        },
        no_connection,
    );
    registry.register(
        ConnectorSpec {
            type_name: "feed",
            title: "Feed",
            options_schema: folder_options,
            source: Some(SourceSpec { models: &[ModelKind::Table] }),
            destination: None,
        },
        no_connection,
    );
    registry
}

fn no_connection(_: &ConnectionConfig) -> Result<Connection> {
    Ok(Connection { source: None, destination: None })
}

fn postgres_options() -> Value {
    json!({
        "type": "object",
        "properties": {
            "url": { "type": ["string", "null"], "writeOnly": true, "x-path-parameters": ["sslrootcert"] },
            "host": { "type": "string" },
            "port": { "type": ["integer", "null"], "format": "uint16", "minimum": 0, "maximum": 65535 },
            "pin": { "type": "string", "writeOnly": true },
            "password": { "type": "string" },
            "verify": { "type": "boolean" },
            "tls": { "anyOf": [{ "$ref": "#/$defs/Tls" }, { "type": "null" }] },
            "auth": { "$ref": "#/$defs/Auth" },
            "headers": { "type": "object", "additionalProperties": { "type": "string" } },
        },
        "additionalProperties": false,
        "$defs": {
            "Tls": { "oneOf": [
                { "type": "string", "const": "require", "description": "Encrypted." },
                { "type": "string", "const": "disable", "description": "In clear." },
            ]},
            "Auth": { "oneOf": [
                { "type": "object", "properties": { "type": { "const": "bearer" }, "token": { "type": "string" } },
                  "required": ["type", "token"], "additionalProperties": false },
                { "type": "object", "properties": { "type": { "const": "basic" }, "user": { "type": "string" } },
                  "required": ["type", "user"], "additionalProperties": false },
            ]},
        },
    })
}

fn folder_options() -> Value {
    json!({
        "type": "object",
        "properties": { "path": { "type": "string", "x-path": true } },
        "required": ["path"],
        "additionalProperties": false,
    })
}

/// Variables and files that exist only in a test.
#[derive(Default)]
pub struct FakeSecrets {
    pub variables: HashMap<&'static str, &'static str>,
    pub files: HashMap<&'static str, &'static str>,
}

impl SecretSource for FakeSecrets {
    fn env(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| value.to_string())
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        let found = self.files.iter().find(|(name, _)| path.ends_with(name));
        found.map(|(_, text)| text.to_string()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
