use std::sync::Arc;

use serde_json::json;
use syncline_store::{AuditEntry, AuditFilter, Catalog, Page, SqliteStore};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    records_are_numbered_without_gaps_and_chained,
    records_come_newest_first_and_by_what_they_say,
    an_entry_of_any_characters_and_length_is_kept_and_verified,
    of_many_at_once_each_has_its_place_in_the_chain,
];

fn entry(n: i64) -> AuditEntry {
    AuditEntry {
        at: at(n),
        actor: format!("token:{}", n % 2),
        actor_name: "ci".into(),
        action: if n % 3 == 0 { "run.cancel".into() } else { "run.trigger".into() },
        target: format!("sync:crm.{}", n % 4),
        result: "ok".into(),
        detail: json!({"z": n, "a": {"y": 0.1, "x": "ü\n"}}),
        remote: Some("127.0.0.1".into()),
    }
}

async fn records_are_numbered_without_gaps_and_chained(store: Arc<dyn Catalog>) {
    assert_eq!(store.verify_audit().await.unwrap(), None, "nothing is whole");
    let mut hashes = Vec::new();
    for n in 1..=3 {
        let record = store.audit(&entry(1)).await.unwrap();
        assert_eq!((record.sequence, &record.entry), (n, &entry(1)));
        assert_eq!(record.hash.len(), 64);
        hashes.push(record.hash);
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 3, "equal entries have other hashes at other places");
    assert_eq!(store.verify_audit().await.unwrap(), None);
}

async fn an_entry_of_any_characters_and_length_is_kept_and_verified(store: Arc<dyn Catalog>) {
    let hostile = AuditEntry {
        actor: "token:\0".into(),
        target: "\u{1F600}".repeat(100_000),
        detail: json!({ "\0": "\0\u{1F600}\n" }),
        ..entry(1)
    };
    let record = store.audit(&hostile).await.unwrap();
    assert_eq!(record.entry.detail, hostile.detail);
    assert_eq!(store.audit_log(&AuditFilter::default(), ALL).await.unwrap().0, std::slice::from_ref(&record));
    assert_eq!(store.verify_audit().await.unwrap(), None);
}

async fn records_come_newest_first_and_by_what_they_say(store: Arc<dyn Catalog>) {
    let mut all = Vec::new();
    for n in 0..12 {
        all.insert(0, store.audit(&entry(n)).await.unwrap());
    }
    let filters = [
        AuditFilter::default(),
        AuditFilter { actor: Some("token:1".into()), ..Default::default() },
        AuditFilter { action: Some("run.cancel".into()), ..Default::default() },
        AuditFilter { target: Some("sync:crm.3".into()), ..Default::default() },
        AuditFilter { since: Some(at(3)), until: Some(at(7)), ..Default::default() },
        AuditFilter {
            actor: Some("token:0".into()),
            action: Some("run.cancel".into()),
            target: Some("sync:crm.2".into()),
            since: Some(at(0)),
            until: Some(at(12)),
        },
    ];
    for filter in filters {
        let mut expected = all.clone();
        expected.retain(|record| {
            let entry = &record.entry;
            filter.actor.as_ref().is_none_or(|actor| entry.actor == *actor)
                && filter.action.as_ref().is_none_or(|action| entry.action == *action)
                && filter.target.as_ref().is_none_or(|target| entry.target == *target)
                && filter.since.is_none_or(|t| entry.at >= t)
                && filter.until.is_none_or(|t| entry.at < t)
        });
        let total = expected.len() as u64;
        assert!(total > 0);
        assert_eq!(store.audit_log(&filter, ALL).await.unwrap(), (expected.clone(), total), "{filter:?}");
        let page = store.audit_log(&filter, Page { number: 2, size: 1 }).await.unwrap();
        assert_eq!(page, (expected.into_iter().skip(1).take(1).collect(), total));
    }
}

async fn of_many_at_once_each_has_its_place_in_the_chain(store: Arc<dyn Catalog>) {
    let appended = crate::races::at_once((0..50).map(|n| {
        let store = store.clone();
        async move { store.audit(&entry(n)).await.unwrap().sequence }
    }));
    let mut sequences = appended.await;
    sequences.sort();
    assert_eq!(sequences, (1..=50).collect::<Vec<_>>());
    assert_eq!(store.verify_audit().await.unwrap(), None);
}

/// S17: whatever is changed behind the store's back, the verifier names the place.
#[tokio::test]
async fn a_record_that_was_changed_moved_or_dropped_is_found() {
    let tampering = [
        "UPDATE audit SET entry = replace(entry, '\"ok\"', '\"no\"') WHERE sequence = 1002",
        "UPDATE audit SET actor = 'somebody' WHERE sequence = 1002",
        "UPDATE audit SET at = at + 1 WHERE sequence = 1002",
        "UPDATE audit SET hash = '0' || substr(hash, 2) || 'x' WHERE sequence = 1002",
        "DELETE FROM audit WHERE sequence = 1002",
        "DELETE FROM audit WHERE sequence = 1002; UPDATE audit SET sequence = sequence - 1 WHERE sequence > 1002",
        "UPDATE audit SET entry = (SELECT entry FROM audit WHERE sequence = 1003) WHERE sequence = 1002",
    ];
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    // The verifier reads a thousand at a time.
    for n in 1..=1004 {
        store.audit(&entry(n)).await.unwrap();
    }
    assert_eq!(store.verify_audit().await.unwrap(), None);
    drop(store);
    let database = folder.path().join("state.db");
    let whole = std::fs::read(&database).unwrap();
    for statements in tampering {
        std::fs::write(&database, &whole).unwrap();
        rusqlite::Connection::open(&database).unwrap().execute_batch(statements).unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        assert_eq!(store.verify_audit().await.unwrap(), Some(1002), "{statements}");
    }
}
