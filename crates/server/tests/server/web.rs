//! The web app's files beside the API.

use reqwest::StatusCode;
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap};

use crate::fixture::{Project, World};

/// A browser that opens a page.
const PAGE: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

async fn ask(world: &World, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let method = method.parse::<reqwest::Method>().unwrap();
    let mut request = http.request(method, format!("{}{path}", world.client.origin()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    Answer { status, headers, text: answer.text().await.unwrap() }
}

async fn world() -> World {
    let project = Project::new();
    project.write("dist/index.html", "<!doctype html><title>the app</title>");
    project.write("dist/assets/index-5d41402a.js", "start()");
    project.write("dist/.hidden", "not for others");
    project.write("secret.txt", "not for others");
    project.with_web("dist").serve().await
}

#[tokio::test]
async fn every_page_of_the_app_begins_with_its_index_and_is_asked_for_each_time() {
    let world = world().await;
    for path in ["/", "/syncs/shop.contact", "/runs/run_1?tab=errors"] {
        let answer = ask(&world, "GET", path, &[PAGE]).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.text.contains("the app"), "{path}: {}", answer.text);
        assert_eq!(answer.headers[CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(answer.headers[CACHE_CONTROL], "no-cache");
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe-eval"), "{policy}");
        let tag = answer.headers[ETAG].to_str().unwrap();
        let again = ask(&world, "GET", path, &[PAGE, ("if-none-match", tag)]).await;
        assert_eq!((again.status, again.text.as_str()), (StatusCode::NOT_MODIFIED, ""), "{path}");
    }
}

#[tokio::test]
async fn a_file_with_a_hash_in_its_name_is_kept_for_ever() {
    let world = world().await;
    let answer = ask(&world, "GET", "/assets/index-5d41402a.js", &[]).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "start()"));
    assert_eq!(answer.headers[CONTENT_TYPE], "text/javascript; charset=utf-8");
    assert!(answer.headers[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    let head = ask(&world, "HEAD", "/assets/index-5d41402a.js", &[]).await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
    assert_eq!(head.headers["content-length"], "7");
}

#[tokio::test]
async fn what_is_neither_a_file_nor_a_page_is_a_problem() {
    let world = world().await;
    let missing = [
        ("GET", "/assets/gone-1234.js", vec![PAGE]),
        ("GET", "/api/v1/nothing", vec![PAGE]),
        ("GET", "/api/nothing", vec![PAGE]),
        ("GET", "/favicon.ico", vec![("accept", "image/*")]),
        ("GET", "/.hidden", vec![]),
        ("GET", "/%2e%2e/secret.txt", vec![]),
        ("POST", "/syncs", vec![PAGE]),
    ];
    for (method, path, headers) in missing {
        let answer = ask(&world, method, path, &headers).await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text);
        assert_eq!(answer.headers[CONTENT_TYPE], "application/problem+json", "{method} {path}");
    }
}

#[tokio::test]
async fn documentation_stands_beside_the_app() {
    let world = world().await;
    for (path, text) in
        [("/api/docs/", "swagger"), ("/api/errors/not_found", "What to do"), ("/healthz", "ok")]
    {
        let answer = ask(&world, "GET", path, &[PAGE]).await;
        assert!(answer.status == 200 && answer.text.contains(text), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn without_its_pages_the_server_says_how_to_get_them() {
    let project = Project::new();
    project.write("dist/readme.txt", "empty");
    let world = project.with_web("dist").serve().await;
    let answer = ask(&world, "GET", "/", &[]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("make web") && answer.text.contains("/api/docs"), "{}", answer.text);
    assert_eq!(ask(&world, "GET", "/syncs", &[PAGE]).await.status, 404);
}
