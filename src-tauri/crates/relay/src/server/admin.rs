//! Administration of a relay through a Unix socket in its data folder. Access to the socket requires no credentials
//! beyond the file permissions.

use std::{io, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use hookbench_capture::Clock;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{control::new_code, hub::Hub, limits::CODE_GOOD, sha256_hex};
use crate::wire::SessionEnd;

/// Name of the socket in the data folder.
const SOCKET: &str = "admin.sock";

/// Pause after a failed accept. The usual cause is a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A device, as shown to the relay's owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownDevice {
    /// Id of the device.
    pub id: String,
    /// Name of the device, chosen by its user.
    pub name: String,
    /// Time of the enrollment, in µs since the Unix epoch.
    pub enrolled_us: i64,
    /// Time of the last attach, in µs since the Unix epoch; `None` if the device never attached.
    pub seen_us: Option<i64>,
    /// True if the device is attached now.
    pub attached: bool,
    /// True if the device was revoked.
    pub revoked: bool,
    /// Names of the inboxes of the device, each with the number of waiting deliveries.
    pub inboxes: Vec<(String, u64)>,
}

/// An error of a request to the admin socket.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No relay is running in this folder.
    #[error("no relay is running in {path}: {source}")]
    NotThere {
        /// The folder.
        path: std::path::PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The connection failed, or the response is invalid.
    #[error("no valid response from the relay: {0}")]
    NoResponse(String),
    /// The relay rejected the request.
    #[error("{0}")]
    Refused(String),
}

#[derive(Serialize, Deserialize)]
struct Code {
    code: String,
    good_for_s: u64,
}

#[derive(Serialize, Deserialize)]
struct Message {
    message: String,
}

/// The listener of the socket. Dropping it removes the socket.
pub(super) struct SocketListener {
    #[cfg(unix)]
    task: tokio::task::JoinHandle<()>,
    #[cfg(unix)]
    path: std::path::PathBuf,
}

#[cfg(unix)]
impl Drop for SocketListener {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(unix)]
pub(super) fn listen(data: &Path, hub: Arc<Hub>, clock: Clock) -> io::Result<SocketListener> {
    let path = data.join(SOCKET);
    // This process holds the lock of the folder, so an existing socket is left over from an ended process.
    let _ = std::fs::remove_file(&path);
    let listener = tokio::net::UnixListener::bind(&path).map_err(|error| match error.kind() {
        // The message of the operating system names a C constant.
        io::ErrorKind::InvalidInput => {
            let long = format!("the socket path {} is too long; use a shorter --data path", path.display());
            io::Error::new(error.kind(), long)
        }
        _ => error,
    })?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let task = tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let (hub, clock) = (hub.clone(), clock.clone());
            tokio::spawn(async move {
                let service = hyper::service::service_fn(move |request| {
                    let (hub, clock) = (hub.clone(), clock.clone());
                    async move { Ok::<_, std::convert::Infallible>(serve(&hub, &clock, request).await) }
                });
                let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                if let Err(error) = served.await {
                    tracing::debug!(%error, "a connection to the admin socket failed");
                }
            });
        }
    });
    Ok(SocketListener { task, path })
}

#[cfg(not(unix))]
pub(super) fn listen(_data: &Path, _hub: Arc<Hub>, _clock: Clock) -> io::Result<SocketListener> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "a relay requires a Unix system"))
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(serde_json::to_vec(value).unwrap_or_default().into()));
    *response.status_mut() = status;
    response
}

async fn serve(hub: &Arc<Hub>, clock: &Clock, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let failed = |error: String| json(StatusCode::SERVICE_UNAVAILABLE, &Message { message: error });
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::GET, "/devices") => match devices(hub).await {
            Ok(devices) => json(StatusCode::OK, &devices),
            Err(error) => failed(error.to_string()),
        },
        (&Method::POST, "/codes") => {
            let code = new_code();
            let until_us = clock.now_us() + CODE_GOOD.as_micros() as i64;
            match hub.store.add_code(sha256_hex(code.as_bytes()), until_us).await {
                Ok(()) => json(StatusCode::CREATED, &Code { code, good_for_s: CODE_GOOD.as_secs() }),
                Err(error) => failed(error.to_string()),
            }
        }
        (&Method::DELETE, path) if path.starts_with("/devices/") => {
            let id = path.trim_start_matches("/devices/").to_owned();
            match revoke(hub, id.clone()).await {
                Ok(true) => json(StatusCode::OK, &serde_json::json!({})),
                Ok(false) => {
                    json(StatusCode::NOT_FOUND, &Message { message: format!("no active device has the ID {id:?}") })
                }
                Err(error) => failed(error),
            }
        }
        (&Method::GET, "/metrics") => metrics(hub),
        _ => json(StatusCode::NOT_FOUND, &Message { message: "this path does not exist".into() }),
    }
}

fn metrics(hub: &Hub) -> Response<Full<Bytes>> {
    let gauges = [
        ("waiting", "Deliveries that wait for agents.", hub.waiting()),
        ("attached", "Agents attached now.", hub.sessions() as u64),
    ];
    let mut response = Response::new(Full::new(hub.metrics.text(&gauges).into()));
    let kind = http::HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Serves the metrics on a separate port.
pub(super) async fn give_metrics(listener: tokio::net::TcpListener, hub: Arc<Hub>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let hub = hub.clone();
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let known = request.uri().path() == "/metrics";
                let response = if known { metrics(&hub) } else { json(StatusCode::NOT_FOUND, &serde_json::json!({})) };
                async move { Ok::<_, std::convert::Infallible>(response) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new());
            if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "a connection to the metrics port failed");
            }
        });
    }
}

async fn devices(hub: &Hub) -> Result<Vec<ShownDevice>, hookbench_capture::ReadError> {
    let devices = hub.store.devices().await?;
    let shown = |device: &super::store::DeviceRow| ShownDevice {
        id: device.id.clone(),
        name: device.name.clone(),
        enrolled_us: device.enrolled_us,
        seen_us: device.seen_us,
        attached: hub.attached(device.number),
        revoked: device.revoked,
        inboxes: hub
            .directory
            .of_device(device.number)
            .iter()
            .map(|inbox| (inbox.name.clone(), hub.kept(inbox.number).waiting))
            .collect(),
    };
    Ok(devices.iter().map(shown).collect())
}

/// Revokes a device, ends its session and removes its inboxes from the directory.
async fn revoke(hub: &Hub, id: String) -> Result<bool, String> {
    let device = hub.store.device(id.clone()).await.map_err(|e| e.to_string())?;
    let revoked = hub.store.revoke(id).await.map_err(|e| e.to_string())?;
    if let Some(device) = device.filter(|_| revoked) {
        hub.directory.remove_device(device.number);
        hub.end(Some(device.number), SessionEnd::Revoked);
    }
    Ok(revoked)
}

/// A client of the admin socket.
#[derive(Debug, Clone)]
pub struct Admin {
    data: std::path::PathBuf,
}

impl Admin {
    /// Creates a client for the relay that uses a data folder.
    pub fn new(data: &Path) -> Self {
        Self { data: data.into() }
    }

    /// Creates a code with which one device can enroll. Returns the code and its lifetime in seconds.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn add_device(&self) -> Result<(String, u64), AdminError> {
        let code: Code = self.ask(Method::POST, "/codes").await?;
        Ok((code.code, code.good_for_s))
    }

    /// Returns all devices.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn devices(&self) -> Result<Vec<ShownDevice>, AdminError> {
        self.ask(Method::GET, "/devices").await
    }

    /// Revokes a device: its session ends, and its public URLs stop working.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn revoke(&self, id: &str) -> Result<(), AdminError> {
        self.ask::<serde_json::Value>(Method::DELETE, &format!("/devices/{id}")).await.map(drop)
    }

    /// Returns the metrics in the text format of Prometheus.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn metrics(&self) -> Result<String, AdminError> {
        let (_, body) = self.call(Method::GET, "/metrics").await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, AdminError> {
        let (status, body) = self.call(method, path).await?;
        if !status.is_success() {
            let message = serde_json::from_slice::<Message>(&body).map(|message| message.message);
            return Err(AdminError::Refused(message.unwrap_or_else(|_| status.to_string())));
        }
        serde_json::from_slice(&body).map_err(|e| AdminError::NoResponse(e.to_string()))
    }

    #[cfg(unix)]
    async fn call(&self, method: Method, path: &str) -> Result<(StatusCode, Bytes), AdminError> {
        let broken = |e: hyper::Error| AdminError::NoResponse(e.to_string());
        let stream = tokio::net::UnixStream::connect(self.data.join(SOCKET)).await;
        let stream = stream.map_err(|source| AdminError::NotThere { path: self.data.clone(), source })?;
        let (mut send, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        tokio::spawn(connection);
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = method;
        *request.uri_mut() =
            path.parse().map_err(|_| AdminError::Refused(format!("invalid device ID in the path {path:?}")))?;
        request.headers_mut().insert(header::HOST, http::HeaderValue::from_static("relay"));
        let (parts, body) = send.send_request(request).await.map_err(broken)?.into_parts();
        Ok((parts.status, body.collect().await.map_err(broken)?.to_bytes()))
    }

    #[cfg(not(unix))]
    async fn call(&self, _method: Method, _path: &str) -> Result<(StatusCode, Bytes), AdminError> {
        let source = io::Error::from(io::ErrorKind::Unsupported);
        Err(AdminError::NotThere { path: self.data.clone(), source })
    }
}
