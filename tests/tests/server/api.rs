//! The shapes and rules of the API.

use serde_json::{Value as Json, json};

use syncline_tests::databases::Database;

use crate::world::{SYNC, World, runs};

fn keys(value: &Json) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn a_list_of_runs_has_the_shape_that_clients_know() {
    let world = World::new();
    let server = world.serve();
    server.client.run(SYNC, json!({}));
    let list = server.client.get(&format!("/syncs/{SYNC}/runs")).expect(200);
    assert_eq!(keys(&list), ["data", "pagination"]);
    assert_eq!(list["pagination"], json!({ "page": 1, "per_page": 20, "total": 1 }));
    let run = &list["data"][0];
    let first = [
        "id",
        "sync_id",
        "status",
        "trigger",
        "started_at",
        "completed_at",
        "duration_seconds",
        "rows_processed",
        "rows_created",
        "rows_updated",
        "rows_deleted",
        "rows_failed",
    ];
    assert_eq!(keys(run)[..12], first);
    assert_eq!(
        (&run["status"], &run["trigger"], &run["outcome"]),
        (&json!("completed"), &json!("api"), &json!("completed"))
    );
    assert_eq!((&run["rows_processed"], &run["rows_created"]), (&json!(10), &json!(10)));
    let id = run["id"].as_str().unwrap();
    let detail = server.client.get(&format!("/syncs/{SYNC}/runs/{id}")).expect(200);
    assert_eq!(detail, server.client.get(&format!("/runs/{id}")).expect(200));
    let durations =
        ["query", "change_detection", "destination_writes", "finalization", "waiting", "processing"];
    assert_eq!(keys(&detail["durations"]), durations);
    assert!(detail["timeline"].as_array().unwrap().len() >= 3, "{detail}");
}

#[test]
fn row_errors_have_the_shape_that_clients_know() {
    let world = World::new();
    world.source.execute("update item set price = -1 where id in (3, 5)");
    let server = world.serve();
    let run = server.client.run(SYNC, json!({}));
    assert_eq!(run["rows_failed"], 2, "{run}");
    let path = format!("/syncs/{SYNC}/runs/{}/errors", run["id"].as_str().unwrap());
    let errors = server.client.get(&path).expect(200);
    assert_eq!(keys(&errors), ["data", "total_errors", "page", "per_page"]);
    assert_eq!(
        (&errors["total_errors"], &errors["page"], &errors["per_page"]),
        (&json!(2), &json!(1), &json!(100))
    );
    assert_eq!(keys(&errors["data"][0])[..4], ["row_id", "field", "message", "raw_value"]);
    let second = server.client.get(&format!("{path}?page=2&per_page=1")).expect(200);
    assert_eq!((second["data"].as_array().unwrap().len(), &second["total_errors"]), (1, &json!(2)));
}

#[test]
fn filters_find_what_they_name_and_contradictions_find_nothing() {
    let world = World::new();
    let server = world.serve();
    let test = server.client.run(SYNC, json!({ "type": "test" }));
    let sync = server.client.run(SYNC, json!({}));
    let found = |query: &str| {
        let list = server.client.get(&format!("/runs?{query}")).expect(200);
        let ids = list["data"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_string());
        ids.collect::<Vec<_>>()
    };
    let (test, sync) = (test["id"].as_str().unwrap(), sync["id"].as_str().unwrap());
    assert_eq!(found(""), [sync, test]);
    assert_eq!(found("type=test"), [test]);
    assert_eq!(found("status=completed&type=sync"), [sync]);
    assert_eq!(found("outcome=completed&per_page=1&page=2"), [test]);
    assert!(found("status=failed").is_empty());
    assert!(found("status=completed&outcome=failed").is_empty());
    let correlation = server.client.get(&format!("/runs/{test}")).expect(200);
    assert_eq!(found(&format!("correlation_id={}", correlation["correlation_id"].as_str().unwrap())), [test]);
    assert!(found("since=2100-01-01T00:00:00Z").is_empty());
    for bad in ["status=done", "page=0", "per_page=201", "colour=red", "since=yesterday"] {
        assert_eq!(server.client.get(&format!("/runs?{bad}")).problem(400), "bad_usage", "{bad}");
    }
}

#[test]
fn every_error_says_what_where_and_has_a_page_about_it() {
    let world = World::new();
    let server = world.serve();
    let answer = server.client.get("/runs/run_nothing");
    let problem = answer.json();
    assert_eq!(answer.problem(404), "not_found");
    assert_eq!(keys(&problem)[..5], ["type", "title", "status", "code", "detail"]);
    let page = server.client.with_token("").get(problem["type"].as_str().unwrap());
    assert_eq!(page.status, 200);
    assert!(page.text.contains("not_found") && page.text.contains("What to do"), "{}", page.text);
    assert_eq!(server.client.get("/nothing/here").problem(404), "not_found");
    assert_eq!(server.client.send("DELETE", "/runs", &[], None).status, 405);
    let body = Some("{".to_string());
    let trigger = format!("/syncs/{SYNC}/trigger");
    let json = [("content-type", "application/json")];
    assert_eq!(server.client.send("POST", &trigger, &json, body.clone()).problem(400), "bad_usage");
    assert_eq!(server.client.send("POST", &trigger, &[("content-type", "text/plain")], body).status, 415);
    let large = Some(format!("{{\"source_ids\": [\"{}\"]}}", "x".repeat(2 << 20)));
    assert_eq!(server.client.send("POST", &trigger, &json, large).problem(413), "too_large");
    assert_eq!(server.client.post(&trigger, json!({ "colour": 1 })).problem(400), "bad_usage");
}

#[test]
fn a_repeated_request_with_a_key_is_carried_out_once() {
    let world = World::new();
    let server = world.serve();
    let path = format!("/syncs/{SYNC}/trigger");
    let ask = |key: &str, body: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        server.client.send("POST", &path, &headers, Some(body.to_string()))
    };
    let first = ask("order-1", "{}").expect(202);
    server.client.ended(first["id"].as_str().unwrap());
    let again = ask("order-1", "{}");
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(again.expect(202), first);
    assert_eq!(runs(&server.client).len(), 1);
    assert_eq!(ask("order-1", r#"{"type":"test"}"#).problem(409), "idempotency_conflict");
    assert_ne!(ask("order-2", "{}").expect(202)["id"], first["id"]);
}

#[test]
fn the_description_of_the_api_and_its_page_are_served_from_here() {
    let world = World::new();
    let server = world.serve();
    let anyone = server.client.with_token("");
    let api = anyone.get("/api/v1/openapi.json").expect(200);
    assert_eq!(api["openapi"].as_str().unwrap().split('.').next(), Some("3"));
    let page = anyone.get("/api/docs/");
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("https://"), "the page loads something from elsewhere: {}", page.text);
    assert_eq!(anyone.get("/healthz").expect(200)["status"], "ok");
    assert_eq!(anyone.get("/readyz").expect(200)["status"], "ready");
    assert_eq!(anyone.get("/metrics").status, 401);
    server.client.run(SYNC, json!({}));
    let figures = server.client.get("/metrics").text;
    assert!(figures.contains("syncline_rows_total{sync=\"shop.item\",outcome=\"created\"} 10"), "{figures}");
}

#[test]
fn the_changes_of_a_run_are_listed_with_what_became_of_them() {
    let world = World::new();
    world.source.execute("update item set price = -1 where id = 3");
    let server = world.serve();
    let run = server.client.run(SYNC, json!({}));
    let rows = |query: &str| {
        let path = format!("/runs/{}/rows?{query}", run["id"].as_str().unwrap());
        server.client.get(&path).expect(200)
    };
    assert_eq!(rows("per_page=4&page=3")["pagination"], json!({ "page": 3, "per_page": 4, "total": 10 }));
    assert_eq!(rows("per_page=4&page=3")["data"].as_array().unwrap().len(), 2);
    assert_eq!(rows("status=rejected")["data"][0]["row_id"], "3");
    let one = rows("key=7");
    assert_eq!(one["pagination"]["total"], 1);
    assert_eq!(
        (&one["data"][0]["operation"], &one["data"][0]["result"]),
        (&json!("create"), &json!("created"))
    );
    assert_eq!(one["data"][0]["fields"][1]["field"], "name", "{one}");
    for wrong in ["operation=upsert", "status=failed", "status="] {
        let problem =
            server.client.get(&format!("/runs/{}/rows?{wrong}", run["id"].as_str().unwrap())).expect(400);
        assert!(problem["help"].as_str().is_some_and(|help| help.starts_with("it is one of")), "{problem}");
    }
    world.source.execute("update item set name = 'better', price = 8 where id = 7");
    let run = server.client.run(SYNC, json!({}));
    let path = format!("/runs/{}/rows", run["id"].as_str().unwrap());
    let changed = server.client.get(&format!("{path}?operation=update")).expect(200);
    let fields = &changed["data"][0]["fields"];
    assert_eq!(fields[0]["before"], "item 7", "{changed}");
    assert_eq!(fields[0]["after"], "better");
    assert_eq!((&fields[1]["before"], &fields[1]["after"]), (&json!(70), &json!(8)), "{changed}");
    let life = server.client.get(&format!("/syncs/{SYNC}/records/7")).expect(200);
    assert_eq!(life.as_array().unwrap().len(), 2, "{life}");
}

#[test]
fn health_counts_what_ended_and_what_waits_for_somebody() {
    let world = World::with("guards: { max_creates: 5 }");
    let server = world.serve();
    let held = server.client.run(SYNC, json!({}));
    assert_eq!(held["status"], "held", "{held}");
    server.client.run(SYNC, json!({ "type": "test" }));
    let health = server.client.get("/health?window=7d").expect(200);
    assert_eq!((&health["total_runs"], &health["attention"]["held_runs"]), (&json!(0), &json!(1)));
    server.client.post(&format!("/runs/{}/approve", held["id"].as_str().unwrap()), Json::Null).expect(202);
    let ended = server.client.ended(held["id"].as_str().unwrap());
    assert_eq!(ended["status"], "completed", "{ended}");
    world.assert_agree();
    let health = server.client.get("/health").expect(200);
    let seen = (&health["total_runs"], &health["success_rate"], &health["rows_synced"]);
    assert_eq!(seen, (&json!(1), &json!(1.0), &json!(10)), "{health}");
    let trends = server.client.get(&format!("/syncs/{SYNC}/trends")).expect(200);
    assert_eq!(trends["points"][0]["rows_processed"], 10);
}
