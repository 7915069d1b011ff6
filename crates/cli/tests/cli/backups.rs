//! A state that is lost and brought back.

use crate::fixture::{Project, customers};

#[test]
fn a_lost_state_is_brought_back_and_appends_nothing_twice() {
    let project = Project::with_contacts("append", "");
    project.run(&["backup", "early.tar.zst"]).code(2).notes("there is no state");
    project.run(&["run", "crm.contact"]).code(0).says("5 created");
    project.run(&["backup", "state.tar.zst"]).code(0).says("1 sync, 1 run").says("encryption.key");
    project.run(&["backup", "state.tar.zst"]).code(1).notes("exists already");
    project.write("data/customers.csv", &customers(1..=7));
    project.run(&["run", "crm.contact"]).code(0).says("2 created");

    project.run(&["restore", "state.tar.zst"]).code(1).notes("is not empty");
    std::fs::remove_dir_all(project.path(".syncline")).unwrap();
    project.run(&["restore", "state.tar.zst"]).code(0).says("1 sync, 1 run");
    project.run(&["run", "crm.contact"]).code(4).says("restored from a backup");
    assert_eq!(project.delivered(), [1, 2, 3, 4, 5, 6, 7]);
    project.run(&["reject", "last"]).code(0);
}

#[test]
fn a_mirror_goes_on_from_a_backup_without_asking() {
    let project = Project::with_contacts("mirror", "");
    project.run(&["run", "crm.contact"]).code(0);
    project.run(&["backup", "state"]).code(0);
    project.write("data/customers.csv", &customers(1..=7));
    project.run(&["run", "crm.contact"]).code(0);
    project.run(&["restore", "state", "--replace"]).code(0);
    project.run(&["run", "crm.contact"]).code(0);
    assert_eq!(project.delivered(), [1, 2, 3, 4, 5, 6, 7]);
    project.run(&["run", "crm.contact"]).code(0).says("nothing to write");

    let elsewhere = project.json(&["restore", "state", "--into", "other"]);
    assert_eq!(elsewhere["rows"]["syncs"], 1);
    assert!(project.path("other/state.db").is_file());
}
