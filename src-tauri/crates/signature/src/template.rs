//! Template of the signed content.

use std::{borrow::Cow, fmt, str::FromStr};

use base64::Engine as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::{
    encoding::{BASE64, BASE64URL},
    fault::Fault,
    message::ParsedMessage,
    source::{Place, Source},
};

/// Template of the signed content. Text is copied, and `{…}` is replaced by a part of the message.
///
/// Parts: `{body}`, `{url}`, `{path}` (with query), `{method}`, `{secret}`, `{params}` (names and
/// values of a form, sorted), `{header:Name}`, `{query:name}`, `{form:name}`, `{json:path}`,
/// `{signature:key}`, `{param:name}` (a setting), and `{sha256hex(part)}`, `{base64(part)}`, `{base64url(part)}`,
/// `{json(part)}` (as a JSON string), `{crc32(part)}` (decimal), and
/// `{unescaped(part)}` (with the percent escapes of `: / ? @ ! $ ' ( ) * , ;` decoded). `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

/// Part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Literal text.
    Text(String),
    /// Bytes of the body.
    Body,
    /// URL as registered with the sender.
    Url,
    /// Path and query of the URL.
    Path,
    /// Request method.
    Method,
    /// Secret as entered.
    Secret,
    /// Names and values of a form, sorted.
    Params,
    /// Value at a location in the message.
    From(Source),
    /// Value of a setting.
    Param(String),
    /// SHA-256 in lower-case hexadecimal.
    Sha256Hex(Box<Part>),
    /// Base64.
    Base64(Box<Part>),
    /// URL-safe base64 without padding.
    Base64url(Box<Part>),
    /// A JSON string with its quotes.
    Json(Box<Part>),
    /// CRC-32 in decimal.
    Crc32(Box<Part>),
    /// Text with the percent escapes of `: / ? @ ! $ ' ( ) * , ;` decoded and all other escapes kept (HubSpot).
    Unescaped(Box<Part>),
}

/// Values that a template is filled from.
pub(crate) struct Filling<'a> {
    pub(crate) reading: &'a ParsedMessage<'a>,
    /// Items of the value that contains the signature.
    pub(crate) items: &'a [(String, String)],
    pub(crate) secret: &'a [u8],
    pub(crate) param: &'a dyn Fn(&str) -> Option<String>,
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let (inside, after) = match (brace, after.split_once('}')) {
                ("{", Some(split)) => split,
                _ => {
                    return Err(format!("unbalanced {brace} in the template {text:?}: write a literal brace twice"));
                }
            };
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(part(inside, 0)?);
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { text: text.to_owned(), parts })
    }
}

/// Maximum nesting depth of functions. Each level can enlarge the content, and no vendor needs more.
const DEPTH_MAX: usize = 3;

fn part(inside: &str, depth: usize) -> Result<Part, String> {
    if let Some((name, argument)) = inside.strip_suffix(')').and_then(|call| call.split_once('(')) {
        if depth == DEPTH_MAX {
            return Err(format!("template functions are nested more than {DEPTH_MAX} levels deep"));
        }
        let argument = Box::new(part(argument, depth + 1)?);
        return match name {
            "sha256hex" => Ok(Part::Sha256Hex(argument)),
            "base64" => Ok(Part::Base64(argument)),
            "base64url" => Ok(Part::Base64url(argument)),
            "json" => Ok(Part::Json(argument)),
            "crc32" => Ok(Part::Crc32(argument)),
            "unescaped" => Ok(Part::Unescaped(argument)),
            _ => Err(format!(
                "unknown template function {name:?} (allowed: sha256hex, base64, base64url, json, crc32, unescaped)"
            )),
        };
    }
    Ok(match inside {
        "body" => Part::Body,
        "url" => Part::Url,
        "path" => Part::Path,
        "method" => Part::Method,
        "secret" => Part::Secret,
        "params" => Part::Params,
        _ => match inside.strip_prefix("param:") {
            Some(name) => Part::Param(name.to_owned()),
            None => Part::From(inside.parse().map_err(|_| format!("{{{inside}}} is not a part of a message"))?),
        },
    })
}

impl Part {
    fn feed(&self, filling: &Filling<'_>, sink: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
        match self {
            Self::Text(text) => sink(text.as_bytes()),
            Self::Body => sink(filling.reading.message.body),
            Self::Secret => sink(filling.secret),
            Self::Sha256Hex(part) => {
                let mut hash = Sha256::new();
                part.feed(filling, &mut |bytes| hash.update(bytes))?;
                sink(hex::encode(hash.finalize()).as_bytes());
            }
            Self::Crc32(part) => {
                let mut hash = crc32fast::Hasher::new();
                part.feed(filling, &mut |bytes| hash.update(bytes))?;
                sink(hash.finalize().to_string().as_bytes());
            }
            Self::Unescaped(part) => sink(&unescaped(&part.whole(filling)?)),
            Self::Base64(part) => sink(BASE64.encode(part.whole(filling)?).as_bytes()),
            Self::Base64url(part) => sink(BASE64URL.encode(part.whole(filling)?).as_bytes()),
            Self::Json(part) => {
                let text = part.whole(filling)?;
                sink(serde_json::Value::from(String::from_utf8_lossy(&text)).to_string().as_bytes());
            }
            _ => sink(self.text(filling)?.as_bytes()),
        }
        Ok(())
    }

    fn text<'a>(&self, filling: &Filling<'a>) -> Result<Cow<'a, str>, Fault> {
        let message = &filling.reading.message;
        Ok(match self {
            Self::Method => message.method.into(),
            Self::Url => message.signed_url().into(),
            Self::Path => message.signed_path().into(),
            Self::Params => sorted_form(filling.reading).into(),
            Self::Param(name) => {
                (filling.param)(name).ok_or_else(|| Fault::Missing { what: format!("The setting {name}") })?.into()
            }
            Self::From(Source { place: Place::Signature, name, .. }) => filling
                .items
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
                .ok_or_else(|| Fault::Missing { what: format!("The item {name} of the signature") })?
                .into(),
            Self::From(source) => {
                source.value(filling.reading).ok_or_else(|| Fault::Missing { what: capital(&source.shown()) })?.into()
            }
            _ => "".into(),
        })
    }

    fn whole(&self, filling: &Filling<'_>) -> Result<Vec<u8>, Fault> {
        let mut all = Vec::new();
        self.feed(filling, &mut |bytes| all.extend_from_slice(bytes))?;
        Ok(all)
    }

    /// Returns the part inside all functions.
    fn innermost(&self) -> &Self {
        match self {
            Self::Sha256Hex(part)
            | Self::Base64(part)
            | Self::Base64url(part)
            | Self::Json(part)
            | Self::Crc32(part)
            | Self::Unescaped(part) => part.innermost(),
            _ => self,
        }
    }
}

pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Decodes the percent escapes that HubSpot decodes in a URL before signing (HubSpot developer docs, "Validating
/// requests", version 3).
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let escaped = || Some(char::from(u8::from_str_radix(std::str::from_utf8(after.get(..2)?).ok()?, 16).ok()?));
        match (*first == b'%').then(escaped).flatten().filter(|c| ":/?@!$'()*,;".contains(*c)) {
            Some(c) => {
                out.push(c as u8);
                rest = &after[2..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// Concatenates the names and values of a form, sorted by name (Twilio, Mandrill).
pub(crate) fn sorted_form(reading: &ParsedMessage<'_>) -> String {
    let mut fields: Vec<_> = reading.form().iter().collect();
    fields.sort();
    fields.into_iter().flat_map(|(name, value)| [name.as_str(), value]).collect()
}

impl Template {
    /// Passes the content to `sink` piece by piece.
    pub(crate) fn feed(&self, filling: &Filling<'_>, sink: &mut dyn FnMut(&[u8])) -> Result<(), Fault> {
        self.parts.iter().try_for_each(|part| part.feed(filling, sink))
    }

    /// Returns the content in one piece.
    pub(crate) fn whole(&self, filling: &Filling<'_>) -> Result<Vec<u8>, Fault> {
        let mut all = Vec::new();
        self.feed(filling, &mut |bytes| all.extend_from_slice(bytes))?;
        Ok(all)
    }

    /// Returns true if the signed content includes the URL. Verification then needs the URL as registered.
    pub fn signs_url(&self) -> bool {
        self.any(|part| matches!(part, Part::Url | Part::Path))
    }

    /// Returns the names of the settings that the template uses.
    pub fn params(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for part in &self.parts {
            if let Part::Param(name) = part {
                names.push(name.as_str());
            }
        }
        names
    }

    /// Returns the parts in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the locations in the message that the template uses.
    pub fn sources(&self) -> Vec<&Source> {
        self.parts
            .iter()
            .filter_map(|part| match part.innermost() {
                Part::From(source) if source.place != Place::Signature => Some(source),
                _ => None,
            })
            .collect()
    }

    /// Fills the template as text, with settings from `named`. Used for templates other than signed content.
    ///
    /// # Errors
    ///
    /// Returns a fault if a setting or a part of the message is missing.
    pub fn fill(&self, reading: &ParsedMessage<'_>, named: &dyn Fn(&str) -> Option<String>) -> Result<String, Fault> {
        let whole = self.whole(&Filling { reading, items: &[], secret: b"", param: named })?;
        Ok(String::from_utf8_lossy(&whole).into_owned())
    }

    /// Returns the items of the signature value that the template uses.
    pub(crate) fn items(&self) -> Vec<&str> {
        fn name(part: &Part) -> Option<&str> {
            match part {
                Part::From(Source { place: Place::Signature, name, .. }) => Some(name),
                _ => None,
            }
        }
        self.parts.iter().map(Part::innermost).filter_map(name).collect()
    }

    /// Returns true if the signed content includes the entire body.
    pub fn signs_body(&self) -> bool {
        self.any(|part| matches!(part, Part::Body))
    }

    fn any(&self, is: impl Fn(&Part) -> bool) -> bool {
        self.parts.iter().any(|part| is(part.innermost()))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_invalid_templates() {
        for (text, word) in [
            ("{body", "unbalanced"),
            ("body}", "unbalanced"),
            ("{boddy}", "not a part"),
            ("{md5(body)}", "unknown template function"),
            ("{header:}", "not a part"),
            ("{json(json(json(json(body))))}", "nested"),
        ] {
            assert!(text.parse::<Template>().expect_err(text).contains(word), "{text}");
        }
    }

    #[test]
    fn decodes_only_listed_escapes() {
        let text = |text: &str| String::from_utf8(unescaped(text.as_bytes())).expect("valid UTF-8");
        assert_eq!(text("https://a/b?e=x%40y%3a%2Fz%20%26%4"), "https://a/b?e=x@y:/z%20%26%4");
        assert_eq!(text("100%"), "100%");
    }

    #[test]
    fn parses_doubled_braces_as_literals() {
        let template: Template = "{{\"Body\":{json(body)}}}".parse().expect("valid template");
        assert_eq!(
            template.parts,
            [Part::Text("{\"Body\":".into()), Part::Json(Box::new(Part::Body)), Part::Text("}".into())]
        );
    }
}
