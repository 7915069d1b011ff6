//! What a seed syncs: the sync's settings, its tables, and the values that go through them.

use std::time::Duration;

use syncline_tests::seeded::Choices;

/// So little that the keys of one or two thousand records do not fit.
const SMALL_BUDGET_BYTES: u64 = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Insert,
    Update,
    Upsert,
    Mirror,
    Append,
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Mode::Insert => "insert",
            Mode::Update => "update",
            Mode::Upsert => "upsert",
            Mode::Mirror => "mirror",
            Mode::Append => "append",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Postgres,
    Sqlite,
    Csv,
    JsonLines,
    /// A folder of JSON Lines files, one for each chunk.
    Folder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    None,
    /// A number that grows with every change, from one writer.
    Version,
    /// The time at which the changing transaction began, with several writers and no lookback.
    Time,
}

#[derive(Clone, Debug)]
pub struct Shape {
    pub mode: Mode,
    pub target: Target,
    pub cursor: Cursor,
    atomic: bool,
    batch_size: Option<u32>,
    /// Rows of the source at first; its ids stay below twice as many.
    pub rows: u64,
    /// Columns of many types, where the target has them.
    pub wide: bool,
    /// The number of a row's last change is one of its values.
    pub versioned: bool,
    /// The model is SQL and no table.
    query: bool,
    /// Some rows are such that a database refuses them.
    pub poison: bool,
    /// Guards hold most runs.
    tight: bool,
    /// The sync halts after a few failures.
    halts: bool,
    /// Records that are at the target before the first run.
    pub prefilled: bool,
    /// Bytes that a run may hold, if not as many as it likes: what is more goes to the disk.
    pub memory_budget: Option<u64>,
    /// Longest pause of a writer between its transactions.
    pub pause: Duration,
}

impl Shape {
    pub fn random(choices: &mut Choices) -> Shape {
        let mode = match choices.below(10) {
            0 => Mode::Insert,
            1 => Mode::Update,
            2 | 3 => Mode::Upsert,
            4..=6 => Mode::Mirror,
            _ => Mode::Append,
        };
        let target = match (choices.below(10), mode) {
            (0..=5, _) => Target::Postgres,
            (6..=7, _) => Target::Sqlite,
            (_, Mode::Append) => Target::Folder,
            // Nothing can be at a file beforehand here, so that there would be nothing to update.
            (_, Mode::Update) => Target::Postgres,
            (8, _) => Target::Csv,
            _ => Target::JsonLines,
        };
        let is_database = matches!(target, Target::Postgres | Target::Sqlite);
        let memory_budget = (choices.below(8) == 0).then_some(SMALL_BUDGET_BYTES);
        let rows = match choices.below(8) {
            _ if memory_budget.is_some() => 1_500 + choices.below(1_500),
            0 => 1_000 + choices.below(2_000),
            1 | 2 => 5 + choices.below(20),
            _ => 60 + choices.below(200),
        };
        let batch_size = match choices.below(4) {
            0 => None,
            // Many rows in very small chunks take long.
            1 => Some(200 + choices.below(800) as u32),
            _ => Some((3 + choices.below(30) + rows / 100) as u32),
        };
        Shape {
            mode,
            target,
            cursor: match choices.below(4) {
                0 => Cursor::Version,
                1 => Cursor::Time,
                _ => Cursor::None,
            },
            atomic: choices.is_heads() || !is_database,
            batch_size,
            rows,
            wide: target == Target::Postgres && choices.is_heads(),
            versioned: mode == Mode::Append || choices.is_heads(),
            query: choices.is_heads(),
            poison: is_database && choices.below(3) == 0,
            tight: choices.below(4) == 0,
            halts: choices.below(4) == 0,
            prefilled: mode == Mode::Update || (is_database && choices.is_heads()),
            memory_budget,
            pause: Duration::from_millis([15, 60, 250][choices.below(3) as usize]),
        }
    }

    /// The columns that are written, the key first.
    pub fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["id", "name", "note"];
        if self.wide {
            columns.extend(["amount", "ratio", "seen", "raw", "doc", "tags"]);
        }
        if self.versioned {
            columns.push("version");
        }
        columns
    }

    /// What makes the source; each change of a row gives it a number, a time and a line of history.
    pub fn source_tables(&self) -> &'static str {
        "create sequence versions;
         create table item (id bigint primary key, name text, note text, amount numeric, ratio double precision,
           seen timestamptz, raw bytea, doc jsonb, tags text[], version bigint not null, changed_at timestamptz not null);
         create table history (like item);
         create index on history (id);
         create function stamp() returns trigger language plpgsql as $$ begin
           new.version := nextval('versions'); new.changed_at := now();
           insert into history select new.*; return new; end $$;
         create trigger stamp before insert or update on item for each row execute function stamp();"
    }

    /// What makes the target, if it is a database.
    pub fn target_table(&self) -> String {
        let key = if self.mode == Mode::Append { "" } else { " primary key" };
        let columns = self.columns().into_iter().map(|column| match column {
            "id" => format!("id bigint{key}"),
            "name" => "name text check (name <> 'poison')".to_string(),
            "note" => "note text".to_string(),
            "amount" => "amount numeric".to_string(),
            "ratio" => "ratio double precision".to_string(),
            "seen" => "seen timestamptz".to_string(),
            "raw" => "raw bytea".to_string(),
            "doc" => "doc jsonb".to_string(),
            "tags" => "tags text[]".to_string(),
            _ => "version bigint".to_string(),
        });
        format!("create table copy ({})", columns.collect::<Vec<_>>().join(", "))
    }

    /// Ids that are at the target beforehand: some of the source's own, and some that it never has.
    pub fn prefilled_ids(&self) -> Vec<u64> {
        match (self.prefilled, self.mode) {
            (false, _) => Vec::new(),
            (true, Mode::Update) => (1..=self.rows).step_by(2).collect(),
            (true, Mode::Append) => (1_000_000..1_000_004).collect(),
            (true, _) => (1..=self.rows).step_by(9).chain(1_000_000..1_000_004).collect(),
        }
    }

    /// The entity's body.
    pub fn entity(&self) -> String {
        let model = if self.query { "sql: \"select * from item where id > 0\"" } else { "table: item" };
        let cursor = match self.cursor {
            Cursor::None => "",
            Cursor::Version => ", cursor: version",
            Cursor::Time => ", cursor: changed_at",
        };
        let object = match self.target {
            Target::Postgres | Target::Sqlite => "copy",
            Target::Csv => "copy.csv",
            Target::JsonLines => "copy.jsonl",
            Target::Folder => "copy/",
        };
        let mut text = format!(
            "model: {{ {model}, key: id{cursor} }}\nto: {{ object: {object} }}\nwrite_mode: {}\n",
            self.mode.word()
        );
        text += "mapping:\n";
        for column in self.columns() {
            text += &format!("  {column}: {column}\n");
        }
        if self.target != Target::Folder {
            text += if self.atomic { "publish: atomic\n" } else { "publish: progressive\n" };
        }
        if let Some(rows) = self.batch_size {
            text += &format!("batch_size: {rows}\n");
        }
        if self.cursor == Cursor::Time {
            text += "lookback: 0s\n";
        }
        if self.mode == Mode::Mirror && self.cursor != Cursor::None {
            text += "full_read: { every: 1s }\n";
        }
        text += match (self.tight, self.mode) {
            (true, Mode::Mirror) => "guards: { max_creates: 25, max_deletes: 4 }\n",
            // What is missing at the target is planned as an update every time, so that a limit on
            // updates would hold every run.
            (true, Mode::Update) => "",
            (true, _) => "guards: { max_creates: 25 }\n",
            (false, Mode::Mirror) => "guards: { max_deletes: off }\n",
            (false, _) => "",
        };
        if self.halts {
            text += "halt: { failed_rows: 4, consecutive_failures: 2 }\n";
        }
        text
    }

    /// Random values for every column but the key and the stamps, as `column = literal`.
    pub fn values(&self, choices: &mut Choices) -> Vec<(&'static str, String)> {
        let mut values = vec![("name", text(choices)), ("note", text(choices))];
        if self.poison && choices.below(40) == 0 {
            values[0].1 = "'poison'".to_string();
        }
        if self.wide {
            let one =
                |choices: &mut Choices, of: &[&str]| of[choices.below(of.len() as u64) as usize].to_string();
            values.push(("amount", one(choices, AMOUNTS)));
            values.push(("ratio", one(choices, RATIOS)));
            values.push(("seen", one(choices, TIMES)));
            values.push(("raw", one(choices, BYTES)));
            values.push(("doc", one(choices, DOCUMENTS)));
            values.push(("tags", one(choices, LISTS)));
        }
        values
    }
}

const TEXTS: &[&str] = &[
    "",
    " ",
    "plain",
    "comma, \"quotes\", 'apostrophes'",
    "line\nbreak",
    "carriage\r\nreturn",
    "tab\t and \\N and \\. and back\\slash",
    "\\N",
    "NULL",
    "null",
    "🦀 é e\u{301} \u{feff}",
    "=1+1",
    "{\"a\": [1, null]}",
    ";--",
    "${env:HOME}",
];
const AMOUNTS: &[&str] =
    &["null", "0", "-0.000000000000000000001", "12345678901234567890.0123456789", "'NaN'", "1e30", "-7"];
const RATIOS: &[&str] = &["null", "0", "0.1", "'NaN'", "'Infinity'", "-1.5e-300", "1.7976931348623157e308"];
const TIMES: &[&str] = &[
    "null",
    "'0001-01-01 00:00:00+00'",
    "'9999-12-31 23:59:59.999999+00'",
    "'2024-10-27 00:30:00+00'",
    "'1969-12-31 23:59:59.999999+00'",
];
const BYTES: &[&str] = &["null", "'\\x'", "'\\x00ff10'", "decode(repeat('5c', 300), 'hex')"];
const DOCUMENTS: &[&str] =
    &["null", "'null'", "'{}'", "'[1, {\"b\": null}, \"\\\"q\\\"\"]'", "'{\"a\": \"ü\", \"b\": [true]}'"];
const LISTS: &[&str] =
    &["null", "'{}'", "array['a', 'b,c', 'say \"hi\"', '', 'null', '\\']", "array['x', null]"];

/// A literal of text: an edge, something unique, something long, or NULL.
fn text(choices: &mut Choices) -> String {
    let text = match choices.below(10) {
        0 => return "null".to_string(),
        1..=4 => TEXTS[choices.below(TEXTS.len() as u64) as usize].to_string(),
        5 => "long ".repeat(200 + choices.below(800) as usize),
        _ => format!("text {}", choices.below(1_000_000)),
    };
    format!("'{}'", text.replace('\'', "''"))
}
