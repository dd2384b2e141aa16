//! One request, as a query looks at it: what is costly is read when it is asked for.

use std::{borrow::Cow, cell::OnceCell};

use futures_util::FutureExt;
use hookline_capture::{IdTail, RowId, header_list};

use super::{
    field,
    fold::{Folded, fold_into, percent_decoded, variants},
    json::{Leaf, leaves},
    pattern::Pattern,
    tree::{Node, Place, Term, Test},
};
use crate::{
    content::{self, Content, Kind},
    judge::VerdictState,
    request::list_uuid,
};

/// How much of a body is searched, in bytes, as sent or decoded. A body is in memory while it is.
pub(crate) const SEARCHED_MAX: u64 = 16 * 1024 * 1024;

/// Reads a body, or its first [`SEARCHED_MAX`] bytes.
pub(crate) type ReadBody<'r> = &'r dyn Fn() -> Cow<'r, [u8]>;

/// A request to be matched.
pub(crate) struct Subject<'r> {
    pub(crate) id: RowId,
    pub(crate) tail: IdTail,
    pub(crate) inbox: &'r str,
    pub(crate) method: &'r str,
    pub(crate) target: &'r str,
    pub(crate) peer: &'r str,
    pub(crate) status: i64,
    pub(crate) body_bytes: i64,
    pub(crate) arrived_us: i64,
    pub(crate) pinned: bool,
    pub(crate) unread: bool,
    pub(crate) note: &'r str,
    pub(crate) source: &'r str,
    pub(crate) provider: Option<&'r str>,
    pub(crate) event_type: Option<&'r str>,
    pub(crate) event_id: Option<&'r str>,
    pub(crate) verdict: VerdictState,
    pub(crate) reason: Option<&'r str>,
    pub(crate) duplicate: bool,
    pub(crate) headers: &'r [u8],
    pub(crate) body: ReadBody<'r>,
    pub(crate) read: Read<'r>,
}

/// What has been read of a subject so far.
#[derive(Default)]
pub(crate) struct Read<'r> {
    body: OnceCell<(Kind, Cow<'r, [u8]>)>,
    folded: OnceCell<Vec<Folded>>,
    form: OnceCell<Vec<(String, Vec<u8>)>>,
}

impl Subject<'_> {
    pub(crate) fn matches(&self, node: &Node, now_us: i64) -> bool {
        match node {
            Node::All(nodes) => nodes.iter().all(|node| self.matches(node, now_us)),
            Node::Any(nodes) => nodes.iter().any(|node| self.matches(node, now_us)),
            Node::Not(node) => !self.matches(node, now_us),
            Node::Term(term) => self.term(term, now_us),
        }
    }

    fn term(&self, term: &Term, now_us: i64) -> bool {
        let Test::Text(pattern) = &term.test else { return self.column(term, now_us) };
        match &term.place {
            Place::Anywhere => self.anywhere(pattern),
            Place::Field(field) => self.text(field.name).is_some_and(|text| match (field.kind, pattern) {
                (_, Pattern::Any) => !text.is_empty(),
                (field::Kind::Word, pattern) => pattern.matches_word(&text),
                (_, pattern) => pattern.matches(text.as_bytes()),
            }),
            Place::Header(name) => header_list(self.headers)
                .any(|(own, value)| own.eq_ignore_ascii_case(name.as_bytes()) && pattern.matches(value)),
            Place::Query(name) => {
                let query = self.target.split_once('?').map_or("", |(_, query)| query);
                form_urlencoded::parse(query.as_bytes())
                    .any(|(own, value)| own == *name && pattern.matches(value.as_bytes()))
            }
            Place::Form(name) => self.form().iter().any(|(own, value)| own == name && pattern.matches(value)),
            Place::Body(path) => {
                let mut matched = false;
                leaves(&self.content().1, &path.0, &mut |leaf| {
                    matched |= match leaf {
                        Leaf::Text(text) => pattern.matches(text.as_bytes()),
                        Leaf::Bare(text) => pattern.matches_bare(text),
                        Leaf::Nested => matches!(pattern, Pattern::Any),
                    };
                });
                matched
            }
        }
    }

    /// A text every request has, or may have, one of.
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        let text = match field {
            "inbox" => Some(self.inbox),
            "id" => return Some(list_uuid(self.tail, self.id).into()),
            "method" => Some(self.method),
            "path" => Some(self.target.split_once('?').map_or(self.target, |(path, _)| path)),
            "target" => Some(self.target),
            "provider" => self.provider,
            "event" => self.event_type,
            "eventid" => self.event_id,
            "verdict" => Some(self.verdict.as_str()),
            "reason" => self.reason,
            "peer" => Some(self.peer),
            "note" => Some(self.note),
            "source" => Some(self.source),
            _ => None,
        };
        text.map(Cow::Borrowed)
    }

    fn column(&self, term: &Term, now_us: i64) -> bool {
        let Place::Field(field) = &term.place else { return false };
        let number = if field.name == "size" { self.body_bytes } else { self.status };
        let flag = match field.name {
            "pinned" => self.pinned,
            "unread" => self.unread,
            _ => self.duplicate,
        };
        match &term.test {
            Test::Between(first, last) => (*first..=*last).contains(&number),
            Test::Order(order, than) => order.holds(number.cmp(than)),
            Test::Arrived(order, moment) => order.holds(self.arrived_us.cmp(&moment.us(now_us))),
            Test::Flag(wanted) => *wanted == flag,
            Test::Text(_) => false,
        }
    }

    /// Body, headers or target hold it, as sent or as it reads.
    fn anywhere(&self, pattern: &Pattern) -> bool {
        if matches!(pattern, Pattern::Any) {
            return true;
        }
        if pattern.folds() {
            return self.folded().iter().any(|text| pattern.matches_folded(text));
        }
        self.texts().any(|text| pattern.matches(&text))
    }

    /// Everything free text is looked for in.
    fn texts(&self) -> impl Iterator<Item = Cow<'_, [u8]>> {
        let (kind, body) = self.content();
        let target = self.target.as_bytes();
        [Cow::Borrowed(target)]
            .into_iter()
            .chain(percent_decoded(target).map(Cow::Owned))
            .chain([Cow::Borrowed(self.headers)])
            .chain(variants(*kind, body))
    }

    /// Everything free text is looked for in, folded.
    pub(crate) fn folded(&self) -> &[Folded] {
        self.read.folded.get_or_init(|| {
            self.texts()
                .map(|text| {
                    let mut folded = Vec::with_capacity(text.len());
                    fold_into(&text, &mut folded);
                    folded
                })
                .collect()
        })
    }

    /// The body with its codings undone, as far as that can be done, and what kind of text it is.
    pub(crate) fn content(&self) -> &(Kind, Cow<'_, [u8]>) {
        self.read.body.get_or_init(|| {
            let body = (self.body)();
            if is_plain_json(self.headers) {
                return (Kind::Json, body);
            }
            let content = Content::of(self.headers);
            if content.codings.is_empty() || !content.decodable {
                return (content.kind, body);
            }
            // A body in memory never has to be waited for.
            let decoded = content::decode_upto(body.to_vec(), &content.codings, SEARCHED_MAX).now_or_never();
            (content.kind, decoded.flatten().map_or(body, Cow::Owned))
        })
    }

    /// The fields of a form, of either kind.
    pub(crate) fn form(&self) -> &[(String, Vec<u8>)] {
        self.read.form.get_or_init(|| {
            let (kind, body) = self.content();
            match kind {
                Kind::Form => form_urlencoded::parse(body)
                    .map(|(name, value)| (name.into_owned(), value.into_owned().into_bytes()))
                    .collect(),
                Kind::Multipart => {
                    let content_type = Content::of(self.headers).content_type.unwrap_or_default();
                    content::fields(&content_type, body.to_vec())
                        .now_or_never()
                        .and_then(Result::ok)
                        .unwrap_or_default()
                }
                _ => Vec::new(),
            }
        })
    }
}

/// Whether the headers say what nearly all webhooks' do, told without reading them further.
fn is_plain_json(headers: &[u8]) -> bool {
    let mut json = false;
    for (name, value) in header_list(headers) {
        match name.len() {
            12 if name.eq_ignore_ascii_case(b"content-type") => json |= value.starts_with(b"application/json"),
            16 if name.eq_ignore_ascii_case(b"content-encoding") => return false,
            _ => {}
        }
    }
    json
}
