//! Keys that encrypt secrets are replaced while the server works [S4].

use std::io;
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::{Value, json};

use crate::fixture::{Client, Project, Reply, STATE, holds};

const CANARY: &str = "r0tated-c4nary-71d3";
/// Connections with a secret each.
const CONNECTIONS: usize = 8;
/// Changes of each while keys are replaced.
const CHANGES: usize = 4;

fn key_a() -> String {
    format!("a:{}=", "A".repeat(43))
}

fn key_b() -> String {
    format!("b:{}E=", "B".repeat(42))
}

fn both_keys() -> String {
    format!("{},{}", key_b(), key_a())
}

/// A connection to a port where nobody listens.
fn document(password: Value, description: &str) -> Value {
    json!({ "type": "postgres", "host": "127.0.0.1", "port": 1, "user": "u", "database": "d",
        "password": password, "ssl_mode": "disable", "connect_timeout": "1s", "description": description })
}

fn name(n: usize) -> String {
    format!("db-{n}")
}

/// Has as many connections as there are to be, under the key `a` alone.
async fn under_the_old_key() -> Project {
    let world = Project::new().with_keys(&key_a()).serve().await;
    for n in 0..CONNECTIONS {
        let new = json!({ "name": name(n), "document": document(json!(format!("{CANARY}-{n}")), "new") });
        world.client.post("/connections", new).await.is(201);
    }
    world.stop().await
}

async fn rotate(api: &Client) -> Reply {
    api.send(Method::POST, "/server/rotate-keys", None, "").await
}

async fn keys(api: &Client) -> Value {
    api.get("/server").await.is(200)["encryption_keys"].clone()
}

fn key(id: &str, secrets: usize, available: bool) -> Value {
    json!({ "id": id, "secrets": secrets, "available": available })
}

async fn check(api: &Client, n: usize) -> Reply {
    api.send(Method::POST, &format!("/connections/{}/check", name(n)), None, "").await
}

/// Changes a connection until it is changed: a server may be told that it was another's turn.
async fn change(api: &Client, n: usize, description: &str) {
    let path = format!("/connections/{}", name(n));
    loop {
        let reply = api.put(&path, json!({ "document": document(Value::Null, description) })).await;
        if reply.status.as_u16() != 409 {
            assert_eq!(reply.is(200)["secrets_set"], json!(["/password"]));
            return;
        }
    }
}

/// Everything that any server of these tests logs from now on.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// For the whole process: what a server logs comes from many threads.
    fn listen() -> Self {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_replaced_while_connections_change_and_the_old_one_can_go() {
    let log = Log::listen();
    let project = under_the_old_key().await.with_keys(&both_keys());
    // Two servers on one state, so that changes really come in between.
    let store = project.store();
    let (other, there) = project.server(store.clone(), true).await;
    let world = project.serve_with(store, true).await;
    let api = &world.client;
    assert_eq!(keys(api).await, json!([key("b", 0, true), key("a", CONNECTIONS, true)]));

    let changes = async {
        for round in 0..CHANGES {
            for n in 0..CONNECTIONS {
                change(&there, n, &format!("round {round}")).await;
                change(api, n, &format!("round {round}, here")).await;
            }
        }
    };
    let rotations = async { (rotate(api).await, rotate(&there).await, rotate(api).await) };
    let ((), (first, second, third)) = tokio::join!(changes, rotations);
    let first_done = first.text.clone();
    let first = first.is(200);
    assert_eq!(first["key_id"], "b");
    assert_eq!((first["rotated"].as_u64(), first["current"].as_u64()), (Some(CONNECTIONS as u64), Some(0)));
    for again in [second, third] {
        let again = again.is(200);
        assert_eq!((again["rotated"].as_u64(), again["undecryptable"].as_u64()), (Some(0), Some(0)));
    }
    assert_eq!(keys(api).await, json!([key("b", CONNECTIONS, true), key("a", 0, true)]));
    for n in 0..CONNECTIONS {
        let shown = api.get(&format!("/connections/{}", name(n))).await.is(200);
        assert_eq!(shown["document"]["description"], format!("round {}, here", CHANGES - 1), "{shown}");
    }
    let audit = api.get("/audit?action=server.rotate-keys").await;
    assert_eq!(audit.body["pagination"]["total"], 3, "{}", audit.text);
    other.stop();
    other.ended().await.unwrap();

    let world = world.stop().await.with_keys(&key_b()).serve().await;
    let api = &world.client;
    assert_eq!(keys(api).await, json!([key("b", CONNECTIONS, true)]));
    let mut answers = vec![first_done, audit.text];
    for n in 0..CONNECTIONS {
        let checked = check(api, n).await;
        assert_eq!(checked.body["source"]["code"], "source_unreachable", "{}", checked.text);
        answers.push(checked.text);
    }
    for path in ["/server", "/connections", "/audit?per_page=200"] {
        answers.push(api.get(path).await.text);
    }
    for (path, bytes) in world.stop().await.state_bytes() {
        assert!(!holds(&bytes, CANARY), "{}", path.display());
    }
    let log = log.text();
    assert!(log.contains("the project changed"), "nothing was heard");
    for text in answers.iter().chain([&log]) {
        assert!(!text.contains(CANARY) && !text.contains(&"A".repeat(43)), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_were_swapped_in_the_state_are_refused() {
    let project = under_the_old_key().await;
    let body = |n: usize| format!("(SELECT body FROM objects WHERE kind = 'connection' AND id = 'db-{n}')");
    let secret = |n: usize| format!("json_extract({}, '$.secrets.password')", body(n));
    project.sql(
        STATE,
        &format!(
            "CREATE TEMP TABLE swapped AS SELECT 'db-0' AS id, {} AS secret UNION ALL SELECT 'db-1', {};
             UPDATE objects SET body = json_set(body, '$.secrets.password', swapped.secret)
                 FROM swapped WHERE objects.kind = 'connection' AND objects.id = swapped.id;",
            secret(1),
            secret(0),
        ),
    );
    let world = project.with_keys(&both_keys()).serve().await;
    let api = &world.client;
    for n in [0, 1] {
        let refused = check(api, n).await;
        assert!(!refused.status.is_success(), "{}", refused.text);
        assert!(refused.text.contains("cannot be decrypted"), "{}", refused.text);
    }
    // Nor does a new key make them good; the others do not wait for them.
    let done = rotate(api).await.is(200);
    assert_eq!((done["rotated"].as_u64(), done["undecryptable"].as_u64()), (Some(6), Some(2)), "{done}");
    assert_eq!(done["problems"][0]["code"], "corrupt_state", "{done}");
    assert_eq!(keys(api).await, json!([key("b", 6, true), key("a", 2, true)]));
    assert!(!check(api, 0).await.status.is_success());
    // Given again, they work, under the newest key.
    let again = json!({ "document": document(json!(CANARY), "again") });
    api.put("/connections/db-0", again).await.is(200);
    check(api, 0).await.is(200);
    assert_eq!(keys(api).await, json!([key("b", 7, true), key("a", 1, true)]));
    world.stop().await;
}
