//! Reading a query: text to tree, or an error that says where and what to write instead.

use std::ops::Range;

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    field::{self, Field, Kind},
    fold::fold,
    json::{Path, STEPS_MAX, Step},
    pattern::{Order, Pattern, number_of},
    tree::{Node, Place, Term, Test},
    value,
};

/// Longest query, in bytes.
const QUERY_MAX: usize = 4_096;

/// Deepest nesting of brackets and `not`.
const DEPTH_MAX: usize = 50;

/// Largest compiled regular expression, in bytes: it is run over every request there is.
const REGEX_MAX: usize = 1 << 20;

/// Why a query does not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct QueryError {
    /// Where, in characters from the start.
    pub at: usize,
    /// How many characters it is about.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What the whole query could be instead.
    pub suggestion: Option<String>,
}

impl std::fmt::Display for QueryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "At character {}: {}", self.at + 1, self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " Did you mean {suggestion}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for QueryError {}

/// An error with its place in bytes, and what to put there instead.
struct Fault {
    span: Range<usize>,
    message: String,
    instead: Option<(Range<usize>, String)>,
}

type Parsed<T> = Result<T, Fault>;

fn fault<T>(span: Range<usize>, message: impl Into<String>) -> Parsed<T> {
    Err(Fault { span, message: message.into(), instead: None })
}

fn fault_instead<T>(span: Range<usize>, message: impl Into<String>, at: Range<usize>, instead: &str) -> Parsed<T> {
    Err(Fault { span, message: message.into(), instead: Some((at, instead.into())) })
}

pub(super) fn parse(text: &str) -> Result<Node, QueryError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let parsed = if text.len() > QUERY_MAX {
        fault(0..text.len(), format!("A query has at most {QUERY_MAX} bytes."))
    } else {
        parser.whole()
    };
    parsed.map_err(|fault| {
        let characters = |range: &str| range.chars().count();
        QueryError {
            at: characters(&text[..fault.span.start]),
            length: characters(&text[fault.span]),
            message: fault.message,
            suggestion: fault
                .instead
                .map(|(span, instead)| format!("{}{instead}{}", &text[..span.start], &text[span.end..])),
        }
    })
}

struct Parser<'q> {
    text: &'q str,
    at: usize,
    depth: usize,
}

/// A word as written and where.
struct Word<'q> {
    text: &'q str,
    span: Range<usize>,
}

impl<'q> Parser<'q> {
    fn whole(&mut self) -> Parsed<Node> {
        let node = self.any()?;
        self.skip_space();
        match self.rest().chars().next() {
            None => Ok(node),
            Some(_) => fault_instead(self.at..self.at + 1, "This bracket closes nothing.", self.at..self.at + 1, ""),
        }
    }

    fn any(&mut self) -> Parsed<Node> {
        let mut nodes = vec![self.all()?];
        while let Some(span) = self.keyword("or") {
            if matches!(nodes.last(), Some(Node::All(nodes)) if nodes.is_empty()) {
                return fault_instead(span.clone(), "Nothing stands in front of this `or`.", span, "\"or\"");
            }
            let next = self.all()?;
            if matches!(&next, Node::All(nodes) if nodes.is_empty()) {
                return fault_instead(
                    span.clone(),
                    "Nothing stands behind this `or`.",
                    span.start.saturating_sub(1)..span.end,
                    "",
                );
            }
            nodes.push(next);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Any(nodes) })
    }

    fn all(&mut self) -> Parsed<Node> {
        let mut nodes = Vec::new();
        loop {
            self.skip_space();
            let rest = self.rest();
            if rest.is_empty() || rest.starts_with(')') || self.peek_keyword("or").is_some() {
                break;
            }
            if self.keyword("and").is_some() {
                continue;
            }
            nodes.push(self.one()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::All(nodes) })
    }

    fn one(&mut self) -> Parsed<Node> {
        self.skip_space();
        let start = self.at;
        let rest = self.rest();
        if self.depth > DEPTH_MAX {
            return fault(start..start + 1, "Brackets and `not` are nested too deep here.");
        }
        let negated =
            rest.strip_prefix('-').is_some_and(|rest| !rest.is_empty() && !rest.starts_with(char::is_whitespace));
        if negated {
            self.at += 1;
        } else if self.keyword("not").is_none() {
            if !rest.starts_with('(') {
                return self.term();
            }
            self.at += 1;
            self.depth += 1;
            let node = self.any()?;
            self.depth -= 1;
            self.skip_space();
            if !self.rest().starts_with(')') {
                let end = self.text.len();
                return fault_instead(start..start + 1, "This bracket is not closed.", end..end, ")");
            }
            self.at += 1;
            return Ok(node);
        }
        self.skip_space();
        if self.rest().is_empty() || self.rest().starts_with(')') || self.peek_keyword("or").is_some() {
            return fault_instead(start..self.at, "Nothing stands behind this `not`.", start..self.at, "");
        }
        self.depth += 1;
        let node = self.one()?;
        self.depth -= 1;
        Ok(Node::Not(Box::new(node)))
    }

    fn rest(&self) -> &'q str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn peek_keyword(&self, word: &str) -> Option<Range<usize>> {
        let rest = self.rest();
        let found = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let ends = rest.get(word.len()..)?.chars().next().is_none_or(|c| c.is_whitespace() || c == '(' || c == ')');
        (found && ends).then(|| self.at..self.at + word.len())
    }

    fn keyword(&mut self, word: &str) -> Option<Range<usize>> {
        self.skip_space();
        let span = self.peek_keyword(word)?;
        self.at = span.end;
        Some(span)
    }

    fn term(&mut self) -> Parsed<Node> {
        let start = self.at;
        let term = match self.head()? {
            Some((place, field, operator)) => {
                let word = self.value(start, field)?;
                Term { place, test: test(field, operator, &word)?, span: start..self.at }
            }
            None => {
                if self.rest().starts_with('"') && self.quoted()?.is_empty() {
                    return fault_instead(start..self.at, "There is nothing in these quotes.", start..self.at, "");
                }
                self.at = start;
                let word = self.word();
                Term { place: Place::Anywhere, test: Test::Text(pattern(&word, true)?), span: start..self.at }
            }
        };
        Ok(Node::Term(Box::new(term)))
    }

    /// The field and operator a term begins with; none for free text.
    fn head(&mut self) -> Parsed<Option<(Place, &'static Field, Operator)>> {
        let start = self.at;
        let rest = self.rest();
        let name = &rest[..rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len())];
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Ok(None);
        }
        let after = &rest[name.len()..];
        let Some(field) = field::named(name) else {
            // A URL is text; `a=b` and `a>b` may well be.
            if after.starts_with(':') && !after.starts_with("://") && !after.starts_with("::") {
                let span = start..start + name.len();
                let message = format!("There is no field {name:?}; in quotes it is searched as text.");
                return match field::like(name) {
                    Some(field) => fault_instead(span.clone(), message, span, field.name),
                    None => fault(span, message),
                };
            }
            return Ok(None);
        };
        let dotted = after.starts_with(['.', '[']);
        if field.kind != Kind::Named {
            let Some((length, operator)) = Operator::at(after) else { return Ok(None) };
            self.at += name.len() + length;
            return Ok(Some((Place::Field(field), field, operator)));
        }
        if !dotted {
            let Some((length, _)) = Operator::at(after) else { return Ok(None) };
            let span = start..start + name.len() + length;
            let message = format!("{} wants a name, as in {}.", field.name, field.example);
            let instead = field.example.split_once(':').map_or(field.name, |(named, _)| named);
            return fault_instead(span, message, start..start + name.len(), instead);
        }
        self.at += name.len();
        let place = self.place(field)?;
        let Some((length, operator)) = Operator::at(self.rest()) else {
            self.at = start;
            return Ok(None);
        };
        self.at += length;
        Ok(Some((place, field, operator)))
    }

    /// What stands behind `header`, `query`, `form` or `body`.
    fn place(&mut self, field: &'static Field) -> Parsed<Place> {
        if field.name == "body" {
            return Ok(Place::Body(self.path()?));
        }
        let start = self.at;
        self.at += 1;
        let name = match self.rest().starts_with('"') {
            true => self.quoted()?,
            false => {
                let rest = self.rest();
                let end = rest.find(|c: char| c.is_whitespace() || ":=<>()".contains(c)).unwrap_or(rest.len());
                self.at += end;
                rest[..end].to_owned()
            }
        };
        if name.is_empty() {
            return fault(start..self.at, format!("{} wants a name, as in {}.", field.name, field.example));
        }
        Ok(match field.name {
            "header" => Place::Header(name),
            "query" => Place::Query(name),
            _ => Place::Form(name),
        })
    }

    fn path(&mut self) -> Parsed<Path> {
        let mut steps = Vec::new();
        loop {
            let start = self.at;
            let rest = self.rest();
            if let Some(inner) = rest.strip_prefix('[') {
                let Some((inner, _)) = inner.split_once(']') else {
                    return fault(start..start + 1, "This square bracket is not closed.");
                };
                let span = start..start + inner.len() + 2;
                self.at = span.end;
                steps.push(match inner.trim() {
                    "*" | "" => Step::Any,
                    number => match number.parse() {
                        Ok(index) => Step::Index(index),
                        Err(_) => {
                            return fault_instead(
                                span.clone(),
                                "A number or * stands in square brackets.",
                                span,
                                "[*]",
                            );
                        }
                    },
                });
            } else if rest.starts_with(".[") {
                self.at += 1;
            } else if rest.starts_with('.') {
                self.at += 1;
                if self.rest().starts_with('"') {
                    steps.push(Step::Key(self.quoted()?));
                } else {
                    let rest = self.rest();
                    let end = rest.find(|c: char| c.is_whitespace() || ".[]():=<>\"".contains(c)).unwrap_or(rest.len());
                    self.at += end;
                    match &rest[..end] {
                        "" => {
                            return fault(
                                start..start + 1,
                                "A key stands behind this full stop, in quotes if it is an odd one.",
                            );
                        }
                        "*" => steps.push(Step::Any),
                        key => steps.push(Step::Key(key.into())),
                    }
                }
            } else {
                return Ok(Path(steps));
            }
            if steps.len() > STEPS_MAX {
                return fault(start..self.at, format!("A path has at most {STEPS_MAX} steps."));
            }
        }
    }

    /// A quoted text, its quotes and escapes read.
    fn quoted(&mut self) -> Parsed<String> {
        let start = self.at;
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.at = start + at + 1;
                    return Ok(text);
                }
                '\\' => match characters.next() {
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    Some((_, c)) => text.extend(['\\', c]),
                    None => break,
                },
                c => text.push(c),
            }
        }
        let end = self.text.len();
        fault_instead(start..start + 1, "This quotation mark is not closed.", end..end, "\"")
    }

    /// A field's value: a word or a quoted text, which must be there.
    fn value(&mut self, term: usize, field: &Field) -> Parsed<Word<'q>> {
        let at = self.at;
        if self.rest().starts_with('"') {
            self.quoted()?;
            return Ok(Word { text: &self.text[at..self.at], span: at..self.at });
        }
        let word = self.word();
        if word.text.is_empty() {
            let written = &self.text[term..at];
            if matches!(field.kind, Kind::Word | Kind::Text | Kind::Named) && !written.ends_with(['<', '>', '=']) {
                let message = format!("{written} wants a value; * is any.");
                return fault_instead(term..at, message, at..at, "*");
            }
            return fault(term..at, format!("{written} wants a value, as in {}.", field.example));
        }
        Ok(word)
    }

    /// Up to white space or a bracket that was opened before. A quoted text in front is one word.
    fn word(&mut self) -> Word<'q> {
        let start = self.at;
        if self.rest().starts_with('"') && self.quoted().is_ok() {
            return Word { text: &self.text[start..self.at], span: start..self.at };
        }
        if let Some(length) = regex_length(self.rest()) {
            self.at += length;
            return Word { text: &self.text[start..self.at], span: start..self.at };
        }
        let mut open = 0;
        let end = self.rest().find(|c: char| match c {
            '(' => {
                open += 1;
                false
            }
            ')' => {
                open -= 1;
                open < 0
            }
            c => c.is_whitespace(),
        });
        self.at = end.map_or(self.text.len(), |end| start + end);
        Word { text: &self.text[start..self.at], span: start..self.at }
    }
}

/// Between a field and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    /// `:`
    Has,
    /// `=`
    Is,
    Order(Order),
}

const OPERATORS: &[(&str, Operator)] = &[
    (":>=", Operator::Order(Order::AtLeast)),
    (":<=", Operator::Order(Order::AtMost)),
    (":>", Operator::Order(Order::Above)),
    (":<", Operator::Order(Order::Below)),
    (":=", Operator::Is),
    (">=", Operator::Order(Order::AtLeast)),
    ("<=", Operator::Order(Order::AtMost)),
    (">", Operator::Order(Order::Above)),
    ("<", Operator::Order(Order::Below)),
    (":", Operator::Has),
    ("=", Operator::Is),
];

impl Operator {
    /// The operator a text begins with, and how long it is.
    fn at(text: &str) -> Option<(usize, Self)> {
        OPERATORS
            .iter()
            .find(|(written, _)| text.starts_with(written))
            .map(|(written, operator)| (written.len(), *operator))
    }
}

/// What a field's value is compared with.
fn test(field: &'static Field, operator: Operator, word: &Word<'_>) -> Parsed<Test> {
    match field.kind {
        Kind::Word | Kind::Text => text_test(field, operator, word),
        Kind::Named => Ok(Test::Text(match operator {
            Operator::Has => pattern(word, false)?,
            Operator::Is => Pattern::Exact(literal(word).into_bytes()),
            Operator::Order(than) => {
                let text = literal(word);
                Pattern::Order { than, number: number_of(&text), text }
            }
        })),
        Kind::Number => number_test(word, operator, "a number", &|text| text.parse().ok()),
        Kind::Size => number_test(word, operator, "a size such as 10kb", &|text| {
            value::size(text).map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
        }),
        Kind::Age => {
            let Some(us) = value::duration(word.text) else {
                return fault(
                    word.span.clone(),
                    format!("{:?} is no duration; it is written like 90s, 2h or 3d.", word.text),
                );
            };
            // Younger is arrived later.
            let than = match operator {
                Operator::Has | Operator::Is | Operator::Order(Order::AtMost) => Order::AtLeast,
                Operator::Order(Order::Below) => Order::Above,
                Operator::Order(Order::Above) => Order::Below,
                Operator::Order(Order::AtLeast) => Order::AtMost,
            };
            Ok(Test::Arrived(than, value::Moment::Ago(us)))
        }
        Kind::Moment => {
            let text = literal(word);
            let Some(moment) = value::moment(&text, &TimeZone::system(), Timestamp::now()) else {
                let message = format!(
                    "{text:?} is no moment; it is written like 2h, 2026-11-20, 2026-11-20T08:30Z, 09:30 or yesterday."
                );
                return fault(word.span.clone(), message);
            };
            Ok(Test::Arrived(if field.name == "after" { Order::AtLeast } else { Order::Below }, moment))
        }
        Kind::Flag => match word.text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Ok(Test::Flag(true)),
            "false" | "no" | "0" => Ok(Test::Flag(false)),
            _ => {
                fault_instead(word.span.clone(), format!("{} is true or false.", field.name), word.span.clone(), "true")
            }
        },
    }
}

fn text_test(field: &'static Field, operator: Operator, word: &Word<'_>) -> Parsed<Test> {
    let pattern = match operator {
        Operator::Has if field.kind == Kind::Text => pattern(word, true)?,
        Operator::Has => pattern_by(word, false, &|text| text.to_ascii_lowercase().into_bytes())?,
        Operator::Is => Pattern::Exact(literal(word).into_bytes()),
        Operator::Order(_) => {
            let message = format!("{} is a text; numbers and times are greater or less.", field.name);
            return fault(word.span.clone(), message);
        }
    };
    if let (Pattern::Is(_) | Pattern::Exact(_), [_, ..]) = (&pattern, field.values) {
        let text = literal(word);
        if !field.values.iter().any(|known| known.eq_ignore_ascii_case(&text)) {
            let message = format!("{} is one of {}.", field.name, field.values.join(", "));
            let like =
                field.values.iter().min_by_key(|known| strsim::damerau_levenshtein(known, &text.to_ascii_lowercase()));
            return fault_instead(word.span.clone(), message, word.span.clone(), like.unwrap_or(&"*"));
        }
    }
    Ok(Test::Text(pattern))
}

fn number_test(word: &Word<'_>, operator: Operator, wants: &str, read: &dyn Fn(&str) -> Option<i64>) -> Parsed<Test> {
    let text = word.text;
    if let Operator::Order(than) = operator {
        return match read(text) {
            Some(number) => Ok(Test::Order(than, number)),
            None => fault(word.span.clone(), format!("{text:?} is not {wants}.")),
        };
    }
    let hundreds = text.strip_suffix("xx").or_else(|| text.strip_suffix('*')).or_else(|| text.strip_suffix("XX"));
    let bounds = match (text.split_once(".."), hundreds) {
        (Some((first, last)), _) => read(first).zip(read(last)),
        (_, Some(digit)) if digit.len() == 1 => read(digit).map(|digit| (digit * 100, digit * 100 + 99)),
        (_, Some("")) => Some((i64::MIN, i64::MAX)),
        _ => read(text).map(|number| (number, number)),
    };
    match bounds {
        Some((first, last)) => Ok(Test::Between(first, last)),
        None => fault(word.span.clone(), format!("{text:?} is not {wants}.")),
    }
}

/// A value without quotes and their escapes.
fn literal(word: &Word<'_>) -> String {
    match word.text.starts_with('"') {
        true => Parser { text: word.text, at: 0, depth: 0 }.quoted().unwrap_or_default(),
        false => word.text.to_owned(),
    }
}

/// What a text is compared with; whether it is enough to contain it.
fn pattern(word: &Word<'_>, contains: bool) -> Parsed<Pattern> {
    pattern_by(word, contains, &|text| fold(text.as_bytes()))
}

fn pattern_by(word: &Word<'_>, contains: bool, folded: &dyn Fn(&str) -> Vec<u8>) -> Parsed<Pattern> {
    let text = literal(word);
    if !word.text.starts_with('"') {
        if let Some((source, ignoring_case)) = regex_in(&text) {
            return regex(source, ignoring_case, word);
        }
        if text == "*" {
            return Ok(Pattern::Any);
        }
        if text.contains('*') {
            let pieces = text.split('*').map(folded).filter(|piece| !contains || !piece.is_empty()).collect();
            return Ok(Pattern::Pieces { pieces, anchored: !contains });
        }
    }
    Ok(if contains && !text.is_empty() { Pattern::Contains(folded(&text)) } else { Pattern::Is(folded(&text)) })
}

/// How long the regular expression is that a text begins with: to the slash that ends a word. The
/// brackets in it are its own.
fn regex_length(text: &str) -> Option<usize> {
    let word = &text[..text.find(char::is_whitespace).unwrap_or(text.len())];
    let inside = word.strip_prefix('/')?;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        let rest = &inside[at + c.len_utf8()..];
        let flag = usize::from(rest.starts_with('i'));
        if c == '/' && !escaped && at > 0 && (rest[flag..].is_empty() || rest[flag..].starts_with(')')) {
            return Some(1 + at + 1 + flag);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

/// The inside of `/…/` or `/…/i`.
fn regex_in(text: &str) -> Option<(&str, bool)> {
    let inner = text.strip_prefix('/')?;
    match inner.strip_suffix("/i") {
        Some(source) if !source.is_empty() => Some((source, true)),
        _ => inner.strip_suffix('/').filter(|source| !source.is_empty()).map(|source| (source, false)),
    }
}

fn regex(source: &str, ignoring_case: bool, word: &Word<'_>) -> Parsed<Pattern> {
    let built = regex::bytes::RegexBuilder::new(&source.replace("\\/", "/"))
        .case_insensitive(ignoring_case)
        .size_limit(REGEX_MAX)
        .dfa_size_limit(REGEX_MAX)
        .build();
    match built {
        Ok(regex) => Ok(Pattern::Regex(Box::new(regex))),
        Err(regex::Error::CompiledTooBig(_)) => fault(word.span.clone(), "This regular expression is too large."),
        Err(error) => {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            fault(
                word.span.clone(),
                format!("This regular expression does not read: {reason}. In quotes it is searched as text."),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::FIELDS;

    fn error(text: &str) -> QueryError {
        parse(text).map(|tree| panic!("{text} reads as {tree:?}")).unwrap_or_else(|error| error)
    }

    #[test]
    fn errors_say_where_and_what_instead() {
        for (text, at, length, suggestion) in [
            ("a evnt:x", 2, 4, Some("a event:x")),
            ("nothing:x", 0, 7, None),
            ("(a b", 0, 1, Some("(a b)")),
            ("a b)", 3, 1, Some("a b")),
            ("or a", 0, 2, Some("\"or\" a")),
            ("a or", 2, 2, Some("a")),
            ("a not", 2, 3, Some("a ")),
            ("status:>abc", 8, 3, None),
            ("status:abc", 7, 3, None),
            ("size:1x", 5, 2, None),
            ("pinned:maybe", 7, 5, Some("pinned:true")),
            ("verdict:vald", 8, 4, Some("verdict:valid")),
            ("header:x", 0, 7, Some("header.user-agent:x")),
            ("body[x]:1", 4, 3, Some("body[*]:1")),
            ("event:", 0, 6, Some("event:*")),
            ("status:>", 0, 8, None),
            ("event:>3", 7, 1, None),
            ("note:\"a", 5, 1, Some("note:\"a\"")),
            ("äö \"b", 3, 1, Some("äö \"b\"")),
            ("/(/", 0, 3, None),
            ("age:soon", 4, 4, None),
            ("after:soon", 6, 4, None),
            ("\"\"", 0, 2, Some("")),
        ] {
            let error = error(text);
            assert_eq!(
                (error.at, error.length, error.suggestion.as_deref()),
                (at, length, suggestion),
                "{text}: {error}"
            );
            if let Some(suggestion) = error.suggestion {
                assert!(parse(&suggestion).is_ok(), "{suggestion} does not read either");
            }
        }
    }

    #[test]
    fn what_is_no_field_is_text() {
        for text in [
            "a=b",
            "https://example.com/x",
            "12:30",
            "{\"a\":1}",
            "x>y",
            "-",
            "a-b",
            "f(x)",
            "std::io",
            "android",
            "*",
            "body",
            "(a)",
            "--a",
            "header.x",
            "/\\)/",
            "(/[)]/ or a)",
            "path:/a(b)c/",
            "body.[0]:1",
        ] {
            assert!(parse(text).is_ok(), "{text}: {}", error(text));
        }
        assert!(matches!(parse("").map(|tree| matches!(tree, Node::All(nodes) if nodes.is_empty())), Ok(true)));
    }

    #[test]
    fn nesting_and_length_are_bounded() {
        assert!(error(&"(".repeat(4_000)).message.contains("deep"));
        assert!(error(&"-".repeat(4_000)).message.contains("deep"));
        assert!(error(&"not ".repeat(1_000)).message.contains("deep"));
        assert!(error(&"a".repeat(5_000)).message.contains("at most"));
        assert!(error("/(a{1000}){1000}/").message.contains("too large"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn nor_is_anything_like_a_query(text in "((body|header|status|size|after|or|not|-|x)?[.:=<>()\\[\\]\"/* a1]{0,6}){0,8}") {
            if let Err(error) = parse(&text) {
                proptest::prop_assert!(error.at + error.length <= text.chars().count());
                proptest::prop_assert!(!error.message.is_empty());
            }
        }
    }

    #[test]
    fn every_example_of_the_table_reads() {
        for field in FIELDS {
            let tree = parse(field.example).unwrap_or_else(|error| panic!("{}: {error}", field.example));
            assert!(matches!(tree, Node::Term(term) if !matches!(term.place, Place::Anywhere)), "{}", field.example);
        }
    }
}
