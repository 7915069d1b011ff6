//! Ctrl-C: the first asks the run to stop where nothing is lost, the second ends the program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use syncline_engine::watch::Observer;

use crate::exit::Exit;

/// Passes the wish to stop on to the run at work.
#[derive(Clone)]
pub struct Interrupt {
    shared: Arc<Shared>,
}

struct Shared {
    run: Mutex<Option<Observer>>,
    wished: AtomicBool,
}

impl Interrupt {
    /// Listens for Ctrl-C and the termination signal, for the life of the program.
    pub fn listen() -> Self {
        let shared = Arc::new(Shared { run: Mutex::new(None), wished: AtomicBool::new(false) });
        let interrupt = Self { shared };
        let listener = interrupt.clone();
        tokio::spawn(async move {
            // Without signals there is nothing to listen for, and the system's own way stays.
            while signal().await.is_ok() {
                listener.on_signal();
            }
        });
        interrupt
    }

    /// The run that the next Ctrl-C stops; `None`: the program itself.
    pub fn watch_over(&self, observer: Option<Observer>) {
        *self.shared.run.lock().unwrap_or_else(PoisonError::into_inner) = observer;
    }

    /// Somebody asked to stop.
    pub fn is_wished(&self) -> bool {
        self.shared.wished.load(Ordering::SeqCst)
    }

    fn on_signal(&self) {
        let run = self.shared.run.lock().unwrap_or_else(PoisonError::into_inner);
        let first = !self.shared.wished.swap(true, Ordering::SeqCst);
        match run.as_ref() {
            Some(observer) if first => {
                observer.cancel();
                eprintln!("\ncancelling: what is on its way is settled first; Ctrl-C again ends at once");
            }
            _ => std::process::exit(Exit::Cancelled.number().into()),
        }
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
