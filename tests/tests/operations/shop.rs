//! A sync from one PostgreSQL database to another.

use serde_json::Value as Json;
use syncline_tests::databases::{Database, Postgres, Rows};
use syncline_tests::project::{Output, Project};

/// Table `item` at the source, table `copy` at the target, and the sync `shop.item` between them.
pub struct Shop {
    pub project: Project,
    pub source: Postgres,
    pub target: Postgres,
}

pub const ITEM: &str = "create table item (id bigint primary key, name text, version bigint)";
pub const COPY: &str = "create table copy (id bigint primary key, name text, version bigint)";

impl Shop {
    /// `rows` items numbered from 1, their version the same number. `settings` are lines of the entity
    /// besides model and target.
    pub fn new(rows: u64, settings: &str) -> Self {
        Self::with_model(rows, "{ table: item, key: id }", settings)
    }

    pub fn with_model(rows: u64, model: &str, settings: &str) -> Self {
        let (source, target) = (Postgres::new(), Postgres::new());
        source.execute(ITEM);
        target.execute(COPY);
        let shop = Self { project: Project::of(&source.options(), &target.options(), &[]), source, target };
        shop.configure(model, settings);
        shop.add(1..=rows);
        shop
    }

    pub fn configure(&self, model: &str, settings: &str) {
        let body = format!("model: {model}\nto: {{ object: copy }}\n{settings}\n");
        self.project.write_entities(&[("item", &body)]);
    }

    pub fn add(&self, ids: std::ops::RangeInclusive<u64>) {
        let (from, to) = (ids.start(), ids.end());
        self.source.execute(&format!(
            "insert into item select n, 'name ' || n, n from generate_series({from}, {to}) n"
        ));
    }

    /// Runs the sync with further arguments; the program must end with `code`.
    #[track_caller]
    pub fn run(&self, code: i32, arguments: &[&str]) -> Json {
        self.output(code, arguments).run()
    }

    #[track_caller]
    pub fn output(&self, code: i32, arguments: &[&str]) -> Output {
        self.project.expect(code, &[&["run", "shop.item"], arguments].concat())
    }

    pub fn copies(&self) -> Rows {
        self.target.rows("select * from copy order by id")
    }

    pub fn count(&self) -> String {
        self.target.value("select count(*) from copy")
    }

    #[track_caller]
    pub fn assert_equal(&self) {
        assert_eq!(self.copies(), self.source.rows("select * from item order by id"));
    }
}

/// Processed, created, updated, deleted, skipped and failed rows of a run.
pub fn counts(run: &Json) -> [u64; 6] {
    ["processed", "created", "updated", "deleted", "skipped", "failed"]
        .map(|name| run[format!("rows_{name}")].as_u64().unwrap_or_else(|| panic!("no rows_{name}: {run:#}")))
}

/// The guards that hold a run.
pub fn tripped(run: &Json) -> Vec<String> {
    let guards = run["guards"].as_array().unwrap_or_else(|| panic!("no guards: {run:#}"));
    let tripped = guards.iter().filter(|guard| guard["tripped"] == true);
    tripped.map(|guard| guard["guard"].as_str().unwrap_or_default().to_string()).collect()
}
