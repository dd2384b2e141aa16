//! Structural comparison of JSON: the order of keys is ignored, elements of an array are matched by their IDs or
//! names, and numbers are compared by value.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use serde_json::value::RawValue;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128, xxh3_128_with_seed};

use super::{DiffRow, DiffRowKind, shown};
use hookbench_query::{canonical, entries, looks_like_json};

/// Maximum depth of a document that is compared structurally.
const DEPTH_MAX: usize = 32;

/// Keys that identify an element of an array.
const NAMES: &[&str] = &["id", "uuid", "key", "name", "sku", "code"];

/// Maximum time for matching elements. The remaining elements are matched by position.
const TIMEOUT: Duration = Duration::from_millis(800);

enum Value<'a> {
    /// JSON text of a scalar, as sent.
    Scalar(&'a str),
    Array(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

struct Json<'a> {
    value: Value<'a>,
    /// Hash that is equal for equal values, regardless of notation and order of keys.
    print: u128,
}

/// Returns the rows of two documents. `None` unless both are objects or arrays.
pub(super) fn rows(a: &[u8], b: &[u8]) -> Option<Vec<DiffRow>> {
    let (a, b) = (read(a)?, read(b)?);
    let mut comparing = Comparing { rows: Vec::new(), deadline: Instant::now() + TIMEOUT };
    comparing.values(0, None, &a, &b);
    Some(comparing.rows)
}

fn read(body: &[u8]) -> Option<Json<'_>> {
    if !looks_like_json(body) {
        return None;
    }
    let raw: &RawValue = serde_json::from_slice(body).ok()?;
    parse(raw.get(), 0).filter(|json| !matches!(json.value, Value::Scalar(_)))
}

fn parse(raw: &str, depth: usize) -> Option<Json<'_>> {
    if depth > DEPTH_MAX {
        return None;
    }
    Some(match raw.as_bytes().first()? {
        b'{' => {
            let entries = entries(raw)?
                .into_iter()
                .map(|(key, value)| Some((key, parse(value.get(), depth + 1)?)))
                .collect::<Option<Vec<_>>>()?;
            let mut prints: Vec<u128> = entries
                .iter()
                .map(|(key, json)| xxh3_128_with_seed(&json.print.to_le_bytes(), xxh3_64(key.as_bytes())))
                .collect();
            prints.sort_unstable();
            Json { print: print_of('{', &prints), value: Value::Object(entries) }
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
            let items = items.into_iter().map(|item| parse(item.get(), depth + 1)).collect::<Option<Vec<_>>>()?;
            let prints: Vec<u128> = items.iter().map(|json| json.print).collect();
            Json { print: print_of('[', &prints), value: Value::Array(items) }
        }
        b'"' => {
            // Escapes are only a notation, so they are decoded. A string with a lone surrogate is compared as sent.
            let read = serde_json::from_str::<String>(raw).map_or_else(|_| raw.to_owned(), |text| format!("\"{text}"));
            Json { print: xxh3_128(read.as_bytes()), value: Value::Scalar(raw) }
        }
        _ => Json { print: xxh3_128(canonical(raw).as_bytes()), value: Value::Scalar(raw) },
    })
}

fn print_of(kind: char, prints: &[u128]) -> u128 {
    let bytes: Vec<u8> = prints.iter().flat_map(|print| print.to_le_bytes()).collect();
    xxh3_128_with_seed(&bytes, u64::from(kind))
}

impl Json<'_> {
    /// Returns the hash of the scalar that identifies an element, under the given key.
    fn name(&self, key: &str) -> Option<u128> {
        let Value::Object(entries) = &self.value else { return None };
        let named = |json: &Json<'_>| matches!(json.value, Value::Scalar(_)).then_some(json.print);
        entries.iter().find(|(own, _)| own == key).and_then(|(_, value)| named(value))
    }
}

/// Returns a line of a document: the key, if there is one, and the value.
fn line(key: Option<&str>, rest: &str) -> String {
    match key {
        Some(key) => shown(format!("{}: {rest}", serde_json::Value::from(key)).as_bytes()),
        None => shown(rest.as_bytes()),
    }
}

/// Passes the lines of one value, including brackets, to `push`.
fn lines(json: &Json<'_>, depth: usize, key: Option<&str>, push: &mut dyn FnMut(usize, String)) {
    match &json.value {
        Value::Scalar(raw) => push(depth, line(key, raw)),
        Value::Array(items) if items.is_empty() => push(depth, line(key, "[]")),
        Value::Object(entries) if entries.is_empty() => push(depth, line(key, "{}")),
        Value::Array(items) => {
            push(depth, line(key, "["));
            items.iter().for_each(|item| lines(item, depth + 1, None, push));
            push(depth, "]".into());
        }
        Value::Object(entries) => {
            push(depth, line(key, "{"));
            entries.iter().for_each(|(key, value)| lines(value, depth + 1, Some(key), push));
            push(depth, "}".into());
        }
    }
}

type Entries<'a> = [(Cow<'a, str>, Json<'a>)];

struct Comparing {
    rows: Vec<DiffRow>,
    deadline: Instant,
}

impl Comparing {
    fn same(&mut self, depth: usize, key: Option<&str>, json: &Json<'_>) {
        lines(json, depth, key, &mut |depth, text| self.rows.push(DiffRow::same(depth, text)));
    }

    fn removed(&mut self, depth: usize, key: Option<&str>, json: &Json<'_>) {
        lines(json, depth, key, &mut |depth, text| self.rows.push(DiffRow::of(depth, Some(text), None)));
    }

    fn added(&mut self, depth: usize, key: Option<&str>, json: &Json<'_>) {
        lines(json, depth, key, &mut |depth, text| self.rows.push(DiffRow::of(depth, None, Some(text))));
    }

    fn values(&mut self, depth: usize, key: Option<&str>, a: &Json<'_>, b: &Json<'_>) {
        if a.print == b.print {
            return self.same(depth, key, a);
        }
        match (&a.value, &b.value) {
            (Value::Object(a), Value::Object(b)) if !a.is_empty() && !b.is_empty() => {
                self.rows.push(DiffRow::same(depth, line(key, "{")));
                self.objects(depth + 1, a, b);
                self.rows.push(DiffRow::same(depth, "}".into()));
            }
            (Value::Array(a), Value::Array(b)) if !a.is_empty() && !b.is_empty() => {
                self.rows.push(DiffRow::same(depth, line(key, "[")));
                self.arrays(depth + 1, a, b);
                self.rows.push(DiffRow::same(depth, "]".into()));
            }
            (Value::Scalar(first), Value::Scalar(second)) => {
                let row = DiffRow::of(depth, Some(line(key, first)), Some(line(key, second)));
                // Values that look equal differ after the position where they are truncated.
                self.rows.push(DiffRow { kind: DiffRowKind::Changed, ..row });
            }
            _ => {
                self.removed(depth, key, a);
                self.added(depth, key, b);
            }
        }
    }

    /// Compares objects in the order of the first. A key that only the second has is placed after its predecessor
    /// there.
    fn objects(&mut self, depth: usize, a: &Entries<'_>, b: &Entries<'_>) {
        // A repeated key is matched with the same repetition.
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (place, (key, _)) in b.iter().enumerate().rev() {
            places.entry(key).or_default().push(place);
        }
        let partners: Vec<Option<usize>> = a.iter().map(|(key, _)| places.get_mut(key.as_ref())?.pop()).collect();
        let taken: HashSet<usize> = partners.iter().flatten().copied().collect();
        let alone = |from: usize| b.iter().enumerate().skip(from).take_while(|(place, _)| !taken.contains(place));
        for (_, (key, value)) in alone(0) {
            self.added(depth, Some(key), value);
        }
        for ((key, value), partner) in a.iter().zip(&partners) {
            match partner {
                Some(place) => {
                    self.values(depth, Some(key), value, &b[*place].1);
                    for (_, (key, value)) in alone(place + 1) {
                        self.added(depth, Some(key), value);
                    }
                }
                None => self.removed(depth, Some(key), value),
            }
        }
    }

    /// Compares arrays. Elements match if they are equal or have the same identifier. Other elements are matched by
    /// position.
    fn arrays(&mut self, depth: usize, a: &[Json<'_>], b: &[Json<'_>]) {
        let distinct = |items: &[Json<'_>], key: &str| -> Option<Vec<u128>> {
            let names = items.iter().map(|item| item.name(key)).collect::<Option<Vec<_>>>()?;
            (names.iter().collect::<HashSet<_>>().len() == names.len()).then_some(names)
        };
        let named = NAMES.iter().find_map(|key| Some((distinct(a, key)?, distinct(b, key)?)));
        let (first, second) = named.unwrap_or_else(|| {
            let all = |items: &[Json<'_>]| items.iter().map(|item| item.print).collect::<Vec<_>>();
            (all(a), all(b))
        });
        for op in capture_diff_slices_deadline(Algorithm::Myers, &first, &second, Some(self.deadline)) {
            let (old, new) = (op.old_range(), op.new_range());
            match op {
                DiffOp::Equal { .. } => {
                    old.zip(new).for_each(|(old, new)| self.values(depth, None, &a[old], &b[new]));
                }
                _ => self.by_place(depth, &a[old], &b[new]),
            }
        }
    }

    fn by_place(&mut self, depth: usize, a: &[Json<'_>], b: &[Json<'_>]) {
        let both = a.len().min(b.len());
        a.iter().zip(b).for_each(|(a, b)| self.values(depth, None, a, b));
        a[both..].iter().for_each(|item| self.removed(depth, None, item));
        b[both..].iter().for_each(|item| self.added(depth, None, item));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn changes(a: &str, b: &str) -> Vec<String> {
        rows(a.as_bytes(), b.as_bytes())
            .expect("JSON")
            .into_iter()
            .filter(|row| row.kind != DiffRowKind::Same)
            .map(|row| match (row.a, row.b) {
                (Some(a), Some(b)) => format!("~ {a} -> {b}"),
                (Some(a), None) => format!("- {a}"),
                (_, b) => format!("+ {}", b.unwrap_or_default()),
            })
            .collect()
    }

    #[test]
    fn ignores_notation_and_key_order() {
        assert_eq!(changes(r#"{"a":1,"b":[1.0,"caf\u00e9"]}"#, r#"{ "b": [1, "café"], "a": 1 }"#), [""; 0]);
        assert_eq!(
            changes(r#"{"a":12345678901234567890}"#, r#"{"a":12345678901234567891}"#),
            [r#"~ "a": 12345678901234567890 -> "a": 12345678901234567891"#]
        );
        assert_eq!(
            changes(r#"{"a":1,"b":2}"#, r#"{"a":"1","c":2}"#),
            [r#"~ "a": 1 -> "a": "1""#, r#"+ "c": 2"#, r#"- "b": 2"#]
        );
        assert_eq!(
            changes(r#"{"a":{"x":1}}"#, r#"{"a":[1]}"#),
            [r#"- "a": {"#, r#"- "x": 1"#, "- }", r#"+ "a": ["#, "+ 1", "+ ]"]
        );
        assert_eq!(changes(r#"{"a":1,"a":2}"#, r#"{"a":1,"a":3}"#), [r#"~ "a": 2 -> "a": 3"#], "a repeated key");
    }

    #[test]
    fn matches_elements_by_identifier() {
        let a = r#"[{"id":1,"n":"a"},{"id":2,"n":"b"},{"id":3,"n":"c"}]"#;
        let b = r#"[{"id":2,"n":"B"},{"id":3,"n":"c"},{"id":4,"n":"d"}]"#;
        assert_eq!(
            changes(a, b),
            [
                "- {",
                r#"- "id": 1"#,
                r#"- "n": "a""#,
                "- }",
                r#"~ "n": "b" -> "n": "B""#,
                "+ {",
                r#"+ "id": 4"#,
                r#"+ "n": "d""#,
                "+ }"
            ]
        );
        assert_eq!(changes("[1,2,3,4]", "[1,3,4,5]"), ["- 2", "+ 5"]);
    }

    #[test]
    fn rejects_text_that_is_not_a_document() {
        for body in ["", "1", "\"a\"", "{", "[1,", "{\"a\":1} x", &"[".repeat(200)] {
            assert!(rows(body.as_bytes(), b"{}").is_none(), "{body:.20}");
        }
    }

    fn tree() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<i8>().prop_map(Into::into),
            "[a-c]{0,2}".prop_map(Into::into),
            Just(serde_json::Value::Null)
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::hash_map("[a-d]|id", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn keeps_all_scalars_of_both_sides(a in tree(), b in tree()) {
            let (a, b) = (serde_json::json!([a]), serde_json::json!([b]));
            let rows = rows(a.to_string().as_bytes(), b.to_string().as_bytes()).expect("JSON");
            prop_assert_eq!(rows.iter().all(|row| row.kind == DiffRowKind::Same), a == b);
            // The lines of a side contain exactly its scalars.
            let scalars = |pick: fn(&DiffRow) -> &Option<String>| {
                let mut lines: Vec<String> = rows.iter().filter_map(|row| pick(row).clone()).filter(|text| !matches!(text.as_str(), "]" | "}")).collect();
                lines.sort();
                lines
            };
            let whole = |json: &serde_json::Value| {
                let text = json.to_string();
                let mut all = Vec::new();
                lines(&parse(&text, 0).expect("JSON"), 0, None, &mut |_, text| all.push(text));
                all.retain(|text| !matches!(text.as_str(), "]" | "}"));
                all.sort();
                all
            };
            prop_assert_eq!(scalars(|row| &row.a), whole(&a));
            prop_assert_eq!(scalars(|row| &row.b), whole(&b));
        }
    }
}
