//! Go program that uses only the standard library.

use minijinja::context;

use super::CodeRequest;
use crate::{literal, template::Template};

const TEMPLATE: Template = Template { source: include_str!("templates/go.go"), literal: literal::go };

pub(super) fn write(message: &CodeRequest<'_>, notes: &mut Vec<String>) -> Result<String, String> {
    let body = match message.text() {
        _ if message.body.is_empty() => None,
        Some(text) => Some(literal::go(text)),
        None => Some(literal::bytes('"', message.body)),
    };
    let opaque = (!kept(message.path)).then_some(message.path);
    if opaque.is_some_and(|path| path.starts_with("//")) {
        notes.push(super::rewritten("Go"));
    }
    let headers = headers(message);
    super::render(
        &TEMPLATE,
        context! {
            method => message.method,
            url => if opaque.is_some() { message.base.to_owned() } else { message.url() },
            opaque,
            headers => headers.iter().map(|(name, values)| context! { name, values }).collect::<Vec<_>>(),
            body,
            // Only the canonical name replaces the User-Agent of Go. A name in another case would be a second header.
            has_user_agent => headers.iter().any(|(name, _)| *name == "User-Agent"),
            has_accept_encoding => message.has("Accept-Encoding"),
        },
    )
}

/// Returns the headers by name, each with the literals of its values.
fn headers<'m>(message: &'m CodeRequest<'_>) -> Vec<(&'m str, Vec<String>)> {
    let mut headers: Vec<(&str, Vec<String>)> = Vec::new();
    for line in &message.headers {
        let value = match std::str::from_utf8(&line.value) {
            Ok(text) => literal::go(text),
            Err(_) => literal::bytes('"', &line.value),
        };
        match headers.iter_mut().find(|(name, _)| *name == line.name) {
            Some((_, values)) => values.push(value),
            None => headers.push((&line.name, vec![value])),
        }
    }
    headers
}

/// Returns true if `net/url` keeps a target unchanged, which needs a path that its `validEncoded` accepts.
fn kept(target: &str) -> bool {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,/:;=@[]".contains(&byte);
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let escape = byte == b'%'
            && rest.next().is_some_and(|high| high.is_ascii_hexdigit())
            && rest.next().is_some_and(|low| low.is_ascii_hexdigit());
        if !escape && !valid(byte) {
            return false;
        }
    }
    query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}
