//! The store: one SQLite file, one writer thread, a pool of readers.

mod commit;
mod id;
mod open;
mod read;
mod schema;
mod writer;

pub use commit::{CommitError, CommitWaiter, Fault, WriteError};
pub use id::{IdTail, RowId};
pub use open::{OpenError, Plan};
pub use read::{BodyBlocks, ReadError, Readers, read_chunk};
pub use schema::SCHEMA;
pub use writer::{Health, OnCommit, Store, delete_chunks};
