//! The tables of a data folder beside those of the captured requests: one file per table, with typed columns.
//!
//! Every function works on a connection that the caller has: one that only reads, or the writer's inside a transaction.
#![forbid(unsafe_code)]

pub mod check;
pub mod deletion;
pub mod delivery;
pub mod endpoint;
pub mod endpoint_stats;
pub mod event;
pub mod feed;
pub mod inbox;
pub mod inferred_schema;
mod masked;
mod migrations;
mod own_files;
mod providers;
pub mod refusal;
pub mod replay;
pub mod replay_report;
pub mod request;
pub mod response;
pub mod response_file;
pub mod retention;
pub mod saved_search;
pub mod sequence;
pub mod settings;
pub mod timeline;
pub mod tunnel;
pub mod verification;

pub use masked::{masked_forward, masked_headers, masked_replay};
pub use migrations::{VERSION, migrate};
pub use own_files::{OwnFiles, own_files};
pub use providers::{Providers, catalogue};
