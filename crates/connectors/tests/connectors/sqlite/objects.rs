//! Describing and creating tables, names that try to be SQL, and targets that do not suit.

use arrow::array::RecordBatch;
use syncline_connector::Equality;
use syncline_core::sync::WriteMode;
use syncline_core::{ErrorKind, LogicalType, Op};

use super::fixture::{
    Fixture, INT, TEXT, batch, chunk, connect, created, kind, people, read, request, table_model, upsert,
    write_with,
};

#[tokio::test]
async fn a_table_is_described_with_keys_equality_and_what_cannot_be_written() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, email TEXT COLLATE NOCASE UNIQUE, code TEXT, note VARCHAR(5) NOT NULL DEFAULT 'x',
            double_id INT GENERATED ALWAYS AS (id * 2), part TEXT);
         CREATE UNIQUE INDEX padded ON t (code COLLATE RTRIM, note);
         CREATE UNIQUE INDEX partial ON t (note) WHERE id > 5;
         CREATE UNIQUE INDEX expression ON t (lower(note));
         CREATE VIEW v AS SELECT * FROM t;
         CREATE VIRTUAL TABLE docs USING fts5(body);",
    );
    let d = f.describe("t").await;
    assert_eq!(d.unique_keys.len(), 3, "{:?}", d.unique_keys);
    for key in [vec!["id"], vec!["email"], vec!["code", "note"]] {
        assert!(d.unique_keys.iter().any(|k| *k == key), "{key:?}");
    }
    let field = |name: &str| d.fields.iter().find(|f| f.name == name).unwrap();
    assert_eq!(field("email").equality, Equality::CaseInsensitive);
    assert_eq!(field("code").equality, Equality::Padded);
    assert_eq!(field("note").equality, Equality::Exact);
    assert_eq!(
        (field("note").nullable, field("note").has_default, field("note").max_chars),
        (false, true, None)
    );
    assert!(field("double_id").read_only && !field("id").read_only);
    assert_eq!(d.not_writable, None);
    assert!(d.identity.contains(&f.path().display().to_string()) && d.identity.ends_with(":t"));
    assert!(f.describe("v").await.not_writable.unwrap().contains("view"));
    assert!(f.describe("docs").await.not_writable.is_some());
    assert!(f.destination().describe("nope").await.unwrap().is_none());
    assert!(f.destination().describe("T").await.unwrap().is_some(), "names have no case");
}

#[tokio::test]
async fn a_destination_may_create_its_file_and_table_but_only_when_told() {
    let f = Fixture::empty();
    let schema = batch(
        &[("id", INT), ("price", LogicalType::Numeric(Some((38, 10)))), ("say \"hi\"", LogicalType::Json)],
        &[],
    )
    .schema();
    let matches = ["id".to_string()];
    assert_eq!(
        kind(f.destination().create("t", &schema, &matches).await).0,
        ErrorKind::DestinationUnsuitable
    );
    assert!(!f.path().exists());

    let options = serde_json::json!({ "path": "data.db", "create": true });
    let connection = connect(f.folder.path(), options).unwrap();
    let destination = connection.destination.unwrap();
    assert!(destination.check().await.unwrap().contains("will be created"));
    assert!(destination.describe("t").await.unwrap().is_none());
    assert!(!f.path().exists(), "describing makes nothing");
    assert_eq!(kind(connection.source.unwrap().check().await).0, ErrorKind::SourceUnreachable);
    let plan = destination.creation_plan("t", &schema, &matches).unwrap();
    assert!(plan.starts_with("CREATE TABLE \"t\""), "{plan}");
    destination.create("t", &schema, &matches).await.unwrap();
    let d = f.describe("t").await;
    assert_eq!(d.unique_keys, [["id"]]);
    let types: Vec<_> = d.fields.iter().map(|f| (f.name.as_str(), f.ty.to_string())).collect();
    assert_eq!(
        types,
        [("id", "int64".into()), ("price", "numeric".into()), ("say \"hi\"", "json".to_string())]
    );
    assert_eq!(kind(destination.create("t", &schema, &matches).await).0, ErrorKind::DestinationFailed);
}

#[tokio::test]
async fn the_incarnation_changes_when_the_table_is_made_anew_and_only_then() {
    let make = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);";
    let f = Fixture::new(make);
    let payload = people(&[&[Some("1"), Some("Ada")]]);
    let incarnation = async || f.describe("t").await.incarnation;
    let first = incarnation().await;
    upsert(&f, &payload).await;
    assert_eq!(incarnation().await, first, "our own writes are not noticed");
    upsert(&f, &payload).await;
    f.sql("CREATE TABLE other (x); DROP TABLE other; CREATE INDEX i ON t (name); ALTER TABLE t ADD COLUMN age INT;
           ALTER TABLE t DROP COLUMN age; INSERT INTO t VALUES (7, 'x'); DELETE FROM t; VACUUM; ANALYZE;");
    assert_eq!(incarnation().await, first, "neither is what others do to this or other tables");
    let mut seen = vec![first];
    for _ in 0..3 {
        f.sql(&format!("DROP TABLE t; {make}"));
        let now = incarnation().await;
        assert!(!seen.contains(&now), "made anew, before we wrote to it");
        upsert(&f, &payload).await;
        assert_eq!(incarnation().await, now, "our own first write is not noticed");
        seen.push(now);
    }
    f.sql(&format!("ALTER TABLE t RENAME TO old; {make}"));
    assert!(!seen.contains(&incarnation().await), "replaced by renaming");
}

#[tokio::test]
async fn a_replaced_file_is_noticed() {
    let f = Fixture::new("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);");
    upsert(&f, &people(&[&[Some("1"), Some("Ada")]])).await;
    let first = f.describe("t").await.incarnation;
    let backup = f.folder.path().join("backup.db");
    std::fs::copy(f.path(), &backup).unwrap();
    std::fs::rename(&backup, f.path()).unwrap();
    assert_ne!(f.describe("t").await.incarnation, first);
}

#[tokio::test]
async fn hostile_names_and_values_are_only_names_and_values() {
    let table = "t\"; DROP TABLE victim; --";
    let column = "x\"; DROP TABLE victim; --";
    let f = Fixture::new("CREATE TABLE victim (id INTEGER);");
    let payload = batch(
        &[("id", INT), (column, TEXT), ("select", TEXT)],
        &[&[Some("1"), Some("'); DROP TABLE victim; --"), Some("nul\0in\u{1f600}side")]],
    );
    let destination = f.destination();
    destination.create(table, &payload.schema(), &["id".to_string()]).await.unwrap();
    let mut request = request(WriteMode::Upsert, &["id"], &payload);
    request.target.object = table.into();
    assert_eq!(write_with(&f, request, &chunk(0, Op::Create, &payload)).await.unwrap(), [created()]);
    let read = read(&*f.source(), table_model(table)).await.unwrap();
    assert_eq!(read.rows[0][1].as_deref(), Some("'); DROP TABLE victim; --"));
    assert_eq!(read.rows[0][2].as_deref(), Some("nul\0in\u{1f600}side"));
    assert_eq!(f.get("SELECT count(*) FROM victim"), "0");
    assert!(destination.describe("x' OR 1=1 --").await.unwrap().is_none());
}

#[tokio::test]
async fn an_unsuitable_target_is_refused_when_opened_and_nothing_is_left_there() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER, name TEXT, twice INT GENERATED ALWAYS AS (id * 2)); CREATE VIEW v AS SELECT * FROM t;
         CREATE UNIQUE INDEX partial ON t (id) WHERE id > 0;",
    );
    let payload = people(&[&[Some("1"), Some("Ada")]]);
    let unknown = batch(&[("id", INT), ("nope", TEXT)], &[]);
    let generated = batch(&[("id", INT), ("twice", INT)], &[]);
    let no_key = request(WriteMode::Upsert, &["id"], &payload);
    let append = |payload: &RecordBatch| request(WriteMode::Append, &[], payload);
    let at = |object: &str| {
        let mut request = append(&payload);
        request.target.object = object.into();
        request
    };
    for (request, word) in [
        (no_key, "unique"),
        (append(&unknown), "nope"),
        (append(&generated), "twice"),
        (at("v"), "view"),
        (at("missing"), "missing"),
        (at("sqlite_schema"), "sqlite_schema"),
    ] {
        let (kind_, message) = kind(f.destination().open(request).await.map(|_| ()));
        assert_eq!(kind_, ErrorKind::DestinationUnsuitable, "{message}");
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(f.get("SELECT count(*) FROM sqlite_schema WHERE name LIKE '\\_syncline%' ESCAPE '\\'"), "0");
}
