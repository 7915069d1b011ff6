//! Rows that are handed on undecoded, with what they are known by.

use futures::StreamExt;
use syncline_connector::{Identify, RawBatch, ReadRequest, SourceItem};
use syncline_core::sync::Model;
use syncline_core::{CursorValue, ErrorKind, Hash128, LogicalType, text};

use super::fixture::{all, database, read, refusal, source, sql, table};

fn identified(model: Model, columns: &[&str]) -> ReadRequest {
    let columns = columns.iter().map(ToString::to_string).collect();
    ReadRequest { identify: Some(Identify { seed: 7, columns }), ..all(model) }
}

/// The undecoded batches of a read that must end well.
async fn raw(
    source: &std::sync::Arc<dyn syncline_connector::Source>,
    request: ReadRequest,
) -> Vec<Box<dyn RawBatch>> {
    let mut stream = source.read(request).await.unwrap();
    let mut batches = Vec::new();
    loop {
        match stream.next().await.expect("the end comes before nothing").unwrap() {
            SourceItem::Raw(batch) => batches.push(batch),
            SourceItem::End(_) => break,
            SourceItem::Batch(_) => panic!("undecoded rows were asked for"),
        }
    }
    assert!(stream.next().await.is_none());
    batches
}

/// All rows of a batch as canonical texts.
fn texts(batch: &dyn RawBatch) -> Vec<Vec<Option<String>>> {
    let rows: Vec<u32> = (0..batch.identities().len() as u32).collect();
    let decoded = batch.decode(&rows).unwrap().rows;
    let types: Vec<LogicalType> =
        decoded.schema().fields().iter().map(|f| LogicalType::of(f).unwrap()).collect();
    let row =
        |row| decoded.columns().iter().zip(&types).map(|(array, ty)| text::render(array, ty, row)).collect();
    (0..decoded.num_rows()).map(row).collect()
}

fn fingerprints(batches: &[Box<dyn RawBatch>]) -> Vec<Hash128> {
    let of = |batch: &dyn RawBatch| -> Vec<Hash128> {
        (0..batch.identities().len()).map(|row| batch.identities().fingerprint(row)).collect()
    };
    batches.iter().flat_map(|batch| of(batch.as_ref())).collect()
}

#[tokio::test]
async fn undecoded_rows_are_those_of_a_decoded_read() {
    let (_, source) = database(
        "create table t as select i as id, 'name ' || i as name, nullif(i % 7, 0) as part, \
         (i / 100.0)::numeric(10,2) as price, timestamptz '2024-01-01' + i * interval '1 second' as at \
         from generate_series(1, 150000) i",
    )
    .await;
    let model = Model { cursor: Some("at".into()), ..table("t") };
    let decoded = read(&source, all(model.clone())).await.unwrap();
    let batches = raw(&source, identified(model, &["id", "name", "part", "price"])).await;
    assert!(batches.len() > 2);
    for batch in &batches {
        assert!(batch.identities().len() <= 65_536 && batch.bytes() < 12 << 20);
        assert_eq!(batch.identities().nulls().len(), 5);
    }
    assert_eq!(batches.iter().flat_map(|b| texts(b.as_ref())).collect::<Vec<_>>(), decoded.rows);
    let nulls: u64 = batches.iter().map(|b| b.identities().nulls()[2]).sum();
    assert_eq!(nulls, 150_000 / 7);
    let last = batches.last().unwrap().identities();
    assert_eq!(
        last.cursor_max().map(ToString::to_string).as_deref(),
        Some("2024-01-02T17:40:00Z"),
        "{:?}",
        last.cursor_max()
    );
}

#[tokio::test]
async fn a_row_has_the_same_fingerprint_until_a_covered_column_changes() {
    let (database, source) = database(
        "create table t (id int primary key, name text, seen int);
         insert into t select i, 'name ' || i, 0 from generate_series(1, 100) i",
    )
    .await;
    let request = identified(sql("select * from t order by id"), &["id", "name"]);
    let before = fingerprints(&raw(&source, request.clone()).await);
    let client = database.client().await;
    client.batch_execute("update t set seen = seen + 1").await.unwrap();
    assert_eq!(fingerprints(&raw(&source, request.clone()).await), before);
    client.batch_execute("update t set name = 'other' where id = 17").await.unwrap();
    let after = fingerprints(&raw(&source, request.clone()).await);
    let changed: Vec<usize> = (0..100).filter(|i| before[*i] != after[*i]).collect();
    assert_eq!(changed, [16]);
    client.batch_execute("alter table t alter name type varchar(30)").await.unwrap();
    let retyped = fingerprints(&raw(&source, request).await);
    assert!(after.iter().zip(&retyped).all(|(after, retyped)| after != retyped));
}

#[tokio::test]
async fn keys_that_are_null_or_no_text_are_unclear_and_decode_as_ever() {
    use syncline_tests::postgres::Server;
    let server = Server::shared();
    let admin = server.database().await;
    let name = format!("{}_ascii", admin.name());
    let client = admin.client().await;
    client
        .batch_execute(&format!("create database {name} encoding 'SQL_ASCII' locale 'C' template template0"))
        .await
        .unwrap();
    let source = source(&server.url(&name));
    let model = sql(
        "select * from (values ('a'::text, 1), (null, 2), (convert_from('\\xff', 'SQL_ASCII'), 3), ('b', 4)) as t(id, n)",
    );
    let batches = raw(&source, identified(model.clone(), &["id", "n"])).await;
    let [batch] = batches.as_slice() else { panic!("{} batches", batches.len()) };
    assert_eq!(batch.identities().unclear(), [1, 2]);
    assert_eq!(batch.identities().nulls(), [1, 0]);
    let decoded = batch.decode(&[1, 2]).unwrap();
    assert_eq!(decoded.rows.num_rows(), 2);
    assert_eq!(decoded.invalid.iter().map(|i| i.row).collect::<Vec<_>>(), [1]);
    assert_eq!(
        read(&source, all(model)).await.unwrap().invalid.iter().map(|i| i.row).collect::<Vec<_>>(),
        [2]
    );
}

#[tokio::test]
async fn an_empty_read_has_an_end_and_a_missing_column_a_name() {
    let (_, source) = database("create table t (id int primary key, at date)").await;
    let model = Model { cursor: Some("at".into()), ..table("t") };
    assert!(raw(&source, identified(model.clone(), &["id"])).await.is_empty());
    let error = refusal(&source, identified(model, &["id", "gone"])).await;
    assert_eq!(error.kind, ErrorKind::SchemaChanged);
    assert!(error.message.contains("'gone'"), "{error}");
}

#[tokio::test]
async fn giant_rows_come_alone_and_cursors_of_every_kind_are_seen() {
    let (_, source) = database("").await;
    let model = sql("select i as id, repeat('x', 3000000) as t from generate_series(1, 5) i");
    let batches = raw(&source, identified(model, &["id", "t"])).await;
    assert_eq!(batches.iter().map(|b| b.identities().len()).collect::<Vec<_>>(), [1; 5]);
    for (value, expected) in [
        ("7::int2", CursorValue::Integer(7)),
        ("7::int8", CursorValue::Integer(7)),
        ("date '1970-01-02'", CursorValue::Timestamp { micros: 86_400_000_000, zoned: false }),
        ("date 'infinity'", CursorValue::Timestamp { micros: i64::MAX, zoned: false }),
        ("timestamp '1970-01-01 00:00:01'", CursorValue::Timestamp { micros: 1_000_000, zoned: false }),
    ] {
        let model = Model { cursor: Some("at".into()), ..sql(&format!("select 1 as id, {value} as at")) };
        let batches = raw(&source, identified(model, &["id"])).await;
        assert_eq!(batches[0].identities().cursor_max(), Some(&expected), "{value}");
    }
}
