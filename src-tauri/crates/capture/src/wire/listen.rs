//! The listener: accepts connections within the limit and serves each connection.

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hookbench_model::ListenerLimits;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch},
    task::{JoinHandle, JoinSet},
};

use super::{
    head::RefusedHead,
    refused::{KEPT_MAX, RejectedRequest, target_of},
    response::Refusal,
    serve::{Routes, Service},
    tap::{ConnectionState, Tap},
};
use crate::{
    clock::Clock,
    descriptors,
    limits::{H2_STREAMS_MAX, HEAD_BYTES_MAX},
    store::Store,
};

/// Length of the kernel's accept queue.
const BACKLOG: u32 = 1024;

/// Maximum number of bytes that hyper buffers for a connection. Larger than the maximum head, so that a head that is
/// too large is rejected here with an explanation, and not by hyper without one.
const BUFFER_MAX: usize = HEAD_BYTES_MAX + 64 * 1024;

/// Pause after a failed accept. The usual cause is a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Maximum number of connections over the limit that get a 503 response at the same time.
const SAYING_MAX: usize = 32;

/// Time that active requests have to finish when the listener stops.
const GRACE: Duration = Duration::from_secs(2);

/// Idle time of an HTTP/2 connection before a PING is sent, and timeout of the PING.
const H2_PING: Duration = Duration::from_secs(30);

/// Minimum time after which an HTTP/2 connection without requests is closed; the maximum is twice this time.
const H2_IDLE: Duration = Duration::from_secs(60);

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 116\r\n\r\n{\"code\":\"too_many_connections\",\"message\":\"All connections are in use.\",\"hint\":\"Retry later, or reuse a connection.\"}";

/// Counters of connections that a listener rejected without storing a request.
#[derive(Debug, Default)]
pub struct Counts {
    /// Connections over the limit, which get a 503 response.
    pub connections_refused: AtomicU64,
    /// Connections that ended because of invalid HTTP, a head over the limits, or a head that was not completed in
    /// time.
    pub heads_refused: AtomicU64,
}

/// A running listener. Dropping it stops accepting and lets open requests finish.
#[derive(Debug)]
pub struct RunningListener {
    address: SocketAddr,
    counts: Arc<Counts>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl RunningListener {
    /// Returns the listening address. If port 0 was requested, the address has the port that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the counters of rejected connections.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Stops accepting, gives active requests 2 seconds to finish, and returns when the last request has ended.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // The task ends after the stop signal. A join error means that the task has ended already.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for RunningListener {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// A step that each connection passes before HTTP, such as a TLS handshake.
pub trait Entrance: Send + Sync + 'static {
    /// Stream type after the step.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Runs the step on a new connection. Returns `None` if the connection is finished, for example after an ACME
    /// challenge.
    fn enter(&self, stream: TcpStream) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;

    /// Prepares the stream so that dropping it resets the connection. Does nothing by default.
    fn reset_at_end(_stream: &Self::Stream) {}
}

/// Plain HTTP: no step before HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

impl Entrance for Plain {
    type Stream = TcpStream;

    async fn enter(&self, stream: TcpStream) -> io::Result<Option<TcpStream>> {
        Ok(Some(stream))
    }

    fn reset_at_end(stream: &TcpStream) {
        // If the system does not support this option, the connection closes normally.
        let _ = stream.set_zero_linger();
    }
}

/// Listens at `address` and stores the requests that arrive.
///
/// # Errors
/// Fails if the address cannot be bound.
pub async fn listen<E: Entrance, R: Routes>(
    address: SocketAddr,
    entrance: E,
    store: Arc<Store>,
    routes: Arc<R>,
    limits: ListenerLimits,
    clock: Clock,
) -> io::Result<RunningListener> {
    let listener = bind(address)?;
    let address = listener.local_addr()?;
    let counts = Arc::new(Counts::default());
    let (stop, stopped) = watch::channel(false);
    let service = Arc::new(Service { store, routes, limits, clock });
    let accepting = tokio::spawn(accept(listener, Arc::new(entrance), service, counts.clone(), stopped));
    Ok(RunningListener { address, counts, stop, accepting })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // With this option, a restart does not wait for old connections to time out. On Windows, the option has another
    // meaning: two programs can share a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept<E: Entrance, R: Routes>(
    listener: TcpListener,
    entrance: Arc<E>,
    service: Arc<Service<R>>,
    counts: Arc<Counts>,
    mut stopped: watch::Receiver<bool>,
) {
    let free = Arc::new(Semaphore::new(descriptors::for_connections(service.limits.connections)));
    let saying = Arc::new(Semaphore::new(SAYING_MAX));
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = open.join_next() => continue,
            _ = stopped.wait_for(|stop| *stop) => break,
        };
        let (stream, remote_address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        match free.clone().try_acquire_owned() {
            Ok(permit) => {
                let (service, entrance) = (service.clone(), entrance.clone());
                open.spawn(connection(
                    stream,
                    remote_address,
                    entrance,
                    service,
                    counts.clone(),
                    stopped.clone(),
                    permit,
                ));
            }
            Err(_) => {
                counts.connections_refused.fetch_add(1, Ordering::Relaxed);
                service.routes.refused(RejectedRequest {
                    at_us: service.clock.now_us(),
                    remote_address: Some(remote_address),
                    inbox: None,
                    target: None,
                    refusal: Refusal::too_many_connections(),
                    bytes: Vec::new(),
                });
                // Connections over this limit are closed without a response, because each response uses a descriptor
                // too.
                if let Ok(permit) = saying.clone().try_acquire_owned() {
                    open.spawn(async move {
                        say(stream, FULL).await;
                        drop(permit);
                    });
                }
            }
        }
    }
    drop(listener);
    let finished = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, finished).await.is_err() {
        // Requests that are still arriving are dropped here, and stored as incomplete.
        open.shutdown().await;
    }
}

/// Writes a message to a stream that hyper no longer reads, and closes the stream.
async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: S, message: &[u8]) {
    say_and_hear(stream, message, &mut Vec::new(), 0).await;
}

/// Writes a message like [`say`], and appends further bytes of the sender to `heard`, up to a length of `most` bytes.
async fn say_and_hear<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    message: &[u8],
    heard: &mut Vec<u8>,
    most: usize,
) {
    let say = async {
        stream.write_all(message).await?;
        stream.shutdown().await?;
        // Unread bytes would cause a connection reset, and the sender would lose the response.
        let left = most.saturating_sub(heard.len()) as u64;
        (&mut stream).take(left).read_to_end(heard).await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), say).await;
}

async fn connection<E: Entrance, R: Routes>(
    stream: TcpStream,
    remote_address: SocketAddr,
    entrance: Arc<E>,
    service: Arc<Service<R>>,
    counts: Arc<Counts>,
    stopped: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
) {
    // Responses are small and written completely, so waiting to fill a segment would only delay them.
    let _ = stream.set_nodelay(true);
    let head_timeout = Duration::from_millis(service.limits.head_timeout_ms);
    let stream = match tokio::time::timeout(head_timeout, entrance.enter(stream)).await {
        Ok(Ok(Some(stream))) => stream,
        Ok(Ok(None)) => return,
        Ok(Err(error)) => {
            counts.heads_refused.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%remote_address, %error, "a connection failed before HTTP");
            return;
        }
        Err(_) => {
            counts.heads_refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
    };
    requests(stream, E::reset_at_end, remote_address, service, counts, stopped).await;
}

/// Serves connections that do not come from a local listener, such as the connections of a tunnel.
pub struct Streams<R> {
    service: Arc<Service<R>>,
    counts: Arc<Counts>,
    stop: watch::Sender<bool>,
}

impl<R: Routes> Streams<R> {
    /// Creates a service that stores the requests of its connections.
    pub fn new(store: Arc<Store>, routes: Arc<R>, limits: ListenerLimits, clock: Clock) -> Self {
        let service = Arc::new(Service { store, routes, limits, clock });
        Self { service, counts: Arc::default(), stop: watch::channel(false).0 }
    }

    /// Serves one connection until it ends. If the future is dropped, requests that are still arriving are stored as
    /// incomplete.
    pub async fn serve<S>(&self, stream: S, remote_address: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (service, counts, stopped) = (self.service.clone(), self.counts.clone(), self.stop.subscribe());
        requests(stream, |_| (), remote_address, service, counts, stopped).await;
    }
}

/// Serves the requests of one connection.
async fn requests<S: AsyncRead + AsyncWrite + Unpin + Send + 'static, R: Routes>(
    stream: S,
    reset_at_end: fn(&S),
    remote_address: SocketAddr,
    service: Arc<Service<R>>,
    counts: Arc<Counts>,
    mut stopped: watch::Receiver<bool>,
) {
    let connection = Arc::new(ConnectionState::default());
    let head_timeout = Duration::from_millis(service.limits.head_timeout_ms);
    let (back, mut given_back) = oneshot::channel();
    let io = TokioIo::new(Tap::new(stream, reset_at_end, connection.clone(), back));
    let requests = service_fn(|request| service.clone().serve(remote_address, connection.clone(), request));

    let http = builder(head_timeout);
    let mut serving = Box::pin(http.serve_connection_with_upgrades(io, requests));

    // Each request wakes this task several times, and each wake-up polls all branches of the `select!` below. Timers
    // that are not needed at the moment are therefore not polled.
    let version_due = tokio::time::sleep(head_timeout);
    let stop = async {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    tokio::pin!(version_due, stop);
    let mut version_due = poll_fn(|context| match connection.version_known.load(Ordering::Relaxed) {
        true => Poll::Pending,
        false => version_due.as_mut().poll(context),
    });
    // On HTTP/1, the head timeout ends an idle connection. On HTTP/2, only this check does.
    let (mut look, mut quiet) = (tokio::time::interval(H2_IDLE), None);
    look.reset();
    let mut look = |context: &mut Context<'_>| match connection.http2.load(Ordering::Relaxed) {
        true => look.poll_tick(context),
        false => Poll::Pending,
    };
    let mut stopping = false;
    let result = loop {
        tokio::select! {
            biased;
            result = &mut serving => break result,
            () = &mut version_due => {
                drop(serving);
                timed_out(&service, &connection, &counts, remote_address);
                return;
            }
            _ = poll_fn(&mut look) => {
                let now = connection.quiet();
                if now.is_some() && now == quiet {
                    serving.as_mut().graceful_shutdown();
                }
                quiet = now;
            }
            () = &mut stop, if !stopping => {
                stopping = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    };
    // If a head was rejected, dropping the connection returns the stream.
    drop(serving);
    if let Some(refused) = connection.take_refused() {
        counts.heads_refused.fetch_add(1, Ordering::Relaxed);
        refuse(&service, remote_address, refused, given_back.try_recv().ok()).await;
    } else if let Err(error) = result {
        let error_of_hyper = error.downcast_ref::<hyper::Error>();
        if error_of_hyper.is_some_and(hyper::Error::is_timeout) {
            timed_out(&service, &connection, &counts, remote_address);
        } else if error_of_hyper.is_some_and(hyper::Error::is_parse) {
            counts.heads_refused.fetch_add(1, Ordering::Relaxed);
        }
        tracing::debug!(%remote_address, %error, "a connection ended early");
    }
}

/// Returns hyper's settings for a connection.
fn builder(head_timeout: Duration) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(head_timeout).max_buf_size(BUFFER_MAX);
    // hyper panics if it writes a `Date` header and the clock is before 1970.
    let dated = std::time::SystemTime::now() >= std::time::UNIX_EPOCH;
    http.http1().auto_date_header(dated);
    http.http2()
        .auto_date_header(dated)
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .keep_alive_interval(H2_PING)
        .keep_alive_timeout(H2_PING);
    http
}

/// Reports a rejected head, and sends the error response if the stream was returned.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static, R: Routes>(
    service: &Service<R>,
    remote_address: SocketAddr,
    mut refused: RefusedHead,
    stream: Option<S>,
) {
    let at_us = service.clock.now_us();
    if let Some(stream) = stream {
        // An error can be found before the head is complete. The bytes that follow help the user to find its cause.
        say_and_hear(stream, &refused.refusal.message(), &mut refused.bytes, KEPT_MAX).await;
    }
    service.routes.refused(RejectedRequest {
        at_us,
        remote_address: Some(remote_address),
        inbox: None,
        target: target_of(&refused.bytes),
        refusal: refused.refusal,
        bytes: refused.bytes,
    });
}

/// Counts a connection whose head was not completed in time, and reports the head if any bytes had arrived.
fn timed_out<R: Routes>(
    service: &Service<R>,
    connection: &ConnectionState,
    counts: &Counts,
    remote_address: SocketAddr,
) {
    let bytes = connection.take_unfinished();
    // An idle keep-alive connection is not an error.
    if bytes.is_empty() && connection.over.load(Ordering::Relaxed) > 0 {
        return;
    }
    counts.heads_refused.fetch_add(1, Ordering::Relaxed);
    if !bytes.is_empty() {
        service.routes.refused(RejectedRequest {
            at_us: service.clock.now_us(),
            remote_address: Some(remote_address),
            inbox: None,
            target: target_of(&bytes),
            refusal: Refusal::head_timeout(service.limits.head_timeout_ms),
            bytes,
        });
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn fixed_503_response_has_correct_content_length() {
        let text = std::str::from_utf8(super::FULL).expect("ASCII");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
