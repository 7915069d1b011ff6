//! Writing one file: under a temporary name first, then, durable, under its own.

use std::fs::File;
use std::io::{BufWriter, ErrorKind as IoKind, Write};
use std::path::PathBuf;
use std::sync::Arc;

use syncline_core::run::FileRef;
use syncline_core::{Error, Result};
use xxhash_rust::xxh3::Xxh3;

use super::BUFFER_BYTES;
use super::bucket::Bucket;
use super::faults::{checksum, io_error};
use super::folder::{Folder, refuse_existing};
use crate::fail_points::fail_point;

/// A file being written. Dropped without [`FileWriter::finish`], it leaves nothing.
pub struct FileWriter {
    folder: Folder,
    /// Where the finished file goes as well, and first.
    bucket: Option<Arc<Bucket>>,
    relative_path: String,
    path: PathBuf,
    /// `None` once the file has its name.
    temporary: Option<PathBuf>,
    pub(super) file: BufWriter<File>,
    hash: Box<Xxh3>,
    bytes: u64,
    /// A write failed: what follows would have a hole before it.
    broken: bool,
}

impl FileWriter {
    pub(super) fn begin(
        folder: &Folder,
        relative_path: &str,
        path: PathBuf,
        bucket: Option<Arc<Bucket>>,
    ) -> Result<Self> {
        let (file, temporary) = folder.create_temporary(&path)?;
        Ok(Self {
            folder: folder.clone(),
            bucket,
            relative_path: relative_path.to_string(),
            path,
            temporary: Some(temporary),
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            hash: Box::new(Xxh3::new()),
            bytes: 0,
            broken: false,
        })
    }

    /// Makes the file durable and gives it its name. In an object store it is durable when the store
    /// has acknowledged all of it.
    pub fn finish(mut self) -> Result<FileRef> {
        let Some(temporary) = self.temporary.clone() else {
            return Err(Error::internal(format!("{} is finished", self.path.display())));
        };
        self.make_durable().map_err(|e| io_error("write", &temporary, e))?;
        refuse_existing(&self.path)?;
        if let Some(bucket) = &self.bucket {
            bucket.upload(&temporary, &self.relative_path, self.bytes)?;
        }
        fail_point!("files.finish.before_rename");
        std::fs::rename(&temporary, &self.path).map_err(|e| io_error("rename", &temporary, e))?;
        self.temporary = None;
        fail_point!("files.finish.after_rename");
        match &self.bucket {
            None => self.sync_folders()?,
            Some(bucket) => bucket.copy_added(self.bytes)?,
        }
        Ok(FileRef {
            path: std::mem::take(&mut self.relative_path),
            bytes: self.bytes,
            checksum: checksum(&self.hash),
        })
    }

    /// Makes a downloaded file, if it is the one meant, a copy beside those of other processes; its
    /// length and checksum, and the open file.
    pub(super) fn finish_copy(mut self, file: &FileRef) -> Result<(u64, String, Option<File>)> {
        let Some(temporary) = self.temporary.clone() else {
            return Err(Error::internal(format!("{} is finished", self.path.display())));
        };
        // Synced too: after a power cut the length alone would not show that content is missing.
        self.make_durable().map_err(|e| io_error("write", &temporary, e))?;
        let checksum = checksum(&self.hash);
        if self.bytes != file.bytes || checksum != file.checksum {
            return Ok((self.bytes, checksum, None));
        }
        // Opened before it has a name under which it could be removed again.
        let open = File::open(&temporary).map_err(|e| io_error("open", &temporary, e))?;
        std::fs::rename(&temporary, &self.path).map_err(|e| io_error("rename", &temporary, e))?;
        self.temporary = None;
        Ok((self.bytes, checksum, Some(open)))
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
            if folder == self.folder.root() {
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
