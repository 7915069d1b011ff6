//! G12: rows that cannot be delivered become dead letters, and the rest arrive.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use syncline_tests::databases::{Database, Postgres};
use syncline_tests::project::{Project, list_of};

use crate::shop::{Shop, counts};

/// 200 good rows and one for each thing that a database refuses.
fn poisoned() -> (Project, Postgres, Postgres) {
    let (source, target) = (Postgres::new(), Postgres::new());
    source.execute(
        "create table item (id bigint primary key, email text, country text, age int, name text, code text);
         insert into item select n, 'mail' || n, 'DE', 30, 'name', 'c' from generate_series(1, 200) n;
         update item set age = -1 where id = 10;
         update item set country = 'XX' where id = 20;
         update item set email = 'mail1' where id = 30;
         update item set name = null where id = 40;
         update item set code = 'far too long' where id = 50;",
    );
    target.execute(
        "create table country (code text primary key); insert into country values ('DE');
         create table copy (id bigint primary key, email text unique, country text references country,
           age int check (age >= 0), name text not null, code varchar(5));",
    );
    let body = "model: { table: item, key: id }\nto: { object: copy }";
    let project = Project::of(&source.options(), &target.options(), &[("item", body)]);
    (project, source, target)
}

#[test]
fn each_refused_row_names_its_column_and_the_rest_arrive() {
    let (project, source, target) = poisoned();
    let run = project.expect(3, &["run", "shop.item"]).run();
    assert_eq!((counts(&run), run["status"].as_str()), ([200, 195, 0, 0, 0, 5], Some("completed")));
    assert_eq!(target.value("select count(*) from copy"), "195");
    let errors = project.expect(0, &["errors", "last"]).json();
    assert_eq!(errors["total_errors"], 5);
    let fields: BTreeMap<String, String> =
        list_of(&errors).iter().map(|e| (text(&e["row_id"]), text(&e["field"]))).collect();
    let expected = [("10", "age"), ("20", "country"), ("30", "email"), ("40", "name"), ("50", "code")];
    assert_eq!(fields, expected.map(|(id, field)| (id.to_string(), field.to_string())).into());
    let codes: BTreeMap<String, String> =
        project.open_letters().iter().map(|l| (text(&l["row_id"]), text(&l["code"]))).collect();
    let expected = [
        ("10", "check_violation"),
        ("20", "foreign_key_violation"),
        ("30", "unique_violation"),
        ("40", "not_null_violation"),
        ("50", "string_too_long"),
    ];
    assert_eq!(codes, expected.map(|(id, code)| (id.to_string(), code.to_string())).into());

    // Repaired at the source, they arrive by themselves and their letters are resolved.
    source.execute(
        "update item set age = 1 where id = 10; update item set country = 'DE' where id = 20;
         update item set email = 'mail30' where id = 30; update item set name = 'name' where id = 40;
         update item set code = 'ok' where id = 50;",
    );
    let run = project.expect(0, &["run", "shop.item"]).run();
    assert_eq!(counts(&run), [200, 5, 0, 0, 195, 0]);
    assert!(project.open_letters().is_empty());
    let all = list_of(&project.expect(0, &["dlq", "list", "--all"]).json());
    assert_eq!(all.len(), 5);
    assert!(all.iter().all(|letter| letter["state"] == "resolved_auto"), "{all:#?}");
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_string()
}

#[test]
fn a_refused_row_is_not_sent_again_unchanged_with_every_run() {
    let shop = Shop::new(5, "");
    shop.target.execute("alter table copy add check (id <> 3)");
    shop.run(3, &[]);
    let mut sent = 0;
    for _ in 0..6 {
        sent += counts(&shop.project.json(&["run", "shop.item"]).run())[5];
    }
    assert!((1..=3).contains(&sent), "backs off 1, 2, 4 … runs, but was sent in {sent} of 6");
    let letters = shop.project.open_letters();
    assert_eq!(letters.len(), 1, "one open letter per key");
    assert_eq!(letters[0]["attempts"], sent + 1);
}

#[test]
fn dead_letters_are_shown_whole_and_exported() {
    let shop = Shop::new(3, "");
    shop.target.execute("alter table copy add constraint named check (name not like '=%')");
    shop.source.execute("update item set name = '=HYPERLINK(1)' where id = 2");
    shop.run(3, &[]);
    let listed = shop.project.open_letters();
    let id = text(&listed[0]["id"]);
    let letter = shop.project.expect(0, &["dlq", "show", &id]).json();
    assert_eq!((letter["row_id"].as_str(), letter["code"].as_str()), (Some("2"), Some("check_violation")));
    assert_eq!(letter["source_row"]["name"], "=HYPERLINK(1)");
    assert_eq!(letter["payload"]["name"], "=HYPERLINK(1)");
    assert_eq!(letter["correlation_id"], shop.project.last_run()["correlation_id"]);
    let lines = shop.project.run(&["dlq", "export"]);
    let exported: Vec<Json> =
        lines.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(exported, listed);
    shop.project.expect(0, &["dlq", "export", "--format", "csv", "--out", "letters.csv"]);
    let csv = shop.project.read("letters.csv");
    assert!(csv.starts_with("id,sync_id,row_id,") && csv.lines().count() == 2, "{csv}");
    assert!(!csv.contains(",="), "no cell is a formula: {csv}");
    assert_eq!(shop.project.expect(2, &["dlq", "show", "dl_0000000000000000"]).error_code(), "not_found");
}

#[test]
fn the_history_of_a_record_tells_its_whole_life() {
    let shop = Shop::new(5, "write_mode: mirror");
    shop.target.execute("alter table copy add check (name <> 'bad')");
    shop.run(0, &[]);
    shop.source.execute("update item set name = 'better' where id = 2");
    shop.run(0, &[]);
    shop.source.execute("update item set name = 'bad' where id = 2");
    shop.run(3, &[]);
    shop.source.execute("delete from item where id = 2");
    shop.run(0, &[]);
    let history = shop.project.expect(0, &["history", "shop.item", "2"]).json();
    let results: Vec<String> = list_of(&history).iter().map(|event| text(&event["result"])).collect();
    assert_eq!(results, ["removed", "failed", "updated", "created"], "newest first: {history:#}");
    assert_eq!(list_of(&history)[1]["code"], "check_violation");
    let better = &list_of(&history)[2]["fields"];
    assert_eq!(better, &serde_json::json!([{ "field": "name", "before": "name 2", "after": "better" }]));
    assert!(shop.project.open_letters().is_empty(), "a removed record waits for nothing");
    shop.assert_equal();
}

#[test]
fn a_run_in_which_every_row_fails_is_failed() {
    let shop = Shop::new(5, "");
    shop.target.execute("alter table copy add check (id < 0)");
    let run = shop.run(1, &[]);
    assert_eq!(
        (run["status"].as_str(), run["error"]["code"].as_str()),
        (Some("failed"), Some("all_rows_failed"))
    );
    assert_eq!(shop.project.open_letters().len(), 5);
}
