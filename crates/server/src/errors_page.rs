//! A page about every error code: what it means, where it comes from, what to do.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use syncline_core::ErrorKind;
use syncline_core::error::Explanation;

use crate::definition_codes::DEFINITION_CODES;
use crate::row_codes::ROW_CODES;

/// For the lists of codes.
pub const fn said(meaning: &'static str, causes: &'static str, remedy: &'static str) -> Explanation {
    Explanation { meaning, causes, remedy }
}

/// Every code that the API gives, by what it is about.
fn sections() -> [(&'static str, Vec<(&'static str, Explanation)>); 3] {
    let kinds = ErrorKind::ALL.map(|kind| (kind.code(), kind.explanation()));
    [
        ("Of requests and runs", kinds.to_vec()),
        ("Of rows and dead letters", ROW_CODES.to_vec()),
        ("Of definitions", DEFINITION_CODES.to_vec()),
    ]
}

pub async fn all() -> Html<String> {
    let mut list = String::from("<h1>Errors</h1>");
    for (title, codes) in sections() {
        list.push_str(&format!("<h2>{title}</h2><ul>"));
        for (code, Explanation { meaning, .. }) in codes {
            list.push_str(&format!("<li><a href=/api/errors/{code}>{code}</a>: {meaning}</li>"));
        }
        list.push_str("</ul>");
    }
    Html(page("Errors", &list))
}

pub async fn one(Path(code): Path<String>) -> Response {
    let mut found = Vec::new();
    for (title, codes) in sections() {
        let of_code = codes.into_iter().find(|(name, _)| *name == code);
        found.extend(of_code.map(|(_, explanation)| (title, explanation)));
    }
    if found.is_empty() {
        let text = "<h1>There is no such error</h1><p><a href=/api/errors>All errors</a></p>";
        return (StatusCode::NOT_FOUND, Html(page("Unknown error", text))).into_response();
    }
    let mut text = format!("<h1><code>{code}</code></h1>");
    for (title, Explanation { meaning, causes, remedy }) in &found {
        if found.len() > 1 {
            text.push_str(&format!("<h2>{title}</h2>"));
        }
        text.push_str(&format!(
            "<p>{meaning}</p><h3>Where it comes from</h3><p>{causes}</p><h3>What to do</h3><p>{remedy}</p>"
        ));
    }
    text.push_str("<p><a href=/api/errors>All errors</a></p>");
    Html(page(&code, &text)).into_response()
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>{title} · Syncline</title></head>\
         <body style=\"font:15px/1.6 system-ui;max-width:44rem;margin:3rem auto;padding:0 1rem\">{body}</body></html>"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// What stands before the code of a row's error.
    const BEFORE_ROW_CODES: [&str; 6] =
        ["RowError::new(", "refuse(", "unsendable(", "value_error(", "named(", "_WRITTEN: &str ="];
    /// What stands before the code of a definition's problem.
    const BEFORE_DEFINITION_CODES: [&str; 2] = ["code:", "return fail("];

    /// The sources of a crate, without their tests.
    fn sources(krate: &str) -> Vec<String> {
        fn read(folder: &Path, texts: &mut Vec<String>) {
            for entry in fs::read_dir(folder).expect("a folder of sources") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    read(&path, texts);
                } else if path.extension().is_some_and(|ext| ext == "rs") {
                    let text = fs::read_to_string(&path).expect("a source");
                    texts.push(text.split("#[cfg(test)]").next().unwrap_or_default().to_string());
                }
            }
        }
        let mut texts = Vec::new();
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(krate).join("src"), &mut texts);
        texts
    }

    /// The text in quotes that this begins with, if it can be a code.
    fn code(text: &str) -> Option<&str> {
        let (code, _) = text.trim_start().strip_prefix('"')?.split_once('"')?;
        let is_code = !code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        is_code.then_some(code)
    }

    fn after<'a>(text: &'a str, marks: &[&'a str]) -> Vec<&'a str> {
        marks.iter().flat_map(|mark| text.split(mark).skip(1)).filter_map(code).collect()
    }

    /// What follows the first argument of a call, whose opening parenthesis is before `text`.
    fn second_argument(text: &str) -> Option<&str> {
        let mut depth = 0;
        let comma = text.find(|c| {
            depth += match c {
                '(' | '[' => 1,
                ')' | ']' => -1,
                _ => 0,
            };
            c == ',' && depth == 0
        })?;
        Some(&text[comma + 1..])
    }

    fn codes(of: &[(&'static str, Explanation)]) -> BTreeSet<&'static str> {
        of.iter().map(|(code, _)| *code).collect()
    }

    #[test]
    fn every_code_of_a_row_has_a_page() {
        let listed = codes(ROW_CODES);
        let sources: Vec<_> = ["engine", "connectors"].into_iter().flat_map(sources).collect();
        let given: BTreeSet<_> = sources.iter().flat_map(|text| after(text, &BEFORE_ROW_CODES)).collect();
        assert!(given.len() > 20, "the codes are found: {given:?}");
        let missing: Vec<_> = given.difference(&listed).collect();
        assert!(missing.is_empty(), "no page tells of {missing:?}");
        for code in listed {
            let quoted = format!("\"{code}\"");
            assert!(sources.iter().any(|text| text.contains(&quoted)), "nothing gives {code} any more");
        }
    }

    #[test]
    fn every_code_that_a_database_gives_has_a_page() {
        let listed = codes(ROW_CODES);
        let postgres = include_str!("../../connectors/src/postgres/violations.rs");
        let (_, row_code) = postgres.split_once("pub fn row_code").expect("the function");
        let (row_code, _) = row_code.split_once("\n}").expect("its end");
        let quoted: Vec<_> = row_code.split('"').skip(1).step_by(2).collect();
        let given: Vec<_> = quoted.into_iter().filter(|text| text.contains('_')).collect();
        assert!(given.len() > 10, "the codes are found: {given:?}");
        for code in given {
            assert!(listed.contains(code), "no page tells of {code}");
        }
    }

    #[test]
    fn every_code_of_a_definition_has_a_page() {
        let listed = codes(DEFINITION_CODES);
        let (config, engine) = (sources("config"), sources("engine"));
        let calls =
            config.iter().flat_map(|text| [".error(", ".warning("].map(|call| text.split(call).skip(1)));
        let found = calls.flatten().filter_map(second_argument).filter_map(code);
        let mut given: BTreeSet<_> = found.collect();
        given.extend(config.iter().chain(&engine).flat_map(|text| after(text, &BEFORE_DEFINITION_CODES)));
        assert!(given.len() > 30, "the codes are found: {given:?}");
        let missing: Vec<_> = given.difference(&listed).collect();
        assert!(missing.is_empty(), "no page tells of {missing:?}");
        let stale: Vec<_> = listed.difference(&given).collect();
        assert!(stale.is_empty(), "nothing gives {stale:?} any more");
    }

    #[tokio::test]
    async fn a_page_says_what_a_code_means_and_what_to_do() {
        for (_, codes) in sections() {
            for (code, Explanation { meaning, remedy, .. }) in codes {
                let answer = one(axum::extract::Path(code.to_string())).await;
                assert_eq!(answer.status(), StatusCode::OK, "{code}");
                let text = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a page");
                let text = String::from_utf8_lossy(&text);
                assert!(text.contains(meaning) && text.contains(remedy), "{text}");
            }
        }
        let unknown = one(axum::extract::Path("no_such_code".into())).await;
        assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    }
}
