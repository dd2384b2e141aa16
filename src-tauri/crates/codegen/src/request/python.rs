//! Python with `requests` (<https://requests.readthedocs.io>).

use std::fmt::Write;

use super::{CodeRequest, Line, base64, rewritten};
use crate::literal;

/// Headers `requests` adds, and leaves out where they are `None`.
const ADDED: &[&str] = &["Accept", "Connection"];

/// Headers the layer below adds, and leaves out where they are `SKIP_HEADER`.
const ADDED_BELOW: &[&str] = &["User-Agent", "Accept-Encoding"];

fn quoted(text: &str) -> String {
    literal::PYTHON.literal('\'', text)
}

pub(super) fn write(message: &CodeRequest<'_>, notes: &mut Vec<String>) -> String {
    if rewrites(message.path) {
        notes.push(rewritten("requests"));
    }
    let method = message.method.to_uppercase();
    if method != message.method {
        notes.push(format!("requests sends {method} for {}.", message.method));
    }
    let below = message.lacks(ADDED_BELOW);
    let mut headers = String::new();
    for line in &message.joined(notes) {
        let _ = writeln!(headers, "        {}: {},", quoted(&line.name), value(line));
    }
    for name in message.lacks(ADDED) {
        let _ = writeln!(headers, "        '{name}': None,");
    }
    for name in &below {
        let _ = writeln!(headers, "        '{name}': SKIP_HEADER,");
    }
    let body = match message.text() {
        _ if message.body.is_empty() => None,
        Some(text) if text.is_ascii() => Some(format!("b{}", literal::bytes('\'', text.as_bytes()))),
        Some(text) => Some(format!("{}.encode()", quoted(text))),
        None => Some(format!("base64.b64decode('{}')", base64(message.body))),
    };
    let mut imports = String::new();
    if body.as_ref().is_some_and(|body| body.starts_with("base64")) {
        imports.push_str("import base64\n\n");
    }
    imports.push_str("import requests\n");
    if !below.is_empty() {
        imports.push_str("from urllib3.util import SKIP_HEADER\n");
    }
    let headers = if headers.is_empty() { String::new() } else { format!("    headers={{\n{headers}    }},\n") };
    let data = body.map(|body| format!("    data={body},\n")).unwrap_or_default();
    format!(
        "{imports}\nresponse = requests.request(\n    {},\n    {},\n{headers}{data}    allow_redirects=False,\n)\n\
         print(response.status_code, response.text)\n",
        quoted(message.method),
        quoted(&message.url())
    )
}

fn value(line: &Line<'_>) -> String {
    match std::str::from_utf8(&line.value) {
        Ok(text) if text.is_ascii() => quoted(text),
        // A text would leave as Latin-1.
        Ok(text) => format!("{}.encode()", quoted(text)),
        Err(_) => format!("b{}", literal::bytes('\'', &line.value)),
    }
}

/// Whether `requests` writes a path or a query otherwise: it takes dot segments and needless escapes away,
/// writes escapes in capitals, and escapes what RFC 3986 has not.
pub(super) fn rewrites(path: &str) -> bool {
    let mut rest = path.bytes();
    let dots = path.split(['/', '?']).any(|segment| matches!(segment, "." | ".."));
    let mut odd = false;
    while let Some(byte) = rest.next() {
        odd |= match byte {
            b'%' => match (rest.next(), rest.next()) {
                (Some(high), Some(low)) => {
                    let digits = [high, low];
                    let code = std::str::from_utf8(&digits).ok().and_then(|text| u8::from_str_radix(text, 16).ok());
                    digits.iter().any(u8::is_ascii_lowercase)
                        || code.is_none_or(|code| code.is_ascii_alphanumeric() || b"-._~".contains(&code))
                }
                _ => true,
            },
            byte => !byte.is_ascii_alphanumeric() && !b"-._~!$&'()*+,/:;=?@".contains(&byte),
        };
    }
    dots || odd || path.starts_with("//")
}
