//! Puts a story's state and databases back, as they would be where they were made.

use std::fs;

use syncline_tests::databases::{Database, Sqlite};

use crate::story::{Story, System, World, copy_folder, folder};

/// How old the plan of a run is that did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// It may be carried out as it is stored.
    Fresh,
    /// It is beyond `plan_ttl`.
    Old,
}

pub fn restore(version: &str, story: &'static Story, age: Age) -> World {
    let golden = folder(version, story);
    let read = |name: &str| {
        fs::read_to_string(golden.join(name)).unwrap_or_else(|e| panic!("{}/{name}: {e}", golden.display()))
    };
    let world = World::empty(story);
    world.source.execute(&read("source.sql"));
    if let Some(target) = &world.target {
        target.execute(&read("target.sql"));
    }
    copy_folder(&golden.join("out"), &world.project.path("out"));
    let mut state = read("state.sql");
    for (placeholder, value) in surroundings(&world) {
        state = state.replace(placeholder, &value);
    }
    for part in ["runs", "snapshots"] {
        copy_folder(&golden.join(part), &world.project.path(".syncline").join(part));
    }
    world.state().execute(&format!("begin; {state} commit;"));
    set_age(&world.state(), age);
    world
}

/// What the state says of the places it was made for, and what stands there now.
fn surroundings(world: &World) -> Vec<(&'static str, String)> {
    let here = world.project.folder().canonicalize().expect("the project's folder");
    let mut values = vec![("{folder}", here.display().to_string())];
    if let (Some(target), Some(incarnation)) = (&world.postgres, world.incarnation()) {
        values.push(("system {system}, database {database}, table {table}", incarnation));
        values.push(("{target}", target.clone()));
    }
    if world.story.source == System::Postgres {
        let options = world.source.options();
        let address = options.split('@').nth(1).and_then(|rest| rest.split('"').next());
        values.push(("{source}", address.expect("an address").to_string()));
    }
    if world.story.target == System::Sqlite {
        values.push(("{file}", file_token(world)));
    }
    values
}

/// What stands for the target's file in its incarnation. Only the program knows: a plan in a state of
/// its own tells.
fn file_token(world: &World) -> String {
    world.project.expect(0, &["plan", "shop.item", "--state", "probe"]);
    let probe = Sqlite::at(&world.project.path("probe/state.db"));
    let incarnation =
        probe.value("select json_extract(record, '$.record.context.target_incarnation') from plans");
    incarnation.split('-').next().expect("an incarnation has two parts").to_string()
}

/// Clocks differ between where the state was made and here; what counts is the plan's age.
fn set_age(state: &Sqlite, age: Age) {
    let when = match age {
        Age::Fresh => "+0 hours",
        Age::Old => "-2 hours",
    };
    state.execute(&format!(
        "update plans set record = json_set(record, '$.record.created_at',
             strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '{when}'))"
    ));
}
