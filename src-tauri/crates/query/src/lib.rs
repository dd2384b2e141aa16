//! The query language: parsed once to a tree, matched against one request at a time. `docs/query.md` documents it.
//!
//! [`body`] reads the bodies that queries look into. Pure: no I/O.
#![forbid(unsafe_code)]

pub mod body;

mod error;
mod field;
mod fold;
mod json;
mod parse;
mod pattern;
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

/// A query that reads: its text and its tree.
#[derive(Debug, Clone)]
pub struct Query {
    /// Its tree.
    pub root: Node,
}

impl Query {
    /// Reads a query. Nothing at all matches everything.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        Ok(Self { root: parse::parse(text)? })
    }

    /// Whether a request is one of those meant, at a time that "two hours ago" is reckoned from.
    pub fn matches(&self, subject: &Subject<'_>, now_us: i64) -> bool {
        subject.matches(&self.root, now_us)
    }

    /// Its terms in order, each with whether it must not match.
    pub fn terms(&self) -> Vec<(&Term, bool)> {
        let mut terms = Vec::new();
        self.root.terms(false, &mut terms);
        terms
    }

    /// What of a request is looked at.
    pub fn uses(&self) -> Uses {
        Uses::of(&self.root)
    }
}

impl JsonPath {
    /// Reads a path as a query has it behind `body.`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.starts_with(['$', '.']) || text.starts_with("body.") {
            return Err("write it from the body's outermost key on, such as data.user.email or [*].email".into());
        }
        let query = Query::parse(&format!("body{}{text}:*", if text.starts_with('[') { "" } else { "." }))
            .map_err(|e| e.to_string())?;
        match query.terms()[..] {
            [(Term { place: Place::Body(path), .. }, false)] => Ok(path.clone()),
            _ => Err(format!("{text:?} is not one path")),
        }
    }
}
