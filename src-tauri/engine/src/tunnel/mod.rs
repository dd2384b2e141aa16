//! Tunnels: how inboxes are reached from outside. A relay keeps what arrives while this machine is away,
//! and hands it on as deliveries, each of which enters an inbox once.

mod away;
mod deliver;
mod row;
mod run;
mod wanted;

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use away::{Decided, Triage};
pub(crate) use deliver::{Entry, in_turn};
pub(crate) use row::{ExposureRow, TunnelRow, Tunnelled, held, tunnelled};
pub(crate) use run::{TunnelError, Tunnels};

use crate::request::MASK;

/// Most networks an inbox is open to.
const NETWORKS_MAX: usize = 50;

/// Longest name or password, in bytes.
const TEXT_MAX: usize = 256;

/// Longest time a sender is kept waiting, in ms: as long as a relay keeps it.
const WAIT_MAX: u32 = 60_000;

/// What reached its relay this long ago came while nobody was here: what is younger was cut off by a
/// moment's loss of the connection, and goes on like any other. By the relay's clock alone.
const AWAY_AFTER: Duration = Duration::from_secs(60);

/// A way in from outside.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Tunnel {
    /// Its id.
    pub id: String,
    /// Where the relay is.
    pub relay: String,
    /// What this machine is called there.
    pub device: String,
    /// Whether it keeps what arrives while this machine is away.
    pub durable: bool,
    /// Whether it is to be up.
    pub on: bool,
    /// How it stands.
    pub state: TunnelState,
    /// When and why it was down last.
    pub last_drop: Option<Drop>,
    /// The inboxes that can be reached through it, and no others.
    pub exposures: Vec<Exposure>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A loss of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Drop {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// How a tunnel stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum TunnelState {
    /// It was stopped.
    Off,
    /// It is being dialled.
    Connecting,
    /// It is up.
    Online {
        /// Since when.
        #[schema(value_type = String, format = DateTime)]
        since: Timestamp,
        /// From the relay here and back, in ms; none before it was measured.
        round_trip_ms: Option<f64>,
    },
    /// It is down, and dialled again.
    Waiting {
        /// Why it is down.
        why: String,
        /// When it is dialled.
        #[schema(value_type = String, format = DateTime)]
        again_at: Timestamp,
    },
    /// It is down until somebody starts it.
    Over {
        /// Why.
        why: String,
    },
}

/// An inbox that can be reached from outside.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Exposure {
    /// The inbox.
    pub inbox: String,
    /// Where senders reach it. Whoever knows it can send.
    pub url: String,
    /// Deliveries that wait at the relay, as far as it has said.
    pub waiting: u64,
    /// Requests that arrived while this machine was away, and of which nobody has said what to do.
    pub away: u64,
    /// Why the relay does not yet have it as it is set, if so.
    pub problem: Option<String>,
    /// What vendors ask that only a key can answer, and so waits for this machine; none of it if empty.
    pub keyed: Vec<String>,
    /// How it is exposed; the password is masked.
    pub settings: ExposureSettings,
}

/// How an inbox is exposed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExposureSettings {
    /// How long a sender waits for this machine's answer, in ms; as its vendor allows if absent, 0 not at all.
    pub wait_ms: Option<u32>,
    /// Name and password senders have to give.
    pub basic: Option<Basic>,
    /// Networks that may send, such as `192.0.2.0/24`; any if empty.
    pub allow: Vec<String>,
    /// Whether only requests whose signature holds go on to an app.
    pub verified_only: bool,
    /// Whether the relay is given the inbox's secrets, to answer questions that need them while this machine
    /// is away. Whoever runs the relay can then sign as the vendor does.
    pub give_secrets: bool,
    /// What is done with requests that arrived while this machine was away.
    pub on_return: OnReturn,
}

/// A name and a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The name.
    pub name: String,
    /// The password; masked when read.
    pub password: String,
}

/// What is done with requests that arrived while this machine was away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnReturn {
    /// A person is asked, where the inbox forwards at all.
    #[default]
    Ask,
    /// They go on like any other.
    Forward,
    /// They stay in the inbox.
    Hold,
}

impl ExposureSettings {
    /// The first thing wrong with it, in a sentence.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.wait_ms.is_some_and(|ms| ms > WAIT_MAX) {
            return Err(format!("A sender waits {} s at most.", WAIT_MAX / 1_000));
        }
        if self.allow.len() > NETWORKS_MAX {
            return Err(format!("An inbox is open to {NETWORKS_MAX} networks at most."));
        }
        if let Some(Basic { name, password }) = &self.basic {
            if name.is_empty() || name.contains(':') {
                return Err("A name has at least one character, and no colon (RFC 7617).".into());
            }
            if name.len() > TEXT_MAX || password.len() > TEXT_MAX {
                return Err(format!("A name or password has at most {TEXT_MAX} bytes."));
            }
        }
        Ok(())
    }

    /// Without the password.
    fn masked(&self) -> Self {
        let mut masked = self.clone();
        if let Some(basic) = &mut masked.basic {
            basic.password = MASK.to_owned();
        }
        masked
    }

    /// Takes a change in: a mask in the password's place stands for the one that is there.
    pub(crate) fn changed_to(&self, mut new: Self) -> Self {
        if let (Some(was), Some(basic)) = (&self.basic, &mut new.basic)
            && basic.password == MASK
        {
            basic.password.clone_from(&was.password);
        }
        new
    }
}

/// What the relay last said of what waits, by the name the inbox has there.
type Waiting = BTreeMap<String, u64>;
