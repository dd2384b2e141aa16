//! Python with `requests` (<https://requests.readthedocs.io>).

use minijinja::context;

use super::{CodeRequest, Line, base64, rewritten};
use crate::{literal, template::Template};

const TEMPLATE: Template = Template { source: include_str!("templates/python.py"), literal: quoted };

/// Headers that `requests` adds unless they are `None`.
const ADDED: &[&str] = &["Accept", "Connection"];

/// Headers that `urllib3` adds unless they are `SKIP_HEADER`.
const ADDED_BELOW: &[&str] = &["User-Agent", "Accept-Encoding"];

fn quoted(text: &str) -> String {
    literal::PYTHON.literal('\'', text)
}

pub(super) fn write(message: &CodeRequest<'_>, notes: &mut Vec<String>) -> Result<String, String> {
    if rewrites(message.path) {
        notes.push(rewritten("requests"));
    }
    let method = message.method.to_uppercase();
    if method != message.method {
        notes.push(format!("requests sends {method} instead of {}.", message.method));
    }
    let headers = message.joined(notes);
    let text = message.text();
    let body = match text {
        _ if message.body.is_empty() => None,
        Some(text) if text.is_ascii() => Some(format!("b{}", literal::bytes('\'', text.as_bytes()))),
        Some(text) => Some(format!("{}.encode()", quoted(text))),
        None => Some(format!("base64.b64decode('{}')", base64(message.body))),
    };
    super::render(
        &TEMPLATE,
        context! {
            method => message.method,
            url => message.url(),
            headers => headers.iter().map(|line| context! { name => line.name, value => value(line) }).collect::<Vec<_>>(),
            absent => message.lacks(ADDED),
            skipped => message.lacks(ADDED_BELOW),
            body,
            is_base64 => text.is_none(),
        },
    )
}

fn value(line: &Line<'_>) -> String {
    match std::str::from_utf8(&line.value) {
        Ok(text) if text.is_ascii() => quoted(text),
        // `requests` encodes a text value as Latin-1.
        Ok(text) => format!("{}.encode()", quoted(text)),
        Err(_) => format!("b{}", literal::bytes('\'', &line.value)),
    }
}

/// Returns true if `requests` changes a path or a query. The library removes dot segments and needless escapes,
/// changes escapes to upper case, and escapes characters that RFC 3986 does not allow.
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
