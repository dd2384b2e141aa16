//! Location of a value in a message.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::message::ParsedMessage;

/// Location in a message, written as `header:Name`, `query:name`, `form:name` or `json:a.b`.
///
/// A timestamp can also use `signature:t`, an item of the value that contains the signature, or `signature:0` for the
/// first item if items have no names. `body:whole` is the body. `header:A|B` is the first header that is present,
/// `header:Name-*` is every header that begins with `Name-`, and `#2` at the end assigns the location to the second
/// secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Part of the message that contains the value.
    pub place: Place,
    /// Name or path in that part.
    pub name: String,
    /// Index of the only secret that signs this location, from 0. Any secret if absent.
    pub secret: Option<usize>,
}

/// Part of a message that a value is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A header.
    Header,
    /// A parameter of the query.
    Query,
    /// A field of a form body.
    Form,
    /// A scalar of a JSON body.
    Json,
    /// A scalar of the JSON text in a form field. The first step of the path is the name of the field.
    FormJson,
    /// The entire body.
    Body,
    /// A `key=value` item of the value that contains the signature.
    Signature,
}

const PLACES: &[(&str, Place)] = &[
    ("header", Place::Header),
    ("query", Place::Query),
    ("form", Place::Form),
    ("json", Place::Json),
    ("form-json", Place::FormJson),
    ("body", Place::Body),
    ("signature", Place::Signature),
];

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (place, rest) =
            text.split_once(':').ok_or_else(|| format!("the location {text:?} has no type: write header:Name"))?;
        let place = PLACES.iter().find(|(name, _)| *name == place).map(|(_, place)| *place).ok_or_else(|| {
            let known: Vec<_> = PLACES.iter().map(|(name, _)| *name).collect();
            format!("unknown location type {place:?} (allowed: {})", known.join(", "))
        })?;
        let (name, secret) = match rest.rsplit_once('#') {
            Some((name, number)) => match number.parse::<usize>() {
                Ok(number @ 1..) => (name, Some(number - 1)),
                _ => {
                    return Err(format!(
                        "the secret number {number:?} is invalid: it must be an integer of at least 1"
                    ));
                }
            },
            None => (rest, None),
        };
        if name.is_empty() {
            return Err(format!("the location {text:?} has no name"));
        }
        // Token characters of RFC 9110 §5.6.2, including `|` and `*` for alternatives and wildcards.
        let token = |c: char| c.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]{}".contains(c);
        if place == Place::Header && !name.chars().all(token) {
            return Err(format!("{name:?} is not a valid header name"));
        }
        Ok(Self { place, name: name.to_owned(), secret })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = PLACES.iter().find(|(_, place)| *place == self.place).map_or("", |(name, _)| name);
        write!(f, "{place}:{}", self.name)?;
        self.secret.map_or(Ok(()), |number| write!(f, "#{}", number + 1))
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Source {
    /// Describes the location in plain words, such as `the header X-Signature`.
    pub fn shown(&self) -> String {
        let name = self.name.split('|').next().unwrap_or(&self.name);
        match self.place {
            Place::Header => format!("the header {name}"),
            Place::Query => format!("the query parameter {name}"),
            Place::Form => format!("the form field {name}"),
            Place::Json => format!("the body field {name}"),
            Place::FormJson => format!("the form field {name}"),
            Place::Body => "the body".into(),
            Place::Signature => format!("the item {name} of the signature"),
        }
    }

    /// Returns the name of the header to set when signing, or `None` if the location is not a header.
    pub fn header_name(&self) -> Option<String> {
        (self.place == Place::Header).then(|| self.name.split('|').next().unwrap_or(&self.name).replace('*', "1"))
    }

    /// Returns all values at the location. Invalid UTF-8 is replaced, because no signature or timestamp contains it.
    pub(crate) fn values(&self, reading: &ParsedMessage<'_>) -> Vec<String> {
        let message = &reading.message;
        let text = |value: &[u8]| String::from_utf8_lossy(value).trim().to_owned();
        match self.place {
            Place::Header if self.name.ends_with('*') => {
                let start = self.name.trim_end_matches('*');
                message
                    .headers
                    .iter()
                    .filter(|(name, _)| name.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start)))
                    .map(|(_, value)| text(value))
                    .collect()
            }
            Place::Header => self
                .name
                .split('|')
                .map(|name| message.header_values(name).map(text).collect::<Vec<_>>())
                .find(|values| !values.is_empty())
                .unwrap_or_default(),
            Place::Query => message.query(&self.name).into_iter().collect(),
            Place::Form => reading.field_values(&self.name),
            Place::Json => reading.json(&self.name).into_iter().collect(),
            Place::FormJson => reading.form_json(&self.name).into_iter().collect(),
            Place::Body => std::iter::once(text(message.body)).filter(|text| !text.is_empty()).collect(),
            Place::Signature => Vec::new(),
        }
    }

    /// Returns the first value at the location.
    pub fn value(&self, reading: &ParsedMessage<'_>) -> Option<String> {
        self.values(reading).into_iter().next()
    }

    /// Returns true if the location has a value. For a JSON body, an object or an array counts as a value.
    pub fn is_in(&self, reading: &ParsedMessage<'_>) -> bool {
        match self.place {
            Place::Json => reading.has_json(&self.name),
            _ => self.value(reading).is_some(),
        }
    }
}
