//! After the story: the example goes on by itself, behind a server.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use crate::Context;
use crate::args::{Globals, ServeArgs, SyncRef, WebArgs};
use crate::commands::{activation, serve};
use crate::fault::Outcome;
use crate::output::{Out, Style};

/// Ports that are tried, the server's usual one first.
const PORTS: std::ops::RangeInclusive<u16> = 8400..=8449;

/// Its syncs, as its files order them.
const SYNCS: [&str; 5] = ["crm.company", "crm.contact", "crm.order", "shop.product", "newsletter.consent"];

/// Activates the syncs of the example and serves it, until somebody ends that.
pub async fn serve_example(context: &Context, folder: &Path, web: &WebArgs) -> Outcome {
    let globals = Globals {
        project: Some(folder.to_path_buf()),
        // Nothing may lead these commands to another project or state.
        environment: None,
        state: None,
        files: None,
        server: None,
        token: None,
        ..context.globals.clone()
    };
    let out = Out::new(&globals);
    let context = Context { globals, out, interrupt: context.interrupt.clone() };
    let out = &context.out;
    out.line(format!("\n{}", out.paint(Style::Strong, "And now by itself")));
    for sync in SYNCS {
        activation::set(&context, &SyncRef { sync: sync.into() }, true).await?;
    }
    out.line("");
    let args = ServeArgs { listen: free_address(), web: web.clone(), ..ServeArgs::default() };
    serve::serve(&context, &args).await
}

/// The first address where nobody listens; `None`: all are taken, and the server says so.
fn free_address() -> Option<SocketAddr> {
    let mut addresses = PORTS.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    addresses.find(|address| TcpListener::bind(address).is_ok())
}
