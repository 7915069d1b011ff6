//! The command line through a server: the same answers, runs shown live, and clear words when there is
//! no way through.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::{Value as Json, json};
use syncline_tests::databases::Database;
use syncline_tests::postgres;
use syncline_tests::project::{Output, Running};
use syncline_tests::server::Server;

use crate::world::{SYNC, World, token};

/// A program's call through a named server.
fn through(world: &World, server: &Server, arguments: &[&str]) -> Output {
    let named = ["--server", &server.client.url, "--token", &server.client.token];
    world.project.json(&[arguments, &named].concat())
}

/// Where the state is said to be differs, of course.
fn without_place(mut answer: Json) -> Json {
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("state");
    }
    answer
}

#[test]
fn what_is_recorded_is_the_same_here_and_through_the_server() {
    let world = World::with("schedule: { cron: \"0 6 * * *\", timezone: Europe/Berlin }\nwrite_mode: mirror");
    world.source.execute("update item set price = -1 where id = 3");
    world.project.expect(3, &["run", SYNC]);
    world.project.expect(0, &["plan", SYNC]);
    world.source.execute("update item set price = 7 where id = 3");
    world.project.expect(0, &["run", SYNC]);
    let errors_of = world.project.runs().last().expect("runs")["id"].as_str().expect("an id").to_string();
    let looks: [&[&str]; 14] = [
        &["status"],
        &["runs"],
        &["runs", SYNC, "--type", "test"],
        &["runs", "--status", "failed,held", "--limit", "5", "--page", "2"],
        &["runs", "show", "last"],
        &["errors", &errors_of],
        &["history", SYNC, "3"],
        &["cursor", "show", SYNC],
        &["cursor", "history", SYNC],
        &["schedules"],
        &["schedules", SYNC],
        &["check", SYNC],
        &["preview", SYNC, "--limit", "3"],
        &["validate"],
    ];
    let here = looks.map(|look| (look, world.project.expect(0, look), world.project.run(look)));
    let server = world.serve();
    for (look, here, here_for_people) in here {
        let there = through(&world, &server, look);
        assert_eq!(there.code(), Some(0), "{look:?}\n{there}");
        assert_eq!(without_place(there.json()), without_place(here.json()), "{look:?}");
        let named = ["--server", &server.client.url, "--token", &server.client.token];
        let (here, there) = (here_for_people, world.project.run(&[look, &named].concat()));
        // They say where the state is, or how many syncs there are.
        if !["status", "validate"].contains(&look[0]) {
            assert_eq!(there.stdout, here.stdout, "{look:?} for people");
        }
    }
    for (code, wrong) in [(2, ["runs", "show", "run_none"]), (2, ["history", "shop.itm", "1"])] {
        let (here, there) = (world.project.expect(code, &wrong), through(&world, &server, &wrong));
        assert_eq!((there.code(), there.error()), (Some(code), here.error()), "{wrong:?}");
    }
}

#[test]
fn failed_rows_are_paged_alike_here_and_through_the_server_whatever_the_size_of_a_page() {
    let world = World::new();
    world.fill(11, 460);
    world.source.execute("update item set price = -1 where id > 10");
    world.project.expect(3, &["run", SYNC]);
    let server = world.serve();
    let pages =
        [("1", "1000"), ("1", "450"), ("2", "300"), ("2", "225"), ("3", "7"), ("2", "200"), ("4", "150")];
    for (page, size) in pages {
        let look = ["errors", "last", "--page", page, "--per-page", size];
        let (here, there) = (world.project.expect(0, &look).json(), through(&world, &server, &look).json());
        assert_eq!(there, here, "{look:?}");
        assert_eq!(
            (&here["total_errors"], &here["page"]),
            (&json!(450), &json!(page.parse::<u64>().unwrap()))
        );
    }
}

#[test]
fn commands_that_change_something_go_through_the_server_that_has_the_state() {
    let world = World::with("write_mode: mirror");
    let server = world.serve();
    let planned = world.project.expect(0, &["plan", SYNC]).json();
    assert_eq!(
        (&planned["rows_created"], planned["changes"].as_array().map(Vec::len)),
        (&json!(10), Some(10))
    );
    let cut = world.project.expect(0, &["plan", SYNC, "--limit", "3"]).json();
    assert_eq!((&cut["truncated"], cut["changes"].as_array().map(Vec::len)), (&json!(true), Some(3)));
    world.project.expect(10, &["plan", SYNC, "--exit-code"]);

    let run = world.project.expect(0, &["run", SYNC]).run();
    assert_eq!(
        (&run["status"], &run["trigger"], &run["rows_created"]),
        (&json!("completed"), &json!("cli"), &json!(10))
    );
    world.assert_agree();
    assert_eq!(world.project.expect(0, &["run", "--all"]).json().as_array().map(Vec::len), Some(1));
    assert_eq!(world.project.expect(0, &["retry", "last"]).run()["retry_of"], world.project.runs()[1]["id"]);
    world.project.expect(0, &["seed", SYNC, "--reseed", "--confirm", SYNC]);
    world.project.expect(2, &["seed", SYNC, "--reseed"]);

    assert_eq!(world.project.expect(0, &["activate", SYNC]).json()["state"], "active");
    assert_eq!(server.client.get(&format!("/syncs/{SYNC}")).expect(200)["state"], "active");
    assert_eq!(world.project.expect(0, &["deactivate", SYNC]).json()["state"], "inactive");

    world.source.execute("update item set price = -5 where id = 4");
    world.project.expect(3, &["run", SYNC]);
    world.project.expect(2, &["run", "shop.itme"]);
    let apply = world.project.run(&["run", SYNC, "--no-follow"]);
    let id = apply.stdout.trim();
    assert!(id.starts_with("run_"), "{apply}");
    world.project.expect(3, &["run", "--follow", id]);
}

#[test]
fn a_held_run_is_decided_on_through_the_server() {
    let world = World::with("write_mode: mirror\nguards: { max_deletes: 1 }");
    let server = world.serve();
    world.project.expect(0, &["run", SYNC]);
    world.source.execute("delete from item where id > 6");
    let held = world.project.expect(4, &["run", SYNC]).run();
    assert_eq!(held["status"], "held");
    assert_eq!(world.project.expect(0, &["reject", "last"]).run()["end_reason"], "rejected");
    world.project.expect(4, &["run", SYNC]);
    assert_eq!(world.project.expect(0, &["cancel", "last"]).run()["status"], "cancelled");
    world.project.expect(4, &["run", SYNC]);
    let approved = world.project.expect(0, &["approve", "last"]).run();
    assert_eq!((&approved["status"], &approved["rows_deleted"]), (&json!("completed"), &json!(4)));
    world.assert_agree();
    drop(server);
}

#[test]
fn a_plan_is_saved_and_applied_through_the_server_unless_it_is_stale() {
    let world = World::new();
    let server = world.serve();
    let plan = through(&world, &server, &["plan", SYNC, "--out", "plan.json"]);
    assert_eq!(plan.code(), Some(0), "{plan}");
    let saved: Json = serde_json::from_str(&world.project.read("plan.json")).expect("a document");
    assert_eq!(saved["changes"].as_array().map(Vec::len), Some(10), "{saved}");
    world.fill(11, 12);
    let applied = through(&world, &server, &["apply", "plan.json"]);
    assert_eq!(applied.code(), Some(0), "{applied}");
    let run = applied.json();
    assert_eq!(
        (&run["rows_created"], &run["options"]["plan_of"]),
        (&json!(10), &saved["run_id"]),
        "as planned"
    );
    let again = through(&world, &server, &["apply", "plan.json"]);
    assert_eq!((again.code(), again.error_code().as_str()), (Some(6), "stale_plan"), "{again}");
}

#[test]
fn dead_letters_are_seen_and_decided_on_through_the_server() {
    let world = World::with("write_mode: mirror");
    world.source.execute("update item set price = -1 where id in (3, 4, 5)");
    world.project.expect(3, &["run", SYNC]);
    let server = world.serve();
    let letters = world.project.open_letters();
    let [a, b, c] = [0, 1, 2].map(|n| letters[n]["id"].as_str().expect("an id").to_string());
    let looks: [&[&str]; 5] = [
        &["dlq", "list"],
        &["dlq", "list", "--sync", SYNC, "--limit", "2", "--page", "2"],
        &["dlq", "show", &a],
        &["dlq", "groups"],
        &["dlq", "export", "--format", "csv"],
    ];
    let named = ["--server", &server.client.url, "--token", &server.client.token];
    for look in looks {
        let (here, there) = (world.project.run(look), world.project.run(&[look, &named].concat()));
        assert_eq!((there.code(), &there.stdout), (Some(0), &here.stdout), "{look:?}\n{there}");
        let (here, there) = (world.project.json(look), through(&world, &server, look));
        assert_eq!(there.stdout, here.stdout, "{look:?}");
    }
    assert_eq!(world.project.expect(0, &["dlq", "ignore", &a]).json()["changed"], 1);
    assert_eq!(world.project.expect(1, &["dlq", "ignore", &a]).error_code(), "conflict");
    world.project.expect(0, &["dlq", "reopen", &a]);
    world.project.expect(0, &["dlq", "resolve", &b]);
    assert_eq!(world.project.expect(2, &["dlq", "show", "dl_nothing"]).error_code(), "not_found");

    world.project.expect(0, &["dlq", "edit", &c, "--set", "price=5"]);
    let edited = world.project.expect(0, &["dlq", "replay", &c, "--mode", "edited"]).run();
    assert_eq!((&edited["type"], &edited["rows_created"]), (&json!("replay"), &json!(1)));
    world.source.execute("update item set price = 8 where price < 0");
    world.project.expect(0, &["dlq", "replay", "--all", "--sync", SYNC, "--dry-run"]);
    world.project.expect(0, &["dlq", "replay", "--all", "--sync", SYNC, "--yes"]);
    assert_eq!(world.project.open_letters().len(), 0);
}

#[test]
fn syncs_that_were_made_through_the_api_are_looked_at_on_the_machine_of_the_server() {
    let world = World::new();
    let server = world.serve();
    let entity = json!({ "model": { "table": "item", "key": "id" }, "to": { "object": "copy" }, "schedule": { "every": "1h" } });
    let document =
        json!({ "instance": "made", "source": "from", "target": "into", "entities": { "item": entity } });
    server.client.post("/instances", json!({ "document": document, "seed": false })).expect(201);
    let status = world.project.expect(0, &["status"]).json();
    let names: Vec<_> =
        status["data"].as_array().expect("syncs").iter().map(|sync| &sync["sync_id"]).collect();
    assert_eq!(names, [&json!("made.item"), &json!(SYNC)], "{status}");
    let preview = world.project.expect(0, &["preview", "made.item", "--limit", "1"]);
    assert_eq!(preview.json().as_array().map(Vec::len), Some(1), "{preview}");
    world.project.expect(0, &["check", "made"]);
    world.project.expect(0, &["schedules", "made.item"]);
    world.project.expect(2, &["preview", "made.itm"]);
}

#[test]
fn a_backup_is_not_made_of_another_state_than_the_server_that_is_named() {
    let world = World::new();
    let server = world.serve();
    for command in ["backup", "restore"] {
        let refused = world.project.expect(2, &[command, "file.backup", "--server", &server.client.url]);
        assert_eq!(refused.error_code(), "bad_usage", "{refused}");
        assert!(refused.stderr.contains("leave out --server"), "{refused}");
    }
    assert!(!world.project.path("file.backup").exists());
}

/// A world whose runs stand still for a while in the middle.
fn slow_world() -> World {
    let mut world = World::new();
    world.project.set_variable("FAILPOINTS", "engine.plan.saved=sleep(2500)");
    world
}

#[test]
fn a_followed_run_is_shown_live_and_goes_on_when_nobody_looks_any_more() {
    let world = slow_world();
    let server = world.serve();
    let mut running = Running::start(world.project.command(&["run", SYNC]));
    running.wait_for_line(&format!("{SYNC}: "));
    running.signal("INT");
    let let_go = running.wait();
    assert_eq!(let_go.code(), Some(130), "{let_go}");
    assert!(let_go.stderr.contains("goes on") && let_go.stderr.contains("syncline cancel run_"), "{let_go}");
    let run = &world.project.runs()[0];
    let id = run["id"].as_str().expect("an id");
    assert_ne!(run["status"], "cancelled");
    let followed = world.project.expect(0, &["run", "--follow", id]).run();
    assert_eq!((&followed["id"], &followed["status"]), (&run["id"], &json!("completed")));
    assert_eq!(server.client.get(&format!("/runs/{id}")).expect(200)["rows_created"], 10);
    world.assert_agree();
}

#[test]
fn a_run_that_goes_on_is_cancelled_through_the_server() {
    let world = slow_world();
    let server = world.serve();
    let started = world.project.run(&["run", SYNC, "--no-follow"]);
    let id = started.stdout.trim().to_string();
    server.client.until(&format!("/runs/{id}"), |run| run["status"] == "running");
    let cancelled = world.project.expect(0, &["cancel", &id]).run();
    assert_eq!(cancelled["status"], "cancelled", "{cancelled:#}");
    assert_eq!(world.project.expect(2, &["cancel", "run_nothing"]).error_code(), "not_found");
}

#[test]
fn tokens_are_made_used_and_ended_with_and_without_a_server() {
    let world = World::new();
    let made = world.project.expect(0, &["token", "create", "--name", "looks", "--role", "viewer"]).json();
    let secret = made["secret"].as_str().expect("a secret").to_string();
    let listed = world.project.expect(0, &["token", "list"]);
    assert!(!listed.text().contains(secret.splitn(3, '_').nth(2).expect("its end")), "{listed}");
    let server = world.serve();
    assert_eq!(server.first_token, None, "the state has a token already");
    let named = ["--server", &server.client.url, "--token", &secret];
    world.project.expect(0, &[&["status"], &named[..]].concat());
    let refused = world.project.expect(1, &[&["run", SYNC], &named[..]].concat());
    assert_eq!(refused.error_code(), "forbidden");

    let through =
        world.project.expect(0, &["token", "create", "--name", "ci", "--role", "operator", "--expires", "3"]);
    assert!(through.json()["expires_at"].is_string());
    let id = made["id"].as_str().expect("an id");
    world.project.expect(0, &["token", "revoke", id]);
    let ended = world.project.expect(1, &[&["status"], &named[..]].concat());
    assert_eq!(ended.error_code(), "unauthenticated");
    assert!(ended.error()["help"].as_str().expect("help").contains("revoked"), "{ended}");

    let audit = server.client.get("/audit?action=tokens.create").expect(200);
    let actors: Vec<_> = audit["data"].as_array().expect("records").iter().map(|r| &r["actor"]).collect();
    assert_eq!(actors.last(), Some(&&json!("cli")), "{audit}");
    assert!(!audit.to_string().contains(&secret));
}

#[test]
fn a_server_that_is_not_there_or_none_of_ours_is_named() {
    let world = World::new();
    let nobody = {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        free.local_addr().expect("its address")
    };
    let url = format!("http://{nobody}");
    let output = world.project.expect(1, &["status", "--server", &url]);
    assert_eq!(output.error_code(), "state_unreachable");
    assert!(output.text().contains(&url), "{output}");

    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", other.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for stream in other.incoming() {
            let mut stream = stream.expect("a caller");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\nconnection: close\r\n\r\nno page\r\n",
            );
        }
    });
    let output = world.project.expect(2, &["status", "--server", &url, "--token", "sl_first_s3cret"]);
    assert!(
        output.error()["message"].as_str().expect("a message").contains("no Syncline server"),
        "{output}"
    );
    assert!(!output.text().contains("s3cret"), "{output}");
    for wrong in ["nonsense", "ftp://host", "http://me:s3cret@host"] {
        let output = world.project.expect(2, &["status", "--server", wrong]);
        assert_eq!(output.error_code(), "bad_usage", "{output}");
        assert!(!output.error().to_string().contains("me:s3cret"), "{output}");
    }
    let server = world.serve();
    let output = world.project.expect(1, &["status", "--server", &server.client.url]);
    assert!(output.error()["help"].as_str().expect("help").contains("SYNCLINE_TOKEN"), "{output}");
}

#[test]
fn a_state_in_postgresql_is_changed_through_its_servers() {
    let mut world = World::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let state = runtime.block_on(postgres::Server::shared().database());
    world.project.set_variable("SYNCLINE_STATE", state.url());
    world.project.set_variable("SYNCLINE_FILES", &world.project.path("files").display().to_string());
    let alone = world.project.expect(2, &["run", SYNC]);
    assert!(alone.error()["help"].as_str().expect("help").contains("syncline serve"), "{alone}");
    let admin = world.project.expect(0, &["token", "create", "--name", "admin", "--role", "admin"]).json();
    let server = world.serve();
    let admin = server.client.with_token(admin["secret"].as_str().expect("a secret"));
    assert_eq!(world.project.expect(0, &["run", SYNC]).run()["rows_created"], 10);
    world.assert_agree();
    assert_eq!(world.project.runs().len(), 1, "looking needs no server");
    let viewer = admin.with_token(&token(&admin, "viewer"));
    assert_eq!(viewer.get("/syncs").expect(200)["pagination"]["total"], 1);
    assert_eq!(server.terminate(), Some(0));
    world.project.expect(2, &["run", SYNC]);
}
