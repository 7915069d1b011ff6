//! dlt: tables through Arrow and Parquet into a staging table, then one `MERGE`.
//!
//! It keeps no memory of rows; with `incremental` it reads what is past the last cursor value. The
//! combination of the `connectorx` backend with Parquet through ADBC was the fastest of those that keep every
//! value (CSV would write empty texts as NULL), about 15 % before the `pyarrow` backend.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Changes, Peer, environment, remove};
use crate::postgres::Databases;

const PACKAGES: [&str; 7] = [
    "dlt[postgres,parquet]==1.31.0",
    "pyarrow==26.0.1",
    "adbc-driver-postgresql==1.13.0",
    "adbc-driver-manager",
    "connectorx==0.4.6",
    "sqlalchemy==2.1.9",
    "numpy==2.4.6",
];

const SCRIPT: &str = include_str!("dlt.py");

pub struct Dlt {
    python: PathBuf,
    folder: PathBuf,
    source: String,
    target: String,
    arguments: Vec<&'static str>,
}

impl Dlt {
    pub fn new(databases: &Databases, changes: Changes, folder: &Path) -> Self {
        std::fs::write(folder.join("pipeline.py"), SCRIPT).expect("a file can be written");
        Self {
            python: environment("dlt", &PACKAGES).join("python"),
            folder: folder.to_path_buf(),
            source: databases.source.clone(),
            target: databases.target.clone(),
            arguments: if changes == Changes::PastCursor { vec!["updated_at"] } else { Vec::new() },
        }
    }
}

impl Peer for Dlt {
    fn name(&self) -> String {
        "dlt 1.31.0".into()
    }

    fn forget(&self) {
        remove(&self.folder.join("pipelines"));
    }

    fn run(&self) -> Command {
        let mut command = Command::new(&self.python);
        command
            .arg("pipeline.py")
            .args(&self.arguments)
            .current_dir(&self.folder)
            .env("SOURCE", &self.source)
            .env("TARGET", &self.target)
            .env("HOME", &self.folder)
            .env("RUNTIME__DLTHUB_TELEMETRY", "false")
            .env("RUNTIME__LOG_LEVEL", "ERROR");
        command
    }
}
