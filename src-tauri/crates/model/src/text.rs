//! Conversion of captured bytes to displayable text.

/// Converts bytes to text. UTF-8 is kept, and any other byte is written as `\xNN`.
pub fn text(bytes: &[u8]) -> String {
    text_by(bytes, String::push_str)
}

/// Converts bytes to text. `push` appends valid UTF-8 to the result, and any other byte is written as `\xNN`.
pub fn text_by(bytes: &[u8], push: impl Fn(&mut String, &str)) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        push(&mut text, chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Returns true if a character is a control character, changes the direction of text, has no width, or breaks a line.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_bytes_that_are_not_utf8_as_escapes() {
        assert_eq!(text(b"caf\xe9 \xc3\xa9"), "caf\\xe9 é");
    }
}
