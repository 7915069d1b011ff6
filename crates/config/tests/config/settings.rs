//! Defaults, inheritance, and the ways a value may be written.

use std::time::Duration;

use serde_json::Value;
use syncline_config::{instance_schema, project_schema};
use syncline_core::sync::{
    FileFormat, Limit, ModelQuery, OnMatchChange, OnRemoved, Overlap, Publish, SchemaChange, StoreValues,
    When, WriteMode,
};
use syncline_core::types::LogicalType;

use crate::fixture::{CONNECTIONS, Folder, id, registry};

#[test]
fn a_minimal_sync_gets_every_documented_default() {
    let sync = Folder::with_entity("").sync();
    assert!(!sync.active);
    assert_eq!(sync.write_mode, WriteMode::Upsert);
    assert_eq!(sync.on_removed, OnRemoved::Ignore);
    assert_eq!(sync.on_match_change, OnMatchChange::Fail);
    assert_eq!(sync.publish, Publish::Atomic);
    assert_eq!(sync.store_values, StoreValues::Full);
    assert_eq!(sync.schema_change, SchemaChange::Fail);
    assert_eq!(sync.guards, Default::default());
    assert_eq!(sync.halt, Default::default());
    assert_eq!(sync.plan_ttl, Duration::from_secs(3600));
    assert_eq!(sync.lookback, Duration::from_secs(600));
    assert_eq!(sync.model.timeout, Duration::from_secs(3600));
    assert_eq!(sync.batch_size, None);
    assert!(sync.schedule.is_none() && sync.mapping.is_empty() && !sync.duplicates_accepted);
}

/// Every `default` of the schema, written out, changes nothing.
#[test]
fn defaults_of_the_schema_are_the_defaults_of_the_loader() {
    let schema = instance_schema();
    let plain = Folder::with_entity("    write_mode: mirror\n").sync();
    let mut tried = 0;
    for (definition, place) in [
        ("EntityDoc", "    {key}: {value}"),
        ("GuardsDoc", "    guards: { {key}: {value} }"),
        ("HaltDoc", "    halt: { {key}: {value} }"),
    ] {
        let properties = schema["$defs"][definition]["properties"].as_object().unwrap();
        for (key, default) in properties.iter().filter_map(|(key, p)| Some((key, p.get("default")?))) {
            if key == "write_mode" || key == "lookback" {
                continue;
            }
            let line = place.replace("{key}", key).replace("{value}", &default.to_string());
            let sync = Folder::with_entity(&format!("    write_mode: mirror\n{line}")).sync();
            assert_eq!(sync, plain, "{line}");
            tried += 1;
        }
    }
    assert!(tried >= 10, "{tried}");

    let settings = project_schema(&registry());
    let settings = &settings["$defs"]["SettingsEntry"]["properties"];
    let explicit = format!(
        "{CONNECTIONS}settings: {{ memory_budget: {}, state: {} }}\n",
        settings["memory_budget"]["default"], settings["state"]["default"]
    );
    let explicit = Folder::new().file("syncline.yaml", explicit).project().settings;
    assert_eq!(explicit, Folder::new().file("syncline.yaml", CONNECTIONS).project().settings);
    assert_eq!(explicit.memory_budget_bytes, 512_000_000);
    assert_eq!(explicit.state.to_str(), Some(".syncline"));
}

#[test]
fn entities_inherit_from_the_instance_and_that_from_the_project() {
    let folder = Folder::new()
        .file(
            "syncline.yaml",
            format!(
                "{CONNECTIONS}defaults:\n  write_mode: mirror\n  guards: {{ max_deletes: 5%, max_creates: 10 }}\n  \
                 schedule: {{ every: 1h, jitter: 5s }}\n  tags: [all]\n"
            ),
        )
        .file(
            "syncs/crm.yaml",
            "instance: crm\nsource: warehouse\ntarget: crm\n\
             defaults: { guards: { max_deletes: 20% }, store_values: masked }\n\
             entities:\n\
             \x20 one: { model: { table: a, key: id }, to: { object: a } }\n\
             \x20 two:\n\
             \x20   model: { table: b, key: id }\n\
             \x20   to: { object: b }\n\
             \x20   write_mode: insert\n\
             \x20   schedule: { cron: \"0 6 * * *\" }\n\
             \x20   guards: { max_deletes: off, max_source_drop: null }\n\
             \x20   tags: []\n",
        );
    let project = folder.project();
    let one = project.sync(&id("crm.one")).unwrap();
    assert_eq!(one.write_mode, WriteMode::Mirror);
    assert_eq!(one.guards.max_deletes, Some(Limit::Percent(20.0)));
    assert_eq!(one.guards.max_creates, Some(Limit::Count(10)));
    assert_eq!(one.store_values, StoreValues::Masked);
    assert_eq!(one.schedule.as_ref().unwrap().jitter, Duration::from_secs(5));
    assert_eq!(project.place(&one.id, "guards.max_creates").unwrap().to_string(), "syncline.yaml:6");

    let two = project.sync(&id("crm.two")).unwrap();
    assert_eq!(two.write_mode, WriteMode::Insert);
    // A schedule is one choice: nothing of the default's is left.
    let schedule = two.schedule.as_ref().unwrap();
    assert_eq!(schedule.when, When::Cron { expression: "0 6 * * *".into(), timezone: "UTC".into() });
    assert_eq!(schedule.jitter, Duration::ZERO);
    assert!(two.tags.is_empty());
    assert_eq!(two.guards.max_source_drop, None);
    assert!(!two.guards.max_deletes.unwrap().is_exceeded_by(u64::MAX, u64::MAX));
}

#[test]
fn the_match_field_follows_the_key_column() {
    let load = |rest: &str| {
        Folder::with_instance(&format!(
            "instance: crm\nsource: warehouse\ntarget: crm\nentities:\n  contact:\n{rest}\n"
        ))
    };
    let model = "    model: { table: c, key: [id, region] }\n    to: { object: c }\n";
    assert_eq!(load(model).sync().to.match_fields, ["id", "region"]);
    let mapped = format!("{model}    mapping: {{ external_id: id, region: upper(region), name: name }}");
    assert_eq!(load(&mapped).sync().to.match_fields, ["external_id", "region"]);
    let append = format!("{model}    write_mode: append\n    mapping: {{ name: name }}");
    assert!(load(&append).sync().to.match_fields.is_empty());
    let unmapped = load(&format!("{model}    mapping: {{ external_id: id, name: name }}")).problems();
    assert_eq!((unmapped[0].line, unmapped[0].column), (7, 5));
    assert!(unmapped[0].message.contains("'region' is not mapped"), "{}", unmapped[0]);
}

#[test]
fn numbers_and_booleans_are_expressions_as_they_are_written() {
    let sync = Folder::with_entity(
        "    mapping: { id: id, price: 1.10, code: 007, on: true, no: no, text: \"'x'\", big: 12345678901234567890123 }",
    )
    .sync();
    let values: Vec<&str> = sync.mapping.iter().map(|field| field.value.as_str()).collect();
    assert_eq!(values, ["id", "1.10", "007", "true", "no", "'x'", "12345678901234567890123"]);
    assert_eq!(sync.mapping[3].field, "on");
}

#[test]
fn models_come_from_sql_files_tables_and_files() {
    let folder = Folder::with_instance(
        "instance: crm\nsource: warehouse\ntarget: crm\nentities:\n  a:\n    \
         model: { sql_file: models/a.sql, key: id, timeout: 5m }\n    to: { object: a }\n  b:\n    model:\n      \
         sql: |\n        select 1 as id\n        from b\n      key: id\n    to: { object: b }\n",
    )
    .file("models/a.sql", "select * from a\n");
    let project = folder.project();
    let a = &project.syncs[0].model;
    assert_eq!(a.query, ModelQuery::Sql { sql: "select * from a\n".into(), origin: "models/a.sql".into() });
    assert_eq!(a.timeout, Duration::from_secs(300));
    let ModelQuery::Sql { sql, origin } = &project.syncs[1].model.query else { panic!() };
    // The place is that of the statement's first line.
    assert_eq!(origin, "syncs/crm.yaml:11");
    assert_eq!(sql, "select 1 as id\nfrom b\n");

    let files = Folder::new()
        .file("syncline.yaml", "connections: { in: { type: folder, path: data }, crm: { type: postgres } }\n")
        .file(
            "syncs/x.yaml",
            "instance: x\nsource: in\ntarget: crm\nentities:\n  a:\n    model: { file: \"a-*.csv\", format: csv, key: id, \
             types: { id: int64, at: timestamptz }, delimiter: \";\", null: N/A }\n    to: { object: a }\n",
        );
    let ModelQuery::File(file) = files.sync().model.query else { panic!() };
    assert_eq!((file.path.as_str(), file.format), ("a-*.csv", Some(FileFormat::Csv)));
    assert_eq!(file.types["at"], LogicalType::TimestampTz);
    assert_eq!((file.delimiter, file.null.as_deref()), (Some(';'), Some("N/A")));
}

#[test]
fn every_other_key_reaches_the_sync() {
    let sync = Folder::with_entity(
        "    write_mode: mirror\n    on_removed: { flag: { field: deleted, value: true } }\n    \
         on_match_change: recreate\n    delete_adopted: true\n    excluded_keys: [1, 007, [a, 2]]\n    \
         duplicates: keep_last\n    publish: progressive\n    schedule: { every: 30s, jitter: 1s, overlap: skip }\n    \
         guards: { max_nulled: 20%, max_invalid: 3, max_updates: 40% }\n    halt: { failed_rows: 7 }\n    \
         store_values: none\n    schema_change: adapt\n    batch_size: 50\n    plan_ttl: 2h\n    tags: [nightly, 2024]\n    \
         renamed_from: crm.customer\n",
    )
    .sync();
    assert_eq!(sync.on_removed, OnRemoved::Flag { field: "deleted".into(), value: "true".into() });
    assert_eq!(sync.on_match_change, OnMatchChange::Recreate);
    assert!(sync.delete_adopted);
    assert_eq!(sync.excluded_keys, ["1", "007", r#"["a","2"]"#]);
    assert_eq!(sync.publish, Publish::Progressive);
    assert_eq!(sync.schedule.unwrap().overlap, Overlap::Skip);
    assert_eq!(sync.guards.max_nulled, Some(20.0));
    assert_eq!(sync.guards.max_invalid, Some(Limit::Count(3)));
    assert_eq!(sync.guards.max_updates, Some(Limit::Percent(40.0)));
    assert_eq!(sync.halt.failed_rows, Some(Limit::Count(7)));
    assert_eq!((sync.store_values, sync.schema_change), (StoreValues::None, SchemaChange::Adapt));
    assert_eq!((sync.batch_size, sync.plan_ttl), (Some(50), Duration::from_secs(7200)));
    assert_eq!(sync.tags, ["nightly", "2024"]);
    assert_eq!(sync.renamed_from, Some(id("crm.customer")));

    let append = Folder::with_entity("    write_mode: append\n    append_without_ledger: accepted").sync();
    assert!(append.duplicates_accepted);
    let excluded =
        Folder::with_entity("    excluded_keys: { file: skip.txt }").file("skip.txt", "1\n\n 2 \r\n").sync();
    assert_eq!(excluded.excluded_keys, ["1", "2"]);
}

#[test]
fn lookups_and_settings_are_read() {
    let project = Folder::new()
        .file(
            "syncline.yaml",
            "connections: {}\nlookups: { countries: { file: l/c.csv, key: code, value: name } }\n\
             settings: { memory_budget: 1GiB, state: /var/lib/syncline, retention: { runs: 30d, dead_letters_max: 5 } }\n",
        )
        .file("l/c.csv", "code,name\n")
        .project();
    let lookup = &project.lookups["countries"];
    assert_eq!(
        (lookup.file.to_str(), lookup.key.as_str(), lookup.value.as_str()),
        (Some("l/c.csv"), "code", "name")
    );
    assert_eq!(project.settings.memory_budget_bytes, 1 << 30);
    assert_eq!(project.settings.state.to_str(), Some("/var/lib/syncline"));
    assert_eq!(project.settings.retention.runs, Duration::from_secs(30 * 86_400));
    assert_eq!(project.settings.retention.dead_letters_max, 5);
}

#[test]
fn a_sync_without_a_default_in_the_schema_is_told_in_its_description() {
    let schema = instance_schema();
    for definition in ["GuardsDoc", "HaltDoc"] {
        for (key, property) in schema["$defs"][definition]["properties"].as_object().unwrap() {
            let described = property["description"].as_str().unwrap_or("").contains("Default:");
            assert!(described || property.get("default").is_some_and(Value::is_string), "{key}");
        }
    }
}
