//! The places of the program where tests can stop or kill it.

use std::collections::BTreeSet;
use std::path::Path;

/// The names in `fail_point!("…")` of every crate, sorted.
pub fn in_the_source() -> Vec<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let mut names = BTreeSet::new();
    for entry in crates.read_dir().expect("the folder of the crates") {
        collect(&entry.expect("a crate").path().join("src"), &mut names);
    }
    names.into_iter().collect()
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in folder.read_dir().into_iter().flatten() {
        let path = entry.expect("an entry of a source folder").path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let calls = text.split("fail_point!(").skip(1);
            // The macro's own definition has no name there.
            let named = calls.filter_map(|call| call.trim_start().strip_prefix('"'));
            names.extend(named.filter_map(|call| call.split('"').next()).map(str::to_string));
        }
    }
}
