//! How much is read, and how long is waited [S14].

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get as route;
use futures::StreamExt;
use syncline_core::ErrorKind;
use syncline_http::Options;

use crate::fixture::{Server, get, local_options, outbound, told};

fn endless() -> Body {
    Body::from_stream(futures::stream::repeat_with(|| Ok::<_, Infallible>("x".repeat(1000))))
}

fn stalling() -> Body {
    let start = futures::stream::iter([Ok::<_, Infallible>("start")]);
    Body::from_stream(start.chain(futures::stream::pending()))
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_given_up_while_it_is_read() {
    let exact = || async { "x".repeat(5000) };
    let routes = Router::new()
        .route("/endless", route(|| async { endless() }))
        .route("/exact", route(exact))
        .route("/more", route(|| async { "x".repeat(5001) }));
    let server = Server::start(routes).await;
    let client = outbound(Options { response_bytes_max: 5000, ..local_options() });
    let body = client.send(&get(server.url("a.example", "/exact"))).await.unwrap().bytes().await.unwrap();
    assert_eq!(body.len(), 5000);
    for path in ["/more", "/endless"] {
        let reply = client.send(&get(server.url("a.example", path))).await.unwrap();
        let error = reply.bytes().await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge, "{path}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_or_never_ends_is_given_up() {
    let routes = Router::new()
        .route("/silent", route(std::future::pending::<&str>))
        .route("/stalling", route(|| async { stalling() }));
    let server = Server::start(routes).await;
    let client = outbound(Options { total_timeout: Duration::from_millis(200), ..local_options() });
    let error = client.send(&get(server.url("a.example", "/silent"))).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::DestinationUnreachable);
    assert!(error.message.contains("did not answer in 0.2 s"), "{error}");
    let reply = client.send(&get(server.url("a.example", "/stalling"))).await.unwrap();
    let error = reply.bytes().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::DestinationUnreachable);
    assert!(error.message.contains("did not finish"), "{error}");
}

#[tokio::test]
async fn errors_tell_the_host_and_nothing_else_of_a_url() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let client = outbound(local_options());
    let url = format!("http://hooks.example:{port}/services/s3cret?token=s3cret");
    let error = client.send(&get(url.parse().unwrap())).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::DestinationUnreachable);
    assert!(error.message.contains("hooks.example"), "{error}");
    assert!(!told(&error).contains("s3cret"), "{}", told(&error));
}
