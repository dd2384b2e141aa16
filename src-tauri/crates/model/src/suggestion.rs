//! Suggestions for names that do not exist.

/// Largest number of names that are listed if none of them is similar.
const LISTED_MAX: usize = 5;

/// Returns a sentence, with a space before it, that helps after a wrong name: ` Did you mean "shop"?` if a candidate is
/// similar, ` Available: inbox, shop.` if there are at most 5 candidates, or an empty text.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let lower = name.to_lowercase();
    let candidates: Vec<&str> = candidates.into_iter().filter(|candidate| !candidate.is_empty()).collect();
    let nearest = candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&candidate.to_lowercase(), &lower), candidate))
        // A third of the letters may differ, so that short names have no distant suggestions.
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 3)
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((_, candidate)) => format!(" Did you mean {candidate:?}?"),
        None if candidates.is_empty() || candidates.len() > LISTED_MAX => String::new(),
        None => format!(" Available: {}.", candidates.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_a_similar_name_or_lists_a_few() {
        assert_eq!(did_you_mean("shp", ["inbox", "shop"]), " Did you mean \"shop\"?");
        assert_eq!(did_you_mean("STRPE", ["github", "stripe"]), " Did you mean \"stripe\"?");
        assert_eq!(did_you_mean("orders", ["inbox", "shop"]), " Available: inbox, shop.");
        assert_eq!(did_you_mean("orders", []), "");
        assert_eq!(did_you_mean("orders", ["a1", "b1", "c1", "d1", "e1", "f1"]), "");
    }
}
