//! Project files (`hookbench.toml`): parsing, differences to what is there, and export. Without I/O: the caller reads
//! the files, the environment and the output of commands.
#![forbid(unsafe_code)]

mod document;
mod export;
mod file;
mod plan;
mod reference;
mod schema;

pub use document::{Document, Fault, Source};
pub use export::export;
pub use file::{ProjectFile, ProjectInbox, ProjectTunnel};
pub use plan::{Action, Existing, FieldChange, InboxTarget, Plan, PlanOptions, PlannedChange, Target, plan};
pub use reference::{Origin, Reference};
pub use schema::schema;
