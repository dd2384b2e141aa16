//! A query as a tree.

use std::ops::Range;

use super::{
    field::QueryField,
    json::Path,
    pattern::{Order, Pattern},
    value::Moment,
};

/// A query or a part of one.
#[derive(Debug, Clone)]
pub enum Node {
    /// All of them; none at all is everything.
    All(Vec<Node>),
    /// Any of them.
    Any(Vec<Node>),
    /// Not this one.
    Not(Box<Node>),
    /// One term.
    Term(Box<Term>),
}

/// One thing asked.
#[derive(Debug, Clone)]
pub struct Term {
    /// Where the value is.
    pub place: Place,
    /// What the value must satisfy.
    pub test: Test,
    /// Where it stands in the query, in bytes.
    pub span: Range<usize>,
}

impl Term {
    /// Whether it asks for one field.
    pub fn is_of_a_field(&self) -> bool {
        !matches!(self.place, Place::Anywhere)
    }
}

impl Node {
    /// Where it stands in the query, in bytes; none if nothing is asked.
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

/// What is looked at.
#[derive(Debug, Clone)]
pub enum Place {
    /// Body, headers and target.
    Anywhere,
    /// What every request has one of.
    Field(&'static QueryField),
    /// A header by name, in lower case.
    Header(String),
    /// A parameter of the query string.
    Query(String),
    /// A field of a form.
    Form(String),
    /// A value of a JSON body.
    Body(Path),
}

/// What it is compared with.
#[derive(Debug, Clone)]
pub enum Test {
    /// A text.
    Text(Pattern),
    /// From the first to the last number, both included.
    Between(i64, i64),
    /// A number in this order.
    Order(Order, i64),
    /// Arrived in this order to a moment.
    Arrived(Order, Moment),
    /// Yes or no.
    Flag(bool),
}

/// What of a request a query looks at beside its row's own columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uses {
    /// Pin, note, read mark.
    pub marks: bool,
    /// Vendor, event, verdict.
    pub verdict: bool,
    /// Whether the event had arrived before.
    pub duplicate: bool,
    /// Headers, body or anything else that is read from the request's content.
    pub content: bool,
}

impl Uses {
    /// What a tree uses.
    pub fn of(node: &Node) -> Self {
        match node {
            Node::All(nodes) | Node::Any(nodes) => nodes.iter().map(Self::of).fold(Self::default(), Self::or),
            Node::Not(node) => Self::of(node),
            Node::Term(term) => match &term.place {
                Place::Field(field) => Self {
                    marks: matches!(field.name, "pinned" | "note" | "source" | "unread"),
                    verdict: matches!(
                        field.name,
                        "provider" | "event" | "eventid" | "verdict" | "reason" | "duplicate"
                    ),
                    duplicate: field.name == "duplicate",
                    content: false,
                },
                _ => Self { content: true, ..Self::default() },
            },
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            marks: self.marks | other.marks,
            verdict: self.verdict | other.verdict,
            duplicate: self.duplicate | other.duplicate,
            content: self.content | other.content,
        }
    }
}
