//! Pins: while one is held, no file of the state is removed, by this or any other process.
//!
//! In a folder a pin is a locked file, which the system unlocks when its process ends. In a bucket it
//! is an object that its process writes anew from time to time; one that is no longer written counts
//! no more.
//!
//! A collection that read the state before the pin was taken removes only what nothing named then and
//! what is a day old, so whoever reads the state with the pin in hand does not find it named.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use syncline_core::{Error, Result};
use tokio::task::AbortHandle;

use super::bucket::Bucket;
use super::faults::io_error;
use super::folder::{Folder, is_temporary, list, remove};

const FOLDER: &str = "pins";

/// How often a pin in a bucket is written anew.
const RENEWED_EVERY: Duration = Duration::from_secs(60);
/// How long one counts that is not: long enough for an outage and for clocks that differ.
const KEPT: Duration = Duration::from_secs(3_600);

/// Keeps files from being removed until it is dropped.
#[derive(Debug)]
pub struct Pin(Kind);

#[derive(Debug)]
enum Kind {
    Folder { _locked: File, path: PathBuf },
    Bucket { bucket: Arc<Bucket>, object: String, renewal: Option<AbortHandle> },
}

pub(super) fn in_folder(folder: &Folder) -> Result<Pin> {
    let path = folder.path_of(&name())?;
    // Locked before it has a name under which others look whether it is.
    let (locked, temporary) = folder.create_temporary(&path)?;
    locked.lock().map_err(|e| io_error("lock", &temporary, e))?;
    std::fs::rename(&temporary, &path).map_err(|e| io_error("rename", &temporary, e))?;
    Ok(Pin(Kind::Folder { _locked: locked, path }))
}

pub(super) fn is_folder_pinned(folder: &Folder) -> Result<bool> {
    for (path, _) in list(&folder.root().join(FOLDER))? {
        if !is_temporary(&path) && is_locked(&path)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A pin whose process is gone is removed.
fn is_locked(path: &Path) -> Result<bool> {
    let Ok(open) = File::open(path) else { return Ok(false) };
    match open.try_lock() {
        Ok(()) => remove(path).map(|()| false),
        Err(std::fs::TryLockError::WouldBlock) => Ok(true),
        Err(std::fs::TryLockError::Error(e)) => Err(io_error("lock", path, e)),
    }
}

pub(super) fn in_bucket(bucket: &Arc<Bucket>) -> Result<Pin> {
    let object = name();
    bucket.write_empty(&object)?;
    let renewal = bucket.renew_every(RENEWED_EVERY, &object);
    Ok(Pin(Kind::Bucket { bucket: bucket.clone(), object, renewal }))
}

pub(super) fn is_bucket_pinned(bucket: &Bucket) -> Result<bool> {
    let now = SystemTime::now();
    let pins = bucket.list(FOLDER)?;
    Ok(pins
        .iter()
        .any(|pin| now.duration_since(pin.written).is_ok_and(|age| age < KEPT) || pin.written > now))
}

fn name() -> String {
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), FOLDER);
    format!("{FOLDER}/{random:016x}")
}

impl Drop for Pin {
    fn drop(&mut self) {
        // What stays counts no more, or not for long.
        let _: Result<(), Error> = match &self.0 {
            Kind::Folder { path, .. } => remove(path),
            Kind::Bucket { bucket, object, renewal } => {
                renewal.iter().for_each(AbortHandle::abort);
                bucket.remove(object)
            }
        };
    }
}
