//! Forwards: where the requests of an inbox go on to, and which of them.

mod ask;
mod follow;
mod save;

use std::borrow::Cow;

use hookline_model::InboxResponse;
use hookline_provider::{Disable, OwnPolicy, RetryOn, Schedule};
use hookline_query::Query;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use follow::{keep_upto, spawn, upto};
pub(crate) use save::{Destinations, saved};

use crate::{
    Engine,
    answer::{self, known_on_arrival},
    onward::{HeaderRules, Onward, PathRule, leads_to, masked, unmasked},
    outbox::{EndpointRow, EndpointSettings, masked_url, parse},
};

/// Most forwards of one inbox.
const FORWARDS_MAX: usize = 20;

/// Longest name or URL, in bytes.
const TEXT_MAX: usize = 8 * 1024;

/// Longest wait for an app, in ms.
const TIMEOUT_MAX: u32 = 10 * 60 * 1_000;

/// How a forward stands to the sender's answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
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
    pub mode: Mode,
    /// How long the app may take, in ms.
    #[serde(default = "timeout")]
    pub timeout_ms: u32,
    /// When a failed attempt is made again; never if absent.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub retries: Option<Schedule>,
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
    pub(crate) since: i64,
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
    /// Its name, or else where it leads.
    pub(crate) fn shown_name(&self) -> Cow<'_, str> {
        if self.name.is_empty() { masked_url(&self.to) } else { self.name.as_str().into() }
    }

    /// The first thing wrong with it, in a sentence.
    fn check(&self) -> Result<Query, String> {
        let query = known_on_arrival(&self.when)?;
        if self.to.len() > TEXT_MAX || self.name.len() > TEXT_MAX {
            return Err(format!("A URL or name has at most {TEXT_MAX} bytes."));
        }
        parse(&self.to)?;
        self.headers.check()?;
        if ![self.timeout_ms, self.deadline_ms].iter().all(|ms| (1..=TIMEOUT_MAX).contains(ms)) {
            return Err(format!("Time-outs lie between 1 and {TIMEOUT_MAX} ms."));
        }
        if self.fallback.template {
            return Err("A fallback is no template: what it would be made of did not come.".into());
        }
        if self.fallback.fault.is_some() {
            return Err("A fallback goes wrong in no way; a rule's answer can.".into());
        }
        answer::check(&self.fallback)?;
        if let Some(schedule) = &self.retries
            && (schedule.retries() > hookline_provider::RETRIES_MAX as usize
                || schedule.waits_s().iter().any(|wait| !(0.0..=31_536_000.0).contains(wait)))
        {
            return Err("There are at most 100 retries, each within a year.".into());
        }
        Ok(query)
    }

    /// Its destination as the outbox keeps it.
    fn destination(&self) -> EndpointSettings {
        EndpointSettings {
            name: self.name.clone(),
            policy: OwnPolicy {
                timeout_ms: Some(self.timeout_ms),
                connect_timeout_ms: Some(self.timeout_ms.min(10_000)),
                schedule: Some(self.retries.clone().unwrap_or(Schedule::Fixed(Vec::new()))),
                retry_on: Some(RetryOn::All),
                disable: Some(Disable::Never),
                ..OwnPolicy::default()
            },
            ..EndpointSettings::to(self.to.clone())
        }
    }

    /// The name in `Via` by which it knows what it has forwarded already (RFC 9110 §7.6.3).
    pub(crate) fn pseudonym(&self) -> String {
        // The end of a UUIDv7 is random, its beginning the time.
        format!("hookline-{}", self.id.get(self.id.len().saturating_sub(12)..).unwrap_or_default())
    }

    /// Whether a request has come through it before, or through so many that it must be going round.
    pub(crate) fn loops(&self, headers: &[u8]) -> bool {
        /// Forwards one request may pass.
        const PASSES_MAX: usize = 10;
        let own = self.pseudonym();
        let mut passes = 0;
        for (name, value) in hookline_capture::header_list(headers) {
            if name.eq_ignore_ascii_case(b"via") {
                let value = String::from_utf8_lossy(value).to_ascii_lowercase();
                passes += value.matches("hookline-").count();
                if value.contains(&own) {
                    return true;
                }
            }
        }
        passes >= PASSES_MAX
    }

    /// Without values that are credentials.
    pub(crate) fn masked(&self) -> Self {
        let headers = HeaderRules { set: masked(&self.headers.set), ..self.headers.clone() };
        Self { headers, to: masked_url(&self.to).into_owned(), since: 0, ..self.clone() }
    }

    /// Takes a change in: a mask in a credential's place stands for the one that is there.
    fn keeping_secrets(mut self, was: &[Self]) -> Result<Self, String> {
        let kept = was.iter().find(|old| old.id == self.id);
        unmasked(&mut self.headers.set, kept.map(|old| old.headers.set.as_slice()).unwrap_or_default())?;
        if let Some(old) = kept.filter(|old| self.to == masked_url(&old.to)) {
            self.to.clone_from(&old.to);
        }
        Ok(self)
    }
}

/// A forward, ready to be asked about.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    pub(crate) forward: Forward,
    pub(crate) query: Query,
}

/// Forwards as they were saved; what no longer reads is left out and said in the log.
pub(crate) fn bound(forwards: &[Forward]) -> Vec<Bound> {
    let bind = |forward: &Forward| match known_on_arrival(&forward.when) {
        Ok(query) => Some(Bound { forward: forward.clone(), query }),
        Err(why) => {
            tracing::warn!(forward = &*forward.shown_name(), why, "a forward does not read");
            None
        }
    };
    forwards.iter().filter_map(bind).collect()
}

impl Engine {
    /// How a request goes on to a URL by a forward, as it is now. What it sets is for where it leads, and
    /// goes nowhere else.
    pub(crate) fn forward_onward(&self, inbox: i64, url: &str, endpoint: &EndpointRow) -> Result<Onward, String> {
        let address = self.addresses.by_number(inbox).ok_or("Its inbox was removed.")?;
        let bound = address.forwards.iter().find(|bound| bound.forward.id == endpoint.id);
        let forward = &bound.ok_or("The forward was removed.")?.forward;
        let catalogue = self.providers.catalogue();
        let resign = match (forward.resign, address.verification.scheme(&catalogue)) {
            (false, _) => None,
            (true, Some((_, record))) => Some((record.clone(), address.verification.keys())),
            (true, None) => return Err(format!("It cannot be signed: the inbox {} has no provider.", address.name)),
        };
        if !leads_to(&forward.to, url) {
            return Err("The forward leads elsewhere now; replay the request to send it there.".into());
        }
        let via = Some(format!("1.1 {}", forward.pseudonym()));
        Ok(Onward { rules: forward.headers.clone(), headers: None, body: None, resign, via })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(change: serde_json::Value) -> Result<Forward, String> {
        let mut settings = serde_json::json!({ "to": "http://localhost:3000" });
        settings.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let forward: Forward = serde_json::from_value(settings).map_err(|e| e.to_string())?;
        forward.check().map(|_| forward)
    }

    #[test]
    fn a_forward_that_cannot_be_is_refused() {
        use serde_json::json;
        assert!(forward(json!({})).is_ok());
        for bad in [
            json!({ "to": "localhost:3000" }),
            json!({ "to": "file:///etc/passwd" }),
            json!({ "when": "status:500" }),
            json!({ "when": "((" }),
            json!({ "timeout_ms": 0 }),
            json!({ "fallback": { "status": 99 } }),
            json!({ "fallback": { "template": true, "body": "{{ x }}" } }),
            json!({ "headers": { "set": [["Content-Length", "1"]] } }),
            json!({ "unknown": 1 }),
        ] {
            assert!(forward(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_it_has_forwarded_is_known_again() {
        let mut one = forward(serde_json::json!({})).expect("a forward");
        one.id = "019c0000-0000-7000-8000-0123456789ab".into();
        assert!(!one.loops(b"Via: 1.1 proxy\r\n"));
        assert!(one.loops(b"Via: 1.1 proxy, 1.1 hookline-0123456789ab\r\n"));
        assert!(one.loops(b"via: 1.1 HOOKLINE-0123456789AB\r\n"));
        let many = (0..10).map(|n| format!("Via: 1.1 hookline-{n}\r\n")).collect::<String>();
        assert!(one.loops(many.as_bytes()));
    }
}
