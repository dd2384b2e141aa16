//! Paths into JSON and the values at their ends, read without building a document tree.

use std::{borrow::Cow, fmt, ops::Range};

use hookbench_content::{json_values, without_nan};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Maximum number of steps of a path.
pub(crate) const STEPS_MAX: usize = 64;

/// Step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Value of a key, or the element with this index in an array.
    Key(String),
    /// Element of an array.
    Index(usize),
    /// Any element, or the value of any key.
    Any,
}

/// A JSON path such as `data.items[0]."two words".*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

/// Returns a key in the notation of a path.
pub fn key_in_path(key: &str) -> Cow<'_, str> {
    if plain(key) { key.into() } else { format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\"")).into() }
}

/// Returns true if a key needs no quotes in a path.
fn plain(key: &str) -> bool {
    !key.is_empty() && key != "*" && !key.contains(|c: char| c.is_whitespace() || ".[]():=<>\"\\".contains(c))
}

/// Value at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf<'a> {
    /// String with escapes decoded.
    Text(&'a str),
    /// Number, `true`, `false` or `null`, as sent.
    Bare(&'a str),
    /// Object or array.
    Nested,
}

/// Passes the values at the end of `path` to `found`. An array there passes itself and its scalars. All values of JSON
/// Lines are searched. `NaN` is treated as `null`. Nothing is passed after a syntax error.
pub(crate) fn leaves(body: &[u8], path: &[Step], found: &mut dyn FnMut(Leaf<'_>)) {
    let body = &body[leading(body)..];
    if whole(body, path, found) || !matches!(body.first(), Some(b'{' | b'[')) {
        return;
    }
    for (start, value) in json_values(body) {
        // The first value was already searched up to its end or a syntax error.
        if start > 0 {
            whole(value, path, found);
        }
        if let Some(value) = without_nan(value) {
            whole(&value, path, found);
        }
    }
}

/// Searches one value. Returns true if the text is a single valid JSON value.
fn whole(text: &[u8], path: &[Step], found: &mut dyn FnMut(Leaf<'_>)) -> bool {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    At { path, found }.deserialize(&mut deserializer).is_ok() && deserializer.end().is_ok()
}

/// Returns the offset of the first value. A JSON text sequence has a record separator before it (RFC 7464).
fn leading(body: &[u8]) -> usize {
    body.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0x1e).count()
}

/// Seed for a value, with the remaining steps of the path.
struct At<'p, 'f> {
    path: &'p [Step],
    found: &'f mut dyn FnMut(Leaf<'_>),
}

impl<'de> DeserializeSeed<'de> for At<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if !self.path.is_empty() {
            return deserializer.deserialize_any(self);
        }
        let raw: &RawValue = Deserialize::deserialize(deserializer)?;
        give(raw.get(), self.found, true);
        Ok(())
    }
}

/// Passes a value at the end of a path.
fn give(raw: &str, found: &mut dyn FnMut(Leaf<'_>), elements: bool) {
    match raw.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<Cow<'_, str>>(raw) {
            Ok(text) => found(Leaf::Text(&text)),
            // A string with a lone surrogate cannot be decoded, but the value exists.
            Err(_) => found(Leaf::Nested),
        },
        Some(b'[') => {
            found(Leaf::Nested);
            if elements && let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw) {
                items
                    .iter()
                    .filter(|item| !item.get().starts_with(['{', '[']))
                    .for_each(|item| give(item.get(), found, false));
            }
        }
        Some(b'{') | None => found(Leaf::Nested),
        Some(_) => found(Leaf::Bare(raw)),
    }
}

/// Error for a document that contains invalid JSON or is nested too deeply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// Visitor of the values of a document.
pub trait Walk {
    /// Enters the value of a key, or an array (`None`).
    fn enter(&mut self, key: Option<&str>);
    /// Leaves the value or array entered last.
    fn leave(&mut self);
    /// Visits a scalar: a string with escapes decoded, or other values as sent.
    fn scalar(&mut self, text: &str);
}

/// Walks through every JSON value of a body, up to the maximum depth of a path.
///
/// # Errors
///
/// Returns [`Unreadable`] at the first value that cannot be parsed.
pub fn walk(body: &[u8], walk: &mut dyn Walk) -> Result<(), Unreadable> {
    if let Ok(raw) = serde_json::from_slice::<&RawValue>(body) {
        return walk_value(raw.get(), 0, walk);
    }
    json_values(body).try_for_each(|(_, value)| {
        let raw: &RawValue = serde_json::from_slice(value).map_err(|_| Unreadable)?;
        walk_value(raw.get(), 0, walk)
    })
}

fn walk_value(raw: &str, depth: usize, walk: &mut dyn Walk) -> Result<(), Unreadable> {
    match raw.as_bytes().first() {
        Some(b'{' | b'[') if depth > STEPS_MAX => Ok(()),
        Some(b'{') => {
            for (key, value) in entries(raw).ok_or(Unreadable)? {
                walk.enter(Some(&key));
                walk_value(value.get(), depth + 1, walk)?;
                walk.leave();
            }
            Ok(())
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw).map_err(|_| Unreadable)?;
            walk.enter(None);
            for item in items {
                walk_value(item.get(), depth + 1, walk)?;
            }
            walk.leave();
            Ok(())
        }
        Some(b'"') => {
            // A string with a lone surrogate cannot be decoded and is skipped.
            if let Ok(text) = serde_json::from_str::<Cow<'_, str>>(raw) {
                walk.scalar(&text);
            }
            Ok(())
        }
        _ => {
            walk.scalar(raw);
            Ok(())
        }
    }
}

/// Returns the keys and values of an object, in order and including repeated keys. `None` if the text is not an
/// object.
pub fn entries(raw: &str) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    serde_json::from_str(raw).ok().map(|Entries(entries)| entries)
}

/// Returns the byte ranges of the values at the ends of paths in a document, in order and without nested ranges.
/// `None` if the text is not a single JSON document.
pub fn spans(body: &str, paths: &[Path]) -> Option<Vec<Range<usize>>> {
    let root: &RawValue = serde_json::from_str(body).ok()?;
    let mut spans = Vec::new();
    for path in paths {
        ends(root.get(), &path.0, &mut |value| {
            let start = value.as_ptr() as usize - body.as_ptr() as usize;
            spans.push(start..start + value.len());
        })?;
    }
    // Wider spans come first, so that nested ones are skipped.
    spans.sort_by_key(|span| (span.start, usize::MAX - span.end));
    let mut end = 0;
    spans.retain(|span| {
        let apart = span.start >= end;
        end = end.max(span.end);
        apart
    });
    Some(spans)
}

/// Passes the text of each value at the end of a path to `found`. `None` if the document cannot be parsed.
fn ends(raw: &str, path: &[Step], found: &mut dyn FnMut(&str)) -> Option<()> {
    let Some((step, rest)) = path.split_first() else {
        found(raw);
        return Some(());
    };
    match raw.as_bytes().first() {
        Some(b'{') => entries(raw)?
            .into_iter()
            .filter(|(key, _)| match step {
                Step::Any => true,
                Step::Key(name) => *name == *key,
                Step::Index(_) => false,
            })
            .try_for_each(|(_, value)| ends(value.get(), rest, found)),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
            let wanted = match step {
                Step::Any => None,
                Step::Index(index) => Some(*index),
                Step::Key(key) => Some(key.parse().unwrap_or(usize::MAX)),
            };
            items
                .into_iter()
                .enumerate()
                .filter(|(index, _)| wanted.is_none_or(|wanted| wanted == *index))
                .try_for_each(|(_, value)| ends(value.get(), rest, found))
        }
        _ => Some(()),
    }
}

struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl<'de> Visitor<'de> for At<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (step, rest) = (&self.path[0], &self.path[1..]);
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            let wanted = match step {
                Step::Any => true,
                Step::Key(name) => *name == key,
                Step::Index(_) => false,
            };
            match wanted {
                true => map.next_value_seed(At { path: rest, found: self.found })?,
                false => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let (step, rest) = (&self.path[0], &self.path[1..]);
        let index = match step {
            Step::Any => None,
            Step::Index(index) => Some(*index),
            // `items.0` is equivalent to `items[0]`. Other keys never match in an array.
            Step::Key(key) => Some(key.parse().unwrap_or(usize::MAX)),
        };
        for at in 0.. {
            let more = match index.is_none_or(|index| index == at) {
                true => seq.next_element_seed(At { path: rest, found: self.found })?.is_some(),
                false => seq.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(body: &str, path: &str) -> Vec<String> {
        let steps: Vec<Step> = path
            .split('.')
            .filter(|step| !step.is_empty())
            .map(|step| match step {
                "*" => Step::Any,
                step => step.parse().map_or_else(|_| Step::Key(step.into()), Step::Index),
            })
            .collect();
        let mut found = Vec::new();
        leaves(body.as_bytes(), &steps, &mut |leaf| found.push(format!("{leaf:?}")));
        found
    }

    #[test]
    fn finds_values_by_path() {
        let body = r#"{"a":{"b":[{"c":1.50},{"c":"x\u00e9"},7]},"t":["u",2,[3]],"n":null,"a":{"b":true}}"#;
        assert_eq!(at(body, "a.b.*.c"), [r#"Bare("1.50")"#, r#"Text("xé")"#]);
        assert_eq!(at(body, "a.b.1.c"), [r#"Text("xé")"#]);
        assert_eq!(at(body, "a.b"), ["Nested", r#"Bare("7")"#, r#"Bare("true")"#], "a repeated key counts");
        assert_eq!(at(body, "t"), ["Nested", r#"Text("u")"#, r#"Bare("2")"#]);
        assert_eq!(at(body, "n"), [r#"Bare("null")"#]);
        assert_eq!(at(body, "a.*.*.c"), at(body, "a.b.*.c"));
        assert!(at(body, "a.x").is_empty() && at(body, "n.x").is_empty() && at("no json", "a").is_empty());
        assert_eq!(at(r#"{"a":1,"#, "a"), [r#"Bare("1")"#], "values before the truncation");
    }

    #[test]
    fn searches_every_value_of_a_sequence() {
        for body in [
            "{\"a\":1}\n{\"a\":2}\n",
            "{\"a\":1}{\"a\":2}",
            "\u{1e}{\"a\":1}\n\u{1e}{\"a\":2}\n",
            "{\"x\":NaN}\n{\"a\":1}\n{\"n\":NaN,\"a\":2}",
            "{\"x\": nope}\n{\"a\":1}\n{\"x\":\"\n{\"a\":2}",
        ] {
            let mut found = at(body, "a");
            found.dedup();
            assert_eq!(found, [r#"Bare("1")"#, r#"Bare("2")"#], "{body:?}");
        }
    }

    #[test]
    fn limits_the_depth() {
        let deep = "[".repeat(200_000);
        assert!(at(&deep, "*.*").is_empty());
        assert!(at(&format!("{{\"a\":{deep}"), "a").is_empty());
    }
}
