//! The demo's workspace: four weeks that were really played, and what the API of a server over them says.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

fn demo(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
    // Neither may lead the demo to another project.
    command.args(["demo", "workspace"]).args(args).current_dir(folder);
    command.env("SYNCLINE_PROJECT", "/nowhere").env("SYNCLINE_STATE", "/nowhere");
    command
}

/// A server over a workspace, and who asks it.
struct Served {
    server: Child,
    url: String,
    token: String,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Served {
    /// Serves what was made before; the link that the demo prints leads to it.
    fn again(folder: &Path) -> Self {
        let mut server =
            demo(folder, &["--again"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut link = None;
        for line in BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap) {
            link = link.or(line.trim().split_once("/#token=").map(|(u, t)| (u.to_string(), t.to_string())));
            if line.starts_with("Orders come in") {
                break;
            }
        }
        let (url, token) = link.expect("a link that signs in");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Self { server, url, token, runtime, client: reqwest::Client::new() }
    }

    fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}/api/v1/{path}", self.url)).bearer_auth(&self.token);
        let text = self.runtime.block_on(async {
            request.send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
        });
        serde_json::from_str(&text).unwrap()
    }

    fn all(&self, path: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let page = all.len() / 200 + 1;
            let joint = if path.contains('?') { '&' } else { '?' };
            let list = self.get(&format!("{path}{joint}per_page=200&page={page}"));
            let data = list["data"].as_array().unwrap();
            all.extend(data.iter().cloned());
            if data.len() < 200 {
                return all;
            }
        }
    }

    #[cfg(unix)]
    fn end(mut self) {
        Command::new("kill").args(["-TERM", &self.server.id().to_string()]).status().unwrap();
        assert_eq!(self.server.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.server.kill();
    }
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap_or_else(|| panic!("{value} is no time")).parse().unwrap()
}

fn texts<'a>(values: &'a [Value], name: &str) -> BTreeSet<&'a str> {
    values.iter().filter_map(|value| value[name].as_str()).collect()
}

#[cfg(unix)]
#[test]
fn the_demo_opens_on_four_weeks_that_were_really_played() {
    let temporary = tempfile::tempdir().unwrap();
    let played = demo(temporary.path(), &["--no-tour"]).output().unwrap();
    let shown = String::from_utf8_lossy(&played.stdout);
    let beside = String::from_utf8_lossy(&played.stderr);
    assert_eq!((played.status.code(), &*beside), (Some(0), ""), "{shown}");
    assert!(shown.contains("What to try next"), "{shown}");

    let served = Served::again(temporary.path());
    let runs = served.all("runs");
    statuses_are_many(&runs);
    runs_are_believable(&runs);
    runs_by_schedule_wait_from_when_they_are_due(&served, &runs);
    someone_is_needed(&served, &runs);
    syncs_are_of_all_sorts(&served, &runs);
    trends_show_what_happened(&served);
    people_left_traces(&served);
    served.end();
}

fn statuses_are_many(runs: &[Value]) {
    let statuses = texts(runs, "status");
    for status in ["completed", "failed", "source_failure", "cancelled", "held", "not_run", "scheduled"] {
        assert!(statuses.contains(status), "no run is {status}: {statuses:?}");
    }
    assert!(runs.iter().any(|r| r["status"] == "completed" && r["rows_failed"] != 0), "with errors");
    let types = texts(runs, "type");
    assert!(types.is_superset(&BTreeSet::from(["sync", "one_time", "test", "seed", "replay"])), "{types:?}");
    let triggers = texts(runs, "trigger");
    assert!(triggers.is_superset(&BTreeSet::from(["schedule", "manual", "api", "retry", "upstream"])));
}

fn runs_are_believable(runs: &[Value]) {
    assert!((250..600).contains(&runs.len()), "{} runs", runs.len());
    let now = Timestamp::now();
    let began: Vec<Timestamp> =
        runs.iter().filter(|r| r["started_at"].is_string()).map(|r| time(&r["started_at"])).collect();
    let first = began.iter().min().unwrap();
    assert!(now.duration_since(*first) >= SignedDuration::from_hours(21 * 24), "since {first}");
    for run in runs {
        assert!(time(&run["created_at"]) <= now, "in the future: {run}");
        for moment in ["started_at", "completed_at"] {
            assert!(run[moment].is_null() || time(&run[moment]) <= now, "in the future: {run}");
        }
        if run["completed_at"].is_string() && run["started_at"].is_string() {
            assert!(run["started_at"].as_str() <= run["completed_at"].as_str(), "{run}");
            let count = |name: &str| run[name].as_u64().unwrap();
            let parts = ["rows_created", "rows_updated", "rows_skipped", "rows_failed", "rows_not_attempted"];
            assert_eq!(count("rows_processed"), parts.map(count).iter().sum::<u64>(), "{run}");
        }
    }
}

fn runs_by_schedule_wait_from_when_they_are_due(served: &Served, runs: &[Value]) {
    let daily = runs.iter().filter(|run| {
        run["sync_id"] == "shop.product" && run["trigger"] == "schedule" && run["status"] == "completed"
    });
    let mut looked_at = 0;
    for run in daily.take(10) {
        let run = served.get(&format!("runs/{}", run["id"].as_str().unwrap()));
        assert!(run["durations"]["waiting"].as_f64().unwrap() < 3_600.0, "{run}");
        looked_at += 1;
    }
    assert_eq!(looked_at, 10);
}

fn someone_is_needed(served: &Served, runs: &[Value]) {
    let held: Vec<&Value> = runs.iter().filter(|run| run["status"] == "held").collect();
    assert_eq!(held.len(), 1, "{held:?}");
    let held = served.get(&format!("runs/{}", held[0]["id"].as_str().unwrap()));
    assert!(held["guards"].as_array().unwrap().iter().any(|guard| guard["tripped"] == true), "{held}");

    let groups = served.all("dead-letters/groups?state=open");
    assert!(groups.len() >= 5, "{groups:?}");
    let letters: Vec<Value> = ["open", "ignored", "resolved_auto", "resolved_replay"]
        .iter()
        .flat_map(|state| {
            let found = served.all(&format!("dead-letters?state={state}"));
            assert!(!found.is_empty(), "no letter is {state}");
            found
        })
        .collect();
    let fields = texts(&letters, "field");
    assert!(fields.len() >= 4, "{fields:?}");
}

fn syncs_are_of_all_sorts(served: &Served, runs: &[Value]) {
    let syncs = served.all("syncs");
    let state = |id: &str| {
        let sync = syncs.iter().find(|sync| sync["id"] == id).unwrap_or_else(|| panic!("no {id}"));
        sync["state"].as_str().unwrap_or_default().to_string()
    };
    assert_eq!(state("crm.contact"), "active");
    assert_eq!(state("crm.lead"), "inactive");
    assert_eq!(state("billing.subscription"), "halted");
    // On its way: tested, sent once, tested again without a change.
    assert_eq!(state("billing.invoice"), "inactive");
    let way: Vec<&Value> = runs.iter().rev().filter(|run| run["sync_id"] == "billing.invoice").collect();
    assert_eq!(
        way.iter().map(|run| run["type"].as_str().unwrap()).collect::<Vec<_>>(),
        ["test", "one_time", "test"]
    );
    assert!(way[0]["rows_created"].as_u64() > Some(100), "{}", way[0]);
    assert_eq!((way[2]["rows_created"].as_u64(), way[2]["rows_updated"].as_u64()), (Some(0), Some(0)));
    let kinds: BTreeSet<String> = served
        .all("schedules")
        .iter()
        .flat_map(|schedule| schedule["schedule"].as_object().cloned().unwrap_or_default())
        .filter(|(_, value)| !value.is_null())
        .map(|(kind, _)| kind)
        .collect();
    assert!(["every_seconds", "cron", "after"].iter().all(|kind| kinds.contains(*kind)), "{kinds:?}");
}

fn trends_show_what_happened(served: &Served) {
    let flags = |sync: &str| {
        let trends = served.get(&format!("syncs/{sync}/trends?runs=100"));
        let points = trends["points"].as_array().unwrap().clone();
        let flags: BTreeSet<String> = points
            .iter()
            .flat_map(|point| point["flags"].as_array().unwrap())
            .map(|flag| flag["kind"].as_str().unwrap().to_string())
            .collect();
        (points, flags)
    };
    let (points, found) = flags("crm.contact");
    assert!(found.contains("error_rate_rise"), "{found:?}");
    let rows = |point: &Value| point["rows_processed"].as_u64().unwrap();
    assert!(rows(&points[0]) > rows(&points[points.len() - 1]), "customers become more");
    let (_, found) = flags("crm.order");
    assert!(found.contains("rows_spike"), "{found:?}");
}

fn people_left_traces(served: &Served) {
    let tokens = served.all("tokens");
    assert!(tokens.len() >= 5, "{tokens:?}");
    assert!(tokens.iter().any(|token| token["revoked_at"].is_string()));
    let now = Timestamp::now();
    assert!(tokens.iter().any(|t| t["expires_at"].is_string() && time(&t["expires_at"]) < now));
    let audit = served.all("audit");
    assert!(audit.len() >= 40, "{} records", audit.len());
    let who = texts(&audit, "actor_name");
    assert!(who.is_superset(&BTreeSet::from(["Ada Lindqvist", "Jonas Weber"])), "{who:?}");
    assert_eq!(served.get("audit/verify")["intact"], true);
    let deliveries = served.all("notifications/deliveries");
    assert!(deliveries.len() >= 5 && deliveries.iter().all(|d| d["state"] == "delivered"), "{deliveries:?}");
}
