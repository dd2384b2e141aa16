//! Texts that match a regular expression.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Maximum length of a generated text, in bytes.
const LENGTH_MAX: usize = 1_000;

/// Returns a short text that matches a pattern. `None` if the pattern uses syntax of which Hookbench generates no texts,
/// such as look-around.
pub(crate) fn example(pattern: &str) -> Option<String> {
    let parsed = regex_syntax::ParserBuilder::new().unicode(true).utf8(true).build().parse(pattern).ok()?;
    let mut text = String::new();
    write(&parsed, &mut text)?;
    Some(text)
}

fn write(hir: &Hir, into: &mut String) -> Option<()> {
    if into.len() > LENGTH_MAX {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => into.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => into.push(member(class)?),
        HirKind::Repetition(repetition) => {
            // One character is closer to a real value than none.
            let times = repetition.min.max(u32::from(repetition.max != Some(0)));
            (0..times).try_for_each(|_| write(&repetition.sub, into))?;
        }
        HirKind::Capture(capture) => write(&capture.sub, into)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, into))?,
        HirKind::Alternation(parts) => write(parts.first()?, into)?,
    }
    Some(())
}

/// Returns a readable member of a class: a letter or a digit if there is one.
fn member(class: &Class) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect(),
    };
    let contains = |c: char| ranges.iter().any(|(start, end)| (*start..=*end).contains(&c));
    ['a', 'A', '1', '0', '-', ' ']
        .into_iter()
        .find(|c| contains(*c))
        .or_else(|| ranges.first().map(|(start, _)| *start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generates_matching_texts() {
        for (pattern, expected) in [
            ("^[a-z]{3}_[0-9A-F]{2}$", "aaa_AA"),
            (r"^\d{4}-\d{2}$", "1111-11"),
            ("^(EUR|USD)$", "EUR"),
            ("^a?b*$", "ab"),
            (r"^https://", "https://"),
        ] {
            assert_eq!(example(pattern).as_deref(), Some(expected), "{pattern}");
        }
        for pattern in ["(?=a)b", "(", "(a{900}){900}"] {
            assert_eq!(example(pattern), None, "{pattern}");
        }
    }
}
