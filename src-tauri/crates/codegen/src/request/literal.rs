//! Texts as literals that a language reads back as exactly these texts.
//!
//! What a person would not see, or would see somewhere else than where it stands, is escaped.

use hookline_model::is_invisible;

/// A literal between `quote`s; `escape` writes what cannot stand as it is.
fn quoted(text: &str, quote: char, escape: fn(char) -> String) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push(quote);
    for c in text.chars() {
        match c {
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c == quote => literal.extend(['\\', c]),
            c if is_invisible(c) => literal.push_str(&escape(c)),
            c => literal.push(c),
        }
    }
    literal.push(quote);
    literal
}

pub(super) fn javascript(text: &str) -> String {
    quoted(text, '\'', |c| format!("\\u{{{:x}}}", u32::from(c)))
}

pub(super) fn python(text: &str) -> String {
    quoted(text, '\'', wide)
}

/// Go's, between backticks where that reads better.
pub(super) fn go(text: &str) -> String {
    let raw = text.contains('"') && !text.contains(['`', '\r']);
    match raw && !text.chars().any(|c| is_invisible(c) && !matches!(c, '\n' | '\t')) {
        true => format!("`{text}`"),
        false => quoted(text, '"', wide),
    }
}

/// As Python and Go write any code point.
fn wide(c: char) -> String {
    format!("\\U{:08x}", u32::from(c))
}

/// PowerShell's in single quotes, in which nothing is special but the quote, of which it knows five.
pub(super) fn powershell(text: &str) -> String {
    let mut literal = String::from("'");
    for c in text.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            literal.push(c);
        }
        literal.push(c);
    }
    literal + "'"
}

/// Bytes as what stands between quotes, any byte that is not seen ASCII as `\xNN`: what JavaScript (a
/// character a byte), Python (of bytes) and Go read alike.
pub(super) fn bytes(bytes: &[u8], quote: char) -> String {
    let mut literal = String::from(quote);
    for &byte in bytes {
        match char::from(byte) {
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c == quote || c == '\\' => literal.extend(['\\', c]),
            c if c == ' ' || c.is_ascii_graphic() => literal.push(c),
            _ => literal.push_str(&format!("\\x{byte:02x}")),
        }
    }
    literal.push(quote);
    literal
}
