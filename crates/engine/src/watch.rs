//! A run as seen from outside while it runs: its progress, and the wish to stop it.

use std::time::Instant;

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

/// What the observer wants of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Orders {
    stop: Option<Stop>,
    /// After this nothing may be sent; `None`: nobody else can take the run over.
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

    /// Prolongs the time in which the run may send: what it sends until then is over before anybody else
    /// may take the run over.
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

    /// As [`Watch::check`], before something is sent: `fenced` also when the time for sending is over,
    /// because a successor might write at the same time [G21].
    pub fn check_before_send(&self) -> Result<()> {
        self.check()?;
        let held_until = self.orders.borrow().held_until;
        if held_until.is_some_and(|until| until <= Instant::now()) {
            return Err(stopped(Stop::Lost));
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn nothing_is_sent_after_the_time_for_sending_unless_it_is_prolonged() {
        let (watch, observer) = pair();
        assert!(watch.check_before_send().is_ok(), "there is no lease");
        let now = Instant::now();
        observer.hold_until(now);
        assert_eq!(watch.check_before_send().unwrap_err().kind, ErrorKind::Fenced);
        assert!(watch.check().is_ok(), "only sending has to wait");
        observer.hold_until(now + Duration::from_secs(3_600));
        assert!(watch.check_before_send().is_ok());
    }

    #[test]
    fn a_run_that_was_lost_is_not_merely_cancelled() {
        let (watch, observer) = pair();
        observer.cancel();
        observer.stop(Stop::Lost);
        observer.cancel();
        assert_eq!(watch.check().unwrap_err().kind, ErrorKind::Fenced);
    }
}
