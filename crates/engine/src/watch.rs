//! A run as seen from outside while it runs: its progress, and the wish to stop it.

use std::time::{Duration, Instant};

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

/// Longest that one request to a destination is taken to be under way. A successor waits for as long
/// after a lease has run out before it takes over.
pub const REQUEST_MAX: Duration = Duration::from_secs(30);

/// What the observer wants of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Orders {
    stop: Option<Stop>,
    /// Until when nobody else may take the run over; `None`: nobody ever may.
    held_until: Option<Instant>,
}

/// Why a run is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody wishes it.
    Cancelled,
    /// Another process has the run now: nothing more may be written.
    Lost,
}

/// The run's side.
#[derive(Clone)]
pub struct Watch {
    progress: watch::Sender<Progress>,
    orders: watch::Receiver<Orders>,
}

/// The observer's side.
#[derive(Clone)]
pub struct Observer {
    pub progress: watch::Receiver<Progress>,
    orders: watch::Sender<Orders>,
}

/// A connected pair.
pub fn pair() -> (Watch, Observer) {
    let (progress, seen) = watch::channel(Progress::default());
    let (give, orders) = watch::channel(Orders::default());
    (Watch { progress, orders }, Observer { progress: seen, orders: give })
}

impl Observer {
    /// Asks the run to stop. It ends at the next safe point, losing nothing.
    pub fn cancel(&self) {
        self.stop(Stop::Cancelled);
    }

    /// Stops the run for a reason. The first reason stays, except that a lost run is lost.
    pub fn stop(&self, why: Stop) {
        self.orders.send_modify(|orders| {
            if orders.stop.is_none() || why == Stop::Lost {
                orders.stop = Some(why);
            }
        });
    }

    /// Prolongs the time in which nobody else may take the run over.
    pub fn hold_until(&self, until: Instant) {
        self.orders.send_modify(|orders| orders.held_until = Some(until));
    }
}

impl Watch {
    pub fn update(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }

    /// An error once somebody asked to stop: `cancelled` or `fenced`.
    pub fn check(&self) -> Result<()> {
        self.orders.borrow().stop.map_or(Ok(()), |why| Err(stopped(why)))
    }

    /// As [`Watch::check`], before something is sent: `fenced` also when the lease could run out before
    /// [`REQUEST_MAX`] is over, because a successor might then write at the same time [G21].
    pub fn check_before_send(&self) -> Result<()> {
        self.check()?;
        match self.orders.borrow().held_until {
            Some(until) if until.saturating_duration_since(Instant::now()) <= REQUEST_MAX => {
                Err(stopped(Stop::Lost))
            }
            _ => Ok(()),
        }
    }

    /// Completes with the reason when somebody asks to stop; never otherwise.
    pub async fn stopped(&self) -> Error {
        let mut orders = self.orders.clone();
        let why = orders.wait_for(|orders| orders.stop.is_some()).await.ok().and_then(|orders| orders.stop);
        match why {
            Some(why) => stopped(why),
            None => std::future::pending().await,
        }
    }
}

fn stopped(why: Stop) -> Error {
    match why {
        Stop::Cancelled => Error::new(ErrorKind::Cancelled, "cancelled"),
        Stop::Lost => Error::new(ErrorKind::Fenced, "the lease of this run ran out or another server has it"),
    }
}
