//! The way from nothing to a sync that keeps two systems equal.

use crate::fixture::{Project, customers};

#[test]
fn from_init_to_a_second_run_that_writes_nothing() {
    let project = Project::empty();
    project.run(&["init", "."]).code(0).says("+ ./syncline.yaml").says("syncline check --create");
    project.run(&["validate"]).code(0).says("the project is valid: 1 sync");
    project.run(&["status"]).code(0).says("never seeded");
    project.run(&["runs"]).code(0).says("No runs.");
    let missing = project.run(&["check"]).code(2).says("error[target_missing]");
    assert!(missing.stdout.contains("at syncs/crm.yaml:"), "{missing:#?}");
    assert!(missing.stdout.contains("syncline check crm.contact --create"), "{missing:#?}");
    project.run(&["check", "crm", "--create"]).code(0).says("CREATE TABLE");
    project.run(&["preview", "crm.contact", "--limit", "1"]).code(0).says("→").says("\"ada@example.com\"");

    let plan = project.run(&["plan", "crm.contact"]).code(0);
    let plan = plan.says("3 rows read, 3 to create").says("+ create 1").says("tier         \"gold\"");
    assert!(plan.stderr.contains("crm.contact: query execution"), "a quiet line for a phase: {plan:#?}");
    assert_eq!(project.delivered(), [0; 0], "a plan writes nothing");
    project.run(&["plan", "crm.contact", "--exit-code"]).code(10);

    project.run(&["run", "crm.contact"]).code(0).says("3 rows read, 3 created");
    assert_eq!(project.delivered(), [1, 2, 3]);
    project.run(&["plan", "crm.contact", "--exit-code"]).code(0).says("no changes");
    project.run(&["run", "crm"]).code(0).says("3 rows read, nothing to write");

    let changed = customers([1, 2, 3]);
    project.write("data/customers.csv", &changed.replace("user2@", "new@"));
    let plan = project.run(&["plan", "crm.contact", "--limit", "1"]).code(0).says("~ update 1");
    assert!(plan.stdout.contains("\"ada@example.com\" → \"user1@example.com\""), "{plan:#?}");
    assert!(plan.stdout.contains("and 2 more changes; --limit 3 shows them all"), "{plan:#?}");
    project.run(&["run", "--all"]).code(0).says("3 updated");

    let history = project.run(&["history", "crm.contact", "2"]).code(0).says("updated").says("created");
    assert!(history.stdout.find("updated") < history.stdout.find("created"), "newest first: {history:#?}");
    project.run(&["history", "crm.contact", "99"]).code(0).says("Nothing is recorded of 99");
    let status = project.run(&["status"]).code(0).says("✓ completed");
    assert!(!status.stdout.contains('\u{1b}'), "no colours where no terminal is: {status:#?}");
}

#[test]
fn a_run_is_shown_with_its_summary_timeline_and_guards() {
    let project = Project::with_contacts("upsert", "");
    project.run(&["run", "crm.contact"]).code(0);
    let shown = project.run(&["runs", "show", "last"]).code(0);
    let line = |start: &str| {
        let found = shown.stdout.lines().find(|l| l.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start:?} in {shown:#?}")).to_string()
    };
    assert_eq!(line("┌"), format!("┌{}┐", "─".repeat(53)));
    assert_eq!(line("│ Sync Run Summary"), format!("│ {:<51} │", "Sync Run Summary"));
    assert_eq!(line("│ Total Processed"), format!("│ Total Processed │ {:<33} │", "     5"));
    assert_eq!(line("│ Created"), format!("│ Created         │      5 {} │", "█".repeat(26)));
    assert_eq!(line("│ Deleted"), format!("│ Deleted         │ {:<33} │", "     0"));
    for label in ["Updated", "Failed", "Skipped", "Duration", "Query Time", "Processing Time"] {
        assert_eq!(line(&format!("│ {label}")).chars().count(), 55, "{label}");
    }
    for text in [
        "Timeline",
        "query execution",
        "finalization",
        "Durations",
        "change detection",
        "destination writes",
        "✓ max_deletes",
        "correlation",
    ] {
        assert!(shown.stdout.contains(text), "no {text:?} in {shown:#?}");
    }
}

#[test]
fn a_saved_plan_is_applied_once_and_then_is_stale() {
    let project = Project::with_contacts("upsert", "");
    project
        .run(&["plan", "crm.contact", "--out", "contact.plan"])
        .code(0)
        .notes("syncline apply contact.plan");
    project.run(&["apply", "contact.plan"]).code(0).says("5 created");
    assert_eq!(project.delivered().len(), 5);
    project.run(&["apply", "contact.plan"]).code(6).notes("error[stale_plan]").notes("help: plan again");
    project.write("no.plan", "{}");
    project.run(&["apply", "no.plan"]).code(2).notes("not a saved plan");
}

#[test]
fn read_options_choose_what_is_read() {
    let project = Project::with_contacts("upsert", "");
    project
        .run(&["run", "crm.contact", "--source-ids", "2, \"4\",77"])
        .code(0)
        .says("2 created")
        .says("not found: 77");
    assert_eq!(project.delivered(), [2, 4]);
    project.run(&["run", "crm.contact", "--max-entities", "1"]).code(0).says("1 row read, 1 created");
    project
        .run(&["run", "crm.contact", "--type", "one_time", "--cursor", "full"])
        .code(0)
        .says("5 rows read");
    assert_eq!(project.delivered(), [1, 2, 3, 4, 5]);
    let run = project.json(&["runs", "show", "last"]);
    assert_eq!(run["type"], "one_time");
    assert_eq!(run["options"]["read_mode"], "full");
}

#[test]
fn the_cursor_is_shown_moved_and_remembered() {
    let project = Project::new();
    project.write(
        "syncs/crm.yaml",
        "instance: crm
source: warehouse
target: crm
entities:
  contact:
    model: { file: customers.csv, key: id, cursor: seq, types: { id: int64, seq: int64 } }
    to: { object: contacts, match: external_id }
    lookback: 0s
    mapping: { external_id: id, seq: seq }
",
    );
    project.write("data/customers.csv", "id,seq\n1,10\n2,20\n3,30\n");
    project.run(&["check", "--create"]).code(0);
    project.run(&["run", "crm.contact"]).code(0).says("3 created");
    project.run(&["cursor", "show", "crm.contact"]).code(0).says("seq: 30");
    let unsure = project.run(&["cursor", "set", "crm.contact", "20"]).code(2);
    unsure.notes("the next run reads 2 records, 2 of them again").notes("add --yes");
    project.run(&["cursor", "show", "crm.contact"]).says("seq: 30");
    project.run(&["cursor", "set", "crm.contact", "20", "--yes"]).code(0).says("is 20");
    project
        .run(&["cursor", "set", "crm.contact", "soon", "--yes"])
        .code(2)
        .notes("'soon' is no value of seq");
    let history = project.json(&["cursor", "history", "crm.contact"]);
    assert_eq!(history["data"][0]["reason"], "manual");
    assert_eq!((&history["data"][0]["from"], &history["data"][0]["to"]), (&"30".into(), &"20".into()));
    assert_eq!(history["pagination"]["total"], 2);
    project.run(&["cursor", "set", "crm.contact", "none", "--yes"]).code(0);
    assert!(project.json(&["cursor", "show", "crm.contact"])["value"].is_null());
}
