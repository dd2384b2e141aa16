//! HTTP messages as they stand on the wire, one behind the other.

use std::{
    io::{self, BufRead},
    ops::ControlFlow,
};

use hookline_capture::{HEAD_BYTES_MAX, HeaderNames, Version};

use super::{Bad, ENTRY_MAX, Record, Take, exact::Exact, record::is_absolute};

/// Most headers of one message.
const HEADERS_MAX: usize = 512;

/// Bytes that are done with and may stay until they are let go in one go.
const DONE_KEPT: usize = 1024 * 1024;

/// Bytes looked at to tell whether another message begins.
const REQUEST_LINE_MAX: usize = 16 * 1024;

/// A request as a message that says where it ends: a chunked one is one chunk, and a length that was
/// cut is the length that is there.
pub(super) fn message(record: &Record) -> Vec<u8> {
    let body = &record.body.0;
    let version = match record.version.unwrap_or(Version::Http11) {
        Version::Http10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    };
    let mut message = format!("{} {} {version}\r\n", record.method, record.target).into_bytes();
    let (mut chunked, mut sized) = (false, false);
    for (Exact(name), Exact(value)) in &record.headers {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        chunked |= is("transfer-encoding") && value.to_ascii_lowercase().ends_with(b"chunked");
        let length = is("content-length").then(|| body.len().to_string());
        sized |= length.is_some();
        message.extend_from_slice(name);
        message.extend_from_slice(b": ");
        message.extend_from_slice(length.as_ref().map_or(value.as_slice(), |length| length.as_bytes()));
        message.extend_from_slice(b"\r\n");
    }
    match (chunked, sized) {
        (true, _) => {
            message.extend_from_slice(b"\r\n");
            if !body.is_empty() {
                message.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
                message.extend_from_slice(body);
                message.extend_from_slice(b"\r\n");
            }
            message.extend_from_slice(b"0\r\n");
            for (Exact(name), Exact(value)) in &record.trailers {
                message.extend_from_slice(&[name.as_slice(), b": ", value, b"\r\n"].concat());
            }
            message.extend_from_slice(b"\r\n");
        }
        (false, true) => {
            message.extend_from_slice(b"\r\n");
            message.extend_from_slice(body);
        }
        (false, false) => {
            if !body.is_empty() {
                message.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
            }
            message.extend_from_slice(b"\r\n");
            message.extend_from_slice(body);
        }
    }
    message
}

/// Reads messages. Lines may end in LF alone, a target may be a whole URL, and a body that does not
/// say where it ends goes on to the end of the file, or to the next request line where it is absent.
pub(super) fn read(file: &mut dyn BufRead, take: Take<'_>) -> Result<(), Bad> {
    let mut ahead = Ahead { file, bytes: Vec::new(), start: 0 };
    for number in 1_u64.. {
        let place = || format!("message {number}");
        let bad = |why: String| Bad::new(place(), why);
        ahead.skip_blank().map_err(|e| bad(unreadable(&e)))?;
        if ahead.left().is_empty() {
            break;
        }
        let record = one(&mut ahead).map_err(bad)?;
        if let ControlFlow::Break(()) = take(number, Ok(record)) {
            break;
        }
    }
    Ok(())
}

fn unreadable(error: &io::Error) -> String {
    format!("the file cannot be read: {error}")
}

fn one(ahead: &mut Ahead<'_>) -> Result<Record, String> {
    ahead.fill(HEAD_BYTES_MAX * 2).map_err(|e| unreadable(&e))?;
    let mut slots = vec![httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut slots);
    let head = match request.parse(ahead.left()) {
        Ok(httparse::Status::Complete(length)) => length,
        // A message that was pasted may lack the blank line behind its headers.
        Ok(httparse::Status::Partial) if ahead.left().len() < HEAD_BYTES_MAX * 2 && !ahead.closed_by_hand() => {
            ahead.bytes.extend_from_slice(b"\r\n\r\n");
            return one(ahead);
        }
        Ok(httparse::Status::Partial) => {
            return Err(
                "it has no blank line behind its headers; a request line, headers and a blank line are expected".into(),
            );
        }
        Err(error) => return Err(format!("it is no HTTP request: {error}")),
    };
    let mut record = Record {
        method: request.method.unwrap_or("POST").to_owned(),
        version: (request.version == Some(0)).then_some(Version::Http10),
        names: Some(HeaderNames::Exact),
        headers: request.headers.iter().map(|header| (header.name.as_bytes().into(), header.value.into())).collect(),
        ..Record::default()
    };
    let target = request.path.unwrap_or("/").to_owned();
    match is_absolute(&target) {
        true => record.set_url(&target),
        false => record.target = target,
    }
    ahead.drop_first(head);
    let chunked =
        record.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().ends_with(b"chunked"));
    let length = record.header("content-length").and_then(|value| std::str::from_utf8(value).ok()?.parse::<u64>().ok());
    record.body = Exact(match (chunked, length) {
        (true, _) => match ahead.chunked(&mut record.trailers)? {
            Some(body) => body,
            // Pasted from a tool that shows it decoded.
            None => ahead.rest()?,
        },
        (false, Some(length)) => ahead.sized(length)?,
        (false, None) if ahead.at_request_line()? => Vec::new(),
        (false, None) => ahead.rest()?,
    });
    Ok(record)
}

/// A file and what was read of it ahead.
struct Ahead<'f> {
    file: &'f mut dyn BufRead,
    bytes: Vec<u8>,
    /// How much of it is done with.
    start: usize,
}

impl Ahead<'_> {
    /// Reads until `length` bytes are there or the file ends.
    fn fill(&mut self, length: usize) -> io::Result<()> {
        while self.bytes.len() - self.start < length {
            let read = self.file.fill_buf()?;
            if read.is_empty() {
                break;
            }
            let taken = read.len();
            self.bytes.extend_from_slice(read);
            self.file.consume(taken);
        }
        Ok(())
    }

    fn left(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    fn drop_first(&mut self, length: usize) {
        self.start += length.min(self.bytes.len() - self.start);
        if self.start > DONE_KEPT {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }

    fn take_first(&mut self, length: usize) -> Vec<u8> {
        let first = self.left()[..length].to_vec();
        self.drop_first(length);
        first
    }

    fn closed_by_hand(&self) -> bool {
        self.left().ends_with(b"\r\n\r\n")
    }

    fn skip_blank(&mut self) -> io::Result<()> {
        loop {
            self.fill(REQUEST_LINE_MAX)?;
            let blank = self.left().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let all = blank == self.left().len() && blank > 0;
            self.drop_first(blank);
            if !all {
                return Ok(());
            }
        }
    }

    /// Whether a message begins here, blank lines aside, or the file ends.
    fn at_request_line(&mut self) -> Result<bool, String> {
        self.fill(REQUEST_LINE_MAX).map_err(|e| unreadable(&e))?;
        Ok(begins_a_message(self.left()))
    }

    /// A body of a stated length; where that is not true of a pasted one, everything that follows.
    fn sized(&mut self, length: u64) -> Result<Vec<u8>, String> {
        if length > ENTRY_MAX {
            return Err(format!("it says its body has {length} bytes; {ENTRY_MAX} are read"));
        }
        let length = length as usize;
        self.fill(length.saturating_add(REQUEST_LINE_MAX)).map_err(|e| unreadable(&e))?;
        if self.left().get(length..).is_some_and(begins_a_message) {
            return Ok(self.take_first(length));
        }
        self.rest()
    }

    fn rest(&mut self) -> Result<Vec<u8>, String> {
        self.fill(ENTRY_MAX as usize).map_err(|e| unreadable(&e))?;
        if self.left().len() as u64 >= ENTRY_MAX {
            return Err(format!("its body has no end within {ENTRY_MAX} bytes"));
        }
        Ok(self.take_first(self.left().len()))
    }

    /// A body in chunks (RFC 9112 §7.1); none if what is there is not in chunks.
    fn chunked(&mut self, trailers: &mut Vec<(Exact, Exact)>) -> Result<Option<Vec<u8>>, String> {
        let (mut body, mut at) = (Vec::new(), 0);
        loop {
            self.fill(at + 1024).map_err(|e| unreadable(&e))?;
            let Ok(httparse::Status::Complete((start, length))) = httparse::parse_chunk_size(&self.left()[at..]) else {
                return Ok(None);
            };
            at += start;
            if length > ENTRY_MAX || body.len() as u64 + length > ENTRY_MAX {
                return Err(format!("its chunks have more than {ENTRY_MAX} bytes"));
            }
            let length = length as usize;
            if length == 0 {
                break;
            }
            self.fill(at + length + 2).map_err(|e| unreadable(&e))?;
            let Some(chunk) = self.left().get(at..at + length) else { return Ok(None) };
            body.extend_from_slice(chunk);
            at += length;
            match self.left().get(at..) {
                Some([b'\r', b'\n', ..]) => at += 2,
                _ => return Ok(None),
            }
        }
        self.fill(at + HEAD_BYTES_MAX).map_err(|e| unreadable(&e))?;
        let mut slots = vec![httparse::EMPTY_HEADER; HEADERS_MAX];
        match httparse::parse_headers(&self.left()[at..], &mut slots) {
            Ok(httparse::Status::Complete((end, found))) => {
                *trailers = found.iter().map(|header| (header.name.as_bytes().into(), header.value.into())).collect();
                self.drop_first(at + end);
                Ok(Some(body))
            }
            // The last line end is often lost where messages are pasted.
            Ok(httparse::Status::Partial) => {
                self.drop_first(self.left().len());
                Ok(Some(body))
            }
            Err(_) => Ok(None),
        }
    }
}

/// Whether bytes are the end of a file or a request line and what follows.
pub(super) fn begins_a_message(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let method = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    text.is_empty()
        || (line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0"))
            && line.iter().filter(|byte| **byte == b' ').count() == 2
            && !method.is_empty()
            && method.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(text: &str) -> Vec<Result<String, String>> {
        let mut all = Vec::new();
        let mut file = text.as_bytes();
        if let Err(bad) = read(&mut file, &mut |_, entry| {
            all.push(entry.map(|record| String::from_utf8(record.body.0).expect("text")));
            ControlFlow::Continue(())
        }) {
            all.push(Err(bad.why));
        }
        all
    }

    #[test]
    fn messages_end_where_they_say_and_pasted_ones_where_the_file_does() {
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(
            bodies(
                "POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nabGET /b HTTP/1.1\r\nHost: x\r\n\r\nPOST /c HTTP/1.1\nTransfer-Encoding: chunked\n\n3\r\nx\ny\r\n0\r\n\r\nPUT /d HTTP/1.1\n\nall\n\nthe rest\n"
            ),
            [ok("ab"), ok(""), ok("x\ny"), ok("all\n\nthe rest\n")]
        );
        assert_eq!(bodies("POST / HTTP/1.1\nContent-Length: 2\n\nlonger than it says"), [ok("longer than it says")]);
        assert_eq!(bodies("POST / HTTP/1.1\nContent-Length: 200\n\nshorter"), [ok("shorter")]);
        assert_eq!(
            bodies("POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n{\"shown\": true}"),
            [ok("{\"shown\": true}")]
        );
        assert_eq!(bodies("GET / HTTP/1.1\nHost: x"), [ok("")], "no blank line");
        assert!(bodies("nonsense")[0].is_err() && bodies("\u{0}\u{1}")[0].is_err());
        assert!(bodies("").is_empty() && bodies("\r\n\n").is_empty());
        assert!(bodies("POST / HTTP/1.1\nContent-Length: 99999999999999\n\nx")[0].is_err());
    }
}
