//! A table of a few types and its copy.

use serde_json::Value as Json;
use syncline_tests::databases::{Database, Postgres, Rows, Sqlite};
use syncline_tests::project::Project;

const POSTGRES: &str = "(id bigint primary key, name text, qty int, at timestamptz, price numeric(10,2), \
                        code text, doc jsonb, note text)";
const SQLITE: &str = "(id integer primary key, name text, qty integer, at timestamptz text, \
                      price numeric text, code text, doc json text, note text)";

/// Names every column, so that a column more at the source changes nothing.
pub const MAPPING: &str = "mapping: { id: id, name: name, qty: qty, at: at, price: price, code: code, \
                           doc: doc, note: note }";

pub struct World {
    pub project: Project,
    pub source: Box<dyn Database>,
    pub target: Box<dyn Database>,
}

impl World {
    /// Six rows at both ends. `settings` are lines of the entity besides model and target.
    pub fn postgres(settings: &str) -> Self {
        let (source, target) = (Postgres::new(), Postgres::new());
        let project = Project::of(&source.options(), &target.options(), &[]);
        Self::filled(project, Box::new(source), Box::new(target), POSTGRES, settings)
    }

    pub fn sqlite(settings: &str) -> Self {
        let project =
            Project::of("{ type: sqlite, path: source.db }", "{ type: sqlite, path: target.db }", &[]);
        let source = Sqlite::create(&project.path("source.db"));
        let target = Sqlite::create(&project.path("target.db"));
        Self::filled(project, Box::new(source), Box::new(target), SQLITE, settings)
    }

    fn filled(
        mut project: Project,
        source: Box<dyn Database>,
        target: Box<dyn Database>,
        columns: &str,
        settings: &str,
    ) -> Self {
        project.set_variable("TZ", "UTC");
        let rows: Vec<String> = (1..=6)
            .map(|n| {
                format!(
                    "({n}, 'name {n}', {n}, '2024-01-01 00:00:00Z', '{n}.25', '{n}', '{{\"a\":{n}}}', 'note {n}')"
                )
            })
            .collect();
        source.execute(&format!("create table item {columns}; insert into item values {}", rows.join(", ")));
        target.execute(&format!("create table copy {columns}"));
        let world = Self { project, source, target };
        world.configure(settings);
        world.project.expect(0, &["run", "shop.item"]);
        world
    }

    pub fn configure(&self, settings: &str) {
        let body =
            format!("model: {{ table: item, key: id }}\nto: {{ object: copy, match: id }}\n{settings}\n");
        self.project.write_entities(&[("item", &body)]);
    }

    pub fn copies(&self) -> Rows {
        self.target.rows("select id, name, qty, at, price, code, doc, note from copy order by id")
    }

    /// A run that must end with `code`.
    #[track_caller]
    pub fn run(&self, code: i32) -> Json {
        self.project.expect(code, &["run", "shop.item"]).run()
    }

    /// A run that must stop with an error of this code, whose message or advice has all the words.
    #[track_caller]
    pub fn refuses(&self, error_code: &str, words: &[&str]) {
        assert_told(&self.run(1)["error"], error_code, words);
    }

    /// The target is what the source is, and a further run writes nothing.
    #[track_caller]
    pub fn assert_whole(&self) {
        let columns = "id, name, qty, at, price, code, doc, note";
        let source = self.source.rows(&format!("select {columns} from item order by id"));
        assert_eq!(self.copies(), source);
        assert_eq!(written(&self.run(0)), [0, 0, 0]);
    }
}

#[track_caller]
pub fn assert_told(error: &Json, error_code: &str, words: &[&str]) {
    assert_eq!(error["code"], error_code, "{error:#}");
    let text = |value: &Json| value.as_str().unwrap_or_default().to_string();
    let told = format!("{} {}", text(&error["message"]), text(&error["help"]));
    for word in words {
        assert!(told.contains(word), "'{word}' is not in: {told}");
    }
}

/// Created, updated and deleted rows of a run.
pub fn written(run: &Json) -> [u64; 3] {
    ["rows_created", "rows_updated", "rows_deleted"].map(|name| run[name].as_u64().expect("a count"))
}
