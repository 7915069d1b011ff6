//! The web app: the files of `web/dist`, put into the program when it was built, or read from a folder
//! while its pages are being made.
//!
//! Paths that are not the API's belong to the app: what is no file of it is one of its pages, which all
//! begin with `index.html`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use sha2::{Digest, Sha256};
use syncline_core::{Error, ErrorKind};

use crate::app::App;
use crate::problem::Fault;

const INDEX: &str = "/index.html";
/// Files below it have a hash of their content in their names.
const ASSETS: &str = "/assets/";
/// A file with a hash in its name never changes.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Others are asked for each time; their `ETag` makes that cheap.
const EACH_TIME: HeaderValue = HeaderValue::from_static("no-cache");

/// A file of the app as it was built, with its compressed forms.
struct Built {
    /// From the root: `/assets/index-5d41402a.js`.
    path: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static BUILT: &[Built] = include!(concat!(env!("OUT_DIR"), "/web_files.rs"));

/// Where the app's files come from.
#[derive(Clone, Debug)]
pub enum Pages {
    /// The program.
    BuiltIn,
    /// A folder, read at every request.
    Folder(PathBuf),
}

impl Pages {
    /// The files of a folder, or those of the program.
    pub fn from(folder: Option<PathBuf>) -> Self {
        folder.map_or(Self::BuiltIn, Self::Folder)
    }

    async fn file(&self, path: &str) -> Option<File> {
        match self {
            Self::BuiltIn => built_in().get(path).cloned(),
            Self::Folder(folder) => {
                let bytes = tokio::fs::read(inside(folder, path)?).await.ok()?;
                Some(File { tag: tag(&bytes), plain: bytes.into(), brotli: None, gzip: None })
            }
        }
    }
}

/// What is at a path of a folder: nothing outside of it, nothing hidden.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let path = path.strip_prefix('/')?;
    let steps = || path.split('/');
    let is_plain =
        |step: &str| !step.is_empty() && !step.starts_with('.') && !step.contains(['\\', '%', ':']);
    steps().all(is_plain).then(|| folder.join(steps().collect::<PathBuf>()))
}

/// The program's files by path.
fn built_in() -> &'static HashMap<&'static str, File> {
    static FILES: LazyLock<HashMap<&str, File>> = LazyLock::new(|| {
        let file = |built: &Built| File {
            tag: tag(built.plain),
            plain: Bytes::from_static(built.plain),
            brotli: built.brotli.map(Bytes::from_static),
            gzip: built.gzip.map(Bytes::from_static),
        };
        BUILT.iter().map(|built| (built.path, file(built))).collect()
    });
    &FILES
}

/// A file in the forms in which it can be sent.
#[derive(Clone, Debug)]
struct File {
    /// Over its content.
    tag: String,
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
}

fn tag(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

impl File {
    /// The smallest form that a client takes, with the name of its encoding.
    fn form(&self, headers: &HeaderMap) -> (&Bytes, Option<&'static str>) {
        let accepted = text(headers, header::ACCEPT_ENCODING);
        let forms = [("br", &self.brotli), ("gzip", &self.gzip)];
        let mut takes = forms.into_iter().filter(|(coding, _)| accepts(&accepted, coding));
        let found = takes.find_map(|(coding, form)| Some((form.as_ref()?, Some(coding))));
        found.unwrap_or((&self.plain, None))
    }

    fn answer(&self, path: &str, headers: &HeaderMap) -> Response {
        let (bytes, coding) = self.form(headers);
        let tag = match coding {
            Some(coding) => format!("\"{}-{coding}\"", self.tag),
            None => format!("\"{}\"", self.tag),
        };
        let mut answer = match has_tag(&text(headers, header::IF_NONE_MATCH), &tag) {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => {
                let mut answer = Body::from(bytes.clone()).into_response();
                let kind = HeaderValue::from_static(content_type(path));
                answer.headers_mut().insert(header::CONTENT_TYPE, kind);
                if let Some(coding) = coding {
                    answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
                }
                answer
            }
        };
        let kept = if path.starts_with(ASSETS) { FOR_EVER } else { EACH_TIME };
        answer.headers_mut().insert(header::CACHE_CONTROL, kept);
        answer.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            answer.headers_mut().insert(header::ETAG, tag);
        }
        answer
    }
}

/// All values of a header, as one list.
fn text(headers: &HeaderMap, name: header::HeaderName) -> String {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

/// Whether an `Accept-Encoding` takes a coding: by its name, else by `*`, and not with `q=0`.
fn accepts(list: &str, coding: &str) -> bool {
    let weight = |wanted: &str| {
        list.split(',').find_map(|item| {
            let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Ok(1.0), str::parse::<f64>);
            name.trim().eq_ignore_ascii_case(wanted).then(|| weight.unwrap_or(0.0))
        })
    };
    weight(coding).or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

/// Whether an `If-None-Match` names a tag.
fn has_tag(list: &str, tag: &str) -> bool {
    list.split(',').map(str::trim).any(|item| item == "*" || item.trim_start_matches("W/") == tag)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Answers what no other route does: a file of the app, one of its pages, or that there is nothing.
pub async fn answer(State(app): State<Arc<App>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    let is_api = path == "/api" || path.starts_with("/api/");
    if is_api || !matches!(method, Method::GET | Method::HEAD) {
        return unknown(path).into_response();
    }
    if let Some(file) = app.pages.file(path).await {
        return file.answer(path, &headers);
    }
    let is_page = path == "/" || text(&headers, header::ACCEPT).contains("text/html");
    if !is_page || path.starts_with(ASSETS) {
        return unknown(path).into_response();
    }
    match app.pages.file(INDEX).await {
        Some(index) => index.answer(INDEX, &headers),
        None if path == "/" => without_pages(&app.pages).into_response(),
        None => (StatusCode::NOT_FOUND, without_pages(&app.pages)).into_response(),
    }
}

fn unknown(path: &str) -> Fault {
    let path: String = path.chars().take(200).collect();
    Error::new(ErrorKind::NotFound, format!("there is nothing at {path}"))
        .help("the API is described at /api/docs")
        .into()
}

/// What a person sees where the app's files are missing.
fn without_pages(pages: &Pages) -> Html<String> {
    let why = match pages {
        Pages::BuiltIn => Cow::from(
            "This program was built without its pages. Where Node.js 20 or newer is installed, <code>make \
             web</code> makes them, and the next build of the program has them.",
        ),
        Pages::Folder(_) => Cow::from(
            "The folder that was named for the pages has no <code>index.html</code>. <code>make web</code> \
             makes them in <code>web/dist</code>.",
        ),
    };
    Html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Syncline</title>\
         <body style=\"font:15px/1.5 system-ui;max-width:42rem;margin:4rem auto;padding:0 1rem\">\
         <h1>Syncline is running, without its pages</h1><p>{why}</p>\
         <p>Everything works by the command line and the API: it is described at <a href=/api/docs>/api/docs\
         </a>, what can go wrong at <a href=/api/errors>/api/errors</a>.</p>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_taken_by_its_name_or_a_star_unless_its_weight_is_zero() {
        assert!(accepts("gzip, deflate, br;q=0.5", "br"));
        assert!(accepts("*", "br") && accepts("BR", "br"));
        assert!(!accepts("gzip", "br") && !accepts("", "br"));
        assert!(!accepts("br;q=0, *", "br") && !accepts("*;q=0.0", "br"));
    }

    #[test]
    fn a_tag_is_found_in_a_list_also_when_it_was_weakened() {
        assert!(has_tag("\"a\", W/\"b\"", "\"b\"") && has_tag("*", "\"b\""));
        assert!(!has_tag("\"ab\"", "\"b\"") && !has_tag("", "\"b\""));
    }

    #[test]
    fn no_path_leads_out_of_the_folder_or_to_something_hidden() {
        let folder = Path::new("dist");
        assert_eq!(inside(folder, "/assets/a.js"), Some(PathBuf::from("dist/assets/a.js")));
        for bad in
            ["/../a", "/a/../../b", "/.git/config", "//etc/passwd", "/%2e%2e/a", "/a\\..\\b", "/", "/c:/a"]
        {
            assert_eq!(inside(folder, bad), None, "{bad}");
        }
    }

    #[test]
    fn the_smallest_form_that_is_taken_is_sent_and_named() {
        let file = File {
            tag: "t".into(),
            plain: Bytes::from_static(b"plain"),
            brotli: Some(Bytes::from_static(b"b")),
            gzip: Some(Bytes::from_static(b"gz")),
        };
        let answer = |accepted: &'static str| {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            let answer = file.answer("/assets/a.js", &headers);
            let coding = answer.headers().get(header::CONTENT_ENCODING).cloned();
            (coding.map(|c| c.to_str().unwrap().to_string()), answer.headers()[header::ETAG].clone())
        };
        assert_eq!(answer("gzip, br"), (Some("br".into()), HeaderValue::from_static("\"t-br\"")));
        assert_eq!(answer("gzip"), (Some("gzip".into()), HeaderValue::from_static("\"t-gzip\"")));
        assert_eq!(answer("zstd"), (None, HeaderValue::from_static("\"t\"")));
    }
}
