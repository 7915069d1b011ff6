//! A signed message for any receiver, as Standard Webhooks describes it [S15].

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;
use syncline_core::{Error, ErrorKind, Result};
use syncline_http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::telling::{Links, Telling};

/// What a secret begins with; base64 of its bytes follows.
pub const SECRET_PREFIX: &str = "whsec_";
/// Fewest and most bytes of a secret, by the specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The body: the same bytes for every attempt.
pub fn body(telling: &Telling, created_at: Timestamp, links: &Links) -> Result<Vec<u8>> {
    let unwritable = |e| Error::internal("a notice cannot be written as JSON").caused_by(e);
    let mut data = serde_json::to_value(telling).map_err(unwritable)?;
    let run_url = telling.run.as_ref().and_then(|run| links.run(&run.id));
    if let (Some(url), Some(Value::Object(run))) = (run_url, data.get_mut("run")) {
        run.insert("url".into(), url.into());
    }
    let error_url = telling.error_code.as_deref().and_then(|code| links.error(code));
    if let (Some(url), Value::Object(data)) = (error_url, &mut data) {
        data.insert("error_url".into(), url.into());
    }
    let message = json!({
        "type": telling.event.webhook_type(),
        "timestamp": created_at.to_string(),
        "data": data,
    });
    serde_json::to_vec(&message).map_err(unwritable)
}

/// The headers that identify, date and sign a message; one signature for each secret.
///
/// The date is that of the attempt: receivers refuse messages whose date is long past, so that one
/// that somebody recorded cannot be sent again.
pub fn headers(id: &str, now: Timestamp, body: &[u8], secrets: &[String]) -> Result<HeaderMap> {
    let keys = secrets.iter().map(|secret| key(secret)).collect::<Result<Vec<_>>>()?;
    if keys.is_empty() {
        return Err(Error::new(ErrorKind::SecretRequired, "the channel has no secret to sign with"));
    }
    let timestamp = now.as_second().to_string();
    let signatures =
        keys.iter().map(|key| signature(key, id, &timestamp, body)).collect::<Result<Vec<_>>>()?;
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("webhook-id", value(id)?);
    headers.insert("webhook-timestamp", value(&timestamp)?);
    headers.insert("webhook-signature", value(&signatures.join(" "))?);
    Ok(headers)
}

fn signature(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> Result<String> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key)
        .map_err(|e| Error::internal("a key of HMAC can have any length").caused_by(e))?;
    mac.update(id.as_bytes());
    mac.update(b".");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// Whether messages can be signed with a secret.
pub fn check_secret(secret: &str) -> Result<()> {
    key(secret).map(drop)
}

/// The bytes of a secret. What is wrong with one is told without showing it.
fn key(secret: &str) -> Result<Zeroizing<Vec<u8>>> {
    let bytes = secret.strip_prefix(SECRET_PREFIX).and_then(|encoded| STANDARD.decode(encoded).ok());
    match bytes.map(Zeroizing::new) {
        Some(bytes) if SECRET_BYTES.contains(&bytes.len()) => Ok(bytes),
        _ => Err(Error::new(
            ErrorKind::InvalidConfig,
            "the channel's secret is not whsec_ and 24 to 64 bytes in base64",
        )
        .help("make one with: echo whsec_$(openssl rand -base64 32)")),
    }
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|e| Error::internal("a header of a webhook").caused_by(e))
}
