//! Verification of a request with the settings of its inbox: provider, secrets and the URL as registered.

use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

use hookbench_capture::header_list;
use hookbench_model::{SignatureStatus, VerificationSettings};
use hookbench_provider::{Catalog, Provider, Recognized, SchemeRecord, Verified};
use hookbench_query::body::{content_of, read_body};
use hookbench_signature::{Fault, Keys, Message, ParsedMessage, State};
use hookbench_store::verification::Verification;

use crate::inbox::InboxConfig;

/// Maximum size of a decoded body in which the event is read, in bytes.
const READ_MAX: u64 = 4 * 1024 * 1024;

/// Maximum number of secrets of an inbox: two during secret rotation, and some for environments.
pub(crate) const SECRETS_MAX: usize = 16;

/// Maximum length of a secret, setting or URL, in bytes. The PEM text of an RSA-4096 key has 3,300 bytes.
pub(crate) const TEXT_MAX: usize = 16 * 1024;

/// Returns a message that describes the first invalid setting. Returns `None` if all settings are valid.
pub fn fault(settings: &VerificationSettings, catalog: &Catalog) -> Option<String> {
    if let Some(id) = &settings.provider {
        let Some(provider) = catalog.get(id) else {
            return Some(catalog.missing(id));
        };
        if let Some(scheme) = &settings.scheme
            && provider.scheme(Some(scheme)).is_none()
        {
            let known: Vec<_> = provider.schemes.iter().map(|record| record.id.as_str()).collect();
            return Some(format!("{} has no scheme {scheme:?}. Allowed: {}.", provider.name, known.join(", ")));
        }
    }
    if settings.secrets.len() > SECRETS_MAX {
        return Some(format!("An inbox can have at most {SECRETS_MAX} secrets."));
    }
    let mut texts = settings.secrets.iter().chain(settings.params.values()).chain(&settings.url);
    if texts.any(|text| text.len() > TEXT_MAX) {
        return Some(format!("A secret, setting or URL must be at most {TEXT_MAX} bytes."));
    }
    let url = settings.url.as_deref().filter(|url| !url.is_empty());
    if url.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
        return Some("The URL as registered must begin with http:// or https://.".into());
    }
    None
}

/// Header of a test event to an inbox without a provider: the ID of the provider that signs the event.
pub const TEST_EVENT: &str = "Hookbench-Test-Event";

/// Returns the settings that a request is verified with: those of the inbox, or for a test event to an inbox without a
/// provider, the provider of the event and the secret of test events.
pub fn settings_of<'i>(inbox: &'i InboxConfig, headers: &[(&str, &[u8])]) -> Cow<'i, VerificationSettings> {
    let own = &*inbox.verification;
    let signed_as = match own.provider {
        Some(_) => None,
        None => headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(TEST_EVENT)),
    };
    match signed_as.and_then(|(_, value)| std::str::from_utf8(value).ok()) {
        Some(provider) => Cow::Owned(VerificationSettings {
            provider: Some(provider.to_owned()),
            secrets: vec![inbox.test_secret.to_string()],
            ..VerificationSettings::default()
        }),
        None => Cow::Borrowed(own),
    }
}

/// Returns the secrets and settings of an inbox as keys.
pub fn keys(settings: &VerificationSettings) -> Keys {
    Keys { secrets: settings.secrets.clone(), params: settings.params.clone() }
}

/// Verifies a message with the selected scheme, or with all schemes of the provider. Returns `None` if no provider is
/// set.
pub(crate) fn verify<'c>(
    settings: &VerificationSettings,
    catalog: &'c Catalog,
    message: &Message<'_>,
    now_ms: i64,
) -> Option<(&'c Provider, Verified<'c>)> {
    let provider = catalog.get(settings.provider.as_deref()?)?;
    Some((provider, provider.verify(settings.scheme.as_deref(), message, &keys(settings), now_ms)?))
}

/// Returns the scheme to sign with: the selected one, or the provider's default scheme.
pub(crate) fn scheme<'c>(
    settings: &VerificationSettings,
    catalog: &'c Catalog,
) -> Option<(&'c Provider, &'c SchemeRecord)> {
    let provider = catalog.get(settings.provider.as_deref()?)?;
    Some((provider, provider.scheme(settings.scheme.as_deref())?))
}

/// The parts of a request that are verified.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestView<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) headers: &'a [u8],
    pub(crate) arrived_us: i64,
    /// `None` if the body is incomplete or too large.
    pub(crate) body: Option<&'a [u8]>,
}

/// Verifies a request as of its arrival time, and reads its event. A panic affects this request only.
pub(crate) fn verify_request(catalog: &Catalog, view: &RequestView<'_>, inbox: &InboxConfig) -> Verification {
    catch_unwind(AssertUnwindSafe(|| verify_view(catalog, view, inbox))).unwrap_or_else(|_| {
        tracing::error!(inbox = inbox.name, "verification panicked; the request is stored as unverified");
        Verification::default()
    })
}

fn verify_view(catalog: &Catalog, view: &RequestView<'_>, inbox: &InboxConfig) -> Verification {
    let headers = header_pairs(view.headers);
    let settings = &*settings_of(inbox, &headers);
    let url = settings.signed_url(&inbox.name, view.target);
    let message = Message {
        method: view.method,
        target: view.target,
        url: url.as_deref(),
        headers: &headers,
        body: view.body.unwrap_or_default(),
    };
    // The signature covers the bytes as sent. The event is read from the decoded body.
    let read = read_body(&content_of(view.headers), Cow::Borrowed(message.body), READ_MAX);
    let reading = ParsedMessage::lenient(&Message { body: &read.bytes, ..message });
    let provider = match &settings.provider {
        Some(id) => catalog.get(id),
        None => catalog.recognize(&reading),
    };
    let recognized = Recognized::read(provider, &reading);
    let verified = match view.body.is_some() && settings.has_secrets() {
        true => verify(settings, catalog, &message, view.arrived_us / 1_000),
        false => None,
    };
    let Some((provider, verified)) = verified else {
        return Verification { recognized, ..Verification::default() };
    };
    let state = status_of(&verified.verification);
    let note = verified.note(provider);
    Verification { state, fault: verified.verification.fault, note, recognized, violations: None }
}

/// Returns the signature status of a verification. A correct signature with an old timestamp is expired.
pub(crate) fn status_of(verification: &hookbench_signature::Verification) -> SignatureStatus {
    match verification.state {
        State::Valid => SignatureStatus::Valid,
        State::Invalid if matches!(verification.fault, Some(Fault::Expired { .. })) => SignatureStatus::Expired,
        State::Invalid => SignatureStatus::Invalid,
        State::Unsigned => SignatureStatus::Unsigned,
    }
}

/// Returns the name and value of each header of a block. Omits headers whose name is not UTF-8.
pub fn header_pairs(block: &[u8]) -> Vec<(&str, &[u8])> {
    header_list(block).filter_map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_the_rest_of_the_target_to_the_registered_url() {
        let settings =
            VerificationSettings { url: Some("https://t.example/hooks".into()), ..VerificationSettings::default() };
        for (target, url) in [
            ("/shop", "https://t.example/hooks"),
            ("/shop?a=1", "https://t.example/hooks?a=1"),
            ("/shop/orders?a=1", "https://t.example/hooks/orders?a=1"),
        ] {
            assert_eq!(settings.signed_url("shop", target).as_deref(), Some(url));
        }
    }
}
