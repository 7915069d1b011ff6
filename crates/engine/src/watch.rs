//! A run as seen from outside while it runs: its progress, and the wish to stop it.

use syncline_core::{Counters, Error, ErrorKind, Phase, Result, RunStatus};
use tokio::sync::watch;

/// Live figures of a run.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub status: Option<RunStatus>,
    pub phase: Option<Phase>,
    /// Rows read so far; final once the phase is past extracting.
    pub discovered: u64,
    pub counters: Counters,
    /// Changes the plan holds, removals included.
    pub planned: u64,
    /// Changes that were sent and answered.
    pub sent: u64,
}

/// The run's side.
#[derive(Clone)]
pub struct Watch {
    progress: watch::Sender<Progress>,
    cancel: watch::Receiver<bool>,
}

/// The observer's side.
#[derive(Clone)]
pub struct Observer {
    pub progress: watch::Receiver<Progress>,
    cancel: watch::Sender<bool>,
}

/// A connected pair.
pub fn pair() -> (Watch, Observer) {
    let (progress, seen) = watch::channel(Progress::default());
    let (cancel, wish) = watch::channel(false);
    (Watch { progress, cancel: wish }, Observer { progress: seen, cancel })
}

impl Observer {
    /// Asks the run to stop. It ends at the next safe point, losing nothing.
    pub fn cancel(&self) {
        // Every receiver may be gone already: then there is nothing to stop.
        let _ = self.cancel.send(true);
    }
}

impl Watch {
    pub fn update(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }

    pub fn is_cancelled(&self) -> bool {
        *self.cancel.borrow()
    }

    /// An error of kind `cancelled` once somebody asked to stop.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(cancelled()) } else { Ok(()) }
    }

    /// Completes when somebody asks to stop; never otherwise.
    pub async fn cancelled(&self) {
        let mut cancel = self.cancel.clone();
        if cancel.wait_for(|c| *c).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

pub fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "cancelled")
}
