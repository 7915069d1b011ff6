//! What can go wrong with files, here and in an object store, as the product's errors.

use std::error::Error as _;
use std::io::ErrorKind as IoKind;
use std::path::Path;

use object_store::client::{HttpError, HttpErrorKind};
use syncline_core::{Error, ErrorKind};
use xxhash_rust::xxh3::Xxh3;

/// An error of the file system with what was tried and where.
pub(crate) fn io_error(tried: &str, path: &Path, e: std::io::Error) -> Error {
    let denied = matches!(e.kind(), IoKind::PermissionDenied | IoKind::ReadOnlyFilesystem);
    let error = Error::from(e).context(format!("cannot {tried} {}", path.display()));
    if denied { error.help("make it readable and writable for the user that runs syncline") } else { error }
}

/// A file is not what the state says of it.
pub(super) fn damaged(name: &str, how: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the state file {name} {how}"))
        .help("restore the state from a backup; without one, reset the sync")
}

/// An error of the object store with what was tried and where. One that is not there is told by the
/// caller, who knows whether it should be.
pub(super) fn store_error(tried: &str, name: &str, e: object_store::Error) -> Error {
    let what = format!("cannot {tried} {name}");
    use object_store::Error as Fault;
    let (why, help) = match (&e, status(&e)) {
        (Fault::PermissionDenied { .. } | Fault::Unauthenticated { .. }, _) | (_, Some(401 | 403)) => (
            "the object store refuses it",
            "check the credentials, and that they may list, read, write and delete objects there",
        ),
        (Fault::NotFound { .. }, _) | (_, Some(404)) => {
            ("there is no such bucket or object", "check the name of the bucket, the endpoint and the region")
        }
        _ if is_full(&e) => ("the object store is full", "free some space there, or raise its quota"),
        _ if is_unreachable(&e) => (
            "the object store cannot be reached or does not answer in time",
            "check the endpoint and the network; nothing of this file is named, so a later run writes it anew",
        ),
        _ => ("the object store failed", "look at what follows, and at the log of the object store"),
    };
    Error::new(ErrorKind::LocalIo, format!("{what}: {why}")).help(help).caused_by(e)
}

fn is_unreachable(e: &object_store::Error) -> bool {
    let mut cause = e.source();
    while let Some(e) = cause {
        if let Some(http) = e.downcast_ref::<HttpError>() {
            return !matches!(http.kind(), HttpErrorKind::Decode | HttpErrorKind::Unknown);
        }
        cause = e.source();
    }
    false
}

/// S3 has no code for it. MinIO answers with 507 and codes of its own, Ceph with `QuotaExceeded`.
fn is_full(e: &object_store::Error) -> bool {
    let text = e.to_string();
    status(e) == Some(507) || ["QuotaExceeded", "StorageFull"].iter().any(|code| text.contains(code))
}

/// The status that the store answered with. The client keeps it to itself, except in its message, for
/// requests that are not about one object.
fn status(e: &object_store::Error) -> Option<u16> {
    let text = e.to_string();
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

pub(super) fn checksum(hash: &Xxh3) -> String {
    format!("{:032x}", hash.digest128())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_store_is_told_as_such() {
        for text in
            ["Server returned non-2xx status code: 507 Insufficient Storage: ", "<Code>QuotaExceeded</Code>"]
        {
            let e = object_store::Error::Generic { store: "S3", source: text.into() };
            let error = store_error("write", "s3://b/x", e);
            assert_eq!(error.kind, ErrorKind::LocalIo);
            assert!(error.message.contains("is full"), "{error}");
        }
        let e = object_store::Error::Generic { store: "S3", source: "status code: 501".into() };
        assert!(!store_error("write", "s3://b/x", e).message.contains("full"));
    }
}
