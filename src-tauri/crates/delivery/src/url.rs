//! URLs of destinations.

use std::borrow::Cow;

use hookbench_model::{MASK, masked_url};
use http::Uri;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// Characters that a browser escapes in a path or query (WHATWG URL, "query percent-encode set"), because a request
/// line cannot contain them. All other characters stay unchanged, including `%`.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// Characters that must be escaped in the user name or password of a URL.
const CREDENTIALS: &AsciiSet =
    &ESCAPED.add(b'@').add(b'/').add(b'?').add(b'[').add(b']').add(b'\\').add(b'^').add(b'|');

/// Parses and normalizes a URL to send requests to. Surrounding white space and the fragment are removed, a non-ASCII
/// host becomes its `xn--` form (IDNA), and an empty path becomes `/` (RFC 9112 section 3.2.1). Path and query stay
/// unchanged, except for characters that a request line cannot contain.
///
/// # Errors
///
/// Returns a sentence with the URL, without its password, and the reason.
pub fn parse(url: &str) -> Result<Uri, String> {
    if is_plain(url)
        && let Ok(uri) = url.parse::<Uri>()
    {
        return Ok(uri);
    }
    let trimmed = url.trim();
    let shown = || format!("{:?}", masked_url(trimmed));
    if trimmed.chars().any(char::is_control) {
        return Err(format!("{} has a line break or another control character. Remove it.", shown()));
    }
    let bare = trimmed.split('#').next().unwrap_or(trimmed);
    let (scheme, rest) = bare.split_once("://").ok_or_else(|| no_scheme(trimmed))?;
    let scheme = scheme.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(no_scheme(trimmed));
    }
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if authority.contains('\\') {
        return Err(format!("{} has a backslash in its host. Use / instead.", shown()));
    }
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    if user.is_some_and(|user| user.contains(MASK)) {
        return Err(format!("The password in {} is masked. Enter it again.", shown()));
    }
    let (host, port) = split_port(host);
    if host.is_empty() {
        return Err(format!("{} has no host. Use http://HOST/PATH.", shown()));
    }
    let host = url::Host::parse(host).map_err(|why| format!("The host of {} is not valid: {why}.", shown()))?;
    let port = match port {
        None | Some("") => String::new(),
        Some(port) => match port.parse::<u16>() {
            Ok(number) if port.bytes().all(|byte| byte.is_ascii_digit()) => format!(":{number}"),
            _ => return Err(format!("The port of {} is not valid: a port is a number from 0 to 65535.", shown())),
        },
    };
    let user = user.map_or(String::new(), |user| format!("{}@", utf8_percent_encode(user, CREDENTIALS)));
    let slash = if target.starts_with('/') { "" } else { "/" };
    let target = utf8_percent_encode(target, ESCAPED);
    format!("{scheme}://{user}{host}{port}{slash}{target}")
        .parse()
        .map_err(|why| format!("{} is not a valid URL: {why}.", shown()))
}

/// Characters of a path or query that are sent unchanged. A table, because every byte is tested for every delivery.
const TARGET: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"-._~/?&=%+,:;@!$'()*";
    let mut mark = 0;
    while mark < marks.len() {
        table[marks[mark] as usize] = true;
        mark += 1;
    }
    table
};

/// Returns true if a URL can be sent to without normalization, as for nearly all URLs. The test avoids parsing for
/// each delivery.
fn is_plain(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else { return false };
    let Some(slash) = rest.find('/') else { return false };
    let (host, port) = rest[..slash].split_once(':').unwrap_or((&rest[..slash], "80"));
    let is_host = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let is_target = |byte: u8| TARGET[usize::from(byte)];
    // A host that consists only of digits and dots may be an IPv4 address in a short form, such as 127.1.
    let is_address = || host.parse::<std::net::Ipv4Addr>().is_ok();
    host.bytes().all(is_host)
        && !host.is_empty()
        && (is_address() || host.bytes().next_back().is_some_and(|last| last.is_ascii_lowercase()))
        && !port.starts_with('0')
        && port.bytes().all(|byte| byte.is_ascii_digit())
        && port.parse::<u16>().is_ok()
        && rest[slash..].bytes().all(is_target)
}

fn no_scheme(url: &str) -> String {
    format!("{:?} does not begin with http:// or https://. Use http://HOST/PATH.", masked_url(url))
}

/// Splits a host from the text after its last colon. The last colon of an IPv6 address does not start a port.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (host, None),
    }
}

/// Returns the decoded user name and password of a URL, joined by a colon.
pub(crate) fn credentials(url: &Uri) -> Option<Vec<u8>> {
    let (user, _) = url.authority()?.as_str().rsplit_once('@')?;
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    Some(percent_decode_str(name).chain([b':']).chain(percent_decode_str(password)).collect())
}

/// Returns the path and query of a URL, as sent in a request.
pub fn target_of(url: &str) -> Cow<'_, str> {
    if is_plain(url) {
        let start = url.find("://").map_or(0, |at| at + 3);
        return url[start..].find('/').map_or("/", |slash| &url[start + slash..]).into();
    }
    match parse(url) {
        Ok(uri) => uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned().into(),
        Err(_) => "/".into(),
    }
}

/// Returns true if a host, with or without a port, is a loopback address of this computer.
pub fn is_this_machine(host: &str) -> bool {
    let bare =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(h, _)| h);
    let bare = bare.trim_matches(['[', ']']);
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalizes_or_rejects_urls() {
        for (url, sent) in [
            ("http://127.0.0.1:4632?x=1", "http://127.0.0.1:4632/?x=1"),
            ("http://127.0.0.1:4632", "http://127.0.0.1:4632/"),
            ("HTTP://Example.COM/A%2fb?c=%zz#part", "http://example.com/A%2fb?c=%zz"),
            ("  http://a.example/x \n", "http://a.example/x"),
            ("http://a.example/a b?c=d e", "http://a.example/a%20b?c=d%20e"),
            ("http://münchen.localhost:4632/x", "http://xn--mnchen-3ya.localhost:4632/x"),
            ("http://[::1]:80/", "http://[::1]:80/"),
            ("http://user:p%40ss@a.example/", "http://user:p%40ss@a.example/"),
            ("http://user:p@ss@a.example/", "http://user:p%40ss@a.example/"),
            ("http://a.example:/x", "http://a.example/x"),
            ("http://a.example:0065/x", "http://a.example:65/x"),
            ("http://a.example/[]{}|", "http://a.example/[]{}|"),
            ("https://a.example:8443/x?y=1&z=%20", "https://a.example:8443/x?y=1&z=%20"),
            ("http://127.1/x", "http://127.0.0.1/x"),
            ("http://xn--mnchen-3ya.localhost/", "http://xn--mnchen-3ya.localhost/"),
        ] {
            assert_eq!(parse(url).map(|uri| uri.to_string()).as_deref(), Ok(sent), "{url}");
        }
        for (url, why) in [
            ("http://127.0.0.1:65537/hook", "from 0 to 65535"),
            ("http://127.0.0.1:99999999999/hook", "from 0 to 65535"),
            ("http://127.0.0.1:-1/hook", "from 0 to 65535"),
            ("http://127.0.0.1:+80/hook", "from 0 to 65535"),
            ("http://127.0.0.1:80a/hook", "from 0 to 65535"),
            ("http:///x", "has no host"),
            ("http://:80/x", "has no host"),
            ("localhost:3000/webhook", "http://"),
            ("ftp://a.example", "http://"),
            ("", "http://"),
            ("http://a b/", "not valid"),
            ("http://a.example\\@evil.example/", "backslash"),
            ("http://a.example/x\r\ny", "control character"),
            ("http://[::1/", "not valid"),
        ] {
            assert!(parse(url).is_err_and(|error| error.contains(why)), "{url}: {:?}", parse(url));
        }
    }

    #[test]
    fn decodes_the_password_that_is_sent() {
        let of = |url: &str| {
            parse(url).ok().and_then(|uri| credentials(&uri)).map(|all| String::from_utf8_lossy(&all).into_owned())
        };
        assert_eq!(of("http://us%3Aer:p%40s%25s@h/").as_deref(), Some("us:er:p@s%s"));
        assert_eq!(of("http://token@h/").as_deref(), Some("token:"));
        assert_eq!(of("http://h/a@b"), None);
        let error = parse("http://u:secret@h:99999/").expect_err("a port");
        assert!(!error.contains("secret"), "{error}");
    }
}
