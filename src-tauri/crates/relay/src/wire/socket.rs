//! A byte stream in WebSocket messages, for networks whose proxies support no other upgrade.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        protocol::{Role, WebSocketConfig},
    },
};

/// Maximum size of a message, in bytes. HTTP/2 writes less at once.
const MESSAGE_MAX: usize = 1024 * 1024;

/// End of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The agent, which opened the connection.
    Agent,
    /// The relay, which accepted the connection.
    Relay,
}

/// A byte stream over binary WebSocket messages.
#[derive(Debug)]
pub struct Socket<S> {
    messages: WebSocketStream<S>,
    unread: Bytes,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Wraps a connection after the WebSocket handshake.
    pub async fn new(stream: S, side: Side) -> Self {
        let role = if side == Side::Agent { Role::Client } else { Role::Server };
        let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_MAX)).max_frame_size(Some(MESSAGE_MAX));
        Self { messages: WebSocketStream::from_raw_socket(stream, role, Some(config)).await, unread: Bytes::new() }
    }
}

fn broken(error: tungstenite::Error) -> io::Error {
    match error {
        tungstenite::Error::Io(error) => error,
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => io::ErrorKind::BrokenPipe.into(),
        other => io::Error::new(io::ErrorKind::InvalidData, other),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(Pin::new(&mut self.messages).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => self.unread = bytes,
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                // The library responds to pings.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
            }
        }
        let length = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread[..length]);
        self.unread.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let messages = &mut self.messages;
        ready!(Pin::new(&mut *messages).poll_ready(context)).map_err(broken)?;
        let length = bytes.len().min(MESSAGE_MAX / 2);
        Pin::new(messages).start_send(Message::Binary(Bytes::copy_from_slice(&bytes[..length]))).map_err(broken)?;
        Poll::Ready(Ok(length))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.messages).poll_flush(context).map_err(broken)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.messages).poll_close(context)) {
            Err(error) if !matches!(error, tungstenite::Error::ConnectionClosed) => Poll::Ready(Err(broken(error))),
            _ => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn transfers_many_bytes_in_order() {
        let (one, other) = tokio::io::duplex(4096);
        let (mut agent, mut relay) = tokio::join!(Socket::new(one, Side::Agent), Socket::new(other, Side::Relay));
        let sent: Vec<u8> = (0..3_000_000_u32).map(|at| (at / 7) as u8).collect();
        let expected = sent.clone();
        let sending = tokio::spawn(async move {
            agent.write_all(&sent).await.expect("write the bytes");
            agent.shutdown().await.expect("close the stream");
        });
        let mut got = Vec::new();
        relay.read_to_end(&mut got).await.expect("read the bytes");
        sending.await.expect("join the task");
        assert!(got == expected, "{} bytes", got.len());
    }
}
