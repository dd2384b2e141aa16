//! The head framer: copies each request head exactly as it was received.
//!
//! hyper converts header names to lower case, loses their order, and does not offer the original names
//! (hyperium/hyper#2880). The framer therefore reads the bytes on their way to hyper: it copies each head, skips each
//! body by its framing, and finds the next head. Heads are queued in the order of arrival. The service takes one head
//! per request, and uses the head only if it matches the request that hyper parsed.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    refused::{KEPT_MAX, cleaned, is_preface, malformed, replace_unencoded, too_large, unreadable},
    response::Refusal,
};
use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX};

/// Heads of one connection whose requests have not been served yet.
#[derive(Debug, Default)]
pub(crate) struct HeadQueue(Mutex<VecDeque<Vec<u8>>>);

impl HeadQueue {
    pub(crate) fn push(&self, head: Vec<u8>) {
        self.lock().push_back(head);
    }

    pub(crate) fn pop(&self) -> Option<Vec<u8>> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Position of the framer in an HTTP/1 byte stream.
#[derive(Debug)]
enum State {
    Head,
    Body {
        left: u64,
    },
    Chunk(Chunk),
    /// The framer ignores the rest of the stream: HTTP/2, a CONNECT tunnel, or after a rejected head.
    Off,
}

#[derive(Debug)]
enum Chunk {
    Size {
        size: u64,
        digits: bool,
    },
    /// Spaces and chunk extensions between the size and the end of the line.
    SizeLine {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataEnd,
    /// Trailer lines; `empty` is true until the current line contains a byte other than CR.
    Trailer {
        empty: bool,
    },
}

/// Framing of the body that follows a head.
enum Framing {
    None,
    Length(u64),
    Chunked,
    Unknown,
}

/// An incremental HTTP/1 request framer that copies heads and skips bodies.
#[derive(Debug)]
pub(crate) struct HeadFramer {
    state: State,
    head: Vec<u8>,
    /// Start of the current line within `head`.
    line: usize,
    /// Start of the current head in the bytes that are being fed; 0 if the head started in earlier bytes.
    begins: usize,
    refused: Option<Refusal>,
}

/// A rejected head, which must not reach hyper.
#[derive(Debug)]
pub(crate) struct RefusedHead {
    /// Start of the head in the bytes that were fed last; 0 if the head started in earlier bytes.
    pub(crate) at: usize,
    pub(crate) refusal: Refusal,
    /// First bytes of the head and of the data after it.
    pub(crate) bytes: Vec<u8>,
}

impl HeadFramer {
    pub(crate) fn new() -> Self {
        Self { state: State::Head, head: Vec::new(), line: 0, begins: 0, refused: None }
    }

    /// Returns the received bytes of an incomplete head.
    pub(crate) fn begun(&self) -> &[u8] {
        if matches!(self.state, State::Head) { &self.head } else { &[] }
    }

    /// Reads the next bytes of the stream, and calls `done` with each head that they complete. Replaces target
    /// characters that hyper rejects and other servers accept. Returns a rejected head, after which the framer ignores
    /// all bytes.
    pub(crate) fn feed(&mut self, all: &mut [u8], mut done: impl FnMut(Vec<u8>)) -> Option<RefusedHead> {
        let mut at = 0;
        self.begins = 0;
        while at < all.len() {
            at += match &mut self.state {
                State::Off => break,
                State::Head => {
                    if self.head.is_empty() {
                        self.begins = at;
                    }
                    self.head_bytes(&mut all[at..], &mut done)
                }
                State::Body { left } => {
                    let skipped = (*left).min((all.len() - at) as u64);
                    *left -= skipped;
                    if *left == 0 {
                        self.state = State::Head;
                    }
                    skipped as usize
                }
                State::Chunk(chunk) => {
                    let (next, rest) = chunk_bytes(chunk, &all[at..]);
                    self.state = next;
                    all.len() - at - rest.len()
                }
            };
        }
        // An error in an incomplete head is reported at once, because hyper would also find it now.
        if matches!(self.state, State::Head)
            && !self.head.is_empty()
            && let Examined::RejectedRequest(refusal) = examine(&self.head)
        {
            self.refused = Some(refusal);
        }
        let refusal = self.refused.take()?;
        self.state = State::Off;
        let mut bytes = std::mem::take(&mut self.head);
        bytes.extend_from_slice(all.get(at..).unwrap_or_default());
        bytes.truncate(KEPT_MAX);
        Some(RefusedHead { at: self.begins, refusal, bytes })
    }

    /// Reads bytes of a head up to the end of a line, and returns how many were read.
    fn head_bytes(&mut self, bytes: &mut [u8], done: &mut impl FnMut(Vec<u8>)) -> usize {
        let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
        let line = &mut bytes[..end];
        let begun = self.head.len();
        self.keep(line);
        if matches!(self.state, State::Off) {
            return end;
        }
        if self.line == 0 {
            replace_unencoded(&self.head[..begun], line);
        }
        if !line.ends_with(b"\n") {
            return end;
        }
        let blank = matches!(&self.head[self.line..], b"\n" | b"\r\n");
        if !blank {
            self.line = self.head.len();
            if self.head.starts_with(b"PRI * HTTP/2.0") {
                self.state = State::Off;
            }
        } else if self.line == 0 {
            // An empty line before the request line is ignored (RFC 9112 §2.2).
            self.head.clear();
        } else {
            self.line = 0;
            let framing = match examine(&self.head) {
                Examined::Complete(framing) => framing,
                Examined::Partial => Framing::Unknown,
                Examined::RejectedRequest(refusal) => {
                    self.refused = Some(refusal);
                    self.state = State::Off;
                    return end;
                }
            };
            let head = std::mem::take(&mut self.head);
            self.state = match framing {
                Framing::None | Framing::Length(0) => State::Head,
                Framing::Length(left) => State::Body { left },
                Framing::Chunked => State::Chunk(Chunk::Size { size: 0, digits: false }),
                Framing::Unknown => State::Off,
            };
            done(head);
        }
        end
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.head.len() + bytes.len() > HEAD_BYTES_MAX {
            self.state = State::Off;
            self.refused = Some(too_large());
        } else {
            if self.head.capacity() == 0 {
                self.head.reserve(512);
            }
            self.head.extend_from_slice(bytes);
        }
    }
}

fn chunk_bytes<'a>(chunk: &Chunk, bytes: &'a [u8]) -> (State, &'a [u8]) {
    let (first, rest) = (bytes[0], &bytes[1..]);
    match *chunk {
        Chunk::Size { size, digits } => match (first as char).to_digit(16) {
            Some(digit) => match size.checked_mul(16).and_then(|s| s.checked_add(digit.into())) {
                Some(size) => (State::Chunk(Chunk::Size { size, digits: true }), rest),
                None => (State::Off, rest),
            },
            None if digits => (State::Chunk(Chunk::SizeLine { size }), bytes),
            None => (State::Off, rest),
        },
        Chunk::SizeLine { size } => match memchr::memchr(b'\n', bytes) {
            None => (State::Chunk(Chunk::SizeLine { size }), &[]),
            Some(end) if size == 0 => (State::Chunk(Chunk::Trailer { empty: true }), &bytes[end + 1..]),
            Some(end) => (State::Chunk(Chunk::Data { left: size }), &bytes[end + 1..]),
        },
        Chunk::Data { left } => {
            let skipped = left.min(bytes.len() as u64);
            let next = match left - skipped {
                0 => Chunk::DataEnd,
                left => Chunk::Data { left },
            };
            (State::Chunk(next), &bytes[skipped as usize..])
        }
        Chunk::DataEnd => match first {
            b'\r' => (State::Chunk(Chunk::DataEnd), rest),
            b'\n' => (State::Chunk(Chunk::Size { size: 0, digits: false }), rest),
            _ => (State::Off, rest),
        },
        Chunk::Trailer { empty } => match first {
            b'\n' if empty => (State::Head, rest),
            b'\n' => (State::Chunk(Chunk::Trailer { empty: true }), rest),
            b'\r' => (State::Chunk(Chunk::Trailer { empty }), rest),
            _ => (State::Chunk(Chunk::Trailer { empty: false }), rest),
        },
    }
}

/// Result of checking a head that may be incomplete.
enum Examined {
    Partial,
    Complete(Framing),
    RejectedRequest(Refusal),
}

/// Checks a head by the rules of hyper.
fn examine(head: &[u8]) -> Examined {
    if is_preface(head) {
        return Examined::Partial;
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let clean = cleaned(head);
    match request.parse(&clean) {
        Ok(httparse::Status::Partial) => Examined::Partial,
        Ok(httparse::Status::Complete(_)) => match unreadable(&request) {
            Some(refusal) => Examined::RejectedRequest(refusal),
            None => Examined::Complete(framing(&request)),
        },
        Err(error) => Examined::RejectedRequest(malformed(error, head)),
    }
}

fn framing(request: &httparse::Request<'_, '_>) -> Framing {
    if request.method == Some("CONNECT") {
        return Framing::Unknown;
    }
    let mut framing = Framing::None;
    for header in request.headers.iter() {
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            // Chunked must be the final coding (RFC 9112 §6.1). Other final codings are rejected.
            return Framing::Chunked;
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            match std::str::from_utf8(header.value).ok().and_then(|v| v.trim().parse().ok()) {
                Some(length) => framing = Framing::Length(length),
                None => return Framing::Unknown,
            }
        }
    }
    framing
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heads(stream: &[u8], cuts: &[usize]) -> Vec<String> {
        let mut framer = HeadFramer::new();
        let mut heads = Vec::new();
        let mut from = 0;
        let mut cuts: Vec<usize> = cuts.iter().map(|c| c % (stream.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(stream.len());
        for cut in cuts {
            framer.feed(&mut stream[from..cut].to_vec(), |h| heads.push(String::from_utf8_lossy(&h).into_owned()));
            from = cut;
        }
        heads
    }

    const PIPELINED: &str = concat!(
        "\r\nPOST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "2a;ext=\"1\"\r\nPOST /fake HTTP/1.1\r\nContent-Length: 9\r\n\r\n\r\n",
        "0\r\nX-Trailer: GET /fake HTTP/1.1\r\n\r\n",
        "POST /b HTTP/1.1\nHost: x\nContent-Length: 5\n\nGET /",
        "GET /c HTTP/1.1\r\nHOST: x\r\nhost: y\r\n\r\n",
    );

    #[test]
    fn skips_bodies_that_look_like_heads() {
        let found = heads(PIPELINED.as_bytes(), &[]);
        let lines: Vec<_> = found.iter().map(|h| h.lines().next().unwrap_or_default()).collect();
        assert_eq!(lines, ["POST /a HTTP/1.1", "POST /b HTTP/1.1", "GET /c HTTP/1.1"]);
        assert!(found[2].contains("HOST: x\r\nhost: y"));
    }

    #[test]
    fn finds_the_same_heads_for_every_split() {
        let whole = heads(PIPELINED.as_bytes(), &[]);
        for cut in 0..PIPELINED.len() {
            assert_eq!(heads(PIPELINED.as_bytes(), &[cut]), whole, "split at {cut}");
        }
        let every: Vec<usize> = (0..PIPELINED.len()).collect();
        assert_eq!(heads(PIPELINED.as_bytes(), &every), whole);
    }

    #[test]
    fn ignores_http2() {
        assert!(heads(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nPOST / HTTP/1.1\r\n\r\n", &[]).is_empty());
    }

    #[test]
    fn discards_an_endless_head() {
        let mut framer = HeadFramer::new();
        for _ in 0..100 {
            framer.feed(&mut [b'a'; 64 * 1024], |_| panic!("no head must be found"));
        }
        assert!(framer.head.capacity() == 0);
    }

    proptest! {
        #[test]
        fn never_panics(stream in proptest::collection::vec(any::<u8>(), 0..2000), cuts in proptest::collection::vec(any::<usize>(), 0..9)) {
            heads(&stream, &cuts);
        }

        #[test]
        fn skips_bodies_of_any_bytes(
            bodies in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..300)), 1..6),
            cuts in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            let mut stream = Vec::new();
            for (i, (chunked, body)) in bodies.iter().enumerate() {
                stream.extend(format!("POST /{i} HTTP/1.1\r\n").bytes());
                if *chunked {
                    stream.extend(b"transfer-Encoding: gzip, Chunked\r\n\r\n");
                    for part in body.chunks(7) {
                        stream.extend(format!("{:x}\r\n", part.len()).bytes());
                        stream.extend(part);
                        stream.extend(b"\r\n");
                    }
                    stream.extend(b"0\r\n\r\n");
                } else {
                    stream.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
                    stream.extend(body);
                }
            }
            let found = heads(&stream, &cuts);
            prop_assert_eq!(found.len(), bodies.len());
            for (i, head) in found.iter().enumerate() {
                let wanted = format!("POST /{i} ");
                prop_assert!(head.starts_with(&wanted));
            }
        }
    }
}
