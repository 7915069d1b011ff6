//! Whatever a file holds, loading ends with a project or with problems.

use proptest::prelude::*;
use serde_json::Value;
use syncline_config::{
    MadeObjects, ObjectKind, ObjectName, Project, carry_secrets, export, redact, split_secrets,
};

use crate::fixture::{CONNECTIONS, Folder, registry};

/// Pieces that YAML and the documents are made of, so that random texts reach deep.
const PIECES: [&str; 48] = [
    "\n",
    "\n  ",
    "\n    ",
    "\n      ",
    ": ",
    "- ",
    "{ ",
    " }",
    "[",
    "]",
    ", ",
    "\"",
    "'",
    "|",
    ">",
    "&a ",
    "*a",
    "<<: *a",
    "#",
    "!x ",
    "~",
    "---\n",
    "?",
    "instance",
    "source",
    "target",
    "entities",
    "model",
    "key",
    "to",
    "object",
    "match",
    "mapping",
    "schedule",
    "every",
    "guards",
    "connections",
    "type",
    "postgres",
    "15m",
    "10%",
    "true",
    "id",
    "${env:X}",
    "$${",
    "ü",
    "\t",
    "\u{feff}",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60).prop_map(|pieces| pieces.concat())
}

fn ends(project: impl AsRef<[u8]>, instance: impl AsRef<[u8]>) {
    let folder = Folder::new().file("syncline.yaml", project).file("syncs/a.yaml", instance);
    if let Err(problems) = folder.load_as(None) {
        assert!(!problems.0.is_empty());
        for problem in problems.0 {
            assert!(problem.line >= 1 && problem.column >= 1);
            assert!(!problem.render(80, true).is_empty());
        }
    }
}

/// Keys and values that documents of the API are made of.
const KEYS: [&str; 24] = [
    "type", "url", "host", "password", "headers", "auth", "token", "channel", "secret", "name", "events",
    "instance", "source", "target", "entities", "contact", "model", "table", "key", "to", "object", "match",
    "a/b~c}", "ü.",
];
const VALUES: [&str; 20] = [
    "postgres",
    "folder",
    "slack",
    "webhook",
    "warehouse",
    "crm",
    "x",
    "id",
    "",
    "${env:X}",
    "${state:x.password}",
    "${state:y.url}",
    "$${",
    "${",
    "postgres://u:canary@h/d",
    "https://h/?token=canary",
    "https://u:${state:x.url.password}@h/",
    "https://u:***@h/",
    "15m",
    "bearer",
];

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        prop::sample::select(&VALUES[..]).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let entry = (prop::sample::select(&KEYS[..]).prop_map(str::to_string), inner.clone());
        prop_oneof![
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
            3 => prop::collection::vec(entry, 0..8).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn files() -> Project {
    Folder::new().file("syncline.yaml", CONNECTIONS).project()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_document_of_the_api_is_taken_or_left_out_and_its_secrets_stay_apart(document in json(), next in json()) {
        let files = files();
        for kind in [ObjectKind::Connection, ObjectKind::Instance, ObjectKind::Notification] {
            let object = ObjectName::new(kind, "x");
            let stored = split_secrets(&object, &document, &registry());
            prop_assert!(split_secrets(&object, &stored.document, &registry()).secrets.is_empty());
            let mut made = MadeObjects::default();
            made.set(&object, Some(stored.document.clone()));
            let loaded = files.with_made(&registry(), &made);
            prop_assert_eq!(loaded.left_out.is_empty(), loaded.project.document(&object).is_some());
            for problem in loaded.problems_of(&object) {
                let pointer = problem.pointer.as_deref().unwrap_or_default();
                prop_assert!(made.get(&object).unwrap().pointer(pointer).is_some(), "{}", pointer);
                prop_assert!(!problem.render(80, false).is_empty());
            }
            let shown = redact(&object, &document, &registry());
            if kind != ObjectKind::Instance && document.is_object() {
                for mut text in [stored.document, shown.document] {
                    // Neither a connection's type nor a document that is no object is ever a secret.
                    text.as_object_mut().unwrap().remove("type");
                    prop_assert!(!text.to_string().contains("canary"), "{}", text);
                }
            }
            let _ = carry_secrets(&object, made.get(&object).unwrap(), &next, &registry());
            prop_assert!(!export(&object, &document, &registry()).yaml.is_empty());
        }
    }

    #[test]
    fn any_bytes_end_without_a_panic(project in prop::collection::vec(any::<u8>(), 0..300), instance in prop::collection::vec(any::<u8>(), 0..300)) {
        ends(project, instance);
    }

    #[test]
    fn any_mixture_of_yaml_ends_without_a_panic(project in text(), instance in text()) {
        ends(project, instance);
    }

    /// A valid document with a random piece anywhere in it.
    #[test]
    fn a_damaged_document_ends_without_a_panic(at in 0usize..400, cut in 0usize..12, piece in text()) {
        let whole = "instance: crm\nsource: warehouse\ntarget: crm\ndefaults: { tags: [a], guards: { max_deletes: 5% } }\n\
            entities:\n  contact:\n    model: { sql: \"select 1\", key: [id, b], cursor: at }\n    to: { object: c, match: [x, y] }\n    \
            write_mode: mirror\n    on_removed: { flag: { field: gone, value: now } }\n    mapping: { x: id, y: b, z: { value: q, write: if_empty } }\n    \
            excluded_keys: [1, [a, b]]\n    schedule: { cron: \"0 * * * *\", timezone: Europe/Berlin }\n";
        let at = at.min(whole.len());
        let end = (at + cut).min(whole.len());
        ends(CONNECTIONS, format!("{}{piece}{}", &whole[..at], &whole[end..]));
    }
}

#[test]
fn huge_and_deep_documents_stop_at_limits() {
    let huge = format!("connections: {{}}\n#{}", "x".repeat(5 * 1024 * 1024));
    let problems = Folder::new().file("syncline.yaml", huge).problems();
    assert!(problems[0].message.contains("more than 4194304 bytes"), "{}", problems[0]);
    let many = format!("instance: [{}]\n", "x,".repeat(200_000));
    let problems = Folder::with_instance(&many).problems();
    assert_eq!(problems[0].code, "document_too_large");
    let deep = format!("instance: {}x", "- ".repeat(20_000));
    assert!(!Folder::with_instance(&deep).problems().is_empty());
}
