//! Transform: from canonical source rows to the target's fields, by the sync's mapping.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use syncline_connector::{Equality, FieldRule, ObjectDescription, TargetField};
use syncline_core::sync::{FieldMapping, FieldWrite, Nulls, Sync, WriteMode};
use syncline_core::{Error, ErrorKind, Key, LogicalType, Result, RowError, canon, text};
use syncline_expr::{Compiler, Expression, LookupTables};

mod stored;

use crate::coerce;
use crate::payload::Payload;

/// Something about a mapping that cannot work, found before any row is read.
#[derive(Clone, Debug)]
pub struct MappingProblem {
    /// `mapping.email`, `exclude`, `model.key` …: where in the sync's configuration.
    pub path: String,
    pub code: &'static str,
    pub message: String,
    pub help: Option<String>,
}

/// A compiled mapping.
pub struct Transform {
    fields: Vec<MappedField>,
    exclude: Option<Expression>,
    excluded_keys: HashSet<String>,
    /// Source columns that keys, mapping and filter read, in the model's order.
    columns: Vec<String>,
    payload: Payload,
    version: u64,
}

struct MappedField {
    expression: Expression,
    target: TargetField,
    rule: FieldRule,
}

/// Target fields of one batch.
pub struct Mapped {
    pub payload: RecordBatch,
    /// At most one error per row, in row order. Such a row's payload must not be sent.
    pub errors: BTreeMap<usize, RowError>,
}

impl Transform {
    /// Compiles a sync's mapping against the model's columns and the target's description; reports
    /// every problem.
    pub fn compile(
        sync: &Sync,
        model: &SchemaRef,
        object: &ObjectDescription,
        lookups: Arc<LookupTables>,
    ) -> Result<Transform, Vec<MappingProblem>> {
        let mut problems = Vec::new();
        check_columns(sync, model, &mut problems);
        let compiler = match Compiler::new(model.clone(), lookups) {
            Ok(c) => c,
            Err(e) => {
                problems.push(problem("model", e));
                return Err(problems);
            }
        };
        let mut fields = Vec::new();
        for m in mappings(sync, model) {
            let path = format!("mapping.{}", m.field);
            match compiler.compile(&m.value) {
                Err(e) => problems.push(problem(&path, e)),
                Ok(expression) => {
                    if let Some(target) = resolve(&path, &m, &expression, object, &mut problems) {
                        let rule = FieldRule { write: m.write, nulls: m.nulls };
                        fields.push(MappedField { expression, target, rule });
                    }
                }
            }
        }
        let exclude = match sync.exclude.as_deref().map(|sql| compiler.compile_condition(sql)).transpose() {
            Ok(exclude) => exclude,
            Err(e) => {
                problems.push(problem("exclude", e));
                None
            }
        };
        check_target(sync, &fields, object, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let position = |f: &MappedField| sync.to.match_fields.iter().position(|m| *m == f.target.name);
        fields.sort_by_key(|f| position(f).unwrap_or(usize::MAX));
        Self::assemble(sync, model, fields, exclude).map_err(|e| vec![problem("mapping", e)])
    }

    fn assemble(
        sync: &Sync,
        model: &SchemaRef,
        fields: Vec<MappedField>,
        exclude: Option<Expression>,
    ) -> Result<Self> {
        let mut used: BTreeSet<&str> = sync.model.key.iter().map(String::as_str).collect();
        used.extend(fields.iter().flat_map(|f| f.expression.columns()).map(String::as_str));
        used.extend(exclude.iter().flat_map(|e| e.columns()).map(String::as_str));
        let columns =
            model.fields().iter().map(|f| f.name()).filter(|n| used.contains(n.as_str())).cloned().collect();
        let schema_fields: Vec<FieldRef> =
            fields.iter().map(|f| f.target.ty.field(&f.target.name, true)).collect();
        let version = version(sync, model, &fields);
        let payload = Payload::new(Arc::new(Schema::new(schema_fields)), sync.to.match_fields.len())?;
        Ok(Self {
            excluded_keys: sync.excluded_keys.iter().cloned().collect(),
            payload,
            fields,
            exclude,
            columns,
            version,
        })
    }

    /// The target fields it makes: match fields first.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    pub fn rules(&self) -> Vec<FieldRule> {
        self.fields.iter().map(|f| f.rule).collect()
    }

    /// Whether the match fields are exactly the key columns, compared exactly by the target, so that
    /// unique keys make unique match values.
    pub fn match_is_key(&self, key: &[String]) -> bool {
        let matched: Vec<_> = self.fields.iter().take(self.payload.match_fields()).collect();
        key.iter().all(|k| matched.iter().any(|f| f.expression.as_column() == Some(k)))
            && matched.iter().all(|f| f.target.equality == Equality::Exact)
    }

    /// The bytes by which the target tells match values apart: texts that it takes for equal have equal
    /// ones. `match_value` is canonical, as planned rows and snapshot entries have it.
    pub fn match_identity(&self, match_value: &[u8]) -> Result<Vec<u8>> {
        let mut identity = Vec::new();
        for (text, field) in canon::decode(match_value)?.into_iter().zip(&self.fields) {
            let text = text.unwrap_or_default();
            let text = match field.target.equality {
                Equality::CaseInsensitive => text.to_lowercase(),
                Equality::Padded => text.trim_end_matches(' ').to_string(),
                Equality::Exact => text,
            };
            identity.extend_from_slice(&(text.len() as u64).to_be_bytes());
            identity.extend_from_slice(text.as_bytes());
        }
        Ok(identity)
    }

    /// Source columns that are read for keys, mapping and filter (the cursor not included).
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Changes whenever the same source row may map to other values; part of every fingerprint.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether any record is excluded by its key.
    pub fn excludes_keys(&self) -> bool {
        !self.excluded_keys.is_empty()
    }

    pub fn is_excluded_key(&self, key: &Key) -> bool {
        self.excludes_keys() && self.excluded_keys.contains(&key.row_id())
    }

    /// Which rows `exclude` leaves out; errors of its evaluation by row.
    pub fn excluded(&self, rows: &RecordBatch) -> Result<(Option<BooleanArray>, BTreeMap<usize, RowError>)> {
        let Some(exclude) = &self.exclude else { return Ok((None, BTreeMap::new())) };
        let evaluated = exclude.evaluate(rows)?;
        let errors = evaluated
            .errors
            .into_iter()
            .map(|f| (f.row, RowError::new("expression_failed", format!("exclude: {}", f.message))))
            .collect();
        Ok((Some(evaluated.array.as_boolean().clone()), errors))
    }

    /// Maps rows to the target's fields.
    pub fn apply(&self, rows: &RecordBatch) -> Result<Mapped> {
        let mut errors: BTreeMap<usize, RowError> = BTreeMap::new();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            let evaluated = field.expression.evaluate(rows)?;
            let mut failed: HashSet<usize> = HashSet::new();
            for fault in evaluated.errors {
                failed.insert(fault.row);
                let raw = raw_value(&field.expression, rows, fault.row);
                let error = RowError::new("expression_failed", fault.message)
                    .field(&field.target.name)
                    .raw_value(raw);
                errors.entry(fault.row).or_insert(error);
            }
            let coerced = coerce::coerce(&evaluated.array, field.expression.ty(), &field.target);
            for (row, error) in coerced.errors {
                failed.insert(row);
                errors.entry(row).or_insert(error);
            }
            let required = !field.target.nullable && field.rule.nulls == Nulls::Write;
            if required && coerced.array.null_count() > 0 {
                for row in
                    (0..coerced.array.len()).filter(|r| coerced.array.is_null(*r) && !failed.contains(r))
                {
                    let raw = raw_value(&field.expression, rows, row);
                    let message = format!("Required field '{}' is null", field.target.name);
                    let error =
                        RowError::new("not_null_violation", message).field(&field.target.name).raw_value(raw);
                    errors.entry(row).or_insert(error);
                }
            }
            columns.push(coerced.array);
        }
        self.check_match(&columns, &mut errors);
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(Mapped {
            payload: RecordBatch::try_new_with_options(self.payload.schema().clone(), columns, &options)?,
            errors,
        })
    }

    fn check_match(&self, columns: &[ArrayRef], errors: &mut BTreeMap<usize, RowError>) {
        for (column, field) in columns.iter().zip(&self.fields).take(self.payload.match_fields()) {
            if column.null_count() == 0 {
                continue;
            }
            for row in (0..column.len()).filter(|r| column.is_null(*r)) {
                let message = format!("Match field '{}' is null", field.target.name);
                errors
                    .entry(row)
                    .or_insert_with(|| RowError::new("null_match_value", message).field(&field.target.name));
            }
        }
    }
}

/// The value at fault, when the expression reads a single column.
fn raw_value(expression: &Expression, rows: &RecordBatch, row: usize) -> Option<String> {
    let [column] = expression.columns() else { return None };
    let index = rows.schema().index_of(column).ok()?;
    let ty = LogicalType::of(rows.schema().field(index)).ok()?;
    text::render(rows.column(index).as_ref(), &ty, row)
}

/// The sync's mapping, or every column by its own name.
fn mappings(sync: &Sync, model: &SchemaRef) -> Vec<FieldMapping> {
    if !sync.mapping.is_empty() {
        return sync.mapping.clone();
    }
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let by_name = model.fields().iter().map(|f| FieldMapping {
        field: f.name().clone(),
        value: quoted(f.name()),
        write: FieldWrite::default(),
        nulls: Nulls::default(),
    });
    by_name.collect()
}

fn problem(path: &str, e: Error) -> MappingProblem {
    MappingProblem { path: path.to_string(), code: e.kind.code(), message: e.message, help: e.help }
}

fn check_columns(sync: &Sync, model: &SchemaRef, problems: &mut Vec<MappingProblem>) {
    let keys = sync.model.key.iter().map(|k| ("model.key", k));
    let cursor = sync.model.cursor.iter().map(|c| ("model.cursor", c));
    for (path, column) in keys.chain(cursor) {
        if model.index_of(column).is_err() {
            let names: Vec<&str> = model.fields().iter().map(|f| f.name().as_str()).collect();
            problems.push(MappingProblem {
                path: path.into(),
                code: "unknown_column",
                message: format!("the model has no column '{column}'"),
                help: Some(format!("its columns are: {}", names.join(", "))),
            });
        }
    }
}

/// Finds the target field of a mapping and checks that the types go together.
fn resolve(
    path: &str,
    mapping: &FieldMapping,
    expression: &Expression,
    object: &ObjectDescription,
    problems: &mut Vec<MappingProblem>,
) -> Option<TargetField> {
    let mut fail = |code, message, help| {
        problems.push(MappingProblem { path: path.to_string(), code, message, help });
        None
    };
    let Some(target) = object.fields.iter().find(|f| f.name == mapping.field) else {
        if object.open_schema {
            return Some(TargetField {
                name: mapping.field.clone(),
                ty: expression.ty().clone(),
                native_type: expression.ty().to_string(),
                nullable: true,
                has_default: false,
                read_only: false,
                max_chars: None,
                equality: Default::default(),
            });
        }
        let names: Vec<&str> = object.fields.iter().map(|f| f.name.as_str()).collect();
        let help = format!("its fields are: {}", names.join(", "));
        return fail("unknown_field", format!("the target has no field '{}'", mapping.field), Some(help));
    };
    if target.read_only {
        return fail("read_only_field", format!("the target computes '{}' itself", target.name), None);
    }
    if !coerce::fits(expression.ty(), &target.ty) {
        let message = format!(
            "'{}' is {} ({}), and {} does not go into it",
            target.name,
            target.native_type,
            target.ty,
            expression.ty()
        );
        return fail("type_mismatch", message, coerce::advice(expression.ty(), &target.ty));
    }
    Some(target.clone())
}

fn check_target(
    sync: &Sync,
    fields: &[MappedField],
    object: &ObjectDescription,
    problems: &mut Vec<MappingProblem>,
) {
    let matches = &sync.to.match_fields;
    for name in matches.iter().filter(|m| !fields.iter().any(|f| f.target.name == **m)) {
        if problems.iter().any(|p| p.path == format!("mapping.{name}")) {
            continue;
        }
        problems.push(MappingProblem {
            path: "to.match".into(),
            code: "match_not_mapped",
            message: format!("the match field '{name}' is not among the mapped fields"),
            help: Some(format!("add '{name}' to the mapping")),
        });
    }
    if let Some(why) = &object.not_writable {
        problems.push(MappingProblem {
            path: "to.object".into(),
            code: "not_writable",
            message: format!("'{}' cannot be written: {why}", sync.to.object),
            help: None,
        });
    }
    let is_unique = object.open_schema
        || matches.is_empty()
        || object
            .unique_keys
            .iter()
            .any(|k| k.len() == matches.len() && k.iter().all(|c| matches.contains(c)));
    if !is_unique && sync.write_mode != WriteMode::Append {
        problems.push(MappingProblem {
            path: "to.match".into(),
            code: "match_not_unique",
            message: format!("'{}' has no unique key on ({})", sync.to.object, matches.join(", ")),
            help: Some(format!("create unique index on {} ({});", sync.to.object, matches.join(", "))),
        });
    }
    if matches!(
        sync.write_mode,
        WriteMode::Insert | WriteMode::Upsert | WriteMode::Mirror | WriteMode::Append
    ) {
        let unmapped = object
            .fields
            .iter()
            .filter(|f| !f.nullable && !f.has_default && !f.read_only)
            .filter(|f| !fields.iter().any(|m| m.target.name == f.name));
        for f in unmapped {
            let path = format!("mapping.{}", f.name);
            if problems.iter().any(|p| p.path == path) {
                continue;
            }
            problems.push(MappingProblem {
                path,
                code: "required_field_not_mapped",
                message: format!("the target requires '{}', and nothing is mapped to it", f.name),
                help: Some(format!("map a value to '{}', or give it a default at the target", f.name)),
            });
        }
    }
}

/// Hash of everything that decides how a source row maps to values.
fn version(sync: &Sync, model: &SchemaRef, fields: &[MappedField]) -> u64 {
    let mut text = format!("format {}\n", canon::FORMAT);
    for f in fields {
        text.push_str(&format!("{}|{}|", f.target.name, f.target.ty));
        let mapping = sync.mapping.iter().find(|m| m.field == f.target.name);
        text.push_str(mapping.map_or(&f.target.name, |m| &m.value));
        text.push('\n');
        for column in f.expression.columns() {
            if let Ok(field) = model.field_with_name(column) {
                let ty = LogicalType::of(field).map(|t| t.to_string()).unwrap_or_default();
                text.push_str(&format!("  {column} {ty}\n"));
            }
        }
    }
    text.push_str(sync.exclude.as_deref().unwrap_or_default());
    for key in &sync.excluded_keys {
        text.push_str(&format!("\nnot {key}"));
    }
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

/// The first problem as an error, with the number of further ones: for runs, which stop at it.
pub fn to_error(sync: &Sync, problems: &[MappingProblem]) -> Error {
    let Some(first) = problems.first() else { return Error::internal("a mapping failed without a problem") };
    let kind = match first.code {
        "not_writable" | "match_not_unique" | "required_field_not_mapped" => ErrorKind::DestinationUnsuitable,
        "unknown_column" => ErrorKind::SchemaChanged,
        _ => ErrorKind::InvalidExpression,
    };
    let more = match problems.len() - 1 {
        0 => String::new(),
        n => format!(" (and {n} more; see `syncline check {}`)", sync.id),
    };
    let error = Error::new(kind, format!("{} {}: {}{more}", sync.id, first.path, first.message));
    match &first.help {
        Some(help) => error.help(help.clone()),
        None => error,
    }
}
