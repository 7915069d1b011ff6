//! The server over a project with real databases, asked through its API as any client would.

mod authoring;
mod channels;
mod checks;
mod definitions;
mod fixture;
mod overview;
mod reload;
mod repeats;
mod requests;
mod rotation;
mod secrets;
mod tokens;
mod web;
