//! Definitions for tests.

use std::time::Duration;

use jiff::Timestamp;
use syncline_core::sync::*;
use syncline_core::{Sync, SyncId};

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn id(entity: &str) -> SyncId {
    SyncId::new("crm", entity)
}

pub fn every(seconds: u64) -> Schedule {
    schedule(When::Every(Duration::from_secs(seconds)))
}

pub fn cron(expression: &str, timezone: &str) -> Schedule {
    schedule(When::Cron { expression: expression.into(), timezone: timezone.into() })
}

pub fn after(entity: &str) -> Schedule {
    schedule(When::After(id(entity)))
}

pub fn skipping(schedule: Schedule) -> Schedule {
    Schedule { overlap: Overlap::Skip, ..schedule }
}

fn schedule(when: When) -> Schedule {
    Schedule { when, jitter: Duration::ZERO, overlap: Overlap::QueueOne }
}

pub fn sync(entity: &str, schedule: Option<Schedule>) -> Sync {
    Sync {
        id: id(entity),
        renamed_from: None,
        active: true,
        tags: Vec::new(),
        source: "warehouse".into(),
        target: "crm".into(),
        model: Model {
            query: ModelQuery::Table(entity.into()),
            key: vec!["id".into()],
            cursor: None,
            timeout: Duration::from_secs(60),
        },
        to: Target { object: entity.into(), match_fields: vec!["id".into()] },
        write_mode: WriteMode::Upsert,
        on_removed: OnRemoved::Ignore,
        on_match_change: OnMatchChange::Fail,
        mapping: Vec::new(),
        exclude: None,
        excluded_keys: Vec::new(),
        duplicates: Duplicates::Fail,
        delete_adopted: false,
        full_read_every: Duration::from_secs(86_400),
        publish: Publish::Atomic,
        schedule,
        guards: Guards::default(),
        halt: Halt::default(),
        store_values: StoreValues::Full,
        schema_change: SchemaChange::Fail,
        batch_size: None,
        plan_ttl: Duration::from_secs(3_600),
        lookback: Duration::from_secs(600),
        duplicates_accepted: false,
    }
}
