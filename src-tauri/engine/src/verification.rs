//! How an inbox's requests are verified: vendor, secrets, settings, and the URL as registered.

use hookline_provider::{Catalogue, Provider, SchemeRecord, Verified};
use std::collections::BTreeMap;

use hookline_signature::{Keys, Message};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use hookline_model::MASK;

/// Most secrets of one inbox: two while one replaces the other, and a few for environments.
pub(crate) const SECRETS_MAX: usize = 16;

/// Longest secret, setting or URL, in bytes: a PEM of an RSA-4096 key has 3,300.
pub(crate) const TEXT_MAX: usize = 16 * 1024;

/// How an inbox's requests are verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Verification {
    /// Id of the vendor; none leaves it to recognition, and nothing is verified.
    pub provider: Option<String>,
    /// Which of the vendor's schemes; all of them if none.
    pub scheme: Option<String>,
    /// Secrets as the vendor shows them; several while one replaces another. Masked when read.
    pub secrets: Vec<String>,
    /// Settings the scheme names, such as a webhook id.
    pub params: BTreeMap<String, String>,
    /// The inbox's URL as registered with the vendor, where the signature covers it.
    pub url: Option<String>,
}

impl Verification {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn from_json(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Without the secrets.
    pub(crate) fn masked(&self) -> Self {
        Self { secrets: vec![MASK.to_owned(); self.secrets.len()], ..self.clone() }
    }

    /// Takes a change in: a mask in a secret's place stands for the secret that is there.
    pub(crate) fn changed_to(&self, new: Self) -> Self {
        let kept = |(place, secret): (usize, String)| match secret == MASK {
            true => self.secrets.get(place).cloned(),
            false => Some(secret),
        };
        Self { secrets: new.secrets.into_iter().enumerate().filter_map(kept).collect(), ..new }
    }

    /// The first thing wrong with it, in a sentence.
    pub(crate) fn fault(&self, catalogue: &Catalogue) -> Option<String> {
        if let Some(id) = &self.provider {
            let Some(provider) = catalogue.get(id) else {
                return Some(format!("There is no provider {id:?}; `hookline providers` lists them."));
            };
            if let Some(scheme) = &self.scheme
                && provider.scheme(Some(scheme)).is_none()
            {
                let known: Vec<_> = provider.schemes.iter().map(|record| record.id.as_str()).collect();
                return Some(format!("{} has no scheme {scheme:?}; it has {}.", provider.name, known.join(", ")));
            }
        }
        if self.secrets.len() > SECRETS_MAX {
            return Some(format!("An inbox has at most {SECRETS_MAX} secrets."));
        }
        let mut texts = self.secrets.iter().chain(self.params.values()).chain(&self.url);
        if texts.any(|text| text.len() > TEXT_MAX) {
            return Some(format!("A secret, setting or URL has at most {TEXT_MAX} bytes."));
        }
        let url = self.url.as_deref().filter(|url| !url.is_empty());
        if url.is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return Some("The URL as registered begins with http:// or https://.".into());
        }
        None
    }

    pub(crate) fn keys(&self) -> Keys {
        Keys { secrets: self.secrets.clone(), params: self.params.clone() }
    }

    /// Verifies a message by the scheme that is set, or by all of the vendor's; none where no vendor is set.
    pub(crate) fn verify<'c>(
        &self,
        catalogue: &'c Catalogue,
        message: &Message<'_>,
        now_ms: i64,
    ) -> Option<(&'c Provider, Verified<'c>)> {
        let provider = catalogue.get(self.provider.as_deref()?)?;
        Some((provider, provider.verify(self.scheme.as_deref(), message, &self.keys(), now_ms)?))
    }

    /// The scheme that signs: the one that is set, or the vendor's usual one.
    pub(crate) fn scheme<'c>(&self, catalogue: &'c Catalogue) -> Option<(&'c Provider, &'c SchemeRecord)> {
        let provider = catalogue.get(self.provider.as_deref()?)?;
        Some((provider, provider.scheme(self.scheme.as_deref())?))
    }

    /// The URL a sender signed for a request to `target`: what stands behind the inbox's own path
    /// is behind the registered URL too.
    pub(crate) fn url_of(&self, inbox: &str, target: &str) -> Option<String> {
        let url = self.url.as_deref().filter(|url| !url.is_empty())?;
        let rest = target.strip_prefix('/').and_then(|rest| rest.strip_prefix(inbox)).unwrap_or_default();
        Some(if rest.is_empty() || url.ends_with(rest) || url.contains('?') {
            url.to_owned()
        } else {
            format!("{}{rest}", if rest.starts_with('/') { url.trim_end_matches('/') } else { url })
        })
    }
}
