//! The engine over doubles of both ends and a real state store.

mod doubles;
mod fixture;
mod write_modes;
