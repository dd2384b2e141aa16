//! Captured requests: lists, details, headers, and the forms they are copied in.

mod body;
mod detail;
mod headers;
mod list;
mod marks;
mod raw;

use std::sync::Arc;

use hookline_capture::{IdTail, RowId};
use hookline_model::RequestSummary;
use rusqlite::Connection;

pub use body::{body_stream, collect_body};
pub use detail::Stored;
pub use list::{List, set_response, summary_of};
pub use marks::mark;
pub use raw::{header_lines, raw_head};

pub use list::NOBODY_STORED;

/// What a list shows of an inbox.
#[derive(Debug, Clone)]
pub struct InboxLabel {
    /// The inbox's name.
    pub name: String,
    /// Row number up to which its requests count as read.
    pub read_upto: i64,
}

/// The inboxes by their numbers, in memory.
pub trait InboxNames: Send + Sync {
    /// The inbox with a number. `None` where it was deleted.
    fn inbox(&self, number: i64) -> Option<InboxLabel>;
}

/// Reads requests as the API shows them: with the names of inboxes, and without the hidden ones.
#[derive(Clone)]
pub struct RequestReader {
    /// An SQL condition that leaves out hidden requests, as [`Hidden::condition`](crate::deletion::Hidden::condition) gives it.
    pub hidden: String,
    /// Turns row numbers into ids.
    pub tail: IdTail,
    /// The inboxes.
    pub inboxes: Arc<dyn InboxNames>,
}

impl RequestReader {
    /// Lists requests, newest first.
    pub fn list(&self, connection: &Connection, list: &List) -> rusqlite::Result<Vec<RequestSummary>> {
        list::list(connection, list, &self.hidden, self.tail, &*self.inboxes)
    }

    /// Reads one request as a list shows it. `None` where it is hidden or deleted.
    pub fn one(&self, connection: &Connection, id: RowId) -> rusqlite::Result<Option<RequestSummary>> {
        list::one(connection, id, &self.hidden, self.tail, &*self.inboxes)
    }

    /// Reads one request in full, but for its body. `None` where it is hidden or deleted.
    pub fn stored(&self, connection: &Connection, id: RowId) -> rusqlite::Result<Option<Stored>> {
        detail::detail(connection, id, &self.hidden, self.tail, &*self.inboxes)
    }
}

impl std::fmt::Debug for RequestReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestReader").field("hidden", &self.hidden).finish_non_exhaustive()
    }
}
