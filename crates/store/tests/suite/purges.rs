//! What the database keeps of a record goes with a purge of it, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;
use syncline_core::run::{GuardVerdict, StoredError};
use syncline_core::{ErrorKind, Key, Run, RunStatus, RunType};
use syncline_store::{
    Answer, Begun, Catalog, ChunkState, Commit, FollowUp, LetterFilter, NewNotice, Page, Purge, Purged,
    RowErrorFilter, RowErrorRecord, Store, SyncState,
};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    messages_lose_what_they_cite_and_runs_the_key,
    letters_and_errors_of_the_record_go_and_those_of_others_stay,
    files_are_named_in_the_place_of_others_and_older_generations_go,
    a_purge_that_looked_at_other_files_does_nothing,
    what_an_unfinished_run_needs_is_not_taken_from_it,
];

const VALUE: &str = "ann@example.com";

async fn purge_of(store: &dyn Store, row: &str) -> Purge {
    Purge {
        sync_uid: uid("contact"),
        rows: BTreeSet::from([row.to_string()]),
        values: BTreeSet::from([VALUE.to_string()]),
        seen: store.files_of_sync(&uid("contact")).await.unwrap(),
        files: BTreeMap::new(),
        plans: BTreeMap::new(),
        states: None,
    }
}

async fn purged(store: &dyn Store, purge: &Purge) -> Purged {
    let counted = store.purge(purge, false).await.unwrap().unwrap();
    let again = store.purge(purge, false).await.unwrap().unwrap();
    assert_eq!(again, counted, "counting changes nothing");
    let purged = store.purge(purge, true).await.unwrap().unwrap();
    assert_eq!(purged, counted, "what was counted is removed");
    assert_eq!(store.purge(purge, true).await.unwrap().unwrap(), Purged::default());
    purged
}

async fn messages_lose_what_they_cite_and_runs_the_key(store: Arc<dyn Catalog>) {
    ensure(&*store, "contact").await;
    let mut run = running(&*store, "a", "contact", RunType::Sync).await;
    let message = format!("the server said: ({VALUE}) is taken");
    run.options.source_ids = vec!["row 1".into(), "row 2".into()];
    run.not_found = vec!["row 1".into()];
    run.guards = vec![GuardVerdict {
        guard: "max_deletes".into(),
        tripped: true,
        message: "too many".into(),
        sample: vec!["row 1".into(), "row 3".into()],
    }];
    run.error = Some(StoredError {
        code: "destination_failed".into(),
        message: message.clone(),
        help: None,
        causes: vec![message.clone(), "nothing else".into()],
    });
    let notice = NewNotice {
        id: "n1".into(),
        channel: "ops".into(),
        event: "failed".into(),
        sync_id: Some(run.sync_id.clone()),
        run_id: Some(run.id.clone()),
        payload: json!({ "error": { "message": message } }),
        created_at: at(60),
    };
    let halted = SyncState::Halted { reason: message, since: at(60), failures: 3 };
    let ended = Run { status: RunStatus::Failed, ..ending(&run).run };
    let follow = FollowUp { notices: vec![notice], ..FollowUp::default() };
    let commit = Commit { run: ended, sync_state: Some(halted), follow, ..ending(&run) };
    store.commit(&commit).await.unwrap();
    store.begin_request("k", "f", at(61)).await.unwrap();
    store
        .finish_request("k", Some(&Answer { status: 202, body: json!({ "row_id": "row 1" }) }))
        .await
        .unwrap();

    let gone = purged(&*store, &purge_of(&*store, "row 1").await).await;
    assert_eq!((gone.runs, gone.answers), (1, 1));
    assert!(gone.messages >= 4, "{gone:?}");
    let told = "the server said: ((purged)) is taken";
    let after = run_now(&*store, &run.id).await;
    assert_eq!(after.options.source_ids, [Key::PURGED, "row 2"]);
    assert_eq!(after.not_found, [Key::PURGED]);
    assert_eq!(after.guards[0].sample, [Key::PURGED, "row 3"]);
    let error = after.error.unwrap();
    assert_eq!(
        (error.message.as_str(), &error.causes[..]),
        (told, &[told.to_string(), "nothing else".into()][..])
    );
    let SyncState::Halted { reason, failures: 3, .. } = sync_now(&*store, "contact").await.state else {
        panic!("still halted")
    };
    assert_eq!(reason, told);
    let (notices, _) = store.notices(None, ALL).await.unwrap();
    assert_eq!(notices[0].notice.payload["error"]["message"], told);
    let events = store.events(0, None, 100).await.unwrap();
    assert!(events.iter().any(|event| event.data.to_string().contains(told)), "the halt is told as an event");
    assert!(!events.iter().any(|event| event.data.to_string().contains(VALUE)));
    let kept = Answer { status: 202, body: json!(null) };
    assert_eq!(store.begin_request("k", "f", at(62)).await.unwrap(), Begun::Answered(kept));
}

async fn letters_and_errors_of_the_record_go_and_those_of_others_stay(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    ensure(&*store, "account").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let other = running(&*store, "b", "account", RunType::Sync).await;
    let mut letters_of_run: Vec<_> =
        (1..=3).map(|n| letter(&run, &n.to_string(), n.to_string().as_bytes())).collect();
    letters_of_run[2].ignored_because = Some(format!("she wrote from {VALUE} herself"));
    letters_of_run[1].message = format!("is the same as '{VALUE}'");
    store.stage_letters(&run.id, run.epoch, &letters_of_run).await.unwrap();
    store.stage_letters(&other.id, other.epoch, &[letter(&other, "4", b"1")]).await.unwrap();
    for run in [&run, &other] {
        store.add_row_errors(&run.id, run.epoch, &(1..=2).map(row_error).collect::<Vec<_>>()).await.unwrap();
        store.commit(&ending(run)).await.unwrap();
    }
    let gone = purged(&*store, &purge_of(&*store, "row 1").await).await;
    assert_eq!(gone, Purged { letters: 1, row_errors: 1, messages: 2, ..Purged::default() });
    let left = letters(&*store, &LetterFilter { sync_uid: Some(uid("contact")), ..Default::default() }).await;
    let reasons: Vec<&str> = left.iter().filter_map(|l| l.ignored_because.as_deref()).collect();
    assert_eq!(reasons, ["she wrote from (purged) herself"]);
    let mut left: Vec<_> = left.iter().map(|l| (l.row_id.as_str(), l.message.as_str())).collect();
    left.sort_unstable();
    assert_eq!(left, [("row 2", "is the same as '(purged)'"), ("row 3", "email is taken")]);
    let (errors, _) = store.row_errors(&run.id, &RowErrorFilter::ALL, ALL).await.unwrap();
    let emptied = RowErrorRecord {
        row_id: Key::PURGED.into(),
        message: Key::PURGED.into(),
        raw_value: None,
        ..row_error(1)
    };
    assert_eq!(errors, [emptied, row_error(2)]);
    // The same key of another sync is another record.
    assert_eq!(
        store.row_errors(&other.id, &RowErrorFilter::ALL, ALL).await.unwrap().0,
        [row_error(1), row_error(2)]
    );
    assert_eq!(
        letters(&*store, &LetterFilter { sync_uid: Some(uid("account")), ..Default::default() }).await.len(),
        1
    );
}

async fn files_are_named_in_the_place_of_others_and_older_generations_go(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let mut last = None;
    for name in ["a", "b"] {
        let run = running(&*store, name, "contact", RunType::Sync).await;
        save_plan(&*store, &run, 1).await;
        let outcomes = Some(file(&format!("runs/{}/outcomes", run.id)));
        for state in [ChunkState::Sending, ChunkState::Settled] {
            let chunk = syncline_store::ChunkRecord { outcomes: outcomes.clone(), ..chunk(0, state) };
            store.set_chunk(&run.id, run.epoch, &chunk).await.unwrap();
        }
        store.commit(&ending_with_generation(&run)).await.unwrap();
        last = Some(run);
    }
    let run = last.unwrap();
    let mut purge = purge_of(&*store, "row 1").await;
    assert_eq!(purge.seen.len(), 8, "plan, updates and outcomes of two runs, two segments: {:?}", purge.seen);
    let segment = store.generation(&uid("contact")).await.unwrap().unwrap().segments[0].path.clone();
    let old = [format!("runs/{}/plan", run.id), format!("runs/{}/outcomes", run.id), segment];
    purge.files = old.iter().map(|path| (path.clone(), file(&format!("{path}-new")))).collect();
    purge.plans = [(run.id.clone(), json!({ "v": 3 }))].into();
    purge.states = Some([("delivered".to_string(), 6)].into());
    store.purge(&purge, true).await.unwrap().unwrap();

    let plan = store.plan(&run.id).await.unwrap().unwrap();
    assert!(plan.purged && plan.context == json!({ "v": 3 }));
    assert_eq!(plan.file.unwrap().path, format!("{}-new", old[0]));
    assert_eq!(plan.updates.unwrap().path, format!("runs/{}/updates", run.id));
    assert_eq!(
        store.chunks(&run.id).await.unwrap()[0].outcomes.as_ref().unwrap().path,
        format!("{}-new", old[1])
    );
    let generation = store.generation(&uid("contact")).await.unwrap().unwrap();
    assert_eq!((generation.number, generation.states["delivered"]), (2, 6));
    assert_eq!(generation.segments[0].path, format!("{}-new", old[2]));
    let live = store.live_files().await.unwrap();
    assert_eq!(live, store.files_of_sync(&uid("contact")).await.unwrap());
    assert_eq!(live.len(), 7, "the older generation named a segment of its own: {live:?}");
    assert!(old.iter().all(|path| !live.contains(path)));
    // The next run starts from what is left.
    let next = running(&*store, "c", "contact", RunType::Sync).await;
    store.commit(&ending_with_generation(&next)).await.unwrap();
}

async fn a_purge_that_looked_at_other_files_does_nothing(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let purge = purge_of(&*store, "row 1").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    store.stage_letters(&run.id, run.epoch, &[letter(&run, "1", b"1")]).await.unwrap();
    store.commit(&ending_with_generation(&run)).await.unwrap();
    for removes in [false, true] {
        assert_eq!(store.purge(&purge, removes).await.unwrap(), None);
    }
    assert_eq!(letters(&*store, &LetterFilter::default()).await.len(), 1);
    assert_eq!(purged(&*store, &purge_of(&*store, "row 1").await).await.letters, 1);
}

async fn what_an_unfinished_run_needs_is_not_taken_from_it(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let purge = |row: &'static str| {
        let store = store.clone();
        async move {
            let purge = purge_of(&*store, row).await;
            store.purge(&purge, true).await.map(drop)
        }
    };
    let mut run = running(&*store, "a", "contact", RunType::Sync).await;
    refused(purge("row 9").await, ErrorKind::Conflict);
    store.stage_letters(&run.id, run.epoch, &[letter(&run, "1", b"1")]).await.unwrap();
    store.add_row_errors(&run.id, run.epoch, &[row_error(2)]).await.unwrap();
    run.status = RunStatus::Held;
    store.update_run(&run).await.unwrap();
    for row in ["row 1", "row 2"] {
        assert!(refused(purge(row).await, ErrorKind::Conflict).contains(run.id.as_str()));
    }
    purge("row 9").await.unwrap();
    let mut waiting = new_run("b", "contact", RunType::Sync);
    waiting.options.source_ids = vec!["row 9".into()];
    store.insert_run(&waiting, "{}").await.unwrap();
    assert!(refused(purge("row 9").await, ErrorKind::Conflict).contains(waiting.id.as_str()));
    let (errors, _) = store.row_errors(&run.id, &RowErrorFilter::ALL, Page::first(9)).await.unwrap();
    assert_eq!(errors, [row_error(2)]);
}
