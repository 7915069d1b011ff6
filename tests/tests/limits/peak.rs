//! The most memory that a run of the program had, seen from outside.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use syncline_tests::project::{Output, Project, Running};

/// A mebibyte.
pub const MIB: u64 = 1 << 20;

/// Ends the watching, also when the run fails its test.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs the program to its end. Gives the most bytes of memory that it had resident, as the kernel says.
pub fn run(project: &Project, arguments: &[&str]) -> (Output, u64) {
    let arguments = [arguments, &["--output", "json"]].concat();
    let running = Running::start(project.command_after("echo $$ > pid.new; mv pid.new pid", &arguments));
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut peak = 0;
            while !ended.load(Ordering::Relaxed) {
                peak = peak.max(resident_peak(project).unwrap_or(0));
                std::thread::sleep(Duration::from_millis(2));
            }
            peak
        });
        let output = {
            let _ended = Ended(&ended);
            running.wait()
        };
        (output, watcher.join().expect("the watcher"))
    })
}

/// `VmHWM` of the program, in bytes. It only grows, so the last look at it counts.
fn resident_peak(project: &Project) -> Option<u64> {
    let id = std::fs::read_to_string(project.path("pid")).ok()?;
    let status = std::fs::read_to_string(format!("/proc/{}/status", id.trim())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
}
