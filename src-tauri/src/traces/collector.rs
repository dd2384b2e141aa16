//! Sends spans to a collector over OTLP (HTTP with Protobuf).

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hookbench_engine::{Clock, Connections, Outgoing, Payload, SendOptions, Trust, exchange};
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};
use tokio::sync::mpsc;

/// Variable with the whole URL of the collector, as the specification of OpenTelemetry names it.
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

/// Maximum number of spans in a call.
const SPANS: usize = 2_048;

/// Maximum time of a call, and of its connection.
const TOTAL: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);

/// Reason why the URL of the collector is invalid.
#[derive(Debug, thiserror::Error)]
#[error("the endpoint for traces is invalid: {0}")]
pub(crate) struct CollectorError(String);

/// Returns the URL for spans: that of `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, or below the URL of a collector. Returns
/// `None` if neither is set.
pub(crate) fn endpoint(collector: Option<&str>) -> Option<String> {
    let own = std::env::var(TRACES_ENDPOINT).ok().filter(|url| !url.is_empty());
    own.or_else(|| Some(format!("{}/v1/traces", collector?.trim_end_matches('/'))))
}

/// Client of the collector: the one of the deliveries, which knows the proxies and the certificates of this system.
#[derive(Debug)]
struct Client {
    connections: Connections,
    clock: Clock,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        let (method, url) = (head.method.to_string(), head.uri.to_string());
        let outgoing = Outgoing { method, url, headers, body: Payload::Memory(body) };
        let options = SendOptions {
            total: TOTAL,
            connect: CONNECT,
            trust: Trust::default(),
            lower_case: false,
            fresh: false,
            now_s: self.clock.now_us() / 1_000_000,
        };
        let received = exchange(&self.connections, &outgoing, &options, None).await.result.map_err(|e| e.message)?;
        let mut response = Response::builder().status(received.status);
        for (name, value) in received.headers {
            response = response.header(name, value);
        }
        Ok(response.body(received.body.into())?)
    }
}

/// Returns an exporter that sends to this URL. Headers and resource attributes are those of the environment variables
/// of OpenTelemetry.
pub(super) fn exporter(endpoint: &str, clock: Clock) -> Result<SpanExporter, CollectorError> {
    let scheme = endpoint.parse::<http::Uri>().ok().and_then(|url| url.scheme_str().map(str::to_owned));
    if !matches!(scheme.as_deref(), Some("http" | "https")) {
        return Err(CollectorError(format!("{endpoint} is not a URL that starts with http:// or https://")));
    }
    let client = Client { connections: Connections::new(), clock };
    let built = SpanExporter::builder().with_http().with_http_client(client).with_endpoint(endpoint).build();
    let mut exporter = built.map_err(|error| CollectorError(error.to_string()))?;
    exporter.set_resource(&resource());
    Ok(exporter)
}

/// Returns what the spans are about: this program, with the name and the attributes of the environment.
fn resource() -> Resource {
    let builder =
        Resource::builder().with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    match std::env::var("OTEL_SERVICE_NAME").is_ok_and(|name| !name.is_empty()) {
        true => builder.build(),
        false => builder.with_service_name("hookbench").build(),
    }
}

/// Sends batches until the channel is closed. Spans that a collector does not take are dropped, and the log says so
/// once until it takes some again.
pub(super) async fn send(exporter: SpanExporter, mut waiting: mpsc::Receiver<Vec<SpanData>>) {
    let mut failed = false;
    while let Some(mut spans) = waiting.recv().await {
        while spans.len() < SPANS
            && let Ok(more) = waiting.try_recv()
        {
            spans.extend(more);
        }
        match exporter.export(spans).await {
            Ok(()) if failed => {
                tracing::warn!("the collector takes traces again");
                failed = false;
            }
            Ok(()) => {}
            Err(error) if failed => tracing::debug!(%error, "spans are dropped"),
            Err(error) => {
                tracing::warn!(%error, "the collector does not take traces; spans are dropped");
                failed = true;
            }
        }
    }
}
