//! The store: one SQLite file, one writer thread, a pool of readers.

mod checkpoint;
mod chunk;
mod commit;
#[cfg(test)]
pub(crate) mod for_tests;
mod handle;
mod id;
mod log;
mod open;
mod place;
mod queue;
mod read;
mod row;
mod schema;
mod writer;

pub use chunk::delete_chunks;
pub use commit::{CommitError, CommitWaiter, WriteError};
pub use handle::Store;
pub use id::{IdTail, RowId};
pub use open::{OpenError, Plan};
pub use read::{BodyBlocks, ReadError, Readers, read_chunk, read_chunks};
pub use schema::{APPLICATION_ID, SCHEMA, SCHEMA_NAMES, SCHEMA_VIA};
pub use writer::{Committed, OnCommit, Transaction};
