//! What is kept of values after a run.

use syncline_core::sync::StoreValues;
use syncline_core::{RunType, canon};
use syncline_engine::review;

use super::fixture::Fixture;

const T: &str = "2025-06-01T10:00:00Z";

#[tokio::test]
async fn masked_values_show_that_something_changed_and_not_what() {
    let mut f = Fixture::new();
    f.sync.store_values = StoreValues::Masked;
    f.source.set(&[&["1", "Ann", "ann@x.org", T], &["2", "Bob", "bob@x.org", T]]);
    f.completed().await;
    let values = f.entries().await["1"].values.clone().unwrap();
    let texts: Vec<_> = canon::decode_fields(&values).unwrap();
    assert!(texts.iter().all(|(_, v)| v.as_deref().is_none_or(|v| v.starts_with('#'))), "{texts:?}");

    f.source.set(&[&["1", "Anna", "ann@x.org", T], &["2", "Bob", "bob@x.org", T]]);
    let test = f.run_with(RunType::Test, Default::default()).await;
    let planned = review::document(&f.engine, &test, 10).await.unwrap();
    let run = f.run().await;
    let kept = review::document(&f.engine, &run, 10).await.unwrap();
    for document in [planned, kept] {
        let [change] = &document.changes[..] else { panic!("{:?}", document.changes) };
        let [field] = &change.fields[..] else { panic!("only the name differs: {change:?}") };
        assert_eq!(field.field, "name");
        let (before, after) = (field.before.clone().unwrap(), field.after.clone().unwrap());
        assert!(before != after && before.as_str().unwrap().starts_with('#'), "{before} {after}");
        assert!(after.as_str().unwrap().starts_with('#'));
    }
    assert_eq!(f.completed().await, (0, 0, 2, 0));
}

#[tokio::test]
async fn a_purged_record_is_no_more_than_a_figure_where_values_are_masked_too() {
    for store_values in [StoreValues::Full, StoreValues::Masked, StoreValues::None] {
        let mut f = Fixture::new();
        f.sync.store_values = store_values;
        f.source.set(&[&["1", "Ann", "ann@x.org", T], &["2", "Bob", "bob@x.org", T]]);
        f.completed().await;
        f.source.set(&[&["1", "Anna", "ann@x.org", T], &["2", "Bobby", "bob@x.org", T]]);
        let run = f.run().await;
        let before = f.entries().await;
        let keys = std::collections::BTreeSet::from(["1".to_string()]);
        let counted = f.engine.purge(&f.record().await, &keys, false).await.unwrap();
        assert_eq!(f.entries().await, before, "counting changes nothing");
        let report = f.engine.purge(&f.record().await, &keys, true).await.unwrap();
        assert_eq!((report.places(), report.entries_kept), (counted.places(), 1));
        let entries = f.entries().await;
        assert_eq!(entries["2"], before["2"]);
        assert_eq!(entries["1"], syncline_core::Entry { values: None, ..before["1"].clone() });
        let kept = review::document(&f.engine, &run, 10).await.unwrap();
        let ids: Vec<_> = kept.changes.iter().map(|change| change.row_id.as_str()).collect();
        let plans: &[&str] = if store_values == StoreValues::None { &[] } else { &["(purged)", "2"] };
        assert_eq!(ids, plans, "{store_values:?}");
        let (rows, total) =
            review::changes(&f.engine, &run, &Default::default(), syncline_store::Page::first(10))
                .await
                .unwrap();
        let rows: Vec<_> = rows.iter().map(|row| (row.row_id.as_str(), row.result.as_str())).collect();
        assert_eq!((rows, total), (vec![("(purged)", "updated"), ("2", "updated")], 2));
        assert_eq!(f.completed().await, (0, 0, 2, 0), "what did not change is not written");
        let again = f.engine.purge(&f.record().await, &keys, true).await.unwrap();
        assert_eq!((again.places(), again.leftovers), (0, 0), "{again:?}");
    }
}

#[tokio::test]
async fn without_values_only_keys_and_results_stay() {
    let mut f = Fixture::new();
    f.sync.store_values = StoreValues::None;
    f.source.set(&[&["1", "Ann", "ann@x.org", T]]);
    let run = f.run().await;
    assert!(f.entries().await["1"].values.is_none());
    let plan = f.engine.stored_plan(&run.id).await.unwrap();
    assert!((plan.scrubbed || super::LOADS) && plan.file.is_none());
    let events = review::history(&f.engine, &f.record().await.uid, "1", 10).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].result.as_str(), events[0].fields.len()), ("created", 0));
    assert_eq!(f.completed().await, (0, 0, 1, 0));
}

#[tokio::test]
async fn a_failed_row_of_a_sync_that_keeps_no_values_shows_none() {
    let mut f = Fixture::new();
    f.sync.store_values = StoreValues::None;
    f.target.edit(|t| t.poison.insert("1".into()));
    f.source.set(&[&["1", "Ann", "ann@x.org", T], &["2", "Bob", "b", T]]);
    f.run().await;
    let (letters, _) =
        f.engine.store.letters(&Default::default(), syncline_store::Page::first(10)).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((&letters[0].source_row, &letters[0].payload, &letters[0].raw_value), (&None, &None, &None));
}
