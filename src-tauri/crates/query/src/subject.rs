//! Request that a query is matched against. Expensive parts are read only if a query needs them.

use std::{borrow::Cow, cell::OnceCell};

use hookbench_capture::{IdTail, RowId, header_list};
use hookbench_model::{BodyKind, RequestSchemaStatus, SignatureStatus};

use super::{
    field,
    fold::{Folded, fold_into, looks_like_json, percent_decoded, variants},
    json::{Leaf, leaves},
    pattern::Pattern,
    tree::{Node, Place, Term, Test},
};
use crate::body::{self, Charset, ReadBody};

/// Maximum number of bytes of a body that are searched, as sent or decoded. The body is in memory during the search.
pub const SEARCHED_MAX: u64 = 16 * 1024 * 1024;

/// Reads a body, or its first [`SEARCHED_MAX`] bytes.
pub(crate) type LoadBody<'r> = &'r dyn Fn() -> Cow<'r, [u8]>;

/// Request to match.
pub struct Subject<'r> {
    /// Row number of the request.
    pub id: RowId,
    /// Suffix that turns the row number into the ID shown by the API.
    pub tail: IdTail,
    /// Name of the inbox.
    pub inbox: &'r str,
    /// Method as sent.
    pub method: &'r str,
    /// Request target as sent.
    pub target: &'r str,
    /// Remote address and port.
    pub remote_address: &'r str,
    /// Status of the response.
    pub status: i64,
    /// Length of the body as sent, in bytes.
    pub body_bytes: i64,
    /// Time of arrival, in µs since the Unix epoch.
    pub arrived_us: i64,
    /// True if the request is pinned.
    pub pinned: bool,
    /// True if the request was not opened yet.
    pub unread: bool,
    /// Note of the user.
    pub note: &'r str,
    /// Imported file. Empty if the request was received.
    pub source: &'r str,
    /// ID of the provider.
    pub provider: Option<&'r str>,
    /// Event type of the provider.
    pub event_type: Option<&'r str>,
    /// Event ID of the provider.
    pub event_id: Option<&'r str>,
    /// Signature status.
    pub signature_status: SignatureStatus,
    /// Code of the fault of an invalid signature.
    pub reason: Option<&'r str>,
    /// Result of the validation against the schema of the event.
    pub schema_status: Option<RequestSchemaStatus>,
    /// True if the same event arrived before.
    pub duplicate: bool,
    /// Worst status that the app responded with, or 0 if it did not respond. `None` if the request was not forwarded
    /// or replayed.
    pub app: Option<i64>,
    /// Header block as sent.
    pub headers: &'r [u8],
    /// Reads the body.
    pub body: LoadBody<'r>,
    /// Cache of decoded parts.
    pub read: DecodedParts<'r>,
}

/// Cache of the decoded parts of a request.
#[derive(Default)]
pub struct DecodedParts<'r> {
    body: OnceCell<ReadBody<'r>>,
    payload: OnceCell<Option<Vec<u8>>>,
    folded: OnceCell<Vec<Folded>>,
    form: OnceCell<Vec<(String, Vec<u8>)>>,
}

impl Subject<'_> {
    /// Returns true if the request matches a query. Relative times such as `age` are relative to `now_us`.
    pub fn matches(&self, node: &Node, now_us: i64) -> bool {
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
                (field::QueryFieldKind::Word, pattern) => pattern.matches_word(&text),
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
                leaves(self.json(), &path.0, &mut |leaf| {
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

    /// Returns the value of a text field.
    fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        let text = match field {
            "inbox" => Some(self.inbox),
            "id" => return Some(self.tail.text(self.id).into()),
            "method" => Some(self.method),
            "path" => Some(self.target.split_once('?').map_or(self.target, |(path, _)| path)),
            "target" => Some(self.target),
            "provider" => self.provider,
            "event" => self.event_type,
            "eventid" => self.event_id,
            "signature" => Some(self.signature_status.as_str()),
            "reason" => self.reason,
            "schema" => self.schema_status.map(RequestSchemaStatus::as_str),
            "ip" => Some(self.remote_address),
            "note" => Some(self.note),
            "source" => Some(self.source),
            _ => None,
        };
        text.map(Cow::Borrowed)
    }

    fn column(&self, term: &Term, now_us: i64) -> bool {
        let Place::Field(field) = &term.place else { return false };
        let number = match field.name {
            "size" => self.body_bytes,
            "app" => match self.app {
                Some(status) => status,
                None => return false,
            },
            _ => self.status,
        };
        let flag = match field.name {
            "pinned" => self.pinned,
            "unread" => self.unread,
            _ => self.duplicate,
        };
        match &term.test {
            Test::Between(first, last) => (*first..=*last).contains(&number),
            Test::Order(order, than) => order.holds(number.cmp(than)),
            Test::Arrived(order, moment) => order.holds(self.arrived_us.cmp(&moment.us(now_us))),
            Test::ArrivedWithin(from, until) => (from.us(now_us)..until.us(now_us)).contains(&self.arrived_us),
            Test::Flag(wanted) => *wanted == flag,
            Test::Text(_) => false,
        }
    }

    /// Returns true if the body, headers or target match, as sent or decoded.
    fn anywhere(&self, pattern: &Pattern) -> bool {
        if matches!(pattern, Pattern::Any) {
            return true;
        }
        if pattern.folds() {
            return self.folded().iter().any(|text| pattern.matches_folded(text));
        }
        self.any_text(|text| pattern.matches(text))
    }

    /// Returns true if `holds` returns true for any text that a free-text search covers: target, headers and body, as
    /// sent and decoded. Stops at the first match. A search without the index calls this for every request, so texts
    /// that need no decoding are tested first.
    fn any_text(&self, mut holds: impl FnMut(&[u8]) -> bool) -> bool {
        let target = self.target.as_bytes();
        if holds(target) || percent_decoded(target).is_some_and(|text| holds(&text)) || holds(self.headers) {
            return true;
        }
        let body = self.content();
        if variants(body.kind, &body.bytes, body.charset).any(|text| holds(&text)) {
            return true;
        }
        matches!(body.kind, BodyKind::Form | BodyKind::Multipart)
            && (self
                .payload()
                .is_some_and(|json| variants(BodyKind::Json, json, Charset::UTF_8).skip(1).any(|text| holds(&text)))
                || self.coded_parts().iter().any(|text| holds(text)))
    }

    /// Returns the values of a multipart body whose text differs from the sent bytes: another character set, or
    /// base64.
    fn coded_parts(&self) -> Vec<Vec<u8>> {
        let body = self.content();
        if body.kind != BodyKind::Multipart {
            return Vec::new();
        }
        let Some(read) = body::parts_of(&body::content_of(self.headers), &body.bytes) else { return Vec::new() };
        let texts = read.parts.iter().filter_map(|part| read.text(part).filter(|text| text.as_bytes() != part.body));
        texts.map(String::into_bytes).collect()
    }

    /// Returns all texts that a free-text search covers, case-folded.
    pub fn folded(&self) -> &[Folded] {
        self.read.folded.get_or_init(|| {
            let mut all = Vec::new();
            self.any_text(|text| {
                let mut folded = Vec::with_capacity(text.len());
                fold_into(text, &mut folded);
                all.push(folded);
                false
            });
            all
        })
    }

    /// Returns the decoded body, in UTF-8 if it is text.
    pub fn content(&self) -> &ReadBody<'_> {
        self.read.body.get_or_init(|| {
            let body = (self.body)();
            // Fast path for nearly all webhooks: ASCII JSON without codings.
            if is_plain_json(self.headers) && body.is_ascii() && !body[..body.len().min(4)].contains(&0) {
                return ReadBody { kind: BodyKind::Json, bytes: body, charset: Charset::UTF_8 };
            }
            body::read_body(&body::content_of(self.headers), body, SEARCHED_MAX)
        })
    }

    /// Returns the JSON that paths apply to: the body, or the field `payload` of a form (GitHub, Slack).
    pub fn json(&self) -> &[u8] {
        self.payload().unwrap_or(&self.content().bytes)
    }

    fn payload(&self) -> Option<&[u8]> {
        if !matches!(self.content().kind, BodyKind::Form | BodyKind::Multipart) {
            return None;
        }
        let payload = self.read.payload.get_or_init(|| {
            let value = &self.form().iter().find(|(name, _)| name == "payload")?.1;
            looks_like_json(value).then(|| value.clone())
        });
        payload.as_deref()
    }

    /// Returns the fields of a URL-encoded or multipart form.
    pub fn form(&self) -> &[(String, Vec<u8>)] {
        self.read.form.get_or_init(|| {
            let ReadBody { kind, bytes, charset } = self.content();
            match kind {
                BodyKind::Form => body::form_fields(bytes, *charset)
                    .into_iter()
                    .map(|(name, value)| (name, value.into_bytes()))
                    .collect(),
                BodyKind::Multipart => {
                    body::parts_of(&body::content_of(self.headers), bytes).map(|read| read.fields()).unwrap_or_default()
                }
                _ => Vec::new(),
            }
        })
    }
}

/// Returns true if the headers declare UTF-8 JSON without codings, as for nearly all webhooks. Avoids parsing the
/// headers further.
fn is_plain_json(headers: &[u8]) -> bool {
    let mut json = false;
    for (name, value) in header_list(headers) {
        match name.len() {
            12 if name.eq_ignore_ascii_case(b"content-type") => {
                let rest = value.strip_prefix(b"application/json");
                json |= rest.is_some_and(|rest| rest.is_empty() || rest.to_ascii_lowercase().ends_with(b"utf-8"));
            }
            16 if name.eq_ignore_ascii_case(b"content-encoding") => return false,
            _ => {}
        }
    }
    json
}
