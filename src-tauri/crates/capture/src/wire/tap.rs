//! A byte stream that passes the bytes it reads to the head framer.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
};

use super::head::{HeadFramer, HeadQueue, RefusedHead};

/// First bytes of an HTTP/2 connection with prior knowledge (RFC 9113 §3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// State that the tap shares with the requests of its connection.
#[derive(Debug, Default)]
pub(super) struct ConnectionState {
    pub(super) heads: HeadQueue,
    /// True once the HTTP version is known from the bytes. hyper has no timeout for this.
    pub(super) version_known: AtomicBool,
    /// True if the connection must be reset when it ends.
    pub(super) reset: AtomicBool,
    /// True if all bytes written from now on must be garbled (fault `garbage`).
    pub(super) garbled: AtomicBool,
    /// True if nothing more is read, which ends an HTTP/2 connection.
    pub(super) ended: AtomicBool,
    /// True for HTTP/2, where a connection has many streams.
    pub(super) http2: AtomicBool,
    /// Number of requests that have started on the connection, and of those that have ended (`over`).
    pub(super) begun: AtomicU64,
    pub(super) over: AtomicU64,
    /// True after an upgrade: the bytes are no longer HTTP/1 and contain no request heads.
    pub(super) handed_over: AtomicBool,
    /// Number of heads that were passed to hyper on an HTTP/1 connection.
    passed: AtomicU64,
    /// The head that was rejected. Nothing is read after it.
    refused: Mutex<Option<RefusedHead>>,
    /// Received bytes of a head that was incomplete when the connection ended.
    unfinished: Mutex<Vec<u8>>,
}

impl ConnectionState {
    /// Takes the rejected head, if there is one.
    pub(super) fn take_refused(&self) -> Option<RefusedHead> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Takes the received bytes of an incomplete head.
    pub(super) fn take_unfinished(&self) -> Vec<u8> {
        std::mem::take(&mut *self.unfinished.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a request as active until the returned guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> impl Drop + use<> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        OpenRequest(self.clone())
    }

    /// Returns the number of requests so far of an HTTP/2 connection without active requests; otherwise `None`.
    pub(super) fn quiet(&self) -> Option<u64> {
        let begun = self.begun.load(Ordering::Relaxed);
        (self.http2.load(Ordering::Relaxed) && begun == self.over.load(Ordering::Relaxed)).then_some(begun)
    }
}

struct OpenRequest(Arc<ConnectionState>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.over.fetch_add(1, Ordering::Relaxed);
    }
}

/// Mask that is XORed to each byte of a garbled response. No byte of the head remains a letter.
const GARBLE: u8 = 0xA5;

#[derive(Debug)]
pub(super) struct Tap<S> {
    /// The stream; `None` only while the tap is dropped.
    stream: Option<S>,
    reset_at_end: fn(&S),
    framer: HeadFramer,
    connection: Arc<ConnectionState>,
    read: usize,
    /// True if a head was rejected. Nothing more is read then.
    cut: bool,
    /// Number of requests that had ended when the stream was last flushed.
    flushed: u64,
    /// Returns the stream to the listener after a head was rejected, so that the listener can send the error response.
    back: Option<oneshot::Sender<S>>,
}

impl<S> Drop for Tap<S> {
    fn drop(&mut self) {
        let begun = self.framer.begun();
        if !begun.is_empty() {
            *self.connection.unfinished.lock().unwrap_or_else(PoisonError::into_inner) = begun.to_vec();
        }
        let Some(stream) = self.stream.take() else { return };
        if self.connection.reset.load(Ordering::Relaxed) {
            (self.reset_at_end)(&stream);
        } else if self.cut
            && let Some(back) = self.back.take()
        {
            // No task waits for the stream if the whole connection is dropped.
            let _ = back.send(stream);
        }
    }
}

impl<S> Tap<S> {
    /// Wraps a stream. `reset_at_end` prepares the stream so that dropping it resets the connection. `back` returns the
    /// stream after a head was rejected.
    pub(super) fn new(
        stream: S,
        reset_at_end: fn(&S),
        connection: Arc<ConnectionState>,
        back: oneshot::Sender<S>,
    ) -> Self {
        let framer = HeadFramer::new();
        Self {
            stream: Some(stream),
            reset_at_end,
            framer,
            connection,
            read: 0,
            cut: false,
            flushed: 0,
            back: Some(back),
        }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut S>>
    where
        S: Unpin,
    {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Inspects bytes that were read, and returns how many of them may be passed to hyper.
    fn watch(&mut self, bytes: &mut [u8]) -> usize {
        if self.connection.handed_over.load(Ordering::Relaxed) {
            return bytes.len();
        }
        if self.read < H2_PREFACE.len() && !bytes.is_empty() {
            let expected = &H2_PREFACE[self.read..];
            let shared = expected.len().min(bytes.len());
            let same = bytes[..shared] == expected[..shared];
            self.read = if same { self.read + shared } else { H2_PREFACE.len() };
            if self.read == H2_PREFACE.len() {
                self.connection.http2.store(same, Ordering::Relaxed);
                self.connection.version_known.store(true, Ordering::Relaxed);
            }
        }
        let Self { framer, connection, .. } = self;
        let refused = framer.feed(bytes, |head| {
            connection.passed.fetch_add(1, Ordering::Relaxed);
            connection.heads.push(head);
        });
        let Some(refused) = refused else { return bytes.len() };
        let kept = refused.at;
        self.cut = true;
        self.connection.version_known.store(true, Ordering::Relaxed);
        *self.connection.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused);
        kept
    }

    /// Returns true if the responses of all requests that were passed to hyper are written and flushed.
    fn is_responded(&self) -> bool {
        let passed = self.connection.passed.load(Ordering::Relaxed);
        self.connection.over.load(Ordering::Relaxed) == passed && self.flushed == passed
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.connection.ended.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        if self.cut {
            // End of file would now cancel a request whose response is not finished. hyper reads again after each
            // response.
            return if self.is_responded() { Poll::Ready(Ok(())) } else { Poll::Pending };
        }
        let before = buffer.filled().len();
        let polled = self.stream()?.poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = polled {
            let kept = self.watch(&mut buffer.filled_mut()[before..]);
            buffer.set_filled(before + kept);
            // Returning zero bytes would mean end of file.
            if self.cut && kept == 0 && !self.is_responded() {
                return Poll::Pending;
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.connection.garbled.load(Ordering::Relaxed) {
            let garbage: Vec<u8> = bytes.iter().map(|byte| byte ^ GARBLE).collect();
            return self.stream()?.poll_write(context, &garbage);
        }
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.connection.garbled.load(Ordering::Relaxed) {
            let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
            return self.poll_write(context, first);
        }
        self.stream()?.poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.stream()?.poll_flush(context);
        if flushed.is_ready() {
            self.flushed = self.connection.over.load(Ordering::Relaxed);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The stream stays open after a rejected head, because the error response is still to be written.
        if self.cut {
            return Poll::Ready(Ok(()));
        }
        self.stream()?.poll_shutdown(context)
    }
}
