//! Write modes, removals, changed match values and field rules.

use syncline_connector::{Chunk, FieldRule};
use syncline_core::Op;
use syncline_core::snapshot_entry::RemovalAction;
use syncline_core::sync::{FieldWrite, Nulls, WriteMode};

use super::target::{batch, chunk, chunk_of, destination, names, request, world};

const PEOPLE: &str = "create table people (id int primary key, name text, city text);
                      insert into people values (1, 'Ann', 'Oslo'), (2, 'Bob', 'Rome')";
const FIELDS: &[(&str, &str)] = &[("id", "int32"), ("name", "text")];

async fn written(mode: WriteMode, op: Op) -> (Vec<String>, Vec<String>) {
    let world = world(PEOPLE).await;
    let request = request("people", mode, FIELDS);
    let chunk = chunk(&request, op, &[&["2", "Bea"], &["3", "Cid"]]);
    let results = world.write(request, chunk).await;
    (names(&results), world.rows("select * from people order by id, name").await)
}

#[tokio::test]
async fn insert_creates_and_leaves_what_exists() {
    for op in [Op::Create, Op::Update] {
        let (results, rows) = written(WriteMode::Insert, op).await;
        assert_eq!(results, ["exists", "created"]);
        assert_eq!(rows, ["1|Ann|Oslo", "2|Bob|Rome", "3|Cid|-"]);
    }
}

#[tokio::test]
async fn update_changes_what_exists_and_creates_nothing() {
    let (results, rows) = written(WriteMode::Update, Op::Update).await;
    assert_eq!(results, ["updated", "absent"]);
    assert_eq!(rows, ["1|Ann|Oslo", "2|Bea|Rome"]);
}

#[tokio::test]
async fn upsert_and_mirror_tell_what_the_target_did_not_what_was_expected() {
    for mode in [WriteMode::Upsert, WriteMode::Mirror] {
        for op in [Op::Create, Op::Update] {
            let (results, rows) = written(mode, op).await;
            assert_eq!(results, ["updated", "created"]);
            assert_eq!(rows, ["1|Ann|Oslo", "2|Bea|Rome", "3|Cid|-"]);
        }
    }
}

#[tokio::test]
async fn append_adds_rows_whatever_is_there() {
    let world = world("create table log (id int, name text); insert into log values (2, 'Bob')").await;
    let request = request("log", WriteMode::Append, FIELDS);
    let chunk = chunk(&request, Op::Append, &[&["2", "Bob"], &["-", "nobody"]]);
    assert_eq!(names(&world.write(request, chunk).await), ["created", "created"]);
    assert_eq!(world.rows("select * from log order by id, name").await, ["2|Bob", "2|Bob", "-|nobody"]);
}

#[tokio::test]
async fn an_existing_row_is_updated_though_an_unmapped_column_may_not_be_null() {
    let world = world(
        "create table t (id int primary key, name text, code text not null);
         insert into t values (1, 'a', 'x')",
    )
    .await;
    let request = request("t", WriteMode::Upsert, FIELDS);
    let chunk = chunk(&request, Op::Create, &[&["1", "b"], &["2", "c"]]);
    assert_eq!(names(&world.write(request, chunk).await), ["updated", "not_null_violation code"]);
    assert_eq!(world.rows("select * from t").await, ["1|b|x"]);
}

#[tokio::test]
async fn removals_delete_clear_or_flag_and_do_not_mind_rows_that_are_gone() {
    let world = world(
        "create table t (id int primary key, name text, kept text, gone bool default false);
         insert into t values (1, 'a', 'k'), (2, 'b', 'k'), (3, 'c', 'k'), (4, 'd', 'k')",
    )
    .await;
    let mut request = request("t", WriteMode::Mirror, FIELDS);
    request.flag = Some(("gone".into(), "true".into()));
    let ops = [RemovalAction::Delete, RemovalAction::Clear, RemovalAction::Flag]
        .map(|action| [Op::Remove(action); 2])
        .concat();
    let rows: &[&[&str]] = &[&["1", "-"], &["91", "-"], &["2", "-"], &["92", "-"], &["3", "-"], &["93", "-"]];
    let chunk = chunk_of(&request, &ops, rows);
    assert_eq!(names(&world.write(request, chunk).await), ["removed"; 6]);
    assert_eq!(world.rows("select * from t order by id").await, ["2|-|k|false", "3|c|k|true", "4|d|k|false"]);
}

#[tokio::test]
async fn a_flag_of_now_is_the_time_of_the_write() {
    for ty in ["timestamptz", "timestamp", "date"] {
        let world = world(&format!(
            "create table t (id int primary key, name text, gone {ty}); insert into t values (1, 'a')"
        ))
        .await;
        let mut request = request("t", WriteMode::Mirror, FIELDS);
        request.flag = Some(("gone".into(), "now".into()));
        let chunk = chunk(&request, Op::Remove(RemovalAction::Flag), &[&["1", "-"]]);
        let far_away = format!("{}?options=-c%20timezone%3DPacific/Auckland", world.database.url());
        let mut session = destination(&far_away).open(request).await.unwrap();
        session.write(&chunk).await.unwrap();
        session.commit().await.unwrap();
        let sql = format!(
            "select abs(extract(epoch from gone - (now() at time zone 'UTC')::{ty})) < 60 as ok from t"
        );
        let sql =
            if ty == "date" { "select gone = (now() at time zone 'UTC')::date as ok from t" } else { &sql };
        assert_eq!(world.rows(sql).await, ["true"], "{ty}");
    }
}

#[tokio::test]
async fn a_removed_row_frees_its_values_for_a_new_one() {
    let world =
        world("create table t (id int primary key, name text unique); insert into t values (1, 'a')").await;
    let request = request("t", WriteMode::Mirror, FIELDS);
    let ops = [Op::Create, Op::Remove(RemovalAction::Delete)];
    let chunk = chunk_of(&request, &ops, &[&["2", "a"], &["1", "-"]]);
    assert_eq!(names(&world.write(request, chunk).await), ["created", "removed"]);
    assert_eq!(world.rows("select * from t").await, ["2|a"]);
}

#[tokio::test]
async fn changed_match_values_are_found_by_the_old_ones_even_in_a_chain() {
    let world = world(
        "create table t (id int primary key, name text);
         insert into t values (1, 'a'), (2, 'b'), (3, 'c')",
    )
    .await;
    let request = request("t", WriteMode::Upsert, FIELDS);
    let rows: &[&[&str]] = &[&["2", "a2"], &["3", "b2"], &["4", "c2"], &["5", "new"], &["9", "nine"]];
    let mut chunk = chunk(&request, Op::Update, rows);
    let old = super::target::schema(&FIELDS[..1]);
    chunk.old_match = Some(batch(&old, &[&["1"], &["2"], &["3"], &["77"], &["-"]]));
    let results = world.write(request.clone(), chunk).await;
    assert_eq!(names(&results), ["updated", "updated", "updated", "created", "created"]);
    let expected = ["2|a2", "3|b2", "4|c2", "5|new", "9|nine"];
    assert_eq!(world.rows("select * from t order by id").await, expected);

    // The same chunk once more, as after a lost reply.
    let mut other_run = request;
    other_run.run_id = syncline_core::RunId::from_stored("run_2");
    let rows = &[&["4", "c2"][..]];
    let mut last = super::target::chunk(&other_run, Op::Update, rows);
    last.old_match = Some(batch(&old, &[&["3000"]]));
    assert_eq!(names(&world.write(other_run, last).await), ["updated"]);
    assert_eq!(world.rows("select * from t order by id").await, expected);
}

#[tokio::test]
async fn composite_keys_match_as_a_whole() {
    let world = world(
        "create table t (a int, b text, v text, primary key (b, a)); insert into t values (1, 'x', 'old')",
    )
    .await;
    let mut request = request("t", WriteMode::Upsert, &[("a", "int32"), ("b", "text"), ("v", "text")]);
    request.target.match_fields = vec!["a".into(), "b".into()];
    let rows: &[&[&str]] = &[&["1", "x", "new"], &["1", "y", "other"], &["-", "y", "none"]];
    let chunk = chunk(&request, Op::Update, rows);
    assert_eq!(names(&world.write(request, chunk).await), ["updated", "created", "null_match_value a"]);
    assert_eq!(world.rows("select * from t order by b").await, ["1|x|new", "1|y|other"]);
}

#[tokio::test]
async fn field_rules_decide_what_an_update_touches() {
    let world = world(
        "create table t (id int primary key, once text, fill text, num int, keep text, mixed text default 'd');
         insert into t values (1, 'o', 'f', 5, 'k', 'b'), (2, 'o', '', null, 'k', '')",
    )
    .await;
    let mut request = request(
        "t",
        WriteMode::Upsert,
        &[
            ("id", "int32"),
            ("once", "text"),
            ("fill", "text"),
            ("num", "int32"),
            ("keep", "text"),
            ("mixed", "text"),
        ],
    );
    let rule = |write, nulls| FieldRule { write, nulls };
    request.rules = vec![
        rule(FieldWrite::Always, Nulls::Write),
        rule(FieldWrite::CreateOnly, Nulls::Write),
        rule(FieldWrite::IfEmpty, Nulls::Write),
        rule(FieldWrite::IfEmpty, Nulls::Write),
        rule(FieldWrite::Always, Nulls::Skip),
        rule(FieldWrite::IfEmpty, Nulls::Skip),
    ];
    let rows: &[&[&str]] =
        &[&["1", "O", "F", "6", "-", "B"], &["2", "O", "F", "6", "K", "-"], &["3", "O", "-", "-", "-", "-"]];
    let chunk = chunk(&request, Op::Update, rows);
    assert_eq!(names(&world.write(request, chunk).await), ["updated", "updated", "created"]);
    // A new record takes the default where a NULL is skipped.
    assert_eq!(world.rows("select * from t order by id").await, ["1|o|f|5|k|b", "2|o|F|6|K|", "3|O|-|-|-|d"]);
}

#[tokio::test]
async fn nothing_to_update_still_tells_which_rows_exist() {
    let world = world(PEOPLE).await;
    let request = request("people", WriteMode::Upsert, &FIELDS[..1]);
    let chunk = chunk(&request, Op::Update, &[&["1"], &["8"]]);
    assert_eq!(names(&world.write(request, chunk).await), ["updated", "created"]);
}

#[tokio::test]
async fn triggers_that_rewrite_match_values_or_discard_rows_do_not_confuse_the_outcome() {
    let world = world(
        "create table t (id int primary key, name text);
         create function shift() returns trigger language plpgsql as $$ begin
           if new.name = 'discard' then return null; end if;
           if tg_op = 'INSERT' then new.id := new.id + 1000; end if; return new; end $$;
         create trigger shift before insert or update on t for each row execute function shift();
         insert into t values (1, 'a')",
    )
    .await;
    let request = request("t", WriteMode::Upsert, FIELDS);
    let rows: &[&[&str]] = &[&["1001", "A"], &["5", "new"], &["6", "discard"], &["7", "new"]];
    let chunk = chunk(&request, Op::Create, rows);
    let results = world.write(request, chunk).await;
    assert_eq!(names(&results), ["updated", "created", "discarded_by_trigger ?", "created"]);
    assert_eq!(world.rows("select * from t order by id").await, ["1001|A", "1005|new", "1007|new"]);
}

#[tokio::test]
async fn a_chunk_of_every_kind_settles_every_row() {
    let world = world(PEOPLE).await;
    let request = request("people", WriteMode::Mirror, FIELDS);
    let ops = [Op::Create, Op::Update, Op::Remove(RemovalAction::Delete), Op::Create, Op::Update];
    let rows: &[&[&str]] = &[&["7", "g"], &["2", "B"], &["1", "-"], &["-", "null"], &["8", "h"]];
    let chunk = chunk_of(&request, &ops, rows);
    let results = world.write(request, chunk).await;
    assert_eq!(names(&results), ["created", "updated", "removed", "null_match_value id", "created"]);
    assert_eq!(world.rows("select id, name from people order by id").await, ["2|B", "7|g", "8|h"]);
}

#[tokio::test]
async fn results_are_true_whatever_the_plan_expected_of_this_chunk_and_the_one_before() {
    let fields: &[(&str, &str)] = &[("id", "int32"), ("name", "text")];
    for mode in [WriteMode::Upsert, WriteMode::Insert, WriteMode::Update] {
        let world = world(
            "create table t (id int primary key, name text); insert into t values (1, 'a'), (2, 'b'), (3, 'c')",
        )
        .await;
        let request = request("t", mode, fields);
        let mut session = world.open(request.clone()).await;
        let (create, update) = (Op::Create, Op::Update);
        let [there, absent] = match mode {
            WriteMode::Insert => ["exists", "created"],
            WriteMode::Update => ["updated", "absent"],
            _ => ["updated", "created"],
        };
        type Step<'a> = (&'a [Op], &'a [&'a [&'a str]], &'a [&'a str]);
        let steps: &[Step<'_>] = &[
            // All is as expected; then nothing is, twice; then again all.
            (&[create, update], &[&["10", "x"], &["1", "x"]], &[absent, there]),
            (&[create, update], &[&["2", "x"], &["20", "x"]], &[there, absent]),
            (&[create, create, update], &[&["3", "x"], &["30", "x"], &["31", "x"]], &[there, absent, absent]),
            (&[create, create], &[&["40", "x"], &["41", "x"]], &[absent, absent]),
            (&[update, update], &[&["1", "y"], &["2", "y"]], &[there, there]),
            (&[update, create, update], &[&["50", "x"], &["51", "x"], &["3", "y"]], &[absent, absent, there]),
        ];
        for (number, (ops, rows, expected)) in steps.iter().enumerate() {
            let chunk = Chunk { number: number as u32, ..chunk_of(&request, ops, rows) };
            assert_eq!(names(&session.write(&chunk).await.unwrap()), *expected, "{mode:?}, chunk {number}");
        }
        session.commit().await.unwrap();
        let changed = world.rows("select count(*) as n from t where name in ('x', 'y')").await;
        let expected = match mode {
            WriteMode::Insert => "8",
            WriteMode::Update => "3",
            _ => "11",
        };
        assert_eq!(changed, [expected], "{mode:?}");
    }
}
