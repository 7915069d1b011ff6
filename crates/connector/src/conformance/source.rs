//! The rules for sources, one function each. See [`Source`].

use std::collections::BTreeSet;

use futures::StreamExt;
use futures::future::join_all;
use syncline_core::sync::Model;
use syncline_core::{CursorValue, Error, ErrorKind, LogicalType};

use super::SourceFixture;
use super::table::{Column, Read, Row, columns, everything, lines, read, rows};
use super::values::{edges, is_same};
use crate::{ReadFilter, ReadRequest, Source, SourceItem};

/// Most rows of one batch.
const BATCH_ROWS_MAX: usize = 65_536;

/// Most bytes of one batch's values: the contract says about 4 MiB, and a batch may be closed by the
/// row that passes it.
const BATCH_BYTES_MAX: usize = 6 << 20;

const PEOPLE: &[&str] = &["1|ada|-", "2|-|20", "3|it's|30", "4||40", "5|\u{1f642}|50"];

async fn people(fixture: &dyn SourceFixture) -> Model {
    fixture.load(&columns(&[("id", "int64"), ("name", "text"), ("n", "int64")]), &rows(PEOPLE)).await
}

async fn read_all(source: &dyn Source, model: &Model) -> Read {
    read(source, everything(model)).await.unwrap_or_else(|e| panic!("a read failed: {e}"))
}

async fn filtered(source: &dyn Source, model: &Model, filter: ReadFilter) -> Vec<String> {
    let request = ReadRequest { filter: filter.clone(), ..everything(model) };
    match read(source, request).await {
        Ok(read) => lines(&read.rows),
        Err(e) => panic!("a read with {filter:?} failed: {e}"),
    }
}

fn keys(lines: &[&str]) -> Vec<Vec<String>> {
    lines.iter().map(|line| line.split('|').map(str::to_string).collect()).collect()
}

/// What a filter answers: exactly `pushed` where the source applies filters, and else everything,
/// because the engine then applies them itself.
fn expected(source: &dyn Source, all: &[&str], pushed: &[&str]) -> Vec<String> {
    lines(&rows(if source.pushes_down() { pushed } else { all }))
}

/// "The columns that a model has, in order, in canonical types" are those that batches arrive in.
pub async fn a_read_has_the_schema_that_describe_tells(fixture: &dyn SourceFixture) {
    let (columns, rows) = edge_table(fixture);
    let model = fixture.load(&columns, &rows).await;
    let source = fixture.source();
    let described = source.describe(&model).await.unwrap_or_else(|e| panic!("describing failed: {e}"));
    let read = read_all(&*source, &model).await;
    let arrived = read.schema.expect("rows arrive in batches");
    let shape = |schema: &arrow::datatypes::Schema| -> Vec<(String, String)> {
        let ty = |f| LogicalType::of(f).unwrap_or_else(|e| panic!("{e}")).to_string();
        schema.fields().iter().map(|f| (f.name().clone(), ty(f))).collect()
    };
    assert_eq!(shape(&described), shape(&arrived), "describe tells the schema of a read");
    let loaded: Vec<_> = columns.iter().map(|(name, ty)| (name.clone(), ty.to_string())).collect();
    assert_eq!(shape(&described), loaded, "columns have their own names and types");
    for field in arrived.fields() {
        let ty = LogicalType::of(field).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(*field.data_type(), ty.arrow(), "'{}' has the layout of its type", field.name());
    }
}

/// "Only these columns, in this order."
pub async fn a_projection_has_its_columns_in_its_order(fixture: &dyn SourceFixture) {
    let (model, source) = (people(fixture).await, fixture.source());
    for names in [vec!["n", "id"], vec!["name"], vec!["name", "n", "id"]] {
        let columns = Some(names.iter().map(|n| n.to_string()).collect());
        let request = ReadRequest { columns, ..everything(&model) };
        let read = read(&*source, request).await.unwrap_or_else(|e| panic!("a projection failed: {e}"));
        let schema = read.schema.expect("rows arrive in batches");
        let arrived: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(arrived, names, "a projection has its columns in its order");
        let place = |name| ["id", "name", "n"].iter().position(|n| *n == name).unwrap_or_default();
        let picked: Vec<Row> =
            rows(PEOPLE).iter().map(|row| names.iter().map(|n| row[place(*n)].clone()).collect()).collect();
        assert_eq!(lines(&read.rows), lines(&picked), "a projection keeps every row");
    }
}

/// "Bounded by bytes (about 4 MiB) and by 65,536 rows."
pub async fn batches_are_bounded_and_no_row_is_lost(fixture: &dyn SourceFixture) {
    let columns = columns(&[("id", "int64"), ("body", "text")]);
    let body = |i: usize| if i < 200 { "x".repeat(100_000) } else { i.to_string() };
    let all: Vec<Row> = (0..70_000).map(|i| vec![Some(i.to_string()), Some(body(i))]).collect();
    let (model, source) = (fixture.load(&columns, &all).await, fixture.source());
    let read = read_all(&*source, &model).await;
    for (rows, bytes) in &read.batches {
        assert!(*rows <= BATCH_ROWS_MAX, "a batch has {rows} rows, more than {BATCH_ROWS_MAX}");
        assert!(*bytes <= BATCH_BYTES_MAX, "a batch of {rows} rows has {bytes} bytes");
    }
    assert!(read.batches.len() >= 4, "20 MB arrived in {} batches", read.batches.len());
    let ids: BTreeSet<usize> =
        read.rows.iter().filter_map(|row| row[0].as_ref().and_then(|id| id.parse().ok())).collect();
    assert_eq!((read.rows.len(), ids.len()), (all.len(), all.len()), "every row arrives once");
    for row in &read.rows {
        let id: usize = row[0].as_ref().and_then(|id| id.parse().ok()).unwrap_or(usize::MAX);
        assert!(row[1].as_deref() == Some(body(id).as_str()), "row {id} has its own value");
    }
}

/// A key, and a column of every type; each row has the next edge of each.
fn edge_table(fixture: &dyn SourceFixture) -> (Vec<Column>, Vec<Row>) {
    let types = fixture.types();
    let held: Vec<Vec<&str>> = types
        .iter()
        .map(|ty| edges(ty).iter().copied().filter(|text| fixture.holds(ty, text)).collect())
        .collect();
    let mut columns = vec![("id".to_string(), LogicalType::Int64)];
    columns.extend(types.into_iter().enumerate().map(|(i, ty)| (format!("v{i}"), ty)));
    let count = held.iter().map(Vec::len).max().unwrap_or(0);
    // One more than the longest, so that the last row is NULL in every column.
    let row = |i: usize| {
        let cells = held.iter().map(|texts| texts.get(i).map(|t| t.to_string()));
        std::iter::once(Some(i.to_string())).chain(cells).collect()
    };
    (columns, (0..=count).map(row).collect())
}

/// "Batches arrive in canonical form", whatever the value, and NULL is not the empty text.
pub async fn values_at_every_edge_are_read_exactly(fixture: &dyn SourceFixture) {
    let (columns, rows) = edge_table(fixture);
    let (model, source) = (fixture.load(&columns, &rows).await, fixture.source());
    let read = read_all(&*source, &model).await;
    assert!(read.invalid.is_empty(), "values that a source holds are valid: {:?}", read.invalid);
    assert_eq!((read.rows.len(), read.unreadable), (rows.len(), 0), "every row arrives");
    for arrived in &read.rows {
        let id: usize = arrived[0].as_ref().and_then(|id| id.parse().ok()).expect("keys arrive");
        for (i, (_, ty)) in columns.iter().enumerate() {
            let (sent, got) = (rows[id][i].as_deref(), arrived[i].as_deref());
            assert!(is_same(ty, sent, got), "{ty}: {sent:?} was read as {got:?}");
        }
    }
}

/// "A short read is never an empty one", and an empty one ends well.
pub async fn an_empty_model_is_a_complete_read(fixture: &dyn SourceFixture) {
    let columns: Vec<Column> = vec![("id".into(), LogicalType::Int64), ("name".into(), LogicalType::Text)];
    let (model, source) = (fixture.load(&columns, &[]).await, fixture.source());
    assert!(read_all(&*source, &model).await.rows.is_empty(), "an empty model has no rows");
}

/// "Rows whose cursor column is NULL or at least `from`, and rows with one of `keys`."
pub async fn rows_since_a_cursor_include_ties_nulls_and_keys(fixture: &dyn SourceFixture) {
    let source = fixture.source();
    for (ty, below, from, above) in [
        (LogicalType::Int64, "-5", "7", "9007199254740993"),
        (LogicalType::Date, "2024-12-31", "2025-01-01", "2025-01-02"),
        (
            LogicalType::Timestamp,
            "2025-01-01T00:00:00.000001",
            "2025-01-01T00:00:00.000002",
            "2025-01-01T00:00:00.000003",
        ),
        (LogicalType::TimestampTz, "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "2025-03-30T01:30:00.5Z"),
        (LogicalType::Text, "01A", "01B", "01C"),
    ] {
        if !fixture.types().contains(&ty) {
            continue;
        }
        let columns = vec![("id".to_string(), LogicalType::Int64), ("at".to_string(), ty.clone())];
        let all = [
            format!("1|{below}"),
            format!("2|{from}"),
            "3|-".to_string(),
            format!("4|{above}"),
            format!("5|{from}"),
            format!("6|{below}"),
        ];
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut model = fixture.load(&columns, &rows(&all)).await;
        model.cursor = Some("at".into());
        let from = CursorValue::parse(from, &ty).expect("the texts are of their type");
        let since = |keys| ReadFilter::Since { column: "at".into(), from: from.clone(), keys };
        let answer = filtered(&*source, &model, since(Vec::new())).await;
        let recent = [all[1], all[2], all[3], all[4]];
        assert_eq!(answer, expected(&*source, &all, &recent), "{ty}: ties and NULLs are read again");
        let answer = filtered(&*source, &model, since(keys(&["6", "2", "99", "no number"]))).await;
        let recent = [all[1], all[2], all[3], all[4], all[5]];
        assert_eq!(answer, expected(&*source, &all, &recent), "{ty}: rows with one of the keys are read");
    }
}

/// "Only rows with one of these keys … A text that is no value of its column's type matches nothing."
pub async fn rows_by_keys_are_exactly_those(fixture: &dyn SourceFixture) {
    let (mut model, source) = (people(fixture).await, fixture.source());
    for (wanted, found) in [
        (&["3", "1"][..], &[PEOPLE[0], PEOPLE[2]][..]),
        (&["3", "3"], &[PEOPLE[2]]),
        (&["99"], &[]),
        (&["", "abc", "1.5", "1e400", "99999999999999999999", "'", "5"], &[PEOPLE[4]]),
        (&[], &[]),
    ] {
        let answer = filtered(&*source, &model, ReadFilter::Keys(keys(wanted))).await;
        assert_eq!(answer, expected(&*source, PEOPLE, found), "keys {wanted:?}");
    }
    model.key = vec!["id".into(), "name".into()];
    for (wanted, found) in [
        (&["3|it's", "1|ada"][..], &[PEOPLE[0], PEOPLE[2]][..]),
        (&["4|", "5|\u{1f642}"], &[PEOPLE[3], PEOPLE[4]]),
        (&["1|it's", "3|ada"], &[]),
        (&["x|ada", "1|ada"], &[PEOPLE[0]]),
    ] {
        let answer = filtered(&*source, &model, ReadFilter::Keys(keys(wanted))).await;
        assert_eq!(answer, expected(&*source, PEOPLE, found), "keys of two columns {wanted:?}");
    }
}

/// Keys are "canonical text of each key column", whatever its type.
pub async fn keys_of_every_type_find_their_row(fixture: &dyn SourceFixture) {
    use LogicalType::*;
    let source = fixture.source();
    let can_be_key = |ty: &LogicalType| {
        matches!(
            ty,
            Bool | Int16
                | Int32
                | Int64
                | Numeric(_)
                | Text
                | Uuid
                | Bytes
                | Date
                | Time
                | Timestamp
                | TimestampTz
        )
    };
    for ty in fixture.types().into_iter().filter(can_be_key) {
        let texts: Vec<&str> = edges(&ty).iter().copied().filter(|text| fixture.holds(&ty, text)).collect();
        let columns = vec![("k".to_string(), ty.clone()), ("n".to_string(), Int64)];
        let row = |(i, text): (usize, &&str)| vec![Some(text.to_string()), Some(i.to_string())];
        let all: Vec<Row> = texts.iter().enumerate().map(row).collect();
        let model = fixture.load(&columns, &all).await;
        // Every other row, so that each key is seen to find its row and each row to be left out.
        for first in [0, 1] {
            let wanted: Vec<usize> = (first..texts.len()).step_by(2).collect();
            let filter = ReadFilter::Keys(wanted.iter().map(|i| vec![texts[*i].to_string()]).collect());
            let request = ReadRequest { filter, columns: Some(vec!["n".into()]), ..everything(&model) };
            let read = read(&*source, request).await.unwrap_or_else(|e| panic!("{ty} keys: {e}"));
            let mut found: Vec<usize> =
                read.rows.iter().filter_map(|row| row[0].as_ref().and_then(|n| n.parse().ok())).collect();
            found.sort_unstable();
            let wanted = if source.pushes_down() { wanted } else { (0..texts.len()).collect() };
            assert_eq!(found, wanted, "{ty}: rows found by their keys, of {texts:?}");
        }
    }
}

/// The engine asks for many pending keys at once.
pub async fn ten_thousand_keys_are_one_filter(fixture: &dyn SourceFixture) {
    let (model, source) = (people(fixture).await, fixture.source());
    let many: Vec<Vec<String>> = (3..10_003).map(|i| vec![i.to_string()]).collect();
    let answer = filtered(&*source, &model, ReadFilter::Keys(many.clone())).await;
    assert_eq!(answer, expected(&*source, PEOPLE, &PEOPLE[2..]), "10,000 keys");
    let since = ReadFilter::Since { column: "n".into(), from: CursorValue::Integer(1_000), keys: many };
    let answer = filtered(&*source, &model, since).await;
    let found = [PEOPLE[0], PEOPLE[2], PEOPLE[3], PEOPLE[4]];
    assert_eq!(answer, expected(&*source, PEOPLE, &found), "a cursor and 10,000 keys");
}

/// "Ascending, NULLs last." A source that does not push down leaves the order to the engine.
pub async fn order_is_ascending_with_nulls_last(fixture: &dyn SourceFixture) {
    let columns = columns(&[("id", "int64"), ("n", "int64")]);
    let all = rows(&["3|10", "1|-", "4|2", "2|10", "5|-"]);
    let (model, source) = (fixture.load(&columns, &all).await, fixture.source());
    let request = ReadRequest { order_by: vec!["n".into(), "id".into()], ..everything(&model) };
    let read = read(&*source, request).await.unwrap_or_else(|e| panic!("an ordered read failed: {e}"));
    let ids: Vec<&str> = read.rows.iter().filter_map(|row| row[0].as_deref()).collect();
    if source.pushes_down() {
        assert_eq!(ids, ["4", "2", "3", "1", "5"], "ascending by n, then id, NULLs last");
    } else {
        assert_eq!(lines(&read.rows), lines(&all), "an order that is ignored loses no row");
    }
}

/// "Dropping the stream ends the read at the source soon", and later reads do not notice.
pub async fn a_dropped_stream_is_harmless(fixture: &dyn SourceFixture) {
    let columns = columns(&[("id", "int64"), ("body", "text")]);
    let body = "x".repeat(20_000);
    let all: Vec<Row> = (0..1_500).map(|i| vec![Some(i.to_string()), Some(body.clone())]).collect();
    let (model, source) = (fixture.load(&columns, &all).await, fixture.source());
    for taken in 0..10 {
        let started = source.read(everything(&model)).await;
        let mut stream = started.unwrap_or_else(|e| panic!("read {taken} after dropped ones failed: {e}"));
        for _ in 0..taken % 3 {
            let item = stream.next().await;
            assert!(matches!(item, Some(Ok(SourceItem::Batch(_)))), "batches arrive: {item:?}");
        }
        drop(stream);
    }
    let read = read_all(&*source, &model).await;
    assert_eq!(read.rows.len(), all.len(), "a read after dropped ones is complete");
}

/// "Reads may run concurrently."
pub async fn reads_run_concurrently(fixture: &dyn SourceFixture) {
    let (model, source) = (people(fixture).await, fixture.source());
    for read in join_all((0..8).map(|_| read_all(&*source, &model))).await {
        assert_eq!(lines(&read.rows), lines(&rows(PEOPLE)), "each of several reads is complete");
    }
}

/// "Lists what could be read, with columns."
pub async fn what_exists_is_discovered(fixture: &dyn SourceFixture) {
    people(fixture).await;
    let source = fixture.source();
    let streams = source.discover().await.unwrap_or_else(|e| panic!("discovering failed: {e}"));
    let names = |schema: &arrow::datatypes::SchemaRef| -> Vec<String> {
        schema.fields().iter().map(|f| f.name().clone()).collect()
    };
    let found = streams.iter().any(|s| names(&s.schema) == ["id", "name", "n"] && !s.name.is_empty());
    assert!(found, "what was made is not among what was discovered: {streams:?}");
}

/// "Any failure ends the stream with an error: … `model_query_failed`."
pub async fn a_missing_object_is_a_failed_query(fixture: &dyn SourceFixture) {
    let source = fixture.source();
    let model = fixture.missing();
    let described = source.describe(&model).await.expect_err("what does not exist cannot be described");
    let read = read(&*source, everything(&model)).await.expect_err("what does not exist cannot be read");
    for error in [described, read] {
        assert_eq!(error.kind, ErrorKind::ModelQueryFailed, "{error}");
        assert!(!error.message.is_empty());
        assert_no_secret(&fixture.secrets(), &shown(&error));
    }
}

/// The identity "names the system so that another one is noticed" and "never contains secrets".
pub async fn names_and_messages_hold_no_secrets(fixture: &dyn SourceFixture) {
    people(fixture).await;
    let source = fixture.source();
    let identity = source.identity();
    assert!(!identity.is_empty(), "a source has an identity");
    assert_eq!(identity, fixture.source().identity(), "an identity is stable");
    assert_no_secret(&fixture.secrets(), &identity);
    let line = source.check().await.unwrap_or_else(|e| panic!("checking failed: {e}"));
    assert!(!line.is_empty() && !line.contains('\n'), "a check answers one line: {line:?}");
    assert_no_secret(&fixture.secrets(), &line);
}

/// An error with its help and all its causes.
pub(super) fn shown(error: &Error) -> String {
    format!("{error:?}")
}

pub(super) fn assert_no_secret(secrets: &[String], shown: &str) {
    for secret in secrets {
        assert!(!shown.contains(secret.as_str()), "a secret is in: {shown}");
    }
}
