//! The life of runs as a client sees it: joining, queueing, cancelling, deactivating, halting, schedules.

use serde_json::{Value as Json, json};
use syncline_tests::databases::Database;
use syncline_tests::server::{Client, Server};

use crate::world::{SYNC, World, runs};

/// A server whose runs stand still for a moment once they have begun.
fn slow(world: &mut World, point: &str, milliseconds: u32) -> Server {
    world.project.set_variable("FAILPOINTS", &format!("{point}=sleep({milliseconds})"));
    world.serve()
}

fn trigger(client: &Client, request: Json) -> Json {
    client.post(&format!("/syncs/{SYNC}/trigger"), request).expect(202)
}

fn id(run: &Json) -> &str {
    run["id"].as_str().expect("a run has an id")
}

fn wait_for(client: &Client, run: &Json, status: &str) {
    client.until(&format!("/runs/{}", id(run)), |run| run["status"] == status);
}

#[test]
fn equal_triggers_join_a_run_that_waits_and_others_queue_behind_in_order() {
    let mut world = World::new();
    let server = slow(&mut world, "engine.run.started", 1_000);
    let client = &server.client;
    let first = trigger(client, json!({}));
    wait_for(client, &first, "running");
    let second = trigger(client, json!({}));
    assert_ne!(id(&second), id(&first), "a run that goes on is not joined");
    assert_eq!(id(&trigger(client, json!({}))), id(&second));
    assert_eq!(id(&trigger(client, json!({ "trigger": "cli" }))), id(&second), "whoever asks");
    let others: Vec<Json> = (1..16).map(|n| trigger(client, json!({ "max_entities": n }))).collect();
    let refused = client.post(&format!("/syncs/{SYNC}/trigger"), json!({ "max_entities": 99 }));
    assert_eq!(refused.problem(409), "queue_full");
    assert_eq!(id(&trigger(client, json!({}))), id(&second), "joining needs no room");
    for run in &others[2..] {
        client.post(&format!("/runs/{}/cancel", id(run)), Json::Null).expect(202);
    }
    let ended: Vec<_> = [&second, &others[0], &others[1]].map(|run| client.ended(id(run))).into();
    assert!(ended.iter().all(|run| run["status"] == "completed"), "{ended:?}");
    let starts: Vec<_> = ended.iter().map(|run| run["started_at"].as_str().unwrap().to_string()).collect();
    assert!(starts.is_sorted(), "{starts:?}");
    world.assert_agree();
}

#[test]
fn a_test_runs_beside_a_run_that_writes() {
    let mut world = World::new();
    let server = slow(&mut world, "engine.publish.before", 2_000);
    server.client.run(SYNC, json!({ "type": "seed" }));
    world.fill(11, 12);
    let writing = trigger(&server.client, json!({}));
    server.client.until(&format!("/runs/{}", id(&writing)), |run| run["phase"] == "writing");
    let test = server.client.run(SYNC, json!({ "type": "test" }));
    assert_eq!((&test["status"], &test["dry_run"]), (&json!("completed"), &json!(true)));
    assert_eq!(test["rows_created"], 2, "it saw the snapshot before the other's end");
    assert_eq!(server.client.get(&format!("/runs/{}", id(&writing))).expect(200)["status"], "running");
    assert_eq!(server.client.ended(id(&writing))["rows_created"], 2);
}

#[test]
fn a_cancelled_run_loses_no_row_wherever_it_was() {
    for point in ["engine.run.started", "engine.read.batch", "engine.publish.before"] {
        let mut world = World::new();
        let server = slow(&mut world, point, 1_500);
        let client = &server.client;
        let run = trigger(client, json!({}));
        wait_for(client, &run, "running");
        let waiting = trigger(client, json!({ "type": "one_time" }));
        for run in [&waiting, &run] {
            client.post(&format!("/runs/{}/cancel", id(run)), Json::Null).expect(202);
        }
        let waiting = client.ended(id(&waiting));
        assert_eq!((&waiting["status"], &waiting["end_reason"]), (&json!("cancelled"), &json!("cancelled")));
        let run = client.ended(id(&run));
        assert!(run["status"] == "cancelled" || run["status"] == "completed", "{point}: {run}");
        let again = client.post(&format!("/runs/{}/cancel", id(&run)), Json::Null);
        assert_eq!(again.problem(409), "conflict");
        assert_eq!(client.run(SYNC, json!({}))["status"], "completed", "{point}");
        world.assert_agree();
    }
}

#[test]
fn deactivating_takes_what_was_to_come_and_leaves_what_goes_on() {
    let mut world = World::with("schedule: { every: 1h }");
    let server = slow(&mut world, "engine.run.started", 1_000);
    let client = &server.client;
    let active = client.post(&format!("/syncs/{SYNC}/activate"), Json::Null).expect(200);
    assert!(active["next_run_at"].is_string(), "{active}");
    let running = trigger(client, json!({}));
    wait_for(client, &running, "running");
    let sync = trigger(client, json!({}));
    let other = trigger(client, json!({ "type": "one_time" }));
    let inactive = client.post(&format!("/syncs/{SYNC}/deactivate"), Json::Null).expect(200);
    assert_eq!((&inactive["state"], &inactive["next_run_at"]), (&json!("inactive"), &Json::Null));
    let sync = client.ended(id(&sync));
    assert_eq!((&sync["status"], &sync["end_reason"]), (&json!("cancelled"), &json!("deactivated")));
    assert_eq!(client.ended(id(&running))["status"], "completed");
    assert_eq!(client.ended(id(&other))["status"], "completed");
    assert!(runs(client).iter().all(|run| run["status"] != "scheduled"));
    assert_eq!(client.run(SYNC, json!({}))["status"], "completed", "by hand it still runs");
}

#[test]
fn a_halted_sync_takes_only_what_helps_to_find_out() {
    let world = World::with("halt: { failed_rows: 2 }");
    world.source.execute("update item set price = -1 where id <= 5");
    let server = world.serve();
    let client = &server.client;
    client.post(&format!("/syncs/{SYNC}/activate"), Json::Null).expect(200);
    let failed = client.run(SYNC, json!({}));
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!("error_threshold")));
    let sync = client.get(&format!("/syncs/{SYNC}")).expect(200);
    assert_eq!((&sync["state"], sync["halted"]["reason"].is_string()), (&json!("halted"), true), "{sync}");
    for request in [json!({}), json!({ "type": "seed" })] {
        let refused = client.post(&format!("/syncs/{SYNC}/trigger"), request);
        assert_eq!(refused.problem(409), "sync_halted");
    }
    assert_eq!(client.run(SYNC, json!({ "type": "test" }))["status"], "completed");
    world.source.execute("update item set price = 1 where price = -1");
    assert_eq!(client.run(SYNC, json!({ "type": "one_time" }))["status"], "completed");
    client.post(&format!("/syncs/{SYNC}/activate"), Json::Null).expect(200);
    assert_eq!(client.run(SYNC, json!({}))["status"], "completed");
    world.assert_agree();
}

#[test]
fn a_retry_by_a_person_reads_the_model_anew_without_ids_or_limits() {
    let world = World::new();
    let server = world.serve();
    let some = server.client.run(SYNC, json!({ "source_ids": ["1", "2"], "cursor": "reset" }));
    assert_eq!(some["rows_processed"], 2, "{some}");
    let retry = server.client.post(&format!("/runs/{}/retry", id(&some)), Json::Null).expect(202);
    let retry = server.client.ended(id(&retry));
    assert_eq!((&retry["retry_of"], &retry["trigger"]), (&some["id"], &json!("manual")));
    assert_eq!(
        (&retry["options"]["read_mode"], &retry["options"]["source_ids"]),
        (&json!("reset"), &json!([]))
    );
    world.assert_agree();
}

#[test]
fn a_source_that_is_gone_is_tried_again_by_itself() {
    let world = World::with("schedule: { every: 1h }");
    let server = world.serve();
    let client = &server.client;
    client.post(&format!("/syncs/{SYNC}/activate"), Json::Null).expect(200);
    let source = world.project.path("source.db");
    std::fs::rename(&source, world.project.path("away.db")).unwrap();
    let failed = client.run(SYNC, json!({}));
    assert_eq!(failed["status"], "source_failure", "{failed}");
    let next = runs(client).into_iter().find(|run| run["status"] == "scheduled").expect("what comes next");
    assert_eq!((&next["trigger"], &next["retry_of"]), (&json!("retry"), &failed["id"]), "{next}");
    std::fs::rename(world.project.path("away.db"), &source).unwrap();
}

#[test]
fn schedules_fire_and_pass_the_baton() {
    let fires =
        "model: { table: item, key: id }\nto: { object: copy }\nactive: true\nschedule: { every: 1s }";
    let follows = "model: { table: item, key: id }\nto: { object: second }\nactive: true\nschedule: { after: shop.item }";
    let world = World::of(&[("item", fires), ("second", follows)]);
    world.target.execute("create table second (id integer primary key, name text, price integer)");
    let server = world.serve();
    let client = &server.client;
    let path = "/syncs/shop.second/runs?status=completed";
    client.until(path, |list| list["pagination"]["total"].as_u64() >= Some(3));
    let list = client.get(path).expect(200);
    assert!(list["data"].as_array().unwrap().iter().all(|run| run["trigger"] == "upstream"));
    let schedule = client.get(&format!("/syncs/{SYNC}/schedule")).expect(200);
    assert_eq!(schedule["next_fires"].as_array().unwrap().len(), 10, "{schedule}");
    client.post(&format!("/syncs/{SYNC}/deactivate"), Json::Null).expect(200);
    world.assert_agree();
    assert_eq!(
        world.target.rows("select count(*) from second"),
        world.source.rows("select count(*) from item")
    );
}

#[test]
fn a_run_can_wait_for_its_time_and_be_called_off() {
    let world = World::new();
    let server = world.serve();
    let client = &server.client;
    let run = trigger(client, json!({ "type": "one_time", "run_at": "2026-12-24T18:00:00Z" }));
    assert_eq!((&run["status"], &run["run_at"]), (&json!("scheduled"), &json!("2026-12-24T18:00:00Z")));
    client.post(&format!("/runs/{}/cancel", id(&run)), Json::Null).expect(202);
    let ended = client.ended(id(&run));
    assert_eq!((&ended["status"], &ended["end_reason"]), (&json!("not_run"), &json!("cancelled")));
    let far = client.post(&format!("/syncs/{SYNC}/trigger"), json!({ "run_at": "2199-01-01T00:00:00Z" }));
    assert_eq!(far.status, 422, "{}", far.text);
}

#[test]
fn a_seed_that_clears_first_wants_to_be_confirmed() {
    let world = World::new();
    let server = world.serve();
    server.client.run(SYNC, json!({}));
    world.target.execute("insert into copy values (99, 'not ours', 1)");
    let reseed = |confirm: &str| {
        let request = json!({ "type": "seed", "reseed": { "confirm": confirm } });
        server.client.post(&format!("/syncs/{SYNC}/trigger"), request)
    };
    let refused = reseed("yes");
    assert_eq!(refused.status, 422);
    assert!(refused.json()["help"].as_str().unwrap().contains(SYNC));
    let run = reseed(SYNC).expect(202);
    let run = server.client.ended(id(&run));
    assert_eq!(
        (&run["status"], &run["rows_created"], &run["rows_deleted"]),
        (&json!("completed"), &json!(10), &json!(10))
    );
    let exported = run["notices"].to_string();
    assert!(exported.contains("10 known records were exported"), "{exported}");
    assert_eq!(world.target.rows("select name from copy where id = 99").len(), 1, "it was not ours");
}
