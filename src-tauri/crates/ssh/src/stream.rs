//! A forwarded connection as a byte stream.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf as _, Bytes};
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, client::Msg};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

/// Maximum number of unread bytes of a connection.
const WAITING_MAX: usize = 16 * 1024 * 1024;

/// Maximum number of unread bytes of all connections of a session.
pub(crate) const ALL_WAITING_MAX: usize = 96 * 1024 * 1024;

/// Maximum time that a connection without buffer space may block the other connections of the session. The data of all
/// connections arrives on one SSH connection.
const HELD_UP_MAX: Duration = Duration::from_secs(3);

/// Received bytes, with the buffer permits of their connection and of the session.
struct Piece {
    bytes: Bytes,
    _room: [OwnedSemaphorePermit; 2],
}

/// A forwarded connection. Dropping it closes the connection.
pub struct Stream {
    pieces: mpsc::UnboundedReceiver<Piece>,
    current: Option<Piece>,
    writer: Pin<Box<dyn AsyncWrite + Send>>,
    truncate: Option<ChannelWriteHalf<Msg>>,
    _open: OwnedSemaphorePermit,
}

impl Stream {
    /// Wraps a channel. `open` is released when the connection closes. `all` is the buffer space of the session.
    pub(crate) fn new(channel: Channel<Msg>, open: OwnedSemaphorePermit, all: Arc<Semaphore>) -> Self {
        let (read, write) = channel.split();
        let (sender, pieces) = mpsc::unbounded_channel();
        tokio::spawn(pump(read, sender, all));
        Self { pieces, current: None, writer: Box::pin(write.make_writer()), truncate: Some(write), _open: open }
    }
}

/// Moves received data into the buffer. The session, and with it all other connections, waits while the buffer is full.
async fn pump(mut read: ChannelReadHalf, sender: mpsc::UnboundedSender<Piece>, all: Arc<Semaphore>) {
    let own = Arc::new(Semaphore::new(WAITING_MAX));
    loop {
        let bytes = tokio::select! {
            message = read.wait() => match message {
                Some(ChannelMsg::Data { data }) if data.len() <= WAITING_MAX => data,
                Some(ChannelMsg::Eof | ChannelMsg::Close | ChannelMsg::Data { .. }) | None => return,
                Some(_) => continue,
            },
            () = sender.closed() => return,
        };
        // If the data is not read in time, the connection ends as if the sender had disconnected.
        let count = bytes.len() as u32;
        let room = async {
            Ok::<_, tokio::sync::AcquireError>([
                own.clone().acquire_many_owned(count).await?,
                all.clone().acquire_many_owned(count).await?,
            ])
        };
        let Ok(Ok(room)) = timeout(HELD_UP_MAX, room).await else { return };
        if sender.send(Piece { bytes, _room: room }).is_err() {
            return;
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.current.as_ref().is_none_or(|piece| piece.bytes.is_empty()) {
            this.current = ready!(this.pieces.poll_recv(context));
            if this.current.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
        if let Some(Piece { bytes, .. }) = &mut this.current {
            let taken = bytes.len().min(buffer.remaining());
            buffer.put_slice(&bytes[..taken]);
            bytes.advance(taken);
            if bytes.is_empty() {
                this.current = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.writer.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.as_mut().poll_shutdown(context)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let (Some(truncate), Ok(runtime)) = (self.truncate.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { truncate.close().await });
        }
    }
}
