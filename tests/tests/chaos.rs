//! G1, G2, G8, G10, G21, G22

#[path = "chaos/proxies.rs"]
mod proxies;
