//! JSON values of a body: one value, or several in JSON Lines, a JSON text sequence (RFC 7464) or concatenated.

/// Returns a JSON body without the byte order mark (RFC 8259 section 8.1).
pub fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// Returns the top-level values of a body, in order and as sent. Values are separated by their brackets only and may
/// be invalid. After a value that is never closed, the search continues at the next line that begins with a bracket.
pub fn json_values(body: &[u8]) -> JsonValues<'_> {
    JsonValues { body, at: 0 }
}

/// Iterator over the values of a body and their offsets.
#[derive(Debug, Clone)]
pub struct JsonValues<'b> {
    body: &'b [u8],
    at: usize,
}

impl<'b> Iterator for JsonValues<'b> {
    type Item = (usize, &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // A JSON text sequence has a record separator before each value.
        let between = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x1e;
        let start = self.at + self.body[self.at..].iter().take_while(|byte| between(byte)).count();
        if start == self.body.len() {
            self.at = start;
            return None;
        }
        let end = match self.body[start] {
            b'{' | b'[' => closed(&self.body[start..]),
            b'"' => string_end(&self.body[start..]),
            _ => {
                let rest = &self.body[start..];
                Some(
                    rest.iter()
                        .position(|byte| between(byte) || matches!(byte, b'{' | b'[' | b'"'))
                        .unwrap_or(rest.len()),
                )
            }
        };
        let end = end.map_or_else(|| next_line(self.body, start), |length| start + length);
        self.at = end;
        Some((start, &self.body[start..end]))
    }
}

/// Returns the offset of the next line that begins with a bracket, or the end of the body.
fn next_line(body: &[u8], from: usize) -> usize {
    memchr::memchr_iter(b'\n', &body[from..])
        .map(|at| from + at + 1)
        .find(|at| matches!(body.get(*at), Some(b'{' | b'[')))
        .unwrap_or(body.len())
}

/// Returns the length of an object or array up to its closing bracket. `None` if the bracket is missing.
fn closed(text: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match text[at] {
            b'"' => {
                at += string_end(&text[at..])?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Returns the length of a string with its quotes. `None` if the closing quote is missing.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1 + memchr::memchr2(b'"', b'\\', &text[at + 1..])?,
        }
    }
}

/// Replaces `NaN`, `Infinity` and `-Infinity`, as written by Python and JavaScript libraries, by `null`. `None` if
/// there are none outside of strings.
pub fn without_nan(text: &[u8]) -> Option<Vec<u8>> {
    const NAMES: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
    let mut out = Vec::new();
    let (mut at, mut kept) = (0, 0);
    while at < text.len() {
        match text[at] {
            b'"' => at += string_end(&text[at..]).unwrap_or(text.len() - at),
            b'N' | b'I' | b'-' => match NAMES.iter().find(|name| text[at..].starts_with(name)) {
                Some(name) => {
                    out.extend_from_slice(&text[kept..at]);
                    out.extend_from_slice(b"null");
                    at += name.len();
                    kept = at;
                }
                None => at += 1,
            },
            _ => at += 1,
        }
    }
    (kept > 0).then(|| {
        out.extend_from_slice(&text[kept..]);
        out
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(body: &str) -> Vec<&str> {
        json_values(body.as_bytes()).map(|(_, value)| std::str::from_utf8(value).expect("text")).collect()
    }

    #[test]
    fn separates_values() {
        for (body, expected) in [
            (r#"{"a":1}"#, &[r#"{"a":1}"#][..]),
            ("{\"a\":1}\n{\"b\":[2]}\r\n\n[3]\n", &[r#"{"a":1}"#, r#"{"b":[2]}"#, "[3]"]),
            (r#"{"a":"}{"}{"b":"\"]"}"#, &[r#"{"a":"}{"}"#, r#"{"b":"\"]"}"#]),
            ("\u{1e}{\"a\":1}\n\u{1e}{\"b\":2}\n", &[r#"{"a":1}"#, r#"{"b":2}"#]),
            ("1 \"two\" true{\"a\":NaN}", &["1", "\"two\"", "true", "{\"a\":NaN}"]),
            ("{\"a\":\"never closed\n{\"b\":2}\n", &["{\"a\":\"never closed\n", "{\"b\":2}"]),
            ("{\n \"a\": {\n \"b\":", &["{\n \"a\": {\n \"b\":"]),
            ("", &[]),
            (" \n", &[]),
        ] {
            assert_eq!(values(body), expected, "{body}");
        }
    }

    #[test]
    fn replaces_nan_and_infinity_by_null() {
        let read = |text: &str| without_nan(text.as_bytes()).map(|bytes| String::from_utf8(bytes).expect("text"));
        assert_eq!(
            read(r#"{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN"}"#).as_deref(),
            Some(r#"{"a":null,"b":[null,null],"c":"NaN"}"#)
        );
        assert_eq!(read(r#"{"a":-1,"b":"NaN \" Infinity"}"#), None);
    }

    proptest! {
        #[test]
        fn splits_any_bytes(body in proptest::collection::vec(prop_oneof![Just(b'{'), Just(b'}'), Just(b'['), Just(b'"'), Just(b'\\'), Just(b'\n'), any::<u8>()], 0..60)) {
            let mut at = 0;
            for (start, value) in json_values(&body) {
                prop_assert!(start >= at && !value.is_empty());
                at = start + value.len();
            }
            prop_assert!(at <= body.len());
            let _ = without_nan(&body);
        }
    }
}
