//! A byte stream that shows the head framer what is read from it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::head::{HeadFramer, HeadQueue};

/// RFC 9113 §3.4: how an HTTP/2 connection with prior knowledge begins.
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What the tap and the connection's requests share.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) heads: HeadQueue,
    /// Set once the bytes tell which HTTP is spoken; hyper has no limit on waiting for that.
    pub(super) version_known: AtomicBool,
    /// Whether the connection is to end in a reset.
    pub(super) reset: AtomicBool,
    /// Whether what is written from now on is to be no HTTP.
    pub(super) garbled: AtomicBool,
    /// Whether nothing more is read: a connection of many streams ends that way.
    pub(super) ended: AtomicBool,
    /// Whether it is a connection of many streams.
    pub(super) many: AtomicBool,
    /// Requests that have come on such a connection, and those of them that have ended.
    pub(super) begun: AtomicU64,
    pub(super) over: AtomicU64,
    /// Whether the connection is no longer HTTP/1: what is read has no heads.
    pub(super) handed_over: AtomicBool,
}

impl Seen {
    /// Counts one request of many, until what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> impl Drop + use<> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Begun(self.clone())
    }

    /// How many requests have come on a connection of many streams, where none of them is under way.
    pub(super) fn quiet(&self) -> Option<u64> {
        let begun = self.begun.load(Ordering::Relaxed);
        (self.many.load(Ordering::Relaxed) && begun == self.over.load(Ordering::Relaxed)).then_some(begun)
    }
}

struct Begun(Arc<Seen>);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.over.fetch_add(1, Ordering::Relaxed);
    }
}

/// What each byte is changed by where an answer is to be no HTTP: no byte of a head stays a letter.
const GARBLE: u8 = 0xA5;

#[derive(Debug)]
pub(super) struct Tap<S> {
    stream: S,
    reset_at_end: fn(&S),
    framer: HeadFramer,
    seen: Arc<Seen>,
    read: usize,
}

impl<S> Drop for Tap<S> {
    fn drop(&mut self) {
        if self.seen.reset.load(Ordering::Relaxed) {
            (self.reset_at_end)(&self.stream);
        }
    }
}

impl<S> Tap<S> {
    /// `reset_at_end` lets the other end see a reset when the stream is dropped.
    pub(super) fn new(stream: S, reset_at_end: fn(&S), seen: Arc<Seen>) -> Self {
        Self { stream, reset_at_end, framer: HeadFramer::new(), seen, read: 0 }
    }

    fn watch(&mut self, bytes: &[u8]) {
        if self.seen.handed_over.load(Ordering::Relaxed) {
            return;
        }
        if self.read < H2_PREFACE.len() && !bytes.is_empty() {
            let expected = &H2_PREFACE[self.read..];
            let shared = expected.len().min(bytes.len());
            let same = bytes[..shared] == expected[..shared];
            self.read = if same { self.read + shared } else { H2_PREFACE.len() };
            if self.read == H2_PREFACE.len() {
                self.seen.many.store(same, Ordering::Relaxed);
                self.seen.version_known.store(true, Ordering::Relaxed);
            }
        }
        let Self { framer, seen, .. } = self;
        framer.feed(bytes, |head| seen.heads.push(head));
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.seen.ended.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = polled {
            self.watch(&buffer.filled()[before..]);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.seen.garbled.load(Ordering::Relaxed) {
            let garbage: Vec<u8> = bytes.iter().map(|byte| byte ^ GARBLE).collect();
            return Pin::new(&mut self.stream).poll_write(context, &garbage);
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.seen.garbled.load(Ordering::Relaxed) {
            let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
            return self.poll_write(context, first);
        }
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
