//! What one sync says about another: upstreams, renames, cycles.

use std::collections::{BTreeMap, BTreeSet};

use syncline_core::{Sync, SyncId};

use crate::node::{Entry, Node};
use crate::source::{Findings, Span};
use crate::{order, suggest};

/// Checks all syncs of a project. `instances` are the documents that are judged, by instance; syncs
/// of others were judged before, and only count as there. What is wrong is told by sync.
pub(crate) fn check(syncs: &[&Sync], instances: &BTreeMap<&str, &Node>) -> Vec<(SyncId, Findings)> {
    let judged = Judged { instances };
    let ids: BTreeSet<&SyncId> = syncs.iter().map(|sync| &sync.id).collect();
    let mut wrong = Vec::new();
    let mut renamed: BTreeMap<&SyncId, &SyncId> = BTreeMap::new();
    for sync in syncs {
        let mut findings = Findings::default();
        if let (Some(after), Some(span)) =
            (order::upstream(sync), judged.value(&sync.id, &["schedule", "after"]))
            && !ids.contains(after)
        {
            findings
                .error(span, "unknown_sync", format!("there is no sync '{after}'"))
                .maybe_help(suggest::advice(after.as_str(), ids.iter().map(|id| id.as_str())));
        }
        if let Some(old) = &sync.renamed_from {
            let first = *renamed.entry(old).or_insert(&sync.id);
            if let Some(span) = judged.value(&sync.id, &["renamed_from"]) {
                check_rename(sync, old, first, ids.contains(old), span, &mut findings);
            }
        }
        if !findings.is_empty() {
            wrong.push((sync.id.clone(), findings));
        }
    }
    wrong.extend(replaced(syncs, &judged));
    wrong.extend(in_cycles(syncs, &judged));
    wrong
}

fn check_rename(
    sync: &Sync,
    old: &SyncId,
    first: &SyncId,
    exists: bool,
    span: Span,
    findings: &mut Findings,
) {
    if exists {
        findings
            .error(span, "invalid_value", format!("the sync '{old}' still exists, so it was not renamed"))
            .help("remove this line, or the other sync");
    } else if *first != sync.id {
        findings.error(span, "invalid_value", format!("'{first}' was renamed from '{old}' too"));
    }
}

/// Syncs that are still there although one that was judged before has taken over their memory.
fn replaced(syncs: &[&Sync], judged: &Judged<'_>) -> Vec<(SyncId, Findings)> {
    let mut wrong = Vec::new();
    for heir in syncs.iter().filter(|sync| judged.entity(&sync.id).is_none()) {
        let Some(old) = &heir.renamed_from else { continue };
        let Some(entry) = judged.entity(old) else { continue };
        let mut findings = Findings::default();
        findings
            .error(
                entry.key_span,
                "renamed",
                format!("the sync '{}' says that it was renamed from this", heir.id),
            )
            .help("remove this one, or `renamed_from` there");
        wrong.push((old.clone(), findings));
    }
    wrong
}

fn in_cycles(syncs: &[&Sync], judged: &Judged<'_>) -> Vec<(SyncId, Findings)> {
    let mut wrong = Vec::new();
    for cycle in order::cycles(syncs) {
        let Some(first) = cycle.first() else { continue };
        let Some(span) = judged.value(first, &["schedule", "after"]) else { continue };
        let chain: Vec<&str> = cycle.iter().chain(cycle.first()).map(SyncId::as_str).collect();
        let mut findings = Findings::default();
        findings
            .error(span, "cycle", format!("these syncs wait for each other: {}", chain.join(" after ")))
            .help("give one of them a schedule of its own");
        wrong.push((first.clone(), findings));
    }
    wrong
}

struct Judged<'a> {
    instances: &'a BTreeMap<&'a str, &'a Node>,
}

impl<'a> Judged<'a> {
    fn entity(&self, id: &SyncId) -> Option<&'a Entry> {
        self.instances.get(id.instance())?.entry_at(&["entities", id.entity()])
    }

    /// The place of a value of a sync.
    fn value(&self, id: &SyncId, path: &[&str]) -> Option<Span> {
        Some(self.entity(id)?.node.entry_at(path)?.node.span)
    }
}
