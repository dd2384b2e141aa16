//! The protocol between relay and agent.
//!
//! The agent opens one connection to the relay and requests an upgrade at [`ATTACH`]. After the upgrade, both speak
//! HTTP/2 with the relay as the client. Each webhook is one `PUT` request ([`Delivery`]), which is idempotent by its
//! id. The status of the response is the acknowledgment ([`Ack`]). The agent sends requests to the relay with HTTP/1.1
//! under [`PREFIX`], signed with the key of the device ([`Signed`]).

mod control;
mod delivery;
mod device;
mod socket;
mod tuning;

pub use control::{
    BasicCredentials, Enrol, Enrolled, ErrorResponse, ExposedInbox, Fallback, Hello, InboxHandshake, Resume,
    SessionEnd, SessionStatus, ShownInbox,
};
pub use delivery::{Ack, AppResponse, BodyPlace, Delivery};
pub use device::{DeviceKey, NotSigned, Signed, Signer, device_of, random};
pub use socket::{Side, Socket};
pub use tuning::{
    CREDIT, ENVELOPE_MAX, INLINE_MAX, PING_EVERY, PING_WITHIN, SILENCE_MAX, STATUS_EVERY, client_builder,
    server_builder,
};

/// Path prefix of all routes of a relay that are not webhooks. Inbox tokens never start with a dot.
pub const PREFIX: &str = "/.hookbench/v1";

/// Protocol name in the `Upgrade` header.
pub const PROTOCOL: &str = "hookbench-h2/1";

/// Path at which an agent requests the upgrade.
pub const ATTACH: &str = "/.hookbench/v1/attach";

/// Path prefix of a delivery on an attached connection; inbox and id follow.
pub const DELIVER: &str = "/inbox/";

/// Path at which a relay sends its status to an attached agent.
pub const STATUS: &str = "/status";
