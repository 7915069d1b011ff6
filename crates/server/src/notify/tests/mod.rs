//! Deciding over whole histories, formats, projects, and delivery to real servers with a fake clock.

mod deciding;
mod delivery;
mod fixture;
mod formats;
mod project;
mod secrecy;
