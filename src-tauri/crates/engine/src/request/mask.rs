//! Masking of secrets in bodies. Some providers send the shared secret itself in the body.

use hookbench_content::json_values;
use hookbench_model::{RequestSummary, VerificationSettings};
use hookbench_provider::Catalog;
use hookbench_query::{JsonPath, Step, spans};
use hookbench_signature::{Place, Source};

/// Minimum length of a secret that is also masked in the rest of the body, in bytes. Shorter ones occur inside words.
const REPEATED_MIN: usize = 5;

/// Maximum size of a body that is masked, in bytes. Bodies of these providers have a few kilobytes.
pub const MASKED_MAX: u64 = 1024 * 1024;

/// Returns the JSON paths at which the provider of a request sends the secret. Returns `None` if the provider is
/// unknown.
pub fn secret_paths(
    catalog: &Catalog,
    summary: &RequestSummary,
    inbox: Option<&VerificationSettings>,
) -> Option<Vec<JsonPath>> {
    let id = inbox.and_then(|verification| verification.provider.as_deref()).or(summary.provider.as_deref())?;
    Some(in_json(catalog.get(id)?.secret_places()))
}

/// Returns the JSON paths at which any provider sends its secret.
pub fn every_secret_path(catalog: &Catalog) -> Vec<JsonPath> {
    in_json(catalog.secret_places())
}

fn in_json<'c>(places: impl Iterator<Item = &'c Source>) -> Vec<JsonPath> {
    places.filter(|place| place.place == Place::Json).map(|place| every_element(&place.name)).collect()
}

/// Replaces the values at `paths` by stars of the same length in bytes, so sizes and byte ranges remain correct and
/// JSON remains valid. Masks every value of JSON Lines, in any character set. Returns other content unchanged.
pub fn masked(mut body: Vec<u8>, paths: &[JsonPath]) -> Vec<u8> {
    if paths.is_empty() || body.is_empty() {
        return body;
    }
    let shadow = Shadow::of(&body);
    // Most bodies contain none of the keys, so parsing them is avoided. A key may be written with an escape.
    let escaped = shadow.text.contains("\\u");
    let may_be_there = |path: &&JsonPath| match path.0.last() {
        Some(Step::Key(key)) => escaped || !key.is_ascii() || shadow.text.contains(key.as_str()),
        _ => true,
    };
    let paths: Vec<JsonPath> = paths.iter().filter(may_be_there).cloned().collect();
    if paths.is_empty() {
        return body;
    }
    let mut secrets: Vec<Vec<u8>> = Vec::new();
    for (start, value) in json_values(shadow.text.as_bytes()) {
        let found = std::str::from_utf8(value).ok().and_then(|text| spans(text, &paths)).unwrap_or_default();
        for span in found {
            let value = &shadow.text.as_bytes()[start + span.start..start + span.end];
            let length = value.len();
            let stars = match value.first() {
                Some(b'"' | b'{' | b'[') if length > 2 => {
                    // The secret is masked both in escaped and in plain form.
                    secrets.push(value[1..length - 1].to_vec());
                    secrets.extend(serde_json::from_slice::<String>(value).ok().map(String::into_bytes));
                    [b"\"", "*".repeat(length - 2).as_bytes(), b"\""].concat()
                }
                // A number becomes 0, padded with spaces to the same length.
                Some(b'-' | b'0'..=b'9') => [b"0", " ".repeat(length - 1).as_bytes()].concat(),
                _ => continue,
            };
            shadow.write(&mut body, start + span.start, &stars);
        }
    }
    for secret in secrets.iter().filter(|secret| secret.len() >= REPEATED_MIN) {
        let again: Vec<usize> = memchr::memmem::find_iter(shadow.text.as_bytes(), secret).collect();
        for at in again {
            shadow.write(&mut body, at, "*".repeat(secret.len()).as_bytes());
        }
    }
    body
}

/// A body as text with one character for each code unit. ASCII characters keep their positions.
struct Shadow {
    text: String,
    /// Offset of the first code unit in bytes. `width` is the size of a unit in bytes, and `low` the byte that has
    /// ASCII.
    start: usize,
    width: usize,
    low: usize,
}

impl Shadow {
    fn of(body: &[u8]) -> Self {
        let charset = hookbench_content::text(&hookbench_content::body_content([]), body).charset;
        let (width, low) = match charset.name() {
            "UTF-16LE" => (2, 0),
            "UTF-16BE" => (2, 1),
            "UTF-32LE" => (4, 0),
            "UTF-32BE" => (4, 3),
            _ => {
                let start = if body.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
                let text = match std::str::from_utf8(&body[start..]) {
                    Ok(text) => text.to_owned(),
                    Err(_) => {
                        body[start..].iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' }).collect()
                    }
                };
                return Self { text, start, width: 1, low: 0 };
            }
        };
        let units = body.chunks_exact(width);
        let ascii = |unit: &[u8]| {
            unit.iter().enumerate().all(|(at, byte)| if at == low { byte.is_ascii() } else { *byte == 0 })
        };
        let marked = units.clone().next().is_some_and(|unit| !ascii(unit));
        let start = if marked { width } else { 0 };
        let text =
            units.skip(usize::from(marked)).map(|unit| if ascii(unit) { char::from(unit[low]) } else { '?' }).collect();
        Self { text, start, width, low }
    }

    /// Overwrites code units of the body with ASCII text.
    fn write(&self, body: &mut [u8], at: usize, text: &[u8]) {
        for (number, byte) in text.iter().enumerate() {
            let unit = self.start + (at + number) * self.width;
            body[unit..unit + self.width].fill(0);
            body[unit + self.low] = *byte;
        }
    }
}

/// Parses a path of a provider file. A list index matches every element.
fn every_element(path: &str) -> JsonPath {
    let step = |key: &str| if key.parse::<usize>().is_ok() { Step::Any } else { Step::Key(key.to_owned()) };
    JsonPath(path.split('.').map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::{every_element, masked};

    #[test]
    fn masks_only_the_secret() {
        let body = br#"{ "passcode":"pa\"ss", "n": 1.50, "list": ["pa\"ss"] }"#.to_vec();
        let shown = masked(body.clone(), &[every_element("passcode")]);
        assert_eq!(shown.len(), body.len());
        assert_eq!(String::from_utf8_lossy(&shown), r#"{ "passcode":"******", "n": 1.50, "list": ["******"] }"#);
        let of = |body: &str, path: &str| String::from_utf8(masked(body.into(), &[every_element(path)])).expect("text");
        assert_eq!(of(r#"{"p":"S\/1","n":"x","p":"secon\u0064"}"#, "p"), r#"{"p":"****","n":"x","p":"***********"}"#);
        assert_eq!(of(r#"{"v":[{"s":"S1"},{"s":"S2"}]}"#, "v.0.s"), r#"{"v":[{"s":"**"},{"s":"**"}]}"#);
        assert_eq!(of("\u{feff}{\"p\":12345,\"n\":12345}", "p"), "\u{feff}{\"p\":0    ,\"n\":12345}");
        assert_eq!(masked(b"no JSON".to_vec(), &[every_element("passcode")]), b"no JSON");
        assert_eq!(of("{\"p\":\"S1\"}\n{\"p\":\"S2\"}\n", "p"), "{\"p\":\"**\"}\n{\"p\":\"**\"}\n");
    }

    #[test]
    fn masks_a_secret_in_any_character_set() {
        let latin1 = masked(b"{\"n\":\"K\xf6ln\",\"p\":\"secret\"}".to_vec(), &[every_element("p")]);
        assert_eq!(latin1, b"{\"n\":\"K\xf6ln\",\"p\":\"******\"}");
        for big_endian in [true, false] {
            let wide = |text: &str| -> Vec<u8> {
                text.encode_utf16()
                    .flat_map(|unit| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
                    .collect()
            };
            for mark in ["", "\u{feff}"] {
                let body = wide(&format!("{mark}{{\"n\":\"Köln\",\"p\":\"secret\"}}"));
                let shown = masked(body, &[every_element("p")]);
                assert_eq!(shown, wide(&format!("{mark}{{\"n\":\"Köln\",\"p\":\"******\"}}")));
            }
        }
    }
}
