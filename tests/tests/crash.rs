//! G1, G2, G8: the program is killed wherever it can be, and nothing is lost or doubled.
//!
//! By default a sample of the matrix runs, chosen by a fixed seed; `SYNCLINE_CHAOS=full` runs all of
//! it, `SYNCLINE_SEED` chooses another sample. A failing case prints what repeats it.

#[path = "crash/points.rs"]
mod points;
#[path = "crash/world.rs"]
mod world;

use points::TABLE;
use syncline_tests::databases::{Database, Postgres};
use syncline_tests::fail_points;
use syncline_tests::project::{Project, list_of};
use syncline_tests::seeded::{Choices, seed};
use world::{SCENARIOS, Scenario, World};

/// Fail points that each scenario is killed at when not the whole matrix runs.
const SAMPLE: usize = 7;
const HITS: u32 = 3;

fn scenario(name: &str) -> &'static Scenario {
    SCENARIOS.iter().find(|s| s.name == name).unwrap_or_else(|| panic!("there is no scenario '{name}'"))
}

#[test]
fn every_fail_point_of_the_source_is_in_the_table() {
    let in_table: Vec<String> = TABLE.iter().map(|(point, _)| point.to_string()).collect();
    let mut sorted = in_table.clone();
    sorted.sort();
    assert_eq!(
        fail_points::in_the_source(),
        sorted,
        "crash/points.rs says which scenario hits each fail point"
    );
    for (_, scenario_name) in TABLE {
        scenario(scenario_name);
    }
}

#[test]
fn a_run_killed_at_any_fail_point_is_made_whole_by_the_next() {
    for (point, name) in TABLE {
        let died = case(scenario(name), point, 1, seed());
        assert!(
            died,
            "'{name}' does not come to {point}; is the program built with `--features failpoints`?"
        );
    }
}

/// Kills, reruns and checks; tells whether the process came to the fail point.
fn case(scenario: &'static Scenario, point: &str, hit: u32, seed: u64) -> bool {
    println!("SYNCLINE_SEED={seed}: {}, killed at {point}, hit {hit}", scenario.name);
    let mut choices = Choices::of(&format!("{}/{point}/{hit}", scenario.name), seed);
    let mut world = World::new(scenario);
    // Only the first run can be a direct load, if all its rows can be written.
    let is_load = point.contains(".load.");
    if !is_load && !scenario.held && (choices.is_heads() || scenario.loads_directly()) {
        world.run_through();
        world.change(&mut choices);
    }
    if choices.is_heads() && !is_load {
        world.poison();
    }
    let crashed = world.project.run_killed_at(&["run", "shop.item"], point, hit);
    let died = crashed.was_killed();
    if !died {
        world.assert_ended_well(&crashed);
    }
    if choices.is_heads() && !scenario.held {
        world.change(&mut choices);
    }
    if choices.below(3) == 0 && !scenario.held {
        // Death again, while the first one is being repaired.
        world.project.run_killed_at(&["run", "shop.item"], point, 1);
    }
    if scenario.held {
        world.approve();
    }
    world.run_through();
    world.assert_whole();
    world.assert_next_run_writes_nothing();
    world.assert_nothing_is_open();
    world.heal();
    died
}

#[test]
fn a_plan_settles_a_killed_run_and_writes_nothing_of_it() {
    let mut world = World::new(scenario("postgres append progressive"));
    assert!(world.project.run_killed_at(&["run", "shop.item"], "engine.chunk.settled", 1).was_killed());
    let written = world.target_records();
    assert!(!written.is_empty());
    world.project.expect(0, &["plan", "shop.item"]);
    assert_eq!(world.target_records(), written, "P6");
    world.run_through();
    world.assert_whole();
}

/// G1 of replays: whatever the moment, no letter stays in the hands of a run that is gone.
#[test]
fn a_replay_killed_anywhere_is_made_whole_by_the_next_run() {
    const POINTS: [&str; 8] = [
        "engine.run.started",
        "engine.plan.saved",
        "engine.chunk.sending",
        "engine.chunk.outcomes",
        "engine.publish.before",
        "engine.destination.committed",
        "engine.commit.before",
        "store.commit.after",
    ];
    for (point, mode) in POINTS.into_iter().zip(["reread", "as-captured"].into_iter().cycle()) {
        println!("killed at {point} of a replay {mode}");
        replay_killed_at(point, mode);
    }
}

#[test]
fn ctrl_c_ends_a_paced_replay_between_two_records() {
    let (project, source, target) = odd_ones_delivered(60);
    let replay = ["dlq", "replay", "--all", "--sync", "shop.item", "--rate", "1", "--yes"];
    let mut running = project.start(&replay, "");
    running.wait_for_line("destination writes");
    running.signal("INT");
    let ended = running.wait();
    assert_eq!(ended.code(), Some(130), "{ended}");
    let letters = list_of(&project.expect(0, &["dlq", "list", "--all", "--limit", "200"]).json());
    let of_state = |state: &str| letters.iter().filter(|letter| letter["state"] == state).count();
    let delivered: usize =
        target.value("select count(*) from copy where id % 2 = 0").parse().expect("a count");
    assert!(delivered < 30, "it was to take half a minute");
    assert_eq!((of_state("resolved_replay"), of_state("open")), (delivered, 30 - delivered));
    project.expect(0, &["run", "shop.item"]);
    let rows =
        |database: &Postgres, table: &str| database.rows(&format!("select * from {table} order by id"));
    assert_eq!(rows(&target, "copy"), rows(&source, "item"));
}

/// Items of which the target took those with odd numbers only; it takes all now.
fn odd_ones_delivered(items: u32) -> (Project, Postgres, Postgres) {
    let (source, target) = (Postgres::new(), Postgres::new());
    source.execute(&format!(
        "create table item (id bigint primary key, name text);
         insert into item select n, 'name ' || n from generate_series(1, {items}) n"
    ));
    target.execute("create table copy (id bigint primary key, name text, constraint odd check (id % 2 = 1))");
    let body = "model: { table: item, key: id }\nto: { object: copy }";
    let project = Project::of(&source.options(), &target.options(), &[("item", body)]);
    project.expect(3, &["run", "shop.item"]);
    target.execute("alter table copy drop constraint odd");
    (project, source, target)
}

fn replay_killed_at(point: &str, mode: &str) {
    let (project, source, target) = odd_ones_delivered(9);
    let replay = ["dlq", "replay", "--all", "--sync", "shop.item", "--mode", mode, "--yes"];
    assert!(project.run_killed_at(&replay, point, 1).was_killed(), "{point} was not reached");
    let stuck = |state: &str| {
        let letters = list_of(&project.expect(0, &["dlq", "list", "--all"]).json());
        letters.iter().filter(|letter| letter["state"] == state).count()
    };
    project.expect(0, &["run", "shop.item"]);
    assert_eq!((stuck("replaying"), stuck("open")), (0, 0), "{point}, {mode}");
    let rows =
        |database: &Postgres, table: &str| database.rows(&format!("select * from {table} order by id"));
    assert_eq!(rows(&target, "copy"), rows(&source, "item"), "{point}, {mode}");
    let run = project.expect(0, &["run", "shop.item"]).run();
    assert_eq!(run["rows_skipped"], 9, "{point}, {mode}: {run:#}");
}

/// The cases of one scenario: all of them, or a sample that differs from scenario to scenario.
fn matrix(name: &str) {
    let scenario = scenario(name);
    let mut cases: Vec<(&str, u32)> = TABLE
        .iter()
        .filter(|(point, _)| scenario.can_reach(point))
        .flat_map(|(point, _)| (1..=HITS).map(move |hit| (*point, hit)))
        .collect();
    if std::env::var("SYNCLINE_CHAOS").as_deref() != Ok("full") {
        let mut choices = Choices::of(name, seed());
        while cases.len() > SAMPLE {
            cases.swap_remove(choices.below(cases.len() as u64) as usize);
        }
    }
    for (point, hit) in cases {
        case(scenario, point, hit, seed());
    }
}

/// A test for each scenario, so that they run side by side.
macro_rules! matrices {
    ($($test:ident: $name:literal;)*) => {
        $(#[test] fn $test() { matrix($name); })*

        #[test]
        fn every_scenario_has_its_matrix() {
            let tested = [$($name),*];
            assert!(SCENARIOS.iter().filter(|s| !s.held).all(|s| tested.contains(&s.name)));
        }
    };
}

matrices! {
    postgres_upserts_atomically_through_kills: "postgres upsert atomic";
    postgres_upserts_progressively_through_kills: "postgres upsert progressive";
    postgres_mirrors_atomically_through_kills: "postgres mirror atomic";
    postgres_mirrors_progressively_through_kills: "postgres mirror progressive";
    postgres_appends_atomically_through_kills: "postgres append atomic";
    postgres_appends_progressively_through_kills: "postgres append progressive";
    sqlite_upserts_atomically_through_kills: "sqlite upsert atomic";
    sqlite_upserts_progressively_through_kills: "sqlite upsert progressive";
    sqlite_mirrors_atomically_through_kills: "sqlite mirror atomic";
    sqlite_mirrors_progressively_through_kills: "sqlite mirror progressive";
    sqlite_appends_atomically_through_kills: "sqlite append atomic";
    sqlite_appends_progressively_through_kills: "sqlite append progressive";
    a_csv_file_mirrors_through_kills: "file mirror";
    a_folder_of_files_appends_through_kills: "folder append";
}

/// Kills at moments nobody chose.
fn random_kills(name: &str, rounds: u64) {
    let seed = seed();
    let mut choices = Choices::of(name, seed);
    let mut world = World::new(scenario(name));
    for round in 0..rounds {
        let wait = std::time::Duration::from_millis(choices.below(350));
        println!("SYNCLINE_SEED={seed}: {name}, round {round}, killed after {wait:?}");
        world.change(&mut choices);
        let running = world.project.start(&["run", "shop.item"], "");
        std::thread::sleep(wait);
        running.signal("KILL");
        let output = running.wait();
        if !output.was_killed() {
            world.assert_ended_well(&output);
        }
        if round % 5 == 4 {
            world.run_through();
            world.assert_whole();
            world.assert_next_run_writes_nothing();
            world.assert_nothing_is_open();
        }
    }
}

#[test]
fn a_postgres_mirror_killed_at_random_moments_loses_and_doubles_nothing() {
    random_kills("postgres mirror progressive", 20);
}

#[test]
fn an_append_killed_at_random_moments_has_every_row_exactly_once() {
    random_kills("sqlite append progressive", 20);
}

/// Interrupts a run by a signal while `point` holds it in the phase that stderr calls `label`.
fn interrupted_in(name: &str, point: &str, label: &str, signal: &str) {
    let mut world = World::new(scenario(name));
    let mut choices = Choices::of(label, seed());
    world.run_through();
    world.change(&mut choices);
    println!("SYNCLINE_SEED={}: {name}, {signal} at {point}", seed());
    let mut running = world.project.start(&["run", "shop.item"], &format!("{point}=1*sleep(1500)"));
    running.wait_for_line(label);
    running.signal(signal);
    let output = running.wait();
    let run = world.project.last_run();
    // What only waits to be committed is done already, and says so.
    let expected = if label == FINALIZING { (Some(0), "completed") } else { (Some(130), "cancelled") };
    assert_eq!((output.code(), run["status"].as_str()), (expected.0, Some(expected.1)), "{output}");
    world.assert_nothing_is_open();
    world.run_through();
    world.assert_whole();
    world.assert_next_run_writes_nothing();
}

const READING: &str = "query execution";
const COMPARING: &str = "change detection";
const WRITING: &str = "destination writes";
const FINALIZING: &str = "finalization";

#[test]
fn ctrl_c_while_reading_cancels_and_the_next_run_completes() {
    interrupted_in("postgres mirror progressive", "engine.read.batch", READING, "INT");
}

#[test]
fn ctrl_c_while_comparing_cancels_and_the_next_run_completes() {
    interrupted_in("sqlite mirror progressive", "engine.plan.saved", COMPARING, "INT");
}

#[test]
fn ctrl_c_while_writing_in_chunks_cancels_and_the_next_run_completes() {
    interrupted_in("postgres mirror progressive", "engine.chunk.sending", WRITING, "INT");
    interrupted_in("sqlite append progressive", "engine.chunk.written", WRITING, "INT");
}

#[test]
fn ctrl_c_while_writing_atomically_leaves_nothing_behind() {
    interrupted_in("postgres append atomic", "engine.chunk.written", WRITING, "INT");
    interrupted_in("file mirror", "engine.chunk.written", WRITING, "INT");
}

#[test]
fn ctrl_c_while_finalizing_lets_the_commit_through() {
    interrupted_in("postgres mirror progressive", "engine.commit.before", FINALIZING, "INT");
}

#[test]
fn the_termination_signal_drains_as_ctrl_c_does() {
    interrupted_in("sqlite mirror progressive", "engine.read.batch", READING, "TERM");
    interrupted_in("postgres upsert progressive", "engine.chunk.outcomes", WRITING, "TERM");
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_still_loses_nothing() {
    let mut world = World::new(scenario("postgres mirror progressive"));
    let fail_point = "engine.chunk.written=1*sleep(20000)";
    let mut running = world.project.start(&["run", "shop.item"], fail_point);
    running.wait_for_line("destination writes");
    running.signal("INT");
    running.wait_for_line("Ctrl-C again ends at once");
    running.signal("INT");
    assert_eq!(running.wait().code(), Some(130));
    world.run_through();
    world.assert_whole();
    world.assert_next_run_writes_nothing();
    world.assert_nothing_is_open();
}

#[test]
fn without_a_project_the_fail_points_do_nothing() {
    let output = Project::new().run_killed_at(&["validate"], "engine.run.started", 1);
    assert_eq!(output.code(), Some(2), "{output}");
}
