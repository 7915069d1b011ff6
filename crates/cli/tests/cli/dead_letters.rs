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

/// A customer whose amount is no number, delivered by nobody; the letter's id.
fn project_with_a_letter() -> (Project, String) {
    let project = project_with_a_bad_row();
    project.run(&["run", "crm.contact"]).code(3);
    let id = project.json(&["dlq", "list"])["data"][0]["id"].as_str().unwrap().to_string();
    (project, id)
}

#[test]
fn a_letter_is_corrected_by_hand_and_sent() {
    let (project, id) = project_with_a_letter();
    // It was no valid row, so that there is nothing to correct but all of it.
    project.run(&["dlq", "edit", &id, "--set", "mrr=7.25"]).code(2).notes("The payload has no 'external_id'");
    let fields = ["--set", "external_id=2", "--set", "email=two@example.com", "--set"];
    let edit = |id: &str, mrr: &str| project.run(&[&["dlq", "edit", id], fields.as_slice(), &[mrr]].concat());
    edit(&id, "mrr=many").code(2).notes("mrr: Value is not a valid");
    edit(&id[..14], "mrr=7.25").code(0).says("not sent yet");
    let shown = project.run(&["dlq", "show", &id]).code(0).says("Edited by");
    assert!(shown.stdout.contains("\"mrr\": \"7.25\""), "{shown:#?}");
    project.run(&["dlq", "replay", &id, "--mode", "edited", "--dry-run"]).code(0).notes("1 dead letter of");
    assert_eq!(project.delivered(), [1, 3]);
    project.run(&["dlq", "replay", &id, "--mode", "edited"]).code(0).says("1 created");
    assert_eq!(project.delivered(), [1, 2, 3]);
    project.run(&["dlq", "list", "--all"]).code(0).says("resolved replay");
    assert_eq!(project.json(&["run", "crm.contact"])["rows_failed"], 0, "it is left alone");
    project.run(&["dlq", "edit", &id, "--undo"]).code(1).notes("only an open letter can be edited");
}

#[test]
fn letters_are_replayed_by_their_group() {
    let project = Project::with_contacts("upsert", "");
    project.write("data/customers.csv", &customers(1..=9).replace("2.50", "x").replace("3.50", "y"));
    project.run(&["run", "crm.contact"]).code(3);
    let groups = project.json(&["dlq", "groups"]);
    assert_eq!(
        (groups["pagination"]["total"].as_u64(), groups["data"][0]["count"].as_u64()),
        (Some(1), Some(2))
    );
    let group = groups["data"][0]["fingerprint"].as_str().unwrap();
    project.run(&["dlq", "groups"]).code(0).says(group).says("is not of type");
    let early = project.run(&["dlq", "replay", "--group", group, "--mode", "as-captured"]).code(1);
    early.notes("there was a payload to send");
    project.write("data/customers.csv", &customers(1..=9));
    let run = project.json(&["dlq", "replay", "--group", group, "--rate", "100"]);
    assert_eq!((run["type"].as_str(), run["rows_created"].as_u64()), (Some("replay"), Some(2)));
    assert_eq!(project.delivered(), (1..=9).collect::<Vec<_>>());
    let none = project.run(&["dlq", "replay", "--all", "--sync", "crm.contact"]).code(2);
    none.notes("there are no such dead letters");
    project.run(&["retry", "last"]).code(2).notes("a replay is not retried");
}

#[test]
fn letters_are_ignored_reopened_and_resolved_by_hand() {
    let (project, id) = project_with_a_letter();
    let too_long = "x".repeat(501);
    project.run(&["dlq", "ignore", &id, "--reason", &too_long]).code(2).notes("at most 500 characters");
    project.run(&["dlq", "ignore", &id, "--reason", "its customer left"]).code(0).says("ignored");
    project.run(&["dlq", "show", &id]).code(0).says("its customer left");
    let run = project.json(&["run", "crm.contact"]);
    assert_eq!((run["rows_failed"].as_u64(), run["skipped"]["ignored"].as_u64()), (Some(0), Some(1)));
    assert_eq!(project.json(&["dlq", "list"])["pagination"]["total"], 0);
    assert_eq!(project.json(&["dlq", "list", "--is", "ignored"])["pagination"]["total"], 1);
    project.run(&["dlq", "list", "--is", "lost"]).code(2).notes("the states are open, replaying");
    project.run(&["dlq", "reopen", &id]).code(0).says("open again");
    project.run(&["dlq", "reopen", &id]).code(1).notes("is open, not ignored");
    project.run(&["dlq", "resolve", "--all", "--sync", "crm.contact"]).code(0).says("resolved by hand");
    assert_eq!(project.json(&["dlq", "show", &id])["state"], "resolved_user");
    project.run(&["dlq", "resolve", "--all"]).code(2);
}
