//! How the requests of an inbox are verified.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::MASK;

/// How an inbox's requests are verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VerificationSettings {
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

impl VerificationSettings {
    /// These settings with each secret masked.
    pub fn masked(&self) -> Self {
        Self { secrets: vec![MASK.to_owned(); self.secrets.len()], ..self.clone() }
    }

    /// Takes over `new`. A masked secret in it keeps the secret at the same position.
    pub fn changed_to(&self, new: Self) -> Self {
        let kept = |(position, secret): (usize, String)| match secret == MASK {
            true => self.secrets.get(position).cloned(),
            false => Some(secret),
        };
        Self { secrets: new.secrets.into_iter().enumerate().filter_map(kept).collect(), ..new }
    }

    /// The URL that a sender signs for a request to `target`: the path after the inbox's own path follows the
    /// registered URL too.
    pub fn signed_url(&self, inbox: &str, target: &str) -> Option<String> {
        let url = self.url.as_deref().filter(|url| !url.is_empty())?;
        let rest = target.strip_prefix('/').and_then(|rest| rest.strip_prefix(inbox)).unwrap_or_default();
        Some(if rest.is_empty() || url.ends_with(rest) || url.contains('?') {
            url.to_owned()
        } else {
            format!("{}{rest}", if rest.starts_with('/') { url.trim_end_matches('/') } else { url })
        })
    }
}
