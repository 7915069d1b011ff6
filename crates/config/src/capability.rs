//! What a sync asks for against what its connectors can do. What they cannot do is refused here;
//! nothing is silently ignored.

use syncline_connector::{ConnectorSpec, DestinationSpec, ModelKind, RemovalKind};
use syncline_core::Sync;
use syncline_core::sync::{FieldWrite, ModelQuery, Nulls, OnMatchChange, OnRemoved, Publish, WriteMode};

use crate::node::Node;
use crate::source::{Findings, Span};

/// The two ends of a sync, as far as they are known, and where things are written.
pub(crate) struct Ends<'a> {
    pub source: Option<&'a ConnectorSpec>,
    pub target: Option<&'a ConnectorSpec>,
    /// The entity with its defaults.
    pub node: &'a Node,
    /// The entity's name.
    pub at: Span,
}

impl Ends<'_> {
    /// The place of a value, or of the entity when the value is a default of ours.
    fn place(&self, path: &[&str]) -> Span {
        self.node.entry_at(path).map_or(self.at, |entry| entry.node.span)
    }

    fn key_place(&self, path: &[&str]) -> Span {
        self.node.entry_at(path).map_or(self.at, |entry| entry.key_span)
    }

    fn is_written(&self, key: &str) -> bool {
        self.node.get(key).is_some_and(|node| !node.is_null())
    }
}

/// Checks a resolved sync. The modes are checked before what depends on them.
pub(crate) fn check(sync: &Sync, ends: &Ends<'_>, findings: &mut Findings) {
    if let Some(spec) = ends.source
        && let Some(source) = &spec.source
    {
        check_model(sync, spec, source.models, ends, findings);
    }
    if let Some(spec) = ends.target
        && let Some(destination) = &spec.destination
    {
        check_modes(sync, spec, destination, ends, findings);
        check_fields(sync, spec, destination, ends, findings);
        check_batch(sync, destination, ends, findings);
    }
}

fn check_model(
    sync: &Sync,
    spec: &ConnectorSpec,
    models: &[ModelKind],
    ends: &Ends<'_>,
    findings: &mut Findings,
) {
    let (kind, key) = match &sync.model.query {
        ModelQuery::Sql { .. } => {
            (ModelKind::Sql, if ends.node.entry_at(&["model", "sql"]).is_some() { "sql" } else { "sql_file" })
        }
        ModelQuery::Table(_) => (ModelKind::Table, "table"),
        ModelQuery::File(_) => (ModelKind::File, "file"),
    };
    if models.contains(&kind) {
        return;
    }
    let can = models.iter().map(|kind| match kind {
        ModelKind::Sql => "sql or sql_file",
        ModelKind::Table => "table",
        ModelKind::File => "file",
    });
    let message = format!("'{key}' cannot be read from {} '{}'", spec.type_name, sync.source);
    findings.error(ends.key_place(&["model", key]), "not_supported", message).help(format!(
        "{} reads: {}",
        spec.type_name,
        list(can)
    ));
}

fn check_modes(
    sync: &Sync,
    spec: &ConnectorSpec,
    destination: &DestinationSpec,
    ends: &Ends<'_>,
    findings: &mut Findings,
) {
    let name = spec.type_name;
    if !destination.write_modes.contains(&sync.write_mode) {
        let modes = list(destination.write_modes.iter().map(|mode| mode.as_str()));
        let place = ends.place(&["write_mode"]);
        if sync.write_mode == WriteMode::TwoWay {
            findings.error(place, "not_available", "two-way sync is not available in this version").help(
                format!("use one of: {modes}; for edits on both sides, wait for a version that has two_way"),
            );
        } else {
            let message =
                format!("{name} '{}' cannot be written with {}", sync.target, sync.write_mode.as_str());
            findings.error(place, "not_supported", message).help(format!("{name} can: {modes}"));
        }
        return;
    }
    let removal = RemovalKind::of(&sync.on_removed);
    if sync.write_mode == WriteMode::Mirror && !destination.on_removed.contains(&removal) {
        let written = ends.is_written("on_removed");
        let place = if written { ends.place(&["on_removed"]) } else { ends.place(&["write_mode"]) };
        let message = match written {
            true => format!("{name} '{}' cannot {}", sync.target, removal_text(&sync.on_removed)),
            false => format!(
                "{name} '{}' cannot delete records, and this mirror does not say what else to do",
                sync.target
            ),
        };
        let can = list(destination.on_removed.iter().map(|kind| match kind {
            RemovalKind::Delete => "delete",
            RemovalKind::ClearFields => "clear_fields",
            RemovalKind::Flag => "{ flag: { field, value } }",
            RemovalKind::Ignore => "ignore",
        }));
        findings.error(place, "not_supported", message).help(format!("set on_removed to one of: {can}"));
    }
    let fallback = sync.on_match_change == OnMatchChange::Fail;
    if !fallback && !destination.on_match_change.contains(&sync.on_match_change) {
        let can = destination.on_match_change.iter().map(|choice| match choice {
            OnMatchChange::Fail => "fail",
            OnMatchChange::UpdateById => "update_by_id",
            OnMatchChange::Recreate => "recreate",
        });
        let message = format!("{name} '{}' cannot do this when a match value changes", sync.target);
        findings
            .error(ends.place(&["on_match_change"]), "not_supported", message)
            .help(format!("{name} can: {}", list(can)));
    }
    if ends.is_written("publish") && !destination.publish.contains(&sync.publish) {
        let can = destination.publish.iter().map(|way| match way {
            Publish::Atomic => "atomic",
            Publish::Progressive => "progressive",
        });
        let message = format!("{name} '{}' cannot publish like this", sync.target);
        findings
            .error(ends.place(&["publish"]), "not_supported", message)
            .help(format!("{name} can: {}", list(can)));
    }
}

fn check_fields(
    sync: &Sync,
    spec: &ConnectorSpec,
    destination: &DestinationSpec,
    ends: &Ends<'_>,
    findings: &mut Findings,
) {
    if destination.field_rules {
        return;
    }
    for field in &sync.mapping {
        let rules = [
            ("write", field.write != FieldWrite::Always, "always"),
            ("nulls", field.nulls != Nulls::Write, "write"),
        ];
        for (rule, broken, only) in rules {
            if broken {
                let place = ends.place(&["mapping", &field.field, rule]);
                let message = format!("{} '{}' always writes whole records", spec.type_name, sync.target);
                findings
                    .error(place, "not_supported", message)
                    .help(format!("it can only do `{rule}: {only}`; remove the rule"));
            }
        }
    }
}

fn check_batch(sync: &Sync, destination: &DestinationSpec, ends: &Ends<'_>, findings: &mut Findings) {
    if let Some(wanted) = sync.batch_size.filter(|wanted| *wanted > destination.batch_size_max) {
        let max = destination.batch_size_max;
        let message = format!("a chunk of {wanted} rows is more than the destination takes; {max} are used");
        findings.warning(ends.place(&["batch_size"]), "reduced", message).help(format!("write {max}"));
    }
}

fn removal_text(on_removed: &OnRemoved) -> &'static str {
    match on_removed {
        OnRemoved::Delete => "delete records",
        OnRemoved::ClearFields => "clear the fields of removed records",
        OnRemoved::Flag { .. } => "flag removed records",
        OnRemoved::Ignore => "leave removed records alone",
    }
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
