//! When a transaction is made again.

use std::time::Duration;

use super::errors;
use super::transaction::Failure;
use crate::sql::Fault;

/// Attempts beside other transactions, before one is made alone.
const ATTEMPTS_BESIDE_OTHERS: u32 = 5;

/// Attempts in all. One that is made alone meets nobody who keeps to the same rule.
const ATTEMPTS_MAX: u32 = 8;

/// A connection that was lost is replaced once: pooled ones may all have ended with the server.
const RECONNECTS_MAX: u32 = 1;

/// Pauses grow from the first to the greatest, and each is a random part of that.
const PAUSE_FIRST: Duration = Duration::from_millis(4);
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Sees one state of the database, whatever happens meanwhile.
const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The lock lets others write too, except one that wants to be alone. It is taken before the first
/// statement that reads: that is when a transaction's view of the database is fixed.
const WRITE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE syncline_meta IN ROW SHARE MODE";

const WRITE_ALONE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE syncline_meta IN EXCLUSIVE MODE";

/// How often a transaction was tried, and how it is tried next.
pub struct Retries {
    writes: bool,
    attempts: u32,
    reconnects: u32,
}

/// What follows a failed attempt.
pub enum Next {
    Again(Duration),
    Fail(Fault),
}

impl Retries {
    pub fn of_reading() -> Self {
        Self { writes: false, attempts: 0, reconnects: 0 }
    }

    pub fn of_writing() -> Self {
        Self { writes: true, attempts: 0, reconnects: 0 }
    }

    /// How the next attempt begins.
    pub fn begin(&self) -> &'static str {
        match self.writes {
            false => READ,
            true if self.attempts < ATTEMPTS_BESIDE_OTHERS => WRITE,
            true => WRITE_ALONE,
        }
    }

    /// Nothing of a failed attempt was stored, so that it can be made again: when it met another
    /// transaction, or when its connection was gone before it came to its commit.
    pub fn after(&mut self, failure: Failure) -> Next {
        let e = match failure {
            Failure::Before(Fault::Postgres(e)) | Failure::Committing(e) => e,
            Failure::Before(fault) => return Next::Fail(fault),
        };
        if errors::met_another(&e) && self.attempts + 1 < ATTEMPTS_MAX {
            self.attempts += 1;
            return Next::Again(self.pause().mul_f64(rand::random()));
        }
        if errors::is_lost(&e) && self.reconnects < RECONNECTS_MAX {
            self.reconnects += 1;
            return Next::Again(Duration::ZERO);
        }
        Next::Fail(Fault::Postgres(e))
    }

    fn pause(&self) -> Duration {
        PAUSE_FIRST.saturating_mul(1 << self.attempts.min(16)).min(PAUSE_MAX)
    }
}
