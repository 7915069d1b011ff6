//! Sources that cannot be reached, or hold what cannot be read.

use syncline_tests::databases::{Database, Postgres, Sqlite};
use syncline_tests::project::Project;

use crate::refused;

const ITEM: &str = "model: { table: item, key: id }\nto: { object: copy }\n";

/// A project from `source` to a SQLite table `copy (id, name)`.
fn to_sqlite(source: &str, entity: &str) -> (Project, Sqlite) {
    let project = Project::of(source, "{ type: sqlite, path: target.db }", &[("item", entity)]);
    let target = Sqlite::create(&project.path("target.db"));
    target.execute("create table copy (id integer primary key, name text)");
    (project, target)
}

fn files(entity: &str) -> (Project, Sqlite) {
    to_sqlite("{ type: files, path: in }", entity)
}

#[test]
fn an_unreachable_server_is_a_source_failure() {
    let (project, _) = to_sqlite("{ type: postgres, url: \"postgres://u:p@127.0.0.1:1/none\" }", ITEM);
    refused(&project, 5, "source_unreachable", &["127.0.0.1:1"]);
    assert_eq!(project.last_run()["status"], "source_failure");
}

#[test]
fn a_wrong_password_is_a_failure_that_a_person_must_repair() {
    let database = Postgres::new();
    let options = database.options().replace("correct", "wrong");
    let (project, _) = to_sqlite(&options, ITEM);
    let output = refused(&project, 1, "source_auth_failed", &["postgres"]);
    assert!(!output.text().contains("wrong%20horse") && !output.text().contains("wrong horse"), "{output}");
    assert_eq!(project.last_run()["status"], "failed");
}

#[test]
fn a_missing_table_is_named() {
    let database = Postgres::new();
    let (project, target) = to_sqlite(&database.options(), ITEM);
    refused(&project, 1, "model_query_failed", &["item"]);
    database
        .execute("create table item (id bigint primary key, name text); insert into item values (1, 'a')");
    project.expect(0, &["run", "shop.item"]);
    assert_eq!(target.value("select name from copy"), "a");
}

#[test]
fn a_missing_key_or_cursor_column_is_named() {
    let database = Postgres::new();
    database.execute("create table item (id bigint primary key, name text)");
    let (project, _) = to_sqlite(&database.options(), ITEM);
    for model in ["{ table: item, key: number }", "{ table: item, key: id, cursor: number }"] {
        project.write_entities(&[("item", &format!("model: {model}\nto: {{ object: copy, match: id }}\n"))]);
        let output = project.json(&["run", "shop.item"]);
        assert!(matches!(output.code(), Some(1 | 2)), "{output}");
        assert!(output.error().to_string().contains("number"), "{output}");
    }
}

#[test]
fn broken_sql_is_told_with_the_databases_line() {
    let database = Postgres::new();
    database.execute("create table item (id bigint primary key, name text)");
    let sql =
        "model:\n  key: id\n  sql: |\n    select id,\n      name\n    form item\nto: { object: copy }\n";
    let (project, _) = to_sqlite(&database.options(), sql);
    refused(&project, 1, "model_query_failed", &["line 3", "form item"]);
    project.write("models/item.sql", "select id,\n  nmae\nfrom item\n");
    project
        .write_entities(&[("item", "model: { sql_file: models/item.sql, key: id }\nto: { object: copy }\n")]);
    refused(&project, 1, "model_query_failed", &["line 2", "nmae", "models/item.sql"]);
}

#[test]
fn a_statement_that_writes_is_refused() {
    let database = Postgres::new();
    database
        .execute("create table item (id bigint primary key, name text); insert into item values (1, 'a')");
    let sql = "model: { sql: \"with gone as (delete from item returning *) select * from gone\", key: id }\nto: { object: copy }\n";
    let (project, _) = to_sqlite(&database.options(), sql);
    let output = project.json(&["run", "shop.item"]);
    assert!(matches!(output.code(), Some(1 | 2)), "{output}");
    assert_eq!(database.value("select count(*) from item"), "1");
}

#[test]
fn a_row_that_is_not_utf_8_is_named_and_the_others_arrive() {
    let (project, target) =
        files("model: { file: item.csv, key: id, types: { id: int64 } }\nto: { object: copy }\n");
    project.write("in/item.csv", b"id,name\n1,good\n2,b\xff\xfed\n3,good\n");
    let output = project.expect(3, &["run", "shop.item"]);
    assert_eq!(output.run()["rows_failed"], 1, "{output}");
    let errors = project.expect(0, &["errors", "last"]).json();
    let error = &errors["data"][0];
    // What cannot be read has no key; its place stands for it.
    assert_eq!(error["row_id"], "item.csv:3", "{errors:#}");
    assert!(error["message"].as_str().is_some_and(|m| m.contains("UTF-8")), "{errors:#}");
    assert_eq!(target.value("select count(*) from copy"), "2");
    project.write("in/item.csv", "id,name\n1,good\n2,bad\n3,good\n");
    project.expect(0, &["run", "shop.item"]);
    assert_eq!(target.value("select count(*) from copy"), "3");
}

#[test]
fn a_record_with_too_many_or_too_few_fields_is_told_with_its_line() {
    let (project, target) =
        files("model: { file: item.csv, key: id, types: { id: int64 } }\nto: { object: copy }\n");
    for ragged in ["3,c,surplus", "3"] {
        project.write("in/item.csv", format!("id,name\n1,a\n2,b\n{ragged}\n4,d\n"));
        let output = project.json(&["run", "shop.item"]);
        let told = format!("{} {}", output.text(), project.run(&["errors", "last"]).text());
        assert!(matches!(output.code(), Some(1 | 3)), "{output}");
        assert!(told.contains("item.csv:4"), "{told}");
    }
    project.write("in/item.csv", "id,name\n1,a\n2,b\n3,c\n4,d\n");
    project.expect(0, &["run", "shop.item"]);
    assert_eq!(target.value("select count(*) from copy"), "4");
}

#[test]
fn a_file_that_was_cut_off_is_an_error_and_never_a_removal() {
    let entity =
        "model: { file: FILE, key: id, types: { id: int64 } }\nto: { object: copy }\nwrite_mode: mirror\n";
    let rows: String = (1..=200).map(|n| format!("{n},name {n}\n")).collect();
    let whole = format!("id,name\n{rows}");
    // Parquet made by the program itself.
    let (maker, _) = files("");
    maker.write("in/item.csv", &whole);
    maker.write(
        "syncline.yaml",
        "connections:\n  from: { type: files, path: in }\n  into: { type: files, path: out }\n",
    );
    let making = "model: { file: item.csv, key: id, types: { id: int64 } }\nto: { object: item.parquet }\n";
    maker.write_entities(&[("item", making)]);
    maker.expect(0, &["run", "shop.item"]);
    let parquet = std::fs::read(maker.path("out/item.parquet")).expect("the Parquet file");
    for (file, whole) in [("item.parquet", parquet), ("item.csv", whole.into_bytes())] {
        let (project, target) = files(&entity.replace("FILE", file));
        project.write(&format!("in/{file}"), &whole);
        project.expect(0, &["run", "shop.item"]);
        project.write(&format!("in/{file}"), &whole[..whole.len() * 2 / 3]);
        refused(&project, 1, "model_query_failed", &[file]);
        assert_eq!(target.value("select count(*) from copy"), "200", "{file}");
        project.write(&format!("in/{file}"), &whole);
        let run = project.expect(0, &["run", "shop.item"]).run();
        assert_eq!(run["rows_skipped"], 200, "{file}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let (project, _) = files("model: { file: item.csv, key: id }\nto: { object: copy }\n");
    project.write("in/other.csv", "id\n1\n");
    refused(&project, 1, "model_query_failed", &["item.csv"]);
}

#[test]
fn a_key_that_is_there_twice_is_named() {
    let (project, target) =
        files("model: { file: item.csv, key: id, types: { id: int64 } }\nto: { object: copy }\n");
    project.write("in/item.csv", "id,name\n1,a\n2,b\n1,c\n");
    refused(&project, 1, "duplicate_keys", &["1"]);
    assert_eq!(target.value("select count(*) from copy"), "0");
}
