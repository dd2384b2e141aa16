//! curl command for a POSIX shell.
//!
//! The command is built in code, because a template would hide the rules that select its words.

use std::fmt::Write;

use super::{CodeRequest, base64};
use crate::shell::{quote, quote_bytes};

/// Headers that curl adds unless an option `-H Name:` removes them.
const ADDED: &[&str] = &["User-Agent", "Accept"];

pub(super) fn write(message: &CodeRequest<'_>) -> String {
    let body = message.body;
    let mut command = String::from("curl");
    let mut option = |text: &str| {
        let _ = write!(command, " {text} \\\n ");
    };
    option(&format!("--globoff --path-as-is {}", quote(&message.url())));
    let method = message.method;
    if method == "HEAD" && body.is_empty() {
        option("--head");
    } else if !(method == "POST" && !body.is_empty() || method == "GET" && body.is_empty()) {
        option(&format!("-X {}", quote(method)));
    }
    for line in &message.headers {
        // curl parses `Name;` as a header with an empty value.
        let text = match line.value.is_empty() {
            true => format!("{};", line.name).into_bytes(),
            false => [line.name.as_bytes(), b": ", &line.value].concat(),
        };
        option(&format!("-H {}", quote_bytes(&text)));
    }
    for name in message.lacks(ADDED) {
        option(&format!("-H {}", quote(&format!("{name}:"))));
    }
    if !body.is_empty() && !message.has("Content-Type") {
        option("-H Content-Type:");
    }
    let mut before = String::new();
    match message.text() {
        _ if body.is_empty() => {}
        // A carriage return does not survive pasting.
        Some(text) if !text.contains('\r') => option(&format!("--data-raw {}", quote(text))),
        // A shell word cannot contain NUL or invalid UTF-8; base64 can.
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
