//! Forwards of an inbox.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{HeaderRules, InboxResponse, PathRule, RetrySchedule, masked_url};

/// How a forward stands to the sender's answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForwardMode {
    /// The sender is answered first, and the request goes on behind it.
    #[default]
    Copy,
    /// The sender gets what the app answers. The first such forward that matches is asked, and no other.
    Answer,
}

/// Where requests of an inbox go on to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Forward {
    /// Its id; made when it is saved. Its deliveries have it as their endpoint.
    #[serde(default)]
    pub id: String,
    /// Its name; the URL if empty.
    #[serde(default)]
    pub name: String,
    /// Whether anything goes on.
    #[serde(default = "on")]
    pub enabled: bool,
    /// Which requests, as a query; all if empty.
    #[serde(default)]
    pub when: String,
    /// The destination's URL.
    pub to: String,
    /// What of a request's target stands behind it.
    #[serde(default)]
    pub path: PathRule,
    /// What changes of the headers.
    #[serde(default = "forwarding")]
    pub headers: HeaderRules,
    /// Whether the sender waits for the app's answer.
    #[serde(default)]
    pub mode: ForwardMode,
    /// How long the app may take, in ms.
    #[serde(default = "timeout")]
    pub timeout_ms: u32,
    /// When a failed attempt is made again; never if absent.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub retries: Option<RetrySchedule>,
    /// In answer mode: how long the sender waits for the app before it gets the fallback, in ms.
    #[serde(default = "deadline")]
    pub deadline_ms: u32,
    /// In answer mode: what the sender gets where the app answers nothing in time.
    #[serde(default = "bad_gateway")]
    pub fallback: InboxResponse,
    /// Whether the signature is made anew with the inbox's own secret, with a new timestamp.
    #[serde(default)]
    pub resign: bool,
    /// Whether it is a command's own, and ends with it.
    #[serde(default)]
    pub passing: bool,
    /// Row number of the last request before it was made: what was there already does not go. It is the
    /// store's own, and whatever a caller says is passed over.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schema(ignore)]
    pub since: i64,
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

/// Stripe, GitHub and Slack give up after 3 to 20 seconds; most after ten.
fn deadline() -> u32 {
    9_000
}

fn bad_gateway() -> InboxResponse {
    InboxResponse {
        status: 502,
        body: "The app behind this address did not answer.\n".into(),
        ..InboxResponse::default()
    }
}

impl Forward {
    /// The name as shown: the masked URL where there is no name.
    pub fn shown_name(&self) -> Cow<'_, str> {
        if self.name.is_empty() { masked_url(&self.to) } else { self.name.as_str().into() }
    }

    /// The pseudonym that this forward writes into `Via` (RFC 9110 §7.6.3), by which it recognises a loop.
    pub fn pseudonym(&self) -> String {
        // The end of a UUIDv7 is random, its beginning the time.
        format!("hookline-{}", self.id.get(self.id.len().saturating_sub(12)..).unwrap_or_default())
    }
}
