//! Redaction of exports: secrets unless they are requested, and named headers and JSON paths.

use std::borrow::Cow;

use hookbench_model::MASK;
use hookbench_provider::is_secret_header;
use hookbench_query::{JsonPath, spans};

use super::{Record, bytes::Exact};

/// Replacement of a redacted value in a JSON body.
const REDACTED: &str = "\"[redacted]\"";

/// Replacement of a body that cannot be parsed, in which no value can be found.
const UNREADABLE: &[u8] = b"[redacted: this body cannot be parsed as JSON]";

/// Redaction rules of an export.
#[derive(Debug, Default)]
pub struct Redaction {
    /// True if credentials are exported.
    pub secrets: bool,
    /// Names of headers to redact.
    pub headers: Vec<String>,
    /// Paths of values to redact in JSON bodies.
    pub paths: Vec<JsonPath>,
}

impl Redaction {
    /// Returns true if bodies must be decoded before [`Redaction::apply`].
    pub fn reads_bodies(&self) -> bool {
        !self.paths.is_empty()
    }

    /// Redacts a request. The body must not be content-encoded if there are paths.
    pub fn apply(&self, record: &mut Record) {
        let named = |name: &[u8]| {
            !self.secrets && is_secret_header(name)
                || self.headers.iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes()))
        };
        for (Exact(name), value) in record.headers.iter_mut().chain(&mut record.trailers) {
            if named(name) {
                *value = Exact(MASK.into());
            }
        }
        for (name, value) in record.response.iter_mut().flat_map(|response| &mut response.headers) {
            if named(name.as_bytes()) {
                MASK.clone_into(value);
            }
        }
        if !self.headers.is_empty() || !self.paths.is_empty() {
            // Verification may have read both from a redacted header or value.
            (record.event_id, record.event_type) = (None, None);
        }
        if self.paths.is_empty() || record.body.is_empty() {
            return;
        }
        // In a body that is not JSON, the values cannot be found, so the whole body is redacted.
        let redacted = std::str::from_utf8(&record.body.0).ok().and_then(|body| without(body, &self.paths));
        match redacted {
            Some(Cow::Borrowed(_)) => return,
            Some(Cow::Owned(body)) => record.body = Exact(body.into()),
            None => record.body = Exact(UNREADABLE.into()),
        }
        let length = record.body.0.len().to_string();
        for (_, value) in record.headers.iter_mut().filter(|(name, _)| name.0.eq_ignore_ascii_case(b"content-length")) {
            *value = Exact(length.clone().into());
        }
        record.body_bytes = None;
    }
}

/// Replaces the values at the paths and leaves every other byte unchanged. Returns `None` if the body cannot be parsed.
fn without<'b>(body: &'b str, paths: &[JsonPath]) -> Option<Cow<'b, str>> {
    let spans = spans(body, paths)?;
    if spans.is_empty() {
        return Some(Cow::Borrowed(body));
    }
    let (mut redacted, mut at) = (String::with_capacity(body.len()), 0);
    for span in spans {
        redacted.push_str(&body[at..span.start]);
        redacted.push_str(REDACTED);
        at = span.end;
    }
    redacted.push_str(&body[at..]);
    Some(Cow::Owned(redacted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(texts: &[&str]) -> Vec<JsonPath> {
        texts.iter().map(|text| JsonPath::parse(text).expect("a path")).collect()
    }

    #[test]
    fn redacts_only_values_at_the_paths() {
        let body =
            r#"{ "a":{"email":"x@y","n":1.50},"l":[{"t":"1","k":2},{"t":"3"}],"a\u0062":[1] , "email":"stays" }"#;
        for (named, expected) in [
            (
                &["a.email"][..],
                r#"{ "a":{"email":"[redacted]","n":1.50},"l":[{"t":"1","k":2},{"t":"3"}],"a\u0062":[1] , "email":"stays" }"#,
            ),
            (
                &["l[*].t", "ab"],
                r#"{ "a":{"email":"x@y","n":1.50},"l":[{"t":"[redacted]","k":2},{"t":"[redacted]"}],"a\u0062":"[redacted]" , "email":"stays" }"#,
            ),
            (
                &["l[1]", "l", "a.n.x"],
                r#"{ "a":{"email":"x@y","n":1.50},"l":"[redacted]","a\u0062":[1] , "email":"stays" }"#,
            ),
            (&["none"], body),
        ] {
            assert_eq!(without(body, &paths(named)).as_deref(), Some(expected), "{named:?}");
        }
        assert_eq!(without("{\"a\":1}\n{\"a\":2}", &paths(&["a"])), None, "more than one document");
    }

    #[test]
    fn masks_secrets_and_corrects_lengths() {
        let header = |name: &str, value: &str| (Exact(name.into()), Exact(value.into()));
        let mut record = Record {
            headers: vec![
                header("Authorization", "Bearer x"),
                header("X-Own", "y"),
                header("Content-Length", "9"),
                header("X-Other", "z"),
            ],
            body: Exact(br#"{"a":"b"}"#.to_vec()),
            ..Record::default()
        };
        let redaction = Redaction { secrets: false, headers: vec!["x-own".into()], paths: paths(&["a"]) };
        redaction.apply(&mut record);
        let values: Vec<_> =
            record.headers.iter().map(|(_, value)| String::from_utf8_lossy(&value.0).into_owned()).collect();
        assert_eq!(values, [MASK, MASK, "18", "z"]);
        assert_eq!(record.body.0, br#"{"a":"[redacted]"}"#);
        let mut form =
            Record { body: Exact(b"a=secret".to_vec()), event_id: Some("secret".into()), ..Record::default() };
        redaction.apply(&mut form);
        assert_eq!((form.body.0.as_slice(), form.event_id), (UNREADABLE, None));
        let mut cut = Record { body: Exact(br#"{"a":"secret"#.to_vec()), ..Record::default() };
        redaction.apply(&mut cut);
        assert_eq!(cut.body.0, UNREADABLE);
    }
}
