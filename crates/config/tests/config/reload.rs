//! Noticing that files changed, and what that means.

use std::path::Path;

use serde_json::json;
use syncline_config::{
    Fingerprint, MadeObjects, NameChanges, ObjectKind, ObjectName, Project, SyncChange, export, load_watched,
};

use crate::fixture::{CONNECTIONS, Folder, id, registry};

const INSTANCE: &str = "instance: crm\nsource: warehouse\ntarget: crm\nentities:\n  contact:\n    \
    model: { sql_file: models/c.sql, key: id }\n    to: { object: contact }\n    excluded_keys: { file: skip.txt }\n  \
    account:\n    model: { sql: select 1 as id, key: id }\n    to: { object: account, match: id }\n    schedule: { every: 15m }\n";

fn folder() -> Folder {
    Folder::new()
        .file(
            "syncline.yaml",
            format!("{CONNECTIONS}lookups: {{ c: {{ file: l/c.csv, key: a, value: b }} }}\n"),
        )
        .file("syncs/crm.yaml", INSTANCE)
        .file("models/c.sql", "select * from c")
        .file("skip.txt", "1\n")
        .file("l/c.csv", "a,b\n")
}

fn watched(folder: &Folder, environment: Option<&str>) -> (bool, Fingerprint) {
    let (loaded, fingerprint) = load_watched(folder.path(), environment, &registry());
    (loaded.is_ok(), fingerprint)
}

fn write(folder: &Folder, name: &str, text: &str) {
    std::fs::write(folder.path().join(name), text).unwrap();
}

#[test]
fn every_file_that_a_project_is_read_from_is_watched() {
    let folder = folder().file("syncline.prod.yaml", "settings: { state: x }\n");
    let (good, mut seen) = watched(&folder, Some("prod"));
    assert!(good && !seen.changed());
    let files: Vec<String> = seen.files().map(str::to_string).collect();
    assert_eq!(
        files,
        ["l/c.csv", "models/c.sql", "skip.txt", "syncline.prod.yaml", "syncline.yaml", "syncs/crm.yaml"]
    );
    for name in files {
        let path = folder.path().join(&name);
        let text = std::fs::read_to_string(&path).unwrap();
        write(&folder, &name, &format!("{text}\n"));
        assert!(seen.changed(), "{name} was changed");
        assert!(!seen.changed(), "{name} was changed once");
        std::fs::remove_file(&path).unwrap();
        assert!(seen.changed(), "{name} was removed");
        write(&folder, &name, &text);
        assert!(seen.changed(), "{name} came back");
        assert!(!seen.changed());
    }
    write(&folder, "syncs/new.yaml", "");
    assert!(seen.changed() && !seen.changed());
    write(&folder, "syncs/notes.txt", "");
    write(&folder, "unrelated.yaml", "");
    assert!(!seen.changed());
}

#[test]
fn a_file_written_again_as_it_was_has_not_changed() {
    let folder = folder();
    let (_, mut seen) = watched(&folder, None);
    assert!(!seen.changed());
    write(&folder, "syncs/crm.yaml", INSTANCE);
    assert!(!seen.changed());
}

#[test]
fn a_change_right_after_reading_is_noticed_whatever_the_file_looks_like() {
    let folder = folder();
    let path = folder.path().join("skip.txt");
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let (_, mut seen) = watched(&folder, None);
    write(&folder, "skip.txt", "2\n");
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    assert!(seen.changed());
}

#[test]
fn what_a_broken_project_waits_for_is_watched_too() {
    let folder = folder();
    std::fs::remove_file(folder.path().join("models/c.sql")).unwrap();
    let (good, mut seen) = watched(&folder, Some("later"));
    assert!(!good && !seen.changed());
    write(&folder, "syncline.later.yaml", "{}\n");
    assert!(seen.changed());
    write(&folder, "models/c.sql", "select 1");
    assert!(seen.changed());
    assert!(watched(&folder, Some("later")).0);
}

#[test]
fn a_path_out_of_the_folder_is_not_looked_at() {
    let folder = Folder::with_entity("    excluded_keys: { file: ../../etc/passwd }");
    let (good, seen) = watched(&folder, None);
    assert!(!good);
    assert!(seen.files().all(|file| !Path::new(file).starts_with("..")));
}

fn diff(before: &Project, folder: &Folder) -> syncline_config::Changes {
    before.diff(&folder.project())
}

#[test]
fn a_difference_says_what_is_different() {
    let folder = folder();
    let before = folder.project();
    assert!(diff(&before, &folder).is_empty());
    // Where it is written, tags and first activation are no part of what a sync does.
    write(
        &folder,
        "syncs/crm.yaml",
        &format!("# a comment\n{INSTANCE}    tags: [nightly]\n    active: true\n"),
    );
    assert!(diff(&before, &folder).is_empty());

    write(&folder, "syncs/crm.yaml", &INSTANCE.replace("every: 15m", "every: 20m"));
    let change = |schedule, definition| [SyncChange { id: id("crm.account"), schedule, definition }];
    assert_eq!(diff(&before, &folder).changed, change(true, false));
    write(&folder, "syncs/crm.yaml", &INSTANCE.replace("select 1 as id", "select 2 as id"));
    assert_eq!(diff(&before, &folder).changed, change(false, true));
    write(&folder, "syncs/crm.yaml", &INSTANCE.replace("account:", "accounts:"));
    let changes = diff(&before, &folder);
    assert_eq!((changes.added, changes.removed), (vec![id("crm.accounts")], vec![id("crm.account")]));
    write(&folder, "syncs/crm.yaml", INSTANCE);

    let project = std::fs::read_to_string(folder.path().join("syncline.yaml")).unwrap();
    let notice = "notifications: [{ channel: slack, url: \"${env:S}\" }]\n";
    let project = project
        .replace("  crm: {", "  crm: { port: 7,")
        .replace("connections:", "connections:\n  more: { type: feed, path: x }");
    write(
        &folder,
        "syncline.yaml",
        &format!("{project}{notice}settings: {{ server: {{ max_concurrent_runs: 9 }} }}\n"),
    );
    let changes = diff(&before, &folder);
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    assert_eq!(
        changes.connections,
        NameChanges { added: names(&["more"]), removed: vec![], changed: names(&["crm"]) }
    );
    assert_eq!(changes.notifications.added, ["slack"]);
    assert!(changes.settings && changes.changed.is_empty());
}

#[test]
fn an_exported_object_is_a_file_that_means_the_same() {
    let connection = json!({ "type": "postgres", "url": "postgres://u:p@h/d", "description": "a: b",
        "max_concurrent_runs": 2, "headers": { "Authorization": "x", "X": "$${y}" }, "verify": false });
    let instance = json!({ "instance": "api", "source": "made", "target": "made", "entities": { "contact": {
        "model": { "sql": "select *\nfrom customers\n", "key": "id" }, "to": { "object": "c", "match": "id" },
        "mapping": { "id": "id", "email": { "value": "lower(email)", "nulls": "skip" } } } } });
    let notification = json!({ "channel": "slack", "url": "https://x/y", "error_rate": "1.5%" });
    let made = MadeObjects {
        connections: [("made".to_string(), connection)].into(),
        instances: [("api".to_string(), instance)].into(),
        notifications: [("ops".to_string(), notification)].into(),
    };
    let empty = Folder::new().file("syncline.yaml", "connections: {}\n").project();
    let loaded = empty.with_made(&registry(), &made);
    assert!(loaded.left_out.is_empty(), "{:?}", loaded.left_out);
    let written = |kind, name: &str| {
        let object = ObjectName::new(kind, name);
        let stored = export(&object, made.get(&object).unwrap(), &registry());
        // What a project tells of an object exports alike.
        let shown = export(&object, &loaded.project.document(&object).unwrap(), &registry());
        assert_eq!(shown.variables, stored.variables);
        stored
    };
    let connection = written(ObjectKind::Connection, "made");
    assert_eq!(connection.variables, ["MADE_URL_PASSWORD", "MADE_HEADERS_AUTHORIZATION"]);
    assert!(
        connection.yaml.contains("url: \"postgres://u:${env:MADE_URL_PASSWORD}@h/d\""),
        "{}",
        connection.yaml
    );
    let notification = written(ObjectKind::Notification, "ops");
    assert_eq!(notification.variables, ["OPS_URL"]);
    let instance = written(ObjectKind::Instance, "api");
    assert_eq!((instance.file.as_str(), connection.file.as_str()), ("syncs/api.yaml", "syncline.yaml"));

    let folder = Folder::new()
        .file("syncline.yaml", format!("{}{}", connection.yaml, notification.yaml))
        .file(&instance.file, &instance.yaml);
    let project = folder.project();
    assert!(project.warnings.is_empty(), "{:?}", project.warnings);
    let changes = loaded.project.diff(&project);
    assert_eq!((changes.added.len(), changes.removed.len(), changes.changed.len()), (0, 0, 0));
    // Only the secrets are elsewhere.
    let secrets = crate::fixture::FakeSecrets {
        variables: [("MADE_URL_PASSWORD", "p"), ("MADE_HEADERS_AUTHORIZATION", "x")].into(),
        ..Default::default()
    };
    let options = project.connection("made", &secrets).unwrap().options;
    assert_eq!(options, loaded.project.connection("made", &secrets).unwrap().options);
    assert_eq!(project.notifications[0].error_rate, Some(1.5));
}
