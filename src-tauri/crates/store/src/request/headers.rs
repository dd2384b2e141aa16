//! Header blocks as lists, with masked credentials.

use hookbench_capture::header_list;
use hookbench_model::{HeaderLine, MASK, text};
use hookbench_provider::is_secret_header;

/// Returns the lines of a header block. Credentials are masked unless `reveal` is set.
pub(crate) fn lines(block: &[u8], reveal: bool) -> Vec<HeaderLine> {
    header_list(block)
        .map(|(name, value)| {
            let secret = is_secret_header(name);
            let value = if secret && !reveal { MASK.to_owned() } else { text(value) };
            HeaderLine { name: text(name), value, secret }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_only_credentials() {
        let block = b"Host: x\r\nAUTHORIZATION: Basic abc\r\nX-Latin: caf\xe9\r\nx-empty:\r\n";
        let masked = lines(block, false);
        assert_eq!(masked[1], HeaderLine { name: "AUTHORIZATION".into(), value: MASK.into(), secret: true });
        assert_eq!(masked[2].value, "caf\\xe9");
        assert_eq!(masked[3].value, "");
        assert_eq!(lines(block, true)[1].value, "Basic abc");
    }
}
