//! Death while a decision of a person is carried out: the approval of a held run, and the application
//! of a saved plan.

use serde_json::Value as Json;
use syncline_tests::databases::{Database, Postgres, Rows, Sqlite};
use syncline_tests::project::Project;

use super::world::SYNC;

/// Fail points between the first step of carrying out a plan and the last.
const POINTS: &[&str] = &[
    "engine.run.started",
    "store.set_chunk.before",
    "engine.chunk.sending",
    "engine.chunk.written",
    "engine.chunk.outcomes",
    "engine.publish.before",
    "engine.destination.committed",
    "engine.chunk.settled",
    "engine.commit.before",
    "store.commit.before",
    "engine.commit.after",
];
const ROWS: u64 = 40;

/// A table in one database and its copy in another, with changes that wait.
struct Pair {
    project: Project,
    source: Box<dyn Database>,
    target: Box<dyn Database>,
    key: &'static str,
}

impl Pair {
    fn new(postgres: bool, mode: &str, publish: &str) -> Pair {
        let project = Project::new();
        let (source, target): (Box<dyn Database>, Box<dyn Database>) = match postgres {
            true => (Box::new(Postgres::new()), Box::new(Postgres::new())),
            false => (
                Box::new(Sqlite::create(&project.path("source.db"))),
                Box::new(Sqlite::create(&project.path("target.db"))),
            ),
        };
        source.execute("create table item (id integer primary key, name text)");
        let key = if mode == "append" { "" } else { "primary key" };
        target.execute(&format!("create table copy (id integer {key}, name text)"));
        let (from, into) = (source.options(), target.options());
        project.write("syncline.yaml", format!("connections:\n  from: {from}\n  into: {into}\n"));
        let guard =
            if mode == "mirror" { "guards: { max_deletes: 3 }" } else { "guards: { max_creates: 20 }" };
        let body = format!(
            "model: {{ table: item, key: id }}\nto: {{ object: copy }}\nwrite_mode: {mode}\n\
             publish: {publish}\nbatch_size: 7\n{guard}\n"
        );
        project.write_entities(&[("item", &body)]);
        let pair = Pair { project, source, target, key };
        pair.add(1..=ROWS / 4);
        pair.project.expect(0, &["run", SYNC]);
        pair.add(ROWS / 4 + 1..=ROWS);
        pair.source.execute("update item set name = 'changed' where id in (2, 3)");
        if !pair.key.is_empty() {
            pair.source.execute("delete from item where id in (4, 5, 6, 7)");
        }
        pair
    }

    fn add(&self, ids: std::ops::RangeInclusive<u64>) {
        let rows: Vec<String> = ids.map(|id| format!("({id}, 'name {id}')")).collect();
        self.source.execute(&format!("insert into item values {}", rows.join(", ")));
    }

    fn copies(&self) -> Rows {
        self.target.rows("select id, name from copy order by id, name")
    }

    /// The next runs make it whole; nothing is there twice, lost or left to do.
    fn assert_made_whole(&self, point: &str) {
        let mut code = self.project.json(&["run", SYNC]).code();
        if code == Some(4) {
            // The approval died before the first write: the changes are asked about again.
            self.project.expect(0, &["approve", "last"]);
            code = self.project.json(&["run", SYNC]).code();
        }
        assert_eq!(code, Some(0), "{point}");
        let mut expected = self.source.rows("select id, name from item order by id, name");
        if self.key.is_empty() {
            // What was appended before the changes.
            expected.extend([2, 3].map(|id| vec![Some(id.to_string()), Some(format!("name {id}"))]));
            expected
                .sort_by_key(|row| (row[0].clone().and_then(|id| id.parse::<u64>().ok()), row[1].clone()));
        }
        assert_eq!(self.copies(), expected, "{point}");
        let again = self.project.expect(0, &["run", SYNC]).run();
        for count in ["rows_created", "rows_updated", "rows_deleted"] {
            assert_eq!(again[count], 0, "{point}: {count}");
        }
        for run in self.project.runs() {
            let open = ["queued", "starting", "running", "held"];
            assert!(!open.iter().any(|status| run["status"] == *status), "{point}: {run:#}");
        }
        self.assert_counted(point);
    }

    /// Every record was counted once, by the run that wrote it or by the one that settled it.
    fn assert_counted(&self, point: &str) {
        let writing = |run: &&Json| run["type"] != "test";
        let sum = |name: &str| -> u64 {
            self.project.runs().iter().filter(writing).filter_map(|run| run[name].as_u64()).sum()
        };
        assert_eq!(sum("rows_created") - sum("rows_deleted"), self.copies().len() as u64, "{point}");
    }
}

/// The points of one case: every other one, unless all are asked for.
fn points(parity: usize) -> impl Iterator<Item = &'static &'static str> {
    let is_full = std::env::var("SYNCLINE_CHAOS").as_deref() == Ok("full");
    POINTS.iter().enumerate().filter(move |(i, _)| is_full || i % 2 == parity).map(|(_, point)| point)
}

fn killed_while_approving(postgres: bool, mode: &str, publish: &str, parity: usize) {
    for point in points(parity) {
        let pair = Pair::new(postgres, mode, publish);
        pair.project.expect(4, &["run", SYNC]);
        let before = pair.copies();
        let killed = pair.project.run_killed_at(&["approve", "last"], point, 1);
        assert!(killed.was_killed() || is_not_reached(point, publish), "{point}\n{killed}");
        if *point == "engine.run.started" {
            assert_eq!(pair.copies(), before, "nothing was written yet");
        }
        pair.assert_made_whole(point);
    }
}

fn killed_while_applying(postgres: bool, mode: &str, publish: &str, parity: usize) {
    for point in points(parity) {
        let pair = Pair::new(postgres, mode, publish);
        pair.project.expect(0, &["plan", SYNC, "--out", "item.plan"]);
        let killed = pair.project.run_killed_at(&["apply", "item.plan"], point, 1);
        assert!(killed.was_killed() || is_not_reached(point, publish), "{point}\n{killed}");
        // Applied as far as it was, or not at all: a plan is never applied twice.
        let again = pair.project.json(&["apply", "item.plan"]);
        assert!(matches!(again.code(), Some(0 | 6)), "{point}\n{again}");
        pair.assert_made_whole(point);
    }
}

fn is_not_reached(point: &str, publish: &str) -> bool {
    point == "engine.publish.before" && publish == "progressive"
}

#[test]
fn a_death_during_an_approval_on_postgres_is_made_whole() {
    killed_while_approving(true, "mirror", "atomic", 0);
    killed_while_approving(true, "append", "progressive", 1);
}

#[test]
fn a_death_during_an_approval_on_sqlite_is_made_whole() {
    killed_while_approving(false, "mirror", "progressive", 1);
    killed_while_approving(false, "append", "atomic", 0);
}

#[test]
fn a_death_while_a_saved_plan_is_applied_on_postgres_is_made_whole() {
    killed_while_applying(true, "mirror", "progressive", 1);
    killed_while_applying(true, "append", "atomic", 0);
}

#[test]
fn a_death_while_a_saved_plan_is_applied_on_sqlite_is_made_whole() {
    killed_while_applying(false, "mirror", "atomic", 0);
    killed_while_applying(false, "append", "progressive", 1);
}
