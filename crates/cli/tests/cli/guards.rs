//! Held runs: why, and the two ways on.

use crate::fixture::{Project, customers};

/// A mirror of five records whose source lost three of them.
fn project_about_to_delete() -> Project {
    let project = Project::with_contacts("mirror", "    guards: { max_deletes: 1 }\n");
    project.run(&["run", "crm.contact"]).code(0);
    project.write("data/customers.csv", &customers(1..=2));
    project
}

#[test]
fn a_held_run_says_why_and_writes_only_when_approved() {
    let project = project_about_to_delete();
    project.run(&["plan", "crm.contact"]).code(0).says("would be held: max_deletes").says("- delete 3");
    let held = project.run(&["run", "crm.contact"]).code(4).says("Held by 1 guard").says("3 to delete");
    let held = held.says("max_deletes 3 removals planned").says("for example").says("syncline approve run_");
    assert_eq!(project.delivered().len(), 5, "{held:#?}");
    project.run(&["status"]).code(0).says("‖ held crm.contact").says("syncline reject run_");
    project.run(&["retry", "last"]).code(1).notes("is held");
    project.run(&["runs", "show", "last"]).code(0).says("planned, nothing written").says("‖ max_deletes");
    project.run(&["approve", "last"]).code(0).says("3 deleted");
    assert_eq!(project.delivered(), [1, 2]);
    project.run(&["approve", "last"]).code(1).notes("error[conflict]");
}

#[test]
fn a_rejected_run_changes_nothing() {
    let project = project_about_to_delete();
    project.run(&["run", "crm.contact"]).code(4);
    project.run(&["reject", "last"]).code(0).says("nothing was written");
    assert_eq!(project.delivered().len(), 5);
    let run = project.json(&["runs", "show", "last"]);
    assert_eq!((&run["status"], &run["outcome"]), (&"cancelled".into(), &"cancelled".into()));
    project.run(&["runs"]).code(0).says("cancelled (rejected)");
    let shown = project.run(&["runs", "show", "last"]).code(0).says("3 deletes were planned and not done");
    assert!(!shown.stdout.contains("error["), "a person's decision is no error: {shown:#?}");
    project.run(&["run", "crm.contact"]).code(4);
    project.run(&["cancel", "last"]).code(0).says("cancelled run_");
    project.run(&["cancel", "last"]).code(1).notes("there is nothing to cancel");
}

#[test]
fn an_approval_of_an_older_definition_is_stale() {
    let project = project_about_to_delete();
    project.run(&["run", "crm.contact"]).code(4);
    project.write("syncs/crm.yaml", &crate::fixture::contacts("mirror", "    guards: { max_deletes: 2 }\n"));
    project.run(&["approve", "last"]).code(6).notes("error[stale_plan]");
    assert_eq!(project.delivered().len(), 5);
}
