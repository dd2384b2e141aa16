//! Headers of a forwarded or replayed request.

use hookbench_model::{HeaderRules, MASK};
use http::{HeaderName, HeaderValue};

/// Headers of a single connection (RFC 9110 section 7.6.1), including those that frame the body.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "content-length",
    "http2-settings",
];

/// Headers that Hookbench always sets.
const FRAMING: &[&str] = &["content-length", "transfer-encoding", "connection", "expect", "te", "trailer", "upgrade"];

/// Maximum number of headers to set, and of headers to remove.
const LIST_MAX: usize = 64;

/// Headers to send: names, and values byte for byte.
pub type Headers = Vec<(String, Vec<u8>)>;

/// Validates header rules. Returns the first error as a sentence.
pub fn check_headers(rules: &HeaderRules) -> Result<(), String> {
    if rules.set.len() > LIST_MAX || rules.remove.len() > LIST_MAX {
        return Err(format!("At most {LIST_MAX} headers can be set and {LIST_MAX} removed."));
    }
    for (name, value) in &rules.set {
        if name.parse::<HeaderName>().is_err() || HeaderValue::from_str(value).is_err() {
            return Err(format!("The header {name:?} or its value is invalid."));
        }
        if FRAMING.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            return Err(format!("{name} is set by Hookbench. Remove it."));
        }
    }
    match rules.remove.iter().find(|name| name.parse::<HeaderName>().is_err()) {
        Some(name) => Err(format!("{name:?} is not a valid header name.")),
        None => Ok(()),
    }
}

/// Applies rules to the headers of a request. `remote_address` is the remote address of the request.
pub fn applied_headers<'h>(
    rules: &HeaderRules,
    headers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
    remote_address: &str,
) -> Headers {
    let all: Vec<(String, &[u8])> =
        headers.map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value)).collect();
    let named: Vec<String> = all
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .flat_map(|(_, value)| {
            String::from_utf8_lossy(value).split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    let is = |list: &[&str], name: &str| list.iter().any(|own| name.eq_ignore_ascii_case(own));
    let stays = |name: &str| {
        if name.eq_ignore_ascii_case("host") {
            return rules.keep_host && !rules.set.iter().any(|(own, _)| name.eq_ignore_ascii_case(own));
        }
        let hop = is(HOP_BY_HOP, name) || named.iter().any(|own| name.eq_ignore_ascii_case(own));
        !is(FRAMING, name)
            && (rules.keep_hop_by_hop || !hop)
            && !rules.remove.iter().any(|own| name.eq_ignore_ascii_case(own))
            && !rules.set.iter().any(|(own, _)| name.eq_ignore_ascii_case(own))
    };
    let mut kept: Headers =
        all.iter().filter(|(name, _)| stays(name)).map(|(name, value)| (name.clone(), value.to_vec())).collect();
    if rules.forwarded {
        let host = all.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, value)| value.to_vec());
        let address =
            remote_address.rsplit_once(':').map_or(remote_address, |(address, _)| address).trim_matches(['[', ']']);
        append(&mut kept, "X-Forwarded-For", address.as_bytes());
        for (name, value) in [("X-Forwarded-Host", host), ("X-Forwarded-Proto", Some(b"http".to_vec()))] {
            if let Some(value) = value
                && !kept.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
            {
                kept.push((name.into(), value));
            }
        }
    }
    kept.extend(rules.set.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())));
    kept
}

/// Replaces each masked value with the previous value of the same header.
///
/// # Errors
///
/// Returns a sentence with the first masked header that has no previous value.
pub fn unmasked(set: &mut [(String, String)], was: &[(String, String)]) -> Result<(), String> {
    let mut left: Vec<&(String, String)> = was.iter().collect();
    for (name, value) in set.iter_mut() {
        let kept = left.iter().position(|(own, _)| own.eq_ignore_ascii_case(name)).map(|at| left.remove(at));
        if value == MASK {
            let kept = kept.ok_or_else(|| format!("{name} is masked, but has no stored value. Enter the value."))?;
            value.clone_from(&kept.1);
        }
    }
    Ok(())
}

/// Appends a value to a list-valued header.
pub fn append(headers: &mut Headers, name: &str, value: &[u8]) {
    match headers.iter_mut().rev().find(|(own, _)| own.eq_ignore_ascii_case(name)) {
        Some((_, list)) => {
            list.extend_from_slice(b", ");
            list.extend_from_slice(value);
        }
        None => headers.push((name.into(), value.to_vec())),
    }
}

/// Returns the headers of an app's response for the sender, without those of the app's connection.
pub fn responded(headers: &http::HeaderMap) -> http::HeaderMap {
    let named: Vec<String> = headers
        .get_all(http::header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_ascii_lowercase()))
        .collect();
    let mut kept = http::HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let length = name == http::header::CONTENT_LENGTH;
        if length || (!HOP_BY_HOP.contains(&name.as_str()) && !named.iter().any(|own| own == name.as_str())) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(rules: &HeaderRules) -> Vec<String> {
        let sent: &[(&[u8], &[u8])] = &[
            (b"Host", b"shop.example"),
            (b"X-A", b"1"),
            (b"x-a", b"2\xff"),
            (b"Connection", b"close, X-Hop"),
            (b"X-Hop", b"1"),
            (b"Keep-Alive", b"5"),
            (b"Content-Length", b"3"),
            (b"Transfer-Encoding", b"chunked"),
            (b"X-Forwarded-For", b"9.9.9.9"),
        ];
        applied_headers(rules, sent.iter().copied(), "127.0.0.1:555")
            .into_iter()
            .map(|(name, value)| format!("{name}: {}", value.escape_ascii()))
            .collect()
    }

    #[test]
    fn removes_hop_by_hop_headers() {
        assert_eq!(applied(&HeaderRules::default()), ["X-A: 1", "x-a: 2\\xff", "X-Forwarded-For: 9.9.9.9"]);
        let rules = HeaderRules {
            keep_host: true,
            forwarded: true,
            keep_hop_by_hop: true,
            remove: vec!["X-HOP".into()],
            set: vec![("X-A".into(), "set".into())],
        };
        assert_eq!(
            applied(&rules),
            [
                "Host: shop.example",
                "Keep-Alive: 5",
                "X-Forwarded-For: 9.9.9.9, 127.0.0.1",
                "X-Forwarded-Host: shop.example",
                "X-Forwarded-Proto: http",
                "X-A: set",
            ]
        );
    }

    #[test]
    fn rejects_invalid_headers() {
        let set = |name: &str, value: &str| {
            check_headers(&HeaderRules { set: vec![(name.into(), value.into())], ..HeaderRules::default() })
        };
        assert!(set("X-A", "1").is_ok());
        assert!(set("X A", "1").is_err());
        assert!(set("X-A", "1\r\nX: 2").is_err());
        assert!(set("Content-Length", "1").is_err());
    }
}
