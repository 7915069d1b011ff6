//! A run while it runs: phase, progress, rate and what is left, on stderr.

use std::future::Future;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
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
    context.interrupt.watch_over(Some(observer.clone()));
    let shown = Display::start(context, sync, observer);
    let outcome = Box::pin(work(watch)).await;
    context.interrupt.watch_over(None);
    shown.stop().await;
    outcome
}

/// The task that draws.
struct Display {
    task: Option<tokio::task::JoinHandle<()>>,
    bar: ProgressBar,
}

impl Display {
    fn start(context: &Context, sync: &SyncId, observer: Observer) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let name = sync.to_string();
        let task = if std::io::stderr().is_terminal() {
            bar.set_style(style("{spinner} {prefix}  {msg}"));
            bar.set_prefix(name);
            Some(tokio::spawn(draw(bar.clone(), observer)))
        } else if context.out.json {
            None
        } else {
            Some(tokio::spawn(tell(name, observer)))
        };
        Self { task, bar }
    }

    async fn stop(self) {
        if let Some(task) = self.task {
            task.abort();
            // Its end is awaited, so that nothing is drawn over what follows.
            let _ = task.await;
        }
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .progress_chars("━╸─")
}

/// Redraws the line of a terminal.
async fn draw(bar: ProgressBar, observer: Observer) {
    let mut frames = tokio::time::interval(FRAME);
    let mut phase = None;
    let mut since = Instant::now();
    loop {
        frames.tick().await;
        let progress = observer.progress.borrow().clone();
        if progress.phase != phase {
            phase = progress.phase;
            since = Instant::now();
            if phase == Some(Phase::Writing) && progress.planned > 0 {
                bar.set_length(progress.planned);
                bar.set_style(style("{spinner} {prefix}  {bar:24.green/dim} {msg}"));
            } else {
                bar.set_style(style("{spinner} {prefix}  {msg}"));
            }
        }
        bar.set_position(progress.sent);
        bar.set_message(message(&progress, since.elapsed()));
        bar.tick();
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
