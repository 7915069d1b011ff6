//! The folder that the demo plays in.

use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};

use syncline_core::{Error, ErrorKind, Result};

use super::data;

/// In every folder that the demo made; only such a folder is ever removed.
const MARKER: &str = ".syncline-demo";
const MARKER_TEXT: &str = "Made by `syncline demo`, which replaces this folder when it runs again.\n";

/// Files of whatever the demo makes.
const COMMON: [(&str, &str); 2] = [
    (MARKER, MARKER_TEXT),
    // The example is nobody's work to keep, wherever it is played.
    (".gitignore", "*\n"),
];
/// Files of the story's project as they are written.
const FILES: [(&str, &str); 7] = [
    ("syncline.yaml", include_str!("project/syncline.yaml")),
    (CRM_FILE, CRM_TEXT),
    ("syncs/shop.yaml", include_str!("project/syncs/shop.yaml")),
    ("syncs/newsletter.yaml", include_str!("project/syncs/newsletter.yaml")),
    ("lookups/regions.csv", include_str!("project/lookups/regions.csv")),
    ("setup/warehouse.sql", WAREHOUSE_SCHEMA),
    ("setup/crm.sql", CRM_SCHEMA),
];
const WAREHOUSE_SCHEMA: &str = include_str!("project/setup/warehouse.sql");
const CRM_SCHEMA: &str = include_str!("project/setup/crm.sql");
pub const CRM_FILE: &str = "syncs/crm.yaml";
pub const CRM_TEXT: &str = include_str!("project/syncs/crm.yaml");

/// Files of the company's workspace of four weeks, beside [`COMMON`].
const WORKSPACE: [(&str, &str); 12] = [
    ("syncs/crm.yaml", include_str!("workspace/syncs/crm.yaml")),
    ("syncs/shop.yaml", include_str!("workspace/syncs/shop.yaml")),
    ("syncs/newsletter.yaml", include_str!("workspace/syncs/newsletter.yaml")),
    ("lookups/regions.csv", include_str!("project/lookups/regions.csv")),
    ("setup/warehouse.sql", include_str!("workspace/setup/warehouse.sql")),
    ("setup/crm.sql", include_str!("workspace/setup/crm.sql")),
    ("setup/finance.sql", include_str!("workspace/setup/finance.sql")),
    ("setup/stores.sql", include_str!("workspace/setup/stores.sql")),
    ("setup/dirt.sql", include_str!("workspace/setup/dirt.sql")),
    ("setup/import.sql", include_str!("workspace/setup/import.sql")),
    ("setup/seats.sql", include_str!("workspace/setup/seats.sql")),
    ("setup/totals.sql", include_str!("workspace/setup/totals.sql")),
];

/// Statements that the demo runs on the warehouse, each kept as a file to read.
#[derive(Clone, Copy)]
pub enum Script {
    Dirt,
    Changes,
    LeaveUnitedKingdom,
}

impl Script {
    fn file(self) -> (&'static str, &'static str) {
        match self {
            Script::Dirt => ("setup/dirt.sql", include_str!("project/setup/dirt.sql")),
            Script::Changes => ("setup/changes.sql", include_str!("project/setup/changes.sql")),
            Script::LeaveUnitedKingdom => {
                ("setup/leave-united-kingdom.sql", include_str!("project/setup/leave-united-kingdom.sql"))
            }
        }
    }
}

pub struct Folder {
    pub path: PathBuf,
}

impl Folder {
    /// Makes the project and its data. An earlier demo is replaced, anything else is left alone.
    pub fn make(path: &Path) -> Result<Folder> {
        make_room(path)?;
        fs::create_dir_all(path).map_err(|e| Error::from(e).context(path.display()))?;
        let folder = Folder { path: fs::canonicalize(path)? };
        for (name, text) in COMMON.iter().chain(&FILES) {
            folder.write(name, text)?;
        }
        folder.write("shared/newsletter-export.csv", &data::newsletter_export())?;
        fs::create_dir_all(folder.path.join("data"))?;
        data::warehouse(&folder.warehouse(), WAREHOUSE_SCHEMA).map_err(database)?;
        data::crm(&folder.crm(), CRM_SCHEMA).map_err(database)?;
        folder.run(Script::Dirt)?;
        Ok(folder)
    }

    /// One that an earlier demo made.
    pub fn made_before(path: &Path) -> Result<Folder> {
        if !is_marked(path) {
            let message = format!("{} was not made by the demo", path.display());
            return Err(Error::new(ErrorKind::BadUsage, message).help("make it first: syncline demo DIR"));
        }
        Ok(Folder { path: fs::canonicalize(path)? })
    }

    /// Makes the project of a company that has worked with Syncline for weeks, without its data.
    pub fn workspace(path: &Path, project: &str) -> Result<Folder> {
        make_room(path)?;
        fs::create_dir_all(path).map_err(|e| Error::from(e).context(path.display()))?;
        let folder = Folder { path: fs::canonicalize(path)? };
        for (name, text) in COMMON.iter().chain(&WORKSPACE).chain([&("syncline.yaml", project)]) {
            folder.write(name, text)?;
        }
        Ok(folder)
    }

    /// Writes a file of the project, and the folders above it.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path.join(name);
        let above = path.parent().unwrap_or(&self.path);
        fs::create_dir_all(above)
            .and_then(|()| fs::write(&path, text))
            .map_err(|e| Error::from(e).context(path.display()))
    }

    /// Runs a script on the warehouse.
    pub fn run(&self, script: Script) -> Result<()> {
        let (name, text) = script.file();
        self.write(name, text)?;
        data::change(&self.warehouse(), text).map_err(|e| database(e).context(name))
    }

    /// The one number that a query of the CRM answers.
    pub fn count_in_crm(&self, query: &str) -> Result<u64> {
        data::count(&self.crm(), query).map_err(database)
    }

    pub fn remove(&self) -> Result<()> {
        remove(&self.path)
    }

    fn warehouse(&self) -> PathBuf {
        self.path.join("data/warehouse.db")
    }

    fn crm(&self) -> PathBuf {
        self.path.join("data/crm.db")
    }
}

fn database(error: rusqlite::Error) -> Error {
    Error::new(ErrorKind::LocalIo, format!("the example's database: {error}"))
}

/// Removes an earlier demo; refuses when something else is there.
fn make_room(path: &Path) -> Result<()> {
    let occupied = || {
        let message = format!("{} is there already, and no earlier demo; it was left alone", path.display());
        Error::new(ErrorKind::BadUsage, message)
            .help("name another folder, which may be missing or empty: syncline demo DIR")
    };
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == IoErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::from(e).context(path.display())),
        Ok(found) if !found.is_dir() => return Err(occupied()),
        Ok(_) => {}
    }
    if is_marked(path) {
        return remove(path);
    }
    let mut entries = fs::read_dir(path).map_err(|e| Error::from(e).context(path.display()))?;
    if entries.next().is_none() { Ok(()) } else { Err(occupied()) }
}

fn is_marked(path: &Path) -> bool {
    fs::read_to_string(path.join(MARKER)).is_ok_and(|text| text == MARKER_TEXT)
}

fn remove(path: &Path) -> Result<()> {
    fs::remove_dir_all(path).map_err(|e| Error::from(e).context(path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_an_empty_or_an_own_folder_is_taken() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("demo");
        make_room(&path).unwrap();
        fs::create_dir(&path).unwrap();
        make_room(&path).unwrap();
        fs::write(path.join("thesis.txt"), "years of work").unwrap();
        assert_eq!(make_room(&path).unwrap_err().kind, ErrorKind::BadUsage);
        assert!(path.join("thesis.txt").exists());
        fs::write(path.join(MARKER), MARKER_TEXT).unwrap();
        make_room(&path).unwrap();
        assert!(!path.exists());
        fs::write(&path, "a file").unwrap();
        assert_eq!(make_room(&path).unwrap_err().kind, ErrorKind::BadUsage);
    }
}
