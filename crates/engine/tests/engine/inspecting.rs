//! Trying connections and syncs: nothing is written, and everything ends.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::{StreamExt, stream};
use serde_json::json;
use syncline_connector::{Connection, ReadRequest, Source, SourceStream, StreamInfo};
use syncline_core::sync::{FieldMapping, Model};
use syncline_core::{ErrorKind, LogicalType, Result};
use syncline_engine::Endpoints;
use syncline_engine::inspect::{
    DISCOVER_STREAMS_MAX, PREVIEW_VALUE_BYTES_MAX, PreviewCut, PreviewLimits, PreviewOutcome,
    check_connection, discover, preview,
};

use super::doubles::TableSource;
use super::fixture::Fixture;

const T: &str = "2025-06-01T10:00:00Z";

/// A source that answers so many batches of a read and then nothing, and offers many streams.
struct Stalling {
    table: TableSource,
    batches: usize,
}

#[async_trait]
impl Source for Stalling {
    async fn check(&self) -> Result<String> {
        self.table.check().await
    }

    async fn discover(&self) -> Result<Vec<StreamInfo>> {
        let id = LogicalType::Int64.field("id", false);
        let total = "numeric(10,2)".parse::<LogicalType>()?.field("total", true);
        let schema: SchemaRef = Arc::new(Schema::new(vec![id, total]));
        let stream = |n| StreamInfo { name: format!("t{n}"), schema: schema.clone(), key: vec!["id".into()] };
        Ok((0..=DISCOVER_STREAMS_MAX).map(stream).collect())
    }

    async fn describe(&self, model: &Model) -> Result<SchemaRef> {
        self.table.describe(model).await
    }

    async fn read(&self, request: ReadRequest) -> Result<SourceStream> {
        let batches = self.table.read(request).await?.take(self.batches);
        Ok(Box::pin(batches.chain(stream::pending())))
    }

    fn pushes_down(&self) -> bool {
        false
    }

    fn identity(&self) -> String {
        self.table.identity()
    }
}

fn stalling(f: &Fixture, batches: usize) -> Endpoints {
    Endpoints { source: Arc::new(Stalling { table: f.source.clone(), batches }), ..f.endpoints() }
}

fn short() -> PreviewLimits {
    PreviewLimits { time: Duration::from_millis(100), ..PreviewLimits::default() }
}

#[tokio::test]
async fn a_preview_shows_what_each_row_would_become_and_writes_nothing() {
    let mut f = Fixture::new();
    f.sync.exclude = Some("name = 'skip'".into());
    f.sync.mapping[1] = FieldMapping { value: "cast(name as bigint)".into(), ..f.sync.mapping[1].clone() };
    f.source.set(&[&["1", "7", "e", T], &["2", "skip", "e", T], &["3", "x", "e", T], &["4", "8", "e", T]]);
    let limits = PreviewLimits { rows: 3, ..PreviewLimits::default() };
    let shown = preview(&f.sync, &f.endpoints(), limits).await.unwrap();
    assert_eq!((shown.rows.len(), shown.cut), (3, None));
    assert_eq!(shown.rows[0].source["name"], "7");
    let PreviewOutcome::Payload(payload) = &shown.rows[0].outcome else { panic!("{shown:?}") };
    assert_eq!(*payload, json!({ "id": 1, "name": "7", "email": "e" }));
    assert!(matches!(shown.rows[1].outcome, PreviewOutcome::Excluded), "{shown:?}");
    let PreviewOutcome::Invalid(error) = &shown.rows[2].outcome else { panic!("{shown:?}") };
    assert_eq!(error.field.as_deref(), Some("name"));
    assert!(f.written().is_empty());
    assert!(f.engine.store.sync(&f.sync.id).await.unwrap().is_none(), "the sync need not be stored");
}

#[tokio::test]
async fn a_preview_of_large_rows_ends_early_and_shortens_texts() {
    let f = Fixture::new();
    let long = "é".repeat(PREVIEW_VALUE_BYTES_MAX);
    f.source.set(&[&["1", &long, "e", T], &["2", &long, "e", T], &["3", "n", "e", T]]);
    let limits = PreviewLimits { bytes: PREVIEW_VALUE_BYTES_MAX, ..PreviewLimits::default() };
    let shown = preview(&f.sync, &f.endpoints(), limits).await.unwrap();
    assert_eq!((shown.rows.len(), shown.cut), (1, Some(PreviewCut::Bytes)));
    let name = shown.rows[0].source["name"].as_str().unwrap();
    assert!(name.ends_with(&format!("é… ({} bytes)", long.len())), "{}", &name[name.len() - 40..]);
    assert!(name.len() < PREVIEW_VALUE_BYTES_MAX + 40);
}

#[tokio::test]
async fn a_preview_of_a_slow_source_shows_what_came_in_time() {
    let f = Fixture::new();
    f.source.set(&[&["1", "a", "e", T], &["2", "b", "e", T]]);
    let shown = preview(&f.sync, &stalling(&f, 1), short()).await.unwrap();
    assert_eq!((shown.rows.len(), shown.cut), (2, Some(PreviewCut::Time)));
    let error = preview(&f.sync, &stalling(&f, 0), short()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::SourceUnreachable);
}

#[tokio::test]
async fn a_source_that_breaks_off_is_not_a_short_preview() {
    let f = Fixture::new();
    f.source.set(&[&["1", "a", "e", T], &["2", "b", "e", T]]);
    f.source.edit(|t| t.cut_after = Some(2));
    let error = preview(&f.sync, &f.endpoints(), PreviewLimits::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::SourceUnreachable);
}

#[tokio::test]
async fn what_a_source_offers_is_listed_up_to_a_limit() {
    let f = Fixture::new();
    let found = discover(&*stalling(&f, 0).source).await.unwrap();
    assert_eq!((found.streams.len(), found.more), (DISCOVER_STREAMS_MAX, true));
    let first = &found.streams[0];
    let columns: Vec<_> =
        first.columns.iter().map(|c| (c.name.as_str(), c.ty.as_str(), c.nullable)).collect();
    assert_eq!(columns, [("id", "int64", false), ("total", "numeric(10,2)", true)]);
    assert_eq!((first.name.as_str(), first.key.as_slice()), ("t0", ["id".to_string()].as_slice()));
}

#[tokio::test]
async fn each_end_of_a_connection_answers_for_itself() {
    let f = Fixture::new();
    let ends = f.endpoints();
    let both = Connection { source: Some(ends.source.clone()), destination: Some(ends.destination) };
    let checked = check_connection(&both).await;
    assert!(checked.is_good(), "{checked:?}");
    assert_eq!(checked.source.unwrap().unwrap(), "a table in memory");
    assert!(checked.destination.is_some_and(|answer| answer.is_ok()));
    let one = check_connection(&Connection { source: Some(ends.source), destination: None }).await;
    assert!(one.is_good() && one.destination.is_none());
}
