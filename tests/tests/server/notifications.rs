//! Who is told of what, through a receiver of the test's own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value as Json, json};
use sha2::Sha256;
use syncline_tests::databases::Database;
use syncline_tests::server::Client;

use crate::world::{SYNC, World};

/// Longest wait for a message.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// 32 bytes that nobody else signs with.
const KEY: &str = "c3luY2xpbmUgc3luY2xpbmUgc3luY2xpbmUgISEhISE=";

/// A message as it was received.
struct Message {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Message {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("no header {name}"))
    }

    fn json(&self) -> Json {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    /// As Standard Webhooks describes it.
    fn signature(&self) -> String {
        let key = STANDARD.decode(KEY).expect("a key");
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key).expect("a key");
        mac.update(format!("{}.{}.", self.header("webhook-id"), self.header("webhook-timestamp")).as_bytes());
        mac.update(&self.body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// Answers every message with 204.
struct Inbox {
    address: SocketAddr,
    messages: Receiver<Message>,
}

impl Inbox {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let (send, messages) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let message = stream.ok().and_then(|stream| receive(&stream));
                if let Some(message) = message
                    && send.send(message).is_err()
                {
                    return;
                }
            }
        });
        Self { address, messages }
    }

    /// The next message.
    #[track_caller]
    fn next(&self) -> Message {
        self.messages.recv_timeout(WAIT_MAX).expect("no message came")
    }

    /// What the next message tells of.
    #[track_caller]
    fn told(&self) -> String {
        self.next().json()["type"].as_str().expect("a type").to_string()
    }
}

fn receive(mut stream: &TcpStream) -> Option<Message> {
    let mut lines = BufReader::new(stream);
    let mut headers = Vec::new();
    let mut line = String::new();
    lines.read_line(&mut line).ok()?;
    loop {
        line.clear();
        lines.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_string()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").ok()?;
    Some(Message { headers, body })
}

/// A world whose project file tells an inbox.
fn world(more: &str) -> (World, Inbox) {
    let (world, inbox) = (World::with(more), Inbox::new());
    let project = world.project.read("syncline.yaml");
    let channel = format!(
        "notifications:\n  - {{ name: ops, channel: webhook, url: \"http://{}/hook\", secret: \"${{env:HOOK}}\", reach: loopback }}\n",
        inbox.address
    );
    world.project.write("syncline.yaml", format!("{project}{channel}"));
    (world, inbox)
}

fn deliveries(client: &Client) -> Vec<Json> {
    let list = client.get("/notifications/deliveries").expect(200);
    list["data"].as_array().expect("a list").clone()
}

#[test]
fn a_failure_is_told_once_and_so_is_its_end() {
    let (mut world, inbox) = world("");
    world.project.set_variable("HOOK", &format!("whsec_{KEY}"));
    let server = world.serve();
    let client = &server.client;
    world.source.execute("alter table item rename to other");
    let failed = client.run(SYNC, json!({}));
    assert_eq!(failed["status"], "failed", "{failed}");
    let message = inbox.next();
    assert_eq!(message.header("webhook-signature"), message.signature());
    let told = message.json();
    assert_eq!((&told["type"], &told["data"]["run"]["id"]), (&json!("run.failed"), &failed["id"]), "{told}");
    client.run(SYNC, json!({}));
    world.source.execute("alter table other rename to item");
    client.run(SYNC, json!({}));
    assert_eq!(inbox.told(), "sync.recovered", "the second failure is no news");
    client.run(SYNC, json!({}));
    client.until("/notifications/deliveries", |list| {
        list["data"].as_array().is_some_and(|all| all.iter().all(|one| one["state"] == "delivered"))
    });
    let events: Vec<_> = deliveries(client).iter().map(|one| one["event"].clone()).collect();
    assert_eq!(events, ["recovered", "failed"]);
    let last = &deliveries(client)[1];
    assert_eq!((&last["channel"], &last["attempts"]), (&json!("ops"), &json!(1)), "{last}");
    assert_eq!(last["id"], message.header("webhook-id"));
}

#[test]
fn a_held_run_is_told() {
    let (mut world, inbox) = world("guards: { max_creates: 5 }");
    world.project.set_variable("HOOK", &format!("whsec_{KEY}"));
    let server = world.serve();
    // Messages link to where the server is by now.
    let (project, base) = (world.project.read("syncline.yaml"), "https://syncline.example.com");
    world
        .project
        .write("syncline.yaml", format!("{project}settings: {{ server: {{ base_url: '{base}' }} }}\n"));
    server.client.until("/server", |about| about["base_url"] == base);
    let held = server.client.run(SYNC, json!({}));
    assert_eq!(held["status"], "held", "{held}");
    let told = inbox.next().json();
    let link = format!("{base}/runs/{}", held["id"].as_str().expect("an id"));
    assert_eq!((&told["type"], &told["data"]["run"]["url"]), (&json!("run.held"), &json!(link)), "{told}");
}

#[test]
fn a_channel_is_shown_without_its_secret_and_tried() {
    let (mut world, inbox) = world("");
    world.project.set_variable("HOOK", &format!("whsec_{KEY}"));
    let server = world.serve();
    let client = &server.client;
    let list = client.get("/notifications").expect(200);
    let shown = &list["data"][0];
    assert_eq!(
        (&shown["name"], &shown["channel"], &shown["origin"]["kind"]),
        (&json!("ops"), &json!("webhook"), &json!("file")),
        "{list}"
    );
    assert!(!list.to_string().contains(KEY));
    let tried = client.post("/notifications/ops/test", Json::Null).expect(200);
    assert_eq!((&tried["delivered"], &tried["status"]), (&json!(true), &json!(204)), "{tried}");
    assert_eq!(inbox.told(), "test");
    assert_eq!(client.post("/notifications/nobody/test", Json::Null).problem(404), "not_found");
    assert_eq!(client.send("DELETE", "/notifications/ops", &[], None).problem(409), "read_only");
}

#[test]
fn a_channel_made_by_the_api_is_told_until_it_is_removed() {
    let (world, inbox) = (World::new(), Inbox::new());
    let project = world.project.read("syncline.yaml");
    let reach = "settings: { server: { api_reach: [loopback] } }\n";
    world.project.write("syncline.yaml", format!("{project}{reach}"));
    let server = world.serve();
    let client = &server.client;
    let document = json!({ "channel": "webhook", "url": format!("http://{}/hook", inbox.address),
        "secret": format!("whsec_{KEY}"), "reach": "loopback", "events": ["completed"] });
    let made = client.post("/notifications", json!({ "name": "team", "document": document })).expect(201);
    assert_eq!(made["origin"]["kind"], "api", "{made}");
    assert!(!made.to_string().contains(KEY), "{made}");
    client.run(SYNC, json!({}));
    let message = inbox.next();
    assert_eq!(message.header("webhook-signature"), message.signature());
    assert_eq!(message.json()["type"], "run.completed");
    client.send("DELETE", "/notifications/team", &[], None).expect(204);
    client.get("/notifications/team").problem(404);
}
