//! Clients of both servers at once: one writer of a sync at a time, whoever asks [G23].

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use serde_json::{Value as Json, json};
use syncline_tests::server::{Answer, Client, Server};

use crate::world::{Kind, World, events_until_over, is_over, runs, status_of, trigger};

const CLIENTS: usize = 10;
const TRIGGERS_EACH: usize = 30;

/// What `CLIENTS` clients, each of one of the servers, get for what they do.
fn at_once<T: Send>(servers: &[Server], work: impl Fn(usize, &Client) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let client = servers[n % servers.len()].client.with_token(&servers[0].client.token);
                let work = &work;
                scope.spawn(move || work(n, &client))
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("a client's thread")).collect()
    })
}

#[test]
fn of_three_hundred_racing_triggers_one_run_at_a_time_writes() {
    let mut world = World::of(&[Kind::AppendProgressive]);
    let sync = &world.syncs()[0];
    let servers = [world.serve(0), world.serve(1)];
    let path = format!("/syncs/{sync}/trigger");
    let answers: Vec<Vec<Answer>> = at_once(&servers, |n, client| {
        let request = |i: usize| match (n + i) % 3 {
            0 => json!({}),
            1 => json!({ "type": "one_time" }),
            _ => json!({ "type": "one_time", "max_entities": 1 + (n * TRIGGERS_EACH + i) % 50 }),
        };
        (0..TRIGGERS_EACH).map(|i| client.post(&path, request(i))).collect()
    });
    let mut accepted = BTreeSet::new();
    for answer in answers.iter().flatten() {
        match answer.status {
            202 => drop(accepted.insert(answer.json()["id"].as_str().expect("an id").to_string())),
            _ => assert_eq!(answer.problem(409), "queue_full"),
        }
    }
    for run in &accepted {
        assert_eq!(servers[0].client.ended(run)["status"], "completed");
    }
    let known: BTreeSet<String> =
        runs(&servers[1].client).iter().filter_map(|run| Some(run["id"].as_str()?.to_string())).collect();
    assert_eq!(known, accepted, "no run that nobody was told of, and none forgotten");

    let mut active: Option<String> = None;
    for (run, status) in events_until_over(&servers[0].client, &accepted).iter().filter_map(status_of) {
        match status {
            "starting" | "running" => {
                let writer = active.get_or_insert_with(|| run.to_string());
                assert_eq!(writer, run, "two at once");
            }
            _ if is_over(status) => active = None,
            _ => {}
        }
    }
    world.assert_delivered(&["old"]);
}

/// Sends a request with a key until it is answered, which it is not while it is under way elsewhere.
fn send_with_key(client: &Client, path: &str, key: &str, body: &Json) -> Answer {
    loop {
        let headers = [("idempotency-key", key), ("content-type", "application/json")];
        let answer = client.send("POST", path, &headers, Some(body.to_string()));
        if answer.status != 409 || answer.json()["code"] != "idempotency_conflict" {
            return answer;
        }
        thread::yield_now();
    }
}

#[test]
fn a_request_with_a_key_that_reaches_both_servers_is_carried_out_once() {
    let mut world = World::of(&[Kind::Upsert]);
    let sync = &world.syncs()[0];
    let servers = [world.serve(0), world.serve(1)];
    let path = format!("/syncs/{sync}/trigger");
    for round in 1..=4 {
        let (key, body) = (format!("key {round}"), json!({ "type": "test", "max_entities": round }));
        let answers = at_once(&servers, |_, client| send_with_key(client, &path, &key, &body).expect(202));
        let ids: BTreeSet<String> = answers.iter().map(|run| run["id"].to_string()).collect();
        assert_eq!(ids.len(), 1, "{answers:?}");
        let run = answers[0]["id"].as_str().expect("an id");
        // A run that has ended is not joined: another request for the same would make another run.
        servers[1].client.ended(run);
        for server in &servers {
            let again = send_with_key(&server.client, &path, &key, &body);
            assert_eq!(again.headers["idempotency-replayed"], "true");
            assert_eq!(again.expect(202)["id"], run);
        }
    }
    let mut of_limit: BTreeMap<String, u32> = BTreeMap::new();
    for run in runs(&servers[0].client) {
        let detail = servers[0].client.get(&format!("/runs/{}", run["id"].as_str().unwrap())).expect(200);
        *of_limit.entry(detail["options"]["max_entities"].to_string()).or_default() += 1;
    }
    assert_eq!(of_limit.len(), 4);
    assert!(of_limit.values().all(|runs| *runs == 1), "{of_limit:?}");
    trigger(&servers[1].client, sync, json!({ "type": "test", "max_entities": 1 }));
    assert_eq!(runs(&servers[0].client).len(), 5, "without a key it is another request");
}

#[test]
fn servers_that_start_together_on_a_new_state_make_one_token() {
    let world = World::of(&[Kind::Upsert]);
    let made = thread::scope(|scope| {
        let starting = [0, 1].map(|machine| {
            let world = &world;
            scope.spawn(move || world.start(machine, &[]))
        });
        starting.map(|starting| starting.join().expect("it starts"))
    });
    let tokens: Vec<_> = made.iter().filter_map(|server| server.first_token.clone()).collect();
    assert_eq!(tokens.len(), 1);
    for server in &made {
        server.client.with_token(&tokens[0]).get("/syncs").expect(200);
    }
}
