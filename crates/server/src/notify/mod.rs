//! Telling people outside: what is told, to whom, how it looks, and its delivery.
//!
//! [`decide`] says at the end of a run who is told what; the notices are stored in that run's own
//! transaction, so that none is lost and none is told of a run that was not. [`Deliverer`] then sends
//! them, at least once, under an id that stays the same.
//!
//! Nothing that is told holds a value of a row: errors are told by their code, because the message of
//! a database may quote what it refused.

mod channel;
mod decide;
mod deliver;
mod slack;
mod telling;
#[cfg(test)]
mod tests;
mod webhook;

pub use channel::{Channel, ChannelKind, ChannelSource, Target, channel_id, channel_name, check_address};
pub use decide::{Ended, decide, earlier_filter, earlier_needed};
pub use deliver::{ATTEMPT_TIMEOUT, Deliverer, RETRY_DELAYS, Tested, outbound_options};
pub use telling::{Event, Links, Telling};
pub use webhook::{SECRET_PREFIX, check_secret};
