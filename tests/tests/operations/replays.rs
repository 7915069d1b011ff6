//! Dead letters of real constraint violations, replayed: G13 and section by section of what a replay is.

use serde_json::{Value as Json, json};
use syncline_tests::databases::{Database, Postgres};
use syncline_tests::project::{Project, list_of};

use crate::shop::Shop;

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_string()
}

/// The newest letter of a record.
fn letter(project: &Project, row_id: &str) -> Json {
    let all = list_of(&project.expect(0, &["dlq", "list", "--all", "--limit", "200"]).json());
    all.into_iter()
        .find(|letter| letter["row_id"] == row_id)
        .unwrap_or_else(|| panic!("no letter of {row_id}"))
}

fn state(project: &Project, row_id: &str) -> String {
    text(&letter(project, row_id)["state"])
}

#[track_caller]
fn replay(project: &Project, code: i32, row_ids: &[&str], more: &[&str]) -> Json {
    let ids: Vec<String> = row_ids.iter().map(|row_id| text(&letter(project, row_id)["id"])).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    project.expect(code, &[&["dlq", "replay"], ids.as_slice(), more].concat()).json()
}

/// Persons of whom one breaks a check, one names a country that is not there, and one has a code that is
/// too long.
fn refused() -> (Project, Postgres, Postgres) {
    let (source, target) = (Postgres::new(), Postgres::new());
    source.execute(
        "create table item (id bigint primary key, country text, age int, code text);
         insert into item select n, 'DE', 30, 'c' from generate_series(1, 20) n;
         update item set age = -1 where id = 3;
         update item set country = 'XX' where id = 5;
         update item set code = 'far too long' where id = 7;",
    );
    target.execute(
        "create table country (code text primary key); insert into country values ('DE');
         create table copy (id bigint primary key, country text references country,
           age int check (age >= 0), code varchar(5));",
    );
    let body = "model: { table: item, key: id }\nto: { object: copy }";
    let project = Project::of(&source.options(), &target.options(), &[("item", body)]);
    assert_eq!(project.expect(3, &["run", "shop.item"]).run()["rows_failed"], 3);
    (project, source, target)
}

#[test]
fn a_parent_that_arrives_later_resolves_its_child_by_itself() {
    let (project, _source, target) = refused();
    target.execute("insert into country values ('XX')");
    let run = project.expect(3, &["run", "shop.item"]).run();
    assert_eq!((run["rows_created"].as_u64(), run["rows_failed"].as_u64()), (Some(1), Some(2)));
    assert_eq!(state(&project, "5"), "resolved_auto");
    assert_eq!(target.value("select country from copy where id = 5"), "XX");
}

#[test]
fn a_repaired_row_is_replayed_alone() {
    let (project, source, target) = refused();
    source.execute("update item set age = 31 where id in (3, 4)");
    let run = replay(&project, 0, &["3"], &[]);
    assert_eq!((text(&run["type"]), run["rows_created"].as_u64()), ("replay".into(), Some(1)));
    assert_eq!(run["rows_processed"], 1);
    assert_eq!(target.value("select age from copy where id = 3"), "31");
    assert_eq!(target.value("select age from copy where id = 4"), "30", "nobody asked for it");
    let states = ["3", "5", "7"].map(|row_id| state(&project, row_id));
    assert_eq!(states, ["resolved_replay", "open", "open"]);
}

#[test]
fn a_replay_of_what_is_still_wrong_is_open_with_another_attempt() {
    let (project, _source, target) = refused();
    let run = replay(&project, 3, &["3", "5", "7"], &[]);
    assert_eq!((text(&run["status"]), run["rows_failed"].as_u64()), ("completed".into(), Some(3)));
    for row_id in ["3", "5", "7"] {
        let letter = letter(&project, row_id);
        assert_eq!((text(&letter["state"]), letter["attempts"].as_u64()), ("open".into(), Some(2)));
        assert_eq!(letter["run_id"], run["id"]);
    }
    assert_eq!(target.value("select count(*) from copy"), "17");
}

#[test]
fn a_value_too_long_is_edited_by_hand_and_stays_until_its_row_changes() {
    let (project, source, target) = refused();
    let id = text(&letter(&project, "7")["id"]);
    let refused = project.expect(2, &["dlq", "edit", &id, "--set", "code=still too long"]);
    assert_eq!(refused.error_code(), "bad_usage");
    project.expect(0, &["dlq", "edit", &id, "--set", "code=short"]);
    replay(&project, 0, &["7"], &["--mode", "edited"]);
    assert_eq!(target.value("select code from copy where id = 7"), "short");
    assert_eq!(state(&project, "7"), "resolved_replay");
    let run = project.expect(3, &["run", "shop.item"]).run();
    assert_eq!(run["skipped"]["edited"], 1, "{run:#}");
    assert_eq!(target.value("select code from copy where id = 7"), "short");
    source.execute("update item set code = 'new' where id = 7");
    project.json(&["run", "shop.item"]);
    assert_eq!(target.value("select code from copy where id = 7"), "new");
}

#[test]
fn what_was_captured_goes_when_the_target_takes_it_at_last() {
    let (project, source, target) = refused();
    target.execute("alter table copy drop constraint copy_age_check; insert into country values ('XX')");
    source.execute("update item set age = -2 where id = 3");
    let run = replay(&project, 0, &["3", "5"], &["--mode", "as-captured"]);
    assert_eq!(run["rows_created"], 2);
    assert_eq!(target.value("select age from copy where id = 3"), "-1", "as it was, and not as it is");
    let run = project.expect(3, &["run", "shop.item"]).run();
    assert_eq!(run["rows_updated"], 1);
    assert_eq!(target.value("select age from copy where id = 3"), "-2", "the next run brings what is new");
}

/// G13: v1 fails, v2 arrives, v1 is replayed.
#[test]
fn a_replay_never_overwrites_newer_data() {
    let shop = Shop::new(5, "");
    shop.target.execute("alter table copy add constraint good check (name <> 'v1')");
    shop.source.execute("update item set name = 'v1' where id = 2");
    shop.run(3, &[]);
    let v1 = letter(&shop.project, "2");
    assert_eq!(v1["payload"]["name"], "v1");
    shop.source.execute("update item set name = 'v2' where id = 2");
    shop.run(0, &[]);
    shop.target.execute("alter table copy drop constraint good");
    let refused = shop.project.expect(1, &["dlq", "replay", &text(&v1["id"]), "--mode", "as-captured"]);
    assert_eq!(refused.error_code(), "conflict");
    assert_eq!(shop.target.value("select name from copy where id = 2"), "v2");
    assert_eq!(state(&shop.project, "2"), "resolved_auto");
}

#[test]
fn a_dry_run_of_a_replay_writes_nothing() {
    let (project, source, target) = refused();
    source.execute("update item set age = 31 where id = 3");
    let run = replay(&project, 0, &["3"], &["--dry-run"]);
    assert_eq!((run["dry_run"].as_bool(), run["rows_created"].as_u64()), (Some(true), Some(1)));
    assert_eq!(target.value("select count(*) from copy"), "17");
    assert_eq!(state(&project, "3"), "open");
}

#[test]
fn an_ignored_row_is_not_sent_again_until_it_changes() {
    let (project, source, target) = refused();
    let id = text(&letter(&project, "3")["id"]);
    project.expect(0, &["dlq", "ignore", &id]);
    target.execute("alter table copy drop constraint copy_age_check");
    let run = project.expect(3, &["run", "shop.item"]).run();
    assert_eq!(run["skipped"]["ignored"], 1, "{run:#}");
    source.execute("update item set age = -7 where id = 3");
    project.json(&["run", "shop.item"]);
    assert_eq!(target.value("select age from copy where id = 3"), "-7");
    assert_eq!(state(&project, "3"), "resolved_auto");
}

#[test]
fn an_export_carries_what_a_person_edited() {
    let (project, _source, _target) = refused();
    let id = text(&letter(&project, "7")["id"]);
    project.expect(0, &["dlq", "edit", &id, "--set", "code==1+1"]);
    let lines = project.run(&["dlq", "export"]).stdout;
    let edited = lines.lines().map(|line| serde_json::from_str::<Json>(line).expect("a line of JSON"));
    let edited: Vec<Json> = edited.filter(|letter| letter["row_id"] == "7").collect();
    assert_eq!(edited[0]["edited"]["payload"]["code"], json!("=1+1"));
    let csv = project.run(&["dlq", "export", "--format", "csv"]).stdout;
    assert_eq!(csv.lines().count(), 4);
    assert!(!csv.contains(",="), "no cell is a formula: {csv}");
}
