//! Overlays of environments.

use crate::fixture::{CONNECTIONS, FakeSecrets, Folder};

const INSTANCE: &str = "instance: crm\nsource: warehouse\ntarget: crm\nentities:\n  contact:\n    \
    model: { table: c, key: id }\n    to: { object: c }\n";

fn folder(overlay: &str) -> Folder {
    Folder::new()
        .file("syncline.yaml", CONNECTIONS)
        .file("syncs/crm.yaml", INSTANCE)
        .file("syncline.prod.yaml", overlay)
}

#[test]
fn an_overlay_is_merged_deeply_and_has_its_own_state() {
    let folder = folder("connections:\n  crm: { max_concurrent_runs: 4 }\ndefaults: { batch_size: 7 }\n");
    let project = folder.load_as(Some("prod")).unwrap();
    assert_eq!(project.environment.as_deref(), Some("prod"));
    assert_eq!(project.connections["crm"].max_concurrent_runs, Some(4));
    assert_eq!(project.connections["crm"].options["url"], "${env:CRM_URL}");
    assert_eq!(project.syncs[0].batch_size, Some(7));
    assert_eq!(project.settings.state.to_str(), Some(".syncline/environments/prod"));

    let plain = folder.load_as(None).unwrap();
    assert_eq!(plain.connections["crm"].max_concurrent_runs, None);
    assert_eq!(plain.settings.state.to_str(), Some(".syncline"));
}

#[test]
fn a_connection_of_another_type_replaces_the_one_below() {
    let folder =
        folder("connections:\n  crm: { type: folder, path: out }\nsettings: { state: /srv/state }\n");
    let project = folder.load_as(Some("prod")).unwrap();
    let options: Vec<&String> = project.connections["crm"].options.keys().collect();
    assert_eq!(options, ["path"]);
    assert_eq!(project.settings.state.to_str(), Some("/srv/state"));
}

#[test]
fn positions_point_into_the_file_where_a_value_is_written() {
    let problems = folder("connections:\n  crm:\n    prot: 5432\n").load_as(Some("prod")).unwrap_err().0;
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].to_string(), "syncline.prod.yaml:3:5: unknown key 'prot'");

    let folder = folder("connections:\n  crm:\n    url: \"${env:PROD_URL}\"\n");
    let project = folder.load_as(Some("prod")).unwrap();
    let error = project.connection("crm", &FakeSecrets::default()).unwrap_err();
    assert!(error.message.contains("syncline.prod.yaml:3"), "{error}");
}

#[test]
fn an_unknown_environment_is_never_ignored() {
    let problems = folder("").load_as(Some("prdo")).unwrap_err().0;
    assert_eq!(problems[0].code, "unknown_environment");
    assert_eq!(problems[0].help.as_deref(), Some("did you mean 'prod'?"));
    assert_eq!(folder("").load_as(Some("../x")).unwrap_err().0[0].code, "unknown_environment");
    // An empty overlay changes nothing.
    assert!(folder("").load_as(Some("prod")).is_ok());
}
