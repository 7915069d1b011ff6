//! Immutable files beside the database: plans, outcomes, snapshot segments.
//!
//! A file appears under its name only when it is whole and durable; it never changes afterwards.
//! Whoever reads one has a [`FileRef`] with its length and checksum: nothing is found by listing.

use std::collections::HashSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::BuildHasher;
use std::io::{BufWriter, ErrorKind as IoKind, Read, Seek, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use syncline_core::run::FileRef;
use syncline_core::{Error, ErrorKind, Result};
use xxhash_rust::xxh3::Xxh3;

use crate::fail_points::fail_point;

/// Bytes written or read at once.
const BUFFER_BYTES: usize = 256 << 10;

/// What the name of an unfinished file has behind that of the finished one.
const TEMPORARY: &str = ".tmp-";

/// How often a free temporary name is tried for.
const NAME_ATTEMPTS_MAX: u32 = 16;

/// The files of a state folder. Its methods block.
///
/// Paths are relative, written with `/`, and have at least one folder (`runs/<id>/plan-<random>.arrow`):
/// what lies in the root itself, such as the database, is never touched.
#[derive(Clone, Debug)]
pub struct FileStore {
    root: PathBuf,
}

impl FileStore {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Begins a file that will be at `relative_path`, where there must be none.
    pub fn create(&self, relative_path: &str) -> Result<FileWriter> {
        let path = self.path_of(relative_path)?;
        refuse_existing(&path)?;
        let (file, temporary) = self.create_temporary(&path)?;
        Ok(FileWriter {
            root: self.root.clone(),
            relative_path: relative_path.to_string(),
            path,
            temporary: Some(temporary),
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            hash: Box::new(Xxh3::new()),
            bytes: 0,
            broken: false,
        })
    }

    /// Opens a file after a look at its length. Missing or of another length: `corrupt_state`.
    pub fn open(&self, file: &FileRef) -> Result<File> {
        let path = self.path_of(&file.path)?;
        let open = File::open(&path).map_err(|e| match e.kind() {
            IoKind::NotFound => damaged(&path, "is missing"),
            _ => io_error("open", &path, e),
        })?;
        let bytes = open.metadata().map_err(|e| io_error("read", &path, e))?.len();
        if bytes != file.bytes {
            return Err(damaged(&path, &format!("has {bytes} bytes instead of {}", file.bytes)));
        }
        Ok(open)
    }

    /// Opens a file, at its start, after its whole content was compared with its checksum. Different:
    /// `corrupt_state`.
    pub fn open_verified(&self, file: &FileRef) -> Result<File> {
        let path = self.path_of(&file.path)?;
        let mut open = self.open(file)?;
        let mut hash = Xxh3::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match open.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => hash.update(&buffer[..n]),
                Err(e) if e.kind() == IoKind::Interrupted => {}
                Err(e) => return Err(io_error("read", &path, e)),
            }
        }
        if checksum(&hash) == file.checksum {
            open.rewind().map_err(|e| io_error("read", &path, e))?;
            return Ok(open);
        }
        Err(damaged(&path, "does not have the checksum it was written with"))
    }

    /// Removes one file that nothing names any more. A missing one is fine.
    pub fn remove(&self, file: &FileRef) -> Result<()> {
        let path = self.path_of(&file.path)?;
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != IoKind::NotFound => Err(io_error("remove", &path, e)),
            _ => Ok(()),
        }
    }

    /// Removes files, unfinished ones included, that `live` does not name and that were last written
    /// more than `older_than` before `now`; then empty folders of that age. Returns how many files.
    ///
    /// The age protects files that are being written or not yet named by the state.
    pub fn remove_unreferenced(&self, live: &[String], older_than: Duration, now: SystemTime) -> Result<u64> {
        let live: HashSet<PathBuf> = live.iter().map(|path| self.path_of(path)).collect::<Result<_>>()?;
        let old = |written: SystemTime| now.duration_since(written).is_ok_and(|age| age > older_than);
        let mut removed = 0;
        for (path, kind) in list(&self.root)? {
            if kind == Kind::Folder {
                removed += remove_in(&path, &live, &old)?;
            }
        }
        Ok(removed)
    }

    fn path_of(&self, relative: &str) -> Result<PathBuf> {
        let plain = Path::new(relative).components().all(|c| matches!(c, Component::Normal(_)))
            && relative.split('/').all(|part| !matches!(part, "" | "." | ".."))
            && relative.contains('/')
            && !relative.contains(['\\', '\0']);
        if plain {
            return Ok(self.root.join(relative));
        }
        Err(Error::internal(format!(
            "'{relative}' does not name a file in a folder below {}",
            self.root.display()
        )))
    }

    fn create_temporary(&self, path: &Path) -> Result<(File, PathBuf)> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.create_folders(path)?;
            let temporary = temporary_name(path, attempt);
            let error = match owner_only().open(&temporary) {
                Ok(file) => return Ok((file, temporary)),
                Err(e) => e,
            };
            // Another file has the name, or a collection has just removed the empty folder.
            let again = matches!(error.kind(), IoKind::AlreadyExists | IoKind::NotFound);
            if !again || attempt == NAME_ATTEMPTS_MAX {
                return Err(io_error("create", &temporary, error));
            }
        }
    }

    fn create_folders(&self, path: &Path) -> Result<()> {
        let Some(folder) = path.parent() else { return Ok(()) };
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|e| io_error("create the folder", folder, e))
    }
}

/// A file being written. Dropped without [`FileWriter::finish`], it leaves nothing.
pub struct FileWriter {
    root: PathBuf,
    relative_path: String,
    path: PathBuf,
    /// `None` once the file has its name.
    temporary: Option<PathBuf>,
    file: BufWriter<File>,
    hash: Box<Xxh3>,
    bytes: u64,
    /// A write failed: what follows would have a hole before it.
    broken: bool,
}

impl FileWriter {
    /// Makes the file durable and gives it its name.
    pub fn finish(mut self) -> Result<FileRef> {
        let Some(temporary) = self.temporary.clone() else {
            return Err(Error::internal(format!("{} is finished", self.path.display())));
        };
        self.make_durable().map_err(|e| io_error("write", &temporary, e))?;
        refuse_existing(&self.path)?;
        fail_point!("files.finish.before_rename");
        std::fs::rename(&temporary, &self.path).map_err(|e| io_error("rename", &temporary, e))?;
        self.temporary = None;
        fail_point!("files.finish.after_rename");
        self.sync_folders()?;
        Ok(FileRef {
            path: std::mem::take(&mut self.relative_path),
            bytes: self.bytes,
            checksum: checksum(&self.hash),
        })
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn make_durable(&mut self) -> std::io::Result<()> {
        if self.broken {
            return Err(std::io::Error::other("an earlier write to this file failed"));
        }
        self.file.flush()?;
        let file = self.file.get_ref();
        file.sync_all()?;
        let stored = file.metadata()?.len();
        if stored == self.bytes {
            Ok(())
        } else {
            Err(std::io::Error::other(format!("{stored} bytes are stored of {} written", self.bytes)))
        }
    }

    /// Makes the file's name durable, and those of its folders: any of them may be new, also where
    /// another writer created it and has not come this far.
    fn sync_folders(&self) -> Result<()> {
        for folder in self.path.ancestors().skip(1) {
            File::open(folder)
                .and_then(|open| open.sync_all())
                .map_err(|e| io_error("write the folder", folder, e))?;
            if folder == self.root {
                break;
            }
        }
        Ok(())
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.file.write(bytes) {
            Ok(n) => {
                self.hash.update(&bytes[..n]);
                self.bytes += n as u64;
                Ok(n)
            }
            Err(e) => {
                self.broken |= e.kind() != IoKind::Interrupted;
                Err(e)
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush().inspect_err(|_| self.broken = true)
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // If it stays, collection removes it later.
            let _ = std::fs::remove_file(temporary);
        }
    }
}

/// An error of the file system with what was tried and where.
pub(crate) fn io_error(tried: &str, path: &Path, e: std::io::Error) -> Error {
    let denied = matches!(e.kind(), IoKind::PermissionDenied | IoKind::ReadOnlyFilesystem);
    let error = Error::from(e).context(format!("cannot {tried} {}", path.display()));
    if denied { error.help("make it readable and writable for the user that runs syncline") } else { error }
}

fn damaged(path: &Path, how: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the state file {} {how}", path.display()))
        .help("restore the state folder from a backup; without one, reset the sync")
}

fn refuse_existing(path: &Path) -> Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Err(Error::new(
            ErrorKind::Conflict,
            format!("{} exists already, and files of the state never change", path.display()),
        )),
        Err(e) if e.kind() == IoKind::NotFound => Ok(()),
        Err(e) => Err(io_error("look for", path, e)),
    }
}

fn temporary_name(path: &Path, attempt: u32) -> PathBuf {
    // Each `RandomState` has keys of its own.
    let random = std::hash::RandomState::new().hash_one(attempt);
    let mut name = path.as_os_str().to_os_string();
    name.push(format!("{TEMPORARY}{random:016x}"));
    PathBuf::from(name)
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn checksum(hash: &Xxh3) -> String {
    format!("{:032x}", hash.digest128())
}

#[derive(PartialEq)]
enum Kind {
    File,
    Folder,
    /// Links and devices: not ours, left alone.
    Other,
}

fn list(folder: &Path) -> Result<Vec<(PathBuf, Kind)>> {
    let failed = |e| io_error("list", folder, e);
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == IoKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    entries
        .map(|entry| {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let kind = match kind {
                k if k.is_file() => Kind::File,
                k if k.is_dir() => Kind::Folder,
                _ => Kind::Other,
            };
            Ok((entry.path(), kind))
        })
        .collect()
}

fn remove_in(folder: &Path, live: &HashSet<PathBuf>, old: &dyn Fn(SystemTime) -> bool) -> Result<u64> {
    // Looked up before files are removed, which makes the folder young again: a folder goes in the
    // collection after the one that emptied it.
    let old_folder = last_written(folder)?.is_some_and(old);
    let mut removed = 0;
    for (path, kind) in list(folder)? {
        match kind {
            Kind::Folder => removed += remove_in(&path, live, old)?,
            Kind::File if !live.contains(&path) && last_written(&path)?.is_some_and(old) => {
                match std::fs::remove_file(&path) {
                    Ok(()) => removed += 1,
                    Err(e) if e.kind() == IoKind::NotFound => {}
                    Err(e) => return Err(io_error("remove", &path, e)),
                }
            }
            Kind::File | Kind::Other => {}
        }
    }
    if old_folder {
        // Fails unless it is empty, as it should.
        let _ = std::fs::remove_dir(folder);
    }
    Ok(removed)
}

/// `None`: it has gone since it was listed.
fn last_written(path: &Path) -> Result<Option<SystemTime>> {
    match std::fs::symlink_metadata(path).and_then(|found| found.modified()) {
        Ok(time) => Ok(Some(time)),
        Err(e) if e.kind() == IoKind::NotFound => Ok(None),
        Err(e) => Err(io_error("look at", path, e)),
    }
}

#[cfg(test)]
mod tests;
