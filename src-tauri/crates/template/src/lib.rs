//! Response templates: minijinja with limits on time and memory.
#![forbid(unsafe_code)]

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

/// Maximum number of steps of a template. A step may compare two JSON texts of [`JSON_MAX`] bytes, so 10,000 steps take
/// about a second at worst, and usually some milliseconds.
const STEPS_MAX: u64 = 10_000;

/// Maximum number of bytes that the filters of a template process in total.
const FILTERED_MAX: usize = 8 * 1024 * 1024;

/// Maximum number of `~` and `+` operators in an expression.
const JOINED_MAX: usize = 8;

/// Maximum size of the output of a template, in bytes.
const MADE_MAX: usize = 1024 * 1024;

/// Maximum size of `request.body`, in bytes. Each use of the body in a template allocates a copy.
pub const SEEN_MAX: usize = 64 * 1024;

/// Maximum size of a body that is parsed as `request.json`, in bytes.
pub const JSON_MAX: usize = 256 * 1024;

/// Data of a request that a template can use.
#[derive(Debug, Clone, Copy)]
pub struct TemplateContext<'a> {
    /// Name of the inbox.
    pub inbox: &'a str,
    /// Method as sent.
    pub method: &'a str,
    /// Request target as sent.
    pub target: &'a str,
    /// Header block as received.
    pub headers: &'a [u8],
    /// Body as received.
    pub body: &'a [u8],
    /// Event type, as the vendor names it.
    pub event_type: Option<&'a str>,
    /// ID of the event.
    pub event_id: Option<&'a str>,
    /// Value of `request.uuid`. `None` to generate one.
    pub uuid: Option<&'a str>,
    /// Current time in µs since the Unix epoch.
    pub now_us: i64,
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

/// Number of bytes that filters may still process. Each step of a template may apply a filter to a large text.
#[derive(Clone)]
struct Budget(Arc<AtomicUsize>);

impl Budget {
    fn spend(&self, bytes: usize) -> Result<(), minijinja::Error> {
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        left.map(drop).map_err(|_| minijinja::Error::from(ErrorKind::OutOfFuel))
    }

    /// Returns a filter from text to text. Rejects lists and maps, whose text may be much larger than the value.
    fn text(&self, make: fn(&str) -> String) -> impl Fn(Value) -> Result<String, minijinja::Error> + use<> {
        let budget = self.clone();
        move |value: Value| match value.kind() {
            ValueKind::Seq | ValueKind::Map | ValueKind::Iterable | ValueKind::Plain => {
                Err(minijinja::Error::new(ErrorKind::InvalidOperation, "this filter requires a string"))
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

/// Serializes a value as JSON, up to the size limit.
fn json(value: &Value, budget: &Budget) -> Result<String, minijinja::Error> {
    let mut out = RenderedBytes(Vec::new());
    serde_json::to_writer(&mut out, value).map_err(|error| match error.is_io() {
        true => ErrorKind::WriteFailure.into(),
        false => minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string()),
    })?;
    budget.spend(out.0.len())?;
    Ok(String::from_utf8(out.0).unwrap_or_default())
}

/// Returns an environment with the functions and filters whose cost is bounded by the template text. None of them grows
/// by a number or a list in the request. There are no namespaces, macros or includes, and [`refused`] rejects further
/// syntax.
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

/// Returns the reason why a template is rejected. Returns `None` if the template is allowed.
///
/// Rejects the syntax that could use unbounded memory. Multiplication is rejected because the request could contain a
/// large factor. Repeated concatenation of a variable doubles its size each time. Concatenation is therefore allowed
/// only in output expressions, a few times each. Blocks cannot be assigned, and lists contain only literals.
fn refused(template: &str) -> Option<&'static str> {
    let tokens = tokenize(template, false, SyntaxConfig, WhitespaceConfig::default());
    let (mut in_block, mut joined, mut is_set, mut assigned) = (false, 0, false, false);
    // `in_list` is true inside a list of literals, and `after_value` if the previous token ends a value.
    let (mut in_list, mut after_value) = (false, false);
    for token in tokens {
        // The parser reports syntax errors later.
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
            return Some("Lists in templates can contain only literal strings and numbers.");
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
                return Some("Templates do not support macros, filter blocks, recursive loops or includes.");
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
                    return Some("At most 9 values can be joined with `~` or `+`.");
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

/// Validates a template. Returns a message if it cannot be used.
pub fn check(template: &str) -> Result<(), String> {
    if let Some(why) = refused(template) {
        return Err(why.into());
    }
    environment().template_from_str(template).map(drop).map_err(|e| format!("The template cannot be parsed: {e}."))
}

/// Renders a template with the data of a request. Returns the reason if rendering fails.
pub fn render(template: &str, seen: &TemplateContext<'_>) -> Result<Vec<u8>, String> {
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
        uuid: seen.uuid.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned),
        now: hookbench_model::timestamp(seen.now_us).to_string(),
        now_s: seen.now_us / 1_000_000,
    };
    let mut made = RenderedBytes(Vec::new());
    environment
        .template_from_str(template)
        .and_then(|template| template.render_captured_to(context! { request => request }, &mut made).map(drop))
        .map_err(|error| match error.kind() {
            ErrorKind::OutOfFuel => "the template takes too many steps".to_owned(),
            ErrorKind::WriteFailure => format!("the output exceeds {MADE_MAX} bytes"),
            _ => error.to_string(),
        })?;
    Ok(made.0)
}

/// Output buffer with a size limit.
struct RenderedBytes(Vec<u8>);

impl Write for RenderedBytes {
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
        let seen = TemplateContext {
            inbox: "shop",
            method: "POST",
            target: "/shop/a?x=1&y=%20",
            headers: b"Content-Type: application/json\r\nX-Id: 7\r\nX-Id: 8\r\n",
            body: br#"{"id":"evt_1","list":[1,2],"n":1000000000,"s":"\"<"}"#,
            event_type: Some("chat.closed"),
            event_id: None,
            uuid: None,
            now_us: 1_000_000,
        };
        render(template, &seen).map(|bytes| String::from_utf8(bytes).expect("UTF-8 output"))
    }

    #[test]
    fn renders_data_of_the_request() {
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
    fn rejects_templates_with_unbounded_cost() {
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
    fn rejects_invalid_templates() {
        assert!(check("{{ request.body }").expect_err("invalid").contains("cannot be parsed"));
        assert_eq!(check("plain { } text * ~ {{ 'a * b' ~ '~' }} {% if true %}*{% endif %}"), Ok(()));
        assert_eq!(check("{% if request.json.a in ['x', \"y\", 1] %}{{ request.headers['x-id'] }}{% endif %}"), Ok(()));
        assert!(check(&format!("{{{{ {}'x' }}}}", "'x' ~ ".repeat(9))).expect_err("too many").contains("9 values"));
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
