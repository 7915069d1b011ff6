//! The JSON Schemas: complete, self-contained, and the same thing that files are checked against.

use serde_json::Value;
use syncline_config::{instance_schema, project_schema};

use crate::fixture::{Folder, registry};

/// Every object schema with properties, and where it stands.
fn objects<'a>(schema: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
    if schema.get("properties").is_some() {
        found.push((path.to_string(), schema));
    }
    match schema {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| objects(value, &format!("{path}/{key}"), found))
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| objects(value, &format!("{path}/{n}"), found))
        }
        _ => {}
    }
}

fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_string));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_key_is_described_and_has_a_default_or_an_example_and_objects_are_closed() {
    for schema in [instance_schema(), project_schema(&syncline_connector::Registry::default())] {
        let mut found = Vec::new();
        objects(&schema, "", &mut found);
        assert!(found.len() >= 5);
        for (path, object) in found {
            let open = path.ends_with("ConnectionEntry");
            assert_eq!(object["additionalProperties"], Value::Bool(open), "{path}");
            for (key, property) in object["properties"].as_object().unwrap() {
                let target =
                    property.get("$ref").and_then(Value::as_str).and_then(|r| schema.pointer(&r[1..]));
                let described = property.get("description").or(target.and_then(|t| t.get("description")));
                assert!(described.is_some(), "{path}: {key} has no description");
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    for schema in [instance_schema(), project_schema(&registry())] {
        let mut found = Vec::new();
        references(&schema, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            let target = reference.strip_prefix('#').and_then(|pointer| schema.pointer(pointer));
            assert!(target.is_some(), "{reference}");
        }
    }
}

#[test]
fn the_options_of_a_connection_follow_its_type() {
    let schema = project_schema(&registry());
    let connection = &schema["$defs"]["ConnectionEntry"];
    let types: Vec<&str> = connection["properties"]["type"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|t| t["const"].as_str())
        .collect();
    assert_eq!(types, ["feed", "folder", "inbox", "postgres"]);
    let branches = connection["allOf"].as_array().unwrap();
    let postgres = branches.iter().find(|b| b["if"]["properties"]["type"]["const"] == "postgres").unwrap();
    let options = schema.pointer(&postgres["then"]["$ref"].as_str().unwrap()[1..]).unwrap();
    assert!(options["properties"]["url"].is_object());
    // The keys of every connection are accepted beside the closed options.
    assert_eq!(options["additionalProperties"], false);
    assert_eq!(options["properties"]["max_concurrent_runs"], true);
    assert_eq!(options["properties"]["tls"]["anyOf"][0]["$ref"], "#/$defs/options-postgres-Tls");
}

/// The examples of the schema are documents that load.
#[test]
fn every_example_of_an_entity_key_loads() {
    let schema = instance_schema();
    let properties = schema["$defs"]["EntityDoc"]["properties"].as_object().unwrap();
    let mut tried = 0;
    for (key, property) in properties {
        for example in property.get("examples").and_then(Value::as_array).into_iter().flatten() {
            let mode = if key == "append_without_ledger" { "append" } else { "upsert" };
            let extra = if key == "mapping" { "" } else { "    mapping: { id: id }\n" };
            let example = if key == "mapping" {
                r#"{"id": "id", "email": "lower(trim(email))"}"#.to_string()
            } else {
                example.to_string()
            };
            let project =
                Folder::with_entity(&format!("    write_mode: {mode}\n{extra}    {key}: {example}"));
            assert!(
                project.load_as(None).is_ok(),
                "{key}: {example}\n{}",
                project.load_as(None).unwrap_err()
            );
            tried += 1;
        }
    }
    assert!(tried >= 7, "{tried}");
}
