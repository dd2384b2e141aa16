//! The head framer: the request head exactly as it came off the wire.
//!
//! hyper lower-cases header names and loses their order, and offers no way to ask for them
//! (hyperium/hyper#2880). So the bytes are watched as they pass: the framer keeps each head,
//! skips each body by its own framing, and finds the next head. Its heads queue in wire order;
//! the service takes one per request and checks it against hyper's view before believing it.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::limits::{HEAD_BYTES_MAX, HEADERS_MAX};

/// Heads that have passed on one connection and wait for their request to be served.
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

/// Where in an HTTP/1 byte stream the framer stands.
#[derive(Debug)]
enum State {
    Head,
    Body {
        left: u64,
    },
    Chunk(Chunk),
    /// The stream is not ours to read any more: HTTP/2, a tunnel, or a head nobody accepts.
    Off,
}

#[derive(Debug)]
enum Chunk {
    Size {
        size: u64,
        digits: bool,
    },
    /// After the size, up to the end of the line: spaces and chunk extensions.
    SizeLine {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataEnd,
    /// Trailer lines; `empty` until the current line holds a byte other than CR.
    Trailer {
        empty: bool,
    },
}

/// What a head says about the bytes after it.
enum Framing {
    None,
    Length(u64),
    Chunked,
    Unknown,
}

/// An incremental HTTP/1 request framer that keeps heads and forgets bodies.
#[derive(Debug)]
pub(crate) struct HeadFramer {
    state: State,
    head: Vec<u8>,
    /// Start of the current line within `head`.
    line: usize,
}

impl HeadFramer {
    pub(crate) fn new() -> Self {
        Self { state: State::Head, head: Vec::new(), line: 0 }
    }

    /// Takes the next bytes of the stream and hands each head they complete to `done`.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut done: impl FnMut(Vec<u8>)) {
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Off => return,
                State::Head => self.head_bytes(bytes, &mut done),
                State::Body { left } => {
                    let skipped = (*left).min(bytes.len() as u64);
                    *left -= skipped;
                    if *left == 0 {
                        self.state = State::Head;
                    }
                    &bytes[skipped as usize..]
                }
                State::Chunk(chunk) => {
                    let (next, rest) = chunk_bytes(chunk, bytes);
                    self.state = next;
                    rest
                }
            };
        }
    }

    fn head_bytes<'a>(&mut self, bytes: &'a [u8], done: &mut impl FnMut(Vec<u8>)) -> &'a [u8] {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            self.keep(bytes);
            return &[];
        };
        let (line, rest) = bytes.split_at(end + 1);
        self.keep(line);
        if matches!(self.state, State::Off) {
            return &[];
        }
        let blank = matches!(&self.head[self.line..], b"\n" | b"\r\n");
        if !blank {
            self.line = self.head.len();
            if self.head.starts_with(b"PRI * HTTP/2.0") {
                self.state = State::Off;
            }
        } else if self.line == 0 {
            // RFC 9112 §2.2: an empty line before the request line is ignored.
            self.head.clear();
        } else {
            self.line = 0;
            let head = std::mem::take(&mut self.head);
            self.state = match framing(&head) {
                Framing::None | Framing::Length(0) => State::Head,
                Framing::Length(left) => State::Body { left },
                Framing::Chunked => State::Chunk(Chunk::Size { size: 0, digits: false }),
                Framing::Unknown => State::Off,
            };
            done(head);
        }
        rest
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.head.len() + bytes.len() > HEAD_BYTES_MAX * 2 {
            self.state = State::Off;
            self.head = Vec::new();
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

fn framing(head: &[u8]) -> Framing {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    if !matches!(request.parse(head), Ok(httparse::Status::Complete(_))) {
        return Framing::Unknown;
    }
    if request.method == Some("CONNECT") {
        return Framing::Unknown;
    }
    let mut framing = Framing::None;
    for header in request.headers.iter() {
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            // RFC 9112 §6.1: chunked is the final coding; hyper refuses the rest.
            let chunked =
                header.value.len() >= 7 && header.value.trim_ascii_end().to_ascii_lowercase().ends_with(b"chunked");
            return if chunked { Framing::Chunked } else { Framing::Unknown };
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
            framer.feed(&stream[from..cut], |h| heads.push(String::from_utf8_lossy(&h).into_owned()));
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
    fn a_body_that_looks_like_a_head_is_not_one() {
        let found = heads(PIPELINED.as_bytes(), &[]);
        let lines: Vec<_> = found.iter().map(|h| h.lines().next().unwrap_or_default()).collect();
        assert_eq!(lines, ["POST /a HTTP/1.1", "POST /b HTTP/1.1", "GET /c HTTP/1.1"]);
        assert!(found[2].contains("HOST: x\r\nhost: y"));
    }

    #[test]
    fn every_split_finds_the_same_heads() {
        let whole = heads(PIPELINED.as_bytes(), &[]);
        for cut in 0..PIPELINED.len() {
            assert_eq!(heads(PIPELINED.as_bytes(), &[cut]), whole, "split at {cut}");
        }
        let every: Vec<usize> = (0..PIPELINED.len()).collect();
        assert_eq!(heads(PIPELINED.as_bytes(), &every), whole);
    }

    #[test]
    fn http2_switches_it_off() {
        assert!(heads(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nPOST / HTTP/1.1\r\n\r\n", &[]).is_empty());
    }

    #[test]
    fn a_head_without_end_is_forgotten() {
        let mut framer = HeadFramer::new();
        for _ in 0..100 {
            framer.feed(&[b'a'; 64 * 1024], |_| panic!("there is no head here"));
        }
        assert!(framer.head.capacity() == 0);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(stream in proptest::collection::vec(any::<u8>(), 0..2000), cuts in proptest::collection::vec(any::<usize>(), 0..9)) {
            heads(&stream, &cuts);
        }

        #[test]
        fn bodies_of_any_bytes_are_skipped(
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
