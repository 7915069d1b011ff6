//! A clock that is set to the past, goes on from there like any other, and jumps from moment to moment until
//! it is the machine's again.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// Between two jumps its time passes as fast as real time, so that what is measured by it is what was.
pub struct PlayedClock {
    set: watch::Sender<Setting>,
}

#[derive(Clone, Copy)]
struct Setting {
    to: Timestamp,
    at: Instant,
}

impl Setting {
    fn now(self) -> Timestamp {
        let passed = SignedDuration::try_from(self.at.elapsed()).unwrap_or(SignedDuration::ZERO);
        let now = self.to + passed;
        // Stored times have microseconds.
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

impl PlayedClock {
    pub fn new(to: Timestamp) -> Self {
        Self { set: watch::Sender::new(Setting { to, at: Instant::now() }) }
    }

    pub fn now(&self) -> Timestamp {
        self.set.borrow().now()
    }

    /// Jumps to a moment; one that is over already changes nothing, because time never goes back.
    pub fn jump(&self, to: Timestamp) {
        self.set.send_if_modified(|setting| {
            let forward = to > setting.now();
            if forward {
                *setting = Setting { to, at: Instant::now() };
            }
            forward
        });
    }

    async fn wait_until(&self, at: Timestamp) {
        let mut set = self.set.subscribe();
        loop {
            let now = set.borrow_and_update().now();
            let Ok(left) = Duration::try_from(at.duration_since(now)) else { return };
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                // The sender lives as long as this clock does.
                _ = set.changed() => {}
            }
        }
    }
}

#[async_trait]
impl syncline_engine::Clock for PlayedClock {
    fn now(&self) -> Timestamp {
        self.now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

#[async_trait]
impl syncline_scheduler::Clock for PlayedClock {
    fn now(&self) -> Timestamp {
        self.now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.wait_until(at).await;
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_jump_wakes_who_waits_for_a_moment_and_never_goes_back() {
        let start: Timestamp = "2026-03-01T08:00:00Z".parse().unwrap();
        let clock = PlayedClock::new(start);
        let next_day = start + SignedDuration::from_hours(24);
        let (before, ()) = tokio::join!(clock.wait_until(next_day), async { clock.jump(next_day) });
        let () = before;
        assert!(clock.now() >= next_day);
        clock.jump(start);
        assert!(clock.now() >= next_day, "time went back");
        assert!(clock.now() < next_day + SignedDuration::from_mins(5), "time runs away");
    }
}
