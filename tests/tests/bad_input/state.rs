//! The state: full disk, damage, a second process, a newer version. (G18, G21, G27)

use syncline_tests::databases::{Database, Sqlite};
use syncline_tests::project::{Project, Running};

use crate::refused;

const ROWS: u64 = 3_000;

fn project() -> (Project, Sqlite) {
    let project = Project::of(
        "{ type: sqlite, path: source.db }",
        "{ type: sqlite, path: target.db }",
        &[(
            "item",
            "model: { table: item, key: id }\nto: { object: copy }\nbatch_size: 500\npublish: progressive\n",
        )],
    );
    let source = Sqlite::create(&project.path("source.db"));
    source.execute(&format!(
        "create table item (id integer primary key, name text);
         with recursive n(i) as (select 1 union all select i + 1 from n where i < {ROWS})
         insert into item select i, hex(randomblob(60)) from n"
    ));
    let target = Sqlite::create(&project.path("target.db"));
    target.execute("create table copy (id integer primary key, name text)");
    (project, target)
}

#[track_caller]
fn assert_whole(project: &Project, target: &Sqlite) {
    project.expect(0, &["run", "shop.item"]);
    let source = Sqlite::at(&project.path("source.db"));
    let all = "select id, name from {} order by id";
    assert!(
        target.rows(&all.replace("{}", "copy")) == source.rows(&all.replace("{}", "item")),
        "rows differ"
    );
    let run = project.expect(0, &["run", "shop.item"]).run();
    assert_eq!([&run["rows_created"], &run["rows_updated"]], [0, 0]);
    for run in project.runs() {
        assert!(!matches!(run["status"].as_str(), Some("starting" | "running")), "{run:#}");
    }
}

#[test]
fn a_full_disk_stops_the_run_cleanly_and_space_repairs_it() {
    // Files of the program cannot grow past the limit, which it meets as a failing write.
    let mut stopped = 0;
    for blocks in [60, 100, 150, 200, 250, 300] {
        let (project, target) = project();
        let preparation = format!("trap '' XFSZ; ulimit -f {blocks}");
        // dash counts in blocks of 512 bytes.
        let arguments = ["run", "shop.item", "--output", "json"];
        let output = Running::start(project.command_after(&preparation, &arguments)).wait();
        assert!(matches!(output.code(), Some(0 | 1)), "{blocks} blocks: {output}");
        assert!(!output.stderr.contains("panicked"), "{blocks} blocks: {output}");
        if output.code() == Some(1) {
            stopped += 1;
            let code = output.error_code();
            let told =
                ["local_io", "destination_failed", "destination_unreachable", "destination_unsuitable"];
            assert!(told.contains(&code.as_str()), "{blocks} blocks: {output}");
        }
        assert_whole(&project, &target);
    }
    assert!(stopped > 0, "no limit was small enough to stop a run");
}

#[test]
fn a_full_state_disk_says_so_and_loses_nothing() {
    let (project, target) = project();
    // A mount of its own, seen by this process alone and gone with it.
    let script = "
        mkdir -p small && mount -t tmpfs -o size=700k none small 2>/dev/null || exit 99
        \"$0\" \"$@\"; echo \"first $?\" >codes
        mount -o remount,size=64m none small
        \"$0\" \"$@\" >second.json; echo \"second $?\" >>codes
        \"$0\" \"$@\" >third.json; echo \"third $?\" >>codes
        exit 0";
    let mut command = std::process::Command::new("unshare");
    command.args(["-m", "sh", "-c", script]);
    let arguments = ["run", "shop.item", "--output", "json", "--state", "small/state"];
    let inner = project.command(&arguments);
    command.arg(inner.get_program()).args(arguments).current_dir(project.folder());
    let output = match command.output() {
        Ok(output) if output.status.code() == Some(0) => output,
        // Mounting needs a privilege; the test above limits files instead.
        _ => return eprintln!("skipped: this user may not mount a file system"),
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    let codes = project.read("codes");
    assert_eq!(codes, "first 1\nsecond 0\nthird 0\n", "{stderr}");
    assert!(
        stderr.contains("local_io") || String::from_utf8_lossy(&output.stdout).contains("local_io"),
        "{stderr}"
    );
    assert!(!stderr.contains("panicked"), "{stderr}");
    let third: serde_json::Value = serde_json::from_str(&project.read("third.json")).expect("JSON");
    assert_eq!([&third["rows_created"], &third["rows_updated"]], [0, 0], "{third:#}");
    assert_eq!(target.value("select count(*) from copy"), ROWS.to_string());
}

#[test]
fn a_damaged_state_is_told_and_left_alone() {
    for at in [0, 4_096 * 2] {
        let (project, target) = project();
        project.expect(0, &["run", "shop.item"]);
        let path = project.path(".syncline/state.db");
        let good = std::fs::read(&path).expect("the state");
        let mut bad = good.clone();
        for byte in bad.iter_mut().skip(at).take(4_096) {
            *byte = 0xa5;
        }
        std::fs::write(&path, &bad).expect("damage the state");
        let output = project.json(&["run", "shop.item"]);
        assert_eq!(
            (output.code(), output.error_code().as_str()),
            (Some(1), "corrupt_state"),
            "at {at}: {output}"
        );
        std::fs::write(&path, &good).expect("put the state back");
        assert_whole(&project, &target);
    }
}

#[test]
fn a_damaged_snapshot_file_is_told_and_nothing_is_sent() {
    let (project, target) = project();
    project.expect(0, &["run", "shop.item"]);
    let before = target.rows("select * from copy order by id");
    let mut damaged = 0;
    let mut folders = vec![project.path(".syncline")];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.starts_with(project.path(".syncline/runs"))
                && !path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("state.db") || name == "lock")
            {
                let mut bytes = std::fs::read(&path).expect("a file of the state");
                // Pages are checked when they are read: damage in each of them is met.
                bytes.iter_mut().skip(512).step_by(1_024).for_each(|byte| *byte ^= 0xff);
                std::fs::write(&path, bytes).expect("damage a file");
                damaged += 1;
            }
        }
    }
    assert!(damaged > 0, "there is a snapshot to damage");
    Sqlite::at(&project.path("source.db")).execute("update item set name = 'new' where id = 1");
    refused(&project, 1, "corrupt_state", &[]);
    assert_eq!(target.rows("select * from copy order by id"), before);
}

#[test]
fn a_second_process_is_refused_while_readers_are_not() {
    let (project, target) = project();
    let mut first = project.start(&["run", "shop.item"], "engine.chunk.sending=1*sleep(3000)");
    first.wait_for_line("destination writes");
    let output = project.expect(1, &["run", "shop.item"]);
    assert_eq!(output.error_code(), "state_locked", "{output}");
    assert_eq!(project.last_run()["status"], "running");
    assert_eq!(project.run(&["status"]).code(), Some(0));
    assert!(first.is_running());
    assert_eq!(first.wait().code(), Some(0));
    assert_whole(&project, &target);
}

#[test]
fn a_state_of_a_newer_version_is_refused_and_left_alone() {
    let (project, target) = project();
    project.expect(0, &["run", "shop.item"]);
    let state = Sqlite::at(&project.path(".syncline/state.db"));
    let version = state.value("pragma user_version");
    state.execute("pragma user_version = 9999");
    refused(&project, 1, "state_too_new", &["9999"]);
    assert_eq!(project.json(&["runs"]).error_code(), "state_too_new");
    state.execute(&format!("pragma user_version = {version}"));
    assert_whole(&project, &target);
}

#[test]
fn a_state_folder_that_cannot_be_made_is_named() {
    let (project, _) = project();
    project.write("file", "in the way");
    let output = project.expect(1, &["run", "shop.item", "--state", "file/state"]);
    assert_eq!(output.error_code(), "local_io");
    assert!(output.error().to_string().contains("file"), "{output}");
}
