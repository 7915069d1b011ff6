//! How connections did when they were tried last.

use serde_json::{Value, json};

use crate::fixture::{PROJECT, Project, World};

async fn last(world: &World, name: &str) -> Value {
    let one = world.client.get(&format!("/connections/{name}")).await.is(200)["last_check"].clone();
    let list = world.client.get("/connections").await.is(200);
    let found = list["data"].as_array().unwrap().iter().find(|connection| connection["name"] == name);
    assert_eq!(found.unwrap()["last_check"], one, "the list says the same");
    one
}

async fn check(world: &World, name: &str) -> Value {
    world.client.post(&format!("/connections/{name}/check"), Value::Null).await.body
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_check_of_a_connection_is_kept_with_its_answer_over_a_restart() {
    let world = World::start().await;
    assert_eq!(last(&world, "warehouse").await, Value::Null);
    let answer = check(&world, "warehouse").await;
    assert_eq!(answer["good"], true, "{answer}");
    let kept = last(&world, "warehouse").await;
    assert_eq!((&kept["good"], &kept["outdated"]), (&json!(true), &json!(false)), "{kept}");
    assert_eq!(kept["source"], answer["source"]);
    assert_eq!(kept["by"], "command line on the server's machine");
    assert!(kept["at"].is_string());

    std::fs::rename(world.project.path("source.db"), world.project.path("away.db")).unwrap();
    let answer = check(&world, "warehouse").await;
    assert_eq!(answer["good"], false, "{answer}");
    let world = world.stop().await.serve().await;
    let kept = last(&world, "warehouse").await;
    assert_eq!(kept["good"], false, "{kept}");
    assert_eq!(kept["source"]["code"], answer["source"]["code"]);
    assert_eq!(kept["source"]["message"], answer["source"]["message"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_is_of_the_connection_as_it_was() {
    let project = Project::new();
    let allowed = "settings: { server: { api_variables: [SYNCLINE_TEST_IS_NOT_SET] } }";
    project.write("syncline.yaml", &format!("{PROJECT}{allowed}\n"));
    let world = project.serve().await;
    let api = &world.client;
    let document = |path: &str| json!({ "type": "sqlite", "path": path });
    api.post("/connections", json!({ "name": "made", "document": document("source.db") })).await.is(201);
    check(&world, "made").await;
    assert_eq!(last(&world, "made").await["outdated"], false);
    api.put("/connections/made", json!({ "document": document("target.db") })).await.is(200);
    assert_eq!(last(&world, "made").await["outdated"], true, "it was changed since");
    check(&world, "made").await;
    assert_eq!(last(&world, "made").await["outdated"], false);
    // Another of the same name begins anew.
    api.delete("/connections/made").await.is(204);
    api.post("/connections", json!({ "name": "made", "document": document("target.db") })).await.is(201);
    assert_eq!(last(&world, "made").await, Value::Null);
    // What cannot even be asked is kept as well.
    let unset = json!({ "type": "postgres", "url": "${env:SYNCLINE_TEST_IS_NOT_SET}" });
    api.put("/connections/made", json!({ "document": unset })).await.is(200);
    let refused = check(&world, "made").await;
    let kept = last(&world, "made").await;
    assert_eq!(kept["good"], false, "{kept}");
    assert_eq!(kept["error"]["code"], refused["code"], "{kept}");
    world.client.post("/connections/nothing/check", Value::Null).await.fails(404, "not_found");
    world.stop().await;
}
