//! Import of curl commands, as browsers and Hookbench write them. The import runs no command and reads no named file.

mod options;
mod url;

use std::{
    io::{BufRead, Read},
    ops::ControlFlow,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hookbench_model::HeaderNames;
use hookbench_query::percent_decoded;
use options::{Does, long, short, takes_value};
use url::{is_glob, user_of, without_dots};

use super::{
    ImportError, Record, Take,
    bytes::{self, Exact},
    shell::{self, Pipeline},
};

/// Maximum size of a file of commands, in bytes. The whole file is in memory.
const COMMANDS_MAX: u64 = 256 * 1024 * 1024;

/// Reads the commands of a file.
pub(super) fn read(file: &mut dyn BufRead, take: Take<'_>) -> Result<(), ImportError> {
    let mut text = Vec::new();
    let whole = |why: String| ImportError::new("the file", why);
    file.take(COMMANDS_MAX + 1).read_to_end(&mut text).map_err(|e| whole(format!("cannot be read: {e}")))?;
    if text.len() as u64 > COMMANDS_MAX {
        return Err(whole(format!("too large for curl commands (at most {COMMANDS_MAX} bytes)")));
    }
    let commands = match quoting(&text) {
        Quoting::Windows => shell::windows(&text),
        Quoting::Posix => shell::posix(&text),
        Quoting::PosixWithCarets => shell::posix(&without_carets(&text)),
    };
    for (line, pipeline) in commands {
        let record = pipeline.and_then(|pipeline| record(&pipeline));
        if let ControlFlow::Break(()) = take(line, record) {
            break;
        }
    }
    Ok(())
}

/// Quoting of commands.
enum Quoting {
    Posix,
    /// Quotes and carets of `cmd.exe`.
    Windows,
    /// Single quotes with the carets of `cmd.exe` at line ends, as Reqable writes them.
    PosixWithCarets,
}

fn quoting(text: &[u8]) -> Quoting {
    let finds = |needle: &[u8]| memchr::memmem::find(text, needle).is_some();
    let carets = finds(b" ^\n") || finds(b" ^\r\n");
    let quoted = finds(b"curl ^\"") || finds(b"curl.exe ^\"") || finds(b"--url ^\"") || finds(b" ^\"");
    match carets && !quoted && finds(b" '") && !finds(b" \"") {
        true => Quoting::PosixWithCarets,
        false if carets || quoted => Quoting::Windows,
        false => Quoting::Posix,
    }
}

/// Replaces each caret at the end of a line with a backslash.
fn without_carets(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
        match bare.strip_suffix(b" ^") {
            Some(command) if bare.len() < line.len() => {
                out.extend_from_slice(command);
                out.extend_from_slice(b" \\\n");
            }
            _ => out.extend_from_slice(line),
        }
    }
    out
}

/// Returns true if a line is a curl command.
pub(super) fn is_command(line: &[u8]) -> bool {
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let first = words.find(|word| !BEFORE.contains(word));
    first.is_some_and(is_curl) || line.starts_with(b"printf %s ")
}

/// Words before a command that do not change the request.
const BEFORE: &[&[u8]] = &[b"$", b"sudo", b"time", b"command", b"exec", b"nohup"];

fn is_curl(word: &[u8]) -> bool {
    [&b"curl"[..], b"curl.exe"].contains(&word.rsplit(|byte| *byte == b'/').next().unwrap_or(word))
}

/// Part of the body from one option.
enum FormPart {
    Data(Vec<u8>),
    Field(Field),
}

/// Field of a multipart form.
struct Field {
    name: Vec<u8>,
    content: Vec<u8>,
    content_type: Option<String>,
    file_name: Option<String>,
}

fn record(pipeline: &Pipeline) -> Result<Record, String> {
    let (last, before) = pipeline.commands.split_last().ok_or("no command")?;
    let mut words = last.iter().map(Vec::as_slice).skip_while(|word| BEFORE.contains(word));
    match words.next() {
        Some(name) if is_curl(name) => {}
        other => return Err(format!("{:?} is not curl", String::from_utf8_lossy(other.unwrap_or_default()))),
    }
    let piped = piped(before, pipeline.input.as_deref())?;
    let mut request = CurlRequest::default();
    let words: Vec<&[u8]> = words.collect();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        let text = String::from_utf8_lossy(word).into_owned();
        let mut value = || {
            at += 1;
            words.get(at - 1).map(|word| word.to_vec()).ok_or_else(|| format!("no value for {text}"))
        };
        if word.starts_with(b"--") {
            let (name, joined) = match text.split_once('=') {
                Some((name, _)) => (name.to_owned(), Some(word[name.len() + 1..].to_vec())),
                None => (text.clone(), None),
            };
            let does = long(&name)?;
            let given = if takes_value(does) { joined.map_or_else(&mut value, Ok)? } else { Vec::new() };
            request.option(does, &text, given, piped.as_deref())?;
        } else if word.starts_with(b"-") && word.len() > 1 {
            // `-sSXPOST` combines several flags. The value of the last one follows directly or is the next word.
            let mut rest = &text[1..];
            while let Some(letter) = rest.chars().next() {
                rest = &rest[letter.len_utf8()..];
                let (name, does) = (format!("-{letter}"), short(letter)?);
                if !takes_value(does) {
                    request.option(does, &name, Vec::new(), None)?;
                    continue;
                }
                let given = if rest.is_empty() { value()? } else { word[word.len() - rest.len()..].to_vec() };
                request.option(does, &name, given, piped.as_deref())?;
                break;
            }
        } else {
            request.url(word)?;
        }
    }
    request.record()
}

/// Returns the bytes piped into curl by simple commands such as `printf %s … | base64 -d`, without running them.
fn piped(before: &[Vec<Vec<u8>>], input: Option<&[u8]>) -> Result<Option<Vec<u8>>, String> {
    let text =
        |words: &[Vec<u8>]| words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>();
    let Some((first, filters)) = before.split_first() else { return Ok(input.map(<[u8]>::to_vec)) };
    let words = text(first);
    let printed = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["printf", "%s", _] => first[2].clone(),
        ["echo", "-n", _] => first[2].clone(),
        ["echo", _] => [first[1].as_slice(), b"\n"].concat(),
        ["cat"] | ["cat", "-"] if input.is_some() => input.unwrap_or_default().to_vec(),
        _ => return Err("the data piped into curl is unknown, because an import does not run commands".into()),
    };
    filters
        .iter()
        .try_fold(printed, |bytes, filter| match text(filter).join(" ").as_str() {
            "base64 -d" | "base64 --decode" | "base64 -D" => bytes::decoded(&String::from_utf8_lossy(&bytes)),
            other => Err(format!("{other:?} is not supported, because an import does not run commands")),
        })
        .map(Some)
}

#[derive(Default)]
struct CurlRequest {
    urls: Vec<Vec<u8>>,
    method: Option<String>,
    headers: Vec<(Exact, Exact)>,
    /// Headers from options other than `-H`.
    own: Vec<(&'static str, Vec<u8>)>,
    /// Headers that `-H Name:` removes.
    without: Vec<Vec<u8>>,
    parts: Vec<FormPart>,
    json: bool,
    get: bool,
    head: bool,
    target: Option<String>,
    /// Query parts from `--url-query`.
    url_query: Vec<Vec<u8>>,
    http10: bool,
    http2: bool,
    /// True if credentials are sent only after a challenge of the server.
    other_auth: bool,
    globoff: bool,
    path_as_is: bool,
}

impl CurlRequest {
    fn url(&mut self, url: &[u8]) -> Result<(), String> {
        self.urls.push(url.to_vec());
        if self.urls.len() > 1 { Err("more than one URL".into()) } else { Ok(()) }
    }

    fn header(&mut self, name: &str, value: Vec<u8>) {
        self.headers.push((Exact(name.into()), Exact(value)));
    }

    /// Sets the header of an option. The last option wins, and `-H` overrides all.
    fn own(&mut self, name: &'static str, value: Vec<u8>) {
        self.own.retain(|(other, _)| *other != name);
        self.own.push((name, value));
    }

    fn has(&self, name: &str) -> bool {
        let is = |own: &[u8]| own.eq_ignore_ascii_case(name.as_bytes());
        self.headers.iter().any(|(own, _)| is(&own.0)) || self.without.iter().any(|own| is(own))
    }

    fn option(&mut self, does: Does, name: &str, value: Vec<u8>, piped: Option<&[u8]>) -> Result<(), String> {
        use Does::*;
        let text = || String::from_utf8_lossy(&value).into_owned();
        let data = |value: Vec<u8>| match (value.strip_prefix(b"@"), piped) {
            // Only `--data-raw` treats an @ as data.
            (Some(_), _) if name.starts_with("--data-raw") => Ok(value),
            (Some(b"-"), Some(piped)) if name.starts_with("--data-binary") => Ok(piped.to_vec()),
            // `-d` removes these bytes from a file.
            (Some(b"-"), Some(piped)) => Ok(piped.iter().copied().filter(|byte| !b"\r\n\0".contains(byte)).collect()),
            (Some(file), _) => Err(no_file(name, file)),
            (None, _) => Ok(value),
        };
        match does {
            Url => self.url(&value)?,
            Method => self.method = Some(text()),
            Header if value.starts_with(b"@") => return Err(no_file(name, &value[1..])),
            Header => self.given_header(&value),
            Data => self.parts.push(FormPart::Data(data(value)?)),
            Json => {
                self.json = true;
                self.parts.push(FormPart::Data(data(value)?));
            }
            UrlEncoded => self.parts.push(FormPart::Data(url_encoded(name, &value)?)),
            Form | FormString => {
                let equals = value.iter().position(|byte| *byte == b'=').ok_or("the form field has no =")?;
                let (field, content) = (value[..equals].to_vec(), &value[equals + 1..]);
                self.parts.push(FormPart::Field(match does {
                    Form => form_field(name, field, content)?,
                    _ => Field { name: field, content: content.to_vec(), content_type: None, file_name: None },
                }));
            }
            UrlQuery => self.url_query.push(match value.strip_prefix(b"+") {
                Some(as_is) => as_is.to_vec(),
                None => url_encoded(name, &value)?,
            }),
            Range => self.own("Range", [b"bytes=", value.as_slice()].concat()),
            OtherAuth => self.other_auth = true,
            Get => self.get = true,
            GlobOff => self.globoff = true,
            PathAsIs => self.path_as_is = true,
            Head => self.head = true,
            User => self.own("Authorization", basic(value)),
            Bearer => self.own("Authorization", [b"Bearer ", value.as_slice()].concat()),
            Cookie if value.is_empty() => {}
            Cookie if !value.contains(&b'=') => return Err(no_file(name, &value)),
            Cookie => {
                let before = self.own.iter().find(|(own, _)| *own == "Cookie").map(|(_, value)| value.clone());
                self.own("Cookie", before.map_or(value.clone(), |before| [before.as_slice(), b";", &value].concat()));
            }
            Agent => self.own("User-Agent", value),
            Referer => self.own("Referer", value.strip_suffix(b";auto").unwrap_or(&value).to_vec()),
            Compressed => self.own("Accept-Encoding", b"deflate, gzip, br, zstd".to_vec()),
            Target => self.target = Some(text()),
            Http10 => self.http10 = true,
            Http2 => self.http2 = true,
            Refused | RefusedOf => {
                return Err(format!(
                    "{name} makes a request whose bytes the command does not show. Write the request as raw HTTP"
                ));
            }
            File => {
                return Err(format!("{name} reads a file, which an import does not do. Write the request as raw HTTP"));
            }
            Nothing | NothingOf => {}
        }
        Ok(())
    }

    /// Applies `-H`. `Name: value` sets a header, `Name;` an empty one, and `Name:` removes the header.
    fn given_header(&mut self, line: &[u8]) {
        let split = line.iter().position(|byte| *byte == b':');
        match split {
            Some(colon) => {
                let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
                match value.is_empty() {
                    true => self.without.push(name.to_vec()),
                    false => self.headers.push((name.into(), value.into())),
                }
            }
            None => {
                if let Some(name) = line.strip_suffix(b";") {
                    self.headers.push((name.into(), Exact::default()));
                }
            }
        }
    }

    fn record(mut self) -> Result<Record, String> {
        let url = String::from_utf8(self.urls.pop().ok_or("no URL")?).map_err(|_| "the URL is not UTF-8")?;
        let mut url = if url.contains("://") { url } else { format!("http://{url}") };
        if !self.globoff {
            if is_glob(&url.replace("\\{", "").replace("\\[", "")) {
                return Err("the URL is a pattern for several URLs. Write one command per URL, or add --globoff".into());
            }
            // The globbing of curl removes the backslash.
            for bracket in ["[", "]", "{", "}"] {
                url = url.replace(&format!("\\{bracket}"), bracket);
            }
        }
        if !self.path_as_is {
            url = without_dots(&url);
        }
        let added = std::mem::take(&mut self.url_query);
        add_query(&mut url, &added.join(&b'&'));
        // A plus in user and password is literal, because only forms use it for a space.
        let plain = |user: &str| percent_decoded(user.replace('+', "%2B").as_bytes()).unwrap_or_else(|| user.into());
        let url_user = user_of(&url).map(|user| basic(plain(user)));
        if let Some(basic) = url_user.filter(|_| !self.own.iter().any(|(name, _)| *name == "Authorization")) {
            self.own("Authorization", basic);
        }
        if self.other_auth {
            self.own.retain(|(name, value)| *name != "Authorization" || !value.starts_with(b"Basic "));
        }
        for (name, value) in std::mem::take(&mut self.own) {
            if !self.has(name) && !value.is_empty() {
                self.header(name, value);
            }
        }
        let fields = self.parts.iter().any(|part| matches!(part, FormPart::Field(..)));
        let mut body = if fields { self.multipart()? } else { self.joined() };
        let posts = !self.parts.is_empty() && !self.get;
        if self.get {
            add_query(&mut url, &std::mem::take(&mut body));
        }
        let implied = match (self.head, posts) {
            (true, _) => "HEAD",
            (_, true) => "POST",
            _ => "GET",
        };
        if posts && !fields && !self.has("content-type") {
            let form = if self.json { "application/json" } else { "application/x-www-form-urlencoded" };
            self.header("Content-Type", form.into());
        }
        if self.json && !self.has("accept") {
            self.header("Accept", b"application/json".to_vec());
        }
        if posts && !self.has("content-length") && !self.has("transfer-encoding") {
            self.header("Content-Length", body.len().to_string().into());
        }
        let mut record = Record {
            method: self.method.take().unwrap_or_else(|| implied.into()),
            names: Some(HeaderNames::Exact),
            version: match (self.http10, self.http2) {
                (true, _) => Some(hookbench_model::HttpVersion::Http10),
                (_, true) => Some(hookbench_model::HttpVersion::Http2),
                _ => None,
            },
            headers: std::mem::take(&mut self.headers),
            body: Exact(body),
            ..Record::default()
        };
        record.set_url(&url);
        if let Some(target) = self.target {
            record.target = target;
        }
        Ok(record)
    }

    fn joined(&self) -> Vec<u8> {
        let pieces: Vec<&[u8]> = self
            .parts
            .iter()
            .map(|part| match part {
                FormPart::Data(data) => data.as_slice(),
                FormPart::Field(field) => field.content.as_slice(),
            })
            .collect();
        pieces.join(if self.json { &b""[..] } else { &b"&"[..] })
    }

    /// Encodes the fields as a multipart form (RFC 7578) with a unique boundary.
    fn multipart(&mut self) -> Result<Vec<u8>, String> {
        let boundary = format!("------------------------{}", uuid::Uuid::now_v7().simple());
        let mut body = Vec::new();
        for part in &self.parts {
            let FormPart::Field(field) = part else { return Err("the command has both a form and data".into()) };
            let escaped = |text: &str| text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
            let name = escaped(&String::from_utf8_lossy(&field.name));
            let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
            if let Some(file) = &field.file_name {
                head.push_str(&format!("; filename=\"{}\"", escaped(file)));
            }
            if let Some(kind) = &field.content_type {
                head.push_str(&format!("\r\nContent-Type: {kind}"));
            }
            head.push_str("\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(&field.content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        if let Some((_, given)) = self.headers.iter_mut().find(|(name, _)| name.0.eq_ignore_ascii_case(b"content-type"))
        {
            given.0.extend_from_slice(format!("; boundary={boundary}").as_bytes());
        } else {
            self.header("Content-Type", format!("multipart/form-data; boundary={boundary}").into());
        }
        Ok(body)
    }
}

/// Appends to the query of a URL, and removes the fragment.
fn add_query(url: &mut String, query: &[u8]) {
    if query.is_empty() {
        return;
    }
    url.truncate(url.find('#').unwrap_or(url.len()));
    match url.find('?') {
        None => url.push('?'),
        Some(at) if at + 1 == url.len() => {}
        Some(_) => url.push('&'),
    }
    url.push_str(&String::from_utf8_lossy(query));
}

/// Parses `content;type=…;filename=…` like curl (tool_formparse.c): unquoted content ends at the first semicolon, and
/// unknown attributes are ignored.
fn form_field(option: &str, name: Vec<u8>, value: &[u8]) -> Result<Field, String> {
    if let [b'@' | b'<', file @ ..] = value {
        let end = file.iter().position(|byte| *byte == b';').unwrap_or(file.len());
        return Err(no_file(option, &file[..end]));
    }
    if value == b"(" || value.starts_with(b"(;") || name.is_empty() && value == b")" {
        return Err(format!("{option}: parts inside parts are not supported. Write the request as raw HTTP"));
    }
    let (content, mut rest) = form_word(value);
    let mut field = Field { name, content, content_type: None, file_name: None };
    while let Some(attribute) = rest.strip_prefix(b";") {
        let attribute = attribute.trim_ascii_start();
        let (key, value) = match attribute.iter().position(|byte| matches!(byte, b'=' | b';')) {
            Some(at) if attribute[at] == b'=' => (&attribute[..at], &attribute[at + 1..]),
            _ => (&b""[..], attribute),
        };
        let (word, after) = form_word(value);
        rest = after;
        let text = String::from_utf8_lossy(&word).into_owned();
        match (key, &mut field.content_type) {
            (b"type", kind) => *kind = Some(text),
            (b"filename", _) => field.file_name = Some(text),
            (b"headers", _) => {
                return Err(format!("{option}: headers of a part are not supported. Write the request as raw HTTP"));
            }
            (b"encoder", _) => {}
            // A parameter after the type is part of it, such as `;charset=utf-8`.
            (key, Some(kind)) if !key.is_empty() => {
                kind.push_str(&format!(";{}={text}", String::from_utf8_lossy(key)));
            }
            _ => {}
        }
    }
    Ok(field)
}

/// Returns the next word and the rest. A word ends at a semicolon, or is quoted with the escapes `\"` and `\\`.
fn form_word(value: &[u8]) -> (Vec<u8>, &[u8]) {
    if let Some(inside) = value.strip_prefix(b"\"") {
        let (mut word, mut at) = (Vec::new(), 0);
        while let Some(byte) = inside.get(at) {
            match (byte, inside.get(at + 1)) {
                (b'\\', Some(next @ (b'"' | b'\\'))) => {
                    word.push(*next);
                    at += 2;
                }
                (b'"', _) => {
                    let rest = &inside[at + 1..];
                    let skipped = rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
                    return (word, &rest[skipped..]);
                }
                (byte, _) => {
                    word.push(*byte);
                    at += 1;
                }
            }
        }
        // An unclosed quote is part of the text.
    }
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    (value[..end].to_vec(), &value[end..])
}

/// Returns the Basic credentials of `user:password`. A missing password is empty.
fn basic(mut user: Vec<u8>) -> Vec<u8> {
    if !user.contains(&b':') {
        user.push(b':');
    }
    format!("Basic {}", STANDARD.encode(user)).into()
}

/// Percent-encodes the content of `content`, `=content` or `name=content`.
fn url_encoded(option: &str, value: &[u8]) -> Result<Vec<u8>, String> {
    let encode = |bytes: &[u8]| form_urlencoded::byte_serialize(bytes).collect::<String>();
    match value.iter().position(|byte| matches!(byte, b'=' | b'@')) {
        Some(at) if value[at] == b'@' => Err(no_file(option, &value[at + 1..])),
        Some(0) => Ok(encode(&value[1..]).into()),
        Some(at) => Ok([&value[..=at], encode(&value[at + 1..]).as_bytes()].concat()),
        None => Ok(encode(value).into()),
    }
}

fn no_file(option: &str, file: &[u8]) -> String {
    format!(
        "{option} reads the file {:?}, which an import does not do. Put the content into the command",
        String::from_utf8_lossy(file)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Result<Record, String>> {
        let mut all = Vec::new();
        read(&mut text.as_bytes(), &mut |_, entry| {
            all.push(entry);
            ControlFlow::Continue(())
        })
        .expect("the file reads");
        all
    }

    fn one(text: &str) -> Record {
        all(text).remove(0).unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    fn head(record: &Record) -> String {
        let line = |(name, value): &(Exact, Exact)| {
            format!("{}: {}", String::from_utf8_lossy(&name.0), String::from_utf8_lossy(&value.0))
        };
        format!(
            "{} {} | {}",
            record.method,
            record.target,
            record.headers.iter().map(line).collect::<Vec<_>>().join(" | ")
        )
    }

    #[test]
    fn parses_commands_into_requests() {
        for (command, expected, body) in [
            ("curl https://a.example/x", "GET /x | Host: a.example", ""),
            (
                "curl -X PUT a.example -d ''",
                "PUT / | Host: a.example | Content-Type: application/x-www-form-urlencoded | Content-Length: 0",
                "",
            ),
            ("curl -sSXDELETE http://a/b?c=d#e", "DELETE /b?c=d | Host: a", ""),
            ("$ curl http://a -H 'X-Empty;' -H 'Accept:' -H 'Host: b'", "GET / | X-Empty:  | Host: b", ""),
            (
                "curl http://a --json '{\"a\":1}'",
                "POST / | Host: a | Content-Type: application/json | Accept: application/json | Content-Length: 7",
                "{\"a\":1}",
            ),
            (
                "curl http://a -d a=1 --data-urlencode 'b=x y&z' -H 'content-type: t'",
                "POST / | Host: a | content-type: t | Content-Length: 13",
                "a=1&b=x+y%26z",
            ),
            ("curl -G http://a/?x=1 -d b=2", "GET /?x=1&b=2 | Host: a", ""),
            ("curl -G 'http://a/b?#f' -d b=2", "GET /b?b=2 | Host: a", ""),
            (
                "curl http://me:pa%20ss@a/x/../y/./z?q=..",
                "GET /y/z?q=.. | Host: a | Authorization: Basic bWU6cGEgc3M=",
                "",
            ),
            (
                "curl http://a -u me:x -u you -A 1 -A 2 -H 'user-agent: own' -b a=1 -b b=2 > /dev/null 2>&1",
                "GET / | Host: a | user-agent: own | Authorization: Basic eW91Og== | Cookie: a=1;b=2",
                "",
            ),
            ("curl --path-as-is http://a/x/../y", "GET /x/../y | Host: a", ""),
            ("curl http://a/ä", "GET /%c3%a4 | Host: a", ""),
            (
                "echo 'x' | curl http://a -X POST --data-binary @- -H 'content-type: t'",
                "POST / | Host: a | content-type: t | Content-Length: 2",
                "x\n",
            ),
            (
                "echo 'x' | curl http://a -d @- -H 'content-type: t'",
                "POST / | Host: a | content-type: t | Content-Length: 1",
                "x",
            ),
            (
                "curl http://a --data-raw '@home' -u me:pass",
                "POST / | Host: a | Authorization: Basic bWU6cGFzcw== | Content-Type: application/x-www-form-urlencoded | Content-Length: 5",
                "@home",
            ),
            (
                "printf %s AP8= | base64 -d | curl http://a -X POST --data-binary @- -H 'Content-Type: b' -H 'Expect:'",
                "POST / | Host: a | Content-Type: b | Content-Length: 2",
                "\u{0}\u{fffd}",
            ),
        ] {
            let record = one(command);
            assert_eq!(head(&record), expected, "{command}");
            assert_eq!(String::from_utf8_lossy(&record.body.0), body, "{command}");
        }
        let form = one("curl http://a -F 'name=Ann' --form-string 'at=@home'");
        let body = String::from_utf8_lossy(&form.body.0).into_owned();
        assert!(body.contains("name=\"at\"\r\n\r\n@home\r\n") && head(&form).contains("boundary="), "{body}");
    }

    #[test]
    fn parses_form_fields_with_types_and_quotes() {
        for (form, head, content) in [
            (
                r#"-F 'request={ "title": "T" };type=application/json'"#,
                "name=\"request\"\r\nContent-Type: application/json",
                r#"{ "title": "T" }"#,
            ),
            ("-F 'a=b;type=text/plain;charset=utf-8'", "name=\"a\"\r\nContent-Type: text/plain;charset=utf-8", "b"),
            (r#"-F 'a="b;\"c";filename=x.txt'"#, "name=\"a\"; filename=\"x.txt\"", "b;\"c"),
            ("-F 'a=b;c=d'", "name=\"a\"", "b"),
        ] {
            let record = one(&format!("curl http://a {form}"));
            let body = String::from_utf8_lossy(&record.body.0).into_owned();
            assert!(body.contains(&format!("form-data; {head}\r\n\r\n{content}\r\n--")), "{form}: {body}");
        }
    }

    #[test]
    fn ignores_options_without_effect() {
        for (command, expected) in [
            (
                "sudo curl http://a --sil --trace-ascii t.txt --capath /x --no-location -r 0-9",
                "GET / | Host: a | Range: bytes=0-9",
            ),
            ("time curl --digest -u me:x http://a", "GET / | Host: a"),
            ("curl 'http://a/?x=1#f' --url-query 'b=x y' --url-query +c=%20", "GET /?x=1&b=x+y&c=%20 | Host: a"),
        ] {
            assert_eq!(head(&one(command)), expected, "{command}");
        }
    }

    #[test]
    fn reads_here_documents_as_input() {
        let body = |text: &str| String::from_utf8_lossy(&one(text).body.0).into_owned();
        assert_eq!(body("curl http://a --data-binary @- <<'EOF'\n{\"a\":$1}\n  x\nEOF\n"), "{\"a\":$1}\n  x\n");
        assert_eq!(body("curl http://a -d @- <<EOF\n{\n}\nEOF"), "{}");
        assert_eq!(body("cat <<'X' | curl http://a --data-binary @-\none\nX\n"), "one\n");
        assert_eq!(body("curl http://a --data-binary @- <<< 'text'"), "text\n");
        let mut read = all("curl http://a -d @- <<EOF\n$HOME\nEOF\ncurl http://b");
        assert!(read.remove(0).expect_err("a variable").contains("$"));
        assert_eq!(head(&read.remove(0).expect("the next command")), "GET / | Host: b");
    }

    #[test]
    fn rejects_files_and_expansions() {
        for (command, why) in [
            ("curl http://a -d @/etc/passwd", "/etc/passwd"),
            ("curl http://a -F 'f=@photo.png'", "photo.png"),
            ("curl http://a --data-urlencode x@secret", "secret"),
            ("curl http://a -b cookies.txt", "cookies.txt"),
            ("curl http://a -T file", "-T"),
            ("cat secret | curl http://a -d @-", "piped"),
            ("curl http://a -H \"X: $(id)\"", "a shell"),
            ("wget http://a", "not curl"),
            ("curl 'http://a/{b,c}'", "several"),
            ("curl 'http://a/[1-3]'", "several"),
            ("curl http://a -F 'a=(;type=multipart/mixed'", "parts inside parts"),
            ("curl http://a --next http://b", "--next"),
            ("curl http://a --expand-data '{{x}}'", "--expand-data"),
            ("curl", "no URL"),
            ("curl http://a --no-such", "--no-such"),
            ("curl http://a -d", "no value"),
            ("curl http://a http://b", "more than one"),
        ] {
            let error = all(command).remove(0).expect_err(command);
            assert!(error.contains(why), "{command}: {error}");
        }
    }
}
