//! Changes while a run is on its way.

use std::time::Duration;

use serde_json::Value as Json;
use syncline_tests::databases::{Database, Sqlite};

use crate::world::{MAPPING, World, assert_told, written};

/// Long enough for the statements of a test to go through while the program waits.
const PAUSE: &str = "1*sleep(2000)";

/// Starts a run that waits at `point`, does `change` once the run `has_come` there, and gives the run as
/// it ended.
fn changed_at(world: &World, point: &str, has_come: impl Fn() -> bool, change: impl FnOnce()) -> Json {
    let mut running = world.project.start(&["run", "shop.item"], &format!("{point}={PAUSE}"));
    while !has_come() {
        assert!(running.is_running(), "{}", running.wait());
        std::thread::sleep(Duration::from_millis(5));
    }
    change();
    running.wait();
    world.project.last_run()
}

/// Changes an end when the plan is stored and nothing written yet.
fn changed_before_writing(world: &World, end: &dyn Database, change: &str) -> Json {
    let state = Sqlite::at(&world.project.path(".syncline/state.db"));
    let plans = || state.value("select count(*) from plans");
    let before = plans();
    changed_at(world, "engine.plan.saved", || plans() != before, || end.execute(change))
}

#[test]
fn a_source_that_changes_while_it_is_read_waits_and_is_noticed_by_the_next_run() {
    for world in [World::postgres(MAPPING), World::sqlite(MAPPING)] {
        world.source.execute("update item set note = 'new'");
        let mut running = world.project.start(&["run", "shop.item"], &format!("engine.read.batch={PAUSE}"));
        running.wait_for_line("query execution");
        std::thread::sleep(Duration::from_millis(500));
        world.source.execute("alter table item rename note to remark");
        running.wait();
        // It read one state of the table, from before or after the change.
        let run = world.project.last_run();
        if run["status"] == "completed" {
            assert_eq!(written(&run), [0, 6, 0]);
            assert_eq!(world.target.value("select count(*) from copy where note = 'new'"), "6");
        }
        world.refuses("schema_changed", &["'note'"]);
        world.source.execute("alter table item rename remark to note");
        world.run(0);
        world.assert_whole();
    }
}

#[test]
fn a_source_that_changes_after_it_was_read_changes_nothing_about_what_is_written() {
    let world = World::postgres(MAPPING);
    world.source.execute("update item set qty = 10 + id");
    let run = changed_before_writing(&world, &*world.source, "alter table item alter qty type text");
    assert_eq!((&run["status"], written(&run)), (&"completed".into(), [0, 6, 0]));
    assert_eq!(world.target.value("select sum(qty) from copy"), "81");
    world.refuses("schema_changed", &["'qty' was int32 and is now text"]);
}

#[test]
fn a_target_that_changed_since_the_plan_stops_the_run_before_it_writes() {
    let world = World::postgres("");
    for (n, (change, words, repair)) in [
        (
            "alter table copy rename note to remark",
            ["'note'", "mapping"],
            "alter table copy rename remark to note",
        ),
        (
            "alter table copy drop constraint copy_pkey",
            ["unique key", "UNIQUE INDEX"],
            "alter table copy add primary key (id)",
        ),
        (
            "alter table copy rename to kept; create view copy as select * from kept",
            ["view", "only tables"],
            "drop view copy; alter table kept rename to copy",
        ),
        ("alter table copy rename to kept", ["'copy'", "create it"], "alter table kept rename to copy"),
    ]
    .into_iter()
    .enumerate()
    {
        println!("{change}");
        world.source.execute(&format!("update item set qty = {n} + 100, name = 'round {n}'"));
        let run = changed_before_writing(&world, &*world.target, change);
        assert_told(&run["error"], "destination_unsuitable", &words);
        assert_eq!((written(&run), &run["rows_not_attempted"]), ([0, 0, 0], &6.into()));
        world.target.execute(repair);
        assert_eq!(written(&world.run(0)), [0, 6, 0]);
        world.assert_whole();
    }
}

#[test]
fn rows_that_no_longer_fit_a_target_that_changed_since_the_plan_are_refused() {
    let world = World::postgres("");
    world.source.execute("update item set note = 'much longer' where id < 3; update item set qty = 9");
    let change = "alter table copy alter note type varchar(6); alter table copy add must text default '';
         alter table copy alter must set not null; alter table copy alter must drop default";
    let run = changed_before_writing(&world, &*world.target, change);
    assert_eq!((written(&run), &run["rows_failed"]), ([0, 4, 0], &2.into()), "{run:#}");
    for letter in world.project.open_letters() {
        assert_eq!(letter["field"], "note", "{letter:#}");
    }
    world.target.execute("alter table copy alter note type text; alter table copy drop must");
    assert_eq!(written(&world.run(0)), [0, 2, 0]);
    world.assert_whole();
}

#[test]
fn a_target_column_that_was_retyped_since_the_plan_takes_no_bent_values() {
    for (change, column) in [
        ("alter table copy alter at type date", "at"),
        ("alter table copy alter doc type text", "doc"),
        ("alter table copy alter at type timestamp", "at"),
    ] {
        println!("{change}");
        let world = World::postgres("");
        world.source.execute("update item set at = '2024-05-05 12:34:56Z', price = 1.75");
        let run = changed_before_writing(&world, &*world.target, change);
        assert_told(&run["error"], "destination_unsuitable", &[column]);
        assert_eq!(written(&run), [0, 0, 0]);
    }
}

#[test]
fn a_target_that_changes_between_two_chunks_stops_the_run_and_the_next_one_goes_on() {
    let world = World::postgres("publish: progressive\nbatch_size: 2");
    world.source.execute("update item set name = 'new'");
    let is_first_there = || world.target.value("select count(*) from copy where name = 'new'") == "2";
    let run = changed_at(&world, "engine.chunk.settled", is_first_there, || {
        world.target.execute("alter table copy rename name to title");
    });
    assert_told(&run["error"], "destination_unsuitable", &["column \"name\"", "changed"]);
    assert_eq!((written(&run), &run["rows_not_attempted"]), ([0, 2, 0], &4.into()));
    world.target.execute("alter table copy rename title to name");
    assert_eq!(written(&world.run(0)), [0, 4, 0], "what was acknowledged is not sent again");
    world.assert_whole();
}

/// Makes the plan, replaces the target by an empty table of the same name, and applies the plan.
fn recreated_since_the_plan(settings: &str, plan: &[&str], apply: &[&str]) -> World {
    let world = World::postgres(settings);
    world.source.execute("update item set name = 'new' where id <= 3");
    world.project.json(plan);
    world.target.execute("alter table copy rename to kept; create table copy (like kept including all)");
    world.project.json(apply);
    world
}

#[test]
fn a_target_that_was_made_anew_since_the_plan_is_noticed() {
    let held = "guards: { max_updates: 1 }";
    for world in [
        recreated_since_the_plan("", &["plan", "shop.item", "--out", "p"], &["apply", "p"]),
        recreated_since_the_plan(held, &["run", "shop.item"], &["approve", "last"]),
    ] {
        // Whatever became of the plan, the rows that it did not contain must not be forgotten.
        world.project.expect(4, &["run", "shop.item"]);
        world.configure("");
        world.project.expect(0, &["run", "shop.item", "--cursor", "full"]);
        world.assert_whole();
    }
}
