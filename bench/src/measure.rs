//! What a command costs.
//!
//! Wall time is what people wait for, and noisy on a machine that others use too. CPU time is less so;
//! it is counted on both sides, because work that is pushed to the database is still work.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// CPU times in `/proc` are counted in ticks of this length (`USER_HZ`, fixed by Linux's interface).
const TICK_SECONDS: f64 = 0.01;

/// Time between two looks at the memory of a process. The kernel keeps the peak, so only what is
/// allocated in a process's last moments can be missed.
const MEMORY_POLL: Duration = Duration::from_millis(5);

/// What one command took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Seconds from start to end, start of the process included.
    pub wall: f64,
    /// CPU seconds, user and system, of the command and its children.
    pub client: f64,
    /// CPU seconds of the database server meanwhile.
    pub server: f64,
    /// Most memory that the process held (`VmHWM`), in bytes; of a shell, not of its children.
    pub peak: u64,
}

impl Cost {
    pub fn cpu(&self) -> f64 {
        self.client + self.server
    }
}

/// Runs commands and says what they cost.
pub struct Meter {
    /// Process id of the database server, if one takes part.
    server: Option<u32>,
    /// Memory is looked at only when asked for: it is one more process at work.
    with_memory: bool,
}

impl Meter {
    pub fn new(server: Option<u32>) -> Self {
        Self { server, with_memory: false }
    }

    pub fn with_memory(server: Option<u32>) -> Self {
        Self { server, with_memory: true }
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    ///
    /// When it fails, with what it printed.
    pub fn run(&self, command: &mut Command) -> Cost {
        let client = children_ticks();
        let server = self.server.map_or(0, server_ticks);
        let output = tempfile::tempfile().expect("a temporary file");
        let errors = output.try_clone().expect("a second handle");
        command.stdin(Stdio::null()).stderr(errors).stdout(output.try_clone().expect("a third handle"));
        let started = Instant::now();
        let child = command.spawn().unwrap_or_else(|e| panic!("{command:?} does not start: {e}"));
        let (status, peak) = if self.with_memory { watch(child) } else { (wait(child), 0) };
        let wall = started.elapsed().as_secs_f64();
        if !status {
            panic!("{command:?} failed:\n{}", text(output));
        }
        let seconds = |ticks: u64| ticks as f64 * TICK_SECONDS;
        Cost {
            wall,
            client: seconds(children_ticks().saturating_sub(client)),
            server: seconds(self.server.map_or(0, server_ticks).saturating_sub(server)),
            peak,
        }
    }
}

fn wait(mut child: Child) -> bool {
    child.wait().expect("the child can be waited for").success()
}

/// Waits, and looks at the memory meanwhile.
fn watch(child: Child) -> (bool, u64) {
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut peak = 0;
            while !ended.load(Ordering::Relaxed) {
                peak =
                    peak.max(fs::read_to_string(&status).ok().and_then(|text| peak_of(&text)).unwrap_or(0));
                thread::sleep(MEMORY_POLL);
            }
            peak
        });
        let succeeded = wait(child);
        ended.store(true, Ordering::Relaxed);
        (succeeded, watcher.join().expect("the watcher ends"))
    })
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn text(mut file: fs::File) -> String {
    use std::io::{Read, Seek, SeekFrom};
    let mut bytes = Vec::new();
    let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Times of one process, in ticks: its own, and its children's that have ended.
struct Ticks {
    parent: u32,
    own: u64,
    children: u64,
}

/// Reads `/proc/<process>/stat`; `None` when the process is gone. See proc_pid_stat(5).
fn ticks(process: &str) -> Option<Ticks> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name stands in parentheses and may hold anything, spaces too.
    let fields: Vec<&str> = stat.get(stat.rfind(')')? + 2..)?.split(' ').collect();
    let number = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<u64>().ok());
    Some(Ticks {
        parent: number(4)? as u32,
        own: number(14)? + number(15)?,
        children: number(16)? + number(17)?,
    })
}

/// CPU time of a process so far, user and system, in seconds.
pub fn cpu_seconds(process: u32) -> f64 {
    ticks(&process.to_string()).map_or(0.0, |t| t.own as f64 * TICK_SECONDS)
}

/// Most memory that a process held (`VmHWM`), in bytes.
pub fn peak_bytes(process: u32) -> u64 {
    fs::read_to_string(format!("/proc/{process}/status")).ok().and_then(|text| peak_of(&text)).unwrap_or(0)
}

/// Of this process's children, once they were waited for.
fn children_ticks() -> u64 {
    ticks("self").map_or(0, |t| t.children)
}

/// Of a server that serves each session by a child of its first process. A child that ends while the
/// processes are listed would be missed or counted twice; then they are listed again.
fn server_ticks(first: u32) -> u64 {
    let process = first.to_string();
    loop {
        let before = ticks(&process).map_or(0, |t| t.children);
        let living: u64 = processes().filter(|t| t.parent == first).map(|t| t.own + t.children).sum();
        let Some(after) = ticks(&process) else { return living };
        if after.children == before {
            return after.own + after.children + living;
        }
    }
}

fn processes() -> impl Iterator<Item = Ticks> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.bytes().all(|b| b.is_ascii_digit())).filter_map(|name| ticks(&name))
}

/// The middle of some values; of an even number, the lower middle.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// The value below or at which this share of them is. `sorted` is.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
