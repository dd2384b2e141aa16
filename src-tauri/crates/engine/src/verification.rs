//! How an inbox's requests are verified: vendor, secrets, settings, and the URL as registered.

use hookline_model::VerificationSettings;
use hookline_provider::{Catalogue, Provider, SchemeRecord, Verified};
use hookline_signature::{Keys, Message};

/// Most secrets of one inbox: two while one replaces the other, and a few for environments.
pub(crate) const SECRETS_MAX: usize = 16;

/// Longest secret, setting or URL, in bytes: a PEM of an RSA-4096 key has 3,300.
pub(crate) const TEXT_MAX: usize = 16 * 1024;

/// The first thing wrong with it, in a sentence.
pub fn fault(settings: &VerificationSettings, catalogue: &Catalogue) -> Option<String> {
    if let Some(id) = &settings.provider {
        let Some(provider) = catalogue.get(id) else {
            return Some(format!("There is no provider {id:?}; `hookline providers` lists them."));
        };
        if let Some(scheme) = &settings.scheme
            && provider.scheme(Some(scheme)).is_none()
        {
            let known: Vec<_> = provider.schemes.iter().map(|record| record.id.as_str()).collect();
            return Some(format!("{} has no scheme {scheme:?}; it has {}.", provider.name, known.join(", ")));
        }
    }
    if settings.secrets.len() > SECRETS_MAX {
        return Some(format!("An inbox has at most {SECRETS_MAX} secrets."));
    }
    let mut texts = settings.secrets.iter().chain(settings.params.values()).chain(&settings.url);
    if texts.any(|text| text.len() > TEXT_MAX) {
        return Some(format!("A secret, setting or URL has at most {TEXT_MAX} bytes."));
    }
    let url = settings.url.as_deref().filter(|url| !url.is_empty());
    if url.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
        return Some("The URL as registered begins with http:// or https://.".into());
    }
    None
}

/// Returns the secrets and settings of an inbox as keys.
pub fn keys(settings: &VerificationSettings) -> Keys {
    Keys { secrets: settings.secrets.clone(), params: settings.params.clone() }
}

/// Verifies a message by the scheme that is set, or by all of the vendor's; none where no vendor is set.
pub(crate) fn verify<'c>(
    settings: &VerificationSettings,
    catalogue: &'c Catalogue,
    message: &Message<'_>,
    now_ms: i64,
) -> Option<(&'c Provider, Verified<'c>)> {
    let provider = catalogue.get(settings.provider.as_deref()?)?;
    Some((provider, provider.verify(settings.scheme.as_deref(), message, &keys(settings), now_ms)?))
}

/// The scheme that signs: the one that is set, or the vendor's usual one.
pub(crate) fn scheme<'c>(
    settings: &VerificationSettings,
    catalogue: &'c Catalogue,
) -> Option<(&'c Provider, &'c SchemeRecord)> {
    let provider = catalogue.get(settings.provider.as_deref()?)?;
    Some((provider, provider.scheme(settings.scheme.as_deref())?))
}
