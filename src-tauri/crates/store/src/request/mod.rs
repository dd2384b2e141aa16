//! Captured requests: lists, details, headers, marks and the raw HTTP message.

mod body;
mod committed;
mod detail;
mod headers;
mod list;
mod marks;
mod raw;

use std::sync::Arc;

use hookbench_capture::{IdTail, RowId};
use hookbench_model::RequestSummary;
use rusqlite::Connection;

pub use body::{body_start, body_stream, collect_body, inline_body};
pub use committed::{CommittedRequest, ReadLimits, committed_after, memory_of};
pub use detail::StoredRequest;
pub use list::{Head, List, head, insert_mark, is_whole, newest, set_response, summary_of};
pub use marks::mark;
pub use raw::{header_lines, raw_head};

pub use list::{APP_STATUS, NOBODY_STORED};

/// Properties of an inbox that lists need.
#[derive(Debug, Clone, Default)]
pub struct InboxLabel {
    /// Name of the inbox.
    pub name: String,
    /// Row number of the last request that counts as read.
    pub read_cursor: i64,
}

/// Lookup of inboxes by number, in memory.
pub trait InboxNames: Send + Sync {
    /// Returns the inbox with this number. `None` if the inbox was deleted.
    fn inbox(&self, number: i64) -> Option<InboxLabel>;
}

/// Reader of requests as shown by the API: with the names of inboxes, and without hidden requests.
#[derive(Clone)]
pub struct RequestReader {
    /// SQL condition that excludes hidden requests, from [`Hidden::condition`](crate::deletion::Hidden::condition).
    pub hidden: String,
    /// Suffix that turns row numbers into IDs.
    pub tail: IdTail,
    /// Lookup of inboxes.
    pub inboxes: Arc<dyn InboxNames>,
}

impl RequestReader {
    /// Lists requests, newest first.
    pub fn list(&self, connection: &Connection, list: &List) -> rusqlite::Result<Vec<RequestSummary>> {
        list::list(connection, list, &self.hidden, self.tail, &*self.inboxes)
    }

    /// Returns one request as shown in lists. `None` if the request is hidden or deleted.
    pub fn one(&self, connection: &Connection, id: RowId) -> rusqlite::Result<Option<RequestSummary>> {
        list::one(connection, id, &self.hidden, self.tail, &*self.inboxes)
    }

    /// Returns one request without its body. `None` if the request is hidden or deleted.
    pub fn stored(&self, connection: &Connection, id: RowId) -> rusqlite::Result<Option<StoredRequest>> {
        detail::detail(connection, id, &self.hidden, self.tail, &*self.inboxes)
    }
}

impl std::fmt::Debug for RequestReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestReader").field("hidden", &self.hidden).finish_non_exhaustive()
    }
}
