//! `docs/configuration.md` describes every key. Its tables are made from the schemas; run the test
//! with `UPDATE_DOCS=1` to write them again.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;
use syncline_config::{instance_schema, project_schema};
use syncline_connector::Registry;

/// The tables: name of the mark in the document, and the definition it lists.
const TABLES: [(&str, &str); 18] = [
    ("project", ""),
    ("connection", "ConnectionEntry"),
    ("notification", "NotificationEntry"),
    ("lookup", "LookupEntry"),
    ("settings", "SettingsEntry"),
    ("retention", "RetentionEntry"),
    ("server", "ServerEntry"),
    ("instance", ""),
    ("entity", "EntityDoc"),
    ("model", "ModelDoc"),
    ("to", "TargetDoc"),
    ("field", "FieldRules"),
    ("schedule", "ScheduleDoc"),
    ("guards", "GuardsDoc"),
    ("halt", "HaltDoc"),
    ("full_read", "FullReadDoc"),
    ("flag", "FlagValue"),
    ("key_file", "KeyFile"),
];

fn table(schema: &Value, object: &Value) -> String {
    let required: Vec<&str> =
        object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut out = String::from("| Key | Value | Default | Meaning |\n|---|---|---|---|\n");
    for (key, property) in object["properties"].as_object().unwrap() {
        let default = match property.get("default").filter(|d| !d.is_null()) {
            Some(value) => code(value),
            None if required.contains(&key.as_str()) => "required".to_string(),
            None => "–".to_string(),
        };
        let examples = property.get("examples").and_then(Value::as_array).into_iter().flatten();
        let examples: Vec<String> = examples.map(code).collect();
        let mut meaning = describe(schema, property).replace('\n', " ").replace('|', "\\|");
        if !examples.is_empty() {
            write!(meaning, " Example: {}.", examples.join(", ")).unwrap();
        }
        let kind = kind(schema, property, 0).join(" or ").replace('|', "\\|");
        writeln!(out, "| `{key}` | {kind} | {default} | {meaning} |").unwrap();
    }
    out
}

/// A value as it may be written in YAML.
fn code(value: &Value) -> String {
    match value {
        Value::String(text) => format!("`{text}`"),
        other => format!("`{}`", other.to_string().replace(':', ": ").replace(',', ", ")),
    }
}

fn describe<'a>(schema: &'a Value, property: &'a Value) -> &'a str {
    let own = property.get("description").and_then(Value::as_str);
    own.or_else(|| target(schema, property)?.get("description")?.as_str()).unwrap_or("")
}

fn target<'a>(schema: &'a Value, property: &Value) -> Option<&'a Value> {
    schema.pointer(property.get("$ref")?.as_str()?.strip_prefix('#')?)
}

/// What a value may be, in a few words.
fn kind(schema: &Value, property: &Value, depth: usize) -> Vec<String> {
    if depth > 8 {
        return Vec::new();
    }
    if let Some(target) = target(schema, property) {
        return kind(schema, target, depth + 1);
    }
    if let Some(word) = property.get("const").and_then(Value::as_str) {
        return vec![format!("`{word}`")];
    }
    if let Some(words) = property.get("enum").and_then(Value::as_array) {
        return words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(branches) = property.get(choice).and_then(Value::as_array)
            && property.get("properties").is_none()
        {
            let mut kinds: Vec<String> = branches.iter().flat_map(|b| kind(schema, b, depth + 1)).collect();
            kinds.dedup();
            return kinds;
        }
    }
    let format = match property.get("x-format").and_then(Value::as_str) {
        Some("duration" | "period") => Some("duration"),
        Some("limit") => Some("percentage or count"),
        Some("percent") => Some("percentage"),
        Some("bytes") => Some("size"),
        Some("cron") => Some("cron expression"),
        Some("timezone") => Some("time zone"),
        Some("sync_id") => Some("sync id"),
        Some("name") => Some("name"),
        Some("column_type") => Some("column type"),
        Some("delimiter") => Some("character"),
        Some("listen_address") => Some("IP address and port"),
        Some("base_url") => Some("address"),
        _ => None,
    };
    if let Some(format) = format {
        return vec![format.to_string()];
    }
    let types: Vec<&str> = match &property["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if property.get("x-text").is_some() {
        return vec!["text".to_string()];
    }
    types
        .into_iter()
        .filter_map(|name| match name {
            "string" => Some("text".to_string()),
            "integer" => Some("whole number".to_string()),
            "number" => Some("number".to_string()),
            "boolean" => Some("`true` or `false`".to_string()),
            "array" => {
                let items = kind(schema, &property["items"], depth + 1);
                Some(match items.as_slice() {
                    [item] => format!("list of {item}"),
                    items => format!("list of ({})", items.join(" or ")),
                })
            }
            "object" => Some("mapping".to_string()),
            _ => None,
        })
        .collect()
}

#[test]
fn the_reference_lists_every_key_as_the_schema_has_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let mut text = std::fs::read_to_string(&path).unwrap();
    let before = text.clone();
    let (project, instance) = (project_schema(&Registry::default()), instance_schema());
    for (name, definition) in TABLES {
        let place = |schema: &Value| match definition {
            "" => None,
            definition => schema["$defs"].get(definition).cloned(),
        };
        let (schema, object) = match (name, place(&project), place(&instance)) {
            ("project", ..) => (&project, project.clone()),
            ("instance", ..) => (&instance, instance.clone()),
            (_, Some(object), _) if !["EntityDoc"].contains(&definition) => (&project, object),
            (_, _, Some(object)) => (&instance, object),
            _ => panic!("the schemas have no {definition}"),
        };
        let (open, close) = (format!("<!-- table: {name} -->\n"), "<!-- end -->");
        let start = text.find(&open).unwrap_or_else(|| panic!("no table {name}")) + open.len();
        let end =
            start + text[start..].find(close).unwrap_or_else(|| panic!("the table {name} does not end"));
        text.replace_range(start..end, &table(schema, &object));
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    } else {
        assert!(
            before == text,
            "docs/configuration.md is not what the schemas say; run this test with UPDATE_DOCS=1"
        );
    }
}

/// No definition with keys is left out of the tables.
#[test]
fn every_definition_has_a_table() {
    for schema in [project_schema(&Registry::default()), instance_schema()] {
        for (name, definition) in schema["$defs"].as_object().unwrap() {
            // Defaults are an entity's keys; `flag` has one key, shown with its value.
            let covered =
                TABLES.iter().any(|(_, d)| d == name) || ["Defaults", "FlagDoc"].contains(&name.as_str());
            assert!(covered || definition.get("properties").is_none(), "{name}");
        }
    }
}
