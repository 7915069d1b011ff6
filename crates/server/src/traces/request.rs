//! The span of a request: its operation and what came of it, in the trace of whoever sent it.

use std::cell::RefCell;
use std::time::SystemTime;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Link, SpanId, SpanKind, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SpanData};
use syncline_core::Run;

use crate::problem::Code;
use crate::traces::export::span;
use crate::traces::{exporter, run};

/// Most runs that the span of one request links to.
const LINKS_MAX: usize = 128;

tokio::task_local! {
    /// The runs that the request asks for which is being answered.
    static ASKED_FOR: RefCell<Vec<Link>>;
}

/// Links the request that is being answered, if one is, to what `run` does next.
pub fn asked_for(run: &Run) {
    // Elsewhere, and without traces, there is nothing to link.
    let _ = ASKED_FOR.try_with(|links| {
        let mut links = links.borrow_mut();
        if links.len() < LINKS_MAX
            && let Some(context) = run::coming(run)
        {
            links.push(Link::new(context, run::identity(run), 0));
        }
    });
}

/// Tells of a request once it is answered.
pub async fn requests(request: Request, next: Next) -> Response {
    let Some(exporter) = exporter() else { return next.run(request).await };
    let parent = parent(request.headers());
    let asked = Asked::of(&request);
    let trace = match parent.span().span_context() {
        context if context.is_valid() => context.trace_id(),
        _ => RandomIdGenerator::default().new_trace_id(),
    };
    if !exporter.is_wanted(&parent, trace, &asked.name) {
        return next.run(request).await;
    }
    let id = RandomIdGenerator::default().new_span_id();
    let mut told = span(trace, id, asked.name, SpanKind::Server);
    told.parent_span_id = parent.span().span_context().span_id();
    told.parent_span_is_remote = told.parent_span_id != SpanId::INVALID;
    told.attributes = asked.attributes;
    told.start_time = SystemTime::now();
    let answering = async {
        let answer = next.run(request).await;
        (answer, ASKED_FOR.with(RefCell::take))
    };
    let (answer, links) = ASKED_FOR.scope(RefCell::default(), answering).await;
    told.end_time = SystemTime::now();
    told.links.links = links;
    came_of_it(&mut told, &answer);
    exporter.send(told);
    answer
}

/// The span of the client, as the headers of W3C name it.
fn parent(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers))
}

/// What is asked for: the operation, never the path, which may hold names and ids.
struct Asked {
    name: String,
    attributes: Vec<KeyValue>,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let method = match *request.method() {
            Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
            | Method::OPTIONS => request.method().as_str(),
            _ => "_OTHER",
        };
        let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let attributes = vec![
            KeyValue::new("http.request.method", method.to_string()),
            KeyValue::new("http.route", route.to_string()),
        ];
        Self { name: format!("{method} {route}"), attributes }
    }
}

fn came_of_it(span: &mut SpanData, answer: &Response) {
    let status = answer.status();
    span.attributes.push(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
    if let [link] = span.links.links.as_slice() {
        span.attributes.extend(link.attributes.iter().cloned());
    }
    if status.is_client_error() || status.is_server_error() {
        let code = answer.extensions().get::<Code>().map(|code| code.0.to_string());
        let code = code.unwrap_or_else(|| status.as_u16().to_string());
        if status.is_server_error() {
            span.status = Status::error(code.clone());
        }
        span.attributes.push(KeyValue::new("error.type", code));
    }
}
