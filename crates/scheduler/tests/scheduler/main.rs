//! Schedules, claims and what follows from runs, over the embedded store, with a clock that stands still.

mod activation;
mod claims;
mod fairness;
mod firing;
mod following;
mod recovery;
mod syncs;
mod world;
