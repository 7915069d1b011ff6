//! Wrong documents: each problem is reported with its code, its exact place and what would be
//! right. In the texts `§` stands right before the place of the problem.

use syncline_config::{Problem, Severity};

use crate::fixture::{CONNECTIONS, Folder};

/// One wrong place: the text, the code of the problem, parts of its message, parts of its help.
type Case = (String, &'static str, &'static str, &'static str);

/// An instance whose one entity has these keys besides its model and target.
fn entity(keys: &str) -> String {
    format!(
        "instance: crm\nsource: warehouse\ntarget: crm\nentities:\n  contact:\n    \
         model: {{ table: customers, key: id }}\n    to: {{ object: contact, match: id }}\n    {keys}\n"
    )
}

/// Removes the mark from a text and returns its line and column.
fn unmark(text: &str) -> (String, usize, usize) {
    let at = text.find('§').expect("the text has a mark");
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    (text.replacen('§', "", 1), line, column)
}

fn check(cases: &[Case], load: impl Fn(&str) -> Vec<Problem>) {
    for (text, code, message, help) in cases {
        let (text, line, column) = unmark(text);
        let problems = load(&text);
        let found: Vec<_> = problems.iter().map(|p| (p.code, p.to_string(), &p.help)).collect();
        assert_eq!(problems.len(), 1, "{text}\n{found:#?}");
        let problem = &problems[0];
        assert_eq!((problem.code, problem.line, problem.column), (*code, line, column), "{text}\n{found:#?}");
        assert!(problem.message.contains(message), "{text}\n{found:#?}");
        assert!(problem.help.as_deref().unwrap_or("").contains(help), "{text}\n{found:#?}");
    }
}

#[test]
fn wrong_keys_of_an_entity() {
    check(
        &[
            ("§shedule: { every: 15m }", "unknown_key", "unknown key 'shedule'", "did you mean 'schedule'?"),
            ("guards: { §max_delete: 1 }", "unknown_key", "'max_delete'", "did you mean 'max_deletes'?"),
            ("§zzz: 1", "unknown_key", "'zzz'", "use one of: model, to, write_mode"),
            (
                "write_mode: §mirorr",
                "invalid_value",
                "'mirorr' is not one of: insert, update, upsert",
                "did you mean 'mirror'?",
            ),
            ("write_mode: §[upsert]", "wrong_type", "found a list", ""),
            ("active: §yes", "wrong_type", "expected true or false, found the text 'yes'", "write true"),
            ("active: §off", "wrong_type", "found the text 'off'", "write false"),
            ("batch_size: §ten", "wrong_type", "expected a whole number, found the text 'ten'", ""),
            ("batch_size: §0100", "wrong_type", "found the text '0100'", "without quotes or leading zeros"),
            ("batch_size: §0", "invalid_value", "the least is 1", ""),
            ("batch_size: §1.5", "wrong_type", "found the number 1.5", ""),
            ("batch_size: §99999999999", "invalid_value", "too large", ""),
            ("schedule: { every: §15 }", "wrong_type", "a duration such as 30s, 15m", ""),
            ("schedule: { every: §15min }", "invalid_value", "'15min' is not a duration", ""),
            ("schedule: { every: §0s }", "invalid_value", "the least is 1s", ""),
            (
                "schedule: { every: 1h, §cron: \"0 * * * *\" }",
                "conflicting_keys",
                "'every' and 'cron' exclude",
                "exactly one",
            ),
            ("§schedule: { jitter: 1s }", "missing_key", "every, cron, after", ""),
            ("schedule: { every: 1h, §timezone: UTC }", "not_applicable", "'timezone' belongs to 'cron'", ""),
            ("schedule: { cron: §\"61 * * * *\" }", "invalid_value", "'61' is not a minute", ""),
            ("schedule: { cron: §\"0 * * *\" }", "invalid_value", "this has 4", ""),
            (
                "schedule: { cron: \"0 * * * *\", timezone: §Europe/Berln }",
                "invalid_value",
                "did you mean Europe/Berlin?",
                "",
            ),
            (
                "schedule: { after: §company }",
                "invalid_value",
                "'company' is not a sync such as crm.contact",
                "",
            ),
            ("schedule: §15m", "wrong_type", "expected a mapping, found the text '15m'", ""),
            ("guards: { max_deletes: §ten }", "invalid_value", "a percentage such as 10% or a count", ""),
            ("guards: { max_deletes: §-1 }", "invalid_value", "the least is 0", ""),
            (
                "guards: { max_deletes: §of }",
                "invalid_value",
                "'of' is not one of: off",
                "did you mean 'off'?",
            ),
            ("guards: { max_nulled: §50 }", "wrong_type", "a percentage such as 5%", ""),
            ("guards: { max_nulled: §150% }", "invalid_value", "more than 100%", ""),
            ("halt: { consecutive_failures: §5% }", "wrong_type", "a whole number", ""),
            ("halt: { consecutive_failures: §0 }", "invalid_value", "the least is 1", ""),
            (
                "mapping: { id: id, §phone: { write: if_empty } }",
                "missing_key",
                "'value' is missing",
                "SQL expression",
            ),
            (
                "mapping: { id: id, phone: { value: phone, write: §ifempty } }",
                "invalid_value",
                "'ifempty'",
                "did you mean 'if_empty'?",
            ),
            ("mapping: { id: id, phone: §[phone] }", "wrong_type", "found a list", ""),
            ("mapping: { id: id, phone§: }", "wrong_type", "found nothing", "give it a value"),
            ("mapping: { id: id, phone: §\" \" }", "invalid_value", "this is empty", ""),
            (
                "write_mode: mirror\n    on_removed: §purge",
                "invalid_value",
                "'purge' is not one of: delete, clear_fields, ignore",
                "",
            ),
            ("write_mode: mirror\n    on_removed: { §flag: { field: a } }", "missing_key", "'value'", ""),
            (
                "§on_removed: delete",
                "not_applicable",
                "nothing is removed with write_mode: upsert",
                "use write_mode: mirror",
            ),
            ("§delete_adopted: true", "not_applicable", "nothing is deleted", ""),
            ("§full_read: { every: 1h }", "not_applicable", "only a mirror with a cursor", ""),
            ("§lookback: 1h", "not_applicable", "without a cursor", ""),
            ("§append_without_ledger: accepted", "not_applicable", "for write_mode: append", ""),
            (
                "write_mode: append\n    append_without_ledger: §yes",
                "invalid_value",
                "not one of: accepted",
                "",
            ),
            ("renamed_from: §crm", "invalid_value", "'crm' is not a sync", ""),
            ("tags: [§\"a b\"]", "invalid_value", "'a b' is not a name", ""),
            ("tags: §nightly", "wrong_type", "expected a list", ""),
            ("exclude: §\"\"", "invalid_value", "this is empty", ""),
            ("exclude: §${env:X}", "misplaced_placeholder", "cannot stand here", "options of connections"),
            (
                "excluded_keys: { file: §nowhere.txt }",
                "file_not_readable",
                "nowhere.txt cannot be read",
                "project's folder",
            ),
            (
                "excluded_keys: { file: §../secret }",
                "file_not_readable",
                "leads out of the project's folder",
                "",
            ),
            ("excluded_keys: { file: §syncs }", "file_not_readable", "is not a file", ""),
            (
                "write_mode: §two_way",
                "not_available",
                "two-way sync is not available in this version",
                "use one of: insert, update",
            ),
            ("tags: [a]\n    §tags: [b]", "duplicate_key", "'tags' is here a second time", "line 8"),
            ("tags: §!mine [a]", "yaml_syntax", "the tag !mine", ""),
        ]
        .map(|(keys, code, message, help)| (entity(keys), code, message, help)),
        |instance| Folder::with_instance(instance).problems(),
    );
}

#[test]
fn wrong_models_targets_and_instances() {
    let head = "instance: crm\nsource: warehouse\ntarget: crm\nentities:\n";
    let cases = [
        (
            "  a:\n    §model: { key: id }\n    to: { object: a }",
            "missing_key",
            "sql, sql_file, table, file",
            "",
        ),
        (
            "  a:\n    model: { sql: select 1, §table: t, key: id }\n    to: { object: a }",
            "conflicting_keys",
            "'sql' and 'table'",
            "exactly one",
        ),
        (
            "  a:\n    §model: { table: t }\n    to: { object: a }",
            "missing_key",
            "'key' is missing",
            "identifies a row",
        ),
        ("  §a:\n    model: { table: t, key: id }", "missing_key", "'to' is missing", "Where it is written"),
        ("  a:\n    model: { table: t, key: §[] }\n    to: { object: a }", "invalid_value", "at least 1", ""),
        (
            "  a:\n    model: { table: t, key: §[id, id] }\n    to: { object: a }",
            "invalid_value",
            "'id' is listed twice",
            "",
        ),
        (
            "  a:\n    model: { table: t, key: §{ a: 1 } }\n    to: { object: a }",
            "wrong_type",
            "found a mapping",
            "",
        ),
        (
            "  a:\n    model: { table: t, key: id, §format: csv }\n    to: { object: a }",
            "not_applicable",
            "a model that is a file",
            "",
        ),
        (
            "  a:\n    model: { sql_file: §x.sql, key: id }\n    to: { object: a }",
            "file_not_readable",
            "x.sql cannot be read",
            "",
        ),
        (
            "  a:\n    model: { §file: x.csv, key: id }\n    to: { object: a }",
            "not_supported",
            "'file' cannot be read from postgres 'warehouse'",
            "postgres reads: sql or sql_file, table",
        ),
        (
            "  a:\n    model: { table: §\"\", key: id }\n    to: { object: a }",
            "invalid_value",
            "this is empty",
            "",
        ),
        (
            "  a:\n    model: { table: t, key: id, timeout: §1 }\n    to: { object: a }",
            "wrong_type",
            "a duration",
            "",
        ),
        (
            "  a:\n    model: { table: t, key: id }\n    to: { object: a, match: §x }\n    mapping: { y: id }",
            "unmapped_match",
            "matched on 'x'",
            "did you mean 'y'?",
        ),
        (
            "  a:\n    model: { table: t, key: id }\n    §to: { object: a }\n    mapping: { y: upper(id) }",
            "missing_key",
            "'id' is not mapped",
            "match: field",
        ),
        (
            "  §a.b:\n    model: { table: t, key: id }\n    to: { object: a }",
            "invalid_value",
            "'a.b' is not a name",
            "",
        ),
        ("  a: §x", "wrong_type", "expected a mapping", ""),
        ("  a§:", "wrong_type", "found nothing", ""),
    ];
    let cases = cases.map(|(text, code, message, help)| (format!("{head}{text}\n"), code, message, help));
    check(&cases, |text| Folder::with_instance(text).problems());

    let entity = "entities: { a: { model: { table: t, key: id }, to: { object: a } } }\n";
    let cases = [
        ("§source: warehouse\ntarget: crm\n", "missing_key", "'instance' is missing", "Name of the instance"),
        ("instance: §a b\nsource: warehouse\ntarget: crm\n", "invalid_value", "'a b' is not a name", ""),
        (
            "instance: crm\nsource: §warehose\ntarget: crm\n",
            "unknown_connection",
            "'warehose'",
            "did you mean 'warehouse'?",
        ),
        ("instance: crm\nsource: warehouse\ntarget: §null\n", "wrong_type", "found nothing", ""),
        (
            "instance: crm\nsource: warehouse\ntarget: crm\n§entites: {}\n",
            "unknown_key",
            "'entites'",
            "did you mean 'entities'?",
        ),
        (
            "instance: crm\nsource: warehouse\ntarget: crm\ndefaults: { §model: { table: t } }\n",
            "unknown_key",
            "'model'",
            "",
        ),
        (
            "instance: crm\nsource: warehouse\ntarget: crm\ndefaults: { write_mode: §upsrt }\n",
            "invalid_value",
            "'upsrt'",
            "did you mean 'upsert'?",
        ),
    ];
    let cases = cases.map(|(text, code, message, help)| (format!("{text}{entity}"), code, message, help));
    check(&cases, |text| Folder::with_instance(text).problems());
}

#[test]
fn wrong_project_files() {
    check(
        &[
            ("connections: { a: { type: §postgre } }", "unknown_connector", "no connector 'postgre'", "did you mean 'postgres'?"),
            ("connections: { a: { type: §mongo } }", "unknown_connector", "'mongo'", "use one of: feed, folder, inbox, postgres"),
            ("connections: { §a: { url: x } }", "missing_key", "'type' is missing", ""),
            ("connections: { a: { type: postgres, §ulr: x } }", "unknown_key", "'ulr'", "did you mean 'url'?"),
            ("connections: { §a: { type: folder } }", "missing_key", "'path' is missing", ""),
            ("connections: { a: { type: folder, path: §3 } }", "wrong_type", "expected text, found a number", ""),
            ("connections: { a: { type: postgres, port: §x } }", "wrong_type", "expected a whole number, found text", ""),
            ("connections: { a: { type: postgres, port: §70000 } }", "invalid_value", "the most is 65535", ""),
            ("connections: { a: { type: postgres, tls: §requir } }", "invalid_value", "this is not one of: require, disable", "did you mean 'require'?"),
            ("connections: { a: { type: postgres, auth: { type: bearer, token: \"${env:T}\", §user: x } } }", "unknown_key", "'user'", ""),
            ("connections: { a: { type: postgres, headers: { x: §[1] } } }", "wrong_type", "found a list", ""),
            ("connections: { a: { type: postgres, url: §\"${env:}\" } }", "invalid_placeholder", "${env:NAME} or ${file:path}", ""),
            ("connections: { a: { type: postgres, url: §\"${env:A\" } }", "invalid_placeholder", "not closed", ""),
            ("connections: { a: { type: postgres, max_concurrent_runs: §0 } }", "invalid_value", "the least is 1", ""),
            ("connections: { §\"a b\": { type: postgres } }", "invalid_value", "'a b' is not a name", ""),
            ("§conections: {}", "unknown_key", "'conections'", "did you mean 'connections'?"),
            ("defaults: { §mapping: {} }", "unknown_key", "'mapping'", ""),
            ("notifications: [{ channel: §email, url: \"${env:X}\" }]", "invalid_value", "'email' is not one of: slack, webhook", ""),
            ("notifications: [{ channel: slack, url: \"${env:X}\", events: [§fialed] }]", "invalid_value", "'fialed'", "did you mean 'failed'?"),
            ("notifications: [{ channel: slack, url: \"${env:X}\", error_rate: §1 }]", "wrong_type", "a percentage", ""),
            ("notifications: [{ channel: slack, url: \"${env:X}\", §secret: \"${env:X}\" }]", "not_applicable", "not signed", ""),
            ("notifications: [{ channel: slack, url: \"${env:X}\", §previous_secret: \"${env:X}\" }]", "not_applicable", "not signed", ""),
            ("notifications: [§{ channel: webhook, url: \"${env:X}\" }]", "missing_key", "'secret' is missing", "whsec_"),
            ("notifications: [{ channel: slack, url: \"${env:X}\", name: §a b }]", "invalid_value", "'a b' is not a name", ""),
            ("notifications: [{ channel: slack, url: \"${env:X}\", name: a }, { channel: slack, url: \"${env:X}\", name: §a }]", "duplicate_name", "two notifications 'a'", ""),
            ("notifications: [{ channel: slack, url: \"${env:X}\", reach: §everywhere }]", "invalid_value", "'everywhere'", ""),
            ("notifications: [{ channel: webhook, secret: \"${env:X}\", url: §example.com }]", "invalid_value", "this is not a URL", "https://"),
            ("notifications: [§{ channel: webhook }]", "missing_key", "'url' is missing", ""),
            ("lookups: { c: { file: §none.csv, key: a, value: b } }", "file_not_readable", "none.csv", ""),
            ("lookups: { §c: { file: none.csv, key: a } }", "missing_key", "'value'", ""),
            ("settings: { memory_budget: §lots }", "invalid_value", "a size such as 512MB", ""),
            ("settings: { state: §\"${env:HOME}/state\" }", "misplaced_placeholder", "cannot stand here", ""),
            ("settings: { retention: { runs: §forever } }", "invalid_value", "'forever' is not a duration", ""),
            ("§[]", "wrong_type", "expected a mapping, found a list", ""),
        ]
        .map(|(text, code, message, help)| (text.to_string(), code, message, help)),
        |text| Folder::new().file("syncline.yaml", text).problems(),
    );
    let syntax =
        Folder::new().file("syncline.yaml", "connections: { a: { type: x, url: ${env:X} } }").problems();
    assert_eq!((syntax[0].code, syntax[0].line), ("yaml_syntax", 1));
    assert!(syntax[0].help.as_ref().unwrap().contains("in quotes"));
}

#[test]
fn what_a_connector_cannot_do_is_refused_with_what_it_can() {
    let project = "connections:\n  db: { type: postgres }\n  out: { type: folder, path: o }\n  box: { type: inbox, path: o }\n  feed: { type: feed, path: o }\n";
    let load = |ends: &str, keys: &str| {
        let text = format!(
            "instance: x\n{ends}\nentities:\n  a:\n    model: {{ table: t, key: id }}\n    to: {{ object: t }}\n    {keys}\n"
        );
        let (text, line, column) = unmark(&text);
        let problems = Folder::new().file("syncline.yaml", project).file("syncs/x.yaml", text).problems();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert_eq!((problems[0].line, problems[0].column), (line, column), "{problems:#?}");
        let problem = problems.into_iter().next().unwrap();
        assert!(["not_supported", "not_available"].contains(&problem.code));
        (problem.message, problem.help.unwrap())
    };
    let to_folder = "source: db\ntarget: out";
    let (message, help) = load("source: §box\ntarget: db", "");
    assert_eq!(message, "'box' cannot be read from: it is of type inbox");
    assert_eq!(help, "these types can be read from: feed, folder, postgres");
    let (message, _) = load("source: db\ntarget: §feed", "");
    assert_eq!(message, "'feed' cannot be written to: it is of type feed");
    let (message, help) = load(to_folder, "write_mode: §insert");
    assert_eq!(
        (message.as_str(), help.as_str()),
        ("folder 'out' cannot be written with insert", "folder can: upsert, mirror")
    );
    let (message, help) = load(to_folder, "write_mode: §mirror");
    assert!(message.contains("does not say what else to do"), "{message}");
    assert_eq!(help, "set on_removed to one of: ignore");
    let (message, _) = load(to_folder, "write_mode: mirror\n    on_removed: §clear_fields");
    assert_eq!(message, "folder 'out' cannot clear the fields of removed records");
    let (_, help) = load(to_folder, "on_match_change: §recreate");
    assert_eq!(help, "folder can: fail");
    let (_, help) = load(to_folder, "publish: §atomic");
    assert_eq!(help, "folder can: progressive");
    let (message, help) = load(to_folder, "mapping: { id: id, x: { value: x, write: §if_empty } }");
    assert_eq!(message, "folder 'out' always writes whole records");
    assert!(help.contains("`write: always`"));
    let (_, help) = load(to_folder, "mapping: { id: id, x: { value: x, nulls: §skip } }");
    assert!(help.contains("`nulls: write`"));
    // The entity has no write mode of its own, so the place is the entity.
    let text = "source: db\ntarget: box";
    let problems = Folder::new()
        .file("syncline.yaml", project)
        .file("syncs/x.yaml", format!("instance: x\n{text}\nentities:\n  a:\n    model: {{ table: t, key: id }}\n    to: {{ object: t }}\n"))
        .problems();
    assert_eq!(problems[0].to_string(), "syncs/x.yaml:5:3: inbox 'box' cannot be written with upsert");
}

#[test]
fn all_problems_of_all_files_are_reported_at_once_and_in_order() {
    let problems = Folder::new()
        .file(
            "syncline.yaml",
            "connections:\n  crm: { type: postgre }\n  warehouse: { type: postgres, prot: 1 }\nxx: 1\n",
        )
        .file(
            "syncs/a.yaml",
            "instance: a\nsource: nowhere\ntarget: crm\nentities:\n  e: { model: { table: t }, tu: 1 }\n",
        )
        .file("syncs/b.yml", "instance: [\n")
        .file("syncs/c.yaml", "instance: a\nsource: crm\ntarget: crm\nentities: {}\n")
        .file("syncs/.hidden.yaml", "nonsense")
        .file("syncs/notes.txt", "nonsense")
        .problems();
    let shown: Vec<String> =
        problems.iter().map(|p| format!("{}:{}:{} {}", p.file, p.line, p.column, p.code)).collect();
    assert_eq!(
        shown,
        [
            "syncline.yaml:2:16 unknown_connector",
            "syncline.yaml:3:32 unknown_key",
            "syncline.yaml:4:1 unknown_key",
            "syncs/a.yaml:2:9 unknown_connection",
            "syncs/a.yaml:5:3 missing_key",
            "syncs/a.yaml:5:8 missing_key",
            "syncs/a.yaml:5:29 unknown_key",
            "syncs/b.yml:1:11 yaml_syntax",
            "syncs/c.yaml:1:11 duplicate_instance",
        ]
    );
}

#[test]
fn a_problem_in_a_default_is_reported_once_however_many_inherit_it() {
    let problems = Folder::new()
        .file("syncline.yaml", format!("{CONNECTIONS}defaults: {{ write_mode: upsrt }}\n"))
        .file(
            "syncs/a.yaml",
            "instance: a\nsource: crm\ntarget: crm\nentities:\n  x: { model: { table: t, key: id }, to: { object: t } }\n  \
             y: { model: { table: t, key: id }, to: { object: t } }\n",
        )
        .problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!((problems[0].file.as_str(), problems[0].line), ("syncline.yaml", 4));
}

#[test]
fn a_folder_without_a_project_says_how_to_make_one() {
    let problems = Folder::new().problems();
    assert_eq!((problems[0].code, problems[0].file.as_str()), ("file_not_readable", "syncline.yaml"));
    assert!(problems[0].help.as_ref().unwrap().contains("syncline init"));
    let bytes = Folder::new().file("syncline.yaml", b"a: \xff\xfe").problems();
    assert_eq!(bytes[0].to_string(), "syncline.yaml:1:4: this is not UTF-8 text");
}

#[test]
fn what_is_odd_but_allowed_is_a_warning() {
    let warnings = Folder::new()
        .file("syncline.yaml", format!("{CONNECTIONS}  spare: {{ type: folder, path: o }}\n  out: {{ type: folder, path: o }}\n"))
        .file(
            "syncs/a.yaml",
            "instance: a\nsource: crm\ntarget: out\nentities:\n  x: { model: { table: t, key: id }, to: { object: t }, batch_size: 500 }\n",
        )
        .project()
        .warnings;
    let shown: Vec<_> = warnings.iter().map(|w| (w.code, w.line, w.severity)).collect();
    assert_eq!(
        shown,
        [
            ("unused_connection", 2, Severity::Warning),
            ("unused_connection", 4, Severity::Warning),
            ("reduced", 5, Severity::Warning)
        ]
    );
    assert!(warnings[2].message.contains("200 are used"));
}

#[test]
fn a_problem_is_shown_with_its_line_a_caret_and_advice_and_as_json() {
    let problems = Folder::with_entity("    shedule: { every: 15m }").load_as(None).unwrap_err();
    insta::assert_snapshot!(problems.render(80, false));
    insta::assert_snapshot!(serde_json::to_string_pretty(&problems).unwrap());
}
