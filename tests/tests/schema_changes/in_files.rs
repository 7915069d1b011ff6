//! Files whose header or members changed.

use syncline_tests::databases::{Database, Sqlite};
use syncline_tests::project::Project;

use crate::world::{assert_told, written};

/// A project from a file to a SQLite table, after its first run.
fn from_file(file: &str, text: &str, settings: &str) -> (Project, Sqlite) {
    let project =
        Project::of("{ type: files, path: in }", "{ type: sqlite, path: target.db }", &[("item", "")]);
    let types = if file.ends_with(".csv") { ", types: { id: int64, qty: int64 }" } else { "" };
    project.write_entities(&[(
        "item",
        &format!(
            "model: {{ file: {file}, key: id{types} }}\nto: {{ object: copy }}\nwrite_mode: mirror\n{settings}"
        ),
    )]);
    let target = Sqlite::create(&project.path("target.db"));
    target.execute("create table copy (id integer primary key, name text, qty integer)");
    project.write(&format!("in/{file}"), text);
    assert_eq!(written(&project.expect(0, &["run", "shop.item"]).run()), [3, 0, 0]);
    (project, target)
}

const CSV: &str = "id,name,qty\n1,a,10\n2,b,20\n3,c,30\n";
const MAPPING: &str = "mapping: { id: id, name: name, qty: qty }";

fn copies(target: &Sqlite) -> String {
    format!("{:?}", target.rows("select id, name, qty from copy order by id"))
}

#[test]
fn a_changed_header_of_a_csv_file_stops_the_run_and_is_named() {
    let (project, target) = from_file("item.csv", CSV, MAPPING);
    let before = copies(&target);
    for (header, code, words) in [
        ("id,label,qty", "schema_changed", ["'name'", "mapping"]),
        // These two are declared, too.
        ("number,name,qty", "model_query_failed", ["'id'", "number, name, qty"]),
        ("id,name", "model_query_failed", ["'qty'", "id, name"]),
    ] {
        let columns = header.split(',').count();
        let rows = ["1,x,10", "2,y,20"].map(|row| row.split(',').take(columns).collect::<Vec<_>>().join(","));
        project.write("in/item.csv", format!("{header}\n{}\n", rows.join("\n")));
        let error = project.expect(1, &["run", "shop.item"]).error();
        assert_told(&error, code, &words);
        assert_eq!(copies(&target), before, "{header}");
    }
    // Other columns first, and one more.
    project.write("in/item.csv", "extra,qty,name,id\n,10,a,1\n,20,b,2\n,30,changed,3\n");
    assert_eq!(written(&project.expect(0, &["run", "shop.item"]).run()), [0, 1, 0]);
    assert_eq!(target.value("select name || qty from copy where id = 3"), "changed30");
}

#[test]
fn values_that_a_csv_column_suddenly_has_are_refused_by_row_and_column() {
    let (project, target) = from_file("item.csv", CSV, MAPPING);
    project.write("in/item.csv", "id,name,qty\n1,a,many\n2,new,20\n3,c,3.5\n");
    let run = project.expect(3, &["run", "shop.item"]).run();
    assert_eq!((written(&run), &run["rows_failed"]), ([0, 1, 0], &2.into()));
    for letter in project.open_letters() {
        assert_eq!(letter["field"], "qty", "{letter:#}");
    }
    assert_eq!(target.value("select group_concat(qty) from copy"), "10,20,30");
    project.write("in/item.csv", CSV);
    assert_eq!(written(&project.expect(0, &["run", "shop.item"]).run()), [0, 1, 0]);
}

#[test]
fn changed_members_of_json_lines_stop_the_run_or_are_adapted_to() {
    let whole = "{\"id\":1,\"name\":\"a\",\"qty\":10}\n{\"id\":2,\"name\":\"b\",\"qty\":20}\n\
                 {\"id\":3,\"name\":\"c\",\"qty\":30}\n";
    for schema_change in ["fail", "adapt"] {
        let settings = format!("{MAPPING}\nschema_change: {schema_change}");
        let (project, target) = from_file("item.jsonl", whole, &settings);
        let before = copies(&target);
        // Gone from every line.
        project.write("in/item.jsonl", whole.replace("\"qty\"", "\"count\""));
        let error = project.expect(1, &["run", "shop.item"]).error();
        assert_told(&error, "schema_changed", &["'qty'"]);
        // In another order, and missing in one line: NULL there.
        project.write(
            "in/item.jsonl",
            "{\"qty\":10,\"name\":\"a\",\"id\":1}\n{\"id\":2,\"name\":\"b\"}\n{\"id\":3,\"name\":\"c\",\"qty\":30}\n",
        );
        let held_back = project.json(&["run", "shop.item"]);
        assert_eq!(written(&held_back.run()), [0, 1, 0], "{held_back}");
        project.write("in/item.jsonl", whole);
        project.expect(0, &["run", "shop.item"]);
        assert_eq!(copies(&target), before);
        // Of another type: texts where numbers were.
        let texts = whole.replace("10", "\"10\"").replace("20", "\"twenty\"").replace("30", "\"30\"");
        project.write("in/item.jsonl", texts);
        let output = project.json(&["run", "shop.item"]);
        if schema_change == "fail" {
            assert_eq!(output.code(), Some(1), "{output}");
            assert_told(&output.error(), "schema_changed", &["'qty' was int64"]);
        } else {
            assert_eq!((output.code(), written(&output.run())), (Some(3), [0, 0, 0]), "{output}");
            let letters = project.open_letters();
            assert_eq!((letters.len(), &letters[0]["field"]), (1, &"qty".into()), "{letters:#?}");
        }
        assert_eq!(copies(&target), before);
        project.write("in/item.jsonl", whole);
        assert_eq!(written(&project.expect(0, &["run", "shop.item"]).run()), [0, 0, 0]);
    }
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_is_read_as_one_or_the_other() {
    let rows = |from: u32, name: &str| -> String {
        (from..from + 60_000).map(|n| format!("{n},{name},{n}\n")).collect()
    };
    let (project, target) = from_file("item.csv", CSV, MAPPING);
    project.write("in/item.csv", format!("id,name,qty\n{}", rows(1, "old")));
    let mut running = project.start(&["run", "shop.item"], "engine.read.batch=1*sleep(1000)");
    running.wait_for_line("query execution");
    std::thread::sleep(std::time::Duration::from_millis(300));
    // In the same file, not by a rename: what was read so far and what follows do not belong together.
    project.write("in/item.csv", format!("qty,name,id\n{}", rows(1_000_000, "new")));
    let output = running.wait();
    let mixed = target.value("select count(distinct name) from copy");
    assert_eq!(mixed, if output.code() == Some(0) { "1" } else { "3" }, "{output}");
    project.write("in/item.csv", CSV);
    project.expect(0, &["run", "shop.item", "--cursor", "full"]);
}
