use std::sync::Arc;

use syncline_core::{ErrorKind, SyncId};
use syncline_store::{Store, SyncSeen, SyncState};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    a_sync_seen_first_is_registered_and_kept_afterwards,
    a_sync_that_is_not_active_at_first_sight_is_inactive,
    a_renamed_sync_is_the_same_sync,
    renaming_works_once,
    a_uid_belongs_to_one_sync,
    syncs_are_listed_by_id,
    states_are_stored_whole,
    what_is_not_there_is_none_or_not_found,
];

async fn a_sync_seen_first_is_registered_and_kept_afterwards(store: Arc<dyn Store>) {
    let first = store.ensure_sync(&seen("contact"), at(0)).await.unwrap();
    assert_eq!(first.uid, uid("contact"));
    assert_eq!(first.id, SyncId::new("crm", "contact"));
    assert_eq!(first.state, SyncState::Active);
    assert_eq!(first.seed, u64::MAX - 5);
    assert_eq!(first.created_at, at(0));
    assert_eq!((first.generation, &first.cursor, &first.config_hash), (0, &None, &None));
    assert_eq!(first.last_full_read_at, None);

    let again = SyncSeen { uid: uid("other"), seed: 1, active: false, ..seen("contact") };
    assert_eq!(store.ensure_sync(&again, at(9)).await.unwrap(), first);
    assert_eq!(store.sync(&first.id).await.unwrap(), Some(first));
}

async fn a_sync_that_is_not_active_at_first_sight_is_inactive(store: Arc<dyn Store>) {
    let inactive = SyncSeen { active: false, ..seen("contact") };
    assert_eq!(store.ensure_sync(&inactive, at(0)).await.unwrap().state, SyncState::Inactive);
}

async fn a_renamed_sync_is_the_same_sync(store: Arc<dyn Store>) {
    let before = ensure(&*store, "contact").await;
    store.set_sync_state(&before.uid, &SyncState::Inactive, at(1)).await.unwrap();
    let renamed = SyncSeen { renamed_from: Some(before.id.clone()), ..seen("person") };
    let after = store.ensure_sync(&renamed, at(2)).await.unwrap();
    assert_eq!(after.uid, before.uid);
    assert_eq!(after.seed, before.seed);
    assert_eq!(after.id, renamed.id);
    assert_eq!(after.state, SyncState::Inactive);
    assert_eq!(store.sync(&before.id).await.unwrap(), None);
    assert_eq!(store.sync(&renamed.id).await.unwrap(), Some(after));
}

async fn renaming_works_once(store: Arc<dyn Store>) {
    let contact = ensure(&*store, "contact").await;
    let renamed = SyncSeen { renamed_from: Some(contact.id.clone()), ..seen("person") };
    store.ensure_sync(&renamed, at(1)).await.unwrap();
    // A new sync takes the old name; the leftover `renamed_from` must not steal it.
    let newcomer = SyncSeen { uid: uid("newcomer"), ..seen("contact") };
    let newcomer = store.ensure_sync(&newcomer, at(2)).await.unwrap();
    let person = store.ensure_sync(&renamed, at(3)).await.unwrap();
    assert_eq!(person.uid, contact.uid);
    assert_eq!(store.sync(&newcomer.id).await.unwrap().unwrap().uid, uid("newcomer"));
}

async fn a_uid_belongs_to_one_sync(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let thief = SyncSeen { uid: uid("contact"), ..seen("company") };
    refused(store.ensure_sync(&thief, at(1)).await, ErrorKind::Conflict);
    assert_eq!(store.syncs().await.unwrap().len(), 1);
}

async fn syncs_are_listed_by_id(store: Arc<dyn Store>) {
    assert!(store.syncs().await.unwrap().is_empty());
    for name in ["deal", "company", "contact"] {
        ensure(&*store, name).await;
    }
    let ids: Vec<_> = store.syncs().await.unwrap().into_iter().map(|s| s.id.to_string()).collect();
    assert_eq!(ids, ["crm.company", "crm.contact", "crm.deal"]);
}

async fn states_are_stored_whole(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    ensure(&*store, "company").await;
    let halted = SyncState::Halted { reason: "5 % failed".into(), since: at(5), failures: 3 };
    for state in [SyncState::Inactive, halted, SyncState::Active] {
        store.set_sync_state(&uid("contact"), &state, at(6)).await.unwrap();
        assert_eq!(sync_now(&*store, "contact").await.state, state);
        assert_eq!(sync_now(&*store, "company").await.state, SyncState::Active);
    }
}

async fn what_is_not_there_is_none_or_not_found(store: Arc<dyn Store>) {
    assert_eq!(store.sync(&SyncId::new("crm", "contact")).await.unwrap(), None);
    let missing = uid("contact");
    refused(store.set_sync_state(&missing, &SyncState::Active, at(0)).await, ErrorKind::NotFound);
    refused(store.set_cursor(&missing, &cursor_to(1), at(0)).await, ErrorKind::NotFound);
    refused(store.cursor_history(&missing, ALL).await, ErrorKind::NotFound);
    assert_eq!(store.generation(&missing).await.unwrap(), None);
    assert!(store.live_files().await.unwrap().is_empty());
}
