use std::sync::Arc;

use syncline_core::RunType;
use syncline_store::{KeepUntil, LetterFilter, LetterState, Store};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    old_runs_go_and_the_newest_of_each_sync_stay,
    letters_expire_and_then_go,
    ignored_letters_stay_without_their_values
];

fn keep(runs_from: i64, letters_from: i64) -> KeepUntil {
    KeepUntil {
        runs_from: at(runs_from),
        runs_min: 1,
        letters_from: at(letters_from),
        letters_max: 100,
        traces_from: at(0),
    }
}

async fn old_runs_go_and_the_newest_of_each_sync_stay(store: Arc<dyn Store>) {
    for sync in ["contact", "company"] {
        ensure(&*store, sync).await;
    }
    for (name, sync) in [("a", "contact"), ("b", "contact"), ("c", "company")] {
        let run = running(&*store, name, sync, RunType::Sync).await;
        store.commit(&ending(&run)).await.unwrap();
    }
    let unfinished = running(&*store, "d", "contact", RunType::Sync).await;
    assert_eq!(store.forget(&keep(0, 0)).await.unwrap().runs, 0, "nothing is older than itself");
    let forgotten = store.forget(&keep(1, 0)).await.unwrap();
    assert_eq!(forgotten.runs, 2, "a and b; c is the newest of its sync and d has not ended");
    assert!(store.run(&run_id("a")).await.unwrap().is_none());
    assert!(store.run(&run_id("c")).await.unwrap().is_some());
    assert!(store.run(&unfinished.id).await.unwrap().is_some());
}

async fn letters_expire_and_then_go(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    store.stage_letters(&run.id, run.epoch, &[letter(&run, "1", b"k")]).await.unwrap();
    store.commit(&ending(&run)).await.unwrap();
    let forgotten = store.forget(&keep(0, 1_000_000)).await.unwrap();
    assert_eq!((forgotten.letters, forgotten.expired), (0, 1));
    let kept = letters(&*store, &LetterFilter::default()).await;
    assert_eq!(kept[0].state, LetterState::Expired);
    let forgotten = store.forget(&keep(0, 1_000_000)).await.unwrap();
    assert_eq!((forgotten.letters, forgotten.expired), (1, 0));
    assert!(letters(&*store, &LetterFilter::default()).await.is_empty());
}

async fn ignored_letters_stay_without_their_values(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    store.stage_letters(&run.id, run.epoch, &[letter(&run, "1", b"k")]).await.unwrap();
    store.commit(&ending(&run)).await.unwrap();
    let ignored = store.set_letter_state("dl_1", LetterState::Ignored).await.unwrap();
    assert!(ignored.source_row.is_some() && ignored.payload.is_some());
    for _ in 0..2 {
        let forgotten = store.forget(&keep(0, 1_000_000)).await.unwrap();
        assert_eq!((forgotten.letters, forgotten.expired), (0, 0), "its record would be tried again");
        let kept = store.letter("dl_1").await.unwrap().unwrap();
        assert_eq!(kept.state, LetterState::Ignored);
        assert_eq!((kept.source_row, kept.payload, kept.raw_value), (None, None, None));
    }
}
