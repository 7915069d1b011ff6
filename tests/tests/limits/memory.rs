//! G16: the memory of a run stays within its budget, whatever the table.

use syncline_tests::databases::{Database, Sqlite};
use syncline_tests::project::Project;

use crate::counts;
use crate::peak::{self, MIB};

/// What a run needs beside the budget, whatever the table: batches on their way between the threads, the
/// pages of a chunk that is written, buffers of files.
const FIXED_BYTES: u64 = 64 * MIB;

/// A project with a SQLite table at both ends and a budget.
fn project(model: &str, columns: &str, budget: &str) -> (Project, Sqlite, Sqlite) {
    let body = format!("model: {{ {model}, key: id }}\nto: {{ object: copy }}\nwrite_mode: mirror\n");
    let project = Project::of(
        "{ type: sqlite, path: source.db }",
        "{ type: sqlite, path: target.db }",
        &[("item", &body)],
    );
    let text = project.read("syncline.yaml");
    project.write("syncline.yaml", format!("{text}settings: {{ memory_budget: {budget} }}\n"));
    let source = Sqlite::create(&project.path("source.db"));
    source.execute(&format!("create table item ({columns})"));
    let target = Sqlite::create(&project.path("target.db"));
    target.execute(&format!("create table copy ({columns})"));
    (project, source, target)
}

/// What the program takes to sync next to nothing.
fn least() -> u64 {
    let (project, source, _) = project("table: item", "id integer primary key, v text", "4MB");
    source.execute("insert into item values (1, 'a')");
    let (output, peak) = peak::run(&project, &["run", "shop.item"]);
    assert_eq!(output.code(), Some(0), "{output}");
    assert!(peak > MIB, "the peak was seen");
    peak
}

/// A budget holds about 75,000 keys for every 4 MB.
#[test]
fn a_run_whose_keys_do_not_fit_the_budget_goes_on_within_it() {
    const ROWS: u64 = 120_000;
    const BUDGET_BYTES: u64 = 4_000_000;
    let least = least();
    let columns = "id integer primary key, v integer";
    let (project, source, target) = project("table: item", columns, "4MB");
    source.execute(&format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < {ROWS})
         insert into item select i, i % 7 from n"
    ));
    let run = |expected: [u64; 4]| {
        let (output, peak) = peak::run(&project, &["run", "shop.item"]);
        assert_eq!(output.code(), Some(0), "{output}");
        assert_eq!(counts(&output.run()), expected);
        assert!(
            peak <= least + BUDGET_BYTES + FIXED_BYTES,
            "{} MiB, of which {} MiB are the program",
            peak / MIB,
            least / MIB
        );
    };
    run([ROWS, 0, 0, 0]);
    run([0, 0, 0, 0]);
    source.execute("update item set v = 100 where id % 100000 = 1; delete from item where id in (7, 119999)");
    run([0, 2, 2, 0]);
    let sums = "select count(*), sum(id), sum(v) from ";
    assert_eq!(target.rows(&format!("{sums} copy")), source.rows(&format!("{sums} item")));
    // A key that comes twice is found wherever the rows are.
    let sql = "model: { sql: \"select id, v from item union all select 5, 1\", key: id }";
    project.write_entities(&[("item", &format!("{sql}\nto: {{ object: copy }}\nwrite_mode: mirror\n"))]);
    let output = project.expect(1, &["run", "shop.item"]);
    assert_eq!(output.error_code(), "duplicate_keys", "{output}");
    assert!(output.error().to_string().contains('5'), "{output}");
}

/// Rows that together are several times what the run may hold, each of megabytes.
#[test]
fn rows_of_megabytes_do_not_add_up_in_memory() {
    const ROWS: u64 = 48;
    const ROW_BYTES: u64 = 4 * MIB;
    let least = least();
    for (into, object) in
        [("{ type: sqlite, path: target.db }", "copy"), ("{ type: files, path: out }", "copy.parquet")]
    {
        let (project, source, _) = project("table: item", "id integer primary key, v text", "32MB");
        source.execute(&format!(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < {ROWS})
             insert into item select i, i || hex(zeroblob({})) from n",
            ROW_BYTES / 2
        ));
        project.write(
            "syncline.yaml",
            format!(
                "connections:\n  from: {{ type: sqlite, path: source.db }}\n  into: {into}\nsettings: {{ memory_budget: 32MB }}\n"
            ),
        );
        let body =
            format!("model: {{ table: item, key: id }}\nto: {{ object: {object} }}\nstore_values: none\n");
        project.write_entities(&[("item", &body)]);
        for created in [ROWS, 0] {
            let (output, peak) = peak::run(&project, &["run", "shop.item"]);
            assert_eq!(output.code(), Some(0), "{output}");
            assert_eq!(counts(&output.run()), [created, 0, 0, 0], "{object}");
            println!("{object}: {} MiB, least {} MiB", peak / MIB, least / MIB);
            let bound = least + 32 * MIB + FIXED_BYTES + 12 * ROW_BYTES;
            assert!(bound < ROWS * ROW_BYTES + least, "the rows together are more than what is allowed");
            assert!(peak <= bound, "{object}: {} MiB", peak / MIB);
        }
    }
}

/// One cell of 64 MB needs a few copies of itself and no more.
#[test]
fn a_cell_of_64_megabytes_arrives_in_bounded_memory() {
    const CELL_BYTES: u64 = 64 * MIB;
    let least = least();
    let (project, source, target) = project("table: item", "id integer primary key, v text", "64MB");
    source.execute(&format!(
        "insert into item values (1, hex(zeroblob({})) || 'end'), (2, 'small')",
        CELL_BYTES / 2
    ));
    for created in [2, 0] {
        let (output, peak) = peak::run(&project, &["run", "shop.item"]);
        assert_eq!(output.code(), Some(0), "{output}");
        assert_eq!(counts(&output.run()), [created, 0, 0, 0]);
        assert!(peak <= least + 64 * MIB + FIXED_BYTES + 6 * CELL_BYTES, "{} MiB", peak / MIB);
    }
    let cell = "select length(v) || substr(v, -4) from copy where id = 1";
    assert_eq!(target.value(cell), format!("{}0end", CELL_BYTES + 3));
}
