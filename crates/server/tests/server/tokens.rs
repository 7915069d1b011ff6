//! When tokens were last used.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use syncline_api::Role;
use syncline_server::Tokens;

use crate::fixture::{Project, World};

async fn made(world: &World, name: &str) -> (String, String) {
    let made = world.client.post("/tokens", json!({ "name": name, "role": "viewer" })).await.is(201);
    assert_eq!(made["last_used_at"], Value::Null, "{made}");
    (made["id"].as_str().unwrap().into(), made["secret"].as_str().unwrap().into())
}

fn used_at(list: &Value, id: &str) -> Option<Timestamp> {
    let tokens = list["data"].as_array().unwrap();
    let token = tokens.iter().find(|token| token["id"] == id).unwrap_or_else(|| panic!("{list}"));
    token["last_used_at"].as_str().map(|at| at.parse().unwrap())
}

#[tokio::test]
async fn a_token_tells_when_it_was_last_used_also_after_it_was_revoked() {
    let world = World::start().await;
    let before = Timestamp::now();
    let (id, secret) = made(&world, "reader").await;
    let (idle, _) = made(&world, "idle").await;
    world.client.with_token(&secret).get("/syncs").await.is(200);
    let list = world.client.until("/tokens", |list| used_at(list, &id).is_some()).await;
    assert!(used_at(&list, &id).unwrap() >= before, "{list}");
    assert_eq!(used_at(&list, &idle), None);
    let revoked = world.client.delete(&format!("/tokens/{id}")).await.is(200);
    assert_eq!(revoked["last_used_at"].as_str().map(|at| at.parse().unwrap()), used_at(&list, &id));
    let list = world.client.get("/tokens").await.is(200);
    assert!(used_at(&list, &id).is_some(), "{list}");
    // Whoever comes with it is refused, which is no use.
    world.client.with_token(&secret).get("/syncs").await.fails(401, "unauthenticated");
    let again = world.client.get("/tokens").await.is(200);
    assert_eq!(used_at(&again, &id), used_at(&list, &id));
}

#[tokio::test]
async fn a_session_is_a_use_of_the_token_that_opened_it() {
    let world = World::start().await;
    let (id, secret) = made(&world, "person").await;
    world.client.post("/session", json!({ "token": secret })).await.is(201);
    world.client.until("/tokens", |list| used_at(list, &id).is_some()).await;
}

#[tokio::test]
async fn much_use_is_kept_once_a_minute() {
    let store = Project::new();
    let store = store.store();
    let tokens = Tokens::new(store.clone()).unwrap();
    let start: Timestamp = "2026-03-01T09:00:00Z".parse().unwrap();
    let (view, secret) = tokens.create("ci", Role::Viewer, None, None, start).await.unwrap();
    // Uses are kept in the background, and counted by their revisions.
    let kept = async |revision: u64| loop {
        match store.object("token_use", &view.id).await.unwrap() {
            Some(object) if object.revision >= revision => return object,
            _ => tokio::task::yield_now().await,
        }
    };
    for seconds in [0, 1, 30, 59] {
        tokens.caller(&secret, start + Duration::from_secs(seconds)).await.unwrap().unwrap();
    }
    kept(1).await;
    tokens.caller(&secret, start + Duration::from_secs(60)).await.unwrap().unwrap();
    assert_eq!(kept(2).await.revision, 2, "those between were not kept");
    let list = tokens.list().await.unwrap();
    assert_eq!(list[0].last_used_at, Some(start + Duration::from_secs(60)));
}
