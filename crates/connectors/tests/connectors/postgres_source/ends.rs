//! Reads that break off are errors; only a whole read has an end.

use futures::StreamExt;
use serde_json::json;
use syncline_connector::SourceItem;
use syncline_core::ErrorKind;
use syncline_tests::postgres::{Durability, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::fixture::{all, database, read, refusal, source, sql, table, try_source, until};

#[tokio::test]
async fn a_failure_in_the_middle_of_the_rows_is_an_error_and_no_end() {
    let (_, source) = database("").await;
    let model = sql("select 100000 / (150000 - i) as id from generate_series(1, 200000) i");
    let error = refusal(&source, all(model)).await;
    assert_eq!(error.kind, ErrorKind::ModelQueryFailed);
    assert!(error.message.contains("division by zero"), "{error}");
}

#[tokio::test]
async fn a_query_cancelled_by_somebody_else_can_be_tried_again() {
    let (database, source) = database("").await;
    let mut stream = source.read(all(sql("select 1 as id from pg_sleep(600)"))).await.unwrap();
    let admin = database.client().await;
    let cancelling = until(
        &admin,
        "select bool_or(pg_cancel_backend(pid)) from pg_stat_activity \
         where application_name = 'syncline' and datname = current_database() and wait_event = 'PgSleep'",
    );
    let (item, ()) = tokio::join!(stream.next(), cancelling);
    let error = item.unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::SourceUnreachable, "{error}");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn dropping_the_stream_ends_the_query_at_the_server() {
    let (database, source) = database("").await;
    let mut stream = source.read(all(sql("select 1 as id from pg_sleep(600)"))).await.unwrap();
    let admin = database.client().await;
    let running = "select count(*) filter (where wait_event = 'PgSleep') > 0 from pg_stat_activity \
                   where application_name = 'syncline' and datname = current_database()";
    tokio::select! {
        item = stream.next() => panic!("the query sleeps, yet there is {item:?}"),
        () = until(&admin, running) => {}
    }
    drop(stream);
    until(&admin, &running.replace("> 0", "= 0")).await;
}

#[tokio::test]
async fn a_session_ended_by_the_server_gives_an_error_and_no_end() {
    let (database, source) = database("").await;
    let mut stream = source
        .read(all(sql("select i as id, repeat('x', 1000) as t from generate_series(1, 1000000) i")))
        .await
        .unwrap();
    assert!(matches!(stream.next().await, Some(Ok(SourceItem::Batch(_)))));
    let admin = database.client().await;
    until(
        &admin,
        "select bool_or(pg_terminate_backend(pid)) from pg_stat_activity \
         where application_name = 'syncline' and datname = current_database()",
    )
    .await;
    let error = loop {
        match stream.next().await {
            Some(Ok(SourceItem::Batch(_))) => {}
            Some(Err(error)) => break error,
            other => panic!("a cut read ended with {other:?}"),
        }
    };
    assert_eq!(error.kind, ErrorKind::SourceUnreachable);
    assert!(std::error::Error::source(&error).is_some(), "the cause is kept");
    assert!(stream.next().await.is_none());
}

/// Passes one connection through to the server and cuts it after so many bytes of answers.
async fn cutting_proxy(server_port: u16, cut_after: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(("127.0.0.1", server_port)).await.unwrap();
        let (mut client_in, mut client_out) = client.into_split();
        let (mut server_in, mut server_out) = server.into_split();
        let questions = tokio::spawn(async move { tokio::io::copy(&mut client_in, &mut server_out).await });
        let mut left = cut_after;
        let mut buffer = [0; 4096];
        while left > 0 {
            let wanted = left.min(buffer.len());
            match server_in.read(&mut buffer[..wanted]).await {
                Ok(0) | Err(_) => break,
                Ok(n) => {
                    left -= n;
                    if client_out.write_all(&buffer[..n]).await.is_err() {
                        break;
                    }
                }
            }
        }
        questions.abort();
    });
    port
}

#[tokio::test]
async fn a_connection_cut_anywhere_never_looks_like_an_end() {
    let (database, _) =
        database("create table t as select i as id, repeat('x', 50) as t from generate_series(1, 200) i")
            .await;
    let port =
        |url: &str, port: u16| url.replacen(&format!(":{}/", database.port()), &format!(":{port}/"), 1);
    let options = |proxy: u16| json!({ "url": port(database.url(), proxy), "ssl_mode": "disable" });
    // How many bytes a whole read takes, found by doubling, so that cuts fall everywhere before.
    let mut whole = 1 << 14;
    let mut cuts: Vec<usize> = (0..2_000).step_by(97).chain((2_000..whole).step_by(401)).collect();
    loop {
        let source = try_source(options(cutting_proxy(database.port(), whole).await)).unwrap();
        match read(&source, all(table("t"))).await {
            Ok(read) => {
                assert_eq!(read.rows.len(), 200);
                break;
            }
            Err(_) => {
                cuts.extend((whole..whole * 2).step_by(401));
                whole *= 2;
            }
        }
        assert!(whole < 1 << 22);
    }
    let mut failures = 0;
    for cut in cuts {
        let source = try_source(options(cutting_proxy(database.port(), cut).await)).unwrap();
        match read(&source, all(table("t"))).await {
            Ok(read) => assert_eq!(read.rows.len(), 200, "cut after {cut} bytes"),
            Err(error) => {
                failures += 1;
                assert_eq!(error.kind, ErrorKind::SourceUnreachable, "cut after {cut} bytes: {error}");
            }
        }
    }
    assert!(failures > 20, "only {failures} cuts fell into the read");
}

#[tokio::test]
async fn a_full_or_stopped_server_is_unreachable() {
    let server = Server::start(Durability::Fast);
    let database = server.database().await;
    let admin = database.client().await;
    admin.batch_execute("create role one login password 'correct horse' connection limit 1").await.unwrap();
    let reader = source(&database.url_as("one"));
    let _busy = reader.read(all(sql("select 1 as id from pg_sleep(600)"))).await.unwrap();
    let error = reader.check().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::SourceUnreachable, "{error}");
    assert!(error.message.contains("no connection left"), "{error}");

    let root = source(database.url());
    let mut stream = root
        .read(all(sql("select i as id, repeat('x', 1000) as t from generate_series(1, 1000000) i")))
        .await
        .unwrap();
    assert!(matches!(stream.next().await, Some(Ok(SourceItem::Batch(_)))));
    drop(server);
    let error = loop {
        match stream.next().await {
            Some(Ok(SourceItem::Batch(_))) => {}
            Some(Err(error)) => break error,
            other => panic!("a cut read ended with {other:?}"),
        }
    };
    assert_eq!(error.kind, ErrorKind::SourceUnreachable);
    assert_eq!(root.check().await.unwrap_err().kind, ErrorKind::SourceUnreachable);
}
