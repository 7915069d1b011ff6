//! Rows that fail: what is said at once, and what is kept.

use crate::fixture::{Project, customers};

fn project_with_a_bad_row() -> Project {
    let project = Project::with_contacts("upsert", "");
    project.write("data/customers.csv", &customers(1..=3).replace("2.50", "=cmd()"));
    project
}

#[test]
fn failed_rows_are_summed_up_and_kept_as_letters() {
    let project = project_with_a_bad_row();
    let run = project.run(&["run", "crm.contact"]).code(3).says("2 created, 1 failed");
    let run = run.says("1× invalid_value (mrr), for example 2:").says("see it: syncline errors run_");
    run.says("This was the first run");
    project.run(&["errors", "last"]).code(0).says("ERROR MESSAGE").says("\"=cmd()\"");
    project.run(&["runs", "show", "last"]).code(0).says("Failed rows").says("! completed, 1 failed");
    let letters = project.json(&["dlq", "list"]);
    assert_eq!(letters["pagination"]["total"], 1);
    let id = letters["data"][0]["id"].as_str().unwrap();
    let shown =
        project.run(&["dlq", "show", &id[..12]]).code(0).says("error[invalid_value]").says("Source row");
    assert!(shown.stdout.contains("\"email\": \"user2@example.com\""), "{shown:#?}");
    project.run(&["status"]).code(0).says("! completed, 1 failed");

    project.write("data/customers.csv", &customers(1..=3));
    let repaired = project.run(&["run", "crm.contact"]).code(0).says("1 created");
    assert!(!repaired.stdout.contains("first run"), "{repaired:#?}");
    project.run(&["dlq", "list"]).code(0).says("No dead letters.");
    project.run(&["dlq", "list", "--all"]).code(0).says("resolved auto");
}

#[test]
fn letters_are_exported_without_formulas() {
    let project = project_with_a_bad_row();
    project.run(&["run", "crm.contact"]).code(3);
    let csv = project.run(&["dlq", "export", "--format", "csv"]).code(0);
    assert!(csv.stdout.starts_with("id,sync_id,row_id,"), "{csv:#?}");
    assert!(csv.stdout.contains(",'=cmd(),"), "{csv:#?}");
    let lines = project.run(&["dlq", "export"]).code(0).stdout;
    let letter: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((lines.lines().count(), &letter["raw_value"]), (1, &"=cmd()".into()));
    project.run(&["dlq", "export", "--out", "letters.jsonl"]).code(0).notes("wrote 1 dead letter");
    assert_eq!(std::fs::read_to_string(project.path("letters.jsonl")).unwrap(), lines);
}

#[test]
fn a_run_whose_rows_all_fail_has_failed() {
    let project = Project::with_contacts("upsert", "");
    project.write("data/customers.csv", &customers([1]).replace("1.50", "x"));
    project.run(&["run", "crm.contact"]).code(1).says("✗ crm.contact");
    assert_eq!(project.json(&["runs", "show", "last"])["error"]["code"], "all_rows_failed");
}
