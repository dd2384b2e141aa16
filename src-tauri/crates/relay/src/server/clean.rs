//! Filter for responses of agents. The relay must not serve web pages, so the filter keeps only the parts of a response
//! that senders of webhooks need.

use hookbench_capture::ResponseBody;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use crate::wire::AppResponse;

/// Removed headers: headers of the connection, and headers that make a browser store, follow or open something.
const DROPPED: &[&str] = &[
    "connection",
    "content-length",
    "content-security-policy",
    "content-security-policy-report-only",
    "date",
    "link",
    "location",
    "refresh",
    "set-cookie",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-content-type-options",
    "keep-alive",
    "proxy-connection",
    "set-cookie2",
    "clear-site-data",
    "service-worker-allowed",
    "alt-svc",
];

/// Parts of media types that a browser shows as a page.
const PAGES: &[&str] = &["html", "svg"];

/// Returns the filtered response.
pub(super) fn clean(app: &AppResponse) -> Response<ResponseBody> {
    let status = StatusCode::from_u16(app.status).ok().filter(|status| !status.is_informational());
    let status = status.unwrap_or(StatusCode::BAD_GATEWAY);
    let empty = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::RESET_CONTENT);
    let body = if empty { bytes::Bytes::new() } else { app.body.clone() };
    let mut response = Response::new(ResponseBody::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in &app.headers {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
        if DROPPED.contains(&name.as_str()) {
            continue;
        }
        // Each character of a value is one byte.
        let bytes: Vec<u8> = value.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { continue };
        headers.append(name, value);
    }
    let types: Vec<_> = headers.get_all(header::CONTENT_TYPE).iter().cloned().collect();
    let page = types.iter().any(|value| {
        let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        PAGES.iter().any(|page| text.contains(page))
    });
    // Without a content type, or with two, a browser would guess the type.
    if page || types.len() != 1 {
        headers.remove(header::CONTENT_TYPE);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_everything_that_a_browser_would_act_on() {
        let text = |type_: &str| AppResponse {
            status: 200,
            headers: [
                ("Content-Type", type_),
                ("Set-Cookie", "a=b"),
                ("Location", "https://evil.example"),
                ("X-Mine", "kept\u{e9}"),
                ("Transfer-Encoding", "chunked"),
                ("bad name", "x"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            body: "<script>".into(),
        };
        for (type_, leaves) in [
            ("text/html", "text/plain; charset=utf-8"),
            ("TEXT/HTML; charset=x", "text/plain; charset=utf-8"),
            ("application/xhtml+xml", "text/plain; charset=utf-8"),
            ("image/svg+xml", "text/plain; charset=utf-8"),
            ("application/json", "application/json"),
            ("text/xml", "text/xml"),
        ] {
            let response = clean(&text(type_));
            let headers = response.headers();
            assert_eq!(headers[header::CONTENT_TYPE], leaves, "{type_}");
            assert_eq!(headers[header::CONTENT_SECURITY_POLICY], "sandbox; default-src 'none'");
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers["x-mine"].as_bytes(), b"kept\xe9");
            assert_eq!(headers.len(), 4, "{headers:?}");
        }
        assert_eq!(clean(&AppResponse { status: 101, ..AppResponse::default() }).status(), 502);
        assert_eq!(clean(&AppResponse { status: 0, ..AppResponse::default() }).status(), 502);
    }
}
