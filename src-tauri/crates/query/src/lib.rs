//! Query language: a query is parsed once to a tree and matched against one request at a time. See `docs/search.md`.
//!
//! [`body`] decodes the bodies that queries match. The crate does no I/O.
#![forbid(unsafe_code)]

pub mod body;

mod error;
mod field;
mod fold;
mod json;
mod parse;
mod pattern;
mod snippet;
mod subject;
mod term;
mod tree;
mod value;

pub use error::QueryError;
pub use field::FIELDS;
pub use field::{QueryField, QueryFieldKind};
pub use fold::{fold, looks_like_json, percent_decoded};
pub use json::{Path as JsonPath, Step, Walk, entries, key_in_path, spans, walk};
pub use pattern::{Pattern, canonical};
pub use subject::{SEARCHED_MAX, Subject};
pub use tree::{Node, Place, Term, Test, Uses};
pub use value::moment_us;

/// A parsed query.
#[derive(Debug, Clone)]
pub struct Query {
    /// Root of the query tree.
    pub root: Node,
}

impl Query {
    /// Parses a query. An empty query matches everything.
    ///
    /// # Errors
    ///
    /// Returns the position of the syntax error, and a suggestion if there is one.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        Ok(Self { root: parse::parse(text)? })
    }

    /// Returns true if a request matches. Relative times such as "2h" are relative to `now_us`.
    pub fn matches(&self, subject: &Subject<'_>, now_us: i64) -> bool {
        subject.matches(&self.root, now_us)
    }

    /// Returns the terms in order, each with `true` if the term is negated.
    pub fn terms(&self) -> Vec<(&Term, bool)> {
        let mut terms = Vec::new();
        self.root.terms(false, &mut terms);
        terms
    }

    /// Returns the data that is needed to match the query.
    pub fn uses(&self) -> Uses {
        Uses::of(&self.root)
    }
}

impl JsonPath {
    /// Parses a JSON path, in the notation of a query after `body.`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.starts_with(['$', '.']) || text.starts_with("body.") {
            return Err("begin with the outermost key of the body, such as data.user.email or [*].email".into());
        }
        let before = if text.starts_with('[') { "body" } else { "body." };
        // Positions count from the start of the path, and a suggested query is not a path.
        let query = Query::parse(&format!("{before}{text}:*"))
            .map_err(|e| QueryError { at: e.at.saturating_sub(before.len()), suggestion: None, ..e }.to_string())?;
        match query.terms()[..] {
            [(Term { place: Place::Body(path), .. }, false)] => Ok(path.clone()),
            _ => Err(format!("{text:?} is not a single path")),
        }
    }
}
