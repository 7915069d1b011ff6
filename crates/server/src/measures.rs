//! Figures for Prometheus. None of them holds a value of a row.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use syncline_core::{Error, Result, Run, RunStatus};

use crate::app::App;
use crate::problem::{Answer, Fault};

/// Upper bounds of durations, in seconds: from an answer of the API to a run of a day.
const SECONDS: [f64; 14] =
    [0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0];

/// The process's recorder: there is one, however many servers are in it.
fn recorder() -> Result<&'static PrometheusHandle> {
    static RECORDER: OnceLock<std::result::Result<PrometheusHandle, String>> = OnceLock::new();
    let made = RECORDER.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)
            .map_err(|e| e.to_string())?;
        builder.install_recorder().map_err(|e| e.to_string())
    });
    made.as_ref().map_err(|e| Error::internal(format!("figures cannot be kept: {e}")))
}

/// Begins to keep figures.
pub fn install() -> Result<()> {
    recorder().map(|_| ())
}

/// Counts a run that ended here, or that a guard holds.
pub fn run_ended(run: &Run) {
    let labels = [
        ("sync", run.sync_id.to_string()),
        ("type", run.run_type.as_str().to_string()),
        ("status", run.status.as_str().to_string()),
    ];
    counter!("syncline_runs_total", &labels).increment(1);
    if !run.run_type.writes() {
        return;
    }
    let sync = run.sync_id.to_string();
    histogram!("syncline_run_duration_seconds", "sync" => sync.clone()).record(run.durations.total());
    let c = &run.counters;
    let rows = [
        ("created", c.rows_created),
        ("updated", c.rows_updated),
        ("deleted", c.rows_deleted),
        ("skipped", c.rows_skipped),
        ("failed", c.rows_failed),
    ];
    for (outcome, count) in rows {
        counter!("syncline_rows_total", "sync" => sync.clone(), "outcome" => outcome).increment(count);
    }
    counter!("syncline_bytes_read_total", "sync" => sync.clone()).increment(run.performance.bytes_read);
    counter!("syncline_bytes_written_total", "sync" => sync).increment(run.performance.bytes_written);
}

/// Counts the requests of the API by operation.
pub async fn requests(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("", |path| path.as_str()).to_string();
    let method = request.method().as_str().to_string();
    let began = Instant::now();
    let answer = next.run(request).await;
    let labels = [("method", method), ("path", path), ("status", answer.status().as_u16().to_string())];
    counter!("syncline_http_requests_total", &labels).increment(1);
    histogram!("syncline_http_request_duration_seconds").record(began.elapsed().as_secs_f64());
    answer
}

/// Figures in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "get_metrics", tag = "insights",
    responses((status = 200, content_type = "text/plain", body = String)),
    extensions(("x-role" = json!("viewer"))))]
pub async fn page(State(app): State<Arc<App>>) -> Answer<Response> {
    let counts = app.store.run_counts().await?;
    for status in RunStatus::ALL.into_iter().filter(|status| !status.is_terminal()) {
        let count = counts.get(&status).copied().unwrap_or(0);
        gauge!("syncline_runs", "status" => status.as_str()).set(count as f64);
    }
    let text = recorder().map_err(Fault::from)?.render();
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
