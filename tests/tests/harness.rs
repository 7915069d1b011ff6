//! The servers that other tests rely on.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use syncline_tests::postgres::{Durability, Server};
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

#[tokio::test]
async fn databases_of_the_shared_server_are_separate() {
    let (one, other) = (Server::shared().database().await, Server::shared().database().await);
    one.client().await.batch_execute("create table t (id int)").await.unwrap();
    let error = other.client().await.batch_execute("select * from t").await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::UNDEFINED_TABLE));
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let database = Server::shared().database().await;
    let url = database.url().replace("correct", "wrong");
    let error = tokio_postgres::connect(&url, NoTls).await.err().expect("must not connect");
    assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD));
}

#[tokio::test]
async fn a_dropped_server_is_gone_with_its_folder() {
    let server = Server::start(Durability::Full);
    let database = server.database().await;
    let row = database.client().await.query_one("show data_directory", &[]).await.unwrap();
    let folder = std::path::PathBuf::from(row.get::<_, String>(0));
    assert!(folder.parent().unwrap().exists());
    drop(server);
    assert!(!folder.parent().unwrap().exists());
    assert!(tokio_postgres::connect(database.url(), NoTls).await.is_err());
}

#[tokio::test]
async fn a_crashed_server_is_back_at_its_port_with_what_it_acknowledged() {
    let server = Server::start_with(Durability::Fast, &[("synchronous_commit", "on")]);
    let database = server.database().await;
    let client = database.client().await;
    client.batch_execute("create table t (id int); insert into t values (1)").await.unwrap();
    client.batch_execute("begin; insert into t values (2)").await.unwrap();
    server.crash_and_restart();
    client.batch_execute("commit").await.expect_err("its sessions are gone");
    let rows = database.client().await.query("select id from t", &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
}

/// Set in the process that the next test starts and kills.
const VICTIM: &str = "SYNCLINE_HARNESS_VICTIM";

#[test]
fn a_killed_test_process_leaves_nothing_behind() {
    if std::env::var_os(VICTIM).is_some() {
        Server::shared();
        println!("\nstarted");
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    for wait_until_started in [false, true] {
        let temporary = tempfile::tempdir().unwrap();
        open_to_everyone(temporary.path());
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "a_killed_test_process_leaves_nothing_behind"])
            .env(VICTIM, "1")
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        if wait_until_started {
            let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap() == "started"));
        } else {
            wait_for(|| !is_empty(temporary.path()));
        }
        victim.kill().unwrap();
        victim.wait().unwrap();
        wait_for(|| is_empty(temporary.path()));
    }
}

/// The server may belong to another user than this process.
fn open_to_everyone(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o1777)).unwrap();
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().unwrap().next().is_none()
}

fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "it did not happen within 30 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}
