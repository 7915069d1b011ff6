//! Tables, columns, order, batches, keys, cursors and snapshots.

use futures::StreamExt;
use syncline_connector::{Consistency, ReadFilter, ReadRequest, SourceItem};
use syncline_core::sync::Model;
use syncline_core::{CursorValue, ErrorKind};

use super::fixture::{all, column, database, read, refusal, sql, table};

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
            identify: None,
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
            SourceItem::Raw(_) => panic!("undecoded rows were not asked for"),
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
async fn a_transaction_that_has_not_written_yet_may_still_write_rows_dated_at_its_start() {
    let (database, source) = database("create table t (id int, at timestamptz default now())").await;
    let writer = database.client().await;
    writer.batch_execute("begin; select count(*) from t").await.unwrap();
    let began: std::time::SystemTime = writer.query_one("select now()", &[]).await.unwrap().get(0);
    let open = read(&source, all(table("t"))).await.unwrap();
    writer.batch_execute("insert into t values (1); commit").await.unwrap();
    assert_eq!(open.end.oldest_open_write, Some(jiff::Timestamp::try_from(began).unwrap()));
}

#[tokio::test]
async fn an_empty_model_has_an_end_and_no_rows() {
    let (_, source) = database("create table t (id int)").await;
    let read = read(&source, all(table("t"))).await.unwrap();
    assert_eq!((read.rows.len(), read.batches), (0, 0));
}
