//! Where the program can be killed.

use std::collections::BTreeSet;
use std::path::Path;

/// Every fail point, and a scenario (see `world.rs`) that surely comes to it.
pub const TABLE: &[(&str, &str)] = &[
    ("engine.run.started", "postgres upsert atomic"),
    ("engine.run.held", "held"),
    ("engine.read.batch", "postgres mirror progressive"),
    ("engine.read.complete", "sqlite mirror atomic"),
    ("engine.plan.saved", "postgres mirror atomic"),
    ("engine.chunk.sending", "postgres append progressive"),
    ("engine.chunk.written", "postgres append progressive"),
    ("engine.chunk.outcomes", "sqlite append atomic"),
    ("engine.chunk.settled", "sqlite append progressive"),
    ("engine.publish.before", "postgres append atomic"),
    ("engine.destination.committed", "postgres append progressive"),
    ("engine.commit.before", "postgres append atomic"),
    ("engine.commit.after", "postgres append progressive"),
    ("store.save_plan.after", "sqlite append progressive"),
    ("store.set_chunk.before", "sqlite append progressive"),
    ("store.set_chunk.after", "postgres append atomic"),
    ("store.commit.before", "postgres mirror progressive"),
    ("store.commit.after", "sqlite append progressive"),
    ("files.finish.before_rename", "sqlite mirror progressive"),
    ("files.finish.after_rename", "postgres append progressive"),
    ("postgres.after_copy", "postgres append progressive"),
    ("postgres.mid_merge", "postgres mirror progressive"),
    ("postgres.before_commit", "postgres append atomic"),
    ("postgres.after_commit", "postgres append progressive"),
    ("sqlite.mid_chunk", "sqlite append progressive"),
    ("sqlite.before_commit", "sqlite append progressive"),
    ("sqlite.after_commit", "sqlite append atomic"),
    ("files.before_rename", "file mirror"),
    ("files.after_rename", "folder append"),
];

/// The names in `fail_point!("…")` of every crate, sorted.
pub fn points_in_the_source() -> Vec<String> {
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
