//! Secrets that stand in a body: some vendors put the shared secret itself there.

use hookline_provider::Catalogue;
use hookline_signature::{Message, Place, Reading};

use super::list::Summary;
use crate::verification::Verification;

/// Largest body that is looked into, in bytes. What these vendors send has a few kilobytes.
pub(crate) const MASKED_MAX: u64 = 1024 * 1024;

/// Places in this request's body in which its vendor sends the secret.
pub(crate) fn secret_paths(catalogue: &Catalogue, summary: &Summary, inbox: Option<&Verification>) -> Vec<String> {
    let id = inbox.and_then(|verification| verification.provider.as_deref()).or(summary.provider.as_deref());
    let Some(provider) = id.and_then(|id| catalogue.get(id)) else { return Vec::new() };
    provider.secret_places().filter(|place| place.place == Place::Json).map(|place| place.name.clone()).collect()
}

/// The body with those values written as stars, byte for byte as long: sizes and ranges stay true.
pub(crate) fn masked(mut body: Vec<u8>, paths: &[String]) -> Vec<u8> {
    let message = Message { method: "POST", target: "/", url: None, headers: &[], body: &body };
    let reading = Reading::new(&message);
    let secrets: Vec<Vec<u8>> = paths
        .iter()
        .filter_map(|path| format!("json:{path}").parse::<hookline_signature::Source>().ok()?.value(&reading))
        .filter(|secret| !secret.is_empty())
        .flat_map(|secret| {
            // As JSON writes it, and as it is where nothing had to be escaped.
            let quoted = serde_json::Value::from(secret.as_str()).to_string();
            [quoted.trim_matches('"').as_bytes().to_vec(), secret.into_bytes()]
        })
        .collect();
    for secret in secrets {
        let found: Vec<usize> = memchr::memmem::find_iter(&body, &secret).collect();
        for at in found {
            body[at..at + secret.len()].fill(b'*');
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn the_secret_is_stars_and_everything_else_is_as_it_was() {
        let body = br#"{ "passcode":"pa\"ss", "n": 1.50, "list": ["pa\"ss"] }"#.to_vec();
        let shown = masked(body.clone(), &["passcode".into()]);
        assert_eq!(shown.len(), body.len());
        assert_eq!(String::from_utf8_lossy(&shown), r#"{ "passcode":"******", "n": 1.50, "list": ["******"] }"#);
        assert_eq!(masked(b"no JSON".to_vec(), &["passcode".into()]), b"no JSON");
    }
}
