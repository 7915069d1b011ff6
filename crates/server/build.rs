//! Puts the files of the built web app (`web/dist`, made by `make web`) into the program. Without them it
//! builds as well, and says at run time how to get them.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    // Asked when it runs: a checkout may have been moved since this script was compiled.
    let built = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../../web/dist");
    // Where it is missing, cargo would look again at every build: the folder itself is in the repository.
    println!("cargo::rerun-if-changed={}", built.display());
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    if built.is_dir() {
        collect(&built, &mut files)?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    for file in files.iter().filter(|file| !is_variant(file)) {
        let inside = file.strip_prefix(&built).map_err(io::Error::other)?;
        let path: Vec<_> = inside.iter().map(|step| step.to_string_lossy()).collect();
        let included = |file: &Path| format!("include_bytes!({:?})", file.display().to_string());
        let variant = |extension: &str| {
            let variant = with_extension(file, extension);
            if files.contains(&variant) { format!("Some({})", included(&variant)) } else { "None".into() }
        };
        writeln!(
            table,
            "    Built {{ path: {:?}, plain: {}, brotli: {}, gzip: {} }},",
            format!("/{}", path.join("/")),
            included(file),
            variant("br"),
            variant("gz"),
        )
        .map_err(io::Error::other)?;
    }
    table.push_str("]\n");
    fs::write(PathBuf::from(variable("OUT_DIR")?).join("web_files.rs"), table)
}

fn variable(name: &str) -> io::Result<OsString> {
    env::var_os(name).ok_or_else(|| io::Error::other(format!("cargo says no {name}")))
}

/// Every file below a folder whose name does not begin with a dot.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), files)?,
            false => files.push(entry.path()),
        }
    }
    Ok(())
}

/// A file that is another one, compressed.
fn is_variant(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "br" || extension == "gz")
}

fn with_extension(file: &Path, extension: &str) -> PathBuf {
    let mut name = file.as_os_str().to_os_string();
    name.push(".");
    name.push(extension);
    name.into()
}
