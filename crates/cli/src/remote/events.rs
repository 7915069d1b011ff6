//! A stream of server-sent events, read on where it broke off.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use syncline_core::{ErrorKind, Result};

use super::Client;

/// Waits between attempts to reach the server again: the first, doubled up to the last.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(5);
/// Attempts in a row that may fail: about half a minute.
const ATTEMPTS_MAX: u32 = 10;
/// Longest frame; more is no stream of ours.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// Something that happened at the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub kind: String,
    pub data: Value,
}

/// The events of one run.
pub struct Events<'a> {
    client: &'a Client,
    run: &'a str,
    answer: Response,
    frames: Frames,
}

impl<'a> Events<'a> {
    /// From now on.
    pub async fn of_run(client: &'a Client, run: &'a str) -> Result<Self> {
        let answer = client.events(&["runs", run, "events"], None).await?;
        Ok(Self { client, run, answer, frames: Frames::default() })
    }

    /// The next event. `None`: the stream was lost and is there again; what happened meanwhile and has
    /// no id was missed.
    pub async fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.frames.next() {
                return Ok(Some(event));
            }
            match self.answer.chunk().await {
                Ok(Some(bytes)) if self.frames.bytes.len() <= FRAME_BYTES_MAX => self.frames.add(&bytes),
                Ok(_) | Err(_) => {
                    self.reconnect().await?;
                    return Ok(None);
                }
            }
        }
    }

    async fn reconnect(&mut self) -> Result<()> {
        self.frames.bytes.clear();
        let mut pause = AGAIN_AFTER;
        for attempt in 1.. {
            match self.client.events(&["runs", self.run, "events"], self.frames.last.as_deref()).await {
                Ok(answer) => {
                    self.answer = answer;
                    return Ok(());
                }
                Err(e) if e.kind != ErrorKind::StateUnreachable || attempt == ATTEMPTS_MAX => return Err(e),
                Err(e) => tracing::debug!(error = %e, "events are asked for again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(AGAIN_AFTER_MAX);
        }
        Ok(())
    }
}

/// Cuts bytes into events.
#[derive(Default)]
struct Frames {
    bytes: Vec<u8>,
    /// Id of the last event that had one.
    last: Option<String>,
}

impl Frames {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn next(&mut self) -> Option<Event> {
        loop {
            let end = self.bytes.windows(2).position(|two| two == b"\n\n")?;
            let frame: Vec<u8> = self.bytes.drain(..end + 2).collect();
            if let Some(event) = self.read(&String::from_utf8_lossy(&frame)) {
                return Some(event);
            }
        }
    }

    /// `None`: a comment, or nothing that is known.
    fn read(&mut self, frame: &str) -> Option<Event> {
        let (mut kind, mut data) = (String::new(), String::new());
        for line in frame.lines() {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "id" => self.last = Some(value.to_string()),
                "event" => kind = value.to_string(),
                "data" => data += value,
                _ => {}
            }
        }
        Some(Event { kind, data: serde_json::from_str(&data).ok()? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_cut_out_of_bytes_wherever_these_are_divided() {
        let text =
            ": heartbeat\n\nid: 7\nevent: run\ndata: {\"a\":\ndata: \"ä\"}\n\nevent: progress\ndata: 1\n\n";
        for step in 1..text.len() {
            let mut frames = Frames::default();
            let mut seen = Vec::new();
            for part in text.as_bytes().chunks(step) {
                frames.add(part);
                seen.extend(std::iter::from_fn(|| frames.next()));
            }
            let expected = [("run", json!({ "a": "ä" })), ("progress", json!(1))];
            assert_eq!(seen, expected.map(|(kind, data)| Event { kind: kind.into(), data }));
            assert_eq!(frames.last.as_deref(), Some("7"));
        }
    }
}
