//! Answers made of the request: minijinja, within limits.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hookbench_capture::header_list;
use hookbench_model::text_by;
use hookbench_query::body::{content_of, read_body};
use minijinja::{
    Environment, ErrorKind, UndefinedBehavior, Value, context, filters, functions,
    machinery::{Token, WhitespaceConfig, tokenize},
    syntax::SyntaxConfig,
    tests,
    value::ValueKind,
};
use serde::Serialize;

/// Steps one template may take. One step may compare two JSON texts of [`JSON_MAX`] bytes, so ten thousand are
/// about a second at worst, and some milliseconds as a rule.
const STEPS_MAX: u64 = 10_000;

/// Most bytes that the filters of one template read and make together.
const FILTERED_MAX: usize = 8 * 1024 * 1024;

/// Most signs `~` in one expression.
const JOINED_MAX: usize = 8;

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

/// How many bytes filters may still read and make. Each step of a template may use a filter on a large text.
#[derive(Clone)]
struct Budget(Arc<AtomicUsize>);

impl Budget {
    fn spend(&self, bytes: usize) -> Result<(), minijinja::Error> {
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        left.map(drop).map_err(|_| minijinja::Error::from(ErrorKind::OutOfFuel))
    }

    /// A filter from text to text. A list is not made a text first: it may hold itself many times.
    fn text(&self, make: fn(&str) -> String) -> impl Fn(Value) -> Result<String, minijinja::Error> + use<> {
        let budget = self.clone();
        move |value: Value| match value.kind() {
            ValueKind::Seq | ValueKind::Map | ValueKind::Iterable | ValueKind::Plain => {
                Err(minijinja::Error::new(ErrorKind::InvalidOperation, "this filter takes a text"))
            }
            ValueKind::Undefined | ValueKind::None => Ok(String::new()),
            _ => {
                let text = value.to_string();
                budget.spend(text.len())?;
                Ok(make(&text))
            }
        }
    }
}

/// JSON as it is written, up to a limit.
fn json(value: &Value, budget: &Budget) -> Result<String, minijinja::Error> {
    let mut out = Made(Vec::new());
    serde_json::to_writer(&mut out, value).map_err(|error| match error.is_io() {
        true => ErrorKind::WriteFailure.into(),
        false => minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string()),
    })?;
    budget.spend(out.0.len())?;
    Ok(String::from_utf8(out.0).unwrap_or_default())
}

/// What a template can use is what costs no more than its own text says: nothing here grows by a number
/// or a list that a sender sends. There is no `namespace`, no macro, no other template, and
/// [`refused`] says what else there is not.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    let budget = Budget(Arc::new(AtomicUsize::new(FILTERED_MAX)));
    environment.set_fuel(Some(STEPS_MAX));
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.add_function("range", functions::range);
    environment.add_filter("lower", budget.text(str::to_lowercase));
    environment.add_filter("upper", budget.text(str::to_uppercase));
    environment.add_filter("trim", budget.text(|text| text.trim().to_owned()));
    let spent = budget.clone();
    environment.add_filter("length", move |value: &Value| {
        spent.spend(value.as_str().map_or(0, str::len))?;
        filters::length(value)
    });
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("int", filters::int);
    environment.add_filter("float", filters::float);
    environment.add_filter("round", filters::round);
    environment.add_filter("json", move |value: Value| match value.kind() {
        ValueKind::Undefined => Ok("null".to_owned()),
        _ => json(&value, &budget),
    });
    environment.add_test("defined", tests::is_defined);
    environment.add_test("none", tests::is_none);
    environment
}

/// Why a template may not be used, if it may not. A text or list times a number that a sender sends has no
/// bound. Joining texts or lists doubles them where the result gets a name and is joined again, so texts are joined
/// only in what is printed, a few at a time; no block of text gets a name, and a list holds fixed values only.
fn refused(template: &str) -> Option<&'static str> {
    let tokens = tokenize(template, false, SyntaxConfig, WhitespaceConfig::default());
    let (mut in_block, mut joined, mut is_set, mut assigned) = (false, 0, false, false);
    // Whether a list of fixed values is open, and whether a value stands before the next token.
    let (mut in_list, mut after_value) = (false, false);
    for token in tokens {
        // What does not read is told by the parser.
        let Ok((token, _)) = token else { return None };
        let is_fixed = matches!(
            token,
            Token::Str(_)
                | Token::String(_)
                | Token::Int(_)
                | Token::Float(_)
                | Token::Comma
                | Token::Minus
                | Token::BracketClose
        );
        if in_list && !is_fixed {
            return Some("A list in a template holds only fixed texts and numbers.");
        }
        match token {
            Token::BlockStart => (in_block, is_set, assigned) = (true, false, false),
            Token::BlockEnd if is_set && !assigned => {
                return Some("`{% set name %}…{% endset %}` is not supported. Use `{% set name = value %}`.");
            }
            Token::BlockEnd => in_block = false,
            Token::VariableStart => joined = 0,
            Token::Ident("set") if in_block && !is_set => is_set = true,
            Token::Ident("macro" | "call" | "filter" | "import" | "include" | "extends" | "recursive") if in_block => {
                return Some("Templates have no macros, filter blocks, recursive loops or other templates.");
            }
            Token::Assign => assigned = true,
            Token::Mul | Token::Pow => return Some("Templates do not support `*`."),
            Token::BraceOpen => return Some("Templates do not support maps."),
            Token::BracketOpen if !after_value => in_list = true,
            Token::BracketClose => in_list = false,
            Token::Tilde | Token::Plus if in_block => {
                return Some("`~` and `+` are allowed only inside {{ … }}.");
            }
            Token::Tilde | Token::Plus => {
                joined += 1;
                if joined > JOINED_MAX {
                    return Some("At most 9 texts can be joined with `~` or `+`.");
                }
            }
            _ => {}
        }
        let word = matches!(token, Token::Ident(word) if !matches!(word, "in" | "if" | "else" | "elif" | "and" | "or" | "not" | "is"));
        after_value =
            word || matches!(token, Token::BracketClose | Token::ParenClose | Token::Str(_) | Token::String(_));
    }
    None
}

/// What is wrong with a template, if it does not read.
pub(super) fn check(template: &str) -> Result<(), String> {
    if let Some(why) = refused(template) {
        return Err(why.into());
    }
    environment().template_from_str(template).map(drop).map_err(|e| format!("The template does not read: {e}."))
}

/// A template's text over a request, or why there is none.
pub(super) fn render(template: &str, seen: &Seen<'_>) -> Result<Vec<u8>, String> {
    if let Some(why) = refused(template) {
        return Err(why.trim_end_matches('.').to_owned());
    }
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
        now: hookbench_model::timestamp(seen.now_us).to_string(),
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
            "{% for i in range(9000) %}{% set x = request.json|json %}{% set y = request.body|upper %}{{ y|length }}{% endfor %}",
            "{% set a = request.body ~ request.body %}{% set a = a ~ a %}{{ a }}",
            "{% set a %}{{ request.body }}{{ request.body }}{% endset %}{{ a }}",
            "{% for a in [request.body ~ request.body] %}{{ a }}{% endfor %}",
            "{% set a = request.body + request.body %}{% set a = a + a %}{{ a }}",
            "{% set a = [request.body, request.body] %}{% set a = [a, a] %}{{ a|upper }}",
            "{% set a = {'x': request.json} %}{{ a|json }}",
            "{% set x = loop([1]) %}",
            "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
            "{{ request.json.list|upper }}",
            "{{ request.json.s|json|json|json|json|json|json|json|json|json|json|json|json|json|json|json|json|json|json|json|json }}",
        ] {
            assert!(made(template).is_err(), "{template}");
        }
    }

    #[test]
    fn a_template_that_does_not_read_is_told() {
        assert!(check("{{ request.body }").expect_err("it does not read").contains("does not read"));
        assert_eq!(check("plain { } text * ~ {{ 'a * b' ~ '~' }} {% if true %}*{% endif %}"), Ok(()));
        assert_eq!(check("{% if request.json.a in ['x', \"y\", 1] %}{{ request.headers['x-id'] }}{% endif %}"), Ok(()));
        assert!(check(&format!("{{{{ {}'x' }}}}", "'x' ~ ".repeat(9))).expect_err("too many").contains("9 texts"));
        for multiplied in [
            "{{ 'x' * request.json.n }}",
            "{% for i in request.json.list * 9 %}{% endfor %}",
            "{{ '\\'' * 2 }}",
            "{{ ('\\\\' * request.json.n)|length }}",
            "{# {{ ' #}{{ 'x' * 9 }}",
            "{% raw %}{{ ' {% endraw %}{{ 'x' * 9 }}",
            "{{ 9 ** request.json.n }}",
        ] {
            assert!(check(multiplied).expect_err(multiplied).contains("`*`"), "{multiplied}");
        }
    }
}
