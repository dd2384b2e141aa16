//! Outgoing requests: deliveries with their attempts.
//!
//! [`Schedule`] stores when each delivery is due. [`Outbox`] makes the attempts. Each attempt is stored before it is
//! sent and after it ends. `next_attempt` decides by the vendor's policy if and when a delivery is retried.
//! `attempt_log` stores the decision and schedules the retry.
#![forbid(unsafe_code)]

mod attempt_log;
mod connection;
mod counters;
mod diagnosis;
mod download;
mod endpoint;
mod endpoint_rules;
mod exchange;
mod headers;
mod next_attempt;
mod outbox;
mod path;
mod payload;
mod retention;
mod schedule;
mod trace_context;
mod trust;
mod url;
pub mod vendor_request;

pub use connection::Connections;
pub use counters::{AttemptCounters, AttemptCounts, DURATIONS_MS};
pub use download::download;
pub use endpoint::{keys, new_secret, once, shown_name, signing, trust};
pub use endpoint_rules::{RATE_MIN, fault, is_counted};
pub use exchange::{Outgoing, ResponseTap, SendOptions, exchange};
pub use headers::{Headers, append, applied_headers, check_headers, responded, unmasked};
pub use outbox::{Loaded, Outbox, Parts, RequestSource, UnsentRequest, load};
pub use path::{joined, leads_to, rest_of};
pub use payload::Payload;
pub use schedule::Schedule;
pub use trace_context::{TraceContext, span_id};
pub use trust::Trust;
pub use url::{is_this_machine, parse, target_of};
