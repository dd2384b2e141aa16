//! Terms: conversion of an operator and a value to a test.

use std::ops::Range;

use jiff::{Timestamp, tz::TimeZone};

use super::{
    error::{Parsed, fault, fault_instead},
    field::{QueryField, QueryFieldKind},
    fold::fold,
    pattern::{Order, Pattern, number_of},
    tree::Test,
    value,
};

/// Maximum size of a compiled regular expression, in bytes. The expression is run on every searched request.
const REGEX_MAX: usize = 1 << 20;

/// Word as written, with its span.
pub(crate) struct Word<'q> {
    pub(crate) text: &'q str,
    pub(crate) span: Range<usize>,
}

/// Operator between a field and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
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
    /// Returns the operator at the start of a text, with its length.
    pub(crate) fn at(text: &str) -> Option<(usize, Self)> {
        OPERATORS
            .iter()
            .find(|(written, _)| text.starts_with(written))
            .map(|(written, operator)| (written.len(), *operator))
    }
}

/// Converts the operator and value of a field to a test.
pub(crate) fn test(field: &'static QueryField, operator: Operator, word: &Word<'_>) -> Parsed<Test> {
    match field.kind {
        QueryFieldKind::Word | QueryFieldKind::Text => text_test(field, operator, word),
        QueryFieldKind::Named => Ok(Test::Text(match operator {
            Operator::Has => pattern(word, false)?,
            Operator::Is => Pattern::Exact(literal(word).into_bytes()),
            Operator::Order(than) => {
                let text = literal(word);
                Pattern::Order { than, number: number_of(&text), text }
            }
        })),
        QueryFieldKind::Number => number_test(word, operator, "a number", &|text| text.parse().ok()),
        QueryFieldKind::Size => number_test(word, operator, "a size such as 10kb", &|text| {
            value::size(text).map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
        }),
        QueryFieldKind::Age => {
            let Some(us) = value::duration(word.text) else {
                return fault(
                    word.span.clone(),
                    format!("{:?} is not a duration. Use a duration such as 90s, 2h or 3d.", word.text),
                );
            };
            // A lower age means a later arrival.
            let than = match operator {
                Operator::Has | Operator::Is | Operator::Order(Order::AtMost) => Order::AtLeast,
                Operator::Order(Order::Below) => Order::Above,
                Operator::Order(Order::Above) => Order::Below,
                Operator::Order(Order::AtLeast) => Order::AtMost,
            };
            Ok(Test::Arrived(than, value::Moment::Ago(us)))
        }
        QueryFieldKind::Moment => {
            let text = literal(word);
            let Some(moment) = value::moment(&text, &TimeZone::system(), Timestamp::now()) else {
                let message = format!(
                    "{text:?} is not a time. Use a time such as 2h, 2026-11-20, 2026-11-20T08:30Z, 09:30 or yesterday."
                );
                return fault(word.span.clone(), message);
            };
            Ok(Test::Arrived(if field.name == "after" { Order::AtLeast } else { Order::Below }, moment))
        }
        QueryFieldKind::Period => period_test(word, operator),
        QueryFieldKind::Flag => match word.text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Ok(Test::Flag(true)),
            "false" | "no" | "0" => Ok(Test::Flag(false)),
            _ => fault_instead(
                word.span.clone(),
                format!("{} must be true or false.", field.name),
                word.span.clone(),
                "true",
            ),
        },
    }
}

fn period_test(word: &Word<'_>, operator: Operator) -> Parsed<Test> {
    let (text, zone, now) = (literal(word), TimeZone::system(), Timestamp::now());
    let tested = match operator {
        Operator::Order(than) => value::moment(&text, &zone, now).map(|moment| Test::Arrived(than, moment)),
        Operator::Has | Operator::Is => {
            value::period(&text, &zone, now).map(|(from, until)| Test::ArrivedWithin(from, until))
        }
    };
    let message = || {
        format!("{text:?} is not a time range. Use a range such as 15:24..15:39, 2026-11-20..2026-11-21 or yesterday.")
    };
    tested.map_or_else(|| fault(word.span.clone(), message()), Ok)
}

fn text_test(field: &'static QueryField, operator: Operator, word: &Word<'_>) -> Parsed<Test> {
    let pattern = match operator {
        Operator::Has if field.kind == QueryFieldKind::Text => pattern(word, true)?,
        Operator::Has => pattern_by(word, false, &|text| text.to_ascii_lowercase().into_bytes())?,
        Operator::Is => Pattern::Exact(literal(word).into_bytes()),
        Operator::Order(_) => {
            let message = format!("{} is a text field and cannot be compared with < or >.", field.name);
            return fault(word.span.clone(), message);
        }
    };
    if let (Pattern::Is(_) | Pattern::Exact(_), [_, ..]) = (&pattern, field.values) {
        let text = literal(word);
        if !field.values.iter().any(|known| known.eq_ignore_ascii_case(&text)) {
            let message = format!("{} must be one of {}.", field.name, field.values.join(", "));
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

/// Returns the text of a quoted text at the start of `quoted` with escapes decoded, and its length with quotes. `None`
/// if the closing quote is missing.
pub(crate) fn unquoted(quoted: &str) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut characters = quoted.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((text, at + 1)),
            '\\' => match characters.next()?.1 {
                c @ ('"' | '\\') => text.push(c),
                c => text.extend(['\\', c]),
            },
            c => text.push(c),
        }
    }
    None
}

/// Returns a value without quotes and escapes.
fn literal(word: &Word<'_>) -> String {
    match word.text.starts_with('"') {
        true => unquoted(word.text).map(|(text, _)| text).unwrap_or_default(),
        false => word.text.to_owned(),
    }
}

/// Returns the pattern for a value. With `contains`, the pattern matches parts of a text.
pub(crate) fn pattern(word: &Word<'_>, contains: bool) -> Parsed<Pattern> {
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

/// Returns the expression of `/…/` or `/…/i`, and true if the case is ignored.
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
                format!("Invalid regular expression: {reason}. Use quotes to search for it as text."),
            )
        }
    }
}
