//! Patterns: comparison of one value with a term.

use std::cmp::Ordering;

use memchr::memmem;
use regex::bytes::Regex;

use super::fold::fold;

/// Pattern that a text is compared with. All patterns ignore case, except `Exact` and a regular expression without
/// `i`.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// Any value: `*`.
    Any,
    /// Contains these case-folded bytes.
    Contains(Vec<u8>),
    /// Equals these case-folded bytes.
    Is(Vec<u8>),
    /// Equals exactly these bytes.
    Exact(Vec<u8>),
    /// Contains these case-folded pieces in order, with anything between them.
    Pieces {
        /// Pieces, in order.
        pieces: Vec<Vec<u8>>,
        /// True if the first piece must be at the start and the last piece at the end.
        anchored: bool,
    },
    /// Matches a regular expression.
    Regex(Box<Regex>),
    /// Compares with a text, or with a number if both are numbers.
    Order {
        /// Comparison operator.
        than: Order,
        /// Text to compare with.
        text: String,
        /// Value of the text, if the text is a number.
        number: Option<f64>,
    },
}

/// Comparison operator for ordered values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

impl Order {
    /// Returns true if this ordering satisfies the operator.
    pub fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Above => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
            Self::Below => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
        }
    }

    /// Returns the operator in SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        }
    }
}

impl Pattern {
    /// Returns true if a text as sent matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(bytes) => text == bytes,
            Self::Regex(regex) => regex.is_match(text),
            Self::Order { than, text: other, number } => {
                let text = String::from_utf8_lossy(text);
                match (number, number_of(&text)) {
                    (Some(number), Some(own)) => own.partial_cmp(number).is_some_and(|ordering| than.holds(ordering)),
                    (Some(_), None) => false,
                    (None, _) => than.holds(text.as_ref().cmp(other.as_str())),
                }
            }
            Self::Is(bytes) if bytes.len() != text.len() && bytes.is_ascii() && text.is_ascii() => false,
            _ => self.matches_folded(&fold(text)),
        }
    }

    /// Like [`Self::matches`], for a word of a vendor or of HTTP. Only ASCII case is folded, as in SQL.
    pub fn matches_word(&self, text: &str) -> bool {
        match self {
            Self::Any => !text.is_empty(),
            pattern if pattern.folds() => pattern.matches_folded(text.to_ascii_lowercase().as_bytes()),
            pattern => pattern.matches(text.as_bytes()),
        }
    }

    /// Like [`Self::matches`], for a JSON number or literal. Numbers are compared by value.
    pub fn matches_bare(&self, text: &str) -> bool {
        match self {
            Self::Is(bytes) => {
                self.matches(text.as_bytes())
                    || std::str::from_utf8(bytes)
                        .is_ok_and(|own| number_of(own).is_some() && canonical(own) == canonical(text))
            }
            _ => self.matches(text.as_bytes()),
        }
    }

    /// Returns true if a case-folded text matches. Only for patterns that fold case.
    pub fn matches_folded(&self, folded: &[u8]) -> bool {
        match self {
            Self::Contains(needle) => memmem::find(folded, needle).is_some(),
            Self::Is(bytes) => folded == bytes,
            Self::Pieces { pieces, anchored } => pieces_match(pieces, *anchored, folded),
            _ => self.matches(folded),
        }
    }

    /// Returns true if the text is case-folded before the comparison.
    pub fn folds(&self) -> bool {
        matches!(self, Self::Contains(_) | Self::Is(_) | Self::Pieces { .. })
    }

    /// Returns case-folded bytes, each of which is contained in every match.
    pub fn needles(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Contains(needle) | Self::Is(needle) => vec![needle.clone()],
            Self::Exact(bytes) => vec![fold(bytes)],
            Self::Pieces { pieces, .. } => pieces.clone(),
            Self::Any | Self::Regex(_) | Self::Order { .. } => Vec::new(),
        }
    }
}

/// Returns true if the text contains the pieces in order. The first or last piece of an anchored pattern is empty if
/// the pattern begins or ends with `*`.
fn pieces_match(pieces: &[Vec<u8>], anchored: bool, text: &[u8]) -> bool {
    let (mut rest, mut pieces) = (text, pieces);
    if anchored {
        let [first, middle @ .., last] = pieces else { return false };
        let Some(inner) = rest.strip_prefix(first.as_slice()).and_then(|rest| rest.strip_suffix(last.as_slice()))
        else {
            return false;
        };
        (rest, pieces) = (inner, middle);
    }
    for piece in pieces {
        let Some(at) = memmem::find(rest, piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    true
}

/// Parses a text that consists only of a number: digits, sign, decimal point and exponent.
pub(crate) fn number_of(text: &str) -> Option<f64> {
    let first = text.trim_start_matches(['-', '+']).as_bytes().first()?;
    if !(first.is_ascii_digit() || *first == b'.') {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Returns a form of a value's text that is the same for equal values: numbers by value, integers with all digits,
/// other text case-folded.
pub fn canonical(text: &str) -> String {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.is_empty() && digits.len() <= 400 && digits.bytes().all(|b| b.is_ascii_digit()) {
        let digits = digits.trim_start_matches('0');
        return match digits {
            "" => "0".into(),
            digits if text.starts_with('-') => format!("-{digits}"),
            digits => digits.into(),
        };
    }
    match number_of(text) {
        // Written out in the form of integers: 1e3 becomes 1000.
        Some(0.0) if text.len() <= 17 => "0".into(),
        // Numbers with more digits than a double can represent are compared as text.
        Some(number) if text.len() <= 17 => number.to_string(),
        Some(_) => text.to_ascii_lowercase(),
        None => String::from_utf8_lossy(&fold(text.as_bytes())).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pattern: &str, anchored: bool) -> Pattern {
        Pattern::Pieces { pieces: pattern.split('*').map(|piece| piece.as_bytes().to_vec()).collect(), anchored }
    }

    #[test]
    fn matches_wildcards() {
        for (pattern, text, matches) in [
            ("chat.*", "chat.closed", true),
            ("chat.*", "xchat.closed", false),
            ("*@example.com", "Ann@Example.com", true),
            ("a*b*c", "aXbXc", true),
            ("a*b", "ab", true),
            ("aa*aa", "aaa", false),
            ("*", "", true),
            ("a*", "A", true),
        ] {
            assert_eq!(pieces(pattern, true).matches(text.as_bytes()), matches, "{pattern} {text}");
        }
        assert!(pieces("b*c", false).matches(b"abxcd"));
    }

    #[test]
    fn compares_numbers_by_value() {
        let is = |text: &str| Pattern::Is(fold(text.as_bytes()));
        assert!(is("1.5").matches_bare("1.50") && is("1000").matches_bare("1e3") && is("0").matches_bare("-0.0"));
        assert!(!is("12345678901234567890").matches_bare("12345678901234567891"));
        assert!(is("TRUE").matches_bare("true") && !is("1").matches_bare("10"));
    }

    #[test]
    fn orders_numbers_and_texts() {
        let above = |text: &str| Pattern::Order { than: Order::Above, text: text.into(), number: number_of(text) };
        assert!(above("9").matches(b"10") && !above("9").matches(b"x") && !above("9").matches(b"8.5"));
        assert!(above("2026-11-01").matches(b"2026-11-02T00:00:00Z") && !above("2026-11-01").matches(b"2025"));
    }
}
