//! Transactions, fence, ledger and recovery.

use std::time::Duration;

use syncline_connector::{OpenRequest, Recovery};
use syncline_core::sync::WriteMode;
use syncline_core::{ErrorKind, Op, RunId};

use super::target::{World, chunk, destination, destination_with, name, request, world};

const TABLE: &str = "create table t (id int primary key, name text)";
const FIELDS: &[(&str, &str)] = &[("id", "int32"), ("name", "text")];

fn upsert() -> OpenRequest {
    request("t", WriteMode::Upsert, FIELDS)
}

fn with_epoch(epoch: u64) -> OpenRequest {
    OpenRequest { epoch, run_id: RunId::from_stored(format!("run_{epoch}")), ..upsert() }
}

async fn count(world: &World) -> String {
    world.rows("select count(*) as n from t").await.remove(0)
}

#[tokio::test]
async fn nothing_shows_before_commit_and_nothing_stays_without_it() {
    let world = world(TABLE).await;
    let mut session = world.open(upsert()).await;
    let mut next = chunk(&upsert(), Op::Create, &[&["1", "a"]]);
    session.write(&next).await.unwrap();
    next.number = 1;
    assert_eq!(session.write(&next).await.unwrap().iter().map(name).collect::<Vec<_>>(), ["updated"]);
    assert_eq!(count(&world).await, "0");
    assert_eq!(session.recover(0).await.unwrap(), Recovery::NotApplied);
    drop(session);

    let mut session = world.open(upsert()).await;
    assert_eq!(count(&world).await, "0");
    for number in 0..2 {
        assert_eq!(session.recover(number).await.unwrap(), Recovery::NotApplied);
    }
    session.write(&next).await.unwrap();
    session.rollback().await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(count(&world).await, "0");
    session.write(&next).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(count(&world).await, "1");
}

#[tokio::test]
async fn the_ledger_tells_a_new_session_which_chunks_are_there() {
    let world = world(TABLE).await;
    let mut session = world.open(upsert()).await;
    let mut next = chunk(&upsert(), Op::Create, &[&["1", "a"]]);
    for number in 0..2 {
        next.number = number;
        session.write(&next).await.unwrap();
        session.commit().await.unwrap();
    }
    next.number = 2;
    session.write(&next).await.unwrap();
    let mut session = world.open(upsert()).await;
    for (number, expected) in [
        (0, Recovery::Committed),
        (1, Recovery::Committed),
        (2, Recovery::NotApplied),
        (3, Recovery::NotApplied),
    ] {
        assert_eq!(session.recover(number).await.unwrap(), expected, "chunk {number}");
    }
}

#[tokio::test]
async fn a_chunk_is_not_appended_twice() {
    let world = world("create table t (id int, name text)").await;
    let request = request("t", WriteMode::Append, FIELDS);
    let chunk = chunk(&request, Op::Append, &[&["1", "a"]]);
    world.write(request.clone(), chunk.clone()).await;
    let mut session = world.open(request).await;
    assert_eq!(session.recover(0).await.unwrap(), Recovery::Committed);
    assert_eq!(session.write(&chunk).await.unwrap_err().kind, ErrorKind::Conflict);
    session.rollback().await.unwrap();
    assert_eq!(count(&world).await, "1");
}

#[tokio::test]
async fn an_older_run_is_refused() {
    let world = world(TABLE).await;
    let _newer = world.open(with_epoch(5)).await;
    let error = world.destination.open(with_epoch(4)).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Fenced);
}

#[tokio::test]
async fn a_newer_run_takes_over_from_one_with_an_open_transaction() {
    let world = world(TABLE).await;
    let mut old = world.open(with_epoch(1)).await;
    old.write(&chunk(&upsert(), Op::Create, &[&["1", "old"]])).await.unwrap();
    // The old transaction still holds its lock on row 1; the newer one must not wait for it.
    let taking_over = async {
        let mut new = world.open(with_epoch(2)).await;
        new.write(&chunk(&upsert(), Op::Create, &[&["1", "new"]])).await.unwrap();
        new.commit().await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(20), taking_over).await.expect("it waited for the old run");
    assert!(old.commit().await.is_err());
    assert_eq!(world.rows("select * from t").await, ["1|new"]);
}

#[tokio::test]
async fn a_session_that_could_not_be_ended_cannot_commit() {
    let world = world(
        "create table t (id int primary key, name text);
         create role old login superuser password 'correct horse';
         create role new login password 'correct horse';
         grant all on schema public to new; grant all on t to new",
    )
    .await;
    let mut old = destination(&world.database.url_as("old")).open(with_epoch(1)).await.unwrap();
    world.execute("grant all on _syncline_ledger, _syncline_fence to new").await;
    old.write(&chunk(&upsert(), Op::Create, &[&["1", "old"]])).await.unwrap();
    let mut new = destination(&world.database.url_as("new")).open(with_epoch(2)).await.unwrap();
    new.write(&chunk(&upsert(), Op::Create, &[&["2", "new"]])).await.unwrap();
    new.commit().await.unwrap();
    assert_eq!(old.commit().await.unwrap_err().kind, ErrorKind::Fenced);
    old.rollback().await.unwrap();
    assert_eq!(
        old.write(&chunk(&upsert(), Op::Create, &[&["1", "x"]])).await.unwrap_err().kind,
        ErrorKind::Fenced
    );
    assert_eq!(world.rows("select * from t").await, ["2|new"]);
}

#[tokio::test]
async fn a_new_session_of_the_same_run_supersedes_the_one_before() {
    let world = world(TABLE).await;
    let mut first = world.open(upsert()).await;
    first.write(&chunk(&upsert(), Op::Create, &[&["1", "a"]])).await.unwrap();
    let mut second = world.open(upsert()).await;
    assert!(first.commit().await.is_err());
    assert_eq!(second.recover(0).await.unwrap(), Recovery::NotApplied);
}

#[tokio::test]
async fn syncs_do_not_fence_each_other() {
    let world = world(TABLE).await;
    let mut one = world.open(with_epoch(9)).await;
    let other =
        OpenRequest { sync_uid: syncline_core::SyncUid::from_stored("it's \\ another"), ..with_epoch(1) };
    let mut other = world.open(other).await;
    for (session, id) in [(&mut one, "1"), (&mut other, "2")] {
        session.write(&chunk(&upsert(), Op::Create, &[&[id, "x"]])).await.unwrap();
        session.commit().await.unwrap();
    }
    assert_eq!(count(&world).await, "2");
}

#[tokio::test]
async fn only_the_last_runs_stay_in_the_ledger() {
    let world = world(TABLE).await;
    for epoch in 1..=9 {
        let request = with_epoch(epoch);
        let chunk = chunk(&request, Op::Create, &[&["1", "a"]]);
        world.write(request, chunk).await;
    }
    assert_eq!(
        world.rows("select distinct run_id from _syncline_ledger order by run_id").await,
        ["run_4", "run_5", "run_6", "run_7", "run_8", "run_9"]
    );
}

#[tokio::test]
async fn sessions_that_make_the_tables_at_once_do_not_fail() {
    let world = world("create table t (id int primary key, name text)").await;
    let opening = (0..8).map(|i| {
        let sync_uid = syncline_core::SyncUid::from_stored(format!("sync_{i}"));
        world.destination.open(OpenRequest { sync_uid, ..upsert() })
    });
    for session in futures::future::join_all(opening).await {
        assert_eq!(session.unwrap().recover(0).await.unwrap(), Recovery::NotApplied);
    }
}

const LIMITED: &str = "
    create table t (id int, name text); create unique index on t (id);
    create role limited login password 'correct horse';
    grant select, insert, update, delete on t to limited";

#[tokio::test]
async fn without_a_ledger_append_is_refused_with_the_statements_to_run_and_upsert_works() {
    let world = world(LIMITED).await;
    let limited = destination(&world.database.url_as("limited"));
    let append = request("t", WriteMode::Append, FIELDS);
    let error = limited.open(append.clone()).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::DestinationUnsuitable);

    let mut session = limited.open(upsert()).await.unwrap();
    session.write(&chunk(&upsert(), Op::Create, &[&["1", "a"]])).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(session.recover(0).await.unwrap(), Recovery::Unknown);
    let accepted = OpenRequest { duplicates_accepted: true, ..append.clone() };
    limited.open(accepted).await.unwrap();
    assert_eq!(count(&world).await, "1");

    // The advice, taken to the letter, helps.
    let help = error.help.unwrap();
    let statements = help.split_once(": ").unwrap().1.split("; or ").next().unwrap();
    world.execute(statements).await;
    assert_eq!(limited.open(append).await.unwrap().recover(0).await.unwrap(), Recovery::NotApplied);
}

#[tokio::test]
async fn the_ledger_may_live_in_a_schema_of_its_own() {
    let world = world("create schema \"Sync Line\"; create table t (id int primary key, name text)").await;
    let options = serde_json::json!({ "url": world.database.url(), "ledger_schema": "Sync Line" });
    let mut session = destination_with(options).open(upsert()).await.unwrap();
    session.write(&chunk(&upsert(), Op::Create, &[&["1", "a"]])).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(world.rows("select chunk from \"Sync Line\"._syncline_ledger").await, ["0"]);
    assert_eq!(world.rows("select to_regclass('public._syncline_ledger') as r").await, ["-"]);
}

#[tokio::test]
async fn missing_rights_are_told_with_the_grant_that_helps() {
    let world = world(
        "create table t (id int primary key, name text); create role reader login password 'correct horse';
        grant select, insert on t to reader",
    )
    .await;
    let reader = destination(&world.database.url_as("reader"));
    let error = reader.open(upsert()).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::DestinationUnsuitable);
    world.execute(&error.help.unwrap()).await;
    assert!(reader.open(upsert()).await.is_ok());
    let mut session = reader.open(upsert()).await.unwrap();
    let delete = Op::Remove(syncline_core::snapshot_entry::RemovalAction::Delete);
    let error = session.write(&chunk(&upsert(), delete, &[&["1", "-"]])).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::DestinationUnsuitable, "{error}");
    session.rollback().await.unwrap();
}

#[tokio::test]
async fn a_failed_chunk_cannot_be_committed_by_mistake() {
    let world = world(TABLE).await;
    let mut session = world.open(upsert()).await;
    session.write(&chunk(&upsert(), Op::Create, &[&["1", "a"]])).await.unwrap();
    // The ledger has this number already.
    assert!(session.write(&chunk(&upsert(), Op::Create, &[&["2", "b"]])).await.is_err());
    assert!(session.commit().await.is_err());
    session.rollback().await.unwrap();
    assert_eq!(count(&world).await, "0");
}

#[tokio::test]
async fn a_lost_connection_is_worth_another_try() {
    let world = world(TABLE).await;
    let mut session = world.open(upsert()).await;
    session.write(&chunk(&upsert(), Op::Create, &[&["1", "a"]])).await.unwrap();
    world
        .execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
        .await;
    let error = session.commit().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::DestinationUnreachable, "{error}");
    assert_eq!(world.open(upsert()).await.recover(0).await.unwrap(), Recovery::NotApplied);
}

#[tokio::test]
async fn a_row_that_appears_while_the_chunk_is_written_is_updated() {
    let world = world(TABLE).await;
    let mut session = world.open(upsert()).await;
    world.execute("begin; insert into t values (2, 'theirs')").await;
    let ours = chunk(&upsert(), Op::Create, &[&["1", "a"], &["2", "b"], &["3", "c"]]);
    let observer = world.database.client().await;
    let (results, ()) = tokio::join!(session.write(&ours), async {
        let waiting = "select count(*) from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock'";
        while observer.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        world.execute("commit").await;
    });
    let names: Vec<String> = results.unwrap().iter().map(name).collect();
    assert_eq!(names, ["created", "updated", "created"]);
    session.commit().await.unwrap();
    assert_eq!(world.rows("select * from t order by id").await, ["1|a", "2|b", "3|c"]);
}

#[tokio::test]
async fn a_chunk_that_the_session_was_not_opened_for_touches_nothing() {
    let world = world("create table t (id int primary key, name text); insert into t values (1, 'a')").await;
    let append = request("t", WriteMode::Append, FIELDS);
    let flag = Op::Remove(syncline_core::snapshot_entry::RemovalAction::Flag);
    for (request, op) in [(append, Op::Update), (upsert(), flag)] {
        let mut session = world.open(request.clone()).await;
        let error = session.write(&chunk(&request, op, &[&["1", "b"]])).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Internal);
        session.rollback().await.unwrap();
    }
    assert_eq!(world.rows("select * from t").await, ["1|a"]);
}
