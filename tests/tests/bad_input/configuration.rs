//! Files of the project that are wrong.

use serde_json::Value as Json;
use syncline_tests::databases::{Database, Sqlite};
use syncline_tests::project::Project;

use crate::refused;

fn project(entity: &str) -> Project {
    let project = Project::of(
        "{ type: sqlite, path: source.db }",
        "{ type: sqlite, path: target.db }",
        &[("item", entity)],
    );
    let source = Sqlite::create(&project.path("source.db"));
    source.execute("create table item (id integer primary key, name text); insert into item values (1, 'a')");
    let target = Sqlite::create(&project.path("target.db"));
    target.execute("create table copy (id integer primary key, name text)");
    project
}

const GOOD: &str = "model: { table: item, key: id }\nto: { object: copy }\n";

/// The problems that `validate` finds, after a check that `run` refuses them too.
#[track_caller]
fn problems(project: &Project) -> Vec<Json> {
    let run = project.expect(2, &["run", "shop.item"]);
    assert_eq!(run.error_code(), "invalid_config", "{run}");
    let answer = project.expect(2, &["validate"]).json();
    answer.as_array().unwrap_or_else(|| panic!("no list of problems: {answer}")).clone()
}

#[track_caller]
fn assert_told(problems: &[Json], code: &str, file: &str, line: u64, words: &str) {
    let told = problems.iter().any(|p| {
        let text = format!("{} {}", p["message"], p["help"]);
        p["code"] == code && p["file"] == file && p["line"] == line && text.contains(words)
    });
    assert!(told, "no problem {code} at {file}:{line} with '{words}' in {problems:#?}");
}

#[test]
fn a_file_that_is_no_yaml_is_told_with_its_line() {
    let project = project(GOOD);
    project.write("syncline.yaml", "connections:\n  from: { type: sqlite\n");
    let problems = problems(&project);
    assert!(
        problems.iter().all(|p| p["file"] == "syncline.yaml" && p["line"].as_u64() >= Some(2)),
        "{problems:#?}"
    );
}

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_key_that_was_meant() {
    let project = project(&format!("{GOOD}write_mod: mirror\n"));
    assert_told(&problems(&project), "unknown_key", "syncs/shop.yaml", 8, "write_mode");
}

#[test]
fn every_problem_of_every_file_is_told_at_once() {
    let project =
        project("model: { table: item }\nto: { object: copy }\nwrite_mode: mirorr\nbatch_size: many\n");
    project.write(
        "syncline.yaml",
        "connections:\n  from: { type: sqlite, path: source.db }\n  into: { type: oracle }\n",
    );
    let problems = problems(&project);
    assert!(problems.len() >= 4, "{problems:#?}");
    for (file, line) in
        [("syncline.yaml", 3), ("syncs/shop.yaml", 6), ("syncs/shop.yaml", 8), ("syncs/shop.yaml", 9)]
    {
        assert!(
            problems.iter().any(|p| p["file"] == file && p["line"] == line),
            "{file}:{line}: {problems:#?}"
        );
    }
}

#[test]
fn a_secret_that_is_not_set_is_named_and_shown_nowhere() {
    let mut project = project(GOOD);
    project.write(
        "syncline.yaml",
        "connections:\n  from: { type: postgres, url: \"${env:SHOP_URL_NOT_SET}\" }\n  into: { type: sqlite, path: target.db }\n",
    );
    let output = project.expect(2, &["run", "shop.item"]);
    assert!(output.stderr.contains("SHOP_URL_NOT_SET"), "{output}");
    project.set_variable("SHOP_URL_NOT_SET", "postgres://user:canary-secret@127.0.0.1:1/none");
    let output = project.run(&["run", "shop.item"]);
    assert!(!output.text().contains("canary-secret"), "{output}");
}

#[test]
fn a_sync_that_does_not_exist_is_answered_with_the_one_that_was_meant() {
    let project = project(GOOD);
    let error = project.expect(2, &["run", "shop.itme"]).error();
    assert_eq!(error["code"], "not_found");
    assert!(error["help"].as_str().is_some_and(|help| help.contains("shop.item")), "{error}");
    assert_eq!(project.run(&["run"]).code(), Some(2));
    assert_eq!(project.run(&["no-such-command"]).code(), Some(2));
}

#[test]
fn a_mapping_that_names_no_column_is_told_before_anything_is_read() {
    let project = project(&format!("{GOOD}mapping:\n  id: id\n  name: nmae\n"));
    let checked = project.expect(2, &["check", "shop.item"]).json();
    let problem = &checked[0]["problems"][0];
    assert_eq!(
        (problem["file"].as_str(), problem["line"].as_u64()),
        (Some("syncs/shop.yaml"), Some(10)),
        "{checked:#}"
    );
    assert!(problem.to_string().contains("nmae") && problem.to_string().contains("name"), "{problem}");
    refused(&project, 1, "invalid_expression", &["nmae"]);
    project.write_entities(&[("item", GOOD)]);
    project.expect(0, &["run", "shop.item"]);
}
