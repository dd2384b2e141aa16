//! Tables of the data directory other than those of the captured requests: one module per table, with typed columns.
//!
//! Every function uses a connection of the caller: a read-only connection, or the writer's connection inside a
//! transaction.
#![forbid(unsafe_code)]

pub mod check;
pub mod data_dir;
pub mod database_file;
pub mod deletion;
pub mod delivery;
pub mod endpoint;
pub mod endpoint_stats;
pub mod event;
pub mod feed;
pub mod imported_file;
pub mod inbox;
pub mod inferred_schema;
pub mod known_host;
mod masked;
mod migrations;
mod own_files;
pub mod pipeline;
pub mod project;
mod providers;
pub mod refusal;
pub mod replay;
pub mod replay_report;
pub mod request;
pub mod response;
pub mod response_file;
pub mod retention;
pub mod saved_search;
pub mod scenario_run;
pub mod sequence;
pub mod settings;
mod sql;
pub mod takeover;
pub mod timeline;
pub mod traffic;
pub mod tunnel;
pub mod verification;

pub use masked::{masked_forward, masked_headers, masked_replay};
pub use migrations::{VERSION, migrate, size};
pub use own_files::{OwnFiles, own_files, remove_own_file, save_own_file};
pub use providers::{Providers, catalog};
