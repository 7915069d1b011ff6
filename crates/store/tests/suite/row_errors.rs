use std::sync::Arc;

use syncline_core::{ErrorKind, Run, RunStatus, RunType, Stage};
use syncline_store::{Page, RowErrorFilter, RowErrorRecord, Store};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    errors_are_seen_from_the_runs_end_in_the_order_they_occurred,
    errors_of_a_held_run_are_seen_until_it_goes_on,
    errors_are_cleared_before_a_run_plans_again,
    errors_of_one_stage_are_cleared_alone,
    errors_of_an_ended_run_stay_as_they_are,
    errors_are_found_by_kind_field_stage_and_beginning_of_their_key,
];

async fn add(store: &dyn Store, run: &Run, numbers: std::ops::Range<u32>) {
    store.add_row_errors(&run.id, run.epoch, &numbers.map(row_error).collect::<Vec<_>>()).await.unwrap();
}

async fn errors_are_seen_from_the_runs_end_in_the_order_they_occurred(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let beside = running(&*store, "beside", "contact", RunType::Test).await;
    add(&*store, &run, 0..3).await;
    add(&*store, &beside, 90..95).await;
    add(&*store, &run, 3..12).await;
    assert_eq!(store.row_errors(&run.id, &RowErrorFilter::ALL, ALL).await.unwrap(), (vec![], 0));
    store.commit(&ending(&run)).await.unwrap();
    let (errors, total) = store.row_errors(&run.id, &RowErrorFilter::ALL, ALL).await.unwrap();
    assert_eq!(errors, (0..12).map(row_error).collect::<Vec<_>>());
    assert_eq!(total, 12);
    let (page, total) =
        store.row_errors(&run.id, &RowErrorFilter::ALL, Page { number: 3, size: 5 }).await.unwrap();
    assert_eq!((page, total), ((10..12).map(row_error).collect(), 12));
}

async fn errors_of_a_held_run_are_seen_until_it_goes_on(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let mut run = running(&*store, "a", "contact", RunType::Sync).await;
    add(&*store, &run, 0..2).await;
    run.status = RunStatus::Held;
    store.update_run(&run).await.unwrap();
    assert_eq!(store.row_errors(&run.id, &RowErrorFilter::ALL, ALL).await.unwrap().1, 2);
    run.status = RunStatus::Queued;
    store.update_run(&run).await.unwrap();
    store.claim_run(&run.id, at(3)).await.unwrap();
    assert_eq!(store.row_errors(&run.id, &RowErrorFilter::ALL, ALL).await.unwrap().1, 0);
}

async fn errors_are_cleared_before_a_run_plans_again(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let beside = running(&*store, "beside", "contact", RunType::Test).await;
    add(&*store, &run, 0..3).await;
    add(&*store, &beside, 7..8).await;
    store.clear_row_errors(&run.id, run.epoch, None).await.unwrap();
    add(&*store, &run, 5..6).await;
    for run in [&run, &beside] {
        store.commit(&ending(run)).await.unwrap();
    }
    assert_eq!(store.row_errors(&run.id, &RowErrorFilter::ALL, ALL).await.unwrap(), (vec![row_error(5)], 1));
    assert_eq!(
        store.row_errors(&beside.id, &RowErrorFilter::ALL, ALL).await.unwrap(),
        (vec![row_error(7)], 1)
    );
}

async fn errors_of_one_stage_are_cleared_alone(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let executed = RowErrorRecord { stage: Stage::Execute, ..row_error(1) };
    let posing = RowErrorRecord { message: r#"","stage":"execute",""#.into(), ..row_error(2) };
    store.add_row_errors(&run.id, run.epoch, &[row_error(0), executed, posing.clone()]).await.unwrap();
    store.clear_row_errors(&run.id, run.epoch, Some(Stage::Execute)).await.unwrap();
    store.commit(&ending(&run)).await.unwrap();
    assert_eq!(store.row_errors(&run.id, &RowErrorFilter::ALL, ALL).await.unwrap().0, [row_error(0), posing]);
}

async fn errors_of_an_ended_run_stay_as_they_are(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    add(&*store, &run, 0..2).await;
    store.commit(&ending(&run)).await.unwrap();
    refused(store.add_row_errors(&run.id, run.epoch, &[row_error(9)]).await, ErrorKind::Conflict);
    refused(store.clear_row_errors(&run.id, run.epoch, None).await, ErrorKind::Conflict);
    assert_eq!(store.row_errors(&run.id, &RowErrorFilter::ALL, ALL).await.unwrap().1, 2);
}

async fn errors_are_found_by_kind_field_stage_and_beginning_of_their_key(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let of = |row_id: &str, code: &str, field: Option<&str>, stage| RowErrorRecord {
        row_id: row_id.into(),
        stage,
        code: code.into(),
        field: field.map(Into::into),
        // Looks like a member of the record, and is a value of it.
        raw_value: Some("\"code\":\"too_long\",\"field\":\"E%mail\"".into()),
        ..row_error(0)
    };
    let long = of("10%", "too_long", Some("E%mail"), Stage::Execute);
    let other = of("100", "invalid_value", Some("Email"), Stage::Transform);
    let bare = of("2\"1", "invalid_value", None, Stage::Transform);
    let all = [long.clone(), other.clone(), bare.clone(), other.clone()];
    store.add_row_errors(&run.id, run.epoch, &all).await.unwrap();
    assert_eq!(store.row_error_groups(&run.id).await.unwrap(), []);
    store.commit(&ending(&run)).await.unwrap();

    let filters = [
        (RowErrorFilter { code: Some("too_long".into()), ..RowErrorFilter::ALL }, vec![&long]),
        (RowErrorFilter { field: Some("E%mail".into()), ..RowErrorFilter::ALL }, vec![&long]),
        (
            RowErrorFilter { stage: Some(Stage::Transform), ..RowErrorFilter::ALL },
            vec![&other, &bare, &other],
        ),
        (
            RowErrorFilter { row_id_prefix: Some("10".into()), ..RowErrorFilter::ALL },
            vec![&long, &other, &other],
        ),
        (RowErrorFilter { row_id_prefix: Some("10%".into()), ..RowErrorFilter::ALL }, vec![&long]),
        (RowErrorFilter { row_id_prefix: Some("2\"".into()), ..RowErrorFilter::ALL }, vec![&bare]),
        (RowErrorFilter { code: Some("to_".into()), ..RowErrorFilter::ALL }, vec![]),
    ];
    for (filter, wanted) in filters {
        let (found, total) = store.row_errors(&run.id, &filter, ALL).await.unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted, "{filter:?}");
        assert_eq!(total, wanted.len() as u64);
    }
    let groups = store.row_error_groups(&run.id).await.unwrap();
    let shape = |g: &syncline_store::RowErrorGroup| (g.code.clone(), g.field.clone(), g.count);
    let wanted = [
        ("invalid_value".to_string(), Some("Email".to_string()), 2),
        ("invalid_value".to_string(), None, 1),
        ("too_long".to_string(), Some("E%mail".to_string()), 1),
    ];
    assert_eq!(groups.iter().map(shape).collect::<Vec<_>>(), wanted);
}
