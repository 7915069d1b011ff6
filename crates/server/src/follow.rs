//! What follows from the end of a run: its next fire or retry, the syncs after it, and who is told.

use std::sync::Arc;

use async_trait::async_trait;
use syncline_core::ids::uuid_at;
use syncline_core::{Result, Run};
use syncline_engine::Succession;
use syncline_scheduler::succession::is_retried;
use syncline_scheduler::{FollowUps, Successor};
use syncline_store::{FollowUp, Page, SyncState};

use crate::live::Live;
use crate::notify;

pub struct Follow {
    pub successor: Successor,
    pub live: Arc<Live>,
}

#[async_trait]
impl FollowUps for Follow {
    async fn follow_up(&self, run: &Run, state: Option<&SyncState>) -> Result<FollowUp> {
        let mut follow = self.successor.follow_up(run, state).await?;
        let channels = notify::Channel::of_project(&self.live.get().project);
        if channels.is_empty() || !run.run_type.writes() {
            return Ok(follow);
        }
        let filter = notify::earlier_filter(&run.sync_uid);
        let needed = Page::first(notify::earlier_needed(&channels));
        let (earlier, _) = self.successor.store.runs(&filter, needed).await?;
        let is_retried = is_retried(run, &follow);
        let now = self.successor.clock.now();
        let ended = notify::Ended { run, state, is_retried, earlier: &earlier, now };
        follow.notices = notify::decide(&ended, &channels, &|| uuid_at(now));
        Ok(follow)
    }
}

#[async_trait]
impl Succession for Follow {
    async fn follow_up(&self, run: &Run, state: Option<&SyncState>) -> Result<FollowUp> {
        FollowUps::follow_up(self, run, state).await
    }
}
