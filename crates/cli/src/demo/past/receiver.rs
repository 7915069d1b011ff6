//! Receives what the example's notification channel sends, and keeps it in a file to look at.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use syncline_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Ports that are tried.
const PORTS: std::ops::RangeInclusive<u16> = 8450..=8499;
/// Most bytes of a message.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Listens as long as it lives.
pub struct Receiver {
    work: JoinHandle<()>,
    pub port: u16,
}

impl Receiver {
    /// Listens at `port`, or at the first one that is free, and appends what comes to `file`.
    pub async fn start(port: Option<u16>, file: PathBuf) -> Result<Self> {
        let ports = port.map_or(PORTS, |port| port..=port);
        for port in ports {
            if let Ok(listener) = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await {
                return Ok(Self { work: tokio::spawn(receive(listener, file)), port });
            }
        }
        Err(Error::new(ErrorKind::LocalIo, "no port is free for the demo's notifications"))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.work.abort();
    }
}

async fn receive(listener: TcpListener, file: PathBuf) {
    while let Ok((connection, _)) = listener.accept().await {
        // One that breaks off is sent again.
        if let Err(error) = answer(connection, &file).await {
            tracing::debug!(%error, "a notification could not be received");
        }
    }
}

async fn answer(connection: TcpStream, file: &Path) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    let mut length = 0;
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut message = vec![0; length.min(MESSAGE_BYTES_MAX)];
    connection.read_exact(&mut message).await?;
    message.push(b'\n');
    let mut kept = tokio::fs::OpenOptions::new().create(true).append(true).open(file).await?;
    kept.write_all(&message).await?;
    kept.flush().await?;
    connection.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await
}
