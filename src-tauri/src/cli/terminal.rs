//! What a terminal is shown. Captured text never reaches it raw: an escape sequence could move
//! the cursor, set the title or worse.

use std::{io::Write, process::ExitCode};

use super::error::CliError;

/// It could not be done.
const FAILED: u8 = 2;

/// Text with every control character written out, and every character that reorders text.
pub(super) fn shown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' | '\n' => safe.push(' '),
            c if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                safe.extend(c.escape_unicode());
            }
            c => safe.push(c),
        }
    }
    safe
}

/// Cuts to a number of characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// A number of bytes, short.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// A bar for long work, shown where a person looks on; bytes, of so many where that is known.
pub(super) fn bar(length: Option<u64>) -> indicatif::ProgressBar {
    let bar = length.map_or_else(indicatif::ProgressBar::new_spinner, indicatif::ProgressBar::new);
    let template = if length.is_some() { "{bar:30} {bytes}/{total_bytes}  {msg}" } else { "{spinner} {bytes}  {msg}" };
    indicatif::ProgressStyle::with_template(template).map_or(bar.clone(), |style| bar.with_style(style))
}

/// Progress of something that is counted; it learns its length later.
pub(super) fn count() -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(0);
    indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len}  {per_sec}")
        .map_or(bar.clone(), |style| bar.with_style(style))
}

/// One line on standard output. A closed pipe ends the process quietly, as it does `cat`.
pub(super) fn line(text: &str) {
    if writeln!(std::io::stdout().lock(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// One line for people.
pub(super) fn say(text: &str) {
    // With no standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Says why a verb failed.
pub(super) fn fail(error: &CliError) -> ExitCode {
    say(&format!("hookline: {}", shown(&error.to_string())));
    ExitCode::from(FAILED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_written_out() {
        assert_eq!(shown("\u{1b}[31mred\u{1b}]0;title\u{7}"), "\\u{1b}[31mred\\u{1b}]0;title\\u{7}");
        assert_eq!(shown("a\r\nb\u{202e}c\u{9b}"), "a\\u{d} b\\u{202e}c\\u{9b}");
        assert_eq!(shown("héllo ☃"), "héllo ☃");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(cut("ééééé", 3), "éé…");
        assert_eq!(cut("abc", 3), "abc");
    }
}
