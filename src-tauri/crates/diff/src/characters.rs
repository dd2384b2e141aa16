//! Comparison of two texts character by character.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use similar::{Algorithm, ChangeTag, TextDiff};
use utoipa::ToSchema;

/// Maximum time to search for the smallest set of changes.
const TIMEOUT: Duration = Duration::from_millis(200);

/// Type of a part of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiffTextPartType {
    /// The text is in both texts.
    Same,
    /// The text is only in the second text.
    Added,
    /// The text is only in the first text.
    Removed,
}

/// Part of a comparison of two texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiffTextPart {
    /// Type of the part.
    #[serde(rename = "type")]
    pub kind: DiffTextPartType,
    /// The text.
    pub text: String,
}

/// Returns the parts that turn the text `a` into the text `b`, in order.
pub fn text_parts(a: &str, b: &str) -> Vec<DiffTextPart> {
    // The common ends are cut off first, because a change is usually local.
    let start =
        a.char_indices().zip(b.chars()).find(|((_, a), b)| a != b).map_or(a.len().min(b.len()), |((at, _), _)| at);
    let (rest_a, rest_b) = (&a[start..], &b[start..]);
    let common = rest_a.chars().rev().zip(rest_b.chars().rev()).take_while(|(a, b)| a == b);
    let end: usize = common.map(|(c, _)| c.len_utf8()).sum();
    let (middle_a, middle_b) = (&rest_a[..rest_a.len() - end], &rest_b[..rest_b.len() - end]);
    let mut parts = Vec::new();
    push(&mut parts, DiffTextPartType::Same, &a[..start]);
    let diff = TextDiff::configure().algorithm(Algorithm::Myers).timeout(TIMEOUT).diff_chars(middle_a, middle_b);
    for change in diff.iter_all_changes() {
        let kind = match change.tag() {
            ChangeTag::Equal => DiffTextPartType::Same,
            ChangeTag::Delete => DiffTextPartType::Removed,
            ChangeTag::Insert => DiffTextPartType::Added,
        };
        push(&mut parts, kind, change.value());
    }
    push(&mut parts, DiffTextPartType::Same, &rest_a[rest_a.len() - end..]);
    parts
}

fn push(parts: &mut Vec<DiffTextPart>, kind: DiffTextPartType, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.kind == kind => last.text.push_str(text),
        _ => parts.push(DiffTextPart { kind, text: text.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(a: &str, b: &str) -> String {
        let mark = |part: DiffTextPart| match part.kind {
            DiffTextPartType::Same => part.text,
            DiffTextPartType::Added => format!("[+{}]", part.text),
            DiffTextPartType::Removed => format!("[-{}]", part.text),
        };
        text_parts(a, b).into_iter().map(mark).collect()
    }

    #[test]
    fn marks_each_difference() {
        assert_eq!(marked(r#"{"a":1,"b":2}"#, r#"{"a": 1, "b": 2}"#), r#"{"a":[+ ]1,[+ ]"b":[+ ]2}"#);
        assert_eq!(marked("same", "same"), "same");
        assert_eq!(marked("", "new"), "[+new]");
        assert_eq!(marked("aaa", "aa"), "aa[-a]");
        assert_eq!(marked("x é y", "x è y"), "x [-é][+è] y");
    }

    proptest::proptest! {
        #[test]
        fn parts_contain_both_texts(a in ".{0,40}", b in ".{0,40}") {
            let parts = text_parts(&a, &b);
            let without = |kind| parts.iter().filter(|part| part.kind != kind).map(|part| part.text.as_str()).collect::<String>();
            proptest::prop_assert_eq!(without(DiffTextPartType::Added), a);
            proptest::prop_assert_eq!(without(DiffTextPartType::Removed), b);
        }
    }
}
