//! Who may do what [S1, S2, S6, S16].

use serde_json::{Value as Json, json};
use syncline_tests::server::Client;

use crate::world::{World, runs, token};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Every operation of the API: method, path with placeholders filled in, and the role it names.
fn operations(client: &Client) -> Vec<(String, String, String)> {
    let api = client.get("/openapi.json").expect(200);
    let mut operations = Vec::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let role =
                operation["x-role"].as_str().unwrap_or_else(|| panic!("{method} {path} names no role"));
            let filled = path.split('/').map(|step| if step.starts_with('{') { "nothing" } else { step });
            operations.push((method.to_uppercase(), filled.collect::<Vec<_>>().join("/"), role.to_string()));
        }
    }
    assert!(operations.len() > 25, "{operations:?}");
    operations
}

/// The status of an operation for a caller, without its body: streams do not end.
fn status(client: &Client, method: &str, path: &str) -> u16 {
    if path.ends_with("/events") {
        return if path.contains("nothing") { client.get(path).status } else { stream_status(client, path) };
    }
    client.with_json(method, path, Json::Null).status
}

fn stream_status(client: &Client, path: &str) -> u16 {
    // A number that is no id of ours is refused only after access was.
    client.send("GET", path, &[("last-event-id", "x")], None).status
}

#[test]
fn every_operation_is_for_its_role_and_those_above_and_for_nobody_else() {
    let world = World::new();
    let server = world.serve();
    let admin = &server.client;
    let rank = |role: &str| ["none", "viewer", "operator", "admin"].iter().position(|r| *r == role).unwrap();
    let callers: Vec<_> = ["viewer", "operator", "admin"]
        .map(|role| (role, admin.with_token(&token(admin, role))))
        .into_iter()
        .collect();
    for (method, path, role) in operations(admin) {
        for bad in ["", "sl_first_wrong", "sl_nobody_x", "x"] {
            let seen = status(&admin.with_token(bad), &method, &path);
            let open = role == "none" && seen != 401;
            assert!(seen == 401 || open, "{method} {path} for '{bad}' is {seen}");
        }
        for (caller, client) in &callers {
            let seen = status(client, &method, &path);
            match rank(caller) >= rank(&role) {
                true => assert!(seen != 401 && seen != 403, "{method} {path} for {caller} is {seen}"),
                false => assert_eq!(seen, 403, "{method} {path} for {caller}"),
            }
        }
    }
}

/// What nobody may see of a token `sl_<id>_<secret>`; the secret may hold an underscore too.
fn secret_part(token: &str) -> &str {
    token.splitn(3, '_').nth(2).expect("a secret")
}

#[test]
fn the_first_admin_token_is_shown_once_and_never_served() {
    let world = World::new();
    let server = world.serve();
    let secret = server.first_token.clone().expect("a new state gets one");
    let listed = server.client.get("/tokens").expect(200);
    assert_eq!(listed["data"][0]["role"], "admin");
    assert!(!listed.to_string().contains(secret_part(&secret)), "{listed}");
    server.terminate();
    let again = world.serve();
    assert_eq!(again.first_token, None);
    assert_eq!(again.client.with_token(&secret).get("/session").expect(200)["role"], "admin");
}

#[test]
fn a_server_that_cannot_be_reached_makes_no_token_that_nobody_sees() {
    let world = World::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = world.project.run(&["serve", "--listen", &address]);
    assert_eq!(refused.code(), Some(1), "{refused}");
    assert!(refused.stderr.contains("cannot be listened at"), "{refused}");
    let refused =
        world.project.run(&["serve", "--listen", "127.0.0.1:0", "--tls-cert", "no", "--tls-key", "no"]);
    assert_eq!(refused.code(), Some(2), "{refused}");
    assert!(world.serve().first_token.is_some());
}

#[test]
fn a_revoked_token_and_its_sessions_end_at_once() {
    let world = World::new();
    let server = world.serve();
    let made = server.client.post("/tokens", json!({ "name": "ada", "role": "operator" })).expect(201);
    let ada = server.client.with_token(made["secret"].as_str().unwrap());
    let opened = ada.post("/session", json!({ "token": ada.token }));
    opened.expect(201);
    let cookie = opened.headers["set-cookie"].to_str().unwrap().to_string();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_string();
    let browser = server.client.with_token("");
    let ask = |method, path, origin: Option<&str>| {
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(origin.map(|origin| ("origin", origin)));
        browser.send(method, path, &headers, None)
    };
    ask("GET", "/runs", None).expect(200);
    let trigger = format!("/syncs/{}/trigger", crate::world::SYNC);
    assert_eq!(ask("POST", &trigger, Some("https://evil.example")).problem(403), "forbidden");
    assert_eq!(ask("POST", &trigger, None).problem(403), "forbidden");
    assert!(runs(&server.client).is_empty());
    ask("POST", &trigger, Some(&server.client.url)).expect(202);
    server.client.send("DELETE", &format!("/tokens/{}", made["id"].as_str().unwrap()), &[], None).expect(200);
    assert_eq!(ada.get("/runs").problem(401), "unauthenticated");
    assert_eq!(ask("GET", "/runs", None).problem(401), "unauthenticated");
}

#[test]
fn the_audit_log_says_what_was_made_and_who_signed_in() {
    let world = World::new();
    let server = world.serve();
    let client = &server.client;
    let new = json!({ "name": "ada", "role": "viewer", "expires_in_days": 7 });
    let made = client.post("/tokens", new.clone()).expect(201);
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let crm = json!({ "name": "crm2", "document": { "type": "sqlite", "path": "target.db" } });
    client.post("/connections", crm).expect(201);
    let url = "https://hooks.slack.com/services/AUDITED";
    let chat = json!({ "name": "chat", "document": { "channel": "slack", "url": url } });
    client.post("/notifications", chat).expect(201);
    let nobody = client.with_token("");
    nobody.post("/session", json!({ "token": secret })).expect(201);
    nobody.post("/session", json!({ "token": "sl_x_y" })).problem(401);
    let log = client.get("/audit").expect(200);
    let records = log["data"].as_array().unwrap();
    let of = |action: &str| -> Vec<_> { records.iter().filter(|r| r["action"] == action).collect() };
    assert_eq!(of("tokens.create")[0]["target"], format!("tokens/{id}"));
    assert_eq!(of("tokens.create")[0]["detail"], new);
    assert_eq!(of("connections.create")[0]["target"], "connections/crm2");
    assert_eq!(of("notifications.create")[0]["target"], "notifications/chat");
    let opened = of("session.create");
    assert_eq!(opened.len(), 1, "nobody fills the log with refused sign-ins: {log}");
    assert_eq!(
        (&opened[0]["actor"], &opened[0]["actor_name"]),
        (&json!(format!("token:{id}")), &json!("ada"))
    );
    let text = log.to_string();
    assert!(!text.contains(secret_part(secret)) && !text.contains("AUDITED"), "{text}");
}

#[test]
fn everything_that_may_change_something_is_in_an_audit_log_that_tells_tampering() {
    let world = World::new();
    let server = world.serve();
    let made = server.client.post("/tokens", json!({ "name": "viewer", "role": "viewer" })).expect(201);
    let viewer = server.client.with_token(made["secret"].as_str().unwrap());
    let made = format!("tokens/{}", made["id"].as_str().unwrap());
    server.client.post(&format!("/syncs/{}/activate", crate::world::SYNC), Json::Null).expect(200);
    viewer.post("/tokens", json!({ "name": "mine", "role": "admin" })).problem(403);
    server.client.post("/syncs/no.such/activate", Json::Null).problem(404);
    let log = server.client.get("/audit").expect(200);
    let told: Vec<_> = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            (r["action"].as_str().unwrap(), r["target"].as_str().unwrap(), r["result"].as_str().unwrap())
        })
        .collect();
    assert!(told.contains(&("syncs.activate", "syncs/no.such/activate", "not_found")), "{told:?}");
    assert!(told.contains(&("syncs.activate", "syncs/shop.item/activate", "ok")), "{told:?}");
    assert!(told.contains(&("tokens.create", &made, "ok")), "{told:?}");
    assert!(told.contains(&("tokens.create", "tokens", "forbidden")), "{told:?}");
    let request = json!({ "type": "test", "source_ids": ["a name"] });
    server.client.run(crate::world::SYNC, request);
    let detail = &server.client.get("/audit").expect(200)["data"][0]["detail"];
    assert_eq!(
        (&detail["type"], &detail["source_ids"]),
        (&json!("test"), &json!(1)),
        "no value of a row: {detail}"
    );
    assert_eq!(server.client.get("/audit/verify").expect(200)["intact"], true);
    server.terminate();
    let state = rusqlite::Connection::open(world.project.path(".syncline/state.db")).unwrap();
    let changed = state.execute("update audit set entry = replace(entry, 'activate', 'deactivate')", []);
    assert!(changed.expect("the log is in the state") > 0);
    drop(state);
    let verdict = world.serve().client.get("/audit/verify").expect(200);
    assert_eq!(verdict["intact"], false);
    assert!(verdict["first_bad"].as_u64().is_some());
}
