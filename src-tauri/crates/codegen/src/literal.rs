//! String literals of the supported languages.
//!
//! Invisible characters and characters that reorder text are escaped.

use std::fmt::Write;

use hookbench_model::is_invisible;

/// Escape rules of a language between quotes. The escapes `\\`, `\n`, `\r`, `\t` and of the quote are common to all.
pub(crate) struct Escapes {
    /// Character that starts an expression inside quotes.
    expression: Option<char>,
    /// Returns the numeric escape of a character.
    number: fn(char) -> String,
}

pub(crate) const JAVASCRIPT: Escapes = Escapes { expression: None, number: in_braces };
pub(crate) const PYTHON: Escapes = Escapes { expression: None, number: eight_digits };
pub(crate) const PHP: Escapes = Escapes { expression: Some('$'), number: in_braces };
pub(crate) const GO: Escapes = Escapes { expression: None, number: eight_digits };
pub(crate) const RUBY: Escapes = Escapes { expression: Some('#'), number: in_braces };
pub(crate) const JAVA: Escapes = Escapes { expression: None, number: code_units };
pub(crate) const RUST: Escapes = Escapes { expression: None, number: in_braces };

fn in_braces(c: char) -> String {
    format!("\\u{{{:x}}}", u32::from(c))
}

fn eight_digits(c: char) -> String {
    format!("\\U{:08x}", u32::from(c))
}

fn code_units(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

impl Escapes {
    /// Returns a literal in the given quotes.
    pub(crate) fn literal(&self, quote: char, text: &str) -> String {
        let mut literal = String::with_capacity(text.len() + 2);
        literal.push(quote);
        for c in text.chars() {
            match c {
                '\n' => literal.push_str("\\n"),
                '\r' => literal.push_str("\\r"),
                '\t' => literal.push_str("\\t"),
                c if c == '\\' || c == quote || Some(c) == self.expression => literal.extend(['\\', c]),
                c if is_invisible(c) => literal.push_str(&(self.number)(c)),
                c => literal.push(c),
            }
        }
        literal.push(quote);
        literal
    }
}

/// Returns a Go literal, in backticks if the text contains double quotes.
pub(crate) fn go(text: &str) -> String {
    let raw = text.contains('"') && !text.contains(['`', '\r']);
    match raw && !text.chars().any(|c| is_invisible(c) && !matches!(c, '\n' | '\t')) {
        true => format!("`{text}`"),
        false => GO.literal('"', text),
    }
}

/// Returns a PHP literal in single quotes, in which only the quote and the backslash are special.
pub(crate) fn php_single(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Returns a PowerShell literal in single quotes, in which only quotes are special. PowerShell accepts five quote
/// characters.
pub(crate) fn powershell(text: &str) -> String {
    let mut literal = String::from("'");
    for c in text.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            literal.push(c);
        }
        literal.push(c);
    }
    literal + "'"
}

/// Returns a literal of bytes, with `\xNN` for each byte that is not visible ASCII. The syntax is common to JavaScript
/// (one character per byte), Python (bytes) and Go.
pub(crate) fn bytes(quote: char, bytes: &[u8]) -> String {
    let mut literal = String::from(quote);
    for &byte in bytes {
        match char::from(byte) {
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c == quote || c == '\\' => literal.extend(['\\', c]),
            c if c == ' ' || c.is_ascii_graphic() => literal.push(c),
            _ => {
                let _ = write!(literal, "\\x{byte:02x}");
            }
        }
    }
    literal.push(quote);
    literal
}

#[cfg(test)]
mod tests;
