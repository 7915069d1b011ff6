//! What every place of files does, in a folder and in a bucket of a real S3 server.

mod bucket;
mod folder;
mod place;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use syncline_core::ErrorKind;
use syncline_core::run::FileRef;

use super::*;
use place::{Place, both};

const DAY: Duration = Duration::from_secs(86_400);

fn write(files: &FileStore, path: &str, content: &[u8]) -> FileRef {
    let mut writer = files.create(path).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

fn content(mut open: File) -> Vec<u8> {
    let mut content = Vec::new();
    open.read_to_end(&mut content).unwrap();
    content
}

fn some_bytes(count: u32) -> Vec<u8> {
    (0..count).map(|n| (n % 251) as u8).collect()
}

#[test]
fn a_finished_file_is_read_back_and_verified() {
    for place in both() {
        let content_written = some_bytes(2_000_000);
        let mut writer = place.files.create("runs/run_1/plan-a.arrow").unwrap();
        for piece in content_written.chunks(7777) {
            writer.write_all(piece).unwrap();
        }
        assert_eq!(writer.bytes(), content_written.len() as u64);
        let file = writer.finish().unwrap();
        assert_eq!(file.path, "runs/run_1/plan-a.arrow");
        assert_eq!(file.bytes, content_written.len() as u64);
        assert_eq!(file.checksum, format!("{:032x}", xxhash_rust::xxh3::xxh3_128(&content_written)));
        for files in [&place.files, &place.seen_elsewhere()] {
            assert_eq!(content(files.open(&file).unwrap()), content_written);
            assert_eq!(content(files.open_verified(&file).unwrap()), content_written);
        }
        assert_eq!(place.names("runs/run_1"), ["plan-a.arrow"]);
    }
}

#[test]
fn an_empty_file_is_a_file() {
    for place in both() {
        let file = write(&place.files, "runs/empty", b"");
        assert_eq!(file.bytes, 0);
        place.files.open_verified(&file).unwrap();
        place.seen_elsewhere().open_verified(&file).unwrap();
    }
}

#[test]
fn nothing_is_visible_before_finish_and_nothing_stays_without_it() {
    for place in both() {
        let mut writer = place.files.create("runs/a").unwrap();
        writer.write_all(b"half").unwrap();
        let unfinished = place::names(&place.here.path().join("runs"));
        assert_eq!(unfinished.len(), 1);
        assert!(unfinished[0].starts_with("a.tmp-"), "{unfinished:?}");
        drop(writer);
        assert!(place.names("runs").is_empty());
        assert!(place::names(&place.here.path().join("runs")).is_empty());
    }
}

#[test]
fn a_file_never_changes() {
    for place in both() {
        let elsewhere = place.seen_elsewhere();
        let early = place.files.create("runs/a").unwrap();
        let unaware = elsewhere.create("runs/a").unwrap();
        let first = write(&place.files, "runs/a", b"first");
        assert_eq!(place.files.create("runs/a").map(drop).unwrap_err().kind, ErrorKind::Conflict);
        assert_eq!(early.finish().unwrap_err().kind, ErrorKind::Conflict);
        assert_eq!(unaware.finish().unwrap_err().kind, ErrorKind::Conflict);
        assert_eq!(content(place.seen_elsewhere().open_verified(&first).unwrap()), b"first");
    }
}

#[test]
fn paths_stay_inside_folders_of_the_root() {
    for Place { files, .. } in both() {
        for bad in [
            "/etc/passwd",
            "../a/b",
            "a/../b",
            "a/./b",
            "a//b",
            "./a/b",
            "a/b/",
            "",
            ".",
            "state.db",
            "a\\b/c",
            "a/b\0c",
        ] {
            assert_eq!(files.create(bad).map(drop).unwrap_err().kind, ErrorKind::Internal, "{bad:?}");
            let file = FileRef { path: bad.into(), bytes: 0, checksum: String::new() };
            assert!(files.open(&file).is_err(), "{bad:?}");
            assert!(files.remove(&file).is_err(), "{bad:?}");
            assert!(files.remove_unreferenced(&[bad.into()], DAY, SystemTime::now()).is_err(), "{bad:?}");
        }
    }
}

#[test]
fn a_missing_short_or_altered_file_is_corrupt_and_named() {
    for place in both() {
        let file = write(&place.files, "runs/a", b"0123456789");

        place.overwrite("runs/a", b"0123456780");
        let altered = place.seen_elsewhere().open_verified(&file).unwrap_err();

        place.overwrite("runs/a", b"012345678");
        let short = place.seen_elsewhere().open(&file).unwrap_err();

        place.delete("runs/a");
        let missing = place.seen_elsewhere().open(&file).unwrap_err();

        for e in [altered, short, missing] {
            assert_eq!(e.kind, ErrorKind::Corrupt, "{e}");
            assert!(e.message.contains(&place.name_of("runs/a")), "{e}");
            assert!(e.help.is_some());
        }
    }
}

#[test]
fn a_removed_file_is_gone_everywhere_and_may_be_missing() {
    for place in both() {
        let file = write(&place.files, "runs/a", b"x");
        place.files.remove(&file).unwrap();
        assert_eq!(place.files.open(&file).unwrap_err().kind, ErrorKind::Corrupt);
        assert!(place.names("runs").is_empty());
        place.files.remove(&file).unwrap();
        place.seen_elsewhere().remove(&file).unwrap();
    }
}

#[test]
fn collection_removes_old_files_that_nobody_names_and_nothing_else() {
    for place in both() {
        let live = write(&place.files, "runs/run_1/live", b"x");
        write(&place.files, "runs/run_1/dead", b"x");
        write(&place.files, "snapshots/sync_1/dead", b"x");
        place.put_outside("state.db");
        place.put_outside("lock");
        let then = place.let_the_others_age("runs/run_1/young");

        let removed = place.files.remove_unreferenced(std::slice::from_ref(&live.path), DAY, then).unwrap();
        assert_eq!(removed, 2);
        assert_eq!(place.names("runs/run_1"), ["live", "young"]);
        assert!(place.names("snapshots/sync_1").is_empty());
        assert_eq!(place.outside(), ["lock", "state.db"]);
        place.files.open_verified(&live).unwrap();
        place.seen_elsewhere().open_verified(&live).unwrap();
    }
}

#[test]
fn files_of_a_folder_are_listed_and_those_that_nobody_names_go_whatever_their_age() {
    for place in both() {
        let live = write(&place.files, "runs/run_1/live", b"x");
        write(&place.files, "runs/run_1/dead", b"x");
        write(&place.files, "runs/run_10/other", b"x");
        // A copy of what others removed, and what a process that was killed had not finished.
        for left in ["runs/run_1/removed", "runs/run_1/a.tmp-1"] {
            fs::write(place.here.path().join(left), b"x").unwrap();
        }
        let listed = place.files.list("runs/run_1").unwrap();
        let names = ["a.tmp-1", "dead", "live", "removed"].map(|name| format!("runs/run_1/{name}"));
        assert_eq!(listed, names);
        assert_eq!(place.files.list("runs/run_2").unwrap(), Vec::<String>::new());
        let pin = place.files.pin().unwrap();
        assert!(place.files.is_pinned().unwrap());
        drop(pin);
        let removed = place.files.remove_listed(&listed, std::slice::from_ref(&live.path)).unwrap();
        assert_eq!(removed, 3);
        assert_eq!(place.files.list("runs/run_1").unwrap(), [live.path]);
        assert_eq!(
            (place.names("runs/run_1"), place.names("runs/run_10")),
            (vec!["live".into()], vec!["other".into()])
        );
    }
}

#[test]
fn a_file_dated_in_the_future_is_not_old() {
    for place in both() {
        write(&place.files, "runs/a", b"x");
        let past = SystemTime::now() - 30 * DAY;
        assert_eq!(place.files.remove_unreferenced(&[], Duration::ZERO, past).unwrap(), 0);
        assert_eq!(place.names("runs"), ["a"]);
    }
}

#[test]
fn collection_where_nothing_was_written_finds_nothing() {
    for place in both() {
        assert_eq!(place.files.remove_unreferenced(&[], DAY, SystemTime::now()).unwrap(), 0);
    }
    let files = FileStore::new("/nonexistent/syncline");
    assert_eq!(files.remove_unreferenced(&[], DAY, SystemTime::now()).unwrap(), 0);
}

#[test]
fn nothing_is_removed_while_a_pin_is_held_by_anybody() {
    for place in both() {
        let file = write(&place.files, "runs/a", b"x");
        let pin = place.seen_elsewhere().pin().unwrap();
        let second = place.files.pin().unwrap();
        for _ in 0..2 {
            place.files.remove(&file).unwrap();
            let later = SystemTime::now() + 2 * DAY;
            place.files.remove_unreferenced(&[], DAY, later).unwrap();
            assert_eq!(place.names("runs"), ["a"]);
        }
        drop(pin);
        place.files.remove(&file).unwrap();
        assert_eq!(place.names("runs"), ["a"], "the second pin still holds");
        drop(second);
        place.files.remove(&file).unwrap();
        assert!(place.names("runs").is_empty());
        assert!(place.names("pins").is_empty());
    }
}

#[tokio::test]
async fn files_are_used_on_the_threads_of_a_runtime() {
    for place in tokio::task::spawn_blocking(both).await.unwrap() {
        let elsewhere = place.seen_elsewhere();
        let file = write(&place.files, "runs/a", b"x");
        assert_eq!(content(elsewhere.open_verified(&file).unwrap()), b"x");
        place.files.remove(&file).unwrap();
    }
}
