//! Servers that are killed: what they left is brought to its end by one that lives [G22].

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use syncline_tests::project::list_of;
use syncline_tests::server::{Client, Server};

use crate::world::{Kind, World, is_over, runs, trigger_all, until_writing};

/// Where runs of every kind stand still while they write: a load, a transaction of chunks and one chunk.
const IN_WRITING: &str = "engine.load.committed=sleep(60000);engine.publish.before=sleep(60000);\
                          engine.destination.committed=sleep(60000)";

fn worker(client: &Client, run: &str) -> String {
    client.get(&format!("/runs/{run}")).expect(200)["worker"].as_str().expect("a worker").to_string()
}

/// Waits until a sync whose run writes has come to its fail point. One that writes in a single transaction
/// of chunks shows nothing of it, and wherever it is, it has a plan.
fn until_it_stands(world: &World, sync: usize) {
    let until = Instant::now() + Duration::from_secs(60);
    while world.kind(sync) != Kind::AppendAtomic && world.delivered(sync).is_empty() {
        assert!(Instant::now() < until, "sync {sync} delivers nothing");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_a_killed_server_was_writing_is_finished_by_the_other_and_is_there_once() {
    let mut world = World::of(&Kind::WRITERS);
    let dies = world.serve_failing(0, IN_WRITING);
    let asked = trigger_all(&dies.client, &world.syncs());
    for (sync, run) in asked.iter().enumerate() {
        until_writing(&dies.client, run);
        until_it_stands(&world, sync);
    }
    let dead = worker(&dies.client, &asked[0]);
    let lives = world.serve(1);
    assert!(asked.iter().all(|run| worker(&lives.client, run) == dead), "it leaves them alone");
    dies.kill();
    for run in &asked {
        let ended = lives.client.ended(run);
        assert_eq!((&ended["status"], &ended["takeovers"]), (&json!("completed"), &json!(1)), "{ended}");
        assert_ne!(ended["worker"], dead.as_str());
        assert_eq!(ended["rows_created"], 30, "{ended}");
    }
    world.assert_delivered(&["old"]);
    world.assert_settled(&lives.client);
    world.rename("new");
    world.run_all(&lives.client);
    world.assert_delivered(&["old", "new"]);
}

#[test]
fn when_all_servers_were_killed_the_next_one_settles_everything() {
    let kinds: Vec<Kind> = Kind::WRITERS.into_iter().cycle().take(9).collect();
    let mut world = World::of(&kinds);
    let servers = [0, 1].map(|machine| world.serve_with(machine, IN_WRITING, &["--parallel", "3"]));
    let syncs = world.syncs();
    let mut asked = trigger_all(&servers[0].client, &syncs[..4]);
    asked.extend(trigger_all(&servers[1].client, &syncs[4..]));
    // Six are written, the others wait.
    let are_written = |list: &Json| list_of(list).iter().filter(|run| run["phase"] == "writing").count() == 6;
    let written = servers[0].client.until("/runs?status=running&per_page=200", are_written);
    for run in list_of(&written) {
        let sync = syncs.iter().position(|sync| run["sync_id"] == sync.as_str()).expect("one of ours");
        until_it_stands(&world, sync);
    }
    servers.into_iter().for_each(Server::kill);
    let next = world.serve(0);
    for run in &asked {
        let ended = next.client.ended(run);
        assert_eq!(ended["status"], "completed", "{ended}");
    }
    assert!(runs(&next.client).iter().all(|run| is_over(run["status"].as_str().unwrap_or_default())));
    world.assert_delivered(&["old"]);
    world.assert_settled(&next.client);
}
