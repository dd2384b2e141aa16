//! A byte stream that shows the head framer what is read from it.

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
    /// Heads that were let through on a connection of one stream.
    passed: AtomicU64,
    /// The head that was not, after which nothing is read.
    refused: Mutex<Option<RefusedHead>>,
    /// What had come of a head that never ended.
    unfinished: Mutex<Vec<u8>>,
}

impl Seen {
    /// The head that was refused, if one was.
    pub(super) fn take_refused(&self) -> Option<RefusedHead> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What had come of a head when the connection ended.
    pub(super) fn take_unfinished(&self) -> Vec<u8> {
        std::mem::take(&mut *self.unfinished.lock().unwrap_or_else(PoisonError::into_inner))
    }

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
    /// None only once it is dropped.
    stream: Option<S>,
    reset_at_end: fn(&S),
    framer: HeadFramer,
    seen: Arc<Seen>,
    read: usize,
    /// Whether a head was refused, so that nothing more is read.
    cut: bool,
    /// Requests that had been answered when the stream was last flushed.
    flushed: u64,
    /// Takes the stream back where a head was refused, so that its sender can be told.
    back: Option<oneshot::Sender<S>>,
}

impl<S> Drop for Tap<S> {
    fn drop(&mut self) {
        let begun = self.framer.begun();
        if !begun.is_empty() {
            *self.seen.unfinished.lock().unwrap_or_else(PoisonError::into_inner) = begun.to_vec();
        }
        let Some(stream) = self.stream.take() else { return };
        if self.seen.reset.load(Ordering::Relaxed) {
            (self.reset_at_end)(&stream);
        } else if self.cut
            && let Some(back) = self.back.take()
        {
            // Nobody waits for it where the whole connection is dropped.
            let _ = back.send(stream);
        }
    }
}

impl<S> Tap<S> {
    /// `reset_at_end` lets the other end see a reset when the stream is dropped; `back` takes the stream back where a head
    /// is refused.
    pub(super) fn new(stream: S, reset_at_end: fn(&S), seen: Arc<Seen>, back: oneshot::Sender<S>) -> Self {
        let framer = HeadFramer::new();
        Self { stream: Some(stream), reset_at_end, framer, seen, read: 0, cut: false, flushed: 0, back: Some(back) }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut S>>
    where
        S: Unpin,
    {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Looks at bytes that were read; how many of them may be handed on.
    fn watch(&mut self, bytes: &mut [u8]) -> usize {
        if self.seen.handed_over.load(Ordering::Relaxed) {
            return bytes.len();
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
        let refused = framer.feed(bytes, |head| {
            seen.passed.fetch_add(1, Ordering::Relaxed);
            seen.heads.push(head);
        });
        let Some(refused) = refused else { return bytes.len() };
        let kept = refused.at;
        self.cut = true;
        self.seen.version_known.store(true, Ordering::Relaxed);
        *self.seen.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused);
        kept
    }

    /// Whether every request that was let through has its whole answer.
    fn is_answered(&self) -> bool {
        let passed = self.seen.passed.load(Ordering::Relaxed);
        self.seen.over.load(Ordering::Relaxed) == passed && self.flushed == passed
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
        if self.cut {
            // An end now would stop a request that is being answered. hyper reads again after each answer.
            return if self.is_answered() { Poll::Ready(Ok(())) } else { Poll::Pending };
        }
        let before = buffer.filled().len();
        let polled = self.stream()?.poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = polled {
            let kept = self.watch(&mut buffer.filled_mut()[before..]);
            buffer.set_filled(before + kept);
            // No bytes would be an end.
            if self.cut && kept == 0 && !self.is_answered() {
                return Poll::Pending;
            }
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.seen.garbled.load(Ordering::Relaxed) {
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
        if self.seen.garbled.load(Ordering::Relaxed) {
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
            self.flushed = self.seen.over.load(Ordering::Relaxed);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever is refused is still to be told.
        if self.cut {
            return Poll::Ready(Ok(()));
        }
        self.stream()?.poll_shutdown(context)
    }
}
