//! Settings with masked credentials, as shown by the API.

use hookbench_model::{Forward, HeaderRules, MASK, ReplayEdit, ReplaySettings, ReplayTarget, masked_url};
use hookbench_provider::is_secret_header;

/// Parts of header names that indicate a credential.
const TELLING: &[&str] = &["token", "secret", "key", "auth", "password", "cookie"];

/// Returns custom headers with known and likely credentials masked.
pub fn masked_headers(set: &[(String, String)]) -> Vec<(String, String)> {
    let secret = |name: &str| {
        let lower = name.to_ascii_lowercase();
        is_secret_header(name.as_bytes()) || TELLING.iter().any(|part| lower.contains(part))
    };
    set.iter().map(|(name, value)| (name.clone(), if secret(name) { MASK.to_owned() } else { value.clone() })).collect()
}

/// Returns the settings of a replay with credentials masked in the target URL and in headers.
pub fn masked_replay(settings: &ReplaySettings) -> ReplaySettings {
    let headers = HeaderRules { set: masked_headers(&settings.headers.set), ..settings.headers.clone() };
    let edit =
        settings.edit.clone().map(|edit| ReplayEdit { headers: edit.headers.as_deref().map(masked_headers), ..edit });
    let to = settings.to.as_ref().map(ReplayTarget::masked);
    ReplaySettings { to, headers, edit, ..settings.clone() }
}

/// Returns a forward with credentials masked in the target URL and in headers. `since` is set to 0.
pub fn masked_forward(forward: &Forward) -> Forward {
    let headers = HeaderRules { set: masked_headers(&forward.headers.set), ..forward.headers.clone() };
    Forward { headers, to: masked_url(&forward.to).into_owned(), since: 0, ..forward.clone() }
}
