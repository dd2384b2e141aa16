//! The outbox: everything that leaves, as deliveries with attempts.
//!
//! `schedule` knows what is due; `run` makes the attempts, each written down before it leaves and
//! after it ends; `outcome` says what an attempt means by the vendor's policy.

mod attempt;
mod connect;
mod delivery;
mod diagnose;
mod endpoint;
mod event;
mod exchange;
mod filter;
mod ledger;
mod outcome;
mod payload;
mod progress;
mod retention;
mod rules;
mod run;
mod schedule;
mod stats;
mod trust;
mod url;

pub(crate) use attempt::Exchange;
pub(crate) use connect::Connections;
pub(crate) use delivery::{deliveries_of, deliveries_of_request};
pub(crate) use exchange::{Outgoing, Tee, Terms};
pub(crate) use payload::Payload;

pub(crate) use delivery::{Answered, answer_of, detail, list, number_of, one};
pub(crate) use endpoint::{Beside, EndpointRow, Purpose, new_secret, once};
pub(crate) use endpoint::{keys, masked_settings, policy_in_force, shown_name, signing, trust};
pub(crate) use event::{EventNew, Receiver, insert as insert_event, list as list_events, number_of as event_number};
pub(crate) use filter::{BadFilter, Conditions, DeliveryFilter};
pub(crate) use progress::{Claimed, New, Of, OfRequest, due_again, end, numbers, skip_waiting};
pub(crate) use rules::RATE_MIN;
pub(crate) use rules::{fault, is_counted};
pub(crate) use run::{Loaded, Outbox, Unmade, load};
pub(crate) use schedule::Schedule;
pub(crate) use stats::stats;
pub(crate) use trust::Trust;
pub(crate) use url::{is_this_machine, parse, target_of};
