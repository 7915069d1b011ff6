//! Turns a checked entity into the resolved [`Sync`], every default filled in.

use std::path::{Component, Path};
use std::time::Duration;

use syncline_core::sync::{
    FieldMapping, FileModel, Guards, Halt, Limit, Model, ModelQuery, OnMatchChange, OnRemoved, Overlap,
    Publish, Schedule, Target, When, WriteMode,
};
use syncline_core::{Sync, SyncId};

use crate::capability::Ends;
use crate::connections::place;
use crate::documents::{
    EntityDoc, ExcludedKeys, FieldDoc, Guard, GuardsDoc, HaltDoc, KeyValue, LimitValue, ModelDoc,
    OnRemovedDoc, OneOrMany, Ordered, ScheduleDoc,
};
use crate::node::Node;
use crate::source::{Findings, Sources, Span};
use crate::suggest;

const FULL_READ_EVERY: Duration = Duration::from_secs(24 * 3600);
const PLAN_TTL: Duration = Duration::from_secs(3600);
const LOOKBACK: Duration = Duration::from_secs(600);
const MODEL_TIMEOUT: Duration = Duration::from_secs(3600);

/// Largest file with a statement.
const SQL_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Largest file with excluded keys.
const KEYS_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What a guard that is switched off is set to where no value means the default rule.
const NO_LIMIT: Limit = Limit::Count(u64::MAX);

/// One entity on its way to a sync.
pub(crate) struct Entity<'a> {
    pub id: SyncId,
    pub source: String,
    pub target: String,
    pub root: &'a Path,
    pub sources: &'a Sources,
    pub ends: Ends<'a>,
    /// The entity without its defaults.
    pub own: &'a Node,
}

impl Entity<'_> {
    /// The sync, or `None` when it cannot be told what is meant; then the findings say why.
    pub fn resolve(self, doc: EntityDoc, findings: &mut Findings) -> Option<Sync> {
        let mode_is_known =
            doc.write_mode.is_some() || self.ends.node.get("write_mode").is_none_or(Node::is_null);
        let write_mode = doc.write_mode.map_or(WriteMode::Upsert, Into::into);
        let model = self.model(doc.model, findings);
        let mapping = mapping(doc.mapping);
        let key = model.as_ref().map(|model| model.key.clone()).unwrap_or_default();
        let match_fields = self.match_fields(doc.to.match_fields, &key, &mapping, write_mode, findings);
        let schedule = doc.schedule.and_then(|schedule| self.schedule(schedule, findings));
        let excluded_keys = self.excluded_keys(doc.excluded_keys, findings);
        if mode_is_known {
            self.check_applicable(write_mode, model.as_ref(), findings);
        }
        let destination = self.ends.target.and_then(|spec| spec.destination.as_ref());
        let publish = destination.and_then(|destination| destination.publish.first().copied());
        let sync = Sync {
            id: self.id.clone(),
            renamed_from: doc.renamed_from.map(|id| id.0),
            active: doc.active.unwrap_or(false),
            tags: doc.tags.unwrap_or_default().into_iter().map(|tag| tag.0).collect(),
            source: self.source.clone(),
            target: self.target.clone(),
            model: model?,
            to: Target { object: doc.to.object, match_fields },
            write_mode,
            on_removed: on_removed(doc.on_removed, write_mode),
            on_match_change: doc.on_match_change.map_or(OnMatchChange::Fail, Into::into),
            mapping,
            exclude: doc.exclude,
            excluded_keys,
            duplicates: doc.duplicates.map(Into::into).unwrap_or_default(),
            delete_adopted: doc.delete_adopted.unwrap_or(false),
            full_read_every: doc.full_read.and_then(|f| f.every).map_or(FULL_READ_EVERY, |period| period.0),
            publish: doc.publish.map(Into::into).or(publish).unwrap_or(Publish::Progressive),
            schedule,
            guards: guards(doc.guards.unwrap_or_default()),
            halt: halt(doc.halt.unwrap_or_default()),
            store_values: doc.store_values.map(Into::into).unwrap_or_default(),
            schema_change: doc.schema_change.map(Into::into).unwrap_or_default(),
            batch_size: doc.batch_size,
            plan_ttl: doc.plan_ttl.map_or(PLAN_TTL, |period| period.0),
            lookback: doc.lookback.map_or(LOOKBACK, |delay| delay.0),
            duplicates_accepted: doc.append_without_ledger.is_some(),
        };
        if mode_is_known {
            crate::capability::check(&sync, &self.ends, findings);
        }
        // With findings the project is refused as a whole; the sync still takes part in the checks
        // that look at all syncs.
        Some(sync)
    }

    fn span(&self, path: &[&str]) -> Span {
        self.ends.node.entry_at(path).map_or(self.ends.at, |entry| entry.node.span)
    }

    fn key_span(&self, path: &[&str]) -> Span {
        self.ends.node.entry_at(path).map_or(self.ends.at, |entry| entry.key_span)
    }

    fn model(&self, doc: ModelDoc, findings: &mut Findings) -> Option<Model> {
        let is_file = doc.file.is_some();
        for (key, written) in [
            ("format", doc.format.is_some()),
            ("types", doc.types.is_some()),
            ("delimiter", doc.delimiter.is_some()),
            ("null", doc.null.is_some()),
        ] {
            if written && !is_file {
                let message = format!("'{key}' belongs to a model that is a file");
                findings
                    .error(self.key_span(&["model", key]), "not_applicable", message)
                    .help("remove it, or give `file` instead of what is read now");
            }
        }
        let key = doc.key.into_vec();
        self.check_unique(&key, &["model", "key"], findings);
        let query = match (doc.sql, doc.sql_file, doc.table, doc.file) {
            (Some(sql), None, None, None) => {
                let origin = place(self.sources, self.span(&["model", "sql"])).to_string();
                ModelQuery::Sql { sql, origin }
            }
            (None, Some(path), None, None) => {
                let span = self.span(&["model", "sql_file"]);
                let sql = self.read_file(&path, SQL_FILE_BYTES_MAX, span, findings)?;
                if sql.trim().is_empty() {
                    findings.error(span, "invalid_value", format!("the file {path} is empty"));
                }
                ModelQuery::Sql { sql, origin: path }
            }
            (None, None, Some(table), None) => ModelQuery::Table(table),
            (None, None, None, Some(path)) => ModelQuery::File(FileModel {
                path,
                format: doc.format.map(Into::into),
                types: doc
                    .types
                    .unwrap_or_default()
                    .0
                    .into_iter()
                    .map(|(column, ty)| (column, ty.0))
                    .collect(),
                delimiter: doc.delimiter.map(|delimiter| delimiter.0),
                null: doc.null,
            }),
            _ => {
                self.one_of(&["model"], &["sql", "sql_file", "table", "file"], findings);
                return None;
            }
        };
        let timeout = doc.timeout.map_or(MODEL_TIMEOUT, |period| period.0);
        Some(Model { query, key, cursor: doc.cursor, timeout })
    }

    /// Reports that not exactly one of some keys is there. A key that is there but wrong was
    /// reported already, and counts.
    fn one_of(&self, path: &[&str], keys: &[&str], findings: &mut Findings) {
        let node = self.ends.node.entry_at(path).map(|entry| &entry.node);
        let written: Vec<_> =
            keys.iter().filter_map(|key| node?.entry(key)).filter(|entry| !entry.node.is_null()).collect();
        let list = keys.join(", ");
        match written.as_slice() {
            [] => {
                let message = format!("one of these is missing here: {list}");
                findings.error(self.key_span(path), "missing_key", message);
            }
            [_] => {}
            [first, second, ..] => {
                let message = format!("'{}' and '{}' exclude each other", first.key, second.key);
                findings
                    .error(second.key_span, "conflicting_keys", message)
                    .help(format!("give exactly one of: {list}"));
            }
        }
    }

    fn check_unique(&self, names: &[String], path: &[&str], findings: &mut Findings) {
        for (n, name) in names.iter().enumerate() {
            if names[..n].contains(name) {
                let message = format!("'{name}' is listed twice");
                findings.error(self.span(path), "invalid_value", message);
            }
        }
    }

    /// The fields that identify a record at the target: those given, or those that the key columns
    /// are mapped to.
    fn match_fields(
        &self,
        given: Option<OneOrMany>,
        key: &[String],
        mapping: &[FieldMapping],
        write_mode: WriteMode,
        findings: &mut Findings,
    ) -> Vec<String> {
        let written = self.ends.node.entry_at(&["to", "match"]).is_some_and(|entry| !entry.node.is_null());
        if let Some(fields) = given {
            let fields = fields.into_vec();
            self.check_unique(&fields, &["to", "match"], findings);
            let names: Vec<&str> = mapping.iter().map(|field| field.field.as_str()).collect();
            for field in fields.iter().filter(|field| !names.is_empty() && !names.contains(&field.as_str())) {
                let message = format!("records are matched on '{field}', but nothing is mapped to it");
                findings
                    .error(self.span(&["to", "match"]), "unmapped_match", message)
                    .maybe_help(suggest::advice(field, names.iter().copied()));
            }
            return fields;
        }
        if written || write_mode == WriteMode::Append {
            return Vec::new();
        }
        let mut fields = Vec::new();
        for column in key {
            match field_of(column, mapping) {
                Some(field) => fields.push(field.to_string()),
                None => {
                    let message = format!(
                        "it is not known which field identifies a record: the key column '{column}' is not mapped"
                    );
                    findings
                        .error(self.key_span(&["to"]), "missing_key", message)
                        .help("say it with `match: field` here, or map the column to a field");
                    return Vec::new();
                }
            }
        }
        fields
    }

    fn schedule(&self, doc: ScheduleDoc, findings: &mut Findings) -> Option<Schedule> {
        if doc.timezone.is_some() && doc.cron.is_none() {
            findings
                .error(
                    self.key_span(&["schedule", "timezone"]),
                    "not_applicable",
                    "'timezone' belongs to 'cron'",
                )
                .help("remove it; `every` and `after` count time, which is the same in every zone");
        }
        let when = match (doc.every, doc.cron, doc.after) {
            (Some(every), None, None) => When::Every(every.0),
            (None, Some(expression), None) => {
                When::Cron { expression, timezone: doc.timezone.unwrap_or_else(|| "UTC".to_string()) }
            }
            (None, None, Some(id)) => When::After(id.0),
            _ => {
                self.one_of(&["schedule"], &["every", "cron", "after"], findings);
                return None;
            }
        };
        Some(Schedule {
            when,
            jitter: doc.jitter.map_or(Duration::ZERO, |delay| delay.0),
            overlap: doc.overlap.map_or(Overlap::QueueOne, Into::into),
        })
    }

    fn excluded_keys(&self, doc: Option<ExcludedKeys>, findings: &mut Findings) -> Vec<String> {
        match doc {
            None => Vec::new(),
            Some(ExcludedKeys::List(keys)) => keys.into_iter().map(row_id).collect(),
            Some(ExcludedKeys::File(file)) => {
                let span = self.span(&["excluded_keys", "file"]);
                let text =
                    self.read_file(&file.file, KEYS_FILE_BYTES_MAX, span, findings).unwrap_or_default();
                text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_string).collect()
            }
        }
    }

    /// Reads a file of the project, or says at `span` why it cannot be.
    fn read_file(&self, path: &str, bytes_max: u64, span: Span, findings: &mut Findings) -> Option<String> {
        match read_project_file(self.root, path, bytes_max) {
            Ok(text) => Some(text),
            Err(reason) => {
                findings
                    .error(span, "file_not_readable", reason)
                    .help("paths start from the project's folder, where syncline.yaml is");
                None
            }
        }
    }

    /// Refuses what an entity itself says but its write mode does not do. The same in a default is
    /// meant for the entities that it fits.
    fn check_applicable(&self, write_mode: WriteMode, model: Option<&Model>, findings: &mut Findings) {
        let mirror = write_mode == WriteMode::Mirror;
        let incremental = model.is_none_or(|model| model.cursor.is_some());
        let mode = write_mode.as_str();
        let rules = [
            (
                "on_removed",
                mirror,
                format!("nothing is removed with write_mode: {mode}"),
                "use write_mode: mirror, or remove it",
            ),
            (
                "delete_adopted",
                mirror,
                format!("nothing is deleted with write_mode: {mode}"),
                "use write_mode: mirror, or remove it",
            ),
            (
                "full_read",
                mirror && incremental,
                "only a mirror with a cursor has a full read of its own".to_string(),
                "remove it; every other run reads all there is to read anyway",
            ),
            (
                "lookback",
                incremental,
                "without a cursor every run reads everything".to_string(),
                "give the model a cursor, or remove it",
            ),
            (
                "append_without_ledger",
                write_mode == WriteMode::Append,
                "this is for write_mode: append".to_string(),
                "remove it; other modes never write a record twice",
            ),
        ];
        for (key, applies, message, help) in rules {
            if let Some(entry) = self.own.entry(key).filter(|entry| !applies && !entry.node.is_null()) {
                findings.error(entry.key_span, "not_applicable", message).help(help);
            }
        }
    }
}

/// The field that a key column is mapped to: the one that is exactly this column, else the one of
/// its name. Without a mapping every column keeps its name.
fn field_of<'a>(column: &'a str, mapping: &'a [FieldMapping]) -> Option<&'a str> {
    let quoted = format!("\"{}\"", column.replace('"', "\"\""));
    let exact = mapping.iter().find(|field| {
        let value = field.value.trim();
        value == column || value == quoted
    });
    match exact.or_else(|| mapping.iter().find(|field| field.field == column)) {
        Some(field) => Some(&field.field),
        None => mapping.is_empty().then_some(column),
    }
}

fn mapping(doc: Option<Ordered<FieldDoc>>) -> Vec<FieldMapping> {
    let fields = doc.unwrap_or_default().0.into_iter();
    fields
        .map(|(field, doc)| match doc {
            FieldDoc::Expression(value) => {
                FieldMapping { field, value: value.0, write: Default::default(), nulls: Default::default() }
            }
            FieldDoc::Rules(rules) => FieldMapping {
                field,
                value: rules.value.0,
                write: rules.write.map(Into::into).unwrap_or_default(),
                nulls: rules.nulls.map(Into::into).unwrap_or_default(),
            },
        })
        .collect()
}

fn on_removed(doc: Option<OnRemovedDoc>, write_mode: WriteMode) -> OnRemoved {
    match doc {
        _ if write_mode != WriteMode::Mirror => OnRemoved::Ignore,
        None => OnRemoved::Delete,
        Some(OnRemovedDoc::Word(word)) => word.into(),
        Some(OnRemovedDoc::Flag(doc)) => OnRemoved::Flag { field: doc.flag.field, value: doc.flag.value },
    }
}

fn guards(doc: GuardsDoc) -> Guards {
    let default = Guards::default();
    // For updates and deletes the core reads `None` as its default rule, so "off" is a limit that
    // no count passes.
    Guards {
        max_creates: limit(doc.max_creates, default.max_creates, None),
        max_updates: limit(doc.max_updates, default.max_updates, Some(NO_LIMIT)),
        max_deletes: limit(doc.max_deletes, default.max_deletes, Some(NO_LIMIT)),
        max_source_drop: limit(doc.max_source_drop, default.max_source_drop, None),
        max_nulled: match doc.max_nulled {
            Guard::Default => default.max_nulled,
            Guard::Off => None,
            Guard::Value(percent) => Some(percent.0),
        },
        max_invalid: limit(doc.max_invalid, default.max_invalid, None),
    }
}

fn limit(guard: Guard<LimitValue>, default: Option<Limit>, off: Option<Limit>) -> Option<Limit> {
    match guard {
        Guard::Default => default,
        Guard::Off => off,
        Guard::Value(limit) => Some(limit.0),
    }
}

fn halt(doc: HaltDoc) -> Halt {
    Halt {
        failed_rows: limit(doc.failed_rows, None, None),
        consecutive_failures: match doc.consecutive_failures {
            Guard::Value(count) => Some(count.0),
            Guard::Default | Guard::Off => None,
        },
    }
}

/// A key as the row id that runs and commands show.
fn row_id(key: KeyValue) -> String {
    match key {
        KeyValue::One(value) => value.0,
        KeyValue::Many(values) => {
            let mut values: Vec<String> = values.into_iter().map(|value| value.0).collect();
            match values.len() {
                1 => values.remove(0),
                _ => serde_json::Value::from(values).to_string(),
            }
        }
    }
}

/// Reads a text file below the project's folder; the error is a sentence.
fn read_project_file(root: &Path, path: &str, bytes_max: u64) -> Result<String, String> {
    check_project_file(root, path, bytes_max)?;
    std::fs::read_to_string(root.join(path))
        .map_err(|error| format!("the file {path} cannot be read: {error}"))
}

/// Whether a relative path stays below the folder it starts from.
pub(crate) fn is_below_root(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

/// Whether a path names a file below the project's folder of at most some size; the error is a
/// sentence.
pub(crate) fn check_project_file(root: &Path, path: &str, bytes_max: u64) -> Result<(), String> {
    let relative = Path::new(path);
    if !is_below_root(path) {
        return Err(format!("the path {path} leads out of the project's folder"));
    }
    let found = std::fs::metadata(root.join(relative))
        .map_err(|error| format!("the file {path} cannot be read: {error}"))?;
    match found.len() {
        _ if !found.is_file() => Err(format!("{path} is not a file")),
        size if size > bytes_max => Err(format!("the file {path} has {size} bytes; the most is {bytes_max}")),
        _ => Ok(()),
    }
}
