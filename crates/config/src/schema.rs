//! JSON Schema of the documents, generated from their types.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use syncline_connector::Registry;

use crate::documents::{InstanceDoc, ProjectDoc};

/// Keys of a connection that do not belong to its connector.
pub(crate) const CONNECTION_KEYS: [&str; 3] = ["type", "description", "max_concurrent_runs"];

pub(crate) static PROJECT: LazyLock<Value> = LazyLock::new(generate::<ProjectDoc>);
pub(crate) static INSTANCE: LazyLock<Value> = LazyLock::new(generate::<InstanceDoc>);

fn generate<T: schemars::JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}

/// The schema of `syncline.yaml`. A connection's options follow its `type`, as the connectors of
/// `registry` describe them.
pub fn project_schema(registry: &Registry) -> Value {
    let mut schema = PROJECT.clone();
    let mut types = Vec::new();
    let mut branches = Vec::new();
    let mut definitions = Map::new();
    for spec in registry.specs() {
        types.push(json!({ "const": spec.type_name, "description": spec.title }));
        let name = format!("options-{}", spec.type_name);
        let mut options = (spec.options_schema)();
        move_definitions(&mut options, &name, &mut definitions);
        open_to_common_keys(&mut options);
        definitions.insert(name.clone(), options);
        branches.push(json!({
            "if": { "properties": { "type": { "const": spec.type_name } }, "required": ["type"] },
            "then": { "$ref": format!("#/$defs/{name}") },
        }));
    }
    if let Some(connection) = schema.pointer_mut("/$defs/ConnectionEntry").and_then(Value::as_object_mut) {
        if let Some(type_schema) = connection.get_mut("properties").and_then(|p| p.get_mut("type")) {
            type_schema["oneOf"] = Value::Array(types);
        }
        connection.insert("allOf".to_string(), Value::Array(branches));
    }
    if let Some(all) = schema.pointer_mut("/$defs").and_then(Value::as_object_mut) {
        all.extend(definitions);
    }
    schema
}

/// The schema of a file in `syncs/`.
pub fn instance_schema() -> Value {
    INSTANCE.clone()
}

/// Moves a schema's own definitions to the root's, under names that carry the connector's.
fn move_definitions(options: &mut Value, prefix: &str, definitions: &mut Map<String, Value>) {
    for place in ["$defs", "definitions"] {
        let Some(Value::Object(own)) = options.as_object_mut().and_then(|o| o.remove(place)) else {
            continue;
        };
        let old = format!("#/{place}/");
        let new = format!("#/$defs/{prefix}-");
        rewrite_references(options, &old, &new);
        for (name, mut definition) in own {
            rewrite_references(&mut definition, &old, &new);
            definitions.insert(format!("{prefix}-{name}"), definition);
        }
    }
    if let Some(options) = options.as_object_mut() {
        options.remove("$schema");
    }
}

fn rewrite_references(schema: &mut Value, old: &str, new: &str) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(name) = target.strip_prefix(old) {
                            *target = format!("{new}{name}");
                        }
                    }
                    other => rewrite_references(other, old, new),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite_references(item, old, new)),
        _ => {}
    }
}

/// Lets a closed options schema accept the keys that every connection has.
fn open_to_common_keys(options: &mut Value) {
    let Some(options) = options.as_object_mut() else { return };
    let properties = options.entry("properties").or_insert_with(|| json!({}));
    if let Some(properties) = properties.as_object_mut() {
        for key in CONNECTION_KEYS {
            properties.entry(key).or_insert(Value::Bool(true));
        }
    }
}
