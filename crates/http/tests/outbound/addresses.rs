//! Where requests may not go [S7].

use std::sync::atomic::Ordering;

use axum::Router;
use axum::response::AppendHeaders;
use axum::routing::get as route;
use syncline_core::ErrorKind;
use syncline_http::{Options, Reach, Url};

use crate::fixture::{Answers, Server, get, local_options, outbound, told};

#[tokio::test]
async fn every_spelling_of_an_address_is_judged() {
    let never = [
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.169.254./",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0xA9.0xFE.0xA9.0xFE/",
        "http://0251.0376.0251.0376/",
        "http://169.254.43518/",
        "http://①⑥⑨.②⑤④.①⑥⑨.②⑤④/",
        "http://%31%36%39.254.169.254/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[0:0:0:0:0:ffff:169.254.169.254]/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://[2002:a9fe:a9fe::]/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://0.0.0.0/",
        "http://0/",
        "http://[::]/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "https://169.254.169.254/",
    ];
    let not_on_the_internet = [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://017700000001/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://10.0.0.1/",
        "http://192.168.0.1/",
        "http://100.64.0.1/",
        "http://[fc00::1]/",
    ];
    let public = outbound(Options::new("tests", Reach::Public));
    for text in never.iter().chain(&not_on_the_internet) {
        let url: Url = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(public.check_url(&url).unwrap_err().kind, ErrorKind::AddressRefused, "{text}");
        let error = public.send(&get(url)).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::AddressRefused, "{text}: {error}");
    }
    let anywhere = outbound(local_options());
    for text in never {
        let error = anywhere.send(&get(text.parse().unwrap())).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::AddressRefused, "{text}: {error}");
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_refused_address_is_refused() {
    let server = Server::start(Router::new().route("/", route(|| async { "ok" }))).await;
    let answers: [(Reach, &[&str]); 6] = [
        (Reach::Public, &["127.0.0.1"]),
        (Reach::Public, &["::ffff:127.0.0.1"]),
        (Reach::Public, &["10.1.2.3"]),
        (Reach::Private, &["127.0.0.1"]),
        (Reach::Loopback, &["169.254.169.254"]),
        (Reach::Loopback, &["127.0.0.1", "169.254.169.254"]),
    ];
    for (reach, answer) in answers {
        let client = outbound(Options { resolver: Answers::new(&[answer]), reach, ..local_options() });
        let error = client.send(&get(server.url("hooks.example", "/"))).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::AddressRefused, "{answer:?}: {error}");
        assert!(error.message.contains("hooks.example") && error.help.is_some(), "{error}");
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_name_is_judged_again_whenever_it_is_resolved_again() {
    let close = || async { (AppendHeaders([("connection", "close")]), "ok") };
    let server = Server::start(Router::new().route("/", route(close))).await;
    let resolver = Answers::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let client = outbound(Options { resolver: resolver.clone(), ..local_options() });
    let url = server.url("rebinding.example", "/");
    client.send(&get(url.clone())).await.unwrap().bytes().await.unwrap();
    assert_eq!(resolver.lookups.load(Ordering::SeqCst), 1, "what was judged is what was dialled");
    let error = client.send(&get(url)).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::AddressRefused, "{error}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn only_plain_urls_of_http_are_requested() {
    let client = outbound(local_options());
    for text in ["ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1:70/", "data:,x", "unix:/x"] {
        let error = client.send(&get(text.parse().unwrap())).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::InvalidConfig, "{text}: {error}");
    }
    for text in
        ["https://user:s3cret@example.com/", "https://s3cret@example.com/", "https://:s3cret@example.com/"]
    {
        let error = client.send(&get(text.parse().unwrap())).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::InvalidConfig, "{text}: {error}");
        assert!(!told(&error).contains("s3cret"), "{}", told(&error));
    }
}

#[tokio::test]
async fn a_proxy_is_used_only_where_one_is_set() {
    // The server stands for the proxy: it gets the request for another host.
    let proxy = Server::start(Router::new().fallback(|| async { "from the proxy" })).await;
    let target = get("http://unresolvable.example/hook".parse().unwrap());
    let nowhere = Options { resolver: Answers::new(&[&[]]), reach: Reach::Public, ..local_options() };
    assert!(outbound(nowhere.clone()).send(&target).await.is_err());
    let through = outbound(Options { proxy: Some(proxy.url("127.0.0.1", "")), ..nowhere.clone() });
    let reply = through.send(&target).await.unwrap();
    assert_eq!(reply.bytes().await.unwrap(), "from the proxy");
    let named = Options {
        proxy: Some(proxy.url("proxy.internal", "")),
        resolver: Answers::new(&[&["127.0.0.1"]]),
        ..nowhere
    };
    assert_eq!(outbound(named).send(&target).await.unwrap().bytes().await.unwrap(), "from the proxy");
    let metadata = get("http://169.254.169.254/".parse().unwrap());
    let error = through.send(&metadata).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::AddressRefused);
    assert_eq!(proxy.requests(), 2);
}
