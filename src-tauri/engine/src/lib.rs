//! The Hookline engine: inboxes, requests and the feed, and one API over them.
//!
//! [`Engine::open`] owns a data directory. [`api::router`] is the API as a value; whoever holds it
//! decides how it is reached. The receiver is started apart and shares nothing with the API.
#![forbid(unsafe_code)]

mod answer;
pub mod api;
mod backup;
mod ballast;
mod check;
mod compose;
mod data_dir;
mod engine;
mod export;
mod feed;
mod forward;
mod handshake;
mod import;
mod inbox;
mod job;
mod judge;
pub mod lab;
mod notice;
mod onward;
mod outbox;
mod own_files;
mod providers;
mod receiver;
mod refusal;
mod removal;
mod replay;
mod request;
mod retention;
mod saved_query;
mod schema;
mod schema_infer;
mod search;
mod settings;
mod test_event;
mod thread;
mod time;
mod tunnel;
mod verification;

pub use answer::{AtEnd, Per, Rule};
pub use check::{CheckRun, CheckSettings};
pub use data_dir::{DataDir, DataDirError, LiveEngine, OwnerKind, has_database};
pub use engine::{Engine, EngineError};
pub use feed::{Change, Feed, FeedGone, Item, Subscription};
pub use forward::{Forward, Mode};
pub use hookline_capture::{Clock, Limits, descriptors};
pub use hookline_codegen::{CodeSample, handlers, samples, shell};
pub use hookline_formats::{Bad, Format};
pub use hookline_model::HeaderLine;
pub use hookline_model::SignatureStatus;
pub use hookline_model::{InboxResponse, ResponseFault, ResponseFile};
pub use hookline_provider::{BadFile, Catalogue, Provider};
pub use hookline_query::{Field, Kind, Query, QueryError};
pub use hookline_schema::{TextFormat, Type, What};
pub use import::{Imported, ImportedBefore};
pub use inbox::Inbox;
pub use onward::{HeaderRules, PathRule};
pub use outbox::{
    Attempt, Cause, Delivery, DeliveryDetail, DeliveryState, Endpoint, EndpointHeader, EndpointSecret,
    EndpointSettings, EndpointState, EndpointStats, ErrorKind, Event, Found, Origin, Phase, SendError, StatsSlice,
    Timings,
};
pub use providers::catalogue;
pub use receiver::ReceiverState;
pub use replay::{Edit, Replay, ReplaySettings, ReplayState, Resign, Target};
pub use request::{Detail, Onward, Summary};
pub use saved_query::{SavedQuery, SavedQueryNew};
pub use search::Indexing;
pub use settings::{OnClose, Retention, Settings};
pub use tunnel::{Basic, Exposure, ExposureSettings, OnReturn, Tunnel, TunnelState};
pub use verification::Verification;
