//! HTTPie command for a POSIX shell (HTTPie 3, <https://httpie.io/docs/cli>).
//!
//! The command is built in code, because a template would hide the rules that select its words.

use super::{CodeRequest, adds, base64, python, rewritten};
use crate::shell::quote;

/// Headers that HTTPie adds unless an item `Name:` removes them.
const ADDED: &[&str] = &["Accept", "Connection"];

/// Headers that the libraries of HTTPie always add.
const ADDED_BELOW: &[&str] = &["User-Agent", "Accept-Encoding"];

/// Characters that end a name in HTTPie, which removes a backslash before one of them.
const SPECIAL: &[char] = &[':', ';', '=', '@'];

pub(super) fn write(message: &CodeRequest<'_>, notes: &mut Vec<String>) -> Result<String, String> {
    if !message.method.chars().all(|c| c.is_ascii_alphabetic()) {
        return Err(format!("HTTPie cannot send the method {} (only letters).", message.method));
    }
    // With `--path-as-is`, `requests` normalizes only the query.
    if python::rewrites(message.path.split_once('?').map_or("/", |(_, query)| query)) {
        notes.push(rewritten("HTTPie"));
    }
    notes.extend(adds("HTTPie", &message.lacks(ADDED_BELOW)));
    let mut words = vec![format!("{} {}", message.method, quote(&message.url()))];
    for line in &message.headers {
        let value = line.text(notes);
        let item = match value.is_empty() {
            true => format!("{};", line.name),
            false => format!("{}:{}", line.name, item_value(&value)),
        };
        if SPECIAL.iter().any(|special| value.contains(&format!("\\{special}"))) {
            notes.push(format!("{}: HTTPie removes a backslash before : ; = or @.", line.name));
        }
        words.push(quote(&item));
    }
    words.extend(message.lacks(ADDED).iter().map(|name| format!("{name}:")));
    if !message.body.is_empty() && !message.has("Content-Type") {
        words.push("Content-Type:".into());
    }
    let text = message.text().filter(|text| !text.contains('\r'));
    let before = match text {
        Some(_) => String::new(),
        None => format!("printf %s {} | base64 -d | ", base64(message.body)),
    };
    let ignore = if text.is_some() { " --ignore-stdin" } else { "" };
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        words.insert(0, format!("--raw={}", quote(text)));
    }
    Ok(format!("{before}http{ignore} --path-as-is \\\n  {}\n", words.join(" \\\n  ")))
}

/// Escapes a value after the colon, because `:=` and `:@` are other separators.
fn item_value(value: &str) -> String {
    let escape = if value.starts_with(SPECIAL) { "\\" } else { "" };
    format!("{escape}{value}")
}
