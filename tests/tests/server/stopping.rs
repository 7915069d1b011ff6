//! How a server ends: with time [G25], without it [G22], and what the next one makes of that.

use std::time::Instant;

use serde_json::{Value as Json, json};
use syncline_tests::server::Server;

use crate::world::{SYNC, World};

fn running_at(world: &mut World, point: &str, milliseconds: u32) -> (Server, String) {
    world.project.set_variable("FAILPOINTS", &format!("{point}=sleep({milliseconds})"));
    let server = world.serve();
    let run = server.client.post(&format!("/syncs/{SYNC}/trigger"), json!({})).expect(202);
    let run = run["id"].as_str().unwrap().to_string();
    server.client.until(&format!("/runs/{run}"), |run| run["status"] == "running");
    (server, run)
}

#[test]
fn a_server_that_is_asked_to_end_lets_its_runs_finish() {
    for point in ["engine.run.started", "engine.read.batch", "engine.publish.before", "engine.commit.before"]
    {
        let mut world = World::new();
        let (server, run) = running_at(&mut world, point, 1_000);
        assert_eq!(server.terminate(), Some(0), "{point}");
        world.assert_agree();
        world.project.set_variable("FAILPOINTS", "");
        let ended = world.serve().client.get(&format!("/runs/{run}")).expect(200);
        assert_eq!(ended["status"], "completed", "{point}: {ended}");
    }
}

#[test]
fn what_a_server_that_is_killed_leaves_is_brought_to_its_end_by_the_next() {
    for point in ["engine.run.started", "engine.read.batch", "engine.publish.before", "engine.commit.before"]
    {
        let mut world = World::new();
        let (server, run) = running_at(&mut world, point, 20_000);
        server.kill();
        world.project.set_variable("FAILPOINTS", "");
        let server = world.serve();
        let ended = server.client.ended(&run);
        let status = ended["status"].as_str().unwrap();
        assert!(["completed", "failed"].contains(&status), "{point}: {ended}");
        if status == "failed" {
            assert_eq!(ended["error"]["code"], "interrupted", "{point}");
        }
        assert_eq!(server.client.run(SYNC, json!({}))["status"], "completed", "{point}");
        world.assert_agree();
    }
}

#[test]
fn a_second_signal_ends_it_at_once_and_the_run_goes_on_next_time() {
    let mut world = World::new();
    let (mut server, run) = running_at(&mut world, "engine.publish.before", 30_000);
    let began = Instant::now();
    server.signal("TERM");
    let alive = server.client.get("/healthz").status;
    assert_eq!(alive, 200, "it answers while it drains");
    // The signal is heard a moment later.
    while server.client.get("/readyz").status != 503 {
        assert!(began.elapsed().as_secs() < 25, "it takes work while it drains");
    }
    server.signal("TERM");
    assert_eq!(server.wait(), Some(130));
    assert!(began.elapsed().as_secs() < 25, "it waited for its run");
    world.project.set_variable("FAILPOINTS", "");
    let server = world.serve();
    let ended = server.client.ended(&run);
    assert!(ended["status"] == "completed" || ended["error"]["code"] == "interrupted", "{ended}");
    server.client.run(SYNC, Json::Null);
    world.assert_agree();
}

#[test]
fn a_second_server_on_an_embedded_state_is_refused() {
    let world = World::new();
    let _server = world.serve();
    let second = world.project.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_ne!(second.code(), Some(0));
    assert!(second.stderr.contains("state_locked"), "{}", second.stderr);
}

#[test]
fn others_are_not_served_without_tls_unless_that_is_said() {
    let world = World::new();
    let refused = world.project.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.code(), Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("--tls-cert"), "{}", refused.stderr);
}
