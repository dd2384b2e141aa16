//! Raw HTTP messages in sequence, and `.http` files of REST clients.
//!
//! The framing of a message defines its end (RFC 9112 §6), and a message starts with a request line. The body of a
//! pasted message without framing ends at the end of the file, or at a line of `###`.

use std::{
    io::{self, BufRead},
    ops::ControlFlow,
};

use hookbench_capture::HEAD_BYTES_MAX;
use hookbench_model::{HeaderNames, HttpVersion};

use super::{ENTRY_MAX, GROWN_MAX, ImportError, Record, Take, bytes::Exact, record::is_absolute};

/// Maximum number of headers of a message.
const HEADERS_MAX: usize = 512;

/// Maximum number of consumed bytes in the buffer before they are removed.
const DONE_KEPT: usize = 1024 * 1024;

/// Number of bytes to look at in order to detect the next request line.
const REQUEST_LINE_MAX: usize = 128 * 1024;

/// Returns a request as a message with framing. A chunked body is one chunk, and the Content-Length is the stored
/// length.
pub(super) fn message(record: &Record) -> Vec<u8> {
    let body = &record.body.0;
    let version = record.version.unwrap_or(HttpVersion::Http11).as_str();
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

/// Reads messages. A line may end with LF only, and a target may be an absolute URL.
pub(super) fn read(file: &mut dyn BufRead, take: Take<'_>) -> Result<(), ImportError> {
    let mut ahead = Ahead { file, bytes: Vec::new(), start: 0, separated: false };
    for number in 1_u64.. {
        let place = || format!("message {number}");
        let bad = |why: String| ImportError::new(place(), why);
        ahead.skip_between().map_err(|e| bad(unreadable(&e)))?;
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

/// Parsed request line.
struct RequestLine<'l> {
    method: &'l str,
    target: &'l str,
    version: HttpVersion,
    /// True if the line has a version, which `.http` files may omit.
    complete: bool,
}

/// Returns true if bytes are a token (RFC 9110 §5.6.2), such as a method.
fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b))
}

/// Parses a line as a request line, or returns `None`.
fn request_line(line: &[u8]) -> Option<RequestLine<'_>> {
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let (method, rest) = line.split_once(' ')?;
    let rest = rest.trim();
    if !is_token(method.as_bytes()) || rest.is_empty() {
        return None;
    }
    let (target, version) = match rest.rsplit_once(' ') {
        Some((target, name)) if name.starts_with("HTTP/") => (target.trim_end(), Some(version(name)?)),
        _ => (rest, None),
    };
    let complete = version.is_some();
    // Without a version, a request line needs a method in capitals and a URL or a path.
    let is_plausible =
        complete || method.bytes().all(|b| b.is_ascii_uppercase()) && (target.starts_with('/') || is_absolute(target));
    let spaces = target.bytes().any(|b| b.is_ascii_whitespace());
    (is_plausible && !spaces).then_some(RequestLine {
        method,
        target,
        version: version.unwrap_or(HttpVersion::Http11),
        complete,
    })
}

fn version(name: &str) -> Option<HttpVersion> {
    match name {
        "HTTP/1.1" => Some(HttpVersion::Http11),
        "HTTP/1.0" | "HTTP/0.9" => Some(HttpVersion::Http10),
        "HTTP/2" | "HTTP/2.0" | "HTTP/3" | "HTTP/3.0" => Some(HttpVersion::Http2),
        _ => None,
    }
}

fn one(ahead: &mut Ahead<'_>) -> Result<Record, String> {
    ahead.fill(HEAD_BYTES_MAX * 2).map_err(|e| unreadable(&e))?;
    let line_end = memchr::memchr(b'\n', ahead.left()).unwrap_or(ahead.left().len());
    let line = ahead.left()[..line_end].to_vec();
    let shown = || String::from_utf8_lossy(&line).trim_end().chars().take(80).collect::<String>();
    let RequestLine { method, target, version, .. } = request_line(&line)
        .ok_or_else(|| format!("the request line is invalid: {:?} (expected METHOD TARGET HTTP/1.1)", shown()))?;
    let mut record = Record {
        method: method.to_owned(),
        version: (version != HttpVersion::Http11).then_some(version),
        names: Some(HeaderNames::Exact),
        ..Record::default()
    };
    ahead.drop_first(line_end + 1);
    let ended = headers(ahead, &mut record)?;
    // An absolute URL with a Host header is the target of a request to a proxy (RFC 9112 §3.2.2).
    match is_absolute(target) && record.header("host").is_none() {
        true => record.set_url(target),
        false => record.target = target.to_owned(),
    }
    // A pasted message may end after its headers.
    if !ended {
        return Ok(record);
    }
    let chunked =
        record.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().ends_with(b"chunked"));
    let length = record.header("content-length").map(|value| {
        std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.trim().parse::<u64>().ok())
            .ok_or_else(|| format!("the Content-Length is invalid: {:?}", String::from_utf8_lossy(value)))
    });
    record.body = Exact(match (chunked, length.transpose()?) {
        (true, _) => match ahead.chunked(&mut record.trailers)? {
            Some(body) => body,
            // The message was pasted from a tool that shows chunked bodies decoded.
            None => ahead.unframed()?,
        },
        (false, Some(length)) => ahead.sized(length, &mut record.note)?,
        (false, None) => ahead.unframed()?,
    });
    Ok(record)
}

/// Reads header lines up to a blank line. Returns false if the file ends before one.
fn headers(ahead: &mut Ahead<'_>, record: &mut Record) -> Result<bool, String> {
    loop {
        ahead.fill(HEAD_BYTES_MAX).map_err(|e| unreadable(&e))?;
        if ahead.left().is_empty() {
            return Ok(false);
        }
        let (end, last) = match memchr::memchr(b'\n', ahead.left()) {
            Some(end) => (end, false),
            None => (ahead.left().len(), true),
        };
        if end > HEAD_BYTES_MAX || record.headers.len() > HEADERS_MAX {
            return Err(format!("the head is too large (at most {HEAD_BYTES_MAX} bytes and {HEADERS_MAX} headers)"));
        }
        let line = ahead.take_first((end + 1).min(ahead.left().len()));
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Ok(true);
        }
        // A folded line continues the line before it (RFC 9112 §5.2).
        if matches!(line.first(), Some(b' ' | b'\t'))
            && let Some((_, value)) = record.headers.last_mut()
        {
            value.0.push(b' ');
            value.0.extend_from_slice(line.trim_ascii());
            continue;
        }
        let colon = memchr::memchr(b':', line).filter(|colon| is_token(line[..*colon].trim_ascii_end()));
        let Some(colon) = colon else {
            let shown: String = String::from_utf8_lossy(line).chars().take(80).collect();
            return Err(format!("the header is invalid: {shown:?}. A blank line must precede the body"));
        };
        record.headers.push((line[..colon].trim_ascii_end().into(), line[colon + 1..].trim_ascii().into()));
        if last {
            return Ok(false);
        }
    }
}

/// File with a buffer for look-ahead.
struct Ahead<'f> {
    file: &'f mut dyn BufRead,
    bytes: Vec<u8>,
    /// Number of consumed bytes in the buffer.
    start: usize,
    /// True if lines of `###` separate the messages. A line end before a separator or the end of the file is then not
    /// part of the body.
    separated: bool,
}

impl Ahead<'_> {
    /// Reads until `length` bytes are buffered or the file ends.
    fn fill(&mut self, length: usize) -> io::Result<()> {
        while self.bytes.len() - self.start < length {
            let read = self.file.fill_buf()?;
            if read.is_empty() {
                break;
            }
            let taken = read.len();
            if self.bytes.len() as u64 > GROWN_MAX && self.bytes.capacity() - self.bytes.len() < taken {
                self.bytes.reserve(ENTRY_MAX as usize);
            }
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

    /// Skips blank lines between messages, and the `###` lines, comments and names of `.http` files.
    fn skip_between(&mut self) -> io::Result<()> {
        loop {
            self.fill(REQUEST_LINE_MAX)?;
            let blank = self.left().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let all = blank == self.left().len() && blank > 0;
            self.drop_first(blank);
            let left = self.left();
            let comment = (left.starts_with(b"#") || left.starts_with(b"//")) && !begins_a_message(left);
            if comment {
                let separates = left.starts_with(b"###");
                let end = memchr::memchr(b'\n', left).map_or(left.len(), |end| end + 1);
                self.separated |= separates;
                self.drop_first(end);
            } else if !all {
                return Ok(());
            }
        }
    }

    /// Reads a body with a Content-Length. If the length is wrong, reads the rest of the file, which must not contain
    /// another message.
    fn sized(&mut self, length: u64, note: &mut String) -> Result<Vec<u8>, String> {
        if length > ENTRY_MAX {
            return Err(format!("the Content-Length is too large: {length} (at most {ENTRY_MAX} bytes)"));
        }
        let length = length as usize;
        self.fill(length.saturating_add(REQUEST_LINE_MAX)).map_err(|e| unreadable(&e))?;
        if self.left().get(length..).is_some_and(ends_a_message) {
            return Ok(self.take_first(length));
        }
        let body = self.rest()?;
        let held = body.len();
        // Reading further messages as part of this body would lose them.
        if let Some(line) = held.checked_sub(length).and_then(|_| line_of_a_message(&body[length..])) {
            return Err(format!(
                "the Content-Length is {length}, but the next request line ({line:?}) does not start after that many \
                 bytes. Correct the Content-Length"
            ));
        }
        *note = format!("The Content-Length is {length}, but the file contains {held} bytes of this body.");
        Ok(body)
    }

    /// Reads a body without framing: nothing if a message follows at once, or else up to a line of `###` or the end of
    /// the file.
    fn unframed(&mut self) -> Result<Vec<u8>, String> {
        self.fill(REQUEST_LINE_MAX).map_err(|e| unreadable(&e))?;
        if begins_a_message(self.left()) {
            return Ok(Vec::new());
        }
        self.fill(ENTRY_MAX as usize).map_err(|e| unreadable(&e))?;
        if let Some(end) = separator(self.left()) {
            let body = self.take_first(end);
            // The blank line before a separator is not part of the body.
            let length = body.trim_ascii_end().len();
            return one_body(body[..length].to_vec());
        }
        if let Some(line) = line_of_a_message(self.left()) {
            return Err(format!(
                "the message has no Content-Length, and {line:?} follows. Add a Content-Length, or a line of ### \
                 before the next message"
            ));
        }
        let body = self.rest()?;
        let length = if self.separated { body.trim_ascii_end().len() } else { body.len() };
        one_body(body[..length].to_vec())
    }

    fn rest(&mut self) -> Result<Vec<u8>, String> {
        self.fill(ENTRY_MAX as usize).map_err(|e| unreadable(&e))?;
        if self.left().len() as u64 >= ENTRY_MAX {
            return Err(format!("the body is too large (at most {ENTRY_MAX} bytes)"));
        }
        Ok(self.take_first(self.left().len()))
    }

    /// Reads a chunked body (RFC 9112 §7.1), or returns `None` if the body is not chunked.
    fn chunked(&mut self, trailers: &mut Vec<(Exact, Exact)>) -> Result<Option<Vec<u8>>, String> {
        let (mut body, mut at) = (Vec::new(), 0);
        loop {
            self.fill(at + 1024).map_err(|e| unreadable(&e))?;
            let Ok(httparse::Status::Complete((start, length))) = httparse::parse_chunk_size(&self.left()[at..]) else {
                return Ok(None);
            };
            at += start;
            if length > ENTRY_MAX || body.len() as u64 + length > ENTRY_MAX {
                return Err(format!("the body is too large (at most {ENTRY_MAX} bytes)"));
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
            // A pasted message often lacks the last line end.
            Ok(httparse::Status::Partial) => {
                self.drop_first(self.left().len());
                Ok(Some(body))
            }
            Err(_) => Ok(None),
        }
    }
}

/// Returns the body, or an error if a REST client would replace it with a file.
fn one_body(body: Vec<u8>) -> Result<Vec<u8>, String> {
    let first = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let path = first.strip_prefix(b"< ").or_else(|| first.strip_prefix(b"<@ "));
    match path.filter(|path| path.starts_with(b".") || path.starts_with(b"/")) {
        Some(path) => Err(format!(
            "the body refers to the file {:?}, which an import does not read. Put the content into the message",
            String::from_utf8_lossy(path.trim_ascii())
        )),
        None => Ok(body),
    }
}

/// Returns the position of a line of `###` that is followed by a message or by the end of the file.
fn separator(text: &[u8]) -> Option<usize> {
    let starts = memchr::memmem::find_iter(text, b"\n###").map(|at| at + 1);
    starts.filter(|at| text[*at..].starts_with(b"###")).find(|at| {
        let mut rest = &text[*at..];
        // Comments may precede the request line.
        while matches!(rest.first(), Some(b'#' | b'/' | b'\r' | b'\n')) && !begins_a_message(rest) {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            rest = &rest[end..];
        }
        ends_a_message(rest)
    })
}

/// Returns the first line that is a request line with a version.
fn line_of_a_message(text: &[u8]) -> Option<String> {
    let lines = text.split(|byte| *byte == b'\n');
    let mut found =
        lines.filter(|line| line.len() < REQUEST_LINE_MAX && request_line(line).is_some_and(|line| line.complete));
    found.next().map(|line| String::from_utf8_lossy(line).trim_end().chars().take(80).collect())
}

/// Returns true if bytes are empty, or start with a request line or a separator.
fn ends_a_message(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.is_empty() || text.starts_with(b"###") || begins_a_message(text)
}

/// Returns true if a file starts with a message, or with comments and a message as in `.http` files.
pub(super) fn is_a_file(text: &[u8]) -> bool {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.by_ref().find(|line| {
        !line.is_empty() && (begins_a_message(line) || !line.starts_with(b"#") && !line.starts_with(b"//"))
    });
    let commented = text.trim_ascii_start().starts_with(b"#") || text.trim_ascii_start().starts_with(b"//");
    first.is_some_and(|line| begins_a_message(line) || commented && request_line(line).is_some())
}

/// Returns true if bytes start with a request line, after blank lines.
pub(super) fn begins_a_message(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.len() < REQUEST_LINE_MAX && request_line(line).is_some_and(|line| line.complete || is_absolute(line.target))
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
    fn reads_framed_and_pasted_messages() {
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
        assert!(bodies("POST / HTTP/1.1\nContent-Length: two\n\nx")[0].is_err());
    }

    #[test]
    fn ends_bodies_only_by_framing() {
        let ok = |text: &str| Ok(text.to_owned());
        let inside = "GET /inside HTTP/1.1\r\n\r\n### x";
        assert_eq!(
            bodies(&format!(
                "POST / HTTP/1.1\nContent-Length: {}\n\n{inside}M_1-x!~ /next HTTP/2\nHost: a\n\n",
                inside.len()
            )),
            [ok(inside), ok("")]
        );
        // A wrong length must not include the messages that follow.
        let read = bodies("POST /a HTTP/1.1\nContent-Length: 2\n\nabc\n\nPOST /b HTTP/1.1\nContent-Length: 1\n\nx");
        assert!(matches!(&read[..], [Err(why)] if why.contains("POST /b HTTP/1.1")), "{read:?}");
        let read = bodies("POST /a HTTP/1.1\n\n{}\n\nPOST /b HTTP/1.1\n\n{}");
        assert!(matches!(&read[..], [Err(why)] if why.contains("no Content-Length")), "{read:?}");
    }

    #[test]
    fn reads_http_files_of_rest_clients() {
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(
            bodies(
                "### first\n# a comment\nPOST https://a.example/in HTTP/1.1\nContent-Type: application/json\n\n{\"a\":1}\n\n###\n\n// another\nPOST https://a.example/in2\n\n{\"b\":2}\n### \nGET https://a.example/\n"
            ),
            [ok("{\"a\":1}"), ok("{\"b\":2}"), ok("")]
        );
        assert_eq!(bodies("POST / HTTP/1.1\n\n# title\n### part\ntext"), [ok("# title\n### part\ntext")]);
        let read = bodies("POST https://a.example/ HTTP/1.1\n\n< ./payload.json\n");
        assert!(matches!(&read[..], [Err(why)] if why.contains("payload.json")), "{read:?}");
    }

    #[test]
    fn reads_all_versions_and_methods() {
        let mut all = Vec::new();
        let file = "POST /hooks/42 HTTP/2\nHost: x\n\nREPORT_2 /a HTTP/1.0\n\nGET http://b/c?d HTTP/3\n\n";
        read(&mut file.as_bytes(), &mut |_, entry| {
            let record = entry.expect("a request");
            all.push(format!("{} {} {:?}", record.method, record.target, record.version));
            ControlFlow::Continue(())
        })
        .expect("it reads");
        assert_eq!(all, ["POST /hooks/42 Some(Http2)", "REPORT_2 /a Some(Http10)", "GET /c?d Some(Http2)"]);
    }
}
