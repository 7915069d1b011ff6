//! Plays a past: a real server over the example, on a clock that jumps to whatever happens next.
//!
//! Nothing is written into the state but by that server. Runs take the time that they take; between them
//! nobody waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use syncline_core::{Error, Result, RunStatus};
use syncline_server::{Clocks, Server};
use syncline_store::{Catalog, Page};

use super::clock::PlayedClock;
use super::company::Company;
use super::progress::Progress;
use crate::remote::client::Client;

/// Longest that anything may take that the plot waits for, in real time.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long until the player looks again whether what is due has ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// More notices than a run can bring about.
const NOTICES_AT_ONCE: u64 = 10;

pub struct Player<'a> {
    pub company: Company,
    server: Server,
    store: Arc<dyn Catalog>,
    clock: Arc<PlayedClock>,
    url: String,
    progress: Progress<'a>,
}

/// Somebody who uses the API, and is named in the audit log.
pub struct Person {
    client: Client,
    pub token_id: String,
}

/// What the parts of a server at a played time are.
pub struct Stage {
    pub options: syncline_server::Options,
    pub clock: Arc<PlayedClock>,
}

impl Stage {
    /// `options` are those of the ordinary server.
    pub fn new(options: syncline_server::Options, first: Timestamp) -> Self {
        let clock = Arc::new(PlayedClock::new(first));
        let clocks = Clocks {
            engine: Arc::clone(&clock) as Arc<dyn syncline_engine::Clock>,
            scheduler: Arc::clone(&clock) as Arc<dyn syncline_scheduler::Clock>,
        };
        Self { options: syncline_server::Options { clocks, ..options }, clock }
    }
}

impl<'a> Player<'a> {
    /// Starts the server.
    pub async fn start(stage: Stage, company: Company, progress: Progress<'a>) -> Result<Self> {
        let store = Arc::clone(&stage.options.store);
        let server = Server::start(stage.options).await?;
        let address = server.address.ok_or_else(|| Error::internal("the played server does not listen"))?;
        Ok(Self { company, server, store, clock: stage.clock, url: format!("http://{address}"), progress })
    }

    pub async fn end(self) -> Result<()> {
        self.server.stop();
        self.server.ended().await?;
        self.progress.end();
        Ok(())
    }

    /// Runs so far, those among them that did not run.
    pub async fn runs(&self) -> Result<u64> {
        Ok(self.store.run_counts().await?.values().sum())
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The person at the machine, who has no token yet.
    pub fn first_person(&self) -> Result<Person> {
        let client = Client::new(&self.url, Some(self.server.local_token().to_string()))?;
        Ok(Person { client, token_id: "local".into() })
    }

    /// Gives somebody a token.
    pub async fn invite(&self, by: &Person, name: &str, role: &str, days: Option<u32>) -> Result<Person> {
        let wanted = json!({ "name": name, "role": role, "expires_in_days": days });
        let made = by.ask(Method::POST, &["tokens"], &wanted).await?;
        let text = |value: &Value| value.as_str().map(str::to_string);
        let (Some(secret), Some(token_id)) = (text(&made["secret"]), text(&made["id"])) else {
            return Err(Error::internal(format!("the new token of {name} is incomplete")));
        };
        Ok(Person { client: Client::new(&self.url, Some(secret))?, token_id })
    }

    /// Lets time pass until `at`: people work, and what is due runs when it is due.
    pub async fn until(&mut self, at: Timestamp) -> Result<()> {
        loop {
            self.settle().await?;
            self.deliver().await?;
            let next = self.store.next_due().await?.filter(|due| *due <= at);
            let next = next.unwrap_or(at);
            self.company.work_until(next)?;
            self.clock.jump(next);
            self.progress.show(next);
            if next >= at {
                return self.settle().await;
            }
        }
    }

    pub async fn pass(&mut self, time: SignedDuration) -> Result<()> {
        self.until(self.now() + time).await
    }

    /// Waits until everything that is due has run.
    async fn settle(&self) -> Result<()> {
        self.wait("what is due", async || {
            let nothing_is_due = self.store.due(self.clock.now(), 1).await?.is_empty();
            let counts = self.store.run_counts().await?;
            let open = [RunStatus::Queued, RunStatus::Starting, RunStatus::Running];
            Ok(nothing_is_due && open.iter().all(|status| counts.get(status).copied().unwrap_or(0) == 0))
        })
        .await
    }

    /// Waits until everybody was told who is to be told by now.
    async fn deliver(&self) -> Result<()> {
        self.wait("a notification", async || {
            let (latest, _) = self.store.notices(None, Page::first(NOTICES_AT_ONCE)).await?;
            let now = self.clock.now();
            Ok(!latest.iter().any(|notice| notice.next_attempt_at.is_some_and(|at| at <= now)))
        })
        .await
    }

    /// Waits until something of a run is as wished.
    pub async fn wait_for(&self, person: &Person, run: &str, is_so: impl Fn(&Value) -> bool) -> Result<()> {
        self.wait(run, async || Ok(is_so(&person.get(&["runs", run]).await?))).await
    }

    async fn wait(&self, what: &str, is_so: impl AsyncFn() -> Result<bool>) -> Result<()> {
        let began = Instant::now();
        while !is_so().await? {
            if began.elapsed() > PATIENCE {
                return Err(Error::internal(format!("{what} did not end in {} s", PATIENCE.as_secs())));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Runs a sync by hand, and gives the run as it ended.
    pub async fn run(&mut self, person: &Person, sync: &str, run_type: &str) -> Result<Value> {
        let id = person.trigger(sync, json!({ "type": run_type, "trigger": "manual" })).await?;
        self.settle().await?;
        person.get(&["runs", &id]).await
    }

    /// The latest run of a sync, checked to be what the plot says.
    pub async fn last(&self, person: &Person, sync: &str, status: &str) -> Result<Value> {
        let list: Value = person.get(&["syncs", sync, "runs"]).await?;
        let runs = list["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        let last = runs.iter().find(|run| run["status"] != "scheduled" && run["status"] != "not_run");
        match last {
            Some(run) if run["status"] == status => Ok(run.clone()),
            Some(run) => Err(Error::internal(format!(
                "{sync} should be {status} at {}, and is {}: {}",
                self.now(),
                run["status"],
                run["error"]
            ))),
            None => Err(Error::internal(format!("{sync} has no run at {}", self.now()))),
        }
    }
}

impl Person {
    pub async fn get(&self, path: &[&str]) -> Result<Value> {
        self.client.get(path).await
    }

    pub async fn find(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Vec<Value>> {
        let query: Vec<_> = query.iter().map(|(name, value)| (*name, Some((*value).to_string()))).collect();
        self.client.all(path, &query).await
    }

    pub async fn ask(&self, method: Method, path: &[&str], body: &Value) -> Result<Value> {
        self.client.send(method, path, body).await
    }

    /// Something that needs no words, like `syncs/crm.contact/activate`.
    pub async fn post(&self, path: &[&str]) -> Result<Value> {
        self.client.post(path).await
    }

    /// Queues a run, and gives its id.
    pub async fn trigger(&self, sync: &str, how: Value) -> Result<String> {
        let run = self.ask(Method::POST, &["syncs", sync, "trigger"], &how).await?;
        let id = run["id"].as_str().map(str::to_string);
        id.ok_or_else(|| Error::internal(format!("the new run of {sync} has no id")))
    }

    pub async fn revoke(&self, person: &Person) -> Result<()> {
        let _: Value = self.client.delete(&["tokens", &person.token_id]).await?;
        Ok(())
    }
}

/// The id of a run or letter.
pub fn id(value: &Value) -> Result<&str> {
    value["id"].as_str().ok_or_else(|| Error::internal(format!("this has no id: {value}")))
}
