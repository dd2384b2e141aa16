//! The Hookline engine: inboxes, requests and the feed, and one API over them.
//!
//! [`Engine::open`] owns a data directory. [`api::router`] is the API as a value; whoever holds it
//! decides how it is reached. The receiver is started apart and shares nothing with the API.
#![forbid(unsafe_code)]

mod answer;
pub mod api;
mod backup;
mod ballast;
mod data_dir;
mod engine;
mod export;
mod forward;
mod handshake;
mod import;
mod inbox;
mod job;
mod judge;
pub mod lab;
mod notice;
mod outgoing;
mod receiver;
mod refusal;
mod replay;
mod request;
mod schema_infer;
mod test_event;
mod time;
mod tunnel;
mod verification;

pub use data_dir::{DataDir, DataDirError, LiveEngine, OwnerKind, has_database};
pub use engine::{Engine, EngineError};
pub use hookline_capture::{Clock, descriptors};
pub use hookline_codegen::{handlers, samples, shell};
pub use hookline_provider::{BadFile, Catalogue, Provider};
pub use hookline_query::{Field, FieldKind, Query, QueryError};
pub use hookline_schema::{TextFormat, Type, What};
pub use hookline_store::catalogue;
pub use hookline_store::feed::{Feed, FeedGone, Subscription};
