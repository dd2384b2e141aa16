//! Query parser: text to tree, or an error with position and suggestion.

use std::ops::Range;

use super::{
    error::{Parsed, QueryError, fault, fault_instead},
    field::{self, QueryField, QueryFieldKind},
    json::{Path, STEPS_MAX, Step},
    term::{Operator, Word, pattern, test, unquoted},
    tree::{Node, Place, Term, Test},
};

/// Maximum length of a query, in bytes.
const QUERY_MAX: usize = 4_096;

/// Maximum nesting of parentheses and `not`.
const DEPTH_MAX: usize = 50;

pub(crate) fn parse(text: &str) -> Result<Node, QueryError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let parsed = if text.len() > QUERY_MAX {
        fault(0..text.len(), format!("A query must be at most {QUERY_MAX} bytes."))
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

impl<'q> Parser<'q> {
    fn whole(&mut self) -> Parsed<Node> {
        let node = self.any()?;
        self.skip_space();
        match self.rest().chars().next() {
            None => Ok(node),
            Some(_) => fault_instead(self.at..self.at + 1, "Unmatched closing parenthesis.", self.at..self.at + 1, ""),
        }
    }

    fn any(&mut self) -> Parsed<Node> {
        let mut nodes = vec![self.all()?];
        while let Some(span) = self.keyword("or") {
            if matches!(nodes.last(), Some(Node::All(nodes)) if nodes.is_empty()) {
                return fault_instead(span.clone(), "Missing term before `or`.", span, "\"or\"");
            }
            let next = self.all()?;
            if matches!(&next, Node::All(nodes) if nodes.is_empty()) {
                return fault_instead(
                    span.clone(),
                    "Missing term after `or`.",
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
            return fault(start..start + 1, "Parentheses and `not` are nested too deeply.");
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
                return fault_instead(start..start + 1, "Missing closing parenthesis.", end..end, ")");
            }
            self.at += 1;
            return Ok(node);
        }
        self.skip_space();
        if self.rest().is_empty() || self.rest().starts_with(')') || self.peek_keyword("or").is_some() {
            return fault_instead(start..self.at, "Missing term after `not`.", start..self.at, "");
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
                    return fault_instead(start..self.at, "The quoted text is empty.", start..self.at, "");
                }
                self.at = start;
                let word = self.word();
                Term { place: Place::Anywhere, test: Test::Text(pattern(&word, true)?), span: start..self.at }
            }
        };
        Ok(Node::Term(Box::new(term)))
    }

    /// Parses the field and operator at the start of a term. `None` for free text.
    fn head(&mut self) -> Parsed<Option<(Place, &'static QueryField, Operator)>> {
        let start = self.at;
        let rest = self.rest();
        let name = &rest[..rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len())];
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Ok(None);
        }
        let after = &rest[name.len()..];
        let Some(field) = field::named(name) else {
            // A URL is free text, and so are `a=b` and `a>b` if `a` is not a field.
            if after.starts_with(':') && !after.starts_with("://") && !after.starts_with("::") {
                let span = start..start + name.len();
                let message = format!("No such field: {name:?}. Use quotes to search for it as text.");
                return match field::like(name) {
                    Some(field) => fault_instead(span.clone(), message, span, field.name),
                    None => fault(span, message),
                };
            }
            return Ok(None);
        };
        let dotted = after.starts_with(['.', '[']);
        if field.kind != QueryFieldKind::Named {
            let Some((length, operator)) = Operator::at(after) else { return Ok(None) };
            self.at += name.len() + length;
            return Ok(Some((Place::Field(field), field, operator)));
        }
        if !dotted {
            let Some((length, _)) = Operator::at(after) else { return Ok(None) };
            let span = start..start + name.len() + length;
            let message = format!("{} requires a name, for example {}.", field.name, field.example);
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

    /// Parses the name or path after `header`, `query`, `form` or `body`.
    fn place(&mut self, field: &'static QueryField) -> Parsed<Place> {
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
            return fault(start..self.at, format!("{} requires a name, for example {}.", field.name, field.example));
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
                    return fault(start..start + 1, "Missing closing square bracket.");
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
                                "Square brackets must contain a number or *.",
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
                                "Missing key after the period. Use quotes for a key with special characters.",
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
                return fault(start..self.at, format!("A path must have at most {STEPS_MAX} steps."));
            }
        }
    }

    /// Parses a quoted text and decodes its escapes.
    fn quoted(&mut self) -> Parsed<String> {
        let (start, end) = (self.at, self.text.len());
        let Some((text, length)) = unquoted(self.rest()) else {
            return fault_instead(start..start + 1, "Missing closing quotation mark.", end..end, "\"");
        };
        self.at += length;
        Ok(text)
    }

    /// Parses the required value of a field: a word or a quoted text.
    fn value(&mut self, term: usize, field: &QueryField) -> Parsed<Word<'q>> {
        let at = self.at;
        if self.rest().starts_with('"') {
            self.quoted()?;
            return Ok(Word { text: &self.text[at..self.at], span: at..self.at });
        }
        let word = self.word();
        if word.text.is_empty() {
            let written = &self.text[term..at];
            if matches!(field.kind, QueryFieldKind::Word | QueryFieldKind::Text | QueryFieldKind::Named)
                && !written.ends_with(['<', '>', '='])
            {
                let message = format!("{written} requires a value. Use * for any value.");
                return fault_instead(term..at, message, at..at, "*");
            }
            return fault(term..at, format!("{written} requires a value, for example {}.", field.example));
        }
        Ok(word)
    }

    /// Parses a word up to white space or an unmatched closing parenthesis. A leading quoted text is one word.
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

/// Returns the length of the regular expression at the start of a text: up to the slash that ends a word. Parentheses
/// inside belong to the expression.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FIELDS;

    fn error(text: &str) -> QueryError {
        parse(text).map(|tree| panic!("{text} was parsed as {tree:?}")).unwrap_or_else(|error| error)
    }

    #[test]
    fn reports_position_and_suggestion_of_errors() {
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
            ("signature:vald", 10, 4, Some("signature:valid")),
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
                assert!(parse(&suggestion).is_ok(), "the suggestion {suggestion} is invalid");
            }
        }
    }

    #[test]
    fn parses_other_text_as_free_text() {
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
    fn limits_nesting_and_length() {
        assert!(error(&"(".repeat(4_000)).message.contains("deep"));
        assert!(error(&"-".repeat(4_000)).message.contains("deep"));
        assert!(error(&"not ".repeat(1_000)).message.contains("deep"));
        assert!(error(&"a".repeat(5_000)).message.contains("at most"));
        assert!(error("/(a{1000}){1000}/").message.contains("too large"));
    }

    proptest::proptest! {
        #[test]
        fn parses_any_text_without_panic(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn reports_errors_within_the_query(text in "((body|header|status|size|after|or|not|-|x)?[.:=<>()\\[\\]\"/* a1]{0,6}){0,8}") {
            if let Err(error) = parse(&text) {
                proptest::prop_assert!(error.at + error.length <= text.chars().count());
                proptest::prop_assert!(!error.message.is_empty());
            }
        }
    }

    #[test]
    fn parses_every_example_of_the_table() {
        for field in FIELDS {
            let tree = parse(field.example).unwrap_or_else(|error| panic!("{}: {error}", field.example));
            assert!(matches!(tree, Node::Term(term) if !matches!(term.place, Place::Anywhere)), "{}", field.example);
        }
    }
}
