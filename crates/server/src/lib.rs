//! The server.

pub mod keyring;
