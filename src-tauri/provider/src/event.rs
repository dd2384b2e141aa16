//! Reading event type and event id out of a message, and recognising its sender.

use std::{fmt, str::FromStr};

use hookline_signature::{Place, Reading, Source};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Catalogue, Provider};

/// Longest event type or id that is kept, in characters: what is longer is none.
const VALUE_MAX: usize = 200;

/// One or more places whose values belong together, written `json:type+json:action`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places(Vec<Source>);

impl FromStr for Places {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split('+').map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("+"))
    }
}

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Places {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Places {
    /// The places.
    pub fn sources(&self) -> &[Source] {
        &self.0
    }

    /// The values there, joined by a full stop; none unless all are there.
    fn value(&self, reading: &Reading<'_>) -> Option<String> {
        let values: Vec<String> = self.0.iter().map(|source| source.value(reading)).collect::<Option<_>>()?;
        let value = values.join(".");
        (!value.is_empty() && value.chars().count() <= VALUE_MAX).then_some(value)
    }

    fn there(&self, reading: &Reading<'_>) -> bool {
        self.0.iter().all(|source| source.is_in(reading))
    }
}

/// What a message says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recognised {
    /// The vendor's id.
    pub provider: Option<String>,
    /// The event type.
    pub event_type: Option<String>,
    /// The event's id.
    pub event_id: Option<String>,
}

impl Provider {
    /// Event type and id as this vendor gives them.
    pub fn read(&self, reading: &Reading<'_>) -> Recognised {
        let first = |places: &[Places]| places.iter().find_map(|place| place.value(reading));
        Recognised {
            provider: Some(self.id.clone()),
            event_type: first(&self.event_type),
            event_id: first(&self.event_id),
        }
    }

    /// Headers of which one is there if this vendor sent the message, in lower case; none where
    /// only the body tells.
    pub(crate) fn hint_headers(&self) -> Vec<String> {
        let first = self.recognise.iter().flat_map(|places| &places.0).find(|source| source.place == Place::Header);
        first.map_or_else(Vec::new, |source| source.name.split('|').map(str::to_ascii_lowercase).collect())
    }

    fn sent(&self, reading: &Reading<'_>) -> bool {
        !self.recognise.is_empty() && self.recognise.iter().all(|place| place.there(reading))
    }
}

impl Catalogue {
    /// The vendor a message looks like; of several the one of whom most is there.
    pub fn recognise(&self, reading: &Reading<'_>) -> Option<&Provider> {
        self.candidates(&reading.message()).filter(|provider| provider.sent(reading)).max_by_key(|provider| {
            // The generic scheme is also that of many a vendor who says more of itself.
            (provider.recognise.len(), !["standard-webhooks", "svix"].contains(&provider.id.as_str()))
        })
    }
}
