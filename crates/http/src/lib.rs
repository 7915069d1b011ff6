//! Requests to the outside: where they may go, how they are sent, how long to wait.
//!
//! Everything the product sends by HTTP goes through [`Outbound`], which refuses addresses that a
//! URL written by somebody else must never reach [S7], limits what it reads [S14] and verifies TLS
//! [S18].

mod address;
mod outbound;
mod resolve;
mod retry_after;
mod tls;

pub use address::{AddressClass, Reach};
pub use outbound::{
    CONNECT_TIMEOUT, Options, Outbound, REDIRECTS_MAX, RESPONSE_BYTES_MAX, Reply, Request, TOTAL_TIMEOUT,
};
pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
pub use reqwest::{Method, Url};
pub use resolve::{Resolver, SystemResolver};
pub use retry_after::{RETRY_AFTER_MAX, RetryAfter};
