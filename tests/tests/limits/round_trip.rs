//! A PostgreSQL table, the way through another system, and back into PostgreSQL.

use std::collections::{BTreeMap, BTreeSet};

use syncline_tests::databases::{Database, Postgres, Rows};
use syncline_tests::project::Project;

use crate::counts;

/// What the values pass through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    Postgres,
    Sqlite,
    Csv,
    JsonLines,
    Parquet,
}

pub const WAYS: [Through; 5] =
    [Through::Postgres, Through::Sqlite, Through::Csv, Through::JsonLines, Through::Parquet];

/// A column: its name, its type in PostgreSQL, and the canonical type that it has where a file tells
/// none.
pub type Column = (String, &'static str, &'static str);

pub struct RoundTrip {
    pub project: Project,
    pub source: Postgres,
    pub back: Postgres,
    way: Through,
    columns: Vec<Column>,
    _middle: Option<Postgres>,
}

impl RoundTrip {
    /// Empty tables of these columns and an `id`.
    pub fn new(way: Through, columns: Vec<Column>) -> Self {
        let (source, back) = (Postgres::new(), Postgres::new());
        let of = |name: &str| {
            let columns: Vec<String> = columns.iter().map(|(name, ty, _)| format!(", {name} {ty}")).collect();
            format!("create table {name} (id bigint primary key{})", columns.concat())
        };
        source.execute(&of("item"));
        back.execute(&of("item"));
        let middle = (way == Through::Postgres).then(Postgres::new);
        let object = match way {
            Through::Postgres | Through::Sqlite => "item",
            Through::Csv => "item.csv",
            Through::JsonLines => "item.jsonl",
            Through::Parquet => "item.parquet",
        };
        let options = match (way, &middle) {
            (_, Some(middle)) => {
                middle.execute(&of("item"));
                middle.options()
            }
            (Through::Sqlite, _) => "{ type: sqlite, path: middle.db, create: true }".to_string(),
            _ => "{ type: files, path: middle }".to_string(),
        };
        let types: Vec<String> = columns.iter().map(|(name, _, ty)| format!(", {name}: \"{ty}\"")).collect();
        let model = match way {
            Through::Postgres | Through::Sqlite => "{ table: item, key: id }".to_string(),
            Through::Parquet => format!("{{ file: {object}, key: id }}"),
            _ => format!("{{ file: {object}, key: id, types: {{ id: int64{} }} }}", types.concat()),
        };
        let mut project = Project::new();
        project.set_variable("TZ", "UTC");
        project.write(
            "syncline.yaml",
            format!(
                "connections:\n  source: {}\n  middle: {options}\n  back: {}\n",
                source.options(),
                back.options()
            ),
        );
        for (name, from, into, model, object) in [
            ("there", "source", "middle", "{ table: item, key: id }", object),
            ("back", "middle", "back", model.as_str(), "item"),
        ] {
            project.write(
                &format!("syncs/{name}.yaml"),
                format!(
                    "instance: {name}\nsource: {from}\ntarget: {into}\nentities:\n  item:\n    model: {model}\n    \
                     to: {{ object: {object} }}\n    write_mode: mirror\n"
                ),
            );
        }
        Self { project, source, back, way, columns, _middle: middle }
    }

    /// Runs both syncs. Every row arrives as it was, or is refused by the name of a column; a second run
    /// writes nothing. Gives the types of the columns that refused.
    #[track_caller]
    pub fn prove(&self, context: &str) -> BTreeSet<&'static str> {
        let context = format!("{context}, {:?}", self.way);
        if self.way == Through::Sqlite {
            self.project.expect(0, &["check", "there", "--create"]);
        }
        for sync in ["there.item", "back.item"] {
            let output = self.project.json(&["run", sync]);
            assert!(matches!(output.code(), Some(0 | 3)), "{context}: {sync}: {output}");
        }
        let refused = self.refused(&context);
        self.assert_equal(&context, &refused);
        for sync in ["there.item", "back.item"] {
            let run = self.project.json(&["run", sync]).run();
            assert_eq!(counts(&run)[..3], [0; 3], "{context}: {sync} again");
        }
        refused.into_values().collect()
    }

    /// The rows that were refused, each with the type of its column.
    #[track_caller]
    fn refused(&self, context: &str) -> BTreeMap<String, &'static str> {
        let letters = self.project.open_letters();
        let named = letters.iter().map(|letter| {
            let column = self.columns.iter().find(|(name, ..)| letter["field"] == name.as_str());
            let (_, ty, _) = column.unwrap_or_else(|| panic!("{context}: no column is named: {letter:#}"));
            println!("{context}: {ty}: {}", letter["message"]);
            (letter["row_id"].as_str().expect("a row id").to_string(), *ty)
        });
        named.collect()
    }

    #[track_caller]
    fn assert_equal(&self, context: &str, refused: &BTreeMap<String, &'static str>) {
        let mut expected = self.rows(&self.source);
        expected.retain(|row| row[0].as_ref().is_none_or(|id| !refused.contains_key(id)));
        let found = self.rows(&self.back);
        assert_eq!(found.len(), expected.len(), "{context}");
        for (found, expected) in found.iter().zip(&expected) {
            for (i, (name, ty, _)) in self.columns.iter().enumerate() {
                let (found, expected) = (&found[i + 1], &expected[i + 1]);
                assert!(
                    found == expected,
                    "{context}: {name} {ty}: {} arrived as {}",
                    shown(expected),
                    shown(found)
                );
            }
        }
    }

    /// Values as text. The number of zeros at the end of a decimal is no part of its value.
    fn rows(&self, database: &Postgres) -> Rows {
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|(name, ty, _)| match *ty {
                "numeric" => format!("trim_scale({name})"),
                _ => name.clone(),
            })
            .collect();
        database.rows(&format!("select id, {} from item order by id", columns.join(", ")))
    }
}

/// A value, or the beginning of a long one.
fn shown(value: &Option<String>) -> String {
    match value {
        Some(text) => format!("{:?} ({} bytes)", text.chars().take(200).collect::<String>(), text.len()),
        None => "NULL".to_string(),
    }
}
