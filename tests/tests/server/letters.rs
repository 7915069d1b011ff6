//! Dead letters of real constraint violations, through the API: found, grouped, edited, replayed, ignored.

use std::path::Path;

use serde_json::{Value as Json, json};
use syncline_tests::databases::{Database, Postgres, Sqlite};
use syncline_tests::project::Project;
use syncline_tests::server::{Client, Server};

use crate::world::{SYNC, token};

const FAILED: [&str; 3] = ["3", "5", "7"];

struct Shop {
    project: Project,
    source: Box<dyn Database>,
    target: Box<dyn Database>,
}

impl Shop {
    /// Twenty rows, of which one breaks a check, one names a country that is not there, and one has a code
    /// that is too long.
    fn new(more: &str) -> Self {
        let (source, target) = (Postgres::new(), Postgres::new());
        target.execute(
            "create table country (code text primary key); insert into country values ('DE');
             create table copy (id bigint primary key, country text references country,
               age int check (age >= 0), code varchar(5));",
        );
        let (from, into) = (source.options(), target.options());
        Self::of(Box::new(source), Box::new(target), &from, &into, more)
    }

    fn of(source: Box<dyn Database>, target: Box<dyn Database>, from: &str, into: &str, more: &str) -> Self {
        source.execute("create table item (id bigint primary key, country text, age int, code text)");
        for id in 1..=20 {
            source.execute(&format!("insert into item values ({id}, 'DE', 30, 'c')"));
        }
        source.execute("update item set age = -1 where id = 3");
        source.execute("update item set country = 'XX' where id = 5");
        source.execute("update item set code = 'far too long' where id = 7");
        let entity = format!("model: {{ table: item, key: id }}\nto: {{ object: copy }}\n{more}");
        let project = Project::of(from, into, &[("item", &entity)]);
        Self { project, source, target }
    }

    /// Served, after a run that three rows of failed.
    fn serve(&self) -> Server {
        let server = Server::start(&self.project);
        let run = server.client.run(SYNC, json!({}));
        assert_eq!((&run["status"], &run["rows_failed"]), (&json!("completed"), &json!(3)), "{run}");
        server
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn list(client: &Client, query: &str) -> Vec<Json> {
    let list = client.get(&format!("/dead-letters?{query}")).expect(200);
    list["data"].as_array().expect("a list").clone()
}

/// The newest letter of a record.
#[track_caller]
fn letter(client: &Client, row_id: &str) -> Json {
    list(client, &format!("key={row_id}")).first().cloned().unwrap_or_else(|| panic!("no letter of {row_id}"))
}

fn id(client: &Client, row_id: &str) -> String {
    text(&letter(client, row_id)["id"])
}

fn states(client: &Client) -> Vec<String> {
    FAILED.map(|row_id| text(&letter(client, row_id)["state"])).to_vec()
}

/// Replays and waits for the end of the one run that this takes.
#[track_caller]
fn replay(client: &Client, request: Json) -> Json {
    let started = client.post("/dead-letters/replay", request).expect(202);
    let runs = started["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 1, "{started}");
    client.ended(runs[0]["id"].as_str().expect("an id"))
}

#[test]
fn letters_are_found_by_what_they_are_about_and_grouped_by_their_error() {
    let shop = Shop::new("");
    shop.source.execute("update item set age = -2 where id = 4");
    let server = Server::start(&shop.project);
    let client = &server.client;
    let run = client.run(SYNC, json!({}));
    assert_eq!(run["rows_failed"], 4);
    assert_eq!(
        client.get("/dead-letters").expect(200)["pagination"],
        json!({ "page": 1, "per_page": 20, "total": 4 })
    );
    let one = letter(client, "7");
    assert_eq!(
        (text(&one["sync_id"]), text(&one["state"]), text(&one["stage"])),
        (SYNC.into(), "open".into(), "transform".into())
    );
    assert_eq!((&one["field"], &one["source_row"]["code"]), (&json!("code"), &json!("far too long")));
    assert_eq!(one["run_id"], run["id"]);
    assert_eq!(client.get(&format!("/dead-letters/{}", text(&one["id"]))).expect(200), one);
    let groups = client.get("/dead-letters/groups").expect(200);
    let counts: Vec<_> =
        groups["data"].as_array().unwrap().iter().map(|group| group["count"].clone()).collect();
    assert_eq!(counts, [2, 1, 1], "{groups}");
    let fingerprint = text(&groups["data"][0]["fingerprint"]);
    let run_id = text(&run["id"]);
    for (query, found) in [
        (format!("fingerprint={fingerprint}"), 2),
        (format!("run_id={run_id}&state=open,ignored"), 4),
        (format!("sync_id={SYNC}&per_page=3&page=2"), 1),
        (format!("code={}", text(&one["code"])), 1),
        ("sync_id=no.such".into(), 0),
        ("state=ignored".into(), 0),
        ("until=2001-01-01T00:00:00Z".into(), 0),
        ("since=2001-01-01T00:00:00Z".into(), 4),
    ] {
        assert_eq!(list(client, &query).len(), found, "{query}");
    }
    assert_eq!(client.get("/dead-letters?state=lost").problem(400), "bad_usage");
    assert_eq!(client.get("/dead-letters/dl_nothing").problem(404), "not_found");
}

#[test]
fn a_payload_corrected_by_hand_is_checked_and_replayed() {
    let shop = Shop::new("");
    let server = shop.serve();
    let client = &server.client;
    let path = format!("/dead-letters/{}", id(client, "7"));
    let edit = |payload: Json| client.with_json("PATCH", &path, json!({ "payload": payload }));
    assert_eq!(edit(json!({ "code": "still too long" })).problem(422), "bad_usage");
    assert_eq!(edit(json!({ "colour": "red" })).problem(422), "bad_usage");
    assert_eq!(client.with_json("PATCH", &path, json!({})).problem(400), "bad_usage");
    let edited = edit(json!({ "code": "other" })).expect(200);
    assert_eq!(edited["edited"]["payload"]["code"], "other");
    assert_eq!(edit(Json::Null).expect(200)["edited"], Json::Null);
    edit(json!({ "code": "short" })).expect(200);
    let started = client.post(&format!("{path}/replay"), json!({ "mode": "edited" })).expect(202);
    let run = client.ended(started["runs"][0]["id"].as_str().unwrap());
    assert_eq!(
        (&run["type"], &run["trigger"], &run["rows_created"]),
        (&json!("replay"), &json!("api"), &json!(1)),
        "{run}"
    );
    assert_eq!(shop.target.value("select code from copy where id = 7"), "short");
    assert_eq!(states(client), ["open", "open", "resolved_replay"]);
    assert_eq!(edit(json!({ "code": "late" })).problem(409), "conflict");
    client.run(SYNC, json!({}));
    assert_eq!(shop.target.value("select code from copy where id = 7"), "short", "until its row changes");
}

#[test]
fn a_parent_that_arrives_later_resolves_its_child_by_itself() {
    let shop = Shop::new("");
    let server = shop.serve();
    shop.target.execute("insert into country values ('XX')");
    let run = server.client.run(SYNC, json!({}));
    assert_eq!((&run["rows_created"], &run["rows_failed"]), (&json!(1), &json!(2)), "{run}");
    assert_eq!(states(&server.client), ["open", "resolved_auto", "open"]);
    assert_eq!(shop.target.value("select country from copy where id = 5"), "XX");
}

/// G13: v1 fails, v2 arrives, v1 is replayed.
#[test]
fn a_captured_payload_never_goes_over_something_newer() {
    let shop = Shop::new("");
    let server = shop.serve();
    let client = &server.client;
    let old = id(client, "3");
    shop.source.execute("update item set age = 33 where id = 3");
    client.run(SYNC, json!({}));
    assert_eq!(shop.target.value("select age from copy where id = 3"), "33");
    shop.target.execute("alter table copy drop constraint copy_age_check");
    let refused = client.post("/dead-letters/replay", json!({ "ids": [old], "mode": "as_captured" }));
    assert_eq!(refused.problem(409), "conflict");
    let estimate =
        client.post("/dead-letters/estimate", json!({ "ids": [old], "mode": "as_captured" })).expect(200);
    assert_eq!((&estimate["letters"], &estimate["replayable"]), (&json!(1), &json!(0)));
    assert_eq!(estimate["refused"][0]["letters"], 1, "{estimate}");
    assert_eq!(shop.target.value("select age from copy where id = 3"), "33");
}

#[test]
fn a_group_is_estimated_tried_and_replayed() {
    let shop = Shop::new("");
    let server = shop.serve();
    let client = &server.client;
    shop.source.execute("update item set age = 31 where id in (3, 4)");
    let group = text(&letter(client, "3")["fingerprint"]);
    let wanted = json!({ "group": group, "sync_id": SYNC, "per_second": 100 });
    let estimate = client.post("/dead-letters/estimate", wanted.clone()).expect(200);
    assert_eq!(
        (&estimate["replayable"], &estimate["runs"], &estimate["seconds"]),
        (&json!(1), &json!(1), &json!(0.01)),
        "{estimate}"
    );
    let test = replay(client, json!({ "group": group, "dry_run": true }));
    assert_eq!(
        (&test["type"], &test["dry_run"], &test["rows_created"]),
        (&json!("test"), &json!(true), &json!(1)),
        "{test}"
    );
    assert_eq!(
        (shop.target.value("select count(*) from copy"), states(client)),
        ("17".into(), vec!["open".into(); 3])
    );
    let run = replay(client, wanted);
    assert_eq!((&run["rows_processed"], &run["rows_created"]), (&json!(1), &json!(1)), "{run}");
    assert_eq!(shop.target.value("select age from copy where id = 4"), "30", "nobody asked for it");
    assert_eq!(states(client), ["resolved_replay", "open", "open"]);
    let again = client.post("/dead-letters/replay", json!({ "group": group }));
    assert_eq!(again.problem(404), "not_found");
}

#[test]
fn what_is_still_wrong_after_a_replay_is_open_with_another_attempt() {
    let shop = Shop::new("");
    let server = shop.serve();
    let client = &server.client;
    let run = replay(client, json!({ "filter": { "sync_id": SYNC } }));
    assert_eq!((&run["status"], &run["rows_failed"]), (&json!("completed"), &json!(3)), "{run}");
    for row_id in FAILED {
        let letter = letter(client, row_id);
        assert_eq!(
            (text(&letter["state"]), &letter["attempts"], &letter["run_id"]),
            ("open".into(), &json!(2), &run["id"])
        );
    }
    for nonsense in
        [json!({}), json!({ "ids": ["a"], "group": "b" }), json!({ "ids": ["a"], "sync_id": SYNC })]
    {
        assert_eq!(client.post("/dead-letters/replay", nonsense).problem(422), "bad_usage");
    }
    assert_eq!(client.post("/dead-letters/replay", json!({ "ids": ["dl_no"] })).problem(404), "not_found");
}

#[test]
fn an_ignored_row_is_not_sent_again_until_it_changes_or_is_reopened() {
    let shop = Shop::new("");
    let server = shop.serve();
    let client = &server.client;
    let ids: Vec<_> = ["3", "5"].map(|row_id| id(client, row_id)).to_vec();
    let mut events = client.listen("/events", None);
    let long = json!({ "ids": ids, "reason": "x".repeat(501) });
    assert_eq!(client.post("/dead-letters/ignore", long).problem(422), "bad_usage");
    let wanted = json!({ "ids": ids, "reason": " agreed with the shop \n" });
    let ignored = client.post("/dead-letters/ignore", wanted).expect(200);
    let letter = client.get(&format!("/dead-letters/{}", ids[0])).expect(200);
    assert_eq!(letter["ignored_because"], "agreed with the shop");
    let audit = client.get("/audit?action=dead-letters.ignore&per_page=1").expect(200);
    let detail = json!({ "letters": 2, "ids": ids, "syncs": [SYNC], "reason": "agreed with the shop" });
    assert_eq!(audit["data"][0]["detail"], detail);
    assert_eq!(ignored, json!({ "changed": 2, "unchanged": 0 }));
    let told =
        std::iter::from_fn(|| events.next_event()).find(|event| event.kind == "letter").expect("an event");
    assert_eq!(told.data["data"]["changes"], json!({ "ignored": 2 }));
    assert_eq!(client.post("/dead-letters/ignore", json!({ "ids": ids })).problem(409), "conflict");
    shop.target.execute("alter table copy drop constraint copy_age_check; insert into country values ('XX')");
    let run = client.run(SYNC, json!({}));
    assert_eq!((&run["rows_created"], &run["rows_failed"]), (&json!(0), &json!(1)), "{run}");
    shop.source.execute("update item set age = -7 where id = 3");
    client.run(SYNC, json!({}));
    assert_eq!(shop.target.value("select age from copy where id = 3"), "-7");
    assert_eq!(states(client), ["resolved_auto", "ignored", "open"]);
    let reopened = client.post("/dead-letters/reopen", json!({ "filter": { "sync_id": SYNC } })).expect(200);
    assert_eq!(reopened["changed"], 1);
    client.run(SYNC, json!({}));
    assert_eq!(states(client), ["resolved_auto", "resolved_auto", "open"]);
    let resolved = client.post("/dead-letters/resolve", json!({ "ids": [id(client, "7")] })).expect(200);
    assert_eq!((resolved["changed"].as_u64(), states(client)[2].as_str()), (Some(1), "resolved_user"));
}

#[test]
fn a_halted_sync_takes_replays() {
    let shop = Shop::new("halt: { consecutive_failures: 1 }");
    let server = shop.serve();
    let client = &server.client;
    shop.source.execute("alter table item rename to other");
    assert_eq!(client.run(SYNC, json!({}))["status"], "failed");
    shop.source.execute("alter table other rename to item");
    assert_eq!(client.post(&format!("/syncs/{SYNC}/trigger"), Json::Null).problem(409), "sync_halted");
    shop.source.execute("update item set age = 31 where id = 3");
    let run = replay(client, json!({ "ids": [id(client, "3")] }));
    assert_eq!((&run["status"], &run["rows_created"]), (&json!("completed"), &json!(1)), "{run}");
    assert_eq!(states(client), ["resolved_replay", "open", "open"]);
}

#[test]
fn a_replay_that_is_cancelled_while_it_waits_leaves_its_letters_open() {
    let mut shop = Shop::new("");
    shop.project.set_variable("FAILPOINTS", "engine.publish.before=1*off->sleep(3000)");
    let server = shop.serve();
    let client = &server.client;
    shop.source.execute("update item set age = 31 where id = 3");
    let first = client.post(&format!("/syncs/{SYNC}/trigger"), json!({ "type": "one_time" })).expect(202);
    let first = text(&first["id"]);
    client.until(&format!("/runs/{first}"), |run| run["status"] == "running");
    let started =
        client.post("/dead-letters/replay", json!({ "ids": [id(client, "5"), id(client, "7")] })).expect(202);
    let waiting = text(&started["runs"][0]["id"]);
    assert_eq!(client.get(&format!("/runs/{waiting}")).expect(200)["status"], "queued");
    client.post(&format!("/runs/{waiting}/cancel"), Json::Null).expect(202);
    assert_eq!(client.ended(&waiting)["status"], "cancelled");
    assert_eq!(client.ended(&first)["status"], "completed");
    assert_eq!(states(client), ["resolved_auto", "open", "open"]);
}

#[test]
fn an_export_has_every_letter_and_no_formula() {
    let shop = Shop::new("");
    let server = shop.serve();
    let client = &server.client;
    let path = format!("/dead-letters/{}", id(client, "7"));
    client.with_json("PATCH", &path, json!({ "payload": { "code": "=1+1" } })).expect(200);
    let lines = client.get("/dead-letters/export");
    assert_eq!(lines.headers["content-type"], "application/x-ndjson");
    let letters: Vec<Json> =
        lines.text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(letters, list(client, ""));
    let csv = client.get("/dead-letters/export?format=csv");
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(csv.text.lines().count(), 4, "{}", csv.text);
    assert!(!csv.text.contains(",=") && !csv.text.contains(",-"), "no cell is a formula: {}", csv.text);
    assert_eq!(client.get("/dead-letters/export?format=csv&state=ignored").text.lines().count(), 1);
    assert_eq!(client.get("/dead-letters/export?format=xlsx").problem(400), "bad_usage");
}

#[test]
fn letters_of_sqlite_are_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target] = ["source.db", "target.db"].map(|name| folder.path().join(name));
    let options = |path: &Path| format!("{{ type: sqlite, path: \"{}\" }}", path.display());
    let (from, into) = (options(&source), options(&target));
    let (source, target) = (Sqlite::create(&source), Sqlite::create(&target));
    target.execute(
        "create table copy (id integer primary key, country text check (country = 'DE'),
           age integer check (age >= 0), code text check (length(code) <= 5))",
    );
    let shop = Shop::of(Box::new(source), Box::new(target), &from, &into, "");
    let server = shop.serve();
    let client = &server.client;
    let path = format!("/dead-letters/{}", id(client, "7"));
    client.with_json("PATCH", &path, json!({ "payload": { "code": "short" } })).expect(200);
    replay(client, json!({ "ids": [id(client, "7")], "mode": "edited" }));
    shop.source.execute("update item set age = 31 where id = 3");
    replay(client, json!({ "ids": [id(client, "3")] }));
    assert_eq!(states(client), ["resolved_replay", "open", "resolved_replay"]);
    assert_eq!(shop.target.value("select code from copy where id = 7"), "short");
}

#[test]
fn who_may_only_look_changes_no_letter() {
    let shop = Shop::new("");
    let server = shop.serve();
    let viewer = server.client.with_token(&token(&server.client, "viewer"));
    let ids = json!({ "ids": [id(&viewer, "3")] });
    for operation in ["replay", "estimate", "ignore", "reopen", "resolve"] {
        assert_eq!(viewer.post(&format!("/dead-letters/{operation}"), ids.clone()).problem(403), "forbidden");
    }
    assert_eq!(states(&viewer), ["open"; 3]);
    server.client.post("/dead-letters/ignore", ids.clone()).expect(200);
    let audit = server.client.get("/audit?action=dead-letters.ignore").expect(200);
    let results: Vec<_> =
        audit["data"].as_array().unwrap().iter().map(|record| text(&record["result"])).collect();
    assert_eq!(results, ["ok", "forbidden"], "{audit}");
    let detail = json!({ "letters": 1, "ids": ids["ids"], "syncs": [SYNC] });
    assert_eq!(audit["data"][0]["detail"], detail);
    let chosen = json!({ "filter": { "sync_id": SYNC, "key": "3" } });
    server.client.post("/dead-letters/reopen", chosen).expect(200);
    let audit = server.client.get("/audit?action=dead-letters.reopen").expect(200);
    let told = json!({ "sync_id": SYNC, "key": "(not shown)" });
    let detail = json!({ "letters": 1, "filter": told, "syncs": [SYNC] });
    assert_eq!(audit["data"][0]["detail"], detail, "which letters, and no key of a row");
}
