//! URLs with masked credentials.

use std::borrow::Cow;

use crate::MASK;

/// Masks the credentials of a URL: the password, or the user name if there is no password, because vendors put tokens
/// there (`https://TOKEN@host`). Text that is not a valid URL is masked too, from the first `//` to the last `@`.
pub fn masked_url(url: &str) -> Cow<'_, str> {
    let Some(start) = url.find("//").map(|at| at + 2) else { return url.into() };
    let mut end = start + url[start..].find(['/', '?', '#']).unwrap_or(url.len() - start);
    // A slash in a password makes the URL invalid, but the password must be masked all the same.
    let port = url[start..end].split_once(':').map(|(_, port)| port);
    if port.is_some_and(|port| !url[start..end].contains('@') && !port.bytes().all(|byte| byte.is_ascii_digit())) {
        end = url.len();
    }
    let Some(at) = url[start..end].rfind('@').map(|at| start + at) else { return url.into() };
    match url[start..at].find(':') {
        Some(colon) if start + colon + 1 < at => format!("{}{}{}", &url[..=start + colon], MASK, &url[at..]).into(),
        _ if start < at => format!("{}{}{}", &url[..start], MASK, &url[at..]).into(),
        _ => url.into(),
    }
}

/// Serializes a URL with its credentials masked.
pub(crate) fn serialize_masked<S: serde::Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&masked_url(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_credentials_and_nothing_else() {
        for (url, shown) in [
            ("http://u:secret@h/x@y", format!("http://u:{MASK}@h/x@y")),
            ("http://token@h/x", format!("http://{MASK}@h/x")),
            ("http://token:@h/x", format!("http://{MASK}@h/x")),
            ("http://u:se/cret@h/x", format!("http://u:{MASK}@h/x")),
            ("http://@h/x", "http://@h/x".into()),
            ("http://h:80/a@b", "http://h:80/a@b".into()),
            ("http://h/x?a=b:c@d", "http://h/x?a=b:c@d".into()),
        ] {
            assert_eq!(masked_url(url), shown, "{url}");
        }
    }
}
