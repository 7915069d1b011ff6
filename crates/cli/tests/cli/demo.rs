//! The demo's tour through the real program: what a new user sees first has to be true.

use std::path::Path;
use std::process::{Command, Output};

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
fn the_tour_does_what_it_tells_can_be_repeated_and_leaves_nothing_if_wished() {
    let temporary = tempfile::tempdir().unwrap();
    for round in ["first", "again"] {
        let ended = demo(temporary.path(), &["somewhere", "--remove"]);
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
        ] {
            assert!(shown.contains(line), "{round}: '{line}' is missing in:\n{shown}");
        }
        assert!(!shown.contains('\u{1b}'), "colours are for terminals");
        assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "{round}");
    }
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
