//! Forms that were parsed and encoded again, or converted to JSON.

use serde_json::value::RawValue;

use super::change::{Apply, Change, Kind, finding};
use crate::message::Message;

/// Encoding of names and values of a form by a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// Encoding of a space.
    space: &'static str,
    /// Characters besides letters and digits that are not escaped.
    kept: &'static str,
    /// True if the hexadecimal digits of an escape are upper case.
    upper: bool,
    /// Libraries that encode forms this way, as named in a finding.
    who: &'static str,
}

const STYLES: &[Style] = &[
    Style { space: "+", kept: "*-._", upper: true, who: "browsers and Java" },
    Style { space: "+", kept: "-._~", upper: true, who: "Python and Go" },
    Style { space: "+", kept: "-._", upper: true, who: "PHP and Slack" },
    Style { space: "%20", kept: "-_.!~*'()", upper: true, who: "JavaScript's encodeURIComponent" },
    Style { space: "%20", kept: "-._~", upper: true, who: "RFC 3986" },
    Style { space: "%20", kept: "*-._", upper: true, who: "some libraries" },
    Style { space: "+", kept: "-_.!~*'()", upper: true, who: "older JavaScript libraries" },
    Style { space: "+", kept: "-._", upper: false, who: ".NET" },
    Style { space: "+", kept: "*-._", upper: false, who: "some libraries" },
    Style { space: "%20", kept: "-._~", upper: false, who: "some libraries" },
];

/// Conversion that restores the signed form from the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FormWas {
    /// The body is still a form, encoded by another library.
    Rewritten(Style),
    /// The fields were converted to members of a JSON object.
    Json(Style),
    /// The form had a single field `payload`, and the body is the value of that field.
    Payload(Style),
}

impl FormWas {
    /// Returns the body that may have been signed.
    pub(super) fn signed(self, body: &[u8]) -> Option<Vec<u8>> {
        let out = match self {
            Self::Rewritten(style) => {
                let pairs: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
                style.write(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            }
            Self::Json(style) => {
                let fields = members(body)?;
                style.write(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            }
            Self::Payload(style) => format!("payload={}", style.escaped(std::str::from_utf8(body).ok()?)),
        };
        (out.as_bytes() != body).then(|| out.into_bytes())
    }
}

impl Style {
    fn escaped(&self, text: &str) -> String {
        use std::fmt::Write as _;
        let mut out = String::with_capacity(text.len() + text.len() / 4);
        for byte in text.bytes() {
            // Writing to a String cannot fail.
            let _ = match byte {
                b' ' => out.write_str(self.space),
                byte if byte.is_ascii_alphanumeric() || self.kept.as_bytes().contains(&byte) => {
                    out.write_char(char::from(byte))
                }
                byte if self.upper => write!(out, "%{byte:02X}"),
                byte => write!(out, "%{byte:02x}"),
            };
        }
        out
    }

    fn write<'p>(&self, pairs: impl Iterator<Item = (&'p str, &'p str)>) -> String {
        pairs
            .map(|(name, value)| format!("{}={}", self.escaped(name), self.escaped(value)))
            .collect::<Vec<_>>()
            .join("&")
    }
}

/// Returns the members of a JSON object as form fields: strings decoded, all other values as JSON text.
fn members(body: &[u8]) -> Option<Vec<(String, String)>> {
    struct Members(Vec<(String, String)>);
    impl<'de> serde::de::Visitor<'de> for Members {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
            while let Some(name) = map.next_key::<String>()? {
                let raw = map.next_value::<&RawValue>()?.get();
                let value = serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned());
                self.0.push((name, value));
            }
            Ok(self.0)
        }
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    serde::Deserializer::deserialize_map(&mut json, Members(Vec::new())).ok().filter(|fields| !fields.is_empty())
}

/// Adds changes for a body that is or was a form.
pub(super) fn forms(message: &Message<'_>, all: &mut Vec<Change<'_>>) {
    let json = matches!(message.body.trim_ascii_start().first(), Some(b'{'));
    let kind = message.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let said_form = kind.starts_with(b"application/x-www-form-urlencoded");
    if !(json || said_form || memchr::memchr(b'=', message.body).is_some()) {
        return;
    }
    for (place, style) in STYLES.iter().enumerate() {
        let rare = u32::from(place > 3);
        let mut add = |cost, was, code, what: String, advice| {
            all.push(Change {
                kind: Kind::Wrapping,
                cost,
                finding: finding(code, what, advice),
                apply: Apply::Form(was),
            });
        };
        if json {
            add(
                if said_form { 1 } else { 4 } + rare,
                FormWas::Json(*style),
                "body_form_as_json",
                format!(
                    "the body was signed as a form but arrived as JSON: the same fields, encoded as a form as in {}, match the signature",
                    style.who
                ),
                "Verify the raw request bytes, before a body parser converts the form to JSON.",
            );
            add(
                3 + rare,
                FormWas::Payload(*style),
                "body_form_payload",
                format!(
                    "the sender signed a form with this body in the field payload: payload= and the body, encoded as in {}, match the signature",
                    style.who
                ),
                "Verify the raw request bytes and read the field payload afterwards, or set the sender's content type to JSON.",
            );
        } else {
            add(
                if said_form { 2 } else { 4 } + rare,
                FormWas::Rewritten(*style),
                "body_form_encoded",
                format!(
                    "the form was parsed and encoded again: it matches the signature with a space as {} and the characters {} unescaped, as in {}",
                    style.space,
                    style.kept.chars().map(String::from).collect::<Vec<_>>().join(" "),
                    style.who
                ),
                "Verify the raw request bytes, before a body parser reads the form.",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restores_forms_in_each_encoding() {
        let of =
            |was: FormWas, body: &str| was.signed(body.as_bytes()).map(|b| String::from_utf8(b).expect("valid UTF-8"));
        let slack = STYLES[2];
        assert_eq!(
            of(FormWas::Rewritten(slack), "text=a%20b*c&user=it's").as_deref(),
            Some("text=a+b%2Ac&user=it%27s")
        );
        assert_eq!(of(FormWas::Rewritten(slack), "a=b"), None);
        assert_eq!(
            of(FormWas::Json(slack), r#"{"b":"x y","a":1,"n":{"k":[]}}"#).as_deref(),
            Some("b=x+y&a=1&n=%7B%22k%22%3A%5B%5D%7D")
        );
        assert_eq!(of(FormWas::Payload(STYLES[0]), r#"{"a":1}"#).as_deref(), Some("payload=%7B%22a%22%3A1%7D"));
        assert_eq!(of(FormWas::Json(slack), "[1]"), None);
    }
}
