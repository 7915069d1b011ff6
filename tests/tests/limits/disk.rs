//! G18: a disk that is full, below the state and below the target.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use syncline_tests::databases::{Database, Rows, Sqlite};
use syncline_tests::project::{Output, Project, Running, binary};

use crate::counts;

/// A small disk at `small` in a project's folder. Only its own processes see it; it goes with the value.
struct SmallDisk<'a> {
    project: &'a Project,
    keeper: Child,
}

impl<'a> SmallDisk<'a> {
    /// `None` where this user may not mount; the test says so and does nothing.
    fn mount(project: &'a Project) -> Option<Self> {
        let script = "mkdir -p small && mount -t tmpfs -o size=32m none small && echo ready && exec cat";
        let mut keeper = Command::new("unshare")
            .args(["-m", "sh", "-c", script])
            .current_dir(project.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        let stdout = keeper.stdout.take().expect("stdout is piped");
        let read = BufReader::new(stdout).read_line(&mut line);
        let disk = Self { project, keeper };
        if read.is_ok() && line == "ready\n" {
            return Some(disk);
        }
        eprintln!("SKIPPED: this user may not mount a file system");
        None
    }

    /// A path on the disk, as the test itself sees it.
    fn path(&self, relative: &str) -> PathBuf {
        let folder = self.project.path("small").canonicalize().expect("the mount point");
        let inside = folder.strip_prefix("/").expect("an absolute path").join(relative);
        PathBuf::from(format!("/proc/{}/root", self.keeper.id())).join(inside)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        let keeper = self.keeper.id().to_string();
        command.args(["-t", &keeper, "-m", "sh", "-c", "cd \"$0\" && exec \"$@\""]);
        command.arg(self.project.folder()).arg(program).args(arguments).env_remove("FAILPOINTS");
        command
    }

    fn shell(&self, script: &str) {
        let status = self.command("sh", &["-c", script]).status().expect("run a shell");
        assert!(status.success(), "{script}");
    }

    /// Runs the program where it sees the disk.
    fn run(&self, arguments: &[&str]) -> Output {
        let program = binary().display().to_string();
        Running::start(self.command(&program, &[arguments, &["--output", "json"]].concat())).wait()
    }

    /// Fills the disk so that this much is left, in KiB.
    fn leave(&self, kib: u64) {
        self.shell(&format!(
            "free=$(df -k --output=avail small | tail -1); head -c $(((free - {kib}) * 1024)) /dev/zero >small/filler"
        ));
    }

    fn make_space(&self) {
        self.shell("rm small/filler");
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

const ROWS: u64 = 1_500;

/// A project with a SQLite table of some hundred kilobytes.
fn project(target: &str, object: &str, settings: &str) -> (Project, Sqlite) {
    let body = format!(
        "model: {{ table: item, key: id }}\nto: {{ object: {object} }}\nwrite_mode: mirror\nbatch_size: 300\n{settings}\n"
    );
    let project = Project::of("{ type: sqlite, path: source.db }", target, &[("item", &body)]);
    let source = Sqlite::create(&project.path("source.db"));
    source.execute(&format!(
        "create table item (id integer primary key, name text);
         with recursive n(i) as (select 1 union all select i + 1 from n where i < {ROWS})
         insert into item select i, hex(randomblob(60)) from n"
    ));
    (project, source)
}

/// Half of the records change, three go, some come.
fn change(source: &Sqlite, round: u64) {
    source.execute(&format!(
        "update item set name = hex(randomblob(60)) where id % 2 = {};
         delete from item where id in (select id from item order by id limit 3);
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 200)
         insert into item select {} + i, hex(randomblob(60)) from n",
        round % 2,
        100_000 * (round + 1)
    ));
}

/// How a run ended that met a full disk: well, or with an error that says so.
#[track_caller]
fn assert_told(output: &Output, context: &str) -> bool {
    assert!(!output.stderr.contains("panicked"), "{context}: {output}");
    assert!(matches!(output.code(), Some(0 | 1)), "{context}: {output}");
    if output.code() == Some(0) {
        return false;
    }
    let error = output.error().to_string();
    let says_so = ["No space left", "disk is full", "os error 28"];
    assert!(says_so.iter().any(|words| error.contains(words)), "{context}: {error}");
    true
}

/// What is left free while a run works, in KiB: from nothing to more than it needs.
const FREE: [u64; 5] = [0, 80, 200, 500, 2_000];

#[test]
fn a_run_whose_state_meets_a_full_disk_anywhere_stops_and_goes_on_when_there_is_space() {
    for publish in ["atomic", "progressive"] {
        let (project, source) =
            project("{ type: sqlite, path: target.db }", "copy", &format!("publish: {publish}"));
        let target = Sqlite::create(&project.path("target.db"));
        target.execute("create table copy (id integer primary key, name text)");
        let Some(disk) = SmallDisk::mount(&project) else { return };
        let run = || disk.run(&["run", "shop.item", "--state", "small/state"]);
        let first = run();
        assert_eq!(first.code(), Some(0), "{first}");
        let mut stopped = 0;
        for (round, free) in FREE.into_iter().enumerate() {
            let context = format!("{publish}, {free} KiB free");
            change(&source, round as u64);
            disk.leave(free);
            stopped += usize::from(assert_told(&run(), &context));
            disk.make_space();
            let output = run();
            assert_eq!(output.code(), Some(0), "{context}: {output}");
            let rows = "select id, name from TABLE order by id";
            assert!(
                target.rows(&rows.replace("TABLE", "copy")) == source.rows(&rows.replace("TABLE", "item")),
                "{context}: rows differ"
            );
            assert_eq!(counts(&run().run()), [0; 4], "{context}");
        }
        assert!((2..FREE.len()).contains(&stopped), "{publish}: {stopped} runs met the full disk");
    }
}

#[test]
fn a_target_file_on_a_full_disk_stays_as_it_was_until_there_is_space() {
    for object in ["copy.csv", "copy.parquet"] {
        let (project, source) = project("{ type: files, path: small/out }", object, "");
        let Some(disk) = SmallDisk::mount(&project) else { return };
        let run = || disk.run(&["run", "shop.item"]);
        disk.shell("mkdir small/out");
        assert_eq!(run().code(), Some(0));
        let file = disk.path(&format!("out/{object}"));
        let mut stopped = 0;
        for (round, free) in [0, 60, 130, 2_000].into_iter().enumerate() {
            let context = format!("{object}, {free} KiB free");
            change(&source, round as u64);
            let before = std::fs::read(&file).expect("the target");
            disk.leave(free);
            if assert_told(&run(), &context) {
                stopped += 1;
                assert!(std::fs::read(&file).expect("the target") == before, "{context}: half a file");
            }
            disk.make_space();
            let output = run();
            assert_eq!(output.code(), Some(0), "{context}: {output}");
            if object != "copy.parquet" {
                let text = std::fs::read_to_string(&file).expect("the target");
                let newest = source.value("select name from item order by id desc limit 1");
                assert_eq!(text.matches(&newest).count(), 1, "{context}");
                let header = usize::from(object == "copy.csv");
                let rows = source.value("select count(*) from item").parse::<usize>().expect("a number");
                assert_eq!(text.lines().count(), rows + header, "{context}");
            }
        }
        assert_eq!(counts(&run().run()), [0; 4], "{object}");
        assert!(stopped >= 2, "{object}: {stopped} runs met the full disk");
    }
}

#[test]
fn a_target_database_on_a_full_disk_stays_whole_until_there_is_space() {
    for publish in ["atomic", "progressive"] {
        let (project, source) =
            project("{ type: sqlite, path: small/target.db }", "copy", &format!("publish: {publish}"));
        let Some(disk) = SmallDisk::mount(&project) else { return };
        let empty = Sqlite::create(&project.path("empty.db"));
        empty.execute("create table copy (id integer primary key, name text)");
        std::fs::copy(project.path("empty.db"), disk.path("target.db")).expect("make the target");
        let copies = || -> Rows {
            // SQLite would leave the disk's own view on the way to it; a copy is looked at instead.
            for ending in ["", "-journal", "-wal"] {
                let looked_at = project.path(&format!("looked_at.db{ending}"));
                let _ = std::fs::remove_file(&looked_at);
                let _ = std::fs::copy(disk.path(&format!("target.db{ending}")), looked_at);
            }
            Sqlite::at(&project.path("looked_at.db")).rows("select id, name from copy order by id")
        };
        let run = || disk.run(&["run", "shop.item"]);
        let first = run();
        assert_eq!(first.code(), Some(0), "{first}");
        let mut stopped = 0;
        for (round, free) in [0, 60, 140, 4_000].into_iter().enumerate() {
            let context = format!("{publish}, {free} KiB free");
            change(&source, round as u64);
            let before = copies();
            disk.leave(free);
            if assert_told(&run(), &context) {
                stopped += 1;
                assert!(publish == "progressive" || copies() == before, "{context}: half a run");
            }
            disk.make_space();
            let output = run();
            assert_eq!(output.code(), Some(0), "{context}: {output}");
            assert!(
                copies() == source.rows("select id, name from item order by id"),
                "{context}: rows differ"
            );
            assert_eq!(counts(&run().run()), [0; 4], "{context}");
        }
        assert!(stopped >= 2, "{publish}: {stopped} runs met the full disk");
    }
}
