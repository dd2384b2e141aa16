//! Endpoints, their settings and their statistics.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{DeliveryPolicy, MASK, PolicyOverrides, masked_url};

/// Default maximum number of concurrent requests to one endpoint.
const CONCURRENCY: u32 = 16;

/// A custom header of an endpoint, sent with every request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointHeader {
    /// Name of the header.
    pub name: String,
    /// Value of the header. Masked when read if the value is a credential.
    pub value: String,
    /// True if the value is a credential. Default: false.
    #[serde(default)]
    pub secret: bool,
}

/// A signing secret of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointSecret {
    /// Secret as the vendor displays it. Masked when read.
    pub value: String,
    /// Time until which requests are also signed with this secret after a rotation. Null for the current secret.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Settings of an endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointSettings {
    /// Name of the endpoint. The host of the URL is shown if the name is empty.
    #[serde(default)]
    pub name: String,
    /// URL of the endpoint.
    pub url: String,
    /// ID of the provider that Hookbench sends as.
    pub provider: String,
    /// ID of the signature scheme. Default: the first scheme of the provider.
    #[serde(default)]
    pub scheme: Option<String>,
    /// Account, flow, website or workspace that the endpoint belongs to. The limits of the vendor apply to each account
    /// separately.
    #[serde(default)]
    pub account: String,
    /// Event types that the endpoint receives. A trailing `*` matches any suffix. Null subscribes to every event type,
    /// including future ones.
    #[serde(default)]
    pub events: Option<Vec<String>>,
    /// True to sign requests. Null signs requests if the vendor does.
    #[serde(default)]
    pub signed: Option<bool>,
    /// Signing secrets, the current one first. At most 64.
    #[serde(default)]
    pub secrets: Vec<EndpointSecret>,
    /// Parameters of the signature scheme.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Custom headers, sent with every request. At most 64.
    #[serde(default)]
    pub headers: Vec<EndpointHeader>,
    /// Values that override the delivery policy of the vendor.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub policy: PolicyOverrides,
    /// True to allow plain `http:` for local testing, although the vendor requires HTTPS. Default: false.
    #[serde(default)]
    pub local_test: bool,
    /// Trusted certificates in PEM: the certificate of the endpoint, whose host names are not checked, or those of the
    /// certificate authorities that issued it.
    #[serde(default)]
    pub trusted_certificate: Option<String>,
    /// Client certificate in PEM, followed by its chain and its private key, for endpoints that require one. Masked
    /// when read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// Maximum number of concurrent requests, from 1 to 256. Default: 16.
    #[serde(default = "concurrency")]
    pub concurrency: u32,
    /// Maximum number of requests per second, from 0.0001 to 1000000. Null sets no limit.
    #[serde(default)]
    pub rate: Option<f64>,
    /// Factor that divides retry delays, from 0.001 to 100000. Default: 1.
    #[serde(default = "one")]
    pub time_scale: f64,
    /// True if the retry clock is paused. No attempts are made while the clock is paused. Default: false.
    #[serde(default)]
    pub paused: bool,
}

fn concurrency() -> u32 {
    CONCURRENCY
}

fn one() -> f64 {
    1.0
}

/// State of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndpointState {
    /// True if the endpoint is enabled.
    pub enabled: bool,
    /// Reason why the endpoint is disabled, in one sentence.
    pub reason: Option<String>,
    /// Time at which the endpoint was enabled or disabled.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Number of consecutive failed attempts.
    pub failed_attempts: u32,
    /// Number of consecutive deliveries whose retries all failed.
    pub exhausted: u32,
}

/// A destination that Hookbench sends webhooks to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Endpoint {
    /// ID of the endpoint.
    pub id: String,
    /// Settings of the endpoint.
    #[serde(flatten)]
    pub settings: EndpointSettings,
    /// Effective delivery policy: the vendor's policy with the overrides of the endpoint.
    #[schema(value_type = Object)]
    pub policy_in_force: DeliveryPolicy,
    /// State of the endpoint.
    pub state: EndpointState,
    /// Time at which the endpoint was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Statistics of an endpoint for the deliveries created in the last 24 hours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EndpointStats {
    /// Number of deliveries that succeeded.
    pub delivered: u64,
    /// Number of deliveries that failed, including those whose retries all failed.
    pub failed: u64,
    /// Share of deliveries that succeeded, from 0 to 1. Null if no delivery has ended.
    pub success_rate: Option<f64>,
    /// Median duration of successful attempts, in ms.
    pub p50_ms: Option<f64>,
    /// 95th percentile of the durations of successful attempts, in ms.
    pub p95_ms: Option<f64>,
    /// 99th percentile of the durations of successful attempts, in ms.
    pub p99_ms: Option<f64>,
    /// Number of deliveries that were skipped, because the endpoint was disabled.
    pub skipped: u64,
    /// Number of attempts after the first one of each delivery.
    pub retries: u64,
    /// True if the statistics cover only the newest 200000 deliveries.
    pub cut: bool,
    /// Statistics by half hour, oldest first.
    pub slices: Vec<EndpointStatsSlice>,
}

/// Statistics of half an hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EndpointStatsSlice {
    /// Start of the half hour.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Number of deliveries that succeeded.
    pub delivered: u64,
    /// Number of deliveries that failed, including those whose retries all failed.
    pub failed: u64,
    /// Number of deliveries that were skipped, because the endpoint was disabled.
    pub skipped: u64,
    /// Median duration of successful attempts, in ms.
    pub p50_ms: Option<f64>,
    /// 95th percentile of the durations of successful attempts, in ms.
    pub p95_ms: Option<f64>,
}

impl EndpointSettings {
    /// Creates the settings of a destination without a provider, such as the destination of a forward. Plain `http:` is
    /// allowed. All other settings have their defaults.
    pub fn to(url: String) -> Self {
        Self {
            name: String::new(),
            url,
            provider: String::new(),
            scheme: None,
            account: String::new(),
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
            time_scale: 1.0,
            paused: false,
        }
    }

    /// Returns true if the endpoint is subscribed to this event type.
    pub fn takes(&self, kind: &str) -> bool {
        self.events.as_ref().is_none_or(|events| events.iter().any(|event| matches_type(event, kind)))
    }

    /// Returns these settings with each masked credential replaced by the value in `was`. Secrets are matched by
    /// position, headers by name. A masked secret without a counterpart is removed.
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

/// Returns true if the event type `kind` matches the subscription `chosen`: `chosen` is the same type, or ends in `*`
/// and the text before it is a prefix of the type, as in `chat.*`.
pub fn matches_type(chosen: &str, kind: &str) -> bool {
    match chosen.strip_suffix('*') {
        Some(beginning) => kind.starts_with(beginning),
        None => chosen == kind,
    }
}

/// A page of endpoints, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EndpointList {
    /// The items.
    pub items: Vec<Endpoint>,
    /// Value of `after` for the next page. `null` on the last page.
    pub next: Option<String>,
    /// Number of the last change that the list includes.
    pub seq: i64,
}

/// The signing secrets of an endpoint, unmasked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EndpointSecretList {
    /// The items.
    pub items: Vec<EndpointSecret>,
}
