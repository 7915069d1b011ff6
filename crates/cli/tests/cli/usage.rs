//! Wrong usage, wrong files, locked state, closed pipes.

use std::process::Stdio;

use syncline_store::SqliteStore;

use crate::fixture::{Project, Ran};

#[test]
fn an_unknown_sync_gets_a_suggestion() {
    let project = Project::new();
    project
        .run(&["run", "crm.contct"])
        .code(2)
        .notes("there is no sync 'crm.contct'")
        .notes("did you mean 'crm.contact'?");
    project.run(&["plan", "zzz"]).code(2).notes("the project has: crm.contact");
    project.run(&["run", "crm.contact"]).code(1).says("check crm.contact --create");
    project.run(&["runs", "show", "run_beef"]).code(2).notes("there is no run 'run_beef'");
    project.run(&["runs", "show", "ab"]).code(2).notes("too short");
}

#[test]
fn wrong_command_lines_exit_with_2() {
    let project = Project::new();
    for args in [
        &["run"][..],
        &["run", "--all", "crm"],
        &["frobnicate"],
        &["run", "crm", "--cursor", "sideways"],
        &["runs", "--status", "great"],
        &["run", "crm", "--max-entities", "0"],
        &["run", "crm.contact", "--source-ids", ","],
        &["seed", "crm.contact", "--confirm", "crm.contact"],
    ] {
        project.run(args).code(2);
    }
    project.run(&["--help"]).code(0).says("Exit codes:");
    project.run(&["--version"]).code(0).says("syncline ");
}

#[test]
fn a_folder_without_a_project_says_how_to_make_one() {
    let project = Project::empty();
    project.run(&["status"]).code(2).notes("no syncline.yaml").notes("syncline init");
    project.run(&["status", "--project", "nowhere"]).code(2).notes("nowhere");
    project.run(&["init", "here"]).code(0).says("cd here");
    project.run(&["validate", "--project", "here"]).code(0);
    project.run(&["init", "here"]).code(2).notes("nothing was written").notes("--force");
    project.write("here/syncline.yaml", "x");
    project.run(&["init", "here", "--force"]).code(0);
    project.run(&["validate", "--project", "here"]).code(0);
}

#[test]
fn problems_in_files_are_all_shown_in_their_place() {
    let project = Project::new();
    project.write(
        "syncs/crm.yaml",
        "instance: crm\nsource: wharehouse\ntarget: crm\nentities:\n  c: { modle: 1 }\n",
    );
    let ran = project.run(&["validate"]).code(2).says("modle").says("✗");
    assert!(ran.stdout.contains("wharehouse") && ran.stdout.contains("syncs/crm.yaml"), "{ran:#?}");
    project.run(&["run", "--all"]).code(2).notes("error[invalid_config]").notes("modle");
    let schema = project.json(&["schema", "instance"]);
    assert!(schema["properties"]["entities"].is_object());
}

#[test]
fn state_in_use_by_another_process_is_not_touched() {
    let project = Project::with_contacts("upsert", "");
    project.run(&["run", "crm.contact"]).code(0);
    let held = SqliteStore::open(&project.path(".syncline")).unwrap();
    project.run(&["run", "crm.contact"]).code(1).notes("error[state_locked]");
    project.run(&["runs"]).code(0).says("completed");
    project.run(&["status"]).code(0).says("crm.contact");
    drop(held);
    project.run(&["run", "crm.contact"]).code(0);
}

#[test]
fn the_state_can_be_elsewhere_and_differs_by_environment() {
    let project = Project::with_contacts("upsert", "");
    project.run(&["run", "crm.contact", "--state", "elsewhere"]).code(0);
    assert!(project.path("elsewhere/state.db").is_file() && !project.path(".syncline/state.db").exists());
    project.write("syncline.prod.yaml", "defaults: { guards: { max_deletes: 5% } }\n");
    project.run(&["run", "crm.contact", "--env", "prod"]).code(0);
    project.run(&["runs"]).code(0).says("No runs.");
    project.run(&["runs", "--env", "prod"]).code(0).says("crm.contact");
}

#[test]
fn what_is_recorded_can_be_seen_when_the_project_is_broken_or_gone() {
    let project = Project::with_contacts("upsert", "");
    project.write("data/customers.csv", "id,email,mrr\n1,a@example.com,1.50\n2,b@example.com,lots\n");
    project.run(&["run", "crm.contact"]).code(3);
    let questions: [(&[&str], &str); 7] = [
        (&["runs"], "! completed, 1 failed"),
        (&["runs", "crm.contact"], "! completed, 1 failed"),
        (&["runs", "show", "last"], "Sync Run Summary"),
        (&["errors", "last"], "lots"),
        (&["history", "crm.contact", "1"], "created"),
        (&["dlq", "list", "--sync", "crm.contact"], "mrr"),
        (&["cursor", "history", "crm.contact"], "never moved"),
    ];
    project.write("syncline.yaml", "connections: [\n");
    for (args, answer) in questions {
        project.run(args).code(2).notes("error[invalid_config]").notes("--state FOLDER");
        let args = [args, &["--state", ".syncline"]].concat();
        project.run(&args).code(0).says(answer).notes("`syncline validate` shows them");
    }
    let unknown = ["history", "crm.contcat", "1", "--state", ".syncline"];
    project.run(&unknown).code(2).notes("the state has no sync 'crm.contcat'").notes("it has: crm.contact");
    std::fs::remove_file(project.path("syncline.yaml")).unwrap();
    for (args, answer) in questions {
        project.run(args).code(2).notes("syncline init").notes("--state FOLDER");
        let args = [args, &["--state", ".syncline"]].concat();
        let ran = project.run(&args).code(0).says(answer);
        assert_eq!(ran.stderr, "", "no project is nothing to warn of: {ran:#?}");
    }
    project.run(&["runs", "--state", "nowhere"]).code(2).notes("there is no state in nowhere");
    assert_eq!(project.json(&["runs", "--state", ".syncline"])["pagination"]["total"], 1);
}

#[test]
fn a_source_that_cannot_be_reached_is_a_source_failure() {
    let project = Project::with_contacts("upsert", "");
    let yaml = std::fs::read_to_string(project.path("syncline.yaml")).unwrap();
    let unreachable = "warehouse: { type: postgres, url: \"postgres://nobody@127.0.0.1:1/nothing\" }\n  crm:";
    let start = yaml.find("warehouse:").unwrap();
    let end = yaml.find("  crm:").unwrap();
    project
        .write("syncline.yaml", &format!("{}{unreachable}{}", &yaml[..start], &yaml[end + "  crm:".len()..]));
    let instance = std::fs::read_to_string(project.path("syncs/crm.yaml")).unwrap();
    let model = instance.lines().find(|l| l.contains("model:")).unwrap();
    project.write("syncs/crm.yaml", &instance.replace(model, "    model: { table: customers, key: id }"));
    project.run(&["run", "crm.contact"]).code(5).says("✗ crm.contact  Failed");
    assert_eq!(project.json(&["runs", "--status", "failed"])["data"][0]["status"], "source_failure");
}

#[test]
fn a_reader_that_went_away_does_not_stop_the_work() {
    let project = Project::with_contacts("upsert", "");
    for args in [&["functions"][..], &["run", "crm.contact"], &["runs", "--output", "json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = project.command(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let ran = Ran::new(args, output).code(0);
        assert!(!ran.stderr.contains("panicked"), "{ran:#?}");
    }
    assert_eq!(project.delivered().len(), 5);
}

#[test]
fn functions_are_listed_with_examples() {
    let project = Project::empty();
    project.run(&["functions"]).code(0).says("FUNCTION").says("lower(");
    assert!(project.json(&["functions"]).as_array().unwrap().len() > 30);
}
