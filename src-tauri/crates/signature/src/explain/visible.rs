//! Mistakes visible in the message itself: changes that cannot be undone, and signs of lost bytes.

use serde_json::Value;

use super::{Finding, change::finding};
use crate::{
    message::{Message, ParsedMessage},
    scheme::Scheme,
};

/// Largest integer that is exact in JavaScript (`Number.MAX_SAFE_INTEGER`).
const SAFE_MAX: f64 = 9_007_199_254_740_991.0;

/// Returns a mistake that is certain, which makes a search unnecessary.
pub(super) fn certain(scheme: &Scheme, message: &Message<'_>) -> Option<Finding> {
    if !scheme.signs_body() {
        return None;
    }
    let body = message.body;
    let announced =
        message.header("content-length").and_then(|value| std::str::from_utf8(value).ok()?.trim().parse::<u64>().ok());
    let held = body.len() as u64;
    match announced {
        Some(announced) if held == 0 && announced > 0 => {
            return Some(finding(
                "body_empty",
                format!("the body is empty, but Content-Length is {announced} bytes: another reader consumed it first"),
                "Read the body once and keep its bytes, before other code consumes the stream.",
            ));
        }
        Some(announced) if held < announced => {
            return Some(finding(
                "body_short",
                format!("the body is shorter than Content-Length: {held} of {announced} bytes arrived"),
                "Raise the body size limit of the server or framework that truncated it, or copy the complete message.",
            ));
        }
        _ => {}
    }
    let text = body.trim_ascii();
    if text == b"[object Object]" || text == b"[object Array]" {
        return Some(finding(
            "body_object",
            format!(
                "the body is {:?}, which is a parsed body converted to text by JavaScript",
                String::from_utf8_lossy(text)
            ),
            "Pass the raw request body to the verifier (express.raw, or await request.text()), not the parsed body.",
        ));
    }
    let has_kind = message.header("content-type").is_some();
    if held == 0 && has_kind && matches!(message.method, "POST" | "PUT" | "PATCH") && announced.is_none() {
        return Some(finding(
            "body_empty",
            "the body is empty, but the message has a Content-Type: another reader may have consumed it first",
            "Read the body once and keep its bytes, before other code consumes the stream.",
        ));
    }
    None
}

/// Returns signs of bytes that were lost and cannot be restored, most likely first. A sign is a hint, not a proof.
pub(super) fn signs(scheme: &Scheme, message: &Message<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if scheme.signs_body() {
        let body = message.body;
        if memchr::memmem::find(body, "\u{fffd}".as_bytes()).is_some() {
            found.push(finding(
                "body_replacement",
                "the body contains the replacement character U+FFFD, so invalid UTF-8 bytes were lost when it was decoded",
                "Verify the raw request bytes, before they are decoded to text.",
            ));
        }
        if body.is_ascii() && lost_characters(body) {
            found.push(finding(
                "body_question_marks",
                "the body contains question marks inside words, so non-ASCII characters may have been lost when it was encoded as ASCII",
                "Verify the raw request bytes. If the verifier needs text, use UTF-8, not ASCII.",
            ));
        }
        if let Some(number) = rounded_number(body) {
            found.push(finding(
                "body_rounded",
                format!("the body contains the number {number}, which is above 2^53 and looks rounded by JSON.parse in JavaScript"),
                "Verify the raw request bytes, before JSON.parse and JSON.stringify change them.",
            ));
        }
    }
    found
}

/// Returns true if the body has question marks that look like lost characters: inside a word, repeated, or between
/// spaces, but not at the start of a URL query.
fn lost_characters(body: &[u8]) -> bool {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'<' | b'>');
    let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
    memchr::memchr_iter(b'?', body).any(|at| {
        let start = body[..at].iter().rposition(ends).map_or(0, |end| end + 1);
        let end = body[at..].iter().position(ends).map_or(body.len(), |length| at + length);
        let (before, after) = (&body[start..at], &body[at + 1..end]);
        // A URL has a slash before the query, and an equals sign in the query.
        if before.contains(&b'/') || after.contains(&b'=') {
            return false;
        }
        let alone =
            before.is_empty() && after.is_empty() && body[..start].ends_with(b" ") && body[end..].starts_with(b" ");
        let inside = letter(before.last()) && letter(after.first());
        let row = before.ends_with(b"?") && !before.starts_with(b"?") || before.ends_with(b"??");
        // A question mark at the end of a word can be part of a name, as in "Zo? & Co".
        let name = letter(before.last()) && after.is_empty() && body[end..].starts_with(b" & ");
        alone || inside || row || name || before == b"?" && letter(after.first())
    })
}

/// Returns an integer above 2^53 that looks rounded by JavaScript: it ends in zeros and is exact as a double.
fn rounded_number(body: &[u8]) -> Option<String> {
    let mut at = 0;
    while at < body.len() {
        if body[at] == b'"' {
            at += 1;
            while body.get(at).is_some_and(|byte| *byte != b'"') {
                at += if body[at] == b'\\' { 2 } else { 1 };
            }
            at += 1;
            continue;
        }
        let digits = body[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits >= 16 {
            let text = std::str::from_utf8(&body[at..at + digits]).ok()?;
            let number: f64 = text.parse().ok()?;
            if number > SAFE_MAX
                && (text.ends_with("00") || digits <= 17 && text.ends_with('0'))
                && format!("{number:.0}").len() == digits
            {
                return Some(text.to_owned());
            }
        }
        at += digits.max(1);
    }
    None
}

/// Hints about the secrets of a vendor.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vendor<'a> {
    /// Name of the vendor.
    pub name: &'a str,
    /// Page where the vendor shows the secret, such as `Dashboard › Developers › Webhooks › Signing secret`.
    pub secret_at: Option<&'a str>,
    /// Prefixes of other credentials of the vendor, each with a description.
    pub mistaken: &'a [(String, String)],
}

impl Vendor<'_> {
    /// Returns a sentence that says where to copy the secret from.
    pub(super) fn advice(&self) -> String {
        match self.secret_at {
            Some(place) => format!("Copy the secret again from {}: {place}.", self.name),
            None if self.name.is_empty() => "Copy the secret again from the sender's settings.".into(),
            None => format!("Copy the secret again from the webhook settings of {}.", self.name),
        }
    }
}

/// Returns a finding if the secret is a different credential than the signing secret: the secret has the prefix of
/// another credential, or the message contains the secret.
pub(super) fn wrong_kind(secrets: &[String], message: &Message<'_>, vendor: Option<&Vendor<'_>>) -> Option<Finding> {
    let advice = || vendor.map_or_else(|| Vendor::default().advice(), Vendor::advice);
    for secret in secrets.iter().map(|secret| secret.trim()).filter(|secret| !secret.is_empty()) {
        let mistaken = vendor
            .into_iter()
            .flat_map(|vendor| vendor.mistaken)
            .find(|(prefix, _)| secret.starts_with(prefix.as_str()));
        if let Some((prefix, what)) = mistaken {
            return Some(finding(
                "secret_kind",
                format!("the entered secret is {what} ({prefix}…), which does not sign webhooks"),
                advice(),
            ));
        }
        if let Some(place) = verification_token(secret, message) {
            let what = format!(
                "the entered secret is the verification token: the message contains it in {place}, but a signing secret is never sent"
            );
            return Some(finding("secret_in_message", what, advice()));
        }
    }
    None
}

/// Returns the location in the message that contains the secret itself, if any.
fn verification_token(secret: &str, message: &Message<'_>) -> Option<&'static str> {
    let reading = ParsedMessage::new(message);
    let in_json = reading.body_json().and_then(|body| body.get("token")).and_then(Value::as_str);
    if in_json == Some(secret) || reading.field_values("token").iter().any(|value| value == secret) {
        return Some("the field token of the body");
    }
    let payload = reading.field("payload").and_then(|text| serde_json::from_str::<Value>(&text).ok());
    (payload?.get("token").and_then(Value::as_str) == Some(secret)).then_some("the field token of the payload")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distinguishes_lost_characters_from_questions() {
        for body in
            [r#"{"name":"Zo? & Co"}"#, r#"{"n":"M?ller"}"#, r#"{"n":"caf??"}"#, r#"{"n":"???"}"#, r#"{"n":"a ? b"}"#]
        {
            assert!(lost_characters(body.as_bytes()), "{body}");
        }
        for body in [
            r#"{"q":"How are you? Fine"}"#,
            r#"{"url":"https://a.example/b?c=d"}"#,
            r#"{"q":"really?"}"#,
            "a=b?",
            r#"{"u":"/p?x"}"#,
        ] {
            assert!(!lost_characters(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn finds_only_numbers_that_look_rounded() {
        let of = |body: &str| rounded_number(body.as_bytes());
        assert_eq!(of(r#"{"id":12345678901234567000}"#).as_deref(), Some("12345678901234567000"));
        assert_eq!(of(r#"{"id":12345678901234567890}"#), None);
        assert_eq!(of(r#"{"id":"12345678901234567000","n":1795966522000}"#), None);
        assert_eq!(of(r#"{"id":9007199254740993}"#), None);
    }
}
