//! G21: a process that was suspended while another one took over from a copy of its state cannot
//! deliver its older values any more.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use syncline_tests::databases::{Database, Postgres, Sqlite};
use syncline_tests::project::Project;

use super::world::SYNC;

const ROWS: u64 = 30;
/// How long the fail point holds the process; it is suspended for most of it.
const HELD_MS: u64 = 1_500;

enum Target {
    Database(Box<dyn Database>),
    File,
}

/// Suspends a run at a point, lets a successor deliver newer values, and lets the run go on.
fn superseded(target: &str, publish: &str, point: &str, phase: &str) {
    let mut project = Project::new();
    let source = Postgres::new();
    source.execute(&format!(
        "create table item (id bigint primary key, name text); \
         insert into item select n, 'old' from generate_series(1, {ROWS}) n"
    ));
    let (target, into) = match target {
        "postgres" => {
            let database = Postgres::new();
            let options = database.options();
            (Target::Database(Box::new(database)), options)
        }
        "sqlite" => {
            let database = Sqlite::create(&project.path("target.db"));
            let options = database.options();
            (Target::Database(Box::new(database)), options)
        }
        _ => (Target::File, "{ type: files, path: out }".to_string()),
    };
    if let Target::Database(database) = &target {
        database.execute("create table copy (id bigint primary key, name text)");
    }
    let object = if matches!(target, Target::File) { "copy.csv" } else { "copy" };
    project.write("syncline.yaml", format!("connections:\n  from: {}\n  into: {into}\n", source.options()));
    let body = format!(
        "model: {{ table: item, key: id }}\nto: {{ object: {object} }}\nwrite_mode: upsert\n\
         publish: {publish}\nbatch_size: 8\n"
    );
    project.write_entities(&[("item", &body)]);
    // An empty table is loaded in a way of its own, with fail points of its own.
    if !point.contains(".load.") {
        project.expect(0, &["run", SYNC, "--max-entities", "3"]);
    }

    let mut running = project.start(&["run", SYNC], &format!("{point}=1*sleep({HELD_MS})"));
    running.wait_for_line(phase);
    wait_until_it_sleeps(running.id());
    running.signal("STOP");
    copy_folder(&project.path(".syncline"), &project.path("successor"));
    source.execute("update item set name = 'new'");
    project.set_variable("SYNCLINE_STATE", "successor");
    project.expect(0, &["run", SYNC]);
    let assert_new = |when: &str| {
        let names = match &target {
            Target::Database(database) => database.value("select count(*) from copy where name = 'new'"),
            Target::File => project.read("out/copy.csv").matches(",new\n").count().to_string(),
        };
        assert_eq!(names, ROWS.to_string(), "{when} ({point})");
    };
    assert_new("delivered by the successor");
    running.signal("CONT");
    let late = running.wait();
    assert_ne!(late.code(), Some(0), "the late run says it delivered\n{late}");
    assert_new("after the late run went on");
    let again = project.expect(0, &["run", SYNC]).run();
    assert_eq!((again["rows_created"].as_u64(), again["rows_updated"].as_u64()), (Some(0), Some(0)));
}

/// Waits until a thread of the process sleeps, which only a fail point makes it do; where the system
/// does not tell, for a while.
fn wait_until_it_sleeps(process: u32) {
    // The numbers of clock_nanosleep on x86-64 and ARM64.
    let sleeps = |call: String| ["230", "115"].contains(&call.split(' ').next().unwrap_or_default());
    let until = Instant::now() + Duration::from_millis(HELD_MS / 4);
    while Instant::now() < until {
        let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
        let mut calls =
            threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("syscall")).ok());
        if calls.any(sleeps) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn copy_folder(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-r").args([from, to]).status().expect("run cp");
    assert!(status.success(), "cp: {status}");
}

const READING: &str = "query execution";
const WRITING: &str = "destination writes";

#[test]
fn a_superseded_run_on_postgres_writes_nothing_more() {
    superseded("postgres", "atomic", "engine.read.batch", READING);
    superseded("postgres", "atomic", "engine.publish.before", WRITING);
    superseded("postgres", "atomic", "postgres.load.before_commit", WRITING);
    superseded("postgres", "progressive", "engine.chunk.written", WRITING);
    superseded("postgres", "progressive", "engine.destination.committed", WRITING);
}

#[test]
fn a_superseded_run_on_sqlite_writes_nothing_more() {
    superseded("sqlite", "atomic", "engine.read.batch", READING);
    // Not within a transaction: the lock of a suspended process lets nobody else write.
    superseded("sqlite", "progressive", "engine.chunk.sending", WRITING);
    superseded("sqlite", "progressive", "engine.destination.committed", WRITING);
}

#[test]
fn a_superseded_run_on_a_file_writes_nothing_more() {
    superseded("file", "atomic", "engine.read.batch", READING);
    superseded("file", "atomic", "engine.chunk.written", WRITING);
    superseded("file", "atomic", "engine.publish.before", WRITING);
}
