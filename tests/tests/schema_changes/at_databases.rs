//! Changes between two runs at PostgreSQL and SQLite.

use syncline_tests::databases::Database;

use crate::world::{MAPPING, World, written};

/// What is done to a table, the error that follows with words of its message, and the repair.
type Change = (&'static str, &'static str, &'static [&'static str], &'static str);

/// Changes one thing after the other at one end. Each stops the run before anything is written, and is
/// repaired.
fn each_stops_and_is_repaired(world: &World, database: &dyn Database, changes: &[Change]) {
    for (n, (change, code, words, repair)) in changes.iter().enumerate() {
        println!("{change}");
        world.source.execute(&format!("update item set name = 'change {n}' where id = 2"));
        let before = world.target.rows("select id, name from copy order by id");
        database.execute(change);
        world.refuses(code, words);
        assert_eq!(world.target.rows("select id, name from copy order by id"), before);
        database.execute(repair);
        assert_eq!(written(&world.run(0)), [0, 1, 0], "{change}");
        world.assert_whole();
    }
}

#[test]
fn a_changed_column_of_a_postgres_source_stops_the_run_and_is_named() {
    let world = World::postgres(&format!("write_mode: mirror\n{MAPPING}"));
    let source = &*world.source;
    each_stops_and_is_repaired(
        &world,
        source,
        &[
            (
                "alter table item rename note to remark",
                "schema_changed",
                &["'note'", "mapping"],
                "alter table item rename remark to note",
            ),
            (
                "alter table item alter qty type bigint",
                "schema_changed",
                &["'qty' was int32 and is now int64", "schema_change: adapt"],
                "alter table item alter qty type int",
            ),
            (
                "alter table item alter code type int using code::int",
                "schema_changed",
                &["'code' was text and is now int32"],
                "alter table item alter code type text",
            ),
            (
                "alter table item alter price type numeric(12,4)",
                "schema_changed",
                &["'price' was numeric(10,2) and is now numeric(12,4)"],
                "alter table item alter price type numeric(10,2)",
            ),
            (
                "alter table item alter at type timestamp using at at time zone 'UTC'",
                "schema_changed",
                &["'at' was timestamptz and is now timestamp"],
                "alter table item alter at type timestamptz using at at time zone 'UTC'",
            ),
            (
                "alter table item alter doc type text",
                "schema_changed",
                &["'doc' was json and is now text"],
                "alter table item alter doc type jsonb using doc::jsonb",
            ),
            (
                "alter table item alter id type text",
                "schema_changed",
                &["'id' was int64 and is now text"],
                "alter table item alter id type bigint using id::bigint",
            ),
            (
                "alter table item rename id to number",
                "schema_changed",
                &["'id'"],
                "alter table item rename number to id",
            ),
            (
                "create table kept as table item; alter table item drop note",
                "schema_changed",
                &["'note'"],
                "alter table item add note text; update item set note = kept.note from kept where kept.id = item.id",
            ),
        ],
    );
}

#[test]
fn what_the_mapping_does_not_name_may_change_at_a_postgres_source() {
    let world = World::postgres(&format!("write_mode: mirror\n{MAPPING}"));
    for change in [
        "alter table item add extra text not null default 'x'",
        "alter table item alter extra drop default, alter extra type int using 1",
        "alter table item drop extra",
        // Other columns first, and another table by the same name.
        "alter table item rename to old;
         create table item as select note, price, doc, code, at, qty, name, id from old;
         alter table item add primary key (id)",
        "alter table item rename to older; create view item as select * from older",
    ] {
        world.source.execute(change);
        assert_eq!(written(&world.run(0)), [0, 0, 0], "{change}");
    }
}

#[test]
fn without_a_mapping_every_column_counts() {
    let world = World::postgres("write_mode: mirror");
    let source = &*world.source;
    each_stops_and_is_repaired(
        &world,
        source,
        &[
            (
                "alter table item add extra text default 'x'",
                "invalid_expression",
                &["'extra'", "its fields are"],
                "alter table item drop extra",
            ),
            (
                "alter table item rename note to remark",
                "schema_changed",
                &["'note'"],
                "alter table item rename remark to note",
            ),
        ],
    );
}

#[test]
fn a_dropped_column_stops_the_run_also_without_a_mapping() {
    let world = World::postgres("write_mode: mirror");
    world.source.execute("alter table item drop note");
    world.refuses("schema_changed", &["'note'"]);
}

#[test]
fn a_sync_that_adapts_goes_on_with_the_new_type_and_sends_nothing_that_is_equal() {
    let world = World::postgres(&format!("write_mode: mirror\nschema_change: adapt\n{MAPPING}"));
    for change in [
        "alter table item alter qty type bigint",
        "alter table item alter code type int using code::int",
        "alter table item alter price type numeric(12,4)",
        "alter table item alter doc type text",
    ] {
        world.source.execute(change);
        assert_eq!(written(&world.run(0)), [0, 0, 0], "{change}");
    }
    // What the new type makes possible and the target cannot hold is refused, by row and column.
    world.source.execute(
        "update item set qty = 5000000000 where id = 1;
         update item set doc = 'no json' where id = 3; update item set name = 'fine' where id = 4",
    );
    let before = world.copies();
    let run = world.run(3);
    assert_eq!((written(&run), &run["rows_failed"]), ([0, 1, 0], &2.into()));
    let errors = world.project.expect(0, &["errors", "last"]).json();
    let mut fields: Vec<String> = errors["data"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|e| format!("{} {}", e["row_id"], e["field"]))
        .collect();
    fields.sort();
    assert_eq!(fields, [r#""1" "qty""#, r#""3" "doc""#]);
    assert_eq!(world.copies()[..3], before[..3], "nothing was bent to fit");
    world.source.execute(
        "update item set qty = 1 where id = 1;
         update item set doc = '{\"a\": 3}' where id = 3",
    );
    assert_eq!(written(&world.run(0)), [0, 0, 0], "they are again what was delivered");
    assert!(world.project.open_letters().is_empty());
    // Between these no conversion is the obvious one.
    world.source.execute("alter table item alter at type timestamp using at at time zone 'UTC'");
    world.refuses("invalid_expression", &["'at'", "time zone"]);
    world.source.execute("alter table item alter at type timestamptz using at at time zone 'UTC'");
    world.source.execute("alter table item rename note to remark");
    world.refuses("schema_changed", &["'note'"]);
    world.source.execute("alter table item rename remark to note");
    assert_eq!(written(&world.run(0)), [0, 0, 0]);
}

#[test]
fn a_changed_postgres_target_stops_the_run_and_is_named() {
    let world = World::postgres("write_mode: mirror");
    let target = &*world.target;
    each_stops_and_is_repaired(
        &world,
        target,
        &[
            (
                "alter table copy add must text not null default 'x'; alter table copy alter must drop default",
                "destination_unsuitable",
                &["'must'", "default"],
                "alter table copy alter must set default ''",
            ),
            (
                "alter table copy drop constraint copy_pkey",
                "destination_unsuitable",
                &["unique key on (id)", "create unique index"],
                "create unique index on copy (id)",
            ),
            (
                "alter table copy rename note to remark",
                "invalid_expression",
                &["'note'"],
                "alter table copy rename remark to note",
            ),
            (
                "alter table copy alter at type date",
                "invalid_expression",
                &["'at' is date", "timestamptz"],
                "alter table copy alter at type timestamptz using '2024-01-01 00:00:00Z'",
            ),
            (
                "alter table copy rename to kept; create view copy as select * from kept",
                "destination_unsuitable",
                &["view"],
                "drop view copy; alter table kept rename to copy",
            ),
        ],
    );
    world.target.execute("alter table copy rename to kept");
    world.refuses("destination_unsuitable", &["'copy'", "does not exist", "--create"]);
    world.target.execute("alter table kept rename to copy");
    // A column that may stay empty is no change.
    world.target.execute("alter table copy add extra text; alter table copy drop must");
    world.assert_whole();
}

#[test]
fn a_target_column_that_became_narrower_refuses_the_rows_that_do_not_fit() {
    let world = World::postgres("write_mode: mirror");
    world.target.execute("alter table copy alter qty type smallint, alter note type varchar(6)");
    world.source.execute(
        "update item set qty = 70000 where id = 1; update item set note = 'too long' where id = 3;
         update item set note = 'fits', qty = 7 where id = 4",
    );
    let run = world.run(3);
    assert_eq!((written(&run), &run["rows_failed"]), ([0, 1, 0], &2.into()));
    let errors = world.project.expect(0, &["errors", "last"]).json();
    let named: Vec<_> = [0, 1].map(|n| [&errors["data"][n]["row_id"], &errors["data"][n]["field"]]).into();
    assert_eq!(named, [["1", "qty"], ["3", "note"]], "{errors:#}");
    assert_eq!(world.target.value("select note from copy where id = 3"), "note 3");
    world.target.execute("alter table copy alter qty type int, alter note type text");
    assert_eq!(written(&world.run(0)), [0, 2, 0]);
    world.assert_whole();
}

#[test]
fn a_value_that_the_targets_enum_does_not_have_waits_until_it_has() {
    let world = World::postgres("write_mode: mirror");
    let enumeration = "create type mood as enum ('calm', 'glad')";
    world.source.execute(enumeration);
    world.target.execute(enumeration);
    world.source.execute("alter table item add mood mood; update item set mood = 'calm'");
    world.target.execute("alter table copy add mood mood");
    assert_eq!(written(&world.run(0)), [0, 6, 0]);
    world.source.execute("alter type mood add value 'proud' before 'glad'");
    world
        .source
        .execute("update item set mood = 'proud' where id = 1; update item set mood = 'glad' where id = 2");
    let run = world.run(3);
    assert_eq!((written(&run), &run["rows_failed"]), ([0, 1, 0], &1.into()));
    let letters = world.project.open_letters();
    assert_eq!((&letters[0]["row_id"], &letters[0]["field"]), (&"1".into(), &"mood".into()), "{letters:#?}");
    world.target.execute("alter type mood add value 'proud' before 'glad'");
    assert_eq!(written(&world.run(0)), [0, 1, 0]);
    assert!(world.project.open_letters().is_empty());
    assert_eq!(world.target.value("select mood from copy where id = 1"), "proud");
}

#[test]
fn a_changed_column_of_a_sqlite_source_stops_the_run_and_is_named() {
    let world = World::sqlite(&format!("write_mode: mirror\n{MAPPING}"));
    let source = &*world.source;
    each_stops_and_is_repaired(
        &world,
        source,
        &[
            (
                "alter table item rename note to remark",
                "schema_changed",
                &["'note'"],
                "alter table item rename remark to note",
            ),
            (
                "alter table item add moved integer; update item set moved = code;
                 alter table item rename code to kept; alter table item rename moved to code",
                "schema_changed",
                &["'code' was text and is now int64"],
                "alter table item drop column code; alter table item rename kept to code",
            ),
            (
                "alter table item rename to kept; create view item as select id, name from kept",
                "schema_changed",
                &["'"],
                "drop view item; alter table kept rename to item",
            ),
        ],
    );
    world.source.execute("alter table item add extra text default 'x'");
    world.assert_whole();
}

#[test]
fn a_changed_sqlite_target_stops_the_run_and_is_named() {
    let world = World::sqlite("write_mode: mirror");
    let target = &*world.target;
    each_stops_and_is_repaired(
        &world,
        target,
        &[
            (
                "alter table copy rename column note to remark",
                "invalid_expression",
                &["'note'"],
                "alter table copy rename column remark to note",
            ),
            (
                "alter table copy rename to kept; create view copy as select * from kept",
                "destination_unsuitable",
                &["view"],
                "drop view copy; alter table kept rename to copy",
            ),
        ],
    );
}
