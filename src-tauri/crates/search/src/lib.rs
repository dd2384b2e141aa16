//! Search of stored requests by a query, newest first.
//!
//! SQL narrows the search where possible, the index excludes blocks and rows that cannot match, and every remaining
//! request is matched in memory. Without an index, the search is a slower scan with the same result.
#![forbid(unsafe_code)]

mod completion;
mod index;
mod narrow;
mod scan;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, ops::ControlFlow, time::Duration};

use hookbench_capture::RowId;
use hookbench_model::SearchSnippet;
use hookbench_query::{Query, Subject};
use rusqlite::{Connection, ToSql};
use tokio::time::Instant;

pub use completion::complete;
use index::{Candidates, Prefilter};
pub use index::{IndexWriter, SearchIndex};
pub use narrow::duplicates;
use narrow::{Names, Narrow};
pub use scan::InboxSnapshot;
use scan::{rows, rows_of};

/// Time after which an incomplete page is returned, with the position that the search has reached.
pub const PAGE_TIME: Duration = Duration::from_millis(150);

/// Length of a minute, in ms.
const MINUTE_MS: i64 = 60_000;

/// Search for stored requests.
pub struct Search {
    query: Query,
    narrow: Narrow,
    prefilter: Prefilter,
    now_us: i64,
    /// SQL conditions of the searched list, such as the inbox and the hidden requests.
    also: String,
    known: InboxSnapshot,
}

/// Page of matches.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SearchPage {
    /// Matches, newest first.
    pub ids: Vec<RowId>,
    /// Last request that was searched. `None` if every request was searched.
    pub cursor: Option<RowId>,
}

impl Search {
    /// Creates a search. `also` contains further SQL conditions on `r` and `m`, with a leading ` AND`.
    pub fn new(query: Query, known: InboxSnapshot, also: String, now_us: i64) -> Self {
        let row_of = |id: &str| known.tail.row(uuid::Uuid::parse_str(id).ok()?.as_u128());
        let narrow = Narrow::of(&query.root, &Names { now_us, inboxes: &known.names(), row_of: &row_of });
        let prefilter = Prefilter::of(&query.root);
        Self { query, narrow, prefilter, now_us, also, known }
    }

    /// Returns up to `limit` matches older than `after` and newer than `until`, newest first. At `deadline`, the
    /// incomplete page is returned.
    pub fn page(
        &self,
        connection: &Connection,
        index: &SearchIndex,
        (after, until): (RowId, RowId),
        limit: usize,
        deadline: Instant,
    ) -> rusqlite::Result<SearchPage> {
        let mut page = PageBuilder { found: SearchPage::default(), limit, deadline };
        let _ = self.pass(connection, index, (after, until), &mut |id, matched| page.take(id, matched))?;
        Ok(page.found)
    }

    /// Counts the matches older than `after`, up to `most`. Returns the count, and the last request that was searched
    /// if the deadline ended the search.
    pub fn count(
        &self,
        connection: &Connection,
        index: &SearchIndex,
        after: RowId,
        most: u64,
        deadline: Instant,
    ) -> rusqlite::Result<(u64, Option<RowId>)> {
        let (mut count, mut cursor) = (0, None);
        let _ = self.pass(connection, index, (after, RowId(-1)), &mut |id, matched| {
            count += u64::from(matched);
            // Searching one request can mean reading 16 MB, so the deadline is checked after each request.
            let late = Instant::now() >= deadline;
            if count == most || late {
                cursor = late.then_some(id);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok((count, cursor))
    }

    /// Restricts the search to pinned requests.
    pub fn pinned(mut self) -> Self {
        self.also.push_str(" AND coalesce(m.pinned, 0)");
        self
    }

    /// Returns those of the given requests that match, in the same order.
    pub fn matching(&self, connection: &Connection, ids: Vec<RowId>) -> rusqlite::Result<Vec<RowId>> {
        let mut matching = Vec::new();
        let _ = self.by_id(connection, ids.into_iter(), &mut |subject| {
            if self.narrow.exact || self.query.matches(subject, self.now_us) {
                matching.push(subject.id);
            }
            ControlFlow::Continue(())
        })?;
        Ok(matching)
    }

    /// Returns the text that the query was found in, for each of the matches. `mask` removes the secrets of a body.
    pub fn snippets(
        &self,
        connection: &Connection,
        ids: &[RowId],
        mask: &dyn Fn(Vec<u8>) -> Vec<u8>,
    ) -> rusqlite::Result<HashMap<RowId, SearchSnippet>> {
        let mut snippets = HashMap::new();
        if !self.query.searches_text() {
            return Ok(snippets);
        }
        let _ = self.by_id(connection, ids.iter().copied(), &mut |subject| {
            let body = mask(subject.content().bytes.to_vec());
            let found = self.query.snippet(subject, &body, &hookbench_provider::is_secret_header);
            snippets.extend(found.map(|snippet| (subject.id, snippet)));
            ControlFlow::Continue(())
        })?;
        Ok(snippets)
    }

    /// Counts the matches in the minutes that begin at `from_ms`, by the time at which they were stored. Returns the
    /// counts, and false if the deadline ended the search.
    pub fn count_by_minute(
        &self,
        connection: &Connection,
        index: &SearchIndex,
        from_ms: i64,
        minutes: usize,
        deadline: Instant,
    ) -> rusqlite::Result<(Vec<u32>, bool)> {
        let mut counts = vec![0; minutes];
        let range = (RowId::at(from_ms + minutes as i64 * MINUTE_MS), RowId(RowId::at(from_ms).0 - 1));
        let flow = self.pass(connection, index, range, &mut |id, matched| {
            let minute = (id.unix_ms() - from_ms).div_euclid(MINUTE_MS);
            if let Some(count) = usize::try_from(minute).ok().and_then(|minute| counts.get_mut(minute)) {
                *count += u32::from(matched);
            }
            if Instant::now() >= deadline { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok((counts, flow.is_continue()))
    }

    /// Passes every candidate to `take`, newest first, with `true` if the request matches.
    fn pass(
        &self,
        connection: &Connection,
        index: &SearchIndex,
        (after, until): (RowId, RowId),
        take: &mut dyn FnMut(RowId, bool) -> ControlFlow<()>,
    ) -> rusqlite::Result<ControlFlow<()>> {
        // A single transaction gives a consistent view, and takes the locks of the store once instead of per request.
        let _view = connection.unchecked_transaction()?;
        let exact = self.narrow.exact;
        let mut matched = |subject: &Subject<'_>| take(subject.id, exact || self.query.matches(subject, self.now_us));
        if self.narrow.driven || self.prefilter.is_everything() {
            return self.scan(connection, (after, until), &mut matched);
        }
        let mut top = after;
        for block in index.blocks(after, until) {
            let range = (top.min(RowId(block.last().0.saturating_add(1))), until.max(block.before()));
            if self.scan(connection, (top, RowId(range.0.0 - 1)), &mut matched)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let flow = match block.prefilter(&self.prefilter) {
                Candidates::All => self.scan(connection, range, &mut matched)?,
                Candidates::Some(ids) => {
                    let inside = |id: &RowId| *id < range.0 && *id > range.1;
                    self.by_id(connection, ids.into_iter().filter(inside), &mut matched)?
                }
            };
            if flow.is_break() {
                return Ok(flow);
            }
            top = RowId(range.1.0 + 1);
        }
        self.scan(connection, (top, until), &mut matched)
    }

    /// Reads all requests between two rows that satisfy the narrowed condition.
    fn scan(
        &self,
        connection: &Connection,
        (after, until): (RowId, RowId),
        matched: &mut dyn FnMut(&Subject<'_>) -> ControlFlow<()>,
    ) -> rusqlite::Result<ControlFlow<()>> {
        if after.0 - 1 <= until.0 {
            return Ok(ControlFlow::Continue(()));
        }
        let between = format!("r.id < {} AND r.id > {}", after.0, until.0);
        rows(connection, &self.sql(&between), &self.narrow.params, &self.known, matched)
    }

    fn by_id(
        &self,
        connection: &Connection,
        ids: impl Iterator<Item = RowId>,
        matched: &mut dyn FnMut(&Subject<'_>) -> ControlFlow<()>,
    ) -> rusqlite::Result<ControlFlow<()>> {
        let mut statement = connection.prepare_cached(&self.sql("r.id = ?"))?;
        for id in ids {
            let id: &dyn ToSql = &id.0;
            let params: Vec<&dyn ToSql> =
                [id].into_iter().chain(self.narrow.params.iter().map(|text| text as &dyn ToSql)).collect();
            let flow = rows_of(&mut statement, connection, &params, &self.known, matched)?;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn sql(&self, which: &str) -> String {
        let uses = self.query.uses();
        scan::sql(uses, self.narrow.driven, &format!("{which} AND {}{}", self.narrow.sql, self.also))
    }
}

struct PageBuilder {
    found: SearchPage,
    limit: usize,
    deadline: Instant,
}

impl PageBuilder {
    fn take(&mut self, id: RowId, matched: bool) -> ControlFlow<()> {
        if matched {
            self.found.ids.push(id);
        }
        let late = Instant::now() >= self.deadline;
        if self.found.ids.len() == self.limit || late {
            self.found.cursor = Some(id);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
