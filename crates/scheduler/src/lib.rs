//! Syncs that run by themselves: when they are due, who executes them, and what follows when they end.
//!
//! What decides is pure: [`due`] says when, [`retry`] whether and when again, [`succession`] what comes
//! next, [`lease`] how long a worker may go on.

pub mod due;
pub mod lease;
pub mod retry;
pub mod succession;
#[cfg(test)]
mod testing;
