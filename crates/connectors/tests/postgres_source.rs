//! The PostgreSQL source against a real server.
#![cfg(feature = "postgres")]

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use syncline_connector::{
    ConnectionConfig, Consistency, InvalidRow, ReadEnd, ReadFilter, ReadRequest, Source, SourceItem,
};
use syncline_core::sync::{Model, ModelQuery};
use syncline_core::{CursorValue, Error, ErrorKind, LogicalType, Result, text};
use syncline_tests::postgres::{Database, Durability, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const TIMEOUT: Duration = Duration::from_secs(60);

fn try_source(options: serde_json::Value) -> Result<Arc<dyn Source>> {
    let serde_json::Value::Object(options) = options else { panic!("options are an object") };
    let config = ConnectionConfig {
        name: "shop".into(),
        type_name: "postgres".into(),
        options,
        base_dir: env!("CARGO_MANIFEST_DIR").into(),
    };
    Ok(syncline_connectors::registry().connect(&config)?.source.expect("postgres is a source"))
}

fn source(url: &str) -> Arc<dyn Source> {
    try_source(json!({ "url": url })).unwrap()
}

fn sql(text: &str) -> Model {
    let query = ModelQuery::Sql { sql: text.into(), origin: "m.yaml:3".into() };
    Model { query, key: vec!["id".into()], cursor: None, timeout: TIMEOUT }
}

fn table(name: &str) -> Model {
    Model { query: ModelQuery::Table(name.into()), ..sql("") }
}

fn all(model: Model) -> ReadRequest {
    ReadRequest { model, columns: None, filter: ReadFilter::All, order_by: Vec::new() }
}

type Texts = Vec<Vec<Option<String>>>;

/// A finished read, as canonical texts.
struct Read {
    rows: Texts,
    types: Vec<String>,
    batches: usize,
    invalid: Vec<InvalidRow>,
    end: ReadEnd,
}

async fn read(source: &Arc<dyn Source>, request: ReadRequest) -> Result<Read> {
    let (mut rows, mut types, mut batches, mut invalid, mut end) =
        (Vec::new(), Vec::new(), 0, Vec::new(), None);
    let mut stream = source.read(request).await?;
    while let Some(item) = stream.next().await {
        assert!(end.is_none(), "something follows the end");
        match item? {
            SourceItem::End(found) => end = Some(found),
            SourceItem::Batch(batch) => {
                let logical: Vec<LogicalType> =
                    batch.rows.schema().fields().iter().map(|f| LogicalType::of(f).unwrap()).collect();
                types = logical.iter().map(ToString::to_string).collect();
                for row in 0..batch.rows.num_rows() {
                    let texts = batch.rows.columns().iter().zip(&logical);
                    rows.push(texts.map(|(array, ty)| text::render(array, ty, row)).collect());
                }
                batches += 1;
                invalid.extend(batch.invalid);
                assert!(batch.unreadable.is_empty());
            }
        }
    }
    Ok(Read { rows, types, batches, invalid, end: end.expect("a read that gave no error has an end") })
}

async fn refusal(source: &Arc<dyn Source>, request: ReadRequest) -> Error {
    match read(source, request).await {
        Ok(read) => panic!("this read must fail, and gave {} rows", read.rows.len()),
        Err(e) => e,
    }
}

fn column(read: &Read, index: usize) -> Vec<&str> {
    read.rows.iter().map(|row| row[index].as_deref().unwrap_or("NULL")).collect()
}

async fn database(setup: &str) -> (Database, Arc<dyn Source>) {
    let database = Server::shared().database().await;
    database.client().await.batch_execute(setup).await.unwrap();
    let source = source(database.url());
    (database, source)
}

#[tokio::test]
async fn every_type_arrives_in_canonical_form() {
    let (_, source) = database(
        "create extension citext; create type mood as enum ('sad', 'very ''happy'''); \
         create domain email as text check (value like '%@%'); create domain price as numeric(10,2); \
         create domain ids as int4[]",
    )
    .await;
    let cases = [
        ("true", "bool", "true"),
        ("'-32768'::int2", "int16", "-32768"),
        ("'2147483647'::int4", "int32", "2147483647"),
        ("'-9223372036854775808'::int8", "int64", "-9223372036854775808"),
        ("4294967295::oid", "int64", "4294967295"),
        ("'1.1754944e-38'::float4", "float32", "0.000000000000000000000000000000000000011754944"),
        ("'NaN'::float4", "float32", "NaN"),
        ("0.1::float8", "float64", "0.1"),
        ("'-Infinity'::float8", "float64", "-Infinity"),
        ("9007199254740993::numeric", "numeric", "9007199254740993"),
        ("1.50::numeric(10,2)", "numeric(10,2)", "1.50"),
        (
            "12345678901234567890.0123456789::numeric(38,10)",
            "numeric(38,10)",
            "12345678901234567890.0123456789",
        ),
        ("-0.00012::numeric", "numeric", "-0.00012"),
        ("-10000.0001::numeric", "numeric", "-10000.0001"),
        ("0.00::numeric", "numeric", "0.00"),
        ("1e25::numeric", "numeric", "10000000000000000000000000"),
        ("100000000::numeric", "numeric", "100000000"),
        ("'NaN'::numeric", "numeric", "NaN"),
        ("'Infinity'::numeric", "numeric", "Infinity"),
        ("'-Infinity'::numeric", "numeric", "-Infinity"),
        ("19.99::price", "numeric(10,2)", "19.99"),
        ("''::text", "text", ""),
        ("'Ünïcode 🦀'::varchar(20)", "text", "Ünïcode 🦀"),
        ("'ab'::char(4)", "text", "ab  "),
        ("'pg_class'::name", "text", "pg_class"),
        ("'Mixed'::citext", "text", "Mixed"),
        ("'very ''happy'''::mood", "text", "very 'happy'"),
        ("'a@b'::email", "text", "a@b"),
        ("'<a>1</a>'::xml", "text", "<a>1</a>"),
        ("'10.0.0.1/8'::inet", "text", "10.0.0.1/8"),
        ("'x'::\"char\"", "text", "x"),
        ("'\\x00ff10'::bytea", "bytes", "\\x00ff10"),
        ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("'0001-01-01'::date", "date", "0001-01-01"),
        ("'9999-12-31'::date", "date", "9999-12-31"),
        ("'4714-11-24 BC'::date", "date", "-4713-11-24"),
        ("'5874897-12-31'::date", "date", "+5874897-12-31"),
        ("'infinity'::date", "date", "infinity"),
        ("'-infinity'::date", "date", "-infinity"),
        ("'24:00:00'::time", "time", "24:00:00"),
        ("'00:00:00.000001'::time", "time", "00:00:00.000001"),
        ("'1969-12-31 23:59:59.999999'::timestamp", "timestamp", "1969-12-31T23:59:59.999999"),
        ("'4714-11-24 00:00:00 BC'::timestamp", "timestamp", "-4713-11-24T00:00:00"),
        ("'294247-01-10 04:00:54.775806'::timestamp", "timestamp", "+294247-01-10T04:00:54.775806"),
        ("'infinity'::timestamp", "timestamp", "infinity"),
        ("'2025-06-01 12:00:00+02'::timestamptz", "timestamptz", "2025-06-01T10:00:00Z"),
        ("'-infinity'::timestamptz", "timestamptz", "-infinity"),
        ("'1 year 2 mons -3 days -90.5 seconds'::interval", "interval", "P14M-3DT-90.5S"),
        ("'{\"a\": 1.0}'::json", "json", "{\"a\": 1.0}"),
        ("'{\"b\":[1,null],\"a\":1.0}'::jsonb", "json", "{\"a\": 1.0, \"b\": [1, null]}"),
        ("array[1,null,3]", "int32[]", "[1,null,3]"),
        ("'[5:6]={7,8}'::int4[]", "int32[]", "[7,8]"),
        ("'{}'::text[]", "text[]", "[]"),
        ("array['a','','\"']::text[]", "text[]", "[\"a\",\"\",\"\\\"\"]"),
        ("array[1.50,'NaN']::numeric(5,2)[]", "numeric(5,2)[]", "[\"1.50\",\"NaN\"]"),
        ("array['sad']::mood[]", "text[]", "[\"sad\"]"),
        ("array['a@b']::email[]", "text[]", "[\"a@b\"]"),
        ("array['::/0']::cidr[]", "text[]", "[\"::/0\"]"),
        ("'10.0.0.1'::inet", "text", "10.0.0.1"),
        ("array[true,null]", "bool[]", "[true,null]"),
        ("array['{\"a\":1}']::jsonb[]", "json[]", "[{\"a\":1}]"),
        ("'{3,4}'::ids", "int32[]", "[3,4]"),
        ("'1 2'::int2vector", "int16[]", "[1,2]"),
    ];
    let columns: Vec<String> =
        cases.iter().enumerate().map(|(i, (value, ..))| format!("{value} as c{i}")).collect();
    // The second row is NULL in every column.
    let model =
        format!("select {} union all select {}", columns.join(", "), ["null"; 100][..cases.len()].join(", "));
    let described = source.describe(&sql(&model)).await.unwrap();
    let read = read(&source, all(sql(&model))).await.unwrap();
    assert_eq!(read.rows.len(), 2);
    assert!(read.invalid.is_empty(), "{:?}", read.invalid);
    for (i, (value, ty, canonical)) in cases.iter().enumerate() {
        // A union gives up the modifiers of its branches where they differ.
        let bare = |ty: &str| ty.split('(').next().unwrap().trim_end_matches("[]").to_string();
        assert_eq!(bare(&read.types[i]), bare(ty), "{value}");
        assert_eq!(read.rows[0][i].as_deref(), Some(*canonical), "{value}");
        assert_eq!(read.rows[1][i], None, "{value}");
        let field = described.field(i);
        assert_eq!(LogicalType::of(field).unwrap().to_string(), read.types[i], "{value}");
        let alone = source.describe(&sql(&format!("select {value} as v"))).await.unwrap();
        assert_eq!(LogicalType::of(alone.field(0)).unwrap().to_string(), *ty, "{value}");
    }
}

#[tokio::test]
async fn values_without_canonical_form_make_their_row_invalid_and_no_other() {
    let (_, source) = database("").await;
    let model = "select id, case id when 2 then array[[1,2],[3,4]] else array[id] end as list, \
                 case id when 3 then '294276-12-31'::timestamp end as moment, \
                 case id when 4 then interval '178000000 years' else interval '1 day' end as span, \
                 case id when 5 then make_interval(secs => 9300000000) end as secs \
                 from generate_series(1, 6) as id";
    let read = read(&source, all(sql(model))).await.unwrap();
    assert_eq!(column(&read, 0), ["1", "2", "3", "4", "5", "6"]);
    let found: Vec<_> = read
        .invalid
        .iter()
        .map(|i| (i.row, i.error.code.as_str(), i.error.field.as_deref().unwrap(), i.error.message.as_str()))
        .collect();
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0].0, 1);
    assert_eq!(found[0].2, "list");
    assert!(found[0].3.contains("2 dimensions"), "{}", found[0].3);
    assert_eq!((found[1].0, found[1].2), (2, "moment"));
    assert_eq!((found[2].0, found[2].2), (4, "secs"));
    assert!(found.iter().all(|f| f.1 == "no_canonical_form"));
    assert_eq!(read.rows[1][1], None);
    assert_eq!(read.rows[2][1].as_deref(), Some("[3]"));
    assert_eq!(read.rows[3][3].as_deref(), Some("P2136000000M0DT0S"));
}

#[tokio::test]
async fn text_of_an_unchecked_encoding_is_invalid_where_it_is_not_utf8() {
    let server = Server::shared();
    let admin = server.database().await.client().await;
    admin
        .batch_execute("create database loose encoding 'SQL_ASCII' locale 'C' template template0")
        .await
        .unwrap();
    let source = source(&server.url("loose"));
    let model = "select 1 as id, 'good' as t union all select 2, convert_from('\\xff41', 'SQL_ASCII')";
    let read = read(&source, all(sql(model))).await.unwrap();
    assert_eq!(column(&read, 1), ["good", "NULL"]);
    assert_eq!(read.invalid.len(), 1);
    assert!(read.invalid[0].error.message.contains("SQL_ASCII"), "{:?}", read.invalid);
}

#[tokio::test]
async fn a_type_without_canonical_form_names_its_column() {
    let (_, source) = database("create table t (id int, at timetz, r int4range)").await;
    for model in [table("t"), sql("select id, at from t")] {
        let error = refusal(&source, all(model.clone())).await;
        assert_eq!(error.kind, ErrorKind::UnsupportedType);
        assert_eq!(error.message, "column 'at' has type timetz, which has no canonical form");
        assert!(error.help.as_deref().unwrap().contains("\"at\"::text"), "{error:?}");
        assert_eq!(source.describe(&model).await.unwrap_err().kind, ErrorKind::UnsupportedType);
    }
    read(&source, all(sql("select id, at::text from t"))).await.unwrap();
}

#[tokio::test]
async fn a_table_is_read_by_its_exact_name() {
    let (_, source) = database(
        "create schema \"My.Shop\"; create table \"My.Shop\".\"Ord\"\"ers\" (id int, \"Sel ect\" text); \
         insert into \"My.Shop\".\"Ord\"\"ers\" values (1, 'a')",
    )
    .await;
    let read = read(&source, all(table("\"My.Shop\".\"Ord\"\"ers\""))).await.unwrap();
    assert_eq!(read.rows, [[Some("1".to_string()), Some("a".to_string())]]);
    let error = refusal(&source, all(table("orders"))).await;
    assert_eq!(error.kind, ErrorKind::ModelQueryFailed);
    assert!(error.message.contains("\"orders\" does not exist"), "{error}");
    assert!(error.help.unwrap().contains("schema"));
}

#[tokio::test]
async fn columns_order_and_limits_of_batches_are_as_asked() {
    let (_, source) = database("").await;
    let model = sql("select i as id, nullif(i % 1000, 7) as k, 'x' as pad from generate_series(1, 70000) i;");
    let request = ReadRequest {
        columns: Some(vec!["k".into(), "id".into()]),
        order_by: vec!["k".into(), "id".into()],
        ..all(model)
    };
    let read = read(&source, request).await.unwrap();
    assert_eq!(read.types, ["int32", "int32"]);
    assert_eq!(read.rows.len(), 70_000);
    assert_eq!(read.batches, 2, "65,536 rows are one batch");
    let key = |row: &[Option<String>]| {
        let number = |t: &Option<String>| t.as_ref().map_or(i64::MAX, |t| t.parse().unwrap());
        (number(&row[0]), number(&row[1]))
    };
    assert!(read.rows.windows(2).all(|w| key(&w[0]) < key(&w[1])));
    assert_eq!(read.rows.last().unwrap()[0], None, "NULLs come last");
}

#[tokio::test]
async fn big_cells_make_small_batches() {
    let (_, source) = database("").await;
    let model = "select i as id, repeat('ä', 4 * 1024 * 1024) as t, \
                 decode(repeat('ff', 3 * 1024 * 1024), 'hex') as b, 1e131071::numeric as n \
                 from generate_series(1, 5) i";
    let read = read(&source, all(sql(model))).await.unwrap();
    assert_eq!(read.batches, 5);
    for row in &read.rows {
        assert_eq!(row[1].as_ref().unwrap().len(), 8 << 20);
        assert_eq!(row[2].as_ref().unwrap().len(), 2 + (6 << 20));
        assert_eq!(row[3].as_ref().unwrap().len(), 131_072);
    }
}

#[tokio::test]
async fn small_wire_values_that_become_long_texts_bound_batches_too() {
    let (_, source) = database("").await;
    let model = sql("select i as id, 1e131071::numeric as n from generate_series(1, 100) i");
    let read = read(&source, all(model)).await.unwrap();
    assert!(read.batches >= 3, "13 MB of text in {} batches", read.batches);
}

#[tokio::test]
async fn keys_select_rows_by_canonical_text() {
    let (_, source) = database(
        "create extension citext; create type mood as enum ('sad', 'ok'); \
         create domain email as varchar; \
         create table t (id int8 primary key, name text, d date, m mood, c citext, u uuid, n numeric, f float8, \
                         e email, p char(4), b bytea, l int4[], j jsonb, ip inet, ts timestamptz, ok bool); \
         insert into t values \
         (1, 'o''x', '0044-03-15 BC', 'sad', 'Abc', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1.50, 'NaN', 'a@b', 'ab', \
          '\\x00', '{1,null}', '{\"a\":1}', '::1', '2025-06-01 12:00:00+02', true), \
         (2, 'back\\slash \"q\" {,}', 'infinity', 'ok', 'abc', null, 'NaN', 0, 'c', 'cd', '\\xff', '{}', '[]', \
          '10.0.0.0/8', 'infinity', false)",
    )
    .await;
    let by = async |key: &[&str], keys: &[&[&str]]| {
        let keys = keys.iter().map(|k| k.iter().map(ToString::to_string).collect()).collect();
        let model = Model { key: key.iter().map(ToString::to_string).collect(), ..table("t") };
        let request = ReadRequest {
            columns: Some(vec!["id".into()]),
            filter: ReadFilter::Keys(keys),
            order_by: vec!["id".into()],
            model,
        };
        column(&read(&source, request).await.unwrap(), 0).join(",")
    };
    for (key, value, expected) in [
        ("id", "1", "1"),
        ("id", "x", ""),
        ("id", "99999999999999999999", ""),
        ("name", "o'x", "1"),
        ("name", "back\\slash \"q\" {,}", "2"),
        ("name", "NUL\0", ""),
        ("d", "-0043-03-15", "1"),
        ("d", "infinity", "2"),
        ("d", "-20000-01-01", ""),
        ("m", "sad", "1"),
        ("m", "furious", ""),
        ("c", "abc", "2"),
        ("c", "Abc", "1"),
        ("u", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "1"),
        ("n", "1.5", "1"),
        ("n", "NaN", "2"),
        ("n", "1e19999", ""),
        ("f", "NaN", "1"),
        ("e", "a@b", "1"),
        ("p", "ab  ", "1"),
        ("p", "ab", "1"),
        ("b", "\\x00", "1"),
        ("l", "[1,null]", "1"),
        ("l", "[]", "2"),
        ("j", "{\"a\": 1}", "1"),
        ("ip", "::1", "1"),
        ("ts", "2025-06-01T10:00:00Z", "1"),
        ("ts", "infinity", "2"),
        ("ok", "true", "1"),
    ] {
        assert_eq!(by(&[key], &[&[value]]).await, expected, "{key} = {value}");
    }
    assert_eq!(by(&["id"], &[]).await, "");
    assert_eq!(by(&["id"], &[&["2"], &["1"], &["3"], &["'"]]).await, "1,2");
    assert_eq!(by(&["id", "name"], &[&["1", "o'x"], &["2", "o'x"]]).await, "1");
    assert_eq!(by(&["m", "ip", "l"], &[&["ok", "10.0.0.0/8", "[]"], &["sad", "::1", "[]"]]).await, "2");
}

#[tokio::test]
async fn a_hundred_thousand_keys_are_one_read() {
    let (_, source) = database(
        "create table t (id int primary key, s text); \
         insert into t select i, 'k' || i from generate_series(1, 250000) i",
    )
    .await;
    let keys = |pair: bool| {
        let key = move |i: i32| if pair { vec![i.to_string(), format!("k{i}")] } else { vec![i.to_string()] };
        ReadFilter::Keys((1..=200_000).step_by(2).map(key).collect())
    };
    for pair in [false, true] {
        let key = if pair { vec!["id".into(), "s".into()] } else { vec!["id".into()] };
        let request = ReadRequest { filter: keys(pair), ..all(Model { key, ..table("t") }) };
        assert_eq!(read(&source, request).await.unwrap().rows.len(), 100_000);
    }
}

#[tokio::test]
async fn a_cursor_reads_ties_and_nulls_again_and_the_keys_asked_for() {
    let (_, source) = database(
        "create table t (id int, at timestamptz, day date, n numeric, o oid); insert into t values \
         (1, '2025-01-01Z', '2025-01-01', 1, 1), (2, '2025-01-02Z', '2025-01-02', 2, 2), \
         (3, '2025-01-02 00:00:00.000001Z', '2025-01-03', 3, 4294967295), (4, null, null, null, null), \
         (5, '-infinity', '-infinity', 'NaN', 5), (6, 'infinity', 'infinity', 0, 0)",
    )
    .await;
    let since = async |column_name: &str, from: CursorValue, keys: &[&str]| {
        let filter = ReadFilter::Since {
            column: column_name.into(),
            from,
            keys: keys.iter().map(|k| vec![k.to_string()]).collect(),
        };
        let request = ReadRequest { filter, order_by: vec!["id".into()], ..all(table("t")) };
        column(&read(&source, request).await.unwrap(), 0).join(",")
    };
    let second = |zoned| CursorValue::Timestamp { micros: 1_735_776_000_000_000, zoned };
    assert_eq!(since("at", second(true), &[]).await, "2,3,4,6");
    assert_eq!(since("at", second(true), &["1", "nonsense"]).await, "1,2,3,4,6");
    assert_eq!(since("day", second(false), &[]).await, "2,3,4,6");
    assert_eq!(since("n", CursorValue::Integer(2), &[]).await, "2,3,4,5");
    assert_eq!(since("o", CursorValue::Integer(5), &[]).await, "3,4,5");
    assert_eq!(since("n", CursorValue::Opaque("2.5".into()), &[]).await, "3,4,5");
    let end = CursorValue::Timestamp { micros: i64::MAX, zoned: true };
    assert_eq!(since("at", end, &[]).await, "4,6");
}

#[tokio::test]
async fn a_read_is_one_snapshot_and_tells_the_sources_time() {
    let (database, source) = database("create table t (id int); insert into t values (1)").await;
    let writer = database.client().await;
    writer.batch_execute("begin; insert into t values (2)").await.unwrap();
    let open_since: std::time::SystemTime = writer.query_one("select now()", &[]).await.unwrap().get(0);
    let open_since = jiff::Timestamp::try_from(open_since).unwrap();

    let mut stream = source.read(all(table("t"))).await.unwrap();
    writer.batch_execute("commit").await.unwrap();
    let mut rows = 0;
    let mut end = None;
    while let Some(item) = stream.next().await {
        match item.unwrap() {
            SourceItem::Batch(batch) => rows += batch.rows.num_rows(),
            SourceItem::End(found) => end = Some(found),
        }
    }
    let end = end.unwrap();
    assert_eq!(rows, 1, "the second row was committed after the snapshot");
    assert_eq!(end.consistency, Consistency::Snapshot);
    assert_eq!(end.oldest_open_write, Some(open_since));
    assert!(end.now.unwrap() >= open_since);
    let later = read(&source, all(table("t"))).await.unwrap();
    assert_eq!(later.rows.len(), 2);
    assert_eq!(later.end.oldest_open_write, None);
    assert!(later.end.now > end.now);
}

#[tokio::test]
async fn an_empty_model_has_an_end_and_no_rows() {
    let (_, source) = database("create table t (id int)").await;
    let read = read(&source, all(table("t"))).await.unwrap();
    assert_eq!((read.rows.len(), read.batches), (0, 0));
}

#[tokio::test]
async fn a_model_cannot_write_or_leave_its_parentheses() {
    let (database, source) = database(
        "create table t (id int); insert into t values (1); create sequence s; \
         create function sneaky() returns int language sql as 'insert into t values (99) returning id'",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    // The server runs as somebody else and must be able to write here, or the test proves nothing.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let file = folder.path().join("canary");
    let program = format!("touch {}", file.display());
    for attack in [
        "delete from t".to_string(),
        "delete from t returning id".to_string(),
        "insert into t values (2) returning id".to_string(),
        "with gone as (delete from t returning id) select * from gone".to_string(),
        "select 1 as id; delete from t".to_string(),
        "select 1 as id; select 2 as id".to_string(),
        "commit; delete from t".to_string(),
        "drop table t".to_string(),
        "select * into t2 from t".to_string(),
        "select * from t for update".to_string(),
        "select nextval('s') as id".to_string(),
        "select sneaky() as id".to_string(),
        "select set_config('transaction_read_only', 'off', false) as id".to_string(),
        "select set_config('transaction_read_only', 'off', false) as id from t, sneaky()".to_string(),
        "explain analyze delete from t".to_string(),
        "show server_version".to_string(),
        "set transaction_read_only = off".to_string(),
        format!("copy t to program '{program}'"),
        format!("select 1 as id) to program '{program}' --"),
        format!("select 1 as id) as model) to program '{program}' --"),
        format!("select 1 as id\n) as model) to program '{program}' /*"),
        format!("select 1 as id -- \n) as model) to program '{program}'; --"),
        "select 1 as id) as a, (delete from t returning id".to_string(),
        "select $1::int as id".to_string(),
        "do $$ begin delete from t; end $$".to_string(),
        "call sneaky()".to_string(),
        "".to_string(),
        ";".to_string(),
        "-- nothing".to_string(),
        "select".to_string(),
    ] {
        let Err(error) = read(&source, all(sql(&attack))).await else { panic!("{attack} was read") };
        assert_eq!(error.kind, ErrorKind::ModelQueryFailed, "{attack}: {error}");
        assert!(!file.exists(), "{attack} ran a program");
    }
    // Servers before version 16 let this through, so it must be undone at least.
    let _ = read(&source, all(sql("select lo_create(4711) as id"))).await;
    let client = database.client().await;
    let objects = client.query("select 1 from pg_largeobject_metadata", &[]).await.unwrap();
    assert!(objects.is_empty());
    let rows = client.query("select id from t", &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<_, i32>(0), 1);
    let tables = client.query("select 1 from pg_class where relname = 't2'", &[]).await.unwrap();
    assert!(tables.is_empty());
    // The canary can be made at all: by the superuser, the way the attacks tried.
    client.batch_execute(&format!("copy t to program 'cat > /dev/null; {program}'")).await.unwrap();
    assert!(file.exists());
}

#[tokio::test]
async fn statements_that_only_read_are_all_fine() {
    let (_, source) = database("create table t (id int); insert into t values (1), (2)").await;
    for model in [
        "select * from t",
        "table t",
        "values (1, 'a'), (2, 'b')",
        "with x as (select * from t) select * from x -- all of it",
        "(select * from t order by id limit 2);  ",
        "select * from t union all select * from t where false",
        "select * from t; /* the end */ -- really",
        "select id as \"weird \"\"name\" from t",
        "select '\\'::text as id from t",
    ] {
        assert_eq!(read(&source, all(sql(model))).await.unwrap().rows.len(), 2, "{model}");
    }
}

#[tokio::test]
async fn bad_sql_is_told_with_its_line() {
    let (_, source) = database("create table t (id int)").await;
    for (model, expected) in [
        (
            "select id\nform t\nwhere ü = 1",
            "Model query failed (m.yaml:3): syntax error at or near \"t\" at line 2: form t",
        ),
        (
            "select 'ü',\n  nam\nfrom t",
            "Model query failed (m.yaml:3): column \"nam\" does not exist at line 2: nam",
        ),
        (
            "select *\nfrom nowhere",
            "Model query failed (m.yaml:3): relation \"nowhere\" does not exist at line 2: from nowhere",
        ),
        ("select 1 as a, 2 as a", "Model query failed (m.yaml:3): two of its columns have the name 'a'"),
        ("select 1/0 as id from generate_series(1, 3)", "Model query failed (m.yaml:3): division by zero"),
    ] {
        let error = refusal(&source, all(sql(model))).await;
        assert_eq!(error.kind, ErrorKind::ModelQueryFailed);
        assert!(error.message.starts_with(expected), "{error}\nshould start with\n{expected}");
    }
    let error = source.describe(&sql("select\n\nfoo bar baz")).await.unwrap_err();
    assert!(error.message.contains("line 3"), "{error}");
    assert!(std::error::Error::source(&error).is_some(), "the cause is kept");
    let error = refusal(&source, all(sql("select 1 as a\0"))).await;
    assert_eq!(error.kind, ErrorKind::ModelQueryFailed);
}

#[tokio::test]
async fn a_failure_in_the_middle_of_the_rows_is_an_error_and_no_end() {
    let (_, source) = database("").await;
    let model = sql("select 100000 / (150000 - i) as id from generate_series(1, 200000) i");
    let error = refusal(&source, all(model)).await;
    assert_eq!(error.kind, ErrorKind::ModelQueryFailed);
    assert!(error.message.contains("division by zero"), "{error}");
}

#[tokio::test]
async fn a_column_that_is_gone_is_a_schema_change() {
    let (_, source) = database("create table t (id int, name text)").await;
    let request = ReadRequest { columns: Some(vec!["id".into(), "nmae".into()]), ..all(table("t")) };
    let error = refusal(&source, request).await;
    assert_eq!(error.kind, ErrorKind::SchemaChanged);
    assert!(error.message.contains("'nmae'") && error.help.unwrap().contains("id, name"));
}

#[tokio::test]
async fn a_statement_has_the_models_time_and_no_more() {
    let (_, source) = database("").await;
    let model = Model { timeout: Duration::from_millis(100), ..sql("select 1 as id from pg_sleep(600)") };
    let error = refusal(&source, all(model)).await;
    assert_eq!(error.kind, ErrorKind::ModelQueryFailed);
    assert!(error.message.contains("model.timeout (100ms)"), "{error}");
    assert!(error.help.unwrap().contains("model.timeout"));
}

#[tokio::test]
async fn a_query_cancelled_by_somebody_else_can_be_tried_again() {
    let (database, source) = database("").await;
    let mut stream = source.read(all(sql("select 1 as id from pg_sleep(600)"))).await.unwrap();
    let admin = database.client().await;
    let cancelling = until(
        &admin,
        "select bool_or(pg_cancel_backend(pid)) from pg_stat_activity \
         where application_name = 'syncline' and datname = current_database() and wait_event = 'PgSleep'",
    );
    let (item, ()) = tokio::join!(stream.next(), cancelling);
    let error = item.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::SourceUnreachable, "{error}");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn dropping_the_stream_ends_the_query_at_the_server() {
    let (database, source) = database("").await;
    let mut stream = source.read(all(sql("select 1 as id from pg_sleep(600)"))).await.unwrap();
    let admin = database.client().await;
    let running = "select count(*) filter (where wait_event = 'PgSleep') > 0 from pg_stat_activity \
                   where application_name = 'syncline' and datname = current_database()";
    tokio::select! {
        item = stream.next() => panic!("the query sleeps, yet there is {item:?}"),
        () = until(&admin, running) => {}
    }
    drop(stream);
    until(&admin, &running.replace("> 0", "= 0")).await;
}

#[tokio::test]
async fn a_session_ended_by_the_server_gives_an_error_and_no_end() {
    let (database, source) = database("").await;
    let mut stream = source
        .read(all(sql("select i as id, repeat('x', 1000) as t from generate_series(1, 1000000) i")))
        .await
        .unwrap();
    assert!(matches!(stream.next().await, Some(Ok(SourceItem::Batch(_)))));
    let admin = database.client().await;
    until(
        &admin,
        "select bool_or(pg_terminate_backend(pid)) from pg_stat_activity \
         where application_name = 'syncline' and datname = current_database()",
    )
    .await;
    let error = loop {
        match stream.next().await {
            Some(Ok(SourceItem::Batch(_))) => {}
            Some(Err(error)) => break error,
            other => panic!("a cut read ended with {other:?}"),
        }
    };
    assert_eq!(error.kind, ErrorKind::SourceUnreachable);
    assert!(std::error::Error::source(&error).is_some(), "the cause is kept");
    assert!(stream.next().await.is_none());
}

/// Waits until a query answers true.
async fn until(client: &tokio_postgres::Client, question: &str) {
    let asking = async {
        while !client.query_one(question, &[]).await.unwrap().get::<_, Option<bool>>(0).unwrap_or(false) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, asking).await.expect("the server gets there within a minute");
}

/// Passes one connection through to the server and cuts it after so many bytes of answers.
async fn cutting_proxy(server_port: u16, cut_after: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(("127.0.0.1", server_port)).await.unwrap();
        let (mut client_in, mut client_out) = client.into_split();
        let (mut server_in, mut server_out) = server.into_split();
        let questions = tokio::spawn(async move { tokio::io::copy(&mut client_in, &mut server_out).await });
        let mut left = cut_after;
        let mut buffer = [0; 4096];
        while left > 0 {
            let wanted = left.min(buffer.len());
            match server_in.read(&mut buffer[..wanted]).await {
                Ok(0) | Err(_) => break,
                Ok(n) => {
                    left -= n;
                    if client_out.write_all(&buffer[..n]).await.is_err() {
                        break;
                    }
                }
            }
        }
        questions.abort();
    });
    port
}

#[tokio::test]
async fn a_connection_cut_anywhere_never_looks_like_an_end() {
    let (database, _) =
        database("create table t as select i as id, repeat('x', 50) as t from generate_series(1, 200) i")
            .await;
    let port =
        |url: &str, port: u16| url.replacen(&format!(":{}/", database.port()), &format!(":{port}/"), 1);
    let options = |proxy: u16| json!({ "url": port(database.url(), proxy), "ssl_mode": "disable" });
    // How many bytes a whole read takes, found by doubling, so that cuts fall everywhere before.
    let mut whole = 1 << 14;
    let mut cuts: Vec<usize> = (0..2_000).step_by(97).chain((2_000..whole).step_by(401)).collect();
    loop {
        let source = try_source(options(cutting_proxy(database.port(), whole).await)).unwrap();
        match read(&source, all(table("t"))).await {
            Ok(read) => {
                assert_eq!(read.rows.len(), 200);
                break;
            }
            Err(_) => {
                cuts.extend((whole..whole * 2).step_by(401));
                whole *= 2;
            }
        }
        assert!(whole < 1 << 22);
    }
    let mut failures = 0;
    for cut in cuts {
        let source = try_source(options(cutting_proxy(database.port(), cut).await)).unwrap();
        match read(&source, all(table("t"))).await {
            Ok(read) => assert_eq!(read.rows.len(), 200, "cut after {cut} bytes"),
            Err(error) => {
                failures += 1;
                assert_eq!(error.kind, ErrorKind::SourceUnreachable, "cut after {cut} bytes: {error}");
            }
        }
    }
    assert!(failures > 20, "only {failures} cuts fell into the read");
}

#[tokio::test]
async fn what_keeps_us_from_connecting_is_told_apart() {
    let database = Server::shared().database().await;
    let admin = database.client().await;
    let url = database.url();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed_port = closed.local_addr().unwrap().port();
    drop(closed);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    admin.batch_execute("create role nologin_reader password 'correct horse'").await.unwrap();
    for (options, kind, expected) in [
        (
            json!({"url": url.replacen("correct", "wrong", 1)}),
            ErrorKind::SourceAuthFailed,
            "refused the role 'postgres': password authentication failed",
        ),
        (json!({"url": database.url_as("nobody_here")}), ErrorKind::SourceAuthFailed, "'nobody_here'"),
        (json!({"url": database.url_as("nologin_reader")}), ErrorKind::SourceAuthFailed, "'nologin_reader'"),
        (
            json!({"host": "127.0.0.1", "port": database.port(), "user": "postgres"}),
            ErrorKind::SourceAuthFailed,
            "password",
        ),
        (json!({"url": Server::shared().url("no_such_db")}), ErrorKind::InvalidConfig, "no_such_db"),
        (
            json!({"host": "127.0.0.1", "port": closed_port, "user": "u"}),
            ErrorKind::SourceUnreachable,
            "refused",
        ),
        (
            json!({"host": "127.0.0.1", "port": silent_port, "user": "u", "connect_timeout": "100ms"}),
            ErrorKind::SourceUnreachable,
            "did not answer within 100ms",
        ),
        (
            json!({"host": "no.such.host.invalid", "user": "u"}),
            ErrorKind::SourceUnreachable,
            "no.such.host.invalid",
        ),
        (json!({"url": url, "ssl_mode": "require"}), ErrorKind::SourceUnreachable, "TLS"),
    ] {
        let source = try_source(options.clone()).unwrap();
        let error = source.check().await.unwrap_err();
        assert_eq!(error.kind, kind, "{options}: {error}");
        assert!(error.message.contains(expected), "{error} should contain {expected}");
        assert!(error.help.is_some(), "{error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("horse"), "the password is never shown: {shown}");
    }
}

#[tokio::test]
async fn a_full_or_stopped_server_is_unreachable() {
    let server = Server::start(Durability::Fast);
    let database = server.database().await;
    let admin = database.client().await;
    admin.batch_execute("create role one login password 'correct horse' connection limit 1").await.unwrap();
    let reader = source(&database.url_as("one"));
    let _busy = reader.read(all(sql("select 1 as id from pg_sleep(600)"))).await.unwrap();
    let error = reader.check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::SourceUnreachable, "{error}");
    assert!(error.message.contains("no connection left"), "{error}");

    let root = source(database.url());
    let mut stream = root
        .read(all(sql("select i as id, repeat('x', 1000) as t from generate_series(1, 1000000) i")))
        .await
        .unwrap();
    assert!(matches!(stream.next().await, Some(Ok(SourceItem::Batch(_)))));
    drop(server);
    let error = loop {
        match stream.next().await {
            Some(Ok(SourceItem::Batch(_))) => {}
            Some(Err(error)) => break error,
            other => panic!("a cut read ended with {other:?}"),
        }
    };
    assert_eq!(error.kind, ErrorKind::SourceUnreachable);
    assert_eq!(root.check().await.unwrap_err().kind, ErrorKind::SourceUnreachable);
}

#[tokio::test]
async fn check_and_identity_say_what_is_at_the_other_end() {
    let (database, source) = database("create role reader login password 'correct horse'").await;
    let line = source.check().await.unwrap();
    let expected = format!(
        ", database {} at 127.0.0.1:{} as postgres (not encrypted)",
        database.name(),
        database.port()
    );
    assert!(line.starts_with("PostgreSQL 1") && line.ends_with(&expected), "{line}");
    assert!(!line.contains("horse"));
    assert_eq!(source.identity(), format!("127.0.0.1:{}/{}", database.port(), database.name()));
    assert!(source.pushes_down());
    let reader = try_source(json!({ "url": database.url_as("reader") })).unwrap();
    assert!(reader.check().await.unwrap().contains(" as reader "));
}

#[tokio::test]
async fn discover_lists_what_the_role_may_read() {
    let (database, _) = database(
        "create role discoverer login password 'correct horse'; \
         create table orders (region text, id int, at timetz, total numeric(10,2), primary key (id, region) include (total)); \
         create view recent as select id from orders; create materialized view totals as select sum(total) as s from orders; \
         create table secret (id int); create schema hidden; create table hidden.t (id int); grant select on hidden.t to public; \
         create table partly (id int, pin text); create table parent (id int) partition by list (id); \
         create table child partition of parent for values in (1); \
         grant select on orders, recent, totals, parent, child to discoverer; grant select (id) on partly to discoverer",
    )
    .await;
    let found = source(&database.url_as("discoverer")).discover().await.unwrap();
    let seen: Vec<(String, String, String)> = found
        .iter()
        .map(|s| {
            let columns: Vec<String> = s
                .schema
                .fields()
                .iter()
                .map(|f| format!("{} {}", f.name(), LogicalType::of(f).unwrap()))
                .collect();
            (s.name.clone(), columns.join(", "), s.key.join(","))
        })
        .collect();
    let expected = [
        ("public.orders", "region text, id int32, total numeric(10,2)", "id,region"),
        ("public.parent", "id int32", ""),
        ("public.partly", "id int32, pin text", ""),
        ("public.recent", "id int32", ""),
        ("public.totals", "s numeric", ""),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(a, b, c)| (a.to_string(), b.to_string(), c.to_string())).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_role_without_rights_is_told_what_to_grant() {
    let (database, _) =
        database("create role poor login password 'correct horse'; create table secret (id int)").await;
    let error = refusal(&source(&database.url_as("poor")), all(table("secret"))).await;
    assert_eq!(error.kind, ErrorKind::ModelQueryFailed);
    assert!(error.message.contains("permission denied"), "{error}");
    assert!(error.help.unwrap().contains("grant"));
}

#[tokio::test]
async fn literals_mean_the_same_whatever_the_role_has_set() {
    let (database, _) = database(
        "create role odd login password 'correct horse'; alter role odd set standard_conforming_strings = off; \
         alter role odd set datestyle = 'SQL, DMY'; alter role odd set timezone = 'Asia/Kolkata'; \
         alter role odd set intervalstyle = 'sql_standard'; alter role odd set bytea_output = 'escape'; \
         create table t (id text, at timestamptz, b bytea); grant select on t to odd; \
         insert into t values (E'a\\\\', '2025-03-04 00:00Z', '\\x41')",
    )
    .await;
    let source = source(&database.url_as("odd"));
    let model =
        Model { key: vec!["id".into(), "at".into(), "b".into()], ..sql("select * from t where id <> '\\';") };
    let keys = vec![vec!["a\\".to_string(), "2025-03-04T00:00:00Z".into(), "\\x41".into()]];
    let request = ReadRequest { filter: ReadFilter::Keys(keys), ..all(model) };
    assert_eq!(read(&source, request).await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn encryption_and_verification_mean_what_libpq_means_by_them() {
    let server = Server::start(Durability::Fast);
    let database = server.database().await;
    let admin = database.client().await;
    let install = async |text: &str, file: &str| {
        let lines = format!("select unnest(string_to_array('{}', e'\\n'))", text.trim());
        admin.batch_execute(&format!("copy ({lines}) to program 'umask 077; cat > {file}'")).await.unwrap();
    };
    install(include_str!("certs/server.pem"), "server.crt").await;
    install(include_str!("certs/server.key"), "server.key").await;
    admin.batch_execute("alter system set ssl = on").await.unwrap();
    admin.batch_execute("select pg_reload_conf()").await.unwrap();
    until(&admin, "select current_setting('ssl') = 'on'").await;

    let check = async |host: &str, more: serde_json::Value| {
        let mut options = json!({
            "host": host, "port": server.port(), "database": database.name(), "user": "postgres",
            "password": syncline_tests::postgres::PASSWORD,
        });
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        try_source(options)?.check().await
    };
    let (ours, other) = ("tests/certs/authority.pem", "tests/certs/other-authority.pem");
    for (host, options, encrypted) in [
        ("127.0.0.1", json!({}), true),
        ("127.0.0.1", json!({"ssl_mode": "disable"}), false),
        ("127.0.0.1", json!({"ssl_mode": "require"}), true),
        ("127.0.0.1", json!({"ssl_mode": "require", "ssl_root_cert": ours}), true),
        ("127.0.0.1", json!({"ssl_mode": "verify-ca", "ssl_root_cert": ours}), true),
        ("localhost", json!({"ssl_mode": "verify-full", "ssl_root_cert": ours}), true),
    ] {
        let line = check(host, options.clone()).await.unwrap_or_else(|e| panic!("{options}: {e}"));
        assert_eq!(line.ends_with("(TLS)"), encrypted, "{options}: {line}");
    }
    for (host, options) in [
        ("127.0.0.1", json!({"ssl_mode": "require", "ssl_root_cert": other})),
        ("127.0.0.1", json!({"ssl_mode": "verify-ca", "ssl_root_cert": other})),
        ("localhost", json!({"ssl_mode": "verify-full", "ssl_root_cert": other})),
        ("127.0.0.1", json!({"ssl_mode": "verify-full", "ssl_root_cert": ours})),
    ] {
        let error = check(host, options.clone()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::SourceUnreachable, "{options}: {error}");
        assert!(error.message.contains("certificate"), "{options}: {error}");
        assert!(error.help.as_deref().unwrap().contains("ssl_root_cert"), "{error:?}");
    }
    // The operating system knows nothing of our authority, if it knows any at all.
    let error = check("localhost", json!({"ssl_mode": "verify-full"})).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::SourceUnreachable | ErrorKind::InvalidConfig), "{error}");
    let error =
        check("localhost", json!({"ssl_mode": "verify-full", "ssl_root_cert": "no.pem"})).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidConfig);

    install("hostssl all all 127.0.0.1/32 scram-sha-256", "pg_hba.conf").await;
    admin.batch_execute("select pg_reload_conf()").await.unwrap();
    let error = loop {
        match check("127.0.0.1", json!({"ssl_mode": "disable"})).await {
            Err(error) => break error,
            Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    assert_eq!(error.kind, ErrorKind::SourceUnreachable, "{error}");
    assert!(error.message.contains("does not accept connections from here"), "{error}");
    assert!(error.help.unwrap().contains("ssl_mode"));
}

/// How long reading takes, for whoever works on its speed:
/// `cargo test --release -p syncline-connectors --test postgres_source -- --ignored --nocapture`
#[tokio::test]
#[ignore = "a measurement"]
async fn two_million_rows_are_timed() {
    let (_, source) = database(
        "create table t as select i::int8 as id, md5(i::text) as name, (i * 1.01)::numeric(12,2) as amount, \
         timestamptz '2025-01-01Z' + i * interval '1 second' as at, i % 2 = 0 as ok, \
         'user' || i || '@example.com' as email from generate_series(1, 2000000) i",
    )
    .await;
    let begun = std::time::Instant::now();
    let mut stream = source.read(all(table("t"))).await.unwrap();
    let mut rows = 0;
    while let Some(item) = stream.next().await {
        if let SourceItem::Batch(batch) = item.unwrap() {
            rows += batch.rows.num_rows();
        }
    }
    assert_eq!(rows, 2_000_000);
    println!("{rows} rows in {:?}", begun.elapsed());
}
