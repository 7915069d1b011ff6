//! sling: reads by a query, loads by `COPY` into a temporary table, and merges it in SQL.
//!
//! It keeps no memory of rows. With a primary key alone each run loads everything again; with an update
//! key too it reads what is past the target's greatest value.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Changes, Peer, environment, remove};
use crate::postgres::Databases;

/// The newest wheel that carries the program itself.
const PACKAGE: &str = "sling-linux-amd64==1.4.11";

pub struct Sling {
    program: PathBuf,
    folder: PathBuf,
    source: String,
    target: String,
}

impl Sling {
    pub fn new(databases: &Databases, changes: Changes, folder: &Path) -> Self {
        let key = match changes {
            Changes::FromAllRows => "",
            Changes::PastCursor => "  update_key: updated_at\n",
        };
        // The table is there with the right types, and sling is told to leave them.
        let text = format!(
            "source: SOURCE\ntarget: TARGET\ndefaults:\n  mode: incremental\n  primary_key: [id]\n{key}  \
             object: public.customers\n  target_options: {{ adjust_column_type: false, add_new_columns: false }}\n\
             streams:\n  public.customers:\n"
        );
        std::fs::write(folder.join("replication.yaml"), text).expect("a file can be written");
        let python = environment("sling", &[PACKAGE]);
        let libraries = python.parent().expect("bin lies in the environment").join("lib");
        let site = std::fs::read_dir(libraries).expect("an environment has libraries").flatten().next();
        let site = site.expect("an environment has a Python").path().join("site-packages");
        Self {
            program: site.join("sling_linux_amd64/bin/sling-linux-amd64"),
            folder: folder.to_path_buf(),
            source: format!("{}?sslmode=disable", databases.source),
            target: format!("{}?sslmode=disable", databases.target),
        }
    }
}

impl Peer for Sling {
    fn name(&self) -> String {
        "sling 1.4.11".into()
    }

    fn forget(&self) {
        remove(&self.folder.join("home"));
    }

    fn run(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["run", "-r", "replication.yaml"])
            .current_dir(&self.folder)
            .env("SOURCE", &self.source)
            .env("TARGET", &self.target)
            .env("SLING_HOME_DIR", self.folder.join("home"))
            .env("SLING_DISABLE_TELEMETRY", "true");
        command
    }
}
