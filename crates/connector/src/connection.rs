//! Connections and the registry of connector types.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use syncline_core::{Error, ErrorKind, Result};

use crate::destination::Destination;
use crate::source::Source;
use crate::spec::ConnectorSpec;

/// A named link to one system, with secrets resolved. Its `Debug` never shows option values.
#[derive(Clone)]
pub struct ConnectionConfig {
    pub name: String,
    /// The connector's type name, for example `postgres`.
    pub type_name: String,
    /// Options as written, without `type` and the options every connection has.
    pub options: serde_json::Map<String, serde_json::Value>,
    /// Folder that relative paths start from.
    pub base_dir: PathBuf,
}

impl ConnectionConfig {
    /// Reads the options as the connector's own type. Errors name the connection and the option.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(serde_json::Value::Object(self.options.clone()))
            .map_err(|e| Error::new(ErrorKind::InvalidConfig, format!("connection '{}': {e}", self.name)))
    }
}

impl fmt::Debug for ConnectionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionConfig")
            .field("name", &self.name)
            .field("type", &self.type_name)
            .field("options", &self.options.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// The two ends a connection offers. Building one does no I/O.
#[derive(Clone)]
pub struct Connection {
    pub source: Option<Arc<dyn Source>>,
    pub destination: Option<Arc<dyn Destination>>,
}

type Build = fn(&ConnectionConfig) -> Result<Connection>;

/// All connector types of this binary.
#[derive(Default)]
pub struct Registry {
    types: BTreeMap<&'static str, (ConnectorSpec, Build)>,
}

impl Registry {
    pub fn register(&mut self, spec: ConnectorSpec, build: Build) {
        self.types.insert(spec.type_name, (spec, build));
    }

    pub fn specs(&self) -> impl Iterator<Item = &ConnectorSpec> {
        self.types.values().map(|(spec, _)| spec)
    }

    pub fn spec(&self, type_name: &str) -> Option<&ConnectorSpec> {
        self.types.get(type_name).map(|(spec, _)| spec)
    }

    /// Builds a connection; fails when the type is unknown or an option is wrong.
    pub fn connect(&self, config: &ConnectionConfig) -> Result<Connection> {
        let (_, build) = self.types.get(config.type_name.as_str()).ok_or_else(|| {
            let known = self.types.keys().copied().collect::<Vec<_>>().join(", ");
            Error::new(
                ErrorKind::InvalidConfig,
                format!("connection '{}': there is no connector '{}'", config.name, config.type_name),
            )
            .help(format!("use one of: {known}"))
        })?;
        build(config)
    }
}
