//! Answers made of the request: minijinja, within limits.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, Write},
};

use hookline_capture::header_list;
use minijinja::{
    Environment, ErrorKind, UndefinedBehavior, Value, context, filters, functions, tests, value::ValueKind,
};
use serde::Serialize;

use crate::{
    content::{content_of, read_body},
    request::text_by,
};

/// Steps one template may take: some milliseconds.
const STEPS_MAX: u64 = 20_000;

/// Longest text a template makes, in bytes.
const MADE_MAX: usize = 1024 * 1024;

/// How much of a body a template sees as text, in bytes: what it does with it costs memory each time.
const SEEN_MAX: usize = 64 * 1024;

/// Largest JSON body a template can reach into, in bytes.
const JSON_MAX: usize = 256 * 1024;

/// What a template sees of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) inbox: &'a str,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) headers: &'a [u8],
    pub(super) body: &'a [u8],
    pub(super) event_type: Option<&'a str>,
    pub(super) event_id: Option<&'a str>,
    pub(super) now_us: i64,
}

#[derive(Serialize)]
struct Request<'a> {
    inbox: &'a str,
    method: &'a str,
    target: &'a str,
    path: &'a str,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: String,
    json: serde_json::Value,
    event: Option<&'a str>,
    event_id: Option<&'a str>,
    uuid: String,
    now: String,
    now_s: i64,
}

/// What a template can use is what costs no more than its own text says: nothing here grows by a number
/// or a list that a sender sends. There is no `namespace`, no macro, no other template, and
/// [`check`] refuses multiplication.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_fuel(Some(STEPS_MAX));
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.add_function("range", functions::range);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("length", filters::length);
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("int", filters::int);
    environment.add_filter("float", filters::float);
    environment.add_filter("round", filters::round);
    environment.add_filter("json", |value: Value| match value.kind() {
        ValueKind::Undefined => Ok("null".to_owned()),
        _ => {
            serde_json::to_string(&value).map_err(|e| minijinja::Error::new(ErrorKind::InvalidOperation, e.to_string()))
        }
    });
    environment.add_test("defined", tests::is_defined);
    environment.add_test("none", tests::is_none);
    environment
}

/// Whether an expression multiplies: a text or list times a number a sender sends has no bound.
fn multiplies(template: &str) -> bool {
    let mut rest = template;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        let (mut quote, mut ended) = (None, rest.len());
        for (place, sign) in rest.char_indices().skip_while(|(place, _)| *place < at + 2) {
            match (quote, sign) {
                (None, '\'' | '"') => quote = Some(sign),
                (Some(open), sign) if open == sign && !rest[..place].ends_with('\\') => quote = None,
                (None, '*') => return true,
                (None, '}') => {
                    ended = place + 1;
                    if rest[..place].ends_with(['%', '}']) {
                        break;
                    }
                }
                _ => {}
            }
        }
        rest = &rest[ended..];
    }
    false
}

/// What is wrong with a template, if it does not read.
pub(super) fn check(template: &str) -> Result<(), String> {
    if multiplies(template) {
        return Err("A template multiplies nothing: `*` is not offered in one.".into());
    }
    environment().template_from_str(template).map(drop).map_err(|e| format!("The template does not read: {e}."))
}

/// A template's text over a request, or why there is none.
pub(super) fn render(template: &str, seen: &Seen<'_>) -> Result<Vec<u8>, String> {
    let environment = environment();
    let (path, query) = seen.target.split_once('?').unwrap_or((seen.target, ""));
    let text = |bytes: &[u8]| text_by(bytes, String::push_str);
    let mut headers = BTreeMap::new();
    for (name, value) in header_list(seen.headers) {
        headers.entry(text(name).to_ascii_lowercase()).or_insert_with(|| text(value));
    }
    let body = &seen.body[..seen.body.len().min(JSON_MAX)];
    let read = read_body(&content_of(seen.headers), Cow::Borrowed(body), JSON_MAX as u64);
    let request = Request {
        inbox: seen.inbox,
        method: seen.method,
        target: seen.target,
        path,
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers,
        body: text(&read.bytes[..read.bytes.len().min(SEEN_MAX)]),
        json: match seen.body.len() {
            0..=JSON_MAX => serde_json::from_slice(&read.bytes).unwrap_or_default(),
            _ => serde_json::Value::Null,
        },
        event: seen.event_type,
        event_id: seen.event_id,
        uuid: uuid::Uuid::now_v7().to_string(),
        now: crate::time::timestamp(seen.now_us).to_string(),
        now_s: seen.now_us / 1_000_000,
    };
    let mut made = Made(Vec::new());
    environment
        .template_from_str(template)
        .and_then(|template| template.render_captured_to(context! { request => request }, &mut made).map(drop))
        .map_err(|error| match error.kind() {
            ErrorKind::OutOfFuel => "it takes too many steps".to_owned(),
            ErrorKind::WriteFailure => format!("it makes more than {MADE_MAX} bytes"),
            _ => error.to_string(),
        })?;
    Ok(made.0)
}

/// What has been made, up to its limit.
struct Made(Vec<u8>);

impl Write for Made {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MADE_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod checks {
    use super::*;

    fn made(template: &str) -> Result<String, String> {
        let seen = Seen {
            inbox: "shop",
            method: "POST",
            target: "/shop/a?x=1&y=%20",
            headers: b"Content-Type: application/json\r\nX-Id: 7\r\nX-Id: 8\r\n",
            body: br#"{"id":"evt_1","list":[1,2],"n":1000000000,"s":"\"<"}"#,
            event_type: Some("chat.closed"),
            event_id: None,
            now_us: 1_000_000,
        };
        render(template, &seen).map(|bytes| String::from_utf8(bytes).expect("it is text"))
    }

    #[test]
    fn a_template_sees_the_request() {
        for (template, text) in [
            ("{{ request.json.id }} {{ request.method }} {{ request.path }}", "evt_1 POST /shop/a"),
            ("{{ request.query.x }}{{ request.query.y }}|", "1 |"),
            (r#"{{ request.headers["x-id"] }}"#, "7"),
            ("{{ request.json.none.at.all }}{{ request.event }}", "chat.closed"),
            ("{% for n in request.json.list %}{{ n }},{% endfor %}", "1,2,"),
            (r#"{"s":{{ request.json.s|json }},"n":{{ request.json.none|json }}}"#, r#"{"s":"\"<","n":null}"#),
            ("{{ request.now }} {{ request.now_s }}", "1970-01-01T00:00:01Z 1"),
            ("{% set id = request.json.id %}{{ id|upper }}", "EVT_1"),
        ] {
            assert_eq!(made(template).as_deref(), Ok(text), "{template}");
        }
    }

    #[test]
    fn what_a_sender_sends_makes_no_template_run_away() {
        for template in [
            "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
            "{% for i in range(9000) %}{{ request.body }}{% endfor %}{% for i in range(90000) %}{% endfor %}",
            "{{ request.body|indent(request.json.n, true) }}",
            "{{ request.json.list|join(request.body) }}",
            "{{ request.body|replace('a', request.body) }}",
            "{{ request.json.list|slice(request.json.n) }}",
            "{{ request.json.list|sum }}",
            "{% set ns = namespace(x='a') %}{% for i in range(100) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
            "{% include 'x' %}",
        ] {
            assert!(made(template).is_err(), "{template}");
        }
    }

    #[test]
    fn a_template_that_does_not_read_is_told() {
        assert!(check("{{ request.body }").expect_err("it does not read").contains("does not read"));
        assert_eq!(check("plain { } text * {{ 'a * b' }} {% if true %}*{% endif %}"), Ok(()));
        for multiplied in
            ["{{ 'x' * request.json.n }}", "{% for i in request.json.list * 9 %}{% endfor %}", "{{ '\\'' * 2 }}"]
        {
            assert!(check(multiplied).expect_err(multiplied).contains("multiplies"), "{multiplied}");
        }
    }
}
