//! P6: a plan has no effect, and what it says is what applying it writes.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use syncline_tests::databases::Database;

use crate::shop::{Shop, counts};

fn changed_shop() -> Shop {
    let shop = Shop::new(30, "write_mode: mirror");
    shop.run(0, &[]);
    shop.source
        .execute("delete from item where id in (1, 2); update item set name = 'new' where id in (10, 11)");
    shop.add(31..=33);
    shop
}

fn changes(plan: &Json) -> BTreeSet<(String, String)> {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_string();
    let changes = plan["changes"].as_array().unwrap_or_else(|| panic!("no changes: {plan:#}"));
    changes.iter().map(|change| (text(&change["operation"]), text(&change["row_id"]))).collect()
}

#[test]
fn a_plan_has_no_effect_and_applying_it_writes_exactly_what_it_says() {
    let shop = changed_shop();
    let before = shop.target.rows("select *, xmin::text from copy order by id");
    let plan = shop.project.expect(0, &["plan", "shop.item", "--out", "item.plan"]).json();
    assert_eq!(
        shop.target.rows("select *, xmin::text from copy order by id"),
        before,
        "a plan writes nothing"
    );
    let expected = [
        ("delete", "1"),
        ("delete", "2"),
        ("update", "10"),
        ("update", "11"),
        ("create", "31"),
        ("create", "32"),
        ("create", "33"),
    ];
    assert_eq!(changes(&plan), expected.map(|(op, id)| (op.to_string(), id.to_string())).into());
    let update = plan["changes"].as_array().unwrap().iter().find(|c| c["row_id"] == "10").unwrap();
    assert_eq!(
        update["fields"],
        serde_json::json!([{ "field": "name", "before": "name 10", "after": "new" }])
    );
    let applied = shop.project.expect(0, &["apply", "item.plan"]).run();
    assert_eq!(counts(&applied), [31, 3, 2, 2, 26, 0]);
    for name in ["rows_created", "rows_updated", "rows_deleted"] {
        assert_eq!(applied[name], plan[name], "{name}");
    }
    shop.assert_equal();
    assert_eq!(counts(&shop.run(0, &[])), [31, 0, 0, 0, 31, 0]);
}

#[test]
fn a_plan_is_stale_once_it_was_applied() {
    let shop = changed_shop();
    shop.project.expect(0, &["plan", "shop.item", "--out", "item.plan"]);
    shop.project.expect(0, &["apply", "item.plan"]);
    let before = shop.copies();
    assert_eq!(shop.project.expect(6, &["apply", "item.plan"]).error_code(), "stale_plan");
    assert_eq!(shop.copies(), before);
}

#[test]
fn a_plan_is_stale_after_another_run_and_after_a_change_of_the_configuration() {
    let shop = changed_shop();
    shop.project.expect(0, &["plan", "shop.item", "--out", "item.plan"]);
    shop.run(0, &["--source-ids", "31"]);
    assert_eq!(shop.project.expect(6, &["apply", "item.plan"]).error_code(), "stale_plan");
    shop.project.expect(0, &["plan", "shop.item", "--out", "item.plan"]);
    shop.configure("{ table: item, key: id }", "write_mode: upsert");
    assert_eq!(shop.project.expect(6, &["apply", "item.plan"]).error_code(), "stale_plan");
}

#[test]
fn a_plan_file_that_was_tampered_with_or_is_none_is_refused() {
    let shop = changed_shop();
    shop.project.expect(0, &["plan", "shop.item", "--out", "item.plan"]);
    let mut plan: Json = serde_json::from_str(&shop.project.read("item.plan")).unwrap();
    plan["digest"] = "0000".into();
    shop.project.write("item.plan", plan.to_string());
    assert_eq!(shop.project.expect(6, &["apply", "item.plan"]).error_code(), "stale_plan");
    shop.project.write("item.plan", "not a plan");
    assert_eq!(shop.project.expect(2, &["apply", "item.plan"]).error_code(), "bad_usage");
    assert_eq!(shop.project.expect(2, &["apply", "missing.plan"]).error_code(), "bad_usage");
    assert_eq!(shop.count(), "30");
}

#[test]
fn a_plan_says_by_its_exit_code_whether_there_is_something_to_do() {
    let shop = changed_shop();
    shop.project.expect(10, &["plan", "shop.item", "--exit-code"]);
    shop.run(0, &[]);
    shop.project.expect(0, &["plan", "shop.item", "--exit-code"]);
}
