//! A request in full, but for its body.

use hookline_capture::{IdTail, RowId};
use hookline_model::{HeaderLine, InboxResponse, MASK};
use hookline_provider::is_secret_header;
use hookline_query::body::{Content, content_of};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    headers,
    list::{Summary, one},
};
use crate::{answer, inbox::Address, judge, time::timestamp};

/// A request in full. Its body has a route of its own.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Detail {
    /// What lists show of it.
    #[serde(flatten)]
    pub summary: Summary,
    /// Headers in wire order with repeats; credentials masked.
    pub headers: Vec<HeaderLine>,
    /// Trailers of a chunked body.
    pub trailers: Vec<HeaderLine>,
    /// What the body is said to be.
    pub content: Content,
    /// When the commit was done; the sender's answer came after.
    #[schema(value_type = String, format = DateTime)]
    pub stored_at: Timestamp,
    /// Why the signature does not hold, in a sentence.
    pub sentence: Option<String>,
    /// What the sender was answered; none where the receiver refused by itself.
    pub answer: Option<InboxResponse>,
    /// Whose answer it is, where the vendor asked for it and no person made it.
    pub answer_origin: Option<String>,
}

/// The parts of a stored request that routes put together.
pub(crate) struct Stored {
    pub(crate) summary: Summary,
    pub(crate) header_block: Vec<u8>,
    pub(crate) trailer_block: Vec<u8>,
    pub(crate) answer: Option<(InboxResponse, Option<String>)>,
    pub(crate) sentence: Option<String>,
}

/// A request's stored head, unless it is hidden.
pub(crate) fn detail(
    connection: &Connection,
    id: RowId,
    hidden: &str,
    tail: IdTail,
    inbox: &dyn Fn(i64) -> Option<Address>,
) -> rusqlite::Result<Option<Stored>> {
    let Some(summary) = one(connection, id, hidden, tail, inbox)? else { return Ok(None) };
    let head = connection
        .prepare_cached("SELECT headers, coalesce(trailers, x''), answer FROM request WHERE id = ?1")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?)))
        .optional()?;
    let Some((header_block, trailer_block, answer)) = head else { return Ok(None) };
    let answer = match answer {
        Some(number) => answer::load(connection, number)?,
        None => None,
    };
    let sentence = judge::sentence(connection, id)?;
    Ok(Some(Stored { summary, header_block, trailer_block, answer, sentence }))
}

impl Stored {
    pub(crate) fn shown(self, id: RowId, reveal: bool) -> Detail {
        let (mut answer, answer_origin) = self.answer.map_or((None, None), |(answer, origin)| (Some(answer), origin));
        for (name, value) in answer.iter_mut().flat_map(|answer| &mut answer.headers) {
            // A vendor's handshake may want its own secret back.
            if !reveal && is_secret_header(name.as_bytes()) {
                MASK.clone_into(value);
            }
        }
        Detail {
            headers: headers::lines(&self.header_block, reveal),
            trailers: headers::lines(&self.trailer_block, reveal),
            content: content_of(&self.header_block),
            stored_at: timestamp(id.unix_ms() * 1_000),
            sentence: self.sentence,
            answer,
            answer_origin,
            summary: self.summary,
        }
    }
}
