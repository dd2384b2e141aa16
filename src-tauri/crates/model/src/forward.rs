//! Forwards of an inbox.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{HeaderRules, InboxResponse, PathRule, RetrySchedule, masked_url};

/// Mode of a forward.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForwardMode {
    /// Mirror: the inbox responds first, and the request is forwarded in the background.
    #[default]
    Mirror,
    /// Proxy: the sender gets the response of the app. Only the first proxy forward that matches a request is used.
    Proxy,
}

/// A forward: a destination that matching requests of an inbox are sent to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Forward {
    /// ID of the forward, assigned when the forward is saved. The deliveries of the forward have this ID as their
    /// endpoint.
    #[serde(default)]
    pub id: String,
    /// Name of the forward. The URL is shown if the name is empty.
    #[serde(default)]
    pub name: String,
    /// True if the forward is enabled. Default: true.
    #[serde(default = "on")]
    pub enabled: bool,
    /// Query that selects the requests to forward. An empty query selects all.
    #[serde(default)]
    pub when: String,
    /// URL of the destination. Credentials are masked when read.
    pub to: String,
    /// Path of the outgoing request. Default: `append`.
    #[serde(default)]
    pub path: PathRule,
    /// Changes to the headers. Default: `forwarded` is true.
    #[serde(default = "forwarding")]
    pub headers: HeaderRules,
    /// Templates that change the body and headers. Null forwards the body unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<ForwardTransform>,
    /// Mode of the forward. Default: `mirror`.
    #[serde(default)]
    pub mode: ForwardMode,
    /// Timeout of an attempt, in ms, from 1 to 600000. Default: 30000.
    #[serde(default = "timeout")]
    pub timeout_ms: u32,
    /// Retry schedule. Null sends each request once.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub retries: Option<RetrySchedule>,
    /// Proxy mode: time that the sender waits for the app before the fallback is sent, in ms, from 1 to 600000.
    /// Default: 9000.
    #[serde(default = "deadline")]
    pub deadline_ms: u32,
    /// Proxy mode: response that the sender gets if the app does not respond in time. The fallback cannot use a
    /// template or fault injection. Default: 502 with a short text.
    #[serde(default = "bad_gateway")]
    pub fallback: InboxResponse,
    /// True if requests are re-signed with the secret of the inbox and a new timestamp. Default: false.
    #[serde(default)]
    pub re_sign: bool,
    /// True if the forward belongs to a command and is deleted when the command ends. Default: false.
    #[serde(default)]
    pub ephemeral: bool,
    /// Row number of the last request before the forward was created. Earlier requests are not forwarded. The store
    /// sets the value and ignores the value in API requests.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schema(ignore)]
    pub since: i64,
}

/// Templates that change a request before it is forwarded, in the language of response templates. `request.uuid` is the
/// ID of the delivery and `request.now` the time at which it was created, so each attempt sends the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForwardTransform {
    /// Template of the body, at most 64 KiB. Null keeps the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Headers to set, as `[name, template]`. At most 64. Headers with credentials are not allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Vec<String>>)]
    pub headers: Vec<(String, String)>,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

fn on() -> bool {
    true
}

fn forwarding() -> HeaderRules {
    HeaderRules { forwarded: true, ..HeaderRules::default() }
}

fn timeout() -> u32 {
    30_000
}

/// Returns the default deadline of proxy mode, in ms. Stripe, GitHub and Slack time out after 3 to 20 seconds, most
/// vendors after 10 seconds.
fn deadline() -> u32 {
    9_000
}

fn bad_gateway() -> InboxResponse {
    InboxResponse { status: 502, body: "The app did not respond.\n".into(), ..InboxResponse::default() }
}

impl Forward {
    /// Creates a forward of every request to a URL, with the default settings.
    pub fn to(url: String) -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            enabled: on(),
            when: String::new(),
            to: url,
            path: PathRule::default(),
            headers: forwarding(),
            transform: None,
            mode: ForwardMode::default(),
            timeout_ms: timeout(),
            retries: None,
            deadline_ms: deadline(),
            fallback: bad_gateway(),
            re_sign: false,
            ephemeral: false,
            since: 0,
        }
    }

    /// Returns the name to display: the name, or the URL with masked credentials if the name is empty.
    pub fn shown_name(&self) -> Cow<'_, str> {
        if self.name.is_empty() { masked_url(&self.to) } else { self.name.as_str().into() }
    }

    /// Returns the pseudonym that this forward writes into `Via` (RFC 9110 §7.6.3) to detect a forwarding loop.
    pub fn pseudonym(&self) -> String {
        // The last digits of a UUIDv7 are random; the first ones are the time.
        format!("hookbench-{}", self.id.get(self.id.len().saturating_sub(12)..).unwrap_or_default())
    }
}
