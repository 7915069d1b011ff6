//! The JSON that clients in the field depend on.

use serde_json::{Value, json};

use crate::fixture::{Project, customers};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

const RUN_KEYS: [&str; 23] = [
    "id",
    "sync_id",
    "status",
    "trigger",
    "started_at",
    "completed_at",
    "duration_seconds",
    "rows_processed",
    "rows_created",
    "rows_updated",
    "rows_deleted",
    "rows_failed",
    "type",
    "outcome",
    "phase",
    "rows_skipped",
    "rows_not_attempted",
    "rows_delete_failed",
    "dry_run",
    "correlation_id",
    "retry_of",
    "partially_written",
    "error",
];

#[test]
fn the_list_of_runs_has_the_fixed_shape() {
    let project = Project::with_contacts("upsert", "");
    assert_eq!(
        project.json(&["runs"]),
        json!({ "data": [], "pagination": { "page": 1, "per_page": 20, "total": 0 } })
    );
    project.run(&["plan", "crm.contact"]).code(0);
    project.run(&["run", "crm.contact"]).code(0);
    let list = project.json(&["runs", "crm.contact"]);
    assert_eq!(keys(&list), ["data", "pagination"]);
    assert_eq!(list["pagination"], json!({ "page": 1, "per_page": 20, "total": 2 }));
    let run = &list["data"][0];
    assert_eq!(keys(run)[..23], RUN_KEYS);
    assert_eq!(keys(run)[23..], ["created_at", "run_at", "end_reason", "config_hash", "limited"]);
    assert!(run["id"].as_str().unwrap().starts_with("run_"));
    assert!(run["started_at"].as_str().unwrap().ends_with('Z'));
    assert!(run["duration_seconds"].is_u64());
    let expected = json!({ "sync_id": "crm.contact", "status": "completed", "trigger": "cli", "type": "sync",
        "outcome": "completed", "phase": null, "rows_processed": 5, "rows_created": 5, "rows_updated": 0,
        "rows_deleted": 0, "rows_failed": 0, "rows_skipped": 0, "dry_run": false, "retry_of": null,
        "partially_written": false, "error": null });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(run[key], *value, "{key}");
    }
    assert_eq!(list["data"][1]["dry_run"], true);
    let page = project.json(&["runs", "--limit", "1", "--page", "2"]);
    assert_eq!(page["pagination"], json!({ "page": 2, "per_page": 1, "total": 2 }));
    assert_eq!(page["data"][0]["id"], list["data"][1]["id"]);
    assert_eq!(project.json(&["runs", "--type", "test"])["pagination"]["total"], 1);
    assert_eq!(project.json(&["runs", "--status", "failed"])["pagination"]["total"], 0);
}

#[test]
fn one_run_has_the_fields_of_the_list_and_more() {
    let project = Project::with_contacts("upsert", "");
    project.run(&["run", "crm.contact"]).code(0);
    let run = project.json(&["runs", "show", "last"]);
    assert_eq!(keys(&run)[..23], RUN_KEYS);
    let mut durations = keys(&run["durations"]);
    durations.sort_unstable();
    let expected =
        ["change_detection", "destination_writes", "finalization", "processing", "query", "waiting"];
    assert_eq!(durations, expected);
    for key in ["timeline", "api_calls", "api_call_seconds", "performance", "options", "guards"] {
        assert!(!run[key].is_null(), "{key}");
    }
    let short = &run["id"].as_str().unwrap()[..20];
    assert_eq!(project.json(&["runs", "show", short])["id"], run["id"]);
}

#[test]
fn errors_have_the_fixed_shape() {
    let project = Project::with_contacts("upsert", "");
    project.write("data/customers.csv", &customers(1..=3).replace("2.50", "much"));
    project.run(&["run", "crm.contact"]).code(3);
    let errors = project.json(&["errors", "last"]);
    assert_eq!(keys(&errors), ["data", "total_errors", "page", "per_page"]);
    assert_eq!(
        (&errors["total_errors"], &errors["page"], &errors["per_page"]),
        (&1.into(), &1.into(), &100.into())
    );
    let error = &errors["data"][0];
    assert_eq!(keys(error), ["row_id", "field", "message", "raw_value", "code", "stage", "letter_id"]);
    assert_eq!(
        (&error["row_id"], &error["field"], &error["raw_value"]),
        (&"2".into(), &"mrr".into(), &"much".into())
    );
}

#[test]
fn a_composite_key_is_a_json_array_in_a_string() {
    let project = Project::with_contacts("upsert", "");
    let yaml = crate::fixture::contacts("upsert", "").replace("key: id", "key: [email, id]");
    project.write("syncs/crm.yaml", &yaml);
    project.write("data/customers.csv", &customers([7]).replace("7.50", "x"));
    project.run(&["run", "crm.contact"]).code(1);
    let errors = project.json(&["errors", "last"]);
    let row_id: Value = serde_json::from_str(errors["data"][0]["row_id"].as_str().unwrap()).unwrap();
    assert_eq!(row_id.as_array().unwrap().len(), 2, "{errors}");
}

#[test]
fn errors_of_commands_are_json_on_stderr() {
    let project = Project::new();
    let ran = project.run(&["run", "crm.kontact", "--output", "json"]).code(2);
    let error = ran.error();
    assert_eq!(keys(&error), ["code", "message", "help"]);
    assert_eq!(error["code"], "not_found");
    project.write("syncs/crm.yaml", "instance: crm\nsorce: warehouse\n");
    let ran = project.run(&["run", "crm.contact", "--output", "json"]).code(2);
    assert_eq!(ran.error()["code"], "invalid_config");
    assert!(!ran.error()["problems"].as_array().unwrap().is_empty());
    let problems = project.json(&["validate"]);
    let first = &problems.as_array().unwrap()[0];
    assert_eq!(first["file"], "syncs/crm.yaml");
    for key in ["code", "severity", "line", "column", "message"] {
        assert!(!first[key].is_null(), "{key}");
    }
}
