//! Requests that cannot be understood: each is told what is wrong where, and what would be right.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{Reply, World, instance, person};

/// Where a problem is, and what is said about it.
#[track_caller]
fn told(reply: Reply, status: u16, code: &str) -> (String, String, String) {
    let problem = reply.fails(status, code);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    (text(&problem["errors"][0]["at"]), text(&problem["detail"]), text(&problem["help"]))
}

#[tokio::test]
async fn a_parameter_or_a_field_that_cannot_be_read_is_named_with_what_it_takes() {
    let world = World::start().await;
    let api = &world.client;
    for (path, at, message, help) in [
        ("/runs?page=-1", "?page", "'page' cannot be '-1'", "whole number"),
        ("/runs?since=yesterday", "?since", "'since' cannot be 'yesterday'", "2026-01-31T09:00:00Z"),
        ("/runs?status=completed,gone", "?status", "'status' cannot be 'gone'", "it is one of"),
        ("/runs?per_page=201", "?per_page", "per_page is from 1 to 200", ""),
        ("/runs?colour=red", "?colour", "there is no parameter 'colour' here", "page, per_page"),
    ] {
        let told = told(api.get(path).await, 400, "bad_usage");
        assert_eq!((told.0.as_str(), told.1.as_str()), (at, message), "{path}");
        assert!(told.2.contains(help), "{path}: {}", told.2);
    }
    for (body, at, message, help) in [
        (json!({ "max_entities": -1 }), "/max_entities", "'max_entities' cannot be -1", "whole number"),
        (json!({ "type": 5 }), "/type", "'type' cannot be 5", "sync, one_time, test, seed"),
        (json!("x"), "", "the body has to be a JSON object, and is a text", "{}"),
    ] {
        let told = told(api.post("/syncs/shop.contact/trigger", body).await, 400, "bad_usage");
        assert_eq!((told.0.as_str(), told.1.as_str()), (at, message));
        assert!(told.2.contains(help), "{}", told.2);
    }
}

#[tokio::test]
async fn a_path_that_is_no_text_is_a_problem_like_any_other() {
    let world = World::start().await;
    let problem = world.client.get("/syncs/%FF/runs").await.fails(400, "bad_usage");
    assert!(problem["detail"].as_str().unwrap().contains("UTF-8"), "{problem}");
    world.client.get("/syncs/%C3%A9.x").await.fails(404, "not_found");
}

#[tokio::test]
async fn a_body_is_refused_where_none_is_taken() {
    let world = World::start().await;
    let api = &world.client;
    let path = "/syncs/shop.contact/deactivate";
    let told = told(api.post(path, json!({ "foo": 1 })).await, 400, "bad_usage");
    assert_eq!((told.0.as_str(), told.1.as_str()), ("/foo", "there is no field 'foo' here"));
    api.post(path, json!("{bad")).await.fails(400, "bad_usage");
    api.post(path, json!({})).await.is(200);
    api.send(Method::POST, path, None, "").await.is(200);
}

#[tokio::test]
async fn the_address_of_a_channel_is_one_of_the_web() {
    let world = World::start().await;
    for url in ["ftp://example.com/x", "hooks.slack.com/services/x", "https://"] {
        let new = json!({ "name": "chat", "document": { "channel": "slack", "url": url } });
        let problem = world.client.post("/notifications", new).await.fails(422, "invalid_config");
        assert_eq!(problem["errors"][0]["at"], "/document/url", "{problem}");
        assert!(url == "https://" || !problem.to_string().contains(url), "it may be a secret: {problem}");
    }
    let good = json!({ "channel": "slack", "url": "https://hooks.slack.com/services/x" });
    world.client.post("/notifications", json!({ "name": "chat", "document": good })).await.is(201);
}

#[tokio::test]
async fn what_cannot_be_a_name_is_told_at_the_name() {
    let world = World::start().await;
    let api = &world.client;
    let connection = json!({ "name": "a b", "document": { "type": "sqlite", "path": "target.db" } });
    assert_eq!(told(api.post("/connections", connection).await, 422, "invalid_config").0, "/name");
    let chat = json!({ "channel": "slack", "url": "https://hooks.slack.com/services/x" });
    let chat = json!({ "name": "a b", "document": chat });
    assert_eq!(told(api.post("/notifications", chat).await, 422, "invalid_config").0, "/name");
    let made = json!({ "document": instance("a b", json!({})) });
    assert_eq!(told(api.post("/instances", made).await, 422, "invalid_config").0, "/document/instance");
    let made = json!({ "document": instance("made", json!({})), "seed": false });
    api.post("/instances", made).await.is(201);
    let sync = json!({ "instance": "made", "entity": "a.b", "definition": person() });
    assert_eq!(told(api.post("/syncs", sync).await, 422, "invalid_config").0, "/entity");
}

#[tokio::test]
async fn a_schedule_that_waits_for_nobody_is_told_whom_there_is() {
    let world = World::start().await;
    let preview = json!({ "schedule": { "after": "nope.x" } });
    let problem = world.client.post("/schedules/preview", preview).await.fails(422, "bad_usage");
    assert_eq!(problem["errors"][0]["help"], "it is one of shop.contact", "{problem}");
}
