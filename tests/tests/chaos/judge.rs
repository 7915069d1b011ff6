//! What must hold once the troubles are over.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use serde_json::Value as Json;
use syncline_tests::databases::Database;

use super::shape::{Cursor, Mode};
use super::world::{Record, SYNC, Store, World, error_of};

/// Commands after which a sync that nothing disturbs is settled.
const COMMANDS_MAX: u32 = 14;
/// Code of a letter about a row that nobody can say was appended or not.
const UNKNOWN: &str = "may_have_been_written";
/// Runs that ended.
const ENDED: &[&str] = &["completed", "failed", "source_failure", "cancelled"];

/// Lets the sync come to rest, and compares everything that is promised.
pub fn judge(world: &mut World) {
    world.calm_down();
    settle(world);
    let unknown = letters(world);
    contents(world, &unknown);
    runs(world);
    nothing_is_left_to_do(world);
}

/// Runs until a run goes through; where removed records are found from time to time only, once more, as
/// the first may have followed too soon on one that settled what was left open.
fn settle(world: &mut World) {
    let is_delayed = world.shape.mode == Mode::Mirror && world.shape.cursor != Cursor::None;
    let mut missing = if is_delayed { 2 } else { 1 };
    for _ in 0..COMMANDS_MAX {
        if world.is_halted() {
            world.project.expect(0, &["activate", SYNC]);
            world.note("activated");
        }
        if let Some(run) = world.held().first() {
            let output = world.run(&["approve", run], &[]);
            // Planned again, more would be written than what was approved; or the plan still has rows
            // that have been repaired since.
            let code = error_of(&output);
            let is_of_the_plan = matches!(code.as_deref(), Some("error_threshold" | "all_rows_failed"));
            let is_fine = matches!(output.code(), Some(0 | 3 | 4)) || is_of_the_plan;
            assert!(is_fine, "nothing disturbs the approved run\n{output}");
            continue;
        }
        if is_delayed {
            // Removed records are found by the read of everything, due every second.
            std::thread::sleep(Duration::from_millis(1_100));
        }
        let output = world.run(&["run", SYNC], &[]);
        match output.code() {
            Some(0) => {
                missing -= 1;
                if missing == 0 {
                    return;
                }
            }
            Some(4) => {}
            // What an earlier process left behind was settled as a failure, the last that was allowed.
            Some(1) if error_of(&output).as_deref() == Some("sync_halted") && world.is_halted() => {}
            _ => panic!("nothing disturbs the run\n{output}"),
        }
    }
    panic!("after {COMMANDS_MAX} commands no run has gone through");
}

/// The ids whose records may be at the target or not, by their letters. Others have no letter any more.
fn letters(world: &World) -> BTreeSet<String> {
    let in_source: BTreeSet<String> =
        world.source.rows("select id from item").into_iter().flatten().flatten().collect();
    let mut unknown = BTreeSet::new();
    for letter in world.project.open_letters() {
        let id = letter["row_id"].as_str().unwrap_or_default().to_string();
        if letter["code"] == UNKNOWN || letter["error"]["code"] == UNKNOWN {
            assert_eq!(world.shape.mode, Mode::Append, "only an append has unknown outcomes: {letter:#}");
            unknown.insert(id);
        } else {
            assert!(!in_source.contains(&id), "record {id} is delivered, and has a letter: {letter:#}");
        }
    }
    unknown
}

fn contents(world: &World, unknown: &BTreeSet<String>) {
    let columns = world.shape.columns().join(", ");
    let source: BTreeMap<String, Record> = by_id(world.source.rows(&format!("select {columns} from item")));
    let history = world.source.rows(&format!("select {columns} from history"));
    let found = world.target_records();
    if world.shape.mode == Mode::Append {
        return appended(world, source, history, found, unknown);
    }
    let rows = found.len();
    let found = by_id(found);
    assert_eq!(found.len(), rows, "an id is at the target twice");
    let prefilled: BTreeSet<String> = world.shape.prefilled_ids().iter().map(u64::to_string).collect();
    let history: BTreeSet<Record> = history.into_iter().collect();
    for id in &prefilled {
        assert!(found.contains_key(id), "record {id} was at the target before the sync, and is gone");
    }
    for (id, record) in &source {
        let copy = found.get(id);
        match world.shape.mode {
            Mode::Insert => assert!(copy.is_some(), "record {id} is lost"),
            Mode::Update if !prefilled.contains(id) => assert_eq!(copy, None, "an update made a record"),
            _ => assert_eq!(copy, Some(record), "record {id}"),
        }
    }
    for (id, copy) in &found {
        let is_theirs = prefilled.contains(id) && copy[1].as_deref() == Some("theirs");
        assert!(is_theirs || history.contains(copy), "the source never had {copy:?}");
        match world.shape.mode {
            Mode::Update => assert!(prefilled.contains(id), "an update made record {id}"),
            Mode::Mirror => {
                assert!(
                    source.contains_key(id) || prefilled.contains(id),
                    "record {id} left the source: {copy:?}"
                );
            }
            _ => {}
        }
    }
}

/// Conservation: what the source showed a run is there, and nothing more often than the source had it.
fn appended(
    world: &World,
    source: BTreeMap<String, Record>,
    history: Vec<Record>,
    found: Vec<Record>,
    unknown: &BTreeSet<String>,
) {
    let prefilled: BTreeSet<String> = world.shape.prefilled_ids().iter().map(u64::to_string).collect();
    let ours: Vec<Record> = found.into_iter().filter(|row| !prefilled.contains(&id_of(row))).collect();
    let (had, copies) = (counted(history), counted(ours));
    for (record, count) in &copies {
        let most = had.get(record).copied().unwrap_or_default();
        assert!(*count <= most, "appended {count} times, and {most} times at the source: {record:?}");
    }
    for record in source.values().chain(&world.due) {
        let is_there = copies.contains_key(record) || unknown.contains(&id_of(record));
        assert!(is_there, "lost: {record:?}");
    }
}

/// The figures of every run add up, by themselves and with what is at the target.
fn runs(world: &World) {
    let runs = world.project.runs();
    let count = |run: &Json, name: &str| {
        run[format!("rows_{name}")].as_u64().unwrap_or_else(|| panic!("no rows_{name}: {run:#}"))
    };
    let (mut created, mut deleted) = (0, 0);
    for run in &runs {
        let parts = ["created", "updated", "skipped", "failed", "not_attempted"];
        let sum: u64 = parts.iter().map(|part| count(run, part)).sum();
        assert_eq!(count(run, "processed"), sum, "{run:#}");
        let status = run["status"].as_str().unwrap_or_default();
        assert!(ENDED.contains(&status), "a run is left {status}: {run:#}");
        if run["type"] != "test" {
            created += count(run, "created");
            deleted += count(run, "deleted");
        }
    }
    let unsettled =
        "select r.record from chunks c join runs r on r.id = c.run_id where r.writes = 1 and c.state ";
    let lost = world.state(&format!("{unsettled} <> 'settled' and r.status = 'completed'"));
    assert!(lost.is_empty(), "completed, with chunks that are not settled: {lost:?}");
    // A chunk whose commit nobody answered is counted by the run that finds it there.
    let unanswered = !world.state(&format!("{unsettled} = 'sending'")).is_empty();
    let expected = world.shape.prefilled_ids().len() as u64 + created;
    let found = world.target_records().len() as u64 + deleted;
    if !unanswered && world.shape.mode != Mode::Update {
        assert_eq!(found, expected, "the runs counted {created} created and {deleted} deleted");
    }
}

/// G7: a run more writes nothing, not even the same again.
fn nothing_is_left_to_do(world: &mut World) {
    let before = (world.target_records(), traces(world));
    let output = world.run(&["run", SYNC], &[]);
    assert_eq!(output.code(), Some(0), "{output}");
    for name in ["rows_created", "rows_updated", "rows_deleted", "rows_failed"] {
        assert_eq!(output.run()[name], 0, "{name} of a run with nothing to do\n{output}");
    }
    assert!(before == (world.target_records(), traces(world)), "a run with nothing to do wrote\n{output}");
}

/// What changes with every write, also with one of the same values.
fn traces(world: &World) -> Vec<String> {
    match &world.target {
        Store::Postgres(database) => {
            let rows = database.rows("select concat_ws(' ', xmin, ctid) from copy order by ctid");
            rows.into_iter().flatten().flatten().collect()
        }
        Store::Sqlite(_) => Vec::new(),
        Store::Files => {
            let mut files = Vec::new();
            let mut folders = vec![world.project.path("out")];
            while let Some(folder) = folders.pop() {
                for entry in folder.read_dir().into_iter().flatten().map(|entry| entry.expect("an entry")) {
                    let (path, data) = (entry.path(), entry.metadata().expect("a file's data"));
                    if data.is_dir() {
                        folders.push(path);
                    } else if !entry.file_name().to_string_lossy().starts_with('.') {
                        files.push(format!("{} {} {}", path.display(), data.ino(), data.mtime_nsec()));
                    }
                }
            }
            files.sort();
            files
        }
    }
}

fn by_id(rows: Vec<Record>) -> BTreeMap<String, Record> {
    rows.into_iter().map(|row| (id_of(&row), row)).collect()
}

fn id_of(row: &Record) -> String {
    row[0].clone().unwrap_or_default()
}

fn counted(rows: Vec<Record>) -> BTreeMap<Record, u64> {
    let mut counted = BTreeMap::new();
    for row in rows {
        *counted.entry(row).or_default() += 1;
    }
    counted
}
