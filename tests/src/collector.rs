//! A collector of OpenTelemetry traces: what the program sends to it, as OTLP over HTTP.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;

use crate::project::Project;

/// Longest wait for a span that has to come.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a collector does with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Takes,
    /// Answers with this status, and takes nothing.
    Refuses(u16),
    /// Takes connections, and never says anything.
    Hangs,
}

/// A span as it was received.
#[derive(Clone, Debug)]
pub struct Span {
    pub name: String,
    pub trace: String,
    pub id: String,
    /// Empty: it has none.
    pub parent: String,
    pub is_of_server: bool,
    pub start: u64,
    pub end: u64,
    pub attributes: BTreeMap<String, String>,
    /// Trace and span of each.
    pub links: Vec<(String, String)>,
    /// What is said of its error, if it is one.
    pub error: Option<String>,
    /// Attributes of the resource.
    pub of: BTreeMap<String, String>,
}

impl Span {
    #[track_caller]
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }
}

/// A request as it was received.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// Keeps what it is sent.
pub struct Collector {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    connections: Arc<Mutex<u32>>,
}

impl Default for Collector {
    fn default() -> Self {
        Self::of(Manner::Takes)
    }
}

impl Collector {
    pub fn of(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let connections = Arc::<Mutex<u32>>::default();
        let (kept, counted) = (Arc::clone(&received), Arc::clone(&connections));
        std::thread::spawn(move || {
            let mut hanging = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                *lock(&counted) += 1;
                match manner {
                    Manner::Hangs => hanging.push(stream),
                    Manner::Takes => lock(&kept).extend(receive(&stream, 200)),
                    Manner::Refuses(status) => lock(&kept).extend(receive(&stream, status)),
                }
            }
        });
        Self { address, received, connections }
    }

    /// Lets the program send its traces here, soon after they are there.
    pub fn listen_to(&self, project: &mut Project) {
        project.set_variable("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{}", self.address));
        project.set_variable("OTEL_BSP_SCHEDULE_DELAY", "100");
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that were made to it.
    pub fn connections(&self) -> u32 {
        *lock(&self.connections)
    }

    pub fn received(&self) -> Vec<Received> {
        lock(&self.received).clone()
    }

    /// Every span so far, in the order in which they came.
    pub fn spans(&self) -> Vec<Span> {
        self.received().iter().flat_map(|received| spans(&received.body)).collect()
    }

    /// Waits until the spans are as wanted.
    #[track_caller]
    pub fn until(&self, wanted: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        let began = Instant::now();
        loop {
            let spans = self.spans();
            if wanted(&spans) {
                return spans;
            }
            assert!(began.elapsed() < WAIT_MAX, "the spans stay {spans:#?}");
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn receive(mut stream: &TcpStream, status: u16) -> Option<Received> {
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    lines.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_string();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        lines.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_string());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    lines.read_exact(&mut body).ok()?;
    let answer = format!("HTTP/1.1 {status} Answered\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    // Whoever sent it may have gone.
    let _ = stream.write_all(answer.as_bytes());
    Some(Received { path, headers, body })
}

fn spans(body: &[u8]) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(body).expect("a request of OTLP");
    let mut all = Vec::new();
    for of_resource in request.resource_spans {
        let of = attributes(&of_resource.resource.unwrap_or_default().attributes);
        for span in of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans) {
            let status = span.status.clone().unwrap_or_default();
            all.push(Span {
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                is_of_server: span.kind == 2,
                start: span.start_time_unix_nano,
                end: span.end_time_unix_nano,
                attributes: attributes(&span.attributes),
                links: span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect(),
                error: (status.code == StatusCode::Error as i32).then_some(status.message),
                of: of.clone(),
                name: span.name,
            });
        }
    }
    all
}

fn attributes(all: &[KeyValue]) -> BTreeMap<String, String> {
    all.iter().map(|pair| (pair.key.clone(), text(pair))).collect()
}

fn text(pair: &KeyValue) -> String {
    match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => panic!("an attribute of another kind: {} = {other:?}", pair.key),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
