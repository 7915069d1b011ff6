//! Backups: everything that a state is, in one file or folder, whichever database it is in.
//!
//! ```text
//! manifest.json          what is in it, with checksums
//! state/<table>.jsonl    the rows of one table: a line is a JSON array of a row's values
//! files/<path>           a file that the state names
//! ```
//!
//! A file is a tar archive compressed by zstd; a folder holds the same names. The tables are read in one
//! transaction, so a backup made while runs go on is of one moment [G19]. The same format serves every
//! database, so a backup of one is restored into another.

mod archive;
mod manifest;
mod renewal;
mod restore;
mod tables;

use std::io::Write;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_core::run::FileRef;
use syncline_core::{Error, ErrorKind, Result};
use xxhash_rust::xxh3::Xxh3;

use crate::files::io_error;
use crate::sql::{Backend, incarnation};
use crate::sqlite::migrations::MIGRATIONS;
use crate::{FileStore, Incarnation};
use archive::Writer;
pub use manifest::{Manifest, TableManifest};
pub use restore::{Restored, restore, verify};

/// Bytes copied at once.
const BUFFER_BYTES: usize = 256 << 10;

/// A store that can be backed up and restored into.
#[async_trait]
pub trait Archived: Send + Sync {
    /// Writes the rows of every table, as they were at one moment, to files in `folder`.
    async fn dump(&self, folder: &Path) -> Result<Dump>;
    /// `conflict` for a store that something is in.
    async fn require_empty(&self) -> Result<()>;
    /// Replaces the rows of every table by those in `folder`, and makes the store another incarnation:
    /// all of it, or nothing. A store that something is in is `conflict` unless `replace`.
    async fn load(
        &self,
        folder: &Path,
        tables: &[TableManifest],
        incarnation: &Incarnation,
        replace: bool,
    ) -> Result<()>;
}

/// What [`Archived::dump`] wrote.
#[derive(Clone, Debug)]
pub struct Dump {
    pub tables: Vec<TableManifest>,
    /// Every file that the state names.
    pub files: Vec<FileRef>,
    /// Of the store it is a dump of.
    pub incarnation: String,
}

#[async_trait]
impl<B: Backend + 'static> Archived for B {
    async fn dump(&self, folder: &Path) -> Result<Dump> {
        let folder = folder.to_path_buf();
        self.read(move |tx| {
            let (tables, files) = tables::dump(tx, &folder)?;
            Ok(Dump { tables, files, incarnation: incarnation::get(tx)?.id })
        })
        .await
    }

    async fn require_empty(&self) -> Result<()> {
        self.read(tables::require_empty).await
    }

    async fn load(
        &self,
        folder: &Path,
        tables: &[TableManifest],
        incarnation: &Incarnation,
        replace: bool,
    ) -> Result<()> {
        let (folder, tables, incarnation) = (folder.to_path_buf(), tables.to_vec(), incarnation.clone());
        self.write(move |tx| {
            if !replace {
                tables::require_empty(tx)?;
            }
            tables::load(tx, &folder, &tables)?;
            renewal::renew(tx, &incarnation)
        })
        .await
    }
}

/// Where a backup is made.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Where there must be nothing. A name that ends in `.tar.zst` is a file; any other is a folder.
    pub path: PathBuf,
    /// Version of the program, for the manifest.
    pub program_version: String,
}

/// Makes a backup of a state and of the files that it names, also while others write to both.
///
/// Files are kept from being collected while it runs. It appears under its name only when it is whole
/// and durable. What the state keeps encrypted stays so; the key is not part of it.
pub async fn backup(
    store: &dyn Archived,
    files: &FileStore,
    to: &Destination,
    now: Timestamp,
) -> Result<Manifest> {
    refuse_existing(&to.path)?;
    // Held before the state is read: what it names then cannot go.
    let pinning = files.clone();
    let pin = blocking(move || pinning.pin()).await?;
    let scratch = Scratch::beside(&to.path)?;
    let dump = store.dump(scratch.path()).await?;
    let manifest = Manifest {
        format: manifest::FORMAT.into(),
        format_version: manifest::FORMAT_VERSION,
        schema_version: MIGRATIONS.len() as u64,
        program_version: to.program_version.clone(),
        incarnation: dump.incarnation,
        created_at: now,
        tables: dump.tables,
        files: dump.files,
    };
    let (written, files, path) = (manifest.clone(), files.clone(), to.path.clone());
    blocking(move || {
        write(&written, scratch.path(), &files, &path)?;
        drop((pin, scratch));
        Ok(())
    })
    .await?;
    Ok(manifest)
}

fn write(manifest: &Manifest, tables: &Path, files: &FileStore, to: &Path) -> Result<()> {
    let mut writer = Writer::create(to)?;
    let text = manifest.to_json()?;
    writer.add(manifest::NAME, text.len() as u64, &mut text.as_bytes())?;
    for table in &manifest.tables {
        let path = tables.join(table.file_name());
        let mut open = std::fs::File::open(&path).map_err(|e| io_error("read", &path, e))?;
        writer.add(&table.entry(), table.bytes, &mut open)?;
    }
    for file in &manifest.files {
        let mut open = Hashed::new(files.open(file)?);
        writer.add(&manifest::file_entry(file), file.bytes, &mut open)?;
        if open.checksum() != file.checksum {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("the state file {} does not have the checksum it was written with", file.path),
            )
            .help("the backup was given up; `syncline check` says which syncs need the file"));
        }
    }
    writer.finish()
}

/// A reader that knows the checksum of what was read.
struct Hashed<R> {
    from: R,
    hash: Box<Xxh3>,
    bytes: u64,
}

impl<R> Hashed<R> {
    fn new(from: R) -> Self {
        Self { from, hash: Box::new(Xxh3::new()), bytes: 0 }
    }

    fn checksum(&self) -> String {
        format!("{:032x}", self.hash.digest128())
    }
}

impl<R: std::io::Read> std::io::Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.from.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.from.flush()
    }
}

/// A folder for the time of one backup, which only its owner can read: it holds what the state holds.
struct Scratch(PathBuf);

impl Scratch {
    /// Beside `path`, where there is room for a backup.
    fn beside(path: &Path) -> Result<Self> {
        let folder = archive::partial_name(path, "tables");
        archive::create_folder(&folder)?;
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays has a name that says what it is.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn refuse_existing(path: &Path) -> Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Err(Error::new(ErrorKind::Conflict, format!("{} exists already", path.display()))
            .help("a backup replaces nothing: choose another name, or remove that one")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(io_error("look for", path, e)),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(e) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
        Err(e) => Err(Error::internal("the program is shutting down").caused_by(e)),
    }
}

#[cfg(test)]
mod tests;
