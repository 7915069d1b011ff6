//! What is read: types, columns and bad rows of each format, several files at once.

use std::collections::BTreeMap;

use serde_json::json;
use syncline_connector::{ConnectionConfig, Consistency};
use syncline_core::sync::{FileFormat, FileModel};
use syncline_core::{ErrorKind, LogicalType};

use super::fixture::{Home, file_model, model, model_of, read, row};

#[tokio::test]
async fn csv_tells_null_from_empty_and_types_by_the_model() {
    let home = Home::new();
    home.put("c.csv", "\u{feff}id;name;note\r\n1;\"\";x\r\n2;;\"a;\"\"b\"\"\r\n\"\r\nNULL;N;y\r\n");
    let file = FileModel { delimiter: Some(';'), null: Some("NULL".into()), ..file_model("c.csv") };
    let file = FileModel { types: BTreeMap::from([("id".into(), LogicalType::Int64)]), ..file };
    let read = home.read(&model_of(file)).await.unwrap();
    assert_eq!(read.types()[0], ("id".into(), "int64".into()));
    let expected = [
        row(&[Some("1"), Some(""), Some("x")]),
        row(&[Some("2"), None, Some("a;\"b\"\r\n")]),
        row(&[None, Some("N"), Some("y")]),
    ];
    assert_eq!(read.texts(), expected);
    assert_eq!(read.consistency, Consistency::Snapshot);
}

#[tokio::test]
async fn bad_csv_rows_are_reported_with_their_place_and_the_read_goes_on() {
    let home = Home::new();
    home.put("c.csv", b"id,n\n1,1\n2\n3,\xff\n4,x\n5,\"a\"b\n6,6\n");
    let read = home.read(&model("c.csv", &[("id", "int64"), ("n", "int64")])).await.unwrap();
    let places: Vec<&str> = read.unreadable.iter().map(|u| u.place.as_str()).collect();
    assert_eq!(places, ["c.csv:3", "c.csv:4", "c.csv:6"]);
    assert!(read.unreadable[0].error.message.contains("expected 2 fields, found 1"));
    assert!(read.unreadable[1].error.message.contains("offset 13 "), "{:?}", read.unreadable[1]);
    let expected = [row(&[Some("1"), Some("1")]), row(&[Some("4"), None]), row(&[Some("6"), Some("6")])];
    assert_eq!(read.texts(), expected);
    assert_eq!(read.invalid.len(), 1);
    assert_eq!(read.invalid[0].row, 1);
    assert_eq!(read.invalid[0].error.field.as_deref(), Some("n"));
    assert_eq!(read.invalid[0].error.raw_value.as_deref(), Some("x"));
}

#[tokio::test]
async fn files_of_a_pattern_are_read_in_name_order_and_must_agree() {
    let home = Home::new();
    home.put("b.csv", "name,id\nB,2\n");
    home.put("a.csv", "id,name\n1,A\n");
    let all = model("*.csv", &[("id", "int64")]);
    assert_eq!(
        home.read(&all).await.unwrap().texts(),
        [row(&[Some("1"), Some("A")]), row(&[Some("2"), Some("B")])]
    );
    let columns = Some(vec!["name".to_string()]);
    assert_eq!(
        read(&*home.source, &all, columns).await.unwrap().texts(),
        [row(&[Some("A")]), row(&[Some("B")])]
    );
    home.put("c.csv", "id,title\n3,C\n");
    let e = home.read(&all).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::ModelQueryFailed);
    assert!(e.message.contains("c.csv") && e.message.contains("'name'"), "{}", e.message);
}

#[tokio::test]
async fn json_lines_are_typed_by_the_model_or_by_all_their_values() {
    let home = Home::new();
    home.put(
        "a.jsonl",
        "{\"id\":9007199254740993,\"v\":0.12345678901234567890,\"o\":{\"a\": 1.10}}\nnonsense\n",
    );
    home.put("b.jsonl", "{\"id\":\"x\",\"new\":true}\n\n{\"o\":null,\"d\":\"2025-01-31\"}");
    let read = home.read(&model("*.jsonl", &[("id", "int64"), ("d", "date"), ("z", "text")])).await.unwrap();
    let types: Vec<String> = read.types().into_iter().map(|(n, t)| format!("{n} {t}")).collect();
    assert_eq!(types, ["id int64", "v numeric", "o json", "new bool", "d date", "z text"]);
    let expected = [
        row(&[
            Some("9007199254740993"),
            Some("0.12345678901234567890"),
            Some("{\"a\": 1.10}"),
            None,
            None,
            None,
        ]),
        row(&[None, None, None, Some("true"), None, None]),
        row(&[None, None, None, None, Some("2025-01-31"), None]),
    ];
    assert_eq!(read.texts(), expected);
    assert_eq!(read.unreadable[0].place, "a.jsonl:2");
    assert_eq!((read.invalid[0].row, read.invalid[0].error.raw_value.as_deref()), (1, Some("x")));
}

#[tokio::test]
async fn discover_lists_files_with_their_columns() {
    let home = Home::new();
    home.put("a.csv", "id,name\n");
    home.put("broken.parquet", "x");
    home.put("notes.txt", "x");
    let found = home.source.discover().await.unwrap();
    let found: Vec<(String, usize)> = found.into_iter().map(|s| (s.name, s.schema.fields().len())).collect();
    assert_eq!(found, [("a.csv".to_string(), 2), ("broken.parquet".to_string(), 0)]);
    assert!(home.source.check().await.unwrap().contains("2 readable files"));
}

#[test]
fn the_options_are_checked_and_described() {
    let registry = syncline_connectors::registry();
    let spec = registry.spec("files").unwrap();
    let schema = (spec.options_schema)();
    assert_eq!(schema["properties"]["path"]["type"], "string");
    assert_eq!(schema["required"], json!(["path"]));
    let config = |options: serde_json::Value| ConnectionConfig {
        name: "f".into(),
        type_name: "files".into(),
        options: options.as_object().unwrap().clone(),
        base_dir: ".".into(),
    };
    assert!(registry.connect(&config(json!({"path": "x", "format": "jsonl"}))).is_ok());
    for bad in [json!({}), json!({"path": "x", "paht": "y"}), json!({"path": "x", "format": "xml"})] {
        assert_eq!(registry.connect(&config(bad)).err().unwrap().kind, ErrorKind::InvalidConfig);
    }
    assert_eq!(FileFormat::Csv, serde_json::from_value(json!("csv")).unwrap());
}
