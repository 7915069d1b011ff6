//! The contract of the catalog, kept by whatever runs transactions.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use syncline_core::{Result, RunId, RunStatus, SyncId};

use super::{Backend, audit, events, figures, notices, objects, overviews, progress, requests, sync_figures};
use crate::{
    Answer, AuditEntry, AuditFilter, AuditRecord, Begun, Catalog, Delivery, Event, Health, LetterFilter,
    LetterGroup, NewNotice, Notice, Object, Page, Recent, SyncFigures, SyncOverview, SyncSchedule,
};

#[async_trait]
impl<B: Backend + 'static> Catalog for B {
    async fn put_object(&self, object: &Object, expected: Option<u64>, now: Timestamp) -> Result<u64> {
        let object = object.clone();
        self.write(move |tx| objects::put(tx, &object, expected, now)).await
    }

    async fn object(&self, kind: &str, id: &str) -> Result<Option<Object>> {
        let (kind, id) = (kind.to_string(), id.to_string());
        self.read(move |tx| objects::get(tx, &kind, &id)).await
    }

    async fn objects(&self, kind: &str) -> Result<Vec<Object>> {
        let kind = kind.to_string();
        self.read(move |tx| objects::all(tx, &kind)).await
    }

    async fn remove_object(&self, kind: &str, id: &str) -> Result<bool> {
        let (kind, id) = (kind.to_string(), id.to_string());
        self.write(move |tx| objects::remove(tx, &kind, &id)).await
    }

    async fn audit(&self, entry: &AuditEntry) -> Result<AuditRecord> {
        let entry = entry.clone();
        self.write(move |tx| audit::append(tx, &entry)).await
    }

    async fn audit_log(&self, filter: &AuditFilter, page: Page) -> Result<(Vec<AuditRecord>, u64)> {
        let filter = filter.clone();
        self.read(move |tx| audit::list(tx, &filter, page)).await
    }

    async fn verify_audit(&self) -> Result<Option<u64>> {
        self.read(audit::verify).await
    }

    async fn begin_request(&self, key: &str, fingerprint: &str, now: Timestamp) -> Result<Begun> {
        let (key, fingerprint) = (key.to_string(), fingerprint.to_string());
        self.write(move |tx| requests::begin(tx, &key, &fingerprint, now)).await
    }

    async fn finish_request(&self, key: &str, answer: Option<&Answer>) -> Result<()> {
        let (key, answer) = (key.to_string(), answer.cloned());
        self.write(move |tx| requests::finish(tx, &key, answer.as_ref())).await
    }

    async fn events(&self, after: u64, run: Option<&RunId>, limit: u64) -> Result<Vec<Event>> {
        number_events(self).await?;
        let run = run.cloned();
        self.read(move |tx| events::after(tx, after, run.as_ref(), limit)).await
    }

    async fn event_bounds(&self) -> Result<(u64, u64)> {
        number_events(self).await?;
        self.read(events::bounds).await
    }

    async fn add_event(&self, kind: &str, data: &Value, now: Timestamp) -> Result<()> {
        let (kind, data) = (kind.to_string(), data.clone());
        self.write(move |tx| events::add(tx, &kind, &data, now)).await
    }

    async fn save_progress(&self, run: &RunId, progress: &Value) -> Result<()> {
        let (run, progress) = (run.clone(), progress.clone());
        self.write(move |tx| progress::save(tx, &run, &progress)).await
    }

    async fn progress(&self, run: &RunId) -> Result<Option<Value>> {
        let run = run.clone();
        self.read_live(move |tx| progress::get(tx, &run)).await
    }

    async fn due_notices(&self, now: Timestamp, limit: u64, lease: Duration) -> Result<Vec<Notice>> {
        self.write(move |tx| notices::take_due(tx, now, limit, lease)).await
    }

    async fn settle_notice(&self, id: &str, delivery: &Delivery) -> Result<()> {
        let (id, delivery) = (id.to_string(), delivery.clone());
        self.write(move |tx| notices::settle(tx, &id, &delivery)).await
    }

    async fn notices(&self, channel: Option<&str>, page: Page) -> Result<(Vec<Notice>, u64)> {
        let channel = channel.map(str::to_string);
        self.read(move |tx| notices::list(tx, channel.as_deref(), page)).await
    }

    async fn add_notice(&self, notice: &NewNotice) -> Result<()> {
        let notice = notice.clone();
        self.write(move |tx| notices::add(tx, &notice)).await
    }

    async fn sync_overviews(&self, ids: &[SyncId]) -> Result<Vec<SyncOverview>> {
        let ids = ids.to_vec();
        self.read(move |tx| overviews::of(tx, &ids)).await
    }

    async fn recent_runs(&self, ids: &[SyncId], runs: u64) -> Result<Vec<Recent>> {
        let ids = ids.to_vec();
        self.read(move |tx| overviews::recent(tx, &ids, runs)).await
    }

    async fn sync_schedules(
        &self,
        ids: &[SyncId],
        missed_since: Timestamp,
        missed: u64,
    ) -> Result<Vec<SyncSchedule>> {
        let ids = ids.to_vec();
        self.read(move |tx| overviews::schedules(tx, &ids, missed_since, missed)).await
    }

    async fn health(&self, since: Timestamp, seconds: u64) -> Result<Health> {
        self.read(move |tx| figures::health(tx, since, seconds)).await
    }

    async fn sync_figures(&self, since: Timestamp) -> Result<Vec<SyncFigures>> {
        self.read(move |tx| sync_figures::since(tx, since)).await
    }

    async fn run_counts(&self) -> Result<BTreeMap<RunStatus, u64>> {
        self.read(figures::run_counts).await
    }

    async fn letter_groups(&self, filter: &LetterFilter, page: Page) -> Result<(Vec<LetterGroup>, u64)> {
        let filter = filter.clone();
        self.read(move |tx| figures::letter_groups(tx, &filter, page)).await
    }
}

/// Gives committed events their numbers, where they wait for them.
pub async fn number_events(backend: &impl Backend) -> Result<()> {
    match backend.read(events::unnumbered).await? {
        true => backend.write(events::number).await,
        false => Ok(()),
    }
}
