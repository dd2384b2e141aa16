//! Events and deliveries of a vendor, for sending as that vendor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use hookbench_model::DeliveryPolicy;

use crate::sample;

/// Events and deliveries of a vendor.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sending {
    /// Headers besides the signature. `{event}` and `{delivery}` are replaced by event type and delivery id.
    pub headers: BTreeMap<String, String>,
    /// Headers of retries only. `{retry}` is replaced by the number of the retry from 1, and `{reason}` by the reason
    /// why the previous attempt failed, in Slack's terms.
    pub retry_headers: BTreeMap<String, String>,
    /// Scope of the id that handlers use to detect duplicates.
    pub id_of: IdOf,
    /// Ids of schemes that sign in addition to the scheme of the endpoint.
    pub also_signs: Vec<String>,
    /// True if the vendor has more event types than those listed here.
    pub more_events: bool,
    /// True if the vendor signs by default. If false, signing is optional.
    pub signed: bool,
    /// Format of generated secrets.
    pub secret: SecretForm,
    /// Event types, in the order of the vendor's documentation.
    pub events: Vec<EventType>,
    /// Event sent by the vendor's test button. The first event if absent.
    pub test: Option<Test>,
    /// Common mistakes in handlers for this vendor.
    pub traps: Vec<Trap>,
    /// Delivery policy of the vendor.
    pub policy: DeliveryPolicy,
}

/// Scope of an id that a vendor sends in a header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdOf {
    /// The id identifies a delivery: each endpoint gets a different id.
    #[default]
    Delivery,
    /// The id identifies the event: all endpoints get the same id.
    Event,
}

/// Event type of a vendor.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventType {
    /// Name, unique within the vendor.
    #[serde(rename = "type")]
    pub kind: String,
    /// Event type as sent by the vendor. `None` if it is the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_as: Option<String>,
    /// Short description of the event.
    pub about: String,
    /// Sample payload with placeholders for generated values.
    pub sample: Sample,
    /// Paths of the sample fields that the vendor documents. All other fields are assumed. `*` means all fields.
    pub stated: Vec<String>,
}

/// Event sent by a vendor's test button.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Test {
    /// Event type.
    pub event: String,
    /// Sample payload.
    pub sample: Sample,
}

/// Sample payload as JSON text. It is parsed when it is used, because a vendor can have hundreds of events.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sample(Box<RawValue>);

impl Sample {
    /// Serializes a sample.
    pub fn new(value: &Value) -> Self {
        // A JSON value can always be serialized.
        Self(serde_json::value::to_raw_value(value).unwrap_or_default())
    }

    /// Parses the sample.
    pub fn value(&self) -> Value {
        serde_json::from_str(self.0.get()).unwrap_or_default()
    }
}

impl PartialEq for Sample {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

/// Common mistake in handlers for a vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trap {
    /// Affected event types. All if empty.
    #[serde(default)]
    pub events: Vec<String>,
    /// Problem and recommended handling.
    pub warning: String,
}

/// Format of a vendor's secrets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretForm {
    /// 32 random bytes as 64 hexadecimal digits.
    #[default]
    Hex,
    /// `whsec_` followed by 32 random bytes in base64 (Standard Webhooks).
    Whsec,
    /// 32 random hexadecimal digits.
    ShortHex,
}

/// The `[sending]` table of a provider file. Samples are JSON texts, because TOML has no null.
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

fn json(whose: &str, text: &str) -> Result<Sample, String> {
    let value = serde_json::from_str(text).map_err(|e| format!("the sample of {whose:?} is not JSON: {e}"))?;
    match sample::faults(&value).first() {
        Some(place) => Err(format!("the sample of {whose:?} has an unknown placeholder: {{{{{place}}}}}")),
        None => Ok(Sample::new(&value)),
    }
}

impl File {
    pub(crate) fn read(self) -> Result<Sending, String> {
        let events = self.events.into_iter().map(|event| {
            let sample = json(&event.kind, &event.sample)?;
            Ok(EventType { kind: event.kind, sent_as: None, about: event.about, sample, stated: event.stated })
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

impl Sending {
    /// Returns the event with a name, else the first event that is sent as the type.
    pub fn event(&self, name: &str) -> Option<&EventType> {
        let by_name = self.events.iter().find(|event| event.kind == name);
        by_name.or_else(|| self.events.iter().find(|event| event.sent_as() == name))
    }
}

impl EventType {
    /// Returns the event type as sent by the vendor.
    pub fn sent_as(&self) -> &str {
        self.sent_as.as_deref().unwrap_or(&self.kind)
    }

    /// Returns true if the vendor documents a field, given by a path such as `data.chat_id`.
    pub fn states(&self, path: &str) -> bool {
        self.stated.iter().any(|stated| stated == "*" || stated == path)
    }
}
