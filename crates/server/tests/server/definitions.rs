//! Connections, instances and syncs made, changed and removed through the API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{World, instance, person, texts};

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_made_changed_and_removed() {
    let world = World::start().await;
    let api = &world.client;
    let made = api
        .post("/connections", json!({ "name": "erp", "document": { "type": "sqlite", "path": "source.db" } }))
        .await;
    assert_eq!(made.etag.as_deref(), Some("\"1\""));
    let made = made.is(201);
    assert_eq!(made["type"], "sqlite");
    assert_eq!(made["origin"]["kind"], "api");
    assert_eq!(api.get("/connections").await.is(200)["pagination"]["total"], 3);
    api.post("/connections", json!({ "name": "erp", "document": { "type": "sqlite", "path": "x.db" } }))
        .await
        .fails(409, "conflict");

    let document =
        json!({ "document": { "type": "sqlite", "path": "source.db", "description": "the shop" } });
    let changed = api.send(Method::PUT, "/connections/erp", Some(&document), "\"1\"").await;
    assert_eq!(changed.etag.as_deref(), Some("\"2\""));
    assert_eq!(changed.is(200)["description"], "the shop");
    api.send(Method::PUT, "/connections/erp", Some(&document), "\"1\"").await.fails(412, "conflict");
    api.send(Method::DELETE, "/connections/erp", None, "\"1\"").await.fails(412, "conflict");

    let hidden = json!({ "name": "check", "document": { "type": "sqlite", "path": "x.db" } });
    api.post("/connections", hidden).await.fails(422, "bad_usage");

    let checked = api.send(Method::POST, "/connections/erp/check", None, "").await.is(200);
    assert_eq!(checked["good"], true, "{checked}");
    api.send(Method::DELETE, "/connections/erp", None, "\"2\"").await.is(204);
    api.get("/connections/erp").await.fails(404, "not_found");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_with_a_document_is_told_at_once() {
    let world = World::start().await;
    let api = &world.client;
    let wrong = json!({ "name": "erp", "document": { "type": "sqlite", "pfad": "x", "busy_timeout": 5 } });
    let problem = api.post("/connections", wrong).await.fails(422, "invalid_config");
    let places = texts(&problem["errors"], "at");
    assert!(places.len() >= 2, "{problem}");
    assert!(places.contains(&"/document/pfad".to_string()), "{problem}");
    assert!(places.iter().all(|at| at.starts_with("/document")), "{problem}");

    let mut definition = person();
    definition["mapping"]["email"] = json!("lower(");
    definition["write_mode"] = json!("replace");
    let draft = json!({ "document": instance("api", json!({ "person": definition.clone() })) });
    let told = api.post("/syncs/validate", draft.clone()).await.is(200);
    assert_eq!(told["valid"], false);
    let places = texts(&told["problems"], "at");
    assert!(places.contains(&"/document/entities/person/write_mode".to_string()), "{told}");
    let problem = api.post("/instances", draft).await.fails(422, "invalid_config");
    assert_eq!(problem["errors"], told["problems"]);

    api.post("/instances", json!({ "document": instance("api", json!({})), "seed": false })).await.is(201);
    let new = json!({ "instance": "api", "entity": "person", "definition": definition });
    let problem = api.post("/syncs", new).await.fails(422, "invalid_config");
    let places = texts(&problem["errors"], "at");
    assert!(places.contains(&"/definition/write_mode".to_string()), "{problem}");
    assert_eq!(api.get("/syncs").await.is(200)["pagination"]["total"], 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_files_define_is_read_only_and_says_where_it_is() {
    let world = World::start().await;
    let api = &world.client;
    let crm = api.get("/connections/crm").await;
    assert_eq!(crm.etag, None);
    let crm = crm.is(200);
    assert_eq!(
        (&crm["origin"]["kind"], &crm["origin"]["place"]),
        (&json!("file"), &json!("syncline.yaml:3"))
    );
    assert_eq!(crm["used_by"], json!(["shop.contact"]));
    let sync = api.get("/syncs/shop.contact").await.is(200);
    assert_eq!((&sync["origin"], &sync["place"]), (&json!("file"), &json!("syncs/shop.yaml:5")));
    assert_eq!(
        api.get("/syncs/shop.contact/definition").await.is(200)["definition"]["to"]["object"],
        "contacts"
    );

    let connection = json!({ "document": { "type": "sqlite", "path": "x.db" } });
    let problem = api.put("/connections/crm", connection).await.fails(409, "read_only");
    assert!(problem["detail"].as_str().unwrap().contains("syncline.yaml:3"), "{problem}");
    api.delete("/connections/crm").await.fails(409, "read_only");
    let whole = json!({ "document": instance("shop", json!({ "contact": person() })) });
    api.post("/instances", whole.clone()).await.fails(409, "read_only");
    api.put("/instances/shop", whole).await.fails(409, "read_only");
    api.delete("/instances/shop").await.fails(409, "read_only");
    api.put("/syncs/shop.contact", json!({ "definition": person() })).await.fails(409, "read_only");
    let problem = api.delete("/syncs/shop.contact").await.fails(409, "read_only");
    assert!(problem["detail"].as_str().unwrap().contains("syncs/shop.yaml:1"), "{problem}");
    let yaml = api.get("/instances/shop/export").await;
    assert!(yaml.text.contains("instance: shop") && yaml.text.contains("lower(email)"), "{}", yaml.text);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_is_made_is_seeded_and_gone_when_it_is_removed() {
    let world = World::start().await;
    let api = &world.client;
    api.post("/instances", json!({ "document": instance("api", json!({})) })).await.is(201);
    let new = json!({ "instance": "api", "entity": "person", "definition": person() });
    let made = api.post("/syncs", new.clone()).await.is(201);
    assert_eq!((&made["sync"]["id"], &made["sync"]["origin"]), (&json!("api.person"), &json!("api")));
    assert_eq!(made["seed"]["run"]["type"], "seed", "{made}");
    let run = world.ended(made["seed"]["run"]["id"].as_str().unwrap()).await;
    assert_eq!((&run["status"], &run["rows_created"]), (&json!("completed"), &json!(3)), "{run}");
    assert_eq!(world.project.count("target.db", "SELECT count(*) FROM people"), 3);
    api.post("/syncs", new).await.fails(409, "conflict");

    let tag = api.get("/syncs/api.person/definition").await.etag.unwrap();
    let mut definition = person();
    definition["tags"] = json!(["vip"]);
    let body = json!({ "definition": definition });
    let changed = api.send(Method::PUT, "/syncs/api.person", Some(&body), &tag).await.is(200);
    assert_eq!(changed["sync"]["tags"], json!(["vip"]));
    api.send(Method::PUT, "/syncs/api.person", Some(&body), &tag).await.fails(412, "conflict");

    api.delete("/syncs/api.person").await.is(204);
    api.get("/syncs/api.person").await.fails(404, "not_found");
    // What is known of it stays.
    assert_eq!(api.get("/runs?type=seed").await.is(200)["pagination"]["total"], 1);
    let quiet = json!({ "instance": "api", "entity": "quiet", "definition": person(), "seed": false });
    assert_eq!(api.post("/syncs", quiet).await.is(201)["seed"], Value::Null);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_need_is_not_removed() {
    let world = World::start().await;
    let api = &world.client;
    let store = json!({ "name": "store", "document": { "type": "sqlite", "path": "source.db" } });
    api.post("/connections", store).await.is(201);
    let mut document = instance("api", json!({ "person": person() }));
    document["source"] = json!("store");
    api.post("/instances", json!({ "document": document, "seed": false })).await.is(201);
    let mut after = person();
    after["to"]["object"] = json!("others");
    after["schedule"] = json!({ "after": "api.person" });
    let after = instance("later", json!({ "other": after }));
    api.post("/instances", json!({ "document": after, "seed": false })).await.is(201);

    let problem = api.delete("/connections/store").await.fails(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("api.person"), "{problem}");
    let problem = api.delete("/syncs/api.person").await.fails(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("instances/later"), "{problem}");
    api.delete("/instances/later").await.is(204);
    api.delete("/instances/api").await.is(204);
    api.delete("/connections/store").await.is(204);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_discovered_and_syncs_are_previewed_and_checked() {
    let world = World::start().await;
    let api = &world.client;
    let found = api.send(Method::POST, "/connections/warehouse/discover", None, "").await.is(200);
    assert_eq!(texts(&found["streams"], "name"), ["customers", "orders"]);
    let found =
        api.post("/connections/warehouse/discover", json!({ "search": "CUST", "limit": 1 })).await.is(200);
    assert_eq!(found["total"], 1);
    assert_eq!(found["streams"][0]["key"], json!(["id"]));
    assert_eq!(
        found["streams"][0]["columns"][1],
        json!({ "name": "email", "type": "text", "nullable": true })
    );
    api.post("/connections/warehouse/discover", json!({ "limit": 0 })).await.fails(400, "bad_usage");

    let preview = api.post("/syncs/shop.contact/preview", json!({ "limit": 2 })).await.is(200);
    assert_eq!(preview["rows"].as_array().unwrap().len(), 2);
    assert_eq!(preview["rows"][0]["source"]["email"], "Ann@Example.com");
    assert_eq!(preview["rows"][0]["payload"], json!({ "external_id": 1, "email": "ann@example.com" }));
    let mut definition = person();
    definition["mapping"]["email"] = json!("upper(email)");
    let draft = json!({ "draft": { "document": instance("api", json!({ "person": definition })) } });
    let preview = api.post("/syncs/preview", draft).await.is(200);
    assert_eq!(preview["rows"][1]["payload"]["email"], "BOB@EXAMPLE.COM");
    assert_eq!(world.project.count("target.db", "SELECT count(*) FROM people"), 0);

    let checked = api.send(Method::POST, "/syncs/shop.contact/check", None, "").await.is(200);
    assert_eq!((&checked["good"], &checked["fields"]), (&json!(true), &json!(["external_id", "email"])));
    let types = api.get("/connectors").await.is(200);
    assert!(texts(&types, "type").contains(&"postgres".to_string()), "{types}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_is_there_after_a_restart() {
    let world = World::start().await;
    let document = instance("api", json!({ "person": person() }));
    world.client.post("/instances", json!({ "document": document, "seed": false })).await.is(201);
    let world = world.stop().await.serve().await;
    assert_eq!(world.client.get("/instances/api").await.is(200)["syncs"], json!(["api.person"]));
    let server = world.client.get("/server").await.is(200);
    assert_eq!((&server["state"], &server["project_problems"]), (&json!("sqlite"), &json!([])));
    world.stop().await;
}
