//! A source that fails, shrinks or changes: nothing is taken for a removal, nothing is coerced.

use syncline_connector::TargetField;
use syncline_core::sync::{SchemaChange, WriteMode};
use syncline_core::{ErrorKind, RunStatus};

use super::fixture::{Fixture, code};
use crate::doubles::Row;

const T: &str = "2025-06-01T10:00:00Z";

fn mirror() -> Fixture {
    Fixture::with(|s| s.write_mode = WriteMode::Mirror)
}

/// Eight rows, in three batches.
fn rows() -> Vec<Row> {
    (1..=8)
        .map(|i| [i.to_string(), format!("name {i}"), format!("m{i}@x"), T.into()].map(Some).to_vec())
        .collect()
}

#[tokio::test]
async fn a_refused_source_ends_as_source_failure_and_changes_nothing() {
    let f = mirror();
    f.source.edit(|t| t.rows = rows());
    f.completed().await;
    let before = (f.target.dump(), f.entries().await, f.record().await.generation);
    f.source.edit(|t| t.refuse = Some(ErrorKind::SourceUnreachable));
    let run = f.run().await;
    assert_eq!((run.status, code(&run)), (RunStatus::SourceFailure, Some("source_unreachable")));
    assert_eq!(run.counters, Default::default());
    assert_eq!((f.target.dump(), f.entries().await, f.record().await.generation), before);

    f.source.edit(|t| t.refuse = Some(ErrorKind::SourceAuthFailed));
    let run = f.run().await;
    assert_eq!(run.status, RunStatus::Failed, "rejected credentials are not retried");
}

#[tokio::test]
async fn an_error_or_a_cut_at_any_row_is_never_a_removal_and_the_next_run_is_whole() {
    for rows_before_end in [0, 3, 6] {
        for cut in [false, true] {
            let f = mirror();
            f.source.edit(|t| t.rows = rows());
            f.completed().await;
            f.written();
            f.source.edit(|t| {
                t.rows[0][1] = Some("changed".into());
                t.rows.push(["9", "new", "n", T].map(|v| Some(v.to_string())).to_vec());
                let fault = if cut { &mut t.cut_after } else { &mut t.fail_after };
                *fault = Some(rows_before_end);
            });
            let run = f.run().await;
            assert_eq!((run.status, code(&run)), (RunStatus::SourceFailure, Some("source_unreachable")));
            assert_eq!(f.written(), Vec::<String>::new(), "cut: {cut} at {rows_before_end}");
            // Rows come and go while nobody could read.
            f.source.edit(|t| {
                (t.cut_after, t.fail_after) = (None, None);
                t.rows.remove(1);
            });
            assert_eq!(f.completed().await, (1, 1, 6, 1));
            assert_eq!(f.written(), ["delete 2", "update 1", "create 9"]);
        }
    }
}

#[tokio::test]
async fn an_empty_model_holds_once_something_was_delivered_and_not_before() {
    let f = mirror();
    assert_eq!(f.completed().await, (0, 0, 0, 0), "nothing to lose yet");
    f.source.edit(|t| t.rows = rows());
    f.completed().await;
    f.source.edit(|t| t.rows.clear());
    let run = f.held(&["empty_model"]).await;
    assert_eq!(run.counters.rows_deleted, 8, "planned, and shown");
    assert_eq!(f.target.dump().len(), 8);
    f.engine.reject(&run.id).await.unwrap();
    f.source.edit(|t| t.rows = rows());
    assert_eq!(f.completed().await, (0, 0, 8, 0));
}

#[tokio::test]
async fn an_upsert_also_holds_on_an_empty_model() {
    let f = Fixture::new();
    f.source.edit(|t| t.rows = rows());
    f.completed().await;
    f.source.edit(|t| t.rows.clear());
    f.held(&["empty_model"]).await;
}

#[tokio::test]
async fn a_mapped_column_that_was_dropped_stops_the_run() {
    let f = mirror();
    f.source.edit(|t| t.rows = rows());
    f.completed().await;
    f.source.edit(|t| {
        t.columns.remove(2);
        t.rows.iter_mut().for_each(|r| drop(r.remove(2)));
    });
    let run = f.run().await;
    assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("schema_changed")));
    assert!(run.error.unwrap().message.contains("email"));
    assert_eq!(f.target.dump().len(), 8);
}

#[tokio::test]
async fn a_retyped_column_stops_the_run_unless_the_sync_adapts() {
    let mut f = mirror();
    f.source.edit(|t| t.rows = rows());
    f.completed().await;
    f.written();
    f.source.edit(|t| {
        t.columns[1].1 = "int64".parse().unwrap();
        t.rows.iter_mut().enumerate().for_each(|(i, r)| r[1] = Some(i.to_string()));
    });
    let run = f.run().await;
    assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("schema_changed")));
    assert_eq!(f.written(), Vec::<String>::new());
    f.sync.schema_change = SchemaChange::Adapt;
    assert_eq!(f.completed().await, (0, 8, 0, 0));
    f.sync.schema_change = SchemaChange::Fail;
    assert_eq!(f.completed().await, (0, 0, 8, 0), "the new type is the known one now");
}

#[tokio::test]
async fn an_added_or_moved_column_changes_nothing() {
    let f = mirror();
    f.source.edit(|t| t.rows = rows());
    f.completed().await;
    f.source.edit(|t| {
        t.columns.insert(0, ("extra".into(), "bool".parse().unwrap()));
        t.rows.iter_mut().for_each(|r| r.insert(0, Some("true".into())));
    });
    assert_eq!(f.completed().await, (0, 0, 8, 0));
    f.source.edit(|t| {
        t.columns.swap(0, 3);
        t.rows.iter_mut().for_each(|r| r.swap(0, 3));
    });
    assert_eq!(f.completed().await, (0, 0, 8, 0), "columns are known by name, not by place");
}

#[tokio::test]
async fn an_invalid_row_is_never_a_removal() {
    let mut f = mirror();
    f.source.edit(|t| t.columns.push(("age".into(), "int32".parse().unwrap())));
    f.target.edit(|t| {
        let name = t.fields[1].clone();
        let ty = "int32".parse().unwrap();
        t.fields.push(TargetField { name: "age".into(), ty, native_type: "int4".into(), ..name });
    });
    f.sync.mapping.push(syncline_core::sync::FieldMapping {
        field: "age".into(),
        value: "100 / age".into(),
        write: Default::default(),
        nulls: Default::default(),
    });
    f.source.set(&[&["1", "Ann", "a", T, "10"], &["2", "Bob", "b", T, "20"], &["3", "Cy", "c", T, "50"]]);
    f.completed().await;
    f.written();
    // Not canonical, not computable.
    f.source.set(&[&["1", "Ann", "a", T, "ten"], &["2", "Bob", "b", T, "0"], &["3", "Cy", "c", T, "50"]]);
    let run = f.run().await;
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!((run.counters.rows_failed, run.counters.rows_skipped, run.counters.rows_deleted), (2, 1, 0));
    assert_eq!(f.written(), Vec::<String>::new());
    let errors = f.errors(&run).await;
    assert_eq!(
        errors.iter().map(|e| e.code.as_str()).collect::<Vec<_>>(),
        ["invalid_value", "expression_failed"]
    );
    f.source.set(&[&["1", "Ann", "a", T, "10"], &["2", "Bob", "b", T, "25"], &["3", "Cy", "c", T, "50"]]);
    assert_eq!(f.completed().await, (0, 1, 2, 0), "1 is back at what was delivered");
    assert!(f.open_letters().await.is_empty());
}

#[tokio::test]
async fn more_rows_without_a_key_hold_removals() {
    let f = mirror();
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T], &["~", "?", "c", T]]);
    let run = f.run().await;
    assert_eq!((run.counters.rows_created, run.counters.rows_failed), (2, 1));
    f.source.set(&[&["1", "Ann", "a", T], &["~", "?", "c", T]]);
    assert_eq!(f.run().await.counters.rows_deleted, 1, "as many unkeyed rows as before");
    f.source.set(&[&["~", "Ann", "a", T], &["~", "?", "c", T]]);
    let run = f.held(&["unkeyed_rows"]).await;
    assert_eq!(run.counters.rows_failed, 2);
    assert_eq!(f.target.dump().len(), 1);
}
