//! Code that verifies a vendor's signatures, generated from the scheme.
//!
//! A template per language lays the code out; what differs between schemes are expressions, made
//! here by one table of small functions per language.

pub(crate) mod go;
mod java;
pub(crate) mod node;
pub(crate) mod php;
pub(crate) mod python;
mod ruby;
mod rust;

use hookline_signature::{Algorithm, Digest, Encoding, KeyForm, Part, Place, Scheme, Source, TimestampRule, Unit};
use minijinja::{Environment, context};
use serde::Serialize;
use utoipa::ToSchema;

/// A language that samples are written in.
pub(crate) struct Language {
    /// Its name in the API.
    id: &'static str,
    /// Its name for people.
    name: &'static str,
    template: &'static str,
    /// A value as a text; it need not be there.
    value: fn(&Value) -> Option<String>,
    /// A place a signature stands in, as the list of places has it.
    place: fn(&Value) -> Option<String>,
    /// One piece of the signed content.
    piece: fn(&Piece) -> Option<String>,
    /// When it was signed.
    signed_at: fn(&Time) -> Option<String>,
    /// The key.
    key: fn(KeyForm) -> Option<&'static str>,
    /// The bytes of a signature; a token's are its own.
    found: fn(Option<Encoding>) -> Option<&'static str>,
    /// The hash's name.
    hash: fn(Hash) -> &'static str,
    /// What the code takes in.
    imports: fn(&Model) -> Vec<&'static str>,
}

/// Every language, the most asked for first.
const LANGUAGES: &[Language] =
    &[node::LANGUAGE, python::LANGUAGE, php::LANGUAGE, go::LANGUAGE, ruby::LANGUAGE, java::LANGUAGE, rust::LANGUAGE];

/// A text read from the message or given beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    /// The first of these headers, in lower case.
    Header(Vec<String>),
    /// An item of the signature's own value.
    Item(String),
    /// One by its place.
    Position(usize),
    /// A scalar of the JSON body; a number is the item of a list.
    Json(Vec<String>),
    Url,
    Path,
    Method,
    Param(String),
    Secret,
}

/// One piece of the signed content.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Body,
    BodySha256Hex,
    SecretBase64,
    Value(Value),
}

/// When it was signed.
#[derive(Debug)]
struct Time {
    value: Value,
    unit: Unit,
    /// Seconds it may lie in the past and in the future.
    past_s: Option<u32>,
    future_s: Option<u32>,
}

/// The hash of an HMAC or of a plain digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// How the digest is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Hmac,
    Hash,
    Token,
    /// No digest: the vendor signs with a key of its own (RFC 8032).
    Ed25519,
    /// Likewise, PKCS#1 v1.5 (RFC 8017).
    Rsa,
    /// Likewise, on P-256 with the signature in DER (RFC 3279).
    Ecdsa,
}

/// A scheme as the templates see it.
struct Model {
    kind: Kind,
    hash: Option<Hash>,
    places: Vec<Value>,
    pieces: Vec<Piece>,
    time: Option<Time>,
    encoding: Option<Encoding>,
    key: KeyForm,
    split: String,
    prefix: String,
}

fn value(source: &Source) -> Option<Value> {
    Some(match source.place {
        Place::Header => {
            let name = source.name.replace('*', "1").to_ascii_lowercase();
            Value::Header(name.split('|').map(str::to_owned).collect())
        }
        Place::Signature => match source.name.parse() {
            Ok(place) => Value::Position(place),
            Err(_) => Value::Item(source.name.clone()),
        },
        Place::Json => Value::Json(
            source
                .name
                .split('.')
                .flat_map(|step| match step.strip_suffix("[]") {
                    Some(name) => vec![name.to_owned(), "0".to_owned()],
                    None => vec![step.to_owned()],
                })
                .filter(|step| !step.is_empty())
                .collect(),
        ),
        Place::Query | Place::Form | Place::FormJson | Place::Body => return None,
    })
}

fn piece(part: &Part) -> Option<Piece> {
    Some(match part {
        Part::Text(text) => Piece::Text(text.clone()),
        Part::Body => Piece::Body,
        Part::Url => Piece::Value(Value::Url),
        Part::Path => Piece::Value(Value::Path),
        Part::Method => Piece::Value(Value::Method),
        Part::Secret => Piece::Value(Value::Secret),
        Part::Param(name) => Piece::Value(Value::Param(name.clone())),
        Part::From(source) => Piece::Value(value(source)?),
        Part::Sha256Hex(inner) if **inner == Part::Body => Piece::BodySha256Hex,
        Part::Base64(inner) if **inner == Part::Secret => Piece::SecretBase64,
        _ => return None,
    })
}

fn time(rule: &TimestampRule) -> Option<Time> {
    Some(Time { value: value(&rule.from)?, unit: rule.unit, past_s: rule.past_s, future_s: rule.future_s })
}

impl Model {
    fn of(scheme: &Digest) -> Option<Self> {
        let (kind, hash) = match scheme.algorithm {
            Algorithm::HmacMd5 => (Kind::Hmac, Some(Hash::Md5)),
            Algorithm::HmacSha1 => (Kind::Hmac, Some(Hash::Sha1)),
            Algorithm::HmacSha256 => (Kind::Hmac, Some(Hash::Sha256)),
            Algorithm::HmacSha384 => (Kind::Hmac, Some(Hash::Sha384)),
            Algorithm::HmacSha512 => (Kind::Hmac, Some(Hash::Sha512)),
            Algorithm::HashSha1 => (Kind::Hash, Some(Hash::Sha1)),
            Algorithm::HashSha256 => (Kind::Hash, Some(Hash::Sha256)),
            Algorithm::Token => (Kind::Token, None),
            Algorithm::Ed25519 => (Kind::Ed25519, None),
            Algorithm::RsaSha256 => (Kind::Rsa, Some(Hash::Sha256)),
            Algorithm::RsaSha512 => (Kind::Rsa, Some(Hash::Sha512)),
            Algorithm::EcdsaSha256 => (Kind::Ecdsa, Some(Hash::Sha256)),
            _ => return None,
        };
        // A signature cannot be read from itself.
        if scheme.signature.iter().any(|source| source.place == Place::Signature) {
            return None;
        }
        // A time nobody compares is only part of the content.
        let compared = scheme.timestamp.as_ref();
        let compared =
            compared.filter(|rule| rule.unit != Unit::Raw && (rule.past_s.is_some() || rule.future_s.is_some()));
        Some(Self {
            kind,
            hash,
            places: scheme.signature.iter().map(value).collect::<Option<_>>()?,
            pieces: scheme.content.parts().iter().map(piece).collect::<Option<_>>()?,
            time: compared.map(|rule| time(rule).ok_or(())).transpose().ok()?,
            encoding: (kind != Kind::Token).then_some(scheme.encoding),
            key: scheme.key,
            split: scheme.split.clone(),
            prefix: scheme.prefix.clone(),
        })
    }

    /// Every value that is read, wherever it is used.
    fn values(&self) -> impl Iterator<Item = &Value> {
        let pieces = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(value) => Some(value),
            _ => None,
        });
        pieces.chain(self.time.iter().map(|time| &time.value)).chain(&self.places)
    }

    /// How its key is written; none has a hash or a token.
    fn key_form(&self) -> Option<KeyForm> {
        (!matches!(self.kind, Kind::Hash | Kind::Token)).then_some(self.key)
    }

    /// Whether only the vendor can sign, and the secret is its public key.
    fn is_public(&self) -> bool {
        matches!(self.kind, Kind::Ed25519 | Kind::Rsa | Kind::Ecdsa)
    }

    fn has(&self, is: impl Fn(&Value) -> bool) -> bool {
        self.values().any(is)
    }

    /// Every text that code gets as a literal.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let pieces =
            self.pieces.iter().filter_map(|piece| if let Piece::Text(text) = piece { Some(text) } else { None });
        let names = self.values().flat_map(|value| match value {
            Value::Header(names) | Value::Json(names) => names.as_slice(),
            Value::Item(name) | Value::Param(name) => std::slice::from_ref(name),
            _ => &[],
        });
        pieces.chain(names).chain([&self.split, &self.prefix]).map(String::as_str)
    }

    /// What has to be there beside the signature.
    fn needed(&self) -> Vec<&Value> {
        let mut needed: Vec<&Value> = Vec::new();
        for value in self.values() {
            let maybe = matches!(value, Value::Header(_) | Value::Item(_) | Value::Position(_) | Value::Json(_));
            if maybe && !self.places.contains(value) && !needed.contains(&value) {
                needed.push(value);
            }
        }
        needed
    }
}

/// Code in one language.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CodeSample {
    /// The language's name for programs.
    pub language: String,
    /// Its name for people.
    pub name: String,
    /// The code.
    pub code: String,
}

/// The code that verifies a vendor's scheme, in every language it can be written in: none for
/// JWT, for RSA-PSS, and for schemes with a rule of their own.
pub fn samples(vendor: &str, scheme: &Scheme) -> Vec<CodeSample> {
    let in_language = |language: &Language| {
        let code = rendered(vendor, scheme, language, &[])?;
        Some(CodeSample { language: language.id.into(), name: language.name.into(), code })
    };
    LANGUAGES.iter().filter_map(in_language).collect()
}

/// The verifying code; `imports` are taken in beside its own.
pub(crate) fn rendered(vendor: &str, scheme: &Scheme, language: &Language, imports: &[&'static str]) -> Option<String> {
    let Scheme::Digest(digest) = scheme else { return None };
    let model = Model::of(digest)?;
    // A file of a user's own may say anything: what no shipped one says is not put into code.
    if !model.texts().all(is_plain) {
        return None;
    }
    let all = |values: Vec<Option<String>>| values.into_iter().collect::<Option<Vec<String>>>();
    let seconds = |limit: Option<u32>| limit.filter(|limit| *limit > 0);
    let check = match &model.time {
        None => None,
        Some(time) => Some(context! {
            expression => (language.signed_at)(time)?,
            past_s => seconds(time.past_s),
            future_s => seconds(time.future_s),
            past_ms => seconds(time.past_s).map(|s| u64::from(s) * 1_000),
            future_ms => seconds(time.future_s).map(|s| u64::from(s) * 1_000),
        }),
    };
    let split_class: String =
        model.split.chars().flat_map(|c| if "]\\^-/".contains(c) { vec!['\\', c] } else { vec![c] }).collect();
    let mut taken_in = (language.imports)(&model);
    taken_in.extend(imports);
    if !imports.is_empty() {
        taken_in.sort_unstable();
        taken_in.dedup();
    }
    let context = context! {
        vendor => comment(vendor),
        kind => model.kind,
        hash => model.hash.map(language.hash),
        places => all(model.places.iter().map(language.place).collect())?,
        pieces => all(model.pieces.iter().map(language.piece).collect())?,
        needed => all(model.needed().into_iter().map(language.value).collect())?,
        imports => taken_in,
        check,
        key => (language.key)(model.key)?,
        found => (language.found)(model.encoding)?,
        split => !model.split.is_empty(),
        split_class,
        split_text => model.split,
        prefix => model.prefix,
        public => model.kind == Kind::Rsa || model.kind == Kind::Ecdsa,
        prefix_length => model.prefix.len(),
        item => model.has(|value| matches!(value, Value::Item(_))),
        position => model.has(|value| matches!(value, Value::Position(_))),
        header => model.has(|value| matches!(value, Value::Header(_))),
        json => model.has(|value| matches!(value, Value::Json(_))),
        url => model.has(|value| *value == Value::Url),
        path => model.has(|value| *value == Value::Path),
        method => model.has(|value| *value == Value::Method),
        params => model.has(|value| matches!(value, Value::Param(_))),
    };
    let mut environment = Environment::new();
    environment.add_filter("literal", |text: &str| literal(text));
    environment.render_str(language.template, context).ok()
}

/// Whether a text, escaped as JSON is, is read alike by all of the languages: PHP and Ruby take `$`
/// and `#` for the beginning of an expression, and not all have an escape for what is not ASCII.
pub(crate) fn is_plain(text: &str) -> bool {
    text.chars().all(|c| (c.is_ascii_graphic() || c == ' ' || c == '\n') && !matches!(c, '$' | '#'))
}

/// A text inside a comment of any language: it neither ends the comment nor begins a line.
pub(crate) fn comment(text: &str) -> String {
    let inert: String =
        text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect();
    inert.replace("*/", "* /").replace("?>", "? >").replace("\"\"\"", "'''")
}

/// A text that is plain as a literal of any language, and any text as one of JavaScript, Python or Go.
pub(crate) fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_schemes_are_literals_in_every_language() {
        let (catalogue, _) = hookline_provider::Catalogue::load([]);
        let (mut written, mut schemes) = (0, 0);
        for provider in catalogue.providers() {
            for record in &provider.schemes {
                let Scheme::Digest(digest) = &record.scheme else { continue };
                let parts = digest.content.parts().iter();
                let texts = parts.filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
                for text in texts.chain([&digest.prefix, &digest.split]) {
                    assert!(is_plain(text), "{}: {text:?}", provider.id);
                }
                if digest.algorithm.is_symmetric() {
                    schemes += 1;
                    written += usize::from(rendered(&provider.name, &record.scheme, &LANGUAGES[0], &[]).is_some());
                }
            }
        }
        assert!(written * 100 >= schemes * 90, "{written} of {schemes}");
    }
}
