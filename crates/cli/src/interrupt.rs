//! Ctrl-C: the first asks the runs to stop where nothing is lost, the second ends the program.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use syncline_engine::watch::Observer;
use tokio::sync::Notify;

use crate::exit::Exit;
use crate::output::LiveLines;

/// Passes the wish to stop on to the runs at work.
#[derive(Clone)]
pub struct Interrupt {
    shared: Arc<Shared>,
}

struct Shared {
    /// The runs at work, by a number of their own.
    runs: Mutex<BTreeMap<u64, Observer>>,
    next: AtomicU64,
    wished: AtomicBool,
    /// Runs at work belong to a server, and go on there.
    lets_go: AtomicBool,
    /// A server waits for the wish, and ends by itself.
    awaited: AtomicBool,
    told: Notify,
    live: LiveLines,
}

/// While it lives, Ctrl-C stops the run, and not the program.
#[must_use]
pub struct Watched {
    shared: Arc<Shared>,
    number: u64,
}

impl Interrupt {
    /// Listens for Ctrl-C and the termination signal, for the life of the program.
    pub fn listen(live: LiveLines) -> Self {
        let shared = Shared {
            runs: Mutex::default(),
            next: AtomicU64::new(0),
            wished: AtomicBool::new(false),
            lets_go: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            told: Notify::new(),
            live,
        };
        let interrupt = Self { shared: Arc::new(shared) };
        let listener = interrupt.clone();
        tokio::spawn(async move {
            // Without signals there is nothing to listen for, and the system's own way stays.
            while signal().await.is_ok() {
                listener.on_signal();
            }
        });
        interrupt
    }

    /// Lets the next Ctrl-C stop this run. When somebody asked to stop already, it is stopped at once.
    pub fn watch_over(&self, observer: Observer) -> Watched {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let mut runs = self.shared.runs();
        if self.is_wished() {
            observer.cancel();
        }
        runs.insert(number, observer);
        Watched { shared: Arc::clone(&self.shared), number }
    }

    /// Somebody asked to stop.
    pub fn is_wished(&self) -> bool {
        self.shared.wished.load(Ordering::SeqCst)
    }

    /// Stops every run at work, as the first Ctrl-C does.
    pub fn stop_runs(&self) {
        self.shared.runs().values().for_each(Observer::cancel);
    }

    /// From now on Ctrl-C lets go of runs instead of cancelling them.
    pub fn let_go(&self) {
        self.shared.lets_go.store(true, Ordering::SeqCst);
    }

    /// Completes at the first Ctrl-C, which then ends nothing else.
    pub async fn wait_for_first(&self) {
        self.shared.awaited.store(true, Ordering::SeqCst);
        while !self.is_wished() {
            self.shared.told.notified().await;
        }
    }

    fn on_signal(&self) {
        let runs = self.shared.runs();
        let first = !self.shared.wished.swap(true, Ordering::SeqCst);
        if first && self.shared.awaited.load(Ordering::SeqCst) {
            self.shared.told.notify_one();
            return;
        }
        if !first || runs.is_empty() {
            std::process::exit(Exit::Cancelled.number().into());
        }
        runs.values().for_each(Observer::cancel);
        if self.shared.lets_go.load(Ordering::SeqCst) {
            return;
        }
        self.shared.live.aside(|| {
            eprintln!("\ncancelling: what is on its way is settled first; Ctrl-C again ends at once");
        });
    }
}

impl Shared {
    fn runs(&self) -> MutexGuard<'_, BTreeMap<u64, Observer>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.shared.runs().remove(&self.number);
    }
}

#[cfg(unix)]
async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
