//! The folder of a connection: which paths belong to it, and whether a file changed meanwhile.

use std::fs::{self, File, Metadata};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use glob::{MatchOptions, Pattern};
use syncline_core::sync::FileFormat;
use syncline_core::{Error, ErrorKind, Result};

/// Folders below each other that a pattern or a listing descends into.
const DEPTH_MAX: usize = 32;
/// Files that one pattern may match.
const FILES_MAX: usize = 100_000;

#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub fn exists(&self) -> bool {
        self.root.is_dir()
    }

    /// The absolute folder, for identities. Symbolic links are followed when it exists.
    pub fn identity(&self) -> String {
        let absolute = fs::canonicalize(&self.root)
            .or_else(|_| std::path::absolute(&self.root))
            .unwrap_or_else(|_| self.root.clone());
        absolute.display().to_string()
    }

    /// The path of `object` below the folder. Absolute paths, `..` and symbolic links that lead out
    /// of the folder are refused with `kind`.
    pub fn resolve(&self, object: &str, kind: ErrorKind) -> Result<PathBuf> {
        self.refuse_outside(object, kind)?;
        let path = self.root.join(object);
        self.refuse_links_out(&path, object, kind)?;
        Ok(path)
    }

    /// All files that `pattern` matches, in name order. Never empty: a pattern without a match is
    /// an error, because an empty read would look like everything had been removed.
    pub fn matches(&self, pattern: &str) -> Result<Vec<PathBuf>> {
        self.refuse_outside(pattern, ErrorKind::ModelQueryFailed)?;
        if !self.exists() {
            return Err(Error::new(
                ErrorKind::SourceUnreachable,
                format!("the folder {} does not exist or is not mounted", self.root.display()),
            )
            .help("check the connection's `path`"));
        }
        // A file of exactly this name comes first, so that `[` and `*` in names need no escaping.
        let exact = self.root.join(pattern);
        let mut found = if exact.is_file() { vec![exact] } else { self.glob(pattern)? };
        if found.is_empty() {
            let message = format!("no file matches '{pattern}' in the folder {}", self.root.display());
            return Err(Error::new(ErrorKind::ModelQueryFailed, message)
                .help("check the model's file pattern; an absent file is never read as an empty one"));
        }
        for path in &found {
            self.refuse_links_out(path, &self.name(path), ErrorKind::ModelQueryFailed)?;
        }
        found.sort();
        Ok(found)
    }

    fn glob(&self, pattern: &str) -> Result<Vec<PathBuf>> {
        let wanted = Pattern::new(pattern.trim_start_matches("./")).map_err(|e| {
            Error::new(ErrorKind::ModelQueryFailed, format!("the pattern '{pattern}' is not valid: {e}"))
        })?;
        let matching = self.list()?.into_iter().filter(|path| wanted.matches_path_with(path, MATCHING));
        Ok(matching.map(|path| self.root.join(path)).collect())
    }

    /// Paths, relative to the folder, of all files below it that are not hidden.
    pub fn list(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        self.descend(Path::new(""), 0, &mut found)?;
        found.sort();
        Ok(found)
    }

    fn descend(&self, relative: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
        let here = self.root.join(relative);
        let entries = fs::read_dir(&here).map_err(|e| unreachable_file(&here, e))?;
        for entry in entries {
            let entry = entry.map_err(|e| unreachable_file(&here, e))?;
            let name = entry.file_name();
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            let path = relative.join(&name);
            let kind = fs::metadata(entry.path()).map(|m| m.file_type());
            match kind {
                Ok(kind) if kind.is_dir() && depth < DEPTH_MAX => self.descend(&path, depth + 1, found)?,
                Ok(kind) if kind.is_file() => found.push(path),
                // A dangling link, a socket, or a file removed while listing.
                _ => {}
            }
            if found.len() > FILES_MAX {
                let message = format!("the folder {} has more than {FILES_MAX} files", self.root.display());
                return Err(Error::new(ErrorKind::ModelQueryFailed, message)
                    .help("use a connection whose `path` is nearer to the files"));
            }
        }
        Ok(())
    }

    /// A file's path relative to the folder, for messages.
    pub fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    fn refuse_outside(&self, object: &str, kind: ErrorKind) -> Result<()> {
        let inside = Path::new(object)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if inside && !object.is_empty() && !object.contains('\0') {
            return Ok(());
        }
        Err(Error::new(kind, format!("'{object}' is not a path inside the folder {}", self.root.display()))
            .help("write a path relative to the connection's folder, without `..`"))
    }

    fn refuse_links_out(&self, path: &Path, object: &str, kind: ErrorKind) -> Result<()> {
        let Ok(root) = fs::canonicalize(&self.root) else { return Ok(()) };
        // The deepest part that exists decides; what does not exist yet cannot be a link.
        let real = path.ancestors().find_map(|part| fs::canonicalize(part).ok());
        if real.is_none_or(|real| real.starts_with(&root)) {
            return Ok(());
        }
        let message = format!("'{object}' is a link that leads out of the folder {}", root.display());
        Err(Error::new(kind, message).help("put the file itself into the folder"))
    }
}

/// `*` stays within one folder and never matches hidden files.
const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// The format that a file's ending names, and for CSV its usual delimiter.
pub fn format_of(path: &Path) -> Option<(FileFormat, u8)> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "csv" => Some((FileFormat::Csv, b',')),
        "tsv" => Some((FileFormat::Csv, b'\t')),
        "jsonl" | "ndjson" => Some((FileFormat::Jsonl, b',')),
        "parquet" => Some((FileFormat::Parquet, b',')),
        _ => None,
    }
}

/// What tells one content of a file from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub len: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Stamp {
    pub fn of(metadata: &Metadata) -> Self {
        Self { len: metadata.len(), modified: metadata.modified().ok(), inode: inode(metadata) }
    }

    /// The stamp of the file at `path` now; `None` when there is none.
    pub fn at(path: &Path) -> std::io::Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self::of(&metadata))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

/// Makes renames and removals in `folder` durable.
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// An operating system error on a file of the source.
pub fn unreachable_file(path: &Path, e: std::io::Error) -> Error {
    let message = format!("{} cannot be read: {e}", path.display());
    Error::new(ErrorKind::SourceUnreachable, message).caused_by(e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_out_of_the_folder_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::new(home.path().join("data"));
        fs::create_dir(&folder.root).unwrap();
        for bad in ["../x.csv", "/etc/passwd", "a/../../x.csv", "", "a\0b.csv"] {
            let e = folder.resolve(bad, ErrorKind::DestinationUnsuitable).unwrap_err();
            assert_eq!(e.kind, ErrorKind::DestinationUnsuitable, "{bad}");
            assert_eq!(folder.matches(bad).unwrap_err().kind, ErrorKind::ModelQueryFailed, "{bad}");
        }
        assert!(folder.resolve("a/./b.csv", ErrorKind::DestinationUnsuitable).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn links_out_of_the_folder_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::new(home.path().join("data"));
        fs::create_dir(&folder.root).unwrap();
        fs::write(home.path().join("secret.csv"), "a\n1\n").unwrap();
        std::os::unix::fs::symlink(home.path(), folder.root.join("out")).unwrap();
        std::os::unix::fs::symlink(home.path().join("secret.csv"), folder.root.join("in.csv")).unwrap();
        for bad in ["out/secret.csv", "out/new.csv", "in.csv"] {
            assert!(folder.resolve(bad, ErrorKind::DestinationUnsuitable).is_err(), "{bad}");
        }
        assert!(folder.matches("*.csv").is_err());
    }

    #[test]
    fn patterns_match_in_name_order_and_never_hidden_files() {
        let home = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv", ".c.csv", "d.jsonl"] {
            fs::write(home.path().join(name), "x\n").unwrap();
        }
        fs::create_dir(home.path().join("sub")).unwrap();
        fs::write(home.path().join("sub/e.csv"), "x\n").unwrap();
        let folder = Folder::new(home.path().to_path_buf());
        let names = |pattern: &str| -> Vec<String> {
            folder.matches(pattern).unwrap().iter().map(|p| folder.name(p)).collect()
        };
        assert_eq!(names("*.csv"), ["a.csv", "b.csv"]);
        assert_eq!(names("**/*.csv"), ["a.csv", "b.csv", "sub/e.csv"]);
        let none = folder.matches("z*.csv").unwrap_err();
        assert_eq!(none.kind, ErrorKind::ModelQueryFailed);
        assert!(none.message.contains("z*.csv") && none.message.contains(&home.path().display().to_string()));
    }
}
