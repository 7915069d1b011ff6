use std::sync::Arc;

use serde_json::json;
use syncline_core::ErrorKind;
use syncline_store::{Catalog, Object};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    an_object_is_stored_under_a_new_revision_each_time,
    an_object_is_changed_only_at_the_revision_that_is_expected,
    objects_are_listed_by_kind_and_id,
    an_object_that_is_removed_is_gone_and_may_be_made_anew,
    of_many_changes_of_one_revision_exactly_one_is_made,
    a_store_stays_the_same_one,
];

fn object(kind: &str, id: &str, body: serde_json::Value) -> Object {
    // The store counts revisions and keeps the times.
    Object { kind: kind.into(), id: id.into(), revision: 77, created_at: at(-1), updated_at: at(-1), body }
}

async fn an_object_is_stored_under_a_new_revision_each_time(store: Arc<dyn Catalog>) {
    assert_eq!(store.object("connection", "crm").await.unwrap(), None);
    for n in 1..4 {
        let new = object("connection", "crm", json!({"n": n, "text": "\u{0}ü\"", "real": 0.1}));
        assert_eq!(store.put_object(&new, None, at(n)).await.unwrap(), n as u64);
        let stored = Object { revision: n as u64, created_at: at(1), updated_at: at(n), ..new };
        assert_eq!(store.object("connection", "crm").await.unwrap(), Some(stored));
    }
}

async fn an_object_is_changed_only_at_the_revision_that_is_expected(store: Arc<dyn Catalog>) {
    let put =
        async |body: i32, expected| store.put_object(&object("k", "a", json!(body)), expected, at(1)).await;
    refused(put(0, Some(1)).await, ErrorKind::Conflict);
    assert_eq!(put(1, Some(0)).await.unwrap(), 1);
    refused(put(2, Some(0)).await, ErrorKind::Conflict);
    refused(put(2, Some(2)).await, ErrorKind::Conflict);
    assert_eq!(put(2, Some(1)).await.unwrap(), 2);
    refused(put(3, Some(1)).await, ErrorKind::Conflict);
    assert_eq!(store.object("k", "a").await.unwrap().unwrap().body, json!(2));
}

async fn objects_are_listed_by_kind_and_id(store: Arc<dyn Catalog>) {
    for (kind, id) in [("k", "b"), ("other", "c"), ("k", "a")] {
        store.put_object(&object(kind, id, json!(null)), None, at(1)).await.unwrap();
    }
    let ids: Vec<_> = store.objects("k").await.unwrap().into_iter().map(|o| o.id).collect();
    assert_eq!(ids, ["a", "b"]);
    assert!(store.objects("none").await.unwrap().is_empty());
}

async fn an_object_that_is_removed_is_gone_and_may_be_made_anew(store: Arc<dyn Catalog>) {
    assert!(!store.remove_object("k", "a").await.unwrap());
    store.put_object(&object("k", "a", json!(1)), None, at(1)).await.unwrap();
    assert!(!store.remove_object("other", "a").await.unwrap());
    assert!(store.remove_object("k", "a").await.unwrap());
    assert_eq!(store.object("k", "a").await.unwrap(), None);
    assert_eq!(store.put_object(&object("k", "a", json!(2)), Some(0), at(2)).await.unwrap(), 1);
}

async fn of_many_changes_of_one_revision_exactly_one_is_made(store: Arc<dyn Catalog>) {
    for revision in 0..3 {
        let changes = (0..20).map(|n| {
            let store = store.clone();
            async move { store.put_object(&object("k", "a", json!(n)), Some(revision), at(1)).await.is_ok() }
        });
        let made = crate::races::at_once(changes).await;
        assert_eq!(made.into_iter().filter(|made| *made).count(), 1);
    }
}

async fn a_store_stays_the_same_one(store: Arc<dyn Catalog>) {
    let first = store.incarnation().await.unwrap();
    assert!(!first.id.is_empty());
    assert_eq!(first.restored_at, None);
    assert_eq!(store.incarnation().await.unwrap(), first);
}
