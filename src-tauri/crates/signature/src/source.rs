//! Where in a message a value stands.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::message::Reading;

/// A place in a message, written `header:Name`, `query:name`, `form:name`, `json:a.b`, and for a
/// timestamp also `signature:t`, an item of the signature's own value; `signature:0` is its first,
/// where items have no names. `body:whole` is the body.
///
/// `header:A|B` is the first that is there, `header:Name-*` every header that starts so, and
/// `#2` at the end says that only the second secret belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What it is read from.
    pub place: Place,
    /// The name there.
    pub name: String,
    /// The one secret that signs it, from 0.
    pub secret: Option<usize>,
}

/// What a value is read from.
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
    /// A scalar of the JSON text in a field of a form: its name is the first step of the path.
    FormJson,
    /// The body, whole.
    Body,
    /// An item `key=value` of the value the signature stands in.
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
        let (place, rest) = text.split_once(':').ok_or_else(|| format!("{text:?} is no place: write header:Name"))?;
        let place = PLACES.iter().find(|(name, _)| *name == place).map(|(_, place)| *place).ok_or_else(|| {
            let known: Vec<_> = PLACES.iter().map(|(name, _)| *name).collect();
            format!("{place:?} is no place; there are {}", known.join(", "))
        })?;
        let (name, secret) = match rest.rsplit_once('#') {
            Some((name, number)) => match number.parse::<usize>() {
                Ok(number @ 1..) => (name, Some(number - 1)),
                _ => return Err(format!("{number:?} is no number of a secret; they count from 1")),
            },
            None => (rest, None),
        };
        if name.is_empty() {
            return Err(format!("{text:?} names nothing"));
        }
        // RFC 9110 §5.6.2, with what alternatives and endings are written by.
        let token = |c: char| c.is_ascii_graphic() && !"\"(),/:;<=>?@[\\]{}".contains(c);
        if place == Place::Header && !name.chars().all(token) {
            return Err(format!("{name:?} is no name of a header"));
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
    /// What a person calls it.
    pub fn shown(&self) -> String {
        let name = self.name.split('|').next().unwrap_or(&self.name);
        match self.place {
            Place::Header => format!("the header {name}"),
            Place::Query => format!("the query parameter {name}"),
            Place::Form => format!("the form field {name}"),
            Place::Json => format!("the body's {name}"),
            Place::FormJson => format!("the form's {name}"),
            Place::Body => "the body".into(),
            Place::Signature => format!("the item {name} of the signature"),
        }
    }

    /// The header it is written to when signing, if it is one.
    pub fn header_name(&self) -> Option<String> {
        (self.place == Place::Header).then(|| self.name.split('|').next().unwrap_or(&self.name).replace('*', "1"))
    }

    /// Every value there. Bytes that are not UTF-8 are none a signature or a timestamp can have.
    pub(crate) fn values(&self, reading: &Reading<'_>) -> Vec<String> {
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

    /// The first value there.
    pub fn value(&self, reading: &Reading<'_>) -> Option<String> {
        self.values(reading).into_iter().next()
    }

    /// Whether anything stands there, an object or a list of a JSON body too.
    pub fn is_in(&self, reading: &Reading<'_>) -> bool {
        match self.place {
            Place::Json => reading.has_json(&self.name),
            _ => self.value(reading).is_some(),
        }
    }
}
