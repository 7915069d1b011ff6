//! Where the state is: its database, its files, and a folder of this machine for what is only used here.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use syncline_config::Project;
use syncline_core::{Error, ErrorKind, Result};
use syncline_store::{CACHE_BYTES, Catalog, FileStore, StateLocation};

use crate::args::Globals;

/// A state as the command line or the project names it. Shown without credentials.
pub struct State {
    pub location: StateLocation,
    /// Where its files are, if not in its folder.
    files: Option<String>,
    /// Of this machine: the state itself where it is embedded, else what is only used here.
    pub folder: PathBuf,
}

impl State {
    /// The state of a project, or the one that the command line names.
    pub fn of(globals: &Globals, project: &Project) -> Result<Self> {
        let own = project.root.join(&project.settings.state);
        match &globals.state {
            Some(text) => Self::at(text, globals, own),
            None => Ok(Self {
                location: StateLocation::Folder(own.clone()),
                files: globals.files.clone(),
                folder: own,
            }),
        }
    }

    /// The state that the command line names, whatever the project is.
    pub fn named(globals: &Globals) -> Result<Option<Self>> {
        let here = std::env::temp_dir().join("syncline");
        globals.state.as_ref().map(|text| Self::at(text, globals, here)).transpose()
    }

    /// `here`: the folder of this machine when the state is elsewhere.
    pub fn at(text: &str, globals: &Globals, here: PathBuf) -> Result<Self> {
        let location = StateLocation::parse(text)?;
        let folder = match &location {
            StateLocation::Folder(folder) => folder.clone(),
            StateLocation::Server(_) => here,
        };
        Ok(Self { location, files: globals.files.clone(), folder })
    }

    /// Several servers may use it at once, none of which has it to itself.
    pub fn is_shared(&self) -> bool {
        matches!(self.location, StateLocation::Server(_))
    }

    /// Its files.
    pub fn files(&self) -> Result<FileStore> {
        match (&self.location, &self.files) {
            (_, Some(location)) => FileStore::at(location, &self.folder.join("files"), CACHE_BYTES),
            (StateLocation::Folder(folder), None) => Ok(FileStore::new(folder)),
            (StateLocation::Server(_), None) => {
                let message = format!("the files of the state at {self} are somewhere else");
                Err(Error::new(ErrorKind::BadUsage, message)
                    .help("name their place: --files s3://BUCKET/PREFIX?endpoint=… or --files FOLDER"))
            }
        }
    }

    /// A folder for temporary files.
    pub fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// The lists and figures of the state; `None` when there is no state yet.
    pub async fn catalog(&self) -> Result<Option<Arc<dyn Catalog>>> {
        match self.location.open_read_only().await {
            Ok(store) => Ok(Some(store)),
            Err(e) if e.kind == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location.fmt(f)
    }
}
