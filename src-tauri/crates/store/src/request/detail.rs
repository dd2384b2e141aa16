//! Full request without the body.

use hookbench_capture::{IdTail, RowId};
use hookbench_model::{InboxResponse, MASK, RequestDetail, RequestSummary, RequestViolation, timestamp};
use hookbench_provider::is_secret_header;
use hookbench_query::body::content_of;
use rusqlite::{Connection, OptionalExtension};

use super::{headers, list::one};
use crate::{request::InboxNames, response, verification};

/// Parts of a stored request that the API combines.
pub struct StoredRequest {
    /// Request as shown in lists.
    pub summary: RequestSummary,
    /// Header block as received, not masked.
    pub header_block: Vec<u8>,
    /// Trailer block as received, not masked.
    pub trailer_block: Vec<u8>,
    /// Response that the sender got, and its source. The source is `None` for the response of the inbox.
    pub response: Option<(InboxResponse, Option<String>)>,
    /// Explanation of the signature status.
    pub sentence: Option<String>,
    /// Differences between the payload and the schema of its event.
    violations: Vec<RequestViolation>,
}

/// Returns a stored request without the body. `None` if the request is hidden or deleted.
pub(crate) fn detail(
    connection: &Connection,
    id: RowId,
    hidden: &str,
    tail: IdTail,
    inboxes: &dyn InboxNames,
) -> rusqlite::Result<Option<StoredRequest>> {
    let Some(summary) = one(connection, id, hidden, tail, inboxes)? else { return Ok(None) };
    let head = connection
        .prepare_cached("SELECT headers, coalesce(trailers, x''), response FROM request WHERE id = ?1")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?)))
        .optional()?;
    let Some((header_block, trailer_block, response)) = head else { return Ok(None) };
    let response = match response {
        Some(number) => response::load(connection, number)?,
        None => None,
    };
    let sentence = verification::sentence(connection, id)?;
    let violations = verification::violations(connection, id)?;
    Ok(Some(StoredRequest { summary, header_block, trailer_block, response, sentence, violations }))
}

impl StoredRequest {
    /// Returns the request as shown by the API. Credentials are masked unless `reveal` is set.
    pub fn shown(self, id: RowId, reveal: bool) -> RequestDetail {
        let (mut response, response_origin) =
            self.response.map_or((None, None), |(response, origin)| (Some(response), origin));
        for (name, value) in response.iter_mut().flat_map(|response| &mut response.headers) {
            // A vendor's handshake may require the vendor's secret in a response header.
            if !reveal && is_secret_header(name.as_bytes()) {
                MASK.clone_into(value);
            }
        }
        RequestDetail {
            headers: headers::lines(&self.header_block, reveal),
            trailers: headers::lines(&self.trailer_block, reveal),
            content: content_of(&self.header_block),
            stored_at: timestamp(id.unix_ms() * 1_000),
            sentence: self.sentence,
            violations: self.violations,
            response,
            response_origin,
            summary: self.summary,
        }
    }
}
