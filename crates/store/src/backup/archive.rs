//! Entries of a backup: a compressed tar archive, or a folder. Each has a name and a length.

use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::BuildHasher;
use std::io::{BufReader, BufWriter, Read};
use std::path::{Component, Path, PathBuf};

use syncline_core::{Error, ErrorKind, Result};

use super::{BUFFER_BYTES, manifest};
use crate::files::io_error;

/// What the name of a backup in a file ends in.
const EXTENSION: &str = ".tar.zst";
/// zstd's own choice: fast, and most of what can be had.
const COMPRESSION_LEVEL: i32 = 3;

type Tar = tar::Builder<zstd::Encoder<'static, BufWriter<File>>>;

/// A backup being written. Dropped without [`Writer::finish`], it leaves nothing.
pub(super) struct Writer {
    to: PathBuf,
    partial: Partial,
    kind: Kind,
}

enum Kind {
    File(Box<Tar>),
    Folder,
}

/// What is written under a name that says it is not finished.
struct Partial {
    path: PathBuf,
    is_folder: bool,
    is_finished: bool,
}

impl Writer {
    pub fn create(to: &Path) -> Result<Self> {
        let path = partial_name(to, "partial");
        let is_folder = !is_file(to);
        let kind = if is_folder {
            create_folder(&path)?;
            Kind::Folder
        } else {
            let file = BufWriter::with_capacity(BUFFER_BYTES, create_file(&path)?);
            let encoder = encoder(file).map_err(|e| io_error("write", &path, e))?;
            Kind::File(Box::new(tar::Builder::new(encoder)))
        };
        Ok(Self { to: to.to_path_buf(), partial: Partial { path, is_folder, is_finished: false }, kind })
    }

    /// Adds an entry of exactly `bytes`.
    pub fn add(&mut self, name: &str, bytes: u64, content: &mut dyn Read) -> Result<()> {
        let path = &self.partial.path;
        let failed = |e| io_error(&format!("write {name} to"), path, e);
        let added = match &mut self.kind {
            Kind::File(tar) => {
                let mut header = tar::Header::new_gnu();
                header.set_size(bytes);
                header.set_mode(0o600);
                let mut counted = Counted { content, bytes: 0 };
                let entry = (&mut counted).take(bytes);
                tar.append_data(&mut header, name, entry).map_err(failed)?;
                counted.bytes
            }
            Kind::Folder => {
                let path = path.join(name);
                create_folder(path.parent().unwrap_or(&self.partial.path))?;
                let mut file = create_file(&path)?;
                let copied = std::io::copy(&mut content.take(bytes), &mut file).map_err(failed)?;
                file.sync_all().map_err(failed)?;
                copied
            }
        };
        if added == bytes {
            return Ok(());
        }
        Err(Error::internal(format!("{name} has {added} bytes instead of {bytes}")))
    }

    /// Makes it durable and gives it its name.
    pub fn finish(mut self) -> Result<()> {
        let path = self.partial.path.clone();
        let failed = |e| io_error("write", &path, e);
        match self.kind {
            Kind::File(tar) => {
                let file = tar.into_inner().and_then(zstd::Encoder::finish).map_err(failed)?;
                let file = file.into_inner().map_err(|e| failed(e.into_error()))?;
                file.sync_all().map_err(failed)?;
            }
            Kind::Folder => sync_folders(&path)?,
        }
        super::refuse_existing(&self.to)?;
        std::fs::rename(&path, &self.to).map_err(|e| io_error("rename", &path, e))?;
        self.partial.is_finished = true;
        sync_folder(parent(&self.to))
    }
}

fn encoder(file: BufWriter<File>) -> std::io::Result<zstd::Encoder<'static, BufWriter<File>>> {
    let mut encoder = zstd::Encoder::new(file, COMPRESSION_LEVEL)?;
    // Beside the checksums of the entries, for what lies between them.
    encoder.include_checksum(true)?;
    Ok(encoder)
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        let _ = if self.is_folder {
            std::fs::remove_dir_all(&self.path)
        } else {
            std::fs::remove_file(&self.path)
        };
    }
}

/// Passes bytes on and counts them.
struct Counted<'a> {
    content: &'a mut dyn Read,
    bytes: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.content.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Hands every entry of a backup to `take`, in the order in which they were written. What is not read
/// of one is skipped.
pub(super) fn read(from: &Path, take: &mut dyn FnMut(&str, &mut dyn Read) -> Result<()>) -> Result<()> {
    let found = std::fs::metadata(from).map_err(|e| unreadable(from, e))?;
    if found.is_dir() {
        for name in names_in_folder(from)? {
            let file = File::open(from.join(&name)).map_err(|e| damaged(from, e))?;
            take(&name, &mut BufReader::with_capacity(BUFFER_BYTES, file))?;
        }
        return Ok(());
    }
    let file = File::open(from).map_err(|e| unreadable(from, e))?;
    let damaged = |e| damaged(from, e);
    let decoder = zstd::Decoder::new(file).map_err(damaged)?;
    let mut archive = tar::Archive::new(decoder);
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.to_string_lossy().into_owned();
        take(&name, &mut entry)?;
    }
    // Up to the end, where the checksum of everything is.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink()).map_err(damaged)?;
    Ok(())
}

/// The manifest, then the tables, then the files, as in an archive.
fn names_in_folder(folder: &Path) -> Result<Vec<String>> {
    let text = std::fs::read(folder.join(manifest::NAME)).map_err(|e| unreadable(folder, e))?;
    let found = manifest::Manifest::parse(&text)?;
    let mut names = vec![manifest::NAME.to_string()];
    names.extend(found.tables.iter().map(manifest::TableManifest::entry));
    names.extend(found.files.iter().map(manifest::file_entry));
    let is_inside = |name: &String| Path::new(name).components().all(|c| matches!(c, Component::Normal(_)));
    if let Some(outside) = names.iter().find(|name| !is_inside(name)) {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("the backup names '{outside}', outside of itself"),
        ));
    }
    Ok(names)
}

fn damaged(path: &Path, e: std::io::Error) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the backup {} is damaged or cut off", path.display()))
        .help("take another one")
        .caused_by(e)
}

fn unreadable(path: &Path, e: std::io::Error) -> Error {
    if e.kind() == std::io::ErrorKind::NotFound {
        return Error::new(ErrorKind::NotFound, format!("there is no backup at {}", path.display()))
            .help("name a file or folder that `syncline backup` made")
            .caused_by(e);
    }
    io_error("read", path, e)
}

fn is_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(EXTENSION))
}

/// A name beside `path` that nobody else has.
pub(super) fn partial_name(path: &Path, what: &str) -> PathBuf {
    let random = std::hash::RandomState::new().hash_one(what);
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{what}-{random:016x}"));
    path.with_file_name(name)
}

pub(super) fn create_folder(path: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|e| io_error("create the folder", path, e))
}

pub(super) fn create_file(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|e| io_error("create", path, e))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folders(folder: &Path) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(|e| io_error("list", folder, e))?;
    for entry in entries {
        let path = entry.map_err(|e| io_error("list", folder, e))?.path();
        if path.is_dir() {
            sync_folders(&path)?;
        }
    }
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|open| open.sync_all()).map_err(|e| io_error("write the folder", folder, e))
}
