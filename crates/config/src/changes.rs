//! What is different between two versions of a project, so that a server acts on that alone.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use syncline_core::sync::ModelQuery;
use syncline_core::{Sync, SyncId};

use crate::made::ObjectKind;
use crate::project::Project;

/// The differences from an older to a newer version of a project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// New syncs. One with `renamed_from` may take over from one in `removed`.
    pub added: Vec<SyncId>,
    pub removed: Vec<SyncId>,
    pub changed: Vec<SyncChange>,
    pub connections: NameChanges,
    pub notifications: NameChanges,
    /// `settings` or `lookups`.
    pub settings: bool,
}

/// What is different about a sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncChange {
    pub id: SyncId,
    /// When it runs.
    pub schedule: bool,
    /// What a run does. Where in the files it is written is no part of that, nor are tags, the
    /// schedule, and whether it is active at first sight.
    pub definition: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameChanges {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Project {
    /// What is different in a newer version.
    pub fn diff(&self, newer: &Project) -> Changes {
        let (old, new) = (by_id(self), by_id(newer));
        let changed = new.iter().filter_map(|(id, new)| {
            let old = old.get(id)?;
            let schedule = old.schedule != new.schedule;
            let definition = definition(old) != definition(new);
            (schedule || definition).then(|| SyncChange { id: (*id).clone(), schedule, definition })
        });
        Changes {
            added: new.keys().filter(|id| !old.contains_key(*id)).map(|id| (*id).clone()).collect(),
            removed: old.keys().filter(|id| !new.contains_key(*id)).map(|id| (*id).clone()).collect(),
            changed: changed.collect(),
            connections: names(self, newer, ObjectKind::Connection),
            notifications: names(self, newer, ObjectKind::Notification),
            settings: self.settings != newer.settings || self.lookups != newer.lookups,
        }
    }
}

fn by_id(project: &Project) -> BTreeMap<&SyncId, &Sync> {
    project.syncs.iter().map(|sync| (&sync.id, sync)).collect()
}

fn definition(sync: &Sync) -> Sync {
    let mut sync = Sync { active: true, tags: Vec::new(), schedule: None, ..sync.clone() };
    if let ModelQuery::Sql { origin, .. } = &mut sync.model.query {
        origin.clear();
    }
    sync
}

fn names(older: &Project, newer: &Project, kind: ObjectKind) -> NameChanges {
    let (old, new) = (older.documents(kind), newer.documents(kind));
    let only = |these: &BTreeMap<String, Json>, others: &BTreeMap<String, Json>| {
        these.keys().filter(|name| !others.contains_key(*name)).cloned().collect()
    };
    let differs = |(name, document): &(&String, &Json)| old.get(*name).is_some_and(|old| old != *document);
    NameChanges {
        added: only(&new, &old),
        removed: only(&old, &new),
        changed: new.iter().filter(differs).map(|(name, _)| name.clone()).collect(),
    }
}
