//! Pagination of lists.

use serde::Deserialize;
use utoipa::IntoParams;

use super::error::ApiError;

/// Selection of a page of a list that is sorted newest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// ID of the last item of the previous page. Only older items are listed.
    pub(crate) after: Option<String>,
    /// Maximum number of items, from 1 to 500.
    pub(crate) limit: Option<u32>,
}

/// Returns the value of `after` for the next page: the ID of the last item of a full page.
pub(crate) fn next<T>(items: &[T], limit: u32, id: impl FnOnce(&T) -> &String) -> Option<String> {
    items.last().filter(|_| items.len() == limit as usize).map(id).cloned()
}

/// Maximum number of items per page, and the maximum value of `limit`.
pub(crate) const LIMIT_MAX: u32 = 500;

/// Returns the number of items per page: `requested`, or `default` if `requested` is absent.
///
/// # Errors
///
/// Returns an error if `requested` is 0 or more than [`LIMIT_MAX`].
pub(crate) fn limit(requested: Option<u32>, default: u32) -> Result<u32, ApiError> {
    match requested.unwrap_or(default) {
        limit @ 1..=LIMIT_MAX => Ok(limit),
        limit => Err(ApiError::invalid(format!("`limit` must be between 1 and {LIMIT_MAX} (got {limit})."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_limits_from_1_to_500() {
        let shown = |requested| limit(requested, 50).map_err(|error| format!("{error:?}"));
        assert_eq!(shown(None), Ok(50));
        assert_eq!(shown(Some(1)), Ok(1));
        assert_eq!(shown(Some(LIMIT_MAX)), Ok(500));
        for outside in [0, 501, u32::MAX] {
            let error = shown(Some(outside)).expect_err("out of range");
            assert!(error.contains(&format!("`limit` must be between 1 and 500 (got {outside}).")), "{error}");
        }
    }
}
