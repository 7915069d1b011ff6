//! Secrets given to the API are used, kept encrypted and never shown, and not sent elsewhere.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{World, holds};

const CANARY: &str = "c4nary-s3cret-9f2b";

/// A connection to a port where nobody listens.
fn connection(host: &str, password: Value) -> Value {
    json!({ "type": "postgres", "host": host, "port": 1, "user": "u", "database": "d", "password": password,
        "ssl_mode": "disable", "connect_timeout": "1s" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_in_no_answer_and_nowhere_in_clear() {
    let world = World::start().await;
    let api = &world.client;
    let mut answers = Vec::new();
    let new = json!({ "name": "db", "document": connection("127.0.0.1", json!(CANARY)) });
    let made = api.post("/connections", new).await;
    assert_eq!(made.status.as_u16(), 201, "{}", made.text);
    assert_eq!(made.body["secrets_set"], json!(["/password"]));
    assert_eq!(made.body["document"]["password"], Value::Null);
    answers.push(made);
    let url = format!("postgres://u:{CANARY}@127.0.0.1:1/d");
    let new = json!({ "name": "by-url", "document": { "type": "postgres", "url": url, "nonsense": CANARY } });
    answers.push(api.post("/connections", new).await);
    let tried = json!({ "document": connection("127.0.0.1", json!(CANARY)) });
    answers.push(api.post("/connections/check", tried).await);
    answers.push(api.send(Method::POST, "/connections/db/check", None, "").await);
    answers.push(api.send(Method::POST, "/connections/db/discover", None, "").await);
    for path in ["/connections", "/connections/db", "/audit", "/server"] {
        answers.push(api.get(path).await);
    }
    for answer in &answers {
        assert!(!answer.text.contains(CANARY), "{}", answer.text);
    }
    let audit = &answers[7].body["data"];
    let made = audit.as_array().unwrap().iter().find(|entry| entry["result"] == "ok").unwrap();
    assert!(audit.to_string().contains("secrets_given"), "{made}");

    let project = world.stop().await;
    let files = project.state_bytes();
    assert!(files.iter().any(|(_, bytes)| holds(bytes, "sl1:")), "no encrypted secret is kept");
    for (path, bytes) in files {
        assert!(!holds(&bytes, CANARY), "{}", path.display());
    }
    // The key opens it again.
    let world = project.serve().await;
    let checked = world.client.send(Method::POST, "/connections/db/check", None, "").await.is(200);
    assert_eq!(checked["source"]["code"], "source_unreachable", "{checked}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_leads_elsewhere_needs_its_secrets_again() {
    let world = World::start().await;
    let api = &world.client;
    let new = json!({ "name": "db", "document": connection("127.0.0.1", json!(CANARY)) });
    api.post("/connections", new).await.is(201);
    // As it was shown, with another description.
    let mut same = connection("127.0.0.1", Value::Null);
    same["description"] = json!("the same");
    let kept = api.put("/connections/db", json!({ "document": same })).await.is(200);
    assert_eq!(kept["secrets_set"], json!(["/password"]));

    let elsewhere = connection("127.0.0.2", Value::Null);
    let problem =
        api.put("/connections/db", json!({ "document": elsewhere })).await.fails(422, "secret_required");
    assert_eq!(problem["errors"][0]["at"], "/document/password");
    let tried = json!({ "name": "db", "document": connection("127.0.0.2", Value::Null) });
    api.post("/connections/check", tried).await.fails(422, "secret_required");
    assert_eq!(api.get("/connections/db").await.is(200)["document"]["host"], "127.0.0.1");

    let again = connection("127.0.0.2", json!("another"));
    let changed = api.put("/connections/db", json!({ "document": again })).await.is(200);
    assert_eq!(changed["document"]["host"], "127.0.0.2");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_connection_leaves_no_secret_to_one_of_its_name() {
    let world = World::start().await;
    let api = &world.client;
    let new = json!({ "name": "db", "document": connection("127.0.0.1", json!(CANARY)) });
    api.post("/connections", new).await.is(201);
    api.delete("/connections/db").await.is(204);
    let thief = json!({ "name": "db", "document": connection("127.0.0.2", json!("${state:db.password}")) });
    api.post("/connections", thief).await.fails(422, "secret_required");
    world.stop().await;
}
