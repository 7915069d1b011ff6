//! What a backup says of itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::run::FileRef;
use syncline_core::{Error, ErrorKind, Result};

pub(super) const NAME: &str = "manifest.json";
pub(super) const FORMAT: &str = "syncline-backup";
/// The version this program writes and the newest it reads.
pub(super) const FORMAT_VERSION: u32 = 1;
/// Larger ones are not ours.
pub(super) const BYTES_MAX: u64 = 256 << 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: String,
    pub format_version: u32,
    /// Of the tables.
    pub schema_version: u64,
    /// Of the program that made it.
    pub program_version: String,
    /// Of the state it was made of.
    pub incarnation: String,
    pub created_at: Timestamp,
    /// In an order in which they can be filled.
    pub tables: Vec<TableManifest>,
    pub files: Vec<FileRef>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableManifest {
    pub name: String,
    /// In the order of a row's values.
    pub columns: Vec<String>,
    pub rows: u64,
    pub bytes: u64,
    /// xxh3-128, as hexadecimal.
    pub checksum: String,
}

#[derive(Deserialize)]
struct Tag {
    format: String,
    format_version: u32,
}

impl Manifest {
    pub(super) fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map_err(|e| Error::internal("a manifest cannot be written as JSON").caused_by(e))
    }

    pub(super) fn parse(text: &[u8]) -> Result<Self> {
        let tag: Tag = serde_json::from_slice(text).map_err(|e| not_ours().caused_by(e))?;
        if tag.format != FORMAT {
            return Err(not_ours());
        }
        if tag.format_version > FORMAT_VERSION {
            return Err(too_new(format!(
                "the backup has format {}; this version of syncline reads up to {FORMAT_VERSION}",
                tag.format_version
            )));
        }
        serde_json::from_slice(text).map_err(|e| not_ours().caused_by(e))
    }

    /// Rows of a table; none if it is not there.
    pub fn rows(&self, table: &str) -> u64 {
        self.tables.iter().find(|t| t.name == table).map_or(0, |t| t.rows)
    }

    /// Bytes of the files.
    pub fn file_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

impl TableManifest {
    pub(super) fn file_name(&self) -> String {
        format!("{}.jsonl", self.name)
    }

    pub(super) fn entry(&self) -> String {
        format!("state/{}", self.file_name())
    }
}

pub(super) fn file_entry(file: &FileRef) -> String {
    format!("files/{}", file.path)
}

pub(super) fn too_new(message: String) -> Error {
    Error::new(ErrorKind::StateTooNew, message).help("restore it with the version of syncline that made it")
}

fn not_ours() -> Error {
    Error::new(ErrorKind::Corrupt, "this is not a backup of syncline, or its manifest is damaged")
        .help("name a file or folder that `syncline backup` made")
}
