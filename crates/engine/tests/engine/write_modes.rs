//! What each write mode delivers, and that a second run writes nothing.

use syncline_core::RunStatus;
use syncline_core::sync::WriteMode;

use super::fixture::Fixture;

const T: &str = "2025-06-01T10:00:00Z";

#[tokio::test]
async fn upsert_creates_then_updates_what_changed_and_a_second_run_writes_nothing() {
    let f = Fixture::new();
    f.source.set(&[
        &["1", "Ann", "ANN@X.ORG", T],
        &["2", "Bob", "~", T],
        &["3", "Cy", "cy@x.org", T],
        &["4", "Di", "d", T],
    ]);
    assert_eq!(f.completed().await, (4, 0, 0, 0));
    assert_eq!(f.target.dump()[0], "email:ann@x.org id:1 name:Ann");
    let writes = f.target.edit(|t| t.writes);
    assert_eq!(f.completed().await, (0, 0, 4, 0));
    assert_eq!(f.target.edit(|t| t.writes), writes, "G7: nothing changed, nothing is written");

    f.source.set(&[&["1", "Anna", "ann@x.org", T], &["2", "Bob", "~", T], &["3", "Cy", "cy@x.org", T]]);
    assert_eq!(f.completed().await, (0, 1, 2, 0), "upsert leaves what left the model");
    assert_eq!(f.target.dump().len(), 4);
    assert_eq!(f.target.dump()[0], "email:ann@x.org id:1 name:Anna");
}

#[tokio::test]
async fn mirror_deletes_what_it_delivered_and_nothing_else() {
    let mut f = Fixture::new();
    f.sync.write_mode = WriteMode::Mirror;
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T], &["3", "Cy", "c", T]]);
    f.target.edit(|t| {
        let foreign = [("id", "9"), ("name", "Zoe")].map(|(k, v)| (k.to_string(), Some(v.to_string())));
        t.records.insert("9".into(), foreign.into());
        let adopted = [("id", "3"), ("name", "old")].map(|(k, v)| (k.to_string(), Some(v.to_string())));
        t.records.insert("3".into(), adopted.into());
    });
    assert_eq!(f.completed().await, (2, 1, 0, 0));
    f.source.set(&[&["1", "Ann", "a", T]]);
    assert_eq!(f.completed().await, (0, 0, 1, 1), "3 was there before us and stays");
    assert_eq!(f.state_of("2").await.as_deref(), Some("removed"));
    assert_eq!(f.target.dump().len(), 3);
    assert_eq!(f.completed().await, (0, 0, 1, 0), "a removal is not repeated");
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    assert_eq!(f.completed().await, (1, 0, 1, 0), "what comes back is created again");
}

#[tokio::test]
async fn insert_leaves_known_and_foreign_records_alone() {
    let mut f = Fixture::new();
    f.sync.write_mode = WriteMode::Insert;
    f.target.edit(|t| {
        t.records.insert("2".into(), [("id".to_string(), Some("2".to_string()))].into());
    });
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    let run = f.run().await;
    assert_eq!((run.counters.rows_created, run.skipped.get("exists")), (1, Some(&1)));
    assert_eq!(f.state_of("2").await.as_deref(), Some("foreign"));
    f.source.set(&[&["1", "Changed", "a", T], &["2", "Changed", "b", T]]);
    assert_eq!(f.completed().await, (0, 0, 2, 0));
    assert_eq!(f.target.dump()[0], "email:a id:1 name:Ann");
}

#[tokio::test]
async fn update_waits_for_records_that_appear_later() {
    let mut f = Fixture::new();
    f.sync.write_mode = WriteMode::Update;
    f.source.set(&[&["1", "Ann", "a", T]]);
    let run = f.run().await;
    assert_eq!((run.status, run.skipped.get("absent")), (RunStatus::Completed, Some(&1)));
    assert_eq!(f.state_of("1").await.as_deref(), Some("absent"));
    f.target.edit(|t| t.records.insert("1".into(), [("id".to_string(), Some("1".to_string()))].into()));
    assert_eq!(f.completed().await, (0, 1, 0, 0));
    assert_eq!(f.completed().await, (0, 0, 1, 0));
}

#[tokio::test]
async fn append_adds_new_and_changed_rows_once() {
    let mut f = Fixture::new();
    f.sync.write_mode = WriteMode::Append;
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    assert_eq!(f.completed().await, (2, 0, 0, 0));
    assert_eq!(f.completed().await, (0, 0, 2, 0));
    f.source.set(&[&["1", "Anna", "a", T], &["2", "Bob", "b", T]]);
    assert_eq!(f.completed().await, (1, 0, 1, 0));
    assert_eq!(f.target.edit(|t| t.appended.len()), 3);
}
