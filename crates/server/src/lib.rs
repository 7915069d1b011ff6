//! The server: the REST API over the engine, the schedules and the state store, with live events,
//! access control and notifications.
//!
//! [`Server::start`] brings everything up; what it needs is given to it (state, files, project), so that
//! it can be run in tests as in the program.

mod access;
mod actions;
mod app;
mod checks;
mod definition_codes;
mod edit;
mod errors_page;
mod events;
mod execute;
mod follow;
mod health;
mod input;
pub mod keyring;
mod letters;
mod listen;
mod live;
mod measures;
mod misread;
pub mod notify;
mod objects;
mod openapi;
mod probe;
mod problem;
mod record;
mod reload;
mod rotate;
mod router;
mod routes;
mod row_codes;
mod schedule;
mod secrets;
mod server;
pub mod traces;
mod trends;
pub mod views;
mod web;

pub use access::Tokens;
pub use listen::{Listen, Tls};
pub use live::{endpoints, item};
pub use probe::{check_view, row_view};
pub use router::openapi_document;
pub use schedule::{scheduled, unscheduled, view as schedule_view};
pub use server::{Clocks, Options, Server, keep_until};
