//! The outbox: everything that leaves, as deliveries with attempts.
//!
//! `schedule` knows what is due; `run` makes the attempts, each written down before it leaves and
//! after it ends; `outcome` says what an attempt means by the vendor's policy.

mod connect;
mod diagnose;
mod endpoint;
mod exchange;
mod ledger;
mod outcome;
mod payload;
mod retention;
mod rules;
mod run;
mod schedule;
mod trust;
mod url;

pub(crate) use connect::Connections;
pub(crate) use exchange::{Outgoing, Tee, Terms};
pub(crate) use payload::Payload;

pub(crate) use endpoint::{keys, new_secret, once, shown_name, signing, trust};
pub(crate) use rules::RATE_MIN;
pub(crate) use rules::{fault, is_counted};
pub(crate) use run::{Loaded, Outbox, Unmade, load};
pub(crate) use schedule::Schedule;
pub(crate) use trust::Trust;
pub(crate) use url::{is_this_machine, parse, target_of};
