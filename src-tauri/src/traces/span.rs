//! Spans, with the attributes that the semantic conventions of OpenTelemetry for HTTP name
//! (opentelemetry.io/docs/specs/semconv/http/http-spans).

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use hookbench_engine::{TraceContext, span_id};
use hookbench_model::{Attempt, Delivery, RequestSummary, SignatureStatus};
use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId, Value,
    trace::{Link, SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

/// Methods that a span is named after. Others are data of the sender.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];

/// First part of a number of the last phase of an attempt, so that each phase has its own span.
const PHASES: u32 = 10_000;

/// Returns the span of a captured request: from its arrival until it was stored, to the millisecond. The trace of the
/// sender is only linked, because anyone can send to the listener and must not write into other traces.
pub(super) fn received(
    request: &RequestSummary,
    own: TraceContext,
    sender: Option<TraceContext>,
    stored_us: i64,
) -> SpanData {
    let start_us = request.arrived_at.as_microsecond();
    let read_us = start_us + (request.receiving_ms * 1_000.0) as i64;
    let method = method(&request.method);
    let mut span = span(own, own.span, format!("{method} {}", request.inbox), SpanKind::Server);
    (span.start_time, span.end_time) = (time(start_us), time(read_us.max(stored_us)));
    if let Some(sender) = sender {
        let flags = if sender.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
        let context = SpanContext::new(sender.trace.into(), sender.span.into(), flags, true, TraceState::default());
        span.links.links.push(Link::new(context, Vec::new(), 0));
    }
    // A query can contain secrets.
    let path = request.target.split('?').next().unwrap_or_default();
    span.attributes = vec![
        attribute("http.request.method", method),
        attribute("http.response.status_code", i64::from(request.status)),
        attribute("http.request.body.size", request.body_bytes as i64),
        attribute("url.path", path.to_owned()),
        attribute("hookbench.inbox", request.inbox.clone()),
        attribute("hookbench.request.id", request.id.clone()),
    ];
    if let Ok(peer) = request.remote_address.parse::<std::net::SocketAddr>() {
        span.attributes.push(attribute("network.peer.address", peer.ip().to_string()));
        span.attributes.push(attribute("network.peer.port", i64::from(peer.port())));
    }
    if request.status >= 500 {
        span.status = Status::error(format!("responded with {}", request.status));
    }
    span
}

/// Returns the span of a verification: from the commit of the request until its signature status is known.
pub(super) fn verified(request: &RequestSummary, parent: TraceContext, from_us: i64, until_us: i64) -> SpanData {
    let mut span = span(parent, span_id(&request.id, 1), "verify".to_owned(), SpanKind::Internal);
    (span.start_time, span.end_time) = (time(from_us), time(until_us.max(from_us)));
    span.parent_span_id = parent.span.into();
    span.attributes = vec![attribute("hookbench.signature.status", request.signature_status.as_str())];
    let more = [
        ("hookbench.signature.reason", &request.reason),
        ("hookbench.provider", &request.provider),
        ("hookbench.event.type", &request.event_type),
        ("hookbench.event.id", &request.event_id),
    ];
    let known = more.into_iter().filter_map(|(name, value)| Some(attribute(name, value.clone()?)));
    span.attributes.extend(known);
    if matches!(request.signature_status, SignatureStatus::Invalid | SignatureStatus::Expired) {
        span.status = Status::error(request.reason.clone().unwrap_or_default());
    }
    span
}

/// Returns the span of an attempt, and one for each of its phases. Empty for a request that is not traced.
pub(super) fn attempted(delivery: &Delivery, attempt: &Attempt) -> Vec<SpanData> {
    let headers = attempt.request_headers.iter().map(|line| (line.name.as_bytes(), line.value.as_bytes()));
    let Some(own) = TraceContext::of_headers(headers).filter(|own| own.sampled) else { return Vec::new() };
    let start_us = attempt.started_at.as_microsecond();
    let method = method(&delivery.method);
    let mut whole = span(own, own.span, method.to_owned(), SpanKind::Client);
    (whole.start_time, whole.end_time) = (time(start_us), time(start_us + attempt.timings.total_us as i64));
    if let Some(request) = &delivery.request {
        whole.parent_span_id = span_id(request, 0).into();
    }
    // A query can contain secrets.
    let url = hookbench_model::masked_url(&delivery.url);
    let url = url.split('?').next().unwrap_or_default().to_owned();
    whole.attributes = vec![
        attribute("http.request.method", method),
        attribute("hookbench.delivery.id", delivery.id.clone()),
        attribute("hookbench.delivery.attempt", i64::from(attempt.number)),
    ];
    if let Ok(parsed) = url.parse::<http::Uri>() {
        let port = parsed.port_u16().unwrap_or(if parsed.scheme_str() == Some("https") { 443 } else { 80 });
        whole.attributes.extend(parsed.host().map(|host| attribute("server.address", host.to_owned())));
        whole.attributes.push(attribute("server.port", i64::from(port)));
    }
    whole.attributes.push(attribute("url.full", url));
    if attempt.number > 1 {
        whole.attributes.push(attribute("http.request.resend_count", i64::from(attempt.number) - 1));
    }
    if let Some(status) = attempt.status {
        whole.attributes.push(attribute("http.response.status_code", i64::from(status)));
        if status >= 400 {
            whole.attributes.push(attribute("error.type", status.to_string()));
            whole.status = Status::error(format!("the app responded with {status}"));
        }
    }
    if let Some(error) = &attempt.error {
        let kind = serde_json::to_value(error.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
        whole.attributes.push(attribute("error.type", kind.unwrap_or_default()));
        whole.status = Status::error(error.message.clone());
    }
    let mut spans = phases(delivery, attempt, own, start_us);
    spans.insert(0, whole);
    spans
}

/// Returns the spans of the phases of an attempt, which follow each other.
fn phases(delivery: &Delivery, attempt: &Attempt, own: TraceContext, start_us: i64) -> Vec<SpanData> {
    let timings = &attempt.timings;
    let named = [
        ("resolve the name", timings.dns_us),
        ("connect", timings.connect_us),
        ("TLS handshake", timings.tls_us),
        ("wait for the response", timings.first_byte_us),
    ];
    let mut from_us = start_us;
    let mut spans = Vec::new();
    for (phase, (name, took)) in (0..).zip(named) {
        let Some(took) = took else { continue };
        let id = span_id(&delivery.id, (PHASES + phase) * PHASES + attempt.number);
        let mut span = span(own, id, name.to_owned(), SpanKind::Internal);
        (span.start_time, span.end_time) = (time(from_us), time(from_us + took as i64));
        span.parent_span_id = own.span.into();
        from_us += took as i64;
        spans.push(span);
    }
    spans
}

/// Returns the time of a span in µs since the Unix epoch.
pub(super) fn micros(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

fn time(us: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(us.max(0) as u64)
}

fn method(method: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}

fn attribute(name: &'static str, value: impl Into<Value>) -> KeyValue {
    KeyValue::new(name, value)
}

/// Returns a span without a parent, times and attributes.
fn span(trace: TraceContext, id: u64, name: String, kind: SpanKind) -> SpanData {
    let flags = if trace.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace, id) = (TraceId::from(trace.trace), SpanId::from(id));
    SpanData {
        span_context: SpanContext::new(trace, id, flags, false, TraceState::default()),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: kind,
        name: Cow::Owned(name),
        start_time: SystemTime::UNIX_EPOCH,
        end_time: SystemTime::UNIX_EPOCH,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("hookbench")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build(),
    }
}
