//! What only a folder does.

use std::fs::OpenOptions;
use std::io::{BufWriter, ErrorKind as IoKind};

use super::place::{in_folder, names, set_age};
use super::*;

#[cfg(unix)]
#[test]
fn only_the_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;
    for place in both() {
        write(&place.files, "runs/run_1/a", b"secret");
        let mode =
            |path: &str| fs::metadata(place.here.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("runs"), mode("runs/run_1"), mode("runs/run_1/a")), (0o700, 0o700, 0o600));
    }
}

#[test]
fn a_file_whose_length_is_right_is_opened_without_reading_it() {
    let place = in_folder();
    let file = write(&place.files, "runs/a", b"0123456789");
    place.overwrite("runs/a", b"0123456780");
    place.files.open(&file).unwrap();
    assert_eq!(place.files.open_verified(&file).unwrap_err().kind, ErrorKind::Corrupt);
}

#[test]
fn an_emptied_folder_goes_one_collection_later() {
    let place = in_folder();
    let root = place.here.path();
    write(&place.files, "snapshots/sync_1/dead", b"x");
    fs::write(root.join("snapshots/plan.tmp-0011223344556677"), b"x").unwrap();
    for path in ["snapshots/sync_1/dead", "snapshots/plan.tmp-0011223344556677"] {
        set_age(&root.join(path), 2 * DAY);
    }
    assert_eq!(place.files.remove_unreferenced(&[], DAY, SystemTime::now()).unwrap(), 2);
    assert_eq!(names(&root.join("snapshots")), ["sync_1"]);
    set_age(&root.join("snapshots/sync_1"), 2 * DAY);
    assert_eq!(place.files.remove_unreferenced(&[], DAY, SystemTime::now()).unwrap(), 0);
    assert!(names(&root.join("snapshots")).is_empty());
}

#[cfg(unix)]
#[test]
fn collection_does_not_follow_links() {
    let place = in_folder();
    let elsewhere = tempfile::tempdir().unwrap();
    let theirs = elsewhere.path().join("theirs");
    fs::write(&theirs, b"x").unwrap();
    set_age(&theirs, 9 * DAY);
    write(&place.files, "runs/a", b"x");
    std::os::unix::fs::symlink(elsewhere.path(), place.here.path().join("runs/link")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), place.here.path().join("link")).unwrap();
    place.files.remove_unreferenced(&[], DAY, SystemTime::now()).unwrap();
    assert!(theirs.exists());
}

#[test]
fn a_pin_whose_process_is_gone_holds_nothing() {
    let place = in_folder();
    let file = write(&place.files, "runs/a", b"x");
    // What is left of a process that was killed: the file, without the lock.
    fs::create_dir(place.here.path().join("pins")).unwrap();
    fs::write(place.here.path().join("pins/0011223344556677"), b"").unwrap();
    place.files.remove(&file).unwrap();
    assert!(place.names("runs").is_empty() && place.names("pins").is_empty());
}

/// `/dev/full` refuses every write with "no space left on device".
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_local_error_with_help_and_the_file_cannot_be_finished() {
    for place in both() {
        let mut writer = place.files.create("runs/a").unwrap();
        writer.file = BufWriter::new(OpenOptions::new().write(true).open("/dev/full").unwrap());
        writer.write_all(b"in the buffer").unwrap();
        assert!(writer.flush().is_err());
        let e = writer.finish().unwrap_err();
        assert_eq!(e.kind, ErrorKind::LocalIo);
        assert!(place.names("runs").is_empty());
    }
    let full = io_error("write", Path::new("/x"), IoKind::StorageFull.into());
    assert_eq!(full.kind, ErrorKind::LocalIo);
    assert!(full.help.unwrap().contains("space"));
}
