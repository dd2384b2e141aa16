//! Endpoints.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{DeliveryPolicy, MASK, PolicyOverrides, masked_url};

/// Most requests on their way to one endpoint at a time, unless it is set.
const CONCURRENCY: u32 = 16;

/// A header that is sent with every request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointHeader {
    /// Its name.
    pub name: String,
    /// Its value; masked when read if it is secret.
    pub value: String,
    /// Whether the value is a credential.
    #[serde(default)]
    pub secret: bool,
}

/// A signing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointSecret {
    /// As the vendor shows it; masked when read.
    pub value: String,
    /// Until when it signs beside its successor; none for the current one.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What a person sets about an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointSettings {
    /// Its name; the URL's host if empty.
    #[serde(default)]
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Id of the vendor that Hookline is.
    pub provider: String,
    /// Which of the vendor's schemes; the usual one if none.
    #[serde(default)]
    pub scheme: Option<String>,
    /// The flow, website, account or workspace it belongs to: caps and uniqueness count inside it.
    #[serde(default)]
    pub scope: String,
    /// Event types it gets, `*` at the end standing for any ending; all, also those to come, if none.
    #[serde(default)]
    pub events: Option<Vec<String>>,
    /// Whether what it gets is signed; as the vendor does if absent.
    #[serde(default)]
    pub signed: Option<bool>,
    /// Signing secrets, the current one first.
    #[serde(default)]
    pub secrets: Vec<EndpointSecret>,
    /// Settings the scheme names.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Headers sent with every request.
    #[serde(default)]
    pub headers: Vec<EndpointHeader>,
    /// What is set of how it is delivered to; all else is as the vendor does.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub policy: PolicyOverrides,
    /// Whether plain `http:` is allowed though the vendor forbids it.
    #[serde(default)]
    pub local_test: bool,
    /// Certificates in PEM that are trusted: the endpoint's own, whatever it says, or those of the
    /// authorities that signed it.
    #[serde(default)]
    pub trusted_certificate: Option<String>,
    /// The certificate in PEM that is shown to an endpoint which asks for one, its chain and its private key
    /// behind it; masked when read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// Requests on their way at a time.
    #[serde(default = "concurrency")]
    pub concurrency: u32,
    /// Most requests a second; no limit if absent.
    #[serde(default)]
    pub rate: Option<f64>,
    /// How many times faster than the clock its waits go.
    #[serde(default = "one")]
    pub speed: f64,
    /// Whether its time stands still.
    #[serde(default)]
    pub paused: bool,
}

fn concurrency() -> u32 {
    CONCURRENCY
}

fn one() -> f64 {
    1.0
}

/// Whether an endpoint gets anything, and why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndpointState {
    /// Whether it does.
    pub enabled: bool,
    /// Why not, in a sentence.
    pub reason: Option<String>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Failed attempts in a row.
    pub failed_attempts: u32,
    /// Deliveries in a row whose retries are used up.
    pub exhausted: u32,
}

/// An address Hookline sends to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// What is set.
    #[serde(flatten)]
    pub settings: EndpointSettings,
    /// The policy that is in force.
    #[schema(value_type = Object)]
    pub policy_in_force: DeliveryPolicy,
    /// How it stands.
    pub state: EndpointState,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// How an endpoint fared over the last 24 hours, by the deliveries made in them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EndpointStats {
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Deliveries that failed or were exhausted.
    pub failed: u64,
    /// The part that arrived, from 0 to 1; none where nothing ended.
    pub success_rate: Option<f64>,
    /// What half of the attempts that arrived took at most, in ms.
    pub p50_ms: Option<f64>,
    /// What 99 of 100 took at most, in ms.
    pub p99_ms: Option<f64>,
    /// Whether only the newest deliveries were looked at, there being more.
    pub cut: bool,
    /// The same by time, the oldest first.
    pub slices: Vec<EndpointStatsSlice>,
}

/// Half an hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EndpointStatsSlice {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Deliveries that arrived.
    pub delivered: u64,
    /// Deliveries that failed or were exhausted.
    pub failed: u64,
    /// What half of those that arrived took at most, in ms.
    pub p50_ms: Option<f64>,
}

impl EndpointSettings {
    /// A destination that is no vendor's.
    pub fn to(url: String) -> Self {
        Self {
            name: String::new(),
            url,
            provider: String::new(),
            scheme: None,
            scope: String::new(),
            events: None,
            signed: None,
            secrets: Vec::new(),
            params: BTreeMap::new(),
            headers: Vec::new(),
            policy: PolicyOverrides::default(),
            local_test: true,
            trusted_certificate: None,
            client_certificate: None,
            concurrency: CONCURRENCY,
            rate: None,
            speed: 1.0,
            paused: false,
        }
    }

    pub fn takes(&self, kind: &str) -> bool {
        self.events.as_ref().is_none_or(|events| events.iter().any(|event| matches_type(event, kind)))
    }

    /// Takes a change in: a mask in a secret's place stands for the secret that is there.
    pub fn keeping_secrets(mut self, was: &Self) -> Self {
        for (place, secret) in self.secrets.iter_mut().enumerate().filter(|(_, secret)| secret.value == MASK) {
            secret.value = was.secrets.get(place).map(|kept| kept.value.clone()).unwrap_or_default();
        }
        for header in self.headers.iter_mut().filter(|header| header.value == MASK) {
            let kept = was.headers.iter().find(|kept| kept.name == header.name);
            header.value = kept.map(|kept| kept.value.clone()).unwrap_or_default();
        }
        self.secrets.retain(|secret| !secret.value.is_empty());
        if self.client_certificate.as_deref() == Some(MASK) {
            self.client_certificate.clone_from(&was.client_certificate);
        }
        if self.url == masked_url(&was.url) {
            self.url.clone_from(&was.url);
        }
        self
    }
}

/// Whether an event type is one that is chosen: the same, or one that begins with what stands before a `*`
/// at the end, as `chat.*`.
pub fn matches_type(chosen: &str, kind: &str) -> bool {
    match chosen.strip_suffix('*') {
        Some(beginning) => kind.starts_with(beginning),
        None => chosen == kind,
    }
}
