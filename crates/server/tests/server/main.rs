//! The server over a project with real databases, asked through its API as any client would.

mod definitions;
mod fixture;
mod reload;
mod repeats;
mod rotation;
mod secrets;
mod web;
