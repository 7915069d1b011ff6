//! The demo through the real program: what a new user sees first has to be true.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn demo(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_syncline"))
        .arg("demo")
        .args(args)
        .current_dir(folder)
        // Neither may lead the demo's commands to another project.
        .env("SYNCLINE_PROJECT", "/nowhere")
        .env("SYNCLINE_STATE", "/nowhere")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_demo_does_what_it_tells_and_can_be_repeated() {
    let temporary = tempfile::tempdir().unwrap();
    for round in ["first", "again"] {
        let ended = demo(temporary.path(), &[]);
        let (shown, beside) = (text(&ended.stdout), text(&ended.stderr));
        assert_eq!(ended.status.code(), Some(0), "{round}: {shown}\n{beside}");
        assert_eq!(beside, "", "{round}: nothing goes wrong quietly");
        for line in [
            "$ syncline check crm.contact",
            "1,988 rows read, 1,968 created, 20 failed",
            "5,000 rows read, 5,000 created",
            "415 rows read, 400 created, 15 skipped",
            "1,988 rows read, 1,968 skipped, 20 failed",
            "12 created, 15 updated, 6 deleted",
            "Held by 2 guards: 12 rows read, 12 to create, 1,974 to delete; nothing was written",
            "Sync Run Summary",
            "What to try next",
        ] {
            assert!(shown.contains(line), "{round}: '{line}' is missing in:\n{shown}");
        }
        assert!(!shown.contains('\u{1b}'), "colours are for terminals");
    }
    let folder = temporary.path().join("syncline-demo");
    let status = Command::new(env!("CARGO_BIN_EXE_syncline"))
        .args(["status", "--output", "json"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert_eq!(status.status.code(), Some(0), "the folder is a project to go on with");
}

#[cfg(unix)]
#[test]
fn the_demo_can_go_on_as_a_server_until_it_is_asked_to_end() {
    let temporary = tempfile::tempdir().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_syncline"))
        .args(["demo", "--serve"])
        .current_dir(temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = String::new();
    for line in BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap) {
        told += &format!("{line}\n");
        if line.starts_with("Ctrl-C") {
            break;
        }
    }
    assert!(told.contains("Syncline is running at http://127.0.0.1:84"), "{told}");
    assert!(told.contains("admin token sl_first_"), "{told}");
    assert!(told.contains("crm.company is active"), "{told}");
    let status = Command::new("kill").args(["-TERM", &demo.id().to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(demo.wait().unwrap().code(), Some(0));
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("syncline-demo");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("thesis.txt"), "years of work").unwrap();
    let ended = demo(temporary.path(), &[]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(text(&ended.stderr).contains("no earlier demo"), "{}", text(&ended.stderr));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn a_demo_that_is_to_leave_nothing_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let ended = demo(temporary.path(), &["somewhere", "--remove"]);
    assert_eq!(ended.status.code(), Some(0), "{}{}", text(&ended.stdout), text(&ended.stderr));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}
