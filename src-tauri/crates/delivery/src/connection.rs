//! Connections to destinations, with the duration of each step.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use hookbench_model::{AttemptError, AttemptErrorKind, AttemptPhase};
use http::Uri;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::{client::proxy::matcher::Matcher, rt::TokioIo};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    exchange::SendOptions,
    payload::OutgoingBody,
    trust::{Configs, Trust, by_tls},
};

/// Time for which an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Maximum number of unused connections per destination.
const IDLE_MAX: usize = 64;

/// Maximum size of a proxy's response head, in bytes.
const PROXY_HEAD_MAX: usize = 8 * 1024;

/// Durations of the connection steps. `None` if a step was not needed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Steps {
    pub(crate) dns: Option<Duration>,
    pub(crate) connect: Option<Duration>,
    pub(crate) tls: Option<Duration>,
}

/// Connection that can send a request.
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<OutgoingBody>,
    pub(crate) steps: Steps,
    pub(crate) remote_address: Option<SocketAddr>,
    /// True if requests use the absolute URL as target, as an HTTP proxy requires.
    pub(crate) absolute: bool,
    /// True if the connection was used before, in which case the server may have closed it.
    pub(crate) used: bool,
    key: Key,
}

/// Destination and TLS trust of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    scheme: String,
    host: String,
    port: u16,
    trust: Trust,
    lower_case: bool,
}

/// Pool of idle connections.
pub struct Connections {
    idle: Mutex<HashMap<Key, Vec<(Connection, Instant)>>>,
    tls: Configs,
    proxies: Matcher,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

fn failed(kind: AttemptErrorKind, phase: AttemptPhase, message: impl Into<String>) -> AttemptError {
    AttemptError { kind, phase, message: message.into() }
}

/// Converts a socket error to an attempt error.
pub(crate) fn by_io(error: &io::Error, phase: AttemptPhase, server: &str, trust: &Trust) -> AttemptError {
    if let Some(error) = by_tls(error, phase, server, trust) {
        return error;
    }
    let kind = match error.kind() {
        io::ErrorKind::ConnectionRefused => AttemptErrorKind::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            AttemptErrorKind::Reset
        }
        io::ErrorKind::TimedOut => AttemptErrorKind::Timeout,
        io::ErrorKind::UnexpectedEof => AttemptErrorKind::Reset,
        // Error while reading a chunked body (RFC 9112 section 7.1).
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData if phase == AttemptPhase::Body => {
            AttemptErrorKind::BadResponse
        }
        _ => AttemptErrorKind::Unreachable,
    };
    let words = match kind {
        AttemptErrorKind::Refused => format!("Nothing listens at {server}."),
        AttemptErrorKind::Reset => format!("{server} closed the connection."),
        AttemptErrorKind::BadResponse => format!("The response body of {server} is malformed: {error}."),
        _ => format!("{server} cannot be reached: {error}."),
    };
    failed(kind, phase, words)
}

impl Default for Connections {
    fn default() -> Self {
        Self::new()
    }
}

impl Connections {
    /// Creates an empty pool.
    pub fn new() -> Self {
        Self { idle: Mutex::default(), tls: Configs::default(), proxies: Matcher::from_env() }
    }

    /// Returns a connection to the host of a URL: an idle one, or a new one opened within `limit`.
    pub(crate) async fn to(
        &self,
        url: &Uri,
        options: &SendOptions,
        limit: Duration,
        fresh: bool,
    ) -> Result<Connection, (AttemptError, Steps)> {
        let key = Key::of(url, options).map_err(|error| (error, Steps::default()))?;
        if !fresh && let Some(connection) = self.waiting(&key) {
            return Ok(connection);
        }
        let mut steps = Steps::default();
        let server = format!("{}:{}", key.host, key.port);
        match timeout(limit, self.open(url, key, &mut steps)).await {
            Ok(Ok(mut connection)) => {
                connection.steps = steps;
                Ok(connection)
            }
            Ok(Err(error)) => Err((error, steps)),
            Err(_) => {
                let phase = match (steps.dns, steps.connect) {
                    (None, _) => AttemptPhase::Dns,
                    (Some(_), None) => AttemptPhase::Connect,
                    _ => AttemptPhase::Tls,
                };
                let error = failed(
                    AttemptErrorKind::Timeout,
                    phase,
                    format!("{server} did not respond within {} ms while connecting.", limit.as_millis()),
                );
                Err((error, steps))
            }
        }
    }

    fn waiting(&self, key: &Key) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let all = idle.get_mut(key)?;
        while let Some((mut connection, since)) = all.pop() {
            if since.elapsed() < IDLE && connection.sender.is_ready() {
                connection.steps = Steps::default();
                connection.used = true;
                return Some(connection);
            }
        }
        None
    }

    /// Returns a connection to the pool after its response was read completely.
    pub(crate) fn put_back(&self, connection: Connection) {
        if connection.sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let all = idle.entry(connection.key.clone()).or_default();
        if all.len() < IDLE_MAX {
            all.push((connection, Instant::now()));
        }
    }

    /// Closes connections that have been idle for too long.
    pub(crate) fn tidy(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|_, all| {
            all.retain(|(connection, since)| since.elapsed() < IDLE && !connection.sender.is_closed());
            !all.is_empty()
        });
    }

    async fn open(&self, url: &Uri, key: Key, steps: &mut Steps) -> Result<Connection, AttemptError> {
        let proxy = self.proxies.intercept(url);
        let (host, port) = match &proxy {
            Some(proxy) => (
                proxy.uri().host().unwrap_or_default().to_owned(),
                proxy.uri().port_u16().unwrap_or(if proxy.uri().scheme_str() == Some("https") { 443 } else { 80 }),
            ),
            None => (key.host.clone(), key.port),
        };
        let mut stream = dial(&host, port, steps).await?;
        let remote_address = stream.peer_addr().ok();
        let secure = key.scheme == "https";
        if proxy.is_some() && secure {
            tunnel(&mut stream, &key).await?;
        }
        let began = Instant::now();
        let server = format!("{}:{}", key.host, key.port);
        let sender = if secure {
            let name = ServerName::try_from(key.host.trim_matches(['[', ']']).to_owned()).map_err(|_| {
                failed(
                    AttemptErrorKind::Tls,
                    AttemptPhase::Tls,
                    format!("{} is not a valid certificate name.", key.host),
                )
            })?;
            let config = self.tls.of(&key.trust).map_err(|error| {
                failed(AttemptErrorKind::Tls, AttemptPhase::Tls, format!("The certificates cannot be used: {error}."))
            })?;
            let stream = TlsConnector::from(config)
                .connect(name, stream)
                .await
                .map_err(|error| by_io(&error, AttemptPhase::Tls, &server, &key.trust))?;
            steps.tls = Some(began.elapsed());
            speak(stream, !key.lower_case).await
        } else {
            speak(stream, !key.lower_case).await
        };
        let sender =
            sender.map_err(|error| failed(AttemptErrorKind::BadResponse, AttemptPhase::Connect, error.to_string()))?;
        Ok(Connection { sender, steps: *steps, remote_address, absolute: proxy.is_some() && !secure, used: false, key })
    }
}

impl Key {
    fn of(url: &Uri, options: &SendOptions) -> Result<Self, AttemptError> {
        let wrong = |why: &str| failed(AttemptErrorKind::Url, AttemptPhase::Dns, format!("{url} {why}."));
        let scheme = url.scheme_str().ok_or_else(|| wrong("must begin with http:// or https://"))?;
        let host = url.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("has no host"))?;
        let port = match url.port() {
            Some(port) => port.as_str().parse().map_err(|_| wrong("has an invalid port (0 to 65535)"))?,
            None if scheme == "https" => 443,
            None => 80,
        };
        let (trust, lower_case) = (options.trust.clone(), options.lower_case);
        Ok(Self { scheme: scheme.into(), host: host.into(), port, trust, lower_case })
    }
}

async fn speak<S>(stream: S, title_case: bool) -> hyper::Result<SendRequest<OutgoingBody>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) =
        Builder::new().title_case_headers(title_case).handshake::<_, OutgoingBody>(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn dial(host: &str, port: u16, steps: &mut Steps) -> Result<TcpStream, AttemptError> {
    let began = Instant::now();
    let bare = host.trim_matches(['[', ']']);
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((bare, port))
        .await
        .map_err(|error| failed(AttemptErrorKind::Dns, AttemptPhase::Dns, format!("{host} has no address: {error}.")))?
        .collect();
    steps.dns = Some(began.elapsed());
    let began = Instant::now();
    let server = format!("{host}:{port}");
    let mut last = failed(AttemptErrorKind::Dns, AttemptPhase::Dns, format!("{host} has no address."));
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                steps.connect = Some(began.elapsed());
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = by_io(&error, AttemptPhase::Connect, &server, &Trust::default()),
        }
    }
    Err(last)
}

/// Opens a tunnel through a proxy with CONNECT (RFC 9110 section 9.3.6).
async fn tunnel(stream: &mut TcpStream, key: &Key) -> Result<(), AttemptError> {
    let wrong = |why: String| failed(AttemptErrorKind::Proxy, AttemptPhase::Connect, why);
    let ask = format!("CONNECT {0}:{1} HTTP/1.1\r\nHost: {0}:{1}\r\n\r\n", key.host, key.port);
    stream
        .write_all(ask.as_bytes())
        .await
        .map_err(|error| wrong(format!("The proxy closed the connection: {error}.")))?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= PROXY_HEAD_MAX {
            return Err(wrong("The proxy's response head is too large.".into()));
        }
        let byte =
            stream.read_u8().await.map_err(|error| wrong(format!("The proxy closed the connection: {error}.")))?;
        head.push(byte);
    }
    let line = String::from_utf8_lossy(&head);
    match line.split(' ').nth(1) {
        Some("200") => Ok(()),
        Some(status) => {
            Err(wrong(format!("The proxy rejected the connection to {}:{} with {status}.", key.host, key.port)))
        }
        None => Err(wrong("The proxy's response is not HTTP.".into())),
    }
}
