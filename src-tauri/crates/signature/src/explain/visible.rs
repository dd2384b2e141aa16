//! What a message shows by itself: faults that no search can undo, and signs of how bytes were lost.

use serde_json::Value;

use super::{Finding, change::finding};
use crate::{
    message::{Message, Reading},
    scheme::Scheme,
};

/// Above this a number is not exact in JavaScript (`Number.MAX_SAFE_INTEGER`).
const SAFE_MAX: f64 = 9_007_199_254_740_991.0;

/// A fault that is certain, so that nothing is searched for.
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
                format!("the body is empty, and Content-Length announces {announced} bytes: something read it before"),
                "Read the body once and keep its bytes, before anything else takes them from the stream.",
            ));
        }
        Some(announced) if held < announced => {
            return Some(finding(
                "body_short",
                format!("the body is shorter than Content-Length: {held} of {announced} bytes are here"),
                "Raise the body limit of the server or framework that cut it, or copy the message whole.",
            ));
        }
        _ => {}
    }
    let text = body.trim_ascii();
    if text == b"[object Object]" || text == b"[object Array]" {
        return Some(finding(
            "body_object",
            format!("the body is {:?}, which is what JavaScript makes of a parsed body", String::from_utf8_lossy(text)),
            "Hand the bytes of the request to the verifier (express.raw, or await request.text()), not the parsed body.",
        ));
    }
    let has_kind = message.header("content-type").is_some();
    if held == 0 && has_kind && matches!(message.method, "POST" | "PUT" | "PATCH") && announced.is_none() {
        return Some(finding(
            "body_empty",
            "the body is empty though the message has a Content-Type: something may have read it before",
            "Read the body once and keep its bytes, before anything else takes them from the stream.",
        ));
    }
    None
}

/// Signs of bytes that were lost and cannot be had back, likeliest first; each is a reason to look, not a proof.
pub(super) fn signs(scheme: &Scheme, message: &Message<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if scheme.signs_body() {
        let body = message.body;
        if memchr::memmem::find(body, "\u{fffd}".as_bytes()).is_some() {
            found.push(finding(
                "body_replacement",
                "the body has the replacement character U+FFFD, so bytes that were not UTF-8 were lost when it was decoded",
                "Verify the bytes as they arrive, before they become text.",
            ));
        }
        if body.is_ascii() && lost_characters(body) {
            found.push(finding(
                "body_question_marks",
                "the body has question marks where words go on, so characters beyond ASCII may have been lost when it was encoded as ASCII",
                "Verify the bytes as they arrive; where they have to be text, encode it as UTF-8 and not as ASCII.",
            ));
        }
        if let Some(number) = rounded_number(body) {
            found.push(finding(
                "body_rounded",
                format!("the body has the number {number}, which is above 2^53 and looks rounded, as JavaScript's JSON.parse does"),
                "Verify the bytes as they arrive, before JSON.parse and JSON.stringify write them again.",
            ));
        }
    }
    found
}

/// A question mark inside a word, in a row or between spaces, that is not the start of a query.
fn lost_characters(body: &[u8]) -> bool {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'<' | b'>');
    let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphabetic);
    memchr::memchr_iter(b'?', body).any(|at| {
        let start = body[..at].iter().rposition(ends).map_or(0, |end| end + 1);
        let end = body[at..].iter().position(ends).map_or(body.len(), |length| at + length);
        let (before, after) = (&body[start..at], &body[at + 1..end]);
        // A URL has a slash before its query, and an equals sign in it.
        if before.contains(&b'/') || after.contains(&b'=') {
            return false;
        }
        let alone =
            before.is_empty() && after.is_empty() && body[..start].ends_with(b" ") && body[end..].starts_with(b" ");
        let inside = letter(before.last()) && letter(after.first());
        let row = before.ends_with(b"?") && !before.starts_with(b"?") || before.ends_with(b"??");
        // A name goes on after it, as in "Zo? & Co".
        let name = letter(before.last()) && after.is_empty() && body[end..].starts_with(b" & ");
        alone || inside || row || name || before == b"?" && letter(after.first())
    })
}

/// A whole number above 2^53 as JavaScript writes it after rounding: one that ends in noughts and is a double itself.
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

/// What a vendor calls its secrets, and what people enter in their place.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vendor<'a> {
    /// The vendor's name.
    pub name: &'a str,
    /// Where the vendor shows the secret, such as `Dashboard › Developers › Webhooks › Signing secret`.
    pub secret_at: Option<&'a str>,
    /// How other values of the vendor begin, each with what it is.
    pub mistaken: &'a [(String, String)],
}

impl Vendor<'_> {
    /// Where to get the secret, in a sentence.
    pub(super) fn advice(&self) -> String {
        match self.secret_at {
            Some(place) => format!("Copy the secret again from {}: {place}.", self.name),
            None if self.name.is_empty() => "Copy the secret again from the sender's settings.".into(),
            None => format!("Copy the secret again from the webhook settings of {}.", self.name),
        }
    }
}

/// A secret that is of another kind than the one that signs: by the vendor's own prefixes, or because the message shows it.
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
                format!("the secret that was entered is {what} ({prefix}…), which does not sign webhooks"),
                advice(),
            ));
        }
        if let Some(place) = verification_token(secret, message) {
            let what = format!(
                "the secret that was entered is the verification token: the message shows it in {place}, and what signs is never sent"
            );
            return Some(finding("secret_in_message", what, advice()));
        }
    }
    None
}

/// Where a message shows the secret itself.
fn verification_token(secret: &str, message: &Message<'_>) -> Option<&'static str> {
    let reading = Reading::new(message);
    let in_json = reading.body_json().and_then(|body| body.get("token")).and_then(Value::as_str);
    if in_json == Some(secret) || reading.field_values("token").iter().any(|value| value == secret) {
        return Some("the body's token");
    }
    let payload = reading.field("payload").and_then(|text| serde_json::from_str::<Value>(&text).ok());
    (payload?.get("token").and_then(Value::as_str) == Some(secret)).then_some("the payload's token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_marks_tell_lost_characters_from_questions() {
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
    fn only_numbers_that_look_rounded_are_named() {
        let of = |body: &str| rounded_number(body.as_bytes());
        assert_eq!(of(r#"{"id":12345678901234567000}"#).as_deref(), Some("12345678901234567000"));
        assert_eq!(of(r#"{"id":12345678901234567890}"#), None);
        assert_eq!(of(r#"{"id":"12345678901234567000","n":1795966522000}"#), None);
        assert_eq!(of(r#"{"id":9007199254740993}"#), None);
    }
}
