//! The files of a new project, as `syncline init` writes them: small, complete and commented.

use std::path::PathBuf;

/// What an end of the first instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemKind {
    Sqlite,
    Postgres,
    Files,
}

impl SystemKind {
    pub const ALL: [SystemKind; 3] = [SystemKind::Sqlite, SystemKind::Postgres, SystemKind::Files];
}

/// A file to be written, relative to the new project's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaffoldFile {
    pub path: PathBuf,
    pub contents: String,
}

/// A project that keeps a table of contacts equal to the customers of another system.
///
/// With files as the source the sample data is part of it; databases come with a `setup/*.sql`
/// script that makes the sample tables.
pub fn scaffold(source: SystemKind, target: SystemKind) -> Vec<ScaffoldFile> {
    let mut files = vec![
        file("syncline.yaml", project(source, target)),
        file("syncs/crm.yaml", instance(source, target)),
        file(".gitignore", GITIGNORE.to_string()),
    ];
    match source {
        SystemKind::Files => files.push(file("data/customers.csv", CUSTOMERS_CSV.to_string())),
        SystemKind::Sqlite | SystemKind::Postgres => {
            files.push(file("setup/source.sql", SOURCE_SQL.to_string()));
        }
    }
    match target {
        SystemKind::Files => {}
        SystemKind::Sqlite | SystemKind::Postgres => {
            files.push(file("setup/target.sql", TARGET_SQL.to_string()));
        }
    }
    files
}

fn file(path: &str, contents: String) -> ScaffoldFile {
    ScaffoldFile { path: path.into(), contents }
}

fn project(source: SystemKind, target: SystemKind) -> String {
    format!(
        "\
# A Syncline project. Check it with `syncline validate`. `syncline schema` prints every key with its
# meaning, as the JSON Schema that completes these files in your editor; `syncline functions` lists
# what mappings can call.

# The systems that are read and written. Secrets are never written here: ${{env:NAME}} is the value
# of an environment variable, ${{file:path}} the text of a file.
connections:
{}{}
# Settings for every sync, unless it says otherwise.
defaults:
  guards:
    max_deletes: 10%        # a run that would delete more is held until somebody approves it

# Whom to tell when something goes wrong.
# notifications:
#   - {{ channel: slack, url: \"${{env:SLACK_URL}}\", events: [failed, halted, held, recovered] }}
",
        connection("warehouse", "source", source),
        connection("crm", "target", target),
    )
}

fn connection(name: &str, end: &str, kind: SystemKind) -> String {
    match kind {
        SystemKind::Sqlite => {
            let create = if end == "target" {
                "\n    create: true           # make the file if it is missing"
            } else {
                ""
            };
            format!(
                "  {name}:\n    type: sqlite\n    path: data/{end}.db{create}\n    \
                 # sample tables: sqlite3 data/{end}.db < setup/{end}.sql\n"
            )
        }
        SystemKind::Postgres => {
            let variable = format!("{}_URL", name.to_uppercase());
            format!(
                "  {name}:\n    type: postgres\n    url: \"${{env:{variable}}}\"    # postgres://user:…@host:5432/database\n    \
                 # sample tables: psql \"${variable}\" -f setup/{end}.sql\n"
            )
        }
        SystemKind::Files => {
            let folder = if end == "source" { "data" } else { "out" };
            format!(
                "  {name}:\n    type: files\n    path: {folder}              # files are named relative to this folder\n"
            )
        }
    }
}

fn instance(source: SystemKind, target: SystemKind) -> String {
    let model = match source {
        SystemKind::Files => {
            "model:
      file: customers.csv              # or a pattern such as customers-*.csv
      key: id                          # what identifies a row
      types: { id: int64, mrr: \"numeric(10,2)\" }  # a CSV file does not say; other columns are text
"
        }
        SystemKind::Sqlite | SystemKind::Postgres => {
            "model:
      sql: select * from customers where internal = 0
      key: id                          # what identifies a row
"
        }
    };
    let object = match target {
        SystemKind::Files => "contacts.csv",
        SystemKind::Sqlite | SystemKind::Postgres => "contacts",
    };
    format!(
        "\
# One instance: a source, a target, and what travels between them. Each entity is one sync with the
# id instance.entity, here crm.contact. Try it without writing anything: `syncline plan crm.contact`
instance: crm
source: warehouse
target: crm
entities:
  contact:
    active: false                      # true: the schedule below starts it from the first sight on
    {model}    to: {{ object: {object}, match: external_id }}
    write_mode: upsert                 # insert | update | upsert | mirror | append
    mapping:                           # target field: SQL expression over the model's columns
      external_id: id
      email: lower(trim(email))
      name: concat_ws(' ', first_name, last_name)
      tier: case when mrr > 1000 then 'gold' else 'standard' end
    schedule: {{ every: 15m }}
    halt: {{ failed_rows: 5%, consecutive_failures: 3 }}
"
    )
}

const GITIGNORE: &str = "\
# Syncline's state: plans, snapshots, history.
.syncline/
# Sample databases and output.
data/*.db*
out/
# Secrets.
.env
";

const CUSTOMERS_CSV: &str = "\
id,first_name,last_name,email,mrr
1,Ada,Lovelace,Ada@Example.com ,1200.00
2,Grace,Hopper,grace@example.com,950.00
3,Alan,Turing,alan@example.com,40.50
";

const SOURCE_SQL: &str = "\
-- Sample data to try the project with.
create table customers (
  id integer primary key,
  first_name text,
  last_name text,
  email text,
  mrr numeric(10, 2),
  internal integer not null default 0
);
insert into customers (id, first_name, last_name, email, mrr) values
  (1, 'Ada', 'Lovelace', 'Ada@Example.com ', 1200.00),
  (2, 'Grace', 'Hopper', 'grace@example.com', 950.00),
  (3, 'Alan', 'Turing', 'alan@example.com', 40.50);
";

const TARGET_SQL: &str = "\
-- The table that the project writes to.
create table contacts (
  external_id integer primary key,
  email text,
  name text,
  tier text
);
";
