//! The rules for destinations, one function each. See [`Destination`](crate::Destination) and
//! [`Session`](crate::Session).

mod durability;
mod modes;
mod objects;
mod rows;
mod target;

pub use durability::*;
pub use modes::*;
pub use objects::*;
pub use rows::*;
