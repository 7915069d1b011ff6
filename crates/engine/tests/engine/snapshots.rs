//! What is remembered of each key, and what follows from it.

use std::collections::BTreeMap;

use syncline_connector::{Equality, TargetField};
use syncline_core::run::RunOptions;
use syncline_core::sync::{Duplicates, Limit, OnMatchChange, OnRemoved, Publish, WriteMode};
use syncline_core::{ReadMode, RunStatus, RunType};

use super::fixture::{Fixture, code};
use crate::doubles::TableDestination;

const T: &str = "2025-06-01T10:00:00Z";

fn record(fields: &[(&str, &str)]) -> BTreeMap<String, Option<String>> {
    fields.iter().map(|(k, v)| (k.to_string(), Some(v.to_string()))).collect()
}

fn mirror() -> Fixture {
    Fixture::with(|s| s.write_mode = WriteMode::Mirror)
}

fn with_field(target: &TableDestination, name: &str) {
    target.edit(|t| {
        let like = t.fields[1].clone();
        t.fields.push(TargetField { name: name.into(), ..like });
    });
}

async fn full(f: &Fixture) -> syncline_core::Run {
    f.run_with(RunType::Sync, RunOptions { read_mode: ReadMode::Full, ..Default::default() }).await
}

#[tokio::test]
async fn an_edited_mapping_sends_only_rows_whose_values_differ() {
    let mut f = Fixture::new();
    f.source.set(&[&["1", "ANN", "a", T], &["2", "Bob", "b", T], &["3", "CY", "c", T]]);
    f.completed().await;
    f.written();
    f.sync.mapping[1].value = "upper(name)".into();
    assert_eq!(f.completed().await, (0, 1, 2, 0));
    assert_eq!(f.written(), ["update 2"]);
    assert_eq!(f.completed().await, (0, 0, 3, 0));
    f.sync.mapping[1].value = "name".into();
    assert_eq!(f.completed().await, (0, 1, 2, 0), "and back");
}

#[tokio::test]
async fn a_change_that_no_field_shows_sends_nothing() {
    let f = Fixture::new();
    f.source.set(&[&["1", "Ann", "a@x", T]]);
    f.completed().await;
    f.source.set(&[&["1", "Ann", "A@X", "2025-06-01T11:00:00Z"]]);
    assert_eq!(f.completed().await, (0, 0, 1, 0), "an unmapped column and the case of a lowered one");
    f.source.set(&[&["1", "Ann", "b@x", T]]);
    assert_eq!(f.completed().await, (0, 1, 0, 0));
    f.source.set(&[&["1", "Ann", "a@x", T]]);
    assert_eq!(f.completed().await, (0, 1, 0, 0), "reverting is a change too");
}

#[tokio::test]
async fn null_and_empty_text_are_different_values() {
    let f = Fixture::new();
    f.source.set(&[&["1", "Ann", "~", T]]);
    f.completed().await;
    f.source.set(&[&["1", "Ann", "", T]]);
    assert_eq!(f.completed().await, (0, 1, 0, 0));
}

#[tokio::test]
async fn removed_records_are_cleared_or_flagged_once_and_come_back() {
    for on_removed in [OnRemoved::ClearFields, OnRemoved::Flag { field: "gone".into(), value: "yes".into() }]
    {
        let mut f = mirror();
        with_field(&f.target, "gone");
        f.sync.on_removed = on_removed.clone();
        f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
        f.completed().await;
        f.source.set(&[&["1", "Ann", "a", T]]);
        assert_eq!(f.completed().await, (0, 0, 1, 1));
        let shown = f.target.dump()[1].clone();
        match on_removed {
            OnRemoved::ClearFields => assert_eq!(shown, "email:~ id:2 name:~"),
            _ => assert_eq!(shown, "email:b gone:yes id:2 name:Bob"),
        }
        assert_eq!(f.completed().await, (0, 0, 1, 0), "once");
        f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
        assert_eq!(f.completed().await, (0, 1, 1, 0), "all fields are sent again");
        assert!(f.target.dump()[1].contains("name:Bob"));
        f.source.set(&[&["1", "Ann", "a", T]]);
        assert_eq!(f.completed().await, (0, 0, 1, 1), "it is still the sync's own");
    }
}

#[tokio::test]
async fn ignored_removals_leave_record_and_entry() {
    let f = Fixture::with(|s| {
        s.write_mode = WriteMode::Mirror;
        s.on_removed = OnRemoved::Ignore;
    });
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    f.completed().await;
    f.source.set(&[&["1", "Ann", "a", T]]);
    assert_eq!(f.completed().await, (0, 0, 1, 0));
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    assert_eq!(f.completed().await, (0, 0, 2, 0), "it never left");
}

#[tokio::test]
async fn adopted_records_are_deleted_only_when_that_is_asked_for() {
    for delete_adopted in [false, true] {
        let f = Fixture::with(|s| {
            s.write_mode = WriteMode::Mirror;
            s.delete_adopted = delete_adopted;
        });
        f.target.edit(|t| t.records.insert("2".into(), record(&[("id", "2"), ("name", "old")])));
        f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
        assert_eq!(f.completed().await, (1, 1, 0, 0));
        f.source.set(&[&["1", "Ann", "a", T], &["2", "Bobby", "b", T]]);
        assert_eq!(f.completed().await, (0, 1, 1, 0), "an update does not make it ours");
        f.source.set(&[&["1", "Ann", "a", T]]);
        assert_eq!(f.completed().await, (0, 0, 1, u64::from(delete_adopted)));
        assert_eq!(f.target.dump().len(), if delete_adopted { 1 } else { 2 });
    }
}

fn by_email(on_match_change: OnMatchChange) -> Fixture {
    Fixture::with(|s| {
        s.to.match_fields = vec!["email".into()];
        s.on_match_change = on_match_change;
    })
}

#[tokio::test]
async fn a_changed_match_value_fails_moves_or_recreates_the_record() {
    for (on_match_change, expected, log) in [
        (OnMatchChange::Fail, vec!["email:a id:1 name:Ann"], vec![]),
        (OnMatchChange::UpdateById, vec!["email:z id:1 name:Ann"], vec!["update z"]),
        (OnMatchChange::Recreate, vec!["email:z id:1 name:Ann"], vec!["delete a", "create z"]),
    ] {
        let f = by_email(on_match_change);
        f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
        f.completed().await;
        f.written();
        f.source.set(&[&["1", "Ann", "z", T], &["2", "Bob", "b", T]]);
        let run = f.run().await;
        assert_eq!(run.status, RunStatus::Completed);
        assert_eq!(f.written(), log);
        assert!(expected.iter().all(|e| f.target.dump().contains(&e.to_string())), "{:?}", f.target.dump());
        assert_eq!(f.target.dump().len(), 2);
        if on_match_change == OnMatchChange::Fail {
            assert_eq!(f.errors(&run).await[0].code, "match_changed");
            assert_eq!(f.open_letters().await, ["1"]);
            f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
            assert_eq!(f.completed().await, (0, 0, 2, 0));
            assert!(f.open_letters().await.is_empty());
        } else {
            assert_eq!(f.completed().await, (0, 0, 2, 0));
        }
    }
}

#[tokio::test]
async fn a_freed_match_value_can_be_taken_by_another_record_in_the_same_run() {
    let f = by_email(OnMatchChange::Recreate);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    f.completed().await;
    f.source.set(&[&["1", "Ann", "b", T], &["2", "Bob", "a", T]]);
    f.completed().await;
    assert_eq!(f.target.dump(), ["email:a id:2 name:Bob", "email:b id:1 name:Ann"]);
}

#[tokio::test]
async fn a_record_whose_recreation_was_refused_is_sent_when_its_row_reverts() {
    let f = by_email(OnMatchChange::Recreate);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    f.completed().await;
    f.target.edit(|t| t.poison.insert("z".into()));
    f.source.set(&[&["1", "Ann", "z", T], &["2", "Bob", "b", T]]);
    let run = f.run().await;
    assert_eq!((run.counters.rows_failed, run.counters.rows_deleted), (1, 1));
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    f.completed().await;
    assert_eq!(f.target.dump(), ["email:a id:1 name:Ann", "email:b id:2 name:Bob"]);
}

#[tokio::test]
async fn duplicate_keys_fail_the_run_by_name_and_write_nothing() {
    let f = Fixture::new();
    f.source.set(&[
        &["1", "Ann", "a", T],
        &["2", "Bob", "b", T],
        &["3", "Cy", "c", T],
        &["1", "Ann 2", "a", T],
    ]);
    let run = f.run().await;
    assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("duplicate_keys")));
    assert!(run.error.unwrap().message.ends_with("more than one row for: 1"));
    assert_eq!(f.target.edit(|t| t.writes), 0);
}

#[tokio::test]
async fn keep_first_and_keep_last_choose_among_duplicates() {
    for (duplicates, kept) in [(Duplicates::KeepFirst, "Ann"), (Duplicates::KeepLast, "Anne")] {
        let f = Fixture::with(|s| s.duplicates = duplicates);
        let rows: &[&[&str]] =
            &[&["1", "Ann", "a", T], &["2", "Bob", "b", T], &["1", "Anna", "a", T], &["1", "Anne", "a", T]];
        f.source.set(rows);
        let run = f.run().await;
        assert_eq!((run.counters.rows_created, run.skipped.get("duplicate")), (2, Some(&2)));
        assert_eq!(f.target.dump()[0], format!("email:a id:1 name:{kept}"));
        f.written();
        assert_eq!(f.completed().await, (0, 0, 4, 0));
        assert_eq!(f.written(), Vec::<String>::new(), "a second run writes nothing");
    }
}

#[tokio::test]
async fn keep_last_sends_the_last_row_although_the_first_is_unchanged() {
    let f = Fixture::with(|s| s.duplicates = Duplicates::KeepLast);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    f.completed().await;
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T], &["1", "Anna", "a", T]]);
    assert_eq!(f.completed().await, (0, 1, 2, 0));
    assert_eq!(f.target.dump()[0], "email:a id:1 name:Anna");
    f.source.set(&[&["1", "X", "a", T], &["2", "Bob", "b", T], &["1", "Anna", "a", T]]);
    assert_eq!(f.completed().await, (0, 0, 3, 0), "the first is superseded by an unchanged one");
    assert_eq!(f.target.dump()[0], "email:a id:1 name:Anna");
}

#[tokio::test]
async fn keep_last_with_another_match_field_is_no_duplicate_of_itself() {
    let f = Fixture::with(|s| {
        s.duplicates = Duplicates::KeepLast;
        s.to.match_fields = vec!["email".into()];
    });
    f.source.set(&[&["1", "Ann", "a", T], &["1", "Anna", "a", T]]);
    assert_eq!(f.completed().await, (1, 0, 1, 0));
    assert_eq!(f.target.dump(), ["email:a id:1 name:Anna"]);
}

#[tokio::test]
async fn duplicate_match_values_fail_the_run_or_the_row() {
    let rows: &[&[&str]] = &[&["1", "Ann", "a", T], &["2", "Bob", "a", T], &["3", "Cy", "c", T]];
    let mut f = by_email(OnMatchChange::Fail);
    f.source.set(rows);
    let run = f.run().await;
    assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("duplicate_keys")));
    assert!(run.error.unwrap().message.contains("2 (match value a)"));
    f.sync.duplicates = Duplicates::KeepFirst;
    let run = f.run().await;
    assert_eq!((run.counters.rows_created, run.counters.rows_failed), (2, 1));
    assert_eq!(f.errors(&run).await[0].code, "duplicate_match");
}

#[tokio::test]
async fn match_values_are_compared_as_the_target_does() {
    for (equality, second) in [(Equality::CaseInsensitive, "A"), (Equality::Padded, "a  ")] {
        let mut f = by_email(OnMatchChange::Fail);
        f.sync.mapping[2].value = "email".into();
        f.target.edit(|t| t.fields[2].equality = equality);
        f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", second, T]]);
        assert_eq!(code(&f.run().await), Some("duplicate_keys"), "{equality:?}");
        f.target.edit(|t| t.fields[2].equality = Equality::Exact);
        assert_eq!(f.completed().await, (2, 0, 0, 0));
    }
}

#[tokio::test]
async fn appended_rows_may_share_or_change_their_match_value() {
    let f = Fixture::with(|s| {
        s.write_mode = WriteMode::Append;
        s.to.match_fields = vec!["email".into()];
    });
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "a", T]]);
    assert_eq!(f.completed().await, (2, 0, 0, 0));
    f.source.set(&[&["1", "Ann", "b", T], &["2", "Bob", "a", T]]);
    assert_eq!(f.completed().await, (1, 0, 1, 0));
}

#[tokio::test]
async fn excluded_rows_and_keys_are_kept_as_they_are_until_the_exclusion_is_lifted() {
    let mut f = mirror();
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T], &["3", "Cy", "c", T]]);
    f.completed().await;
    f.sync.exclude = Some("name like 'B%'".into());
    f.sync.excluded_keys = vec!["3".into()];
    f.source.set(&[
        &["1", "Ann", "a", T],
        &["2", "Bobby", "b", T],
        &["3", "Cyd", "c", T],
        &["4", "Bert", "d", T],
    ]);
    let run = f.run().await;
    assert_eq!((run.skipped.get("excluded"), run.skipped.get("unchanged")), (Some(&3), Some(&1)));
    assert_eq!(run.counters.rows_deleted, 0, "an excluded row has not left the model");
    assert_eq!(f.target.dump()[1], "email:b id:2 name:Bob");
    assert_eq!(f.state_of("4").await, None);
    f.sync.exclude = None;
    f.sync.excluded_keys.clear();
    assert_eq!(f.completed().await, (1, 2, 1, 0));
}

#[tokio::test]
async fn thirty_runs_of_small_changes_keep_everything_that_is_known() {
    let mut f = mirror();
    f.sync.guards.max_deletes = Some(Limit::Count(100));
    let row = |id: u32, v: u32| {
        [id.to_string(), format!("v{v}"), format!("e{id}"), T.to_string()].map(Some).to_vec()
    };
    f.source.edit(|t| t.rows = (0..40).map(|i| row(i, 0)).collect());
    f.completed().await;
    let mut segments_max = 0;
    for n in 1..=30u32 {
        f.source.edit(|t| {
            t.rows[(n % 7) as usize] = row(n % 7, n);
            // One leaves and another comes.
            t.rows.pop();
            t.rows.push(row(100 + n, n));
        });
        assert_eq!(f.completed().await, (1, 1, 38, 1), "run {n}");
        let generation = f.engine.store.generation(&f.record().await.uid).await.unwrap().unwrap();
        segments_max = segments_max.max(generation.segments.len());
        let entries = f.entries().await;
        let mut counts = BTreeMap::new();
        for entry in entries.values() {
            *counts.entry(entry.state.name().to_string()).or_insert(0) += 1;
        }
        counts.retain(|_, n| *n > 0);
        let mut states = generation.states.clone();
        states.retain(|_, n| *n > 0);
        assert_eq!(states, counts, "run {n}");
    }
    assert!(segments_max <= 13, "{segments_max} segments");
    assert_eq!(f.completed().await, (0, 0, 40, 0));
    assert_eq!(f.target.dump().len(), 40);
    assert_eq!(f.entries().await.len(), 70);
}

#[tokio::test]
async fn a_recreated_target_holds_the_run_and_a_full_run_fills_it() {
    let f = mirror();
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    f.completed().await;
    f.target.edit(|t| {
        t.records.clear();
        t.incarnation += 1;
    });
    let held = f.held(&["target_changed"]).await;
    f.engine.reject(&held.id).await.unwrap();
    f.held(&["target_changed"]).await;
    let run = full(&f).await;
    assert_eq!((run.status, run.counters.rows_created), (RunStatus::Completed, 2));
    assert_eq!(f.completed().await, (0, 0, 2, 0));
}

#[tokio::test]
async fn a_repointed_target_holds_and_a_seed_fills_it() {
    let f = mirror();
    f.source.set(&[&["1", "Ann", "a", T]]);
    f.completed().await;
    f.target.edit(|t| {
        t.records.clear();
        t.name = " elsewhere".into();
    });
    f.held(&["target_changed"]).await;
    let run = f.run_with(RunType::Seed, Default::default()).await;
    assert_eq!((run.status, run.counters.rows_created), (RunStatus::Completed, 1));
    assert_eq!(f.completed().await, (0, 0, 1, 0));
}

#[tokio::test]
async fn approving_a_changed_target_takes_what_is_known_for_true() {
    let f = mirror();
    f.source.set(&[&["1", "Ann", "a", T]]);
    f.completed().await;
    f.target.edit(|t| t.incarnation += 1);
    let run = f.held(&["target_changed"]).await;
    let run = f.approve(&run).await;
    assert_eq!((run.status, run.counters.rows_skipped), (RunStatus::Completed, 1));
    assert_eq!(f.completed().await, (0, 0, 1, 0));
}

#[tokio::test]
async fn a_failed_run_does_not_accept_a_changed_target() {
    let f = Fixture::with(|s| s.publish = Publish::Progressive);
    f.source.set(&[&["1", "Ann", "a", T]]);
    f.completed().await;
    f.target.edit(|t| t.incarnation += 1);
    f.source.edit(|t| t.refuse = Some(syncline_core::ErrorKind::SourceUnreachable));
    assert_eq!(full(&f).await.status, RunStatus::SourceFailure);
    f.source.edit(|t| t.refuse = None);
    f.held(&["target_changed"]).await;
}

/// Contacts matched by their e-mail address instead of their key.
fn matched_by_email() -> Fixture {
    let f = Fixture::with(|s| {
        s.to.match_fields = vec!["email".into()];
        s.on_match_change = OnMatchChange::UpdateById;
    });
    f.source.set(&[&["1", "Ann", "a@x", T], &["2", "Bob", "b@x", T]]);
    f
}

#[tokio::test]
async fn a_new_row_cannot_take_the_match_value_of_a_record_that_did_not_change() {
    let f = matched_by_email();
    f.completed().await;
    f.source.set(&[&["1", "Ann", "a@x", T], &["2", "Bob", "b@x", T], &["3", "Eve", "A@X", T]]);
    let run = f.run().await;
    assert_eq!(code(&run), Some("duplicate_keys"));
    assert!(run.error.unwrap().message.contains("a@x"));
    assert_eq!(f.target.dump().len(), 2, "Ann is still Ann");
}

#[tokio::test]
async fn a_match_value_that_another_row_gave_up_can_be_taken() {
    let f = matched_by_email();
    f.completed().await;
    f.source.set(&[&["2", "Bob", "b@x", T], &["9", "Ann", "a@x", T]]);
    assert_eq!(f.completed().await, (0, 1, 1, 0), "the record's key changed, its address did not");
    f.source.set(&[&["9", "Ann", "ann@x", T], &["2", "Bob", "b@x", T], &["4", "Al", "a@x", T]]);
    assert_eq!(f.completed().await, (1, 1, 1, 0), "Ann moved away from it in the same run");
    assert_eq!(f.target.dump().len(), 3);
}
