//! Which redirects are followed.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::any;
use syncline_core::ErrorKind;
use syncline_http::Method;

use crate::fixture::{Server, get, local_options, outbound, request};

fn to(status: u16, location: String) -> (StatusCode, [(&'static str, String); 1]) {
    (StatusCode::from_u16(status).unwrap(), [("location", location)])
}

async fn server() -> Server {
    let chain = |Path(left): Path<u32>| async move {
        if left == 0 {
            (StatusCode::OK, [("location", String::new())])
        } else {
            to(307, (left - 1).to_string())
        }
    };
    let echo = |method: axum::http::Method, body: String| async move { format!("{method} {body}") };
    let code = |Path(status): Path<u16>| async move { to(status, "/echo".into()) };
    Server::start(
        Router::new()
            .route("/chain/{left}", any(chain))
            .route("/status/{status}", any(code))
            .route("/echo", any(echo)),
    )
    .await
}

#[tokio::test]
async fn three_redirects_to_the_same_host_are_followed_and_no_fourth() {
    let server = server().await;
    let client = outbound(local_options());
    let reply = client.send(&get(server.url("a.example", "/chain/3"))).await.unwrap();
    assert_eq!(reply.status, StatusCode::OK);
    let error = client.send(&get(server.url("a.example", "/chain/4"))).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::DestinationUnreachable);
    assert!(error.message.contains("more than 3 times"), "{error}");
}

#[tokio::test]
async fn a_redirect_elsewhere_is_the_answer_and_not_followed() {
    let other = server().await;
    let port = other.address.port();
    let elsewhere = [
        other.url("a.example", "/echo").to_string(),
        format!("http://b.example:{port}/echo"),
        format!("https://a.example:{port}/echo"),
        "//b.example/echo".into(),
        "http://169.254.169.254/latest/meta-data/".into(),
        "file:///etc/passwd".into(),
    ];
    for location in elsewhere {
        let sent_to = location.clone();
        let redirect = move || async move { to(307, sent_to) };
        let server = Server::start(Router::new().route("/", any(redirect))).await;
        let mut sent = request(Method::POST, server.url("a.example", "/"));
        let mut headers = HeaderMap::new();
        headers.insert("webhook-signature", "v1,x".parse().unwrap());
        sent.headers = headers;
        let reply = outbound(local_options()).send(&sent).await.unwrap();
        assert_eq!(reply.status, StatusCode::TEMPORARY_REDIRECT, "{location}");
        assert_eq!(server.requests(), 1, "{location}");
    }
    assert_eq!(other.requests(), 0);
}

#[tokio::test]
async fn a_redirect_never_turns_a_post_into_a_get() {
    let server = server().await;
    let client = outbound(local_options());
    for (status, followed) in [(301, false), (302, false), (303, false), (307, true), (308, true)] {
        let sent = request(Method::POST, server.url("a.example", &format!("/status/{status}")));
        let reply = client.send(&sent).await.unwrap();
        assert_eq!(reply.status == StatusCode::OK, followed, "{status}");
        if followed {
            assert_eq!(reply.bytes().await.unwrap(), "POST {}");
        }
        let reply = client.send(&get(sent.url)).await.unwrap();
        assert_eq!(reply.status, StatusCode::OK, "{status}");
    }
}
