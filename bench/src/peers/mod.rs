//! Figure h: other programs on the same work.
//!
//! Each is installed from PyPI, at the version named here, into an environment of its own below
//! `target/bench`, with the settings its documentation recommends for speed. The work: the table into a
//! table with a primary key, so that later runs update what is there; the same again with nothing
//! changed; and with 1 % changed. What a program cannot find out by itself it does in its own way,
//! and its target is compared with the source afterwards.
//!
//! Programs that can only find changes by a cursor column are measured with one, beside Syncline with
//! one: that is different work, which sees neither deletions nor rows written late.

mod dlt;
mod drt;
mod sling;

use std::path::{Path, PathBuf};
use std::process::Command;

use syncline_tests::postgres::Durability;

use crate::customers;
use crate::measure::{Cost, Meter};
use crate::postgres::Databases;
use crate::project::Customers;
use crate::report::{Figure, Report, Target};

/// How a program finds out what to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Changes {
    /// It reads every row.
    FromAllRows,
    /// It reads the rows whose cursor column is past the last value that it saw.
    PastCursor,
}

/// One program with one configuration.
trait Peer {
    fn name(&self) -> String;

    /// Forgets what was delivered: the next run is a first one.
    fn forget(&self);

    fn run(&self) -> Command;
}

struct Syncline(Customers);

impl Peer for Syncline {
    fn name(&self) -> String {
        "syncline".into()
    }

    fn forget(&self) {
        self.0.forget();
    }

    fn run(&self) -> Command {
        self.0.run(&[])
    }
}

/// Times of one program, the first load and the two later runs.
struct Times {
    name: String,
    costs: Vec<[Cost; 3]>,
}

/// Name of what is not a peer, but the least that the work takes.
const FLOOR: &str = "plain COPY";

const STEPS: [&str; 3] = ["first", "unchanged", "1 % changed"];

/// How many times faster than every peer: the goals for first, unchanged, and 1 % changed.
const GOALS: [f64; 3] = [4.0, 10.0, 10.0];

pub fn run(rows: u64, rounds: usize, only: &[String], report: &mut Report) {
    let databases = Databases::start(Durability::Full);
    let meter = Meter::with_memory(Some(databases.process()));
    databases.fill(rows);
    let folder = tempfile::tempdir().expect("a folder for the peers' projects");
    for changes in [Changes::FromAllRows, Changes::PastCursor] {
        let own = match changes {
            Changes::FromAllRows => Customers::tables(&databases, "write_mode: upsert"),
            Changes::PastCursor => Customers::with_cursor(&databases),
        };
        let mut peers: Vec<Box<dyn Peer>> = vec![
            Box::new(sling::Sling::new(&databases, changes, &subfolder(&folder, "sling", changes))),
            Box::new(dlt::Dlt::new(&databases, changes, &subfolder(&folder, "dlt", changes))),
            Box::new(drt::Drt::new(&databases, changes, &subfolder(&folder, "drt", changes))),
        ];
        peers.retain(|peer| only.is_empty() || only.iter().any(|name| peer.name().starts_with(name)));
        peers.insert(0, Box::new(Syncline(own)));
        let mut times: Vec<Times> =
            peers.iter().map(|peer| Times { name: peer.name(), costs: Vec::new() }).collect();
        let mut floor = Times { name: FLOOR.into(), costs: Vec::new() };
        for _ in 0..rounds {
            for (peer, times) in peers.iter().zip(&mut times) {
                times.costs.push(measure(peer.as_ref(), &databases, &meter));
            }
            floor.costs.push(copy(&databases, &meter));
        }
        times.push(floor);
        add(&times, changes, report);
    }
}

fn measure(peer: &dyn Peer, databases: &Databases, meter: &Meter) -> [Cost; 3] {
    databases.clear_target();
    peer.forget();
    [0, 1, 2].map(|step| {
        if step == 2 {
            databases.change_source(&customers::change("id % 100 = 7"));
        }
        databases.checkpoint();
        let cost = meter.run(&mut peer.run());
        eprintln!("   {}, {}: {:.1} s", peer.name(), STEPS[step], cost.wall);
        databases.assert_equal(&peer.name());
        cost
    })
}

/// What nobody can undercut who moves the rows through a program: loading them by `COPY`, and for the later
/// steps reading them all by `COPY`.
fn copy(databases: &Databases, meter: &Meter) -> [Cost; 3] {
    databases.clear_target();
    [0, 1, 2].map(|step| {
        databases.checkpoint();
        meter.run(&mut if step == 0 { databases.copy() } else { databases.read() })
    })
}

/// Each peer's figures are Syncline's against the peer's.
fn add(times: &[Times], changes: Changes, report: &mut Report) {
    let [own, peers @ ..] = times else { return };
    let is_floor = |times: &Times| times.name == FLOOR;
    let how = if changes == Changes::PastCursor { " by cursor" } else { "" };
    for peer in peers {
        for (step, goal) in GOALS.iter().enumerate() {
            // A cursor leaves both sides little to do; the goal is about comparing whole tables.
            let has_goal = !is_floor(peer) && (changes == Changes::FromAllRows || step == 0);
            let target = has_goal.then_some(Target::Ratio(1.0 / goal));
            let name = format!("{}{how} / {}", STEPS[step], peer.name);
            let mut figure = Figure::new('h', name, target);
            for (mine, theirs) in own.costs.iter().zip(&peer.costs) {
                figure.push(mine[step], theirs[step]);
            }
            report.add(figure);
        }
    }
}

fn subfolder(folder: &tempfile::TempDir, name: &str, changes: Changes) -> PathBuf {
    let path = folder.path().join(format!("{name}-{changes:?}"));
    std::fs::create_dir_all(&path).expect("a folder can be made");
    path
}

/// The `bin` folder of a Python environment with these packages, which is made when it is not there.
///
/// # Panics
///
/// When Python or a package is missing; the message is pip's.
pub fn environment(name: &str, packages: &[&str]) -> PathBuf {
    let folder = crate::workspace().join("environments").join(name);
    let done = folder.join("installed");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return folder.join("bin");
    }
    let call = |command: &mut Command| {
        let status = command.status().unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
        assert!(status.success(), "{command:?} failed");
    };
    call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
    call(Command::new(folder.join("bin/pip")).args(["install", "--quiet"]).args(packages));
    std::fs::write(done, wanted).expect("the environment can be marked");
    folder.join("bin")
}

/// Removes what is at a path, if anything is.
fn remove(path: &Path) {
    if path.is_dir() {
        std::fs::remove_dir_all(path).expect("a folder can be removed");
    }
}
