//! Live events: in order, resumable, with figures between them.

use serde_json::{Value as Json, json};
use syncline_tests::server::{Client, Event, Events};

use crate::world::{SYNC, World};

/// Events up to the end of a run.
fn until_end(events: &mut Events, run: &str) -> Vec<Event> {
    let mut seen = Vec::new();
    loop {
        let event = events.next_event().expect("the stream goes on");
        let ends = event.kind == "run"
            && event.data["run_id"] == run
            && ["completed", "failed", "cancelled"]
                .contains(&event.data["data"]["status"].as_str().unwrap_or(""));
        seen.push(event);
        if ends {
            return seen;
        }
    }
}

fn trigger(client: &Client, request: Json) -> String {
    let run = client.post(&format!("/syncs/{SYNC}/trigger"), request).expect(202);
    run["id"].as_str().unwrap().to_string()
}

fn statuses(events: &[Event], run: &str) -> Vec<String> {
    let of_run = events.iter().filter(|event| event.kind == "run" && event.data["run_id"] == run);
    let mut statuses: Vec<_> =
        of_run.map(|event| event.data["data"]["status"].as_str().unwrap().to_string()).collect();
    statuses.dedup();
    statuses
}

#[test]
fn a_run_is_told_from_its_queueing_to_its_end() {
    let world = World::new();
    let server = world.serve();
    let mut events = server.client.listen("/events", None);
    let run = trigger(&server.client, json!({}));
    let seen = until_end(&mut events, &run);
    assert_eq!(statuses(&seen, &run), ["queued", "starting", "running", "completed"]);
    let last = &seen.last().unwrap().data["data"];
    assert_eq!(last["counters"]["rows_created"], 10, "{last}");
    let ids: Vec<u64> = seen.iter().filter_map(|event| event.id.as_ref()?.parse().ok()).collect();
    assert!(ids.is_sorted() && ids.len() > 3, "{ids:?}");
}

#[test]
fn a_client_that_comes_back_gets_exactly_what_it_missed() {
    let world = World::new();
    let server = world.serve();
    let first = trigger(&server.client, json!({}));
    server.client.ended(&first);
    let whole = until_end(&mut server.client.listen("/events", Some("0")), &first);
    let with_ids: Vec<_> = whole.iter().filter(|event| event.id.is_some()).collect();
    for missed_from in 0..with_ids.len() - 1 {
        let last = with_ids[missed_from].id.as_deref();
        let rest = until_end(&mut server.client.listen("/events", last), &first);
        let ids: Vec<_> = rest.iter().filter_map(|event| event.id.clone()).collect();
        let expected: Vec<_> =
            with_ids[missed_from + 1..].iter().filter_map(|event| event.id.clone()).collect();
        assert_eq!(ids, expected);
    }
}

#[test]
fn events_of_one_run_are_those_of_no_other() {
    let world = World::new();
    let server = world.serve();
    let other = trigger(&server.client, json!({ "type": "test" }));
    server.client.ended(&other);
    let run = trigger(&server.client, json!({}));
    let mut events = server.client.listen(&format!("/runs/{run}/events"), Some("0"));
    let seen = until_end(&mut events, &run);
    assert!(seen.iter().all(|event| event.data["run_id"] == run.as_str()), "{seen:?}");
}

#[test]
fn the_stream_of_a_run_says_first_how_it_is_and_ends_with_it() {
    let mut world = World::new();
    world.project.set_variable("FAILPOINTS", "engine.publish.before=sleep(1500)");
    let server = world.serve();
    let run = trigger(&server.client, json!({}));
    let path = format!("/runs/{run}/events");
    let whole: Vec<_> = std::iter::from_fn({
        let mut events = server.client.listen(&path, None);
        move || events.next_event()
    })
    .collect();
    let first = &whole[0];
    assert!(first.kind == "run" && first.data["run_id"] == run.as_str(), "{first:?}");
    assert_eq!(statuses(&whole, &run).last().map(String::as_str), Some("completed"), "{whole:?}");
    // Whoever comes when it is over hears how it ended, and nothing more.
    let mut late = server.client.listen(&path, None);
    let told = late.next_event().expect("the present state");
    assert_eq!((told.kind.as_str(), &told.data["data"]["status"]), ("run", &json!("completed")));
    assert_eq!(told.data["data"]["counters"]["rows_created"], 10);
    assert!(late.next_event().is_none());
    // And who had seen everything up to an event gets the rest of it, then the end.
    let all: Vec<_> = whole.iter().filter(|event| event.id.is_some()).collect();
    let mut resumed = server.client.listen(&path, all[0].id.as_deref());
    let rest: Vec<_> = std::iter::from_fn(|| resumed.next_event()).map(|event| event.id).collect();
    assert_eq!(rest, all[1..].iter().map(|event| event.id.clone()).collect::<Vec<_>>());
    assert!(server.client.listen(&path, told.id.as_deref()).next_event().is_none());
}

#[test]
fn figures_come_while_a_run_goes_on() {
    let mut world = World::new();
    world.fill(1, 5_000);
    world.project.set_variable("FAILPOINTS", "engine.publish.before=sleep(3000)");
    let server = world.serve();
    let mut events = server.client.listen("/events", None);
    let run = trigger(&server.client, json!({}));
    let writing = server.client.until(&format!("/runs/{run}"), |run| run["phase"] == "writing");
    assert_eq!(
        (&writing["rows_processed"], &writing["rows_created"]),
        (&json!(5_000), &json!(0)),
        "{writing}"
    );
    let seen = until_end(&mut events, &run);
    let figures: Vec<_> = seen.iter().filter(|event| event.kind == "progress").collect();
    assert!(figures.iter().any(|event| event.data["total_discovered"] == 5_000), "{figures:?}");
    assert!(figures.iter().all(|event| event.id.is_none()));
}

#[test]
fn what_was_forgotten_is_told_so() {
    let world = World::new();
    let server = world.serve();
    server.client.run(SYNC, json!({}));
    let mut events = server.client.listen("/events", Some("999999"));
    assert_eq!(events.next_event().expect("an event").kind, "reset");
}

#[test]
fn who_may_listen_no_more_hears_no_more() {
    let world = World::new();
    let server = world.serve();
    let client = &server.client;
    let guest = client.post("/tokens", json!({ "name": "guest", "role": "viewer" })).expect(201);
    let listener = client.with_token(guest["secret"].as_str().expect("a secret"));
    let mut events = listener.listen("/events", None);
    let id = guest["id"].as_str().expect("an id");
    client.send("DELETE", &format!("/tokens/{id}"), &[], None).expect(200);
    assert!(events.next_event().is_none());
    assert_eq!(listener.get("/runs").problem(401), "unauthenticated");
}
