//! A folder of files, readable by its owner only.

use std::collections::HashSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::BuildHasher;
use std::io::ErrorKind as IoKind;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use syncline_core::run::FileRef;
use syncline_core::{Error, ErrorKind, Result};

use super::faults::{damaged, io_error};

/// What the name of an unfinished file has behind that of the finished one.
const TEMPORARY: &str = ".tmp-";

/// How often a free temporary name is tried for.
const NAME_ATTEMPTS_MAX: u32 = 16;

#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn path_of(&self, relative: &str) -> Result<PathBuf> {
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

    pub fn open(&self, file: &FileRef) -> Result<File> {
        let path = self.path_of(&file.path)?;
        let name = path.display().to_string();
        let open = open_existing(&path)?.ok_or_else(|| damaged(&name, "is missing"))?;
        let bytes = length(&open, &path)?;
        if bytes == file.bytes {
            return Ok(open);
        }
        Err(damaged(&name, &format!("has {bytes} bytes instead of {}", file.bytes)))
    }

    /// The file, if it is here and has its length.
    pub fn find(&self, file: &FileRef) -> Result<Option<File>> {
        let path = self.path_of(&file.path)?;
        let Some(open) = open_existing(&path)? else { return Ok(None) };
        Ok((length(&open, &path)? == file.bytes).then_some(open))
    }

    /// Paths of the files in a folder that has no folders in it.
    pub fn files_in(&self, relative: &str) -> Result<Vec<String>> {
        let names = list(&self.root.join(relative))?.into_iter().filter(|(_, kind)| *kind == Kind::File);
        let names = names.filter_map(|(path, _)| Some(path.file_name()?.to_str()?.to_string()));
        Ok(names.map(|name| format!("{relative}/{name}")).collect())
    }

    pub fn remove_unreferenced(&self, live: &[String], old: &dyn Fn(SystemTime) -> bool) -> Result<u64> {
        let live: HashSet<PathBuf> = live.iter().map(|path| self.path_of(path)).collect::<Result<_>>()?;
        let mut removed = 0;
        for (path, kind) in list(&self.root)? {
            if kind == Kind::Folder {
                removed += remove_in(&path, &live, old)?;
            }
        }
        Ok(removed)
    }

    /// Creates an unfinished file, and the folders it will be in.
    pub fn create_temporary(&self, path: &Path) -> Result<(File, PathBuf)> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            create_folders(path)?;
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
}

pub(super) fn refuse_existing(path: &Path) -> Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Err(exists(&path.display().to_string())),
        Err(e) if e.kind() == IoKind::NotFound => Ok(()),
        Err(e) => Err(io_error("look for", path, e)),
    }
}

pub(super) fn exists(name: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("{name} exists already, and files of the state never change"))
}

pub(super) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != IoKind::NotFound => Err(io_error("remove", path, e)),
        _ => Ok(()),
    }
}

pub(super) fn is_temporary(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains(TEMPORARY))
}

#[derive(PartialEq)]
pub(super) enum Kind {
    File,
    Folder,
    /// Links and devices: not ours, left alone.
    Other,
}

pub(super) fn list(folder: &Path) -> Result<Vec<(PathBuf, Kind)>> {
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

/// `None`: it has gone since it was listed.
pub(super) fn last_written(path: &Path) -> Result<Option<SystemTime>> {
    match std::fs::symlink_metadata(path).and_then(|found| found.modified()) {
        Ok(time) => Ok(Some(time)),
        Err(e) if e.kind() == IoKind::NotFound => Ok(None),
        Err(e) => Err(io_error("look at", path, e)),
    }
}

fn open_existing(path: &Path) -> Result<Option<File>> {
    match File::open(path) {
        Ok(open) => Ok(Some(open)),
        Err(e) if e.kind() == IoKind::NotFound => Ok(None),
        Err(e) => Err(io_error("open", path, e)),
    }
}

fn length(open: &File, path: &Path) -> Result<u64> {
    Ok(open.metadata().map_err(|e| io_error("read", path, e))?.len())
}

fn create_folders(path: &Path) -> Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|e| io_error("create the folder", folder, e))
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
