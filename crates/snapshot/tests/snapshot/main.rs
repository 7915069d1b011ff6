//! The snapshot as its users meet it: against a model, against damage, and against time.

mod collisions;
mod damage;
mod delta;
mod golden;
mod model;
mod purge;
mod records;
