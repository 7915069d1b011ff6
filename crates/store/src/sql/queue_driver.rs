//! The contract of the queue, kept by whatever runs transactions.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_core::{Result, Run, RunId, SyncUid};

use super::{Backend, claims, follow, overviews, queue};
use crate::{
    Activation, Candidate, Claim, Claimed, Enqueued, Fire, Fired, FollowUp, Queue, Renewed, SyncRecord,
    SyncState,
};

#[async_trait]
impl<B: Backend + 'static> Queue for B {
    async fn enqueue(&self, run: &Run) -> Result<Enqueued> {
        let run = run.clone();
        self.write(move |tx| queue::enqueue(tx, &run)).await
    }

    async fn candidates(&self, limit: u64, passed_over: &[RunId]) -> Result<Vec<Candidate>> {
        let passed_over = passed_over.to_vec();
        self.read(move |tx| queue::candidates(tx, limit, &passed_over)).await
    }

    async fn claim(&self, id: &RunId, claim: &Claim) -> Result<Claimed> {
        let (id, claim) = (id.clone(), claim.clone());
        self.write(move |tx| claims::claim(tx, &id, &claim)).await
    }

    async fn renew(&self, worker: &str, runs: &[(RunId, u64)], ttl: Duration) -> Result<Renewed> {
        let (worker, runs) = (worker.to_string(), runs.to_vec());
        self.write(move |tx| claims::renew(tx, &worker, &runs, ttl)).await
    }

    async fn expired_leases(&self, grace: Duration) -> Result<Vec<Run>> {
        self.read(move |tx| claims::expired(tx, grace)).await
    }

    async fn take_over(
        &self,
        id: &RunId,
        worker: &str,
        ttl: Duration,
        grace: Duration,
        counts: bool,
    ) -> Result<Run> {
        let (id, worker) = (id.clone(), worker.to_string());
        self.write(move |tx| claims::take_over(tx, &id, &worker, ttl, grace, counts)).await
    }

    async fn due(&self, now: Timestamp, limit: u64) -> Result<Vec<Run>> {
        self.read(move |tx| queue::due(tx, now, limit)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>> {
        self.read(queue::next_due).await
    }

    async fn fire(&self, fires: &[Fire], now: Timestamp) -> Result<Vec<Fired>> {
        let fires = fires.to_vec();
        self.write(move |tx| queue::fire(tx, &fires, now)).await
    }

    async fn unscheduled(&self) -> Result<Vec<SyncRecord>> {
        self.read(follow::unscheduled).await
    }

    async fn fires(&self, syncs: &[SyncUid], limit: u64) -> Result<HashMap<SyncUid, Vec<Run>>> {
        let syncs = syncs.to_vec();
        self.read(move |tx| overviews::fires(tx, &syncs, limit)).await
    }

    async fn reschedule(&self, next: &[(SyncUid, Option<Run>)]) -> Result<()> {
        if next.is_empty() {
            return Ok(());
        }
        let next = next.to_vec();
        self.write(move |tx| {
            next.iter().try_for_each(|(uid, next)| follow::reschedule(tx, uid, next.as_ref()))
        })
        .await
    }

    async fn set_activation(
        &self,
        uid: &SyncUid,
        state: &SyncState,
        next: Option<&Run>,
        now: Timestamp,
    ) -> Result<Activation> {
        let (uid, state, next) = (uid.clone(), state.clone(), next.cloned());
        self.write(move |tx| follow::set_state(tx, &uid, &state, next.as_ref(), now)).await
    }

    async fn request_cancel(&self, id: &RunId, follow: &FollowUp, now: Timestamp) -> Result<Run> {
        let (id, follow) = (id.clone(), follow.clone());
        self.write(move |tx| queue::request_cancel(tx, &id, &follow, now)).await
    }

    async fn held_since(&self, planned_before: Timestamp) -> Result<Vec<Run>> {
        self.read(move |tx| queue::held_since(tx, planned_before)).await
    }

    async fn pin(&self, run: &Run, config: &str) -> Result<()> {
        let (run, config) = (run.clone(), config.to_string());
        self.write(move |tx| queue::pin(tx, &run, &config)).await
    }
}
