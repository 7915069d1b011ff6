//! Leases: how long a worker may count on a run being its own.
//!
//! A lease is counted by the store's clock. A worker does not see that clock, so it counts from when it
//! *sent* the renewal, on a clock that never jumps: whatever the way to the store takes, it gives up no
//! later than the store does [G20].

use std::time::{Duration, Instant};

use syncline_core::Run;

/// A run that had to be taken over this often is given up, and its sync halted: it is likely the run
/// that brings its servers down.
pub const TAKEOVERS_MAX: u32 = 3;

/// How leases are kept; the same on every server of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTerms {
    /// How long a lease lasts from its renewal.
    pub ttl: Duration,
    /// The longest that a request is taken to be under way. Nothing is sent when less than this is left
    /// of the lease, and another server takes over this much after its end: even a request that takes
    /// twice as long is over by then.
    pub grace: Duration,
}

impl Default for LeaseTerms {
    fn default() -> Self {
        Self::of(Duration::from_secs(90))
    }
}

impl LeaseTerms {
    /// A lease that lasts `ttl`, a third of which is for requests that are under way.
    pub fn of(ttl: Duration) -> Self {
        Self { ttl, grace: ttl / 3 }
    }

    /// Renewals are at most this far apart: two may fail before a lease is lost.
    pub fn renewed_every(self) -> Duration {
        self.ttl / 3
    }
}

/// A lease as its holder knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// When the claim or the last renewal that was answered was sent.
    pub sent_at: Instant,
    pub terms: LeaseTerms,
}

impl Lease {
    /// After this its holder sends nothing: what takes no longer than the grace is over when the lease
    /// runs out.
    pub fn sends_until(self) -> Instant {
        self.sent_at + self.terms.ttl.saturating_sub(self.terms.grace)
    }

    /// The lease after a renewal sent at `sent_at` was answered. Answers may overtake each other.
    pub fn renewed(self, sent_at: Instant) -> Self {
        Self { sent_at: self.sent_at.max(sent_at), ..self }
    }
}

/// Whether a run that was taken over is given up rather than continued.
pub fn is_given_up(run: &Run) -> bool {
    run.takeovers >= TAKEOVERS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use proptest::prelude::*;

    proptest! {
        /// The store counts from when it heard of the renewal, which is not before it was sent.
        #[test]
        fn what_the_holder_sends_is_over_before_the_store_gives_the_run_away(
            renewals in prop::collection::vec((0u64..100_000, 0u64..60_000), 1..10),
        ) {
            let start = Instant::now();
            let at = |milliseconds| start + Duration::from_millis(milliseconds);
            let terms = LeaseTerms::of(Duration::from_secs(30));
            let mut lease = Lease { sent_at: start, terms };
            let mut ends_at = start + terms.ttl;
            for (sent, on_its_way) in renewals {
                lease = lease.renewed(at(sent));
                ends_at = ends_at.max(at(sent + on_its_way) + terms.ttl);
                prop_assert!(lease.sends_until() + terms.grace <= ends_at);
            }
        }
    }

    #[test]
    fn an_answer_that_was_overtaken_does_not_shorten_a_lease() {
        let first = Instant::now();
        let terms = LeaseTerms::default();
        let second = first + terms.renewed_every();
        let lease = Lease { sent_at: first, terms };
        assert_eq!(lease.renewed(second).renewed(first).sent_at, second);
    }

    #[test]
    fn the_third_takeover_gives_a_run_up() {
        let taken = |takeovers| is_given_up(&Run { takeovers, ..run() });
        assert_eq!([1, 2, 3, 4].map(taken), [false, false, true, true]);
    }
}
