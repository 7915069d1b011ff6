//! A project in a temporary folder, and what a command answered.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A project that delivers `data/customers.csv` to the table `contacts` in `data/target.db`.
pub struct Project {
    folder: TempDir,
}

/// The CSV of customers with these ids, each complete.
pub fn customers(ids: impl IntoIterator<Item = u32>) -> String {
    let rows = ids.into_iter().map(|id| format!("{id},First{id},Last{id},user{id}@example.com,{id}.50\n"));
    format!("id,first_name,last_name,email,mrr\n{}", rows.collect::<String>())
}

/// One instance with one sync in this write mode.
pub fn contacts(write_mode: &str, more: &str) -> String {
    format!(
        "instance: crm
source: warehouse
target: crm
entities:
  contact:
    model: {{ file: customers.csv, key: id, types: {{ id: int64, mrr: \"numeric(10,2)\" }} }}
    to: {{ object: contacts, match: external_id }}
    write_mode: {write_mode}
    mapping:
      external_id: id
      email: lower(trim(email))
      mrr: mrr
{more}"
    )
}

impl Project {
    /// The scaffolded files, checked, with the target made.
    pub fn new() -> Self {
        let project = Self::empty();
        project.run(&["init", "."]).code(0);
        project
    }

    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A project with `contacts(write_mode, more)` over five customers, its target made.
    pub fn with_contacts(write_mode: &str, more: &str) -> Self {
        let project = Self::new();
        project.write("syncs/crm.yaml", &contacts(write_mode, more));
        project.write("data/customers.csv", &customers(1..=5));
        project.run(&["check", "--create"]).code(0);
        project
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The binary in the project's folder, with nothing of this process's own settings.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        for name in
            ["NO_COLOR", "RUST_LOG", "FAILPOINTS", "SYNCLINE_PROJECT", "SYNCLINE_ENV", "SYNCLINE_STATE"]
        {
            command.env_remove(name);
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::new(args, self.command(args).output().unwrap())
    }

    /// What a command answers as JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--output", "json"]].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
    }

    /// The ids in the target, in order.
    pub fn delivered(&self) -> Vec<i64> {
        let target = rusqlite::Connection::open(self.path("data/target.db")).unwrap();
        let mut rows = target.prepare("select external_id from contacts order by 1").unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

pub struct Ran {
    args: Vec<String>,
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The command and its answer, as a person would have seen them.
impl std::fmt::Debug for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`syncline {}` ended with {:?}\n{}\n", self.args.join(" "), self.status, self.stdout)?;
        f.write_str(&self.stderr)
    }
}

impl Ran {
    pub fn new(args: &[&str], output: Output) -> Self {
        Self {
            args: args.iter().map(ToString::to_string).collect(),
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Ended with this exit code.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.status, Some(expected), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "no {text:?} in {self:#?}");
        self
    }

    #[track_caller]
    pub fn notes(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// The error object on stderr.
    #[track_caller]
    pub fn error(&self) -> Value {
        let value: Value = serde_json::from_str(&self.stderr).unwrap_or_else(|e| panic!("{e}: {self:#?}"));
        value["error"].clone()
    }
}
