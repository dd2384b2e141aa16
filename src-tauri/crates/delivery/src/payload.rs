//! Body of a request to send: in memory, or read from the store while it is sent.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::Stream;
use hookbench_capture::BodyBlocks;
use hookbench_store::request::body_stream;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};

/// Maximum size in bytes of a stored body that is read into memory. Larger bodies are read from the store while they
/// are sent.
const MEMORY_MAX: u64 = 256 * 1024;

/// Body to send.
#[derive(Debug, Clone)]
pub enum Payload {
    /// Bytes in memory.
    Memory(Bytes),
    /// Stored body, read while it is sent.
    Stored(BodyBlocks),
    /// Body sent in parts, with a pause before each part but the first.
    Paced {
        /// Parts, in order.
        pieces: Vec<Bytes>,
        /// Pause before each part but the first.
        pause: Duration,
        /// Value of `Content-Length`. `None` uses chunked transfer encoding.
        length: Option<u64>,
    },
}

impl Payload {
    /// Returns a stored body. A small body is read into memory.
    pub async fn stored(body: BodyBlocks) -> std::io::Result<Self> {
        match hookbench_store::request::collect_body(body.clone(), MEMORY_MAX).await? {
            Some(bytes) => Ok(Self::Memory(bytes.into())),
            None => Ok(Self::Stored(body)),
        }
    }

    /// Returns a new body for each attempt.
    pub(crate) fn body(&self) -> OutgoingBody {
        match self {
            Self::Memory(bytes) => OutgoingBody::Memory(Full::new(bytes.clone())),
            Self::Stored(body) => {
                let length = body.length();
                OutgoingBody::Stored { blocks: Box::pin(body_stream(body.clone(), 0, length)), left: Some(length) }
            }
            Self::Paced { pieces, pause, length } => {
                let (pause, mut pieces) = (*pause, pieces.clone().into_iter().enumerate());
                let blocks = futures_util::stream::poll_fn({
                    let mut waiting: Option<Pin<Box<tokio::time::Sleep>>> = None;
                    let mut next = pieces.next();
                    move |context| {
                        let Some((place, _)) = &next else { return Poll::Ready(None) };
                        if *place > 0 {
                            let pause = waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
                            std::task::ready!(pause.as_mut().poll(context));
                        }
                        waiting = None;
                        let piece = std::mem::replace(&mut next, pieces.next());
                        Poll::Ready(piece.map(|(_, bytes)| Ok(bytes)))
                    }
                });
                OutgoingBody::Stored { blocks: Box::pin(blocks), left: *length }
            }
        }
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::Memory(bytes)
    }
}

/// Body while it is sent.
pub(crate) enum OutgoingBody {
    Memory(Full<Bytes>),
    Stored { blocks: Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>, left: Option<u64> },
}

impl Body for OutgoingBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Memory(full) => Pin::new(full).poll_frame(context).map_err(|never| match never {}),
            Self::Stored { blocks, left } => blocks.as_mut().poll_next(context).map(|block| {
                block.map(|block| {
                    block.map(|bytes| {
                        *left = left.map(|left| left.saturating_sub(bytes.len() as u64));
                        Frame::data(bytes)
                    })
                })
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Memory(full) => full.is_end_stream(),
            Self::Stored { left, .. } => *left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Memory(full) => full.size_hint(),
            Self::Stored { left, .. } => left.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
