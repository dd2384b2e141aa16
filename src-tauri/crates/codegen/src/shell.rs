//! Quoting for a POSIX shell.

/// Returns a word that `sh` reads as exactly this text.
pub fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    // Inside single quotes, only the quote itself is special.
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Returns a word that `sh` reads as exactly these bytes. The bytes must not contain NUL or end with a line break.
pub fn quote_bytes(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return quote(text);
    }
    let format: String = bytes
        .iter()
        .map(|&byte| match byte {
            b'%' => "%%".into(),
            b'\\' => r"\\".into(),
            b'\'' => r"'\''".into(),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\{byte:03o}"),
        })
        .collect();
    format!("\"$(printf -- '{format}')\"")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    fn read_back(text: &str) -> Vec<u8> {
        let script = format!("printf %s {}", super::quote(text));
        Command::new("sh").arg("-c").arg(script).output().expect("sh runs").stdout
    }

    #[test]
    fn quotes_special_characters() {
        for text in
            ["", "a b", "$(id)", "`id`", "'; id; '", "\\", "!!", "a\nb", "-n", "~", "*", "é\u{202e}", "\u{1b}[31m"]
        {
            assert_eq!(read_back(text), text.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn quotes_bytes_that_are_not_utf8() {
        for bytes in [&b"X-A: caf\xe9 %s \\n 'q' $(id) \"d\""[..], b"\xff", b"-n \x80"] {
            let script = format!("printf %s {}", super::quote_bytes(bytes));
            assert_eq!(Command::new("sh").arg("-c").arg(&script).output().expect("sh runs").stdout, bytes, "{script}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn quotes_any_text(text in "[^\\x00]{0,60}") {
            prop_assert_eq!(read_back(&text), text.as_bytes());
        }
    }
}
