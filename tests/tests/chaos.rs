//! G1, G2, G4, G7, G8, G10, G21, G22: whatever befalls the program, its systems and the network between
//! them, the end is what the source holds. See `docs/chaos.md`.
//!
//! A seed makes a sync, writers that change its source all the time, and steps: commands, and what
//! befalls them. When the troubles are over, a judge compares everything that is promised.

#[path = "chaos/decisions.rs"]
mod decisions;
#[path = "chaos/files.rs"]
mod files;
#[path = "chaos/judge.rs"]
mod judge;
#[path = "chaos/producer.rs"]
mod producer;
#[path = "chaos/proxies.rs"]
mod proxies;
#[path = "chaos/shape.rs"]
mod shape;
#[path = "chaos/steps.rs"]
mod steps;
#[path = "chaos/successors.rs"]
mod successors;
#[path = "chaos/troubles.rs"]
mod troubles;
#[path = "chaos/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shape::Shape;
use steps::Step;
use syncline_tests::databases::Database;
use syncline_tests::seeded::{Choices, seed};
use world::{Site, World};

/// Seeds of the part that runs with all the other tests.
const SMOKE_SEEDS: u64 = 4;
const SMOKE_STEPS: u64 = 4;
/// Seeds of a long run that does not say how many.
const LONG_SEEDS: u64 = 50;
const LONG_STEPS: u64 = 8;

#[test]
fn a_few_seeds_of_trouble_lose_and_double_nothing() {
    many(seed(), SMOKE_SEEDS, Duration::MAX, SMOKE_STEPS, 2);
}

/// `make chaos`. `SYNCLINE_SEED` is the first seed, and the only one unless `CHAOS_SEEDS` says more.
#[test]
#[ignore = "takes as long as one wants: make chaos"]
fn many_seeds_of_trouble_lose_and_double_nothing() {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
    };
    let minutes = number("CHAOS_MINUTES");
    let seeds = match (number("CHAOS_SEEDS"), number("SYNCLINE_SEED"), minutes) {
        (Some(seeds), _, _) => seeds,
        (None, _, Some(_)) => u64::MAX,
        (None, Some(_), None) => 1,
        (None, None, None) => LONG_SEEDS,
    };
    let time = minutes.map_or(Duration::MAX, |minutes| Duration::from_secs(60 * minutes));
    let steps = number("CHAOS_STEPS").unwrap_or(LONG_STEPS);
    many(seed(), seeds, time, steps, number("CHAOS_JOBS").unwrap_or(1));
}

/// Goes through seeds from `first` on, `jobs` at a time, until all are done or the time is over.
fn many(first: u64, seeds: u64, time: Duration, steps: u64, jobs: u64) {
    let (started, next, failed) = (Instant::now(), AtomicU64::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                let site = Site::new();
                while started.elapsed() < time {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= seeds {
                        return;
                    }
                    if !holds(&site, first.wrapping_add(number), steps) {
                        failed.lock().unwrap().push(first.wrapping_add(number));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "seeds that failed: {failed:?}");
}

/// Goes through one seed. A failure is printed with all that repeats it.
fn holds(site: &Site, seed: u64, steps: u64) -> bool {
    let mut choices = Choices::of("chaos", seed);
    let shape = Shape::random(&mut choices);
    let steps: Vec<Step> = (0..steps).map(|_| Step::random(&mut choices, &shape)).collect();
    let started = Instant::now();
    let mut world = World::new(site, shape, seed);
    let done = catch_unwind(AssertUnwindSafe(|| {
        steps.iter().for_each(|step| world.step(step));
        judge::judge(&mut world);
    }));
    let verdict = if done.is_ok() { "holds" } else { "FAILED" };
    println!("SYNCLINE_SEED={seed} {verdict} after {:?}: {:?}", started.elapsed(), world.shape);
    if done.is_err() {
        report(&mut world, seed, steps.len() as u64);
    }
    done.is_ok()
}

fn report(world: &mut World, seed: u64, steps: u64) {
    let columns = world.shape.columns().join(", ");
    let dump = |rows: Vec<world::Record>| rows.iter().map(|row| format!("{row:?}\n")).collect::<String>();
    let source = world.source.rows(&format!("select {columns} from item order by id"));
    let history =
        world.source.rows(&format!("select {columns}, version, changed_at from history order by version"));
    let target = catch_unwind(AssertUnwindSafe(|| world.target_records())).unwrap_or_default();
    world.project.write("seen-source", dump(source));
    world.project.write("seen-history", dump(history));
    world.project.write("seen-target", dump(target));
    let log = world.log.join("\n");
    world.project.write("seen-log", &log);
    let entity = world.project.read("syncs/shop.yaml");
    let folder = world.project.keep().display();
    println!(
        "{log}\n\n{entity}\nThe project, with what the tables hold: {folder}\n\
         Again: SYNCLINE_SEED={seed} CHAOS_STEPS={steps} make chaos\n",
    );
}
