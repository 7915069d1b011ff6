//! Both servers take part of the work, and nothing is done twice.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::world::{Kind, World, events_until_over, status_of, trigger};

#[test]
fn two_servers_share_forty_syncs_and_each_runs_once() {
    let kinds: Vec<Kind> = Kind::WRITERS.into_iter().cycle().take(40).collect();
    let mut world = World::of(&kinds);
    // Long enough that one server cannot be through before the other has begun.
    let servers = [0, 1].map(|machine| world.serve_failing(machine, "engine.run.started=sleep(200)"));
    let mut asked = BTreeSet::new();
    for (n, sync) in world.syncs().iter().enumerate() {
        asked.insert(trigger(&servers[n % 2].client, sync, json!({})));
    }
    let mut workers = BTreeSet::new();
    for run in &asked {
        let ended = servers[0].client.ended(run);
        assert_eq!((&ended["status"], &ended["takeovers"]), (&json!("completed"), &json!(0)), "{ended}");
        workers.insert(ended["worker"].to_string());
    }
    assert_eq!(workers.len(), 2, "both servers work: {workers:?}");
    world.assert_delivered(&["old"]);

    // Each began once and ended once.
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events_until_over(&servers[1].client, &asked) {
        let Some((run, status)) = status_of(&event) else { continue };
        let statuses = told.entry(run.to_string()).or_default();
        // A running run tells of each of its phases.
        if statuses.last().is_none_or(|last| last != status) {
            statuses.push(status.to_string());
        }
    }
    assert!(told.keys().eq(&asked));
    for (run, statuses) in &told {
        assert_eq!(*statuses, ["queued", "starting", "running", "completed"], "{run}");
    }
    world.assert_settled(&servers[1].client);
}

#[test]
fn a_server_that_waits_takes_what_another_one_has_no_room_for() {
    let mut world = World::of(&[Kind::Upsert; 4]);
    let busy = world.serve_with(0, "engine.run.started=sleep(60000)", &["--parallel", "1"]);
    let runs: Vec<String> = world.syncs().iter().map(|sync| trigger(&busy.client, sync, json!({}))).collect();
    busy.client.until(&format!("/runs/{}", runs[0]), |run| run["status"] == "running");
    let free = world.serve(1);
    for run in &runs[1..] {
        assert_eq!(free.client.ended(run)["status"], "completed");
    }
    assert_eq!(busy.client.get(&format!("/runs/{}", runs[0])).expect(200)["status"], "running");
}
