//! What only a bucket does: copies, and everything that can be wrong with a network.

use syncline_tests::object_store::{Server, location};
use syncline_tests::proxy::{End, Fault, Proxy, Way};
use tempfile::TempDir;

use super::place::{in_bucket, names, set_age};
use super::*;

/// Enough for three parts.
const LARGE_BYTES: u32 = 20 << 20;

#[test]
fn a_large_file_goes_in_parts_and_comes_back_whole() {
    let place = in_bucket();
    let written = some_bytes(LARGE_BYTES);
    let file = write(&place.files, "snapshots/a", &written);
    assert!(content(place.seen_elsewhere().open_verified(&file).unwrap()) == written);
}

#[test]
fn a_damaged_copy_is_fetched_anew() {
    let place = in_bucket();
    let file = write(&place.files, "runs/a", b"0123456789");
    let copy = place.here.path().join("runs/a");
    for damage in [&b"0123456780"[..], b"012", b""] {
        fs::write(&copy, damage).unwrap();
        assert_eq!(content(place.files.open_verified(&file).unwrap()), b"0123456789");
        assert_eq!(fs::read(&copy).unwrap(), b"0123456789");
    }
    fs::remove_file(&copy).unwrap();
    assert_eq!(content(place.files.open(&file).unwrap()), b"0123456789");
}

#[test]
fn a_copy_is_read_without_asking_the_store() {
    let place = in_bucket();
    let file = write(&place.files, "runs/a", b"x");
    place.delete("runs/a");
    assert_eq!(content(place.files.open(&file).unwrap()), b"x");
}

#[test]
fn copies_stay_within_their_bound_and_those_used_last_stay() {
    let server = Server::shared();
    let location = server.location(&server.bucket());
    let cache = tempfile::tempdir().unwrap();
    let files = FileStore::at(&location, cache.path(), 100).unwrap();
    let old = write(&files, "runs/old", &[b'o'; 30]);
    let mut open = files.open(&old).unwrap();
    let used = write(&files, "runs/used", &[b'u'; 30]);
    write(&files, "runs/other", &[b'x'; 30]);
    for (name, days) in [("used", 3), ("old", 2), ("other", 1)] {
        set_age(&cache.path().join("runs").join(name), days * DAY);
    }
    files.open(&used).unwrap();
    write(&files, "runs/new", &[b'n'; 30]);
    assert_eq!(names(&cache.path().join("runs")), ["new", "other", "used"]);

    let mut rest = Vec::new();
    open.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, [b'o'; 30], "what is open stays readable");
    assert_eq!(content(files.open_verified(&old).unwrap()), [b'o'; 30], "and what went is fetched again");

    let large = write(&files, "runs/large", &[b'l'; 500]);
    assert_eq!(content(files.open(&large).unwrap()), [b'l'; 500], "larger than the bound");
    assert!(names(&cache.path().join("runs")).is_empty());
}

#[test]
fn a_new_process_counts_the_copies_it_finds() {
    let server = Server::shared();
    let location = server.location(&server.bucket());
    let cache = tempfile::tempdir().unwrap();
    let files = FileStore::at(&location, cache.path(), 1_000).unwrap();
    write(&files, "runs/a", &[0; 400]);
    write(&files, "runs/b", &[0; 400]);
    fs::write(cache.path().join("runs/left.tmp-00"), b"by a process that died").unwrap();
    set_age(&cache.path().join("runs/left.tmp-00"), 2 * DAY);
    set_age(&cache.path().join("runs/a"), DAY);
    drop(files);
    FileStore::at(&location, cache.path(), 500).unwrap();
    assert_eq!(names(&cache.path().join("runs")), ["b"]);
}

#[test]
fn a_reply_that_is_lost_stores_the_file_once() {
    let server = Server::shared();
    let proxy = Proxy::to(server.port());
    let cache = tempfile::tempdir().unwrap();
    let files = FileStore::at(&location(proxy.port(), &server.bucket()), cache.path(), CACHE_BYTES).unwrap();
    let writer = files.create("runs/a").unwrap();
    proxy.break_off(End::Close);
    // The connection that carries the PUT loses its answer; the client sends it again on another one.
    let mut lost = false;
    proxy.inject(move |_| {
        let fault = if lost { Fault::None } else { Fault::LoseReply { request: "PUT ", end: End::Reset } };
        lost = true;
        fault
    });
    let file = writer.finish().unwrap();
    assert_eq!(proxy.take_log().len(), 1, "one reply was lost");
    files.open_verified(&file).unwrap();
}

#[test]
fn a_download_that_breaks_off_goes_on_or_fails_and_leaves_no_copy() {
    let server = Server::shared();
    let bucket = server.bucket();
    let first = tempfile::tempdir().unwrap();
    let written = some_bytes(LARGE_BYTES);
    let file = write(
        &FileStore::at(&server.location(&bucket), first.path(), CACHE_BYTES).unwrap(),
        "snapshots/a",
        &written,
    );
    let proxy = Proxy::to(server.port());
    let cache = tempfile::tempdir().unwrap();
    let place = format!("{}&retry_seconds=2", location(proxy.port(), &bucket));
    let files = FileStore::at(&place, cache.path(), CACHE_BYTES).unwrap();

    proxy.break_off(End::Reset);
    proxy.inject(|_| Fault::Cut { way: Way::ToClient, after: 1 << 20, end: End::Reset });
    let cut = files.open(&file).unwrap_err();
    assert_eq!(cut.kind, ErrorKind::LocalIo, "{cut:?}");
    assert!(names(&cache.path().join("snapshots")).is_empty());

    proxy.break_off(End::Reset);
    proxy.calm();
    assert!(content(files.open(&file).unwrap()) == written);
}

#[test]
fn a_store_that_dies_in_mid_upload_fails_the_file_and_one_that_is_back_takes_it() {
    let mut server = Server::start(0);
    server.make_bucket("files");
    let proxy = Proxy::to(server.port());
    let cache = tempfile::tempdir().unwrap();
    let place = format!("{}&retry_seconds=1", location(proxy.port(), "files"));
    let files = FileStore::at(&place, cache.path(), CACHE_BYTES).unwrap();
    let written = some_bytes(LARGE_BYTES);
    let mut writer = files.create("snapshots/a").unwrap();
    writer.write_all(&written).unwrap();

    // Every connection is stuck in the middle of a part until the server is gone.
    proxy.break_off(End::Close);
    let (stuck, is_stuck) = std::sync::mpsc::channel();
    proxy.inject(move |_| {
        let _ = stuck.send(());
        Fault::Cut { way: Way::ToServer, after: 2 << 20, end: End::HalfClose }
    });
    let e = std::thread::scope(|threads| {
        let finished = threads.spawn(|| writer.finish());
        is_stuck.recv().unwrap();
        server.kill();
        proxy.break_off(End::Reset);
        finished.join().unwrap().unwrap_err()
    });
    assert_eq!(e.kind, ErrorKind::LocalIo, "{e:?}");
    assert!(e.message.contains("cannot be reached"), "{e}");
    assert!(e.help.is_some());
    assert!(names(&cache.path().join("snapshots")).is_empty(), "nothing has the name");

    let back = Server::start(server.port());
    back.make_bucket("files");
    proxy.calm();
    let file = write(&files, "snapshots/a", &written);
    assert!(content(files.open_verified(&file).unwrap()) == written);
}

fn refused(location: &str) -> (TempDir, syncline_core::Error) {
    let cache = tempfile::tempdir().unwrap();
    let e = FileStore::at(location, cache.path(), CACHE_BYTES).unwrap_err();
    (cache, e)
}

#[test]
fn a_bucket_that_is_missing_closed_or_out_of_reach_is_told_at_once() {
    let server = Server::start(0);
    let bucket = server.bucket();
    let (_cache, missing) = refused(&server.location("nobodys-bucket"));
    assert!(missing.message.contains("no such bucket"), "{missing}");

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (_cache, away) = refused(&format!("{}&retry_seconds=0", location(nobody, &bucket)));
    assert!(away.message.contains("cannot be reached"), "{away}");

    server.require_credentials();
    let (_cache, closed) = refused(&server.location(&bucket));
    assert!(closed.message.contains("refuses"), "{closed:?}");

    for e in [missing, away, closed] {
        assert_eq!(e.kind, ErrorKind::LocalIo);
        assert!(e.help.is_some());
        assert!(!format!("{e:?}").contains(syncline_tests::object_store::SECRET), "{e:?}");
    }
}

#[test]
fn an_endpoint_without_encryption_has_to_be_asked_for() {
    let server = Server::shared();
    let location = server.location(&server.bucket()).replace("&allow_http=true", "");
    let (_cache, e) = refused(&location);
    assert_eq!(e.kind, ErrorKind::InvalidConfig);
    assert!(e.help.unwrap().contains("allow_http=true"));
}
