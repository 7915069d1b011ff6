//! Describing and opening objects.
//!
//! An object is the path of a file below the folder (`contacts.csv`), which then holds the current
//! set of records, or a path that ends in `/` (`events/`): a dataset folder, which gets one new file
//! per chunk and can only be appended to.
//!
//! Every object has an open schema, whether it exists or not: CSV and JSON Lines do not know the
//! types of their columns, so describing them from the file would give other types on the second
//! run than on the first. Whether an existing file has the columns is checked when it is opened.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use syncline_connector::{Destination, ObjectDescription, OpenRequest, Session};
use syncline_core::sync::{FileFormat, Publish, WriteMode};
use syncline_core::{Error, ErrorKind, Result};

use super::blocking;
use super::dataset::DatasetSession;
use super::folder::{Folder, Stamp, format_of};
use super::ledger::{LedgerFile, unwritable};
use super::rewrite::Form;
use super::session::FileSession;

/// Files below one folder, as objects.
pub struct FilesDestination {
    folder: Folder,
    create_folders: bool,
    dataset_format: FileFormat,
}

impl FilesDestination {
    pub(super) fn new(folder: Folder, create_folders: bool, dataset_format: FileFormat) -> Self {
        Self { folder, create_folders, dataset_format }
    }

    fn object(&self, object: &str) -> Result<Object> {
        let refuse = |message: String, help: &str| {
            Err(Error::new(ErrorKind::DestinationUnsuitable, message).help(help.to_string()))
        };
        let path = self.folder.resolve(object, ErrorKind::DestinationUnsuitable)?;
        let hidden = Path::new(object).components().any(|part| {
            let name = part.as_os_str().to_string_lossy().into_owned();
            name != "." && name.starts_with('.')
        });
        if hidden {
            let message =
                format!("'{object}' is hidden; names that start with a dot are for Syncline's own files");
            return refuse(message, "choose another name");
        }
        if object.ends_with('/') {
            let form = Form { format: self.dataset_format, delimiter: b',' };
            return Ok(Object { path, name: object.to_string(), form, dataset: true });
        }
        match format_of(&path) {
            Some((format, delimiter)) => {
                let form = Form { format, delimiter };
                Ok(Object { path, name: object.to_string(), form, dataset: false })
            }
            None => refuse(
                format!("the ending of '{object}' names no format that can be written"),
                "use .csv, .tsv, .jsonl, .ndjson or .parquet, or end it in / for a dataset folder",
            ),
        }
    }

    /// Why the object cannot be written, as far as that shows without writing.
    fn obstacle(&self, object: &Object) -> Option<String> {
        let folder = object.folder();
        if object.path.exists() && object.path.is_dir() != object.dataset {
            let (is, help) = if object.dataset { ("a file", "without") } else { ("a folder", "with") };
            return Some(format!("'{}' is {is}; write it {help} a slash at its end", object.name));
        }
        if !self.create_folders && !folder.is_dir() {
            return Some(format!(
                "the folder {} does not exist and `create_folders` is off",
                folder.display()
            ));
        }
        let existing = folder.ancestors().find(|part| part.exists())?;
        let writable = existing.is_dir() && fs::metadata(existing).is_ok_and(|m| !m.permissions().readonly());
        if writable {
            None
        } else {
            Some(format!("{} is not a folder that can be written", existing.display()))
        }
    }

    fn description(&self, object: &Object) -> Result<ObjectDescription> {
        let exists = match Stamp::at(&object.path) {
            Ok(stamp) => stamp.is_some_and(|stamp| stamp.len > 0),
            Err(e) => return Err(unwritable(&object.path, e)),
        };
        let incarnation = if object.dataset {
            // Consumers may take files away from a dataset folder, so nothing about it is a sign.
            "dataset".to_string()
        } else {
            object.ledger().load()?.incarnation(exists)
        };
        Ok(ObjectDescription {
            fields: Vec::new(),
            open_schema: true,
            unique_keys: Vec::new(),
            not_writable: self.obstacle(object),
            identity: format!("{}/{}", self.folder.identity(), object.name),
            incarnation,
        })
    }

    fn prepare(&self, object: &Object) -> Result<()> {
        if let Some(obstacle) = self.obstacle(object) {
            return Err(Error::new(ErrorKind::DestinationUnsuitable, obstacle));
        }
        let folder = object.folder();
        if !folder.is_dir() {
            fs::create_dir_all(&folder).map_err(|e| unwritable(&folder, e))?;
        }
        Ok(())
    }
}

/// What an object's name means.
#[derive(Clone, Debug)]
pub struct Object {
    pub path: PathBuf,
    pub name: String,
    pub form: Form,
    dataset: bool,
}

impl Object {
    #[cfg(test)]
    pub fn file(path: PathBuf, name: &str, form: Form) -> Self {
        Self { path, name: name.to_string(), form, dataset: false }
    }

    /// The folder that files are written into.
    pub fn folder(&self) -> PathBuf {
        if self.dataset {
            self.path.clone()
        } else {
            self.path.parent().map(Path::to_path_buf).unwrap_or_default()
        }
    }

    pub fn ledger(&self) -> LedgerFile {
        if self.dataset { LedgerFile::inside(&self.path) } else { LedgerFile::beside(&self.path) }
    }
}

#[async_trait]
impl Destination for FilesDestination {
    async fn check(&self) -> Result<String> {
        let identity = self.folder.identity();
        match (self.folder.exists(), self.create_folders) {
            (true, _) => Ok(format!("folder {identity}")),
            (false, true) => Ok(format!("folder {identity}, made at the first write")),
            (false, false) => {
                let message = format!("the folder {identity} does not exist");
                Err(Error::new(ErrorKind::DestinationUnsuitable, message)
                    .help("make it, or set `create_folders: true`"))
            }
        }
    }

    /// Never `None`: a file that does not exist is made by the first run that writes to it.
    async fn describe(&self, object: &str) -> Result<Option<ObjectDescription>> {
        let object = self.object(object)?;
        let this = Self { folder: self.folder.clone(), ..*self };
        blocking(move || this.description(&object)).await.map(Some)
    }

    fn creation_plan(&self, object: &str, _: &SchemaRef, _: &[String]) -> Result<String> {
        let object = self.object(object)?;
        Ok(format!("the first run that writes to it makes {}", object.path.display()))
    }

    /// Makes the folder; the file itself appears with its first records, by one rename.
    async fn create(&self, object: &str, _: &SchemaRef, _: &[String]) -> Result<()> {
        let object = self.object(object)?;
        let this = Self { folder: self.folder.clone(), ..*self };
        blocking(move || this.prepare(&object)).await
    }

    async fn open(&self, request: OpenRequest) -> Result<Box<dyn Session>> {
        let object = self.object(&request.target.object)?;
        check_request(&request, &object)?;
        let this = Self { folder: self.folder.clone(), ..*self };
        blocking(move || {
            this.prepare(&object)?;
            Ok(if object.dataset {
                Box::new(DatasetSession::open(object, request)?) as Box<dyn Session>
            } else {
                Box::new(FileSession::open(object, request)?)
            })
        })
        .await
    }
}

fn check_request(request: &OpenRequest, object: &Object) -> Result<()> {
    let problem = if request.publish != Publish::Atomic {
        "files are published atomically only"
    } else if request.write_mode == WriteMode::TwoWay {
        "files cannot be one side of a two-way sync"
    } else if object.dataset && request.write_mode != WriteMode::Append {
        "a dataset folder can only be appended to"
    } else if request.write_mode != WriteMode::Append && request.target.match_fields.is_empty() {
        "records cannot be found without match fields"
    } else if request.rules.len() != request.schema.fields().len() {
        "there is not one rule per field"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::DestinationUnsuitable, format!("'{}': {problem}", object.name)))
}
