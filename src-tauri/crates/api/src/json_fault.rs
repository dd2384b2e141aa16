//! Conversion of JSON errors to messages for users. The messages of serde contain names of Rust types, and values that
//! can be secrets.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Names of the types of actual values: in messages of serde, and in messages of the API.
const KINDS: &[(&str, &str)] = &[
    ("string", "a string"),
    ("integer", "a whole number"),
    ("floating point", "a number with a fraction"),
    ("number", "a number"),
    ("boolean", "true or false"),
    ("map", "an object"),
    ("sequence", "an array"),
    ("unit value", "null"),
    ("null", "null"),
    ("unit", "null"),
    ("option", "a value"),
];

/// Names of expected types: in messages of serde, and in messages of the API.
const EXPECTED: &[(&str, &str)] = &[
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number from 0"),
    ("usize", "a whole number from 0"),
    ("i32", "a whole number"),
    ("i64", "a whole number"),
    ("f32", "a number"),
    ("f64", "a number"),
    ("a string", "a string"),
    ("a borrowed string", "a string"),
    ("a boolean", "true or false"),
    ("a sequence", "an array"),
    ("a map", "an object"),
    ("socket address", "an address such as 127.0.0.1:4665"),
];

static MISMATCH: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?s)invalid (?:type|value|length): ?(.*), expected (.*)$").expect("a valid pattern"));
static PLACE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r" at line (\d+) column (\d+)$").expect("a valid pattern"));
static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^Failed to (?:deserialize the JSON body into the target type|parse the request body as JSON|deserialize query string|deserialize form body): ")
        .expect("a valid pattern")
});

/// Converts an error message of serde to a sentence. The sentence contains no sent value, except a number that is out
/// of range.
pub(crate) fn in_words(error: &str) -> String {
    let error = PREFIX.replace(error, "");
    let at = PLACE.captures(&error).map(|at| format!(" (line {}, column {})", &at[1], &at[2]));
    let error = PLACE.replace(&error, "");
    let (path, fault) = split_path(&error);
    let subject = if path.is_empty() { "The value".to_owned() } else { format!("`{path}`") };
    let sentence = if let Some(found) = MISMATCH.captures(fault) {
        format!("{subject} must be {}, not {}.", expected(&found[2]), kind(&found))
    } else if let Some(rest) = fault.strip_prefix("unknown variant ") {
        let allowed = rest.split_once(", expected ").map_or("", |(_, allowed)| allowed);
        format!("{subject} must be {allowed}.")
    } else if let Some(rest) = fault.strip_prefix("unknown field ") {
        let (field, allowed) = rest.split_once(", expected ").unwrap_or((rest, ""));
        let within = match path.rsplit_once('.') {
            Some((parent, _)) => format!(" in `{parent}`"),
            None => String::new(),
        };
        match allowed {
            "" | "there are no fields" => format!("Unknown field {field}{within}."),
            allowed => {
                format!("Unknown field {field}{within}. Allowed fields: {}.", allowed.trim_start_matches("one of "))
            }
        }
    } else if let Some(field) = fault.strip_prefix("missing field ") {
        let within = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
        format!("The field {field} is missing{within}.")
    } else if let Some(field) = fault.strip_prefix("duplicate field ") {
        format!("Duplicate field {field}.")
    } else if fault.contains("invalid socket address") {
        format!("{subject} must be an address with a port, such as 127.0.0.1:4665.")
    } else if fault.starts_with("data did not match any variant") {
        format!("{subject} matches none of the allowed forms.")
    } else {
        let mut fault = fault.to_owned();
        if let Some(first) = fault.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let place = if path.is_empty() { String::new() } else { format!("`{path}`: ") };
        format!("{place}{}.", fault.trim_end_matches('.'))
    };
    match at {
        Some(at) => format!("{}{at}.", sentence.trim_end_matches('.')),
        None => sentence,
    }
}

/// Splits an error into a path such as `secrets[0].value` and the fault after it. The path is empty if there is none.
fn split_path(error: &str) -> (&str, &str) {
    match error.split_once(": ") {
        Some((path, rest)) if !path.contains(' ') && !path.is_empty() && !path.starts_with("invalid") => {
            (path.trim_start_matches("."), rest)
        }
        _ => ("", error),
    }
}

fn kind(found: &Captures<'_>) -> String {
    let (what, expected) = (&found[1], &found[2]);
    let known = KINDS.iter().find(|(name, _)| what.starts_with(name)).map_or("such a value", |(_, words)| *words);
    let wants_number = EXPECTED.iter().any(|(name, words)| *name == expected && words.contains("number"));
    match what.split_once('`').map(|(_, rest)| rest.trim_end_matches('`')) {
        Some(number) if wants_number && number.bytes().all(|b| b.is_ascii_digit() || b"-.e+".contains(&b)) => {
            number.to_owned()
        }
        _ => known.to_owned(),
    }
}

fn expected(what: &str) -> String {
    let words = EXPECTED.iter().find(|(name, _)| *name == what).map(|(_, words)| (*words).to_owned());
    words.unwrap_or_else(|| match what {
        what if what.starts_with("struct ") || what.starts_with("internally tagged") => "an object".to_owned(),
        what if what.starts_with("enum ") || what.contains("variant") => "one of the allowed values".to_owned(),
        what if what.starts_with("a tuple") || what.starts_with("tuple") => "an array".to_owned(),
        other => other.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_errors_without_rust_types_and_values() {
        for (error, words) in [
            (
                "Failed to deserialize the JSON body into the target type: secrets[0]: invalid type: string \"whsec_X\", expected struct EndpointSecret at line 1 column 30",
                "`secrets[0]` must be an object, not a string (line 1, column 30).",
            ),
            (
                "invalid value: integer `-5000000`, expected u64",
                "The value must be a whole number from 0, not -5000000.",
            ),
            ("a: invalid type: string \"x, expected y\", expected a sequence", "`a` must be an array, not a string."),
            (
                "Failed to deserialize the JSON body into the target type: nam: unknown field `nam`, expected one of `name`, `response` at line 1 column 6",
                "Unknown field `nam`. Allowed fields: `name`, `response` (line 1, column 6).",
            ),
            ("missing field `url`", "The field `url` is missing."),
            (
                "state: unknown variant `whsec_X`, expected one of `failed`, `skipped`",
                "`state` must be one of `failed`, `skipped`.",
            ),
            (
                "listen: invalid socket address syntax",
                "`listen` must be an address with a port, such as 127.0.0.1:4665.",
            ),
            (
                "Failed to parse the request body as JSON: EOF while parsing an object at line 1 column 1",
                "EOF while parsing an object (line 1, column 1).",
            ),
        ] {
            assert_eq!(in_words(error), words);
        }
        assert!(!in_words("invalid type: string \"sec\nret\", expected u32").contains("ret\""));
    }
}
