//! Secrets that stand in a body: some vendors put the shared secret itself there.

use hookline_provider::Catalogue;
use hookline_signature::{Place, Source};

use super::list::Summary;
use crate::{
    query::{JsonPath, Step, spans},
    verification::Verification,
};

/// Shortest secret that is looked for in the rest of its body, in bytes: a shorter one stands in other words.
const REPEATED_MIN: usize = 5;

/// Largest body that is looked into, in bytes. What these vendors send has a few kilobytes.
pub(crate) const MASKED_MAX: u64 = 1024 * 1024;

/// Places in this request's body in which its vendor sends the secret; none where nobody knows the vendor.
pub(crate) fn secret_paths(
    catalogue: &Catalogue,
    summary: &Summary,
    inbox: Option<&Verification>,
) -> Option<Vec<JsonPath>> {
    let id = inbox.and_then(|verification| verification.provider.as_deref()).or(summary.provider.as_deref())?;
    Some(in_json(catalogue.get(id)?.secret_places()))
}

/// Those of every vendor.
pub(crate) fn every_secret_path(catalogue: &Catalogue) -> Vec<JsonPath> {
    in_json(catalogue.secret_places())
}

fn in_json<'c>(places: impl Iterator<Item = &'c Source>) -> Vec<JsonPath> {
    places.filter(|place| place.place == Place::Json).map(|place| every_element(&place.name)).collect()
}

/// The body with those values written as stars, byte for byte as long: sizes and ranges stay true, and
/// JSON stays JSON. What is no JSON is as it was.
pub(crate) fn masked(mut body: Vec<u8>, paths: &[JsonPath]) -> Vec<u8> {
    let skipped = if body.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    // Most bodies have none of the keys, and need not be read; an escape may spell one.
    let escaped = memchr::memmem::find(&body, b"\\u").is_some();
    let may_be_there = |path: &&JsonPath| match path.0.last() {
        Some(Step::Key(key)) => escaped || memchr::memmem::find(&body, key.as_bytes()).is_some(),
        _ => true,
    };
    let paths: Vec<JsonPath> = paths.iter().filter(may_be_there).cloned().collect();
    if paths.is_empty() {
        return body;
    }
    let found = std::str::from_utf8(&body[skipped..]).ok().and_then(|text| spans(text, &paths));
    let found = found.unwrap_or_default();
    let mut secrets: Vec<Vec<u8>> = Vec::new();
    for span in found {
        let value = &mut body[skipped + span.start..skipped + span.end];
        let length = value.len();
        match value.first() {
            Some(b'"' | b'{' | b'[') if length > 2 => {
                // As it is written there, and as it reads.
                secrets.push(value[1..length - 1].to_vec());
                secrets.extend(serde_json::from_slice::<String>(value).ok().map(String::into_bytes));
                value[1..length - 1].fill(b'*');
                (value[0], value[length - 1]) = (b'"', b'"');
            }
            // A number is nought, and spaces make up its length.
            Some(b'-' | b'0'..=b'9') => {
                value.fill(b' ');
                value[0] = b'0';
            }
            _ => {}
        }
    }
    for secret in secrets.iter().filter(|secret| secret.len() >= REPEATED_MIN) {
        let again: Vec<usize> = memchr::memmem::find_iter(&body, secret).collect();
        for at in again {
            body[at..at + secret.len()].fill(b'*');
        }
    }
    body
}

/// A place as a vendor's file names it; an element of a list stands for all of them.
fn every_element(path: &str) -> JsonPath {
    let step = |key: &str| if key.parse::<usize>().is_ok() { Step::Any } else { Step::Key(key.to_owned()) };
    JsonPath(path.split('.').map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::{every_element, masked};

    #[test]
    fn the_secret_is_stars_and_everything_else_is_as_it_was() {
        let body = br#"{ "passcode":"pa\"ss", "n": 1.50, "list": ["pa\"ss"] }"#.to_vec();
        let shown = masked(body.clone(), &[every_element("passcode")]);
        assert_eq!(shown.len(), body.len());
        assert_eq!(String::from_utf8_lossy(&shown), r#"{ "passcode":"******", "n": 1.50, "list": ["******"] }"#);
        let of = |body: &str, path: &str| String::from_utf8(masked(body.into(), &[every_element(path)])).expect("text");
        assert_eq!(of(r#"{"p":"S\/1","n":"x","p":"secon\u0064"}"#, "p"), r#"{"p":"****","n":"x","p":"***********"}"#);
        assert_eq!(of(r#"{"v":[{"s":"S1"},{"s":"S2"}]}"#, "v.0.s"), r#"{"v":[{"s":"**"},{"s":"**"}]}"#);
        assert_eq!(of("\u{feff}{\"p\":12345,\"n\":12345}", "p"), "\u{feff}{\"p\":0    ,\"n\":12345}");
        assert_eq!(masked(b"no JSON".to_vec(), &[every_element("passcode")]), b"no JSON");
    }
}
