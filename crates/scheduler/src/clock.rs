//! Time and waiting, injected so that tests decide them.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

#[async_trait]
pub trait Clock: Send + Sync {
    /// The time of day. It may jump.
    fn now(&self) -> Timestamp;

    /// A clock that never jumps; for leases.
    fn instant(&self) -> Instant;

    /// Completes when [`Clock::now`] has reached `at`, also when that was a jump.
    async fn sleep_until(&self, at: Timestamp);

    /// Completes after a while by [`Clock::instant`].
    async fn sleep(&self, duration: Duration);
}

/// The machine's clocks.
pub struct SystemClock;

/// A sleeper looks at the time of day at least this often: it may have been set meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // Stored times have microseconds; cutting here keeps what is compared equal to what is stored.
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let Ok(left) = Duration::try_from(at.duration_since(Timestamp::now())) else { return };
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
        }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that stands still until a test moves it.
pub struct ManualClock {
    started: Instant,
    time: watch::Sender<(Timestamp, Duration)>,
}

impl ManualClock {
    pub fn new(now: Timestamp) -> Self {
        Self { started: Instant::now(), time: watch::Sender::new((now, Duration::ZERO)) }
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, duration: Duration) {
        self.time.send_modify(|(now, passed)| {
            *now += SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
            *passed += duration;
        });
    }

    /// Sets the time of day; the other clock does not notice.
    pub fn set(&self, to: Timestamp) {
        self.time.send_modify(|(now, _)| *now = to);
    }

    /// Completes when `reached` is true of the time of day and what passed.
    async fn wait(&self, reached: impl Fn(&(Timestamp, Duration)) -> bool) {
        // The sender lives as long as this clock does.
        let _ = self.time.subscribe().wait_for(reached).await;
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.time.borrow().0
    }

    fn instant(&self) -> Instant {
        self.started + self.time.borrow().1
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.wait(|(now, _)| *now >= at).await;
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.time.borrow().1 + duration;
        self.wait(|(_, passed)| *passed >= until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_jump_of_the_time_of_day_does_not_shorten_a_wait_for_a_duration() {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let mut wait = std::pin::pin!(clock.sleep(Duration::from_secs(10)));
        clock.set("2030-01-01T00:00:00Z".parse().unwrap());
        assert!(futures_poll(wait.as_mut()).await.is_none());
        clock.sleep_until("2029-12-31T00:00:00Z".parse().unwrap()).await;
        clock.advance(Duration::from_secs(10));
        wait.await;
    }

    /// What a future gives when it is polled once.
    async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
