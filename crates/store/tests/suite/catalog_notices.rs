use std::sync::Arc;
use std::time::Duration;

use syncline_core::ErrorKind;
use syncline_store::{Catalog, Delivery, NewNotice, Notice, NoticeState, Page};

use crate::fixtures::*;
use crate::follow_up::notice;
use crate::over_every_store;

over_every_store![
    a_notice_is_due_at_once_and_then_leased,
    due_notices_come_the_longest_due_first,
    a_delivery_is_noted_and_tried_again_or_not,
    the_first_end_of_a_notice_stands,
    notices_are_listed_newest_first,
    settled_notices_are_forgotten,
    of_many_takers_each_notice_goes_to_one,
];

const MINUTE: Duration = Duration::from_secs(60);

fn delivery(state: NoticeState, next: Option<i64>) -> Delivery {
    let error = (state != NoticeState::Delivered).then(|| "503".to_string());
    Delivery { state, at: at(200), error, next_attempt_at: next.map(at) }
}

fn ids(notices: &[Notice]) -> Vec<&str> {
    notices.iter().map(|n| n.notice.id.as_str()).collect()
}

async fn a_notice_is_due_at_once_and_then_leased(store: Arc<dyn Catalog>) {
    store.add_notice(&notice("n")).await.unwrap();
    let twin = NewNotice { event: "held".into(), ..notice("n") };
    store.add_notice(&twin).await.unwrap();
    assert!(store.due_notices(at(59), 10, MINUTE).await.unwrap().is_empty());
    let due = store.due_notices(at(60), 10, MINUTE).await.unwrap();
    let expected = Notice {
        notice: notice("n"),
        state: NoticeState::Pending,
        attempts: 0,
        next_attempt_at: Some(at(60)),
        delivered_at: None,
        last_error: None,
    };
    assert_eq!(due, [expected], "the first of one id stays");
    assert!(store.due_notices(at(119), 10, MINUTE).await.unwrap().is_empty());
    assert_eq!(store.due_notices(at(120), 10, MINUTE).await.unwrap().len(), 1, "its taker is gone");
}

async fn due_notices_come_the_longest_due_first(store: Arc<dyn Catalog>) {
    for (id, created) in [("c", 3), ("a", 1), ("b", 2)] {
        store.add_notice(&NewNotice { created_at: at(created), ..notice(id) }).await.unwrap();
    }
    assert_eq!(ids(&store.due_notices(at(9), 2, MINUTE).await.unwrap()), ["a", "b"]);
    assert_eq!(ids(&store.due_notices(at(9), 2, MINUTE).await.unwrap()), ["c"]);
}

async fn a_delivery_is_noted_and_tried_again_or_not(store: Arc<dyn Catalog>) {
    for id in ["delivered", "failed"] {
        store.add_notice(&notice(id)).await.unwrap();
        store.settle_notice(id, &delivery(NoticeState::Pending, Some(300))).await.unwrap();
    }
    assert!(store.due_notices(at(299), 10, MINUTE).await.unwrap().is_empty());
    let due = store.due_notices(at(300), 10, MINUTE).await.unwrap();
    assert_eq!(ids(&due), ["delivered", "failed"]);
    assert_eq!((due[0].attempts, due[0].last_error.as_deref()), (1, Some("503")));
    store.settle_notice("delivered", &delivery(NoticeState::Delivered, None)).await.unwrap();
    store.settle_notice("failed", &delivery(NoticeState::Failed, None)).await.unwrap();
    assert!(store.due_notices(at(9_999), 10, MINUTE).await.unwrap().is_empty());
    let (notices, _) = store.notices(None, ALL).await.unwrap();
    let state = |id: &str| notices.iter().find(|n| n.notice.id == id).unwrap();
    let delivered = state("delivered");
    assert_eq!((delivered.state, delivered.attempts), (NoticeState::Delivered, 2));
    assert_eq!((delivered.delivered_at, &delivered.last_error), (Some(at(200)), &None));
    let failed = state("failed");
    assert_eq!((failed.state, failed.delivered_at), (NoticeState::Failed, None));
    assert_eq!(failed.last_error.as_deref(), Some("503"));
    refused(store.settle_notice("absent", &delivery(NoticeState::Failed, None)).await, ErrorKind::NotFound);
}

async fn the_first_end_of_a_notice_stands(store: Arc<dyn Catalog>) {
    store.add_notice(&notice("n")).await.unwrap();
    store.settle_notice("n", &delivery(NoticeState::Delivered, None)).await.unwrap();
    let before = store.notices(None, ALL).await.unwrap();
    store.settle_notice("n", &delivery(NoticeState::Pending, Some(300))).await.unwrap();
    assert_eq!(store.notices(None, ALL).await.unwrap(), before);
}

async fn notices_are_listed_newest_first(store: Arc<dyn Catalog>) {
    for n in 0..6 {
        let channel = if n % 2 == 0 { "ops" } else { "crm" };
        let notice = NewNotice { channel: channel.into(), created_at: at(n), ..notice(&n.to_string()) };
        store.add_notice(&notice).await.unwrap();
    }
    let (all, total) = store.notices(None, Page { number: 2, size: 4 }).await.unwrap();
    assert_eq!((ids(&all), total), (vec!["1", "0"], 6));
    let (ops, total) = store.notices(Some("ops"), ALL).await.unwrap();
    assert_eq!((ids(&ops), total), (vec!["4", "2", "0"], 3));
    assert_eq!(store.notices(Some("none"), ALL).await.unwrap(), (vec![], 0));
}

async fn settled_notices_are_forgotten(store: Arc<dyn Catalog>) {
    for id in ["settled", "pending"] {
        store.add_notice(&notice(id)).await.unwrap();
    }
    store.settle_notice("settled", &delivery(NoticeState::Delivered, None)).await.unwrap();
    assert_eq!(store.forget_traces(at(60)).await.unwrap(), 0);
    assert_eq!(store.forget_traces(at(61)).await.unwrap(), 1);
    assert_eq!(ids(&store.notices(None, ALL).await.unwrap().0), ["pending"]);
}

async fn of_many_takers_each_notice_goes_to_one(store: Arc<dyn Catalog>) {
    for n in 0..20 {
        store.add_notice(&notice(&format!("{n:02}"))).await.unwrap();
    }
    let taken = crate::races::at_once((0..20).map(|_| {
        let store = store.clone();
        async move { store.due_notices(at(60), 3, MINUTE).await.unwrap() }
    }));
    let mut taken: Vec<_> = taken.await.into_iter().flatten().map(|n| n.notice.id).collect();
    taken.sort();
    assert_eq!(taken, (0..20).map(|n| format!("{n:02}")).collect::<Vec<_>>());
}
