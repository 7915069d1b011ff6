//! What syncs say about each other.

use crate::fixture::Folder;

fn folder(schedules: &[(&str, &str)]) -> Folder {
    let mut text = "instance: crm\nsource: warehouse\ntarget: crm\nentities:\n".to_string();
    for (name, rest) in schedules {
        text.push_str(&format!("  {name}:\n    model: {{ table: t, key: id }}\n    to: {{ object: t }}\n"));
        if !rest.is_empty() {
            text.push_str(&format!("    {rest}\n"));
        }
    }
    Folder::with_instance(&text)
}

#[test]
fn a_sync_stands_behind_the_one_it_runs_after() {
    let folder = folder(&[
        ("deal", "schedule: { after: crm.contact }"),
        ("note", ""),
        ("contact", "schedule: { after: crm.company }"),
        ("company", "schedule: { every: 1h }"),
        ("task", "schedule: { after: crm.company }"),
    ]);
    let order: Vec<String> = folder.project().syncs.iter().map(|sync| sync.id.entity().to_string()).collect();
    assert_eq!(order, ["company", "contact", "deal", "note", "task"]);
}

#[test]
fn a_cycle_is_named_once_with_all_its_members() {
    let problems = folder(&[
        ("x", "schedule: { after: crm.a }"),
        ("a", "schedule: { after: crm.b }"),
        ("b", "schedule: { after: crm.c }"),
        ("c", "schedule: { after: crm.a }"),
    ])
    .problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].code, "cycle");
    assert_eq!(
        problems[0].message,
        "these syncs wait for each other: crm.a after crm.b after crm.c after crm.a"
    );
    assert_eq!((problems[0].line, problems[0].column), (12, 24));
}

#[test]
fn a_sync_cannot_wait_for_itself_or_for_nothing() {
    assert_eq!(folder(&[("a", "schedule: { after: crm.a }")]).problems()[0].code, "cycle");
    let problems = folder(&[("contact", ""), ("b", "schedule: { after: crm.contcat }")]).problems();
    assert_eq!(problems[0].to_string(), "syncs/crm.yaml:11:24: there is no sync 'crm.contcat'");
    assert_eq!(problems[0].help.as_deref(), Some("did you mean 'crm.contact'?"));
}

#[test]
fn renaming_is_from_a_sync_that_is_gone_and_only_once() {
    let problems = folder(&[("a", ""), ("b", "renamed_from: crm.a")]).problems();
    assert!(problems[0].message.contains("still exists"), "{}", problems[0]);
    let problems = folder(&[("b", "renamed_from: crm.a"), ("c", "renamed_from: crm.a")]).problems();
    assert!(problems[0].message.contains("was renamed from 'crm.a' too"), "{}", problems[0]);
}
