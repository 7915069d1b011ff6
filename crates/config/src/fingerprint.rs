//! What the files of a project looked like when they were read, so that a server notices changes.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use xxhash_rust::xxh3::Xxh3;

use crate::load::{INSTANCE_FILES_MAX, instance_files};

/// Content of larger files is not read: they have changed when their size or dates have.
const HASHED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The files that a project was read from: `syncline.yaml`, its overlay, `syncs/`, and what they
/// refer to, missing ones included. Files that hold the values of secrets are not among them; they are
/// read at every use.
#[derive(Clone, Debug)]
pub struct Fingerprint {
    root: PathBuf,
    /// By path below the folder; `None`: not there.
    files: BTreeMap<String, Option<Stamp>>,
    /// A file that is changed twice in a moment can look the same both times, so the first look after
    /// reading compares contents.
    settled: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Stamp {
    look: Look,
    /// `None`: too large to be read each time.
    content: Option<u128>,
}

/// What a file system tells of a file without opening it.
#[derive(Clone, Debug, PartialEq)]
struct Look {
    size: u64,
    modified: Option<SystemTime>,
    /// Number and change time: a file that was replaced by an older one of the same size.
    #[cfg(unix)]
    unix: (u64, i64, i64),
}

impl Fingerprint {
    pub(crate) fn of_folder(root: &Path) -> Self {
        Self { root: root.to_path_buf(), files: BTreeMap::new(), settled: false }
    }

    /// Notes a file before it is read. A path that leads out of the folder is not read, and not noted.
    pub(crate) fn note(&mut self, path: &str) {
        if crate::syncs::is_below_root(path) {
            self.files.insert(path.to_string(), stamp(&self.root.join(path)));
        }
    }

    /// Whether a file was changed, added or removed since the last look, or since it was read. Cheap
    /// enough for every second: contents are read only where size or dates differ, and files that
    /// were written again as they were have not changed.
    pub fn changed(&mut self) -> bool {
        let mut changed = false;
        for name in instance_files(&self.root).into_iter().take(INSTANCE_FILES_MAX) {
            // A new file counts as one that was not there before.
            self.files.entry(name).or_insert(None);
        }
        for (name, known) in &mut self.files {
            let path = self.root.join(name);
            let now = look(&path);
            if self.settled && now.as_ref() == known.as_ref().map(|stamp| &stamp.look) {
                continue;
            }
            let new = stamp(&path);
            changed |= match (&new, &*known) {
                (Some(new), Some(old)) => match (new.content, old.content) {
                    (Some(new), Some(old)) => new != old,
                    _ => new.look != old.look,
                },
                (new, old) => new.is_some() != old.is_some(),
            };
            *known = new;
        }
        self.settled = true;
        changed
    }

    /// The files that are looked at, relative to the folder.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }
}

fn look(path: &Path) -> Option<Look> {
    std::fs::metadata(path).ok().filter(Metadata::is_file).map(|found| look_of(&found))
}

fn look_of(found: &Metadata) -> Look {
    #[cfg(unix)]
    use std::os::unix::fs::MetadataExt;
    Look {
        size: found.len(),
        modified: found.modified().ok(),
        #[cfg(unix)]
        unix: (found.ino(), found.ctime(), found.ctime_nsec()),
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let look = look(path)?;
    let content = if look.size <= HASHED_BYTES_MAX { content(path) } else { None };
    Some(Stamp { look, content })
}

fn content(path: &Path) -> Option<u128> {
    let mut file = std::fs::File::open(path).ok()?.take(HASHED_BYTES_MAX + 1);
    let mut hash = Xxh3::new();
    let mut buffer = [0; 64 * 1024];
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return Some(hash.digest128()),
            read => hash.update(&buffer[..read]),
        }
    }
}
