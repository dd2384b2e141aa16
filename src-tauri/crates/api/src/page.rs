//! Pages of a list.

use super::error::ApiError;

/// Most items of a page, and the largest `limit`.
pub(crate) const LIMIT_MAX: u32 = 500;

/// Returns the number of items of a page: `asked`, or `default` where the caller asks for none.
///
/// # Errors
/// `asked` is 0 or more than [`LIMIT_MAX`].
pub(crate) fn limit(asked: Option<u32>, default: u32) -> Result<u32, ApiError> {
    match asked.unwrap_or(default) {
        limit @ 1..=LIMIT_MAX => Ok(limit),
        limit => Err(ApiError::invalid(format!("`limit` must be between 1 and {LIMIT_MAX} (got {limit})."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_between_one_and_the_most_items() {
        let shown = |asked| limit(asked, 50).map_err(|error| format!("{error:?}"));
        assert_eq!(shown(None), Ok(50));
        assert_eq!(shown(Some(1)), Ok(1));
        assert_eq!(shown(Some(LIMIT_MAX)), Ok(500));
        for outside in [0, 501, u32::MAX] {
            let error = shown(Some(outside)).expect_err("it is outside");
            assert!(error.contains(&format!("`limit` must be between 1 and 500 (got {outside}).")), "{error}");
        }
    }
}
