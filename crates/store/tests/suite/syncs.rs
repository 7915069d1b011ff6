use std::sync::Arc;

use syncline_core::{ErrorKind, SyncId};
use syncline_store::{Page, Store, SyncSeen, SyncState};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    a_sync_seen_first_is_registered_and_kept_afterwards,
    a_sync_that_is_not_active_at_first_sight_is_inactive,
    a_renamed_sync_is_the_same_sync,
    renaming_works_once,
    a_uid_belongs_to_one_sync,
    many_syncs_are_registered_as_if_one_after_the_other,
    of_many_syncs_all_are_registered_or_none,
    so_many_syncs_are_registered_at_once_and_no_more,
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

async fn many_syncs_are_registered_as_if_one_after_the_other(store: Arc<dyn Store>) {
    let (contact, deal) = (ensure(&*store, "contact").await, ensure(&*store, "deal").await);
    let renamed = |name: &str, from: &str| SyncSeen {
        renamed_from: Some(SyncId::new("crm", from)),
        uid: uid(&format!("{name}-of-{from}")),
        ..seen(name)
    };
    let newcomer = SyncSeen { uid: uid("newcomer"), active: false, ..seen("contact") };
    let page = [
        renamed("person", "contact"),
        newcomer,
        // Known by both names: it keeps its own.
        renamed("deal", "person"),
        renamed("customer", "person"),
        // New, and renamed before it was ever stored.
        seen("ticket"),
        renamed("case", "ticket"),
        // Neither name is known.
        renamed("invoice", "bill"),
        seen("customer"),
    ];
    let ensured = store.ensure_syncs(&page, at(7)).await.unwrap();
    let expected = [
        ("person", "contact"),
        ("contact", "newcomer"),
        ("deal", "deal"),
        ("customer", "contact"),
        ("ticket", "ticket"),
        ("case", "ticket"),
        ("invoice", "invoice-of-bill"),
        ("customer", "contact"),
    ];
    let names: Vec<_> = ensured.iter().map(|record| (record.id.clone(), record.uid.clone())).collect();
    assert_eq!(names, expected.map(|(name, own)| (SyncId::new("crm", name), uid(own))));
    assert_eq!(ensured[1].state, SyncState::Inactive);
    assert_eq!((ensured[2].clone(), ensured[3].created_at), (deal, contact.created_at));
    assert_eq!(ensured[5].created_at, at(7));
    // What was told is what is kept.
    let stored = store.syncs().await.unwrap();
    let told = [5, 1, 3, 2, 6].map(|n: usize| ensured[n].clone());
    assert_eq!(stored, told);
    assert_eq!(store.ensure_syncs(&page[5..], at(8)).await.unwrap(), ensured[5..]);
    assert_eq!(store.syncs().await.unwrap(), stored);
}

async fn of_many_syncs_all_are_registered_or_none(store: Arc<dyn Store>) {
    let contact = ensure(&*store, "contact").await;
    let thief = SyncSeen { uid: uid("contact"), ..seen("company") };
    let renamed = SyncSeen { renamed_from: Some(contact.id.clone()), ..seen("person") };
    let said = refused(store.ensure_syncs(&[renamed, seen("deal"), thief], at(1)).await, ErrorKind::Conflict);
    assert!(said.contains("crm.company") && said.contains("sync_contact"), "{said}");
    let twin = SyncSeen { uid: uid("deal"), ..seen("offer") };
    let said = refused(store.ensure_syncs(&[seen("deal"), twin], at(1)).await, ErrorKind::Conflict);
    assert!(said.contains("crm.offer"), "{said}");
    assert_eq!(store.syncs().await.unwrap(), [contact]);
}

async fn so_many_syncs_are_registered_at_once_and_no_more(store: Arc<dyn Store>) {
    assert!(store.ensure_syncs(&[], at(0)).await.unwrap().is_empty());
    let mut many: Vec<_> = (0..Page::SIZE_MAX).map(|n| seen(&format!("s{n:05}"))).collect();
    let ensured = store.ensure_syncs(&many, at(0)).await.unwrap();
    assert_eq!(store.syncs().await.unwrap(), ensured);
    many.push(seen("one_more"));
    refused(store.ensure_syncs(&many, at(0)).await, ErrorKind::BadUsage);
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
