//! What helps people to write definitions.

use serde_json::{Value, json};

use crate::fixture::{World, instance, person, texts};

#[tokio::test]
async fn functions_and_schemas_are_told_to_whoever_writes() {
    let world = World::start().await;
    let functions = world.client.get("/functions").await.is(200);
    assert!(texts(&functions, "name").contains(&"lower".to_string()), "{functions}");
    assert!(functions[0]["signature"].is_string() && functions[0]["result"].is_string());
    let schema = world.client.get("/schemas/instance").await.is(200);
    assert!(schema["properties"]["entities"].is_object(), "{schema}");
    assert!(world.client.get("/schemas/project").await.is(200)["properties"]["connections"].is_object());
    world.client.get("/schemas/nothing").await.fails(404, "not_found");
}

#[tokio::test]
async fn a_schedule_is_told_in_words_with_its_next_fires_before_it_is_kept() {
    let world = World::start().await;
    let preview =
        |schedule| world.client.post("/schedules/preview", json!({ "schedule": schedule, "count": 3 }));
    let every = preview(json!({ "every": "15m" })).await.is(200);
    assert_eq!(
        (&every["words"], &every["schedule"]["every_seconds"]),
        (&json!("every 15 minutes"), &json!(900.0))
    );
    assert_eq!(every["next_fires"].as_array().unwrap().len(), 3);
    let cron = preview(json!({ "cron": "0 6 * * *", "timezone": "Europe/Berlin" })).await.is(200);
    assert_eq!(cron["words"], "at 06:00, in Europe/Berlin");
    let after = preview(json!({ "after": "shop.contact" })).await.is(200);
    assert_eq!(
        (&after["words"], &after["next_fires"]),
        (&json!("after each success of shop.contact"), &json!([]))
    );
    let wrong = preview(json!({ "cron": "61 6 * * *" })).await.fails(422, "bad_usage");
    assert_eq!(texts(&wrong["errors"], "at"), ["/schedule/cron"], "{wrong}");
    let nobody = preview(json!({ "after": "shop.nobody" })).await.fails(422, "bad_usage");
    assert_eq!(texts(&nobody["errors"], "at"), ["/schedule/after"], "{nobody}");
    preview(json!({})).await.fails(422, "bad_usage");
    // It left nothing behind, also in the audit log.
    let audit = world.client.get("/audit").await.is(200);
    assert_eq!(audit["pagination"]["total"], 0, "{audit}");
    assert_eq!(texts(&world.client.get("/instances").await.is(200)["data"], "name"), ["shop"]);
}

#[tokio::test]
async fn a_definition_is_checked_before_it_is_kept_and_each_problem_has_its_place_in_the_request() {
    let world = World::start().await;
    let document = instance("draft", json!({ "person": person() }));
    let good = world.client.post("/syncs/check", json!({ "draft": { "document": document } })).await.is(200);
    assert_eq!(good["good"], true, "{good}");
    assert_eq!(texts(&good["columns"], "name"), ["id", "email", "name"]);
    let mut wrong = person();
    wrong["mapping"] = json!({ "external_id": "id", "email": "lower(emial)", "nothing": "name" });
    let document = instance("draft", json!({ "person": wrong }));
    let check = json!({ "draft": { "document": document } });
    let told = world.client.post("/syncs/check", check.clone()).await.is(200);
    let places =
        ["/draft/document/entities/person/mapping/email", "/draft/document/entities/person/mapping/nothing"];
    assert_eq!(
        (&told["good"], texts(&told["problems"], "at")),
        (&json!(false), places.map(String::from).to_vec())
    );
    let preview = world.client.post("/syncs/preview", check).await;
    assert!(preview.status.is_client_error(), "{}", preview.text);
    assert_eq!(texts(&preview.body["errors"], "at"), places, "{}", preview.text);
    let missing = instance(
        "draft",
        json!({ "person": { "model": { "table": "customers", "key": "id" },
        "to": { "object": "new_people", "match": "id" } } }),
    );
    let made = json!({ "draft": { "document": missing }, "create": true });
    assert!(world.client.post("/syncs/check", made).await.is(200)["creation"].is_string());
    assert_eq!(world.project.count("target.db", "SELECT count(*) FROM new_people"), 0);
}

#[tokio::test]
async fn moving_a_cursor_is_estimated_before_it_is_done() {
    let world = World::start().await;
    world
        .client
        .post("/syncs/shop.contact/cursor/effect", json!({ "value": "2" }))
        .await
        .fails(422, "bad_usage");
    let mut with_cursor = person();
    with_cursor["model"]["cursor"] = json!("id");
    let document = instance("extra", json!({ "person": with_cursor }));
    world.client.post("/instances", json!({ "document": document, "seed": false })).await.is(201);
    let effect = |value| world.client.post("/syncs/extra.person/cursor/effect", json!({ "value": value }));
    let told = effect(json!("3")).await.is(200);
    assert_eq!(told, json!({ "from": null, "to": "3", "read": 1, "again": 0, "passed_over": 2 }));
    effect(json!("soon")).await.fails(422, "bad_usage");
    // Clearing is said in so many words.
    let set = |request| world.client.put("/syncs/extra.person/cursor", request);
    set(json!({})).await.fails(400, "bad_usage");
    assert_eq!(set(json!({ "value": null })).await.is(200)["value"], Value::Null);
}
