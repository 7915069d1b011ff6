//! Tables of very many columns.

use serde_json::Value as Json;
use syncline_tests::databases::{Database, Postgres, Sqlite};
use syncline_tests::project::Project;

use crate::counts;

fn names(columns: usize) -> Vec<String> {
    (0..columns).map(|n| format!("c{n}")).collect()
}

/// A project of one sync; its second run must write nothing.
fn project(from: &str, into: &str, body: &str) -> Project {
    Project::of(from, into, &[("item", body)])
}

#[track_caller]
fn assert_three_rows_arrive_once(project: &Project) {
    for created in [3, 0] {
        let output = project.expect(0, &["run", "shop.item"]);
        assert_eq!(counts(&output.run()), [created, 0, 0, 0], "{output}");
    }
}

#[test]
fn five_thousand_columns_pass_from_csv_to_parquet_to_json_lines() {
    const COLUMNS: usize = 5_000;
    let body = |file: &str, object: &str| {
        format!("model: {{ file: {file}, key: c0 }}\nto: {{ object: {object}, match: c0 }}\n")
    };
    let project =
        project("{ type: files, path: a }", "{ type: files, path: b }", &body("item.csv", "item.parquet"));
    let names = names(COLUMNS);
    let row = |n: usize| (0..COLUMNS).map(|c| format!("\"v{n} {c}\"")).collect::<Vec<_>>().join(",");
    project.write("a/item.csv", format!("{}\n{}\n{}\n{}\n", names.join(","), row(1), row(2), row(3)));
    assert_three_rows_arrive_once(&project);
    let connections = |from: &str, into: &str| {
        format!(
            "connections:\n  from: {{ type: files, path: {from} }}\n  into: {{ type: files, path: {into} }}\n"
        )
    };
    project.write("syncline.yaml", connections("b", "c") + "settings: { state: second }\n");
    project.write_entities(&[("item", &body("item.parquet", "item.jsonl"))]);
    let run = project.expect(0, &["run", "shop.item"]).run();
    assert_eq!(counts(&run), [3, 0, 0, 0]);
    let last = project.read("c/item.jsonl");
    let object: Json = serde_json::from_str(last.lines().next().expect("a line")).expect("JSON");
    let values: Vec<String> =
        names.iter().map(|name| format!("\"{}\"", object[name].as_str().unwrap_or_default())).collect();
    assert_eq!(values.join(","), row(1));
}

#[test]
fn two_thousand_columns_pass_from_sqlite_to_sqlite() {
    // SQLite's own limit; the target's index and ledger need none of them.
    let names = names(2_000);
    let project = project(
        "{ type: sqlite, path: source.db }",
        "{ type: sqlite, path: target.db }",
        "model: { table: item, key: c0 }\nto: { object: copy, match: c0 }\n",
    );
    let (source, target) =
        (Sqlite::create(&project.path("source.db")), Sqlite::create(&project.path("target.db")));
    let columns = |name: &str| {
        let rest: String = names[1..].iter().map(|name| format!(", {name} text")).collect();
        format!("create table {name} (c0 integer primary key{rest})")
    };
    source.execute(&columns("item"));
    target.execute(&columns("copy"));
    for row in 1..=3 {
        let values: String = (1..2_000).map(|c| format!(", 'v{row} {c}'")).collect();
        source.execute(&format!("insert into item values ({row}{values})"));
    }
    assert_three_rows_arrive_once(&project);
    assert_eq!(target.value("select c1 || c1999 from copy where c0 = 3"), "v3 1v3 1999");
}

#[test]
fn as_many_columns_as_postgres_has_pass_and_more_are_refused_by_its_limit() {
    // A table has 1,600; the one that rows pass through needs a few more than the target.
    let (source, target) = (Postgres::new(), Postgres::new());
    let names = names(1_590);
    for (database, table) in [(&source, "item"), (&target, "copy")] {
        let rest: String = names[1..].iter().map(|name| format!(", {name} smallint")).collect();
        database.execute(&format!("create table {table} (c0 integer primary key{rest})"));
    }
    for row in 1..=3 {
        let values: String = (1..1_590).map(|c| format!(", {}", row * c)).collect();
        source.execute(&format!("insert into item values ({row}{values})"));
    }
    let body = "model: { table: item, key: c0 }\nto: { object: copy, match: c0 }\n";
    let project = project(&source.options(), &target.options(), body);
    assert_three_rows_arrive_once(&project);
    assert_eq!(target.value("select c1589 from copy where c0 = 3"), "4767");
    for (database, table) in [(&source, "item"), (&target, "copy")] {
        let more: Vec<String> = (0..10).map(|n| format!("add more{n} smallint")).collect();
        database.execute(&format!("alter table {table} {}", more.join(", ")));
    }
    source.execute("update item set more0 = 1");
    let output = project.expect(1, &["run", "shop.item"]);
    assert!(output.error().to_string().contains("1600 columns"), "{output}");
    // So many a query may have.
    let columns: Vec<String> = (0..1_665).map(|n| format!("{n} as c{n}")).collect();
    project.write("models/wide.sql", format!("select {}", columns.join(", ")));
    let body = "model: { sql_file: models/wide.sql, key: c0 }\nto: { object: copy }\n";
    project.write_entities(&[("item", body)]);
    let output = project.expect(1, &["run", "shop.item"]);
    assert_eq!(output.error_code(), "model_query_failed", "{output}");
    assert!(output.error().to_string().contains("1664"), "{output}");
}
