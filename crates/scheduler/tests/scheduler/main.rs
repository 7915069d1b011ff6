//! Schedules, claims and what follows from runs, over the embedded store (leases: over
//! PostgreSQL), with a clock that stands still.

mod activation;
mod claims;
mod fairness;
mod firing;
mod following;
mod leases;
mod lifecycle;
mod recovery;
mod syncs;
mod world;
