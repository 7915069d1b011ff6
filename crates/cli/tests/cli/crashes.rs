//! The program killed or interrupted at named places. Needs the feature `failpoints`.
#![cfg(feature = "failpoints")]

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::fixture::Project;

#[test]
fn the_next_command_settles_what_a_killed_one_left() {
    for point in ["engine.run.started", "engine.chunk.sending", "engine.commit.before", "engine.commit.after"]
    {
        let project = Project::with_contacts("upsert", "");
        let killed =
            project.command(&["run", "crm.contact"]).env("FAILPOINTS", format!("{point}=panic")).output();
        assert_eq!(killed.unwrap().status.code(), None, "{point}: killed by a signal");
        let next = project.run(&["run", "crm.contact"]).code(0);
        assert_eq!(
            next.stderr.contains("recovered run_"),
            point != "engine.commit.after",
            "{point}: {next:#?}"
        );
        assert_eq!(project.delivered(), [1, 2, 3, 4, 5], "{point}");
        let active = project.json(&["runs", "--status", "running,starting,queued"]);
        assert_eq!(active["pagination"]["total"], 0, "{point}");
    }
}

#[test]
fn ctrl_c_cancels_without_writing() {
    let project = Project::with_contacts("upsert", "");
    let mut child = project
        .command(&["run", "crm.contact"])
        .env("FAILPOINTS", "engine.run.started=sleep(1500)")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, "crm.contact: query execution\n");
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{rest}");
    assert!(rest.contains("cancelling"), "{rest}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("Cancelled after"), "{output:?}");
    assert_eq!(project.delivered(), [0; 0]);
}
