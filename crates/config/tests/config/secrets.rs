//! Secrets are resolved late, typed, and never shown.

use syncline_core::ErrorKind;

use crate::fixture::{FakeSecrets, Folder};

const INSTANCE: &str = "instance: crm\nsource: crm\ntarget: crm\nentities:\n  contact:\n    \
    model: { table: c, key: id }\n    to: { object: c }\n";

fn folder(options: &str) -> Folder {
    let project = format!("connections:\n  crm:\n    type: postgres\n{options}");
    Folder::new().file("syncline.yaml", project).file("syncs/crm.yaml", INSTANCE)
}

#[test]
fn placeholders_become_values_of_the_options_type() {
    let folder = folder(
        "    url: \"postgres://${env:USER}:${file:/run/pw}@h/$${x}\"\n    port: \"${env:PORT}\"\n    \
         verify: \"${env:VERIFY}\"\n    auth: { type: bearer, token: \"${env:PORT}\" }\n    headers: { X-A: \"${env:USER}\" }\n",
    );
    let secrets = FakeSecrets {
        variables: [("USER", "ada"), ("PORT", "5432"), ("VERIFY", "true")].into(),
        files: [("run/pw", "s3cret\n")].into(),
    };
    let config = folder.project().connection("crm", &secrets).unwrap();
    assert_eq!((config.name.as_str(), config.type_name.as_str()), ("crm", "postgres"));
    assert_eq!(config.base_dir, folder.path());
    assert_eq!(config.options["url"], "postgres://ada:s3cret@h/${x}");
    assert_eq!(config.options["port"], 5432);
    assert_eq!(config.options["verify"], true);
    assert_eq!(config.options["auth"]["token"], "5432");
    assert_eq!(config.options["headers"]["X-A"], "ada");
    assert_eq!(config.options.len(), 5);
}

#[test]
fn a_missing_or_unsuitable_value_is_named_by_its_place_and_never_shown() {
    let folder =
        folder("    url: \"${env:CRM_URL}\"\n    port: \"${env:PORT}\"\n    password: \"${file:pw}\"\n");
    let project = folder.project();
    let mut secrets = FakeSecrets::default();
    let error = project.connection("crm", &secrets).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidConfig);
    assert_eq!(
        error.message,
        "connection 'crm': syncline.yaml:4: option 'url': the environment variable CRM_URL is not set"
    );
    assert!(error.help.is_some());

    secrets.variables.extend([("CRM_URL", "postgres://u:s3cret@h/d"), ("PORT", "s3cret")]);
    let error = project.connection("crm", &secrets).unwrap_err();
    assert_eq!(
        error.message,
        "connection 'crm': syncline.yaml:5: option 'port': the value behind it is not a whole number"
    );

    secrets.variables.insert("PORT", "5432");
    let error = project.connection("crm", &secrets).unwrap_err();
    assert!(error.message.contains("the file pw cannot be read"), "{error}");

    let warnings = project.unresolved_placeholders(&secrets);
    assert_eq!(warnings.len(), 1);
    assert_eq!((warnings[0].code, warnings[0].line), ("placeholder_without_value", 6));
    let unset: Vec<usize> =
        project.unresolved_placeholders(&FakeSecrets::default()).iter().map(|w| w.line).collect();
    assert_eq!(unset, [4, 5, 6]);

    let error = project.connection("cmr", &secrets).unwrap_err();
    assert_eq!((error.kind, error.help.as_deref()), (ErrorKind::NotFound, Some("did you mean 'crm'?")));
}

#[test]
fn a_secret_in_clear_is_warned_of_and_masked_in_the_excerpt() {
    for line in [
        "password: s3cret",
        "url: postgres://u:s3cret@h/d",
        "url: \"postgres://h/d?password=s3cret\"",
        "pin: s3cret",
        "auth: { type: bearer, token: s3cret }",
        "headers: { Authorization: Bearer s3cret }",
    ] {
        let project = folder(&format!("    {line}\n")).project();
        let warning = project.warnings.iter().find(|w| w.code == "secret_in_clear");
        let warning = warning.unwrap_or_else(|| panic!("{line}: {:?}", project.warnings));
        assert_eq!(warning.line, 4);
        assert!(warning.help.as_ref().unwrap().contains("${env:NAME}"));
        let shown = format!("{} {warning:?} {project:?}", warning.render(100, false));
        assert!(!shown.contains("s3cret"), "{shown}");
    }
    for line in
        ["url: postgres://h/d", "password: \"${env:PW}\"", "url: \"postgres://u:${env:PW}@h/d\"", "host: h"]
    {
        let project = folder(&format!("    {line}\n")).project();
        assert!(project.warnings.is_empty(), "{line}: {:?}", project.warnings);
    }
}

#[test]
fn no_problem_beside_a_secret_shows_it() {
    for options in [
        "    password: s3cret\n    prot: 1\n",
        "    prot: 1\n    auth: { type: bearer, token: s3cret, x: 1 }\n",
        "    password: s3cret\n    password: s3cret\n",
        "    password: s3cret\n    url: [\n",
        "    port: s3cret\n    password: [s3cret]\n",
        "    tls: s3cret\n",
        "    url: \"postgres://u:s3cret@h/d\n",
        "    pin: { a: s3cret }\n",
    ] {
        let problems = folder(options).load_as(None).unwrap_err();
        let shown = format!(
            "{}\n{problems}\n{}",
            problems.render(120, false),
            serde_json::to_string(&problems).unwrap()
        );
        // A wrong value of an option that is not secret may stand in the excerpt, as in its file.
        let own_excerpt = options.contains("port: s3cret") || options.contains("tls: s3cret");
        assert!(own_excerpt || !shown.contains("s3cret"), "{options}\n{shown}");
        assert!(problems.0.iter().all(|p| !p.message.contains("s3cret")), "{options}\n{shown}");
    }
}

#[test]
fn notifications_hide_their_address() {
    let project = Folder::new()
        .file(
            "syncline.yaml",
            "notifications:\n  - { channel: slack, url: https://hooks.slack.com/services/s3cret }\n  \
             - { channel: webhook, url: \"https://x/\", secret: \"${env:W}\", previous_secret: s3cret }\n",
        )
        .project();
    let codes: Vec<_> = project.warnings.iter().map(|w| (w.code, w.line)).collect();
    assert_eq!(codes, [("secret_in_clear", 2), ("secret_in_clear", 3)]);
    let shown: String = project.warnings.iter().map(|w| w.render(120, false)).collect();
    assert!(!format!("{shown} {project:?}").contains("s3cret"), "{shown}");
}

#[test]
fn a_notification_is_resolved_by_its_name_with_the_present_secret_first() {
    let project = Folder::new()
        .file(
            "syncline.yaml",
            "notifications:\n  - { channel: slack, url: \"${env:S}\" }\n  - { channel: slack, url: \"${env:S}\" }\n  \
             - { name: slack-2, channel: slack, url: \"${env:S}/2\" }\n  \
             - { channel: webhook, url: \"https://${env:H}/\", secret: \"${env:NEW}\", previous_secret: \"${file:old}\", reach: private }\n",
        )
        .project();
    let names: Vec<_> = project.notifications.iter().map(|doc| doc.name.as_str()).collect();
    assert_eq!(names, ["slack", "slack-3", "slack-2", "webhook"]);
    let secrets = FakeSecrets {
        variables: [("S", "https://hooks/s3cret"), ("H", "receiver"), ("NEW", "new-s3cret")].into(),
        files: [("old", "old-s3cret\n")].into(),
    };
    let webhook = project.notification("webhook", &secrets).unwrap();
    assert_eq!(webhook.url, "https://receiver/");
    assert_eq!(webhook.secrets, ["new-s3cret", "old-s3cret"]);
    assert_eq!(project.notification("slack-2", &secrets).unwrap().url, "https://hooks/s3cret/2");
    assert!(!format!("{webhook:?} {project:?}").contains("s3cret"));

    let error = project.notification("webhook", &FakeSecrets::default()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidConfig);
    assert!(error.message.starts_with("notification 'webhook': syncline.yaml:5: "), "{error}");
    assert_eq!(project.notification("nobody", &secrets).unwrap_err().kind, ErrorKind::NotFound);
}
