//! Rows that the target refuses: named by column, and never at the cost of the others.

use syncline_core::sync::WriteMode;
use syncline_core::{Op, RowResult};

use super::target::{World, chunk, destination, names, rejection, request, world};

const GUARDED: &str = "
    create type mood as enum ('happy', 'sad');
    create domain positive as int check (value > 0);
    create domain short as varchar(3);
    create table parent (id int primary key);
    insert into parent values (1);
    create table guarded (
      id int primary key,
      needed text not null default 'n',
      age int constraint grown_up check (age >= 18),
      low int, high int, constraint ordered check (low <= high),
      parent int references parent,
      late int references parent deferrable initially deferred,
      email text unique,
      code varchar(4),
      price numeric(5,2),
      feeling mood,
      amount positive,
      abbreviation short,
      doc jsonb,
      address inet,
      small int2,
      during int4range, exclude using gist (during with &&)
    )";

async fn guarded() -> World {
    world(GUARDED).await
}

/// Writes a poison row in `place` of nine, with one further field, and expects its rejection.
async fn refused(world: &World, field: (&str, &str), good: &str, bad: &str, code: &str, named: &str) {
    let request = request("guarded", WriteMode::Upsert, &[("id", "int32"), field]);
    for (turn, place) in [0, 4, 8].into_iter().enumerate() {
        world.execute("truncate guarded").await;
        let ids: Vec<String> = (0..9).map(|i| (turn * 100 + i).to_string()).collect();
        let rows: Vec<[&str; 2]> =
            (0..9).map(|i| [ids[i].as_str(), if i == place { bad } else { good }]).collect();
        let rows: Vec<&[&str]> = rows.iter().map(|r| r.as_slice()).collect();
        for op in [Op::Create, Op::Update] {
            let mut request = request.clone();
            request.run_id = syncline_core::RunId::from_stored(format!("run_{turn}_{op:?}_{}", field.0));
            let chunk = chunk(&request, op, &rows);
            let results = world.write(request, chunk).await;
            for (i, result) in results.iter().enumerate() {
                if i == place {
                    let error = rejection(result);
                    assert_eq!(
                        (error.code.as_str(), error.field.as_deref()),
                        (code, Some(named)),
                        "{error:?}"
                    );
                    assert_eq!(error.raw_value.as_deref(), Some(bad).filter(|b| *b != "-"), "{error:?}");
                } else {
                    assert!(!matches!(result, RowResult::Rejected(_)), "{field:?} row {i}: {result:?}");
                }
            }
            assert_eq!(world.rows("select count(*) as n from guarded").await, ["8"]);
        }
    }
}

#[tokio::test]
async fn a_refused_row_names_its_column_and_the_others_arrive() {
    let world = guarded().await;
    for (field, good, bad, code) in [
        (("needed", "text"), "x", "-", "not_null_violation"),
        (("age", "int32"), "18", "17", "check_violation"),
        (("parent", "int32"), "1", "2", "foreign_key_violation"),
        (("late", "int32"), "1", "2", "foreign_key_violation"),
        (("code", "text"), "abcd ", "abcde", "string_too_long"),
        (("price", "numeric"), "999.994", "999.995", "numeric_out_of_range"),
        (("feeling", "text"), "sad", "angry", "invalid_value"),
        (("amount", "int32"), "1", "0", "check_violation"),
        (("abbreviation", "text"), "abc", "abcd", "string_too_long"),
        (("doc", "json"), "{}", r#""a\u0000""#, "invalid_value"),
        (("address", "text"), "10.0.0.1", "10.0.0.999", "invalid_value"),
        (("small", "int32"), "32767", "32768", "numeric_out_of_range"),
        (("code", "text"), "ok", "a\0", "invalid_value"),
    ] {
        refused(&world, field, good, bad, code, field.0).await;
    }
}

#[tokio::test]
async fn a_constraint_over_two_columns_names_both() {
    let world = guarded().await;
    let request =
        request("guarded", WriteMode::Upsert, &[("id", "int32"), ("low", "int32"), ("high", "int32")]);
    let chunk = chunk(&request, Op::Create, &[&["1", "1", "2"], &["2", "5", "4"]]);
    let results = world.write(request, chunk).await;
    assert_eq!(names(&results), ["created", "check_violation low, high"]);
    assert_eq!(rejection(&results[1]).raw_value.as_deref(), Some("5, 4"));
}

#[tokio::test]
async fn a_value_that_another_record_has_is_refused_by_its_column() {
    let world = guarded().await;
    world.execute("insert into guarded (id, email, during) values (100, 'taken', '[1,5)')").await;
    let request =
        request("guarded", WriteMode::Upsert, &[("id", "int32"), ("email", "text"), ("during", "text")]);
    let rows: &[&[&str]] =
        &[&["1", "free", "-"], &["2", "taken", "-"], &["3", "-", "[4,6)"], &["4", "-", "[7,8)"]];
    let chunk = chunk(&request, Op::Create, rows);
    let results = world.write(request, chunk).await;
    assert_eq!(
        names(&results),
        ["created", "unique_violation email", "exclusion_violation during", "created"]
    );
    assert!(!rejection(&results[1]).message.contains("free"));
}

#[tokio::test]
async fn values_handed_from_row_to_row_arrive_whatever_their_order() {
    let world = guarded().await;
    world.execute("insert into guarded (id, email) values (1, 'a'), (2, 'b'), (3, 'c')").await;
    let request = request("guarded", WriteMode::Upsert, &[("id", "int32"), ("email", "text")]);
    // Every row wants what the next one still has.
    let chunk = chunk(&request, Op::Update, &[&["1", "b"], &["2", "c"], &["3", "d"], &["4", "a"]]);
    let results = world.write(request, chunk).await;
    assert_eq!(names(&results), ["updated", "updated", "updated", "created"]);
    assert_eq!(world.rows("select id, email from guarded order by id").await, ["1|b", "2|c", "3|d", "4|a"]);
}

#[tokio::test]
async fn a_child_before_its_parent_arrives_though_a_poison_row_splits_the_chunk() {
    let world =
        world("create table tree (id int primary key, up int references tree, age int check (age > 0))")
            .await;
    let request = request("tree", WriteMode::Upsert, &[("id", "int32"), ("up", "int32"), ("age", "int32")]);
    let rows: &[&[&str]] =
        &[&["1", "4", "1"], &["2", "3", "1"], &["3", "-", "1"], &["4", "-", "1"], &["5", "-", "0"]];
    let chunk = chunk(&request, Op::Create, rows);
    let results = world.write(request, chunk).await;
    assert_eq!(names(&results), ["created", "created", "created", "created", "check_violation age"]);
}

#[tokio::test]
async fn all_rows_may_be_poison() {
    let world = guarded().await;
    let request = request("guarded", WriteMode::Upsert, &[("id", "int32"), ("parent", "int32")]);
    let ids: Vec<String> = (0..40).map(|i| i.to_string()).collect();
    let rows: Vec<[&str; 2]> = ids.iter().map(|id| [id.as_str(), "77"]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(|r| r.as_slice()).collect();
    let chunk = chunk(&request, Op::Create, &rows);
    let results = world.write(request, chunk).await;
    assert!(results.iter().all(|r| names(std::slice::from_ref(r)) == ["foreign_key_violation parent"]));
    assert_eq!(world.rows("select count(*) as n from guarded").await, ["0"]);
}

#[tokio::test]
async fn several_kinds_of_poison_in_a_large_chunk_are_all_found() {
    let world = guarded().await;
    let request = request(
        "guarded",
        WriteMode::Upsert,
        &[("id", "int32"), ("age", "int32"), ("parent", "int32"), ("email", "text")],
    );
    let texts: Vec<[String; 4]> = (0..5_000)
        .map(|i| {
            let age = if i == 17 || i == 4_999 { 3 } else { 30 };
            let parent = if i == 0 || i == 2_500 { 9 } else { 1 };
            let email = if i == 3_000 { "e2".to_string() } else { format!("e{i}") };
            [i.to_string(), age.to_string(), parent.to_string(), email]
        })
        .collect();
    let rows: Vec<Vec<&str>> = texts.iter().map(|r| r.iter().map(String::as_str).collect()).collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let chunk = chunk(&request, Op::Create, &rows);
    let results = world.write(request, chunk).await;
    let refused: Vec<(usize, String)> = results
        .iter()
        .enumerate()
        .filter(|(_, r)| matches!(r, RowResult::Rejected(_)))
        .map(|(i, r)| (i, names(std::slice::from_ref(r)).remove(0)))
        .collect();
    let expected = [
        (0, "foreign_key_violation parent"),
        (17, "check_violation age"),
        (2_500, "foreign_key_violation parent"),
        (3_000, "unique_violation email"),
        (4_999, "check_violation age"),
    ];
    assert_eq!(refused, expected.map(|(i, n)| (i, n.to_string())));
    assert_eq!(world.rows("select count(*) as n from guarded").await, ["4995"]);
}

#[tokio::test]
async fn a_removal_that_others_depend_on_is_refused_and_the_rest_goes() {
    let world = world(
        "create table t (id int primary key, name text); create table child (t int references t);
         insert into t values (1, 'a'), (2, 'b'); insert into child values (1)",
    )
    .await;
    let request = request("t", WriteMode::Mirror, &[("id", "int32"), ("name", "text")]);
    let delete = Op::Remove(syncline_core::snapshot_entry::RemovalAction::Delete);
    let chunk = chunk(&request, delete, &[&["1", "-"], &["2", "-"]]);
    assert_eq!(names(&world.write(request, chunk).await), ["foreign_key_violation id", "removed"]);
}

#[tokio::test]
async fn what_a_trigger_raises_is_the_rows_own_error() {
    let world = world(
        "create table t (id int primary key, name text);
         create function picky() returns trigger language plpgsql as $$ begin
           if new.name = 'bad' then raise exception 'no bad names'; end if; return new; end $$;
         create trigger picky before insert or update on t for each row execute function picky()",
    )
    .await;
    let request = request("t", WriteMode::Upsert, &[("id", "int32"), ("name", "text")]);
    let chunk = chunk(&request, Op::Create, &[&["1", "good"], &["2", "bad"]]);
    let results = world.write(request, chunk).await;
    assert_eq!(names(&results), ["created", "raised_by_trigger ?"]);
    assert!(rejection(&results[1]).message.contains("no bad names"));
}

#[tokio::test]
async fn a_trigger_may_fill_what_may_not_be_null() {
    let world = world(
        "create table t (id int primary key, name text not null);
         create function fill() returns trigger language plpgsql as $$ begin
           new.name := coalesce(new.name, 'filled'); return new; end $$;
         create trigger fill before insert or update on t for each row execute function fill()",
    )
    .await;
    let request = request("t", WriteMode::Upsert, &[("id", "int32"), ("name", "text")]);
    let chunk = chunk(&request, Op::Create, &[&["1", "-"]]);
    assert_eq!(names(&world.write(request, chunk).await), ["created"]);
    assert_eq!(world.rows("select * from t").await, ["1|filled"]);
}

#[tokio::test]
async fn partitions_name_the_columns_of_their_parent() {
    let world = world(
        "create table t (id int, region text, v int check (v > 0), primary key (id, region)) partition by list (region);
         create table t_north partition of t for values in ('north')",
    )
    .await;
    let mut request = request("t", WriteMode::Upsert, &[("id", "int32"), ("region", "text"), ("v", "int32")]);
    request.target.match_fields = vec!["id".into(), "region".into()];
    let rows: &[&[&str]] =
        &[&["1", "north", "1"], &["2", "north", "0"], &["3", "south", "1"], &["1000", "north", "2"]];
    let chunk = chunk(&request, Op::Create, rows);
    let results = world.write(request, chunk).await;
    assert_eq!(names(&results), ["created", "check_violation v", "check_violation ?", "created"]);
}

#[tokio::test]
async fn a_character_that_the_databases_encoding_lacks_costs_its_row_only() {
    let world =
        world("create database latin encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0").await;
    let url = world.database.url().replace(world.database.name(), "latin");
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("create table t (id int primary key, name text)").await.unwrap();
    let request = request("t", WriteMode::Upsert, &[("id", "int32"), ("name", "text")]);
    let rows: &[&[&str]] = &[&["1", "Zoé"], &["2", "🙂"], &["3", "c"], &["4", "Ω"], &["5", "e"]];
    let chunk = chunk(&request, Op::Create, rows);
    let mut session = destination(&url).open(request).await.unwrap();
    let results = session.write(&chunk).await.unwrap();
    assert_eq!(
        names(&results),
        ["created", "invalid_value name", "created", "invalid_value name", "created"]
    );
    session.commit().await.unwrap();
    let stored = client.query_one("select name from t where id = 1", &[]).await.unwrap();
    assert_eq!(stored.get::<_, String>(0), "Zoé");
}
