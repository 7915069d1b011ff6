//! Restoring: the whole backup is read and compared with its checksums before anything is written;
//! files come before the state that names them, and the state comes in one transaction.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

use jiff::Timestamp;
use syncline_core::run::FileRef;
use syncline_core::{Error, ErrorKind, Result};

use super::archive::{create_file, create_folder, read};
use super::manifest::{self, Manifest, TableManifest, too_new};
use super::{Archived, BUFFER_BYTES, Hashed, Scratch, blocking, tables};
use crate::files::io_error;
use crate::sql::Backend;
use crate::sqlite::migrations::MIGRATIONS;
use crate::{FileStore, Incarnation, SqliteStore};

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    pub manifest: Manifest,
    /// Of the state now.
    pub incarnation: Incarnation,
}

/// Reads a whole backup and compares it with its checksums. `scratch` is a folder for temporary files.
pub async fn verify(from: &Path, scratch: &Path) -> Result<Manifest> {
    let scratch = Scratch::beside(&scratch.join("restore"))?;
    let from = from.to_path_buf();
    blocking(move || unpack(&from, scratch.path())).await
}

/// Restores a backup into a state in which nothing is yet; with `replace`, into any, whose content is
/// lost. `scratch` is a folder for temporary files.
///
/// The state becomes another incarnation: runs that were active are orphans, whose chunks the targets
/// are asked about, and runs that could repeat what was written since the backup wait for an approval
/// [G30]. Errors: `corrupt_state` for a backup that is damaged, `state_too_new` for one of a newer
/// version, `conflict` for a state that is not empty.
pub async fn restore(
    from: &Path,
    store: &dyn Archived,
    files: &FileStore,
    replace: bool,
    scratch: &Path,
    now: Timestamp,
) -> Result<Restored> {
    let scratch = Scratch::beside(&scratch.join("restore"))?;
    if !replace {
        store.require_empty().await?;
    }
    let (archive, unpacked) = (from.to_path_buf(), scratch.path().to_path_buf());
    let manifest = blocking(move || unpack(&archive, &unpacked)).await?;
    let current = MIGRATIONS.len() as u64;
    let (folder, tables) = if manifest.schema_version == current {
        (scratch.path().to_path_buf(), manifest.tables.clone())
    } else {
        let newest = scratch.path().join("newest");
        let tables = upgrade(&manifest, scratch.path(), &newest).await?;
        (newest, tables)
    };
    let (archive, stored, named) = (from.to_path_buf(), files.clone(), manifest.clone());
    blocking(move || store_files(&archive, &named, &stored)).await?;
    let incarnation = Incarnation { id: new_id(), restored_at: Some(now) };
    store.load(&folder, &tables, &incarnation, replace).await?;
    Ok(Restored { manifest, incarnation })
}

/// Writes the tables of a backup to `scratch`, after everything in it was compared with its checksum.
fn unpack(from: &Path, scratch: &Path) -> Result<Manifest> {
    let mut found: Option<Manifest> = None;
    let mut missing: BTreeMap<String, (u64, String)> = BTreeMap::new();
    read(from, &mut |name, content| {
        let Some(manifest) = &found else {
            let manifest = read_manifest(name, content)?;
            missing = entries(&manifest);
            found = Some(manifest);
            return Ok(());
        };
        let Some(expected) = missing.remove(name) else {
            return Err(damaged(&format!("'{name}' is in it and not in its manifest, or twice")));
        };
        let table = manifest.tables.iter().find(|table| table.entry() == name);
        let read = match table {
            Some(table) => copy(content, &scratch.join(table.file_name()))?,
            None => skim(content)?,
        };
        if read == expected { Ok(()) } else { Err(damaged(&format!("'{name}' is not what it was"))) }
    })?;
    let manifest = found.ok_or_else(|| damaged("it is empty"))?;
    match missing.keys().next() {
        None => Ok(manifest),
        Some(name) => Err(damaged(&format!("'{name}' is missing"))),
    }
}

fn read_manifest(name: &str, content: &mut dyn Read) -> Result<Manifest> {
    let mut text = Vec::new();
    if name == manifest::NAME {
        content.take(manifest::BYTES_MAX).read_to_end(&mut text).map_err(cut_off)?;
    }
    let manifest = Manifest::parse(&text)?;
    let current = MIGRATIONS.len() as u64;
    if manifest.schema_version > current {
        return Err(too_new(format!(
            "the state in the backup has schema version {}; this version of syncline knows up to {current}",
            manifest.schema_version
        )));
    }
    if manifest.schema_version == 0 {
        return Err(damaged("it has no schema version"));
    }
    tables::require_known(&manifest.tables)?;
    Ok(manifest)
}

/// What has to be in a backup, with length and checksum.
fn entries(manifest: &Manifest) -> BTreeMap<String, (u64, String)> {
    let tables = manifest.tables.iter().map(|table| (table.entry(), (table.bytes, table.checksum.clone())));
    let files =
        manifest.files.iter().map(|file| (manifest::file_entry(file), (file.bytes, file.checksum.clone())));
    tables.chain(files).collect()
}

/// Copies an entry to a file; its length and checksum.
fn copy(content: &mut dyn Read, path: &Path) -> Result<(u64, String)> {
    let mut to = create_file(path)?;
    each_piece(content, &mut |piece| to.write_all(piece).map_err(|e| io_error("write", path, e)))
}

/// Reads an entry; its length and checksum.
fn skim(content: &mut dyn Read) -> Result<(u64, String)> {
    each_piece(content, &mut |_| Ok(()))
}

fn each_piece(content: &mut dyn Read, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<(u64, String)> {
    let mut from = Hashed::new(content);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok((from.bytes, from.checksum())),
            Ok(read) => take(&buffer[..read])?,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(cut_off(e)),
        }
    }
}

/// Brings tables of an older schema to the newest one, as a state of that age is brought there.
async fn upgrade(manifest: &Manifest, from: &Path, to: &Path) -> Result<Vec<TableManifest>> {
    let folder = from.join("upgrade");
    let (tables, source) = (manifest.tables.clone(), from.to_path_buf());
    let old = SqliteStore::open_at(&folder, manifest.schema_version as usize)?;
    old.write(move |tx| tables::load(tx, &source, &tables)).await?;
    drop(old);
    create_folder(to)?;
    Ok(SqliteStore::open(&folder)?.dump(to).await?.tables)
}

/// Stores the files of a backup where they are not yet.
fn store_files(from: &Path, manifest: &Manifest, files: &FileStore) -> Result<()> {
    let named: BTreeMap<_, _> =
        manifest.files.iter().map(|file| (manifest::file_entry(file), file)).collect();
    read(from, &mut |name, content| match named.get(name) {
        None => Ok(()),
        // An attempt before this one may have come so far, or the state that is replaced has it.
        Some(file) if files.open_verified(file).is_ok() => Ok(()),
        Some(file) => store_file(file, content, files),
    })
}

fn store_file(file: &FileRef, content: &mut dyn Read, files: &FileStore) -> Result<()> {
    let mut writer = files.create(&file.path)?;
    each_piece(content, &mut |piece| {
        writer.write_all(piece).map_err(|e| io_error("write", Path::new(&file.path), e))
    })?;
    if writer.finish()? == *file {
        return Ok(());
    }
    Err(damaged(&format!("'{}' changed while it was restored", file.path)))
}

fn new_id() -> String {
    let random = |n: u8| std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), n);
    format!("{:016x}{:016x}", random(0), random(1))
}

fn damaged(how: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the backup is damaged: {how}")).help("take another backup")
}

fn cut_off(e: std::io::Error) -> Error {
    damaged("it is cut off, or a part of it cannot be read").caused_by(e)
}
