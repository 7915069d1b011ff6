use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;
use syncline_store::{ANSWERS_KEPT, Answer, Begun, Catalog};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    a_request_is_carried_out_once,
    a_key_belongs_to_one_request,
    a_request_without_answer_may_be_tried_again,
    a_request_of_a_server_that_died_may_be_tried_again_after_a_while,
    an_answer_is_kept_for_so_long,
    of_many_requests_at_once_one_is_carried_out,
];

fn answer() -> Answer {
    Answer { status: 202, body: json!({"id": "run_1"}) }
}

async fn a_request_is_carried_out_once(store: Arc<dyn Catalog>) {
    assert_eq!(store.begin_request("k", "f", at(0)).await.unwrap(), Begun::New);
    assert_eq!(store.begin_request("k", "f", at(1)).await.unwrap(), Begun::UnderWay);
    store.finish_request("k", Some(&answer())).await.unwrap();
    for seconds in [1, 2] {
        let begun = store.begin_request("k", "f", at(seconds)).await.unwrap();
        assert_eq!(begun, Begun::Answered(answer()));
    }
}

async fn a_key_belongs_to_one_request(store: Arc<dyn Catalog>) {
    store.begin_request("k", "f", at(0)).await.unwrap();
    assert_eq!(store.begin_request("k", "g", at(0)).await.unwrap(), Begun::Mismatch);
    store.finish_request("k", Some(&answer())).await.unwrap();
    assert_eq!(store.begin_request("k", "g", at(0)).await.unwrap(), Begun::Mismatch);
    assert_eq!(store.begin_request("other", "g", at(0)).await.unwrap(), Begun::New);
}

async fn a_request_without_answer_may_be_tried_again(store: Arc<dyn Catalog>) {
    store.begin_request("k", "f", at(0)).await.unwrap();
    store.finish_request("k", None).await.unwrap();
    assert_eq!(store.begin_request("k", "g", at(0)).await.unwrap(), Begun::New);
    store.finish_request("k", Some(&answer())).await.unwrap();
    store.finish_request("k", None).await.unwrap();
    assert_eq!(store.begin_request("k", "g", at(0)).await.unwrap(), Begun::Answered(answer()));
}

async fn a_request_of_a_server_that_died_may_be_tried_again_after_a_while(store: Arc<dyn Catalog>) {
    store.begin_request("k", "f", at(0)).await.unwrap();
    assert_eq!(store.begin_request("k", "f", at(300)).await.unwrap(), Begun::UnderWay);
    assert_eq!(store.begin_request("k", "f", at(301)).await.unwrap(), Begun::New);
}

async fn an_answer_is_kept_for_so_long(store: Arc<dyn Catalog>) {
    store.begin_request("k", "f", at(0)).await.unwrap();
    store.finish_request("k", Some(&answer())).await.unwrap();
    let kept = at(0) + SignedDuration::try_from(ANSWERS_KEPT).unwrap();
    assert_eq!(store.begin_request("k", "f", kept).await.unwrap(), Begun::Answered(answer()));
    let later = kept + SignedDuration::from_secs(1);
    assert_eq!(store.begin_request("k", "other", later).await.unwrap(), Begun::New);

    assert_eq!(store.forget_traces(later).await.unwrap(), 0);
    assert_eq!(store.forget_traces(later + SignedDuration::from_secs(1)).await.unwrap(), 1);
    assert_eq!(store.begin_request("k", "f", later).await.unwrap(), Begun::New);
}

async fn of_many_requests_at_once_one_is_carried_out(store: Arc<dyn Catalog>) {
    let begun = crate::races::at_once((0..50).map(|_| {
        let store = store.clone();
        async move { store.begin_request("k", "f", at(0)).await.unwrap() }
    }));
    let (new, others): (Vec<_>, Vec<_>) = begun.await.into_iter().partition(|b| *b == Begun::New);
    assert_eq!(new.len(), 1);
    assert!(others.iter().all(|begun| *begun == Begun::UnderWay));
}
