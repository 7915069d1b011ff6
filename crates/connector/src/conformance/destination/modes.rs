//! Write modes, removals and field rules: what each does, and what it says it did.

use syncline_core::sync::{FieldWrite, Nulls, OnMatchChange, WriteMode};
use syncline_core::{Op, RemovalAction, RunId};

use super::super::DestinationFixture;
use super::super::table;
use super::target::{Target, commit, write};
use crate::{Chunk, FieldRule, OpenRequest, RemovalKind};

const FIELDS: &[(&str, &str)] = &[("id", "int64"), ("name", "text"), ("n", "int64")];

/// "Created and updated are what the target did, not what the plan expected."
pub async fn every_write_mode_answers_what_it_did(fixture: &dyn DestinationFixture) {
    for mode in fixture.spec().write_modes {
        let (existing, absent) = match mode {
            WriteMode::Insert => ("exists", "created"),
            WriteMode::Update => ("updated", "absent"),
            WriteMode::Upsert | WriteMode::Mirror | WriteMode::TwoWay => ("updated", "created"),
            WriteMode::Append => continue,
        };
        let target = Target::new(fixture, FIELDS, 1).await;
        target.fill(&["1|a|1", "2|b|2", "5|same|5", "9|untouched|-"]).await;
        let chunk = target.chunk_of(
            0,
            &[
                (Op::Create, "1|A|-"),
                (Op::Update, "2|B|20"),
                (Op::Create, "3|C|30"),
                (Op::Update, "4|-|40"),
                (Op::Update, "5|same|5"),
            ],
        );
        let results = target.write(target.request(*mode), &chunk).await;
        assert_eq!(results, [existing, existing, absent, absent, existing], "{mode:?}");
        let mut expected = vec!["9|untouched|-", "5|same|5"];
        expected.extend(if existing == "updated" { ["1|A|-", "2|B|20"] } else { ["1|a|1", "2|b|2"] });
        expected.extend(if absent == "created" { &["3|C|30", "4|-|40"][..] } else { &[] });
        target.expect(&expected, &format!("{mode:?} writes what it says")).await;
    }
}

/// "Append a new record", also one like another.
pub async fn append_adds_every_row(fixture: &dyn DestinationFixture) {
    if !fixture.spec().write_modes.contains(&WriteMode::Append) {
        return;
    }
    let target = Target::new(fixture, FIELDS, 0).await;
    for epoch in 1..3 {
        let run_id = RunId::from_stored(format!("run_{epoch}"));
        let request = OpenRequest { run_id, epoch, ..target.request(WriteMode::Append) };
        let chunk = target.chunk(0, Op::Append, &["1|a|1", "1|a|1", "-|-|-"]);
        assert_eq!(target.write(request, &chunk).await, ["created"; 3]);
    }
    target.expect(&["1|a|1", "1|a|1", "1|a|1", "1|a|1", "-|-|-", "-|-|-"], "append adds every row").await;
}

const FLAGGED: &[(&str, &str)] = &[("id", "int64"), ("name", "text"), ("n", "int64"), ("gone", "bool")];

/// A target with four records, and a request whose fields are the first three: the flag is not
/// among those that are delivered.
async fn flagged(fixture: &dyn DestinationFixture) -> (Target<'_>, OpenRequest) {
    let mut target = Target::new(fixture, FLAGGED, 1).await;
    target.fill(&["1|a|1|false", "2|b|2|false", "3|c|3|-", "4|d|4|-"]).await;
    target.fields.truncate(3);
    let mode = match fixture.spec().write_modes.contains(&WriteMode::Mirror) {
        true => WriteMode::Mirror,
        false => WriteMode::Upsert,
    };
    let request = OpenRequest { flag: Some(("gone".into(), "true".into())), ..target.request(mode) };
    (target, request)
}

fn removals(fixture: &dyn DestinationFixture) -> Vec<(RemovalAction, [&'static str; 2])> {
    let kinds = fixture.spec().on_removed.iter();
    kinds
        .filter_map(|kind| match kind {
            RemovalKind::Delete => Some((RemovalAction::Delete, ["", ""])),
            RemovalKind::ClearFields => Some((RemovalAction::Clear, ["1|-|-|false", "3|-|-|-"])),
            RemovalKind::Flag => Some((RemovalAction::Flag, ["1|a|1|true", "3|c|3|true"])),
            RemovalKind::Ignore => None,
        })
        .collect()
}

/// "Remove a record in the way `on_removed` says": deleted, its delivered fields NULL, or flagged.
pub async fn every_kind_of_removal_does_what_it_says(fixture: &dyn DestinationFixture) {
    for (action, becomes) in removals(fixture) {
        let (target, mut request) = flagged(fixture).await;
        request.flag = request.flag.filter(|_| action == RemovalAction::Flag);
        let remove = Op::Remove(action);
        let chunk = target.chunk_of(
            0,
            &[(remove, "1"), (remove, "99"), (Op::Update, "2|B|-"), (remove, "3"), (Op::Create, "5|e|5")],
        );
        let results = target.write(request, &chunk).await;
        assert_eq!(results, ["removed", "removed", "updated", "removed", "created"], "{action:?}");
        let mut expected = vec!["2|B|-|false", "4|d|4|-", "5|e|5|-"];
        expected.extend(becomes.iter().filter(|line| !line.is_empty()));
        target.expect(&expected, &format!("{action:?} removes as it says")).await;
    }
}

/// `Removed`: "also when it was gone already".
pub async fn removing_again_changes_nothing(fixture: &dyn DestinationFixture) {
    for (action, _) in removals(fixture) {
        let (target, request) = flagged(fixture).await;
        let mut before = None;
        for epoch in 1..4 {
            let run_id = RunId::from_stored(format!("run_{epoch}"));
            let request = OpenRequest { run_id, epoch, ..request.clone() };
            let chunk = target.chunk(0, Op::Remove(action), &["1", "3"]);
            assert_eq!(target.write(request, &chunk).await, ["removed", "removed"], "{action:?} again");
            let lines = target.lines().await;
            assert_eq!(before.get_or_insert_with(|| lines.clone()), &lines, "{action:?} again");
        }
    }
}

/// `write: if_empty` writes "only while the target's field is NULL or empty text", `create_only`
/// "only when the record is created"; `nulls: skip`: "NULL leaves the target's value".
pub async fn field_rules_are_kept(fixture: &dyn DestinationFixture) {
    if !fixture.spec().field_rules {
        return;
    }
    let fields = [
        ("id", "int64"),
        ("empty", "text"),
        ("once", "text"),
        ("kept", "text"),
        ("number", "int64"),
        ("both", "text"),
    ];
    let target = Target::new(fixture, &fields, 1).await;
    target.fill(&["1|||a|-|", "2|x|x|x|7|x", "3|-|-|-|-|-"]).await;
    let rule = |write, nulls| FieldRule { write, nulls };
    let request = OpenRequest {
        rules: vec![
            rule(FieldWrite::Always, Nulls::Write),
            rule(FieldWrite::IfEmpty, Nulls::Write),
            rule(FieldWrite::CreateOnly, Nulls::Write),
            rule(FieldWrite::Always, Nulls::Skip),
            rule(FieldWrite::IfEmpty, Nulls::Write),
            rule(FieldWrite::IfEmpty, Nulls::Skip),
        ],
        ..target.upsert()
    };
    let updates = ["1|new|new|-|1|-", "2|new|new|new|2|new", "3|new|new|-|3|new", "4|new|new|new|4|new", "5"];
    let results = target.write(request, &target.chunk(0, Op::Update, &updates)).await;
    assert_eq!(results, ["updated", "updated", "updated", "created", "created"]);
    let expected = ["1|new||a|1|", "2|x|x|new|7|x", "3|new|-|-|3|new", "4|new|new|new|4|new", "5|-|-|-|-|-"];
    target.expect(&expected, "field rules decide what an update writes, and a create writes all").await;
}

fn moving(target: &Target<'_>, lines: &[&str], old: &[&str]) -> Chunk {
    let chunk = target.chunk(0, Op::Update, lines);
    let matching = &target.fields[..target.match_fields.len()];
    Chunk { old_match: Some(table::batch(matching, &table::rows(old))), ..chunk }
}

fn can_move(fixture: &dyn DestinationFixture) -> bool {
    fixture.spec().on_match_change.contains(&OnMatchChange::UpdateById)
}

/// `old_match`: "match fields as they are at the target now, where they differ".
pub async fn a_record_follows_its_match_value(fixture: &dyn DestinationFixture) {
    if !can_move(fixture) {
        return;
    }
    let target = Target::new(fixture, FIELDS, 1).await;
    target.fill(&["1|a|1", "2|b|2", "3|c|3"]).await;
    let chunk = moving(&target, &["10|A|-", "2|B|2", "30|new|-", "4|new|-"], &["1", "-", "77", "-"]);
    let results = target.write(target.upsert(), &chunk).await;
    assert_eq!(results, ["updated", "updated", "created", "created"]);
    let expected = ["10|A|-", "2|B|2", "3|c|3", "30|new|-", "4|new|-"];
    target.expect(&expected, "a record is found by its old match value and gets the new one").await;
}

/// "Match values are unique within a chunk", so records may hand theirs on in any order.
pub async fn records_can_trade_their_match_values(fixture: &dyn DestinationFixture) {
    if !can_move(fixture) {
        return;
    }
    let target = Target::new(fixture, FIELDS, 1).await;
    target.fill(&["1|a|1", "2|b|2", "3|c|3"]).await;
    // Every record moves to where the next one still is.
    let chunk = moving(&target, &["2|a|1", "3|b|2", "4|c|3"], &["1", "2", "3"]);
    assert_eq!(target.write(target.upsert(), &chunk).await, ["updated"; 3], "a chain of moves");
    target.expect(&["2|a|1", "3|b|2", "4|c|3"], "a chain of moves").await;
}

/// A record is found by all of its match fields.
pub async fn several_match_fields_find_a_record_together(fixture: &dyn DestinationFixture) {
    let fields = [("id", "int64"), ("code", "text"), ("n", "int64")];
    let target = Target::new(fixture, &fields, 2).await;
    target.fill(&["1|a|1", "1|b|2", "2|a|3", "2||4"]).await;
    let mut chunk = target.chunk_of(
        0,
        &[
            (Op::Update, "1|b|20"),
            (Op::Create, "1|c|5"),
            (Op::Update, "2||40"),
            (Op::Update, "2|-|9"),
            (Op::Remove(RemovalAction::Delete), "2|a"),
        ],
    );
    if !fixture.spec().on_removed.contains(&RemovalKind::Delete) {
        chunk.ops[4] = Op::Update;
    }
    let mut session = target.open(target.upsert()).await;
    let results = write(&mut *session, &chunk).await;
    commit(&mut *session).await;
    assert_eq!(results[..4], ["updated", "created", "updated", "null_match_value code"]);
    let last = if results[4] == "removed" { None } else { Some("2|a|-") };
    let mut expected = vec!["1|a|1", "1|b|20", "1|c|5", "2||40"];
    expected.extend(last);
    target.expect(&expected, "match fields together find a record").await;
}
