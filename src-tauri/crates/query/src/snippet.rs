//! Snippets: the part of a request that the text of a query was found in, with its surroundings.

use hookbench_capture::header_list;
use hookbench_model::SearchSnippet;
use serde_json::value::RawValue;

use crate::{
    Query, Subject, entries,
    fold::{fold, looks_like_json},
    json::{Path, STEPS_MAX, Step},
    key_in_path,
    pattern::Pattern,
    tree::{Place, Term, Test},
};

/// Maximum length of the text before a match, of the match, and of the text after it, in characters.
const BEFORE_MAX: usize = 24;
const MATCH_MAX: usize = 80;
const AFTER_MAX: usize = 120;

/// Maximum size of a body that is parsed to name the path of a match, in bytes. In a larger body, only the text is
/// searched.
const PARSED_MAX: usize = 1024 * 1024;

impl Query {
    /// Returns true if a term searches text: only then can [`Query::snippet`] return a snippet.
    pub fn searches_text(&self) -> bool {
        self.terms().iter().any(|(term, negated)| !negated && searched(term).is_some())
    }

    /// Returns where the first text of the query was found. `body` is the decoded body, without secrets. Headers for
    /// which `is_secret` returns true are not shown.
    pub fn snippet(
        &self,
        subject: &Subject<'_>,
        body: &[u8],
        is_secret: &dyn Fn(&[u8]) -> bool,
    ) -> Option<SearchSnippet> {
        let body = String::from_utf8_lossy(body);
        let texts = Texts { subject, body: &body, is_secret };
        self.terms()
            .into_iter()
            .filter(|(_, negated)| !negated)
            .find_map(|(term, _)| texts.found(&term.place, searched(term)?))
    }
}

/// Returns the pattern of a term that searches text.
fn searched(term: &Term) -> Option<&Pattern> {
    let Test::Text(pattern) = &term.test else { return None };
    let shown = match &term.place {
        Place::Anywhere | Place::Header(_) | Place::Query(_) | Place::Form(_) | Place::Body(_) => true,
        Place::Field(field) => ["path", "target", "note"].contains(&field.name),
    };
    (shown && !matches!(pattern, Pattern::Any)).then_some(pattern)
}

/// Texts of a request.
struct Texts<'t, 's> {
    subject: &'t Subject<'s>,
    body: &'t str,
    is_secret: &'t dyn Fn(&[u8]) -> bool,
}

impl Texts<'_, '_> {
    fn found(&self, place: &Place, pattern: &Pattern) -> Option<SearchSnippet> {
        match place {
            Place::Anywhere => {
                let any = &[] as &[Step];
                self.in_json(any, pattern)
                    .or_else(|| within("body", self.body, pattern))
                    .or_else(|| self.in_fields(None, pattern))
                    .or_else(|| self.in_query(None, pattern))
                    .or_else(|| within("path", self.subject.target, pattern))
                    .or_else(|| self.in_headers(None, pattern))
            }
            Place::Body(Path(steps)) => self.in_json(steps, pattern),
            Place::Form(name) => self.in_fields(Some(name), pattern),
            Place::Query(name) => self.in_query(Some(name), pattern),
            Place::Header(name) => self.in_headers(Some(name), pattern),
            Place::Field(field) if field.name == "note" => within("note", self.subject.note, pattern),
            Place::Field(_) => within("path", self.subject.target, pattern),
        }
    }

    fn in_json(&self, steps: &[Step], pattern: &Pattern) -> Option<SearchSnippet> {
        let json = self.subject.json();
        // The JSON in a form field is part of the body, but not the body.
        let text = match looks_like_json(self.body.as_bytes()) {
            true => self.body,
            false => std::str::from_utf8(json).ok().filter(|text| looks_like_json(text.as_bytes()))?,
        };
        if text.len() > PARSED_MAX {
            return None;
        }
        let root: &RawValue = serde_json::from_str(text.trim_start_matches('\u{1e}')).ok()?;
        JsonSearch { text, pattern, path: String::new() }.value(root.get(), steps, 0)
    }

    fn in_fields(&self, wanted: Option<&String>, pattern: &Pattern) -> Option<SearchSnippet> {
        self.subject
            .form()
            .iter()
            .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == name))
            .find_map(|(name, value)| within(&format!("form {name}"), &String::from_utf8_lossy(value), pattern))
    }

    fn in_query(&self, wanted: Option<&String>, pattern: &Pattern) -> Option<SearchSnippet> {
        let (_, query) = self.subject.target.split_once('?')?;
        form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == name))
            .find_map(|(name, value)| within(&format!("query {name}"), &value, pattern))
    }

    fn in_headers(&self, wanted: Option<&String>, pattern: &Pattern) -> Option<SearchSnippet> {
        header_list(self.subject.headers)
            .filter(|(name, _)| !(self.is_secret)(name))
            .filter(|(name, _)| wanted.is_none_or(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes())))
            .find_map(|(name, value)| {
                let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                within(&format!("header {name}"), &String::from_utf8_lossy(value), pattern)
            })
    }
}

/// Search of the scalar values of a document.
struct JsonSearch<'j> {
    text: &'j str,
    pattern: &'j Pattern,
    path: String,
}

impl JsonSearch<'_> {
    /// Searches a value at the path so far. Steps restrict the search to the values at their end.
    fn value(&mut self, raw: &str, steps: &[Step], depth: usize) -> Option<SearchSnippet> {
        if depth > STEPS_MAX {
            return None;
        }
        let rest = steps.get(1..).unwrap_or_default();
        match raw.as_bytes().first()? {
            b'{' => entries(raw)?.into_iter().find_map(|(key, value)| {
                let wanted = match steps.first() {
                    None | Some(Step::Any) => true,
                    Some(Step::Key(name)) => *name == *key,
                    Some(Step::Index(_)) => false,
                };
                let dot = if self.path.is_empty() { "" } else { "." };
                wanted.then(|| self.inside(&format!("{dot}{}", key_in_path(&key)), value.get(), rest, depth))?
            }),
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
                items.into_iter().enumerate().find_map(|(index, value)| {
                    let wanted = match steps.first() {
                        None | Some(Step::Any) => true,
                        Some(Step::Index(wanted)) => *wanted == index,
                        Some(Step::Key(key)) => key.parse() == Ok(index),
                    };
                    wanted.then(|| self.inside(&format!("[{index}]"), value.get(), rest, depth))?
                })
            }
            _ if !steps.is_empty() => None,
            b'"' => {
                let text: String = serde_json::from_str(raw).ok()?;
                if !self.pattern.matches(text.as_bytes()) {
                    return None;
                }
                // The match is shown in the text of the body, unless escapes separate it.
                let start = raw.as_ptr() as usize - self.text.as_ptr() as usize;
                let inner = &self.text[start + 1..start + raw.len() - 1];
                match (inner == text).then(|| self.pattern.find(inner)).flatten() {
                    Some((from, until)) => Some(cut(&self.path, &self.text[start..], (from + 1, until + 1))),
                    None => within(&self.path, &text, self.pattern),
                }
            }
            _ => {
                let found = self.pattern.matches_bare(raw);
                let start = raw.as_ptr() as usize - self.text.as_ptr() as usize;
                found.then(|| {
                    let range = self.pattern.find(raw).unwrap_or((0, raw.len()));
                    cut(&self.path, &self.text[start..], range)
                })
            }
        }
    }

    fn inside(&mut self, step: &str, raw: &str, steps: &[Step], depth: usize) -> Option<SearchSnippet> {
        let length = self.path.len();
        self.path.push_str(step);
        let found = self.value(raw, steps, depth + 1);
        if found.is_none() {
            self.path.truncate(length);
        }
        found
    }
}

/// Returns the match in a text, or `None` if the text does not match.
fn within(place: &str, text: &str, pattern: &Pattern) -> Option<SearchSnippet> {
    pattern.find(text).map(|range| cut(place, text, range))
}

/// Shortens the text around a match. Line breaks and control characters become spaces.
fn cut(place: &str, text: &str, (from, until): (usize, usize)) -> SearchSnippet {
    let line = |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let before = &text[..from];
    let skipped = before.chars().count().saturating_sub(BEFORE_MAX);
    let start = before.char_indices().nth(skipped).map_or(from, |(at, _)| at);
    let take = |text: &str, most: usize| line(&text.chars().take(most).collect::<String>());
    SearchSnippet {
        place: place.to_owned(),
        before: format!("{}{}", if skipped > 0 { "…" } else { "" }, line(&before[start..])),
        matched: take(&text[from..until], MATCH_MAX),
        after: take(&text[until..], AFTER_MAX),
    }
}

impl Pattern {
    /// Returns the byte range of the first match in a text, for display. A pattern with several pieces returns its
    /// first one.
    fn find(&self, text: &str) -> Option<(usize, usize)> {
        match self {
            Self::Any => None,
            Self::Exact(bytes) => (text.as_bytes() == bytes.as_slice()).then_some((0, text.len())),
            Self::Is(bytes) => (fold(text.as_bytes()) == *bytes).then_some((0, text.len())),
            Self::Contains(needle) => find_folded(text, needle),
            Self::Pieces { pieces, .. } if self.matches(text.as_bytes()) => pieces
                .iter()
                .find(|piece| !piece.is_empty())
                .map_or(Some((0, text.len())), |piece| find_folded(text, piece)),
            Self::Regex(regex) => {
                let found = regex.find(text.as_bytes())?;
                let inside = text.is_char_boundary(found.start()) && text.is_char_boundary(found.end());
                inside.then(|| (found.start(), found.end()))
            }
            Self::Order { .. } => self.matches(text.as_bytes()).then_some((0, text.len())),
            Self::Pieces { .. } => None,
        }
    }
}

/// Finds case-folded bytes in a text. Returns the range in the text as it is.
fn find_folded(text: &str, needle: &[u8]) -> Option<(usize, usize)> {
    let folded = fold(text.as_bytes());
    let from = memchr::memmem::find(&folded, needle)?;
    if text.is_ascii() {
        return Some((from, from + needle.len()));
    }
    // Folding can change the length of a character, so the offsets are mapped character by character.
    let (mut length, mut start) = (0, None);
    for (at, c) in text.char_indices() {
        if length >= from && start.is_none() {
            start = Some(at);
        }
        if length >= from + needle.len() {
            return Some((start?, at));
        }
        length += fold(c.encode_utf8(&mut [0; 4]).as_bytes()).len();
    }
    Some((start?, text.len()))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use hookbench_capture::{IdTail, RowId};
    use hookbench_model::SignatureStatus;

    use super::*;

    fn snippet(query: &str, target: &str, headers: &str, body: &str) -> Option<[String; 4]> {
        let read = || Cow::Borrowed(body.as_bytes());
        let headers = headers.replace('\n', "\r\n");
        let subject = Subject {
            id: RowId(1),
            tail: IdTail::new(0),
            inbox: "shop",
            method: "POST",
            target,
            remote_address: "",
            status: 200,
            body_bytes: body.len() as i64,
            arrived_us: 0,
            pinned: false,
            unread: false,
            note: "ask Ann",
            source: "",
            provider: None,
            event_type: None,
            event_id: None,
            signature_status: SignatureStatus::Unverified,
            schema_status: None,
            reason: None,
            duplicate: false,
            app: None,
            headers: headers.as_bytes(),
            body: &read,
            read: Default::default(),
        };
        let query = Query::parse(query).expect("a query");
        let secret = |name: &[u8]| name.eq_ignore_ascii_case(b"authorization");
        let found = query.snippet(&subject, body.as_bytes(), &secret)?;
        Some([found.place, found.before, found.matched, found.after])
    }

    fn is(query: &str, target: &str, headers: &str, body: &str, expected: [&str; 4]) {
        assert_eq!(snippet(query, target, headers, body), Some(expected.map(String::from)), "{query}");
    }

    #[test]
    fn names_the_place_of_a_match() {
        let json = "Content-Type: application/json\n";
        let body = r#"{"a":{"b":[{"c":"x"},{"c":"CUS_1"}]},"n":42}"#;
        is("cus_1", "/", json, body, ["a.b[1].c", "\"", "CUS_1", "\"}]},\"n\":42}"]);
        is("body.n:>40", "/", json, body, ["n", "", "42", "}"]);
        is("body.a.b[*].c:cus*", "/", json, body, ["a.b[1].c", "\"", "CUS", "_1\"}]},\"n\":42}"]);
        is("-x cus_1", "/", json, body, ["a.b[1].c", "\"", "CUS_1", "\"}]},\"n\":42}"]);
        // A key is not a value, so the text of the body is shown.
        is(
            "\"b\\\":[\"",
            "/",
            json,
            body,
            ["body", "{\"a\":{\"", "b\":[", "{\"c\":\"x\"},{\"c\":\"CUS_1\"}]},\"n\":42}"],
        );
        is("page", "/a?x=a%20page", "", "", ["query x", "a ", "page", ""]);
        is("path:/or", "/orders", "", "", ["path", "", "/or", "ders"]);
        is("curl", "/", "User-Agent: curl/8\n", "", ["header user-agent", "", "curl", "/8"]);
        is(
            "form.q:é*",
            "/",
            "Content-Type: application/x-www-form-urlencoded\n",
            "p=1&q=%C3%89t",
            ["form q", "", "É", "t"],
        );
        is("note:ann", "/", "", "", ["note", "ask ", "Ann", ""]);
    }

    #[test]
    fn maps_folded_and_escaped_text_to_the_text_as_sent() {
        let json = "Content-Type: application/json\n";
        is("straße", "/", json, r#"{"a":"Eine STRAẞE"}"#, ["a", "\"Eine ", "STRAẞE", "\"}"]);
        is("café", "/", json, r#"{"a":"caf\u00e9 au lait"}"#, ["a", "", "café", " au lait"]);
        let long = format!("{}needle{}", "x".repeat(100), "\n".repeat(300));
        let before = format!("…{}", "x".repeat(24));
        is("needle", "/", "", &long, ["body", &before, "needle", &" ".repeat(120)]);
    }

    #[test]
    fn shows_no_secret_and_no_negated_term() {
        assert_eq!(snippet("hunter2", "/", "Authorization: hunter2\n", ""), None);
        assert_eq!(snippet("-hunter2", "/", "X: 1\n", ""), None);
        assert!(!Query::parse("status:200 -x").expect("a query").searches_text());
        assert!(Query::parse("status:200 x").expect("a query").searches_text());
    }
}
