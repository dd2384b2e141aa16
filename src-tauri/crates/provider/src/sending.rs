//! Being a vendor: what it sends, and how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use hookbench_model::DeliveryPolicy;

use crate::sample;

/// What a vendor sends, and how.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sending {
    /// Headers beside the signature's: `{event}` and `{delivery}` stand for type and id.
    pub headers: BTreeMap<String, String>,
    /// Headers of a retry alone: `{retry}` stands for its number from 1, `{reason}` for why the attempt
    /// before it failed, in Slack's words.
    pub retry_headers: BTreeMap<String, String>,
    /// What the id is that a receiver recognises repeats by.
    pub id_of: IdOf,
    /// Schemes that sign beside the endpoint's own, by their ids.
    pub also_signs: Vec<String>,
    /// Whether the vendor has more event types than those listed here.
    pub more_events: bool,
    /// Whether it signs; where it does not, its scheme is an option.
    pub signed: bool,
    /// How a secret is made up.
    pub secret: SecretForm,
    /// Its event types, in the vendor's order.
    pub events: Vec<EventType>,
    /// What its test button sends; the first event if absent.
    pub test: Option<Test>,
    /// What a receiver easily gets wrong.
    pub traps: Vec<Trap>,
    /// How it delivers.
    pub policy: DeliveryPolicy,
}

/// What an id that a vendor sends in a header belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdOf {
    /// One delivery: each endpoint gets another.
    #[default]
    Delivery,
    /// The event: all endpoints get the same.
    Event,
}

/// One event type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventType {
    /// Its name on the wire.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it tells, in a few words.
    pub about: String,
    /// A payload with places for made-up values.
    pub sample: Value,
    /// Fields of it the vendor states, by path; every other is assumed. `*` is all of them.
    pub stated: Vec<String>,
}

/// What a test button sends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Test {
    /// The event type it says.
    pub event: String,
    /// Its payload.
    pub sample: Value,
}

/// Something that bites receivers of a vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trap {
    /// Event types it concerns; all if empty.
    #[serde(default)]
    pub events: Vec<String>,
    /// What happens and what to do instead.
    pub warning: String,
}

/// How a vendor's secrets look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretForm {
    /// 32 random bytes as 64 hexadecimal digits.
    #[default]
    Hex,
    /// 32 random bytes in base64 behind `whsec_` (Standard Webhooks).
    Whsec,
    /// 32 random hexadecimal digits.
    ShortHex,
}

/// The `[sending]` table of a provider's file; samples are JSON texts there, since TOML has no null.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    retry_headers: BTreeMap<String, String>,
    #[serde(default)]
    id_of: IdOf,
    #[serde(default)]
    also_signs: Vec<String>,
    #[serde(default)]
    more_events: bool,
    #[serde(default = "yes")]
    signed: bool,
    #[serde(default)]
    secret: SecretForm,
    #[serde(default)]
    events: Vec<FileEvent>,
    test: Option<FileTest>,
    #[serde(default)]
    traps: Vec<Trap>,
    #[serde(default)]
    policy: DeliveryPolicy,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEvent {
    #[serde(rename = "type")]
    kind: String,
    about: String,
    sample: String,
    #[serde(default)]
    stated: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTest {
    event: String,
    sample: String,
}

fn yes() -> bool {
    true
}

fn json(whose: &str, text: &str) -> Result<Value, String> {
    let value = serde_json::from_str(text).map_err(|e| format!("the sample of {whose:?} is no JSON: {e}"))?;
    match sample::faults(&value).first() {
        Some(place) => Err(format!("the sample of {whose:?} has {{{{{place}}}}}, which is no kind of value")),
        None => Ok(value),
    }
}

impl File {
    pub(crate) fn read(self) -> Result<Sending, String> {
        let events = self.events.into_iter().map(|event| {
            let sample = json(&event.kind, &event.sample)?;
            Ok(EventType { kind: event.kind, about: event.about, sample, stated: event.stated })
        });
        let test =
            self.test.map(|test| Ok::<_, String>(Test { sample: json("test", &test.sample)?, event: test.event }));
        Ok(Sending {
            headers: self.headers,
            retry_headers: self.retry_headers,
            id_of: self.id_of,
            also_signs: self.also_signs,
            more_events: self.more_events,
            signed: self.signed,
            secret: self.secret,
            events: events.collect::<Result<_, String>>()?,
            test: test.transpose()?,
            traps: self.traps,
            policy: self.policy,
        })
    }
}

impl EventType {
    /// Whether the vendor states a field, given by its path such as `data.chat_id`.
    pub fn states(&self, path: &str) -> bool {
        self.stated.iter().any(|stated| stated == "*" || stated == path)
    }
}
