//! `GET /metrics`: the state of the engine in the text format of Prometheus.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use hookbench_api::ApiError;
use hookbench_engine::{ATTEMPT_DURATIONS_MS, Engine};
use hookbench_model::{DatabaseHealth, ListenerState, SignatureStatus, Status};
use http::header;

/// Media type of the format (prometheus.io, "Exposition formats").
const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Text of the response.
struct Metrics(String);

impl Metrics {
    /// Writes a metric with its values, each with its labels.
    fn write(&mut self, kind: &str, name: &str, meaning: &str, values: &[(String, f64)]) {
        // Writing into a String cannot fail.
        let _ = write!(self.0, "# HELP hookbench_{name} {meaning}\n# TYPE hookbench_{name} {kind}\n");
        for (labels, value) in values {
            let _ = writeln!(self.0, "hookbench_{name}{labels} {value}");
        }
    }

    fn gauge(&mut self, name: &str, meaning: &str, value: f64) {
        self.write("gauge", name, meaning, &[(String::new(), value)]);
    }

    fn counter(&mut self, name: &str, meaning: &str, value: f64) {
        self.write("counter", name, meaning, &[(String::new(), value)]);
    }
}

/// Returns labels as text, with their values escaped.
fn labels(pairs: &[(&str, &str)]) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let all: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", all.join(","))
}

fn label(name: &str, value: &str) -> String {
    labels(&[(name, value)])
}

/// Returns the name of a variant in the API.
fn word(variant: &impl serde::Serialize) -> String {
    serde_json::to_string(variant).unwrap_or_default().trim_matches('"').to_owned()
}

/// Responds with the metrics.
pub(super) async fn metrics(State(engine): State<Arc<Engine>>) -> Result<Response, ApiError> {
    let status = hookbench_api::status(&engine).await?;
    let mut metrics = Metrics(String::new());
    write_state(&mut metrics, &engine, &status);
    write_requests(&mut metrics, &engine, &status);
    write_pipeline(&mut metrics, &status);
    write_attempts(&mut metrics, &engine);
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], metrics.0).into_response())
}

fn write_state(metrics: &mut Metrics, engine: &Engine, status: &Status) {
    let flag = |is: bool| f64::from(u8::from(is));
    let listens = matches!(status.listener, ListenerState::Listening { .. });
    metrics.write("gauge", "info", "Version of the program.", &[(label("version", &status.version), 1.0)]);
    metrics.gauge("listening", "1 while the listener listens.", flag(listens));
    let stores = matches!(engine.health(), DatabaseHealth::Ok);
    metrics.gauge("database_ok", "1 while requests can be stored.", flag(stores));
    metrics.gauge("database_bytes", "Size of the database file.", status.file_bytes as f64);
    metrics.gauge("deliveries_waiting", "Deliveries that wait for an attempt.", status.queue as f64);
}

fn write_requests(metrics: &mut Metrics, engine: &Engine, status: &Status) {
    metrics.gauge("requests_stored", "Stored requests.", status.requests as f64);
    metrics.gauge("requests_stored_bytes", "Size of the stored bodies.", status.bytes as f64);
    let of =
        |status: SignatureStatus| (label("signature", status.as_str()), engine.traffic.totals.requests(status) as f64);
    metrics.write(
        "counter",
        "requests_total",
        "Received requests by signature status, counted when they were verified.",
        &SignatureStatus::ALL.map(of),
    );
    metrics.counter(
        "requests_bytes_total",
        "Size of the bodies of received requests.",
        engine.traffic.totals.bytes() as f64,
    );
    let refused = status.refusals.iter().map(|total| {
        let (reason, inbox) = (word(&total.reason), total.inbox.as_deref().unwrap_or_default());
        (labels(&[("reason", &reason), ("inbox", inbox)]), total.count as f64)
    });
    let refused: Vec<(String, f64)> = refused.collect();
    metrics.write("gauge", "requests_refused", "Refused requests that were not dismissed.", &refused);
    metrics.counter(
        "connections_refused_total",
        "Connections that were refused because too many were open.",
        status.connections_refused as f64,
    );
    metrics.counter(
        "heads_refused_total",
        "Connections that were closed because of malformed HTTP.",
        status.heads_refused as f64,
    );
}

fn write_pipeline(metrics: &mut Metrics, status: &Status) {
    let by_stage = |value: fn(&hookbench_model::StageProgress) -> f64| -> Vec<(String, f64)> {
        status.pipeline.iter().map(|one| (label("stage", &word(&one.stage)), value(one))).collect()
    };
    let waiting = by_stage(|stage| stage.waiting as f64);
    metrics.write("gauge", "pipeline_waiting", "Requests that a stage has not processed.", &waiting);
    let behind = by_stage(|stage| stage.behind_ms as f64 / 1_000.0);
    metrics.write("gauge", "pipeline_behind_seconds", "Time that a stage is behind.", &behind);
}

fn write_attempts(metrics: &mut Metrics, engine: &Engine) {
    let counts = engine.outbox.attempts.counts();
    let results =
        [("success", counts.succeeded), ("error_status", counts.rejected), ("no_response", counts.unanswered)];
    let values = results.map(|(result, count)| (label("result", result), count as f64));
    metrics.write("counter", "attempts_total", "Ended attempts of deliveries by result.", &values);
    let total: u64 = results.iter().map(|(_, count)| count).sum();
    let mut values: Vec<(String, f64)> = Vec::new();
    for (most_ms, count) in ATTEMPT_DURATIONS_MS.iter().zip(counts.durations) {
        values.push((format!("_bucket{}", label("le", &(*most_ms as f64 / 1_000.0).to_string())), count as f64));
    }
    values.push(("_bucket{le=\"+Inf\"}".to_owned(), total as f64));
    values.push(("_sum".to_owned(), counts.duration_us as f64 / 1e6));
    values.push(("_count".to_owned(), total as f64));
    metrics.write("histogram", "attempt_duration_seconds", "Duration of the attempts.", &values);
}
