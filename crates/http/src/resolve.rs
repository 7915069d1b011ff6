//! Resolving names to addresses, with those that may not be reached refused.
//!
//! The addresses that were judged are the ones that are dialled: a name that answers differently the
//! second time (DNS rebinding) gains nothing, because there is no second time.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use syncline_core::Error;

use crate::address::Reach;

/// Where names are looked up.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses of a name, in the order in which they are to be tried.
    async fn lookup(&self, name: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn lookup(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Hands on the addresses of a name only if every one of them may be reached.
pub(crate) struct Guarded {
    pub resolver: Arc<dyn Resolver>,
    pub reach: Reach,
    /// The proxy that the operator named, wherever it is.
    pub proxy: Option<String>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.resolver.clone();
        let reach = self.reach;
        let is_proxy = self.proxy.as_deref().is_some_and(|proxy| proxy.eq_ignore_ascii_case(name.as_str()));
        Box::pin(async move {
            let addresses = resolver.lookup(name.as_str()).await?;
            // All of them: one good address beside a bad one is how a name is made to look harmless.
            for address in addresses.iter().filter(|_| !is_proxy) {
                reach
                    .check(*address)
                    .map_err(|error| Refused(error.context(format!("the name '{}'", name.as_str()))))?;
            }
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// A refusal on its way through the client, to be found again in its chain of causes.
#[derive(Debug)]
pub(crate) struct Refused(pub Error);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Refused {}
