//! JavaScript with `fetch` (<https://fetch.spec.whatwg.org>), for Node and browsers.

use hookbench_model::MASK;
use minijinja::context;

use super::{CodeRequest, Line, adds, base64, rewritten};
use crate::{literal, template::Template};

const TEMPLATE: Template = Template { source: include_str!("templates/fetch.js"), literal: quoted };

/// Headers that `fetch` always adds.
const ADDED: &[&str] = &["Accept", "Accept-Language", "Accept-Encoding", "User-Agent", "Sec-Fetch-Mode"];

/// Methods that `fetch` changes to upper case.
const NORMALISED: &[&str] = &["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];

fn quoted(text: &str) -> String {
    literal::JAVASCRIPT.literal('\'', text)
}

pub(super) fn write(message: &CodeRequest<'_>, notes: &mut Vec<String>) -> Result<String, String> {
    let (method, upper) = (message.method, message.method.to_ascii_uppercase());
    if matches!(upper.as_str(), "CONNECT" | "TRACE" | "TRACK") {
        return Err(format!("fetch cannot send {upper}."));
    }
    if matches!(upper.as_str(), "GET" | "HEAD") && !message.body.is_empty() {
        return Err(format!("fetch cannot send a body with {upper}."));
    }
    if method != upper && NORMALISED.contains(&upper.as_str()) {
        notes.push(format!("fetch sends {upper} instead of {method}."));
    }
    let url = message.url();
    if !kept(&url, message) {
        notes.push(rewritten("fetch"));
    }
    notes.extend(adds("fetch", &message.lacks(ADDED)));
    let headers = message.joined(notes);
    let headers: Vec<_> = headers.iter().map(|line| context! { name => line.name, value => value(line) }).collect();
    let body = match message.text() {
        _ if message.body.is_empty() => None,
        // `fetch` adds a Content-Type to a text body without one.
        Some(text) if message.has("Content-Type") => Some(quoted(text)),
        Some(text) => Some(format!("new TextEncoder().encode({})", quoted(text))),
        None => Some(format!("Uint8Array.from(atob('{}'), (c) => c.charCodeAt(0))", base64(message.body))),
    };
    super::render(&TEMPLATE, context! { url, method, headers, body })
}

fn value(line: &Line<'_>) -> String {
    match line.value.is_ascii() || *line.value == *MASK.as_bytes() {
        true => quoted(&String::from_utf8_lossy(&line.value)),
        // `fetch` sends a header as bytes, one per character.
        false => literal::bytes('\'', &line.value),
    }
}

/// Returns true if `fetch` sends a URL unchanged (<https://url.spec.whatwg.org>).
fn kept(url: &str, message: &CodeRequest<'_>) -> bool {
    url::Url::parse(url).is_ok_and(|url| url[url::Position::BeforePath..] == *message.path && url.fragment().is_none())
}
