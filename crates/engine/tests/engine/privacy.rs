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
