//! SSH remote port forwarding like `ssh -R` (RFC 4254 §7), without an installed SSH client and without a local port.

mod banner;
mod destination;
mod dial;
mod host_key;
mod known_hosts;
mod login;
mod session;
mod stream;

pub use destination::{Destination, Remote, usual_remote};
pub use dial::{DialError, dial};
pub use session::{Event, Session};
pub use stream::Stream;
