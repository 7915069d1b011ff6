//! The documents of a project: `syncline.yaml` and `syncs/*.yaml`.
//!
//! These types are the one definition of what may be written. The JSON Schema that editors use is
//! generated from them, files are checked against that schema, and what passed is deserialized
//! into them; so none of the three can drift from the others. Doc comments here become the
//! descriptions that editors and the reference show, therefore they address the person who writes
//! a file. `default` and `examples` are part of the schema and are tested against what is loaded.

mod ordered;
mod text_values;
mod words;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

pub(crate) use self::ordered::Ordered;
pub(crate) use self::text_values::*;
pub(crate) use self::words::*;

/// `syncline.yaml`: connections, and what holds for the whole project.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "Syncline project")]
pub(crate) struct ProjectDoc {
    /// The systems that are read and written, by name.
    #[serde(default)]
    #[schemars(extend("examples" = [{"crm": {"type": "postgres", "url": "${env:CRM_URL}"}}]))]
    pub connections: Ordered<ConnectionEntry>,
    /// Settings for every entity of every instance, unless an instance or entity says otherwise.
    #[allow(dead_code, reason = "merged into every entity before it is read")]
    #[serde(default)]
    pub defaults: Option<Defaults>,
    /// Who is told about runs.
    #[serde(default)]
    pub notifications: Option<Vec<NotificationEntry>>,
    /// CSV files that the function `lookup('name', key)` translates with, by name.
    #[serde(default)]
    pub lookups: Option<Ordered<LookupEntry>>,
    /// How Syncline itself works.
    #[serde(default)]
    pub settings: Option<SettingsEntry>,
}

/// One connection. The options beside these are those of its type.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub(crate) struct ConnectionEntry {
    /// The connector, for example `postgres`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// A note for people.
    pub description: Option<String>,
    /// Most runs that use this connection at the same time. Without it there is no limit.
    #[schemars(range(min = 1), extend("examples" = [2]))]
    pub max_concurrent_runs: Option<u32>,
}

/// Whom to tell, and what about.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct NotificationEntry {
    /// Name by which it is shown and found again. Without it: the channel, with a number behind it from the second one on.
    #[schemars(extend("x-format" = "name", "x-text" = true, "examples" = ["on-call"]))]
    pub name: Option<String>,
    /// How it is sent: to a Slack incoming webhook, or signed to any URL.
    pub channel: Channel,
    /// Where it is sent. May hold placeholders.
    #[schemars(extend("x-format" = "not_empty", "examples" = ["${env:SLACK_URL}"]))]
    pub url: String,
    /// What is told; of each sync once, until its state changes again. `completed` is told of every run.
    #[schemars(extend("default" = ["failed", "halted", "held", "recovered"]))]
    pub events: Option<Vec<Event>>,
    /// Also told when a run's share of failed rows is above this; again only after a run that was not.
    #[schemars(extend("examples" = ["1%"]))]
    pub error_rate: Option<PercentValue>,
    /// Also told when this many runs of a sync have failed in a row.
    #[schemars(range(min = 1), extend("examples" = [3]))]
    pub consecutive_failures: Option<u32>,
    /// Key that webhook messages are signed with, as `whsec_` and base64; `channel: webhook` needs it. May hold placeholders.
    #[schemars(extend("x-format" = "not_empty", "examples" = ["${env:WEBHOOK_SECRET}"]))]
    pub secret: Option<String>,
    /// The key before, while the receiver is being changed over: messages are signed with both. May hold placeholders.
    #[schemars(extend("x-format" = "not_empty", "examples" = ["${env:WEBHOOK_SECRET_BEFORE}"]))]
    pub previous_secret: Option<String>,
    /// How far the URL may lead. Cloud metadata services are never reached.
    #[schemars(extend("default" = "public"))]
    pub reach: Option<Reach>,
}

/// A CSV file with a header line, read when a run starts.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct LookupEntry {
    /// Path of the CSV file, from the project's folder.
    #[schemars(extend("x-format" = "not_empty", "examples" = ["lookups/countries.csv"]))]
    pub file: String,
    /// Column that is looked up.
    #[schemars(extend("x-format" = "not_empty", "x-text" = true, "examples" = ["code"]))]
    pub key: String,
    /// Column that is returned.
    #[schemars(extend("x-format" = "not_empty", "x-text" = true, "examples" = ["name"]))]
    pub value: String,
}

/// How Syncline itself works.
#[derive(serde::Deserialize, JsonSchema, Default)]
#[schemars(deny_unknown_fields)]
pub(crate) struct SettingsEntry {
    /// Memory that may grow with the data before it is spilled to disk; runs side by side share it. The process itself takes about 100 MB more.
    #[schemars(extend("default" = "512MB"))]
    pub memory_budget: Option<ByteSize>,
    /// Folder of the state, from the project's folder. Each environment has its own: below
    /// `environments/` in this folder, or where its overlay file says.
    #[schemars(extend("x-format" = "not_empty", "default" = ".syncline"))]
    pub state: Option<String>,
    /// How long things are kept.
    pub retention: Option<RetentionEntry>,
    /// How `syncline serve` works.
    pub server: Option<ServerEntry>,
}

/// How `syncline serve` works.
#[derive(serde::Deserialize, JsonSchema, Default)]
#[schemars(deny_unknown_fields)]
pub(crate) struct ServerEntry {
    /// IP address and port that the API and the web app are served at. The default is reached from
    /// this machine only.
    #[schemars(extend("default" = "127.0.0.1:8400"))]
    pub listen: Option<ListenAddress>,
    /// Where people reach the server, for links in notifications.
    #[schemars(extend("examples" = ["https://syncline.example.com"]))]
    pub base_url: Option<BaseUrl>,
    /// Most runs at the same time. They share `memory_budget`.
    #[schemars(range(min = 1, max = 1000), extend("default" = 4))]
    pub max_concurrent_runs: Option<u32>,
    /// With a state that several servers share, and the same on each of them: how long a run stays with
    /// a server that is not heard of any more. Another takes it over a third of this later.
    #[schemars(extend("default" = "90s"))]
    pub lease: Option<Period>,
    /// Environment variables that connections and notifications made through the API may use as
    /// `${env:NAME}`. Without it they may use none; secrets given to the API are kept encrypted.
    #[schemars(extend("examples" = [["CRM_URL"]]))]
    pub api_variables: Option<Vec<String>>,
    /// Folders, from the project's folder, below which connections made through the API may name
    /// files. The state's folder is never among them. Without it: the project's folder.
    #[schemars(extend("examples" = [["data", "/srv/exchange"]]))]
    pub api_paths: Option<Vec<String>>,
    /// How far notifications made through the API may lead beyond the internet. Without it: no further.
    #[schemars(extend("examples" = [["private"]]))]
    pub api_reach: Option<Vec<Reach>>,
}

/// How long things are kept.
#[derive(serde::Deserialize, JsonSchema, Default)]
#[schemars(deny_unknown_fields)]
pub(crate) struct RetentionEntry {
    /// Finished runs with their plans and row outcomes.
    #[schemars(extend("default" = "90d"))]
    pub runs: Option<Period>,
    /// Dead letters that nobody resolved.
    #[schemars(extend("default" = "90d"))]
    pub dead_letters: Option<Period>,
    /// Most dead letters that are kept; beyond it the oldest go first.
    #[schemars(range(min = 1), extend("default" = 100_000))]
    pub dead_letters_max: Option<u64>,
    /// Events that clients of a server can catch up on, and notifications that were sent.
    #[schemars(extend("default" = "7d"))]
    pub events: Option<Period>,
}

/// One instance: a source, a target, and the entities that travel between them.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "Syncline instance")]
pub(crate) struct InstanceDoc {
    /// Name of the instance: the first part of the ids of its syncs.
    #[schemars(extend("x-format" = "name", "x-text" = true, "examples" = ["crm"]))]
    pub instance: String,
    /// Connection that is read.
    #[schemars(extend("x-text" = true, "examples" = ["warehouse"]))]
    pub source: String,
    /// Connection that is written.
    #[schemars(extend("x-text" = true, "examples" = ["crm"]))]
    pub target: String,
    /// Settings for every entity of this instance, unless an entity says otherwise.
    #[allow(dead_code, reason = "merged into every entity before it is read")]
    pub defaults: Option<Defaults>,
    /// What is synced, by name: the second part of a sync's id. Each is one sync.
    pub entities: Ordered<EntityDoc>,
}

/// One sync: what is read, where it goes and how.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct EntityDoc {
    /// What is read.
    pub model: ModelDoc,
    /// Where it is written.
    pub to: TargetDoc,
    /// What may happen at the target.
    #[schemars(extend("default" = "upsert"))]
    pub write_mode: Option<WriteMode>,
    /// Target fields and the SQL expressions that make them. Without it every column is written
    /// under its own name.
    #[schemars(extend("examples" = [{"email": "lower(trim(email))"}]))]
    pub mapping: Option<Ordered<FieldDoc>>,
    /// Whether the sync is active when it is first seen. Afterwards activation is state, not
    /// configuration.
    #[schemars(extend("default" = false))]
    pub active: Option<bool>,
    /// When the sync runs by itself. Without it only when somebody starts it.
    pub schedule: Option<ScheduleDoc>,
    /// Limits on the plan: above one of them the run is held before it writes anything.
    #[serde(default)]
    pub guards: Option<GuardsDoc>,
    /// Thresholds that end a run and halt the sync until a person activates it.
    #[serde(default)]
    pub halt: Option<HaltDoc>,
    /// What happens at the target to a record that left the model. For `write_mode: mirror`.
    #[schemars(extend("default" = "delete"))]
    pub on_removed: Option<OnRemovedDoc>,
    /// What happens when the value that identifies a known record at the target changes.
    #[schemars(extend("default" = "fail"))]
    pub on_match_change: Option<OnMatchChange>,
    /// How often a mirror with a cursor reads all keys to find removed records.
    pub full_read: Option<FullReadDoc>,
    /// A mirror also deletes records that were at the target before the sync.
    #[schemars(extend("default" = false))]
    pub delete_adopted: Option<bool>,
    /// SQL condition over the model's columns; rows where it is true are skipped.
    #[schemars(extend("x-format" = "not_empty", "x-text" = true, "examples" = ["email like '%@example.com'"]))]
    pub exclude: Option<String>,
    /// Keys that are always skipped: a list, or a file with one key in each line.
    #[schemars(extend("examples" = [["1001", "1002"]]))]
    pub excluded_keys: Option<ExcludedKeys>,
    /// What happens when two rows of the model have the same key.
    #[schemars(extend("default" = "fail"))]
    pub duplicates: Option<Duplicates>,
    /// When written rows become visible. The default is the best that the destination can do.
    #[schemars(extend("examples" = ["progressive"]))]
    pub publish: Option<Publish>,
    /// What is kept of the values of each run, for the history of a record.
    #[schemars(extend("default" = "full"))]
    pub store_values: Option<StoreValues>,
    /// What a run does when a mapped column was dropped or changed its type.
    #[schemars(extend("default" = "fail"))]
    pub schema_change: Option<SchemaChange>,
    /// Rows in one chunk. The default is the destination's own best size; larger wishes than it
    /// can take are reduced.
    #[schemars(range(min = 1), extend("examples" = [500]))]
    pub batch_size: Option<u32>,
    /// A held or saved plan that is older than this is made again before it is applied.
    #[schemars(extend("default" = "1h"))]
    pub plan_ttl: Option<Period>,
    /// How far before the cursor an incremental run reads again, for rows that were committed late.
    #[schemars(extend("default" = "10m"))]
    pub lookback: Option<Delay>,
    /// Words that commands select syncs by.
    #[schemars(extend("examples" = [["nightly"]]))]
    pub tags: Option<Vec<Name>>,
    /// The id that this sync had before; its memory is taken over.
    #[schemars(extend("examples" = ["crm.customer"]))]
    pub renamed_from: Option<SyncName>,
    /// Set to `accepted` to use `write_mode: append` where Syncline may not keep its ledger table:
    /// after a crash a chunk may then be appended twice.
    #[schemars(extend("examples" = ["accepted"]))]
    pub append_without_ledger: Option<Accepted>,
}

/// Keys of an entity that belong to it alone and therefore have no default.
pub(crate) const NOT_IN_DEFAULTS: [&str; 4] = ["model", "to", "mapping", "renamed_from"];

/// What is read: exactly one of `sql`, `sql_file`, `table` and `file`, and its key.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend("oneOf" = [{"required": ["sql"]}, {"required": ["sql_file"]}, {"required": ["table"]}, {"required": ["file"]}])
)]
pub(crate) struct ModelDoc {
    /// One SELECT statement.
    #[schemars(extend("x-format" = "not_empty", "examples" = ["select * from customers"]))]
    pub sql: Option<String>,
    /// File with one SELECT statement, from the project's folder.
    #[schemars(extend("x-format" = "not_empty", "examples" = ["models/customers.sql"]))]
    pub sql_file: Option<String>,
    /// A table or view, optionally with its schema.
    #[schemars(extend("x-format" = "not_empty", "x-text" = true, "examples" = ["sales.customers"]))]
    pub table: Option<String>,
    /// A file or pattern of files below the connection's folder.
    #[schemars(extend("x-format" = "not_empty", "examples" = ["customers-*.csv"]))]
    pub file: Option<String>,
    /// The column that identifies a row, or a list of columns that do so together.
    #[schemars(extend("examples" = ["id"]))]
    pub key: OneOrMany,
    /// A column that grows with every change, so that a run reads only what is new.
    #[schemars(extend("x-format" = "not_empty", "x-text" = true, "examples" = ["updated_at"]))]
    pub cursor: Option<String>,
    /// The source gives up on a statement after this long.
    #[schemars(extend("default" = "1h"))]
    pub timeout: Option<Period>,
    /// Format of a `file`; the default is told by its ending.
    #[schemars(extend("examples" = ["csv"]))]
    pub format: Option<FileFormat>,
    /// Types of columns that a `file` does not type (CSV) or types too loosely (JSON Lines).
    #[schemars(extend("examples" = [{"id": "int64", "signed_up": "timestamptz"}]))]
    pub types: Option<Ordered<ColumnType>>,
    /// Character between the values of a CSV `file`.
    #[schemars(extend("default" = ","))]
    pub delimiter: Option<Delimiter>,
    /// This text means NULL in a CSV `file`, besides an empty value without quotes.
    #[schemars(extend("x-text" = true, "examples" = ["N/A"]))]
    pub null: Option<String>,
}

/// Where it is written.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct TargetDoc {
    /// Table, API object or file.
    #[schemars(extend("x-format" = "not_empty", "x-text" = true, "examples" = ["contact"]))]
    pub object: String,
    /// The target field, or list of fields, that identifies a record. The default is the fields
    /// that the key columns are mapped to; `append` needs none.
    #[serde(rename = "match")]
    #[schemars(extend("examples" = ["external_id"]))]
    pub match_fields: Option<OneOrMany>,
}

/// A SQL expression, or the expression with rules for when it is written.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum FieldDoc {
    Expression(Expression),
    Rules(FieldRules),
}

/// A SQL expression with rules for when it is written.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct FieldRules {
    /// SQL expression over the model's columns.
    #[schemars(extend("examples" = ["phone"]))]
    pub value: Expression,
    /// When the field is written.
    #[schemars(extend("default" = "always"))]
    pub write: Option<FieldWrite>,
    /// What happens when the expression is NULL.
    #[schemars(extend("default" = "write"))]
    pub nulls: Option<Nulls>,
}

/// When the sync runs by itself: exactly one of `every`, `cron` and `after`.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend("oneOf" = [{"required": ["every"]}, {"required": ["cron"]}, {"required": ["after"]}])
)]
pub(crate) struct ScheduleDoc {
    /// Time from one run's start to the next.
    #[schemars(extend("examples" = ["15m"]))]
    pub every: Option<Period>,
    /// Five fields: minute, hour, day of month, month, day of week.
    #[schemars(extend("x-format" = "cron", "examples" = ["0 6 * * 1-5"]))]
    pub cron: Option<String>,
    /// Time zone of `cron`, from the IANA database.
    #[schemars(extend("x-format" = "timezone", "default" = "UTC"))]
    pub timezone: Option<String>,
    /// Run after each successful run of another sync.
    #[schemars(extend("examples" = ["crm.company"]))]
    pub after: Option<SyncName>,
    /// Random delay of at most this much, so that many syncs do not start at once.
    #[schemars(extend("default" = "0s"))]
    pub jitter: Option<Delay>,
    /// What happens when the previous run has not ended.
    #[schemars(extend("default" = "queue_one"))]
    pub overlap: Option<Overlap>,
}

/// Limits on the plan. Each takes a value that replaces its whole default, or `off`.
#[derive(serde::Deserialize, JsonSchema, Default)]
#[schemars(deny_unknown_fields)]
pub(crate) struct GuardsDoc {
    /// Records that may be created. Default: no limit.
    #[serde(default)]
    #[schemars(extend("examples" = [5000]))]
    pub max_creates: Guard<LimitValue>,
    /// Records that may be updated. Default: no limit, except in the first run after a change of
    /// configuration or version: 1,000 and 50 %.
    #[serde(default)]
    #[schemars(extend("examples" = ["30%"]))]
    pub max_updates: Guard<LimitValue>,
    /// Records that may be deleted, cleared or flagged in 24 hours. Default: 10 records, and beyond
    /// that 10 % or 1,000.
    #[serde(default)]
    #[schemars(extend("examples" = ["10%"]))]
    pub max_deletes: Guard<LimitValue>,
    /// How far a complete read may fall below the median of the last five.
    #[serde(default)]
    #[schemars(extend("default" = "50%"))]
    pub max_source_drop: Guard<LimitValue>,
    /// Percentage points by which a field's share of NULLs may rise.
    #[serde(default)]
    #[schemars(extend("default" = "50%"))]
    pub max_nulled: Guard<PercentValue>,
    /// Rows that may fail before anything is sent. Default: no limit.
    #[serde(default)]
    #[schemars(extend("examples" = ["1%"]))]
    pub max_invalid: Guard<LimitValue>,
}

/// Thresholds that end a run and halt the sync.
#[derive(serde::Deserialize, JsonSchema, Default)]
#[schemars(deny_unknown_fields)]
pub(crate) struct HaltDoc {
    /// Rows that may fail for the first time in a run; a percentage counts once 100 rows were
    /// tried. Default: no limit.
    #[serde(default)]
    #[schemars(extend("examples" = ["5%"]))]
    pub failed_rows: Guard<LimitValue>,
    /// Failed runs in a row. Default: no limit.
    #[serde(default)]
    #[schemars(extend("examples" = [3]))]
    pub consecutive_failures: Guard<Count>,
}

/// How often all keys are read.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct FullReadDoc {
    /// Time between two complete reads of the keys.
    #[schemars(extend("default" = "24h"))]
    pub every: Option<Period>,
}

/// What happens to a removed record: a word, or a field that is set.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OnRemovedDoc {
    Word(Removal),
    Flag(FlagDoc),
}

/// Marks removed records in a field.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct FlagDoc {
    /// The field that is set, and to what.
    pub flag: FlagValue,
}

/// A field and the value that marks a record as removed.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct FlagValue {
    /// Target field.
    #[schemars(extend("x-format" = "not_empty", "x-text" = true, "examples" = ["deleted_at"]))]
    pub field: String,
    /// What it is set to: `true` for a boolean, `now` for a date and time, or any text.
    #[schemars(extend("x-text" = true, "examples" = ["now"]))]
    pub value: String,
}

/// Keys to skip: listed, or in a file.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum ExcludedKeys {
    List(Vec<KeyValue>),
    File(KeyFile),
}

/// A file with one key in each line.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct KeyFile {
    /// Path of the file, from the project's folder.
    #[schemars(extend("x-format" = "not_empty", "examples" = ["excluded.txt"]))]
    pub file: String,
}

/// A key: its value, or the list of its values when it has several columns.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum KeyValue {
    One(Text),
    Many(Vec<Text>),
}

/// One name or a list of names.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(ColumnName),
    Many(#[schemars(length(min = 1))] Vec<ColumnName>),
}

impl OneOrMany {
    pub fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMany::One(name) => vec![name.0],
            OneOrMany::Many(names) => names.into_iter().map(|name| name.0).collect(),
        }
    }
}

/// The settings of an entity without those that belong to it alone. It exists for its schema:
/// defaults are merged into entities before those are read.
#[derive(serde::Deserialize)]
pub(crate) struct Defaults {}

impl JsonSchema for Defaults {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Defaults".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = EntityDoc::json_schema(generator);
        schema.insert("description".into(), "Settings that entities take over.".into());
        schema.remove("required");
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.retain(|key, _| !NOT_IN_DEFAULTS.contains(&key.as_str()));
        }
        schema
    }
}
