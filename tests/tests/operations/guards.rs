//! Guards hold a run before its first write; a person decides.

use syncline_tests::databases::Database;

use crate::shop::{Shop, counts, tripped};

fn held_shop() -> Shop {
    let shop = Shop::new(40, "write_mode: mirror");
    shop.run(0, &[]);
    shop.source.execute("delete from item where id <= 20; update item set name = 'new' where id = 30");
    let run = shop.run(4, &[]);
    assert_eq!((run["status"].as_str(), tripped(&run)), (Some("held"), vec!["max_deletes".to_string()]));
    assert_eq!(shop.count(), "40", "a held run writes nothing");
    shop
}

#[test]
fn a_run_that_would_delete_too_much_is_held_until_it_is_approved() {
    let shop = held_shop();
    let held = shop.project.last_run();
    let id = held["id"].as_str().unwrap();
    let approved = shop.project.expect(0, &["approve", id]).run();
    assert_eq!(counts(&approved), [20, 0, 1, 20, 19, 0]);
    assert_eq!((approved["id"].as_str(), approved["status"].as_str()), (Some(id), Some("completed")));
    shop.assert_equal();
    let again = shop.project.expect(1, &["approve", id]);
    assert_eq!(again.error_code(), "conflict");
    assert_eq!(counts(&shop.run(0, &[])), [20, 0, 0, 0, 20, 0]);
}

#[test]
fn a_rejected_run_writes_nothing_and_the_next_one_is_held_again() {
    let shop = held_shop();
    let rejected = shop.project.expect(0, &["reject", "last"]).run();
    assert_eq!(rejected["status"], "cancelled");
    assert_eq!(counts(&rejected)[1..4], [0, 0, 0]);
    assert_eq!(shop.count(), "40");
    shop.run(4, &[]);
    assert_eq!(
        shop.project.expect(1, &["approve", rejected["id"].as_str().unwrap()]).error_code(),
        "conflict"
    );
    shop.project.expect(0, &["cancel", "last"]);
    assert_eq!(shop.count(), "40");
}

#[test]
fn an_approval_after_the_configuration_changed_is_stale() {
    let shop = held_shop();
    shop.configure("{ table: item, key: id }", "write_mode: mirror\nmapping: { id: id, name: upper(name) }");
    let refused = shop.project.expect(6, &["approve", "last"]);
    assert_eq!(refused.error_code(), "stale_plan");
    assert_eq!(shop.count(), "40");
}

#[test]
fn an_approval_never_covers_more_than_what_was_reviewed() {
    let shop = Shop::new(40, "write_mode: mirror\nplan_ttl: 1s");
    shop.run(0, &[]);
    shop.source.execute("delete from item where id <= 20");
    shop.run(4, &[]);
    shop.source.execute("delete from item where id <= 25");
    // The plan is now too old and made again, and more would go.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let held = shop.project.expect(4, &["approve", "last"]).run();
    assert_eq!(held["status"], "held", "{held:#}");
    assert_eq!(shop.count(), "40");
    let approved = shop.project.expect(0, &["approve", "last"]).run();
    assert_eq!(counts(&approved)[3], 25);
    shop.assert_equal();
}

#[test]
fn an_emptied_model_is_held() {
    let shop = Shop::new(5, "write_mode: mirror");
    shop.run(0, &[]);
    shop.source.execute("delete from item");
    assert_eq!(tripped(&shop.run(4, &[])), ["empty_model"]);
    assert_eq!(shop.count(), "5");
}

#[test]
fn deletes_are_summed_so_that_nothing_is_emptied_in_slices() {
    let shop = Shop::new(40, "write_mode: mirror");
    shop.run(0, &[]);
    shop.source.execute("delete from item where id <= 8");
    assert_eq!(counts(&shop.run(0, &[]))[3], 8);
    shop.source.execute("delete from item where id <= 16");
    assert_eq!(tripped(&shop.run(4, &[])), ["max_deletes"]);
    assert_eq!(shop.count(), "32");
}

#[test]
fn a_field_that_turns_to_null_everywhere_is_held() {
    let shop = Shop::new(40, "");
    shop.run(0, &[]);
    shop.source.execute("update item set name = null");
    assert_eq!(tripped(&shop.run(4, &[])), ["max_nulled"]);
    assert_eq!(shop.target.value("select count(name) from copy"), "40");
}

#[test]
fn too_many_failed_rows_roll_the_run_back_and_halt_the_sync_until_it_is_activated() {
    let shop = Shop::new(20, "halt: { failed_rows: 5 }");
    shop.target.execute("alter table copy add check (id % 2 = 0)");
    let failed = shop.run(1, &[]);
    assert_eq!(
        (failed["status"].as_str(), failed["error"]["code"].as_str()),
        (Some("failed"), Some("error_threshold"))
    );
    assert_eq!(shop.count(), "0", "an atomic run that fails leaves nothing behind");
    let halted = shop.project.expect(1, &["run", "shop.item"]);
    assert_eq!(halted.error_code(), "sync_halted");
    assert!(halted.text().contains("syncline activate shop.item"), "{halted}");
    shop.target.execute("alter table copy drop constraint copy_id_check");
    shop.project.expect(0, &["activate", "shop.item"]);
    shop.run(0, &[]);
    shop.assert_equal();
    assert!(shop.project.open_letters().is_empty());
}
