//! The server of the state crashes and starts again while runs go on.

use std::time::{Duration, Instant};

use serde_json::json;
use syncline_tests::postgres::{Durability, Server as PostgresServer};
use syncline_tests::server::Client;

use crate::world::{Kind, World, is_over, status_of, trigger, trigger_all};

/// Waits until a server says that it takes work.
fn until_ready(client: &Client) {
    let began = Instant::now();
    while client.get("/readyz").status != 200 {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not come back");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn servers_and_their_runs_recover_when_the_state_was_away() {
    let state = PostgresServer::start(Durability::Fast);
    let kinds: Vec<Kind> = Kind::WRITERS.into_iter().cycle().take(6).collect();
    let mut world = World::at(&state, &kinds);
    let servers = [0, 1].map(|machine| world.serve_failing(machine, "engine.chunk.written=sleep(300)"));
    let clients = [&servers[0].client, &servers[1].client];
    let mut events = clients[0].listen("/events", None);
    let syncs = world.syncs();
    let mut asked = trigger_all(clients[0], &syncs[..3]);
    asked.extend(trigger_all(clients[1], &syncs[3..]));
    clients[0].until("/runs?status=running&per_page=200", |list| {
        list["data"].as_array().expect("a list").iter().any(|run| run["phase"] == "writing")
    });
    state.crash_and_restart();
    state.crash_and_restart();
    clients.into_iter().for_each(until_ready);
    for run in &asked {
        let ended = clients[1].ended(run);
        assert!(is_over(ended["status"].as_str().unwrap_or_default()), "{ended}");
        let counted: u64 =
            ["rows_created", "rows_updated", "rows_skipped", "rows_failed", "rows_not_attempted"]
                .iter()
                .map(|count| ended[count].as_u64().expect("a count"))
                .sum();
        assert_eq!(ended["rows_processed"], counted, "{ended}");
    }
    world.run_all(clients[0]);
    world.assert_delivered(&["old"]);
    world.assert_settled(clients[1]);

    // Who listened all the time was told of everything that the state still knows.
    let last = trigger(clients[1], &syncs[0], json!({ "type": "test" }));
    let mut told = std::collections::BTreeSet::new();
    loop {
        let event = events.next_event().expect("the stream goes on");
        let Some((run, status)) = status_of(&event) else { continue };
        if is_over(status) {
            told.insert(run.to_string());
        }
        if run == last && is_over(status) {
            break;
        }
    }
    assert!(asked.iter().all(|run| told.contains(run)), "{asked:?}: {told:?}");
}
