//! Changes of the project's files are noticed; what is wrong with them is shown, and what was good stays.

use serde_json::{Value, json};

use crate::fixture::{Project, SHOP, World, instance, person, texts};

fn has_errors(server: &Value) -> bool {
    server["project_problems"].as_array().unwrap().iter().any(|problem| problem["warning"] == false)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_leaves_the_last_good_version_in_use() {
    let world = World::start().await;
    let api = &world.client;
    let second = SHOP.replace("  contact:", "  lead:").replace("contacts", "people");
    let both = format!("{SHOP}{}", second.split_once("entities:\n").unwrap().1);
    world.project.write("syncs/shop.yaml", &both);
    api.until("/syncs", |syncs| syncs["pagination"]["total"] == 2).await;

    world.project.write("syncs/shop.yaml", &both.replace("mapping:", "maping:"));
    let broken = api.until("/server", has_errors).await;
    let places = texts(&broken["project_problems"], "at");
    assert!(places.iter().any(|at| at.starts_with("syncs/shop.yaml:")), "{broken}");
    assert_eq!(api.get("/syncs/shop.lead").await.is(200)["object"], "people");
    // What the API makes meanwhile counts.
    let made = instance(
        "api",
        json!({ "person": { "model": { "table": "customers", "key": "id" },
        "to": { "object": "others", "match": "external_id" }, "mapping": { "external_id": "id" } } }),
    );
    api.post("/instances", json!({ "document": made, "seed": false })).await.is(201);
    assert!(has_errors(&api.get("/server").await.is(200)));

    world.project.write("syncs/shop.yaml", SHOP);
    api.until("/server", |server| !has_errors(server)).await;
    api.get("/syncs/shop.lead").await.fails(404, "not_found");
    api.get("/syncs/api.person").await.is(200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_wins_over_an_object_of_the_same_name_which_can_then_be_removed() {
    let world = World::start().await;
    let api = &world.client;
    let made = instance("api", json!({ "person": person() }));
    api.post("/instances", json!({ "document": made, "seed": false })).await.is(201);
    assert_eq!(api.get("/syncs/api.person").await.is(200)["origin"], "api");
    let file = SHOP.replace("instance: shop", "instance: api").replace("contact:", "person:");
    world.project.write("syncs/api.yaml", &file.replace("contacts", "people"));
    api.until("/syncs/api.person", |sync| sync["origin"] == "file").await;
    let server = api.get("/server").await.is(200);
    assert_eq!(texts(&server["project_problems"], "code"), ["shadowed"], "{server}");

    api.delete("/instances/api").await.is(204);
    assert_eq!(api.get("/syncs/api.person").await.is(200)["origin"], "file");
    assert_eq!(api.get("/server").await.is(200)["project_problems"], json!([]));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_schedule_moves_the_next_run() {
    let world = World::start().await;
    let api = &world.client;
    api.post("/syncs/shop.contact/activate", json!({})).await.is(200);
    world.project.write(
        "syncs/shop.yaml",
        &SHOP.replace("    mapping:", "    schedule: { every: 12h }\n    mapping:"),
    );
    let far = api.until("/syncs/shop.contact", |sync| !sync["next_run_at"].is_null()).await;
    world
        .project
        .write("syncs/shop.yaml", &SHOP.replace("    mapping:", "    schedule: { every: 1h }\n    mapping:"));
    let moved = |sync: &Value| sync["next_run_at"].as_str() < far["next_run_at"].as_str();
    api.until("/syncs/shop.contact", moved).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_makes_the_others_on_its_state_take_over() {
    let project = Project::new();
    let store = project.store();
    let (other, there) = project.server(store.clone(), true).await;
    let here = project.serve_with(store, true).await;
    let made = instance("api", json!({ "person": person() }));
    let made = here.client.post("/instances", json!({ "document": made, "seed": false })).await;
    made.is(201);
    there.until("/syncs/api.person", |sync| sync["origin"] == "api").await;
    let change = |tag: &str| {
        json!({ "definition": { "tags": [tag], "model": person()["model"],
        "to": person()["to"], "mapping": person()["mapping"] } })
    };
    there.put("/syncs/api.person", change("there")).await.is(200);
    here.client.until("/syncs/api.person", |sync| sync["tags"] == json!(["there"])).await;
    here.client.delete("/instances/api").await.is(204);
    there.until("/instances", |instances| instances["pagination"]["total"] == 1).await;
    other.stop();
    other.ended().await.unwrap();
    here.stop().await;
}
