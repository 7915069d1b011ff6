//! All syncs at a glance.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::fixture::{Project, World, instance, person, texts};

/// Two more syncs of the same systems, made by the API, that nobody has run.
async fn with_people(world: &World) {
    let people = instance("extra", json!({ "person": person(), "idle": person_into("contacts") }));
    world.client.post("/instances", json!({ "document": people, "seed": false })).await.is(201);
}

fn person_into(object: &str) -> Value {
    let mut definition = person();
    definition["to"]["object"] = json!(object);
    definition
}

async fn run(world: &World, sync: &str, request: Value) -> Value {
    let started = world.client.post(&format!("/syncs/{sync}/trigger"), request).await.is(202);
    world.ended(started["id"].as_str().unwrap()).await
}

#[tokio::test]
async fn what_needs_a_person_is_named_with_its_place() {
    let world = World::start().await;
    assert_eq!(
        world.client.get("/attention").await.is(200),
        json!({ "held": [], "halted": [], "failing": [], "review": [], "dead_letters": [] })
    );
    run(&world, "shop.contact", json!({})).await;
    world.project.sql(
        "target.db",
        "DELETE FROM contacts; ALTER TABLE contacts ADD COLUMN age CHECK (external_id <> 9)",
    );
    world.project.sql("source.db", "INSERT INTO customers VALUES (9, 'nine@example.com', 'Nine')");
    let failed = run(&world, "shop.contact", json!({})).await;
    assert_eq!(failed["rows_failed"], 1, "{failed}");
    let list = world.client.get("/attention").await.is(200);
    assert_eq!(texts(&list["review"], "run_id"), [failed["id"].as_str().unwrap()]);
    assert_eq!(list["review"][0]["rows_failed"], 1);
    assert_eq!(list["dead_letters"], json!([{ "sync_id": "shop.contact", "open": 1 }]));
    world.project.sql("target.db", "DROP TABLE contacts");
    let broken = run(&world, "shop.contact", json!({ "cursor": "full" })).await;
    assert_ne!(broken["status"], "completed", "{broken}");
    let list = world.client.get("/attention").await.is(200);
    assert_eq!(texts(&list["failing"], "run_id"), [broken["id"].as_str().unwrap()]);
    assert!(list["failing"][0]["error"]["message"].is_string(), "{list}");
    assert_eq!(list["review"], json!([]), "one thing is named once");
}

#[tokio::test]
async fn trends_and_figures_of_many_syncs_come_at_once() {
    let world = World::start().await;
    with_people(&world).await;
    let first = run(&world, "shop.contact", json!({})).await;
    run(&world, "extra.person", json!({})).await;
    run(&world, "extra.person", json!({ "type": "test" })).await;
    let all = world.client.get("/trends").await.is(200);
    assert_eq!(texts(&all["data"], "sync_id"), ["extra.idle", "extra.person", "shop.contact"]);
    assert_eq!(all["data"][2], world.client.get("/syncs/shop.contact/trends").await.is(200));
    assert_eq!(all["data"][2]["points"][0]["run_id"], first["id"]);
    assert_eq!(all["data"][1]["points"].as_array().unwrap().len(), 1, "tests do not count");
    let some = world.client.get("/trends?sync_id=shop.contact,extra.idle&per_page=1&page=2").await.is(200);
    assert_eq!(
        (texts(&some["data"], "sync_id"), &some["pagination"]["total"]),
        (vec!["shop.contact".into()], &json!(2))
    );
    world.client.get("/trends?runs=0").await.fails(400, "bad_usage");
    let health = world.client.get("/health/syncs?window=7d").await.is(200);
    assert_eq!(texts(&health, "sync_id"), ["extra.person", "shop.contact"]);
    assert_eq!((&health[1]["completed"], &health[1]["rows_synced"]), (&json!(1), &json!(3)));
    assert_eq!((&health[1]["success_rate"], &health[1]["total_runs"]), (&json!(1.0), &json!(1)));
}

#[tokio::test]
async fn syncs_and_runs_are_found_by_what_is_known_of_them() {
    let world = World::start().await;
    with_people(&world).await;
    let found = |query: &str| {
        let (client, path) = (world.client.clone(), format!("/syncs?{query}"));
        async move { texts(&client.get(&path).await.is(200)["data"], "id") }
    };
    assert_eq!(found("q=PEOPLE").await, ["extra.person"]);
    assert_eq!(found("q=contact&instance=shop,extra").await, ["extra.idle", "shop.contact"]);
    assert_eq!(found("instance=shop").await, ["shop.contact"]);
    world.client.post("/syncs/extra.idle/deactivate", json!({})).await.is(200);
    assert!(found("state=inactive").await.contains(&"extra.idle".to_string()));
    assert!(!found("state=active").await.contains(&"extra.idle".to_string()));
    world.client.get("/syncs?state=asleep").await.fails(400, "bad_usage");
    let contact = run(&world, "shop.contact", json!({})).await;
    let person = run(&world, "extra.person", json!({ "max_entities": 1 })).await;
    assert_eq!((&contact["limited"], &person["limited"]), (&json!(false), &json!(true)));
    let runs = |query: String| {
        let client = world.client.clone();
        async move { texts(&client.get(&format!("/runs?{query}")).await.is(200)["data"], "id") }
    };
    let (contact_id, person_id) = (contact["id"].as_str().unwrap(), person["id"].as_str().unwrap());
    assert_eq!(runs("sync_id=shop.contact".into()).await, [contact_id]);
    assert_eq!(runs("sync_id=shop.contact,extra.person".into()).await, [person_id, contact_id]);
    assert!(runs("sync_id=nobody.knows".into()).await.is_empty());
    assert!(runs("failed_rows=true".into()).await.is_empty());
    world.client.get(&format!("/runs?q={}", "x".repeat(201))).await.fails(400, "bad_usage");
    let ended = person["completed_at"].as_str().unwrap();
    assert_eq!(runs(format!("completed_since={ended}")).await, [person_id]);
    assert_eq!(runs(format!("completed_until={ended}")).await, [contact_id]);
}

#[tokio::test]
async fn a_project_of_many_syncs_is_registered_and_scheduled_at_the_start_and_as_it_grows() {
    let project = Project::new();
    let write = |project: &Project, instance: &str, syncs: usize| {
        let entity = "{ active: true, schedule: { every: 12h }, model: { table: customers, key: id },
            to: { object: contacts, match: external_id }, mapping: { external_id: id, email: lower(email) } }";
        let entities: String = (0..syncs).map(|n| format!("  s{n:03}: {entity}\n")).collect();
        let text = format!("instance: {instance}\nsource: warehouse\ntarget: crm\nentities:\n{entities}");
        project.write(&format!("syncs/{instance}.yaml"), &text);
    };
    write(&project, "many", 620);
    let world = project.serve().await;
    let active = world.client.get("/syncs?state=active&per_page=1").await.is(200);
    assert_eq!(active["pagination"]["total"], 620);
    let last = world.client.get("/schedules?per_page=200&page=4").await.is(200);
    assert_eq!(last["pagination"]["total"], 620);
    assert_eq!(texts(&last["data"], "sync_id")[0], "many.s600");
    assert_eq!(texts(&last["data"], "next_run_at").len(), 20, "{last}");
    write(&world.project, "more", 510);
    let grown = |active: &Value| active["pagination"]["total"] == 1_130;
    world.client.until("/syncs?state=active&per_page=1", grown).await;
    let scheduled = |list: &Value| texts(&list["data"], "next_run_at").len() == 130;
    world.client.until("/schedules?per_page=200&page=6", scheduled).await;
}

#[tokio::test]
async fn schedules_come_with_the_run_that_waits_and_what_did_not_run() {
    let world = World::start().await;
    let entity = |schedule: Value| {
        let mut entity = person();
        entity["schedule"] = schedule;
        entity["active"] = json!(true);
        entity
    };
    let timed = json!({ "every": "12h" });
    let entities = json!({ "b": entity(timed.clone()), "a": entity(json!({ "after": "extra.b" })),
        "idle": person(), "c": entity(timed) });
    world
        .client
        .post("/instances", json!({ "document": instance("extra", entities), "seed": false }))
        .await
        .is(201);
    for sync in ["a", "b"] {
        world.client.post(&format!("/syncs/extra.{sync}/activate"), json!({})).await.is(200);
    }
    world.client.post("/syncs/extra.c/deactivate", json!({})).await.is(200);
    // It takes the place of the fire.
    let soon = Timestamp::now().round(jiff::Unit::Second).unwrap() + SignedDuration::from_hours(1);
    let asked = json!({ "type": "sync", "run_at": soon });
    world.client.post("/syncs/extra.b/trigger", asked).await.is(202);
    let list = world.client.get("/schedules").await.is(200);
    assert_eq!(texts(&list["data"], "sync_id"), ["extra.a", "extra.b", "extra.c"]);
    assert_eq!(texts(&list["data"], "state"), ["active", "active", "inactive"]);
    let [a, b, c] = [0, 1, 2].map(|n| &list["data"][n]);
    assert_eq!((&a["next_run_at"], &a["schedule"]["after"]), (&Value::Null, &json!("extra.b")));
    assert_eq!((&b["next_run_at"], &b["next_fires"][0]), (&json!(soon), &json!(soon)));
    assert_eq!(texts(&b["missed"], "end_reason"), ["superseded"]);
    assert_eq!((&c["next_run_at"], &c["missed"]), (&Value::Null, &json!([])));
    assert_eq!(c["next_fires"].as_array().unwrap().len(), 10, "{c}");
    for (n, one) in [("b", 2), ("c", 3)] {
        let page = world.client.get(&format!("/schedules?per_page=1&page={one}")).await.is(200);
        assert_eq!(texts(&page["data"], "sync_id"), [format!("extra.{n}")]);
        let alone = world.client.get(&format!("/syncs/extra.{n}/schedule")).await.is(200);
        assert_eq!(texts(&json!([alone]), "next_run_at"), texts(&page["data"], "next_run_at"));
    }
    world.client.get("/syncs/extra.idle/schedule").await.fails(404, "not_found");
}
