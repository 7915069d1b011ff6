use std::sync::Arc;

use syncline_core::ids::LetterId;
use syncline_core::run::Replay;
use syncline_core::{ErrorKind, Run, RunStatus, RunType, Stage};
use syncline_store::{DeadLetter, EditedPayload, LetterFilter, LetterState, Page, Store};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    staged_letters_are_hidden_until_the_commit,
    a_known_letter_goes_on_with_the_new_error,
    a_replaying_letter_that_fails_again_is_open,
    an_ignored_letter_stays_ignored,
    an_ignored_letter_whose_row_changed_and_fails_again_is_open,
    why_a_letter_is_ignored_is_kept_as_long_as_it_is,
    an_edited_payload_stays_with_its_letter_until_the_row_changes,
    a_replay_holds_its_letters_until_it_ends,
    a_replay_that_is_cancelled_opens_its_letters_again,
    letters_are_found_by_their_ids,
    rows_lead_to_their_latest_letters,
    a_resolved_letter_stays_and_a_new_failure_is_a_new_letter,
    a_delivered_key_resolves_its_letter,
    a_replay_says_that_it_resolved,
    a_key_that_failed_is_not_resolved,
    letters_of_a_run_that_ends_without_commit_are_dropped,
    letters_staged_again_replace_those_of_the_same_key,
    cleared_letters_are_never_seen,
    a_test_leaves_no_letters,
    letters_of_another_run_or_sync_are_refused,
    keys_of_two_syncs_do_not_meet,
    keys_and_row_ids_of_any_length_and_character_are_told_apart,
    a_person_moves_letters_along_their_states,
    many_letters_are_moved_together_and_others_are_left,
    letters_are_listed_latest_seen_first_in_pages,
    filters_restrict_the_letters,
];

/// Runs a whole run that stages `staged` (made with the run) and resolves `resolved`.
async fn run_with(
    store: &dyn Store,
    name: &str,
    run_type: RunType,
    staged: impl Fn(&Run) -> Vec<DeadLetter>,
    resolved: &[&[u8]],
) -> Run {
    let run = running(store, name, "contact", run_type).await;
    store.stage_letters(&run.id, run.epoch, &staged(&run)).await.unwrap();
    let mut commit = ending(&run);
    commit.resolved = resolved.iter().map(|key| key.to_vec()).collect();
    store.commit(&commit).await.unwrap();
    run
}

async fn all(store: &dyn Store) -> Vec<DeadLetter> {
    letters(store, &LetterFilter::default()).await
}

async fn staged_letters_are_hidden_until_the_commit(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let mut letter = letter(&run, "1", b"k\0\xff");
    letter.flags = vec!["may_have_been_written".into()];
    store.stage_letters(&run.id, run.epoch, std::slice::from_ref(&letter)).await.unwrap();
    assert!(all(&*store).await.is_empty());
    assert_eq!(store.letter("dl_1").await.unwrap(), None);
    refused(store.set_letter_state("dl_1", LetterState::Ignored).await, ErrorKind::NotFound);
    store.commit(&ending(&run)).await.unwrap();
    assert_eq!(all(&*store).await, [letter.clone()]);
    assert_eq!(store.letter("dl_1").await.unwrap(), Some(letter));
}

async fn a_known_letter_goes_on_with_the_new_error(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    run_with(&*store, "a", RunType::Sync, |run| vec![letter(run, "1", b"k")], &[]).await;
    let newer = |run: &Run| DeadLetter {
        attempts: 2,
        code: "too_long".into(),
        message: "name is too long".into(),
        field: None,
        raw_value: None,
        fingerprint: "f2".into(),
        stage: Stage::Transform,
        payload: None,
        first_seen_at: at(99),
        last_seen_at: at(99),
        ..letter(run, "2", b"k")
    };
    let second = run_with(&*store, "b", RunType::Sync, |run| vec![newer(run)], &[]).await;
    let expected = DeadLetter { id: letter(&second, "1", b"k").id, first_seen_at: at(40), ..newer(&second) };
    assert_eq!(all(&*store).await, [expected]);
    assert_eq!(store.letter("dl_2").await.unwrap(), None);
    let by_fingerprint = LetterFilter { fingerprint: Some("f2".into()), ..Default::default() };
    assert_eq!(letters(&*store, &by_fingerprint).await.len(), 1, "filters follow the record");
}

async fn a_replaying_letter_that_fails_again_is_open(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    run_with(&*store, "a", RunType::Sync, |run| vec![letter(run, "1", b"k")], &[]).await;
    store.set_letter_state("dl_1", LetterState::Replaying).await.unwrap();
    let again = |run: &Run| vec![DeadLetter { attempts: 2, ..letter(run, "2", b"k") }];
    run_with(&*store, "b", RunType::Replay, again, &[]).await;
    let found = all(&*store).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].id.as_str(), found[0].state, found[0].attempts), ("dl_1", LetterState::Open, 2));
}

/// The letter of a source row with this fingerprint.
fn of_row(fingerprint: &str, letter: DeadLetter) -> DeadLetter {
    DeadLetter { source_fp: Some(fingerprint.into()), ..letter }
}

async fn an_ignored_letter_stays_ignored(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    run_with(&*store, "a", RunType::Sync, |run| vec![of_row("7", letter(run, "1", b"k"))], &[]).await;
    let ignored = store.set_letter_state("dl_1", LetterState::Ignored).await.unwrap();
    let again = |run: &Run| {
        vec![DeadLetter { last_seen_at: at(99), code: "other".into(), ..of_row("7", letter(run, "2", b"k")) }]
    };
    run_with(&*store, "b", RunType::Sync, again, &[]).await;
    let found = all(&*store).await.remove(0);
    assert_eq!((found.id, found.state, found.last_seen_at), (ignored.id, LetterState::Ignored, at(99)));
    assert_eq!((found.code.as_str(), found.attempts), ("other", 2), "what is known of it is the latest");
}

async fn an_ignored_letter_whose_row_changed_and_fails_again_is_open(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    run_with(&*store, "a", RunType::Sync, |run| vec![of_row("7", letter(run, "1", b"k"))], &[]).await;
    store.edit_letter("dl_1", Some(&edited())).await.unwrap();
    store.set_letter_state("dl_1", LetterState::Ignored).await.unwrap();
    let changed = |run: &Run| vec![DeadLetter { source_row: None, ..of_row("8", letter(run, "2", b"k")) }];
    run_with(&*store, "b", RunType::Sync, changed, &[]).await;
    let found = all(&*store).await.remove(0);
    assert_eq!((found.id.as_str(), found.state), ("dl_1", LetterState::Open));
    assert_eq!((found.edited, found.source_row), (None, None), "they are of the row as it was");
}

fn edited() -> EditedPayload {
    EditedPayload { payload: serde_json::json!({"email": "b@c"}), by: "ann".into(), at: at(60) }
}

async fn an_edited_payload_stays_with_its_letter_until_the_row_changes(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    run_with(&*store, "a", RunType::Sync, |run| vec![of_row("7", letter(run, "1", b"k"))], &[]).await;
    let letter_with = store.edit_letter("dl_1", Some(&edited())).await.unwrap();
    assert_eq!(letter_with.edited, Some(edited()));
    assert_eq!(store.letter("dl_1").await.unwrap(), Some(letter_with));
    let again = |run: &Run| {
        vec![DeadLetter { payload: None, source_row: None, ..of_row("7", letter(run, "2", b"k")) }]
    };
    run_with(&*store, "b", RunType::Sync, again, &[]).await;
    let found = store.letter("dl_1").await.unwrap().unwrap();
    assert_eq!((found.attempts, &found.edited), (2, &Some(edited())));
    assert!(found.payload.is_some() && found.source_row.is_some(), "of the same row, they are still so");
    assert_eq!(store.edit_letter("dl_1", None).await.unwrap().edited, None);
    store.set_letter_state("dl_1", LetterState::ResolvedUser).await.unwrap();
    refused(store.edit_letter("dl_1", Some(&edited())).await, ErrorKind::Conflict);
    refused(store.edit_letter("dl_9", Some(&edited())).await, ErrorKind::NotFound);
}

/// A claimed run that replays `ids`.
async fn replaying(store: &dyn Store, name: &str, ids: &[&str]) -> Run {
    let letters = ids.iter().map(|id| LetterId::from_stored(*id)).collect();
    let mut run = new_run(name, "contact", RunType::Replay);
    run.options.replay = Some(Replay { mode: Default::default(), letters, per_second: None });
    store.insert_run(&run, "{}").await.unwrap();
    let mut run = store.claim_run(&run.id, at(1)).await.unwrap();
    run.status = RunStatus::Running;
    run.base_generation = Some(sync_now(store, "contact").await.generation);
    store.update_run(&run).await.unwrap();
    store.begin_replay(&run).await.unwrap();
    run
}

async fn states(store: &dyn Store) -> Vec<(String, LetterState)> {
    let mut states: Vec<_> = all(store).await.into_iter().map(|l| (l.id.to_string(), l.state)).collect();
    states.sort_by(|a, b| a.0.cmp(&b.0));
    states
}

async fn a_replay_holds_its_letters_until_it_ends(store: Arc<dyn Store>) {
    use LetterState::*;
    ensure(&*store, "contact").await;
    let four = |run: &Run| (1..=4).map(|n| letter(run, &n.to_string(), &[n as u8])).collect::<Vec<_>>();
    run_with(&*store, "a", RunType::Sync, four, &[]).await;
    store.set_letter_state("dl_3", ResolvedUser).await.unwrap();
    let run = replaying(&*store, "b", &["dl_1", "dl_2", "dl_3", "dl_9"]).await;
    let held = store.letter("dl_1").await.unwrap().unwrap();
    assert_eq!((held.state, &held.replayed_by), (Replaying, &Some(run.id.clone())));
    let as_shown = |shown: &[LetterState]| -> Vec<(String, LetterState)> {
        (1..).zip(shown).map(|(n, state)| (format!("dl_{n}"), *state)).collect()
    };
    assert_eq!(states(&*store).await, as_shown(&[Replaying, Replaying, ResolvedUser, Open]));
    let mut commit = ending(&run);
    commit.resolved = vec![vec![1]];
    store.commit(&commit).await.unwrap();
    assert_eq!(states(&*store).await, as_shown(&[ResolvedReplay, Open, ResolvedUser, Open]));
    refused(store.begin_replay(&run).await, ErrorKind::Fenced);
    assert_eq!(states(&*store).await, as_shown(&[ResolvedReplay, Open, ResolvedUser, Open]));
}

async fn a_replay_that_is_cancelled_opens_its_letters_again(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    run_with(&*store, "a", RunType::Sync, |run| vec![letter(run, "1", b"k")], &[]).await;
    let run = replaying(&*store, "b", &["dl_1"]).await;
    let mut run = store.reclaim_run(&run.id).await.unwrap();
    assert_eq!(states(&*store).await[0].1, LetterState::Replaying, "whoever takes it over has them too");
    run.status = run.status.transition(RunStatus::Cancelled).unwrap();
    store.update_run(&run).await.unwrap();
    let letter = store.letter("dl_1").await.unwrap().unwrap();
    assert_eq!((letter.state, letter.attempts, letter.replayed_by), (LetterState::Open, 1, None));
}

async fn letters_are_found_by_their_ids(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let three = |run: &Run| (1..=3).map(|n| letter(run, &n.to_string(), &[n as u8])).collect::<Vec<_>>();
    run_with(&*store, "a", RunType::Sync, three, &[]).await;
    let ids = ["dl_3", "dl_9", "dl_1"].map(LetterId::from_stored);
    let found = store.letters_by_id(&ids).await.unwrap();
    assert_eq!(found.iter().map(|l| l.id.as_str()).collect::<Vec<_>>(), ["dl_3", "dl_1"]);
}

async fn rows_lead_to_their_latest_letters(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    ensure(&*store, "company").await;
    run_with(&*store, "a", RunType::Sync, |run| vec![letter(run, "1", b"k"), letter(run, "2", b"l")], &[])
        .await;
    store.set_letter_state("dl_1", LetterState::ResolvedUser).await.unwrap();
    let again = |run: &Run| {
        vec![DeadLetter { id: LetterId::from_stored("dl_9"), last_seen_at: at(99), ..letter(run, "1", b"k") }]
    };
    let run = run_with(&*store, "b", RunType::Sync, again, &[]).await;
    let known = all(&*store).await;
    let row = |id: &str| known.iter().find(|l| l.id.as_str() == id).unwrap().row_id.clone();
    assert_eq!(row("dl_1"), row("dl_9"));
    let rows = [row("dl_1"), row("dl_2"), "unknown".to_string()];
    let found = store.letters_of_rows(&run.sync_uid, &rows).await.unwrap();
    let wanted =
        [(row("dl_9"), "dl_9"), (row("dl_2"), "dl_2")].map(|(row, id)| (row, LetterId::from_stored(id)));
    assert_eq!(found, wanted.into_iter().collect());
    assert_eq!(store.letters_of_rows(&uid("company"), &rows).await.unwrap(), Default::default());
    assert_eq!(store.letters_of_rows(&run.sync_uid, &[]).await.unwrap(), Default::default());
}

async fn a_resolved_letter_stays_and_a_new_failure_is_a_new_letter(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    run_with(&*store, "a", RunType::Sync, |run| vec![letter(run, "1", b"k")], &[]).await;
    let resolved = store.set_letter_state("dl_1", LetterState::ResolvedUser).await.unwrap();
    let again = |run: &Run| vec![DeadLetter { last_seen_at: at(99), ..letter(run, "2", b"k") }];
    let second = run_with(&*store, "b", RunType::Sync, again, &[]).await;
    assert_eq!(all(&*store).await, [again(&second).remove(0), resolved]);
}

async fn a_delivered_key_resolves_its_letter(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let three =
        |run: &Run| vec![letter(run, "1", b"open"), letter(run, "2", b"ignored"), letter(run, "3", b"other")];
    run_with(&*store, "a", RunType::Sync, three, &[]).await;
    store.set_letter_state("dl_2", LetterState::Ignored).await.unwrap();
    run_with(&*store, "b", RunType::Sync, |_| vec![], &[b"open", b"ignored", b"unknown"]).await;
    let states: Vec<_> = all(&*store).await.iter().map(|l| (l.id.to_string(), l.state)).collect();
    assert_eq!(
        states,
        [
            ("dl_3".to_string(), LetterState::Open),
            ("dl_2".to_string(), LetterState::ResolvedAuto),
            ("dl_1".to_string(), LetterState::ResolvedAuto)
        ]
    );
}

async fn a_replay_says_that_it_resolved(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    run_with(&*store, "a", RunType::Sync, |run| vec![letter(run, "1", b"k")], &[]).await;
    store.set_letter_state("dl_1", LetterState::Replaying).await.unwrap();
    run_with(&*store, "b", RunType::Replay, |_| vec![], &[b"k"]).await;
    assert_eq!(all(&*store).await[0].state, LetterState::ResolvedReplay);
}

async fn a_key_that_failed_is_not_resolved(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    run_with(&*store, "a", RunType::Sync, |run| vec![letter(run, "1", b"k")], &[b"k"]).await;
    assert_eq!(all(&*store).await[0].state, LetterState::Open);
}

async fn letters_of_a_run_that_ends_without_commit_are_dropped(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let mut run = running(&*store, "a", "contact", RunType::Sync).await;
    store.stage_letters(&run.id, run.epoch, &[letter(&run, "1", b"k")]).await.unwrap();
    run.status = RunStatus::Failed;
    store.update_run(&run).await.unwrap();
    refused(store.stage_letters(&run.id, run.epoch, &[letter(&run, "2", b"k")]).await, ErrorKind::Conflict);
    run_with(&*store, "b", RunType::Sync, |_| vec![], &[]).await;
    assert!(all(&*store).await.is_empty());
}

async fn letters_staged_again_replace_those_of_the_same_key(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    store
        .stage_letters(&run.id, run.epoch, &[letter(&run, "1", b"a"), letter(&run, "2", b"b")])
        .await
        .unwrap();
    let resumed = store.reclaim_run(&run.id).await.unwrap();
    let again = DeadLetter { message: "again".into(), ..letter(&run, "3", b"b") };
    store.stage_letters(&run.id, resumed.epoch, std::slice::from_ref(&again)).await.unwrap();
    store.commit(&ending(&resumed)).await.unwrap();
    // What was put aside before the takeover is not lost, and no key has two letters.
    assert_eq!(all(&*store).await, [again, letter(&run, "1", b"a")]);
}

async fn cleared_letters_are_never_seen(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    store.stage_letters(&run.id, run.epoch, &[letter(&run, "1", b"a")]).await.unwrap();
    store.clear_staged_letters(&run.id, run.epoch).await.unwrap();
    store.stage_letters(&run.id, run.epoch, &[letter(&run, "2", b"b")]).await.unwrap();
    store.commit(&ending(&run)).await.unwrap();
    assert_eq!(all(&*store).await, [letter(&run, "2", b"b")]);
}

async fn a_test_leaves_no_letters(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    run_with(&*store, "a", RunType::Test, |run| vec![letter(run, "1", b"k")], &[]).await;
    assert!(all(&*store).await.is_empty());
}

async fn letters_of_another_run_or_sync_are_refused(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    ensure(&*store, "company").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let other = running(&*store, "b", "company", RunType::Sync).await;
    let wrong_sync = DeadLetter { run_id: run.id.clone(), ..letter(&other, "1", b"k") };
    let good = letter(&run, "0", b"good");
    for wrong in [letter(&other, "1", b"k"), wrong_sync] {
        refused(store.stage_letters(&run.id, run.epoch, &[good.clone(), wrong]).await, ErrorKind::Internal);
    }
    store.commit(&ending(&run)).await.unwrap();
    assert!(all(&*store).await.is_empty(), "a refused call left its first letter");
}

async fn keys_of_two_syncs_do_not_meet(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    ensure(&*store, "company").await;
    run_with(&*store, "a", RunType::Sync, |run| vec![letter(run, "1", b"k")], &[]).await;
    let company = running(&*store, "b", "company", RunType::Sync).await;
    store.stage_letters(&company.id, company.epoch, &[letter(&company, "2", b"k")]).await.unwrap();
    store.commit(&ending(&company)).await.unwrap();
    assert_eq!(all(&*store).await.len(), 2);
    run_with(&*store, "c", RunType::Sync, |_| vec![], &[b"k"]).await;
    assert_eq!(store.letter("dl_1").await.unwrap().unwrap().state, LetterState::ResolvedAuto);
    assert_eq!(store.letter("dl_2").await.unwrap().unwrap().state, LetterState::Open);
}

async fn keys_and_row_ids_of_any_length_and_character_are_told_apart(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    // Random letters, so that compressing them does not make them short; both differ at the end only.
    let mut state = 1_u64;
    let mut long: Vec<u8> = (0..20_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            b'a' + (state >> 59) as u8 % 26
        })
        .collect();
    long.push(0);
    let keys = [long.clone(), [&long[..], b"2"].concat()];
    let row_id = |key: &[u8]| String::from_utf8(key.to_vec()).unwrap();
    let of = |run: &Run, id: &str, key: &[u8]| DeadLetter { row_id: row_id(key), ..letter(run, id, key) };
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let staged = [of(&run, "1", &keys[0]), of(&run, "2", &keys[1])];
    store.stage_letters(&run.id, run.epoch, &staged).await.unwrap();
    store.stage_letters(&run.id, run.epoch, &[of(&run, "3", &keys[1])]).await.unwrap();
    store.commit(&ending(&run)).await.unwrap();
    assert_eq!(all(&*store).await.len(), 2);
    let by_row = LetterFilter { row_id: Some(row_id(&keys[1])), ..Default::default() };
    assert_eq!(letters(&*store, &by_row).await, [of(&run, "3", &keys[1])]);
    run_with(&*store, "b", RunType::Sync, |_| vec![], &[&keys[0]]).await;
    assert_eq!(store.letter("dl_1").await.unwrap().unwrap().state, LetterState::ResolvedAuto);
    assert_eq!(store.letter("dl_3").await.unwrap().unwrap().state, LetterState::Open);
}

async fn a_person_moves_letters_along_their_states(store: Arc<dyn Store>) {
    use LetterState::*;
    ensure(&*store, "contact").await;
    let legal = [
        (Open, vec![Replaying, ResolvedAuto, ResolvedReplay, ResolvedUser, Ignored, Expired]),
        (Replaying, vec![Open, ResolvedAuto, ResolvedReplay, ResolvedUser]),
        (Ignored, vec![Open, Replaying, ResolvedAuto, ResolvedReplay, ResolvedUser, Expired]),
        (ResolvedAuto, vec![]),
        (ResolvedReplay, vec![]),
        (ResolvedUser, vec![]),
        (Expired, vec![]),
    ];
    for (from, targets) in &legal {
        for to in LetterState::ALL {
            assert_eq!(from.transition(to).is_ok(), targets.contains(&to), "{from:?} to {to:?}");
        }
    }
    run_with(&*store, "a", RunType::Sync, |run| vec![letter(run, "1", b"k")], &[]).await;
    for state in [Replaying, Open, Ignored, Open, Expired] {
        assert_eq!(store.set_letter_state("dl_1", state).await.unwrap().state, state);
        assert_eq!(store.letter("dl_1").await.unwrap().unwrap().state, state);
    }
    refused(store.set_letter_state("dl_1", Open).await, ErrorKind::Conflict);
    assert_eq!(store.letter("dl_1").await.unwrap().unwrap().state, Expired);
}

async fn many_letters_are_moved_together_and_others_are_left(store: Arc<dyn Store>) {
    use LetterState::*;
    ensure(&*store, "contact").await;
    let three = |run: &Run| vec![letter(run, "1", b"a"), letter(run, "2", b"b"), letter(run, "3", b"c")];
    run_with(&*store, "a", RunType::Sync, three, &[]).await;
    store.set_letter_state("dl_3", ResolvedAuto).await.unwrap();
    let ids = ["dl_1", "dl_2", "dl_3", "dl_unknown"].map(LetterId::from_stored);
    assert_eq!(store.move_letters(&ids, &[Open], Ignored, None).await.unwrap(), 2);
    assert_eq!(store.move_letters(&ids, &[Open], Ignored, None).await.unwrap(), 0);
    assert_eq!(store.move_letters(&ids[..1], &[Open, Ignored], ResolvedUser, None).await.unwrap(), 1);
    let states: Vec<_> =
        store.letters_by_id(&ids).await.unwrap().into_iter().map(|letter| letter.state).collect();
    assert_eq!(states, [ResolvedUser, Ignored, ResolvedAuto]);
}

async fn letters_are_listed_latest_seen_first_in_pages(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let ten = |run: &Run| {
        (0..10u8)
            .map(|n| DeadLetter { last_seen_at: at(i64::from(n / 2)), ..letter(run, &n.to_string(), &[n]) })
            .collect()
    };
    run_with(&*store, "a", RunType::Sync, ten, &[]).await;
    let mut ids = Vec::new();
    for number in 1..=4 {
        let (page, total) = store.letters(&LetterFilter::default(), Page { number, size: 3 }).await.unwrap();
        assert_eq!(total, 10);
        ids.extend(page.into_iter().map(|l| l.id.to_string()));
    }
    assert_eq!(ids, (0..10).rev().map(|n| format!("dl_{n}")).collect::<Vec<_>>());
    let too_large = Page::first(Page::SIZE_MAX + 1);
    refused(store.letters(&LetterFilter::default(), too_large).await, ErrorKind::BadUsage);
}

async fn filters_restrict_the_letters(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    ensure(&*store, "company").await;
    for (name, sync) in [("a", "contact"), ("b", "company"), ("c", "contact")] {
        let run = running(&*store, name, sync, RunType::Sync).await;
        let staged: Vec<_> = (0..6u8)
            .map(|n| DeadLetter {
                code: format!("code{}", n % 2),
                fingerprint: format!("f{}", n % 3),
                last_seen_at: at(i64::from(n)),
                ..letter(&run, &format!("{name}{n}"), format!("{name}{n}").as_bytes())
            })
            .collect();
        store.stage_letters(&run.id, run.epoch, &staged).await.unwrap();
        store.commit(&ending(&run)).await.unwrap();
    }
    store.set_letter_state("dl_a0", LetterState::Ignored).await.unwrap();
    store.set_letter_state("dl_b3", LetterState::Ignored).await.unwrap();
    let everything = all(&*store).await;
    assert_eq!(everything.len(), 18);
    let filters = [
        LetterFilter { sync_uid: Some(uid("contact")), ..Default::default() },
        LetterFilter { states: vec![LetterState::Ignored], ..Default::default() },
        LetterFilter { run_id: Some(run_id("c")), ..Default::default() },
        LetterFilter { row_id: Some("row b4".into()), ..Default::default() },
        LetterFilter { fingerprint: Some("f2".into()), ..Default::default() },
        LetterFilter { code: Some("code1".into()), ..Default::default() },
        LetterFilter { code: Some("none".into()), ..Default::default() },
        LetterFilter {
            sync_uid: Some(uid("contact")),
            states: vec![LetterState::Open],
            run_id: Some(run_id("a")),
            row_id: None,
            fingerprint: Some("f1".into()),
            code: Some("code0".into()),
            since: Some(at(0)),
            until: Some(at(1_000)),
        },
        LetterFilter {
            states: vec![LetterState::Open, LetterState::Ignored],
            since: Some(everything[12].last_seen_at),
            until: Some(everything[3].last_seen_at),
            ..Default::default()
        },
    ];
    for filter in filters {
        let matches = |letter: &&DeadLetter| {
            filter.sync_uid.as_ref().is_none_or(|uid| letter.sync_uid == *uid)
                && (filter.states.is_empty() || filter.states.contains(&letter.state))
                && filter.run_id.as_ref().is_none_or(|id| letter.run_id == *id)
                && filter.row_id.as_ref().is_none_or(|id| letter.row_id == *id)
                && filter.fingerprint.as_ref().is_none_or(|f| letter.fingerprint == *f)
                && filter.code.as_ref().is_none_or(|code| letter.code == *code)
                && filter.since.is_none_or(|t| letter.last_seen_at >= t)
                && filter.until.is_none_or(|t| letter.last_seen_at < t)
        };
        let expected: Vec<_> = everything.iter().filter(matches).cloned().collect();
        assert_eq!(letters(&*store, &filter).await, expected, "{filter:?}");
    }
}

async fn why_a_letter_is_ignored_is_kept_as_long_as_it_is(store: Arc<dyn Store>) {
    use LetterState::*;
    ensure(&*store, "contact").await;
    let fails = async |run: &str, at_row: &str| {
        let same_row = |run: &Run| DeadLetter { source_fp: Some(at_row.into()), ..letter(run, "1", b"k") };
        run_with(&*store, run, RunType::Sync, |run| vec![same_row(run)], &[]).await;
    };
    let because = async || store.letter("dl_1").await.unwrap().unwrap().ignored_because;
    let ids = [LetterId::from_stored("dl_1")];
    let ignore = async |why| store.move_letters(&ids, &[Open], Ignored, why).await.unwrap();
    fails("a", "v1").await;
    assert_eq!(ignore(Some("a test record")).await, 1);
    assert_eq!(because().await.as_deref(), Some("a test record"));
    fails("b", "v1").await;
    assert_eq!(because().await.as_deref(), Some("a test record"), "the same row failed again");
    store.set_letter_state("dl_1", Open).await.unwrap();
    assert_eq!(because().await, None);
    assert_eq!(ignore(None).await, 1);
    assert_eq!(because().await, None, "nobody has to say why");
    store.set_letter_state("dl_1", Open).await.unwrap();
    assert_eq!(ignore(Some("again")).await, 1);
    fails("c", "v2").await;
    assert_eq!(because().await, None, "another row failed, and the letter is open");
    // Only what is ignored has a reason.
    store.move_letters(&ids, &[Open], ResolvedUser, Some("done")).await.unwrap();
    assert_eq!(because().await, None);
}
