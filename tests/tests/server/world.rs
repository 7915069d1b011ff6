//! A small shop: a source, a target, a server between them.

use serde_json::{Value as Json, json};
use syncline_tests::databases::{Database, Sqlite};
use syncline_tests::project::Project;
use syncline_tests::server::{Client, Server};

pub struct World {
    pub project: Project,
    pub source: Sqlite,
    pub target: Sqlite,
}

/// The sync of every world.
pub const SYNC: &str = "shop.item";

impl World {
    /// Ten rows at the source, none at the target.
    pub fn new() -> Self {
        Self::with("")
    }

    /// With more of the sync's definition, as lines of YAML.
    pub fn with(more: &str) -> Self {
        let entity = format!("model: {{ table: item, key: id }}\nto: {{ object: copy }}\n{more}");
        Self::of(&[("item", &entity)])
    }

    /// With other entities over the same tables.
    pub fn of(entities: &[(&str, &str)]) -> Self {
        let project =
            Project::of("{ type: sqlite, path: source.db }", "{ type: sqlite, path: target.db }", entities);
        let source = Sqlite::create(&project.path("source.db"));
        source.execute("create table item (id integer primary key, name text, price integer)");
        let target = Sqlite::create(&project.path("target.db"));
        target.execute(
            "create table copy (id integer primary key, name text, price integer check (price >= 0))",
        );
        let world = Self { project, source, target };
        world.fill(1, 10);
        world
    }

    /// Adds rows with these ids.
    pub fn fill(&self, from: u64, to: u64) {
        self.source.execute(&format!(
            "with recursive n(i) as (select {from} union all select i + 1 from n where i < {to})
             insert or replace into item select i, 'item ' || i, i * 10 from n"
        ));
    }

    pub fn serve(&self) -> Server {
        Server::start(&self.project)
    }

    /// Whether both sides have the same rows.
    #[track_caller]
    pub fn assert_agree(&self) {
        let rows = "select id, name, price from";
        let (source, target) = (
            self.source.rows(&format!("{rows} item order by id")),
            self.target.rows(&format!("{rows} copy order by id")),
        );
        assert_eq!(source, target);
    }
}

/// A token of a role.
pub fn token(client: &Client, role: &str) -> String {
    let made = client.post("/tokens", json!({ "name": role, "role": role })).expect(201);
    made["secret"].as_str().expect("a secret").to_string()
}

/// The runs of the world's sync, newest first.
pub fn runs(client: &Client) -> Vec<Json> {
    let list = client.get(&format!("/syncs/{SYNC}/runs?per_page=200")).expect(200);
    list["data"].as_array().expect("a list").clone()
}
