//! Sending spans to a collector: from a queue of their own, so that nothing ever waits for it.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, Config, SamplingDecision, ShouldSample, SpanData, SpanProcessor,
};
use syncline_core::{Error, ErrorKind, Result};
use syncline_http::{Method, Options, Outbound, Reach, Request, Url};
use tokio::runtime::Handle;

use crate::problem::chain;
use crate::traces::settings::Settings;

/// That spans are not taken is told at most this often.
const TOLD_EVERY: Duration = Duration::from_secs(600);

/// Takes spans that are over. A full queue drops them.
pub struct Exporter {
    processor: BatchSpanProcessor,
    sampler: Box<dyn ShouldSample>,
}

impl Exporter {
    pub fn start(settings: Settings) -> Result<Self> {
        let collector = Collector::new(&settings)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(settings.endpoint)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(settings.timeout)
            .with_http_client(collector)
            .build()
            .map_err(|e| Error::new(ErrorKind::InvalidConfig, "traces cannot be sent").caused_by(e))?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        processor.set_resource(&resource());
        Ok(Self { processor, sampler: Config::default().sampler })
    }

    /// Whether the sampler wants this trace.
    pub fn is_wanted(&self, parent: &Context, trace: TraceId, name: &str) -> bool {
        // Samplers judge the first bits of the second half, which are always the same in a UUID; those of
        // the first half are random.
        let halves = u128::from_be_bytes(trace.to_bytes()).rotate_left(u64::BITS);
        let judged = if parent.has_active_span() { trace } else { TraceId::from(halves) };
        let sampled = self.sampler.should_sample(Some(parent), judged, name, &SpanKind::Internal, &[], &[]);
        sampled.decision == SamplingDecision::RecordAndSample
    }

    pub fn send(&self, span: SpanData) {
        self.processor.on_end(span);
    }

    /// Sends what is left; whether that was done in time.
    pub fn end(&self, most: Duration) -> bool {
        self.processor.shutdown_with_timeout(most).is_ok()
    }
}

/// A span without a parent, whose times are to be set.
pub fn span(trace: TraceId, id: SpanId, name: String, kind: SpanKind) -> SpanData {
    SpanData {
        span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, TraceState::default()),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: kind,
        name: name.into(),
        start_time: SystemTime::UNIX_EPOCH,
        end_time: SystemTime::UNIX_EPOCH,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: Default::default(),
        links: Default::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("syncline")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build(),
    }
}

/// What all spans are of. The environment has the last word.
fn resource() -> Resource {
    let own = [
        KeyValue::new("service.name", "syncline"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let resource = Resource::builder_empty()
        .with_attributes(own)
        .with_detectors(&[Box::new(TelemetryResourceDetector), Box::new(EnvResourceDetector::new())]);
    match std::env::var("OTEL_SERVICE_NAME").ok().filter(|name| !name.is_empty()) {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}

/// The way to the collector. Spans are exported by a thread of their own, requests are sent by the runtime.
struct Collector {
    outbound: Outbound,
    url: Url,
    runtime: Handle,
    /// When it was last told that spans are lost.
    told_at: Mutex<Option<Instant>>,
}

impl Collector {
    fn new(settings: &Settings) -> Result<Self> {
        let outbound = Outbound::new(Options {
            total_timeout: settings.timeout,
            roots_pem: settings.roots_pem.clone(),
            // Whoever sets the program's environment may send it anywhere.
            ..Options::new("traces", Reach::Loopback)
        })?;
        outbound.check_url(&settings.endpoint).map_err(|e| e.context("the endpoint of traces"))?;
        let (url, runtime) = (settings.endpoint.clone(), Handle::current());
        Ok(Self { outbound, url, runtime, told_at: Mutex::default() })
    }

    /// Says that spans are lost, if that was not said lately.
    fn tell(&self, why: &str) {
        let mut told_at = self.told_at.lock().unwrap_or_else(PoisonError::into_inner);
        if told_at.is_none_or(|at| at.elapsed() >= TOLD_EVERY) {
            *told_at = Some(Instant::now());
            tracing::warn!(error = why, "traces are not taken by their collector; some may be lost");
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(
        &self,
        request: opentelemetry_http::Request<Bytes>,
    ) -> std::result::Result<opentelemetry_http::Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = Request { method: Method::POST, url: self.url.clone(), headers: parts.headers, body };
        let outbound = self.outbound.clone();
        let answer = self.runtime.spawn(async move { exchange(&outbound, &request).await }).await?;
        match &answer {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.tell(&format!("it answered {}", answer.status().as_u16())),
            Err(e) => self.tell(&chain(e)),
        }
        Ok(answer?)
    }
}

async fn exchange(outbound: &Outbound, request: &Request) -> Result<opentelemetry_http::Response<Bytes>> {
    let reply = outbound.send(request).await?;
    let (status, headers) = (reply.status, reply.headers.clone());
    let mut answer = opentelemetry_http::Response::new(reply.bytes().await?);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}
