//! A remote port of an SSH host, as connections that arrive here: what `ssh -R` does (RFC 4254 §7), without
//! a program to install and without a local port.

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
