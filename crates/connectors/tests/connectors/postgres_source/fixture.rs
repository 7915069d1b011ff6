//! A database with a source over it, and short ways to read from it.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use syncline_connector::{
    ConnectionConfig, InvalidRow, ReadEnd, ReadFilter, ReadRequest, Source, SourceItem,
};
use syncline_core::sync::{Model, ModelQuery};
use syncline_core::{Error, LogicalType, Result, text};
use syncline_tests::postgres::{Database, Server};

const TIMEOUT: Duration = Duration::from_secs(60);

pub fn try_source(options: serde_json::Value) -> Result<Arc<dyn Source>> {
    let serde_json::Value::Object(options) = options else { panic!("options are an object") };
    let config = ConnectionConfig {
        name: "shop".into(),
        type_name: "postgres".into(),
        options,
        base_dir: env!("CARGO_MANIFEST_DIR").into(),
    };
    Ok(syncline_connectors::registry().connect(&config)?.source.expect("postgres is a source"))
}

pub fn source(url: &str) -> Arc<dyn Source> {
    try_source(json!({ "url": url })).unwrap()
}

pub fn sql(text: &str) -> Model {
    let query = ModelQuery::Sql { sql: text.into(), origin: "m.yaml:3".into() };
    Model { query, key: vec!["id".into()], cursor: None, timeout: TIMEOUT }
}

pub fn table(name: &str) -> Model {
    Model { query: ModelQuery::Table(name.into()), ..sql("") }
}

pub fn all(model: Model) -> ReadRequest {
    ReadRequest { model, columns: None, filter: ReadFilter::All, order_by: Vec::new(), identify: None }
}

type Texts = Vec<Vec<Option<String>>>;

/// A finished read, as canonical texts.
pub struct Read {
    pub rows: Texts,
    pub types: Vec<String>,
    pub batches: usize,
    pub invalid: Vec<InvalidRow>,
    pub end: ReadEnd,
}

pub async fn read(source: &Arc<dyn Source>, request: ReadRequest) -> Result<Read> {
    let (mut rows, mut types, mut batches, mut invalid, mut end) =
        (Vec::new(), Vec::new(), 0, Vec::new(), None);
    let mut stream = source.read(request).await?;
    while let Some(item) = stream.next().await {
        assert!(end.is_none(), "something follows the end");
        match item? {
            SourceItem::End(found) => end = Some(found),
            SourceItem::Raw(_) => panic!("undecoded rows were not asked for"),
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

pub async fn refusal(source: &Arc<dyn Source>, request: ReadRequest) -> Error {
    match read(source, request).await {
        Ok(read) => panic!("this read must fail, and gave {} rows", read.rows.len()),
        Err(e) => e,
    }
}

pub fn column(read: &Read, index: usize) -> Vec<&str> {
    read.rows.iter().map(|row| row[index].as_deref().unwrap_or("NULL")).collect()
}

pub async fn database(setup: &str) -> (Database, Arc<dyn Source>) {
    let database = Server::shared().database().await;
    database.client().await.batch_execute(setup).await.unwrap();
    let source = source(database.url());
    (database, source)
}

/// Waits until a query answers true.
pub async fn until(client: &tokio_postgres::Client, question: &str) {
    let asking = async {
        while !client.query_one(question, &[]).await.unwrap().get::<_, Option<bool>>(0).unwrap_or(false) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, asking).await.expect("the server gets there within a minute");
}
