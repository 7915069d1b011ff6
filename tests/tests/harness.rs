//! The servers that other tests rely on.

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
