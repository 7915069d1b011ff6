//! Targets that cannot be written.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;

use syncline_tests::databases::{Database, Postgres, Sqlite};
use syncline_tests::postgres::PASSWORD;
use syncline_tests::project::{Output, Project, Running};

use crate::refused;

const ITEM: &str = "model: { table: item, key: id }\nto: { object: copy }\n";
/// The user that is nobody, on every Linux.
const NOBODY: u32 = 65_534;

/// A project from a SQLite table with three rows.
fn from_sqlite(target: &str, entity: &str) -> Project {
    let project = Project::of("{ type: sqlite, path: source.db }", target, &[("item", entity)]);
    let source = Sqlite::create(&project.path("source.db"));
    source.execute(
        "create table item (id integer primary key, name text);
         insert into item values (1, 'a'), (2, 'b'), (3, 'c')",
    );
    project
}

#[test]
fn an_unreachable_target_is_a_failure_and_no_source_failure() {
    let project = from_sqlite("{ type: postgres, url: \"postgres://u:p@127.0.0.1:1/none\" }", ITEM);
    refused(&project, 1, "destination_unreachable", &["127.0.0.1:1"]);
    assert_eq!(project.last_run()["status"], "failed");
}

#[test]
fn a_wrong_password_at_the_target_is_told_as_that() {
    let database = Postgres::new();
    let project = from_sqlite(&database.options().replace("correct", "wrong"), ITEM);
    refused(&project, 1, "destination_auth_expired", &["postgres"]);
}

#[test]
fn a_missing_target_is_named_with_the_command_that_makes_it() {
    let database = Postgres::new();
    let project = from_sqlite(&database.options(), ITEM);
    refused(&project, 1, "destination_unsuitable", &["copy", "syncline check shop.item --create"]);
    let checked = project.expect(2, &["check", "shop.item"]).json();
    assert_eq!(checked[0]["problems"][0]["code"], "target_missing");
    project.expect(0, &["check", "shop.item", "--create"]);
    project.expect(0, &["run", "shop.item"]);
    assert_eq!(database.value("select count(*) from copy"), "3");
}

#[test]
fn a_target_without_unique_key_is_refused_before_anything_is_written() {
    let database = Postgres::new();
    database.execute("create table copy (id bigint, name text)");
    let project = from_sqlite(&database.options(), ITEM);
    let output = project.json(&["run", "shop.item"]);
    assert!(matches!(output.code(), Some(1 | 2)), "{output}");
    assert!(output.error().to_string().contains("unique"), "{output}");
    assert_eq!(database.value("select count(*) from copy"), "0");
    database.execute("create unique index on copy (id)");
    project.expect(0, &["run", "shop.item"]);
    assert_eq!(database.value("select count(*) from copy"), "3");
}

#[test]
fn a_role_that_may_not_write_is_told_which_rights_it_lacks() {
    let database = Postgres::new();
    let role = format!("reader_{}", database.database.name());
    database.execute(&format!(
        "create table copy (id bigint primary key, name text);
         create role {role} login password '{PASSWORD}'; grant select on copy to {role}"
    ));
    let project =
        from_sqlite(&format!("{{ type: postgres, url: \"{}\" }}", database.database.url_as(&role)), ITEM);
    refused(&project, 1, "destination_unsuitable", &["copy"]);
    assert_eq!(database.value("select count(*) from copy"), "0");
    database.execute(&format!(
        "grant insert, update, delete on copy to {role}; grant create on schema public to {role}"
    ));
    project.expect(0, &["run", "shop.item"]);
    assert_eq!(database.value("select count(*) from copy"), "3");
}

/// Runs the program as somebody whom file permissions bind: as root, as nobody.
fn run_bound(project: &Project) -> Output {
    let mut command = project.command(&["run", "shop.item", "--output", "json"]);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    Running::start(command).wait()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").expect("the system tells about this process").uid() == 0
}

/// Gives everything below the project's folder to whom [`run_bound`] runs as.
fn hand_over(project: &Project) {
    if is_root() {
        let mut folders = vec![project.folder().to_path_buf()];
        while let Some(path) = folders.pop() {
            if path.is_dir() {
                folders
                    .extend(path.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path()));
            }
            chown(&path, Some(NOBODY), Some(NOBODY)).expect("give a file away");
        }
    }
}

#[test]
fn a_read_only_folder_is_named_and_filled_once_it_is_writable() {
    let project = from_sqlite("{ type: files, path: out }", &ITEM.replace("copy", "copy.csv"));
    std::fs::create_dir(project.path("out")).unwrap();
    hand_over(&project);
    std::fs::set_permissions(project.path("out"), Permissions::from_mode(0o555)).unwrap();
    let output = run_bound(&project);
    assert_eq!(output.code(), Some(1), "{output}");
    assert!(output.error().to_string().contains("out"), "{output}");
    std::fs::set_permissions(project.path("out"), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(run_bound(&project).code(), Some(0));
    assert_eq!(project.read("out/copy.csv"), "id,name\n1,a\n2,b\n3,c\n");
}

#[test]
fn a_read_only_database_file_is_named_and_filled_once_it_is_writable() {
    let project = from_sqlite("{ type: sqlite, path: target.db }", ITEM);
    let target = Sqlite::create(&project.path("target.db"));
    target.execute("create table copy (id integer primary key, name text)");
    hand_over(&project);
    std::fs::set_permissions(project.path("target.db"), Permissions::from_mode(0o444)).unwrap();
    let output = run_bound(&project);
    assert_eq!(output.code(), Some(1), "{output}");
    assert!(output.error().to_string().contains("target.db"), "{output}");
    std::fs::set_permissions(project.path("target.db"), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(run_bound(&project).code(), Some(0));
    assert_eq!(target.value("select count(*) from copy"), "3");
}

#[test]
fn a_file_that_something_else_holds_is_not_overwritten() {
    let project = from_sqlite("{ type: files, path: out }", &ITEM.replace("copy", "copy.csv"));
    project.write("out/copy.csv", "number,label\n7,theirs\n");
    let output = project.json(&["run", "shop.item"]);
    assert_eq!(output.code(), Some(1), "{output}");
    assert_eq!(project.read("out/copy.csv"), "number,label\n7,theirs\n");
}
