//! Runs while they run: phase, progress, rate and what is left, on stderr.

use std::future::Future;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use syncline_core::{Phase, Result, SyncId};
use syncline_engine::watch::{self, Observer, Progress, Watch};

use super::numbers::{counted, duration, grouped};
use crate::Context;

/// Redraws in a second, at most ten.
const FRAME: Duration = Duration::from_millis(100);

/// Runs `work` with a watch: shows its progress and lets Ctrl-C cancel it.
pub async fn watched<T, F>(context: &Context, sync: &SyncId, work: impl FnOnce(Watch) -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let (watch, observer) = watch::pair();
    let _watched_over = context.interrupt.watch_over(observer.clone());
    let shown = Display::start(context, sync, observer);
    let outcome = Box::pin(work(watch)).await;
    shown.stop().await;
    outcome
}

/// The lines at the foot of a terminal that show runs at work, one each. Clones are the same lines.
#[derive(Clone, Default)]
pub struct LiveLines {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Draws on stderr, and nothing where that is no terminal. Locked by whoever writes.
    lines: Mutex<Lines>,
    /// Columns that the names of syncs take.
    name_width: AtomicUsize,
}

#[derive(Default)]
struct Lines {
    bars: MultiProgress,
    shown: usize,
}

impl LiveLines {
    /// Gives the names of the runs that follow one width.
    pub fn align<'a>(&self, names: impl Iterator<Item = &'a str>) {
        let width = names.map(|name| name.chars().count()).max().unwrap_or(0);
        self.shared.name_width.store(width, Ordering::Relaxed);
    }

    /// Writes something else to the terminal, while the lines are away.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.locked(|lines| {
            if lines.shown > 0 {
                // A terminal that went away has nothing to clear.
                let _ = lines.bars.clear();
            }
            write()
        })
    }

    fn add(&self, name: &str) -> ProgressBar {
        let width = self.shared.name_width.load(Ordering::Relaxed);
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_style(style("{spinner} {prefix}  {wide_msg}"));
        bar.set_prefix(format!("{name:width$}"));
        self.locked(|lines| {
            lines.shown += 1;
            lines.bars.add(bar)
        })
    }

    fn remove(&self, bar: &ProgressBar) {
        self.locked(|lines| {
            bar.finish_and_clear();
            lines.bars.remove(bar);
            lines.shown -= 1;
        });
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Lines) -> T) -> T {
        work(&mut self.shared.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The task that shows one run.
struct Display {
    task: Option<tokio::task::JoinHandle<()>>,
    line: Option<(LiveLines, ProgressBar)>,
}

impl Display {
    fn start(context: &Context, sync: &SyncId, observer: Observer) -> Self {
        if std::io::stderr().is_terminal() {
            let live = context.out.live.clone();
            let bar = live.add(sync.as_str());
            let task = tokio::spawn(draw(live.clone(), bar.clone(), observer));
            return Self { task: Some(task), line: Some((live, bar)) };
        }
        let task = (!context.out.json).then(|| tokio::spawn(tell(sync.to_string(), observer)));
        Self { task, line: None }
    }

    async fn stop(self) {
        if let Some(task) = self.task {
            task.abort();
            // Its end is awaited, so that nothing is drawn over what follows.
            let _ = task.await;
        }
        if let Some((live, bar)) = self.line {
            live.remove(&bar);
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .progress_chars("━╸─")
}

/// Redraws a line of the terminal.
async fn draw(live: LiveLines, bar: ProgressBar, observer: Observer) {
    let mut frames = tokio::time::interval(FRAME);
    let mut phase = None;
    let mut since = Instant::now();
    loop {
        frames.tick().await;
        let progress = observer.progress.borrow().clone();
        let is_new = progress.phase != phase;
        if is_new {
            phase = progress.phase;
            since = Instant::now();
        }
        live.locked(|_| {
            if is_new && phase == Some(Phase::Writing) && progress.planned > 0 {
                bar.set_length(progress.planned);
                bar.set_style(style("{spinner} {prefix}  {bar:24.green/dim} {wide_msg}"));
            } else if is_new {
                bar.set_style(style("{spinner} {prefix}  {wide_msg}"));
            }
            bar.set_position(progress.sent);
            bar.set_message(message(&progress, since.elapsed()));
            bar.tick();
        });
    }
}

/// One line for each phase, where nobody looks on.
async fn tell(name: String, mut observer: Observer) {
    let mut told = None;
    loop {
        let progress = observer.progress.borrow_and_update().clone();
        if progress.phase != told
            && let Some(phase) = progress.phase
        {
            told = progress.phase;
            eprintln!("{name}: {}", phase.label());
        }
        if observer.progress.changed().await.is_err() {
            return;
        }
    }
}

fn message(progress: &Progress, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    match progress.phase {
        None => "starting".into(),
        Some(phase @ Phase::Extracting) => {
            let read = progress.discovered;
            format!("{}  {} read{}", phase.label(), counted(read, "row"), rate(read, seconds))
        }
        Some(phase @ Phase::Writing) => {
            let counts = format!("{} of {}", grouped(progress.sent), grouped(progress.planned));
            let rest = left(progress.sent, progress.planned, seconds);
            format!("{}  {counts}{}{rest}", phase.label(), rate(progress.sent, seconds))
        }
        Some(phase) => phase.label().into(),
    }
}

/// Rates are worth showing once they are steady.
const STEADY_SECONDS: f64 = 1.0;

fn rate(done: u64, seconds: f64) -> String {
    if seconds < STEADY_SECONDS || done == 0 {
        return String::new();
    }
    format!("  {}/s", grouped((done as f64 / seconds) as u64))
}

fn left(done: u64, all: u64, seconds: f64) -> String {
    if seconds < STEADY_SECONDS || done == 0 || done >= all {
        return String::new();
    }
    format!("  {} left", duration(seconds / done as f64 * (all - done) as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_fast_and_how_long() {
        let progress =
            Progress { phase: Some(Phase::Writing), planned: 3_000, sent: 1_000, ..Progress::default() };
        assert_eq!(
            message(&progress, Duration::from_secs(10)),
            "destination writes  1,000 of 3,000  100/s  20s left"
        );
        assert_eq!(message(&progress, Duration::ZERO), "destination writes  1,000 of 3,000");
    }
}
