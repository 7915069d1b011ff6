//! Definitions for this crate's unit tests.

use std::time::Duration;

use arrow::datatypes::SchemaRef;
use jiff::Timestamp;
use syncline_connector::ObjectDescription;
use syncline_core::sync::*;
use syncline_core::{SyncId, SyncUid};
use syncline_store::{SyncRecord, SyncState};

use crate::transform::Transform;

/// A mirror of one table by its id, with a cursor, and its record as first seen.
pub fn sync_with_cursor() -> (Sync, SyncRecord) {
    let id = SyncId::new("crm", "contact");
    let sync = Sync {
        id: id.clone(),
        renamed_from: None,
        active: true,
        tags: Vec::new(),
        source: "warehouse".into(),
        target: "crm".into(),
        model: Model {
            query: ModelQuery::Table("customers".into()),
            key: vec!["id".into()],
            cursor: Some("updated_at".into()),
            timeout: Duration::from_secs(60),
        },
        to: Target { object: "contact".into(), match_fields: vec!["id".into()] },
        write_mode: WriteMode::Mirror,
        on_removed: OnRemoved::Delete,
        on_match_change: OnMatchChange::Fail,
        mapping: Vec::new(),
        exclude: None,
        excluded_keys: Vec::new(),
        duplicates: Duplicates::Fail,
        delete_adopted: false,
        full_read_every: Duration::from_secs(86_400),
        publish: Publish::Atomic,
        schedule: None,
        guards: Guards::default(),
        halt: Halt::default(),
        store_values: StoreValues::Full,
        schema_change: SchemaChange::Fail,
        batch_size: None,
        plan_ttl: Duration::from_secs(3_600),
        lookback: Duration::from_secs(600),
        duplicates_accepted: false,
    };
    let record = SyncRecord {
        uid: SyncUid::from_stored("sync_1"),
        id,
        state: SyncState::Active,
        seed: 1,
        cursor: None,
        generation: 0,
        created_at: Timestamp::UNIX_EPOCH,
        last_full_read_at: None,
        config_hash: None,
    };
    (sync, record)
}

/// The sync's mapping of a model to a target that takes everything.
pub fn transform_of(sync: &Sync, model: &SchemaRef) -> Transform {
    let object = ObjectDescription {
        fields: Vec::new(),
        open_schema: true,
        unique_keys: Vec::new(),
        not_writable: None,
        identity: String::new(),
        incarnation: String::new(),
    };
    match Transform::compile(sync, model, &object, Default::default()) {
        Ok(transform) => transform,
        Err(problems) => panic!("{problems:?}"),
    }
}
