//! Sample payloads: JSON with placeholders for generated values. The same seed generates the same values.
//!
//! A string such as `{{uuid chat}}` contains a placeholder. The first word is one of [`KINDS`], and the second word is
//! the name of the object that the value belongs to. The same name has the same value in all events of one seed, so the
//! events of a conversation refer to one chat. A name that begins with `+` has a different value in each event. A
//! string that consists of a single placeholder becomes a number or a boolean if its kind generates one.

use jiff::Timestamp;
use serde_json::{Map, Number, Value};

/// Inputs that determine generated values.
#[derive(Debug, Clone, Copy)]
pub struct Seeds<'a> {
    /// Seed, shared by all events about the same objects.
    pub seed: u64,
    /// Index of the event among those with the same seed, from 0.
    pub step: u32,
    /// Event type.
    pub event: &'a str,
    /// Event id or delivery id.
    pub id: &'a str,
    /// Time of the event, in milliseconds since the Unix epoch.
    pub now_ms: i64,
}

type Make = fn(&Seeds<'_>, u64, &[&str]) -> Value;

/// Kinds of generated values.
const KINDS: &[(&str, Make)] = &[
    ("event", |seeds, _, _| seeds.event.into()),
    ("id", |seeds, _, _| seeds.id.into()),
    // A time can have an offset from now in seconds: `{{iso message -20}}`.
    ("iso", |seeds, _, words| time(seeds, words).to_string().into()),
    ("iso_s", |seeds, _, words| time(seeds, words).strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into()),
    ("utc", |seeds, _, words| time(seeds, words).strftime("%Y-%m-%d %H:%M:%S UTC").to_string().into()),
    ("unix", |seeds, _, words| time(seeds, words).as_second().into()),
    ("unix_ms", |seeds, _, words| time(seeds, words).as_millisecond().into()),
    ("uuid", |_, hash, _| uuid(hash).into()),
    ("hex", |_, hash, words| hex(hash, words).into()),
    ("int", |_, hash, words| int(hash, words).into()),
    ("digits", |_, hash, words| int(hash, words).to_string().into()),
    ("bool", |_, hash, _| (hash & 1 == 1).into()),
    ("pick", |_, hash, words| pick(hash, words).into()),
    ("first", |_, hash, _| one(FIRST, hash).into()),
    ("name", |_, hash, _| name(hash).into()),
    ("email", |_, hash, _| format!("{}@example.com", ascii(&name(hash).to_lowercase()).replace(' ', ".")).into()),
    // Phone numbers reserved for fictional use (NANPA 555-0100 to 555-0199).
    ("phone", |_, hash, _| format!("+1415555{:04}", 100 + hash % 100).into()),
    ("text", |_, hash, _| one(TEXTS, hash).into()),
    ("reply", |_, hash, _| one(REPLIES, hash).into()),
];

const FIRST: &[&str] =
    &["Amira", "Ben", "Chloé", "Daniel", "Elif", "Fatou", "Giorgos", "Hana", "Ines", "Jonas", "Keiko", "Liam"];
const LAST: &[&str] = &[
    "Adeyemi",
    "Brandt",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "García",
    "Haddad",
    "Ito",
    "Jansen",
    "Kaya",
    "Lindqvist",
];
const TEXTS: &[&str] = &[
    "Hi, I was charged twice for my order. Can you help?",
    "Where can I change the address of my delivery?",
    "The export has been stuck at 80 % since this morning.",
    "Does the team plan include single sign-on?",
    "My discount code says it has expired, but it is from today.",
    "¿Puedo hablar con alguien en español?",
];
const REPLIES: &[&str] = &[
    "Thanks for writing! I am looking into it right now.",
    "I have found your order. One moment, please.",
    "That is fixed now. Could you try once more?",
    "You are welcome. Is there anything else I can do?",
];

fn time(seeds: &Seeds<'_>, words: &[&str]) -> Timestamp {
    let from_now_s: i64 = words.first().and_then(|word| word.parse().ok()).unwrap_or(0);
    let ms = from_now_s.saturating_mul(1_000).saturating_add(seeds.now_ms);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn one<'t>(table: &[&'t str], hash: u64) -> &'t str {
    table[(hash % table.len() as u64) as usize]
}

fn name(hash: u64) -> String {
    format!("{} {}", one(FIRST, hash), one(LAST, hash / 97))
}

/// Converts a name to ASCII. Email form fields reject other characters before the `@` (HTML, "valid email address").
fn ascii(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            'é' => 'e',
            'í' => 'i',
            other => other,
        })
        .collect()
}

fn uuid(hash: u64) -> String {
    let (high, low) = (mixed(hash), mixed(hash ^ 0x9e37_79b9_7f4a_7c15));
    let digits = format!("{high:016x}{low:016x}");
    format!("{}-{}-4{}-a{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
}

fn hex(hash: u64, words: &[&str]) -> String {
    let length = words.first().and_then(|word| word.parse().ok()).unwrap_or(16_usize).min(128);
    let digits: String = (0..=length as u64 / 16).map(|n| format!("{:016x}", mixed(hash.wrapping_add(n)))).collect();
    digits[..length].to_owned()
}

fn int(hash: u64, words: &[&str]) -> i64 {
    let bound = |at: usize, or: i64| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(or);
    let (low, high) = (bound(0, 1_000), bound(1, 99_999));
    low + (hash % (high.saturating_sub(low).max(0) as u64 + 1)) as i64
}

fn pick(hash: u64, words: &[&str]) -> String {
    let choices: Vec<&str> = words.iter().flat_map(|word| word.split('|')).collect();
    if choices.is_empty() { String::new() } else { one(&choices, hash).replace('_', " ") }
}

/// Finalizer of SplitMix64. Adjacent seeds generate unrelated values.
fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Hashes a name with FNV-1a, which is stable across platforms and versions.
fn hashed(seeds: &Seeds<'_>, name: &str) -> u64 {
    let step = if name.starts_with('+') { u64::from(seeds.step) + 1 } else { 0 };
    let start = 0xcbf2_9ce4_8422_2325 ^ mixed(seeds.seed.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ mixed(step);
    mixed(name.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// Returns the value of a placeholder, or `None` if the kind is unknown.
fn made(inside: &str, seeds: &Seeds<'_>) -> Option<Value> {
    let mut words = inside.split_whitespace();
    let kind = words.next()?;
    let (_, make) = KINDS.iter().find(|(known, _)| *known == kind)?;
    let name = words.next().unwrap_or_default();
    Some(make(seeds, hashed(seeds, name), &words.collect::<Vec<_>>()))
}

/// Fills the placeholders of a text. A text that is a single placeholder gets the type of its kind.
pub(crate) fn fill(text: &str, seeds: &Seeds<'_>) -> Value {
    if let Some(inside) = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"))
        && !inside.contains("}}")
        && let Some(value) = made(inside, seeds)
    {
        return value;
    }
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inside, after)) = after.split_once("}}") else { break };
        filled.push_str(before);
        match made(inside, seeds) {
            Some(Value::String(value)) => filled.push_str(&value),
            Some(value) => filled.push_str(&value.to_string()),
            // Unknown placeholders are kept as written.
            None => filled.push_str(&format!("{{{{{inside}}}}}")),
        }
        rest = after;
    }
    filled.push_str(rest);
    Value::String(filled)
}

/// Fills the placeholders of a payload.
pub fn filled(sample: &Value, seeds: &Seeds<'_>) -> Value {
    match sample {
        Value::String(string) => fill(string, seeds),
        Value::Array(items) => Value::Array(items.iter().map(|item| filled(item, seeds)).collect()),
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(name, value)| (name.clone(), filled(value, seeds))).collect::<Map<_, _>>(),
        ),
        Value::Number(number) => Value::Number(Number::clone(number)),
        other => other.clone(),
    }
}

/// Maximum number of steps in a path. Few parsers accept deeper JSON.
const DEPTH_MAX: usize = 100;

/// Sets a value at a path such as `data.list[0].id`. Missing objects on the path are added.
///
/// # Errors
///
/// Returns an error if the path is invalid, leads through a value of another type, or leads past the end of a list.
pub fn set(whole: &mut Value, path: &str, value: Value) -> Result<(), String> {
    let mut at = whole;
    for step in steps(path)? {
        at = match step {
            Step::Name(name) => {
                if at.is_null() {
                    *at = Value::Object(Map::new());
                }
                let fields = at
                    .as_object_mut()
                    .ok_or_else(|| format!("the path {path:?} leads through a value that is not an object"))?;
                fields.entry(name).or_insert(Value::Null)
            }
            Step::Item(place) => {
                let items = at
                    .as_array_mut()
                    .ok_or_else(|| format!("the path {path:?} leads through a value that is not a list"))?;
                items.get_mut(place).ok_or_else(|| format!("the path {path:?} leads past the end of a list"))?
            }
        };
    }
    *at = value;
    Ok(())
}

/// Step of a path into JSON.
pub(crate) enum Step {
    /// Member of an object.
    Name(String),
    /// Item of a list, from 0.
    Item(usize),
}

/// Parses a path such as `data.list[0].id`.
pub(crate) fn steps(path: &str) -> Result<Vec<Step>, String> {
    let mut all = Vec::new();
    for part in path.split('.') {
        let (name, rest) = part.split_once('[').unwrap_or((part, ""));
        if !name.is_empty() {
            all.push(Step::Name(name.to_owned()));
        }
        for place in rest.split('[').filter_map(|place| place.strip_suffix(']')) {
            let number =
                place.parse().map_err(|_| format!("the list index [{place}] in the path {path:?} is not a number"))?;
            all.push(Step::Item(number));
        }
    }
    match all.len() {
        0 => Err(format!("the path {path:?} is empty: write a path such as data.chat.id")),
        length if length > DEPTH_MAX => Err(format!("a path must have at most {DEPTH_MAX} steps (got {length})")),
        _ => Ok(all),
    }
}

/// Returns the placeholders of a sample whose kind is unknown.
pub(crate) fn faults(sample: &Value) -> Vec<String> {
    match sample {
        Value::String(string) => string
            .split("{{")
            .skip(1)
            .filter_map(|part| part.split_once("}}"))
            .map(|(inside, _)| inside)
            .filter(|inside| !KINDS.iter().any(|(kind, _)| inside.split_whitespace().next() == Some(*kind)))
            .map(str::to_owned)
            .collect(),
        Value::Array(items) => items.iter().flat_map(faults).collect(),
        Value::Object(fields) => fields.values().flat_map(faults).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seeds(seed: u64, step: u32) -> Seeds<'static> {
        Seeds { seed, step, event: "a.b", id: "id_1", now_ms: 1_705_314_600_123 }
    }

    #[test]
    fn generates_the_same_values_only_for_the_same_seed() {
        let sample = json!({ "chat": "{{uuid chat}}", "who": "{{name visitor}}", "message": "{{uuid +message}}" });
        let one = filled(&sample, &seeds(7, 0));
        assert_eq!(one, filled(&sample, &seeds(7, 0)));
        let next = filled(&sample, &seeds(7, 1));
        assert_eq!((&one["chat"], &one["who"]), (&next["chat"], &next["who"]));
        assert_ne!(one["message"], next["message"]);
        assert_ne!(one["chat"], filled(&sample, &seeds(8, 0))["chat"]);
    }

    #[test]
    fn generates_values_with_the_type_of_their_kind() {
        let sample = json!({
            "id": "{{int chat 5 9}}", "on": "{{bool a}}", "at": "{{iso_s}}", "utc": "{{utc}}", "unix": "{{unix}}",
            "before": "{{iso_s x -30}}", "text": "chat {{int chat 5 9}} of {{event}}", "left": "{{nothing here}}", "truncate": "{{ open", "n": 1.50,
        });
        let made = filled(&sample, &seeds(1, 0));
        assert!((5..=9).contains(&made["id"].as_i64().expect("number")));
        assert!(made["on"].is_boolean());
        assert_eq!((&made["at"], &made["utc"]), (&json!("2024-01-15T10:30:00Z"), &json!("2024-01-15 10:30:00 UTC")));
        assert_eq!((&made["unix"], &made["before"]), (&json!(1_705_314_600), &json!("2024-01-15T10:29:30Z")));
        assert_eq!(made["text"], format!("chat {} of a.b", made["id"]));
        assert_eq!((&made["left"], &made["truncate"]), (&json!("{{nothing here}}"), &json!("{{ open")));
        assert_eq!(faults(&sample), ["nothing here"]);
        let id = filled(&json!("{{uuid x}}"), &seeds(3, 0));
        assert_eq!(id.as_str().map(|id| (id.len(), &id[14..15])), Some((36, "4")));
    }
    #[test]
    fn sets_a_value_at_a_path() {
        let mut whole = json!({ "a": { "list": [1, { "b": 2 }] } });
        for (path, value) in
            [("a.list[1].b", json!("x")), ("a.c.d", json!(null)), ("e", json!([])), ("a.list[0]", json!(9))]
        {
            set(&mut whole, path, value).expect(path);
        }
        assert_eq!(whole, json!({ "a": { "list": [9, { "b": "x" }], "c": { "d": null } }, "e": [] }));
        let deep = "a.".repeat(20_000);
        for bad in ["", "a.list[9]", "a.list.x", "e.x", "a.list[x]", &deep] {
            assert!(set(&mut whole, bad, json!(1)).is_err(), "{bad}");
        }
    }
}
