//! Changes to JSON text in place. Unchanged parts keep their white space, number format and repeated names.

use std::ops::Range;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, value::RawValue};

use crate::sample::{Seeds, Step, fill, steps};

/// Fills the placeholders of a JSON text, such as `{{uuid chat}}`. Placeholders are replaced in string values, not in
/// names.
///
/// # Errors
///
/// Returns an error if the text is not JSON.
pub fn filled(text: &str, seeds: &Seeds<'_>) -> Result<String, String> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|why| format!("the payload is not JSON: {why}"))?;
    let bytes = text.as_bytes();
    let (mut out, mut kept, mut at) = (String::with_capacity(text.len()), 0, 0);
    while let Some(quote) = text[at..].find('"').map(|found| at + found) {
        let mut end = quote + 1;
        while bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        at = end + 1;
        let written = &text[quote..at];
        let is_name = text[at..].trim_start().starts_with(':');
        if is_name || !written.contains("{{") {
            continue;
        }
        if let Ok(read) = serde_json::from_str::<String>(written) {
            let made = fill(&read, seeds);
            // A string without placeholders keeps its escapes.
            if made.as_str() != Some(read.as_str()) {
                out.push_str(&text[kept..quote]);
                out.push_str(&made.to_string());
                kept = at;
            }
        }
    }
    out.push_str(&text[kept..]);
    Ok(out)
}

/// Sets a value in a JSON text at a path such as `data.list[0].id`. The value keeps its format. Missing objects on the
/// path are added. If a name is repeated, the last one is set, because JSON parsers use the last one.
///
/// # Errors
///
/// Returns an error if the text is not JSON, or if the path leads through a value of another type or past the end of a
/// list.
pub fn set(text: &str, path: &str, value: &RawValue) -> Result<String, String> {
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|why| format!("the value at {path:?} cannot be set because the payload is not JSON: {why}"))?;
    let mut at = inner(text, 0..text.len());
    let steps = steps(path)?;
    for (number, step) in steps.iter().enumerate() {
        let here = &text[at.clone()];
        match step {
            Step::Name(name) if here == "null" => {
                let made = nested(&steps[number + 1..], value, path)?;
                return Ok(replaced(text, at, &format!("{{{}:{made}}}", Value::from(name.as_str()))));
            }
            Step::Name(name) => {
                let Ok(Members(members)) = serde_json::from_str::<Members<'_>>(here) else {
                    return Err(format!("the path {path:?} leads through a value that is not an object"));
                };
                match members.iter().rev().find(|(own, _)| own == name) {
                    Some((_, raw)) => at = span(text, raw),
                    None => {
                        let made = nested(&steps[number + 1..], value, path)?;
                        let comma = if members.is_empty() { "" } else { "," };
                        // The member is inserted before the white space of the closing brace, which keeps the layout.
                        let end = at.start + here[..here.len() - 1].trim_end().len();
                        let member = format!("{comma}{}:{made}", Value::from(name.as_str()));
                        return Ok(replaced(text, end..end, &member));
                    }
                }
            }
            Step::Item(place) => {
                let Ok(Items(items)) = serde_json::from_str::<Items<'_>>(here) else {
                    return Err(format!("the path {path:?} leads through a value that is not a list"));
                };
                let raw = items.get(*place).ok_or_else(|| format!("the path {path:?} leads past the end of a list"))?;
                at = span(text, raw);
            }
        }
    }
    Ok(replaced(text, at, value.get()))
}

/// Wraps a value in objects for the remaining steps of a path.
fn nested(steps: &[Step], value: &RawValue, path: &str) -> Result<String, String> {
    let mut made = value.get().to_owned();
    for step in steps.iter().rev() {
        match step {
            Step::Name(name) => made = format!("{{{}:{made}}}", Value::from(name.as_str())),
            Step::Item(_) => return Err(format!("the path {path:?} leads through a value that is not a list")),
        }
    }
    Ok(made)
}

fn replaced(text: &str, at: Range<usize>, with: &str) -> String {
    [&text[..at.start], with, &text[at.end..]].concat()
}

/// Returns the range without leading and trailing white space.
fn inner(text: &str, range: Range<usize>) -> Range<usize> {
    let here = &text[range.clone()];
    let start = range.start + (here.len() - here.trim_start().len());
    start..start + here.trim().len()
}

/// Returns the range of a parsed value in the text. `raw` must borrow from `text`.
fn span(text: &str, raw: &RawValue) -> Range<usize> {
    let start = raw.get().as_ptr() as usize - text.as_ptr() as usize;
    start..start + raw.get().len()
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

struct Items<'a>(Vec<&'a RawValue>);

impl<'de> serde::Deserialize<'de> for Items<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const SEEDS: Seeds<'_> = Seeds { seed: 1, step: 0, event: "a.b", id: "id_1", now_ms: 1_705_314_600_123 };

    #[test]
    fn keeps_text_without_placeholders_unchanged() {
        let text = "{ \"n\" : 9007199254740993, \"a\":1.10,\t\"k\":1,\"k\":2, \"{{event}}\": \"{{ open\", \"u\":\"\\u00e9 {{x}}\" }\n";
        assert_eq!(filled(text, &SEEDS).as_deref(), Ok(text));
        assert_eq!(
            filled(r#"{"e": "{{event}}", "at":"{{unix}}", "q":"\"{{id}}\"", "n":1.0}"#, &SEEDS).as_deref(),
            Ok(r#"{"e": "a.b", "at":1705314600, "q":"\"id_1\"", "n":1.0}"#)
        );
        assert!(filled("{", &SEEDS).is_err() && filled("a=b", &SEEDS).is_err());
    }

    fn raw(text: &str) -> &RawValue {
        serde_json::from_str(text).expect("valid JSON")
    }

    #[test]
    fn sets_a_value_and_keeps_other_text() {
        for (text, path, value, expected) in [
            (r#"{"a":1}"#, "x", "1", r#"{"a":1,"x":1}"#),
            (r#"{"a":1}"#, "a", "9.90", r#"{"a":9.90}"#),
            (r#"{"a":{}}"#, "a.b", "90071992547409931234", r#"{"a":{"b":90071992547409931234}}"#),
            ("{\n  \"a\": 1.10\n}\n", "x.y", "null", "{\n  \"a\": 1.10,\"x\":{\"y\":null}\n}\n"),
            ("{ }", "x", "\"é\\\"\"", "{\"x\":\"é\\\"\" }"),
            (r#"{"k":1,"k":{"z":2.0}}"#, "k.z", "3", r#"{"k":1,"k":{"z":3}}"#),
            (r#"{"a":[1, {"b":null}]}"#, "a[1].b.c", "true", r#"{"a":[1, {"b":{"c":true}}]}"#),
            (r#"{"a":[1]}"#, "a[0]", "[ ]", r#"{"a":[[ ]]}"#),
        ] {
            assert_eq!(set(text, path, raw(value)).as_deref(), Ok(expected), "{text} {path}");
        }
        for (text, path) in [
            ("{\"a\":1}", "a.b"),
            ("{\"a\":[1]}", "a[1]"),
            ("{\"a\":{}}", "a[0]"),
            ("{}", ""),
            ("x", "a"),
            ("{}", "a[0]"),
        ] {
            assert!(set(text, path, raw("1")).is_err(), "{text} {path}");
        }
    }

    proptest! {
        #[test]
        fn sets_text_and_parsed_value_alike(names in prop::collection::vec("[a-c]{1,2}", 1..4), number in 0..9_i64) {
            let path = names.join(".");
            let mut value = json!({ "a": { "b": null, "c": [1] }, "b": 1.5 });
            let text = serde_json::to_string_pretty(&value).expect("valid JSON");
            let by_value = crate::sample::set(&mut value, &path, json!(number));
            let by_text = set(&text, &path, raw(&number.to_string()));
            prop_assert_eq!(by_value.is_ok(), by_text.is_ok(), "{}", path);
            if let Ok(text) = by_text {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).expect("valid JSON"), value);
            }
        }
    }
}
