//! What is done at one server, seen and carried out by the other.

use std::collections::BTreeSet;

use serde_json::json;
use syncline_tests::databases::{Database, Postgres};

use crate::world::{Kind, World, events_until_over, runs, status_of, trigger, until_writing};

#[test]
fn a_run_of_one_server_is_told_by_the_other_with_its_figures() {
    let mut world = World::of(&[Kind::AppendProgressive]);
    let sync = &world.syncs()[0];
    let works = world.serve_failing(0, "engine.chunk.written=sleep(1000)");
    let run = trigger(&works.client, sync, json!({}));
    until_writing(&works.client, &run);
    let tells = world.serve_with(1, "", &["--parallel", "1"]);
    let events = events_until_over(&tells.client, &BTreeSet::from([run.clone()]));
    let mut statuses: Vec<_> = events.iter().filter_map(status_of).map(|(_, status)| status).collect();
    statuses.dedup();
    assert_eq!(statuses, ["queued", "starting", "running", "completed"]);
    let figures: Vec<_> = events.iter().filter(|event| event.kind == "progress").collect();
    let sent = |event: &&&syncline_tests::server::Event| event.data["sent"].as_u64() > Some(0);
    assert!(figures.iter().any(|event| event.data["total_discovered"] == 30), "{figures:?}");
    assert!(figures.iter().filter(sent).count() > 1, "they go on: {figures:?}");
    assert_eq!(tells.client.get(&format!("/runs/{run}")).expect(200)["takeovers"], 0);
}

#[test]
fn a_token_that_is_revoked_at_one_server_is_refused_by_the_other_at_once() {
    let mut world = World::of(&[Kind::Upsert]);
    let (here, there) = (world.serve(0), world.serve(1));
    let made = here.client.post("/tokens", json!({ "name": "guest", "role": "viewer" })).expect(201);
    let guest = there.client.with_token(made["secret"].as_str().expect("a secret"));
    guest.get("/syncs").expect(200);
    let id = made["id"].as_str().expect("an id");
    here.client.send("DELETE", &format!("/tokens/{id}"), &[], None).expect(200);
    assert_eq!(guest.get("/syncs").status, 401);
}

#[test]
fn a_run_of_one_server_is_cancelled_at_the_other() {
    let mut world = World::of(&[Kind::AppendProgressive]);
    let sync = &world.syncs()[0];
    let works = world.serve_failing(0, "engine.chunk.written=sleep(5000)");
    let run = trigger(&works.client, sync, json!({}));
    until_writing(&works.client, &run);
    let other = world.serve(1);
    other.client.post(&format!("/runs/{run}/cancel"), json!(null)).expect(202);
    let ended = other.client.ended(&run);
    assert_eq!((&ended["status"], &ended["takeovers"]), (&json!("cancelled"), &json!(0)), "{ended}");
    works.kill();
    assert_eq!(other.client.run(sync, json!({}))["status"], "completed");
    world.assert_delivered(&["old"]);
}

#[test]
fn a_sync_that_is_activated_at_one_server_fires_while_any_lives() {
    let mut world = World::with(&[Kind::Upsert], "schedule: { every: 1s }\n", Postgres::new());
    let sync = &world.syncs()[0];
    let (first, second) = (world.serve(0), world.serve(1));
    first.client.post(&format!("/syncs/{sync}/activate"), json!(null)).expect(200);
    let completed = format!("/syncs/{sync}/runs?status=completed");
    let total = |list: &serde_json::Value| list["pagination"]["total"].as_u64().expect("a total");
    let fired = total(&second.client.until(&completed, |list| total(list) >= 3));
    first.kill();
    world.rename("new");
    second.client.until(&completed, |list| total(list) > fired + 2);
    second.client.post(&format!("/syncs/{sync}/deactivate"), json!(null)).expect(200);
    let going_on = format!("/syncs/{sync}/runs?status=scheduled,queued,starting,running");
    second.client.until(&going_on, |list| total(list) == 0);
    world.assert_delivered(&["new"]);
    let mut due: Vec<_> = runs(&second.client).iter().map(|run| run["run_at"].to_string()).collect();
    let fires = due.len();
    due.sort();
    due.dedup();
    assert_eq!(due.len(), fires, "each moment fires once");
    assert_eq!(world.shop.value("select count(*) from copy_0"), "30");
}
