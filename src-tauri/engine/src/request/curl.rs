//! A request as a curl command that sends it again, byte for byte.

use std::fmt::Write;

use hookline_capture::header_list;

use super::{
    headers::{self, MASK},
    quote::sh,
};

/// Headers curl makes by itself, or that belong to one connection only.
const LEFT_OUT: &[&str] =
    &["host", "content-length", "transfer-encoding", "connection", "keep-alive", "expect", "te", "trailer", "upgrade"];

/// Headers curl adds unless it is told not to.
const ADDED_BY_CURL: &[&str] = &["User-Agent", "Accept", "Content-Type"];

/// The command. `base` is the receiver's base URL; credentials are masked unless `reveal`.
pub(crate) fn curl(base: &str, method: &str, target: &str, header_block: &[u8], body: &[u8], reveal: bool) -> String {
    let mut command = String::from("curl");
    let mut option = |text: &str| {
        let _ = write!(command, " {text} \\\n ");
    };
    let path = path_of(target);
    option(&format!("--globoff --path-as-is {}", sh(&format!("{base}{path}"))));
    if method == "HEAD" {
        option("--head");
    } else if !(method == "POST" && !body.is_empty() || method == "GET" && body.is_empty()) {
        option(&format!("-X {}", sh(method)));
    }
    for (name, value) in header_list(header_block) {
        let (name_text, value_text) = (headers::text(name), headers::text(value));
        if LEFT_OUT.contains(&name_text.to_ascii_lowercase().as_str()) {
            continue;
        }
        let value_text = if headers::is_secret(name) && !reveal { MASK.to_owned() } else { value_text };
        // curl reads `Name;` as the header with an empty value.
        let line = if value_text.is_empty() { format!("{name_text};") } else { format!("{name_text}: {value_text}") };
        option(&format!("-H {}", sh(&line)));
    }
    for name in ADDED_BY_CURL {
        if headers::value(header_block, name).is_none() && (*name != "Content-Type" || !body.is_empty()) {
            option(&format!("-H {}", sh(&format!("{name}:"))));
        }
    }
    let mut before = String::new();
    match std::str::from_utf8(body) {
        _ if body.is_empty() => {}
        Ok(text) if !text.contains(['\0', '\r']) => option(&format!("--data-raw {}", sh(text))),
        // A shell word holds no NUL and not every byte; base64 holds them all.
        _ => {
            before = format!("printf %s {} | base64 -d | ", base64(body));
            option("--data-binary @-");
        }
    }
    if !body.is_empty() {
        option("-H 'Expect:'");
    }
    let command = command.trim_end_matches(" \\\n ");
    format!("{before}{command}\n")
}

/// Path and query of a target, also of one in absolute form.
fn path_of(target: &str) -> &str {
    let rest = target
        .find("://")
        .map_or(target, |at| target[at + 3..].find('/').map_or("/", |slash| &target[at + 3 + slash..]));
    if rest.starts_with('/') { rest } else { "/" }
}

/// RFC 4648 §4.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_json_webhook_reads_as_one_would_write_it() {
        let command = curl(
            "http://127.0.0.1:4665",
            "POST",
            "/shop?a=1",
            b"Host: x\r\nContent-Type: application/json\r\nAccept: */*\r\nUser-Agent: t\r\nContent-Length: 9\r\nAuthorization: Bearer s\r\n",
            b"{\"a\":'1'}",
            false,
        );
        assert_eq!(
            command,
            concat!(
                "curl --globoff --path-as-is 'http://127.0.0.1:4665/shop?a=1' \\\n",
                "  -H 'Content-Type: application/json' \\\n",
                "  -H 'Accept: */*' \\\n",
                "  -H 'User-Agent: t' \\\n",
                "  -H 'Authorization: ••••••••' \\\n",
                "  --data-raw '{\"a\":'\\''1'\\''}' \\\n",
                "  -H 'Expect:'\n"
            )
        );
    }

    #[test]
    fn bytes_a_shell_cannot_hold_go_through_base64() {
        let command = curl("http://h", "PUT", "/x", b"", b"\x00\xff", false);
        assert!(command.starts_with("printf %s AP8= | base64 -d | curl --globoff"), "{command}");
        assert!(command.contains("-X PUT") && command.contains("--data-binary @-"), "{command}");
    }

    #[test]
    fn an_absolute_target_is_sent_to_the_receiver() {
        assert_eq!(path_of("http://evil.example/shop?x"), "/shop?x");
        assert_eq!(path_of("http://evil.example"), "/");
        assert_eq!(path_of("*"), "/");
        assert_eq!(path_of("/a//b/../c"), "/a//b/../c");
    }
}
