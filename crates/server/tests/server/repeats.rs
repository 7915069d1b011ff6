//! Requests with an `Idempotency-Key`, and what of them is stored.

use serde_json::json;

use crate::fixture::{STATE, World, holds};

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_does_not_show_a_tokens_secret_again_nor_make_another() {
    let world = World::start().await;
    let api = &world.client;
    let before = api.get("/tokens").await.is(200)["pagination"]["total"].as_u64().unwrap();
    let new = json!({ "name": "ci", "role": "viewer" });
    let made = api.post_once("/tokens", &new, "token-1").await.is(201);
    let secret = made["secret"].as_str().unwrap().to_string();
    let again = api.post_once("/tokens", &new, "token-1").await;
    assert!(!again.text.contains(&secret), "{}", again.text);
    let problem = again.fails(409, "idempotency_conflict");
    assert!(problem["detail"].as_str().unwrap().contains("was carried out"), "{problem}");
    assert_eq!(api.get("/tokens").await.is(200)["pagination"]["total"], before + 1);
    // It works, so it is the secret that must be nowhere.
    api.with_token(&secret).get("/session").await.is(200);
    // After `sl_<id>_`; it may have underscores of its own.
    let secret = secret.splitn(3, '_').nth(2).unwrap();
    for (path, bytes) in world.stop().await.state_bytes() {
        assert!(!holds(&bytes, secret), "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_of_a_request_depends_on_whose_it_is() {
    let world = World::start().await;
    let api = &world.client;
    let new = json!({ "name": "other", "role": "admin" });
    let other = api.post("/tokens", new).await.is(201)["secret"].as_str().unwrap().to_string();
    // A PIN is soon guessed; whoever has the state alone must not be able to try.
    let document = json!({ "type": "postgres", "host": "127.0.0.1", "port": 1, "user": "u", "database": "d",
        "password": "1234" });
    let new = json!({ "name": "db", "document": document });
    api.post_once("/connections", &new, "same").await.is(201);
    api.with_token(&other).post_once("/connections", &new, "same").await.fails(409, "conflict");
    let again = api.post_once("/connections", &new, "same").await.is(201);
    assert_eq!(again["name"], "db");
    let project = world.stop().await;
    assert_eq!(project.count(STATE, "SELECT count(*) FROM requests"), 2);
    assert_eq!(project.count(STATE, "SELECT count(DISTINCT fingerprint) FROM requests"), 2);
}
