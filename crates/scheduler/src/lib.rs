//! Syncs that run by themselves: when they are due, who executes them, and what follows when they end.
//!
//! What decides is pure: [`due`] says when, [`retry`] whether and when again, [`succession`] what comes
//! next, [`lease`] how long a worker may go on. [`Scheduler`] and [`Worker`] drive it over a store and
//! through the traits in [`executor`].

pub mod clock;
mod delay;
pub mod due;
pub mod executor;
pub mod lease;
pub mod retry;
mod scheduler;
pub mod succession;
mod successor;
#[cfg(test)]
mod testing;
mod worker;

pub use clock::{Clock, ManualClock, SystemClock};
pub use executor::{Control, Definitions, Execution, Executor, FollowUps, Stop, Task};
pub use scheduler::{Scheduler, Signals};
pub use successor::Successor;
pub use worker::{Worker, WorkerSettings};
