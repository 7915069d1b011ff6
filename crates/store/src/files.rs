//! Immutable files beside the database: plans, outcomes, snapshot segments.
//!
//! A file appears under its name only when it is whole and durable; it never changes afterwards.
//! Whoever reads one has a [`FileRef`] with its length and checksum: nothing is found by listing.

mod bridge;
mod bucket;
mod cache;
mod faults;
mod folder;
mod location;
mod pins;
mod writer;

use std::fs::File;
use std::io::{ErrorKind as IoKind, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use syncline_core::Result;
use syncline_core::run::FileRef;
use xxhash_rust::xxh3::Xxh3;

use bucket::Bucket;
pub(crate) use faults::io_error;
use faults::{checksum, damaged};
use folder::Folder;
use location::Location;
pub use pins::Pin;
pub use writer::FileWriter;

/// Bytes written or read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Bytes of the copies that are kept here of files in an object store, unless told otherwise.
pub const CACHE_BYTES: u64 = 2 << 30;

/// The files of a state. Its methods block, and may be called on threads of an asynchronous runtime
/// as file operations may.
///
/// Paths are relative, written with `/`, and have at least one folder (`runs/<id>/plan-<random>.arrow`):
/// what lies in the root itself, such as the database, is never touched.
///
/// Files are in a folder, or in a bucket of an S3-compatible object store, where every process that
/// names the same bucket and prefix finds them. With a bucket, a folder of this process holds copies.
#[derive(Clone, Debug)]
pub struct FileStore {
    /// The files, or the copies of those in `bucket`.
    folder: Folder,
    bucket: Option<Arc<Bucket>>,
}

impl FileStore {
    /// Files in a folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { folder: Folder::new(root.into()), bucket: None }
    }

    /// Files at a location: a folder, or `s3://bucket/prefix?endpoint=…&region=…`.
    ///
    /// What a location of a bucket may say further stands in `docs/state.md`. Credentials are taken
    /// from it or from the `AWS_…` variables of the environment. `cache` is the folder for copies, at
    /// most `cache_bytes` of them: those used last stay. A bucket that cannot be listed is an error.
    pub fn at(location: &str, cache: &Path, cache_bytes: u64) -> Result<Self> {
        match Location::parse(location)? {
            Location::Folder(root) => Ok(Self::new(root)),
            Location::Bucket(place) => {
                let folder = Folder::new(cache.to_path_buf());
                let bucket = Bucket::at(&place, folder.clone(), cache_bytes)?;
                Ok(Self { folder, bucket: Some(Arc::new(bucket)) })
            }
        }
    }

    /// Begins a file that will be at `relative_path`, where there must be none.
    pub fn create(&self, relative_path: &str) -> Result<FileWriter> {
        let path = self.folder.path_of(relative_path)?;
        folder::refuse_existing(&path)?;
        FileWriter::begin(&self.folder, relative_path, path, self.bucket.clone())
    }

    /// Opens a file after a look at its length. Missing or of another length: `corrupt_state`.
    pub fn open(&self, file: &FileRef) -> Result<File> {
        match &self.bucket {
            None => self.folder.open(file),
            Some(bucket) => bucket.open(file),
        }
    }

    /// Opens a file, at its start, after its whole content was compared with its checksum. Different:
    /// `corrupt_state`.
    pub fn open_verified(&self, file: &FileRef) -> Result<File> {
        if let Some(open) = verified(self.open(file)?, file, &self.name_of(file)?)? {
            return Ok(open);
        }
        match &self.bucket {
            // The copy was damaged here; a download is compared with its checksum.
            Some(bucket) => bucket.download(file),
            None => Err(damaged(&self.name_of(file)?, "does not have the checksum it was written with")),
        }
    }

    /// Removes one file that nothing names any more. A missing one is fine.
    ///
    /// While a backup runs ([`FileStore::pin`]) the file stays, and a later collection removes it.
    pub fn remove(&self, file: &FileRef) -> Result<()> {
        self.remove_path(&file.path)
    }

    fn remove_path(&self, relative_path: &str) -> Result<()> {
        let path = self.folder.path_of(relative_path)?;
        if self.is_pinned()? {
            return Ok(());
        }
        if let Some(bucket) = &self.bucket {
            bucket.remove(relative_path)?;
        }
        folder::remove(&path)
    }

    /// Paths of all files in a folder, unfinished ones and copies of other files included.
    pub fn list(&self, folder: &str) -> Result<Vec<String>> {
        let mut paths = self.folder.files_in(folder)?;
        if let Some(bucket) = &self.bucket {
            paths.extend(bucket.list(folder)?.into_iter().map(|found| found.path));
        }
        paths.sort_unstable();
        paths.dedup();
        Ok(paths)
    }

    /// Removes those of these files that `live` (sorted) does not name, whatever their age: only for files
    /// that nothing will name any more. Returns how many.
    pub fn remove_listed(&self, listed: &[String], live: &[String]) -> Result<u64> {
        let gone = listed.iter().filter(|path| live.binary_search(path).is_err());
        let mut removed = 0;
        for path in gone {
            self.remove_path(path)?;
            removed += 1;
        }
        Ok(removed)
    }

    /// Removes files, unfinished ones included, that `live` does not name and that were last written
    /// more than `older_than` before `now`; then empty folders of that age. Returns how many files.
    ///
    /// The age protects files that are being written or not yet named by the state. Nothing is removed
    /// while a backup runs ([`FileStore::pin`]).
    pub fn remove_unreferenced(&self, live: &[String], older_than: Duration, now: SystemTime) -> Result<u64> {
        for path in live {
            self.folder.path_of(path)?;
        }
        if self.is_pinned()? {
            return Ok(0);
        }
        let old = |written: SystemTime| now.duration_since(written).is_ok_and(|age| age > older_than);
        let here = self.folder.remove_unreferenced(live, &old)?;
        match &self.bucket {
            None => Ok(here),
            Some(bucket) => bucket.remove_unreferenced(live, &old),
        }
    }

    /// Keeps every file from being removed, by any process, until the pin is dropped or the process
    /// ends. Whoever takes it before reading the state finds all files that the state names.
    pub fn pin(&self) -> Result<Pin> {
        match &self.bucket {
            None => pins::in_folder(&self.folder),
            Some(bucket) => pins::in_bucket(bucket),
        }
    }

    /// Whether somebody keeps the files from being removed ([`FileStore::pin`]).
    pub fn is_pinned(&self) -> Result<bool> {
        match &self.bucket {
            None => pins::is_folder_pinned(&self.folder),
            Some(bucket) => pins::is_bucket_pinned(bucket),
        }
    }

    /// What a file is called in messages.
    fn name_of(&self, file: &FileRef) -> Result<String> {
        let path = self.folder.path_of(&file.path)?;
        Ok(self.bucket.as_ref().map_or_else(|| path.display().to_string(), |b| b.name_of(&file.path)))
    }
}

/// The file at its start, if its content is what was written.
fn verified(mut open: File, file: &FileRef, name: &str) -> Result<Option<File>> {
    let failed = |e| io_error("read", Path::new(name), e);
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match open.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => hash.update(&buffer[..n]),
            Err(e) if e.kind() == IoKind::Interrupted => {}
            Err(e) => return Err(failed(e)),
        }
    }
    if checksum(&hash) != file.checksum {
        return Ok(None);
    }
    open.rewind().map_err(failed)?;
    Ok(Some(open))
}

#[cfg(test)]
mod tests;
