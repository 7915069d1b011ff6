use std::fs;

use tempfile::TempDir;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn store() -> (TempDir, FileStore) {
    let folder = tempfile::tempdir().unwrap();
    let files = FileStore::new(folder.path());
    (folder, files)
}

fn write(files: &FileStore, path: &str, content: &[u8]) -> FileRef {
    let mut writer = files.create(path).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        list(folder).unwrap().iter().map(|(p, _)| p.file_name().unwrap().to_string_lossy().into()).collect();
    names.sort();
    names
}

fn set_age(path: &Path, age: Duration) {
    let file = File::open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

#[test]
fn a_finished_file_is_read_back_and_verified() {
    let (folder, files) = store();
    let content: Vec<u8> = (0..2_000_000u32).map(|n| (n % 251) as u8).collect();
    let mut writer = files.create("runs/run_1/plan-a.arrow").unwrap();
    for piece in content.chunks(7777) {
        writer.write_all(piece).unwrap();
    }
    assert_eq!(writer.bytes(), content.len() as u64);
    let file = writer.finish().unwrap();
    assert_eq!(file.path, "runs/run_1/plan-a.arrow");
    assert_eq!(file.bytes, content.len() as u64);
    assert_eq!(file.checksum, format!("{:032x}", xxhash_rust::xxh3::xxh3_128(&content)));
    let mut back = Vec::new();
    files.open(&file).unwrap().read_to_end(&mut back).unwrap();
    assert_eq!(back, content);
    files.open_verified(&file).unwrap();
    assert_eq!(names(&folder.path().join("runs/run_1")), ["plan-a.arrow"]);
}

#[test]
fn an_empty_file_is_a_file() {
    let (_folder, files) = store();
    let file = write(&files, "runs/empty", b"");
    assert_eq!(file.bytes, 0);
    files.open_verified(&file).unwrap();
}

#[test]
fn nothing_is_visible_before_finish_and_nothing_stays_without_it() {
    let (folder, files) = store();
    let mut writer = files.create("runs/a").unwrap();
    writer.write_all(b"half").unwrap();
    let unfinished = names(&folder.path().join("runs"));
    assert_eq!(unfinished.len(), 1);
    assert!(unfinished[0].starts_with("a.tmp-"), "{unfinished:?}");
    drop(writer);
    assert!(names(&folder.path().join("runs")).is_empty());
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, files) = store();
    write(&files, "runs/run_1/a", b"secret");
    let mode = |path: &str| fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("runs"), mode("runs/run_1"), mode("runs/run_1/a")), (0o700, 0o700, 0o600));
}

#[test]
fn a_file_never_changes() {
    let (_folder, files) = store();
    let early = files.create("runs/a").unwrap();
    let first = write(&files, "runs/a", b"first");
    assert_eq!(files.create("runs/a").map(drop).unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(early.finish().unwrap_err().kind, ErrorKind::Conflict);
    files.open_verified(&first).unwrap();
}

#[test]
fn paths_stay_inside_folders_of_the_root() {
    let (_folder, files) = store();
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
        assert!(files.remove_unreferenced(&[bad.into()], DAY, SystemTime::now()).is_err(), "{bad:?}");
    }
}

#[test]
fn a_missing_short_or_altered_file_is_corrupt_and_named() {
    let (folder, files) = store();
    let file = write(&files, "runs/a", b"0123456789");
    let path = folder.path().join("runs/a");

    fs::write(&path, b"0123456780").unwrap();
    files.open(&file).unwrap();
    let altered = files.open_verified(&file).unwrap_err();

    fs::write(&path, b"012345678").unwrap();
    let short = files.open(&file).unwrap_err();

    fs::remove_file(&path).unwrap();
    let missing = files.open(&file).unwrap_err();

    for e in [altered, short, missing] {
        assert_eq!(e.kind, ErrorKind::Corrupt, "{e}");
        assert!(e.message.contains(path.to_str().unwrap()), "{e}");
        assert!(e.help.is_some());
    }
}

#[test]
fn collection_removes_old_files_that_nobody_names_and_nothing_else() {
    let (folder, files) = store();
    let root = folder.path();
    let live = write(&files, "runs/run_1/live", b"x");
    write(&files, "runs/run_1/dead", b"x");
    write(&files, "runs/run_1/young", b"x");
    write(&files, "snapshots/sync_1/dead", b"x");
    fs::write(root.join("runs/run_1/plan.tmp-0011223344556677"), b"x").unwrap();
    for outside in ["state.db", "lock"] {
        fs::write(root.join(outside), b"x").unwrap();
        set_age(&root.join(outside), 9 * DAY);
    }
    for path in [
        "runs/run_1/live",
        "runs/run_1/dead",
        "runs/run_1/plan.tmp-0011223344556677",
        "snapshots/sync_1/dead",
    ] {
        set_age(&root.join(path), 2 * DAY);
    }

    let removed =
        files.remove_unreferenced(std::slice::from_ref(&live.path), DAY, SystemTime::now()).unwrap();
    assert_eq!(removed, 3);
    assert_eq!(names(&root.join("runs/run_1")), ["live", "young"]);
    assert_eq!(names(root), ["lock", "runs", "snapshots", "state.db"]);
    files.open_verified(&live).unwrap();

    assert_eq!(names(&root.join("snapshots")), ["sync_1"], "a folder goes one collection later");
    set_age(&root.join("snapshots/sync_1"), 2 * DAY);
    assert_eq!(files.remove_unreferenced(&[live.path], DAY, SystemTime::now()).unwrap(), 0);
    assert!(names(&root.join("snapshots")).is_empty());
}

#[test]
fn a_file_dated_in_the_future_is_not_old() {
    let (folder, files) = store();
    write(&files, "runs/a", b"x");
    let past = SystemTime::now() - 30 * DAY;
    assert_eq!(files.remove_unreferenced(&[], Duration::ZERO, past).unwrap(), 0);
    assert_eq!(names(&folder.path().join("runs")), ["a"]);
}

#[test]
fn collection_of_a_folder_that_was_never_used_finds_nothing() {
    let files = FileStore::new("/nonexistent/syncline");
    assert_eq!(files.remove_unreferenced(&[], DAY, SystemTime::now()).unwrap(), 0);
}

#[cfg(unix)]
#[test]
fn collection_does_not_follow_links() {
    let (folder, files) = store();
    let elsewhere = tempfile::tempdir().unwrap();
    let theirs = elsewhere.path().join("theirs");
    fs::write(&theirs, b"x").unwrap();
    set_age(&theirs, 9 * DAY);
    write(&files, "runs/a", b"x");
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("runs/link")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("link")).unwrap();
    files.remove_unreferenced(&[], DAY, SystemTime::now()).unwrap();
    assert!(theirs.exists());
}

/// `/dev/full` refuses every write with "no space left on device".
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_local_error_with_help_and_the_file_cannot_be_finished() {
    let (folder, files) = store();
    let mut writer = files.create("runs/a").unwrap();
    writer.file = BufWriter::new(OpenOptions::new().write(true).open("/dev/full").unwrap());
    writer.write_all(b"in the buffer").unwrap();
    assert!(writer.flush().is_err());
    let e = writer.finish().unwrap_err();
    assert_eq!(e.kind, ErrorKind::LocalIo);
    assert!(names(&folder.path().join("runs")).is_empty());

    let full = io_error("write", Path::new("/x"), IoKind::StorageFull.into());
    assert_eq!(full.kind, ErrorKind::LocalIo);
    assert!(full.help.unwrap().contains("space"));
}
