//! Commits, crashes, repetitions and fences.

use std::time::Duration;

use syncline_core::sync::{Publish, WriteMode};
use syncline_core::{ErrorKind, Op, RunId, SyncUid};

use super::super::DestinationFixture;
use super::target::{Target, commit, names, try_write, write};
use crate::{OpenRequest, Recovery, Session};

const FIELDS: &[(&str, &str)] = &[("id", "int64"), ("name", "text")];

/// How long a session may wait for an older one that has written and not committed.
const WAIT_MAX: Duration = Duration::from_secs(2);

async fn target(fixture: &dyn DestinationFixture) -> Target<'_> {
    let target = Target::new(fixture, FIELDS, 1).await;
    target.fill(&["1|old"]).await;
    target
}

fn epoch(target: &Target<'_>, epoch: u64) -> OpenRequest {
    OpenRequest { epoch, ..target.upsert() }
}

async fn recover(session: &mut dyn Session, chunk: u32) -> Recovery {
    session.recover(chunk).await.unwrap_or_else(|e| panic!("recovering chunk {chunk} failed: {e}"))
}

/// "Nothing of a `write` is visible … before `commit` returns"; "`commit` publishes everything
/// written since the last commit".
pub async fn nothing_is_visible_before_the_commit(fixture: &dyn DestinationFixture) {
    let target = target(fixture).await;
    let mut session = target.open(target.upsert()).await;
    for (number, line) in [(0, "1|new"), (1, "2|new")] {
        write(&mut *session, &target.chunk(number, Op::Update, &[line])).await;
        target.expect(&["1|old"], "nothing is visible before the commit").await;
    }
    commit(&mut *session).await;
    target.expect(&["1|new", "2|new"], "a commit publishes every chunk since the last").await;
    commit(&mut *session).await;
    target.expect(&["1|new", "2|new"], "a commit of nothing changes nothing").await;
}

/// "With `Progressive`, after each chunk."
pub async fn every_way_of_publishing_publishes(fixture: &dyn DestinationFixture) {
    for publish in fixture.spec().publish {
        let target = target(fixture).await;
        let mut session = target.open(OpenRequest { publish: *publish, ..target.upsert() }).await;
        let chunks = [target.chunk(0, Op::Update, &["1|new"]), target.chunk(1, Op::Create, &["2|new"])];
        write(&mut *session, &chunks[0]).await;
        if *publish == Publish::Progressive {
            commit(&mut *session).await;
            target.expect(&["1|new"], "a chunk is visible once it is committed").await;
        }
        write(&mut *session, &chunks[1]).await;
        commit(&mut *session).await;
        target.expect(&["1|new", "2|new"], &format!("{publish:?}")).await;
    }
}

/// A run that fails leaves nothing.
pub async fn a_rollback_leaves_nothing(fixture: &dyn DestinationFixture) {
    let target = target(fixture).await;
    let mut session = target.open(target.upsert()).await;
    write(&mut *session, &target.chunk(0, Op::Update, &["1|new", "2|new"])).await;
    session.rollback().await.unwrap_or_else(|e| panic!("a rollback failed: {e}"));
    drop(session);
    target.expect(&["1|old"], "a rollback leaves nothing").await;
    let mut next = target.open(epoch(&target, 2)).await;
    assert_eq!(recover(&mut *next, 0).await, Recovery::NotApplied, "a chunk that was rolled back");
}

/// "Dropping a session without commit leaves nothing behind."
pub async fn a_session_dropped_without_commit_leaves_nothing(fixture: &dyn DestinationFixture) {
    let target = target(fixture).await;
    let mut session = target.open(target.upsert()).await;
    write(&mut *session, &target.chunk(0, Op::Update, &["1|new", "2|new"])).await;
    drop(session);
    target.expect(&["1|old"], "a session dropped without commit leaves nothing").await;
    let results = target.write(epoch(&target, 2), &target.chunk(0, Op::Update, &["1|new", "2|new"])).await;
    assert_eq!(results, ["updated", "created"], "the next session writes as if there had been none");
}

/// "What became of a chunk of this run that an earlier session may have sent."
pub async fn a_new_session_tells_what_became_of_a_chunk(fixture: &dyn DestinationFixture) {
    let target = target(fixture).await;
    let mut session = target.open(epoch(&target, 1)).await;
    assert_eq!(recover(&mut *session, 0).await, Recovery::NotApplied, "nothing was sent");
    write(&mut *session, &target.chunk(0, Op::Update, &["1|lost"])).await;
    drop(session);
    let mut session = target.open(epoch(&target, 2)).await;
    assert_eq!(recover(&mut *session, 0).await, Recovery::NotApplied, "sent and not committed");
    write(&mut *session, &target.chunk(0, Op::Update, &["1|new"])).await;
    write(&mut *session, &target.chunk(1, Op::Update, &["2|new"])).await;
    commit(&mut *session).await;
    drop(session);
    let mut session = target.open(epoch(&target, 3)).await;
    for (chunk, expected) in [(0, Recovery::Committed), (1, Recovery::Committed), (2, Recovery::NotApplied)] {
        assert_eq!(recover(&mut *session, chunk).await, expected, "chunk {chunk} after a commit");
    }
    drop(session);
    let other = OpenRequest { run_id: RunId::from_stored("run_2"), ..epoch(&target, 4) };
    let mut session = target.open(other).await;
    assert_eq!(recover(&mut *session, 0).await, Recovery::NotApplied, "a chunk belongs to its run");
}

/// `idempotent`: "writing a chunk twice has the same effect as writing it once (except `append`)". A
/// destination whose ledger shows the repetition may refuse it as a conflict.
pub async fn a_chunk_written_again_changes_nothing(fixture: &dyn DestinationFixture) {
    let spec = fixture.spec();
    if !spec.idempotent {
        return;
    }
    for mode in spec.write_modes.iter().filter(|mode| **mode != WriteMode::Append) {
        let target = target(fixture).await;
        let chunk = target.chunk(0, Op::Update, &["1|new", "2|new"]);
        target.write(target.request(*mode), &chunk).await;
        let before = target.lines().await;
        let request = OpenRequest { epoch: 2, ..target.request(*mode) };
        let mut session = target.open(request).await;
        match try_write(&mut *session, &chunk).await {
            Ok(results) => {
                let refused = names(&results).iter().any(|name| !is_settled(name));
                assert!(!refused, "{mode:?}: a chunk written again is refused: {results:?}");
                commit(&mut *session).await;
            }
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::Conflict, "{mode:?}: a chunk written again: {error}");
                session.rollback().await.unwrap_or_else(|e| panic!("rolling back failed: {e}"));
            }
        }
        drop(session);
        assert_eq!(target.lines().await, before, "{mode:?}: a chunk written again changes nothing");
    }
}

fn is_settled(name: &str) -> bool {
    matches!(name, "created" | "updated" | "exists" | "absent" | "removed")
}

/// "After this, sessions of the same sync with a smaller epoch can no longer commit."
pub async fn a_newer_session_fences_an_older_one(fixture: &dyn DestinationFixture) {
    let target = target(fixture).await;
    let late = target.open(epoch(&target, 1)).await;
    let mut newer = target.open(epoch(&target, 2)).await;
    assert_fenced(&target, late, false).await;
    target.expect(&["1|old"], "a fenced session writes nothing").await;
    write(&mut *newer, &target.chunk(0, Op::Update, &["1|newer"])).await;
    commit(&mut *newer).await;
    drop(newer);
    let mut again = target.open(epoch(&target, 2)).await;
    let results = write(&mut *again, &target.chunk(1, Op::Update, &["1|again"])).await;
    commit(&mut *again).await;
    assert_eq!(results, ["updated"], "the epoch that holds the fence may come again");
    target.expect(&["1|again"], "the newest session has the last word").await;
}

/// A session of epoch 1 must not get beyond its commit. It ends as fenced, or as cut off where the
/// newer one ended its connection: then trying again tells why.
async fn assert_fenced(target: &Target<'_>, mut late: Box<dyn Session>, is_written: bool) {
    let written = match is_written {
        true => Ok(()),
        false => try_write(&mut *late, &target.chunk(0, Op::Update, &["1|late"])).await.map(drop),
    };
    let error = match written {
        Err(error) => error,
        Ok(()) => late.commit().await.expect_err("an older session must not commit"),
    };
    let is_cut_off = error.kind == ErrorKind::DestinationUnreachable;
    assert!(is_cut_off || error.kind == ErrorKind::Fenced, "an older session ends as fenced: {error}");
    drop(late);
    let error = target.refused(epoch(target, 1)).await;
    assert_eq!(error.kind, ErrorKind::Fenced, "an older epoch is refused: {error}");
}

/// The same for a session that had its rows at the target before the newer one came. Where the newer
/// one must wait for it instead, the older one commits first, and the newer one follows.
pub async fn a_newer_session_fences_one_that_has_written(fixture: &dyn DestinationFixture) {
    let target = target(fixture).await;
    let mut late = target.open(epoch(&target, 1)).await;
    write(&mut *late, &target.chunk(0, Op::Update, &["1|late"])).await;
    let opened = tokio::time::timeout(WAIT_MAX, target.destination.open(epoch(&target, 2))).await;
    match opened {
        Ok(Ok(mut newer)) => {
            assert_fenced(&target, late, true).await;
            target.expect(&["1|old"], "a fenced session leaves nothing").await;
            write(&mut *newer, &target.chunk(0, Op::Update, &["1|newer"])).await;
            commit(&mut *newer).await;
        }
        Ok(Err(error)) => {
            let kind = error.kind;
            assert_eq!(kind, ErrorKind::DestinationUnreachable, "waiting for an older session: {error}");
            follow(&target, late).await;
        }
        Err(_) => follow(&target, late).await,
    }
    target.expect(&["1|newer"], "the newest session has the last word").await;
}

async fn follow(target: &Target<'_>, mut late: Box<dyn Session>) {
    commit(&mut *late).await;
    drop(late);
    target.expect(&["1|late"], "a session that others wait for commits").await;
    let mut newer = target.open(epoch(target, 2)).await;
    assert_eq!(recover(&mut *newer, 0).await, Recovery::Committed, "the newer session sees the commit");
    write(&mut *newer, &target.chunk(1, Op::Update, &["1|newer"])).await;
    commit(&mut *newer).await;
}

/// The fence is "of the same sync": another sync's epochs do not matter.
pub async fn a_fence_is_its_syncs_own(fixture: &dyn DestinationFixture) {
    let target = target(fixture).await;
    target.write(epoch(&target, 9), &target.chunk(0, Op::Update, &["1|nine"])).await;
    let other = OpenRequest { sync_uid: SyncUid::from_stored("another_sync"), ..epoch(&target, 1) };
    let results = target.write(other, &target.chunk(0, Op::Update, &["1|other"])).await;
    assert_eq!(results, ["updated"], "another sync has a fence of its own");
    target.expect(&["1|other"], "another sync has a fence of its own").await;
}
