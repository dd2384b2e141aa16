//! The engine, which owns a data directory and connects the components that use it.
//!
//! [`Engine::open`] locks a data directory and starts its components: the listener, the pipeline that processes
//! committed requests, forwards, replays, deliveries, checks, tunnels, imports, exports and retention. The API routes
//! are in `hookbench-api`, which holds an engine.
#![forbid(unsafe_code)]

pub mod backup;
pub mod debugger;
mod engine;
mod entry;
pub mod export;
pub mod forward;
mod handshake;
pub mod import;
pub mod inbox;
pub mod job;
pub mod listener;
pub mod outgoing;
mod outgoing_changes;
pub mod pipeline;
pub mod refusal;
pub mod replay;
pub mod report;
pub mod request;
pub mod response;
pub mod test_event;
pub mod traffic;
pub mod tunnel;
pub mod update;
pub mod verification;

pub use engine::{Engine, EngineError};
pub use hookbench_capture::{Clock, ballast::free_bytes, descriptors, header_list};
pub use hookbench_codegen::{handlers, samples, shell};
pub use hookbench_delivery::{
    Connections, DURATIONS_MS as ATTEMPT_DURATIONS_MS, Outgoing, Payload, SendOptions, TraceContext, Trust, exchange,
    is_this_machine, span_id,
};
pub use hookbench_provider::{BadFile, Catalog, Provider};
pub use hookbench_query::{Query, QueryError, QueryField, QueryFieldKind};
pub use hookbench_schema::{ChangeKind, TextFormat, Type};
pub use hookbench_store::feed::{Feed, FeedGone, Subscription};
pub use hookbench_store::{
    catalog,
    data_dir::{DataDir, DataDirError, LiveEngine, OwnerKind, has_database},
    database_file, delivery, takeover,
};
