//! Secrets of objects made through the API are kept apart from their documents.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde_json::{Value, json};
use syncline_config::{
    KeptSecret, MadeObjects, ObjectKind, ObjectName, ProcessSecrets, SecretSource, carry_secrets,
    kept_secret_paths, load_with, needs_secrets_again, redact, split_secrets,
};
use syncline_core::ErrorKind;

use crate::fixture::{CONNECTIONS, Folder, registry};

fn crm() -> ObjectName {
    ObjectName::new(ObjectKind::Connection, "crm2")
}

fn ops() -> ObjectName {
    ObjectName::new(ObjectKind::Notification, "ops")
}

fn document() -> Value {
    json!({
        "type": "postgres",
        "description": "password: none",
        "url": "postgres://u:s3cret-1@h:5/d",
        "password": "s3cret-$${2}",
        "pin": 12345,
        "auth": { "type": "bearer", "token": "s3cret-3" },
        "headers": { "X-Api-Key": "${env:KEY}", "Authorization": "s3cret-4", "X.Y/Token": "s3cret-5" },
        "host": "h",
    })
}

/// What a server does: keeps values by owner and path.
#[derive(Default)]
struct Kept(BTreeMap<(String, String), String>);

impl Kept {
    fn of(owner: &str, secrets: &[KeptSecret]) -> Self {
        let entries = secrets.iter().map(|s| ((owner.to_string(), s.path.clone()), s.value.clone()));
        Self(entries.collect())
    }
}

impl SecretSource for Kept {
    fn env(&self, _: &str) -> Option<String> {
        Some("of-env".to_string())
    }

    fn file(&self, _: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn state(&self, owner: &str, path: &str) -> Result<String, String> {
        let found = self.0.get(&(owner.to_string(), path.to_string())).cloned();
        found.ok_or_else(|| format!("no secret is kept for {path}"))
    }
}

#[test]
fn a_stored_document_holds_no_secret_and_resolves_to_the_same_options() {
    let split = split_secrets(&crm(), &document(), &registry());
    let text = split.document.to_string();
    assert!(!text.contains("s3cret") && !text.contains("12345"), "{text}");
    assert!(!format!("{split:?}").contains("s3cret"), "{split:?}");
    assert_eq!(split.document["url"], "postgres://u:${state:crm2.url.password}@h:5/d");
    assert_eq!(split.document["headers"]["X-Api-Key"], "${env:KEY}");
    assert_eq!(split.document["description"], "password: none");
    assert_eq!(split.secrets.len(), 6);
    let named: Vec<String> = kept_secret_paths(&crm(), &split.document).into_iter().collect();
    let mut paths: Vec<String> = split.secrets.iter().map(|secret| secret.path.clone()).collect();
    paths.sort();
    assert_eq!(named, paths);
    // Nothing is left to take out.
    assert!(split_secrets(&crm(), &split.document, &registry()).secrets.is_empty());

    let folder = Folder::new()
        .file("syncline.yaml", format!("{CONNECTIONS}settings: {{ server: {{ api_variables: [KEY] }} }}\n"));
    let made =
        MadeObjects { connections: [("crm2".to_string(), split.document)].into(), ..Default::default() };
    let loaded = load_with(folder.path(), None, &registry(), &made).unwrap();
    assert!(loaded.left_out.is_empty(), "{:?}", loaded.left_out);
    let config = loaded.project.connection("crm2", &Kept::of("crm2", &split.secrets)).unwrap();
    assert_eq!(config.options["url"], "postgres://u:s3cret-1@h:5/d");
    assert_eq!(config.options["password"], "s3cret-${2}");
    assert_eq!(config.options["pin"], "12345");
    assert_eq!(config.options["auth"]["token"], "s3cret-3");
    assert_eq!(config.options["headers"]["X.Y/Token"], "s3cret-5");
    assert_eq!(config.options["headers"]["X-Api-Key"], "of-env");

    let error = loaded.project.connection("crm2", &ProcessSecrets).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidConfig);
    assert!(error.message.contains("only it can use them"), "{error}");
}

#[test]
fn a_url_with_a_secret_parameter_is_kept_whole() {
    for url in ["postgres://h/d?password=s3cret", "https://h/x?api_key=s3cret&y=1", "host=h password=s3cret"]
    {
        let split = split_secrets(&crm(), &json!({ "type": "postgres", "url": url }), &registry());
        assert_eq!(split.document["url"], "${state:crm2.url}", "{url}");
        assert_eq!(split.secrets[0].value, url);
    }
}

#[test]
fn answers_show_which_secrets_are_set_and_none_of_them() {
    for document in [document(), split_secrets(&crm(), &document(), &registry()).document] {
        let shown = redact(&crm(), &document, &registry());
        let text = shown.document.to_string();
        assert!(!text.contains("s3cret") && !text.contains("12345") && !text.contains("${state:"), "{text}");
        assert_eq!(shown.document["url"], "postgres://u:***@h:5/d");
        assert_eq!(shown.document["password"], Value::Null);
        assert_eq!(shown.document["headers"]["X-Api-Key"], "${env:KEY}");
        assert_eq!(shown.document["host"], "h");
        let mut set = shown.secrets_set.clone();
        set.sort();
        assert_eq!(
            set,
            ["/auth/token", "/headers/Authorization", "/headers/X.Y~1Token", "/password", "/pin", "/url"]
        );
    }
}

#[test]
fn the_address_of_a_slack_channel_and_the_key_of_a_webhook_are_secrets() {
    let slack = json!({ "channel": "slack", "url": "https://hooks.slack.com/s3cret" });
    let split = split_secrets(&ops(), &slack, &registry());
    assert_eq!(split.document["url"], "${state:notifications:ops.url}");
    let webhook = json!({ "channel": "webhook", "url": "https://u:s3cret@x/", "secret": "s3cret" });
    let split = split_secrets(&ops(), &webhook, &registry());
    assert_eq!(split.document["url"], "https://u:${state:notifications:ops.url.password}@x/");
    assert_eq!(split.secrets.len(), 2);
    let made =
        MadeObjects { notifications: [("ops".to_string(), split.document)].into(), ..Default::default() };
    let folder = Folder::new().file("syncline.yaml", CONNECTIONS);
    let loaded = load_with(folder.path(), None, &registry(), &made).unwrap();
    assert!(loaded.left_out.is_empty(), "{:?}", loaded.left_out);
    let resolved =
        loaded.project.notification("ops", &Kept::of(&ops().secrets_owner(), &split.secrets)).unwrap();
    assert_eq!(resolved.url, "https://u:s3cret@x/");
    assert_eq!(resolved.secrets, ["s3cret"]);
    let error = loaded.project.notification("ops", &ProcessSecrets).err().unwrap();
    assert!(error.message.starts_with("notification 'ops': "), "{error}");
    assert!(
        loaded.project.notification("pos", &ProcessSecrets).is_err_and(|e| e.kind == ErrorKind::NotFound)
    );
}

#[test]
fn what_was_shown_can_be_sent_back_and_keeps_its_secrets() {
    let stored = split_secrets(&crm(), &document(), &registry()).document;
    let mut sent = redact(&crm(), &stored, &registry()).document;
    assert_eq!(carry_secrets(&crm(), &stored, &sent, &registry()).unwrap(), stored);
    sent["description"] = "another note".into();
    sent["password"] = "given anew".into();
    let carried = carry_secrets(&crm(), &stored, &sent, &registry()).unwrap();
    assert_eq!(carried["password"], "given anew");
    assert_eq!(carried["url"], stored["url"]);
    // Left out is taken away.
    sent.as_object_mut().unwrap().remove("pin");
    assert!(carry_secrets(&crm(), &stored, &sent, &registry()).unwrap().get("pin").is_none());
}

#[test]
fn secrets_are_not_sent_to_another_system() {
    let stored = json!({ "type": "postgres", "host": "h", "port": 5, "user": "u", "verify": true,
        "password": "${state:crm2.password}", "url": "postgres://u:${state:crm2.url.password}@h/d" });
    let shown = redact(&crm(), &stored, &registry()).document;
    let with = |key: &str, value: Value| {
        let mut sent = shown.clone();
        sent[key] = value;
        sent
    };
    for (key, value) in [
        ("host", json!("evil")),
        ("port", json!(6)),
        ("verify", json!(false)),
        ("url", json!("postgres://u:***@evil/d")),
        ("url", json!("postgres://u@evil/d")),
        ("url", json!("postgres://u:${state:crm2.url.password}@evil/d")),
        ("type", json!("folder")),
        ("headers", json!({ "X": "y" })),
    ] {
        let sent = with(key, value.clone());
        assert!(needs_secrets_again(&crm(), &stored, &sent, &registry()), "{key}: {value}");
        let again = carry_secrets(&crm(), &stored, &sent, &registry()).unwrap_err();
        assert!(again.contains(&"/password".to_string()), "{key}: {again:?}");
    }
    for (key, value) in [("description", json!("x")), ("max_concurrent_runs", json!(2))] {
        let sent = with(key, value);
        assert!(carry_secrets(&crm(), &stored, &sent, &registry()).is_ok(), "{key}");
    }
    // Given again, they may go anywhere.
    let anew = json!({ "type": "postgres", "host": "new", "password": "p", "url": "postgres://u:q@new/d" });
    assert_eq!(carry_secrets(&crm(), &stored, &anew, &registry()).unwrap(), anew);
}

#[test]
fn a_file_cannot_name_a_kept_secret() {
    let folder = Folder::new()
        .file("syncline.yaml", "connections:\n  a: { type: postgres, password: \"${state:a.password}\" }\n");
    assert_eq!(folder.problems()[0].code, "placeholder_not_allowed");
}

#[test]
fn what_a_channel_tells_may_change_while_its_secrets_stay_and_where_it_tells_may_not() {
    let old = json!({ "channel": "webhook", "url": "https://example.com/hook", "secret": "s3cret",
        "events": ["failed"], "error_rate": "1%" });
    for (key, value) in
        [("events", json!(["held"])), ("error_rate", json!("5%")), ("consecutive_failures", json!(3))]
    {
        let mut new = old.clone();
        new[key] = value;
        assert!(!needs_secrets_again(&ops(), &old, &new, &registry()), "{key}");
    }
    for (key, value) in [("channel", json!("slack")), ("reach", json!("private"))] {
        let mut new = old.clone();
        new[key] = value;
        assert!(needs_secrets_again(&ops(), &old, &new, &registry()), "{key}");
    }
}
