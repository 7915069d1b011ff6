//! A project with one sync, and the program that runs it.

use std::process::Command;

use syncline_tests::project::{Project, binary};

use crate::postgres::Databases;

/// The sync of every project here.
const SYNC: &str = "shop.customer";

/// A project in a folder of its own.
pub struct Customers(pub Project);

impl Customers {
    /// From one table to another.
    pub fn tables(databases: &Databases, settings: &str) -> Self {
        let connection = |url: &str| format!("{{ type: postgres, url: \"{url}\" }}");
        let model = "{ table: customers, key: id }";
        Self::new(
            &connection(&databases.source),
            &connection(&databases.target),
            model,
            "customers",
            settings,
        )
    }

    /// As [`Customers::tables`], reading only what is past the cursor.
    pub fn with_cursor(databases: &Databases) -> Self {
        let connection = |url: &str| format!("{{ type: postgres, url: \"{url}\" }}");
        let model = "{ table: customers, key: id, cursor: updated_at }";
        let (source, target) = (connection(&databases.source), connection(&databases.target));
        Self::new(&source, &target, model, "customers", "write_mode: upsert")
    }

    /// `settings` are further lines of the entity.
    pub fn new(source: &str, target: &str, model: &str, object: &str, settings: &str) -> Self {
        let entity = format!("model: {model}\nto: {{ object: {object} }}\n{settings}");
        Self(Project::of(source, target, &[("customer", &entity)]))
    }

    /// The command that runs the sync.
    pub fn run(&self, further: &[&str]) -> Command {
        self.call(&[&["run", SYNC], further].concat())
    }

    /// Any command of the program.
    pub fn call(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.0.folder());
        command
    }

    /// As [`Customers::run`], under another program.
    pub fn run_under(&self, program: &str, arguments: &[String]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).arg(binary()).args(["run", SYNC]).current_dir(self.0.folder());
        command
    }

    /// No memory of what was delivered.
    pub fn forget(&self) {
        let state = self.0.path(".syncline");
        if state.exists() {
            std::fs::remove_dir_all(state).expect("the state can be removed");
        }
    }
}

/// A mirror that may delete the rows that the benchmark deletes.
pub const MIRROR: &str = "write_mode: mirror\nguards: { max_deletes: 5% }";
