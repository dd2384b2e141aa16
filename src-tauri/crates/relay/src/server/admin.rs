//! The relay's owner at a socket in its data folder: whoever may open that is the owner.

use std::{io, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use hookbench_capture::Clock;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{control::new_code, hub::Hub, limits::CODE_GOOD, sha256_hex};
use crate::wire::Ended;

/// Name of the socket in the data folder.
const SOCKET: &str = "admin.sock";

/// Wait after an accept that failed, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A device as its relay's owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownDevice {
    /// Its id.
    pub id: String,
    /// What its user calls it.
    pub name: String,
    /// When it was enrolled, µs since the Unix epoch.
    pub enrolled_us: i64,
    /// When it attached last.
    pub seen_us: Option<i64>,
    /// Whether it is attached now.
    pub attached: bool,
    /// Whether it may not come back.
    pub revoked: bool,
    /// Its inboxes, and what waits in each.
    pub inboxes: Vec<(String, u64)>,
}

/// Why the owner gets no answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No relay runs on this folder.
    #[error("no relay runs on {path}: {source}")]
    NotThere {
        /// The folder.
        path: std::path::PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It broke off or said something odd.
    #[error("the relay did not answer: {0}")]
    NoAnswer(String),
    /// It said no.
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

/// The socket's listener; dropping it removes the socket.
pub(super) struct Listening {
    #[cfg(unix)]
    task: tokio::task::JoinHandle<()>,
    #[cfg(unix)]
    path: std::path::PathBuf,
}

#[cfg(unix)]
impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(unix)]
pub(super) fn listen(data: &Path, hub: Arc<Hub>, clock: Clock) -> io::Result<Listening> {
    let path = data.join(SOCKET);
    // The folder's lock is ours, so whoever made this is gone.
    let _ = std::fs::remove_file(&path);
    let listener = tokio::net::UnixListener::bind(&path).map_err(|error| match error.kind() {
        // The system's own text names a constant of C.
        io::ErrorKind::InvalidInput => {
            let long = format!("{} is too long for a socket's path: choose a shorter --data", path.display());
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
                    tracing::debug!(%error, "an admin's connection broke off");
                }
            });
        }
    });
    Ok(Listening { task, path })
}

#[cfg(not(unix))]
pub(super) fn listen(_data: &Path, _hub: Arc<Hub>, _clock: Clock) -> io::Result<Listening> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "a relay runs on Unix only"))
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
                Ok(false) => json(
                    StatusCode::NOT_FOUND,
                    &Message { message: format!("there is no device {id:?} that is not revoked") },
                ),
                Err(error) => failed(error),
            }
        }
        (&Method::GET, "/metrics") => metrics(hub),
        _ => json(StatusCode::NOT_FOUND, &Message { message: "there is nothing at this address".into() }),
    }
}

fn metrics(hub: &Hub) -> Response<Full<Bytes>> {
    let gauges = [
        ("waiting", "Deliveries that wait for laptops.", hub.waiting()),
        ("attached", "Laptops attached now.", hub.sessions() as u64),
    ];
    let mut response = Response::new(Full::new(hub.metrics.text(&gauges).into()));
    let kind = http::HeaderValue::from_static("text/plain; version=0.0.4");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Gives the counters to whoever asks at a port of their own.
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
                tracing::debug!(%error, "a reader of counters broke off");
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

/// Ends what a device has here: its session, its addresses.
async fn revoke(hub: &Hub, id: String) -> Result<bool, String> {
    let device = hub.store.device(id.clone()).await.map_err(|e| e.to_string())?;
    let revoked = hub.store.revoke(id).await.map_err(|e| e.to_string())?;
    if let Some(device) = device.filter(|_| revoked) {
        hub.directory.remove_device(device.number);
        hub.end(Some(device.number), Ended::Revoked);
    }
    Ok(revoked)
}

/// The owner's end of the socket.
#[derive(Debug, Clone)]
pub struct Admin {
    data: std::path::PathBuf,
}

impl Admin {
    /// Of the relay that runs on a data folder.
    pub fn new(data: &Path) -> Self {
        Self { data: data.into() }
    }

    /// A code with which one device can enrol, and for how many seconds.
    pub async fn add_device(&self) -> Result<(String, u64), AdminError> {
        let code: Code = self.ask(Method::POST, "/codes").await?;
        Ok((code.code, code.good_for_s))
    }

    /// All devices.
    pub async fn devices(&self) -> Result<Vec<ShownDevice>, AdminError> {
        self.ask(Method::GET, "/devices").await
    }

    /// Revokes a device: its session ends, and its addresses answer no more.
    pub async fn revoke(&self, id: &str) -> Result<(), AdminError> {
        self.ask::<serde_json::Value>(Method::DELETE, &format!("/devices/{id}")).await.map(drop)
    }

    /// The counters, in Prometheus' text format.
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
        serde_json::from_slice(&body).map_err(|e| AdminError::NoAnswer(e.to_string()))
    }

    #[cfg(unix)]
    async fn call(&self, method: Method, path: &str) -> Result<(StatusCode, Bytes), AdminError> {
        let broken = |e: hyper::Error| AdminError::NoAnswer(e.to_string());
        let stream = tokio::net::UnixStream::connect(self.data.join(SOCKET)).await;
        let stream = stream.map_err(|source| AdminError::NotThere { path: self.data.clone(), source })?;
        let (mut send, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        tokio::spawn(connection);
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| AdminError::Refused(format!("{path:?} is no device's id")))?;
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
