//! G27: this program goes on with what earlier versions left behind. It sends nothing again, hides no
//! change, carries out the plans that were held, and settles the runs that were killed.

#[path = "upgrade/making.rs"]
mod making;
#[path = "upgrade/restoring.rs"]
mod restoring;
#[path = "upgrade/story.rs"]
mod story;

use std::collections::BTreeSet;

use restoring::{Age, restore};
use serde_json::Value as Json;
use story::{STORIES, Scene, Story, System, VERSIONS, World};
use syncline_tests::databases::Rows;

/// Calls `check` with each story of a kind, of each version.
fn each(scene: impl Fn(Scene) -> bool, check: impl Fn(&'static str, &'static Story)) {
    for version in VERSIONS {
        for story in STORIES.iter().filter(|story| scene(story.scene)) {
            println!("{version}: {}", story.name);
            check(version, story);
        }
    }
}

fn is_killed(scene: Scene) -> bool {
    matches!(scene, Scene::KilledAfterCommit | Scene::KilledSending)
}

/// Runs the sync; one row may still be refused. Gives what was created, updated and deleted.
#[track_caller]
fn run(world: &World) -> [u64; 3] {
    let output = world.project.json(&["run", "shop.item"]);
    assert!(matches!(output.code(), Some(0 | 3)), "{}: {output}", world.story.name);
    written(&output.run())
}

fn written(run: &Json) -> [u64; 3] {
    ["rows_created", "rows_updated", "rows_deleted"].map(|name| run[name].as_u64().expect("a count"))
}

/// Makes every write to a SQLite target leave a trace.
fn watch(world: &World) {
    if let (Some(target), System::Sqlite) = (&world.target, world.story.target) {
        target.execute(
            "create table touched (id);
             create trigger i after insert on copy begin insert into touched values (new.id); end;
             create trigger u after update on copy begin insert into touched values (new.id); end;
             create trigger d after delete on copy begin insert into touched values (old.id); end;",
        );
    }
}

/// What would differ had anything been written, even the same values again.
fn fingerprint(world: &World) -> String {
    match (&world.target, world.story.target) {
        (Some(target), System::Postgres) => {
            format!("{:?}", target.rows("select xmin, ctid, * from copy order by id"))
        }
        (Some(target), _) => format!("{:?}", target.rows("select * from touched")),
        (None, _) => {
            let file = world.project.path("out/copy.csv");
            let modified = std::fs::metadata(&file).and_then(|meta| meta.modified()).expect("the target");
            format!("{modified:?} {}", world.project.read("out/copy.csv"))
        }
    }
}

fn source_rows(world: &World) -> Rows {
    world.source.rows("select * from item where coalesce(name, '') <> 'poison' order by id")
}

/// A line for each row.
fn shown(rows: Rows) -> String {
    rows.iter().map(|row| format!("{row:?}\n")).collect()
}

#[track_caller]
fn assert_whole(world: &World) {
    match &world.target {
        Some(target) => {
            assert_eq!(
                shown(target.rows("select * from copy order by id")),
                shown(source_rows(world)),
                "{}",
                world.story.name
            );
        }
        None => {
            let text = world.project.read("out/copy.csv");
            let first = |line: &str| line.split(',').take(2).map(str::to_string).map(Some).collect();
            let found: Rows = text.lines().skip(1).map(first).collect();
            assert_eq!(found, world.source.rows("select id, name from item order by id"));
        }
    }
    let before = fingerprint(world);
    assert_eq!(run(world), [0, 0, 0], "{}: the last run writes nothing", world.story.name);
    assert_eq!(fingerprint(world), before);
}

#[test]
fn a_run_over_an_older_state_writes_nothing_when_nothing_changed() {
    each(
        |scene| scene == Scene::Settled,
        |version, story| {
            let world = restore(version, story, Age::Old);
            watch(&world);
            let before = fingerprint(&world);
            assert_eq!(run(&world), [0, 0, 0], "{}", story.name);
            assert_eq!(fingerprint(&world), before, "{}", story.name);
            assert_eq!(world.project.last_run()["rows_processed"], 17);
            assert_whole(&world);
        },
    );
}

#[test]
fn a_run_over_an_older_state_finds_what_changed() {
    each(
        |scene| scene == Scene::Settled,
        |version, story| {
            let world = restore(version, story, Age::Old);
            watch(&world);
            // Each kind of value on its own, for none may hide behind its old fingerprint.
            let (raw, tags) = match story.source {
                System::Postgres => ("raw = '\\x01'", "tags = array['c']"),
                _ => ("raw = x'01'", "tags = '[\"c\"]'"),
            };
            let changes = [
                "name = 'new'",
                raw,
                tags,
                "changed = '2025-01-01 00:00:00Z'",
                "small = 99",
                "flag = not flag",
                "ratio = 0.1",
                "price = '1.2501'",
                "amount = '-123456789012345678901.9'",
                "uid = '00000000-0000-0000-0000-0000000000ff'",
                "day = '2030-01-01'",
                "clock = '10:00:00.500001'",
                "wall = '2030-01-01 00:00:00'",
                "span = '1 day'",
                "doc = '{\"a\":[9,null,1.5]}'",
            ];
            let ids: Vec<u32> = (2..=17).filter(|id| ![7, 16].contains(id)).collect();
            assert_eq!(ids.len(), changes.len() - 1);
            for (id, change) in ids.iter().zip(&changes[1..]) {
                world.source.execute(&format!("update item set {change} where id = {id}"));
            }
            world.source.execute(&format!(
                "update item set {} where id = 18; delete from item where id = 1;
                 update item set name = 'healed' where id = 7 and name = 'poison';",
                changes[0]
            ));
            world.source.execute(&story.source.records(27..=28));
            let healed = u64::from(story.target != System::Csv);
            let updates = changes.len() as u64;
            assert_eq!(run(&world), [2 + healed, updates, 1], "{}", story.name);
            assert!(world.project.open_letters().is_empty(), "{}", story.name);
            assert_whole(&world);
        },
    );
}

#[test]
fn a_plan_that_an_older_version_made_is_approved_and_carried_out() {
    each(
        |scene| scene == Scene::Held,
        |version, story| {
            let world = restore(version, story, Age::Fresh);
            // Not in the plan: what is applied is what was approved.
            world.source.execute("update item set name = 'later' where id = 2");
            let output = world.project.json(&["approve", "last"]);
            assert!(matches!(output.code(), Some(0 | 3)), "{}: {output}", story.name);
            assert_eq!(written(&output.run()), [2, 2, 13], "{}", story.name);
            let target = world.target.as_deref().expect("a database");
            assert_eq!(target.value("select name from copy where id = 2"), "name 2 é");
            watch(&world);
            assert_eq!(run(&world), [0, 1, 0], "{}", story.name);
            assert_whole(&world);
        },
    );
}

#[test]
fn an_old_plan_of_an_older_version_is_made_again_when_it_is_approved() {
    each(
        |scene| scene == Scene::Held,
        |version, story| {
            let world = restore(version, story, Age::Old);
            let output = world.project.json(&["approve", "last"]);
            assert!(matches!(output.code(), Some(0 | 3)), "{}: {output}", story.name);
            assert_eq!(written(&output.run()), [2, 2, 13], "{}", story.name);
            watch(&world);
            assert_whole(&world);
        },
    );
}

/// The records that the target does not hold as the source does.
fn differing(world: &World) -> BTreeSet<String> {
    let target = world.target.as_deref().expect("a database").rows("select * from copy order by id");
    let source = source_rows(world);
    let id = |row: &Vec<Option<String>>| row[0].clone().expect("an id");
    let missing = source.iter().filter(|row| !target.contains(row)).map(id);
    let surplus = target.iter().filter(|row| !source.contains(row)).map(id);
    missing.chain(surplus).collect()
}

#[test]
fn a_run_of_an_older_version_that_was_killed_is_settled_and_nothing_is_sent_twice() {
    each(is_killed, |version, story| {
        for age in [Age::Fresh, Age::Old] {
            let world = restore(version, story, age);
            watch(&world);
            let open = differing(&world);
            assert!(!open.is_empty() && open.len() < 16, "some of the run had been written: {open:?}");
            run(&world);
            if let (Some(target), System::Sqlite) = (&world.target, story.target) {
                let touched = target.rows("select id from touched order by id");
                let touched: Vec<String> = touched.into_iter().flatten().flatten().collect();
                let distinct: BTreeSet<String> = touched.iter().cloned().collect();
                assert_eq!((touched.len(), distinct), (open.len(), open), "{age:?}: sent exactly once");
            }
            // A record that had been appended twice would be one too many.
            assert_whole(&world);
            for run in world.project.runs() {
                assert!(!matches!(run["status"].as_str(), Some("starting" | "running")), "{run:#}");
            }
        }
    });
}

#[test]
fn what_an_older_version_stored_is_shown() {
    each(
        |scene| scene == Scene::Settled,
        |version, story| {
            let world = restore(version, story, Age::Old);
            // What only looks does not change a state; the first command that writes brings it up to date.
            world.project.expect(0, &["deactivate", "shop.item"]);
            let runs = world.project.runs();
            assert_eq!(runs.len(), 2, "{}", story.name);
            assert_eq!(written(&runs[0]), [2, 2, 1], "{}", story.name);
            let letters = world.project.open_letters();
            assert_eq!(letters.len(), usize::from(story.target != System::Csv), "{}", story.name);
            for letter in letters {
                assert_eq!((&letter["row_id"], &letter["code"]), (&"7".into(), &"check_violation".into()));
                let id = letter["id"].as_str().expect("an id");
                let shown = world.project.expect(0, &["dlq", "show", id]).json();
                assert_eq!(shown["source_row"]["name"], "poison");
            }
            for command in [["status"].as_slice(), &["errors", "last"], &["runs", "show", "last"]] {
                world.project.expect(0, command);
            }
        },
    );
}
