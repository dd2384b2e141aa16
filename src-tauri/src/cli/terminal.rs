//! Output to the terminal. Captured text is always escaped, because an escape sequence could move the cursor or set
//! the title.

use std::{
    io::{IsTerminal as _, Write},
    process::ExitCode,
};

use super::error::CliError;

/// Exit status of an error.
const FAILED: u8 = 2;

/// Returns true if a character can control a terminal, reorder text or be invisible.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Escapes control characters, invisible characters and characters that reorder text.
pub(super) fn shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' | '\n' => safe.push(' '),
            c if is_unsafe(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    safe
}

/// Prints a value as one line of JSON on standard output. Unsafe characters become JSON escapes, which do not change
/// the value.
pub(super) fn json(value: &impl serde::Serialize) {
    let text = serde_json::to_string(value).unwrap_or_default();
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match is_unsafe(c) {
            // One-line JSON contains unsafe characters only inside strings, where a JSON escape is allowed.
            true => safe.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
            false => safe.push(c),
        }
    }
    line(&safe);
}

/// Writer of captured bytes to standard output: raw to a file or a pipe, escaped to a terminal.
pub(super) struct Captured {
    person: bool,
    /// First bytes of a UTF-8 character that continues in the next piece.
    rest: Vec<u8>,
    changed: bool,
}

impl Captured {
    pub(super) fn new() -> Self {
        Self { person: std::io::stdout().is_terminal(), rest: Vec::new(), changed: false }
    }

    /// Writes the next piece.
    pub(super) fn write(&mut self, piece: &[u8]) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        match self.person {
            true => out.write_all(self.written_out(piece).as_bytes()),
            false => out.write_all(piece),
        }
    }

    fn written_out(&mut self, piece: &[u8]) -> String {
        self.rest.extend_from_slice(piece);
        let bytes = std::mem::take(&mut self.rest);
        let mut safe = String::with_capacity(bytes.len());
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            for c in chunk.valid().chars() {
                match c {
                    '\n' | '\t' => safe.push(c),
                    c if is_unsafe(c) && c != '\r' => {
                        self.changed = true;
                        safe.extend(c.escape_unicode());
                    }
                    // A CR is part of an HTTP line end and is dropped.
                    '\r' => {}
                    c => safe.push(c),
                }
            }
            match chunk.invalid() {
                [] => {}
                // These bytes can be the start of a character that continues in the next piece.
                invalid if chunks.peek().is_none() && invalid.len() < 4 && piece.len() > invalid.len() => {
                    self.rest = invalid.to_vec();
                }
                invalid => {
                    self.changed = true;
                    safe.extend(invalid.iter().map(|byte| format!("\\x{byte:02x}")));
                }
            }
        }
        safe
    }

    /// Writes the remaining bytes, and prints a note if anything was escaped.
    pub(super) fn end(mut self) {
        let mut out = std::io::stdout().lock();
        let rest: String = self.rest.iter().map(|byte| format!("\\x{byte:02x}")).collect();
        self.changed |= !rest.is_empty();
        let _ = out.write_all(rest.as_bytes()).and_then(|()| out.flush());
        if self.changed {
            say("\nControl characters and invalid UTF-8 are shown escaped. Redirect the output to get the raw bytes.");
        }
    }
}

/// Truncates text to at most `most` characters, with an ellipsis at the end.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Returns the name of a variant in the API.
pub(super) fn word(variant: &impl serde::Serialize) -> String {
    let quoted = serde_json::to_string(variant).unwrap_or_default();
    quoted.trim_matches('"').to_owned()
}

/// Formats a number of bytes with a decimal unit.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// Returns a progress bar that counts bytes, or a spinner if the length is unknown.
pub(super) fn bar(length: Option<u64>) -> indicatif::ProgressBar {
    let bar = length.map_or_else(indicatif::ProgressBar::new_spinner, indicatif::ProgressBar::new);
    let template = if length.is_some() { "{bar:30} {bytes}/{total_bytes}  {msg}" } else { "{spinner} {bytes}  {msg}" };
    indicatif::ProgressStyle::with_template(template).map_or(bar.clone(), |style| bar.with_style(style))
}

/// Returns a progress bar that counts items. The caller sets the length later.
pub(super) fn count() -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(0);
    indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len}  {per_sec}")
        .map_or(bar.clone(), |style| bar.with_style(style))
}

/// Prints a line on standard output. Exits with 0 if the pipe is closed, as `cat` does.
pub(super) fn line(text: &str) {
    if writeln!(std::io::stdout().lock(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Prints a message on standard error.
pub(super) fn say(text: &str) {
    // Without a standard error stream, the message is lost.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints an error and returns its exit status.
pub(super) fn fail(error: &CliError) -> ExitCode {
    say(&format!("hookbench: {}", shown(&error.to_string())));
    ExitCode::from(FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_control_sequences() {
        assert_eq!(shown("\u{1b}[31mred\u{1b}]0;title\u{7}"), "\\u{1b}[31mred\\u{1b}]0;title\\u{7}");
        assert_eq!(shown("a\r\nb\u{202e}c\u{9b}"), "a\\u{d} b\\u{202e}c\\u{9b}");
        assert_eq!(shown("héllo ☃"), "héllo ☃");
    }

    #[test]
    fn escapes_captured_bytes_for_a_terminal() {
        let mut captured = Captured { person: true, rest: Vec::new(), changed: false };
        let mut text = captured.written_out(b"a\r\nb\x1b]0;t\x07 \xc2");
        text.push_str(&captured.written_out(b"\x9b \xff \xe2\x80\xae\xe2\x98\x83"));
        assert_eq!(text, "a\nb\\u{1b}]0;t\\u{7} \\u{9b} \\xff \\u{202e}☃");
        assert!(captured.changed);
    }

    #[test]
    fn truncates_text_between_characters() {
        assert_eq!(cut("ééééé", 3), "éé…");
        assert_eq!(cut("abc", 3), "abc");
    }
}
