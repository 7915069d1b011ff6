//! A page about every error code: what it means, where it comes from, what to do.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use syncline_core::ErrorKind;
use syncline_core::error::Explanation;

pub async fn all() -> Html<String> {
    let mut list = String::from("<h1>Errors</h1><ul>");
    for kind in ErrorKind::ALL {
        let code = kind.code();
        list.push_str(&format!(
            "<li><a href=/api/errors/{code}>{code}</a>: {}</li>",
            kind.explanation().meaning
        ));
    }
    list.push_str("</ul>");
    Html(page("Errors", &list))
}

pub async fn one(Path(code): Path<String>) -> Response {
    let Some(kind) = ErrorKind::ALL.into_iter().find(|kind| kind.code() == code) else {
        let text = "<h1>There is no such error</h1><p><a href=/api/errors>All errors</a></p>";
        return (StatusCode::NOT_FOUND, Html(page("Unknown error", text))).into_response();
    };
    let Explanation { meaning, causes, remedy } = kind.explanation();
    let text = format!(
        "<h1><code>{code}</code></h1><p>{meaning}</p><h2>Where it comes from</h2><p>{causes}</p>\
         <h2>What to do</h2><p>{remedy}</p><p><a href=/api/errors>All errors</a></p>"
    );
    Html(page(&code, &text)).into_response()
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>{title} · Syncline</title></head>\
         <body style=\"font:15px/1.6 system-ui;max-width:44rem;margin:3rem auto;padding:0 1rem\">{body}</body></html>"
    )
}
