//! The listener: accepts connections within their limit and serves each one.

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
    refused::{KEPT_MAX, Refused, target_of},
    response::Refusal,
    serve::{Routes, Service},
    tap::{Seen, Tap},
};
use crate::{
    clock::Clock,
    descriptors,
    limits::{H2_STREAMS_MAX, HEAD_BYTES_MAX},
    store::Store,
};

/// Connections the kernel holds while none is accepted.
const BACKLOG: u32 = 1024;

/// What hyper may hold of a connection. More than a head may have, so that one that is too large is refused here, with
/// the reason, before hyper does it without.
const BUFFER_MAX: usize = HEAD_BYTES_MAX + 64 * 1024;

/// Wait after an accept that failed, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Most connections over the limit that are answered at a time.
const SAYING_MAX: usize = 32;

/// How long a closing listener lets its requests finish.
const GRACE: Duration = Duration::from_secs(2);

/// Silence on an HTTP/2 connection before it is asked for a sign of life, and for its answer.
const H2_PING: Duration = Duration::from_secs(30);

/// How long an HTTP/2 connection on which nothing is asked stays open, up to twice that.
const H2_IDLE: Duration = Duration::from_secs(60);

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 118\r\n\r\n{\"code\":\"too_many_connections\",\"message\":\"All connections are in use.\",\"hint\":\"Send again in a moment, or reuse one.\"}";

/// What a listener has refused by itself, without a row.
#[derive(Debug, Default)]
pub struct Counts {
    /// Connections over the limit, answered 503.
    pub connections_refused: AtomicU64,
    /// Connections ended by malformed HTTP, a head over its limits or one that never ended.
    pub heads_refused: AtomicU64,
}

/// A running listener. Dropping it stops accepting and lets open requests finish.
#[derive(Debug)]
pub struct Listening {
    address: SocketAddr,
    counts: Arc<Counts>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Listening {
    /// The address it listens on, with the port the system chose if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has refused.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Stops accepting, lets open requests finish for a moment, and returns when the last has ended.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // The task ends by itself; an error means it has ended already.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// What a connection passes before HTTP is spoken on it.
pub trait Entrance: Send + Sync + 'static {
    /// The stream behind it.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Lets a connection in; none if it wanted nothing else than to come here.
    fn enter(&self, stream: TcpStream) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;

    /// Lets the other end see a reset when the stream is dropped, where that can be done.
    fn reset_at_end(_stream: &Self::Stream) {}
}

/// HTTP from the first byte.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

impl Entrance for Plain {
    type Stream = TcpStream;

    async fn enter(&self, stream: TcpStream) -> io::Result<Option<TcpStream>> {
        Ok(Some(stream))
    }

    fn reset_at_end(stream: &TcpStream) {
        // Where the system refuses, the connection closes in good order.
        let _ = stream.set_zero_linger();
    }
}

/// Listens at `address` and stores what arrives.
pub async fn listen<E: Entrance, R: Routes>(
    address: SocketAddr,
    entrance: E,
    store: Arc<Store>,
    routes: Arc<R>,
    limits: ListenerLimits,
    clock: Clock,
) -> io::Result<Listening> {
    let listener = bind(address)?;
    let address = listener.local_addr()?;
    let counts = Arc::new(Counts::default());
    let (stop, stopped) = watch::channel(false);
    let service = Arc::new(Service { store, routes, limits, clock });
    let accepting = tokio::spawn(accept(listener, Arc::new(entrance), service, counts.clone(), stopped));
    Ok(Listening { address, counts, stop, accepting })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for old connections to time out. On Windows the option means
    // something else: it lets two programs share a port.
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
        let (stream, peer) = match accepted {
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
                open.spawn(connection(stream, peer, entrance, service, counts.clone(), stopped.clone(), permit));
            }
            Err(_) => {
                counts.connections_refused.fetch_add(1, Ordering::Relaxed);
                service.routes.refused(Refused {
                    at_us: service.clock.now_us(),
                    peer: Some(peer),
                    inbox: None,
                    target: None,
                    refusal: Refusal::too_many_connections(),
                    bytes: Vec::new(),
                });
                // Under a flood of connections the last ones close without a word: a word takes a descriptor, too.
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
        // What is still arriving is dropped here, and kept as far as it came.
        open.shutdown().await;
    }
}

/// Says something on a stream that is not read any more, and ends it.
async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: S, message: &[u8]) {
    say_and_hear(stream, message, &mut Vec::new(), 0).await;
}

/// As [`say`]; what the sender still sends is appended to `heard`, until that has `most` bytes.
async fn say_and_hear<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    message: &[u8],
    heard: &mut Vec<u8>,
    most: usize,
) {
    let say = async {
        stream.write_all(message).await?;
        stream.shutdown().await?;
        // What the sender still sends is read, or its answer is lost to a reset.
        let left = most.saturating_sub(heard.len()) as u64;
        (&mut stream).take(left).read_to_end(heard).await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), say).await;
}

async fn connection<E: Entrance, R: Routes>(
    stream: TcpStream,
    peer: SocketAddr,
    entrance: Arc<E>,
    service: Arc<Service<R>>,
    counts: Arc<Counts>,
    stopped: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
) {
    // Answers are small and complete: waiting to fill a segment only delays them.
    let _ = stream.set_nodelay(true);
    let head_timeout = Duration::from_millis(service.limits.head_timeout_ms);
    let stream = match tokio::time::timeout(head_timeout, entrance.enter(stream)).await {
        Ok(Ok(Some(stream))) => stream,
        Ok(Ok(None)) => return,
        Ok(Err(error)) => {
            counts.heads_refused.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%peer, %error, "a connection was not let in");
            return;
        }
        Err(_) => {
            counts.heads_refused.fetch_add(1, Ordering::Relaxed);
            return;
        }
    };
    requests(stream, E::reset_at_end, peer, service, counts, stopped).await;
}

/// Connections that come from elsewhere than a listener of this machine.
pub struct Streams<R> {
    service: Arc<Service<R>>,
    counts: Arc<Counts>,
    stop: watch::Sender<bool>,
}

impl<R: Routes> Streams<R> {
    /// Stores what arrives on them.
    pub fn new(store: Arc<Store>, routes: Arc<R>, limits: ListenerLimits, clock: Clock) -> Self {
        let service = Arc::new(Service { store, routes, limits, clock });
        Self { service, counts: Arc::default(), stop: watch::channel(false).0 }
    }

    /// Serves one connection until it ends. What is dropped in the middle is kept as far as it came.
    pub async fn serve<S>(&self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (service, counts, stopped) = (self.service.clone(), self.counts.clone(), self.stop.subscribe());
        requests(stream, |_| (), peer, service, counts, stopped).await;
    }
}

/// Serves what is asked on one connection.
async fn requests<S: AsyncRead + AsyncWrite + Unpin + Send + 'static, R: Routes>(
    stream: S,
    reset_at_end: fn(&S),
    peer: SocketAddr,
    service: Arc<Service<R>>,
    counts: Arc<Counts>,
    mut stopped: watch::Receiver<bool>,
) {
    let seen = Arc::new(Seen::default());
    let head_timeout = Duration::from_millis(service.limits.head_timeout_ms);
    let (back, mut given_back) = oneshot::channel();
    let io = TokioIo::new(Tap::new(stream, reset_at_end, seen.clone(), back));
    let requests = service_fn(|request| service.clone().serve(peer, seen.clone(), request));

    let http = builder(head_timeout);
    let mut serving = Box::pin(http.serve_connection_with_upgrades(io, requests));

    // Each request wakes this task several times, and what it waits for is looked at each time: a wait
    // that is of no use any more, or not yet, is not.
    let version_due = tokio::time::sleep(head_timeout);
    let stop = async {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    tokio::pin!(version_due, stop);
    let mut version_due = poll_fn(|context| match seen.version_known.load(Ordering::Relaxed) {
        true => Poll::Pending,
        false => version_due.as_mut().poll(context),
    });
    // Of one stream the wait for a head ends an idle connection; of many nothing else does.
    let (mut look, mut quiet) = (tokio::time::interval(H2_IDLE), None);
    look.reset();
    let mut look = |context: &mut Context<'_>| match seen.many.load(Ordering::Relaxed) {
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
                timed_out(&service, &seen, &counts, peer);
                return;
            }
            _ = poll_fn(&mut look) => {
                let now = seen.quiet();
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
    // The stream comes back with it where a head was refused.
    drop(serving);
    if let Some(refused) = seen.take_refused() {
        counts.heads_refused.fetch_add(1, Ordering::Relaxed);
        refuse(&service, peer, refused, given_back.try_recv().ok()).await;
    } else if let Err(error) = result {
        let error_of_hyper = error.downcast_ref::<hyper::Error>();
        if error_of_hyper.is_some_and(hyper::Error::is_timeout) {
            timed_out(&service, &seen, &counts, peer);
        } else if error_of_hyper.is_some_and(hyper::Error::is_parse) {
            counts.heads_refused.fetch_add(1, Ordering::Relaxed);
        }
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// The settings of hyper for one connection.
fn builder(head_timeout: Duration) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(head_timeout).max_buf_size(BUFFER_MAX);
    // hyper writes no date before 1970, and panics where the clock shows one.
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

/// Responds to a head that was refused, where its stream came back, and reports it.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static, R: Routes>(
    service: &Service<R>,
    peer: SocketAddr,
    mut refused: RefusedHead,
    stream: Option<S>,
) {
    let at_us = service.clock.now_us();
    if let Some(stream) = stream {
        // A fault may show before the whole head is there; what follows it tells the person who looks at it more.
        say_and_hear(stream, &refused.refusal.message(), &mut refused.bytes, KEPT_MAX).await;
    }
    service.routes.refused(Refused {
        at_us,
        peer: Some(peer),
        inbox: None,
        target: target_of(&refused.bytes),
        refusal: refused.refusal,
        bytes: refused.bytes,
    });
}

/// Counts a connection whose head never ended, and tells of it where anything had come.
fn timed_out<R: Routes>(service: &Service<R>, seen: &Seen, counts: &Counts, peer: SocketAddr) {
    let bytes = seen.take_unfinished();
    // A connection that is kept alive and sends nothing more has asked for nothing.
    if bytes.is_empty() && seen.over.load(Ordering::Relaxed) > 0 {
        return;
    }
    counts.heads_refused.fetch_add(1, Ordering::Relaxed);
    if !bytes.is_empty() {
        service.routes.refused(Refused {
            at_us: service.clock.now_us(),
            peer: Some(peer),
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
    fn the_fixed_refusal_counts_its_bytes_right() {
        let text = std::str::from_utf8(super::FULL).expect("ASCII");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
