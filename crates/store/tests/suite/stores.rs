//! Opens a new store of each implementation.

use std::sync::Arc;

use syncline_store::{Catalog, SqliteStore};
use tempfile::TempDir;

pub struct Opened {
    pub store: Arc<dyn Catalog>,
    _folder: TempDir,
}

pub fn sqlite() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
    Opened { store, _folder: folder }
}
