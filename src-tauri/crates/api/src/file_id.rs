//! IDs of resources that a user saves as a file: custom providers and custom scenarios.

use super::error::ApiError;

/// Maximum length of an ID, in characters.
const ID_MAX: usize = 64;

/// Validates the ID of a custom resource, such as a `provider`.
///
/// # Errors
///
/// Returns an error if the ID cannot be the name of a file.
pub(crate) fn check(resource: &str, id: &str) -> Result<(), ApiError> {
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || id.len() > ID_MAX || !id.chars().all(kebab) || id.starts_with('-') {
        return Err(ApiError::invalid(format!(
            "A {resource} ID must have 1 to {ID_MAX} lowercase letters, digits and hyphens, and not start with a hyphen."
        )));
    }
    Ok(())
}
