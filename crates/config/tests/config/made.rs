//! Objects made through the API, beside files.

use std::path::Path;

use serde_json::{Value, json};
use syncline_config::{
    LeftOut, Loaded, MadeObjects, ObjectKind, ObjectName, Origin, Project, Severity, load_with,
};

use crate::fixture::{CONNECTIONS, FakeSecrets, Folder, id, registry};

const FILE_INSTANCE: &str = "instance: files\nsource: warehouse\ntarget: crm\nentities:\n  contact:\n    \
    model: { table: customers, key: id }\n    to: { object: contact }\n";

fn folder() -> Folder {
    Folder::new().file("syncline.yaml", CONNECTIONS).file("syncs/files.yaml", FILE_INSTANCE)
}

fn instance(name: &str) -> Value {
    json!({ "instance": name, "source": "warehouse", "target": "made", "entities": {
        "contact": { "model": { "table": "customers", "key": "id" }, "to": { "object": "contact" } } } })
}

fn made() -> MadeObjects {
    MadeObjects {
        connections: [("made".to_string(), json!({ "type": "postgres", "host": "db", "port": 5432 }))].into(),
        instances: [("api".to_string(), instance("api"))].into(),
        notifications: [("ops".to_string(), json!({ "channel": "slack", "url": "https://x/" }))].into(),
    }
}

fn loaded(made: &MadeObjects) -> Loaded {
    load_with(folder().path(), None, &registry(), made).unwrap()
}

fn left_out(loaded: &Loaded) -> Vec<String> {
    loaded.left_out.iter().map(|out| out.object.to_string()).collect()
}

fn only(left_out: &[LeftOut]) -> Vec<(&str, &str, &str)> {
    assert_eq!(left_out.len(), 1, "{left_out:?}");
    let problems = left_out[0].problems.iter();
    problems.map(|p| (p.code, p.pointer.as_deref().unwrap_or("none"), p.message.as_str())).collect()
}

fn connection(name: &str) -> ObjectName {
    ObjectName::new(ObjectKind::Connection, name)
}

#[test]
fn what_the_api_made_lives_beside_what_is_in_files() {
    let loaded = loaded(&made());
    assert!(loaded.left_out.is_empty(), "{:?}", loaded.left_out);
    let project = loaded.project;
    let ids: Vec<&str> = project.syncs.iter().map(|sync| sync.id.as_str()).collect();
    assert_eq!(ids, ["files.contact", "api.contact"]);
    assert_eq!(project.origin(&id("api.contact")), Some(Origin::Api));
    assert!(matches!(project.origin(&id("files.contact")), Some(Origin::File(place)) if place.line == 5));
    assert_eq!(project.origin(&id("api.account")), None);
    assert_eq!(project.connections["made"].place.origin(), Origin::Api);
    assert_eq!(project.connections["made"].place.to_string(), "api:connections/made:1");
    assert!(matches!(project.connections["crm"].place.origin(), Origin::File(_)));
    assert_eq!(project.instances["api"].document, instance("api"));
    assert_eq!(project.instances["api"].syncs, [id("api.contact")]);
    assert_eq!(project.instances["files"].document["entities"]["contact"]["model"]["key"], "id");
    let names: Vec<_> = project.notifications.iter().map(|n| (n.name.as_str(), n.place.origin())).collect();
    assert_eq!(names, [("ops", Origin::Api)]);
    let place = project.place(&id("api.contact"), "to.object").unwrap();
    assert_eq!(place.to_string(), "api:instances/api:12");
    // The same rules: defaults of the project hold, and the connection can be used.
    assert_eq!(project.connection("made", &FakeSecrets::default()).unwrap().options["port"], 5432);
}

#[test]
fn layers_are_replaced_not_added_up() {
    let first = loaded(&made()).project;
    let files = first.with_made(&registry(), &MadeObjects::default()).project;
    assert_eq!((files.syncs.len(), files.connections.len(), files.notifications.len()), (1, 2, 0));
    assert!(files.origin(&id("api.contact")).is_none() && files.place(&id("api.contact"), "").is_none());
    let again = files.with_made(&registry(), &made()).project;
    assert_eq!(again.syncs, first.syncs);
}

#[test]
fn project_defaults_hold_for_objects_of_the_api() {
    let folder = Folder::new()
        .file("syncline.yaml", format!("{CONNECTIONS}defaults: {{ batch_size: 7, tags: [nightly] }}\n"));
    let loaded = load_with(folder.path(), None, &registry(), &made()).unwrap();
    let sync = loaded.project.sync(&id("api.contact")).unwrap();
    assert_eq!((sync.batch_size, sync.tags.as_slice()), (Some(7), ["nightly".to_string()].as_slice()));
}

#[test]
fn a_file_of_the_same_name_wins_and_a_warning_says_so() {
    let mut made = made();
    made.set(&connection("crm"), Some(json!({ "type": "folder", "path": "x" })));
    made.set(&ObjectName::new(ObjectKind::Instance, "files"), Some(instance("files")));
    let loaded = loaded(&made);
    assert_eq!(left_out(&loaded), ["connections/crm", "instances/files"]);
    assert!(loaded.left_out.iter().all(|out| out.shadowed));
    assert_eq!(loaded.project.connections["crm"].type_name, "postgres");
    assert_eq!(loaded.project.sync(&id("files.contact")).unwrap().target, "crm");
    let warning = &loaded.problems_of(&connection("crm"))[0];
    assert_eq!((warning.code, warning.severity), ("shadowed", Severity::Warning));
    assert_eq!(warning.message, "syncline.yaml:3 defines the connection 'crm' too, and files win");
    assert_eq!(loaded.project.warnings.iter().filter(|w| w.code == "shadowed").count(), 2);
}

#[test]
fn a_broken_object_is_left_out_with_what_needs_it_and_nothing_else() {
    let mut made = made();
    made.set(&connection("bad"), Some(json!({ "type": "postgres", "prot": 1 })));
    let mut needs_it = instance("needs");
    needs_it["target"] = "bad".into();
    made.set(&ObjectName::new(ObjectKind::Instance, "needs"), Some(needs_it));
    let mut after = instance("after");
    after["entities"]["contact"]["schedule"] = json!({ "after": "needs.contact" });
    made.set(&ObjectName::new(ObjectKind::Instance, "after"), Some(after));
    let loaded = loaded(&made);
    assert_eq!(left_out(&loaded), ["connections/bad", "instances/needs", "instances/after"]);
    let problem = &loaded.left_out[0].problems[0];
    assert_eq!((problem.file.as_str(), problem.line), ("api:connections/bad", 3));
    assert_eq!(problem.pointer.as_deref(), Some("/prot"));
    assert_eq!(problem.help.as_deref(), Some("did you mean 'port'?"));
    assert!(problem.render(100, false).contains("\"prot\": 1"), "{}", problem.render(100, false));
    assert_eq!(loaded.left_out[1].problems[0].code, "broken_connection");
    let after = &loaded.left_out[2].problems[0];
    assert_eq!(
        (after.code, after.pointer.as_deref()),
        ("broken_sync", Some("/entities/contact/schedule/after"))
    );
    assert!(loaded.project.sync(&id("api.contact")).is_some());
}

#[test]
fn what_a_change_would_break_is_told() {
    let before = loaded(&made());
    let mut changed = made();
    changed.set(&connection("made"), None);
    let after = before.project.with_made(&registry(), &changed);
    let broken = after.broken_since(&before.left_out);
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].object.to_string(), "instances/api");
    assert_eq!(broken[0].problems[0].code, "unknown_connection");
}

#[test]
fn every_problem_of_an_object_is_told_at_once_with_its_pointer() {
    let project = loaded(&made()).project;
    let mut document = instance("other");
    document["entities"]["contact"]["write_mode"] = "upsrt".into();
    document["entities"]["contact"]["lookback"] = "5m".into();
    document["entities"]["a/b"] = json!({ "model": { "table": "t" }, "to": {} });
    document["source"] = "warehose".into();
    let object = ObjectName::new(ObjectKind::Instance, "new");
    let problems = project.check_made(&registry(), &made(), &object, &document);
    let mut found: Vec<_> = problems.iter().map(|p| (p.pointer.as_deref().unwrap(), p.code)).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("/entities/a~1b/model", "missing_key"),
            ("/entities/a~1b/to", "missing_key"),
            ("/entities/contact/write_mode", "invalid_value"),
            ("/instance", "invalid_value"),
            ("/source", "unknown_connection"),
        ]
    );
    let text = serde_json::to_value(&problems).unwrap();
    assert_eq!(text[0]["file"], "api:instances/new");
    assert!(project.check_made(&registry(), &made(), &object, &instance("new")).is_empty());
    let wrong = project.check_made(&registry(), &made(), &object, &json!([1]));
    assert_eq!((wrong[0].code, wrong[0].pointer.as_deref()), ("wrong_type", Some("")));
}

#[test]
fn syncs_of_the_api_are_checked_against_each_other_and_against_files() {
    let chain = |name: &str, after: &str| {
        let mut document = instance(name);
        document["entities"]["contact"]["schedule"] = json!({ "after": after });
        document
    };
    let mut made = made();
    made.instances.insert("a".into(), chain("a", "b.contact"));
    made.instances.insert("b".into(), chain("b", "a.contact"));
    made.instances.insert("c".into(), chain("c", "files.contact"));
    made.instances.insert("d".into(), chain("d", "nobody.contact"));
    made.instances.insert("e".into(), chain("e", "d.contact"));
    made.instances.insert("f".into(), chain("f", "e.contact"));
    let loaded = self::loaded(&made);
    let mut codes: Vec<_> =
        loaded.left_out.iter().map(|out| (out.object.name.as_str(), out.problems[0].code)).collect();
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            ("a", "cycle"),
            ("b", "broken_sync"),
            ("d", "unknown_sync"),
            ("e", "broken_sync"),
            ("f", "broken_sync")
        ]
    );
    let order: Vec<&str> = loaded.project.syncs.iter().map(|sync| sync.id.as_str()).collect();
    assert_eq!(order, ["files.contact", "api.contact", "c.contact"]);
}

#[test]
fn a_file_that_took_over_a_sync_of_the_api_wins() {
    let folder = folder()
        .file("syncs/files.yaml", FILE_INSTANCE.replace("    to:", "    renamed_from: api.contact\n    to:"));
    let loaded = load_with(folder.path(), None, &registry(), &made()).unwrap();
    assert_eq!(only(&loaded.left_out)[0].0, "renamed");
    assert_eq!(only(&loaded.left_out)[0].1, "/entities/contact");
}

#[test]
fn a_connection_of_a_file_that_only_the_api_uses_is_not_called_unused() {
    let folder = Folder::new().file("syncline.yaml", CONNECTIONS);
    let warned = |project: &Project| -> Vec<usize> { project.warnings.iter().map(|w| w.line).collect() };
    assert_eq!(warned(&folder.project()), [2, 3]);
    let loaded = load_with(folder.path(), None, &registry(), &made()).unwrap();
    assert_eq!(warned(&loaded.project), [3]);
    // Without the object the warning is there again.
    assert_eq!(warned(&loaded.project.with_made(&registry(), &MadeObjects::default()).project), [2, 3]);
}

#[test]
fn files_with_errors_are_no_project_whatever_the_api_made() {
    let folder =
        folder().file("syncs/files.yaml", FILE_INSTANCE.replace("source: warehouse", "source: made"));
    let problems = load_with(folder.path(), None, &registry(), &made()).unwrap_err();
    assert_eq!(problems.0[0].code, "unknown_connection");
}

#[test]
fn an_object_cannot_read_what_its_author_could_not() {
    let folder = folder()
        .file(
            "syncline.yaml",
            format!("{CONNECTIONS}settings: {{ server: {{ api_variables: [SHARED] }} }}\n"),
        )
        .file("private.txt", "1\n");
    for (value, refused) in [
        ("${env:SHARED}", false),
        ("${env:SYNCLINE_KEY}", true),
        ("${file:private.txt}", true),
        ("${state:made.password}", false),
        ("${state:made.pin}", true),
        ("${state:other.password}", true),
    ] {
        let mut made = made();
        made.connections.get_mut("made").unwrap()["password"] = value.into();
        let loaded = load_with(folder.path(), None, &registry(), &made).unwrap();
        let codes: Vec<_> = loaded.left_out.iter().map(|out| out.problems[0].code).collect();
        let expected: &[&str] = if refused { &["placeholder_not_allowed", "broken_connection"] } else { &[] };
        assert_eq!(codes, expected, "{value}");
    }
    let mut reads = instance("reads");
    reads["entities"]["contact"]["model"] = json!({ "sql_file": "private.txt", "key": "id" });
    reads["entities"]["contact"]["excluded_keys"] = json!({ "file": "private.txt" });
    let mut made = made();
    made.instances.insert("reads".into(), reads);
    let loaded = load_with(folder.path(), None, &registry(), &made).unwrap();
    let pointers: Vec<_> =
        only(&loaded.left_out).into_iter().map(|(code, pointer, _)| (code, pointer)).collect();
    assert_eq!(
        pointers,
        [
            ("file_not_allowed", "/entities/contact/model/sql_file"),
            ("file_not_allowed", "/entities/contact/excluded_keys/file")
        ]
    );
}

/// What is refused of a connection to these options, in a project with this setting.
fn refused(folder: &Folder, options: Value) -> Option<(&'static str, String)> {
    let mut made = MadeObjects::default();
    made.set(&connection("made"), Some(options));
    let loaded = load_with(folder.path(), None, &registry(), &made).unwrap();
    let problem = loaded.left_out.first().map(|out| out.problems[0].clone())?;
    assert!(problem.help.is_some(), "{problem:?}");
    Some((problem.code, problem.pointer.unwrap_or_default()))
}

#[test]
fn a_connection_of_the_api_names_files_of_the_project_only() {
    let elsewhere = Folder::new().file("data/secret.csv", "id\n1\n");
    let folder = folder().file("data/a.csv", "id\n1\n").file(".syncline/encryption.key", "k\n");
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
    link(&elsewhere.path().join("data"), "leads-away");
    link(&folder.path().join("data"), "stays");
    link(&elsewhere.path().join("not-yet"), "to-nothing");
    link(&folder.path().join(".syncline"), "to-the-state");
    let inside = folder.path().join("data").display().to_string();
    let outside = elsewhere.path().display().to_string();
    for path in ["data", "data/new/deeper", "data/../data", "stays", "made-later.db", &inside] {
        assert_eq!(refused(&folder, json!({ "type": "folder", "path": path })), None, "{path}");
    }
    let no = Some(("path_not_allowed", "/path".to_string()));
    for path in [
        &outside,
        "/etc",
        "..",
        "data/../../x",
        "not-yet/../../x",
        "leads-away",
        "leads-away/secret.csv",
        "to-nothing",
        // The keys and all secrets are there.
        ".syncline",
        ".syncline/encryption.key",
        "to-the-state",
        ".",
        "data/${env:SOMETHING}",
    ] {
        let found = refused(&folder, json!({ "type": "folder", "path": path }));
        assert!(found == no || path.contains("${") && found.is_some(), "{path}: {found:?}");
    }
    let url = |file: &str| json!({ "type": "postgres", "url": format!("postgres://h/d?sslrootcert={file}") });
    assert_eq!(refused(&folder, url("data/ca.pem")), None);
    assert_eq!(refused(&folder, url("%2fetc/passwd")), Some(("path_not_allowed", "/url".to_string())));
}

#[test]
fn a_project_lists_the_folders_that_connections_of_the_api_may_use() {
    let elsewhere = Folder::new().file("shared/a.csv", "id\n1\n");
    let shared = elsewhere.path().join("shared").display().to_string();
    let settings = format!("{CONNECTIONS}settings: {{ server: {{ api_paths: [\"{shared}\", data] }} }}\n");
    let folder = folder().file("syncline.yaml", settings);
    let above = elsewhere.path().display().to_string();
    for (path, allowed) in
        [(shared.as_str(), true), ("data/x", true), (&above, false), ("other", false), ("database", false)]
    {
        let found = refused(&folder, json!({ "type": "folder", "path": path }));
        assert_eq!(found.is_none(), allowed, "{path}: {found:?}");
    }
}

#[test]
fn a_notification_of_the_api_reaches_the_internet_only_unless_the_project_says_so() {
    let ops = ObjectName::new(ObjectKind::Notification, "ops");
    for (settings, reach, allowed) in [
        ("", "public", true),
        ("", "private", false),
        ("", "loopback", false),
        ("settings: { server: { api_reach: [private] } }\n", "private", true),
        ("settings: { server: { api_reach: [private] } }\n", "loopback", false),
        ("settings: { server: { api_reach: [private, loopback] } }\n", "loopback", true),
    ] {
        let folder = folder().file("syncline.yaml", format!("{CONNECTIONS}{settings}"));
        let mut made = MadeObjects::default();
        made.set(&ops, Some(json!({ "channel": "slack", "url": "https://x/", "reach": reach })));
        let loaded = load_with(folder.path(), None, &registry(), &made).unwrap();
        let found: Vec<_> = loaded.left_out.iter().map(|out| &out.problems[0]).collect();
        let found: Vec<_> = found.iter().map(|p| (p.code, p.pointer.as_deref())).collect();
        let expected = [("reach_not_allowed", Some("/reach"))];
        assert_eq!(found, if allowed { &[][..] } else { &expected[..] }, "{settings}{reach}");
    }
}

#[test]
fn a_document_beyond_the_limits_is_a_problem() {
    let deep = (0..60).fold(json!(1), |inner, _| json!({ "a": inner }));
    let mut made = made();
    made.set(&connection("deep"), Some(deep));
    let loaded = loaded(&made);
    assert_eq!(only(&loaded.left_out)[0].0, "document_too_large");
}
