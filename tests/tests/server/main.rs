//! The real program as a server: its API, access to it, live events, and how it starts and ends.
//! Needs the feature `failpoints`.

mod access;
mod api;
mod commands;
mod contract;
mod events;
mod letters;
mod lifecycle;
mod notifications;
mod stopping;
mod traces;
mod world;
