//! Several syncs in one command.

use crate::fixture::Project;

/// `crm.contact`, and `crm.copy` that runs after it; `other.apart` stands alone.
fn project() -> Project {
    let project = Project::with_contacts("upsert", "    tags: [daily]\n");
    let contact = crate::fixture::contacts("upsert", "    tags: [daily]\n");
    let copy = "  copy:
    model: { file: customers.csv, key: id, types: { id: int64 } }
    to: { object: copies, match: id }
    mapping: { id: id }
    schedule: { after: crm.contact }
";
    project.write("syncs/crm.yaml", &format!("{contact}{copy}"));
    let apart = "instance: other
source: warehouse
target: crm
entities:
  apart:
    model: { file: customers.csv, key: id, types: { id: int64 } }
    to: { object: aparts, match: id }
    mapping: { id: id }
    tags: [daily]
";
    project.write("syncs/other.yaml", apart);
    project.run(&["check", "--create"]).code(0);
    project
}

fn ran(project: &Project) -> Vec<String> {
    let runs = project.json(&["runs"]);
    runs["data"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|r| r["sync_id"].as_str().unwrap().to_string())
        .collect()
}

#[test]
fn syncs_are_selected_by_id_instance_and_tag() {
    let p = project();
    p.run(&["run", "crm.copy", "crm.contact"]).code(0);
    assert_eq!(ran(&p), ["crm.contact", "crm.copy"], "in the order of dependencies");
    p.run(&["run", "--tag", "daily"]).code(0);
    assert_eq!(ran(&p)[2..], ["crm.contact", "other.apart"]);
    p.run(&["run", "other"]).code(0);
    p.run(&["run", "--all"]).code(0);
    assert_eq!(ran(&p).len(), 8);
    p.run(&["run", "--tag", "weekly"]).code(2).notes("no sync has the tag 'weekly'");
    p.run(&["run", "crm", "--source-ids", "1"]).code(2).notes("--source-ids belongs to one sync");
    assert_eq!(p.json(&["run", "--all"]).as_array().unwrap().len(), 3);
}

#[test]
fn what_runs_after_a_failure_is_skipped_and_the_worst_code_counts() {
    let p = project();
    p.write("data/customers.csv", "id,first_name,last_name,email,mrr\n1,a,b,c,x\n");
    let all = p.run(&["run", "--all"]).code(1);
    let all = all.notes("skipped crm.copy: it runs after crm.contact, which did not complete");
    assert!(all.stdout.contains("other.apart"), "others go on: {all:#?}");
    assert_eq!(ran(&p), ["crm.contact", "other.apart"]);
}
