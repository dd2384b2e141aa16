//! The test event: a real HTTP request to an inbox of this receiver.

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Sends the event; the status the receiver answered.
pub(crate) async fn send(address: std::net::SocketAddr, inbox: &str, now: jiff::Timestamp) -> Result<u16, String> {
    let body = serde_json::json!({
        "event": "test",
        "id": format!("test_{}", uuid::Uuid::now_v7().simple()),
        "created_at": now,
        "data": { "message": "Hello from Hookline. This came over HTTP like any webhook." },
    });
    let body = serde_json::to_vec_pretty(&body).map_err(|e| e.to_string())?;
    let request = Request::post(format!("/{inbox}"))
        .header(header::HOST, address.to_string())
        .header(header::USER_AGENT, concat!("Hookline/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|e| e.to_string())?;
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
