//! Seeds and reseeds; activation.

use crate::fixture::{Project, customers};

#[test]
fn a_reseed_needs_the_id_exports_first_and_writes_anew() {
    let project = Project::with_contacts("upsert", "");
    project.run(&["seed", "crm.contact"]).code(0).says("5 created");
    project.write("data/customers.csv", &customers(4..=6));

    let unconfirmed = project.run(&["seed", "crm.contact", "--reseed"]).code(2);
    unconfirmed.notes("was not confirmed").notes("--reseed --confirm crm.contact");
    project
        .run(&["seed", "crm.contact", "--reseed", "--confirm", "crm.contract"])
        .code(2)
        .notes("crm.contract");
    assert_eq!(project.delivered(), [1, 2, 3, 4, 5], "nothing without confirmation");

    let reseeded = project.run(&["seed", "crm.contact", "--reseed", "--confirm", "crm.contact"]).code(0);
    reseeded.says("5 known records were exported to");
    assert_eq!(project.delivered(), [4, 5, 6]);
    let exports: Vec<_> = std::fs::read_dir(project.path(".syncline/exports")).unwrap().collect();
    let text = std::fs::read_to_string(exports[0].as_ref().unwrap().path()).unwrap();
    let mut records: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    records.sort_by_key(|r| r["row_id"].to_string());
    assert_eq!((exports.len(), records.len()), (1, 5));
    assert_eq!(records[0]["row_id"], "1");
    assert_eq!(records[0]["state"], "delivered");
    assert_eq!(records[0]["fields"]["email"], "user1@example.com");
}

#[test]
fn activation_is_state_that_commands_change() {
    let project = Project::new();
    project.run(&["activate", "crm.contact"]).code(0).says("is active").notes("syncline seed crm.contact");
    project.run(&["activate", "crm.contact"]).code(0).says("was active already");
    assert_eq!(project.json(&["status"])["data"][0]["state"], "active");
    project.run(&["deactivate", "crm.contact"]).code(0).says("is inactive");
    assert_eq!(project.json(&["activate", "crm.contact"])["state"], "active");
}

#[test]
fn a_retry_is_a_new_run_linked_to_the_old_one() {
    let project = Project::with_contacts("upsert", "");
    project.run(&["run", "crm.contact", "--source-ids", "1", "--type", "one_time"]).code(0);
    let first = project.json(&["runs", "show", "last"]);
    project.run(&["retry", "last"]).code(0).says("5 rows read, 4 created");
    let second = project.json(&["runs", "show", "last"]);
    assert_eq!(second["retry_of"], first["id"]);
    assert_eq!(second["type"], "one_time");
    assert_eq!(second["options"]["source_ids"], serde_json::json!([]));
}
