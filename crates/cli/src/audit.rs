//! What commands without a server put into the audit log.

use jiff::Timestamp;
use serde_json::Value;
use syncline_core::Result;
use syncline_store::{AuditEntry, Catalog};

/// Notes something that was done, or why it was not. The detail never has a secret or a row's value.
pub async fn audited<T>(
    store: &dyn Catalog,
    action: &str,
    target: String,
    detail: Value,
    done: Result<T>,
) -> Result<T> {
    let entry = AuditEntry {
        at: Timestamp::now(),
        actor: "cli".into(),
        actor_name: "command line".into(),
        action: action.into(),
        target: target.chars().take(300).collect(),
        result: done.as_ref().map_or_else(|e| e.code().to_string(), |_| "ok".into()),
        detail,
        remote: None,
    };
    store.audit(&entry).await?;
    done
}
