//! What relay and laptop say to each other.
//!
//! The laptop opens one connection to the relay and asks to [`ATTACH`]: from then on HTTP/2 is spoken on
//! it with the relay as the client. Each webhook is one `PUT` of [`deliver`](Delivery), idempotent by its
//! id, whose status is the acknowledgement ([`Ack`]). What the laptop wants of the relay is ordinary HTTP
//! under [`PREFIX`], signed with its key ([`Signed`]).

mod control;
mod delivery;
mod device;
mod socket;
mod tuning;

pub use control::{
    Ended, Enrol, Enrolled, Fallback, Hello, Refused, Resume, ShownInbox, Standing, Wanted, WantedBasic,
    WantedHandshake,
};
pub use delivery::{Ack, AppAnswer, BodyPlace, Delivery};
pub use device::{DeviceKey, NotSigned, Signed, Signer, device_of, random};
pub use socket::{Side, Socket};
pub use tuning::{
    CREDIT, ENVELOPE_MAX, INLINE_MAX, PING_EVERY, PING_WITHIN, SILENCE_MAX, STATUS_EVERY, client_builder,
    server_builder,
};

/// Where everything of a relay that is no webhook stands. No inbox token can begin with a dot.
pub const PREFIX: &str = "/.hookbench/v1";

/// What a laptop asks a connection to become (`Upgrade`).
pub const PROTOCOL: &str = "hookbench-h2/1";

/// Path at which a laptop asks for it.
pub const ATTACH: &str = "/.hookbench/v1/attach";

/// Path of a delivery on an attached connection; inbox and id follow.
pub const DELIVER: &str = "/inbox/";

/// Path at which a relay tells an attached laptop how things stand.
pub const STATUS: &str = "/standing";
