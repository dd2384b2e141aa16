//! Query tree.

use std::ops::Range;

use super::{
    field::QueryField,
    json::Path,
    pattern::{Order, Pattern},
    value::Moment,
};

/// Query, or a part of a query.
#[derive(Debug, Clone)]
pub enum Node {
    /// Matches if all nodes match. An empty list matches everything.
    All(Vec<Node>),
    /// Matches if any node matches.
    Any(Vec<Node>),
    /// Matches if the node does not match.
    Not(Box<Node>),
    /// A single term.
    Term(Box<Term>),
}

/// Term of a query.
#[derive(Debug, Clone)]
pub struct Term {
    /// Part of the request that is tested.
    pub place: Place,
    /// Test of the value.
    pub test: Test,
    /// Position in the query, in bytes.
    pub span: Range<usize>,
}

impl Term {
    /// Returns true if the term tests a single field.
    pub fn is_of_a_field(&self) -> bool {
        !matches!(self.place, Place::Anywhere)
    }
}

impl Node {
    /// Returns the position in the query, in bytes. `None` for an empty query.
    pub fn span(&self) -> Option<Range<usize>> {
        match self {
            Self::All(nodes) | Self::Any(nodes) => {
                let spans: Vec<_> = nodes.iter().filter_map(Self::span).collect();
                Some(spans.iter().map(|span| span.start).min()?..spans.iter().map(|span| span.end).max()?)
            }
            Self::Not(node) => node.span(),
            Self::Term(term) => Some(term.span.clone()),
        }
    }

    pub(crate) fn terms<'n>(&'n self, negated: bool, terms: &mut Vec<(&'n Term, bool)>) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.terms(negated, terms)),
            Self::Not(node) => node.terms(!negated, terms),
            Self::Term(term) => terms.push((term, negated)),
        }
    }
}

/// Part of a request that a term tests.
#[derive(Debug, Clone)]
pub enum Place {
    /// Body, headers and target.
    Anywhere,
    /// Field of the request.
    Field(&'static QueryField),
    /// Header with this name, in lower case.
    Header(String),
    /// Parameter of the query string.
    Query(String),
    /// Form field.
    Form(String),
    /// Value in a JSON body.
    Body(Path),
}

/// Test of a value.
#[derive(Debug, Clone)]
pub enum Test {
    /// Text pattern.
    Text(Pattern),
    /// Range of numbers, both inclusive.
    Between(i64, i64),
    /// Comparison with a number.
    Order(Order, i64),
    /// Comparison of the arrival time.
    Arrived(Order, Moment),
    /// Arrival at or after the first time, and before the second.
    ArrivedWithin(Moment, Moment),
    /// Boolean value.
    Flag(bool),
}

/// Data that a query needs in addition to the columns of the request's row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uses {
    /// Pinned, note and read marks.
    pub marks: bool,
    /// Provider, event and signature status.
    pub signature_status: bool,
    /// True if the query tests for duplicates.
    pub duplicate: bool,
    /// Status that the app responded with.
    pub app: bool,
    /// Headers, body or other content of the request.
    pub content: bool,
}

impl Uses {
    /// Returns the data that a tree needs.
    pub fn of(node: &Node) -> Self {
        match node {
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().map(Self::of).fold(Self::default(), Self::or),
            Node::Not(node) => Self::of(node),
            Node::Term(term) => match &term.place {
                Place::Field(field) => Self {
                    marks: matches!(field.name, "pinned" | "note" | "source" | "unread"),
                    signature_status: matches!(
                        field.name,
                        "provider" | "event" | "eventid" | "signature" | "reason" | "schema" | "duplicate"
                    ),
                    duplicate: field.name == "duplicate",
                    app: field.name == "app",
                    content: false,
                },
                _ => Self { content: true, ..Self::default() },
            },
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            marks: self.marks | other.marks,
            signature_status: self.signature_status | other.signature_status,
            duplicate: self.duplicate | other.duplicate,
            app: self.app | other.app,
            content: self.content | other.content,
        }
    }
}
