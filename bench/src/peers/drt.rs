//! drt: rows one by one through `INSERT … ON CONFLICT`, committed in batches.
//!
//! Its `diff` strategy finds changes among all rows: it copies the model's result into a table of its own
//! in the source database and compares it there, in SQL, with the copy of the last run.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Changes, Peer, environment, remove};
use crate::postgres::{Databases, ROLE, execute};

const PACKAGE: &str = "drt-core[postgres]==1.2.1";

pub struct Drt {
    program: PathBuf,
    folder: PathBuf,
    source: String,
    target: String,
}

impl Drt {
    pub fn new(databases: &Databases, changes: Changes, folder: &Path) -> Self {
        let strategy = match changes {
            Changes::FromAllRows => "mode: upsert\n  incremental_strategy: diff",
            Changes::PastCursor => "mode: incremental\n  cursor_field: updated_at",
        };
        let database = databases.source.rsplit('/').next().unwrap_or_default();
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().expect("it lies in the folder"))
                .expect("a folder can be made");
            std::fs::write(path, text).expect("a file can be written");
        };
        write("drt_project.yml", "name: bench\nversion: '0.1'\nprofile: source\n".into());
        write(
            ".drt/profiles.yml",
            format!(
                "source:\n  type: postgres\n  host: 127.0.0.1\n  port: {}\n  dbname: {database}\n  user: {}\n  \
                 password_env: SOURCE_PASSWORD\n  fetch_size: 50000\n",
                databases.port(),
                ROLE
            ),
        );
        // A batch is a transaction; the default of 100 rows would be slower.
        write(
            "syncs/customers.yml",
            format!(
                "name: customers\nmodel: select * from customers\ndestination:\n  type: postgres\n  \
                 connection_string_env: TARGET\n  table: public.customers\n  upsert_key: [id]\nsync:\n  {strategy}\n  \
                 batch_size: 50000\n"
            ),
        );
        Self {
            program: environment("drt", &[PACKAGE]).join("drt"),
            folder: folder.to_path_buf(),
            source: databases.source.clone(),
            target: databases.target.clone(),
        }
    }
}

impl Peer for Drt {
    fn name(&self) -> String {
        "drt 1.2.1".into()
    }

    fn forget(&self) {
        // `.drt` in the project is its state; the one with the profiles is the same folder here.
        let state = std::fs::read_dir(self.folder.join(".drt")).into_iter().flatten().flatten();
        for entry in state.filter(|entry| entry.file_name() != "profiles.yml") {
            let path = entry.path();
            remove(&path);
            let _ = std::fs::remove_file(path);
        }
        execute(&self.source, "drop schema if exists _drt cascade");
    }

    fn run(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["run", "--quiet"])
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env("SOURCE_PASSWORD", ROLE)
            .env("TARGET", &self.target)
            .env("DO_NOT_TRACK", "1");
        command
    }
}
