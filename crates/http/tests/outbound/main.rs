//! Requests against servers on this machine, with names that resolve as each test says.

mod addresses;
mod fixture;
mod limits;
mod redirects;
mod tls;
