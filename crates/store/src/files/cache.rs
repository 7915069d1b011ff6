//! Copies of files in an object store, bounded: those used last stay.
//!
//! A copy that goes while it is read stays readable, because it is open. Several processes may share
//! the folder; each counts what it adds, and counts anew when the bound is reached.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use syncline_core::Result;

use super::folder::{Kind, is_temporary, last_written, list, remove};

/// What is left of the bound after a sweep, so that not every new file sweeps: nine tenths.
const KEPT_OF_TEN: u64 = 9;

/// An unfinished copy that nobody wrote to for so long is left over from a process that died.
const UNFINISHED_KEPT: Duration = Duration::from_secs(24 * 3_600);

#[derive(Debug)]
pub(super) struct Cache {
    root: PathBuf,
    bytes_max: u64,
    /// Bytes of all copies, as far as this process knows.
    bytes: Mutex<u64>,
}

struct Copy {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Cache {
    pub fn open(root: &Path, bytes_max: u64) -> Result<Self> {
        let cache = Self { root: root.to_path_buf(), bytes_max, bytes: Mutex::new(0) };
        cache.added(copies(root)?.iter().map(|copy| copy.bytes).sum())?;
        Ok(cache)
    }

    /// Counts a new copy, and removes others if they are too many.
    pub fn added(&self, bytes: u64) -> Result<()> {
        let mut total = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        *total += bytes;
        if *total > self.bytes_max {
            *total = self.sweep()?;
        }
        Ok(())
    }

    fn sweep(&self) -> Result<u64> {
        let mut copies = copies(&self.root)?;
        copies.sort_by_key(|copy| copy.used);
        let mut total = copies.iter().map(|copy| copy.bytes).sum::<u64>();
        let wanted = self.bytes_max / 10 * KEPT_OF_TEN;
        for copy in copies {
            if total <= wanted {
                break;
            }
            remove(&copy.path)?;
            total -= copy.bytes;
        }
        Ok(total)
    }
}

/// All finished copies. Files that a process left unfinished go.
fn copies(root: &Path) -> Result<Vec<Copy>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for (path, kind) in list(&folder)? {
            if kind == Kind::Folder {
                folders.push(path);
                continue;
            }
            let Some(used) = last_written(&path)?.filter(|_| kind == Kind::File) else { continue };
            if is_temporary(&path) {
                if used.elapsed().is_ok_and(|age| age > UNFINISHED_KEPT) {
                    remove(&path)?;
                }
                continue;
            }
            // It may have gone since: then it has no length.
            let bytes = path.symlink_metadata().map_or(0, |found| found.len());
            found.push(Copy { path, bytes, used });
        }
    }
    Ok(found)
}
