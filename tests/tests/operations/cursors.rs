//! Which records a run reads, and where that leaves the cursor.

use serde_json::{Value as Json, json};
use syncline_tests::databases::{Database, Postgres};

use crate::shop::{Shop, counts};

const BY_VERSION: &str = "{ table: item, key: id, cursor: version }";

fn cursor(shop: &Shop) -> Json {
    shop.project.expect(0, &["cursor", "show", "shop.item"]).json()["value"].clone()
}

#[test]
fn an_incremental_run_reads_from_the_cursor_on_and_takes_ties_with_it() {
    let shop = Shop::with_model(10, BY_VERSION, "");
    assert_eq!(counts(&shop.run(0, &[])), [10, 10, 0, 0, 0, 0]);
    assert_eq!(cursor(&shop), "10");
    // Committed after the run, with the very value at which the run ended.
    shop.source.execute("insert into item values (100, 'tie', 10), (101, 'next', 11)");
    let run = shop.run(0, &[]);
    assert_eq!(counts(&run), [3, 2, 0, 0, 1, 0]);
    assert_eq!((&run["cursor_before"], &run["cursor_after"]), (&json!("10"), &json!("11")));
    shop.assert_equal();
    assert_eq!(counts(&shop.run(0, &[]))[1..4], [0, 0, 0]);
}

#[test]
fn rows_without_a_cursor_value_are_always_read() {
    let shop = Shop::with_model(3, BY_VERSION, "");
    shop.run(0, &[]);
    shop.source.execute("insert into item values (9, 'no version', null)");
    assert_eq!(counts(&shop.run(0, &[]))[1], 1);
    shop.source.execute("update item set name = 'other' where id = 9");
    assert_eq!(counts(&shop.run(0, &[]))[2], 1);
    shop.assert_equal();
}

#[test]
fn a_row_committed_late_is_found_inside_the_lookback() {
    let (source, target) = (Postgres::new(), Postgres::new());
    source.execute("create table item (id bigint primary key, at timestamptz)");
    target.execute("create table copy (id bigint primary key, at timestamptz)");
    source.execute("insert into item values (1, now() - interval '1 day'), (2, now() - interval '1 hour')");
    let body = "model: { table: item, key: id, cursor: at }\nto: { object: copy }\nlookback: 10m";
    let project =
        syncline_tests::project::Project::of(&source.options(), &target.options(), &[("item", body)]);
    project.expect(0, &["run", "shop.item"]);
    source.execute("insert into item values (3, now() - interval '1 hour 5 minutes')");
    source.execute("insert into item values (4, now() - interval '2 hours')");
    project.expect(0, &["run", "shop.item"]);
    assert_eq!(target.value("select string_agg(id::text, ',' order by id) from copy"), "1,2,3");
    // A row dated in the future is delivered, and does not carry the cursor with it.
    source.execute("insert into item values (5, now() + interval '1 day')");
    project.expect(0, &["run", "shop.item"]);
    source.execute("insert into item values (6, now())");
    project.expect(0, &["run", "shop.item"]);
    assert_eq!(target.value("select string_agg(id::text, ',' order by id) from copy"), "1,2,3,5,6");
    project.expect(0, &["run", "shop.item", "--cursor", "reset"]);
    assert_eq!(target.value("select string_agg(id::text, ',' order by id) from copy"), "1,2,3,4,5,6");
}

#[test]
fn a_reset_reads_everything_and_sends_only_what_changed() {
    let shop = Shop::with_model(10, BY_VERSION, "");
    shop.run(0, &[]);
    // Below the cursor: an incremental run does not see it.
    shop.source.execute("update item set name = 'late' where id = 3");
    assert_eq!(counts(&shop.run(0, &[]))[2], 0);
    let run = shop.run(0, &["--cursor", "reset"]);
    assert_eq!(counts(&run), [10, 0, 1, 0, 9, 0]);
    assert_eq!(cursor(&shop), "10");
    shop.assert_equal();
}

#[test]
fn a_full_run_sends_every_record() {
    let shop = Shop::with_model(10, BY_VERSION, "");
    shop.run(0, &[]);
    shop.target.execute("update copy set name = 'drifted'");
    assert_eq!(counts(&shop.run(0, &["--cursor", "full"])), [10, 0, 10, 0, 0, 0]);
    shop.assert_equal();
}

#[test]
fn an_append_refuses_a_full_run() {
    let shop = Shop::new(3, "write_mode: append");
    shop.run(0, &[]);
    let refused = shop.project.expect(2, &["run", "shop.item", "--cursor", "full"]);
    assert_eq!(refused.error_code(), "bad_usage");
    assert_eq!(shop.count(), "3");
}

#[test]
fn source_ids_bypass_the_cursor_never_move_it_and_delete_nothing() {
    let shop = Shop::with_model(10, BY_VERSION, "write_mode: mirror");
    shop.run(0, &[]);
    shop.source.execute(
        "update item set name = 'wanted', version = 50 where id in (3, 4); delete from item where id = 5",
    );
    let run = shop.run(0, &["--source-ids", "3,5,77"]);
    assert_eq!(counts(&run), [1, 0, 1, 0, 0, 0]);
    assert_eq!(run["not_found"], json!(["5", "77"]));
    assert_eq!(cursor(&shop), "10");
    assert_eq!(
        shop.target.value("select string_agg(name, ',' order by id) from copy where id in (3, 4, 5)"),
        "wanted,name 4,name 5"
    );
}

#[test]
fn a_limited_run_takes_the_oldest_and_the_next_goes_on_after_it() {
    let shop = Shop::with_model(10, BY_VERSION, "");
    shop.source.execute("update item set version = 4 where id = 5");
    // Three rows up to version 3; then 4 and 5 together, because they tie.
    assert_eq!(counts(&shop.run(0, &["--max-entities", "3"]))[1], 3);
    assert_eq!(cursor(&shop), "3");
    assert_eq!(counts(&shop.run(0, &["--max-entities", "1"]))[1], 2);
    assert_eq!(cursor(&shop), "4");
    assert_eq!(counts(&shop.run(0, &["--max-entities", "2"]))[1], 2);
    assert_eq!(counts(&shop.run(0, &["--max-entities", "100"]))[1], 3);
    shop.assert_equal();
}

#[test]
fn without_a_cursor_a_limited_run_resumes_after_the_last_key() {
    let shop = Shop::new(10, "");
    for _ in 0..3 {
        assert_eq!(counts(&shop.run(0, &["--max-entities", "4"]))[5], 0);
    }
    shop.assert_equal();
}

#[test]
fn a_cursor_set_by_hand_says_what_it_means_and_keeps_its_history() {
    let shop = Shop::with_model(10, BY_VERSION, "");
    shop.run(0, &[]);
    assert_eq!(shop.project.expect(2, &["cursor", "set", "shop.item", "4"]).error_code(), "bad_usage");
    assert_eq!(
        shop.project.expect(2, &["cursor", "set", "shop.item", "soon", "--yes"]).error_code(),
        "bad_usage"
    );
    let set = shop.project.expect(0, &["cursor", "set", "shop.item", "4", "--yes"]).json();
    assert_eq!(
        (&set["value"], &set["records_read"], &set["records_read_again"]),
        (&json!("4"), &json!(7), &json!(7))
    );
    assert_eq!(counts(&shop.run(0, &[])), [7, 0, 0, 0, 7, 0]);
    let history = shop.project.expect(0, &["cursor", "history", "shop.item"]).json();
    let moves: Vec<_> =
        history["data"].as_array().unwrap().iter().map(|m| (m["to"].clone(), m["reason"].clone())).collect();
    assert_eq!(
        moves,
        [(json!("10"), json!("run")), (json!("4"), json!("manual")), (json!("10"), json!("run"))]
    );
}

#[test]
fn a_mirror_with_a_cursor_finds_removed_records_when_its_full_read_is_due() {
    let shop = Shop::with_model(10, BY_VERSION, "write_mode: mirror\nfull_read: { every: 1h }");
    shop.run(0, &[]);
    shop.source.execute("delete from item where id = 2");
    assert_eq!(counts(&shop.run(0, &[]))[3], 0, "an incremental read proves no absence");
    shop.configure(BY_VERSION, "write_mode: mirror\nfull_read: { every: 1s }");
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(counts(&shop.run(0, &[]))[3], 1);
    shop.assert_equal();
}
