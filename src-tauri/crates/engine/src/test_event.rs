//! The test event: an HTTP request to the listener, in the format of the inbox's provider.

use bytes::Bytes;
use hookbench_delivery::{
    vendor_request,
    vendor_request::{SampleContext, UnsignedRequest},
};
use hookbench_provider::Catalog;
use hookbench_signature::Keys;
use http::{Request, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use crate::inbox::InboxConfig;

/// Provider and event type of the test event for an inbox without a provider.
const DEFAULT: (&str, &str) = ("onwebchat", "chat.closed");

/// Headers and body of the test event.
struct Ready {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Returns a test event of the inbox's provider, signed with the inbox's secret.
fn event(catalog: &Catalog, inbox: &InboxConfig, url: &str, now_ms: i64) -> Ready {
    let uuid = uuid::Uuid::now_v7();
    let id = uuid.to_string();
    let moment = SampleContext { id: &id, seed: uuid.as_u128() as u64, step: 0, now_ms };
    let set = inbox.verification.provider.as_deref().and_then(|id| catalog.get(id));
    let Some(provider) = set.or_else(|| catalog.get(DEFAULT.0)) else {
        return Ready { headers: Vec::new(), body: b"{\"event\":\"test\"}".to_vec() };
    };
    let sample = match (set, &provider.sending) {
        (None, Some(sending)) => sending.event(DEFAULT.1).map(|event| (DEFAULT.1, &event.sample)),
        _ => vendor_request::test_event(provider),
    };
    let generic = || {
        json!({ "type": "test", "event": "test", "id": "{{id}}", "timestamp": "{{iso}}",
        "data": { "message": "Hello from Hookbench. This event was sent over HTTP, like any webhook." } })
    };
    let (kind, sample) = sample.map_or_else(|| ("test", generic()), |(kind, sample)| (kind, sample.value()));
    let body = serde_json::to_vec(&vendor_request::payload(kind, &sample, &moment)).unwrap_or_default();
    let mut headers = vendor_request::plain_headers(provider, kind, &id);
    let signs = provider.sending.as_ref().is_none_or(|sending| sending.signed) || set.is_some();
    let mut keys: Keys = crate::verification::keys(&inbox.verification);
    if keys.secrets.iter().all(String::is_empty) && set.is_none() {
        keys.secrets = vec![inbox.test_secret.to_string()];
        headers.push((crate::verification::TEST_EVENT.into(), provider.id.clone()));
    }
    let record = crate::verification::scheme(&inbox.verification, catalog)
        .map(|(_, record)| record)
        .or_else(|| provider.schemes.first());
    if let Some(record) = record.filter(|_| signs) {
        let target = format!("/{}", inbox.name);
        let registered = inbox.verification.signed_url(&inbox.name, &target).unwrap_or_else(|| url.to_owned());
        let request =
            UnsignedRequest { method: "POST", target: &target, url: &registered, headers: &headers, body: &body };
        // The event is unsigned if only the provider's private key can sign.
        if let Ok(signature) = vendor_request::signature(&record.scheme, &request, &keys, &id, now_ms) {
            headers.extend(signature);
        }
    }
    Ready { headers, body }
}

/// Sends the test event. Returns the status of the listener's response.
///
/// # Errors
/// Returns a message if the listener cannot be reached.
pub async fn send(
    catalog: &Catalog,
    address: std::net::SocketAddr,
    inbox: &InboxConfig,
    now_ms: i64,
) -> Result<u16, String> {
    let name = &inbox.name;
    let Ready { headers, body } = event(catalog, inbox, &format!("http://{address}/{name}"), now_ms);
    let mut request = Request::post(format!("/{name}")).header(header::HOST, address.to_string());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|e| e.to_string())?;
    let stream = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .title_case_headers(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|e| e.to_string())?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|e| e.to_string())?;
    Ok(response.status().as_u16())
}
